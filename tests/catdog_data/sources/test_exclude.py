"""`exclude=` at every reader: as if the files were not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import save_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog_data import (
    ImageDataGenerator,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
    index_class_folders,
)
from catdog_data.sources.exclude import lines_of, names_in, rows_kept

EXCLUDED = ["cats/1.png", "dogs/old/3.png"]
SMALL = {"image_size": (4, 5), "batch_size": 4, "seed": 3, "verbose": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    for i in range(5):
        save_picture(root / "cats" / f"{i}.png", (9, 8), i)
        save_picture(root / "dogs" / "old" / f"{i}.png", (9, 8), 10 + i)
    return root


@pytest.fixture(scope="module")
def without(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("without") / "copy"
    shutil.copytree(folder, root)
    for name in EXCLUDED:
        (root / name).unlink()
    return root


@pytest.fixture(
    params=["names", "list", "bytes", "absolute", "spelt otherwise"], ids=lambda each: each
)
def exclude(request, folder, tmp_path):
    if request.param == "list":
        path = tmp_path / "bad.txt"
        path.write_bytes(b"# two files\r\n\n" + lines_of(EXCLUDED))
        return path
    return {
        "names": EXCLUDED,
        "bytes": {os.fsencode(name) for name in EXCLUDED},
        "absolute": [*(folder / name for name in EXCLUDED), "/elsewhere/cats/2.png"],
        "spelt otherwise": ["./cats//1.png", "cats/../dogs/old/3.png"],
    }[request.param]


def below(paths, root):
    return [os.path.relpath(path, root) for path in paths]


def test_datasets(folder, without, exclude):
    options = {**SMALL, "validation_split": 0.3, "subset": "both"}
    got = image_dataset_from_directory(folder, exclude=exclude, **options)
    expected = image_dataset_from_directory(without, **options)
    for one, other in zip(got, expected, strict=True):
        assert below(one.file_paths, folder) == below(other.file_paths, without)
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left[0], right[0])
            np.testing.assert_array_equal(left[1], right[1])


def test_generators(folder, without, exclude):
    options = {"target_size": (4, 5), "seed": 1, "subset": "training", "batch_size": 4}
    generator = ImageDataGenerator(rotation_range=30, validation_split=0.3)
    got = generator.flow_from_directory(folder, exclude=exclude, **options)
    expected = generator.flow_from_directory(without, **options)
    assert got.filenames == expected.filenames
    for one, other in zip(next(got), next(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    assert index_class_folders(folder, exclude=exclude).filenames == (
        index_class_folders(without).filenames
    )


def test_data_frames(folder, exclude):
    names = [f"cats/{i}.png" for i in range(5)] + [f"dogs/old/{i}.png" for i in range(5)]
    frame = pd.DataFrame({"filename": names, "class": [name[0] for name in names]})
    rest = frame[~frame["filename"].isin(EXCLUDED)]
    got = image_dataset_from_dataframe(frame, folder, exclude=exclude, **SMALL)
    expected = image_dataset_from_dataframe(rest, folder, **SMALL)
    assert got.file_paths == expected.file_paths
    assert [labels.numpy().tolist() for _, labels in got] == (
        [labels.numpy().tolist() for _, labels in expected]
    )
    flows = [
        ImageDataGenerator().flow_from_dataframe(each, folder, target_size=(4, 5), seed=1, **more)
        for each, more in ((frame, {"exclude": exclude}), (rest, {}))
    ]
    assert flows[0].filenames == flows[1].filenames
    assert len(frame) == 10
    for one, other in zip(next(flows[0]), next(flows[1]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_list_of_labels_has_theirs_too(folder):
    options = {"shuffle": False, "image_size": 4, "verbose": False}
    dataset = image_dataset_from_directory(
        folder, labels=list(range(10)), exclude=EXCLUDED, **options
    )
    assert [label for _, labels in dataset for label in labels.numpy().tolist()] == (
        [0, 2, 3, 4, 5, 6, 7, 9]
    )


def test_statistics_of_a_folder(folder, without):
    fitted = []
    for root, more in ((folder, {"exclude": EXCLUDED}), (without, {})):
        generator = ImageDataGenerator(featurewise_center=True)
        generator.fit_directory(root, target_size=(4, 5), **more)
        fitted.append(generator.mean)
    np.testing.assert_array_equal(*fitted)


def test_names_that_are_no_files(folder, tmp_path):
    with pytest.warns(UserWarning, match=r"2 of 3 names are no files.*'cats', 'cats/9\.png'"):
        index_class_folders(folder, exclude=["cats/1.png", "cats/9.png", "cats"])
    with pytest.raises(ValueError, match=r"of its 2 names .* none is: '1\.png', '2\.png'"):
        index_class_folders(folder, exclude=["1.png", "2.png"])
    with pytest.raises(ValueError, match="must leave an image; it names all 10"):
        names = index_class_folders(folder).filenames
        image_dataset_from_directory(folder, exclude=names, **SMALL)
    with pytest.raises(FileNotFoundError, match="Give a single name as a list"):
        index_class_folders(folder, exclude="cats/9.png")
    with pytest.raises(ValueError, match="names of files; received 3"):
        index_class_folders(folder, exclude=3)
    with pytest.raises(ValueError, match="names of files; received None, 4"):
        index_class_folders(folder, exclude=["cats/1.png", None, 4])
    (tmp_path / "bad.txt").write_text('cats/1.png\n"cats\n')
    with pytest.raises(ValueError, match=r"line 2 of .*bad\.txt.* JSON string"):
        index_class_folders(folder, exclude=tmp_path / "bad.txt")


@pytest.mark.filterwarnings("error")
def test_what_says_nothing(folder, tmp_path):
    """An empty list, names elsewhere, and a file that is there and is no image."""
    (tmp_path / "none.txt").write_text("# nothing found\n")
    (folder / "cats" / "notes.txt").touch()
    for exclude in ([], tmp_path / "none.txt", ["/elsewhere/1.png"], ["cats/notes.txt"]):
        assert len(index_class_folders(folder, exclude=exclude)) == 10


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1).filter(lambda name: b"\0" not in name)))
def test_lists_of_any_names_can_be_read_again(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("list") / "bad.txt"
    path.write_bytes(lines_of(map(os.fsdecode, names)))
    assert list(map(os.fsencode, names_in(path))) == names


def test_files_in_the_root_of_a_file_system():
    assert rows_kept(["/1.png", "/2.png"], ["1.png"], Path("/")) == [1]
