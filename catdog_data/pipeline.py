"""The order of the tf.data stages, and the reason for each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.failed_batches import with_gaps_filled, with_marks
from catdog_data.machine import available_cores, available_memory
from catdog_data.passes import ended_at_exit
from catdog_data.pixels import Pixels
from catdog_data.render import Rendering

Rows = tuple[tf.Tensor, ...]
RowsOf = Callable[[tf.Tensor], Rows]
"""From the number of a batch, int64[], to the images in it, int64[B], -1 behind the last, and what
is planned for each, [B, …]. For number -1 all images are -1."""
Planned = Callable[..., tuple[tf.Tensor, tf.Tensor]]

READS_PER_CORE = 8
"""More than one, since images leave in order: a slow file would hold the others up (0.71 against
0.67 ms an image)."""


def image_batches(
    numbers: tf.data.Dataset,
    rows_of: RowsOf,
    planned: Planned,
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    finish: Callable[[tf.Tensor, Any, tf.Tensor, tf.Tensor], Any],
    ram_budget: int | None = None,
    *,
    names_failures: bool = True,
) -> tf.data.Dataset:
    """Fetch and render the batches of these numbers.

    A file that cannot be read raises for its own batch only, and the pass goes on behind it. For
    that, images are batched by an explicit `map_and_batch`, and only one-to-one stages follow what
    may raise: a `map` with a `batch` of its own behind it begins the next batch right behind the
    row that raised, unless tf.data's optimiser makes one operation of the two.

    Args:
        numbers: int64[], the batches of a pass, consecutive.
        rows_of: tells what is in a batch; it may be asked again for a batch that failed.
        planned: makes, from all rows of a batch, its geometry float64[B, 8] and photometry
            float64[B, P].
        pixels: where the images come from.
        rendering: what is done to the pixels.
        batch_size: rows of a batch, padding included.
        finish: makes the element of the result from the indices int64[B], the images
            `output_dtype`[B, H, W, C] (or what else the renderer makes), the geometry and the
            photometry of a batch, B without the padding.
        ram_budget: bytes that finished batches and those being rendered may take; None for an
            eighth of what is free.
        names_failures: whether the error of a failed batch names the file. The next batch has to
            come for that, so numbers must not wait for what the failed one yields.

    Returns:
        A dataset with one element per number, in their order, and of their cardinality.
    """
    render = pixels.renderer(rendering)

    def render_batch(rows: Rows, fetched: tuple[Any, ...]) -> Any:
        index = rows[0]
        count = tf.math.count_nonzero(index >= 0, dtype=tf.int32)
        geometry, photometry = planned(*rows)
        images = render(geometry, photometry, *fetched)
        whole = (index, images, geometry, photometry)
        return finish(*tf.nest.map_structure(lambda each: each[:count], whole))

    batch_bytes = batch_size * math.prod(pixels.shape) * tf.as_dtype(rendering.output_dtype).size
    budget = ram_budget or available_memory() // 8
    calls, waiting = batches_ahead(batch_bytes, available_cores(), budget)
    if names_failures and pixels.may_fail:
        restored = _fetched_or_missing(numbers, rows_of, pixels, batch_size, calls)
        again = _fetched_again(rows_of, pixels, restored.element_spec[1][1])

        def render_or_name(number: tf.Tensor, present: tuple[tf.Tensor, Any]) -> Any:
            own, element = present
            rows, fetched = tf.cond(number == own, lambda: element, lambda: again(number))
            return render_batch(rows[:-1], fetched)

        rendered = restored.map(render_or_name, num_parallel_calls=calls)
    else:
        fetched = _fetched(numbers.map(rows_of), pixels, batch_size, calls)
        rendered = fetched.map(render_batch, num_parallel_calls=calls)
    options = untuned_options()
    if pixels.whole_batches:
        # The optimiser copies what a function holds, at the start of every pass.
        options.experimental_optimization.apply_default_optimizations = False
    return ended_at_exit(rendered.prefetch(waiting).with_options(options))


def batches_ahead(batch_bytes: int, cores: int, budget: int) -> tuple[int, int]:
    """Choose how many batches are rendered at once, and how many finished ones wait.

    Args:
        batch_bytes: of one finished batch.
        cores: that this process may use.
        budget: bytes for all of them; at least one is rendered and one waits, whatever it is.

    Returns:
        Both numbers.
    """
    # The kernels use all cores themselves; a batch more than cores hides what is not parallel.
    # Two finished batches wait for the consumer, which evens out slow files.
    calls, waiting = min(cores, 3) + 1, 2
    affordable = budget // max(batch_bytes, 1)
    if calls + waiting <= affordable:
        return calls, waiting
    return max(1, min(calls, affordable - 1)), 1


def _fetched(
    rows: tf.data.Dataset, pixels: Pixels, batch_size: int, calls: int
) -> tf.data.Dataset:
    """Fetch the images of every batch: elements (rows, fetched).

    Every batch is padded to the full number of rows: one static shape, so one compiled kernel.
    """

    def fetch(*row: tf.Tensor) -> tuple[Rows, tuple[Any, ...]]:
        return row, pixels.fetch(row[0])

    # Rows may come from Python: those of two batches wait, so that no reader waits for them.
    rows = rows.prefetch(2)
    if pixels.whole_batches:
        return rows.map(fetch, num_parallel_calls=calls)
    # Image by image, so that all cores work on the same batch and the first is early. A map calls
    # no Python, holds no lock and keeps the order. Not AUTOTUNE, which now and then settles on one
    # thread of two. The deprecation of `map_and_batch` relies on the optimiser.
    map_and_batch = getattr(
        tf.data.experimental.map_and_batch, "__wrapped__", tf.data.experimental.map_and_batch
    )
    reads = READS_PER_CORE * available_cores()
    return rows.unbatch().apply(
        map_and_batch(fetch, batch_size, num_parallel_calls=reads, drop_remainder=True)
    )


def _fetched_or_missing(
    numbers: tf.data.Dataset, rows_of: RowsOf, pixels: Pixels, batch_size: int, calls: int
) -> tf.data.Dataset:
    """Fetch the images of every batch: elements as of `with_gaps_filled`, the mark as last row."""

    def marked_rows(mark: tf.Tensor) -> Rows:
        return (*rows_of(mark[2]), tf.repeat(mark[tf.newaxis], batch_size, axis=0))

    fetched = _fetched(with_marks(numbers).map(marked_rows), pixels, batch_size, calls)
    steps = int(numbers.cardinality())
    return with_gaps_filled(fetched, lambda element: element[0][-1][0], steps)


def _fetched_again(rows_of: RowsOf, pixels: Pixels, spec: Any) -> Callable[[tf.Tensor], Any]:
    """Make the function, for a graph, from a number to its batch, of the structure of `spec`.

    It reads image by image in Python: the error is that of the first file that cannot be read.
    Where all can be after all, the batch is as if nothing had failed.
    """

    def fetch(number: np.int64) -> list[NDArray[Any]]:
        with tf.device("CPU:0"):
            rows = rows_of(tf.constant(number))
            index = rows[0]
            for each in index.numpy():
                if each >= 0:
                    pixels.check(int(each))
            if pixels.whole_batches:
                fetched = pixels.fetch(index)
            else:
                images = [pixels.fetch(each) for each in index]
                fetched = tf.nest.map_structure(lambda *parts: tf.stack(parts), *images)
            mark = tf.zeros([len(index), 3], tf.int64)
        return [part.numpy() for part in tf.nest.flatten(((*rows, mark), fetched))]

    def again(number: tf.Tensor) -> Any:
        types = [part.dtype for part in tf.nest.flatten(spec)]
        flat = tf.nest.pack_sequence_as(spec, tf.numpy_function(fetch, [number], types))
        return tf.nest.map_structure(lambda part, of: tf.ensure_shape(part, of.shape), flat, spec)

    return again


def single_images(
    image: Callable[[tf.Tensor], tf.Tensor], n: int, group: int, per_core: int = READS_PER_CORE
) -> tf.data.Dataset:
    """Load all images once, in order, on all cores.

    Args:
        image: from an index int64[] to an image of fixed shape.
        n: how many there are.
        group: how many make an element.
        per_core: how many are read at once by each core; fewer leave more of it to others.

    Returns:
        Elements [<= group, H, W, C].
    """
    loaded = tf.data.Dataset.range(n).map(image, num_parallel_calls=per_core * available_cores())
    return loaded.batch(group).prefetch(2).with_options(untuned_options())


def untuned_options() -> tf.data.Options:
    """Make options without tf.data's own tuning."""
    options = tf.data.Options()
    # Nothing is left for it to tune, and its thread can sleep through the end of the pipeline:
    # deleting an iterator then waits for it, up to a minute in a long run.
    options.autotune.enabled = False
    return options
