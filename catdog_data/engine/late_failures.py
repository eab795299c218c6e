"""Images that could be read when a dataset was built, and cannot when their batch is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import tensorflow as tf

_TRIED = 8
"""Neighbours that are tried: where none of so many can be read, it is no matter of one file."""

Rows = tuple[tf.Tensor, ...]
Errors = Sequence[Exception | None]


@dataclass(frozen=True)
class OnFailure:
    """What is done about images that break while a pass runs.

    Args:
        skips: whether they are left out; else a neighbour stands in for each.
        neighbours: of an image, those that may stand in for it, the best first.
        tell: called with each: the image, why it cannot be read, and which stands in, or None.
    """

    skips: bool
    neighbours: Callable[[int], Iterable[int]]
    tell: Callable[[int, Exception, int | None], None]

    def rows_to_read(
        self,
        rows: Rows,
        errors: Errors,
        error_of: Callable[[int], Exception | None],
        *,
        may_shorten: bool,
    ) -> tuple[Rows, Errors]:
        """Choose what is read in place of the rows of a batch.

        Where nothing would be left of a batch, or it may not become shorter, neighbours stand in
        for images that would be left out, so that passes keep their length.

        Args:
            rows: of a batch, the images first, -1 behind the last.
            errors: of each of its images, or None.
            error_of: reads an image, for its error.
            may_shorten: whether fewer images may be left.

        Returns:
            Rows of the same shape, and the errors of those for which nothing stands in.
        """
        indices = rows[0].numpy().tolist()
        failed = [i for i, error in enumerate(errors) if error is not None]
        whole = [i for i, error in enumerate(errors) if error is None and indices[i] >= 0]
        if self.skips and may_shorten and whole:
            for i in failed:
                self._tell(indices[i], errors[i], None)
            padding = [i for i in range(len(indices)) if i not in whole]
            left = [indices[i] for i in whole] + [-1] * len(padding)
            order = whole + padding
            return _with_images(left, [tf.gather(row, order) for row in rows]), [None] * len(left)
        remaining = list(errors)
        for i in failed:
            tried = islice(self.neighbours(indices[i]), _TRIED)
            found = next((each for each in tried if error_of(each) is None), None)
            if found is not None:
                self._tell(indices[i], errors[i], found)
                indices[i], remaining[i] = found, None
        return _with_images(indices, rows), remaining

    def _tell(self, index: int, error: Exception | None, stand_in: int | None) -> None:
        assert error is not None
        self.tell(index, error, stand_in)


def _with_images(indices: list[int], rows: Sequence[tf.Tensor]) -> Rows:
    return (tf.constant(indices, tf.int64), *rows[1:])
