"""Epoch after epoch from one pipeline, which makes the next one's first batches ahead of its begin.

A pass sets its pipeline up when it begins and fills it: some batches' worth of time in which
nothing is there to train on. Who stops by count, as Keras does, can take all epochs from one
iterator over a dataset without an end instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import tensorflow as tf
from tensorflow.python.data.ops.iterator_ops import OwnedIterator

from catdog_data.engine.failed_batches import Passes
from catdog_data.engine.passes import beginning, end_pass, ended_at_exit
from catdog_data.system.forks import check_not_forked


@dataclass(frozen=True, eq=False)
class Turns:
    """What an epoch is, for epochs that are taken in turn.

    Args:
        steps: batches in an epoch.
        begin: begins an epoch, given whether the one before was taken to its end. It returns the
            number of the first batch: that behind the epoch before if the batches made ahead by
            these numbers are right.
        expects: asked behind an epoch, with the number of the next one's first batch, whether its
            batches can be made before it begins.
        batches: makes the dataset of all batches of any `Passes`.
    """

    steps: int
    begin: Callable[[bool], int]
    expects: Callable[[int], bool]
    batches: Callable[[Passes], tf.data.Dataset]

    def then(self, operation: Callable[[tf.data.Dataset], tf.data.Dataset]) -> Turns:
        """Apply an operation whose elements are functions of the dataset's, in their order."""
        batches = self.batches
        return replace(self, batches=lambda passes: operation(batches(passes)))


class DatasetInTurn(tf.data.Dataset):  # type: ignore[misc]  # TensorFlow has no types
    """A dataset whose passes are epochs, and which offers Keras to take them in turn.

    Args:
        dataset: what is iterated over.
        turns: the same epochs in turn; None where each needs a pass of its own.
    """

    def __init__(self, dataset: tf.data.Dataset, turns: Turns | None) -> None:
        self._wrapped, self._turns = dataset, turns
        # Of the same variant tensor: no operation is added, so none has a cost.
        super().__init__(tf.data.experimental.to_variant(dataset))

    def _inputs(self) -> list[tf.data.Dataset]:
        # The one abstract method of `tf.data.Dataset` that is private.
        return [self._wrapped]

    @property
    def element_spec(self) -> Any:
        """The structure of an element, of `tf.TypeSpec`s."""
        return self._wrapped.element_spec

    def __iter__(self) -> Any:
        check_not_forked()
        with beginning():
            return super().__iter__()

    def epochs_in_turn(self) -> EpochsInTurn | None:
        """Take epochs from one pipeline, as `fit` does; None where each needs a pass of its own."""
        if self._turns is None or self.options().deterministic is False:
            return None
        return EpochsInTurn(self._turns)


class EpochsInTurn:
    """Epochs taken by one caller from one iterator, as long as they are what was expected.

    Behind an epoch that was broken off, or where another one begins than was expected, there is a
    new iterator, and the next epoch after that is not begun ahead.

    Args:
        turns: what an epoch is.
    """

    def __init__(self, turns: Turns) -> None:
        self._begin = turns.begin
        # Apart from this, which holds the iterator: the pipeline's functions hold the course.
        self._course = course = _Course(turns.steps, turns.expects)
        passes = Passes(turns.steps, lambda: course.first, whole=True, goes_on=course.goes_on)
        self._dataset = ended_at_exit(turns.batches(passes))
        self._iterator: OwnedIterator | None = None
        self._is_whole = False

    def begin(self) -> OwnedIterator:
        """Begin an epoch: return the iterator whose next `steps` elements it is."""
        was_whole, self._is_whole = self._is_whole, False
        if not was_whole:
            # Before anything is planned again, since its thread plans too.
            self._end()
        is_next = self._course.turn_to(self._begin(was_whole))
        if self._iterator is None or not is_next:
            self._end()
            self._course.has_ended = False
            with beginning():
                self._iterator = iter(self._dataset)
        return self._iterator

    def complete(self) -> None:
        """Say that the epoch was taken to its end."""
        self._is_whole = True

    def _end(self) -> None:
        if self._iterator is not None:
            # Others may hold it; and two pipelines at once take twice the memory.
            end_pass(self._iterator)
            self._iterator = None


@dataclass
class _Course:
    """How far a pipeline goes, and where its taker is."""

    steps: int
    expects: Callable[[int], bool]
    trusted: bool = True
    first: int = -1
    has_ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn_to(self, first: int) -> bool:
        """Begin the epoch of this first batch; tell whether the pipeline yields it next."""
        with self._lock:
            if self.first >= 0:
                self.trusted = first == self.first + self.steps
            self.first, is_next = first, first == self.first + self.steps and not self.has_ended
            return is_next

    def goes_on(self, first: int) -> bool:
        """Tell whether to make the batches from this one on, behind an epoch."""
        is_expected = self.trusted and self.expects(first)
        with self._lock:
            # It may have begun before the pipeline came so far.
            self.has_ended = not (is_expected or first == self.first)
            return not self.has_ended
