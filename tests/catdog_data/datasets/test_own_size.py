"""`image_size=None`: images in the size of their file, beside Keras' arrays and our fixed sizes."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import save_picture
from PIL import Image

from catdog_data import (
    Augmentation,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)

SIZES = [(31, 47), (20, 64), (1, 1), (2, 9), (90, 70)]
"""(height, width)."""
GEOMETRY = Augmentation(
    horizontal_flip=True,
    vertical_flip=True,
    rotation=180,
    shear=20,
    zoom=(0.6, 1.5),
    height_shift=0.3,
    width_shift=0.2,
    crop_area=(0.5, 1.0),
    fill_mode="reflect",
)
STEPS = Augmentation(
    rotation=20,
    channel_shift=20,
    brightness=(0.6, 1.4),
    contrast=(0.6, 1.4),
    hue=0.2,
    erasing=0.7,
    blur=(0.3, 2),
    sharpness=(0, 2),
    equalize=0.3,
    autocontrast=0.5,
    solarize=(100, 255),
    posterize=(3, 8),
    grayscale=0.2,
)
SEED = {"seed": 3, "verbose": False, "image_size": None}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Fifteen pictures of five sizes, three of each, in two classes."""
    root = tmp_path_factory.mktemp("sizes")
    for i in range(15):
        height, width = SIZES[i % 5]
        save_picture(root / "ab"[i % 3 > 0] / f"{i:02d}.png", (width, height), i)
    return root


def expected_pixels(path, mode="rgb"):
    return keras.utils.img_to_array(keras.utils.load_img(path, color_mode=mode))


def padded(images):
    """Put images at the top left of one array."""
    height, width = np.max([image.shape[:2] for image in images], axis=0)
    return np.stack(
        [
            np.pad(image, [(0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)])
            for image in images
        ]
    )


def by_index(dataset):
    """Cut every image of an epoch out of its batch."""
    cut = {}
    for images, *_, index in dataset.as_numpy_iterator():
        for image, i in zip(images, index, strict=True):
            with Image.open(dataset.file_paths[i]) as file:
                width, height = file.size
            assert not image[height:].any()
            assert not image[:, width:].any()
            cut[int(i)] = image[:height, :width]
    return cut


@pytest.mark.parametrize("mode", ["rgb", "rgba", "grayscale"])
def test_batches_are_the_files_padded_with_zeros(root, mode):
    dataset = image_dataset_from_directory(
        root, batch_size=4, shuffle=False, color_mode=mode, rescale=0.5, **SEED
    )
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[mode]
    assert dataset.element_spec[0] == tf.TensorSpec([None, None, None, channels], tf.float32)
    read = []
    for images, _ in dataset.as_numpy_iterator():
        paths = dataset.file_paths[len(read) : len(read) + len(images)]
        expected = padded(
            [tf.io.decode_image(Path(path).read_bytes(), channels).numpy() for path in paths]
        )
        np.testing.assert_array_equal(images, expected * np.float32(0.5))
        read += paths
    assert read == dataset.file_paths
    assert len(read) == 15


@pytest.mark.parametrize("batch_size", [None, 1])
def test_images_alone_have_the_size_of_their_file(root, batch_size):
    dataset = image_dataset_from_directory(
        root, batch_size=batch_size, interpolation="nearest", return_index=True, **SEED
    )
    spec = dataset.element_spec[0]
    one = [] if batch_size is None else [None]
    assert spec == tf.TensorSpec([*one, None, None, 3], tf.uint8)
    assert len(dataset) == 15
    elements = list(dataset.as_numpy_iterator())
    assert sorted(int(np.squeeze(index)) for *_, index in elements) == list(range(15))
    for image, label, index in elements:
        path = dataset.file_paths[int(np.squeeze(index))]
        expected = expected_pixels(path)
        np.testing.assert_array_equal(image if batch_size is None else image[0], expected)
        assert "ab"[int(np.squeeze(label))] == Path(path).parent.name


@pytest.fixture(scope="module")
def moved(root):
    dataset = image_dataset_from_directory(
        root, batch_size=4, augmentation=GEOMETRY, return_index=True, **SEED
    )
    return dataset, by_index(dataset)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_an_image_is_moved_as_if_it_were_alone(root, moved, size):
    dataset, images = moved
    options = {**SEED, "image_size": size, "augmentation": GEOMETRY, "return_index": True}
    alone = image_dataset_from_directory(root, batch_size=5, **options)
    assert alone.file_paths == dataset.file_paths
    compared = 0
    for batch, _, index in alone.as_numpy_iterator():
        for image, i in zip(batch, index, strict=True):
            if images[int(i)].shape == image.shape:
                np.testing.assert_array_equal(images[int(i)], image)
                compared += 1
    assert compared == 3


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("mode", ["rgb", "rgba"])
def test_every_step_is_done_to_the_image_alone(root, size, mode):
    options = {**SEED, "color_mode": mode, "augmentation": STEPS, "return_index": True}
    images = by_index(image_dataset_from_directory(root, batch_size=15, **options))
    options["image_size"] = size
    alone = image_dataset_from_directory(root, batch_size=15, **options)
    ((batch, _, index),) = alone.as_numpy_iterator()
    pairs = [(images[int(i)], image) for image, i in zip(batch, index, strict=True)]
    pairs = [(ours, image) for ours, image in pairs if ours.shape == image.shape]
    assert len(pairs) == 3
    for ours, image in pairs:
        # A value may fall on the other side of a threshold, or of a border of posterize.
        assert np.mean(np.abs(ours - image) > 0.01) < 0.002


def test_an_epoch_resumes_and_is_shared(root, moved):
    dataset, _ = moved
    elements = list(dataset.as_numpy_iterator())
    assert len(elements) == len(dataset) == 4
    again = list(dataset.resume(1, 2).as_numpy_iterator())
    for one, other in zip(elements[2:], again, strict=True):
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)
    shards = [
        image_dataset_from_directory(
            root, batch_size=3, shard=(i, 2), balance="oversample", return_index=True, **SEED
        )
        for i in range(2)
    ]
    index = np.concatenate([np.concatenate([i for *_, i in each]) for each in shards])
    labels = [Path(shards[0].file_paths[i]).parent.name for i in index]
    assert labels.count("a") == labels.count("b") == 10


def test_labels_and_sizes_of_batches(root):
    dataset = image_dataset_from_directory(
        root,
        label_mode="input",
        batch_size=4,
        drop_remainder=True,
        data_format="channels_first",
        output_dtype="float16",
        **SEED,
    )
    assert dataset.element_spec == (tf.TensorSpec([4, 3, None, None], tf.float16),) * 2
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == 3
    for images, labels in batches:
        np.testing.assert_array_equal(images, labels)


def test_a_broken_file_is_named_or_worked_around(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for i in range(4):
        save_picture(tmp_path / "images" / f"{i}.png", (20 + i, 10), i)
    names = [f"{i}.png" for i in range(4)]
    (tmp_path / "images" / "2.png").write_bytes(b"nothing")
    frame = pd.DataFrame({"filename": names, "class": list("aabb")})

    def read(**options):
        return image_dataset_from_dataframe(
            frame, tmp_path / "images", shuffle=False, batch_size=2, **SEED, **options
        )

    iterator = iter(read())
    assert next(iterator)[0].shape == (2, 10, 21, 3)
    with pytest.raises(tf.errors.OpError, match=r"2\.png"):
        next(iterator)
    with pytest.warns(UserWarning, match=r"1 of 4 images cannot be read"):
        skipping = read(on_error="skip")
    assert [images.shape[2] for images, _ in skipping] == [21, 23]
    with pytest.warns(UserWarning, match="take their places"):
        replacing = read(on_error="replace")
    assert [images.shape[2] for images, _ in replacing] == [21, 23]
    assert [len(images) for images, _ in replacing] == [2, 2]


@pytest.mark.parametrize(
    "options",
    [
        {"cache": "memory"},
        {"masks": "masks"},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True},
        {"antialias": True},
        {"decode": "fast"},
        {"augment_on": "device"},
        {"augmentation": Augmentation(mixup=0.2)},
    ],
    ids=str,
)
def test_what_needs_one_size_is_refused_by_name(root, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`image_size=None`.*`{name}="):
        image_dataset_from_directory(root, **SEED, **options)
