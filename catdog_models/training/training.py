"""Train a model so that a killed run can go on, and keep its results.

It takes any `tf.data.Dataset` and knows nothing of where the images come from.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from catdog_models.training.results import EpochResults


def train(
    model: keras.Model,
    training: Any,
    results: EpochResults,
    *,
    epochs: int,
    done: int = 0,
    saver: keras.callbacks.Callback | None = None,
    before: Sequence[keras.callbacks.Callback] = (),
    after: Sequence[keras.callbacks.Callback] = (),
    class_weight: Mapping[int, float] | None = None,
) -> None:
    """Fit the model up to the last epoch; validate and keep the models after each.

    Args:
        model: compiled, and as the first `done` epochs left it, its metrics included.
        training: what `model.fit` takes as `x`, beginning where training is to go on.
        results: where the outcome of epochs goes.
        epochs: how many there are in all.
        done: how many were trained before.
        saver: saves model and position in a way that `model` was restored from. It runs before an
            epoch is validated, so that no epoch is trained twice.
        before: callbacks that come first, such as a clock for the input.
        after: callbacks that come last, and see the validation metrics.
        class_weight: class number to weight of its images in the loss of training; None for 1.

    Raises:
        ValueError: the epochs in the results are not those that were trained.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import tensorflow as tf
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        >>> model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        >>> data = tf.data.Dataset.from_tensors((np.zeros((4, 2)), np.zeros((4, 1))))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = EpochResults(Path(folder), validation=data)
        ...     train(model, data, results, epochs=2)
        ...     len(results.rows)
        2
    """
    if len(results.rows) == done - 1:
        # Killed between the last batch of an epoch and its row.
        results.add_epoch(model, model.get_metrics_result())
    if len(results.rows) != done:
        raise ValueError(
            f"The run must have as many epochs in its history ({len(results.rows)}) as were "
            f"trained ({done}). Restore its files, or start over in another folder."
        )
    if done < epochs:
        kept = [saver] if saver is not None else []
        model.fit(
            training,
            initial_epoch=done,
            epochs=epochs,
            callbacks=[*before, *kept, _EndOfEpoch(results), *after],
            class_weight=None if class_weight is None else dict(class_weight),
            shuffle=False,  # The dataset has an order of its own.
            verbose=0,
        )


def build_metrics(model: keras.Model) -> None:
    """Make the variables of a compiled model's metrics, so that a saved state can be restored.

    Args:
        model: one that Keras has not trained or evaluated yet; its weights stay as they are.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse", metrics=["mae"])
        >>> build_metrics(model)
        >>> len(model.metrics_variables)
        4
    """
    images = np.zeros((1, *model.input_shape[1:]), np.float32)
    labels = np.zeros((1, *model.output_shape[1:]), np.float32)
    model.test_on_batch(images, labels)
    model.reset_metrics()


class _EndOfEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Enter each epoch in the results."""

    def __init__(self, results: EpochResults) -> None:
        super().__init__()
        self._results = results

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Let later callbacks see the whole row."""
        logs.update(self._results.add_epoch(self.model, logs))
