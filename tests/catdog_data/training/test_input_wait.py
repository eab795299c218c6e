"""Waiting for input is distinguished from waiting for the model."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog_data import ImageDataGenerator
from catdog_data.training import input_wait
from catdog_data.training.input_wait import InputWait, _images_in, _TimedSteps

IMAGES, BATCH_SIZE = 25, 5
RANDOM = np.random.default_rng(0)
X = RANDOM.random((IMAGES, 4), np.float32)
Y = RANDOM.random((IMAGES, 2), np.float32)


def sleeps(seconds):
    def function(x):
        time.sleep(seconds)
        return x

    return function


def dataset(seconds=0.0):
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH_SIZE)
    if not seconds:
        return batches

    def slowly(x, y):
        slow = tf.numpy_function(sleeps(seconds), [x], tf.float32)
        return tf.ensure_shape(slow, x.shape), y

    return batches.map(slowly)


class Sleeping(keras.layers.Layer):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def call(self, x):
        slow = tf.numpy_function(sleeps(self.seconds), [x], tf.float32)
        return x + 0 * tf.stop_gradient(tf.ensure_shape(slow, x.shape))


def model(seconds=0.0, **options):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4,)), *([Sleeping(seconds)] if seconds else []), keras.layers.Dense(2)]
    made = keras.Sequential(layers)
    made.compile("sgd", "mse", jit_compile=False, **options)
    return made


def fitted(model, data, epochs=2, callbacks=None, **options):
    callbacks = [InputWait()] if callbacks is None else callbacks
    return model.fit(data, epochs=epochs, callbacks=callbacks, verbose=0, **options).history


def test_a_slow_input_is_waited_for():
    # The best of some epochs: others use the machine too.
    history = fitted(model(), dataset(0.04), epochs=4)
    assert max(history["input_wait"][1:]) > 0.6
    assert max(history["images_per_second"]) < 1.5 * BATCH_SIZE / 0.04


def test_a_slow_model_is_not():
    history = fitted(model(0.04), dataset(), epochs=4)
    assert min(history["input_wait"][1:]) < 0.3
    assert max(history["images_per_second"]) < 1.5 * BATCH_SIZE / 0.04


class Clock:
    """A clock that only moves when it is told to, in place of `time`."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(input_wait, "time", made)
    return made


def stepping(clock, function, steps_per_execution=1):
    made = SimpleNamespace(steps_per_execution=steps_per_execution)
    return _TimedSteps(function, made)


def test_time_is_shared_out_exactly(clock):
    def step(batches):
        assert len(list(batches)) == 1
        clock.now += 1.0
        return {"loss": np.float32(0)}

    steps = stepping(clock, step)

    def batches():
        for size in (4, 4, 2):
            if steps._last_step is not None:
                steps._last_step.result()
            clock.now += 3.0
            yield np.zeros((size, 2)), np.zeros(size)

    source = batches()
    for _ in range(3):
        steps(source)
    with pytest.raises(StopIteration):
        steps(source)
    steps._last_step.result()
    clock.now += 50.0  # of validation
    assert steps.measured() == {"input_wait": 9 / 12, "images_per_second": 10 / 12}
    steps.restart()
    assert steps.measured() == {}
    steps.close()


def test_a_device_that_still_works_waits_for_nothing(clock):
    busy = threading.Event()

    class OnDevice:
        def __array__(self, dtype=None, copy=None):
            busy.wait(10)
            return np.zeros(())

    steps = stepping(clock, lambda batches: {"loss": OnDevice()})
    batch = np.zeros((4, 2))

    def batches():
        yield batch
        clock.now += 5.0  # while the first step is under way
        yield batch
        clock.now += 5.0
        busy.set()
        steps._last_step.result()
        clock.now += 2.0  # after it
        yield batch

    source = batches()
    for _ in range(3):
        steps(source)
    assert steps.measured()["input_wait"] == pytest.approx(2 / 12)
    steps.close()


def test_images_are_counted_in_whatever_fit_takes():
    x, y = np.zeros((7, 4)), np.zeros(7)
    assert _images_in((x, y)) == 7
    assert _images_in(({"images": x, "tables": x}, None, y)) == 7
    assert _images_in((None, x)) == 7
    assert _images_in((tf.ragged.constant([[1], [2, 3]]),)) == 2
    assert _images_in(()) == 0


@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 3}, {"run_eagerly": True}])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_training_is_the_same(options, known):
    data = dataset() if known else dataset().filter(lambda x, y: True)
    plain, timed = model(**options), model(**options)
    expected = fitted(plain, data, callbacks=[])
    history = fitted(timed, data)
    assert history["loss"] == expected["loss"]
    for ours, theirs in zip(timed.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(history["input_wait"]) == 2
    assert all(0 <= share <= 1 for share in history["input_wait"])


def test_arrays_and_validation(capsys):
    trained = model()
    trained.fit(X, Y, verbose=2, callbacks=[InputWait()], validation_data=dataset())
    assert {"val_loss", "input_wait", "images_per_second"} < set(trained.history.history)
    assert "input_wait: " in capsys.readouterr().out


def test_the_iterator_of_a_generator(photos):
    iterator = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        photos, target_size=(16, 16), class_mode="binary", batch_size=6, seed=1
    )
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    network = keras.Sequential(layers)
    network.compile("sgd", "mse", jit_compile=False)
    history = fitted(network, iterator)
    assert len(history["images_per_second"]) == 2
    assert all(0 <= share <= 1 for share in history["input_wait"])


def test_tensorboard_is_given_both(tmp_path):
    history = fitted(model(), dataset(), callbacks=[InputWait(log_dir=tmp_path)])
    (path,) = tmp_path.iterdir()
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    assert set(found) == {"input_wait", "images_per_second"}
    for name, values in found.items():
        assert values == pytest.approx(history[name], rel=1e-5)


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_an_interrupted_run_leaves_a_model_that_trains():
    trained = model()
    with pytest.raises(KeyboardInterrupt):
        fitted(trained, dataset(), callbacks=[InputWait(), Interrupt()])
    assert "input_wait" not in fitted(trained, dataset(), callbacks=[])
    assert len(fitted(trained, dataset())["input_wait"]) == 2
    assert not isinstance(trained.train_function, _TimedSteps)


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    callback = InputWait()
    with pytest.raises(ValueError, match=r"TensorFlow backend; it runs on 'jax'\. Set"):
        callback.on_train_begin()
