"""Files that cannot be read, at all readers: refused where the reference refuses, and named."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from corrupt_files import DAMAGES, CorruptFile, bomb, corrupt_files, whole_files, write_files
from PIL import Image, UnidentifiedImageError

from catdog_data import ImageDataGenerator, image_dataset_from_directory
from catdog_data.datasets.reading import Reading
from catdog_data.decoding.decode import read_mask, read_rgb
from catdog_data.decoding.unreadable import (
    UnreadableImage,
    naming,
    plain_failure,
    raise_if_unreadable,
    raised_in_python,
    sentence_of,
    unreadable,
)
from catdog_data.keras_compat.native.failures import error_of_batch
from catdog_data.keras_compat.native.loading import Loading

SIZE = (8, 8)
FORGIVEN = {("jpeg", "marker"), ("gray-jpeg", "marker")}
"""What Pillow reads and TensorFlow's decoder does not: the difference that README states."""


@pytest.fixture(scope="module")
def files() -> list[CorruptFile]:
    """One of every kind with every damage."""
    return corrupt_files(seed=1, count=len(DAMAGES) * len(whole_files()))


@pytest.fixture(scope="module")
def paths(tmp_path_factory, files):
    return write_files(tmp_path_factory.mktemp("corrupt"), files)


def outcome(read, *args):
    try:
        return read(*args)
    except Exception as error:  # whatever it is, it is looked at
        return error


def assert_names(error, path):
    """Fail unless an error is a line about this file: name, what is wrong, remedy, few words."""
    said = str(error)
    assert said.startswith(f"{path!r} "), said
    assert re.search(
        r"cannot be decoded as an? \w+ \([\d,]+ bytes, .*\)\. Remove it .* says: ", said
    )
    assert "\n" not in said
    assert len(said) < len(path) + 400


def test_the_same_seed_makes_the_same_files(files):
    assert corrupt_files(seed=1, count=len(files)) == files
    assert corrupt_files(seed=1, count=20) == corrupt_files(seed=1, count=20)
    assert {each.contents for each in corrupt_files(seed=2, count=40)} - {
        each.contents for each in files
    }
    assert len({each.name for each in files}) == len(files)
    assert {(each.kind, each.damage) for each in files} == {
        (kind, damage) for kind in whole_files() for damage in DAMAGES
    }


def loaded(path, mode):
    with keras.utils.load_img(path, color_mode=mode, target_size=SIZE) as image:
        return keras.utils.img_to_array(image)


@pytest.mark.parametrize("mode", ["rgb", "grayscale", "rgba"])
def test_the_adapter_refuses_what_keras_refuses_in_its_types(files, paths, mode):
    pixels = Loading(SIZE, mode, "nearest", keep_aspect_ratio=False).of_files(paths)
    images = iter(tf.data.Dataset.range(len(paths)).map(pixels.image, num_parallel_calls=2))
    refused = []
    for file, path in zip(files, paths, strict=True):
        expected, got = outcome(loaded, path, mode), outcome(next, images)
        if not isinstance(got, Exception):
            np.testing.assert_array_equal(got, expected, err_msg=path)
            continue
        got = error_of_batch(got, [path])
        assert_names(got, path)
        refused.append(path)
        if (file.kind, file.damage) in FORGIVEN and mode == "rgb":
            assert not isinstance(expected, Exception)
            assert "TensorFlow says" in str(got)
        else:
            assert isinstance(got, type(expected)), (path, expected, got)
    assert len(refused) > len(paths) / 2


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
@pytest.mark.parametrize("recipe", [{}, {"fill_mode": "nearest", "interpolation_order": 3}])
def test_the_adapter_names_the_file_of_a_batch(tmp_path, color_mode, recipe):
    whole = whole_files()
    broken = {"bomb.png": bomb(), "lab.tif": whole["lab-tiff"], "text.jpg": b"nothing"}
    for i, contents in enumerate([*broken.values(), whole["jpeg"], whole["bmp"]]):
        name = [*broken, "whole.jpg", "whole.bmp"][i]
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / f"{i}.{name}").write_bytes(contents)
    flow = ImageDataGenerator(rotation_range=9, **recipe).flow_from_directory(
        tmp_path, target_size=SIZE, batch_size=1, shuffle=False, color_mode=color_mode
    )
    for path in flow.filepaths:
        expected, got = outcome(loaded, path, color_mode), outcome(next, flow)
        if isinstance(expected, Exception):
            assert isinstance(got, type(expected)), (path, expected, got)
            assert_names(got, path)
        else:
            assert got[0].shape[0] == 1


def of_other_kind(contents, mode):
    """What Pillow makes of a kind that TensorFlow does not decode; None of others."""
    with Image.open(io.BytesIO(contents)) as image:
        known = image.format in ("JPEG", "MPO", "PNG", "BMP", "GIF")
        return None if known else outcome(image.convert, mode)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_datasets_refuse_what_tensorflow_refuses(files, paths, channels):
    """And of the kinds that it does not know, what Pillow refuses."""
    reading = Reading(SIZE, channels, "bilinear")
    decode = tf.function(
        lambda contents: tf.io.decode_image(contents, channels, expand_animations=False),
        input_signature=[tf.TensorSpec([], tf.string)],
    )
    refused = 0
    for file, path in zip(files, paths, strict=True):
        expected = outcome(decode, file.contents)
        if isinstance(expected, Exception):
            mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
            expected = outcome(of_other_kind, file.contents, mode) or expected
        got = outcome(raise_if_unreadable, path, reading._read)
        assert isinstance(got, Exception) == isinstance(expected, Exception), (path, expected, got)
        if got is not None:
            refused += 1
            assert isinstance(got, OSError), (path, got)
            assert_names(got, path)
    assert refused > len(paths) / 2


def test_masks_are_named_too(files, paths):
    refused = [outcome(raise_if_unreadable, path, read_mask) for path in paths]
    for file, path, got in zip(files, paths, refused, strict=True):
        if file.damage in ("text", "empty", "bomb"):
            assert got is not None
        if got is not None and " must be a mask " not in str(got):
            assert_names(got, path)
        assert str(got).startswith(f"{path!r} ") or got is None


@pytest.fixture(params=["fit", "evaluate", "loop", "function", "mapped"])
def fails(request):
    """Let a graph function of a path fail as it does in everyday use; return what is raised."""
    model = keras.Sequential([keras.layers.Input([2]), keras.layers.Dense(1)])
    model.compile("sgd", "mse")

    def fail(read, path):
        def row(name):
            return tf.cast(tf.shape(read(name))[:2], tf.float32), 0.0

        names = tf.data.Dataset.from_tensors(path)
        ways = {
            "fit": lambda: model.fit(names.map(row).batch(1), verbose=0),
            "evaluate": lambda: model.evaluate(names.map(row, 2).batch(1), verbose=0),
            "loop": lambda: list(names.map(row).batch(1).prefetch(1)),
            "function": lambda: tf.function(read)(tf.constant(path)),
            "mapped": lambda: tf.function(tf.map_fn)(
                lambda each: row(each)[0], tf.constant([path]), fn_output_signature=tf.float32
            ),
        }
        with pytest.raises((tf.errors.OpError, OSError)) as raised:
            ways[request.param]()
        return raised.value

    return fail


def test_the_sentence_is_found_in_what_tensorflow_makes_of_it(tmp_path, fails):
    text, broken = tmp_path / "ü 'text'.jpg", tmp_path / "broken.jpg"
    text.write_text("nothing")
    broken.write_bytes(b"\xff\xd8\xff" + b"x" * 300 + b"\xff\xd9")
    with pytest.raises(UnidentifiedImageError) as raised:
        raise_if_unreadable(str(text), read_rgb)
    error = fails(read_rgb, str(text))
    assert sentence_of(error) == str(raised.value)
    if isinstance(error, tf.errors.OpError):
        assert type(raised_in_python(error)) is UnidentifiedImageError
    # From C++, without a name; TensorFlow's words alone.
    error = fails(read_rgb, str(broken))
    assert sentence_of(error) == "Invalid JPEG data, size 305"
    assert raised_in_python(error) is None
    error = fails(read_rgb, str(tmp_path / "gone.jpg"))
    assert sentence_of(error) == f"{tmp_path}/gone.jpg; No such file or directory"


@pytest.mark.parametrize("read", [read_rgb, Reading(SIZE, 3, "bilinear")._read, read_mask])
@pytest.mark.parametrize("in_graph", [False, True], ids=["called", "in a graph"])
def test_no_words_are_of_tensorflows_own_making(paths, read, in_graph):
    reader = tf.function(read) if in_graph else read
    errors = [outcome(raise_if_unreadable, path, reader) for path in paths]
    sentences = [str(error) for error in errors if error is not None]
    assert len(sentences) > 50
    wrapped = r"says: \w+Error: |function_node|Traceback|\[Op:|\[\[|root error|Detected at"
    assert [each for each in sentences if re.search(wrapped, each)] == []


def test_what_keras_datasets_raise_is_raised(tmp_path):
    (tmp_path / "text.jpg").write_text("nothing")
    dataset = image_dataset_from_directory(tmp_path, labels=None, image_size=SIZE, verbose=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"text\.jpg' cannot be decoded"):
        next(iter(dataset))


def test_types_that_scripts_catch_are_kept():
    kept = (UnidentifiedImageError("x"), Image.DecompressionBombError("x"), MemoryError("x"))
    for error in kept:
        assert isinstance(unreadable("a.jpg", error), type(error))
    for error in (SyntaxError("x"), KeyError("x"), ValueError("x"), OSError("x"), IndexError("x")):
        assert type(unreadable("a.jpg", error)) is UnreadableImage
    assert issubclass(UnreadableImage, OSError)
    assert issubclass(UnreadableImage, ValueError)


def test_commands_say_plainly_what_files_are_to_blame_for():
    def raised(kind, message, error=tf.errors.UnknownError):
        return error(None, None, f"{kind}: {message}\nTraceback (most recent call last):\n  x")

    for error in (OSError("x"), MemoryError("x"), Image.DecompressionBombError("x")):
        assert plain_failure(error) is error
        again = plain_failure(raised(type(error).__name__, "x"))
        assert (type(again), str(again)) == (type(error), "x")
    gone = tf.errors.NotFoundError(None, None, "/a.jpg; No such file or directory")
    assert "/a.jpg" in str(plain_failure(gone))
    # Faults of a program.
    for error in (ValueError("x"), KeyError("x"), tf.errors.InvalidArgumentError(None, None, "x")):
        assert plain_failure(error) is None
    assert plain_failure(raised("ValueError", "x", tf.errors.InvalidArgumentError)) is None
    assert plain_failure(raised("ZeroDivisionError", "x")) is None


def test_what_the_system_refuses_keeps_its_number(tmp_path):
    for name, kind in (("gone.jpg", FileNotFoundError), ("", IsADirectoryError)):
        path = str(tmp_path / name)
        for read in (
            read_rgb,
            Reading(SIZE, 3, "bilinear")._read,
            read_mask,
            tf.function(read_rgb),
        ):
            with pytest.raises(kind, match=f"must be there and readable: {path!r}") as raised:
                raise_if_unreadable(path, read)
            assert raised.value.filename == path
            assert raised.value.errno is not None
            again = unreadable(path, type(raised.value)(str(raised.value)))
            assert (type(again), str(again)) == (kind, str(raised.value))


def test_a_file_is_named_once(tmp_path):
    with pytest.raises(OSError, match=r"'b\.jpg' cannot be decoded") as raised, naming("b.jpg"):
        raise ValueError("broken")
    assert unreadable("b.jpg", raised.value) is raised.value
    assert str(unreadable("a.jpg", raised.value)).startswith("'a.jpg' ")


def test_names_that_are_not_utf_8(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.jpg"
    Path(os.fsdecode(path)).touch()
    for name in (path, os.fsdecode(path)):
        with pytest.raises(
            UnidentifiedImageError, match=r"\\udcff\.jpg' cannot .*\(0 bytes, empty\)"
        ):
            raise_if_unreadable(name, read_rgb)


def test_words_are_few():
    said = str(unreadable("a.jpg", ValueError("a" * 1000 + "\nb"), b"\x89PNG"))
    assert said.endswith("a" * 199 + "…")
    assert "(4 bytes, a PNG that is cut short)" in said
    # Of what is no file, as a row of a prepared set, nothing is known.
    assert "'row 7' cannot be decoded as an image. Remove" in str(unreadable("row 7", OSError()))
    assert str(unreadable("a.jpg", OSError(), b"GIF8;")).endswith(
        "a GIF). Remove it from the data set or replace it. Pillow says: OSError"
    )


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        (b"", "0 bytes, empty"),
        (b"<html>\n", "7 bytes, text"),
        (b"\0\1\2\3", "4 bytes, not a kind of image that is known"),
        (bomb(), "a PNG)"),
        (bomb()[:-1], "a PNG that is cut short"),
        (whole_files()["jpeg"], "a JPEG)"),
        (whole_files()["lab-tiff"], "a TIFF)"),
        (whole_files()["webp"], "a WebP)"),
        (whole_files()["bmp"], "a BMP)"),
        (whole_files()["ppm"], "a PPM)"),
    ],
)
def test_what_a_file_looks_like(tmp_path, contents, found):
    path = tmp_path / "a"
    path.write_bytes(contents)
    for given in (contents, None):
        assert found in str(unreadable(str(path), ValueError("x"), given))


@pytest.mark.slow
def test_thousands_of_files(tmp_path):
    files = corrupt_files(seed=3, count=6000)
    paths = write_files(tmp_path, files)
    reading = Reading(SIZE, 3, "bilinear")
    for read, kinds in (
        (read_rgb, (OSError, Image.DecompressionBombError)),
        (reading._read, OSError),
    ):
        errors = [outcome(raise_if_unreadable, path, read) for path in paths]
        for path, error in zip(paths, errors, strict=True):
            if error is not None:
                assert isinstance(error, kinds)
                assert_names(error, path)
