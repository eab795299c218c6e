"""A file that cannot be read fails by name, in its place alone, and the pass goes on and ends."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import said_by_failing, save_picture
from corrupt_files import break_inside
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.python.framework import config

from catdog_data import (
    Augmentation,
    ImageDataGenerator,
    InBackground,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)
from catdog_data.engine import pipeline
from catdog_data.engine.failed_batches import Passes, with_gaps_filled
from catdog_data.engine.pixel_sources import WholeImages
from catdog_data.keras_compat.native import loading

FILES = 23
WITHOUT_OPTIMISER = tf.data.Options()
WITHOUT_OPTIMISER.experimental_optimization.apply_default_optimizations = False


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for i in range(FILES):
        save_picture(root / "ab"[i % 2] / f"{i:02}.jpg", (40, 30), i)
    return root


def outcomes_of(dataset, limit=200):
    """Take a pass to its end, and go on behind errors: elements and errors, in order."""
    batches, outcomes = iter(dataset), []
    while len(outcomes) < limit:
        try:
            outcomes.append(next(batches))
        except StopIteration:
            return outcomes
        except tf.errors.OpError as error:
            outcomes.append(error)
    raise AssertionError("the pass has no end")


def indices(outcome):
    return np.atleast_1d(outcome[-1].numpy()).tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4},
        {"batch_size": 1, "augmentation": Augmentation(rotation=30), "seed": 3},
        {"batch_size": 5, "interpolation": "nearest", "without_optimiser": True},
        {"batch_size": None, "augmentation": Augmentation(hue=0.2), "seed": 3},
        {"batch_size": 4, "deterministic": True},
    ],
    ids=["batches", "batches of one", "unoptimised", "single images", "deterministic"],
)
def test_a_failed_batch_moves_no_other_and_the_pass_ends(folder, options, request):
    options = dict(options)
    unoptimised = options.pop("without_optimiser", False)
    if options.pop("deterministic", False):
        request.addfinalizer(config.disable_op_determinism)
        tf.config.experimental.enable_op_determinism()
    whole = image_dataset_from_directory(
        folder, image_size=(16, 16), return_index=True, verbose=False, **{"seed": 1, **options}
    )
    paths = [Path(path) for path in whole.file_paths]
    # Every pass is the same epoch.
    dataset = whole.follow(lambda: (2, 0))
    if unoptimised:
        dataset = dataset.with_options(WITHOUT_OPTIMISER)
    readable = dataset.ignore_errors()
    expected = list(dataset)
    assert len(expected) == whole.cardinality()

    @settings(max_examples=6, deadline=None)
    @given(bad=st.sets(st.integers(0, FILES - 1), max_size=9) | st.just(set(range(FILES))))
    def check(bad):
        contents = {i: paths[i].read_bytes() for i in bad}
        try:
            for i in bad:
                break_inside(paths[i])
            outcomes = outcomes_of(dataset)
            assert len(outcomes) == len(expected)
            for element, outcome in zip(expected, outcomes, strict=True):
                broken = [paths[i].name for i in indices(element) if i in bad]
                if broken:
                    assert isinstance(outcome, tf.errors.OpError)
                    assert broken[0] in outcome.message
                    assert "Remove it from the data set or replace it" in outcome.message
                else:
                    assert indices(outcome) == indices(element)
                    np.testing.assert_array_equal(outcome[0], element[0])
            whole_ones = [indices(each) for each in expected if not bad & set(indices(each))]
            assert [indices(each) for each in readable] == whole_ones
        finally:
            for i in bad:
                paths[i].write_bytes(contents[i])

    check()


def test_determinism_asked_for_too_late_is_refused(folder, request):
    dataset = image_dataset_from_directory(folder, image_size=(16, 16), verbose=False)
    request.addfinalizer(config.disable_op_determinism)
    tf.config.experimental.enable_op_determinism()
    with pytest.raises(tf.errors.OpError, match="must be called before datasets and iterators"):
        next(iter(dataset))


@pytest.mark.parametrize("batch_size", [4, None])
def test_a_pass_that_is_refused_has_an_end(folder, request, batch_size):
    dataset = image_dataset_from_directory(
        folder, image_size=(16, 16), batch_size=batch_size, verbose=False
    )
    readable = dataset.ignore_errors()
    length = int(dataset.cardinality())
    request.addfinalizer(config.disable_op_determinism)
    tf.config.experimental.enable_op_determinism()
    outcomes = outcomes_of(dataset)
    assert len(outcomes) == length
    for outcome in outcomes:
        assert isinstance(outcome, tf.errors.UnknownError)
        assert "must be called before datasets and iterators" in outcome.message
    assert list(readable) == []
    config.disable_op_determinism()
    assert len(list(dataset)) == length


@pytest.mark.parametrize("batch_size", [4, None])
def test_an_error_where_a_pass_begins_is_no_empty_pass(folder, batch_size):
    dataset = image_dataset_from_directory(
        folder, image_size=(16, 16), batch_size=batch_size, verbose=False
    )
    (outcome,) = outcomes_of(dataset.follow(lambda: (0, 99)))
    assert "`follow` needs" in outcome.message
    assert "step=99" in outcome.message


@pytest.mark.slow
@given(
    steps=st.integers(1, 150),
    epoch=st.integers(0, 10**6),
    more=st.sampled_from([None, 0, 1, 3]),
    data=st.data(),
)
@settings(max_examples=25, deadline=None)
def test_every_number_has_an_element_whichever_fail(steps, epoch, more, data):
    step = data.draw(st.integers(0, steps - 1))
    first, last = epoch * steps + step, (epoch + 1 + (more or 0)) * steps
    failing = data.draw(st.sets(st.integers(first, last - 1)))
    goes_on = None if more is None else lambda following: following < last
    passes = Passes(steps, lambda: first, whole=step == 0, goes_on=goes_on)

    def fail_some(code):
        mark = passes.mark(code)
        bad = tf.constant(sorted(failing), tf.int64)
        with tf.control_dependencies(
            [tf.debugging.assert_equal(tf.reduce_any(bad == mark[2]), False)]
        ):
            return tf.identity(mark)

    filled = with_gaps_filled(passes.codes().map(fail_some), lambda mark: mark, passes.length)
    pairs = [(int(number), int(mark[2])) for number, mark in filled]
    assert [number for number, _ in pairs] == list(range(first, last))
    assert all((number == own) == (number not in failing) for number, own in pairs)
    assert [int(number) for number in passes.numbers()] == list(range(first, last))
    known = steps if step == 0 and more is None else tf.data.UNKNOWN_CARDINALITY
    assert int(filled.cardinality()) == int(passes.numbers().cardinality()) == known


def test_where_all_is_broken_that_is_known_soon(folder, monkeypatch):
    pd = pytest.importorskip("pandas")
    path = str(next(folder.rglob("*.jpg")))
    frame = pd.DataFrame({"file": [path] * 5000})
    flow = ImageDataGenerator().flow_from_dataframe(
        frame,
        x_col="file",
        class_mode=None,
        color_mode="grayscale",
        target_size=(8, 8),
        batch_size=2,
    )
    dataset, read = flow.epoch_dataset(), []

    def fails(path, *args, **options):
        read.append(path)
        raise OSError("the network is away")

    monkeypatch.setattr(loading, "load_image", fails)
    with pytest.raises(tf.errors.OpError, match=Path(path).name):
        next(iter(dataset))
    assert len(read) < 500


@pytest.mark.parametrize("reads", [1, 8])
def test_a_failure_that_has_passed_leaves_no_trace(folder, monkeypatch, reads):
    def flow():
        return ImageDataGenerator(rotation_range=30).flow_from_directory(
            folder, color_mode="grayscale", target_size=(8, 8), batch_size=4, seed=1
        )

    expected = list(flow().epoch_dataset())
    load, check = loading.load_image, WholeImages.check
    failed, read_again = set(), set()

    # Not the first time that a file is read: behind the first failure of a batch tf.data need not
    # begin with its other files, which are then read for the first time when it is read again.
    def fails_in_its_batch(path, *args, **options):
        if int(Path(path).stem) % 3 == 0 and path not in read_again:
            failed.add(path)
            raise OSError("the network is away")
        return load(path, *args, **options)

    def check_when_it_is_back(self, index):
        read_again.add(self._names[index])
        check(self, index)

    monkeypatch.setattr(pipeline, "READS_PER_CORE", reads)
    monkeypatch.setattr(loading, "load_image", fails_in_its_batch)
    monkeypatch.setattr(WholeImages, "check", check_when_it_is_back)
    for one, other in zip(expected, flow().epoch_dataset(), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, other, one)
    assert failed


def test_a_broken_mask_is_named(folder, tmp_path):
    for i in range(FILES):
        save_picture(tmp_path / "ab"[i % 2] / f"{i:02}.png", (40, 30), i)  # colours are no masks
    dataset = image_dataset_from_directory(
        folder, masks=tmp_path, labels=None, image_size=(8, 8), shuffle=False, verbose=False
    )
    with pytest.raises(tf.errors.OpError, match=r"00\.png' must be a mask of one channel"):
        next(iter(dataset))


@pytest.mark.filterwarnings("ignore:The cache could not be built")
def test_a_file_is_named_while_a_cache_is_built_in_the_background(tmp_path):
    for i in range(9):
        save_picture(tmp_path / "images" / "a" / f"{i}.jpg", (40, 30), i)
    break_inside(tmp_path / "images" / "a" / "7.jpg")
    dataset = image_dataset_from_directory(
        tmp_path / "images",
        labels=None,
        image_size=(8, 8),
        batch_size=3,
        shuffle=False,
        verbose=False,
        cache=InBackground(tmp_path / "packs"),
    )
    *before, failed = outcomes_of(dataset)
    assert [len(each) for each in before] == [3, 3]
    assert "7.jpg' cannot be decoded" in failed.message


def test_frames_name_the_file_under_fit(folder, tmp_path):
    pd = pytest.importorskip("pandas")
    save_picture(tmp_path / "bad.jpg", (40, 30), 1)
    break_inside(tmp_path / "bad.jpg")
    good = sorted(str(path) for path in folder.rglob("*.jpg"))
    frame = pd.DataFrame({"file": [*good, str(tmp_path / "bad.jpg")], "age": range(FILES + 1)})
    dataset = image_dataset_from_dataframe(
        frame, None, "file", "age", label_mode="raw", image_size=(8, 8), verbose=False
    )
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    with pytest.raises(tf.errors.OpError, match=r"bad\.jpg' cannot be decoded"):
        model.fit(dataset, verbose=0)


FAILED_FIT = """
import sys
import keras
from catdog_data import image_dataset_from_directory

dataset = image_dataset_from_directory(
    sys.argv[1], image_size=(16, 16), batch_size=1, seed=1, verbose=False)
model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(dataset, verbose=0)
"""


@pytest.mark.slow
def test_the_process_ends_after_a_failed_fit(tmp_path):
    for i in range(12):
        save_picture(tmp_path / "ab"[i % 2] / f"{i}.jpg", (40, 30), i)
    break_inside(tmp_path / "b" / "7.jpg")
    command = [sys.executable, "-c", FAILED_FIT, str(tmp_path)]
    for said in said_by_failing(command, 12):
        assert "7.jpg' cannot be decoded" in said
