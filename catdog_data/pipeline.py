"""The order of the tf.data stages, and the reason for each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from catdog_data.machine import available_cores, available_memory
from catdog_data.pixels import Pixels
from catdog_data.render import Rendering

Planned = Callable[..., tuple[tf.Tensor, tf.Tensor]]

READS_PER_CORE = 8
"""More than one, since images leave in order: a slow file would hold the others up (0.71 against
0.67 ms an image)."""


def image_batches(
    orders: tf.data.Dataset,
    planned: Planned,
    pixels: Pixels,
    rendering: Rendering,
    batch_size: int,
    finish: Callable[[tf.Tensor, Any, tf.Tensor, tf.Tensor], Any],
    ram_budget: int | None = None,
) -> tf.data.Dataset:
    """Carry out orders: fetch, batch, render.

    Args:
        orders: elements are (int64[batch_size], …), first the images of a batch and then what
            is planned for each; the last batch of an epoch is padded with index -1.
        planned: makes, from all of an order, its geometry float64[B, 8] and photometry
            float64[B, P].
        pixels: where the images that indices name come from.
        rendering: what is done to the pixels.
        batch_size: rows of an order.
        finish: makes the element of the result from the indices int64[B], the images
            `output_dtype`[B, H, W, C] (or what else the renderer makes), the geometry and the
            photometry of a batch, B without the padding.
        ram_budget: bytes that finished batches and those being rendered may take; None for an
            eighth of what is free.

    Returns:
        A dataset with one element per order, in their order. A file that cannot be read raises
        for its own batch only; the next batch is the next order.
    """
    cores = available_cores()
    render = pixels.renderer(rendering)

    def render_batch(rows: tuple[tf.Tensor, ...], fetched: tuple[Any, ...]) -> Any:
        index = rows[0]
        count = tf.math.count_nonzero(index >= 0, dtype=tf.int32)
        geometry, photometry = planned(*rows)
        images = render(geometry, photometry, *fetched)
        whole = (index, images, geometry, photometry)
        return finish(*tf.nest.map_structure(lambda each: each[:count], whole))

    batch_bytes = batch_size * math.prod(pixels.shape) * tf.as_dtype(rendering.output_dtype).size
    calls, waiting = batches_ahead(batch_bytes, cores, ram_budget or available_memory() // 8)
    # Orders may come from Python: two are waiting, so that no reader waits for it.
    orders = orders.prefetch(2)
    if pixels.whole_batches:
        rendered = orders.map(
            lambda *rows: render_batch(rows, pixels.fetch(rows[0])), num_parallel_calls=calls
        )
    else:
        batches = _fetched_one_by_one(orders, pixels, cores, batch_size)
        rendered = batches.map(render_batch, num_parallel_calls=calls)
    options = untuned_options()
    if pixels.whole_batches:
        # The optimiser copies what a function holds, at the start of every pass.
        options.experimental_optimization.apply_default_optimizations = False
    return rendered.prefetch(waiting).with_options(options)


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


def _fetched_one_by_one(
    orders: tf.data.Dataset, pixels: Pixels, cores: int, batch_size: int
) -> tf.data.Dataset:
    """Fetch images one by one, so that all cores work on the same batch and the first is early.

    Every order is padded to the full batch: one static shape, so one compiled kernel.
    """

    def fetch(*row: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], tuple[Any, ...]]:
        return row, pixels.fetch(row[0])

    # A map calls no Python, holds no lock and keeps the order. Not AUTOTUNE, which now and then
    # settles on one thread of two.
    # One operation, not `map` and `batch`, which begin the next batch right behind a file that
    # fails. tf.data's optimiser usually makes one of the two, which the deprecation relies on.
    map_and_batch = getattr(
        tf.data.experimental.map_and_batch, "__wrapped__", tf.data.experimental.map_and_batch
    )
    return orders.unbatch().apply(
        map_and_batch(
            fetch, batch_size, num_parallel_calls=READS_PER_CORE * cores, drop_remainder=True
        )
    )


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
