"""`class_weight` under `fit`, against Keras' own rule and Keras' own path for a `PyDataset`."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from keras.src.trainers import data_adapters
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

from catdog_data import ImageDataGenerator
from catdog_data.keras_compat.class_weights import weigher, with_class_weights

CLASSES = np.array([0, 1, 2, 1])
SCORES = np.array([[3, 1, 0], [0, 1, 1], [0, 0, 2], [7, 7, 7]])
LABELS = {"(N,)": CLASSES, "(N, 1)": CLASSES[:, None], "(N, K)": SCORES}
TYPES = ["int32", "int64", "uint8", "bool", "float16", "float32", "float64"]
KEYS = {
    "int": {0: 1, 1: 5, 2: 7},
    "float": {0.0: 1, 1.0: 5, 2.0: 7},
    "np.int64": {np.int64(0): 2.5, np.int64(2): 7},
    "np.float32": {np.float32(1): np.float64(0.1)},
    "bool": {False: 3, True: 5},
    "others": {Fraction(1): 2, Decimal(2): np.float32(0.3)},
    "none": {},
}


def recorded(labels, class_weight):
    """The weights that a dataset of one batch gets."""
    batch = (np.zeros((len(labels), 1)), labels)
    dataset = with_class_weights(tf.data.Dataset.from_tensors(batch), class_weight)
    (element,) = dataset
    assert len(element) == 3
    np.testing.assert_array_equal(element[1], labels)
    return element[2].numpy()


def assert_keras_weights(labels, class_weight):
    expected = class_weight_to_sample_weights(labels, class_weight)
    got = weigher(class_weight)(tf.constant(labels)).numpy()
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == expected.dtype


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("shape", LABELS)
def test_each_shape_type_and_kind_of_key(shape, keys):
    for type_ in TYPES:
        assert_keras_weights(LABELS[shape].astype(type_), KEYS[keys])


def test_the_labels_of_cifar():
    labels = np.array([[0], [1], [2], [1]], np.uint8)
    np.testing.assert_array_equal(recorded(labels, {0: 1, 1: 5, 2: 7}), [1, 5, 7, 5])


NAN = float("nan")


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0.5, 1.5, 2.5, -0.5, 1.49, -1.0], np.float32),
        np.array([-1, 255, 256, 2**31 - 1]),
        np.array([2**32 + 1, 2**31, -(2**31) - 1]),
        np.array([[2**31]], np.uint32),
        np.array([[2**64 - 1, 0], [0, 2**64 - 1]], np.uint64),
        np.array([[0.1, NAN, NAN], [NAN, 1, 2], [-np.inf] * 3, [1, np.inf, np.inf], [2, 2, 1]]),
        np.array([[1.4], [2.6], [-3.5]]),
    ],
    ids=str,
)
def test_labels_that_are_no_plain_classes(labels):
    weights = {**{number: number + 11 for number in range(-4, 4)}, 255: 3, 2**31 - 1: 4}
    assert_keras_weights(labels, weights)


def test_equals_among_many_classes():
    labels = np.random.default_rng(1).integers(0, 2, (40, 1000)).astype(np.float32)
    assert_keras_weights(labels, {number: number / 7 for number in range(1000)})


def test_a_batch_decides_by_its_own_width():
    batches = [np.array([[2.0], [1.0]]), np.array([[0.0, 1.0, 0.0]])]
    dataset = tf.data.Dataset.from_generator(
        lambda: ((labels, labels) for labels in batches),
        output_signature=(tf.TensorSpec([None, None], tf.float64),) * 2,
    )
    weights = {1: 5, 2: 7}
    for labels, element in zip(batches, with_class_weights(dataset, weights), strict=True):
        np.testing.assert_array_equal(element[2], class_weight_to_sample_weights(labels, weights))


@pytest.mark.parametrize("class_weight", [{-1: 3, 2**40: 9, -(2**40): 8, 1: 5}, pd.Series([2, 3])])
def test_keys_that_no_label_has_and_mappings_that_are_no_dict(class_weight):
    assert_keras_weights(np.array([-1, 0, 1, 2**31 - 1]), class_weight)


def test_the_float_type_of_keras():
    keras.config.set_floatx("float64")
    try:
        assert_keras_weights(CLASSES, {1: 0.1})
    finally:
        keras.config.set_floatx("float32")


@pytest.mark.parametrize("key", ["1", "cats", 1.5, None, NAN, float("inf"), (1,)])
def test_a_key_that_is_no_class_is_named(key):
    with pytest.raises(ValueError, match="`class_weight` must have the numbers") as refused:
        recorded(CLASSES, {0: 1.0, key: 2.0})
    assert repr(key) in str(refused.value)


@pytest.mark.parametrize("class_weight", [[1.0, 2.0], np.ones(2), 3.0])
def test_weights_without_classes_are_refused(class_weight):
    with pytest.raises(TypeError, match=r"must be a dict .* dict\(enumerate\(weights\)\)"):
        recorded(CLASSES, class_weight)


@pytest.mark.parametrize("weight", ["heavy", [1.0, 2.0]])
def test_a_weight_that_is_no_number_is_named(weight):
    with pytest.raises(TypeError, match="for the class 2") as refused:
        recorded(CLASSES, {2: weight})
    assert repr(weight) in str(refused.value)


@pytest.mark.parametrize(
    "labels", [np.array(["a", "b"]), np.zeros((2, 4, 4, 3)), np.zeros((2, 1, 1)), np.zeros(2) + 0j]
)
def test_labels_that_are_no_classes_are_named(labels):
    with pytest.raises(ValueError, match="`class_weight` needs labels that are classes"):
        recorded(labels, {1: 2.0})


IMAGES = np.random.default_rng(0).uniform(0, 255, (7, 4, 4, 3))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ((np.zeros(7), np.ones(7)), "You cannot specify `class_weight` and `sample_weight`"),
        (((np.zeros(7), np.ones(7)),), "only supported for Models with a single output"),
    ],
)
def test_weights_and_several_outputs_are_refused(rest, message):
    dataset = tf.data.Dataset.from_tensors((IMAGES, *rest))
    with pytest.raises(ValueError, match=message):
        with_class_weights(dataset, {1: 2.0})


@pytest.mark.parametrize("element", [IMAGES, (IMAGES,)])
def test_images_alone_stay_as_they_are(element):
    dataset = tf.data.Dataset.from_tensors(element)
    assert with_class_weights(dataset, {1: 2.0}).element_spec == dataset.element_spec


class Recorder(keras.Model):
    """A model that notes what `fit` gives it."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def train_step(self, data):
        self.seen.append([np.array(each) for each in data[1:]])
        return {"loss": tf.zeros([])}


def seen_by_fit(flow, class_weight):
    model = Recorder()
    model.compile(run_eagerly=True)
    model.fit(flow, shuffle=False, class_weight=class_weight, verbose=0)
    return [each for batch in model.seen for each in batch]


def frame_of(photos):
    files = sorted(path.relative_to(photos).as_posix() for path in photos.glob("cats/*.jpg"))
    return pd.DataFrame({"filename": files, "number": np.arange(len(files)) % 3})


@pytest.mark.parametrize(
    "make",
    [
        lambda generator, photos: generator.flow(
            IMAGES, (np.arange(7) % 3)[:, None].astype(np.uint8), batch_size=4, shuffle=False
        ),
        lambda generator, photos: generator.flow_from_dataframe(
            frame_of(photos),
            photos,
            y_col=["number"],
            class_mode="raw",
            target_size=(8, 8),
            batch_size=8,
            seed=3,
        ),
    ],
    ids=["array", "frame"],
)
def test_fit_records_the_weights_of_keras(photos, make):
    outcomes = []
    for class_ in (KerasGenerator, ImageDataGenerator):
        flow = make(class_(), photos)
        chosen = data_adapters.get_data_adapter(flow, class_weight={1: 5})
        assert (type(chosen).__name__ == "PipelineAdapter") == (class_ is ImageDataGenerator)
        flow = make(class_(), photos)
        outcomes.append(seen_by_fit(flow, {0: 1, 1.0: 5, np.int64(2): 7}))
    for expected, got in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype
    assert set(outcomes[1][1].tolist()) == {1, 5, 7}
