"""Several folders, or several names in a column, as one class: as if they were one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import save_picture

from catdog_data import image_dataset_from_dataframe, image_dataset_from_directory

GROUPS = {"dog": ["dogs", "puppies"], "cat": ["kittens", "cats"], "bird": None}
COUNTS = {"cats": 3, "kittens": 2, "dogs": 4, "puppies": 1, "bird": 2, "fish": 2}
CLASS_OF = {name: key for key, names in GROUPS.items() for name in names or [key]}
OPTIONS = {"image_size": (6, 5), "batch_size": 4, "seed": 3, "verbose": False}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Six folders, of which one is not asked for."""
    root = tmp_path_factory.mktemp("apart")
    for name, count in COUNTS.items():
        for i in range(count):
            save_picture(root / name / f"{name}.{i}.png", (6, 5), hash_of(name) + i)
    return root


@pytest.fixture(scope="module")
def merged(root, tmp_path_factory):
    """The same files with a folder for each class."""
    merged = tmp_path_factory.mktemp("merged")
    for name, key in CLASS_OF.items():
        shutil.copytree(root / name, merged / key, dirs_exist_ok=True)
    return merged


def hash_of(name):
    return sum(name.encode()) * 100


def labels_by_name(dataset):
    labels = np.concatenate([labels for _, labels, _ in dataset.as_numpy_iterator()])
    index = np.concatenate([index for *_, index in dataset.as_numpy_iterator()])
    return {Path(dataset.file_paths[i]).name: n for i, n in zip(index, labels, strict=True)}


def pixels_by_label(dataset):
    """Every image as bytes, with its label."""
    batches = [(images, labels) for images, labels, *_ in dataset.as_numpy_iterator()]
    return sorted(
        (int(label), image.tobytes())
        for images, labels in batches
        for image, label in zip(images, labels, strict=True)
    )


def test_a_directory_is_read_as_the_merged_one(root, merged, capsys):
    ours = image_dataset_from_directory(
        root, class_names=GROUPS, return_index=True, shuffle=False, **{**OPTIONS, "verbose": True}
    )
    assert capsys.readouterr().out == "Found 12 files belonging to 3 classes.\n"
    theirs = keras.utils.image_dataset_from_directory(
        merged, class_names=list(GROUPS), shuffle=False, **OPTIONS
    )
    assert ours.class_names == theirs.class_names == ["dog", "cat", "bird"]
    assert pixels_by_label(ours) == pixels_by_label(theirs)
    names = [Path(path).name for path in ours.file_paths]
    assert sorted(names) == sorted(Path(path).name for path in theirs.file_paths)
    # In the order of the dict, folder behind folder.
    assert names[:5] == ["dogs.0.png", "dogs.1.png", "dogs.2.png", "dogs.3.png", "puppies.0.png"]
    assert ours.class_weights() == pytest.approx({0: 12 / 15, 1: 12 / 15, 2: 12 / 6})


def test_a_stratified_split_and_balance_go_by_the_merged_class(root):
    training, validation = image_dataset_from_directory(
        root,
        class_names=GROUPS,
        label_mode="categorical",
        return_index=True,
        validation_split=0.4,
        subset="both",
        stratify=True,
        balance="oversample",
        **OPTIONS,
    )
    validated = np.array([labels.argmax() for labels in labels_by_name(validation).values()])
    # Two fifths of 5, of 5, and at least one of 2.
    assert np.bincount(validated).tolist() == [2, 2, 1]
    labels = np.concatenate([labels for _, labels, _ in training.as_numpy_iterator()])
    assert labels.sum(axis=0).tolist() == [3, 3, 3]


def test_a_column_is_read_as_the_directory(root):
    paths = sorted(path for path in root.rglob("*.png") if path.parent.name in CLASS_OF)
    frame = pd.DataFrame({"filename": paths, "class": [path.parent.name for path in paths]})
    dataset = image_dataset_from_dataframe(
        frame, class_names=GROUPS, return_index=True, shuffle=False, **OPTIONS
    )
    assert dataset.class_names == ["dog", "cat", "bird"]
    positions = {key: i for i, key in enumerate(GROUPS)}
    assert labels_by_name(dataset) == {
        path.name: positions[CLASS_OF[path.parent.name]] for path in paths
    }
    with pytest.raises(ValueError, match=r"`class_names` must name every class.*'bird'"):
        image_dataset_from_dataframe(
            frame, class_names={"cat": ["cats", "kittens"], "dog": ["dogs", "puppies"]}, **OPTIONS
        )


def test_two_merged_classes_are_binary(root):
    dataset = image_dataset_from_directory(
        root,
        class_names={"pet": ["cats", "dogs"], "fish": "fish"},
        label_mode="binary",
        shuffle=False,
        **OPTIONS,
    )
    labels = np.concatenate([labels for _, labels in dataset.as_numpy_iterator()])
    assert labels.ravel().tolist() == [0] * 7 + [1] * 2


def test_what_cannot_be_grouped_is_named(root):
    def read(class_names):
        return image_dataset_from_directory(root, class_names=class_names, **OPTIONS)

    with pytest.raises(ValueError, match="'cats' under 'a' and under 'b'"):
        read({"a": ["cats"], "b": ["dogs", "cats"]})
    with pytest.raises(ValueError, match=r"received \[\] for 'b'"):
        read({"a": ["cats"], "b": []})
    with pytest.raises(ValueError, match="it lacks 'lions'"):
        read({"a": ["cats", "lions"], "b": ["dogs"]})
