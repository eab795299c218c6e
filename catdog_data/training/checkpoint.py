"""The callback that saves where training stands, so that a killed run goes on with the next batch.

```python
position = Position.load(path) if os.path.exists(path) else Position(0, 0)
train = image_dataset_from_directory(...).resume(position.epoch, position.step)
saver = InputPosition(path, start=position)
model.fit(train, initial_epoch=position.epoch, epochs=20, callbacks=[..., saver])
```

That says where the input stands. For weights that belong to it, let both be saved at once:

```python
model.compile(...)
position = InputPosition.restore(path, model) if os.path.exists(path) else Position(0, 0)
train = image_dataset_from_directory(...).resume(position.epoch, position.step)
saver = InputPosition(path, every=500, weights="saves", start=position)
```

Keras takes the length of the first epoch that it runs dry, plus one, for that of all others, so
that after the rest of an epoch every further epoch would be cut short. `InputPosition` therefore
ends each epoch of a resumed run itself, after its last batch; for that the position holds how
many steps a whole epoch has. Do not give `steps_per_epoch` to a run that begins within an epoch.

Every pass over the dataset is an epoch, so nothing but `fit` may iterate over it, and it cannot
be the validation data as well. Keras itself makes a pass too many where a model was made under a
strategy of `tf.distribute`. There, and wherever else passes are not epochs, let the dataset ask
the callback instead, at the start of each pass:

```python
saver = InputPosition(path, start=position, weights="saves")
train = saver.follow(image_dataset_from_directory(...))
```
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from catdog_data.training.model_state import (
    assign_values,
    restore_model_state,
    save_model_state,
    values_of,
)
from catdog_data.training.position import Position, read_position, write_position

__all__ = ["InputPosition", "Position"]

_BEGINNING = Position(0, 0)
_EPOCH_OVER = "the epoch is over, training is not"
"""The value of `model.stop_training` at an epoch's end, distinguished from True by identity."""


class InputPosition(keras.callbacks.Callback):  # type: ignore[misc]
    """Save where training stands, and with `weights` also the model, as one.

    Put it last among the callbacks: what others change at an epoch's end, such as the learning
    rate, is then in the save. A save says that the batches before it were trained on. With
    `weights`, a run that is killed and restored ends as one that was not, if the device's
    operations are deterministic: the model, its optimizer and its random generators go on from
    the save. The state of other callbacks (as the patience of `EarlyStopping`) begins again.
    Metrics go on as well if their variables were made before `restore`, which a call of
    `model.test_on_batch` does; else those of the first epoch are those of its rest. A run killed
    after an epoch's last batch does not make up for the validation of that epoch;
    `model.get_metrics_result()` after `restore` then has the metrics of its training.

    Resume with the images, `batch_size`, seed and `balance` of the run that was saved. Where the
    dataset is made by `follow`, the position has what the order of its images depends on, and
    `follow` warns where that is another; else it does not know. Every save waits for the disk. With
    `weights`, choose `every` such that training takes much longer than writing the model.

    Args:
        path: the file for the position.
        every: how many batches come between saves; each epoch's end is a save as well.
        seconds: how long after a save the next one is due, as well; None to go by `every` alone.
        start: where the dataset begins. `fit` needs `initial_epoch=start.epoch`.
        weights: a folder, of this run alone, for the model; None to leave it to others. Each save
            removes the older ones from it, and what a killed run left.

    Attributes:
        position: where training stands.

    Raises:
        ValueError: `every` is less than 1, or `seconds` not above 0. While training: the epochs of
            `fit` are not those of `start`, how many steps they have is not known, or the model is
            of `tf.distribute` and its input does not `follow`.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from catdog_data import image_dataset_from_arrays
        >>> train = image_dataset_from_arrays(np.zeros((6, 4, 4, 3), "uint8"), np.zeros(6), 2)
        >>> model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     saver = InputPosition(f"{folder}/position.json")
        ...     _ = model.fit(train, epochs=1, callbacks=[saver], verbose=0)
        ...     print(Position.load(f"{folder}/position.json"))
        Position(epoch=1, step=0, steps=3)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int = 1,
        *,
        start: Position = _BEGINNING,
        weights: str | os.PathLike[str] | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be at least 1 batch; received {every!r}.")
        if seconds is not None and not seconds > 0:
            raise ValueError(f"`seconds` must be above 0, or None; received {seconds!r}.")
        self.position = start
        self._path = Path(path)
        self._weights = None if weights is None else Path(weights)
        self._every = every
        self._seconds = math.inf if seconds is None else seconds
        self._unsaved = 0
        self._due = math.inf
        self._metrics: list[Any] = []
        self._epoch, self._first = start.epoch, start.step
        self._steps = 0
        self._ends_epochs = False
        self._followed = False
        self._counted: int | None = None
        self._plan: Mapping[str, Any] | None = None

    def follow(self, dataset: Any) -> Any:
        """Make a dataset whose every pass begins where training stands when the pass begins.

        Warns where training stands within an epoch of which this dataset has another order: of
        another number of images, `batch_size`, seed, shard or `balance`.

        Args:
            dataset: of `image_dataset_from_directory` and its siblings, begun anywhere.

        Returns:
            The dataset for `fit`, of unknown cardinality.

        Raises:
            ValueError: training stands behind the last step that an epoch of the dataset has.
        """
        self._followed = True
        steps = int(dataset.cardinality())
        self._counted = steps if steps > 0 else None
        self._plan = getattr(dataset, "plan", None)
        if self._counted is not None and self.position.step >= self._counted:
            raise ValueError(
                f"{self.position} must be a step of the dataset, whose epochs have "
                f"{self._counted}. Resume with the images, `batch_size` and `balance` of the run "
                f"that was saved, or begin with `Position({self.position.epoch}, 0)`."
            )
        self.position.warn_of_another_plan(self._plan or {}, self._counted)
        return dataset.follow(lambda: (self.position.epoch, self.position.step))

    @staticmethod
    def restore(path: str | os.PathLike[str], model: keras.Model) -> Position:
        """Bring a model to the state of the last save made with `weights`.

        Warns as `Position.from_json` does.

        Args:
            path: the file that `InputPosition` was given.
            model: built and compiled as the saved one was.

        Returns:
            Where the input is to be resumed.

        Raises:
            FileNotFoundError: there is no such file, or the folder it names has gone.
            ValueError: the file is something else, or was saved without weights, or the model is
                not compiled or not that which was saved.
        """
        path = Path(path)
        position, weights = read_position(path)
        if weights is None:
            raise ValueError(
                f"{path} must name saved weights, and was saved without. Load it with "
                "`Position.load`, or train with `InputPosition(path, weights=...)`."
            )
        restore_model_state(path.parent.resolve() / weights, model)
        return position

    def on_train_begin(self, logs: Any = None) -> None:
        """Learn how many steps an epoch has."""
        if not self._followed:
            _refuse_strategies(self.model)
        counted = (self.params or {}).get("steps")
        self._first = self.position.step
        if self._first and counted is not None:
            raise ValueError(
                "Keras must not count the steps of a run that begins within an epoch, and "
                f"counts {counted} in an epoch: the first has fewer. Give `fit` the dataset "
                "that `resume` returns, neither repeated nor with a cardinality, and no "
                "`steps_per_epoch`."
            )
        steps = counted or self._counted or self.position.steps
        if steps is None:
            raise ValueError(
                "`InputPosition` must know how many steps an epoch has; neither the dataset nor "
                f"{self.position} says it. Give `start=Position(epoch, step, steps)`."
            )
        self._steps, self._ends_epochs = steps, counted is None
        self._due = time.monotonic() + self._seconds
        # Keras resets them before the first epoch, whose beginning they may hold.
        self._metrics = values_of(self.model.metrics_variables) if self._first else []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Make sure that Keras counts the epochs as the input does."""
        if epoch != self.position.epoch:
            raise ValueError(
                f"`fit` must begin with the epoch of the input, {self.position.epoch}; it began "
                f"with {epoch}. Give it `initial_epoch={self.position.epoch}`, and `start` to "
                "`InputPosition`."
            )
        self._epoch = epoch
        assign_values(self.model.metrics_variables, self._metrics)
        self._metrics = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batch, and save if it is time."""
        before = self.position.step
        self.position = _behind(self._epoch, self._first + batch + 1, self._steps, self._plan)
        over = self.position.epoch > self._epoch
        self._unsaved += (self._steps if over else self.position.step) - before
        if self._unsaved >= self._every or time.monotonic() >= self._due:
            self._save()
        if over and self._ends_epochs and not self.model.stop_training:
            # Before Keras finds the input dry, from which it would draw the wrong conclusion.
            self.model.stop_training = _EPOCH_OVER

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save, and let training go on to the next epoch."""
        if self.model.stop_training is _EPOCH_OVER:
            self.model.stop_training = False
        if self.position.epoch == epoch and not self.model.stop_training:
            raise ValueError(
                f"Epoch {epoch} must have {self._steps} steps and ended after "
                f"{self.position.step}. Resume with the images and the arguments of the run that "
                f"was saved, or begin with `Position({epoch}, 0)`."
            )
        self._first = 0
        self._save()

    def _save(self) -> None:
        self._unsaved = 0
        if self._weights is None:
            self.position.save(self._path)
        else:
            self._save_with(self._weights)
        self._due = time.monotonic() + self._seconds

    def _save_with(self, weights: Path) -> None:
        prefix = f"{self._path.name}-"
        saved = save_model_state(self.model, weights, f"{prefix}{self.position.epoch}-")
        relative = os.path.relpath(saved, self._path.parent.resolve())
        # This one rename makes both position and weights those of the new save.
        write_position(self._path, self.position, relative)
        for other in list(saved.parent.iterdir()):
            if other.name.startswith(prefix) and other != saved:
                shutil.rmtree(other, ignore_errors=True)


def _refuse_strategies(model: keras.Model) -> None:
    if getattr(model, "_distribute_strategy", None) is not None:
        raise ValueError(
            "`InputPosition` needs a model made outside of `tf.distribute`, under which Keras "
            "takes a batch, and with it a pass over the dataset, before training begins. "
            "Give `fit` what the callback's `follow` makes of the dataset."
        )


def _behind(epoch: int, done: int, steps: int, plan: Mapping[str, Any] | None) -> Position:
    """Name the position behind the first `done` batches of an epoch."""
    place = (epoch + 1, 0) if done >= steps else (epoch, done)
    return Position(*place, steps, plan=plan)
