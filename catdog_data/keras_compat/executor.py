"""Plans carried out: a tf.data pipeline that is set up once and given one plan after the other."""

from __future__ import annotations

import atexit
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.geometry_rows import GEOMETRY_COLUMNS
from catdog_data.augment.parameters import Parameters
from catdog_data.augment.steps.channel_shift import ChannelShift, ChannelShiftParameters
from catdog_data.augment.steps.pillow_brightness import (
    PillowBrightness,
    PillowBrightnessParameters,
)
from catdog_data.engine.failed_batches import Passes
from catdog_data.engine.passes import check_not_exiting, refuse_passes
from catdog_data.engine.pipeline import (
    READS_PER_CORE,
    Stages,
    image_batches,
    image_batches_on_request,
)
from catdog_data.engine.pixel_sources import Pixels
from catdog_data.engine.render import Rendering
from catdog_data.keras_compat.failures import error_of_batch
from catdog_data.keras_compat.planning.affine import geometry_rows
from catdog_data.keras_compat.planning.batch_plan import BatchPlan
from catdog_data.keras_compat.steps import as_it_is
from catdog_data.system.machine import available_cores

Order = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Which images make a batch, the geometry row of each, and its (channel shift, brightness). Index
-1 pads a short batch."""
Finish = Callable[[tf.Tensor, tf.Tensor], Any]


_ERRORS = (tf.errors.OpError, UnicodeDecodeError)
"""What a pass raises; the second where TensorFlow's error has a name that is not UTF-8."""
_BATCHES_KEPT = 64
"""Plans of an epoch that are kept for a batch that fails, beside one for each read in flight."""


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
        plan_at: makes the plan of a step; it is called in a thread, once for each step of a pass.
        steps: batches in an epoch.
        pixels: the N images that plans point into.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        finish: makes an element from indices int64[B] and images.

    Returns:
        A dataset of `steps` elements, which its cardinality says.
    """
    kept: OrderedDict[int, Order] = OrderedDict()
    most_kept = _BATCHES_KEPT + READS_PER_CORE * available_cores()
    padding = _order(None, batch_size, rendering.image_size)

    def order(number: np.int64) -> Order:
        key = int(number)
        if key < 0:
            return padding
        if key not in kept:
            kept[key] = _order(plan_at(key % steps), batch_size, rendering.image_size)
            if len(kept) > most_kept:
                kept.popitem(last=False)
        return kept[key]

    signature = _signature(batch_size)

    def rows_of(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        tensors = tf.numpy_function(order, [number], [spec.dtype for spec in signature])
        return tuple(map(tf.ensure_shape, tensors, [spec.shape for spec in signature]))

    # Numbered on from pass to pass, so that no two batches share a number.
    passes = count()
    every = Passes(steps, lambda: next(passes) * steps, whole=True)
    return image_batches(every, _stages(rows_of, pixels, rendering, batch_size, finish))


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
        next_order = as_it_is(lambda _: tuple(orders.dequeue()))
        stages = _stages(next_order, pixels, rendering, batch_size, finish)
        batches = image_batches_on_request(tf.data.Dataset.range(tf.int64.max), stages)
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
        if isinstance(element, _ERRORS):
            raise error_of_batch(element, [self._filepaths[i] for i in ordered.plan.index])
        return to_numpy(element)

    def end(self) -> None:
        """End the pipeline and its threads; nothing can be ordered any more."""
        self._end()

    def _receive(self) -> None:
        try:
            try:
                element = next(self._running[0])
            except _ERRORS as error:
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


def _stages(
    rows_of: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    finish: Finish,
) -> Stages:
    def parameters_of(index: tf.Tensor, geometry: tf.Tensor, photometry: tf.Tensor) -> Parameters:
        of_steps = _parameters_of_steps(photometry)
        return Parameters(geometry, tuple(of_steps[type(step)] for step in rendering.steps))

    def element(index: tf.Tensor, images: tf.Tensor, parameters: Parameters) -> Any:
        return finish(index, images)

    return Stages(rows_of, parameters_of, pixels, rendering, batch_size, element)


def _parameters_of_steps(photometry: tf.Tensor) -> dict[type, Any]:
    """Take the columns of an `Order` apart: what each step of the adapter is given."""
    channel_shift, brightness = tf.unstack(photometry, axis=1)
    return {
        ChannelShift: ChannelShiftParameters(channel_shift),
        PillowBrightness: PillowBrightnessParameters(brightness),
    }


def _signature(batch_size: int) -> tuple[tf.TensorSpec, ...]:
    """Describe an `Order`."""
    return (
        tf.TensorSpec([batch_size], tf.int64),
        tf.TensorSpec([batch_size, GEOMETRY_COLUMNS], tf.float64),
        tf.TensorSpec([batch_size, 2], tf.float64),
    )


def _order(plan: BatchPlan | None, batch_size: int, image_size: tuple[int, int]) -> Order:
    """Pad a plan to the full batch with rows that read no image; None for such rows alone."""
    if plan is None:
        shapes = [spec.shape for spec in _signature(batch_size)]
        index, geometry, photometry = (np.zeros(shape) for shape in shapes)
        return index.astype(np.int64) - 1, geometry, photometry
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
