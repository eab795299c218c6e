"""Batches that could not be fetched: numbered and filled in, so that each raises its own error.

An error of tf.data has the decoder's words and not the files that a batch was made of, and nothing
in a graph can catch it but `ignore_errors`, which drops the element. So elements are numbered,
those that fail are dropped, and the gaps are filled by number: what follows can read the files of
a failed batch one by one and raise an error that names one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from catdog_data.engine.mapping import as_written
from catdog_data.system.forks import check_not_forked

_BATCHES_PER_MARK = 32
"""A failure is seen when something behind it arrives. Marks cannot fail, so it is seen soon where
all files are unreadable; each costs what a batch of padding does."""

_NONE, _END = tf.int64.min, tf.int64.min + 1
"""In place of the number of an epoch's first batch: before the first epoch, and behind the last."""


@dataclass(frozen=True)
class Passes:
    """Which batches the passes over a dataset are: consecutive ones, up to the end of an epoch.

    Args:
        steps: batches in an epoch.
        begin: asked, when a pass begins, for its first batch, counted over all epochs.
        whole: whether every pass begins with an epoch, so that all have `steps` batches.
        goes_on: asked behind an epoch, with the number of the next one's first batch, whether the
            pass goes on into that. None for passes that end with an epoch.

    Raises:
        RuntimeError: see `check_not_forked`.
    """

    steps: int
    begin: Callable[[], int]
    whole: bool
    goes_on: Callable[[int], bool] | None = None
    _failures: deque[Exception] = field(default_factory=lambda: deque(maxlen=1), repr=False)

    def __post_init__(self) -> None:
        check_not_forked()

    @property
    def length(self) -> int:
        """Batches in a pass, or `tf.data.UNKNOWN_CARDINALITY`."""
        ends_with_epoch = self.whole and self.goes_on is None
        return self.steps if ends_with_epoch else tf.data.UNKNOWN_CARDINALITY

    def numbers(self) -> tf.data.Dataset:
        """Make the dataset of the batches' numbers, int64[], of cardinality `length`."""

        def of_epoch(first: tf.Tensor) -> tf.data.Dataset:
            return tf.data.Dataset.range(first, first + self._left_from(first))

        return with_length(self._epochs(self.begin, of_epoch), self.length)

    def codes(self) -> tf.data.Dataset:
        """Make the dataset of a code, int64[], for every batch and for the marks in between.

        Where `begin` raises, all codes of the pass are negative, and `why_not_begun` has the error.
        """
        codes = self._codes_per_pass
        determinism = is_op_determinism_enabled()

        def ask() -> int:
            try:
                _check_determinism(determinism)
                return self.begin()
            except Exception as error:  # of a user's function: whatever it may be
                self._failures.append(error)
                return -self._failing

        def of_epoch(first: tf.Tensor) -> tf.data.Dataset:
            left = self._left_from(first)
            begin = tf.where(first < 0, first, first * codes)
            count = tf.where(first < 0, -first, left + left // _BATCHES_PER_MARK + 1)
            return tf.data.Dataset.range(begin, begin + count)

        return self._epochs(ask, of_epoch)

    def mark(self, code: tf.Tensor) -> tf.Tensor:
        """Read a code.

        Args:
            code: int64[].

        Returns:
            int64[3]: the number of the pass' first batch; how many of its batches there are up to
            here; and the number of the batch, or -1 for a mark, of which one is the last. For a
            negative code the first two make its number that code, which the third is not.
        """
        first, offset = code // self._codes_per_pass, code % self._codes_per_pass
        position = offset - offset // (_BATCHES_PER_MARK + 1)
        is_last = position == self.steps - first % self.steps
        is_mark = is_last | (offset % (_BATCHES_PER_MARK + 1) == _BATCHES_PER_MARK)
        none = tf.constant(-1, tf.int64)
        own = tf.where(is_mark, none, first + position)
        begun = tf.stack([first, position + tf.cast(~is_mark, tf.int64), own])
        first_failing = tf.constant(-self._failing, tf.int64)
        not_begun = tf.stack([first_failing, code - first_failing + 1, first_failing - 1])
        return tf.where(code < 0, not_begun, begun)

    def why_not_begun(self) -> Exception:
        """Return what `begin` raised last."""
        return self._failures[-1]

    def _epochs(
        self, begin: Callable[[], int], of_epoch: Callable[[tf.Tensor], tf.data.Dataset]
    ) -> tf.data.Dataset:
        """Put together what `of_epoch` makes from the first number of each epoch of a pass."""
        if self.goes_on is None:
            # Python is called at the start of each pass, and hence no constant. Few and plain
            # operations, as all are set up for every pass: `from_generator` would take 20 ms.
            return tf.data.Dataset.range(1).flat_map(
                as_written(lambda _: of_epoch(_from_python(begin)))
            )
        goes_on, steps = self.goes_on, self.steps

        def first_of_next(before: np.int64) -> int:
            if before == _NONE:
                return begin()
            first = (int(before) // steps + 1) * steps
            # Behind a pass that could not begin there is nothing.
            return first if before >= 0 and goes_on(first) else _END

        def next_of(before: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            first = _from_python(first_of_next, before)
            return first, first

        firsts = tf.data.Dataset.range(tf.int64.max).scan(
            tf.constant(_NONE, tf.int64), as_written(next_of)
        )
        firsts = firsts.take_while(as_written(lambda first: first != _END))
        return firsts.flat_map(as_written(of_epoch))

    @property
    def _failing(self) -> int:
        """How many batches fail where a pass cannot begin, so that it has its length."""
        return self.steps if self.whole else 1

    def _left_from(self, first: tf.Tensor) -> tf.Tensor:
        """Count the batches from one, itself included, to the end of its epoch."""
        return self.steps - first % self.steps

    @property
    def _codes_per_pass(self) -> int:
        # A code is the pass and the offset in it as one number, so that a plain range makes them.
        return self.steps + self.steps // _BATCHES_PER_MARK + 1


def _from_python(ask: Callable[..., int], *numbers: tf.Tensor) -> tf.Tensor:
    answer = tf.numpy_function(lambda *given: np.int64(ask(*given)), numbers, tf.int64)
    return tf.ensure_shape(answer, [])


def _check_determinism(enabled: bool) -> None:
    if is_op_determinism_enabled() != enabled:
        raise RuntimeError(
            "`tf.config.experimental.enable_op_determinism` must be called before datasets and "
            "iterators are made, as it changes how batches are read. Call it first, or make them "
            "again."
        )


def with_gaps_filled(
    marked: tf.data.Dataset, mark_of: Callable[[Any], tf.Tensor], length: int
) -> tf.data.Dataset:
    """Drop marks and elements that raise, and yield one element for every batch.

    Args:
        marked: any elements, one for each of `Passes.codes`.
        mark_of: takes an element to its `Passes.mark`, int64[3].
        length: see `Passes`.

    Returns:
        A dataset of cardinality `length` with elements (int64[], element): the number of a batch,
        and an element, which is another's where the batch's own raised.
    """

    def before_and(before: tf.Tensor, element: Any) -> tuple[tf.Tensor, Any]:
        mark = mark_of(element)
        return mark, (before, element)

    def for_each_number(before: tf.Tensor, element: Any) -> tf.data.Dataset:
        first, counted, _ = tf.unstack(mark_of(element))
        counted_before = tf.where(before[0] == first, before[1], 0)
        numbers = tf.data.Dataset.range(first + counted_before, first + counted)
        return tf.data.Dataset.zip((numbers, tf.data.Dataset.from_tensors(element).repeat()))

    none = tf.constant([_NONE, 0, 0], tf.int64)
    present = marked.ignore_errors().scan(none, as_written(before_and))
    # Nothing raises between the gaps and here.
    return with_length(present.flat_map(as_written(for_each_number)), length)


def with_length(dataset: tf.data.Dataset, length: int) -> tf.data.Dataset:
    """Let tf.data know the number of elements, where it is known.

    Nothing may raise before it: an element that raises is not counted, and a pass that lacks one
    has no end.
    """
    if length == tf.data.UNKNOWN_CARDINALITY:
        return dataset
    return dataset.apply(tf.data.experimental.assert_cardinality(length))
