"""From plans to batches: a tf.data pipeline that is set up once and given one plan at a time."""

from __future__ import annotations

import atexit
import os
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.eager.context import eager_mode

from catdog_data.augment.geometry_rows import GEOMETRY_COLUMNS
from catdog_data.augment.parameters import Parameters
from catdog_data.engine.epochs_in_turn import Turns
from catdog_data.engine.failed_batches import Passes
from catdog_data.engine.late_failures import OnFailure
from catdog_data.engine.passes import check_not_exiting, refuse_passes
from catdog_data.engine.pipeline import (
    READS_PER_CORE,
    Stages,
    image_batches_on_request,
    maker_of_batches,
)
from catdog_data.engine.pixel_sources import Fetching, Pixels
from catdog_data.engine.render import Rendering
from catdog_data.engine.shared_buffers import own_array
from catdog_data.keras_compat.native.dropping import Droppable
from catdog_data.keras_compat.native.failures import error_of_batch
from catdog_data.keras_compat.planning.affine import geometry_rows
from catdog_data.keras_compat.planning.batch_plan import BatchPlan
from catdog_data.keras_compat.planning.epochs_ahead import EpochsAhead
from catdog_data.keras_compat.translation import (
    PHOTOMETRY_COLUMNS,
    parameters_of_steps,
    photometry_rows,
)
from catdog_data.system.machine import available_cores

PlanTables = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Which images make a batch, the geometry row of each, and its photometry row. Index -1 pads a
short batch."""

MakeElement = Callable[[tf.Tensor, tf.Tensor], Any]
"""From the indices int64[B] and the images [B, H, W, C] of a batch to an element."""

_ERRORS = (tf.errors.OpError, UnicodeDecodeError)
"""What a pass raises; the second where TensorFlow's error has a name that is not UTF-8."""
_PLANS_KEPT = 64
"""Plans of an epoch that are kept for a batch that fails, beside one for each read in flight."""

_IN_TURN = 2**20
"""The first of the epochs that are taken in turn: passes of their own are numbered below it."""


def epochs_of(
    plan_at: Callable[[int], BatchPlan],
    ahead: EpochsAhead,
    steps: int,
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    make_element: MakeElement,
    on_failure: OnFailure | None = None,
) -> tuple[tf.data.Dataset, Turns]:
    """Build the dataset every pass over which is an epoch; and say how to take them in turn.

    Args:
        plan_at: makes the plan of a step; it is called in a thread, once for each step of a pass.
        ahead: makes the plans of epochs that are taken in turn, likewise.
        steps: batches in an epoch.
        pixels: the N images that plans point into.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        make_element: see `MakeElement`.
        on_failure: what is done about images that break later; None to raise.

    Returns:
        A dataset of `steps` elements, which is its cardinality; and the same epochs in turn.
    """
    kept: OrderedDict[int, PlanTables] = OrderedDict()
    most_kept = _PLANS_KEPT + READS_PER_CORE * available_cores()
    padding = _tables_of(None, batch_size, rendering)

    def tables(number: np.int64) -> PlanTables:
        key = int(number)
        if key < 0:
            return padding
        if key not in kept:
            epoch, idx = divmod(key, steps)
            plan = plan_at(idx) if epoch < _IN_TURN else ahead.plan(epoch - _IN_TURN, idx)
            if plan is None:
                return padding
            kept[key] = _tables_of(plan, batch_size, rendering)
            if len(kept) > most_kept:
                kept.popitem(last=False)
        return kept[key]

    signature = _signature(batch_size)

    def rows_of(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        tensors = tf.numpy_function(tables, [number], [spec.dtype for spec in signature])
        return tuple(map(tf.ensure_shape, tensors, [spec.shape for spec in signature]))

    # Numbered on from pass to pass, so that no two batches share a number.
    passes = count()
    every = Passes(steps, lambda: next(passes) * steps, whole=True)
    stages = _stages(rows_of, pixels, rendering, batch_size, make_element)
    stages = replace(stages, on_failure=on_failure)
    batches = maker_of_batches(every, stages)
    turns = Turns(
        steps,
        begin=lambda was_whole: (_IN_TURN + ahead.begin(was_whole)) * steps,
        expects=lambda first: ahead.is_expected(first // steps - _IN_TURN),
        batches=batches,
    )
    return batches(every), turns


@dataclass(frozen=True, eq=False)
class PendingBatch:
    """A batch that was submitted.

    Args:
        plan: what it is made by.
        paths: its files.
        arrived: holds its images, or the error in their stead, once there.
    """

    plan: BatchPlan
    paths: Sequence[str]
    arrived: list[Any] = field(default_factory=list)


class Executor:
    """A pipeline set up once, which makes batches in the order in which they are submitted.

    It is used by one thread at a time.

    Args:
        pixels: where images come from.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        by_path: whether `pixels` takes paths; it takes the indices of plans where not.
    """

    def __init__(
        self, pixels: Fetching, rendering: Rendering, batch_size: int, *, by_path: bool
    ) -> None:
        # First of all: a daemon thread killed in the middle of it aborts the process.
        check_not_exiting()
        self._rendering, self._batch_size = rendering, batch_size
        self._by_path, self._pixels = by_path, Droppable(pixels)
        index, *rest = _signature(batch_size)
        signature = [tf.TensorSpec(index.shape, tf.string) if by_path else index, *rest]
        with tf.device("CPU:0"):
            # Not bounded: how many are submitted ahead is the caller's choice.
            queue = tf.queue.FIFOQueue(
                -1, [spec.dtype for spec in signature], [spec.shape for spec in signature]
            )
        # Waits without a thread of TensorFlow's, of which there may be two, or of Python's.
        stages = _stages(
            lambda _: tuple(queue.dequeue()),
            self._pixels,
            rendering,
            batch_size,
            lambda key, images: images,
        )
        batches = image_batches_on_request(tf.data.Dataset.range(tf.int64.max), stages)
        self._queue, self._running = queue, [iter(batches)]
        self._pending: deque[PendingBatch] = deque()
        self._end = weakref.finalize(self, _end, queue, self._running)
        self._end.atexit = False
        _EXECUTORS.add(self)

    @property
    def runs(self) -> bool:
        """Whether batches can be submitted: not once one was interrupted, or the pipeline ended."""
        return self._end.alive

    def submit(self, plan: BatchPlan, paths: Sequence[str]) -> PendingBatch:
        """Let the batch of a plan be made, behind all that were submitted before.

        Args:
            plan: what it is made by.
            paths: its files.
        """
        pending = PendingBatch(plan, paths)
        index, *rest = _tables_of(plan, self._batch_size, self._rendering)
        try:
            keys = _padded(paths, self._batch_size) if self._by_path else index
            self._queue.enqueue((keys, *rest))
            self._pending.append(pending)
        except BaseException:
            self.end()
            raise
        return pending

    def result(self, pending: PendingBatch) -> NDArray[Any]:
        """Wait for the images of a batch.

        Batches submitted before it are waited for too, and kept in their `PendingBatch`.

        Raises:
            OSError: a file cannot be read; the message names it. Other batches are not concerned.
        """
        while not pending.arrived:
            self._receive()
        images = pending.arrived[0]
        if isinstance(images, _ERRORS):
            raise error_of_batch(images, pending.paths)
        return own_array(images)

    def drop(self) -> None:
        """Drop all batches that were submitted; what has not begun of them is not done.

        May be called wherever Python frees an object, while a function is traced too.
        """
        if not (self.runs and self._pending):
            return
        try:
            with eager_mode(), self._pixels.unwanted():
                while self._pending:
                    self._receive()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the pipeline and its threads; nothing can be submitted any more."""
        self._end()

    def _receive(self) -> None:
        try:
            try:
                element = next(self._running[0])
            except _ERRORS as error:
                # Without its traceback, which would keep all this alive.
                element = error.with_traceback(None)
            self._pending.popleft().arrived.append(element)
        except BaseException:
            # Interrupted between the two, all that follow would go to the wrong batch.
            self.end()
            raise


_EXECUTORS: weakref.WeakSet[Executor] = weakref.WeakSet()


@atexit.register
def _end_executors() -> None:
    refuse_passes()
    for executor in list(_EXECUTORS):
        executor.end()


def _end(queue: tf.queue.FIFOQueue, running: list[Iterator[Any]]) -> None:
    # Closed first, and at once, even where this is called while a function is traced: TensorFlow
    # crashes where an iterator is deleted that waits for a queue which goes with it.
    with eager_mode():
        queue.close()
    running.clear()


def _stages(
    rows_of: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    make_element: MakeElement,
) -> Stages:
    def parameters_of(index: tf.Tensor, geometry: tf.Tensor, photometry: tf.Tensor) -> Parameters:
        return Parameters(geometry, parameters_of_steps(rendering.steps, photometry))

    def element(index: tf.Tensor, images: tf.Tensor, parameters: Parameters) -> Any:
        return make_element(index, images)

    return Stages(rows_of, parameters_of, pixels, rendering, batch_size, element)


def _padded(paths: Sequence[str], batch_size: int) -> NDArray[np.object_]:
    """Make the keys of a batch from its paths; those behind the last are empty."""
    # An empty name is no padding: it is exchanged for another that no file has.
    names = [os.fsencode(path) or b"\0" for path in paths]
    return np.array(names + [b""] * (batch_size - len(names)), object)


def _signature(batch_size: int) -> tuple[tf.TensorSpec, ...]:
    """Describe `PlanTables`."""
    return (
        tf.TensorSpec([batch_size], tf.int64),
        tf.TensorSpec([batch_size, GEOMETRY_COLUMNS], tf.float64),
        tf.TensorSpec([batch_size, PHOTOMETRY_COLUMNS], tf.float64),
    )


def _tables_of(plan: BatchPlan | None, batch_size: int, rendering: Rendering) -> PlanTables:
    """Pad a plan to the full batch with rows that read no image; None for such rows alone."""
    tables = [np.zeros(spec.shape) for spec in _signature(batch_size)[1:]]
    index = np.full(batch_size, -1, np.int64)
    if plan is not None:
        count = len(plan.index)
        index[:count] = plan.index
        # Rows that the rendering ignores take as long to make as all else that is planned.
        if rendering.resampling is not None:
            tables[0][:count] = geometry_rows(plan.transforms, rendering.image_size)
        if rendering.steps:
            tables[1][:count] = photometry_rows(plan.transforms)
    return index, tables[0], tables[1]
