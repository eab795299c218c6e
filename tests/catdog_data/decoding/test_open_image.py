"""No file of a data set starts a program, whatever its name says it is."""

from __future__ import annotations

import ast
import io
import struct
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import PIL
import pytest
import tensorflow as tf
from conftest import save_picture
from PIL import Image, ImageFile, UnidentifiedImageError

from catdog_data import ImageDataGenerator, image_dataset_from_directory, verify
from catdog_data.decoding import open_image

EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
0 0 8 8 rectfill
showpage
%%EOF
"""


def field(dataset, number, value):
    """Make a field of an IPTC record."""
    return struct.pack(">BBBH", 0x1C, dataset, number, len(value)) + value


IPTC = b"".join(
    field(*each)
    for each in (
        (3, 20, bytes([0, 8])),
        (3, 30, bytes([0, 8])),
        (3, 60, bytes([1, 0])),
        (3, 120, b"\5"),
        (8, 10, EPS),
    )
)
WMF = b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<hhhhH", 0, 0, 8, 8, 72) + bytes(6) + b"\1\0\t\0\0\3"
DOS_EPS = b"\xc5\xd0\xd3\xc6" + struct.pack("<7I", 32, len(EPS), 0, 0, 0, 0, 0xFFFF) + EPS
REFUSED = {"EPS": EPS, "EPS, with a preview": DOS_EPS, "IPTC": IPTC, "WMF": WMF}


@pytest.fixture
def programs(monkeypatch):
    """Note which programs Pillow starts, and start none."""
    from PIL import EpsImagePlugin

    started = []

    def start(command, *_given, **_named):
        started.append(command)
        raise OSError("no Ghostscript")

    monkeypatch.setattr(EpsImagePlugin, "gs_binary", "gs")
    monkeypatch.setattr(EpsImagePlugin.subprocess, "check_call", start)
    return started


@pytest.mark.parametrize("contents", [EPS, DOS_EPS, IPTC])
def test_pillow_alone_starts_a_program(programs, contents):
    with pytest.raises(OSError, match="no Ghostscript"):
        Image.open(io.BytesIO(contents)).load()
    assert programs


@pytest.mark.parametrize("kind", REFUSED)
def test_every_reader_refuses_it_and_says_what_it_is(tmp_path, programs, kind):
    (tmp_path / "images" / "cats").mkdir(parents=True)
    path = tmp_path / "images" / "cats" / "1.jpg"
    path.write_bytes(REFUSED[kind])
    words = f"{path}.*{kind[:3]}.* is refused"
    generator = ImageDataGenerator()
    for options in ({}, {"interpolation": "bilinear"}, {"color_mode": "grayscale"}):
        it = generator.flow_from_directory(tmp_path / "images", target_size=(8, 8), **options)
        with pytest.raises(UnidentifiedImageError, match=words):
            next(it)
    dataset = image_dataset_from_directory(tmp_path / "images", image_size=8, verbose=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        next(iter(dataset))
    (finding,) = verify(tmp_path / "images", progress=False).findings
    assert finding.kind in ("unsupported", "not-an-image")
    save_picture(tmp_path / "others" / "1.png", (8, 8), 1)
    (tmp_path / "masks").mkdir()
    mask = tmp_path / "masks" / "1.png"
    mask.write_bytes(REFUSED[kind])
    dataset = image_dataset_from_directory(
        tmp_path / "others", None, masks=tmp_path / "masks", image_size=8, verbose=False
    )
    with pytest.raises(tf.errors.OpError, match=f"{mask}.* is refused"):
        next(iter(dataset))
    assert not programs


def test_other_formats_are_read_under_any_name_as_keras_reads_them(tmp_path, monkeypatch):
    # Pillow's writer of SPIDER registers the ending of each file that it writes as its own.
    monkeypatch.setattr(Image, "EXTENSION", {**Image.EXTENSION})
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.init()
    read = []
    for name in sorted({*Image.SAVE} - {"EPS", "WMF", "PDF"}):
        path = tmp_path / "cats" / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        try:
            Image.fromarray(pixels).save(path, name)
            expected = keras.utils.load_img(path, target_size=(8, 8))
        except (OSError, ValueError, KeyError):  # of another mode, or only written
            path.unlink(missing_ok=True)
            continue
        read.append(name)
        it = ImageDataGenerator().flow_from_dataframe(
            pd.DataFrame({"filename": [str(path)]}),
            class_mode=None,
            target_size=(8, 8),
            shuffle=False,
        )
        np.testing.assert_array_equal(next(it)[0], np.asarray(expected, np.float32), name)
    assert {"GIF", "WEBP", "TIFF", "PPM", "ICO", "MPO", "TGA", "JPEG2000", "ICNS"} <= {*read}


def test_a_format_that_the_application_registers_is_read(monkeypatch):
    class Mine(ImageFile.StubImageFile):
        format = "MINE"

        def _open(self):
            self._size, self._mode = (4, 3), "L"

    Image.init()
    monkeypatch.setattr(Image, "ID", [*Image.ID, "MINE"])
    monkeypatch.setitem(Image.OPEN, "MINE", (Mine, lambda prefix: prefix == b"mine"))
    assert open_image.open_image(io.BytesIO(b"mine")).format == "MINE"


SUSPICIOUS = {"subprocess", "Image.open", "ImageFile.StubImageFile"}
"""The last is what a handler reads: one of Windows, or of the application."""
KNOWN = {"JPEG", "GIF", "SPIDER", "ICNS"}
"""These do so in what is never called when a file is read: `load_djpeg`, saving, demonstrations."""
STUBS = {"BUFRSTUB", "GRIBSTUB", "HDF5STUB"}
"""These are read by a handler that the application has registered, and by nothing else."""


def test_no_other_plugin_of_pillow_starts_a_program_or_opens_another_file():
    found = set()
    for path in Path(PIL.__file__).parent.glob("*ImagePlugin.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {ast.unparse(each) for each in ast.walk(tree) if isinstance(each, ast.expr)}
        if SUSPICIOUS & names:
            found.add(path.name.removesuffix("ImagePlugin.py").upper())
    assert found - KNOWN - STUBS == set(open_image.REFUSED)
