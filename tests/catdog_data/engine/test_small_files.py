"""Small files, read several to a call: the pixels of each, whatever the others are."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog_data import ImageDataGenerator, image_dataset_from_directory
from catdog_data.decoding.decode import read_plain_jpegs, read_rgb
from catdog_data.decoding.resize import nearest_table
from catdog_data.engine import small_files
from catdog_data.engine.calls import calls_of, from_calls, in_calls
from catdog_data.engine.pixel_sources import RowsOfFiles
from catdog_data.engine.small_files import SmallFiles, room_of_small_files, rows_of_files

SIZE = (13, 18)
N = 37
"""So many that few of them are looked at, and that no number of calls divides them."""


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch):
    monkeypatch.setattr(small_files, "_FEW", 1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """JPEGs of several small sizes."""
    root = tmp_path_factory.mktemp("plain")
    for i in range(N):
        save_picture(root / "ab"[i % 2] / f"{i:02}.jpg", (18 + i % 3, 13 + i % 2), i)
    return root


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Some that are larger than those looked at, or that TensorFlow does not decode as Pillow."""
    root = tmp_path_factory.mktemp("mixed")
    for i in range(N):
        save_picture(root / "a" / f"{i:02}.jpg", (40, 30) if i % 3 else (20, 15), i)
    for i, mode in ((1, "L"), (14, "CMYK")):
        path = root / "a" / f"{i:02}.jpg"
        Image.open(path).convert(mode).save(path)
    png = root / "a" / "35.jpg"
    Image.open(png).save(png, "PNG")
    return root


def as_keras(root):
    return [
        np.asarray(keras.utils.load_img(path, target_size=SIZE, interpolation="nearest"))
        for path in sorted(root.glob("*/*"), key=lambda path: path.relative_to(root))
    ]


def paths_in(root):
    return [str(path) for path in sorted(root.glob("*/*"))]


@pytest.mark.parametrize("batch_size", [1, 16, 19, 37])
@pytest.mark.parametrize("folder", ["plain", "mixed"])
def test_images_are_those_of_pillow(folder, batch_size, request):
    root = request.getfixturevalue(folder)
    batches = ImageDataGenerator().flow_from_directory(
        root,
        target_size=SIZE,
        interpolation="nearest",
        batch_size=batch_size,
        class_mode=None,
        shuffle=False,
    )
    images = np.concatenate([next(batches) for _ in range(len(batches))])
    np.testing.assert_array_equal(images, as_keras(root))


@pytest.mark.parametrize("batch_size", [7, 32, None])
def test_datasets_have_the_images_of_keras(plain, batch_size):
    options = {
        "image_size": SIZE,
        "interpolation": "nearest",
        "shuffle": False,
        "labels": None,
        "verbose": False,
    }
    ours = image_dataset_from_directory(plain, batch_size=batch_size, **options)
    theirs = keras.utils.image_dataset_from_directory(plain, batch_size=None, **options)
    images = list(ours if batch_size is None else ours.unbatch())
    np.testing.assert_array_equal(images, list(theirs))


@pytest.mark.parametrize(("folder", "several"), [("plain", True), ("mixed", False)])
def test_only_plain_files_are_decoded_together(folder, several, request):
    paths = paths_in(request.getfixturevalue(folder))
    images, are_plain = read_plain_jpegs(tf.constant(paths))
    assert bool(are_plain) == several
    if several:
        for image, path in zip(images, paths, strict=True):
            np.testing.assert_array_equal(image, read_rgb(tf.constant(path)))


def test_a_call_may_have_padding_alone_or_beside_images(plain):
    paths = paths_in(plain)
    room = room_of_small_files(paths, SIZE, ("JPEG",))
    source = rows_of_files(paths, SIZE, read_rgb, nearest_table, read_plain_jpegs, room)
    assert isinstance(source, SmallFiles)
    flat, size = source.fetch(tf.constant([-1, 2, -1], tf.int64))
    assert tuple(size[1].numpy()) == SIZE
    image = tf.reshape(flat[1][: math.prod(SIZE) * 3], [*SIZE, 3])
    np.testing.assert_array_equal(image, source.image(tf.constant(2, tf.int64)))
    nothing = SmallFiles(["missing.jpg"], SIZE, read_rgb, nearest_table, read_plain_jpegs, 256)
    nothing.fetch(tf.constant([-1, -1], tf.int64))


def test_files_that_are_few_are_read_one_by_one(plain, monkeypatch):
    monkeypatch.undo()
    assert room_of_small_files(paths_in(plain), SIZE, ("JPEG",)) is None


def test_files_that_are_not_small_are_read_one_by_one(plain, tmp_path):
    small, large, png = paths_in(plain)[:2], tmp_path / "large.jpg", tmp_path / "small.png"
    save_picture(large, (300, 200), 0)
    save_picture(png, (20, 15), 0)
    assert room_of_small_files(small, SIZE, ("JPEG",)) == 512
    assert room_of_small_files(small, (64, 64), ("JPEG",)) == 64 * 64
    for paths, size in (
        ([*small, str(large)], SIZE),
        ([*small, str(png)], SIZE),
        ([*small, str(tmp_path / "missing.jpg")], SIZE),
        (small, (224, 224)),
        ([], SIZE),
    ):
        assert room_of_small_files(paths, size, ("JPEG",)) is None
    source = rows_of_files(small, SIZE, read_rgb, nearest_table, read_plain_jpegs, None)
    assert type(source) is RowsOfFiles


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 20))
def test_calls_hold_the_rows_of_a_batch_in_order(size, together):
    rows = np.arange(3 * size).reshape(size, 3)
    calls = in_calls((rows[:, 0], tf.constant(rows)), together)
    assert all(len(part) == calls_of(size, together) for part in calls)
    assert calls[1].shape[1] <= together
    np.testing.assert_array_equal(from_calls(calls, size)[1], rows)
