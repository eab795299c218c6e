import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import catdog_models
from catdog_models.evaluation.evaluation import evaluate, two_columns

_SIDE = 4


def _model(units, seed=0):
    keras.utils.set_random_seed(seed)
    activation = "sigmoid" if units == 1 else "softmax"
    model = keras.Sequential(
        [
            keras.Input((_SIDE, _SIDE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation=activation),
        ]
    )
    model.compile(
        loss="binary_crossentropy" if units == 1 else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _images(number, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(number, _SIDE, _SIDE, 3)).astype(np.float32)


def _dataset(images, labels, *more, batch_size=8):
    return tf.data.Dataset.from_tensor_slices((images, labels, *more)).batch(batch_size)


def _random(classes, number=30):
    return _images(number), np.random.default_rng(2).integers(0, classes, number)


@pytest.mark.parametrize(("units", "classes"), [(1, 2), (2, 2), (3, 3)])
def test_as_keras_evaluates(units, classes):
    model = _model(units)
    images, labels = _random(classes)
    found = evaluate(model, _dataset(images, labels))
    loss, accuracy = model.evaluate(images, labels, verbose=0)
    assert found.accuracy == pytest.approx(accuracy)
    assert found.loss == pytest.approx(loss, rel=1e-5)
    output = model.predict(images, verbose=0)
    of_last = output[:, -1]
    np.testing.assert_allclose(found.probabilities[:, -1], of_last, rtol=1e-5)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    confusion = tf.math.confusion_matrix(labels, found.predictions, classes)
    np.testing.assert_array_equal(found.confusion, confusion)
    for number in range(classes):
        of_class = labels == number
        expected = (found.predictions[of_class] == number).mean()
        assert found.accuracy_by_class[number] == pytest.approx(expected)
    types = found.probabilities.dtype, found.labels.dtype, found.index.dtype
    assert types == (np.float32, np.int64, np.int64)


def test_binary_predictions_are_those_of_the_threshold():
    around_half = np.float32([0.5, np.nextafter(0.5, 0, dtype=np.float32), 0.0, 1.0])
    above = np.nextafter(np.float32(0.5), np.float32(1))
    outputs = np.concatenate([around_half, [above]]).astype(np.float32)
    predictions = two_columns(outputs[:, None]).argmax(axis=1)
    np.testing.assert_array_equal(predictions, outputs > 0.5)


@pytest.mark.parametrize(
    "form",
    [
        lambda labels: labels.astype(np.int32),
        lambda labels: labels.astype(np.float32),
        lambda labels: labels.astype(np.float32)[:, None],
        lambda labels: np.eye(2, dtype=np.float32)[labels],
    ],
)
@pytest.mark.parametrize("units", [1, 2])
def test_every_form_of_labels(form, units):
    images, labels = _random(2)
    found = evaluate(_model(units), _dataset(images, form(labels)))
    np.testing.assert_array_equal(found.labels, labels)


def test_most_confidently_wrong_images_come_first():
    model = _model(3)
    images, labels = _random(3, 50)
    found = evaluate(model, _dataset(images, labels, batch_size=7), wrong=6)
    output = model.predict(images, verbose=0)
    wrong = np.flatnonzero(output.argmax(axis=1) != labels)
    expected = wrong[np.argsort(-output.max(axis=1)[wrong])][:6]
    assert len(wrong) > 6
    np.testing.assert_array_equal(found.wrong.rows, expected)
    np.testing.assert_array_equal(found.wrong.images, images[expected])


def test_nothing_is_wrong():
    model = _model(1)
    images = _images(5)
    labels = (model.predict(images, verbose=0)[:, 0] > 0.5).astype(np.int64)
    found = evaluate(model, _dataset(images, labels))
    assert found.accuracy == 1
    assert found.wrong.rows.shape == (0,)
    assert found.wrong.images.shape == (0, _SIDE, _SIDE, 3)


def test_index_is_kept_or_counted():
    images, labels = _random(2, 10)
    index = np.int64([9, 7, 5, 3, 1, 0, 2, 4, 6, 8])
    model = _model(1)
    np.testing.assert_array_equal(evaluate(model, _dataset(images, labels, index)).index, index)
    np.testing.assert_array_equal(evaluate(model, _dataset(images, labels)).index, range(10))


def test_dropout_is_off():
    model = keras.Sequential(
        [
            keras.Input((_SIDE, _SIDE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.9),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    images, labels = _random(2)
    first, second = (evaluate(model, _dataset(images, labels)) for _ in range(2))
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


def test_a_class_without_images_has_no_accuracy():
    images, _ = _random(3)
    found = evaluate(_model(3), _dataset(images, np.zeros(len(images), np.int32)))
    assert np.isnan(found.accuracy_by_class[1:]).all()
    assert found.accuracy_by_class[0] == pytest.approx(found.accuracy)


@pytest.mark.parametrize(
    ("units", "labels", "message"),
    [
        (1, np.float32([0, 0.5, 1]), "whole class numbers"),
        (1, np.int32([0, 2, 1]), r"\[0, 2\)"),
        (3, np.int32([0, -1, 1]), "from -1 to 1"),
        (3, np.eye(4, dtype=np.float32)[:3], "3 classes apart, and the labels have 4 columns"),
        (3, np.zeros((3, 2, 2), np.float32), "Labels must be"),
    ],
)
def test_wrong_labels(units, labels, message):
    with pytest.raises(ValueError, match=message):
        evaluate(_model(units), _dataset(_images(3), labels))


@pytest.mark.parametrize(
    "output",
    [
        np.float32([[-3.0, 4.0]]),
        np.float32([[0.25, 0.25]]),
        np.float32([[1.5]]),
        np.float32([[np.nan]]),
        np.float32([[np.nan, 1.0]]),
        np.zeros((1, 2, 2), np.float32),
        np.zeros(4, np.float32),
    ],
)
def test_outputs_that_are_no_probabilities(output):
    with pytest.raises(ValueError, match="The model must return probabilities"):
        two_columns(output)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.repeat(), "must end"),
        (lambda data: data.take(0), "at least one image"),
        (lambda data: data.map(lambda images, labels: images), "Received: no tuple"),
        (lambda data: data.map(lambda i, y: (i, y, i, y)), "Received: 4 parts"),
        (lambda data: data.map(lambda i, y: (i, y, tf.ones(8))), "Leave sample weights away"),
    ],
)
def test_wrong_datasets(change, message):
    images, labels = _random(2, 8)
    with pytest.raises(ValueError, match=message):
        evaluate(_model(1), change(_dataset(images, labels)))


_ON_TWO_DEVICES = """
import numpy as np
import tensorflow as tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
import keras
from catdog_models.evaluation.evaluation import evaluate
def build():
    layers = [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.BatchNormalization()]
    return keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = build()
    model.compile("adam", "binary_crossentropy")
images = np.random.default_rng(0).random((20, 4, 4, 3), np.float32)
dataset = tf.data.Dataset.from_tensor_slices((images, np.arange(20.0)[:, None] % 2)).batch(6)
model.fit(dataset, epochs=1, verbose=0)
evaluation = evaluate(model, dataset)
# What is saved are the weights of the first device; averages of a normalisation may differ.
saved = build()
saved.set_weights(model.get_weights())
expected = saved.predict(images, verbose=0)[:, 0]
np.testing.assert_allclose(evaluation.probabilities[:, 1], expected, rtol=1e-5)
print(len(evaluation.labels))
"""


@pytest.mark.slow
def test_a_model_on_two_devices():
    done = subprocess.run(
        [sys.executable, "-c", _ON_TWO_DEVICES],
        cwd=Path(catdog_models.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "20", done.stderr[-2000:]
