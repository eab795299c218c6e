"""Training goes on with the next batch, wherever it was killed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog_data import image_dataset_from_directory
from catdog_data.training.checkpoint import InputPosition, Position

EPOCHS = 3
BATCH_SIZE = 7
STEPS = 3  # of the 19 photos


class KilledError(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Kill after a number of batches."""

    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KilledError


class Digests(keras.layers.Layer):
    """Note every batch that training sees."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, images, training=False):
        if training and hasattr(images, "numpy"):
            self.seen.append(hashlib.sha256(images.numpy().tobytes()).hexdigest()[:8])
        return images


class Log(keras.callbacks.Callback):
    """Write every batch to a file before anything else can happen."""

    def __init__(self, path, digests):
        super().__init__()
        self.file = Path(path).open("a")  # noqa: SIM115 - until the process ends
        self.digests = digests

    def on_train_batch_end(self, batch, logs=None):
        print(self.digests.seen[-1], file=self.file, flush=True)
        os.fsync(self.file.fileno())


def small_model():
    keras.utils.set_random_seed(4)
    digests = Digests()
    layers = [digests, keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    layers += [keras.layers.Dropout(0.3), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    model.compile("adam", "mse", run_eagerly=True)
    return model, digests


def data(photos, batch_size=BATCH_SIZE):
    flow = {"image_size": (8, 8), "label_mode": "categorical", "seed": 5, "verbose": False}
    return image_dataset_from_directory(photos, batch_size=batch_size, **flow)


def go_on(photos, path, callbacks=(), weights=None, epochs=EPOCHS, batch_size=BATCH_SIZE, **fit):
    """Train as a user's script does; return the model and the batches it saw."""
    model, digests = small_model()
    position = Position(0, 0)
    if path.exists():
        position = InputPosition.restore(path, model) if weights else Position.load(path)
    train = data(photos, batch_size).resume(position.epoch, position.step)
    every, ran_dry = fit.pop("every", 1), fit.pop("ran_dry", "error")
    saver = InputPosition(path, every, start=position, weights=weights)
    callbacks = [*(each(digests) for each in fit.pop("before", ())), saver, *callbacks]
    flow = {"initial_epoch": position.epoch, "epochs": epochs, "verbose": 0, **fit}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(ran_dry, message=".*ran out of data")
            model.fit(train, callbacks=callbacks, **flow)
    except KilledError:
        pass
    return model, digests.seen


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """An uninterrupted run: its weights and the batches it saw."""
    model, seen = go_on(photos, tmp_path_factory.mktemp("whole") / "position.json")
    assert len(seen) == len(set(seen)) == EPOCHS * STEPS
    return model.get_weights(), seen


@pytest.mark.parametrize(
    "batches",
    [
        # In the midst of an epoch, and at an end; all others take as long.
        each if each in (1, STEPS) else pytest.param(each, marks=pytest.mark.slow)
        for each in range(1, EPOCHS * STEPS + 1)
    ],
)
def test_the_rest_follows_after_every_batch(photos, whole, tmp_path, batches):
    path = tmp_path / "position.json"
    _, before = go_on(photos, path, [Kill(batches)])
    assert Position.load(path) == Position(*divmod(batches, STEPS))
    _, after = go_on(photos, path)
    assert before + after == whole[1]
    assert Position.load(path) == Position(EPOCHS, 0)


@pytest.mark.slow
def test_killed_again_and_again_with_weights(photos, whole, tmp_path):
    path, weights = tmp_path / "here" / "position.json", tmp_path / "there"
    seen = []
    for _ in range(EPOCHS * STEPS):
        _, batches = go_on(photos, path, [Kill(1)], weights)
        seen += batches
        assert len(list(weights.iterdir())) == 1
    model, none = go_on(photos, path, weights=weights)
    assert (seen, none) == (whole[1], [])
    for expected, got in zip(whole[0], model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("every", [2, 4])
def test_batches_after_the_last_save_come_again(photos, whole, tmp_path, every):
    path, weights = tmp_path / "position.json", tmp_path / "weights"
    _, before = go_on(photos, path, [Kill(2 * STEPS - 1)], weights, every=every)
    position = Position.load(path)
    assert position == {2: Position(1, 2), 4: Position(1, 0)}[every]
    model, after = go_on(photos, path, weights=weights, every=every)
    done = position.epoch * STEPS + position.step
    assert before[:done] + after == whole[1]
    np.testing.assert_array_equal(model.get_weights()[0], whole[0][0])


@pytest.mark.slow
def test_a_kill_between_weights_and_position(photos, whole, tmp_path, monkeypatch):
    path, weights = tmp_path / "position.json", tmp_path / "weights"
    go_on(photos, path, [Kill(4)], weights)

    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("catdog_data.training.checkpoint.write_position", killed)
        _, seen = go_on(photos, path, weights=weights)
    assert seen == whole[1][4:5]
    assert len(list(weights.iterdir())) == 2
    model, after = go_on(photos, path, weights=weights)
    assert after == whole[1][4:]
    assert len(list(weights.iterdir())) == 1
    np.testing.assert_array_equal(model.get_weights()[0], whole[0][0])


@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}, {"steps_per_execution": 2}])
def test_epochs_after_the_first_are_whole(photos, options):
    model, _ = small_model()
    model.compile("sgd", "mse", **options)
    counted = []
    counter = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: counted.append(0),
        on_train_batch_end=lambda batch, logs: counted.append(batch + 1),
    )
    train = data(photos, 2).resume(1, 7)
    saver = InputPosition(os.devnull, every=99, start=Position(1, 7, 10))
    saver._save = lambda: None
    validation = data(photos)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*ran out of data")
        model.fit(
            *(train, None, None),
            **{"initial_epoch": 1, "epochs": 4, "verbose": 0, "validation_data": validation},
            callbacks=[counter, saver],
        )
    ends = [n for n, following in zip(counted, [*counted[1:], 0], strict=True) if not following]
    per_execution = options.get("steps_per_execution", 1)
    assert [end for end in ends if end] == [-(-3 // per_execution) * per_execution, 10, 10]
    assert saver.position == Position(4, 0)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("moment", ["batch", "epoch"])
def test_others_may_stop_training(photos, tmp_path, place, moment):
    path = tmp_path / "position.json"
    Position(1, 1, STEPS).save(path)

    def stop(index, logs):
        if index == 1:
            other.model.stop_training = True

    other = keras.callbacks.LambdaCallback(
        **{"on_train_batch_end" if moment == "batch" else "on_epoch_end": stop}
    )
    order = {"before": [lambda _: other]} if place == "before" else {"callbacks": [other]}
    _, seen = go_on(photos, path, epochs=5, **order)
    assert len(seen) == STEPS - 1
    assert Position.load(path) == Position(2, 0)


def test_a_stop_within_an_epoch_is_kept(photos, whole, tmp_path):
    path = tmp_path / "position.json"
    other = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(other.model, "stop_training", True)
    )
    _, before = go_on(photos, path, [other], every=50)
    assert Position.load(path) == Position(0, 1)
    assert before + go_on(photos, path)[1] == whole[1]


def test_what_does_not_fit_is_refused(photos, tmp_path):
    path = tmp_path / "position.json"
    Position(1, 1, STEPS).save(path)
    with pytest.raises(ValueError, match="initial_epoch=1"):
        go_on(photos, path, initial_epoch=0)
    with pytest.raises(ValueError, match="steps_per_epoch"):
        go_on(photos, path, steps_per_epoch=STEPS)
    with pytest.raises(ValueError, match=r"must have 3 steps and ended after 2"):
        go_on(photos, path, batch_size=10, ran_dry="ignore")
    Position(1, 1).save(path)
    with pytest.raises(ValueError, match=r"Position\(epoch, step, steps\)"):
        go_on(photos, path)
    with pytest.raises(ValueError, match="every"):
        InputPosition(path, 0)


def test_a_strategy_is_refused(photos, tmp_path):
    model = mirrored_model()
    with pytest.raises(ValueError, match=r"tf\.distribute"):
        model.fit(data(photos), verbose=0, callbacks=[InputPosition(tmp_path / "position.json")])


def mirrored_model():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        keras.utils.set_random_seed(4)
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255)])
        model.add(keras.layers.Flatten())
        model.add(keras.layers.Dense(2))
        model.compile("sgd", "mse")
    return model


class Place(keras.callbacks.Callback):
    """Kill before a batch, counted over all epochs."""

    def __init__(self, saver, place):
        super().__init__()
        self.saver, self.place = saver, place

    def on_train_batch_begin(self, batch, logs=None):
        if self.saver.position == self.place:
            raise KilledError


@pytest.mark.slow
@pytest.mark.parametrize("killed_at", [Position(0, 2), Position(1, 0), Position(2, 1)])
def test_a_strategy_with_a_dataset_that_follows_ends_with_the_same_weights(
    photos, tmp_path, killed_at
):
    whole = small_sgd_model()
    whole.fit(data(photos), epochs=EPOCHS, verbose=0)
    path = tmp_path / "position.json"
    for place in (killed_at, None):
        model = mirrored_model()
        start = InputPosition.restore(path, model) if path.exists() else Position(0, 0)
        saver = InputPosition(path, start=start, weights=tmp_path / "weights")
        callbacks = [saver, Place(saver, place)]
        fit = {"initial_epoch": start.epoch, "epochs": EPOCHS, "verbose": 0}
        try:
            model.fit(saver.follow(data(photos)), callbacks=callbacks, **fit)
        except KilledError:
            assert place is not None
    assert saver.position == Position(EPOCHS, 0)
    for ours, theirs in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def small_sgd_model():
    """Make the model of `mirrored_model` without a strategy."""
    model = keras.models.clone_model(mirrored_model())
    model.set_weights(mirrored_model().get_weights())
    model.compile("sgd", "mse")
    return model


@pytest.mark.slow
def test_every_pass_of_a_dataset_that_follows_begins_where_it_is_told(photos):
    place = [0, 1]
    following = data(photos).follow(lambda: tuple(place))
    for epoch, step in ((0, 1), (0, 1), (4, 0), (2, 2)):
        place[:] = epoch, step
        rest = data(photos).resume(epoch, step).take(STEPS - step)
        expected = [images.numpy() for images, _ in rest]
        got = [images.numpy() for images, _ in following]
        assert len(got) == STEPS - step
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    place[:] = 0, STEPS
    with pytest.raises(tf.errors.OpError, match=r"`follow` needs an epoch from 0 and a step in"):
        next(iter(following))


def test_a_position_is_a_few_bytes():
    position = Position(3, 7, 90)
    assert len(position.to_json()) < 100
    assert Position.from_json(position.to_json()).steps == 90
    for wrong in [(-1, 0), (0, -1), (0, 1.0), (True, 0), (0, 5, 5), (0, 0, 0)]:
        with pytest.raises(ValueError, match="must be an integer"):
            Position(*wrong)


def other_order(position, order):
    """The file of a position, of another version of the orders; 1 is that before they had one."""
    content = json.loads(position.to_json())
    content.pop("order")
    return json.dumps(content if order == 1 else {**content, "order": order})


def test_a_position_within_another_order_warns(tmp_path):
    path = tmp_path / "position.json"
    place = Position(3, 7, 90)
    for order, relation in ((1, "an earlier"), (99, "a later")):
        path.write_text(other_order(place, order))
        words = rf"position\.json lies within epoch 3, at step 7, of orders of {relation} .*"
        with pytest.warns(UserWarning, match=words + r"Position\(3, 0\)"):
            loaded = Position.load(path)
        assert loaded == place
        assert loaded.steps == 90
        # Written again, it stays what it is.
        with pytest.warns(UserWarning, match="This position lies within"):
            Position.from_json(loaded.to_json())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for order in (1, 99):
            path.write_text(other_order(Position(3, 0, 90), order))
            assert Position.load(path) == Position(3, 0)
        place.save(path)
        assert Position.load(path) == place
    for wrong in (0, -1, "2", None, 1.5):
        path.write_text(other_order(place, wrong))
        with pytest.raises(ValueError, match=r"position\.json: `order` must be an integer from 1"):
            Position.load(path)


def test_saves_count_in_the_order_that_the_rest_of_the_epoch_has(tmp_path):
    saver = InputPosition(tmp_path / "position.json", start=Position(3, 7, 90, order=1))
    saver.set_model(keras.Sequential())
    saver.on_train_begin()
    saver.on_epoch_begin(3)
    saver.on_train_batch_end(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Position.load(tmp_path / "position.json") == Position(3, 8)


def test_saving_replaces_the_whole_file(tmp_path, monkeypatch):
    path = tmp_path / "new" / "position.json"
    Position(0, 1).save(path)

    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KilledError):
            Position(0, 2).save(path)
    assert Position.load(path) == Position(0, 1)
    Position(0, 3).save(path)
    assert Position.load(path) == Position(0, 3)
    assert list(path.parent.iterdir()) == [path]


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "position.json"
    with pytest.raises(FileNotFoundError, match=r"position\.json must be .* Begin with"):
        Position.load(path)
    content = Position(1, 2, 9).to_json().encode()
    others = [
        b"[1, 2]",
        b"7",
        b"\xff\xfe",
        b'{"epoch": 1, "step": 2}',
        content.replace(b"2", b"10"),
    ]
    for damaged in [*(content[:n] for n in range(len(content))), *others]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"position\.json: .* must .* Delete the file"):
            Position.load(path)
    fields = json.loads(content)
    for name in ("epoch", "step", "steps"):
        path.write_text(json.dumps({key: fields[key] for key in fields if key != name}))
        with pytest.raises(ValueError, match=rf"position\.json: .*'{name}'"):
            Position.load(path)


def test_damaged_weights_are_named(photos, tmp_path):
    path, weights = tmp_path / "position.json", tmp_path / "weights"
    go_on(photos, path, [Kill(1)], weights)
    model, _ = small_model()
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="compiled"):
        InputPosition.restore(path, other)
    other.add(keras.layers.Dense(5))
    other.compile("adam", "mse")
    with pytest.raises(ValueError, match="weights of this model"):
        InputPosition.restore(path, other)
    (saved,) = weights.iterdir()
    for name in ("model.keras", "random.npz"):
        whole_file = (saved / name).read_bytes()
        for damaged in (b"", whole_file[: len(whole_file) // 2]):
            (saved / name).write_bytes(damaged)
            with pytest.raises(ValueError, match="weights of this model"):
                InputPosition.restore(path, model)
        (saved / name).write_bytes(whole_file)
    assert InputPosition.restore(path, model) == Position(0, 1)
    weights.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="along with"):
        InputPosition.restore(path, model)
    Position(0, 1).save(path)
    with pytest.raises(ValueError, match="without"):
        InputPosition.restore(path, model)


def killable(photos, folder):
    """Train for long enough to be killed; the batches seen are in a log."""
    folder = Path(folder)
    flow = {"epochs": 12, "batch_size": 2, "every": 3, "weights": folder / "weights"}
    log = [lambda digests: Log(folder / "log", digests)]
    return go_on(Path(photos), folder / "position.json", before=log, **flow)[0]


def killed_in_the_midst(photos, folder, lines):
    """Run `killable` in a process of its own; kill it at a random moment after some batches."""
    code = f"import test_position; test_position.killable({str(photos)!r}, {str(folder)!r})"
    here = Path(__file__).parent
    paths = os.pathsep.join(map(str, (here, here.parents[1], here.parents[2])))
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}
    )
    log = folder / "log"
    while not log.exists() or len(log.read_text().splitlines()) < lines:
        assert process.poll() is None
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.03))
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_killed_for_good(photos, tmp_path):
    runs = [tmp_path / name for name in ("whole", "killed")]
    for run in runs:
        run.mkdir()
    expected = killable(photos, runs[0]).get_weights()
    order = (runs[0] / "log").read_text().split()
    killed_in_the_midst(photos, runs[1], random.randint(3, 80))
    before = (runs[1] / "log").read_text().split()
    position = Position.load(runs[1] / "position.json")
    done = position.epoch * 10 + position.step
    assert before == order[: len(before)]
    assert 0 <= len(before) - done <= 3
    got = killable(photos, runs[1]).get_weights()
    assert (runs[1] / "log").read_text().split()[len(before) :] == order[done:]
    for one, other in zip(expected, got, strict=True):
        np.testing.assert_array_equal(other, one)
