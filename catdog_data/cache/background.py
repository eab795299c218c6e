"""A cache that is built while training already reads the files.

A thread makes the rows. Batches are decoded from the files until it has finished, and read from
its rows from then on; they are the same either way.
"""

from __future__ import annotations

import atexit
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.cache.pack_rows import RowsAt
from catdog_data.decoding.unreadable import raised_in_python, sentence_of
from catdog_data.engine.pixel_sources import Images, LookedAtOneByOne
from catdog_data.engine.render import Rendering, images_renderer
from catdog_data.system.machine import available_cores

Item = TypeVar("Item")
_SECONDS_TO_END = 10.0


class BackgroundBuild:
    """A thread that makes the rows of a cache.

    Args:
        build: makes the rows, and returns the function from their numbers, int64[B], to them,
            `dtype`[B, H * W * C]; called in the thread. It is given a function to pass its batches
            through, which ends them when the process ends.

    Example:
        >>> def build(through):
        ...     rows = tf.constant([[1, 2]] * len(list(through("ab"))))
        ...     return lambda row: tf.gather(rows, row)
        >>> work = BackgroundBuild(build)
        >>> work.wait()
        >>> work.rows_at(np.array([1]))
        array([[1, 2]], dtype=int32)
    """

    def __init__(
        self, build: Callable[[Callable[[Iterable[Item]], Iterator[Item]]], RowsAt]
    ) -> None:
        with tf.device("CPU:0"):
            self.is_ready = tf.Variable(False, trainable=False)
        self._build = build
        self._stopped = threading.Event()
        self._rows_at: RowsAt | None = None
        self._thread = threading.Thread(target=self._run, name="catdog cache", daemon=True)
        _UNDER_WAY.add(self)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the rows are still being made."""
        return self._thread.is_alive()

    @property
    def has_rows(self) -> bool:
        """Whether the rows are ready."""
        return self._rows_at is not None

    def rows_at(self, row: NDArray[np.int64]) -> NDArray[Any]:
        """Return rows once they are ready: `dtype`[B, H * W * C].

        Raises:
            ValueError, OSError: a row is not what was written, or cannot be read.
        """
        if self._rows_at is None:
            raise RuntimeError("Rows can be read once `is_ready` is set; it is not.")
        with tf.device("CPU:0"):
            try:
                rows = self._rows_at(tf.constant(row))
            except tf.errors.OpError as error:
                raise raised_in_python(error) or error from None
        return np.asarray(memoryview(rows))  # a view: `.numpy()` would copy

    def wait(self) -> None:
        """Wait until the thread has ended, whether it made the rows or failed."""
        self._thread.join()

    def stop(self) -> None:
        """End the thread; what it has written so far is removed."""
        self._stopped.set()
        self._thread.join(_SECONDS_TO_END)

    def _run(self) -> None:
        try:
            self._rows_at = self._build(self._until_stopped)
        except _Stopped:
            return
        except Exception as error:  # whatever it is, training can do without
            warnings.warn(
                "The cache could not be built, so images are decoded in every epoch: "
                f"{sentence_of(error)}",
                RuntimeWarning,
                stacklevel=1,
            )
            return
        self.is_ready.assign(True)

    def _until_stopped(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if self._stopped.is_set():
                raise _Stopped
            yield item


class _Stopped(Exception):  # noqa: N818 (no error)
    pass


_UNDER_WAY: weakref.WeakSet[BackgroundBuild] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """End the threads while Python and TensorFlow still work."""
    for building in list(_UNDER_WAY):
        building.stop()


class ImagesUntilCached(LookedAtOneByOne):
    """Images that are decoded until the rows of a cache are ready, and read from these after that.

    Args:
        images: the N images.
        row_of: int64[N], the row of each image.
        building: makes the rows.

    Example:
        >>> from catdog_data.engine.pixel_sources import WholeImages
        >>> pixels = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
        >>> def load(i):
        ...     return tf.gather(pixels, i)
        >>> decoded = WholeImages(load, (2, 2, 3), "uint8", names=None)
        >>> rows = tf.reshape(pixels, [2, 12])
        >>> work = BackgroundBuild(lambda through: lambda row: tf.gather(rows, row))
        >>> images = ImagesUntilCached(decoded, np.array([0, 1]), work)
        >>> images.fetch(tf.constant([1, 0]))[0].shape
        TensorShape([2, 2, 2, 3])
    """

    whole_batches = True
    together: int | None = None

    def __init__(
        self, images: Images, row_of: NDArray[np.int64], building: BackgroundBuild
    ) -> None:
        self._images, self._building = images, building
        self.shape, self.dtype, self.may_fail = images.shape, images.dtype, images.may_fail
        self._row_of = tf.constant(row_of)

    def image(self, index: tf.Tensor) -> tf.Tensor:
        """Load an image from its file: `dtype`[H, W, C]."""
        return self._images.image(index)

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Load a batch: `dtype`[B, H, W, C]."""
        images = tf.cond(
            self._building.is_ready, lambda: self._packed(index), lambda: self._decoded(index)
        )
        return (tf.ensure_shape(images, [*index.shape, *self.shape]),)

    def renderer(self, rendering: Rendering) -> Callable[..., tf.Tensor]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return images_renderer(rendering)

    def check(self, index: int) -> None:
        """Read one image from its file, for the sake of the error that names it."""
        self._images.check(index)

    def _packed(self, index: tf.Tensor) -> tf.Tensor:
        # A call of Python for each batch: the rows were not there when the graph was made.
        row = tf.gather(self._row_of, tf.maximum(index, 0))
        rows = tf.numpy_function(self._building.rows_at, [row], self.dtype)
        return tf.reshape(rows, [*index.shape, *self.shape])

    def _decoded(self, index: tf.Tensor) -> tf.Tensor:
        def load(i: tf.Tensor) -> tf.Tensor:
            image = tf.cond(i >= 0, lambda: self.image(i), lambda: tf.zeros(self.shape, self.dtype))
            return tf.ensure_shape(image, self.shape)

        return tf.map_fn(
            load,
            index,
            fn_output_signature=tf.TensorSpec(self.shape, self.dtype),
            parallel_iterations=4 * available_cores(),
        )
