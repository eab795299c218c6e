"""Mapped functions do what `Dataset.map` and `map_and_batch` do."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import tensorflow as tf

from catdog_data.engine.mapping import (
    is_function_of_element,
    mapped,
    mapped_again,
    mapped_and_batched,
)
from catdog_data.engine.render import Rendering, images_renderer

ELEMENTS = {
    "a tensor": tf.range(7),
    "a tuple": (tf.range(7), tf.range(14.0)[::2]),
    "a dictionary": {"image": tf.range(7), "weights": (tf.ones([7, 2]), tf.zeros([7]))},
    "strings": tf.constant(list("abcdefg")),
}
FUNCTIONS = {
    "the same": lambda *parts: parts[0] if len(parts) == 1 else parts,
    "more": lambda *parts: {"parts": parts, "constant": 3, "vector": tf.ones([2])},
    "unknown shapes": lambda *parts: tf.range(
        tf.random.stateless_uniform([], [1, 2], 1, 9, tf.int32)
    ),
}


def as_arrays(dataset):
    return [tf.nest.map_structure(np.asarray, element) for element in dataset.as_numpy_iterator()]


@pytest.mark.parametrize("calls", [None, 3])
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("elements", ELEMENTS.values(), ids=ELEMENTS)
def test_mapped_is_map(elements, function, calls):
    source = tf.data.Dataset.from_tensor_slices(elements)
    expected = source.map(function, num_parallel_calls=calls)
    got = mapped(source, function, calls)
    assert got.element_spec == expected.element_spec
    assert got.cardinality() == expected.cardinality()
    for ours, theirs in zip(as_arrays(got), as_arrays(expected), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)


def test_batches_keep_their_borders_behind_an_error():
    def checked(i):
        with tf.control_dependencies([tf.debugging.assert_none_equal(i, np.int64(4))]):
            return tf.identity(i), i * 10

    dataset = mapped_and_batched(tf.data.Dataset.range(9), checked, batch_size=3, calls=2)
    assert dataset.cardinality() == 3
    batches = iter(dataset)
    np.testing.assert_array_equal(next(batches)[1], [0, 10, 20])
    with pytest.raises(tf.errors.InvalidArgumentError):
        next(batches)
    np.testing.assert_array_equal(next(batches)[0], [6, 7, 8])


def test_a_function_lives_as_long_as_what_is_made_from_it():
    kept = tf.constant(5, tf.int64)
    dataset = mapped(mapped(tf.data.Dataset.range(3), lambda i: i + kept), lambda i: i * 2, 2)
    dataset = dataset.batch(2).prefetch(1)
    iterator = iter(dataset)
    del dataset
    gc.collect()
    assert [batch.numpy().tolist() for batch in iterator] == [[10, 12], [14]]


def test_a_variable_has_its_value_of_each_moment():
    step = tf.Variable(1, dtype=tf.int64)
    dataset = mapped(tf.data.Dataset.range(2), lambda i: i * step)
    assert list(dataset.as_numpy_iterator()) == [0, 1]
    step.assign(7)
    assert list(dataset.as_numpy_iterator()) == [0, 7]


class Unhashable:
    """A function that a user may give."""

    __hash__ = None

    def __eq__(self, other):
        return True

    def __call__(self, images):
        return images + 1


def test_renderers_are_made_once_for_the_same_settings():
    assert images_renderer(Rendering((2, 3))) is images_renderer(Rendering((2, 3)))
    assert images_renderer(Rendering((2, 3))) is not images_renderer(Rendering((2, 4)))
    python, numpy = (Rendering((2, 3), rescale=each) for each in (0.1, np.float64(0.1)))
    assert images_renderer(python) is not images_renderer(numpy)
    unhashable = Rendering((2, 3), preprocess=Unhashable())
    assert images_renderer(unhashable) is not images_renderer(unhashable)


@pytest.mark.parametrize("options", [{}, {"num_parallel_calls": 3}, {"num_parallel_calls": -1}])
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("elements", ELEMENTS.values(), ids=ELEMENTS)
def test_mapped_again_is_the_same_map(elements, function, options):
    source = tf.data.Dataset.from_tensor_slices(elements)
    like = source.map(function, **options)
    assert is_function_of_element(like)
    expected = as_arrays(source.skip(2).map(function, **options))
    again = mapped_again(source.skip(2), like)
    assert again.element_spec == like.element_spec
    tf.nest.map_structure(np.testing.assert_array_equal, as_arrays(again), expected)


VARIABLE = tf.Variable(1.0, trainable=False)


@pytest.mark.parametrize(
    "function",
    [
        lambda i: i + tf.random.uniform([], 0, 9, tf.int64),
        lambda i: tf.cast(i, tf.float32) * VARIABLE,
        lambda i: tf.cond(i > 3, lambda: tf.cast(i, tf.float32), lambda: 1.0 * VARIABLE),
        lambda i: tf.numpy_function(lambda x: x, [i], tf.int64),
        lambda i: tf.function(lambda: tf.timestamp())(),
        lambda i: tf.ragged.range(tf.stack([i, i])),
    ],
    ids=["draw", "variable", "branch", "Python", "call", "ragged"],
)
def test_a_function_with_state_is_no_function_of_its_element(function):
    assert not is_function_of_element(tf.data.Dataset.range(7).map(function))


def test_elements_in_any_order_are_no_functions_of_those_mapped():
    mixed = tf.data.Dataset.range(7).map(lambda i: i, 2, deterministic=False)
    assert not is_function_of_element(mixed)
