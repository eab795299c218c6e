"""Weights of classes, against the formula of scikit-learn's `class_weight="balanced"`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog_data.sources.class_weights import classes_in_labels, weights_of_classes


def as_scikit_learn(y):
    """`sklearn.utils.class_weight.compute_class_weight("balanced", classes=np.unique(y), y=y)`."""
    classes, ranks = np.unique(y, return_inverse=True)
    weights = len(y) / (len(classes) * np.bincount(ranks).astype(np.float64))
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


@given(st.lists(st.integers(-3, 9), min_size=1, max_size=60))
def test_weights_are_those_of_scikit_learn(labels):
    weights = weights_of_classes(np.array(labels, np.int32))
    assert weights == as_scikit_learn(labels)
    assert all(type(key) is int and type(value) is float for key, value in weights.items())
    # All classes count the same, and an image 1 on average.
    by_class = [weights[each] * labels.count(each) for each in weights]
    np.testing.assert_allclose(by_class, len(labels) / len(weights))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "uint64", "float16", "float64"])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_classes_of_any_type(dtype, shape):
    labels = np.array([1, 0, 1, 1])
    found = classes_in_labels(labels.astype(dtype).reshape(shape))
    np.testing.assert_array_equal(found, labels)
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0.5, 1]),
        np.array([np.nan, 1]),
        np.array([np.inf, 1]),
        np.array([2**63], np.uint64),
        np.array(["a", "b"]),
        np.array([1j, 2]),
        np.array([[1, 1], [0, 1]]),
        np.array([[0, 0], [0, 1]]),
        np.array([[0, 2], [0, 1]]),
        np.zeros((0,)),
        np.zeros((2, 1, 1)),
        np.array(3),
    ],
    ids=str,
)
def test_labels_that_are_no_classes(labels):
    assert classes_in_labels(labels) is None


def test_no_classes_have_no_weights():
    with pytest.raises(ValueError, match="`class_weights` needs labels that are classes"):
        weights_of_classes(None)
