"""Images of the same class, the nearest first: which may stand in for one that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The order of images within their classes: that of their names, however they are shuffled.

    Args:
        names: of the N images.
        classes: makes the class of each, [N], or None where all are of one; it is called when
            neighbours are first asked for.

    Example:
        >>> images = Neighbours(["3", "1", "2", "4", "0"], lambda: np.array([0, 0, 0, 0, 1]))
        >>> list(images.of(2)), list(images.of(4))
        ([1, 0, 3], [])
    """

    names: Sequence[str]
    classes: Callable[[], NDArray[Any] | None]

    def of(self, index: int) -> Iterator[int]:
        """Yield all other images of its class, the nearest first, of two the one before it."""
        place = int(self._place[index])
        distances = range(1, len(self._order))
        for distance in distances:
            beside = [place - distance, place + distance]
            within = [each for each in beside if self._is_of_class(each, index)]
            if not within:
                return
            yield from (int(self._order[each]) for each in within)

    @cached_property
    def _classes(self) -> list[Any]:
        classes = self.classes()
        return [0] * len(self.names) if classes is None else classes.tolist()

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        keys = list(zip(self._classes, self.names, range(len(self.names)), strict=True))
        return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)

    @cached_property
    def _place(self) -> NDArray[np.int64]:
        return np.argsort(self._order)

    def _is_of_class(self, place: int, index: int) -> bool:
        if not 0 <= place < len(self._order):
            return False
        return bool(self._classes[self._order[place]] == self._classes[index])
