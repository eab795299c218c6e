"""Functions mapped over datasets, in the form that takes least to build and to begin a pass.

`Dataset.map` has AutoGraph rewrite each function first, which takes half of the time that a dataset
takes to build; nothing here is written for AutoGraph. And at the start of every pass it sets each
function up for several devices, which takes half of the time to the first batch; a function with
the attribute below is set up for the processor alone. In such a function the rounds of a loop
(`tf.map_fn`) run one after the other: one whose rounds should overlap is mapped by `Dataset.map`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

_FOR_ONE_DEVICE = {"experimental_ints_on_device": True}
"""Read by tf.data's runtime; one that does not know it sets the function up as ever."""


class TracedOnce:
    """A function that is traced for the first dataset that it is mapped over.

    Args:
        function: of the elements of several datasets of one structure.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.traced: tuple[Any, Any] | None = None

    def __call__(self, *element: Any) -> Any:
        """Call the function."""
        return self.function(*element)


def mapped(
    dataset: tf.data.Dataset,
    function: Callable[..., Any],
    calls: int | None = None,
    *,
    deterministic: bool | None = None,
) -> tf.data.Dataset:
    """Do as `Dataset.map`.

    Args:
        dataset: of tensors in any structure.
        function: of an element, the parts of a tuple one by one; it is traced once, as it is.
        calls: how many run at once; None for one, in turn.
        deterministic: whether the order is kept; None as the dataset's options have it.

    Returns:
        A dataset of the same cardinality.

    Example:
        >>> list(mapped(tf.data.Dataset.range(3), lambda i: i * i).as_numpy_iterator())
        [np.int64(0), np.int64(1), np.int64(4)]
    """
    traced, spec = _traced(dataset, function)
    common = _arguments(dataset, traced, spec)
    if calls is None:
        variant = tf.raw_ops.MapDataset(**common)
    else:
        order = "default" if deterministic is None else str(deterministic).lower()
        variant = tf.raw_ops.ParallelMapDatasetV2(
            num_parallel_calls=tf.constant(calls, tf.int64), deterministic=order, **common
        )
    return _of(variant, spec, traced, dataset)


def mapped_and_batched(
    dataset: tf.data.Dataset, function: Callable[..., Any], batch_size: int, calls: int
) -> tf.data.Dataset:
    """Do as `tf.data.experimental.map_and_batch`: one operation, whose batches keep their borders.

    Args:
        dataset: of tensors in any structure, a multiple of `batch_size` of them.
        function: as for `mapped`; its results have static shapes.
        batch_size: elements in a batch.
        calls: how many run at once.

    Returns:
        A dataset of batches; one in which an element raises is an error, and the next is whole.
    """
    traced, spec = _traced(dataset, function)
    batched = tf.nest.map_structure(
        lambda part: tf.TensorSpec([batch_size, *part.shape], part.dtype), spec
    )
    variant = tf.raw_ops.MapAndBatchDataset(
        batch_size=tf.constant(batch_size, tf.int64),
        num_parallel_calls=tf.constant(calls, tf.int64),
        drop_remainder=True,
        **{**_arguments(dataset, traced, spec), "output_shapes": _shapes(batched)},
    )
    return _of(variant, batched, traced, dataset)


def mapped_again(dataset: tf.data.Dataset, like: tf.data.Dataset) -> tf.data.Dataset:
    """Map over another dataset what `Dataset.map` has mapped, without tracing it again.

    Args:
        dataset: of the structure of that which was mapped.
        like: a result of `Dataset.map`.
    """
    spec, traced = like.element_spec, like._map_func.function
    common = _arguments(dataset, traced, spec)
    if hasattr(like, "_num_parallel_calls"):
        calls, order = like._num_parallel_calls, like._deterministic
        variant = tf.raw_ops.ParallelMapDatasetV2(
            num_parallel_calls=calls, deterministic=order, **common
        )
    else:
        variant = tf.raw_ops.MapDataset(**common)
    return _of(variant, spec, like, dataset)


def is_function_of_element(mapped: tf.data.Dataset) -> bool:
    """Tell whether elements depend on those mapped alone, in their order, whenever it is done.

    Then `mapped_again` makes the same. Elements with other parts than tensors are left out.

    Args:
        mapped: a result of `Dataset.map`, with a function of any kind.
    """
    if getattr(mapped, "_deterministic", "default") == "false":
        return False
    traced = getattr(getattr(mapped, "_map_func", None), "function", None)
    parts = tf.nest.flatten(mapped.element_spec)
    if traced is None or not all(type(part) is tf.TensorSpec for part in parts):
        return False
    has_state = any(op.op_def.is_stateful for op in traced.graph.get_operations())
    holds_state = any(each.dtype in (tf.resource, tf.variant) for each in traced.captured_inputs)
    return not has_state and not holds_state


def as_written(function: Callable[..., Any]) -> Any:
    """Keep AutoGraph from rewriting a function, for the other methods of datasets."""
    plain = function.function if isinstance(function, TracedOnce) else function
    return tf.autograph.experimental.do_not_convert(plain)


def _traced(dataset: tf.data.Dataset, function: Callable[..., Any]) -> tuple[Any, Any]:
    """Trace a function of a dataset's elements; return also the structure of its results."""
    if isinstance(function, TracedOnce):
        function.traced = function.traced or _traced(dataset, function.function)
        return function.traced
    structures: list[Any] = []
    spec = dataset.element_spec

    def flat_function(*parts: tf.Tensor) -> list[tf.Tensor]:
        element = tf.nest.pack_sequence_as(spec, parts)
        result = function(*element) if type(spec) is tuple else function(element)
        result = tf.nest.map_structure(tf.convert_to_tensor, result)
        structures.append(
            tf.nest.map_structure(lambda part: tf.TensorSpec(part.shape, part.dtype), result)
        )
        return tf.nest.flatten(result)  # type: ignore[no-any-return]

    traced = tf.function(
        flat_function,
        input_signature=tf.nest.flatten(spec),
        autograph=False,
        experimental_attributes=_FOR_ONE_DEVICE,
    ).get_concrete_function()
    return traced, structures[-1]


def _arguments(dataset: tf.data.Dataset, traced: Any, spec: Any) -> dict[str, Any]:
    return {
        "input_dataset": tf.data.experimental.to_variant(dataset),
        "other_arguments": traced.captured_inputs,
        "f": traced,
        "output_types": [part.dtype for part in tf.nest.flatten(spec)],
        "output_shapes": _shapes(spec),
        "preserve_cardinality": True,
    }


def _shapes(spec: Any) -> list[tf.TensorShape]:
    return [part.shape for part in tf.nest.flatten(spec)]


def _of(variant: tf.Tensor, spec: Any, traced: Any, source: tf.data.Dataset) -> tf.data.Dataset:
    dataset = tf.data.experimental.from_variant(variant, spec)
    # The operation knows the function by its name: it lives as long as somebody holds it.
    dataset._kept = traced, source
    return dataset
