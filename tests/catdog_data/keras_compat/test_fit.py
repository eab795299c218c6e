"""`fit`, `evaluate` and `predict` through our adapter against Keras' own path."""

from __future__ import annotations

import gc
import subprocess
import sys

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from conftest import said_by_failing, save_picture
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from keras.src.trainers import data_adapters
from tensorflow.python.data.ops import iterator_ops
from test_keras_parity import RECIPE

from catdog_data import ImageDataGenerator
from catdog_data.keras_compat.files_iterator import FilesIterator


def small_model(outputs=1):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(outputs, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


@pytest.mark.parametrize("seed", [5, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("class_mode", "class_weight"),
    [
        ("binary", None),
        ("binary", {0: 1.0, 1: 7.0}),
        pytest.param("binary", {0: 5}, marks=pytest.mark.slow),
        pytest.param("categorical", {1: 3.0}, marks=pytest.mark.slow),
    ],
)
def test_fit_ends_with_the_weights_of_keras_own_path(photos, seed, class_mode, class_weight):
    outcomes = []
    for generator in (KerasGenerator, ImageDataGenerator):
        flow = {
            "directory": str(photos),
            "target_size": (16, 16),
            "class_mode": class_mode,
            "batch_size": 4,
        }
        model = small_model(2 if class_mode == "categorical" else 1)
        np.random.seed(3)
        train = generator(**RECIPE).flow_from_directory(**flow, seed=seed)
        plain = generator(rescale=1 / 255.0).flow_from_directory(**flow, shuffle=False)
        # Keras would shuffle the order of batches by Python's own stream; ours keeps the seed's.
        history = model.fit(
            train,
            epochs=3,
            shuffle=False,
            class_weight=class_weight,
            validation_data=plain,
            verbose=0,
        )
        outcomes.append(
            [
                *model.get_weights(),
                history.history["loss"],
                history.history["val_loss"],
                model.predict(plain, verbose=0),
                model.evaluate(plain, verbose=0),
                train.total_batches_seen,
                train.index_array,
                np.random.random_sample(),
            ]
        )
    for expected, got in zip(*outcomes, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_class_weight_reaches_the_loss(photos):
    losses = []
    for class_weight in (None, {0: 10.0, 1: 10.0}):
        flow = ImageDataGenerator(rescale=1 / 255.0).flow_from_directory(
            photos, target_size=(16, 16), class_mode="binary", batch_size=19
        )
        history = small_model().fit(flow, class_weight=class_weight, verbose=0)
        losses.append(history.history["loss"][0])
    assert losses[1] == pytest.approx(10 * losses[0], rel=1e-4)


@pytest.mark.parametrize("argument", ["y", "sample_weight"])
def test_targets_beside_the_iterator_are_refused(photos, argument):
    flow = ImageDataGenerator().flow_from_directory(photos, target_size=(16, 16))
    with pytest.raises(ValueError, match="should not be passed"):
        small_model().fit(flow, **{argument: np.zeros(19)}, verbose=0)


def test_fit_reads_the_pipeline_not_the_arrays(photos, monkeypatch):
    flow = ImageDataGenerator().flow_from_directory(photos, target_size=(16, 16), batch_size=4)
    for method in ("__getitem__", "__next__"):
        monkeypatch.setattr(FilesIterator, method, lambda *_: pytest.fail("copied through Python"))
    history = small_model(2).fit(flow, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


def test_steps_per_epoch(photos):
    flow = ImageDataGenerator().flow_from_directory(photos, target_size=(16, 16), batch_size=4)
    history = small_model(2).fit(flow, epochs=4, steps_per_epoch=2, verbose=0)
    assert len(history.history["loss"]) == 4


@pytest.mark.parametrize(("steps_per_execution", "pipelines"), [(1, 2), (5, 2), (2, 4)])
def test_epochs_share_a_pipeline_where_they_can(
    photos, monkeypatch, steps_per_execution, pipelines
):
    made = []
    original = iterator_ops.OwnedIterator.__init__

    def counted(self, dataset=None, **components):
        # Without a dataset, one stands for another while Keras' step is traced.
        made.extend([dataset] if dataset is not None else [])
        original(self, dataset, **components)

    flow = ImageDataGenerator().flow_from_directory(photos, target_size=(16, 16), batch_size=4)
    monkeypatch.setattr(iterator_ops.OwnedIterator, "__init__", counted)
    model = small_model(2)
    model.compile("sgd", "mse", steps_per_execution=steps_per_execution)
    model.fit(flow, epochs=4, verbose=0)
    # The first epoch, which may be the only one, has one of its own.
    assert len(made) == pipelines


def test_a_truncated_file_is_named_by_fit(tmp_path, photos):
    (tmp_path / "cats").mkdir()
    whole = (photos / "cats" / "cat.0.jpg").read_bytes()
    (tmp_path / "cats" / "short.jpg").write_bytes(whole[:-40])
    flow = ImageDataGenerator().flow_from_directory(tmp_path, target_size=(16, 16))
    with pytest.raises(Exception, match=r"short\.jpg"):
        small_model().fit(flow, verbose=0)


LONG_FIT = """
import resource, sys
import keras
sys.path.insert(0, sys.argv[2])
from catdog_data import ImageDataGenerator
from catdog_data.keras_compat.files_iterator import FilesIterator
flow = ImageDataGenerator(rescale=1/255., rotation_range=30, zoom_range=.3).flow_from_directory(
    sys.argv[1], target_size=(64, 64), class_mode="binary", batch_size=4, seed=1)
model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("sgd", "mse")
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
class Mark(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print("EPOCH", epoch, resident(), file=sys.stderr, flush=True)
model.fit(flow, epochs=30, verbose=0, callbacks=[Mark()])
"""


@pytest.mark.slow
def test_thirty_epochs_compile_once_and_hold_memory(photos):
    environment = {
        "PATH": "/usr/bin:/bin",
        "TF_CPP_MIN_LOG_LEVEL": "0",
        "TF_CPP_VMODULE": "device_compilation_profiler=2",
    }
    run = subprocess.run(
        [sys.executable, "-c", LONG_FIT, str(photos), "."],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    lines = run.stderr.splitlines()
    epochs = [i for i, line in enumerate(lines) if line.startswith("EPOCH")]
    compiles = [i for i, line in enumerate(lines) if "Compiled " in line]
    assert len(epochs) == 30
    assert compiles, "no compilation was logged, so the test would see none"
    assert max(compiles) < epochs[0]
    resident = [float(lines[i].split()[2]) for i in epochs]
    assert resident[-1] < resident[4] * 1.05 + 20


def test_a_keras_without_the_known_adapters_still_fits(photos, monkeypatch):
    flow = {"target_size": (16, 16), "class_mode": "binary", "batch_size": 4, "seed": 5}
    monkeypatch.setitem(sys.modules, "catdog_data.keras_compat.fit_adapter", None)
    monkeypatch.setattr(data_adapters, "get_data_adapter", keras_get_data_adapter())
    with pytest.warns(RuntimeWarning, match="through Keras' own adapter"):
        train = ImageDataGenerator(**RECIPE).flow_from_directory(str(photos), **flow)
    history = small_model().fit(train, epochs=1, shuffle=False, verbose=0)
    monkeypatch.undo()
    again = ImageDataGenerator(**RECIPE).flow_from_directory(str(photos), **flow)
    expected = small_model().fit(again, epochs=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-6)


def keras_get_data_adapter():
    """Keras' own choice of an adapter, whether or not the hook is in place."""
    chosen = data_adapters.get_data_adapter
    return getattr(chosen, "__wrapped__", chosen)


@pytest.mark.slow
def test_a_script_that_holds_an_iterator_ends(photos):
    script = (
        "from catdog_data import ImageDataGenerator\n"
        f"flow = ImageDataGenerator().flow_from_directory({str(photos)!r}, (8, 8), batch_size=5)\n"
        "next(flow)\n"
    )
    for _ in range(3):
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def with_a_broken_file(root):
    """Twelve pictures, of which the eighth is cut off."""
    for i in range(12):
        save_picture(root / "cats" / f"{i:02}.jpg", (20, 20), i)
    broken = root / "cats" / "07.jpg"
    broken.write_bytes(broken.read_bytes()[:-40])
    return root


def outcomes_of(batches):
    """Take batches, and go on after errors, for a while at most."""
    for _ in range(10):
        try:
            yield next(batches)
        except StopIteration:
            return
        except tf.errors.OpError as error:
            yield error
    yield "and so on"


@pytest.mark.filterwarnings("ignore::catdog_data.keras_compat.SlowPathWarning")
@pytest.mark.parametrize(
    "options",
    [{}, {"samplewise_center": True}, {"interpolation_order": 3}],
    ids=["pipeline", "numpy", "one by one"],
)
def test_a_pass_with_a_failed_batch_ends(tmp_path, options):
    generator = ImageDataGenerator(rotation_range=30, **options)
    flow = generator.flow_from_directory(
        with_a_broken_file(tmp_path), target_size=(16, 16), batch_size=3, shuffle=False, seed=1
    )
    dataset = flow.epoch_dataset()
    assert dataset.cardinality() == 4
    for _ in range(2):
        outcomes = list(outcomes_of(iter(dataset)))
        assert len(outcomes) == 4
        assert [k for k, each in enumerate(outcomes) if isinstance(each, Exception)] == [2]
        assert "07.jpg" in str(outcomes[2])
    assert len(list(dataset.ignore_errors())) == 3


def test_a_dataset_outlives_the_name_of_its_iterator(photos):
    dataset = (
        ImageDataGenerator()
        .flow_from_directory(photos, target_size=(16, 16), batch_size=4)
        .epoch_dataset()
    )
    gc.collect()
    assert len(list(dataset)) == 5


FAILED_FIT = """
import sys
import keras
from catdog_data import ImageDataGenerator

flow = ImageDataGenerator(rotation_range=30).flow_from_directory(
    sys.argv[1], target_size=(16, 16), class_mode="binary", batch_size=1, seed=1)
model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(flow, verbose=0)
"""


@pytest.mark.slow
def test_the_process_ends_after_a_failed_fit(tmp_path):
    command = [sys.executable, "-c", FAILED_FIT, str(with_a_broken_file(tmp_path))]
    for said in said_by_failing(command, 12):
        assert "07.jpg" in said


@pytest.mark.slow
def test_iterators_dropped_half_way_leave_nothing_behind(photos):
    this, held = psutil.Process(), []
    for k in range(60):
        flow = ImageDataGenerator(rescale=1 / 255.0).flow_from_directory(
            photos, target_size=(16, 16), batch_size=2
        )
        batches = iter(flow.epoch_dataset()) if k % 2 else flow
        next(batches)
        del batches, flow
        gc.collect()
        held.append((this.num_threads(), this.num_fds(), this.memory_info().rss))
    threads, descriptors, memory = zip(*held, strict=True)
    first = 15
    assert max(threads[first:]) <= max(threads[: first + 1]) + 2
    assert max(descriptors[first:]) <= max(descriptors[: first + 1]) + 2
    assert memory[-1] < memory[first] * 1.1 + 2**25
