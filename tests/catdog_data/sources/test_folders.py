from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import save_picture
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from catdog_data import ImageIndex, index_class_folders


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nested folders whose order depends on the separator, odd names, links and strays."""
    root = tmp_path_factory.mktemp("awkward")
    for name in (
        "b/z.jpg",
        "b/A.PNG",
        "b/sub/1.jpg",
        "b/sub-1/2.jpg",
        "b/sub/deep/3.jpeg",
        "b/.hidden.jpg",
        "B/ünïcode kitty.bmp",
        "a/10.jpg",
        "a/9.jpg",
        "a/notes.txt",
        "a/no_ending",
        "empty/.keep",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    save_picture(elsewhere / "linked.jpg", (4, 4), 0)
    (root / "a" / "link").symlink_to(elsewhere)
    return root


@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.parametrize("classes", [None, ["b", "a"], ["."]])
@pytest.mark.parametrize(("split", "subset"), [(0, None), (0.4, "training"), (0.4, "validation")])
def test_lists_what_keras_lists(awkward, follow_links, classes, split, subset):
    reference = KerasGenerator(validation_split=split).flow_from_directory(
        str(awkward), classes=classes, subset=subset, follow_links=follow_links
    )
    index = index_class_folders(str(awkward), classes, follow_links=follow_links)
    if subset:
        index = index.class_fraction(*reference.split)
    assert list(index.filenames) == reference.filenames
    np.testing.assert_array_equal(index.labels, reference.classes)
    assert dict(zip(index.class_names, range(9), strict=False)) == reference.class_indices


def test_counts_what_it_passes_over(awkward):
    assert dict(index_class_folders(awkward).ignored) == {".txt": 1, "": 2}


def test_splits_are_disjoint_and_complete(awkward):
    index = index_class_folders(awkward)
    first, rest = index.class_fraction(0, 0.3), index.class_fraction(0.3, 1)
    assert not set(first.filenames) & set(rest.filenames)
    assert set(first.filenames) | set(rest.filenames) == set(index.filenames)


def test_nested_class_names(awkward):
    index = index_class_folders(awkward, ["b/sub", "a"])
    assert index.filenames[0] == "b/sub/1.jpg"
    assert index.class_names == ("b/sub", "a")


def test_missing_directory_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        index_class_folders(tmp_path / "nowhere")


def test_a_file_is_not_a_directory(tmp_path):
    (tmp_path / "cats.zip").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match=r"cats\.zip.*unpack"):
        index_class_folders(tmp_path / "cats.zip")


def test_directory_without_class_folders(tmp_path):
    with pytest.raises(ValueError, match="one folder of images per class"):
        index_class_folders(tmp_path)


def test_directory_without_images_names_what_it_holds(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "a.webp").write_bytes(b"")
    with pytest.raises(ValueError, match=r"No images found.*\.webp"):
        index_class_folders(tmp_path)


def test_unknown_class_is_named(photos):
    with pytest.raises(FileNotFoundError, match=r"'birds'.*It holds: 'cats', 'dogs'"):
        index_class_folders(photos, ["cats", "birds"])


def test_index_checks_its_columns():
    with pytest.raises(ValueError, match="one length"):
        ImageIndex("", ("a",), np.zeros(2, np.int32), ("x",))
    with pytest.raises(ValueError, match="positions in the 1 class names"):
        ImageIndex("", ("a",), np.ones(1, np.int32), ("x",))
    index = ImageIndex("", ("a",), np.zeros(1, np.int32), ("x",))
    with pytest.raises(ValueError, match="read-only"):
        index.labels[0] = 1
    with pytest.raises(ValueError, match=r"start=0\.7"):
        index.class_fraction(0.7, 0.2)
