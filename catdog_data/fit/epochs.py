"""How `fit`, `evaluate` and `predict` go from an epoch to the next: with the same iterator.

Keras makes an iterator for every epoch and stops by count. From a dataset that offers its epochs in
turn it takes them all from one iterator instead; all other input is read as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from keras.src.backend.tensorflow.trainer import TFEpochIterator

_INHERITED = TFEpochIterator._get_iterator, TFEpochIterator._enumerate_iterator
"""What is overridden; a Keras without them is none of those known."""


class Epochs(Protocol):
    """Epochs that are taken in turn."""

    def begin(self) -> Any:
        """Begin an epoch: return the iterator whose next elements it is."""

    def complete(self) -> None:
        """Say that the epoch was taken to its end."""


class EpochIteratorInTurn(TFEpochIterator):  # type: ignore[misc]
    """Keras' own, with one iterator for all epochs where the dataset has `epochs_in_turn`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The first epoch may be all that is wanted, and has a pass of its own: what is made ahead
        # of a second would be for nothing.
        self._has_begun = False
        self._epochs: Epochs | None = None
        self._iterator: Any = None

    def _offered(self) -> Callable[[], Epochs | None] | None:
        # What a distribution strategy makes of a dataset does not offer it.
        offered: Any = getattr(self._distributed_dataset, "epochs_in_turn", None)
        return offered if self.steps_per_epoch is None and self._num_batches else None

    def _epochs_in_turn(self) -> Epochs | None:
        offered = self._offered()
        if offered is None or self._num_batches % self.steps_per_execution:
            # Where they do not divide, the last call of an epoch asks for more: it goes by the end.
            return None
        return offered()

    def _get_iterator(self) -> Any:
        if self._offered() is None:
            return super()._get_iterator()
        # Keras asks when an epoch begins, and behind its end for another that it does not use.
        if self._iterator is None:
            epochs = self._epochs
            begun = iter(super()._get_iterator()) if epochs is None else epochs.begin()
            self._iterator = begun
        return self._iterator

    def _enumerate_iterator(self) -> Iterator[Any]:
        if self._epochs is None and self._has_begun:
            self._epochs = self._epochs_in_turn()
        self._has_begun, self._iterator = True, None
        yield from super()._enumerate_iterator()
        if self._epochs is not None:
            self._epochs.complete()
