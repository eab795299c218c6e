"""The progress of training, as a bar and one line for each epoch."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from catdog_data.system.renamed import renamed

Measured = Callable[[], Mapping[str, float]]

__getattr__ = renamed(__name__, {"Progress": "TrainingProgress"})


class TrainingProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """Show a bar for the epoch on a terminal, and print a line for each that has ended.

    Bar and line have images/s, the share of the time that training waited for its input, and the
    time left until the last epoch ends, validation included.

    Args:
        epochs: how many there are in all.
        steps: batches in an epoch.
        console: where it is shown; without a terminal there are no bars.
        measured: returns "images_per_second" and "input_wait" of the epoch so far; both may be
            missing.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> shown = TrainingProgress(epochs=1, steps=2, console=Console(width=200), measured=dict)
        >>> x, y = np.zeros((8, 2)), np.zeros(8)
        >>> _ = model.fit(x, y, batch_size=4, callbacks=[shown], verbose=0)
        epoch 1/1  loss 0.0000
    """

    def __init__(self, epochs: int, steps: int, console: Console, measured: Measured) -> None:
        super().__init__()
        self._epochs, self._steps = epochs, steps
        self._console, self._measured = console, measured
        self._bars = Bars(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}  {task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            refresh_per_second=4,
        )
        self._begin, self._taken, self._shown = 0.0, 0, 0.0
        self._first = self._epoch = 0

    def begin_at(self, step: int) -> None:
        """Begin the first epoch's bar where training goes on.

        Args:
            step: how many batches of the epoch were trained on before.
        """
        self._first = step

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self._begin = time.perf_counter()
        self._bars.start()
        self._task = self._bars.add_task(
            "", total=self._steps, epoch=0, epochs=self._epochs, state=""
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the bar of the epoch."""
        self._epoch = epoch
        # All fields, since `reset` drops those that it is not given.
        self._bars.reset(
            self._task, completed=self._first, epoch=epoch + 1, epochs=self._epochs, state=""
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the bar, a few times a second."""
        self._taken += 1
        now = time.perf_counter()
        if self._console.is_terminal and now - self._shown > 0.25:
            self._shown = now
            done = self._first + batch + 1
            state = _joined(_metrics(logs), _speed(self._measured()), self._left(done))
            self._bars.update(self._task, completed=done, state=state)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Print the line of the epoch."""
        self._first = 0
        left = self._left(self._steps) if epoch + 1 < self._epochs else ""
        line = _joined(
            f"epoch {epoch + 1}/{self._epochs}", _metrics(logs), _speed(logs or {}), left
        )
        self._bars.console.print(line, highlight=False, soft_wrap=True)

    def on_train_end(self, logs: Any = None) -> None:
        """Remove the bar."""
        self._bars.stop()

    def _left(self, done: int) -> str:
        """Estimate the time from a step of the current epoch to the end of the last."""
        steps = (self._epochs - self._epoch) * self._steps - done
        seconds = (time.perf_counter() - self._begin) / max(self._taken, 1) * steps
        return f"{_clock(seconds)} left"


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)


def _metrics(logs: Mapping[str, float] | None) -> str:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return "  ".join(f"{name} {logs[name]:.4f}" for name in names if logs and name in logs)


def _speed(measured: Mapping[str, float]) -> str:
    if "images_per_second" not in measured:
        return ""
    return (
        f"{measured['images_per_second']:,.0f} img/s  "
        f"waiting for input {measured['input_wait']:.0%}"
    )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
