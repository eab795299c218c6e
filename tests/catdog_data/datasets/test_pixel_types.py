"""More than 8 bits, other kinds of files and many channels through the tf.data functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image
from scipy import ndimage

from catdog_data import (
    Augmentation,
    image_dataset_from_arrays,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)
from catdog_data.cache.cached import packs_in

tifffile = pytest.importorskip("tifffile")

RANDOM = np.random.default_rng(4)
SIZE = (14, 18)
BANDS = {"photometric": "minisblack", "planarconfig": "contig"}
ENDINGS = (".npy", "TIF")


def smooth(channels):
    """An uneven image of 16 bits, [H, W, C], with black and white in it."""
    image = ndimage.zoom(RANDOM.random((4, 5, channels)), (3.5, 3.6, 1), order=1)
    image = (image - image.min()) / np.ptp(image)
    return np.round(image * 65535).astype(np.uint16)


SCANS = [smooth(1)[..., 0] for _ in range(4)]
SATELLITE = [smooth(5) for _ in range(4)]
assert SCANS[0].shape == SIZE


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """16-bit PNG files, which Keras lists."""
    root = tmp_path_factory.mktemp("scans")
    for i, scan in enumerate(SCANS):
        (root / f"{i % 2}").mkdir(exist_ok=True)
        Image.fromarray(scan).save(root / f"{i % 2}" / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def satellite(tmp_path_factory):
    """Two arrays of five channels and two TIFF files, with notes and a WebP beside them."""
    root = tmp_path_factory.mktemp("satellite")
    for name in "ab":
        (root / name).mkdir()
    np.save(root / "a" / "0.npy", SATELLITE[0])
    with (root / "a" / "1.NPY").open("wb") as file:  # of a path, NumPy would add its ending
        np.save(file, SATELLITE[1])
    tifffile.imwrite(root / "b" / "2.tif", SATELLITE[2], compression="zlib", **BANDS)
    tifffile.imwrite(root / "b" / "3.tif", SATELLITE[3], **BANDS)
    (root / "b" / "notes.txt").write_text("")
    Image.fromarray(SATELLITE[0][..., :3].astype(np.uint8)).save(root / "b" / "quick.webp")
    return root


def of_scans(root, **options):
    in_order = {"image_size": SIZE, "color_mode": "grayscale", "shuffle": False, "verbose": False}
    dataset = image_dataset_from_directory(root, labels=None, **{**in_order, **options})
    ((images),) = list(dataset)
    return images.numpy()


def of_satellite(root, **options):
    return of_scans(root, **{"extensions": ENDINGS, "color_mode": 5, **options})


IN_ORDER = [SCANS[i][..., np.newaxis] for i in (0, 2, 1, 3)]


def test_sixteen_bits_are_exact(scans, satellite):
    for options in ({}, {"interpolation": "nearest"}, {"pixel_dtype": "uint16"}):
        got = of_scans(scans, output_dtype="uint16", **options)
        assert got.dtype == np.uint16
        np.testing.assert_array_equal(got, IN_ORDER)
    got = of_satellite(satellite, interpolation="nearest", pixel_dtype="uint16")
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, SATELLITE)
    got = of_satellite(satellite, pixel_dtype="float32", rescale=1 / 65535)
    np.testing.assert_array_equal(got, np.float32(SATELLITE) * np.float32(1 / 65535))
    np.testing.assert_array_equal(of_scans(scans), np.array(IN_ORDER) // 256)


def test_resized_as_floats_are(scans):
    size = (9, 25)
    for interpolation in ("bilinear", "bicubic"):
        floats = tf.image.resize(np.float32(IN_ORDER), size, interpolation).numpy()
        options = {"image_size": size, "interpolation": interpolation}
        got = of_scans(scans, pixel_dtype="uint16", **options)
        np.testing.assert_allclose(got, floats, rtol=1e-6, atol=0.02)
        rounded = of_scans(scans, output_dtype="uint16", **options)
        expected = np.clip(np.round(got), 0, 65535)
        np.testing.assert_array_equal(rounded, expected)


def test_images_are_warped_in_floats(satellite):
    """By one shear: SciPy's of the doubles, as no 8 bits could give."""
    shear = Augmentation(horizontal_shear=20, fill_mode="constant", fill_value=255)
    options = {"augmentation": shear, "seed": 3}
    got = of_satellite(satellite, pixel_dtype="uint16", **options)
    assert got.dtype == np.float32
    # The same draws, of the rows' numbers alone, tell where each pixel comes from.
    i, j = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    places = image_dataset_from_arrays(
        np.stack([np.stack([i, j], axis=-1)] * 4),
        shuffle=False,
        seed=3,
        augmentation=Augmentation(horizontal_shear=20, fill_mode="constant", fill_value=-1),
    )
    for image, place, stored in zip(got, next(iter(places)).numpy(), SATELLITE, strict=True):
        outside = place[..., 0] < 0
        assert (image[outside] == 65535).all()
        assert outside.any()
        for channel in range(5):
            expected = ndimage.map_coordinates(
                stored[..., channel].astype(np.float64), np.moveaxis(place, -1, 0), order=1
            )
            np.testing.assert_allclose(
                image[~outside, channel], expected[~outside], rtol=1e-5, atol=0.2
            )
    assert (got != np.round(got)).any()
    rounded = of_satellite(satellite, output_dtype="uint16", **options)
    np.testing.assert_array_equal(rounded, np.round(got))
    as_numbers = of_satellite(
        satellite,
        pixel_dtype="float32",
        seed=3,
        augmentation=Augmentation(horizontal_shear=20, fill_mode="constant", fill_value=65535),
    )
    np.testing.assert_array_equal(as_numbers, got)


def test_an_augmentation_means_255_by_white(scans):
    """As the same images of 8 bits in floats have it, 257 times as large."""
    augmentation = Augmentation(
        horizontal_flip=True,
        channel_shift=40,
        brightness=(0.5, 1.5),
        contrast=(0.8, 1.2),
        autocontrast=0.5,
        solarize=(100, 256),
        sharpness=(0, 2),
        blur=(0, 1),
        erasing=0.5,
        erasing_value=255,
    )
    options = {"seed": 1, "augmentation": augmentation}
    got = of_scans(scans, pixel_dtype="uint16", **options)
    (in_levels,) = list(
        image_dataset_from_arrays(np.float32(IN_ORDER) / 257, shuffle=False, **options)
    )
    np.testing.assert_allclose(got, in_levels * 257, atol=0.05)
    assert got.max() > 30000
    assert len(np.unique(got)) > 256
    rounded = of_scans(scans, output_dtype="uint16", **options)
    np.testing.assert_array_equal(rounded, np.round(got))


def test_images_that_have_no_step_keep_their_bits(scans):
    for rate in ({"erasing": 1e-9}, {"autocontrast": 1e-9}, {"grayscale": 1e-9}):
        got = of_scans(scans, output_dtype="uint16", seed=1, augmentation=Augmentation(**rate))
        np.testing.assert_array_equal(got, IN_ORDER)


def test_arrays_of_sixteen_bits():
    options = {"shuffle": False, "seed": 2, "output_dtype": "uint16"}
    stacked = np.stack(SATELLITE)
    ((images),) = list(image_dataset_from_arrays(stacked, **options))
    np.testing.assert_array_equal(images, stacked)
    bright = Augmentation(brightness=(2, 2))
    ((images),) = list(image_dataset_from_arrays(stacked, **options, augmentation=bright))
    np.testing.assert_allclose(images, np.minimum(stacked * 2.0, 65535), atol=1)
    with pytest.raises(ValueError, match='`output_dtype="uint16"` needs images of that type'):
        image_dataset_from_arrays(np.float32(stacked), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pixel_dtype": "uint8", "output_dtype": "uint16"}, "needs `pixel_dtype=.uint16"),
        ({"pixel_dtype": "float32", "output_dtype": "uint8"}, "needs `pixel_dtype=.uint8"),
        ({"pixel_dtype": "uint16", "output_dtype": "float16"}, "no value above 65504"),
        ({"pixel_dtype": "uint16", "augment_on": "device"}, "sends 8 bits a value"),
        (
            {"pixel_dtype": "uint16", "augmentation": Augmentation(equalize=0.5, rotation=5)},
            "`augmentation`: equalize makes whole numbers of 8 bits",
        ),
        (
            {
                "pixel_dtype": "float32",
                "augmentation": Augmentation(hue=0.1, blur=(0, 1), solarize=(9, 99)),
            },
            "`augmentation`: hue, solarize goes by values from black",
        ),
    ],
)
def test_what_does_not_go_together(scans, options, message):
    with pytest.raises(ValueError, match=message):
        of_scans(scans, **options)


def test_numbers_may_be_moved_blurred_and_mixed(satellite):
    augmentation = Augmentation(
        rotation=20, blur=(0, 1), erasing=0.5, mixup=0.3, channel_shift=3, grayscale=0.5
    )
    got = of_satellite(satellite, pixel_dtype="float32", seed=1, augmentation=augmentation)
    assert got.shape == (4, *SIZE, 5)
    assert got.max() > 255


def test_a_data_frame_reads_by_content(satellite, tmp_path):
    """Whatever the names say."""
    names = [f"{i}.jpg" for i in range(3)]
    (tmp_path / names[0]).write_bytes((satellite / "a" / "0.npy").read_bytes())
    (tmp_path / names[1]).write_bytes((satellite / "b" / "2.tif").read_bytes())
    (tmp_path / names[2]).write_bytes((satellite / "b" / "3.tif").read_bytes())
    frame = pd.DataFrame({"filename": names, "class": ["x", "y", "y"]})
    options = {"image_size": SIZE, "shuffle": False, "verbose": False, "output_dtype": "uint16"}
    ((images, labels),) = list(
        image_dataset_from_dataframe(frame, tmp_path, color_mode=5, **options)
    )
    np.testing.assert_array_equal(images, [SATELLITE[0], SATELLITE[2], SATELLITE[3]])
    assert labels.numpy().tolist() == [0, 1, 1]


def test_what_is_passed_over_is_counted(satellite, scans, capsys):
    of_satellite(satellite, verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "Found 4 files.",
        "Passed over 1 images by their extension: .webp 1. `extensions` lists them.",
    ]
    of_scans(scans, verbose=True)
    assert capsys.readouterr().out == "Found 4 files.\n"
    with pytest.raises(ValueError, match=r"No images found.* Passed over 5 images .* \.npy 2"):
        of_scans(satellite)


@pytest.mark.parametrize("place", ["memory", "folder"])
@pytest.mark.parametrize("pixel_dtype", ["uint16", "float32"])
def test_caches_have_the_same_batches(satellite, tmp_path, place, pixel_dtype):
    options = {"pixel_dtype": pixel_dtype, "image_size": (8, 7), "interpolation": "nearest"}
    expected = of_satellite(satellite, **options)
    folder = tmp_path if place == "folder" else place
    for _ in range(2):
        got = of_satellite(satellite, **options, cache=folder)
        assert got.dtype == expected.dtype == pixel_dtype
        np.testing.assert_array_equal(got, expected)
    if place == "folder":
        (pack,) = packs_in(tmp_path)
        assert pack.is_current()
        of_satellite(satellite, **{**options, "pixel_dtype": "uint8"}, cache=tmp_path)
        assert len(packs_in(tmp_path)) == 2


def test_broken_files_are_left_out_and_reported(satellite, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    root = tmp_path / "images"
    (root / "a").mkdir(parents=True)
    np.save(root / "a" / "0.npy", SATELLITE[0])
    np.save(root / "a" / "1.npy", SATELLITE[1][..., :4])
    whole = (satellite / "b" / "3.tif").read_bytes()
    (root / "a" / "2.tif").write_bytes(whole[: len(whole) // 2])
    tifffile.imwrite(root / "a" / "3.tif", SATELLITE[3], **BANDS)
    options = {"extensions": ENDINGS, "color_mode": 5, "image_size": SIZE, "shuffle": False}
    with pytest.warns(UserWarning, match="2 of 4 images cannot be read"):
        dataset = image_dataset_from_directory(
            root, **options, output_dtype="uint16", on_error="skip", verbose=False
        )
    ((images, _),) = list(dataset)
    np.testing.assert_array_equal(images, [SATELLITE[0], SATELLITE[3]])
    reasons = [each.reason for each in dataset.report()]
    assert "'" in reasons[0] and "it has 4" in reasons[0]
    assert "2.tif' cannot be decoded as an image (" in reasons[1]
    assert "bytes, a TIFF). Remove it" in reasons[1] and "tifffile says: " in reasons[1]
    dataset = image_dataset_from_directory(root, **options, verbose=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"1\.npy' must have 5 channels"):
        list(dataset)


def test_masks_beside_arrays(satellite, tmp_path):
    masks = [RANDOM.integers(0, 9, SIZE, dtype=np.uint8) for _ in range(4)]
    for name in "ab":
        (tmp_path / name).mkdir()
    np.save(tmp_path / "a" / "0.npy", masks[0])
    np.save(tmp_path / "a" / "1.npy", masks[1][..., np.newaxis])
    tifffile.imwrite(tmp_path / "b" / "2.tif", masks[2])
    Image.fromarray(masks[3]).save(tmp_path / "b" / "3.png")
    np.save(tmp_path / "b" / "3.npy", np.zeros(4))  # computed of it, and no second mask
    flip = Augmentation(horizontal_flip=True)
    dataset = image_dataset_from_directory(
        satellite,
        masks=tmp_path,
        extensions=ENDINGS,
        color_mode=5,
        image_size=SIZE,
        shuffle=False,
        seed=5,
        augmentation=flip,
        output_dtype="uint16",
        verbose=False,
    )
    ((images, moved),) = list(dataset)
    flipped = 0
    for image, mask, stored, drawn in zip(images, moved, SATELLITE, masks, strict=True):
        is_flipped = not np.array_equal(image, stored)
        flipped += is_flipped
        step = -1 if is_flipped else 1
        np.testing.assert_array_equal(image, stored[:, ::step])
        np.testing.assert_array_equal(mask[..., 0], drawn[:, ::step])
    assert 0 < flipped < 4
    np.save(tmp_path / "a" / "0.npy", masks[0] / 2)
    dataset = image_dataset_from_directory(
        satellite, masks=tmp_path, extensions=ENDINGS, color_mode=5, image_size=SIZE, verbose=False
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"0\.npy' must be a mask of whole"):
        list(dataset)
