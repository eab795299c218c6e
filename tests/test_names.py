"""Names of files that are not UTF-8, and such as would break a line."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import save_picture
from hypothesis import given
from hypothesis import strategies as st
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from PIL import Image

from catdog_data import (
    ImageDataGenerator,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)
from catdog_data.cache.cached import packs_in
from catdog_data.doctor.measure import diagnose
from catdog_data.system.names import as_field, readable
from catdog_models.evaluation.markdown import code, text
from catdog_models.export.export import export_saved_model, serving_function
from catdog_models.plots.figure import shortened

NAMES = ["cats/1.png", "cats/2.png", "dogs/1.png", "dogs/2.png"]
BYTES = {"cats": b"c\xe4ts", "dogs": b"d\xffgs", "1.png": b"\xe91.png", "2.png": b"\xfe2.png"}
SMALL = {"image_size": (4, 5), "batch_size": 4, "shuffle": False, "verbose": False}


def renamed(name):
    return os.fsdecode(b"/".join(BYTES[part] for part in name.split("/")))


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """The same pictures and masks twice: under plain names, and under names that are no UTF-8."""
    plain = tmp_path_factory.mktemp("plain")
    strange = Path(os.fsdecode(os.fsencode(tmp_path_factory.mktemp("strange")) + b"/r\xe9"))
    for i, name in enumerate(NAMES):
        save_picture(plain / "images" / name, (9, 8), i)
        mask = plain / "masks" / name
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 9), i, np.uint8)).save(mask)
        for kind in ("images", "masks"):
            copy = strange / kind / renamed(name)
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(plain / kind / name, copy)
            except OSError:
                pytest.skip("this file system takes names in UTF-8 alone")
    return plain, strange


def assert_same(got, expected):
    (one,), (other,) = list(got), list(expected)
    for left, right in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    "options",
    [{"masks": "masks"}, {"interpolation": "nearest", "cache": "packs"}],
    ids=str,
)
def test_directories(trees, options):
    datasets = []
    for tree in trees:
        given = {
            name: value if name == "interpolation" else tree / value
            for name, value in options.items()
        }
        datasets.append(image_dataset_from_directory(tree / "images", **SMALL, **given))
    expected, got = datasets
    assert got.file_paths == [str(trees[1] / "images" / renamed(name)) for name in NAMES]
    assert_same(got, expected)
    if "cache" in options:
        (pack,) = packs_in(trees[1] / "packs")
        assert pack.is_current()
        # Known again, and not built a second time.
        image_dataset_from_directory(trees[1] / "images", **SMALL, **given)
        assert len(packs_in(trees[1] / "packs")) == 1


def test_a_directory_as_bytes(trees):
    got = image_dataset_from_directory(os.fsencode(trees[1] / "images"), **SMALL)
    assert got.file_paths == [str(trees[1] / "images" / renamed(name)) for name in NAMES]


def frames():
    columns = {"filename": NAMES, "class": ["a", "a", "b", "b"]}
    strange = {**columns, "filename": [renamed(name) for name in NAMES]}
    # Of objects: strings of pandas' own are UTF-8.
    return pd.DataFrame(columns), pd.DataFrame(strange, dtype=object)


def test_data_frames(trees):
    plain, strange = frames()
    as_bytes = strange.assign(filename=[os.fsencode(name) for name in strange["filename"]])
    expected = image_dataset_from_dataframe(plain, trees[0] / "images", **SMALL)
    for frame in (strange, as_bytes):
        got = image_dataset_from_dataframe(frame, trees[1] / "images", **SMALL)
        assert got.file_paths == [str(trees[1] / "images" / renamed(name)) for name in NAMES]
    assert_same(got, expected)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_generators(trees, interpolation):
    options = {"target_size": (4, 5), "seed": 1, "interpolation": interpolation}
    flows = [
        generator(rotation_range=30).flow_from_directory(trees[1] / "images", **options)
        for generator in (KerasGenerator, ImageDataGenerator)
    ]
    assert flows[1].filenames == flows[0].filenames
    assert flows[1].filepaths == flows[0].filepaths
    assert flows[1].class_indices == flows[0].class_indices
    for one, other in zip(next(flows[1]), next(flows[0]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_generators_of_frames(trees):
    plain, strange = frames()
    expected, got = (
        ImageDataGenerator().flow_from_dataframe(
            frame, tree / "images", target_size=(4, 5), shuffle=False
        )
        for frame, tree in zip((plain, strange), trees, strict=True)
    )
    for one, other in zip(next(got), next(expected), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_fit(trees):
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
    model.compile(loss="mse")
    flow = ImageDataGenerator().flow_from_directory(trees[1] / "images", target_size=(4, 5))
    assert np.isfinite(model.fit(flow, verbose=0).history["loss"][0])


@pytest.mark.slow
def test_doctor(trees):
    assert "4 files" in diagnose(trees[1] / "images", 8, 4, None, 0.05).report()


def test_errors_name_the_file(trees, tmp_path):
    whole = (trees[0] / "images" / NAMES[0]).read_bytes()
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xe9.png"))
    path.parent.mkdir()
    path.write_bytes(whole[: len(whole) // 2])
    dataset = image_dataset_from_directory(tmp_path, **SMALL)
    flow = ImageDataGenerator().flow_from_directory(tmp_path, target_size=(4, 5))
    with pytest.raises((OSError, tf.errors.OpError), match=r"a/\\udce9\.png'"):
        next(iter(dataset))
    with pytest.raises(OSError, match=r"a/\\udce9\.png'"):
        image_dataset_from_directory(tmp_path, **SMALL, cache="memory")
    with pytest.raises(OSError, match=r"a/\\udce9\.png'"):
        next(flow)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"a/\\udce9\.png'"):
        next(flow)
    with pytest.raises(OSError, match=r"a/\\udce9\.png'"):
        image_dataset_from_dataframe(
            pd.DataFrame({"filename": [path], "class": ["a"]}, dtype=object),
            validate_filenames=False,
            cache="memory",
            **SMALL,
        )


def test_what_is_printed_can_be(trees, monkeypatch, tmp_path):
    """Where the terminal takes UTF-8 and nothing else."""
    shutil.copytree(trees[1] / "images", tmp_path / "images")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/images/c\xe4ts/x.t\xff")).write_text("")
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    monkeypatch.setattr(sys, "stdout", output)
    ImageDataGenerator().flow_from_directory(tmp_path / "images")
    image_dataset_from_directory(tmp_path / "images")
    output.flush()
    assert rb"\udcff 1." in output.buffer.getvalue()


# --- Names of classes and files as they are shown -------------------------------------------------


def test_names_of_classes_behind_a_model():
    model = keras.Sequential(
        [keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    names = ["chats", os.fsdecode(b"d\xffgs")]
    serve = serving_function(model, lambda _: tf.zeros([2, 2, 3]), names)
    assert serve(tf.constant([b""]))["class_names"].numpy().tolist() == [[b"chats", b"d\xffgs"]]


def test_a_folder_that_tensorflow_cannot_name_is_refused_by_name(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/mod\xe9l"))
    with pytest.raises(ValueError, match=r"^path must be UTF-8.*mod\\udce9l"):
        export_saved_model(None, folder, decode=None, class_names=["a", "b"])


@given(st.binary(max_size=12))
def test_fields_of_lines_can_be_read_again(name):
    field = as_field(os.fsdecode(name))
    assert len(field.splitlines()) <= 1
    assert "\t" not in field
    read = json.loads(field) if field.startswith('"') else field
    assert os.fsencode(read) == name
    assert field.encode().decode() == field


@pytest.mark.parametrize("name", ["cat 1.jpg", "ä/漢.png", "a\\b'c.jpg", "narrow\u202fspace.png"])
def test_other_names_stay_as_they_are(name):
    assert as_field(name) == name
    assert readable(name) == name


def test_reports_and_pictures_show_other_names():
    name = os.fsdecode(b"d\xffgs")
    for shown in (readable(name), text(name), shortened(name, 9)):
        assert shown == "d\ufffdgs"
    assert "d\ufffdgs" in code(name)
