"""A dataset is a `tf.data.Dataset` that knows its classes and files, by type and at run time."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from mypy import api as mypy

import catdog_data
from catdog_data import (
    ImageDataset,
    image_dataset_from_arrays,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)

ROOT = Path(__file__).parents[3]
TABLE = (ROOT / "docs" / "from_image_data_generator.md").read_text(encoding="utf-8")
TABLE = TABLE[TABLE.index("## What an operation keeps") :]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("| `")
][1:]
NAMES = {
    "function": lambda images, labels: (images, labels + 1),
    "predicate": lambda images, labels: True,
    "function_of_dataset": lambda dataset: dataset.take(1),
    "options": tf.data.Options(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for i in range(9):
        save_picture(root / "ab"[i % 2] / f"{i}.png", (20, 30), i)
    return root


def read(folder, **options):
    options = {"batch_size": 2, "image_size": (8, 8), "seed": 1, "verbose": False, **options}
    return image_dataset_from_directory(folder, **options)


def assert_same(one, other):
    one, other = list(one.as_numpy_iterator()), list(other.as_numpy_iterator())
    assert len(one) == len(other) > 0
    for expected, got in zip(one, other, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, expected, got)


def test_the_table_is_read():
    assert len(ROWS) == 16


@pytest.mark.parametrize(("operation", "type_", "known", "begins"), ROWS, ids=[r[0] for r in ROWS])
def test_an_operation_keeps_what_the_table_names(folder, operation, type_, known, begins):
    dataset = read(folder)
    call = f"dataset.{operation.strip('`')}"
    result = eval(call, {**NAMES, "dataset": dataset})
    # What TensorFlow makes of the same elements.
    plain = tf.data.Dataset.unbatch(dataset).batch(2)
    assert not isinstance(plain, ImageDataset)
    assert result.element_spec == eval(call, {**NAMES, "dataset": plain}).element_spec
    assert isinstance(result, tf.data.Dataset)
    if type_.startswith("what"):
        return
    assert isinstance(result, ImageDataset) == (type_ == "`ImageDataset`")
    if known == "kept":
        assert result.class_names == dataset.class_names == ["a", "b"]
        assert result.file_paths == dataset.file_paths
        assert result.split == dataset.split
    else:
        assert not hasattr(result, "class_names")
        assert not hasattr(result, "file_paths")
    if begins == "kept":
        expected = eval(call, {**NAMES, "dataset": dataset.resume(1, 3)})
        assert_same(result.resume(1, 3), expected)
        expected = eval(call, {**NAMES, "dataset": dataset.resume(1, 3)})
        assert_same(result.follow(lambda: (1, 3)), expected)
    elif begins == "raise":
        with pytest.raises(ValueError, match=r"Call `resume` first, as in `dataset\.resume"):
            result.resume(1, 3)
        with pytest.raises(ValueError, match="Call `follow` first"):
            result.follow(lambda: (1, 3))
    else:
        assert not hasattr(result, "resume")
        assert not hasattr(result, "follow")


def test_operations_that_keep_all_may_follow_each_other(folder):
    dataset = read(folder)
    both = dataset.map(NAMES["function"]).prefetch(1).with_options(tf.data.Options())
    assert_same(both.resume(2, 1), dataset.resume(2, 1).map(NAMES["function"]))
    assert both.take(1).class_names == ["a", "b"]


def test_every_function_returns_one(folder):
    pd = pytest.importorskip("pandas")
    training, validation = read(folder, validation_split=0.3, subset="both")
    assert isinstance(training, ImageDataset)
    assert isinstance(validation, ImageDataset)
    assert (training.split, validation.split) == ("training", "validation")
    assert not set(training.file_paths) & set(validation.file_paths)
    assert read(folder, validation_split=0.3, subset="validation").split == "validation"
    frame = pd.DataFrame({"filename": training.file_paths, "class": "a"})
    of_frame = image_dataset_from_dataframe(frame, image_size=8, batch_size=2, verbose=False)
    assert isinstance(of_frame, ImageDataset)
    assert (of_frame.class_names, of_frame.split) == (["a"], None)
    of_arrays = image_dataset_from_arrays(np.zeros((3, 8, 8, 3), np.uint8))
    assert isinstance(of_arrays, ImageDataset)
    assert (of_arrays.class_names, of_arrays.file_paths, of_arrays.split) == (None, [], None)
    assert read(folder, labels=None).class_names is None


@pytest.mark.parametrize("step", [0, 2])
def test_what_resumes_knows_the_same_and_resumes_again(folder, step):
    dataset = read(folder)
    for begun in (dataset.resume(1, step), dataset.follow(lambda: (1, step))):
        assert isinstance(begun, ImageDataset)
        assert begun.class_names == dataset.class_names
        assert begun.file_paths == dataset.file_paths
        assert_same(begun.resume(0, 0), dataset.resume(0, 0))


def test_tensorflow_takes_it_as_its_own(folder, tmp_path):
    dataset = read(folder, shuffle=False)
    expected = list(dataset.as_numpy_iterator())
    assert dataset.options().autotune.enabled is False
    assert tf.data.experimental.get_structure(dataset) == dataset.element_spec
    assert len(dataset) == int(dataset.cardinality()) == len(expected) == 5

    @tf.function
    def count(each):
        total = tf.constant(0)
        for images, _ in each:
            total += tf.shape(images)[0]
        return total

    assert count(dataset) == 9
    dataset.save(str(tmp_path / "saved"))
    assert_same(tf.data.Dataset.load(str(tmp_path / "saved")), dataset)
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    distributed = strategy.experimental_distribute_dataset(dataset)
    assert len(list(distributed)) == len(expected)
    pairs = tf.data.Dataset.zip((dataset, tf.data.Dataset.range(5)))
    assert [int(number) for _, number in pairs] == list(range(5))
    nested = tf.data.Dataset.range(2).flat_map(lambda _: dataset)
    assert len(list(nested)) == 10


def test_the_service_of_tensorflow_reads_it(folder):
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=address))
    dataset = read(folder, shuffle=False)
    served = dataset.apply(service.distribute("parallel_epochs", dispatcher.target))
    assert_same(served, dataset)
    del worker


def test_keras_fits_it(folder):
    dataset = read(folder)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    weights = {0: 1.0, 1: 2.0}
    fit = model.fit(dataset, validation_data=dataset, epochs=2, verbose=0, class_weight=weights)
    assert len(fit.history["val_loss"]) == 2
    assert len(model.predict(dataset.map(lambda images, _: images), verbose=0)) == 9


@pytest.mark.slow
def test_debug_mode_of_tensorflow(folder):
    """In a process of its own: the mode cannot be left."""
    code = (
        "import sys, tensorflow as tf; tf.data.experimental.enable_debug_mode()\n"
        "from catdog_data import image_dataset_from_directory\n"
        "dataset = image_dataset_from_directory(sys.argv[1], image_size=8, verbose=False)\n"
        "print(len(list(dataset.prefetch(1).take(1))))"
    )
    run = [sys.executable, "-c", code, str(folder)]
    result = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "1"


def test_nothing_holds_a_dataset_or_an_iterator_that_is_dropped(folder):
    dataset = read(folder)
    derived = dataset.map(NAMES["function"])
    iterator = iter(derived)
    next(iterator)
    references = [weakref.ref(each) for each in (dataset, derived, iterator)]
    gc.collect()
    gc.disable()
    try:
        del dataset, derived, iterator
        assert [each() for each in references] == [None] * 3
    finally:
        gc.enable()


def test_the_name_is_public():
    assert "ImageDataset" in dir(catdog_data)


REVEALED = """
from catdog_data import image_dataset_from_arrays, image_dataset_from_dataframe
from catdog_data import image_dataset_from_directory, image_dataset_from_tfds

one = image_dataset_from_directory("pets")
reveal_type(one)
reveal_type(image_dataset_from_directory("pets", validation_split=0.2, subset="training"))
reveal_type(image_dataset_from_directory("pets", validation_split=0.2, subset="both", seed=1))
reveal_type(image_dataset_from_dataframe(None))
reveal_type(image_dataset_from_dataframe(None, validation_split=0.2, subset="both"))
reveal_type(image_dataset_from_tfds("pets", "train"))
reveal_type(one.map(len).prefetch(1).take(2).skip(1).cache().resume(1, 2))
reveal_type(one.follow(lambda: (0, 1)))
reveal_type(one.class_names)
reveal_type(one.file_paths)
reveal_type(one.split)
reveal_type(len(one))
for element in one:
    reveal_type(element)
image_dataset_from_directory("pets", subset="tset")
image_dataset_from_directory("pets", subset="both", batch_sise=1)
"""
DATASET = "catdog_data.datasets.image_dataset.ImageDataset"
TYPES = [
    DATASET,
    DATASET,
    f"list[{DATASET}]",
    DATASET,
    f"list[{DATASET}]",
    DATASET,
    DATASET,
    DATASET,
    "list[str] | None",
    "list[str]",
    "str | None",
    "int",
    "Any",
]
EXAMPLE = '''
"""Train on one part of a folder and look at the other."""

import numpy as np

from catdog_data import ImageDataset, image_dataset_from_directory


def read(folder: str) -> tuple[ImageDataset, ImageDataset]:
    """Return training and validation images."""
    training, validation = image_dataset_from_directory(
        folder, image_size=(64, 64), validation_split=0.2, subset="both", seed=1
    )
    return training.map(lambda images, labels: (images / 255, labels)), validation


def files_of(dataset: ImageDataset) -> dict[str, int]:
    """Count the files of each class."""
    names = dataset.class_names or []
    labels = np.concatenate([labels for _, labels in dataset.as_numpy_iterator()])
    return {name: int((labels == label).sum()) for label, name in enumerate(names)}


training, validation = read("pets")
for images, labels in training.resume(epoch=3, step=2).take(1):
    print(images.shape, labels.shape, len(training.file_paths), files_of(validation))
'''


@pytest.mark.slow
def test_types_are_revealed_and_a_typed_example_is_accepted(tmp_path):
    (tmp_path / "revealed.py").write_text(REVEALED)
    (tmp_path / "example.py").write_text(EXAMPLE)
    output, errors, _ = mypy.run(
        [
            f"--config-file={ROOT / 'setup.cfg'}",
            f"--cache-dir={tmp_path / 'cache'}",
            "--strict",
            str(tmp_path / "revealed.py"),
            str(tmp_path / "example.py"),
        ]
    )
    assert not errors
    revealed = re.findall(r'revealed\.py:\d+: note: Revealed type is "(.*)"', output)
    assert [re.sub(r"builtins\.", "", each) for each in revealed] == TYPES, output
    last = len(REVEALED.splitlines())  # two calls with wrong arguments
    refused = {f"revealed.py:{last - 1}", f"revealed.py:{last}"}
    assert set(re.findall(r"(\w+\.py:\d+): error", output)) == refused, output
