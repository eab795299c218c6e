"""`label_mode="input"`: the label of an image is the image as it is yielded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import save_picture

from catdog_data import (
    Augmentation,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)
from catdog_data.keras_compat import ImageDataGenerator

AUGMENTATION = Augmentation(
    rotation=30, zoom=(0.7, 1.3), brightness=(0.5, 1.5), horizontal_flip=True
)
OPTIONS = {"image_size": (10, 12), "batch_size": 4, "seed": 3, "verbose": False}
FINISHED = {"augmentation": AUGMENTATION, "rescale": 1 / 255}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for i in range(9):
        save_picture(root / ("cats" if i < 6 else "dogs") / f"{i}.png", (14, 11), i)
    return root


def test_a_directory_yields_each_image_twice(root):
    options = {**OPTIONS, **FINISHED}
    pairs = image_dataset_from_directory(root, label_mode="input", return_index=True, **options)
    plain = image_dataset_from_directory(root, return_index=True, **options)
    assert pairs.element_spec[0] == pairs.element_spec[1] == plain.element_spec[0]
    for (images, labels, index), (expected, _, same) in zip(
        pairs.as_numpy_iterator(), plain.as_numpy_iterator(), strict=True
    ):
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(labels, expected)
        np.testing.assert_array_equal(index, same)


def test_classes_are_known_from_the_folders(root):
    dataset = image_dataset_from_directory(
        root, label_mode="input", balance="undersample", return_index=True, **OPTIONS
    )
    assert dataset.class_names == ["cats", "dogs"]
    assert dataset.class_weights() == {0: 9 / 12, 1: 9 / 6}
    index = np.concatenate([index for *_, index in dataset.as_numpy_iterator()])
    assert sum("cats" in dataset.file_paths[i] for i in index) == 3
    assert len(index) == 6


def test_a_folder_without_classes(root):
    dataset = image_dataset_from_directory(
        root / "cats", labels=None, label_mode="input", data_format="channels_first", **OPTIONS
    )
    images, labels = next(dataset.as_numpy_iterator())
    assert images.shape == (4, 3, 10, 12)
    np.testing.assert_array_equal(images, labels)


def test_pixels_are_those_of_class_mode_input(root):
    options = {"batch_size": 4, "shuffle": False}
    iterator = ImageDataGenerator(rescale=0.5).flow_from_directory(
        root, target_size=(11, 14), class_mode="input", **options
    )
    dataset = image_dataset_from_directory(
        root, image_size=(11, 14), label_mode="input", rescale=0.5, verbose=False, **options
    )
    for ours in dataset.as_numpy_iterator():
        for got, expected in zip(ours, next(iterator), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_a_data_frame_needs_no_column_of_labels(root):
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*.png"))
    frame = pd.DataFrame({"filename": names, "weight": np.arange(9.0)})
    dataset = image_dataset_from_dataframe(
        frame, root, label_mode="input", weight_col="weight", shuffle=False, **OPTIONS
    )
    assert dataset.class_names is None
    images, labels, weights = next(dataset.as_numpy_iterator())
    np.testing.assert_array_equal(images, labels)
    assert weights.tolist() == [0, 1, 2, 3]


def test_mixed_images_are_their_own_labels(root):
    dataset = image_dataset_from_directory(
        root, label_mode="input", augmentation=Augmentation(mixup=0.4), **OPTIONS
    )
    plain = image_dataset_from_directory(root, label_mode=None, **OPTIONS)
    images, labels = next(dataset.as_numpy_iterator())
    np.testing.assert_array_equal(images, labels)
    assert not np.array_equal(images, next(plain.as_numpy_iterator()))


def test_what_does_not_go_together_is_refused(root):
    with pytest.raises(ValueError, match=r'`label_mode="input"`.*`augment_on="device"`'):
        image_dataset_from_directory(root, label_mode="input", augment_on="device", **OPTIONS)
    with pytest.raises(ValueError, match='`label_mode="input"` and `masks`'):
        image_dataset_from_directory(root, label_mode="input", masks=root, **OPTIONS)
