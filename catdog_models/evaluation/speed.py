"""The speed of two inputs, measured in turns."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_LEAD_IN = 0.2  # of each timed spell: what was prefetched while the other input ran is drawn first


@dataclass(frozen=True)
class SpeedComparison:
    """The speed of two inputs, measured in turns on the same machine.

    Attributes:
        ours: images per second, in the round of the median ratio.
        theirs: images per second, in the same round.
        ratio: ours divided by theirs, median over the rounds.
        images: images drawn from both within the timed spells.
        largest_difference: largest difference of a pixel between the first two batches.

    Example:
        >>> SpeedComparison(900.0, 300.0, 3.0, images=256, largest_difference=0.0).ratio
        3.0
    """

    ours: float
    theirs: float
    ratio: float
    images: int
    largest_difference: float


def compare_speed(
    ours: Iterator[Any], theirs: Iterator[Any], *, rounds: int = 3, seconds: float = 3.0
) -> SpeedComparison:
    """Time two endless inputs in alternating rounds, after one warm-up batch of each.

    The turns put both under the same load of a shared machine, and the median ignores a round
    that was disturbed.

    Args:
        ours: yields `(images, ...)`, images `float32[B, H, W, C]`.
        theirs: the same.
        rounds: turns of each input, odd, so that the median is one of them.
        seconds: length of one timed spell of one input, above 0; it ends with a whole batch.

    Returns:
        The round of the median ratio, and how far the two warm-up batches were apart.

    Example:
        >>> from itertools import repeat
        >>> batch = (np.zeros((4, 8, 8, 3), "float32"),)
        >>> compare_speed(repeat(batch), repeat(batch), seconds=0.01).largest_difference
        0.0
    """
    difference = _largest_difference(next(ours)[0], next(theirs)[0])
    rates: list[tuple[float, float]] = []
    images = 0
    for _ in range(rounds):
        our_images, our_rate = _rate(ours, seconds)
        their_images, their_rate = _rate(theirs, seconds)
        rates.append((our_rate, their_rate))
        images += our_images + their_images
    our_rate, their_rate = sorted(rates, key=lambda pair: pair[0] / pair[1])[rounds // 2]
    return SpeedComparison(our_rate, their_rate, our_rate / their_rate, images, difference)


def _rate(batches: Iterator[Any], seconds: float) -> tuple[int, float]:
    """Return how many images came in one spell, and how many per second."""
    _draw(batches, seconds * _LEAD_IN)
    start = time.perf_counter()
    images = _draw(batches, seconds)
    return images, images / (time.perf_counter() - start)


def _draw(batches: Iterator[Any], seconds: float) -> int:
    end = time.perf_counter() + seconds
    images = 0
    while images == 0 or time.perf_counter() < end:
        images += len(next(batches)[0])
    return images


def _largest_difference(first: Any, second: Any) -> float:
    first, second = np.asarray(first), np.asarray(second)
    return float(np.abs(first - second).max()) if first.shape == second.shape else float("inf")
