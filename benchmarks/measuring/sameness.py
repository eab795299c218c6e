"""Whether contestants compute the same, found out before any of them is timed."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.contestants.contestant import Contestant
from benchmarks.measuring.meter import Receiver

_GRID = 8  # cells along each side
_COMPARED = 3  # batches whose bytes are compared: the first, and two that follow from it
_ROUNDING = 0.01  # of the range: decoders and centres of pixels differ a little
_DEVIATIONS = 5.0  # standard errors that chance may explain, of the largest of 192 differences


@dataclass(frozen=True, eq=False)
class Summary:
    """What one contestant yields in one pass over a few images."""

    images: int
    mean: Any  # float64[8, 8, 3], the mean image in cells
    deviation: Any  # float64[8, 8, 3], the standard deviation of cells between images
    batches: tuple[str, ...]  # SHA-256 of each of the first batches with its labels


def summarised(*, images: int, scale: float) -> Receiver:
    """Summarise one pass.

    Args:
        images: How many a pass has.
        scale: Values are divided by it.

    Returns:
        A receiver that returns a `Summary`.
    """
    cells: list[Any] = []
    batches: list[str] = []
    while sum(map(len, cells)) < images:
        try:
            pixels, labels = map(np.asarray, (yield))
        except ValueError:  # no further batches
            break
        if len(batches) < _COMPARED:
            content = np.ascontiguousarray(pixels), np.ascontiguousarray(labels.reshape(-1))
            batches.append(hashlib.sha256(b"".join(each.data for each in content)).hexdigest())
        cells.append(_in_cells(pixels) / scale)
    values = np.concatenate(cells)[:images]
    return Summary(len(values), values.mean(0), values.std(0), tuple(batches))


def why_different(
    contestant: Contestant, summary: Summary, reference: Contestant, expected: Summary, random: bool
) -> str | None:
    """Say in which way a contestant computes something else than the reference, or None.

    Args:
        contestant: The one that is checked.
        summary: Of what it yields.
        reference: The one it is compared with.
        expected: What the reference yields for the same images.
        random: Whether images are distorted, with draws of their own for each contestant.
    """
    if contestant.stream is not None and contestant.stream == reference.stream:
        if summary.batches != expected.batches:
            return f"its first batches differ from those of {reference.title}"
        return None
    if summary.images != expected.images:
        return f"{summary.images} images instead of {expected.images}"
    allowed = np.full_like(expected.mean, _ROUNDING)
    if random:
        variance = (summary.deviation**2 + expected.deviation**2) / expected.images
        allowed += _DEVIATIONS * np.sqrt(variance)
    for what, given, right in (
        ("mean image", summary.mean, expected.mean),
        ("spread of images", summary.deviation, expected.deviation),
    ):
        excess = np.abs(given - right) - allowed
        if (excess > 0).any():
            cell = np.unravel_index(excess.argmax(), excess.shape)
            return (
                f"its {what} differs from that of {reference.title}: {given[cell]:.3f} instead of "
                f"{right[cell]:.3f} of 1 in one of {_GRID}x{_GRID} cells, where "
                f"{allowed[cell]:.3f} may be rounding or chance"
            )
    return None


def _in_cells(images: Any) -> Any:
    """Average over cells: float64[B, 8, 8, C]; sides are multiples of 8."""
    count, height, width, channels = images.shape
    shape = (count, _GRID, height // _GRID, _GRID, width // _GRID, channels)
    return images.reshape(shape).mean(axis=(2, 4), dtype=np.float64)
