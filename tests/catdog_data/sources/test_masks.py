"""Images and masks together: the same geometry, and numbers that are never blended."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from catdog_data import (
    Augmentation,
    image_dataset_from_arrays,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)
from catdog_data.decoding.decode import read_mask
from catdog_data.sources.masks import masks_beside

MOVED = Augmentation(
    horizontal_flip=True,
    rotation=40,
    zoom=(0.7, 1.3),
    crop_area=(0.5, 1.0),
    brightness=(0.5, 0.9),
    erasing=0.5,
)
FORMS = ("grey.png", "palette.png", "grey.tif", "grey.bmp")


def save_mask(path, numbers):
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = Image.fromarray(numbers)
    if "palette" in path.name:
        mask = mask.convert("P")
        mask.putdata(numbers.ravel())
        mask.putpalette(list(range(255, -1, -1)) * 3)
    mask.save(path)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Images whose grey is ten times the number in their mask."""
    root = tmp_path_factory.mktemp("pairs")
    random = np.random.default_rng(0)
    for i in range(9):
        numbers = np.kron(random.integers(1, 21, (4, 5)), np.ones((7, 6))).astype("uint8")
        image = root / "images" / f"part {i % 2}" / f"{i}.x.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.stack([numbers * 10] * 3, -1)).save(image)
        form = FORMS[i % len(FORMS)].partition(".")
        mask = root / "masks" / f"part {i % 2}" / f"{i}.x.{form[2]}"
        save_mask(mask.with_name(f"{form[0]}.{form[2]}"), numbers)
        mask.with_name(f"{form[0]}.{form[2]}").replace(mask)
    return root


def from_folder(root, **options):
    return image_dataset_from_directory(
        root / "images",
        masks=root / "masks",
        **{"image_size": (24, 26), "batch_size": 4, "seed": 3, "verbose": False, **options},
    )


@pytest.mark.parametrize("form", FORMS)
def test_masks_are_read_as_they_are_stored(tmp_path, form):
    numbers = np.random.default_rng(1).integers(0, 256, (7, 9)).astype("uint8")
    save_mask(tmp_path / form, numbers)
    got = tf.function(read_mask)(str(tmp_path / form))
    np.testing.assert_array_equal(got[..., 0], numbers)


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "wrap"])
def test_masks_go_where_images_go(pairs, fill_mode):
    moved = Augmentation(
        rotation=40, zoom=(0.7, 1.3), vertical_flip=True, shear=10, height_shift=0.2,
        crop_area=(0.5, 1.0), fill_mode=fill_mode, interpolation="nearest",
    )  # fmt: skip
    dataset = from_folder(pairs, interpolation="nearest", augmentation=moved)
    assert dataset.element_spec[1] == tf.TensorSpec([None, 24, 26, 1], tf.uint8)
    batches = list(dataset.as_numpy_iterator())
    assert sum(len(images) for images, _ in batches) == 9
    for images, masks in batches:
        np.testing.assert_array_equal(images, np.repeat(masks, 3, axis=-1) * 10.0)


def test_what_images_undergo_beside_moving_leaves_masks_alone(pairs):
    plain = Augmentation(horizontal_flip=True, rotation=40, zoom=(0.7, 1.3), crop_area=(0.5, 1.0))
    erased = []
    for (_, expected), (images, masks) in zip(
        from_folder(pairs, augmentation=plain), from_folder(pairs, augmentation=MOVED), strict=True
    ):
        np.testing.assert_array_equal(masks, expected)
        assert set(np.unique(masks)) <= set(range(1, 21))  # nothing in between
        erased.append(tf.reduce_any(images == 0))
    assert any(erased)


def test_outside_of_a_mask(pairs):
    shifted = Augmentation(
        height_shift=0.9, fill_mode="constant", fill_value=7.0, mask_fill_value=255
    )
    for images, masks in from_folder(pairs, augmentation=shifted):
        outside = masks.numpy()[..., 0] == 255
        assert outside.any()
        np.testing.assert_array_equal(images.numpy()[outside], 7)


def test_splits_and_cropping_keep_pairs_together(pairs):
    options = {"interpolation": "nearest", "crop_to_aspect_ratio": True, "image_size": (10, 20)}
    both = from_folder(pairs, validation_split=0.4, subset="both", **options)
    assert [len(dataset.file_paths) for dataset in both] == [6, 3]
    for dataset in both:
        for images, masks in dataset:
            np.testing.assert_array_equal(images, np.repeat(masks, 3, axis=-1) * 10.0)


@pytest.mark.slow
def test_frames_and_arrays_give_what_folders_give(pairs):
    pandas = pytest.importorskip("pandas")
    folder = from_folder(pairs, shuffle=False, augmentation=MOVED, interpolation="nearest")
    found = {path.stem: str(path) for path in (pairs / "masks").rglob("*.*")}
    stems = [path.rpartition("/")[2].removesuffix(".png") for path in folder.file_paths]
    frame = pandas.DataFrame(
        {"filename": folder.file_paths, "mask": [found[stem] for stem in stems]}
    )
    of_frame = image_dataset_from_dataframe(
        frame, y_col="mask", label_mode="mask", image_size=(24, 26), batch_size=4, seed=3,
        shuffle=False, verbose=False, augmentation=MOVED, interpolation="nearest",
    )  # fmt: skip
    plain = from_folder(pairs, shuffle=False, interpolation="nearest", output_dtype="uint8")
    images, masks = (
        np.concatenate(column) for column in zip(*plain.as_numpy_iterator(), strict=True)
    )
    of_arrays = image_dataset_from_arrays(
        images, masks=masks, batch_size=4, shuffle=False, seed=3, augmentation=MOVED
    )
    for expected, *others in zip(folder, of_frame, of_arrays, strict=True):
        for got in others:
            for one, other in zip(got, expected, strict=True):
                np.testing.assert_array_equal(one, other)


def test_channels_first(pairs):
    images, masks = next(iter(from_folder(pairs, data_format="channels_first")))
    assert images.shape == (4, 3, 24, 26)
    assert masks.shape == (4, 1, 24, 26)


def test_what_does_not_go_with_masks_is_refused(pairs):
    with pytest.raises(ValueError, match="cannot be mixed"):
        from_folder(pairs, augmentation=Augmentation(mixup=0.2))
    with pytest.raises(ValueError, match="`augment_on`"):
        from_folder(pairs, augmentation=Augmentation(rotation=9), augment_on="device")
    with pytest.raises(ValueError, match="`labels=None`"):
        from_folder(pairs, labels=[0] * 9)
    images = np.zeros((2, 4, 5, 3), "uint8")
    with pytest.raises(ValueError, match=r"uint8\[2, 4, 5, 1\].*received int64\[2, 4, 5\]"):
        image_dataset_from_arrays(images, masks=np.zeros((2, 4, 5), "int64"))


def test_a_missing_and_a_doubtful_mask(pairs, tmp_path):
    copy = shutil.copytree(pairs, tmp_path / "copy")
    lost = next((copy / "masks").rglob("0.x.*"))
    lost.unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 9 images have no file .*part 0/0\.x\.png"):
        from_folder(copy)
    for extension in ("png", "bmp"):
        save_mask(lost.with_name(f"0.x.{extension}"), np.zeros((3, 3), "uint8"))
    with pytest.raises(ValueError, match=r"1 images have several files .*0\.x\.png"):
        from_folder(copy)


def test_notes_beside_a_mask_are_no_mask(tmp_path):
    images = [str(tmp_path / "images" / name) for name in ("3.png", "4.png")]
    save_mask(tmp_path / "masks" / "3.png", np.zeros((3, 3), "uint8"))
    (tmp_path / "masks" / "3.json").write_text("{}")
    (tmp_path / "masks" / "4.json").write_text("{}")
    found = masks_beside(images[:1], tmp_path / "images", tmp_path / "masks")
    assert found == {images[0]: str(tmp_path / "masks" / "3.png")}
    with pytest.raises(FileNotFoundError, match=r"1 of 2 images have no file .*4\.png.*\.tiff"):
        masks_beside(images, tmp_path / "images", tmp_path / "masks")


def test_masks_saved_as_jpeg_warn(tmp_path):
    pandas = pytest.importorskip("pandas")
    for name in ("1.jpg", "2.JPEG", "3.png"):
        save_mask(tmp_path / "masks" / name, np.zeros((3, 3), "uint8"))
    images = [str(tmp_path / "images" / f"{i}.png") for i in (1, 2, 3)]
    with pytest.warns(UserWarning, match=r"`masks`: 2 masks are JPEG .*1\.jpg.*2\.JPEG.*PNG"):
        masks_beside(images, tmp_path / "images", tmp_path / "masks")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks_beside(images[2:], tmp_path / "images", tmp_path / "masks")
    frame = pandas.DataFrame({"filename": ["1.jpg"], "mask": ["2.JPEG"]})
    with pytest.warns(UserWarning, match=r"`y_col`: 1 masks are JPEG"):
        image_dataset_from_dataframe(
            frame, tmp_path / "masks", y_col="mask", label_mode="mask", image_size=(3, 3)
        )


def test_a_mask_that_is_a_picture_is_named(pairs, tmp_path):
    copy = shutil.copytree(pairs, tmp_path / "copy")
    path = next((copy / "masks").rglob("3.x.*"))
    Image.fromarray(np.zeros((5, 5, 3), "uint8")).save(path)
    with pytest.raises(tf.errors.OpError, match=r"3\.x\..* must be a mask of one channel"):
        list(from_folder(copy))


@pytest.mark.parametrize("how", [tf.function, lambda function: function])
def test_a_broken_mask_is_named(tmp_path, how):
    path = tmp_path / "cut.png"
    save_mask(path, np.zeros((9, 9), "uint8"))
    path.write_bytes(path.read_bytes()[:40])
    # Outside of a graph, an error of Python comes as it is.
    with pytest.raises(
        (tf.errors.OpError, OSError), match=r"cut\.png' cannot be decoded as a mask"
    ):
        how(read_mask)(tf.constant(str(path)))


def test_a_picture_is_refused_as_a_mask_before_it_is_decoded(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.zeros((9, 9, 3), "uint8")).save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises((tf.errors.OpError, ValueError), match=r"of one channel .* 3 channels"):
        read_mask(tf.constant(str(path)))


@pytest.mark.parametrize("values", [[[3, 256]], [[-1, 3]]])
def test_values_that_are_no_class_numbers_are_named(tmp_path, values):
    path = tmp_path / "mask.tif"
    Image.fromarray(np.array(values, "int32")).save(path)
    with pytest.raises(
        (tf.errors.OpError, ValueError), match=f"values from {min(values[0])} to {max(values[0])}"
    ):
        read_mask(tf.constant(str(path)))
