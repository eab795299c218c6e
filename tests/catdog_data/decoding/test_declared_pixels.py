"""What TensorFlow's operations read of a header is what Pillow reads of it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from corrupt_files import bomb
from PIL import Image

from catdog_data.decoding.declared_pixels import declared_pixels, within_limit

declared = tf.function(declared_pixels, input_signature=[tf.TensorSpec([], tf.string)])
WRITTEN = {
    "JPEG": {"quality": 90},
    "progressive JPEG": {"progressive": True},
    "PNG": {},
    "GIF": {},
    "BMP": {},
    "WebP": {},
    "lossless WebP": {"lossless": True},
    "extended WebP": {"exif": b"Exif\0\0"},
}


def written(kind, size, frames=1, **options):
    rng = np.random.default_rng(size[0])
    shape = (*size[::-1], 3)
    images = [Image.fromarray(rng.integers(0, 256, shape, np.uint8)) for _ in range(frames)]
    if kind == "GIF":
        images = [each.quantize(64) for each in images]
    if frames > 1:
        options |= {"save_all": True, "append_images": images[1:]}
    file = io.BytesIO()
    images[0].save(file, kind.split()[-1], **WRITTEN[kind], **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("size", [(1, 1), (37, 29), (300, 2), (700, 513)])
def test_one_image(kind, size):
    assert int(declared(written(kind, size))) == size[0] * size[1]


@pytest.mark.parametrize("kind", ["GIF", "WebP"])
def test_all_frames_count(kind):
    assert int(declared(written(kind, (40, 30), frames=7))) == 7 * 40 * 30


def test_frames_of_a_gif_have_their_own_sizes():
    whole = bytearray(written("GIF", (40, 30), frames=3, comment=b"," * 700))
    # Of the one in the middle, behind the block that says how long it is shown.
    second = [at for at in range(len(whole)) if whole[at : at + 6] == b"\0,\0\0\0\0"][1]
    whole[second + 6 : second + 10] = struct.pack("<HH", 60_000, 50_000)
    assert int(declared(bytes(whole))) == 2 * 40 * 30 + 60_000 * 50_000
    whole[6:10] = struct.pack("<HH", 1, 1)
    assert int(declared(bytes(whole))) == 2 * 40 * 30 + 60_000 * 50_000


@pytest.mark.parametrize("kind", WRITTEN)
def test_of_what_is_cut_or_damaged_the_walk_ends(kind):
    rng = np.random.default_rng(0)
    whole = written(kind, (37, 29))
    for size in (0, 1, 2, 3, 4, 11, 12, 13, 16, 20, 25, len(whole) // 2):
        cut = whole[:size]
        try:
            assert int(declared(cut)) in (-1, 0, 37 * 29) or size < 30
        except tf.errors.InvalidArgumentError:
            assert "JPEG" in kind
    for _ in range(30):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(12, len(whole), 20)] = rng.integers(0, 256, 20)
        try:
            declared(damaged.tobytes())
        except tf.errors.InvalidArgumentError:
            assert "JPEG" in kind


@pytest.mark.parametrize("contents", [b"", b"<html>", b"RIFF....WAVEfmt ", b"II*\0" + bytes(40)])
def test_what_is_no_image_is_refused(contents):
    assert int(declared(contents)) == -1
    with pytest.raises(tf.errors.InvalidArgumentError, match="a JPEG, PNG, GIF, BMP or WebP file"):
        within_limit(tf.constant(contents))


@pytest.mark.parametrize("kind", WRITTEN)
def test_the_limit_is_pillows(monkeypatch, kind):
    contents = tf.constant(written(kind, (40, 30)))
    for most in (40 * 30, 100 * 40 * 30):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most // 2)
        if kind == "progressive JPEG" and most == 40 * 30:
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"7200 bytes(?s:.)*12000"):
                within_limit(contents)
        else:
            assert within_limit(contents) == contents
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40 * 30 // 2 - 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at most 1198 pixels(?s:.)*1200"):
        within_limit(contents)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert within_limit(contents) == contents
    assert within_limit(tf.constant(b"?")) == b"?"


def scans(contents, *, first_of_one=False):
    """Declare 12,000 x 12,000 pixels: too many for a JPEG that is not in one scan."""
    whole = bytearray(contents)
    start = whole.index(b"\xff\xc2") if b"\xff\xc2" in whole else whole.index(b"\xff\xc0")
    whole[start + 5 : start + 9] = struct.pack(">HH", 12_000, 12_000)
    if first_of_one:
        at = whole.index(b"\xff\xda")
        whole[at : at + 14] = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return bytes(whole)


def test_what_a_jpeg_keeps_of_its_scans_counts():
    baseline, progressive = written("JPEG", (64, 48)), written("progressive JPEG", (64, 48))
    assert within_limit(tf.constant(scans(baseline))) == scans(baseline)
    for contents in (scans(progressive), scans(baseline, first_of_one=True)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="`jpegtran in"):
            within_limit(tf.constant(contents))


def test_a_bomb_is_refused_before_it_is_decoded():
    with pytest.raises(tf.errors.InvalidArgumentError, match="400000000"):
        within_limit(tf.constant(bomb(20_000)))
