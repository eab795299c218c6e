"""Rows of packs: compared with their sums at first use; mapped into memory, or read."""

from __future__ import annotations

import gc
import os
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from catdog_data import ImageDataGenerator, InBackground, image_dataset_from_directory
from catdog_data.cache import pack_rows
from catdog_data.cache.cached import packs_in
from catdog_data.cache.pack import write_pack
from catdog_data.cache.pack_format import Layout, damaged_rows, sums_of

N, SIZE = 24, 15
ROW = SIZE * SIZE * 3  # bytes; no whole number of words
NEAREST = {"interpolation": "nearest", "output_dtype": "uint8"}


@pytest.fixture(autouse=True)
def checked(monkeypatch):
    monkeypatch.setenv("CATDOG_PACK_CHECK", "on")


@pytest.fixture
def images(tmp_path):
    random = np.random.default_rng(1)
    for i in range(N):
        path = tmp_path / "images" / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(path)
    return tmp_path / "images"


def of_dataset(images, cache=None, **options):
    options = {"image_size": SIZE, "batch_size": 4, "shuffle": False, **NEAREST} | options
    return image_dataset_from_directory(images, verbose=False, cache=cache, **options)


def of_generator(images, cache=None):
    flow = ImageDataGenerator().flow_from_directory
    batches = flow(images, (SIZE, SIZE), batch_size=4, shuffle=False, seed=1, cache=cache)
    return (next(batches) for _ in range(len(batches)))


FACES = pytest.mark.parametrize("face", [of_dataset, of_generator])
WAYS = pytest.mark.parametrize("way", ["map", "read"])


def pixels_of(batches):
    return [np.asarray(pixels) for pixels, *_ in batches]


def the_pack(images):
    (pack,) = packs_in(images.parent / "packs")
    return pack.folder


def flip(pack, row, byte, bit=1):
    with (pack / "pixels").open("r+b") as file:
        file.seek(row * ROW + byte)
        (value,) = file.read(1)
        file.seek(row * ROW + byte)
        file.write(bytes([value ^ bit]))


@WAYS
@FACES
@pytest.mark.parametrize("byte", [0, ROW - 1])
def test_a_flipped_bit_raises_where_the_row_is_used_first(images, monkeypatch, face, way, byte):
    monkeypatch.setenv("CATDOG_PACK_ACCESS", way)
    expected = pixels_of(face(images))
    list(face(images, images.parent / "packs"))
    flip(the_pack(images), 5, byte)
    batches = iter(face(images, images.parent / "packs"))
    np.testing.assert_array_equal(np.asarray(next(batches)[0]), expected[0])
    said = rf"{re.escape(str(the_pack(images)))} .*row 5, .*a/10\.png', .*Delete the .*cache verify"
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=said):
        next(batches)


@WAYS
def test_a_bad_row_raises_at_every_use_and_a_good_one_is_compared_once(images, monkeypatch, way):
    monkeypatch.setenv("CATDOG_PACK_ACCESS", way)
    dataset = of_dataset(images, images.parent / "packs")
    flip(the_pack(images), 0, 7)
    for _ in range(2):
        with pytest.raises(tf.errors.InvalidArgumentError, match="row 0,"):
            next(iter(dataset))
    flip(the_pack(images), 0, 7)
    before = pixels_of(dataset)
    flip(the_pack(images), 0, 7)
    after = pixels_of(dataset)
    assert [int((a != b).sum()) for a, b in zip(after, before, strict=True)] == [1, 0, 0, 0, 0, 0]


@WAYS
def test_only_rows_that_are_used_are_compared(images, monkeypatch, way):
    monkeypatch.setenv("CATDOG_PACK_ACCESS", way)
    options = {"shuffle": True, "seed": 3}
    list(of_dataset(images, images.parent / "packs"))
    flip(the_pack(images), 5, 0)
    for part in (0, 1):
        expected = of_dataset(images, shard=(part, 2), **options)
        sharded = of_dataset(images, images.parent / "packs", shard=(part, 2), **options)
        try:
            got = pixels_of(sharded)
        except tf.errors.InvalidArgumentError as error:
            assert "row 5," in str(error)
            raised = part
        else:
            for one, other in zip(got, pixels_of(expected), strict=True):
                np.testing.assert_array_equal(one, other)
    assert raised in (0, 1)


@WAYS
def test_rows_built_in_the_background_are_compared(images, monkeypatch, way):
    monkeypatch.setenv("CATDOG_PACK_ACCESS", way)
    expected = pixels_of(of_dataset(images))
    dataset = of_dataset(images, InBackground(images.parent / "packs"))
    while not packs_in(images.parent / "packs"):
        list(dataset)
    for _ in range(2):
        for one, other in zip(pixels_of(dataset), expected, strict=True):
            np.testing.assert_array_equal(one, other)


@FACES
def test_packs_that_are_read_have_the_bits_of_the_files(images, monkeypatch, face):
    monkeypatch.setattr(pack_rows, "is_remote", lambda folder: True)
    monkeypatch.setattr(pack_rows, "rows_of", None)  # nothing is mapped
    expected = pixels_of(face(images))
    for _ in range(2):
        got = pixels_of(face(images, images.parent / "packs"))
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@FACES
def test_a_pack_cut_short_within_a_pass_raises_where_it_is_read(images, monkeypatch, face):
    monkeypatch.setenv("CATDOG_PACK_ACCESS", "read")
    list(face(images, images.parent / "packs"))
    real, pixels = os.preadv, the_pack(images) / "pixels"

    def read_and_cut(file, buffers, offset):
        if offset >= 4 * ROW:  # behind the first batch, which may have begun others
            os.truncate(pixels, 5 * ROW + 9)
        return real(file, buffers, offset)

    monkeypatch.setattr(os, "preadv", read_and_cut)
    with pytest.raises((tf.errors.OpError, OSError), match=r"row \d+ of a pack cannot be read: "):
        list(face(images, images.parent / "packs"))


def open_pixels(folder):
    gc.collect()
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            target = link.readlink()
            count += target.name == "pixels" and target.is_relative_to(folder)
    return count


def test_files_that_are_read_are_closed_with_their_datasets(images, monkeypatch):
    monkeypatch.setenv("CATDOG_PACK_ACCESS", "read")
    dataset = of_dataset(images, images.parent / "packs")
    expected = pixels_of(dataset)
    assert open_pixels(images.parent) > 0
    batches = iter(dataset)
    del dataset
    np.testing.assert_array_equal(pixels_of(batches), expected)
    del batches
    assert open_pixels(images.parent) == 0


def test_what_the_system_says_is_passed_on(images, monkeypatch):
    monkeypatch.setenv("CATDOG_PACK_ACCESS", "read")
    dataset = of_dataset(images, images.parent / "packs")

    def stale(*_):
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(os, "preadv", stale)
    with pytest.raises(tf.errors.OpError, match=r"OSError: \[Errno 116\] row \d+ .*: Stale file"):
        next(iter(dataset))


@pytest.mark.parametrize(
    ("name", "rule"), [("CATDOG_PACK_ACCESS", '"map" or "read"'), ("CATDOG_PACK_CHECK", '"on" or')]
)
def test_a_setting_that_is_none_is_refused(images, monkeypatch, name, rule):
    monkeypatch.setenv(name, "yes")
    with pytest.raises(ValueError, match=f"{name} must be {rule}.*received 'yes'"):
        of_dataset(images, images.parent / "packs")


def served_as_they_are(images, expected):
    flip(the_pack(images), 5, 0)
    got = pixels_of(of_dataset(images, images.parent / "packs"))
    return [int((a != b).sum()) for a, b in zip(got, expected, strict=True)] == [0, 1, 0, 0, 0, 0]


def test_rows_are_not_compared_unasked(images, monkeypatch):
    expected = pixels_of(of_dataset(images, images.parent / "packs"))
    monkeypatch.delenv("CATDOG_PACK_CHECK")
    assert served_as_they_are(images, expected)


def test_packs_of_older_versions_are_not_compared_and_this_is_said(images):
    expected = pixels_of(of_dataset(images, images.parent / "packs"))
    (the_pack(images) / "sums.npy").unlink()
    with pytest.warns(RuntimeWarning, match=r"older version and has no sums.* Delete the folder"):
        assert served_as_they_are(images, expected)


def damage_by(content):
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        damage_by(b""),
        damage_by(b"no array"),
        lambda path: np.save(path, np.zeros(N - 1, np.uint64)),
        lambda path: np.save(path, np.zeros(N, np.int32)),
    ],
    ids=["empty", "no array", "short", "type"],
)
def test_damaged_sums_are_refused_in_words(images, damage):
    of_dataset(images, images.parent / "packs")
    damage(the_pack(images) / "sums.npy")
    with pytest.raises(ValueError, match=r"must hold a whole pack, and does not: .* Delete the"):
        of_dataset(images, images.parent / "packs")


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("width", [1, 7, 8, 9, 64])
def test_sums_are_those_of_the_words(dtype, width):
    rows = np.random.default_rng(2).integers(0, 256, (3, width, 1, 1)).astype(dtype)

    def expected(octets):
        whole = len(octets) // 8 * 8
        words = (int.from_bytes(octets[i : i + 8], "little") for i in range(0, whole, 8))
        return (sum(words) + sum(octets[whole:])) % 2**64

    assert sums_of(rows).tolist() == [expected(row.tobytes()) for row in rows]


def test_all_damage_is_found_on_request(tmp_path):
    rows = np.random.default_rng(3).integers(0, 256, (4, 2, 2, 3), np.uint8)
    write_pack(tmp_path, Layout(4, (2, 2, 3), "uint8"), [rows[:3], rows[3:]], list("abcd"))
    sums = np.load(tmp_path / "sums.npy")
    np.save(tmp_path / "sums.npy", sums + np.array([0, 1, 0, 0], np.uint64))
    pixels = bytearray((tmp_path / "pixels").read_bytes())
    pixels[36] ^= 128
    (tmp_path / "pixels").write_bytes(pixels)
    assert damaged_rows(tmp_path) == [1, 3]
