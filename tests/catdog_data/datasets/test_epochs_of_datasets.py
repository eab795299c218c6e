"""What `fit` sees of a dataset, epoch after epoch, against epochs read each on its own."""

from __future__ import annotations

import gc
import shutil

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from tensorflow.python.data.ops import iterator_ops

from catdog_data import Augmentation, InputPosition, Position, image_dataset_from_directory

EPOCHS = 5


def dataset_of(photos, **options):
    options = {"augmentation": Augmentation(rotation=20, horizontal_flip=True), **options}
    return image_dataset_from_directory(
        photos, image_size=16, batch_size=4, seed=3, verbose=False, **options
    )


def images_of(batches):
    return [images.numpy() for images, *_ in batches]


@pytest.fixture(scope="module")
def expected(photos):
    """Every epoch, of a dataset whose only pass it is."""
    dataset = dataset_of(photos)
    return [images_of(dataset.resume(epoch, 0)) for epoch in range(EPOCHS + 2)]


def check(got, expected):
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def joined(epochs):
    return [batch for epoch in epochs for batch in epoch]


class Recorder(keras.Model):
    """Keeps the images, and weights if any, of every step, and trains nothing."""

    def __init__(self, **options):
        super().__init__()
        self.seen, self.tested, self.weights_seen = [], [], []
        self.compile(**options)

    def train_step(self, data):
        tf.numpy_function(lambda images: self.seen.append(images), data[:1], [])
        if len(data) > 2:
            tf.numpy_function(lambda *pair: self.weights_seen.append(pair), data[1:], [])
        return {"loss": tf.constant(0.0)}

    def test_step(self, data):
        tf.numpy_function(lambda images: self.tested.append(images), data[:1], [])
        return {"loss": tf.constant(0.0)}

    def call(self, x):
        return x


class At(keras.callbacks.Callback):
    """Does something at one batch of one epoch."""

    def __init__(self, epoch, batch, do):
        super().__init__()
        self.at, self.do = (epoch, batch), do

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            self.do(self.model)


def stop(model):
    model.stop_training = True


def fail(model):
    raise RuntimeError("of a callback")


@pytest.fixture
def iterators(monkeypatch):
    """The datasets that iterators are made of, one for each."""
    made = []
    original = iterator_ops.OwnedIterator.__init__

    def counted(self, dataset=None, **components):
        # Without a dataset, one stands for another while Keras' step is traced.
        made.extend([dataset] if dataset is not None else [])
        original(self, dataset, **components)

    monkeypatch.setattr(iterator_ops.OwnedIterator, "__init__", counted)
    return made


@pytest.mark.parametrize("fits", [[EPOCHS], [2, 3]], ids=str)
@pytest.mark.parametrize("options", [{}, {"cache": "memory"}], ids=["files", "memory"])
def test_fit_sees_epoch_after_epoch(photos, expected, iterators, fits, options):
    dataset, model = dataset_of(photos, **options), Recorder()
    iterators.clear()
    for epochs in fits:
        model.fit(dataset, epochs=epochs, verbose=0)
    # One for the first epoch, which may be the only one, and one for all others.
    assert len(iterators) == 2 * len(fits)
    check(model.seen, joined(expected[:EPOCHS]))
    check(images_of(dataset), expected[EPOCHS])


def test_operations_on_elements_keep_the_pipeline(photos, expected, iterators):
    options = tf.data.Options()
    options.threading.private_threadpool_size = 4
    scaled = dataset_of(photos).map(lambda x, y: (2 * x, y)).with_options(options)
    dataset = scaled.map(lambda x, y: (x / 2, y), 2).prefetch(1)
    model = Recorder()
    model.fit(dataset, epochs=EPOCHS, verbose=0)
    assert len(iterators) == 2
    check(model.seen, joined(expected[:EPOCHS]))


@pytest.mark.parametrize("parallel", [{}, {"num_parallel_calls": 2}], ids=["one", "two"])
def test_a_function_with_state_is_called_in_its_epoch(photos, expected, parallel):
    scale = tf.Variable(1.0)
    dataset, model = dataset_of(photos).map(lambda x, y: (scale * x, y), **parallel), Recorder()
    last = len(expected[0]) - 1
    double = At(1, last, lambda _: scale.assign(2.0))
    model.fit(dataset, epochs=4, callbacks=[double], verbose=0)
    check(model.seen, joined(expected[:2]) + [2 * x for x in joined(expected[2:4])])


def test_a_function_is_traced_once(photos):
    traced = []
    dataset = dataset_of(photos).map(lambda x, y: (traced.append(x), (x, y))[1])
    Recorder().fit(dataset, epochs=3, verbose=0)
    assert len(traced) == 1


@pytest.mark.parametrize("do", [stop, fail])
@pytest.mark.parametrize("batch", [0, 2])
def test_an_epoch_that_is_left_counts(photos, expected, do, batch):
    dataset, model = dataset_of(photos), Recorder()
    try:
        model.fit(dataset, epochs=4, callbacks=[At(1, batch, do)], verbose=0)
    except RuntimeError as error:
        assert do is fail and "of a callback" in str(error)
    model.fit(dataset, epochs=2, verbose=0)
    check(model.seen, expected[0] + expected[1][: batch + 1] + expected[2] + expected[3])


def test_a_batch_that_fails_moves_no_other(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "photos")
    path = next(folder.rglob("*.jpg"))
    path.write_bytes(path.read_bytes()[:-40])
    options = {"image_size": 16, "batch_size": 4, "seed": 3, "verbose": False}
    dataset = image_dataset_from_directory(folder, **options)

    def outcome_of(iterator):
        try:
            return next(iterator)[0].numpy()
        except tf.errors.OpError as error:
            assert path.name in str(error)
            return np.zeros(0)

    steps, epochs = len(dataset), dataset.epochs_in_turn()
    for epoch in range(8):
        alone = iter(dataset.resume(epoch, 0))
        iterator = epochs.begin()
        got = [outcome_of(iterator) for _ in range(steps)]
        epochs.complete()
        check(got, [outcome_of(alone) for _ in range(steps)])


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7])
def test_several_steps_at_once(photos, expected, steps):
    dataset, model = dataset_of(photos), Recorder(steps_per_execution=steps)
    model.fit(dataset, epochs=4, verbose=0)
    check(model.seen, joined(expected[:4]))


def test_steps_per_epoch(photos, expected):
    dataset, model = dataset_of(photos), Recorder()
    model.fit(dataset, epochs=2, steps_per_epoch=2, verbose=0)
    check(model.seen, expected[0][:4])
    model.fit(dataset, epochs=1, verbose=0)
    check(model.seen[4:], expected[1])


def test_validation_and_evaluation(photos, expected):
    train, model = dataset_of(photos), Recorder()
    valid = dataset_of(photos)
    model.fit(train, epochs=4, validation_data=valid, verbose=0)
    check(model.seen, joined(expected[:4]))
    check(model.tested, joined(expected[:4]))
    model.evaluate(valid, verbose=0)
    check(model.tested[-len(expected[4]) :], expected[4])
    predicted = model.predict(valid.map(lambda x, y: x), verbose=0)
    check(predicted, np.concatenate(expected[5]))


def test_one_dataset_for_training_and_validation(photos, expected):
    dataset, model = dataset_of(photos), Recorder()
    model.fit(dataset, epochs=3, validation_data=dataset, verbose=0)
    check(model.seen, joined(expected[0:6:2]))
    check(model.tested, joined(expected[1:6:2]))


def test_class_weights(photos, expected, iterators):
    dataset, model = dataset_of(photos), Recorder()
    model.fit(dataset, epochs=3, class_weight={0: 2.0, 1: 3.0}, verbose=0)
    assert len(iterators) == 2
    check(model.seen, joined(expected[:3]))
    for labels, weights in model.weights_seen:
        np.testing.assert_array_equal(weights, np.where(labels == 1, 3.0, 2.0))


def test_a_position_is_saved_and_restored(photos, expected, tmp_path):
    dataset, model, path = dataset_of(photos), Recorder(), tmp_path / "position.json"
    model.fit(dataset, epochs=4, callbacks=[At(2, 1, stop), InputPosition(path)], verbose=0)
    position = Position.load(path)
    assert (position.epoch, position.step) == (2, 2)
    again = dataset.resume(position.epoch, position.step)
    saver = InputPosition(path, start=position)
    model.fit(again, initial_epoch=2, epochs=5, callbacks=[saver], verbose=0)
    check(model.seen, joined(expected[:5]))


@pytest.mark.slow
def test_many_fits_leave_nothing_behind(photos):
    this, threads = psutil.Process(), []
    model = Recorder()
    for _ in range(6):
        model.fit(dataset_of(photos), epochs=2, verbose=0)
        gc.collect()
        threads.append(this.num_threads())
    assert max(threads[2:]) <= max(threads[:2]) + 2
