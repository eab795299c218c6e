"""Two devices train as one does; both are parts of the CPU, in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import save_noisy_classes

import catdog_models
from catdog_models.training.replicas import replicated_over

_ROOT = Path(catdog_models.__file__).parents[1]
_TWO_DEVICES = """
import json, sys
import keras, numpy as np, tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
TWO = ["CPU:0", "CPU:1"]
"""
_SAME_WEIGHTS = (
    _TWO_DEVICES
    + """
from catdog_data import InputPosition, image_dataset_from_directory
from catdog_models.training.replicas import replicated_over, take_no_first_batch
from catdog_models.training.training import build_metrics

def weights(devices, folder):
    data = image_dataset_from_directory(
        sys.argv[1], image_size=(24, 24), batch_size=4, seed=3, rescale=1 / 255, verbose=False,
        label_mode="binary",
    )
    keras.utils.set_random_seed(1)
    with replicated_over(devices, 4, [48]):
        layers = keras.layers
        model = keras.Sequential([
            keras.Input((24, 24, 3)),
            layers.Conv2D(4, 3, strides=3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ])
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True, ema_momentum=0.9)
        model.compile(optimizer, "binary_crossentropy")
    build_metrics(model)
    take_no_first_batch(model)
    saver = InputPosition(folder + "/position.json", weights=folder)
    replicas = []
    note = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: replicas.append(
        model.distribute_strategy.num_replicas_in_sync))
    fit = model.fit(saver.follow(data), epochs=2, verbose=0, callbacks=[saver, note])
    return replicas, fit.history["loss"], [np.asarray(w).ravel().tolist() for w in model.weights]

print(json.dumps([weights([], sys.argv[2] + "/one"), weights(TWO, sys.argv[2] + "/two")]))
"""
)
_RESUMED = (
    _TWO_DEVICES
    + """
from catdog_models.commands import train as cli
from catdog_models.training import replicas
from tests.reliability.runs import be_quick

replicas.gpus = lambda: TWO
be_quick()

class Killed(Exception):
    pass

class Kill(keras.callbacks.Callback):
    left = 100

    def on_train_batch_end(self, batch, logs=None):
        assert self.model.distribute_strategy.num_replicas_in_sync == 2
        Kill.left -= 1
        if not Kill.left:
            raise Killed

from catdog_models.training import training
fit = keras.Model.fit
keras.Model.fit = lambda *a, callbacks, **k: fit(*a, callbacks=[*callbacks, Kill()], **k)

def run(output):
    cli.main(
        ["--data", sys.argv[1], "--output", output, "--recipe", "modern", "--epochs", "2",
         "--image-size", "24", "--batch-size", "4", "--save-every", "0.000001"],
        standalone_mode=False,
    )

run(sys.argv[2] + "/whole")
for left in (11, 100):  # first before the last batch of the first epoch, of 2 images
    Kill.left = left
    try:
        run(sys.argv[2] + "/killed")
    except Killed:
        print("interrupted")
"""
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return save_noisy_classes(tmp_path_factory.mktemp("photos"), 23)


def _in_a_process(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_two_devices_end_with_the_weights_of_one(photos, tmp_path):
    printed = _in_a_process(_SAME_WEIGHTS, photos / "train", tmp_path).splitlines()[-1]
    (number, loss, weights), (numbers, losses, replicated) = json.loads(printed)
    assert (number, numbers) == ([1], [2])
    np.testing.assert_allclose(losses, loss, rtol=1e-5)
    for ours, theirs in zip(replicated, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
def test_a_killed_run_on_two_devices_ends_as_one_that_was_not(photos, tmp_path):
    printed = _in_a_process(_RESUMED, photos, tmp_path)
    assert "training on 2 GPUs" in printed
    assert printed.count("interrupted") == 1
    assert "going on with epoch 1, step 12 of 12" in printed
    whole, killed = (
        keras.models.load_model(tmp_path / name / "last.keras").get_weights()
        for name in ("whole", "killed")
    )
    for ours, theirs in zip(killed, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("devices", [[], ["GPU:0"]])
def test_one_device_is_left_alone(devices):
    with replicated_over(devices, 5, [7]):
        assert keras.Sequential([keras.Input((1,))])._distribute_strategy is None


@pytest.mark.parametrize(("batch_size", "images"), [(5, [20]), (4, [20, 21]), (1, [20])])
def test_batches_that_leave_a_device_without_images_are_refused(batch_size, images):
    with pytest.raises(ValueError, match="batch_size must be a multiple of 2, the number of GPUs"):
        replicated_over(["GPU:0", "GPU:1"], batch_size, images)
