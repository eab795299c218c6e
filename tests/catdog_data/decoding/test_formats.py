"""Files of every kind, read as Keras reads them: modes, depths, compressions and wrong names."""

from __future__ import annotations

import numpy as np
import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from PIL import Image

from catdog_data import ImageDataGenerator

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

RANDOM = np.random.default_rng(8)
BYTES = np.repeat(np.repeat(RANDOM.integers(0, 256, (5, 6, 4), dtype=np.uint8), 6, 0), 7, 1)
RGB, RGBA = Image.fromarray(BYTES[..., :3]), Image.fromarray(BYTES)
GRAY = RGB.convert("L")
WIDE = Image.fromarray(np.asarray(GRAY).astype(np.uint16) * 200)
EXIF = Image.Exif()
EXIF[0x0112] = 6


def save_kinds(folder):
    """Save one file of each kind; names are sorted, so position tells them apart."""
    folder.mkdir(parents=True)
    palette = RGB.quantize(16)
    RGB.save(folder / "rgb.jpg", quality=80)
    RGB.save(folder / "rgb444.JPEG", quality=95, subsampling=0)
    RGB.save(folder / "progressive.jpg", progressive=True)
    RGB.save(folder / "turned.jpg", exif=EXIF)
    GRAY.save(folder / "gray.jpg")
    RGB.convert("CMYK").save(folder / "cmyk.jpg")
    for name, image in {
        "rgb": RGB,
        "rgba": RGBA,
        "gray": GRAY,
        "gray_alpha": RGBA.convert("LA"),
        "palette": palette,
        "one_bit": GRAY.convert("1"),
        "sixteen": WIDE,
    }.items():
        image.save(folder / f"{name}.png")
    palette.save(folder / "see_through.png", transparency=3)
    for extension in ("bmp", "ppm", "tif", "tiff"):
        RGB.save(folder / f"rgb.{extension}")
    RGB.save(folder / "packed.tif", compression="tiff_lzw")
    WIDE.save(folder / "sixteen.tif")
    Image.fromarray(np.asarray(GRAY, np.float32) * 1.5).save(folder / "float.tif")
    RGBA.save(folder / "really_png.jpg", format="PNG")
    RGB.save(folder / "really_jpeg.png", format="JPEG")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    root = tmp_path_factory.mktemp("kinds")
    save_kinds(root / "all")
    return root


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_every_kind_reads_as_in_keras(kinds, color_mode, interpolation):
    flow = {"target_size": (33, 20), "color_mode": color_mode, "interpolation": interpolation}
    flow |= {"shuffle": False, "class_mode": None, "batch_size": 50}
    reference, ours = (
        generator().flow_from_directory(str(kinds), **flow)
        for generator in (KerasGenerator, ImageDataGenerator)
    )
    assert ours.filenames == reference.filenames
    expected, got = next(reference), next(ours)
    for name, left, right in zip(ours.filenames, expected, got, strict=True):
        np.testing.assert_array_equal(right, left, err_msg=name)


def test_further_formats_are_read_where_asked_for(tmp_path):
    (tmp_path / "all").mkdir()
    RGB.save(tmp_path / "all" / "a.webp", lossless=True)
    RGB.save(tmp_path / "all" / "b.gif")
    RGB.save(tmp_path / "all" / "c.png")
    flow = {"target_size": RGB.size[::-1], "shuffle": False, "class_mode": None}
    assert ImageDataGenerator().flow_from_directory(tmp_path, **flow).samples == 1
    ours = ImageDataGenerator().flow_from_directory(
        tmp_path, extra_formats=(".WebP", "gif"), **flow
    )
    for name, image in zip("abc", next(ours), strict=True):
        path = next((tmp_path / "all").glob(f"{name}.*"))
        np.testing.assert_array_equal(image, np.asarray(Image.open(path).convert("RGB")))
