"""Balanced classes beside a cache, the device's augmentation, and files that cannot be read."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture

from catdog_data import Augmentation, image_dataset_from_directory
from catdog_data.layers import AugmentAndRescale

AUGMENTATION = Augmentation(rotation=20.0, zoom=(0.8, 1.2), horizontal_flip=True)
SIZE = (8, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("uneven")
    for i in range(9):
        save_picture(root / ("cats" if i < 7 else "dogs") / f"{i:02d}.png", (9, 8), i)
    return root


def read(folder, **options):
    options = {"augmentation": AUGMENTATION, "balance": "oversample", **options}
    options = {"image_size": SIZE, "batch_size": 4, "seed": 3, "verbose": False, **options}
    return image_dataset_from_directory(folder, return_index=True, **options)


def two_epochs(dataset):
    return [list(dataset.as_numpy_iterator()) for _ in range(2)]


@pytest.fixture(scope="module")
def plain(folder):
    return two_epochs(read(folder))


def assert_same(got, expected):
    assert [len(epoch) for epoch in got] == [len(epoch) for epoch in expected]
    tf.nest.map_structure(np.testing.assert_array_equal, got, expected)


@pytest.mark.parametrize("place", ["memory", "folder"])
def test_batches_with_a_cache_are_those_without(folder, plain, tmp_path, place):
    cache = "memory" if place == "memory" else tmp_path
    assert_same(two_epochs(read(folder, cache=cache)), plain)


def test_the_device_makes_the_images_that_the_host_makes(folder, plain):
    layer = AugmentAndRescale(SIZE, rescale=1.0)
    epochs = two_epochs(read(folder, augment_on="device"))
    for epoch, expected in zip(epochs, plain, strict=True):
        for (inputs, labels, index), (images, *others) in zip(epoch, expected, strict=True):
            assert_same([[labels, index]], [others])
            got = layer(inputs, training=True).numpy()
            np.testing.assert_allclose(got, images, rtol=0, atol=0.05)
    # Copies of an image have tables of their own.
    tables = np.concatenate([inputs["tables"] for inputs, *_ in epochs[0]])
    assert len({each.tobytes() for each in tables}) == len(tables) == 14


@pytest.mark.parametrize("on_error", ["skip", "replace"])
def test_files_that_break_before_and_during_a_run(folder, tmp_path, on_error):
    root = tmp_path / "copy"
    shutil.copytree(folder, root)
    (root / "cats" / "00.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="cannot be read"):
        dataset = read(root, on_error=on_error)
    cats = 6 if on_error == "skip" else 7
    files = dataset.file_paths
    assert len(files) == cats + 2
    whole = list(dataset.as_numpy_iterator())
    labels = np.concatenate([labels for _, labels, _ in whole])
    assert np.bincount(labels).tolist() == [cats, cats]
    # One of two dogs breaks later: the other is read in its place, or batches are shorter.
    late = root / "dogs" / "08.png"
    late.write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"08\.png"):
        epoch = list(dataset.resume(1, 0).as_numpy_iterator())
    index = np.concatenate([index for *_, index in epoch])
    labels = np.concatenate([labels for _, labels, _ in epoch])
    assert [str(each.path) for each in dataset.report()][-1] == str(late)
    if on_error == "replace":
        assert np.bincount(labels).tolist() == [cats, cats]
    else:
        assert files.index(str(late)) not in index
        assert np.bincount(labels).tolist() == [cats, cats // 2]
