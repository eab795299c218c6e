"""The order of the tf.data stages, and the reason for each."""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from catdog_data.decoding.unreadable import UnreadableImage
from catdog_data.engine.calls import calls_of, from_calls, in_calls
from catdog_data.engine.failed_batches import Passes, with_gaps_filled, with_length
from catdog_data.engine.late_failures import Errors, OnFailure
from catdog_data.engine.mapping import TracedOnce, as_written, mapped, mapped_and_batched
from catdog_data.engine.passes import ended_at_exit
from catdog_data.engine.pixel_sources import Pixels, is_image
from catdog_data.engine.render import Rendering
from catdog_data.engine.several_images import ForEach
from catdog_data.system.machine import available_cores, available_memory

Rows = tuple[tf.Tensor, ...]
"""The images of a batch, int64[B], -1 behind the last, and what is planned for each, [B, …].

Where batches are made on request, images may also be given by their paths: string[B], those behind
the last empty.
"""

Fetched = tuple[Rows, tuple[Any, ...]]
"""The rows of a batch and, in the form that its pixels have, its images."""

_NOT_BEGUN = "the pass could not begin"
"""In place of the message of an image, where `Passes.why_not_begun` has the error."""

READS_PER_CORE = 8
"""More than one, since images leave in order: a slow file would hold the others up (0.71 against
0.67 ms an image)."""


@dataclass(frozen=True)
class Stages:
    """What the stages of a pipeline do.

    Args:
        rows_of: makes the rows of a batch from its number int64[]; for -1 all images are -1. It may
            be asked again for a batch that failed.
        parameters_of: makes, from all rows of a batch, what is drawn for its images; where
            `sides_of` is set, behind the rows from the heights and widths, float64[B] each.
        pixels: where the images come from.
        rendering: what is done to the pixels.
        batch_size: rows of a batch, padding included.
        finish: makes the element of the result from the indices int64[B], the images
            `output_dtype`[B, H, W, C] (or what else the renderer makes) and the parameters of a
            batch, B without the padding.
        ram_budget: bytes that finished batches and those being rendered may take; None for an
            eighth of what is free.
        on_failure: what is done about images that cannot be read; None to raise.
        all_full: whether no batch has padding, so that the size of all is known.
        sides_of: tells the heights and widths of what was fetched; None where all have one size.
    """

    rows_of: Callable[[tf.Tensor], Rows]
    parameters_of: Callable[..., ForEach]
    pixels: Pixels
    rendering: Rendering
    batch_size: int
    finish: Callable[[tf.Tensor, Any, Any], Any]
    ram_budget: int | None = None
    on_failure: OnFailure | None = None
    all_full: bool = False
    sides_of: Callable[..., tuple[tf.Tensor, tf.Tensor]] | None = None

    def render(self) -> Callable[[Rows, tuple[Any, ...]], Any]:
        """Make the function from the rows of a batch and its fetched images to an element."""
        render = self.pixels.renderer(self.rendering)

        def render_batch(rows: Rows, fetched: tuple[Any, ...]) -> Any:
            index = rows[0]
            sides = () if self.sides_of is None else self.sides_of(*fetched)
            parameters = self.parameters_of(*rows, *sides)
            whole = (index, render(parameters, *fetched), parameters)
            if self.all_full:
                return tf.nest.map_structure(self._of_full_batch, self.finish(*whole))
            count = tf.math.count_nonzero(is_image(index), dtype=tf.int32)
            return self.finish(*tf.nest.map_structure(lambda each: each[:count], whole))

        return render_batch

    def _of_full_batch(self, part: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(part, [self.batch_size, *part.shape[1:]])

    def ahead(self) -> tuple[int, int]:
        """Choose how many batches are rendered at once, and how many finished ones wait."""
        size = tf.as_dtype(self.rendering.output_dtype).size
        batch_bytes = self.batch_size * math.prod(self.pixels.shape) * size
        budget = self.ram_budget or available_memory() // 8
        return batches_ahead(batch_bytes, available_cores(), budget)


def image_batches(passes: Passes, stages: Stages) -> tf.data.Dataset:
    """Fetch and render batch after batch.

    A file that cannot be read raises for its own batch only, by its name, and the pass goes on
    behind it. For that, images are batched by an explicit `map_and_batch`, and only one-to-one
    stages follow what may raise: a `map` with a `batch` behind it begins the next batch right
    behind the row that raised, unless tf.data's optimiser makes one operation of the two.

    Args:
        passes: which batches.
        stages: what is done for each.

    Returns:
        A dataset with one element per batch, of as many as `passes.length`.
    """
    return maker_of_batches(passes, stages)(passes)


def maker_of_batches(passes: Passes, stages: Stages) -> Callable[[Passes], tf.data.Dataset]:
    """Make `image_batches` for several `Passes`, with functions that are traced once.

    Args:
        passes: any of them; all have the same `steps` and are `whole` alike.
        stages: what is done for each batch.
    """
    if not stages.pixels.may_fail:
        on_request = _maker_of_batches_on_request(stages)
        return lambda passes: on_request(_numbers(passes, stages))
    fetch, (calls, waiting) = _fetcher(stages), stages.ahead()
    marked_rows, render_batch = TracedOnce(_marked_rows(passes, stages)), stages.render()

    @functools.cache
    def render_or_raise(spec: Any) -> TracedOnce:
        again = _fetched_again(passes, stages, spec, raises=True)

        def render(number: tf.Tensor, element: Fetched) -> Any:
            whole = number == _own_number(element)
            rows, fetched = tf.cond(whole, lambda: element, lambda: again(number)[0])
            return render_batch(rows[:-1], fetched)

        return TracedOnce(render)

    def restored_batches(passes: Passes) -> tf.data.Dataset:
        restored = _fetched_or_missing(passes, stages, marked_rows, fetch)
        render = render_or_raise(restored.element_spec[1])
        return _last(_rendered(restored, render, stages, calls), stages, waiting)

    return restored_batches


def images_one_by_one(passes: Passes, stages: Stages, length: int) -> tf.data.Dataset:
    """Fetch and render batch after batch, and yield their images one by one.

    A file that cannot be read raises an error that names it, in place of its own image only.

    Args:
        passes: which batches.
        stages: what is done for each.
        length: images in a pass, or `tf.data.UNKNOWN_CARDINALITY`.

    Returns:
        A dataset of `length` elements, each as of `image_batches` without the axis of the batch.
    """
    if not stages.pixels.may_fail:
        batches = image_batches_on_request(_numbers(passes, stages), stages)
        return with_length(batches.unbatch(), length)
    marked_rows = _marked_rows(passes, stages)
    restored = _fetched_or_missing(passes, stages, marked_rows, _fetcher(stages))
    again = _fetched_again(passes, stages, restored.element_spec[1], raises=False)
    render, (calls, waiting) = stages.render(), stages.ahead()
    none = tf.fill([stages.batch_size], "")

    def render_what_can_be(number: tf.Tensor, element: Fetched) -> Any:
        whole = number == _own_number(element)
        (rows, fetched), errors = tf.cond(whole, lambda: (element, none), lambda: again(number))
        count = tf.math.count_nonzero(rows[0] >= 0, dtype=tf.int32)
        return errors[:count], render(rows[:-1], fetched)

    batches = _rendered(restored, render_what_can_be, stages, calls)
    images = with_length(_last(batches, stages, waiting).unbatch(), length)
    return mapped(images, _element_or_raise(passes))


def image_batches_on_request(numbers: tf.data.Dataset, stages: Stages) -> tf.data.Dataset:
    """Fetch and render batches whose numbers may wait for the batches before them.

    As of `image_batches`, but the error of a file that cannot be read does not name it.

    Args:
        numbers: int64[].
        stages: what is done for each.

    Returns:
        A dataset with one element per number, in their order, of the cardinality of `numbers`.
    """
    return _maker_of_batches_on_request(stages)(numbers)


def _maker_of_batches_on_request(stages: Stages) -> Callable[[tf.data.Dataset], tf.data.Dataset]:
    """Make `image_batches_on_request` for several datasets of numbers, traced once."""
    calls, waiting = stages.ahead()
    rows_of, render = TracedOnce(stages.rows_of), TracedOnce(stages.render())
    fetch = _fetcher(stages)

    def batches(numbers: tf.data.Dataset) -> tf.data.Dataset:
        fetched = _fetched(mapped(numbers, rows_of), stages, fetch)
        return _last(_rendered(fetched, render, stages, calls), stages, waiting)

    return batches


def batches_ahead(batch_bytes: int, cores: int, budget: int) -> tuple[int, int]:
    """Choose how many batches are rendered at once, and how many finished ones wait.

    Args:
        batch_bytes: of one finished batch.
        cores: that this process may use.
        budget: bytes for all of them; at least one is rendered and one waits, whatever it is.

    Returns:
        Both numbers.

    Example:
        >>> batches_ahead(batch_bytes=19_000_000, cores=2, budget=10**9)
        (3, 2)
    """
    # The kernels use all cores themselves; a batch more than cores hides what is not parallel.
    # Two finished batches wait for the consumer, which evens out slow files.
    calls, waiting = min(cores, 3) + 1, 2
    affordable = budget // max(batch_bytes, 1)
    if calls + waiting <= affordable:
        return calls, waiting
    return max(1, min(calls, affordable - 1)), 1


def _numbers(passes: Passes, stages: Stages) -> tf.data.Dataset:
    # TensorFlow never lets go of the functions it calls; pixels are freed with their datasets.
    held = weakref.ref(stages.pixels)

    def looked_at(ask: Callable[..., Any]) -> Callable[..., Any]:
        def look_and_ask(*number: int) -> Any:
            if (pixels := held()) is not None:
                pixels.begin_pass()
            return ask(*number)

        return look_and_ask

    goes_on = None if passes.goes_on is None else looked_at(passes.goes_on)
    return replace(passes, begin=looked_at(passes.begin), goes_on=goes_on).numbers()


def _rendered(
    fetched: tf.data.Dataset, render: Callable[..., Any], stages: Stages, calls: int
) -> tf.data.Dataset:
    if stages.rendering.preprocess is not None:
        # A user's function, image by image in a loop whose rounds should overlap: see `mapped`.
        return fetched.map(as_written(render), calls)
    return mapped(fetched, render, calls)


def _last(rendered: tf.data.Dataset, stages: Stages, waiting: int) -> tf.data.Dataset:
    options = untuned_options()
    if stages.pixels.whole_batches:
        # The optimiser copies what a function holds, at the start of every pass.
        options.experimental_optimization.apply_default_optimizations = False
    return ended_at_exit(rendered.prefetch(waiting).with_options(options))


def _fetcher(stages: Stages) -> TracedOnce:
    def fetch(*row: tf.Tensor) -> Fetched:
        return row, stages.pixels.fetch(row[0])

    return TracedOnce(fetch)


def _fetched(rows: tf.data.Dataset, stages: Stages, fetch: TracedOnce) -> tf.data.Dataset:
    """Fetch the images of every batch: elements (rows, fetched).

    Every batch is padded to the full number of rows: one static shape, so one compiled kernel.
    """
    # Rows may come from Python: those of two batches wait, so that no reader waits for them.
    rows = rows.prefetch(2)
    calls, _ = stages.ahead()
    # In order even where a user's options ask for none: gaps are filled by it. By `Dataset.map`,
    # since `mapped` runs the rounds of a loop one after the other.
    if stages.pixels.whole_batches:
        return rows.map(as_written(fetch), calls, deterministic=True)
    reads = READS_PER_CORE * available_cores()
    together = stages.pixels.together
    if together is None:
        return _fetched_in_calls(rows, fetch, stages, stages.batch_size, reads)
    split = mapped(rows, lambda *row: in_calls(row, together))
    per_batch = calls_of(stages.batch_size, together)
    # tf.data has as many batches in work as these calls make: with one, cores wait at its end.
    at_once = max(reads // together, 2 * per_batch)
    fetched = _fetched_in_calls(split, fetch, stages, per_batch, at_once)
    return mapped(fetched, lambda *element: from_calls(element, stages.batch_size))


def _fetched_in_calls(
    rows: tf.data.Dataset,
    fetch: TracedOnce,
    stages: Stages,
    per_batch: int,
    at_once: int,
) -> tf.data.Dataset:
    """Call `fetch` for each of the `per_batch` parts of every element, `at_once` of them."""
    if is_op_determinism_enabled():
        calls, _ = stages.ahead()
        loop = as_written(_in_one_function(fetch.function, at_once))
        return rows.map(loop, calls, deterministic=True)
    # Part by part, so that all cores work on the same batch and the first is early. A map calls no
    # Python, holds no lock and keeps the order. Not AUTOTUNE, which now and then settles on one
    # thread of two.
    return mapped_and_batched(rows.unbatch(), fetch, per_batch, at_once)


def _in_one_function(fetch: Callable[..., Fetched], reads: int) -> Callable[..., Fetched]:
    """Fetch the images of a batch by a loop, `reads` at once.

    Where `tf.config.experimental.enable_op_determinism` is in force, tf.data replaces a
    `map_and_batch` by a `map` and a `batch`, which begin the next batch right behind a failed row.
    """

    def fetch_all(*rows: tf.Tensor) -> Fetched:
        row_specs = tuple(tf.TensorSpec(row.shape[1:], row.dtype) for row in rows)
        traced = tf.function(fetch, input_signature=row_specs).get_concrete_function()
        spec = tf.nest.map_structure(
            lambda part: tf.TensorSpec(part.shape, part.dtype), traced.structured_outputs
        )
        fetched: Fetched = tf.map_fn(
            lambda row: fetch(*row), rows, parallel_iterations=reads, fn_output_signature=spec
        )
        return fetched

    return fetch_all


def _marked_rows(passes: Passes, stages: Stages) -> Callable[[tf.Tensor], Rows]:
    none = tf.constant(-1, tf.int64)

    def marked_rows(code: tf.Tensor) -> Rows:
        mark = passes.mark(code)
        return (
            *stages.rows_of(tf.maximum(mark[2], none)),
            tf.broadcast_to(mark, [stages.batch_size, 3]),
        )

    return marked_rows


def _fetched_or_missing(
    passes: Passes,
    stages: Stages,
    marked_rows: Callable[[tf.Tensor], Rows],
    fetch: TracedOnce,
) -> tf.data.Dataset:
    """Fetch the images of every batch: elements as of `with_gaps_filled`, marks as the last row."""
    fetched = _fetched(mapped(passes.codes(), marked_rows), stages, fetch)
    return with_gaps_filled(fetched, lambda element: element[0][-1][0], passes.length)


def _own_number(element: Fetched) -> tf.Tensor:
    return element[0][-1][0, 2]


def _fetched_again(
    passes: Passes, stages: Stages, spec: Any, *, raises: bool
) -> Callable[[tf.Tensor], tuple[Fetched, tf.Tensor]]:
    """Make the function, for a graph, that reads a failed batch image by image, in Python.

    Args:
        passes: which batches; a negative number is of a pass that could not begin.
        stages: what is done for a batch.
        spec: of an element.
        raises: whether the first file that cannot be read raises, and a pass that could not begin.

    Returns:
        From the number of the batch to its element, where images that cannot be read are any, and
        string[B], the message of each of them, empty for the others. A failure that has passed
        leaves no trace.
    """
    pixels, flat_spec = stages.pixels, tf.nest.flatten(spec)

    def error_of(index: int) -> Exception | None:
        try:
            pixels.check(index)
        except Exception as error:  # whatever a reader raises
            return error
        return None

    def fetch(number: np.int64) -> list[Any]:
        begun = number >= 0
        if not begun and (raises or not passes.whole):
            raise passes.why_not_begun()
        with tf.device("CPU:0"):
            # A pass of known length that has not begun raises for each of its images.
            rows = stages.rows_of(tf.constant(number if begun else number + passes.steps))
            indices = rows[0].numpy().tolist()
            check = error_of if begun else lambda _: passes.why_not_begun()
            errors: Errors = [check(index) if index >= 0 else None for index in indices]
            if begun and stages.on_failure is not None and any(errors):
                rows, errors = stages.on_failure.rows_to_read(
                    rows, errors, error_of, may_shorten=raises and not stages.all_full
                )
            if raises and any(errors):
                # TensorFlow writes the whole traceback into its message, if there is one.
                raise next(filter(None, errors)).with_traceback(None) from None
            bad = [error is not None for error in errors]
            index = tf.where(bad, tf.constant(-1, tf.int64), rows[0])
            fetched = _fetched_at_once(pixels, index)
            mark = tf.zeros([stages.batch_size, 3], tf.int64)
        element = [part.numpy() for part in tf.nest.flatten(((*rows, mark), fetched))]
        messages = ["" if error is None else str(error) for error in errors]
        if not begun:
            messages = [message and _NOT_BEGUN for message in messages]
        return [*element, np.array([message.encode() for message in messages], object)]

    def again(number: tf.Tensor) -> tuple[Fetched, tf.Tensor]:
        types = [*(part.dtype for part in flat_spec), tf.string]
        *parts, errors = tf.numpy_function(fetch, [number], types)
        shaped = [
            tf.ensure_shape(part, of.shape) for part, of in zip(parts, flat_spec, strict=True)
        ]
        return tf.nest.pack_sequence_as(spec, shaped), tf.ensure_shape(errors, [stages.batch_size])

    return again


def _fetched_at_once(pixels: Pixels, index: tf.Tensor) -> tuple[Any, ...]:
    """Fetch the images of a batch, outside of a graph."""
    if pixels.whole_batches:
        return pixels.fetch(index)
    calls = index if pixels.together is None else in_calls(index, pixels.together)
    parts = [pixels.fetch(each) for each in calls]
    fetched: tuple[Any, ...] = tf.nest.map_structure(lambda *each: tf.stack(each), *parts)
    return fetched if pixels.together is None else from_calls(fetched, len(index))


def _element_or_raise(passes: Passes) -> Callable[[tf.Tensor, Any], Any]:
    """Make the function from a message, string[], and an element to the element, or an error."""

    def fail(message: bytes) -> NoReturn:
        if message.decode() == _NOT_BEGUN:
            raise passes.why_not_begun()
        raise UnreadableImage(message.decode())

    def element_or_raise(message: tf.Tensor, element: Any) -> Any:
        flat = tf.nest.flatten(element)

        def failed() -> list[tf.Tensor]:
            parts = tf.numpy_function(fail, [message], [part.dtype for part in flat])
            return [tf.ensure_shape(part, of.shape) for part, of in zip(parts, flat, strict=True)]

        chosen = tf.cond(tf.strings.length(message) == 0, lambda: flat, failed)
        return tf.nest.pack_sequence_as(element, chosen)

    return element_or_raise


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
    loaded = mapped(tf.data.Dataset.range(n), image, per_core * available_cores())
    return loaded.batch(group).prefetch(2).with_options(untuned_options())


def untuned_options() -> tf.data.Options:
    """Make options without tf.data's own tuning."""
    options = tf.data.Options()
    # Nothing is left for it to tune, and its thread can sleep through the end of the pipeline:
    # deleting an iterator then waits for it, up to a minute in a long run.
    options.autotune.enabled = False
    return options
