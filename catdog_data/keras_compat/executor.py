"""Plans carried out: a tf.data pipeline fed by batch plans, and a run of it that looks ahead."""

from __future__ import annotations

import atexit
import queue
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.affine import GEOMETRY_COLUMNS, geometry_rows
from catdog_data.keras_compat.failures import error_of_batch
from catdog_data.pipeline import image_batches
from catdog_data.pixels import Pixels
from catdog_data.plan import BatchPlan, Position, Recipe, next_batch
from catdog_data.render import Rendering

Order = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Which images make a batch, the geometry row of each, and its (channel shift, brightness). Index
-1 pads a short batch."""
Finish = Callable[[tf.Tensor, tf.Tensor], Any]


def dataset_of(
    plans: Callable[[], Iterable[BatchPlan]],
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    finish: Finish,
) -> tf.data.Dataset:
    """Build the dataset that carries out plans; every pass over it calls `plans` anew.

    Args:
        plans: makes the plans of one pass; it is called, and its plans are taken, in a thread.
        pixels: the N images that plans point into.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        finish: makes an element from indices int64[B] and images.

    Returns:
        A dataset with one element per plan.
    """

    def orders() -> Iterator[Order]:
        for plan in plans():
            yield _order(plan, batch_size, rendering.image_size)

    signature = (
        tf.TensorSpec([batch_size], tf.int64),
        tf.TensorSpec([batch_size, GEOMETRY_COLUMNS], tf.float64),
        tf.TensorSpec([batch_size, 2], tf.float64),
    )
    source = tf.data.Dataset.from_generator(orders, output_signature=signature)

    def planned(
        index: tf.Tensor, geometry: tf.Tensor, photometry: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return geometry, photometry

    def element(index: tf.Tensor, images: tf.Tensor, *plan: tf.Tensor) -> Any:
        return finish(index, images)

    return image_batches(source, planned, pixels, rendering, batch_size, element)


class Executor:
    """A pipeline built once and run from any position, as often as needed.

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
        self.filepaths = filepaths
        self._rendering, self._batch_size = rendering, batch_size
        self._starts: queue.SimpleQueue[Iterable[BatchPlan]] = queue.SimpleQueue()
        self._dataset = dataset_of(self._starts.get_nowait, pixels, rendering, batch_size, finish)

    def serves(self, rendering: Rendering, batch_size: int) -> bool:
        """Tell whether the pipeline was built for these settings."""
        return self._rendering == rendering and self._batch_size == batch_size

    def run(self, plans: Iterable[BatchPlan]) -> Iterator[Any]:
        """Carry out plans in order; they are taken ahead of need, in a thread."""
        self._starts.put(plans)
        return iter(self._dataset)

    def run_one(self, plan: BatchPlan) -> Any:
        """Carry out a single plan and return NumPy arrays.

        Raises:
            OSError: a file cannot be read; the message names it.
        """
        return self.take(self.run([plan]), lambda: plan)

    def take(self, elements: Iterator[Any], plan: Callable[[], BatchPlan]) -> Any:
        """Wait for the next batch of a run and return it as NumPy arrays.

        Args:
            elements: what `run` returned.
            plan: tells, afterwards, which plan it was.

        Raises:
            OSError: a file cannot be read; the message names it. The run goes on after it.
        """
        try:
            element = next(elements)
        except (tf.errors.OpError, UnicodeDecodeError) as error:
            paths = [self.filepaths[i] for i in plan().index]
            raise error_of_batch(error, paths) from None
        return to_numpy(element)


class Run:
    """Plans on their way through an executor; each batch comes out with its plan.

    Args:
        executor: carries the plans out.
        plans: taken ahead of need, in a thread.
    """

    def __init__(self, executor: Executor, plans: Iterable[BatchPlan]) -> None:
        self._executor = executor
        self._planned: deque[BatchPlan] = deque()
        self._elements = executor.run(_noted(plans, self._planned))
        _RUNNING.add(self)

    def stop(self) -> None:
        """End the run and wait for its threads; there is no next batch."""
        self._elements = iter(())

    def take(self) -> tuple[BatchPlan, Any]:
        """Wait for the next batch; return its plan, and the batch as NumPy arrays.

        Raises:
            OSError: a file cannot be read; the next call returns the next batch.
        """
        try:
            batch = self._executor.take(self._elements, lambda: self._planned[0])
        finally:
            plan = self._planned.popleft()
            self._pass(plan)
        return plan, batch

    def _pass(self, plan: BatchPlan) -> None:
        """Be told which plan was carried out, or failed."""


class Lookahead(Run):
    """A run that plans on from a position, ahead of the consumer.

    Args:
        executor: carries the plans out.
        recipe: what is drawn.
        position: where to begin; the attribute moves on with every batch taken.
    """

    def __init__(self, executor: Executor, recipe: Recipe, position: Position) -> None:
        super().__init__(executor, _endless(recipe, position))
        self._recipe = recipe
        self.position = position

    def continues(self, executor: Executor, recipe: Recipe, position: Position) -> bool:
        """Tell whether the batch that comes next is the one due at this position."""
        return (
            self._executor is executor
            and self._recipe == recipe
            and self.position.leads_to_the_same_as(position, recipe)
        )

    def _pass(self, plan: BatchPlan) -> None:
        self.position = plan.after


_RUNNING: weakref.WeakSet[Run] = weakref.WeakSet()


@atexit.register
def _stop_running() -> None:
    """End all runs while Python still works: their threads call it for plans.

    Left to the end of the process, a thread may wait for an interpreter that is gone, and the
    process for the thread.
    """
    for run in list(_RUNNING):
        run.stop()


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


def _noted(plans: Iterable[BatchPlan], planned: deque[BatchPlan]) -> Iterator[BatchPlan]:
    for plan in plans:
        # Noted before it is carried out, so that the consumer finds it when the batch is there.
        planned.append(plan)
        yield plan


def _endless(recipe: Recipe, position: Position) -> Iterator[BatchPlan]:
    while True:
        plan = next_batch(recipe, position)
        yield plan
        position = plan.after


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
