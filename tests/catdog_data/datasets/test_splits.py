"""Folds and a third part, as the datasets of a directory and of a data frame."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import save_picture

from catdog_data import (
    Augmentation,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)

FLOW = {"image_size": (5, 6), "batch_size": 4, "verbose": False, "return_index": True}
TURNED = Augmentation(rotation=90, horizontal_flip=True)
THREE = {"validation_split": 0.25, "test_split": 0.25, "subset": "all", "seed": 5}
SPLITS = {
    "fold": {"fold": (1, 3), "subset": "both"},
    "stratified fold": {"fold": (1, 3), "subset": "both", "stratify": True},
    "three": THREE,
    "stratified three": {**THREE, "stratify": True},
}


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Nine cats and four dogs, all of one size: what is read is what was saved."""
    root = tmp_path_factory.mktemp("pets")
    for label, count in (("cats", 9), ("dogs", 4)):
        for i in range(count):
            save_picture(root / label / f"{i}.png", (6, 5), 10 * count + i)
    return root


def read(root, **options):
    return image_dataset_from_directory(root, **{**FLOW, **options})


def frame_of(root):
    paths = sorted(Path(root).glob("*/*.png"))
    names = [path.relative_to(root).as_posix() for path in paths]
    return pd.DataFrame({"filename": names, "class": [name.split("/")[0] for name in names]})


def names_in(datasets):
    return [sorted(dataset.file_paths) for dataset in datasets]


def pixels_by_name(dataset):
    found = {}
    for images, _, index in dataset:
        for image, i in zip(images.numpy(), index.numpy(), strict=True):
            found[dataset.file_paths[int(i)]] = image
    assert len(found) == len(dataset.file_paths)
    return found


def order_of(dataset):
    return [int(i) for *_, index in dataset for i in index]


def assert_same(expected, got):
    assert got.file_paths == expected.file_paths
    assert got.split == expected.split
    for one, other in zip(expected, got, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(right, left)


@pytest.mark.parametrize("stratify", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_file_is_validated_in_one_fold(pets, stratify):
    k = 2
    everything = sorted(read(pets).file_paths)
    validated = []
    for i in range(k):
        both = read(pets, fold=(i, k), subset="both", stratify=stratify)
        assert [each.split for each in both] == ["training", "validation"]
        assert sorted(both[0].file_paths + both[1].file_paths) == everything
        for dataset in both:
            alone = read(pets, fold=(i, k), subset=dataset.split, stratify=stratify)
            assert sorted(alone.file_paths) == sorted(dataset.file_paths)
        validated += both[1].file_paths
    assert sorted(validated) == everything


@pytest.mark.parametrize("case", ["fold", pytest.param("stratified three", marks=pytest.mark.slow)])
def test_a_data_frame_is_split_as_its_directory(pets, case):
    options = {"seed": 5, "augmentation": TURNED, **SPLITS[case]}
    frame = frame_of(pets)
    got = image_dataset_from_dataframe(frame, pets, **FLOW, **options)
    for one, other in zip(read(pets, **options), got, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("case", ["fold", "stratified three"])
def test_rows_in_any_order_and_spelling_are_split_alike(pets, case):
    frame = frame_of(pets)
    expected = image_dataset_from_dataframe(frame, pets, **FLOW, **SPLITS[case])
    other = frame.sample(frac=1, random_state=3)
    other["filename"] = ["./" + name for name in other["filename"]]
    other["filename"] = [
        str(pets / name) if i % 2 else name for i, name in enumerate(other["filename"])
    ]
    got = image_dataset_from_dataframe(other, pets, **FLOW, **SPLITS[case])
    for one, same in zip(expected, got, strict=True):
        assert {Path(path) for path in one.file_paths} == {Path(path) for path in same.file_paths}


@pytest.mark.parametrize("case", ["fold", "stratified three"])
def test_all_rows_of_a_file_are_in_one_part(pets, case):
    frame = frame_of(pets)
    twice = pd.concat([frame, frame.iloc[::2], frame.assign(**{"class": "other"}).iloc[:3]])
    parts = image_dataset_from_dataframe(twice, pets, **FLOW, **SPLITS[case])
    assert sum(len(part.file_paths) for part in parts) == len(twice)
    sets = [set(part.file_paths) for part in parts]
    assert sum(map(len, sets)) == len(set().union(*sets)) == len(frame)


def test_a_test_is_neither_shuffled_nor_augmented(pets):
    options = {**THREE, "augmentation": TURNED, "augment_validation": True}
    plain = pixels_by_name(read(pets, shuffle=False))
    training, validation, test = read(pets, **options)
    assert [each.split for each in (training, validation, test)] == [
        *("training", "validation", "test")
    ]
    (alone, same) = read(pets, **{**options, "subset": "test"}), test
    assert_same(same, alone)
    for dataset in (test, alone):
        assert order_of(dataset) == order_of(dataset) == list(range(len(test.file_paths)))
        for name, image in pixels_by_name(dataset).items():
            np.testing.assert_array_equal(image, plain[name])
    changed = [
        not np.array_equal(image, plain[name]) for name, image in pixels_by_name(validation).items()
    ]
    assert any(changed), "validation is augmented where that is asked for"
    assert order_of(validation) == list(range(len(validation.file_paths)))
    assert order_of(training) != list(range(len(training.file_paths)))


def test_validation_is_that_of_the_split_in_two(pets):
    _, validation, _ = read(pets, **THREE)
    _, same = read(pets, validation_split=0.25, subset="both", seed=5)
    assert_same(same, validation)


@pytest.mark.parametrize("case", ["stratified fold", "three"])
def test_files_that_are_left_out_are_as_if_they_were_not_there(pets, tmp_path, case):
    root = tmp_path / "pets"
    shutil.copytree(pets, root)
    options = {"seed": 5, **SPLITS[case]}
    (root / "cats" / "broken.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="1 of 14 images cannot be read"):
        skipped = read(root, on_error="skip", cache="memory", **options)
    excluded = read(root, exclude=["cats/broken.png"], **options)
    for one, two, whole in zip(skipped, excluded, read(pets, **options), strict=True):
        assert_same(one, two)
        expected = [Path(path).relative_to(pets) for path in whole.file_paths]
        assert [Path(path).relative_to(root) for path in one.file_paths] == expected


@pytest.mark.slow
def test_folds_are_cached_sharded_and_resumed(pets, tmp_path):
    options = {"seed": 5, "batch_size": 2, **SPLITS["stratified fold"]}
    for plain, cached in zip(
        read(pets, **options), read(pets, cache=tmp_path, **options), strict=True
    ):
        whole, later = list(plain), list(cached.resume(0, 1))
        assert len(later) == len(whole) - 1
        for one, other in zip(whole[1:], later, strict=True):
            tf.nest.map_structure(np.testing.assert_array_equal, one, other)
    shards = [read(pets, shard=(i, 2), **options) for i in range(2)]
    for whole, *parts in zip(read(pets, **options), *shards, strict=True):
        seen = [i for part in parts for i in order_of(part)]
        assert sorted(seen) == sorted(order_of(whole))


def test_masks_follow_their_images_into_folds(pets, tmp_path):
    masks = tmp_path / "masks"
    for i, path in enumerate(sorted(pets.glob("*/*.png"))):
        mask = masks / path.relative_to(pets)
        mask.parent.mkdir(parents=True, exist_ok=True)
        tf.io.write_file(str(mask), tf.io.encode_png(tf.fill([5, 6, 1], tf.cast(i, tf.uint8))))
    names = [str(path) for path in sorted(pets.glob("*/*.png"))]
    for dataset in read(pets, fold=(0, 3), subset="both", masks=masks):
        for _, of_images, index in dataset:
            for mask, i in zip(of_images.numpy(), index.numpy(), strict=True):
                assert set(mask.ravel()) == {names.index(dataset.file_paths[int(i)])}


def test_what_was_found_names_the_test(pets, capsys):
    read(pets, **{**THREE, "verbose": True}, stratify=True)
    assert capsys.readouterr().out.splitlines() == [
        "Found 13 files belonging to 2 classes.",
        "Using 7 files for training.",
        "Using 3 files for validation.",
        "Using 3 files for test.",
    ]


def test_more_folds_than_files_are_refused(pets):
    with pytest.raises(ValueError, match=r"^`fold`: 14 folds need at least 14 files.* are 13"):
        read(pets, fold=(0, 14), subset="both")
