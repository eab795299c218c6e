"""How much of an epoch training waits for its input.

```python
history = model.fit(train, epochs=5, callbacks=[InputWait()])
history.history["input_wait"]  # such as [0.31, 0.04, 0.04, 0.05, 0.04]
```

Keras fetches the next batch inside of its compiled step, where no callback sees it. While
`InputWait` is among the callbacks, each batch is fetched just before the step instead, and the
step is given that batch; it is the path of `train_on_batch`, with the same compiled step and the
same numbers. So it works with whatever `fit` takes: datasets, the iterators of
`ImageDataGenerator`, arrays.

A GPU works on after its step was started, and until it has finished, it waits for nothing. Time
counts as waiting only from when both are true: the next batch was asked for, and the step before
it is done. A thread notes when that is, so that steps may still be started ahead.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class InputWait(keras.callbacks.Callback):  # type: ignore[misc]
    """Report for every epoch which part of it training waited for input, and its images/s.

    Both are added to the epoch's `logs`, as `input_wait` (0 for never, 1 for always) and
    `images_per_second`, and so to `History`, progress bars and the callbacks that come later in
    the list: put it first. All that comes before an epoch's first step counts as waiting, since
    Keras makes the input ready there. Validation is in neither; compiling the step is in the first
    epoch, which therefore says less than the others.

    Near 0, the input is fast enough, and a faster one would change nothing. Above, it is the share
    of the time that a faster input could save; `catdog_data.doctor.measure` says how.

    Args:
        log_dir: a folder for TensorBoard, which is given both as scalars by epoch; None for none.

    Raises:
        ValueError: while training: Keras runs on another backend than TensorFlow.

    Example:
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.zeros((8, 2)), np.zeros(8)
        >>> history = model.fit(x, y, epochs=2, callbacks=[InputWait()], verbose=0).history
        >>> [0 <= share <= 1 for share in history["input_wait"]]
        [True, True]
    """

    def __init__(self, log_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__()
        self._log_dir = log_dir
        self._writer: Any = None
        self._steps: _TimedSteps | None = None

    def measured(self) -> dict[str, float]:
        """Return both of the epoch so far; nothing before its first step. Waits for the device.

        Returns:
            "input_wait", from 0 to 1, and "images_per_second".
        """
        return {} if self._steps is None else self._steps.measured()

    def on_train_begin(self, logs: Any = None) -> None:
        """Put the clock between Keras and its step."""
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "`InputWait` needs Keras on its TensorFlow backend; it runs on "
                f"{keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow, or leave the callback "
                "away."
            )
        if self._log_dir is not None:
            self._writer = tf.summary.create_file_writer(os.fspath(self._log_dir))
        self._steps = _TimedSteps(_untimed(self.model.train_function), self.model)
        self.model.train_function = self._steps

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        if self._steps is not None:
            self._steps.restart()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add what was measured to the logs, and for TensorBoard."""
        if self._steps is None:
            return
        measured = self._steps.measured()
        if logs is not None:
            logs.update(measured)
        if self._writer is not None:
            _write_scalars(self._writer, measured, epoch)

    def on_train_end(self, logs: Any = None) -> None:
        """Give Keras its step back."""
        self.model.train_function = _untimed(self.model.train_function)
        if self._steps is not None:
            self._steps.close()
            self._steps = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _TimedSteps:
    """A trainer's `train_function` that fetches batches itself, and notes how long that takes.

    Args:
        function: Keras' own, which takes an iterator.
        model: whose it is.
    """

    def __init__(self, function: Callable[[Iterator[Any]], Any], model: keras.Model) -> None:
        self.function = function
        self._model = model
        self._watcher = ThreadPoolExecutor(1, "input_wait")
        self._last_step: Future[float] | None = None
        self.restart()

    def __call__(self, iterator: Iterator[Any]) -> Any:
        """Take `steps_per_execution` steps, or as many as there are batches for."""
        outputs = None
        for step in range(self._model.steps_per_execution):
            try:
                batch = self._fetch(iterator)
            except StopIteration:
                if step == 0:
                    raise
                break
            # From an iterator that is none of tf.data, Keras takes its batches as they are.
            outputs = self.function(iter((batch,)))
            self._images += _images_in(batch)
            self._last_step = self._watcher.submit(_when_done, outputs)
        return outputs

    def restart(self) -> None:
        """Begin an epoch."""
        self._begin = time.perf_counter()
        self._waited, self._images = 0.0, 0
        self._last_step = None

    def measured(self) -> dict[str, float]:
        """Return both figures of the epoch so far."""
        if self._last_step is None:
            return {}
        seconds = self._last_step.result() - self._begin
        return {
            "input_wait": min(self._waited / seconds, 1.0),
            "images_per_second": self._images / seconds,
        }

    def close(self) -> None:
        """End the thread."""
        self._watcher.shutdown()

    def _fetch(self, iterator: Iterator[Any]) -> Any:
        asked = time.perf_counter()
        batch = next(iterator)
        arrived = time.perf_counter()
        if self._last_step is None:
            # An iterator is made first, and that of the epoch before is put away.
            self._waited += arrived - self._begin
        elif self._last_step.done():
            self._waited += max(0.0, arrived - max(asked, self._last_step.result()))
        # Else the device still works on the step before, and waits for nothing.
        return batch


def _write_scalars(writer: Any, values: dict[str, float], step: int) -> None:
    """Write what TensorBoard shows as scalars; `tf.summary.scalar` needs it to be installed."""
    metadata = tf.compat.v1.SummaryMetadata(data_class="DATA_CLASS_SCALAR")
    metadata.plugin_data.plugin_name = "scalars"
    with writer.as_default():
        for name, value in values.items():
            tf.summary.write(name, tf.constant(value, tf.float32), step, metadata)
    writer.flush()


def _untimed(function: Any) -> Any:
    """Take the clock off again: a run that was interrupted leaves it on."""
    return function.function if isinstance(function, _TimedSteps) else function


def _when_done(outputs: Any) -> float:
    """Wait until the device has come so far, by taking a value from it."""
    leaves = tf.nest.flatten(outputs)
    if leaves:
        np.asarray(leaves[0])
    return time.perf_counter()


def _images_in(batch: Any) -> int:
    """Count the images of a batch, of all replicas; 0 where it does not tell."""
    for leaf in tf.nest.flatten(batch):
        parts = leaf.values if isinstance(leaf, tf.distribute.DistributedValues) else (leaf,)
        shapes: list[Any] = [getattr(part, "shape", ()) for part in parts]
        if all(len(shape) > 0 for shape in shapes):
            return sum(int(shape[0]) for shape in shapes)
    return 0
