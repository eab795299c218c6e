"""Files of every kind as arrays: what was written is what is read, or is refused by name."""

from __future__ import annotations

import functools
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, features

from catdog_data.decoding.any_format import decode_alone, decode_any
from catdog_data.decoding.npy import read_npy
from catdog_data.decoding.tiff import check_tifffile, needs_tifffile
from catdog_data.decoding.unreadable import UnfitImage
from catdog_data.decoding.wanted import Wanted

tifffile = pytest.importorskip("tifffile")

RANDOM = np.random.default_rng(5)
COARSE = Image.fromarray(RANDOM.integers(0, 256, (4, 5, 4), dtype=np.uint8))
RGBA = np.asarray(COARSE.resize((23, 17), Image.Resampling.BICUBIC))
RGB, GREY = RGBA[..., :3], RGBA[..., 0]
DEEP = RANDOM.integers(0, 65536, (17, 23, 12), dtype=np.uint16)
FLOATS = RANDOM.normal(0, 9, (17, 23, 5)).astype(np.float32)
BANDS = {"photometric": "minisblack", "planarconfig": "contig"}


def pillow(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, kind, **options)
    return file.getvalue()


def tiff(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def npy(pixels):
    file = io.BytesIO()
    np.save(file, pixels)
    return file.getvalue()


def png16(pixels):
    return tf.io.encode_png(pixels).numpy()


@functools.cache
def graph_of(wanted):
    """The graph that datasets have."""

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.string)])
    def decode(contents):
        def by_tensorflow(each):
            return tf.io.decode_image(each, wanted.of_decoder, expand_animations=False)

        return decode_any(contents, by_tensorflow, wanted)

    return decode


def decoded(contents, wanted):
    """By the graph; and alone, which must be the same."""
    pixels = graph_of(wanted)(contents).numpy()
    np.testing.assert_array_equal(decode_alone(contents, wanted), pixels)
    return pixels


AS_WRITTEN = {
    "npy": (npy(DEEP), DEEP),
    "npy of columns": (npy(np.asfortranarray(DEEP)), DEEP),
    "npy of the other byte order": (npy(DEEP.astype(">u2")), DEEP),
    "npy of two axes": (npy(DEEP[..., 0]), DEEP[..., :1]),
    "pixels with all bands": (tiff(DEEP, **BANDS), DEEP),
    "bands apart": (
        tiff(np.moveaxis(DEEP, -1, 0), photometric="minisblack", planarconfig="separate"),
        DEEP,
    ),
    "compressed": (tiff(DEEP, compression="zlib", predictor=True, **BANDS), DEEP),
    "in tiles": (tiff(DEEP, tile=(16, 16), **BANDS), DEEP),
    "of the other byte order": (tiff(DEEP, byteorder=">", **BANDS), DEEP),
    "above 4 GB": (tiff(DEEP, bigtiff=True, **BANDS), DEEP),
    "colours of 16 bits": (tiff(DEEP[..., :3], photometric="rgb"), DEEP[..., :3]),
    "one band by Pillow": (pillow(DEEP[..., 0], "TIFF"), DEEP[..., :1]),
    "compressed by Pillow": (pillow(DEEP[..., 0], "TIFF", compression="tiff_lzw"), DEEP[..., :1]),
    "png": (pillow(DEEP[..., 0], "PNG"), DEEP[..., :1]),
    "png of two channels": (png16(DEEP[..., :2]), DEEP[..., :2]),
    "png of colours": (png16(DEEP[..., :3]), DEEP[..., :3]),
    "png with alpha": (png16(DEEP[..., :4]), DEEP[..., :4]),
}


@pytest.mark.parametrize("kind", AS_WRITTEN)
def test_sixteen_bits_are_those_that_were_written(kind):
    contents, expected = AS_WRITTEN[kind]
    channels = expected.shape[-1]
    for dtype in ("uint16", "float32"):
        got = decoded(contents, Wanted(channels, dtype, as_stored=True))
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(
        decoded(contents, Wanted(channels, as_stored=True)), expected // 256
    )


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (npy(FLOATS), FLOATS),
        (npy(FLOATS.astype(np.float64)), FLOATS),
        (npy(FLOATS > 0), FLOATS > 0),
        (npy((FLOATS * 1000).astype(np.int32)), (FLOATS * 1000).astype(np.int32)),
        (tiff(FLOATS, **BANDS), FLOATS),
        (pillow(FLOATS[..., 0], "TIFF"), FLOATS[..., :1]),
        (tiff(np.uint32([[2**31, 2**24]])), np.float32([[[2**31], [2**24]]])),
        (tiff(RGBA, photometric="rgb", extrasamples=["unspecified"]), RGBA),
    ],
)
def test_numbers_are_as_they_are_stored(contents, expected):
    wanted = Wanted(expected.shape[-1], "float32", as_stored=True)
    np.testing.assert_array_equal(decoded(contents, wanted), expected)
    if expected.dtype != np.uint8:
        with pytest.raises(UnfitImage, match=r"for `pixel_dtype='uint16'`; it holds .*float32"):
            decode_alone(contents, Wanted(expected.shape[-1], "uint16", as_stored=True))


EIGHT_BITS = {
    "webp": pillow(RGB, "WEBP", quality=70),
    "webp with alpha": pillow(RGBA, "WEBP", lossless=True),
    "tiff": pillow(RGB, "TIFF", compression="tiff_lzw"),
    "tiff with alpha": pillow(RGBA, "TIFF"),
    "grey tiff": pillow(GREY, "TIFF"),
    "ppm": pillow(RGB, "PPM"),
    **({"avif": pillow(RGB, "AVIF")} if features.check("avif") else {}),
}


@pytest.mark.parametrize("kind", EIGHT_BITS)
def test_other_kinds_are_those_of_pillow(kind):
    contents = EIGHT_BITS[kind]
    for channels, mode in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        with Image.open(io.BytesIO(contents)) as image:
            expected = np.asarray(image.convert(mode)).reshape(17, 23, channels)
        np.testing.assert_array_equal(decoded(contents, Wanted(channels)), expected)
        wide = decoded(contents, Wanted(channels, "uint16"))
        np.testing.assert_array_equal(wide, expected.astype(np.uint16) * 257)
        np.testing.assert_array_equal(decoded(contents, Wanted(channels, "float32")), expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF"])
def test_eight_bits_of_tensorflow_keep_white(kind):
    contents = pillow(RGB, kind)
    expected = tf.io.decode_image(contents, 3, expand_animations=False).numpy()
    np.testing.assert_array_equal(decoded(contents, Wanted(3)), expected)
    np.testing.assert_array_equal(
        decoded(contents, Wanted(3, "uint16", as_stored=True)), expected * np.uint16(257)
    )
    np.testing.assert_array_equal(decoded(contents, Wanted(3, "float32")), expected)


def test_one_channel_is_repeated_for_colours():
    for contents in (npy(DEEP[..., 0]), pillow(DEEP[..., 0], "TIFF"), pillow(DEEP[..., 0], "PNG")):
        got = decoded(contents, Wanted(3, "uint16"))
        np.testing.assert_array_equal(got, np.repeat(DEEP[..., :1], 3, axis=-1))
        opaque = decoded(contents, Wanted(4, "uint16"))
        np.testing.assert_array_equal(opaque[..., :3], got)
        assert (opaque[..., 3] == 65535).all()


def test_of_several_pages_the_first_is_read():
    contents = tiff(np.moveaxis(DEEP, -1, 0), photometric="minisblack")
    got = decoded(contents, Wanted(1, "uint16", as_stored=True))
    np.testing.assert_array_equal(got, DEEP[..., :1])
    two = tiff(np.stack([DEEP, DEEP + 1]), **BANDS)
    np.testing.assert_array_equal(decoded(two, Wanted(12, "uint16", as_stored=True)), DEEP)
    with pytest.raises(UnfitImage, match="it has 12 on the first of 2 pages, which alone is read"):
        decode_alone(two, Wanted(24, "uint16", as_stored=True))


@pytest.mark.parametrize(
    ("contents", "wanted", "message"),
    [
        (npy(DEEP), Wanted(3), r"3 channels, .* for `color_mode='rgb'`; it has 12\. Give .*=12`"),
        (npy(np.moveaxis(DEEP, -1, 0)), Wanted(12, as_stored=True), "it has 23"),
        (tiff(DEEP, **BANDS), Wanted(4, as_stored=True), "`color_mode=4`; it has 12"),
        (pillow(RGB, "PNG"), Wanted(4, as_stored=True), "it has 3"),
        (pillow(RGB, "JPEG"), Wanted(1, as_stored=True), "it has 3"),
        (npy(np.array([{}])), Wanted(1), "holds object, and what is pickled is never read"),
        (npy(np.zeros((2, 2), complex)), Wanted(1), "array of real numbers; it holds complex128"),
        (npy(np.zeros(7)), Wanted(1), r"\[H, W, C\]; its shape is \(7,\)"),
        (npy(np.zeros((0, 3))), Wanted(1), r"its shape is \(0, 3\)"),
        (npy(DEEP)[:-1], Wanted(12), "9,384 bytes of values, .*; it has 9,383: it is cut short"),
        (npy(DEEP)[:40], Wanted(12), "its header cannot be read"),
        (b"\x93NUMPY\x09\x00{}", Wanted(12), "its header cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused(contents, wanted, message):
    with pytest.raises(UnfitImage, match=message):
        decode_alone(contents, wanted)


def test_pickles_are_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "run"), "w"))

    with pytest.raises(UnfitImage, match="pickled"):
        read_npy(npy(np.array([Evil()], object)))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("contents", [npy(DEEP), tiff(DEEP, compression="zlib", **BANDS)])
def test_limits_hold_before_memory_is_taken(monkeypatch, contents):
    # 9,384 bytes are those of 2,346 pixels of colours.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1173)
    decode_alone(contents, Wanted(12, as_stored=True))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1172)
    monkeypatch.setattr(np, "frombuffer", None)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", None)
    with pytest.raises(Image.DecompressionBombError, match=r"\(17, 23, 12.* limit of 2344"):
        decode_alone(contents, Wanted(12, as_stored=True))


def test_without_tifffile(monkeypatch):
    monkeypatch.setattr("catdog_data.decoding.tiff.has_tifffile", lambda: False)
    np.testing.assert_array_equal(
        decode_alone(EIGHT_BITS["tiff"], Wanted(3, "uint16"))[0, 0], RGB[0, 0] * np.uint16(257)
    )
    with pytest.raises(UnfitImage, match=r"pip install 'catdog\[tiff\]'"):
        decode_alone(tiff(DEEP, **BANDS), Wanted(12, as_stored=True))
    check_tifffile(["a/1.png", "tif.npy"], "color_mode=12")
    with pytest.raises(ImportError, match=r"`color_mode=12` reads .*'a/1\.TIF' by .*tifffile"):
        check_tifffile(["a/1.png", "a/1.TIF"], "color_mode=12")


def test_a_damaged_tiff_is_left_to_pillow():
    assert not needs_tifffile(b"II*\0" + b"x" * 30, as_stored=True)
    with pytest.raises(ValueError, match="cannot identify"):
        decode_alone(b"II*\0" + b"x" * 30, Wanted(12, as_stored=True))
    with pytest.raises(ValueError, match=r"^tifffile says: failed to read"):
        decode_alone(tiff(DEEP, **BANDS)[:600], Wanted(12, as_stored=True))


@pytest.mark.parametrize("bands", [3, 4])
def test_bands_of_eight_bits_that_are_no_colours(bands):
    image = np.random.default_rng(bands).integers(0, 256, (9, 7, bands), dtype=np.uint8)
    file = io.BytesIO()
    tifffile.imwrite(file, image, photometric="minisblack", planarconfig="contig")
    for as_stored in (False, True):
        got = decode_alone(file.getvalue(), Wanted(bands, as_stored=as_stored))
        np.testing.assert_array_equal(got, image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_tiff_is_followed_by_both_readers(orientation):
    image = np.random.default_rng(orientation).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    tag = [(274, "H", 1, orientation, True)]
    files = []
    for values in (image, image.astype(np.uint16) * 257):
        file = io.BytesIO()
        tifffile.imwrite(file, values, photometric="rgb", extratags=tag)
        files.append(file.getvalue())
    expected = np.asarray(Image.open(io.BytesIO(files[0])).convert("RGB"))
    for contents in files:
        np.testing.assert_array_equal(decode_alone(contents, Wanted(3)), expected)
