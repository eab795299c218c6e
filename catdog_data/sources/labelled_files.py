"""Image files with their labels: what a listing gives, and what is split and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LabelledFiles:
    """Image files and their labels, in the order they are read when nothing is shuffled.

    Args:
        file_paths: N paths, each the listed directory joined with the file's path in it.
        labels: int32[N], positions in `class_names`, or the numbers of the caller's list, where
            those are floats as float32[N]; None without labels.
        class_names: Keras' `dataset.class_names`: the class folders, a folder without images
            included; for a list of labels the values that occur, sorted, as strings; None
            without labels.
        of_listed: the positions of these files among those listed; None for all of them, in order.
        passed_over: how many files lay there too and were not listed, by their ending in lower
            case, "" for none.
    """

    file_paths: tuple[str, ...]
    labels: NDArray[Any] | None
    class_names: tuple[str, ...] | None
    of_listed: NDArray[np.intp] | None = None
    passed_over: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.labels is None:
            return
        if len(self.file_paths) != len(self.labels):
            raise ValueError(
                "`file_paths` and `labels` must be of one length; "
                f"received {len(self.file_paths)} and {len(self.labels)}."
            )
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.file_paths)

    @property
    def rows(self) -> NDArray[np.intp]:
        """Where each file was when all were listed, [N]: what else belongs to it is found there."""
        return np.arange(len(self)) if self.of_listed is None else self.of_listed

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> LabelledFiles:
        """Keep some of the files.

        Args:
            rows: positions of the files to keep, in their new order.

        Returns:
            Those files, of the same classes.

        Raises:
            IndexError: a row is outside of the list.
        """
        chosen = np.asarray(rows, dtype=np.intp)
        return LabelledFiles(
            file_paths=tuple(self.file_paths[row] for row in chosen.tolist()),
            labels=None if self.labels is None else self.labels[chosen],
            class_names=self.class_names,
            of_listed=self.rows[chosen],
            passed_over=self.passed_over,
        )

    def shuffled(self, seed: int) -> LabelledFiles:
        """Shuffle the files, across classes, as Keras does with this seed.

        Args:
            seed: in [0, 2**32).
        """
        # Keras shuffles the paths and the labels, each by a stream of this seed: one permutation.
        return self.take(np.random.RandomState(seed).permutation(len(self)))
