"""How `fit`, `evaluate` and `predict` read an iterator: its tf.data pipeline, not its arrays.

Keras makes an adapter for a `PyDataset` that copies every batch through a Python generator. For
iterators of this package it is exchanged for one over the pipeline, after Keras' own checks of
`y=`, `sample_weight=` and the rest. Adapters of other inputs stay as they are.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol, runtime_checkable

import tensorflow as tf
from keras.src.trainers import data_adapters
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter
from keras.src.trainers.data_adapters.tf_dataset_adapter import TFDatasetAdapter

from catdog_data.engine.epochs_in_turn import DatasetInTurn, Turns
from catdog_data.keras_compat.class_weights import with_class_weights


@runtime_checkable
class FitsFromPipeline(Protocol):
    """An iterator that can be read through its pipeline."""

    def epochs_of_fit(self) -> tuple[tf.data.Dataset, Turns | None]:
        """Return a dataset, every pass over which is one epoch, and the same epochs in turn."""

    def on_epoch_begin(self) -> None:
        """Do what an epoch begins with."""

    def on_epoch_end(self) -> None:
        """Do what an epoch ends with."""

    def __len__(self) -> int: ...


class PipelineAdapter(TFDatasetAdapter):  # type: ignore[misc]
    """Feed a Keras trainer from an iterator's pipeline.

    Args:
        iterator: the iterator given to `fit`.
        class_weight: weight by class, 1.0 for those not in it, or None.
    """

    def __init__(self, iterator: FitsFromPipeline, class_weight: Any = None) -> None:
        dataset, turns = iterator.epochs_of_fit()
        if class_weight is not None:
            dataset = with_class_weights(dataset, class_weight)
            turns = turns and turns.then(lambda each: with_class_weights(each, class_weight))
        super().__init__(DatasetInTurn(dataset, turns))
        self._iterator = iterator

    @property
    def num_batches(self) -> int:
        """Batches in an epoch."""
        return len(self._iterator)

    @property
    def batch_size(self) -> None:
        """Unknown to Keras, as for every `PyDataset`."""
        return

    def on_epoch_begin(self) -> None:
        """Begin an epoch of the iterator."""
        self._iterator.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """End an epoch of the iterator."""
        self._iterator.on_epoch_end()


def install_fit_adapter() -> None:
    """Wrap the function by which Keras chooses an adapter, unless it is wrapped."""
    original = data_adapters.get_data_adapter
    if getattr(original, "_knows_pipelines", False):
        return

    @functools.wraps(original)
    def get_data_adapter(*args: Any, **kwargs: Any) -> Any:
        adapter = original(*args, **kwargs)
        if type(adapter) is PyDatasetAdapter and isinstance(adapter.py_dataset, FitsFromPipeline):
            return PipelineAdapter(adapter.py_dataset, adapter.class_weight)
        return adapter

    get_data_adapter._knows_pipelines = True  # type: ignore[attr-defined]
    data_adapters.get_data_adapter = get_data_adapter
