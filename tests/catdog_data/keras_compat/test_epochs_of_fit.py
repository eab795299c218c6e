"""Every batch that `fit` sees, epoch after epoch, against those of Keras' own generator."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from test_keras_parity import RECIPE

from catdog_data import ImageDataGenerator


class Recorder(keras.Model):
    """Keeps the images and labels of every step, and trains nothing."""

    def __init__(self, **options):
        super().__init__()
        self.seen = []
        self.compile(**options)

    def train_step(self, data):
        tf.numpy_function(lambda *batch: self.seen.append(batch), data[:2], [])
        return {"loss": tf.constant(0.0)}

    test_step = train_step

    def call(self, x):
        return x


class Draw(keras.callbacks.Callback):
    """Takes from NumPy's stream between some epochs and not between others."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch in (1, 4):
            np.random.random_sample()

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            np.random.random_sample(7)


class Stop(keras.callbacks.Callback):
    """Ends training in the middle of the fourth epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (3, 1):
            self.model.stop_training = True


def flow_of(generator, photos, **options):
    options = {"target_size": (16, 16), "class_mode": "binary", "batch_size": 4, **options}
    return generator.flow_from_directory(str(photos), **options)


def outcome_of(
    make_generator,
    photos,
    settings,
    fits,
    callbacks=(),
    validation=None,
    options=None,
    compiled=None,
):
    np.random.seed(3)
    model = Recorder(**(compiled or {}))
    train = flow_of(make_generator(**settings), photos, **(options or {}))
    plain = None
    if validation is not None:
        plain = flow_of(make_generator(rescale=1 / 255.0), photos, **validation)
    for epochs in fits:
        model.fit(
            train,
            epochs=epochs,
            shuffle=False,
            callbacks=[make() for make in callbacks],
            validation_data=plain,
            verbose=0,
        )
    left = [train.total_batches_seen, train.index_array, np.random.random_sample()]
    return model.seen, left


@pytest.mark.parametrize("seed", [5, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("settings", "rest"),
    [
        (RECIPE, {"fits": [6], "callbacks": [Draw]}),
        (RECIPE, {"fits": [4, 1, 4]}),
        (RECIPE, {"fits": [4], "validation": {"shuffle": False}}),
        ({}, {"fits": [5], "options": {"batch_size": 19}}),
        (RECIPE, {"fits": [4, 1], "compiled": {"steps_per_execution": 5}}),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (
                (RECIPE, {"fits": [5]}),
                (RECIPE, {"fits": [4], "validation": {"seed": 2}}),
                ({}, {"fits": [6], "validation": {}, "callbacks": [Draw]}),
                ({}, {"fits": [5], "options": {"shuffle": False}}),
                (RECIPE, {"fits": [3, 3], "compiled": {"steps_per_execution": 2}}),
            )
        ),
    ],
    ids=str,
)
def test_fit_sees_the_batches_of_keras(photos, seed, settings, rest):
    rest = {**rest, "options": {"seed": seed, **rest.get("options", {})}}
    outcomes = [
        outcome_of(each, photos, settings, **rest) for each in (KerasGenerator, ImageDataGenerator)
    ]
    (expected, left_by_keras), (got, left) = outcomes
    assert len(got) == len(expected)
    for one, other in zip(expected, got, strict=True):
        for part_of_keras, part in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, part_of_keras)
    for value_of_keras, value in zip(left_by_keras, left, strict=True):
        np.testing.assert_array_equal(value, value_of_keras)


@pytest.mark.parametrize("seed", [5, None])
def test_an_epoch_behind_one_that_was_left_is_whole(photos, seed):
    train = flow_of(ImageDataGenerator(), photos, seed=seed)
    model = Recorder()
    model.fit(train, epochs=5, callbacks=[Stop()], verbose=0)
    assert len(model.seen) == 3 * 5 + 2
    model.seen.clear()
    model.fit(train, epochs=4, verbose=0)
    expected = sorted(image.sum() for k in range(5) for image in train[k][0])
    for epoch in range(4):
        images = [image for x, _ in model.seen[5 * epoch : 5 * epoch + 5] for image in x]
        np.testing.assert_array_equal(sorted(image.sum() for image in images), expected)
    assert len(model.seen) == 4 * 5


def test_settings_changed_between_epochs_count(photos):
    train = flow_of(ImageDataGenerator(**RECIPE), photos, seed=5)

    class Calm(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 3:
                train.seed = 900

    class CalmOfKeras(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 3:
                theirs.seed = 900

    theirs = flow_of(KerasGenerator(**RECIPE), photos, seed=5)
    seen = []
    for flow, callback in ((theirs, CalmOfKeras()), (train, Calm())):
        np.random.seed(3)
        model = Recorder()
        model.fit(flow, epochs=6, shuffle=False, callbacks=[callback], verbose=0)
        seen.append([x for x, _ in model.seen])
    for expected, got in zip(*seen, strict=True):
        np.testing.assert_array_equal(got, expected)
