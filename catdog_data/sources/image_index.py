"""What a data set is: an immutable list of image files with their labels. No pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ImageIndex:
    """Image files of one directory tree, grouped by class, in the order they were listed.

    Args:
        root: the directory that `filenames` are relative to.
        filenames: N paths relative to `root`, class folder first ("cats/cat.1.jpg").
        labels: int32[N], positions in `class_names`; equal labels stand together.
        class_names: the K classes; a class may be without images.
        ignored: how many files were passed over, by lower-case extension ("" for none).

    Example:
        >>> files, labels = ("cats/1.jpg", "dogs/1.jpg"), np.array([0, 1])
        >>> index = ImageIndex("pets", files, labels, ("cats", "dogs"))
        >>> len(index), index.num_classes
        (2, 2)
    """

    root: str
    filenames: tuple[str, ...]
    labels: NDArray[np.int32]
    class_names: tuple[str, ...]
    ignored: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if len(self.filenames) != len(self.labels):
            raise ValueError(
                "`filenames` and `labels` must be of one length; "
                f"received {len(self.filenames)} and {len(self.labels)}."
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < self.num_classes:
            raise ValueError(
                f"`labels` must be positions in the {self.num_classes} class names; received "
                f"values from {self.labels.min()} to {self.labels.max()}."
            )
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.filenames)

    @property
    def num_classes(self) -> int:
        """How many classes there are, those without images included."""
        return len(self.class_names)

    def class_fraction(self, start: float, stop: float) -> ImageIndex:
        """Keep the same fraction of every class: files `int(start*n)` to `int(stop*n)` of its n.

        This is how ImageDataGenerator splits: by position in the sorted list of each class,
        without shuffling, so it is stratified and needs no seed.

        Args:
            start: first part kept, in [0, 1].
            stop: end of the part kept, in [start, 1].

        Returns:
            An index of the same classes.

        Example:
            >>> names = tuple(f"{kind}/{i}.jpg" for kind in ("cats", "dogs") for i in range(4))
            >>> labels = np.repeat(np.arange(2, dtype=np.int32), 4)
            >>> index = ImageIndex("pets", names, labels, ("cats", "dogs"))
            >>> index.class_fraction(0, 0.25).filenames
            ('cats/0.jpg', 'dogs/0.jpg')
        """
        if not 0 <= start <= stop <= 1:
            raise ValueError(
                "A fraction of a class needs 0 <= start <= stop <= 1; "
                f"received start={start}, stop={stop}."
            )
        runs = self._runs()
        borders = np.searchsorted(runs, np.arange(runs.max(initial=-1) + 2))
        keep = [
            position
            for first, end in pairwise(borders)
            for position in range(
                first + int(start * (end - first)), first + int(stop * (end - first))
            )
        ]
        return self.take(np.array(keep, np.int64))

    def take(self, rows: NDArray[np.integer[Any]]) -> ImageIndex:
        """Keep the files at some positions, in their new order; classes stay what they are.

        Args:
            rows: int64[M], positions of files whose equal labels stand together.
        """
        return ImageIndex(
            root=self.root,
            filenames=tuple(self.filenames[row] for row in rows),
            labels=self.labels[rows],
            class_names=self.class_names,
            ignored=self.ignored,
        )

    def _runs(self) -> NDArray[np.int64]:
        """Number the runs of equal labels 0, 1, …, one number an image: int64[N]."""
        changes = np.diff(self.labels, prepend=self.labels[:1]) != 0
        return np.cumsum(changes)
