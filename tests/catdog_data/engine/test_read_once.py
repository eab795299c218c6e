"""Images read once: in order, whatever cannot be read and whatever fails for another reason."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog_data.engine.read_once import read_once

N = 12


@settings(max_examples=10, deadline=None)
@given(
    broken=st.sets(st.integers(0, N - 1)) | st.just(set(range(N))),
    passing=st.sets(st.integers(0, N - 1)),
    order=st.permutations(range(N)),
    group=st.sampled_from([1, 5, N]),
)
def test_what_can_be_read_comes_in_order_and_the_rest_is_named(broken, passing, order, group):
    failed = set()

    def value_of(index):
        index = int(index)
        if index in broken:
            raise OSError(f"{index} is broken")
        if index in passing and index not in failed:
            failed.add(index)
            raise OSError("the network is away")
        return np.array([index, index * index])

    def load(index):
        return tf.ensure_shape(tf.numpy_function(value_of, [index], tf.int64), [2])

    def check(index):
        if index in broken:
            raise OSError(f"{index} is broken")

    values, errors = [], {}
    for loaded, more in read_once(load, check, order, group):
        values += loaded.tolist()
        errors |= more
    assert values == [[i, i * i] for i in order if i not in broken]
    assert list(errors) == [i for i in order if i in broken]
    assert all(str(error) == f"{i} is broken" for i, error in errors.items())


def test_nothing_is_read_of_nothing():
    def never(index):
        pytest.fail("there is no image")

    assert list(read_once(lambda i: i, never, [], 4)) == []
