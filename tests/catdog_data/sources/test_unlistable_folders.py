"""A folder that cannot be listed is an error that names it, wherever folders are read."""

from __future__ import annotations

import errno
import os

import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from keras.src.utils.dataset_utils import index_directory

from catdog_data import index_class_folders
from catdog_data.archives.find_folders import find_image_folders
from catdog_data.sources.list_files import list_labelled_files
from catdog_data.sources.masks import masks_beside
from catdog_data.sources.walk import is_folder, walk
from catdog_models.evaluation.predict import Failure, _files_in


@pytest.fixture
def tree(tmp_path):
    for name in ("a/1.jpg", "a/sub/2.jpg", "b/3.jpg", "c/4.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.fixture
def lock(monkeypatch):
    """Make a folder one that cannot be listed, for the superuser too."""
    locked, scandir = set(), os.scandir

    def guarded(path="."):
        if os.path.normpath(path) in locked:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    return lambda path: locked.add(os.path.normpath(path))


READERS = {
    "adapter": index_class_folders,
    "tf.data": list_labelled_files,
    "tf.data, no labels": lambda root: list_labelled_files(root, labels=None),
    "archive": find_image_folders,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("folder", ["", "a", "a/sub"])
def test_a_folder_that_cannot_be_listed_is_named(tree, lock, reader, folder):
    if (reader, folder) == ("archive", "a/sub"):
        (tree / "a" / "1.jpg").unlink()  # else the class is known before
    lock(tree / folder)
    with pytest.raises(PermissionError, match="its files are missed: Permission denied") as found:
        READERS[reader](tree)
    assert os.path.normpath(found.value.filename) == str(tree / folder)


@pytest.mark.parametrize("folder", ["a", "a/sub"])
def test_keras_leaves_its_images_out_in_silence(tree, lock, folder):
    lock(tree / folder)
    left = {"a": 2, "a/sub": 3}[folder]
    assert KerasGenerator().flow_from_directory(str(tree)).samples == left
    assert len(index_directory(str(tree), "inferred", (".jpg",), verbose=False)[0]) == left


def test_a_folder_of_masks_that_cannot_be_listed_is_named(tree, lock):
    images = list_labelled_files(tree, labels=None, shuffle=False).file_paths
    assert len(masks_beside(images, tree, tree)) == 4
    lock(tree / "a" / "sub")
    with pytest.raises(PermissionError, match=r"a/sub"):
        masks_beside(images, tree, tree)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        masks_beside(images, tree, tree / "nowhere")


def test_a_folder_of_images_to_predict_that_cannot_be_listed_is_a_failure(tree, lock):
    lock(tree / "a" / "sub")
    failure, *files = _files_in([tree])
    assert isinstance(failure, Failure)
    assert failure.path == tree / "a" / "sub"
    assert failure.reason == f"{str(failure.path)!r} cannot be listed: Permission denied."
    assert files == [tree / "a" / "1.jpg", tree / "b" / "3.jpg", tree / "c" / "4.jpg"]


class Entry:
    """A link whose end cannot be looked at."""

    name, path = "cats", "data/cats"

    def __init__(self, number):
        self.error = OSError(number, os.strerror(number), self.path)

    def is_dir(self):
        raise self.error

    def is_symlink(self):
        return True


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_link_whose_end_cannot_be_looked_at_is_named_if_it_would_be_entered(number):
    with pytest.raises(OSError, match="data/cats") as found:
        is_folder(Entry(number))
    assert found.value.errno == number
    assert not is_folder(Entry(number), follow_links=False)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG])
def test_a_link_that_leads_nowhere_is_no_folder(number):
    assert not is_folder(Entry(number))


def test_links_that_lead_to_themselves_beside_the_classes_are_passed_over(tree):
    (tree / "loop").symlink_to(tree / "loop")
    (tree / "nowhere").symlink_to(tree / "missing")
    assert len(index_class_folders(tree)) == len(list_labelled_files(tree)) == 4


@pytest.mark.parametrize("follow_links", [False, True])
def test_a_walk_finds_what_os_walk_finds(tree, follow_links):
    (tree / "a" / "link").symlink_to(tree / "b")
    (tree / "b" / "link.jpg").symlink_to(tree / "c" / "4.jpg")
    (tree / "b" / "up").symlink_to(tree / "b")
    expected = {
        (os.path.relpath(place, tree).removeprefix("."), *sorted(names))
        for place, _, names in os.walk(tree, followlinks=follow_links)
    }
    walked = list(walk(str(tree), follow_links=follow_links))
    assert {(below, *sorted(names)) for below, names, _ in walked} == expected
    assert not any(special for _, _, special in walked)
