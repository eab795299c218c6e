"""Whether contestants compute the same, found out before any of them is timed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.contestants.contestant import Contestant
from benchmarks.measuring.meter import Enough

_GRID = 8  # cells along each side
_COMPARED = 3  # batches whose bytes are compared: the first, and two that follow from it
_ROUNDING = 0.01  # of the range: decoders and centres of pixels differ a little
_DEVIATIONS = 5.0  # standard errors that chance may explain, of the largest of 192 differences


@dataclass(frozen=True, eq=False)
class Summary:
    """What one contestant yields in one pass over a few images.

    Attributes:
        images: How many it saw.
        mean: float64[8, 8, 3], the mean image in cells.
        deviation: float64[8, 8, 3], the standard deviation of cells between images.
        batches: SHA-256 of each of the first batches with its labels.
    """

    images: int
    mean: Any
    deviation: Any
    batches: tuple[str, ...]


class Summarising:
    """A `Take` that summarises one pass.

    Args:
        images: How many a pass has.
        scale: What values are divided by.
    """

    def __init__(self, images: int, scale: float) -> None:
        self._wanted, self._scale = images, scale
        self._cells: list[Any] = []
        self._batches: list[str] = []
        self._seen = 0

    def __call__(self, images: Any, labels: Any = None) -> None:
        """Receive a batch.

        Raises:
            Enough: The pass is complete.
        """
        values = np.asarray(images)
        if len(self._batches) < _COMPARED:
            self._batches.append(_digest(values, np.asarray(labels)))
        self._cells.append(_in_cells(values) / self._scale)
        self._seen += len(values)
        if self._seen >= self._wanted:
            raise Enough

    @property
    def done(self) -> bool:
        """Whether the pass is complete."""
        return self._seen >= self._wanted

    def result(self) -> Summary:
        """Summarise what was received."""
        cells = np.concatenate(self._cells)[: self._wanted]
        return Summary(len(cells), cells.mean(0), cells.std(0), tuple(self._batches))


def why_different(
    contestant: Contestant,
    summary: Summary,
    reference: Contestant,
    expected: Summary,
    *,
    random: bool,
) -> str | None:
    """Say in which way a contestant computes something else than the reference, or None.

    Args:
        contestant: Who is checked.
        summary: Of what it yields.
        reference: With whom it is compared.
        expected: What the reference yields for the same images.
        random: Whether images are distorted, each contestant drawing for itself.
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


def _digest(images: Any, labels: Any) -> str:
    found = hashlib.sha256(np.ascontiguousarray(images).data)
    found.update(np.ascontiguousarray(labels.reshape(-1)).data)
    return found.hexdigest()


def _in_cells(images: Any) -> Any:
    """Average over cells: float64[B, 8, 8, C]."""
    for axis in (1, 2):
        edges = np.linspace(0, images.shape[axis], _GRID + 1).astype(int)
        sums = np.add.reduceat(images, edges[:-1], axis=axis, dtype=np.float64)
        shape = [1] * images.ndim
        shape[axis] = _GRID
        images = sums / np.diff(edges).reshape(shape)
    return images
