"""What the class folders of a data set are, by one rule for archives and training."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from keras.src.utils.dataset_utils import index_directory

from catdog_data import ImageDataGenerator, image_dataset_from_directory
from catdog_data.archives.find_folders import find_image_folders
from catdog_data.archives.unpack import unpack
from catdog_data.sources.class_folders import class_folders

PAIR = ("cats/1.jpg", "dogs/1.jpg")


def make(root: Path, *names: str) -> Path:
    """Make empty files; a name that ends in "/" is a folder."""
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(b"")
    return root


def below(prefix: str, *names: str) -> list[str]:
    return [f"{prefix}/{name}" for name in names or PAIR]


# Files; the training folder, the validation folder; what is left out.
LAYOUTS = {
    "images at any depth": (["cats/in/deep/1.JPG", "dogs/1.webp"], "", None, []),
    "a folder of other files": (
        [*PAIR, "labels/all.csv", "empty/"],
        "",
        None,
        ["'empty' (no images)", "'labels' (no images)"],
    ),
    "an underscore is no clutter": ([*PAIR, "_background/1.png"], "", None, []),
    "clutter holds no classes": (
        [*PAIR, "__MACOSX/cats/1.jpg", ".git/a/1.jpg", ".ipynb_checkpoints/1.jpg", "@eaDir/1.jpg"],
        "",
        None,
        [f"'{name}' (clutter)" for name in (".git", ".ipynb_checkpoints", "@eaDir", "__MACOSX")],
    ),
    "clutter within a folder is no image of it": (
        [*PAIR, "x/.ipynb_checkpoints/1.jpg", "x/__MACOSX/._1.jpg", "x/._2.jpg", "x/.DS_Store"],
        "",
        None,
        ["'x' (no images)"],
    ),
    "the one folder with images": (
        [*below("images"), "annotations/xmls/1.xml", "readme.txt"],
        "images",
        None,
        ["'annotations' (no images)"],
    ),
    "a flat test": (
        [*below("train"), "test/1.jpg", "sample.csv"],
        "train",
        None,
        ["'test' (images of no class)"],
    ),
    "a flat test in its namesake": (
        [*below("train/train"), "test1/test1/1.jpg"],
        "train/train",
        None,
        ["'test1' (images of no class)"],
    ),
    "an unlabelled test in a folder": (
        [*below("train"), "test/images/1.jpg"],
        "train",
        None,
        ["'test' (images of no class)"],
    ),
    "a flat test beside a validation folder": (
        [*below("train"), *below("val"), "test/1.jpg"],
        "train",
        "val",
        ["'test' (beside 'train')"],
    ),
    "a flat validation beside a test folder": (
        [*below("train"), "val/1.jpg", *below("test")],
        "train",
        "test",
        ["'val' (images of no class)"],
    ),
    "an empty test": ([*below("train"), "test/"], "train", None, ["'test' (no images)"]),
    "folders beside and within the parts": (
        [*below("train"), "train/x/1.txt", *below("test"), "test/y/1.txt", "more/1.jpg", "doc/"],
        "train",
        "test",
        [
            "'doc' (no images)",
            "'more' (beside 'train')",
            "'train/x' (no images)",
            "'test/y' (no images)",
        ],
    ),
    "a class called train": (["train/1.jpg", "bus/1.jpg", "car/1.jpg"], "", None, []),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_folders_and_archives_have_one_rule(tmp_path, capsys, case):
    names, train, validation, left_out = LAYOUTS[case]
    root = make(tmp_path / "tree", *names)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root))
    for out in (root, tmp_path / "out"):
        folders = find_image_folders(out) if out == root else unpack(tmp_path / "set.zip", out)
        assert folders.train == out / train
        assert folders.validation == (None if validation is None else out / validation)
        assert folders.class_names == class_folders(folders.train).names
        assert folders.left_out == tuple(left_out)
        said = f"Left out in {str(out)!r}: {', '.join(left_out)}.\n" if left_out else ""
        assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("names", "error", "words"),
    [
        (["train/1.jpg", "test/1.jpg"], ValueError, "at least two class folders"),
        ([*below("val"), *below("test")], ValueError, "at least two class folders"),
        (["a/1.txt", "b/1.csv", ".git/1.jpg"], FileNotFoundError, "hold class folders of images"),
        ([*below("train"), "val/cats/1.jpg", "val/fish/1.jpg"], ValueError, "same class folders"),
        ([*below("train"), *below("val", "Cats/1.jpg", "Dogs/1.jpg")], ValueError, "'Cats'"),
        (["cats/1.tif", "dogs/1.tif"], FileNotFoundError, r"\(\.jpg\)"),
    ],
)
def test_what_fits_nothing_is_refused(tmp_path, names, error, words):
    with pytest.raises(error, match=words):
        find_image_folders(make(tmp_path, *names), endings=(".jpg",))


def test_a_validation_folder_that_lacks_a_class_warns_and_keeps_the_numbers(tmp_path):
    make(tmp_path, *below("train", *PAIR, "birds/1.jpg"), "val/dogs/1.jpg", "val/cats/")
    with pytest.warns(UserWarning, match=r"val' has no images of 'birds', 'cats', classes of"):
        folders = find_image_folders(tmp_path)
    assert folders.validation == tmp_path / "val"
    assert folders.class_names == ("birds", "cats", "dogs")
    assert folders.missing == ("birds", "cats")
    # As the warning says: with empty folders both faces number as in training.
    (tmp_path / "val" / "birds").mkdir()
    flow = ImageDataGenerator().flow_from_directory(tmp_path / "val", classes=folders.class_names)
    assert flow.classes.tolist() == [2]


def test_nothing_is_said_where_nothing_is_left_out(tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_image_folders(make(tmp_path, *below("train"), *below("val")))
    assert capsys.readouterr().out == ""


def test_a_link_may_be_a_class_but_links_in_it_are_not_entered(tmp_path):
    elsewhere = make(tmp_path / "elsewhere", "1.jpg")
    root = make(tmp_path / "tree", "cats/1.jpg", "birds/")
    (root / "dogs").symlink_to(elsewhere)
    (root / "birds" / "link").symlink_to(elsewhere)
    assert find_image_folders(root).class_names == ("cats", "dogs")


def test_both_faces_number_folders_as_keras_and_report_those_without_images(tmp_path, capsys):
    make(tmp_path, *PAIR, "annotations/1.xml", "zoo/")
    theirs = KerasGenerator().flow_from_directory(str(tmp_path))
    ours = ImageDataGenerator().flow_from_directory(str(tmp_path))
    assert ours.class_indices == theirs.class_indices
    assert ours.classes.tolist() == theirs.classes.tolist() == [1, 2]
    said = "Class folders without images: 'annotations', 'zoo'.\n"
    assert capsys.readouterr().out.endswith(said)
    names = index_directory(tmp_path, "inferred", (".jpg",), verbose=False)[2]
    split = {"validation_split": 0.5, "subset": "both", "seed": 1}
    both = image_dataset_from_directory(tmp_path, **split)
    assert [dataset.class_names for dataset in both] == [names, names]
    assert capsys.readouterr().out == (
        "Found 2 files belonging to 4 classes.\nUsing 1 files for training.\n"
        f"Using 1 files for validation.\n{said}"
    )


def test_nothing_is_reported_where_folders_are_no_classes(tmp_path, capsys):
    make(tmp_path, *PAIR, "zoo/")
    image_dataset_from_directory(tmp_path, labels=[7, 3], shuffle=False)
    image_dataset_from_directory(tmp_path, labels=None)
    image_dataset_from_directory(tmp_path, verbose=False)
    assert "without images" not in capsys.readouterr().out
