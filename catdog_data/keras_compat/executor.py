"""Plans carried out: a tf.data pipeline that is set up once and given one plan after the other."""

from __future__ import annotations

import atexit
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.affine import GEOMETRY_COLUMNS, geometry_rows
from catdog_data.decode import read_rgb_with_pillow
from catdog_data.keras_compat.steps import as_it_is, dataset_of_steps
from catdog_data.passes import check_not_exiting, ended_at_exit, refuse_passes
from catdog_data.pipeline import image_batches
from catdog_data.pixels import Pixels
from catdog_data.plan import BatchPlan
from catdog_data.render import Rendering

Order = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Which images make a batch, the geometry row of each, and its (channel shift, brightness). Index
-1 pads a short batch."""
Finish = Callable[[tf.Tensor, tf.Tensor], Any]


def epoch_of(
    plan_at: Callable[[int], BatchPlan],
    steps: int,
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    finish: Finish,
) -> tf.data.Dataset:
    """Build the dataset every pass over which is an epoch.

    Args:
        plan_at: makes the plan of a step; it is called in a thread.
        steps: batches in an epoch.
        pixels: the N images that plans point into.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        finish: makes an element from indices int64[B] and images.

    Returns:
        A dataset of `steps` elements, which its cardinality says.
    """

    def order(step: int) -> Order:
        return _order(plan_at(step), batch_size, rendering.image_size)

    orders = dataset_of_steps(order, steps, _signature(batch_size))
    return _carried_out(orders, pixels, rendering, batch_size, finish)


@dataclass(frozen=True, eq=False)
class Ordered:
    """A batch on its way.

    Args:
        plan: what it was ordered by.
        arrived: its element, or the error in its place, once there.
    """

    plan: BatchPlan
    arrived: list[Any]


class Executor:
    """A pipeline set up once, which carries out plans in the order they are given.

    It is used by one thread at a time.

    Args:
        filepaths: the N files that plans point into, for messages.
        pixels: their images.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        finish: makes an element from indices int64[B] and images.
    """

    def __init__(
        self,
        filepaths: Sequence[str],
        pixels: Pixels,
        rendering: Rendering,
        batch_size: int,
        finish: Finish,
    ) -> None:
        # Before all the rest: a daemon thread killed in the middle of it aborts the process.
        check_not_exiting()
        self._filepaths = filepaths
        self._rendering, self._batch_size = rendering, batch_size
        signature = _signature(batch_size)
        with tf.device("CPU:0"):
            # Not bounded: what is ordered ahead of need is the caller's choice.
            orders = tf.queue.FIFOQueue(
                -1, [spec.dtype for spec in signature], [spec.shape for spec in signature]
            )
        # Waits for orders without a thread of TensorFlow's, of which there may be two, or Python.
        endless = tf.data.Dataset.range(tf.int64.max)
        source = endless.map(as_it_is(lambda _: tuple(orders.dequeue())))
        batches = _carried_out(source, pixels, rendering, batch_size, finish)
        self._orders, self._running = orders, [iter(batches)]
        self._due: deque[Ordered] = deque()
        self._end = weakref.finalize(self, _end, orders, self._running)
        self._end.atexit = False
        _EXECUTORS.add(self)

    def serves(self, rendering: Rendering, batch_size: int) -> bool:
        """Tell whether the pipeline was built for these settings, and runs."""
        is_made_for = self._rendering == rendering and self._batch_size == batch_size
        return is_made_for and self._end.alive

    def order(self, plan: BatchPlan) -> Ordered:
        """Have a plan carried out, behind all that were ordered before."""
        ordered = Ordered(plan, [])
        try:
            self._orders.enqueue(_order(plan, self._batch_size, self._rendering.image_size))
            self._due.append(ordered)
        except BaseException:
            self.end()
            raise
        return ordered

    def batch(self, ordered: Ordered) -> Any:
        """Wait for a batch and return it as NumPy arrays.

        Batches ordered before it are waited for too, and kept for who ordered them.

        Raises:
            OSError: a file cannot be read; the message names it. Other batches are not concerned.
        """
        while not ordered.arrived:
            self._receive()
        element = ordered.arrived[0]
        if isinstance(element, tf.errors.OpError):
            # TensorFlow may not say which file it was; Pillow does, in Keras' exception types.
            for i in ordered.plan.index:
                check_readable(self._filepaths[i])
            raise element
        return to_numpy(element)

    def end(self) -> None:
        """End the pipeline and its threads; nothing can be ordered any more."""
        self._end()

    def _receive(self) -> None:
        try:
            try:
                element = next(self._running[0])
            except tf.errors.OpError as error:
                # Without its traceback, which would keep all this alive.
                element = error.with_traceback(None)
            self._due.popleft().arrived.append(element)
        except BaseException:
            # Interrupted between the two, all that follow would go to the wrong order.
            self.end()
            raise


_EXECUTORS: weakref.WeakSet[Executor] = weakref.WeakSet()


@atexit.register
def _end_executors() -> None:
    refuse_passes()
    for executor in list(_EXECUTORS):
        executor.end()


def _end(orders: tf.queue.FIFOQueue, running: list[Iterator[Any]]) -> None:
    # Closed first, and at once, even where this is called while a function is traced: TensorFlow
    # crashes where an iterator is deleted that waits for a queue which goes with it.
    with tf.init_scope():
        orders.close()
    running.clear()


def to_numpy(element: Any) -> Any:
    """Turn tensors into arrays that belong to the caller, without a copy where that is safe.

    The pipeline makes every batch in a buffer of its own and forgets it, so the buffer itself is
    handed out; `tensor.numpy()` would copy it.
    """
    return tf.nest.map_structure(_own_array, element)


def _own_array(tensor: tf.Tensor) -> NDArray[Any]:
    view = getattr(tensor, "_numpy", tensor.numpy)()
    if isinstance(view, np.ndarray) and view.flags.writeable:
        return view
    return np.array(tensor)


def _carried_out(
    orders: tf.data.Dataset,
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    finish: Finish,
) -> tf.data.Dataset:
    def planned(
        index: tf.Tensor, geometry: tf.Tensor, photometry: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return geometry, photometry

    def element(index: tf.Tensor, images: tf.Tensor, *plan: tf.Tensor) -> Any:
        return finish(index, images)

    return ended_at_exit(image_batches(orders, planned, pixels, rendering, batch_size, element))


def _signature(batch_size: int) -> tuple[tf.TensorSpec, ...]:
    """Describe an `Order`."""
    return (
        tf.TensorSpec([batch_size], tf.int64),
        tf.TensorSpec([batch_size, GEOMETRY_COLUMNS], tf.float64),
        tf.TensorSpec([batch_size, 2], tf.float64),
    )


def _order(plan: BatchPlan, batch_size: int, image_size: tuple[int, int]) -> Order:
    """Pad a plan to the full batch with rows that read no image."""
    missing = batch_size - len(plan.index)
    geometry = geometry_rows(plan.transforms, image_size)
    photometry = np.column_stack([plan.transforms.channel_shift, plan.transforms.brightness])
    if not missing:
        return plan.index, geometry, photometry
    return (
        np.pad(plan.index, (0, missing), constant_values=-1),
        np.pad(geometry, ((0, missing), (0, 0))),
        np.pad(photometry, ((0, missing), (0, 0))),
    )


def check_readable(path: str) -> None:
    """Read one file through Pillow, for the sake of the error: it names file and remedy.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123 (raises with the path as it was given)
        read_rgb_with_pillow(path, file.read())
