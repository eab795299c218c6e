"""Where training stands, so that a killed run goes on with the next batch.

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

import json
import math
import os
import shutil
import tempfile
import time
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from catdog_data.datasets.plan import ORDER_VERSION

_FORMAT = "catdog_data position 1"
_MODEL, _RANDOM, _METRICS = "model.keras", "random.npz", "metrics.npz"
_EPOCH_OVER = "the epoch is over, training is not"
"""Stands in `model.stop_training` instead of True, and is told from it by identity."""
_REMEDY = "Delete the file to begin anew, or name the one that `InputPosition` wrote."


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True)
class Position:
    """The batch that training has yet to see first.

    Args:
        epoch: its epoch, from 0.
        step: its number within the epoch, from 0.
        steps: how many a whole epoch has, or None where that is not known.
        order: the version of the order of images in which `step` counts, from 1.

    Raises:
        ValueError: a value out of its range.
    """

    epoch: int
    step: int
    steps: int | None = field(default=None, compare=False)
    order: int = field(default=ORDER_VERSION, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not _is_count(self.epoch):
            raise ValueError(f"`epoch` must be an integer from 0; received {self.epoch!r}.")
        if self.steps is not None and not (_is_count(self.steps) and self.steps):
            raise ValueError(f"`steps` must be an integer from 1 or None; received {self.steps!r}.")
        if not _is_count(self.step) or (self.steps is not None and self.step >= self.steps):
            end = "" if self.steps is None else f" and below {self.steps}, the steps of an epoch"
            raise ValueError(f"`step` must be an integer from 0{end}; received {self.step!r}.")
        if not (_is_count(self.order) and self.order):
            raise ValueError(f"`order` must be an integer from 1; received {self.order!r}.")

    def to_json(self) -> str:
        """Write as one line of JSON, about 90 bytes."""
        return json.dumps(self._content())

    @classmethod
    def from_json(cls, text: str) -> Position:
        """Read what `to_json` wrote.

        Warns of a position within an epoch of which another version made the order: the rest of
        the epoch has images that were seen already, and lacks others.

        Args:
            text: one JSON object.

        Returns:
            The position.

        Raises:
            ValueError: it is cut short or something else.
        """
        position = cls._of(_parsed(text))
        position._warn_of_another_order("This position")
        return position

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file, whole or not at all: whoever reads it finds this position or the last.

        Args:
            path: the file; its folder is made where it is missing.

        Raises:
            OSError: the file system refused.
        """
        _replace(Path(path), self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Position:
        """Read what `save` or an `InputPosition` wrote; warns as `from_json` does.

        Args:
            path: the file.

        Returns:
            The position.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is cut short or something else.
        """
        return cls._of_file(Path(path), _read(Path(path)))

    def _content(self) -> dict[str, Any]:
        values = {"epoch": self.epoch, "step": self.step, "steps": self.steps, "order": self.order}
        return {"format": _FORMAT, **values}

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Position:
        try:
            # Files of the first order do not name it.
            place = content["epoch"], content["step"], content["steps"]
            return cls(*place, content.get("order", 1))
        except KeyError as error:
            raise ValueError(f"A position must have a value named {error}; it has none.") from None

    @classmethod
    def _of_file(cls, path: Path, content: dict[str, Any]) -> Position:
        try:
            position = cls._of(content)
        except ValueError as error:
            raise ValueError(f"{path}: {error} {_REMEDY}") from None
        position._warn_of_another_order(str(path))
        return position

    def _warn_of_another_order(self, name: str) -> None:
        # At its beginning, an epoch has all images in any order.
        if self.order == ORDER_VERSION or self.step == 0:
            return
        relation = "an earlier" if self.order < ORDER_VERSION else "a later"
        warnings.warn(
            f"{name} lies within epoch {self.epoch}, at step {self.step}, of orders of "
            f"{relation} catdog_data (version {self.order}; here {ORDER_VERSION}). If the images "
            "are shuffled, the rest of this epoch repeats some and leaves out others; all epochs "
            f"after it are whole. `Position({self.epoch}, 0)` begins the epoch again.",
            UserWarning,
            stacklevel=4,
        )


class InputPosition(keras.callbacks.Callback):  # type: ignore[misc]
    """Save where training stands, and with `weights` also the model, as one.

    Put it last among the callbacks: what others change at an epoch's end, such as the learning
    rate, is then in the save. A save says that the batches before it were trained on. With
    `weights`, a run that is killed and restored ends as one that was not, if the device's
    operations are deterministic: the model, its optimizer and its random generators go on from
    the save. What callbacks keep to themselves (as the patience of `EarlyStopping`) begins anew.
    Metrics go on as well if their variables were made before `restore`, which a call of
    `model.test_on_batch` does; else those of the first epoch are those of its rest. A run killed
    after an epoch's last batch does not make up for the validation of that epoch;
    `model.get_metrics_result()` after `restore` then has the metrics of its training.

    Resume with the images, `batch_size` and seed of the run that was saved: a position does not
    know them. Every save waits for the disk. With `weights`, choose `every` such that training
    takes much longer than writing the model.

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
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int = 1,
        *,
        start: Position = Position(0, 0),
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

    def follow(self, dataset: Any) -> Any:
        """Make a dataset whose every pass begins where training stands when the pass begins.

        Args:
            dataset: of `image_dataset_from_directory` and its siblings, begun anywhere.

        Returns:
            The dataset for `fit`, of unknown cardinality.
        """
        self._followed = True
        steps = int(dataset.cardinality())
        self._counted = steps if steps > 0 else None
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
        content = _read(path)
        position = Position._of_file(path, content)
        if "weights" not in content:
            raise ValueError(
                f"{path} must name saved weights, and was saved without. Load it with "
                "`Position.load`, or train with `InputPosition(path, weights=...)`."
            )
        _restore_model(path.parent.resolve() / content["weights"], model)
        return position

    def on_train_begin(self, logs: Any = None) -> None:
        """Learn how many steps an epoch has."""
        if not self._followed:
            _refuse_strategies(self.model)
        told = (self.params or {}).get("steps")
        self._first = self.position.step
        if self._first and told is not None:
            raise ValueError(
                "Keras must not count the steps of a run that begins within an epoch, and was "
                f"told that epochs have {told}: the first has fewer. Give `fit` the dataset that "
                "`resume` returns, neither repeated nor with a cardinality, and no "
                "`steps_per_epoch`."
            )
        steps = told or self.position.steps or self._counted
        if steps is None:
            raise ValueError(
                "`InputPosition` must know how many steps an epoch has; neither the dataset nor "
                f"{self.position} says it. Give `start=Position(epoch, step, steps)`."
            )
        self._steps, self._ends_epochs = steps, told is None
        self._due = time.monotonic() + self._seconds
        # Keras resets them before the first epoch, whose beginning they may hold.
        self._metrics = _values(self.model.metrics_variables) if self._first else []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Make sure that Keras counts the epochs as the input does."""
        if epoch != self.position.epoch:
            raise ValueError(
                f"`fit` must begin with the epoch of the input, {self.position.epoch}; it began "
                f"with {epoch}. Give it `initial_epoch={self.position.epoch}`, and `start` to "
                "`InputPosition`."
            )
        self._epoch = epoch
        _assign(self.model.metrics_variables, self._metrics)
        self._metrics = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the batch, and save if it is time."""
        before = self.position.step
        self.position = _behind(self._epoch, self._first + batch + 1, self._steps)
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
        saved = _save_model(self.model, weights, f"{prefix}{self.position.epoch}-")
        relative = os.path.relpath(saved, self._path.parent.resolve())
        # This one rename makes both position and weights those of the new save.
        _replace(self._path, json.dumps({**self.position._content(), "weights": relative}))
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


def _behind(epoch: int, done: int, steps: int) -> Position:
    """Name the position behind the first `done` batches of an epoch."""
    return Position(epoch + 1, 0, steps) if done >= steps else Position(epoch, done, steps)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8", errors="replace")
        return _parsed(text)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} must be a file that `InputPosition` wrote, and does not exist. Begin with "
            "`Position(0, 0)`, or name the right file."
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error} {_REMEDY}") from None


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        raise ValueError(
            f"A position must be one JSON object; it is cut short or something else: {text[:60]!r}."
        ) from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"A position must be of the format {_FORMAT!r}; it is {text[:60]!r}.")
    return content


def _replace(path: Path, text: str) -> None:
    """Give a file new content in one step, which is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.partial")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    with suppress(OSError):  # Some file systems cannot do it for folders.
        _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _save_model(model: keras.Model, folder: Path, prefix: str) -> Path:
    """Write all that training changes into a new folder within `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = Path(tempfile.mkdtemp(prefix=prefix, dir=folder)).resolve()
    model.save(saved / _MODEL)
    np.savez(saved / _RANDOM, *_values(_not_saved_by_keras(model)))
    np.savez(saved / _METRICS, *_values(model.metrics_variables))
    for path in (saved / _MODEL, saved / _RANDOM, saved / _METRICS):
        _sync(path)
    with suppress(OSError):
        _sync(saved)
        _sync(saved.parent)
    return saved


def _restore_model(saved: Path, model: keras.Model) -> None:
    if not saved.is_dir():
        raise FileNotFoundError(
            f"{saved} must hold the weights that belong to the position, and does not exist. Move "
            "the folder of weights along with the file of the position."
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError("`model` must be compiled before `restore`, for its optimizer's state.")
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(saved / _MODEL)
        random, metrics = _arrays(saved / _RANDOM), _arrays(saved / _METRICS)
        for variable, state in zip(_not_saved_by_keras(model), random, strict=True):
            variable.assign(state)
        _assign(model.metrics_variables, metrics)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{saved} must hold the weights of this model: {error} Build and compile it as in the "
            "run that was saved, or delete the file of the position to begin anew."
        ) from error


def _not_saved_by_keras(model: keras.Model) -> list[Any]:
    """List the states of random generators, as of `Dropout`, which Keras leaves out of a save."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _values(variables: Sequence[Any]) -> list[Any]:
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def _arrays(path: Path) -> list[Any]:
    with np.load(path) as file:
        return [file[name] for name in file.files]


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Give variables their values, or nothing where not all have been made yet."""
    if len(variables) == len(values):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
