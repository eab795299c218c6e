"""Images too large are refused by their header; large ones are decoded when there is room."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import time
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from corrupt_files import bomb
from PIL import Image

from catdog_data import ImageDataGenerator, image_dataset_from_directory
from catdog_data.decoding import limits, load_image
from catdog_data.decoding.decode import (
    decode_as_keras_dataset,
    read_plain_jpegs,
    read_several_with,
)
from catdog_data.decoding.limits import decoded_in_turn
from catdog_data.decoding.unreadable import TooManyPixels
from catdog_data.engine import small_files

MODES = ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16", "I"]
TO = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}


def picture(mode, size=(37, 29)):
    rng = np.random.default_rng(3)
    if mode in ("I;16", "I"):
        return Image.fromarray(rng.integers(0, 2**16, size[::-1]).astype("uint16")).convert(mode)
    colours = rng.integers(0, 256, (*size[::-1], 4), dtype=np.uint8)
    rgba = Image.fromarray(colours, "RGBA")
    return rgba.convert("RGB").quantize(64) if mode == "P" else rgba.convert(mode)


@pytest.fixture
def all_large(monkeypatch):
    """Take every image of the tests for large, and a few rows for many."""
    monkeypatch.setattr(limits, "_LARGE_SIDE", 1)
    monkeypatch.setattr(load_image, "_PIXELS", 5 * 37)


@pytest.mark.parametrize("resample", Image.Resampling)
@pytest.mark.parametrize("mode", MODES)
def test_images_are_resized_by_rows_as_they_are_at_once(monkeypatch, mode, resample):
    monkeypatch.setattr(limits, "_LARGE_SIDE", 1)
    monkeypatch.setattr(load_image, "_PIXELS", 5 * 37)
    for to in {"RGB", "RGBA", mode if mode in ("I;16", "I") else "L"}:
        for box in (None, (5, 3, 30, 23)):
            try:
                expected = picture(mode).convert(to).resize((11, 17), resample, box)
            except ValueError:  # nothing that Pillow does either
                continue
            got = load_image.resized(picture(mode), to, (11, 17), resample, box)
            np.testing.assert_array_equal(np.asarray(got), np.asarray(expected), f"{to} {box}")


def test_a_colour_that_is_transparent_is_picked_as_all_others(tmp_path):
    for mode, colour in (("P", 5), ("RGB", (9, 9, 9)), ("L", 7)):
        path = tmp_path / f"{mode}.png"
        image = picture(mode)
        image.putpixel((4, 4), colour)
        image.save(path, transparency=colour)
        for color_mode, mode in TO.items():
            expected = keras.utils.load_img(path, color_mode=color_mode, target_size=(50, 60))
            got = load_image.load_image(path, color_mode, (50, 60))
            assert got.mode == mode
            np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))


def test_a_high_image_is_not_widened_beyond_the_limit(tmp_path, monkeypatch):
    path = tmp_path / "high.png"
    picture("RGB", (2, 900)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    assert load_image.load_image(path, "rgb", (9, 64)).size == (64, 9)
    assert load_image.load_image(path, "rgb", (9, 11), "bilinear").size == (11, 9)
    with pytest.raises(Image.DecompressionBombError, match=r"64 columns .* 900 rows"):
        load_image.load_image(path, "rgb", (9, 64), "bilinear")


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_images_are_loaded_as_keras_loads_them(tmp_path, request, mode, large):
    if large:
        request.getfixturevalue("all_large")
    path = tmp_path / f"a.{ {'CMYK': 'jpg', 'I': 'tif'}.get(mode, 'png') }"
    picture(mode).save(path)
    for color_mode in TO:
        for interpolation, keep in (("nearest", False), ("bilinear", True), ("lanczos", False)):
            for size in ((16, 9), (29, 37), (50, 60)):
                options = {
                    "color_mode": color_mode,
                    "target_size": size,
                    "interpolation": interpolation,
                    "keep_aspect_ratio": keep,
                }
                expected = keras.utils.load_img(path, **options)
                got = load_image.load_image(str(path), **options)
                assert got.mode == expected.mode
                np.testing.assert_array_equal(np.asarray(got), np.asarray(expected), str(options))


def batches(photos, **options):
    generator = ImageDataGenerator(rotation_range=9)
    flow = {"target_size": (14, 12), "batch_size": 5, "seed": 3}
    for mode in TO:
        it = generator.flow_from_directory(photos, **flow, color_mode=mode, **options)
        yield from (next(it)[0] for _ in range(4))
    for more in (
        {"interpolation": "nearest"},
        {"crop_to_aspect_ratio": True, "antialias": True},
        {"decode": "fast", "color_mode": "grayscale"},
    ):
        dataset = image_dataset_from_directory(
            photos, image_size=(14, 12), batch_size=5, seed=3, verbose=False, **more
        )
        yield from (images.numpy() for images, _ in dataset)


@pytest.mark.slow
def test_large_images_are_read_to_the_same_pixels(photos, monkeypatch):
    expected = list(batches(photos))
    read = []
    room = limits._Room.taken
    monkeypatch.setattr(limits._Room, "taken", lambda self, n: read.append(n) or room(self, n))
    monkeypatch.setattr(limits, "_LARGE_SIDE", 1)
    for one, other in zip(expected, batches(photos), strict=True):
        np.testing.assert_array_equal(other, one)
    assert len(read) > 50


def of_header(kind, side):
    """Make a file that declares side x side pixels, and holds next to none."""
    if kind == "png":
        return bomb(side)
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, {"jpg": "JPEG"}.get(kind, kind))
    whole = bytearray(file.getvalue())
    if kind == "jpg":
        at = whole.index(b"\xff\xc0") + 5
        whole[at : at + 4] = struct.pack(">HH", side, side)
    elif kind == "bmp":
        whole[18:26] = struct.pack("<ii", side, side)
    elif kind == "gif":
        whole[6:10] = struct.pack("<HH", side, side)
    return bytes(whole)


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "gif"])
def test_what_declares_too_much_is_refused_by_both_apis(tmp_path, kind):
    path = tmp_path / "cats" / f"bomb.{kind}"
    path.parent.mkdir()
    path.write_bytes(of_header(kind, 20_000))
    words = f"{path}.*make it smaller.*MAX_IMAGE_PIXELS.*400000000 pixels"
    dataset = image_dataset_from_directory(tmp_path, image_size=(8, 8), verbose=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        next(iter(dataset))
    with pytest.raises(TooManyPixels, match=words):
        image_dataset_from_directory(tmp_path, image_size=8, verbose=False, cache=tmp_path / "p")
    for options in ({}, {"interpolation": "bilinear"}):
        it = ImageDataGenerator().flow_from_directory(
            tmp_path, target_size=(8, 8), extra_formats=("gif",), **options
        )
        with pytest.raises(Image.DecompressionBombError, match=words):
            next(it)


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "gif"])
def test_of_files_read_together_none_may_declare_much(tmp_path, kind):
    paths = [str(tmp_path / f"{name}.{kind}") for name in ("small", "other", "large")]
    save_picture(tmp_path / f"small.{kind}", (20, 15), 1)
    save_picture(tmp_path / f"other.{kind}", (16, 18), 2)
    (tmp_path / f"large.{kind}").write_bytes(of_header(kind, 1025))

    def read_with_tensorflow(paths):
        return read_several_with(paths, lambda each: decode_as_keras_dataset(each, 3))

    for read, known in ((read_with_tensorflow, kind != "gif"), (read_plain_jpegs, kind == "jpg")):
        images, decoded = read(tf.constant(paths[:2]))
        assert bool(decoded) == known
        if known:
            assert [image.shape for image in images] == [(15, 20, 3), (18, 16, 3)]
        images, decoded = read(tf.constant(paths))
        assert not decoded
        assert images[2].shape == (1, 1, 3)
        (tmp_path / f"large.{kind}").write_bytes(b"")
        assert not read(tf.constant(paths))[1]
        (tmp_path / f"large.{kind}").write_bytes(of_header(kind, 1025))


def test_among_small_files_one_that_declares_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(small_files, "_FEW", 1)
    for i in range(20):
        save_picture(tmp_path / "cats" / f"{i:02}.png", (20, 15), i)
    path = tmp_path / "cats" / "01.png"  # not among those that are looked at
    path.write_bytes(bomb(20_000)[:16_000])
    dataset = image_dataset_from_directory(
        tmp_path, image_size=(8, 8), interpolation="nearest", verbose=False
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"{path}.*MAX_IMAGE_PIXELS"):
        next(iter(dataset))
    it = ImageDataGenerator().flow_from_directory(tmp_path, target_size=(8, 8))
    with pytest.raises(Image.DecompressionBombError, match=rf"{path}.*MAX_IMAGE_PIXELS"):
        next(it)


def jpeg_in_scans(kind, subsampling, side):
    """Make a JPEG that declares side x side pixels, and holds next to none."""
    file = io.BytesIO()
    options = {"progressive": True} if kind == "progressive" else {}
    Image.new("RGB", (8, 8)).save(file, "JPEG", subsampling=subsampling, **options)
    whole = bytearray(file.getvalue())
    at = whole.index(b"\xff\xc2" if kind == "progressive" else b"\xff\xc0") + 5
    whole[at : at + 4] = struct.pack(">HH", side, side)
    if kind == "a scan for each colour":
        at = whole.index(b"\xff\xda")
        whole[at : at + 14] = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"
    return bytes(whole)


@pytest.mark.parametrize(
    ("kind", "subsampling", "most"),
    [
        ("progressive", "4:4:4", 10_361),
        ("progressive", "4:2:0", 12_384),
        ("a scan for each colour", "4:4:4", 10_361),
        ("baseline", "4:4:4", 13_377),
    ],
)
def test_what_a_jpeg_keeps_of_its_scans_counts(tmp_path, kind, subsampling, most):
    held = []
    for side in (most, most + 2):
        (tmp_path / "cats").mkdir(exist_ok=True)
        path = tmp_path / "cats" / "1.jpg"
        path.write_bytes(jpeg_in_scans(kind, subsampling, side))
        try:
            with Image.open(path) as image, limits.room_for(image):
                held.append(side)
        except Image.DecompressionBombError:
            pass
    assert held == [most]
    words = f"{path}.*MAX_IMAGE_PIXELS" + ("" if kind == "baseline" else ".*`jpegtran")
    dataset = image_dataset_from_directory(tmp_path, image_size=(8, 8), verbose=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        next(iter(dataset))
    for options in ({}, {"interpolation": "bilinear"}):
        it = ImageDataGenerator().flow_from_directory(tmp_path, target_size=(8, 8), **options)
        with pytest.raises(Image.DecompressionBombError, match=words):
            next(it)


def test_all_frames_of_an_animation_count(tmp_path, monkeypatch):
    file = io.BytesIO()
    frames = [Image.new("L", (100, 100), i) for i in range(8)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    decode = tf.function(lambda contents: decoded_in_turn(contents, decoded_gif, 3))
    assert decode(file.getvalue()).shape == (100, 100, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30_000)
    monkeypatch.setattr(limits, "_LARGE_SIDE", 50)
    with pytest.raises(tf.errors.OpError, match="80000 pixels in all frames"):
        decode(file.getvalue())


def test_a_frame_of_an_animation_that_is_larger_than_the_whole_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40000)
    small, large = io.BytesIO(), io.BytesIO()
    Image.new("L", (8, 8)).save(small, "GIF")
    Image.new("L", (300, 300)).save(large, "GIF")
    # Behind the header is a table of colours, and behind the last frame a byte.
    header = 13 + (6 << (large.getvalue()[10] & 7))
    frames = small.getvalue()[:-1] + large.getvalue()[header:]
    assert Image.open(io.BytesIO(frames)).n_frames == 2
    decode = tf.function(lambda contents: decoded_in_turn(contents, decoded_gif, 3))
    with pytest.raises(tf.errors.OpError, match="90064 pixels in all frames"):
        decode(tf.constant(frames))


def decoded_gif(contents):
    return tf.io.decode_image(contents, channels=3, expand_animations=False)


@pytest.mark.parametrize("most", [400, None])
def test_the_limit_is_pillows(tmp_path, monkeypatch, most):
    for i, size in enumerate([(20, 20), (30, 30)]):
        save_picture(tmp_path / "cats" / f"{i}.jpg", size, i)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most and most // 2 + 1)
    dataset = image_dataset_from_directory(
        tmp_path, image_size=8, batch_size=1, shuffle=False, verbose=False
    )
    it = ImageDataGenerator().flow_from_directory(
        tmp_path, target_size=(8, 8), batch_size=1, shuffle=False
    )
    for batches_of in (iter(dataset), it):
        assert next(batches_of)[0].shape == (1, 8, 8, 3)
        if most is None:
            assert next(batches_of)[0].shape == (1, 8, 8, 3)
        else:
            with pytest.raises(
                (tf.errors.OpError, TooManyPixels), match=r"1\.jpg.*MAX_IMAGE_PIXELS"
            ):
                next(batches_of)


def test_a_mask_is_limited_too(tmp_path):
    save_picture(tmp_path / "images" / "1.png", (8, 8), 1)
    (tmp_path / "masks").mkdir()
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    contents = bomb(20_000)
    at = contents.index(b"IHDR")
    sealed = b"IHDR" + header
    contents = contents[:at] + sealed + struct.pack(">I", zlib.crc32(sealed)) + contents[at + 21 :]
    (tmp_path / "masks" / "1.png").write_bytes(contents)
    dataset = image_dataset_from_directory(
        tmp_path / "images", None, masks=tmp_path / "masks", image_size=8, verbose=False
    )
    with pytest.raises(tf.errors.OpError, match=r"masks/1\.png.*MAX_IMAGE_PIXELS"):
        next(iter(dataset))


def test_no_more_is_taken_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(limits, "_LEAST", 100)
    monkeypatch.setattr(limits, "_PER_CORE", 0)
    monkeypatch.setattr(limits, "_MOST_BESIDE_OTHERS", 60)
    room = limits._Room()
    held, most, lock = [], [], threading.Lock()

    def take(size):
        for _ in range(5):
            with room.taken(size):
                with lock:
                    held.append(size)
                    most.append((sum(held), max(held), len(held)))
                time.sleep(0.001)
                with lock:
                    held.remove(size)

    threads = [threading.Thread(target=take, args=(size,)) for size in (30, 40, 50, 60, 70, 1000)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
        assert not each.is_alive()
    assert len(most) == 30
    assert any(count > 1 for *_, count in most)
    for total, largest, count in most:
        assert total <= 100 if largest <= 60 else count == 1


PEAK = """
import re, sys, warnings
import tensorflow as tf
from pathlib import Path
from catdog_data import ImageDataGenerator, image_dataset_from_directory
warnings.simplefilter("ignore")
tf.constant(1) + 1

def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = kilobytes("VmRSS")
if sys.argv[2] == "adapter":
    images = next(ImageDataGenerator().flow_from_directory(sys.argv[1], target_size=(8, 8)))[0]
else:
    dataset = image_dataset_from_directory(sys.argv[1], image_size=8, verbose=False)
    images = next(iter(dataset))[0]
assert images.shape == (4, 8, 8, 3)
print("peak", kilobytes("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
@pytest.mark.parametrize("kind", ["png", "jpg", "progressive.jpg"])
@pytest.mark.parametrize("api", ["adapter", "dataset"])
def test_large_images_take_the_memory_of_one(tmp_path, api, kind):
    folder = tmp_path / "cats"
    folder.mkdir()
    if kind == "progressive.jpg":  # the largest that is read
        image = Image.new("RGB", (10_360, 10_360), (9, 8, 7))
        image.save(folder / f"0.{kind}", progressive=True, subsampling="4:4:4")
    else:
        image = Image.new("RGB", (13_000, 13_000), (9, 8, 7))
        image.save(folder / f"0.{kind}")
    for i in range(1, 4):
        (folder / f"{i}.{kind}").write_bytes((folder / f"0.{kind}").read_bytes())
    del image
    command = [sys.executable, "-c", PEAK, str(tmp_path), api]
    said = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout
    assert int(said.split("peak ")[1]) < 1_200_000
