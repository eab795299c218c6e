"""What a run saves at the end of each epoch: its metrics, and the best and the last model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from catdog_data.system.atomic_files import replaced_file
from catdog_data.system.renamed import renamed
from catdog_models.training.averaging import averaged_weights
from catdog_models.training.epoch_table import read_epochs, write_epochs

HISTORY, BEST, LAST = "history.csv", "best.keras", "last.keras"

__getattr__ = renamed(__name__, {"Results": "EpochResults"})


class EpochResults:
    """The history and the models of a run, saved epoch by epoch.

    An epoch is entered in `history.csv` last, after its models: a run that is killed in between
    validates the epoch again, with the same outcome.

    Args:
        folder: where `history.csv`, `best.keras` and `last.keras` are; it must exist.
        validation: what `model.evaluate` takes; one pass over it is made for each epoch.

    Attributes:
        rows: metric to value, by epoch.

    Raises:
        ValueError: `history.csv` is something else.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
        >>> model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        >>> data = tf.data.Dataset.from_tensors((np.zeros((4, 2)), np.zeros((4, 1))))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = EpochResults(Path(folder), validation=data)
        ...     row = results.add_epoch(model, {"loss": 0.75})
        ...     print(sorted(path.name for path in Path(folder).iterdir()))
        ['best.keras', 'history.csv', 'last.keras']
    """

    def __init__(self, folder: Path, validation: Any) -> None:
        self._folder, self._validation = folder, validation
        self.rows = read_epochs(folder / HISTORY)

    def add_epoch(self, model: keras.Model, trained: Mapping[str, Any]) -> dict[str, float]:
        """Validate the model, and save the metrics and models of the epoch.

        Where the optimizer averages weights, these are validated and saved; the model has its own
        again afterwards.

        Args:
            model: as it is after the epoch.
            trained: the metrics of training.

        Returns:
            The epoch's row.
        """
        with averaged_weights(model):
            validated = model.evaluate(self._validation, verbose=0, return_dict=True)
            row = {name: float(value) for name, value in trained.items()}
            row |= {f"val_{name}": float(value) for name, value in validated.items()}
            row["learning_rate"] = float(model.optimizer.learning_rate)
            if all(_merit(row) > _merit(other) for other in self.rows):
                self._save(model, BEST)
            self._save(model, LAST)
        self.rows.append(row)
        write_epochs(self.rows, self._folder / HISTORY)
        return row

    def _save(self, model: keras.Model, name: str) -> None:
        with replaced_file(self._folder / name) as unfinished:
            model.save(unfinished)


def _merit(row: Mapping[str, float]) -> tuple[float, float]:
    """Accuracy first, then the loss."""
    return row["val_accuracy"], -row["val_loss"]
