import json
from dataclasses import replace
from pathlib import Path

import pytest

from catdog_models.training.input_spec import InputSpec, input_spec_path

SPEC = InputSpec(("cats", "dögs"), (96, 128), "bilinear", 1 / 255.0)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, rescale=None, crop_to_aspect_ratio=True, antialias=True),
        replace(SPEC, class_names=("a", "b", "c"), pad_to_aspect_ratio=True, rounded=True),
        replace(SPEC, decode="fast"),
        replace(SPEC, reader="ImageDataGenerator"),
    ],
)
def test_what_was_saved_is_loaded(spec, tmp_path):
    spec.save(tmp_path / "input.json")
    assert InputSpec.load(tmp_path / "input.json") == spec
    assert [path.name for path in tmp_path.iterdir()] == ["input.json"]


def test_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "input.json"
    SPEC.save(path)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        replace(SPEC, rescale=None).save(path)
    assert InputSpec.load(path) == SPEC
    assert list(tmp_path.iterdir()) == [path]


def test_folder_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a folder that exists.*nope"):
        SPEC.save(tmp_path / "nope" / "input.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "must be a JSON object"),
        ("{", "does not describe a model's input"),
        (json.dumps({"class_names": ["a", "b"]}), "image_size"),
        (json.dumps({"colour": 1}), "unknown key 'colour'"),
        (json.dumps({"class_names": "ab", "image_size": [1, 1]}), "missing"),
    ],
)
def test_other_files_are_refused_by_name(content, message, tmp_path):
    path = tmp_path / "input.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        InputSpec.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"class_names": ["a", "b"]}, TypeError, "`class_names` must be a tuple"),
        ({"class_names": ("a",)}, ValueError, "at least 2 names"),
        ({"class_names": ("a", "a")}, ValueError, "no two alike"),
        ({"image_size": 96}, TypeError, "`image_size` must be a pair of integers"),
        ({"image_size": (96, True)}, TypeError, "`image_size` must be a pair of integers"),
        ({"image_size": (0, 96)}, ValueError, "at least 1 pixel"),
        ({"interpolation": None}, TypeError, "`interpolation` must be a name"),
        ({"rescale": "1/255"}, TypeError, "`rescale` must be a number or None"),
        ({"antialias": 1}, TypeError, "`antialias` must be True or False"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, ValueError, "Only one"),
        ({"decode": "slow"}, ValueError, "`decode` must be one of 'exact', 'fast'"),
        ({"reader": "PIL"}, ValueError, "`reader` must be one of"),
    ],
)
def test_wrong_values_are_refused_by_name(change, error, message):
    with pytest.raises(error, match=message):
        replace(SPEC, **change)


def test_place_beside_a_model():
    assert input_spec_path("run/best.keras") == Path("run/input.json")
