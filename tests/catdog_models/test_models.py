import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import catdog_models
from catdog_models import build_model
from catdog_models.evaluation.speed import compare_speed

_ROOT = Path(catdog_models.__file__).parents[1]
_HEAVY = ("tensorflow", "keras", "matplotlib")


def _notebook_network(height, width):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((height, width, 3)),
            layers.BatchNormalization(),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.BatchNormalization(),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.BatchNormalization(),
            layers.Conv2D(128, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def _config(layer):
    return {key: value for key, value in layer.get_config().items() if key != "name"}


def _blobs(number, side, seed):
    """Bright images are class 1, dark ones class 0."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(number) % 2).astype(np.float32)
    images = rng.uniform(0.0, 0.5, (number, side, side, 3)) + 0.4 * labels[:, None, None, None]
    return images.astype(np.float32), labels


# --- The network ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(224, 224), (64, 96)])
def test_network_is_the_notebooks(size):
    ours, theirs = build_model(size), _notebook_network(*size)
    assert [type(layer) for layer in ours.layers] == [type(layer) for layer in theirs.layers]
    for our_layer, their_layer in zip(ours.layers, theirs.layers, strict=True):
        assert _config(our_layer) == _config(their_layer)
    assert ours.count_params() == theirs.count_params()
    assert ours.input_shape == (None, *size, 3)
    assert ours.output_shape == (None, 1)


def test_parameter_count_at_the_default_size():
    # By hand: 3x3 kernels and biases, four numbers per normalised channel, and 224 -> 26.
    convolutions = (9 * 3 + 1) * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 128
    normalisations = 4 * (3 + 32 + 64)
    dense = (26 * 26 * 128 + 1) * 256 + 257
    assert build_model().count_params() == convolutions + normalisations + dense


def test_compiled_as_documented():
    model = build_model((32, 32))
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert isinstance(model.loss, keras.losses.BinaryCrossentropy)
    assert model.loss.get_config()["from_logits"] is False


def test_loss_reads_the_output_as_a_probability():
    model = build_model((32, 32))
    images, labels = _blobs(8, 32, seed=0)
    p = model.predict(images, verbose=0)[:, 0].astype(np.float64)
    expected = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    loss = model.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(expected, rel=1e-4)


def test_output_is_a_probability():
    images, _ = _blobs(5, 32, seed=0)
    output = np.asarray(build_model((32, 32))(images))
    assert output.shape == (5, 1)
    assert output.dtype == np.float32
    assert ((output >= 0) & (output <= 1)).all()


def test_training_lowers_the_loss():
    keras.utils.set_random_seed(0)
    images, labels = _blobs(32, 32, seed=1)
    model = build_model((32, 32))
    history = model.fit(
        images, labels, validation_data=(images, labels), epochs=6, batch_size=16, verbose=0
    ).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["loss"][-1] < history["loss"][0]


def test_smallest_size_works_and_one_less_does_not():
    assert build_model((22, 22)).output_shape == (None, 1)
    for size in ((21, 22), (22, 21), (0, 224), (-5, 64)):
        with pytest.raises(ValueError, match="image_size must be at least 22 pixels"):
            build_model(size)


@pytest.mark.parametrize("size", [224, (224,), (224, 224, 3), (224.0, 224), "ab", None])
def test_size_must_be_a_pair_of_integers(size):
    with pytest.raises(TypeError, match="image_size must be a pair of integers"):
        build_model(size)


def test_numpy_integers_are_a_size():
    assert build_model(tuple(np.array([32, 40]))).input_shape == (None, 32, 40, 3)


def test_network_does_not_follow_the_data_format_setting():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        assert build_model((32, 40)).output_shape == (None, 1)
    finally:
        keras.config.set_image_data_format(before)


# --- Speed ----------------------------------------------------------------------------------------


class _Clock:
    def __init__(self):
        self.now = 0.0

    def input(self, seconds_per_batch, value=0.0):
        while True:
            self.now += seconds_per_batch
            yield np.full((4, 2, 2, 3), value, np.float32), None


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr("catdog_models.evaluation.speed.time.perf_counter", lambda: clock.now)
    return clock


def test_speed_ratio_on_a_clock_of_our_own(clock):
    speed = compare_speed(clock.input(0.25), clock.input(1.0), rounds=3, seconds=4.0)
    assert speed.ratio == pytest.approx(4.0)
    assert speed.ours == pytest.approx(16.0)
    assert speed.theirs == pytest.approx(4.0)
    assert speed.images == 3 * (16 * 4 + 4 * 4)
    assert speed.largest_difference == 0.0


def test_speed_is_that_of_the_median_round(clock, monkeypatch):
    # Ratios 7, 3 and 10; the medians of the columns would be 800 and 100.
    rates = iter([700.0, 100.0, 900.0, 300.0, 800.0, 80.0])
    monkeypatch.setattr("catdog_models.evaluation.speed._rate", lambda *_: (10, next(rates)))
    speed = compare_speed(clock.input(1.0), clock.input(1.0), rounds=3)
    assert (speed.ours, speed.theirs, speed.ratio) == (700.0, 100.0, 7.0)
    assert speed.images == 60


def test_slow_input_still_gives_a_batch_a_spell(clock):
    speed = compare_speed(clock.input(100.0), clock.input(1.0), rounds=1, seconds=1.0)
    assert speed.ours == pytest.approx(0.04)


def test_speed_reports_that_inputs_differ(clock):
    speed = compare_speed(clock.input(1.0, 0.5), clock.input(1.0, 0.25), rounds=1, seconds=1.0)
    assert speed.largest_difference == 0.25


# --- Imports --------------------------------------------------------------------------------------


def _heavy_modules_after(statement):
    code = f"import sys\n{statement}\nprint([m for m in {_HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["catdog_models", "catdog_models.commands.train", "catdog_data"])
def test_import_is_light(module):
    assert _heavy_modules_after(f"import {module}") == "[]"


def test_the_light_import_test_can_fail():
    assert "matplotlib" in _heavy_modules_after("import catdog_models; catdog_models.plot_history")


def test_plots_do_not_need_tensorflow():
    loaded = _heavy_modules_after("import catdog_models; catdog_models.preview_batch")
    assert loaded == "['matplotlib']"


def test_public_names():
    for name in catdog_models.__all__:
        assert callable(getattr(catdog_models, name))
        assert name in dir(catdog_models)
    with pytest.raises(AttributeError, match="has no attribute 'train'"):
        _ = catdog_models.train
