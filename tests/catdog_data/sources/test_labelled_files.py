from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.utils.dataset_utils import get_training_or_validation_split, index_directory
from keras.src.utils.image_dataset_utils import ALLOWLIST_FORMATS

from catdog_data.sources import hash_order
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.list_files import KERAS_DATASET_EXTENSIONS, list_labelled_files
from catdog_data.sources.split import split_files, split_files_stratified
from catdog_data.sources.split_arguments import check_split

ORDERS = [
    {"shuffle": False},
    {"seed": 0},
    {"seed": 1},
    {"seed": 2**32 - 1},
    {"shuffle": True, "seed": 77},
]


def make(root: Path, *names: str) -> Path:
    """Make empty files, which the listing never opens; a name that ends in "/" is a folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders whose order depends on the separator, hidden ones, odd names, links, strays."""
    root = make(
        tmp_path_factory.mktemp("awkward"),
        "b/z.jpg",
        "b/A.PNG",
        "b/sub/1.jpg",
        "b/sub-1/2.jpg",
        "b/sub/deep/3.jpeg",
        "b/.hidden.jpg",
        "b/.jpg",
        "b/.secret/4.gif",
        "B/ünïcode kitty.bmp",
        "B/e\u0301.jpg",
        "B/\u00e9.jpg",
        "B/猫.JPeG",
        "a/10.jpg",
        "a/9.jpg",
        "a/notes.txt",
        "a/scan.tiff",
        "a/picture.ppm",
        "a/no_ending",
        "a/folder.png/inside.png",
        "a-b/x.jpg",
        ".checkpoints/copy.jpg",
        "empty/.keep",
        "flat.jpg",
    )
    elsewhere = make(tmp_path_factory.mktemp("elsewhere"), "linked.jpg", "deep/linked.jpg")
    (root / "a" / "link").symlink_to(elsewhere)
    (root / "b" / "file.jpg").symlink_to(elsewhere / "linked.jpg")
    (root / "b" / "dangling.jpg").symlink_to(elsewhere / "nowhere.jpg")
    (root / "b" / "itself.jpg").symlink_to(root / "b" / "itself.jpg")
    (root / "linked class").symlink_to(elsewhere)
    (root / "no class").symlink_to(elsewhere / "nowhere")
    return root


def assert_same(files, reference):
    paths, labels, class_names = reference
    assert list(files.file_paths) == paths
    assert (files.class_names is None) == (class_names is None)
    assert class_names is None or list(files.class_names) == list(class_names)
    assert (files.labels is None) == (labels is None)
    if labels is not None:
        assert files.labels.dtype == np.int32
        assert files.labels.tolist() == list(labels)


def keras_lists(directory, labels="inferred", **options):
    return index_directory(
        directory,
        # Keras shuffles the list that it is given.
        list(labels) if isinstance(labels, list) else labels,
        formats=ALLOWLIST_FORMATS,
        verbose=False,
        **options,
    )


def keras_splits(files, validation_split, subset):
    """Split by Keras' function, the class names passed along."""
    paths, labels = get_training_or_validation_split(
        list(files.file_paths), files.labels, validation_split, subset
    )
    return paths, labels, files.class_names


def test_the_endings_are_those_of_keras():
    assert KERAS_DATASET_EXTENSIONS == ALLOWLIST_FORMATS


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("follow_links", [False, True])
@pytest.mark.parametrize("class_names", [None, ["b", "a"], ("linked class", "empty", "B"), ["a"]])
def test_lists_what_keras_lists(awkward, order, follow_links, class_names):
    options = {"class_names": class_names, "follow_links": follow_links, **order}
    assert_same(list_labelled_files(str(awkward), **options), keras_lists(str(awkward), **options))


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("follow_links", [False, True])
def test_without_labels_every_file_is_listed(awkward, order, follow_links):
    options = {"labels": None, "follow_links": follow_links, **order}
    files = list_labelled_files(awkward, **options)
    assert_same(files, keras_lists(awkward, **options))
    assert str(awkward / "flat.jpg") in files.file_paths
    assert str(awkward / ".checkpoints/copy.jpg") in files.file_paths


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_list_of_labels(awkward, order):
    count = len(list_labelled_files(awkward, labels=None))
    labels = [(7 * i) % 11 - 3 for i in range(count)]
    given = list(labels)
    files = list_labelled_files(awkward, labels=given, **order)
    assert_same(files, keras_lists(awkward, labels, **order))
    assert given == labels
    assert files.class_names == ("-3", "-2", "-1", "0", "1", "2", "3", "4", "5", "6", "7")


def test_a_tuple_of_labels_is_shuffled_as_a_list_is(tmp_path):
    make(tmp_path, "a.jpg", "b.jpg", "c/d.jpg")
    # Keras fails on a tuple unless shuffle=False.
    with pytest.raises(TypeError):
        keras_lists(tmp_path, (3, 12, 3), seed=5)
    assert_same(
        list_labelled_files(tmp_path, labels=(3, 12, 3), seed=5),
        keras_lists(tmp_path, [3, 12, 3], seed=5),
    )
    assert_same(
        list_labelled_files(tmp_path, labels=(3, 12, 3), shuffle=False),
        keras_lists(tmp_path, (3, 12, 3), shuffle=False),
    )


@pytest.mark.parametrize("labels", [[np.int64(4), np.uint8(1)], [True, False], [2, 2]])
def test_labels_of_other_integer_types(tmp_path, labels):
    make(tmp_path, "a.jpg", "b.jpg")
    assert_same(
        list_labelled_files(tmp_path, labels=labels, seed=3), keras_lists(tmp_path, labels, seed=3)
    )


def test_without_a_seed_numpys_stream_is_drawn_from_as_by_keras(awkward):
    np.random.seed(9)
    reference, behind = keras_lists(awkward), np.random.randint(1e6)
    np.random.seed(9)
    assert_same(list_labelled_files(awkward), reference)
    assert np.random.randint(1e6) == behind
    assert reference[0] != keras_lists(awkward, shuffle=False)[0]


def test_without_a_shuffle_numpys_stream_is_left_alone(awkward):
    np.random.seed(9)
    list_labelled_files(awkward, shuffle=False)
    assert np.random.randint(1e6) == np.random.RandomState(9).randint(1e6)


@pytest.mark.parametrize("end", ["", "/", "/.", "/a/..", "//"])
@pytest.mark.parametrize("labels", ["inferred", None])
def test_paths_are_joined_as_by_keras(awkward, end, labels):
    options = {"labels": labels, "shuffle": False}
    directory = f"{awkward}{end}"
    assert_same(list_labelled_files(directory, **options), keras_lists(directory, **options))


@pytest.mark.parametrize("directory", [".", "./", "b/.."])
@pytest.mark.parametrize("labels", ["inferred", None])
def test_relative_directories(awkward, monkeypatch, directory, labels):
    monkeypatch.chdir(awkward)
    files = list_labelled_files(directory, labels=labels, seed=4)
    assert_same(files, keras_lists(directory, labels, seed=4))


def test_links_that_lead_in_circles(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    for follow_links in (False, True):
        options = {"follow_links": follow_links, "shuffle": False}
        files = list_labelled_files(tmp_path, **options)
        assert_same(files, keras_lists(tmp_path, **options))
    assert len(files) > 3


def test_hidden_folders_are_no_classes_but_hidden_files_are_images(tmp_path):
    make(tmp_path, ".git/1.jpg", "cats/.2.jpg", "cats/.thumbs/3.jpg", "dogs/")
    files = list_labelled_files(tmp_path, shuffle=False)
    assert [Path(path).name for path in files.file_paths] == [".2.jpg", "3.jpg"]
    assert files.class_names == ("cats", "dogs")


def test_a_class_named_twice_is_listed_twice(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    options = {"class_names": ["a", "b", "a"], "shuffle": False}
    files = list_labelled_files(tmp_path, **options)
    assert_same(files, keras_lists(tmp_path, **options))
    assert files.labels.tolist() == [2, 1, 2]


def test_other_extensions(tmp_path):
    make(tmp_path, "a/1.jpg", "a/2.TIFF", "a/3.webp")
    files = list_labelled_files(tmp_path, extensions=(".tiff", ".webp"), shuffle=False)
    assert [Path(path).name for path in files.file_paths] == ["2.TIFF", "3.webp"]


NAMES = st.one_of(
    st.text("abAB01 .-_é猫", min_size=1, max_size=4),
    st.sampled_from(["cats", "dogs", ".git", "x.jpg", "sub", "sub-1"]),
).filter(lambda name: name not in (".", ".."))
ENDINGS = st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".Gif", ".bmp", ".tif", ".txt", ""])
FILES = st.tuples(st.lists(NAMES, max_size=3), NAMES, ENDINGS)


def grow(root: Path, tree: list[tuple[list[str], str, str]]) -> None:
    """Make the files of a tree, but for those below what is a file already, or the reverse."""
    for folders, name, ending in tree:
        try:
            make(root, "/".join([*folders, name + ending]))
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            continue


@settings(max_examples=120, deadline=None)
@given(
    tree=st.lists(FILES, max_size=25),
    inferred=st.booleans(),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    random=st.randoms(use_true_random=False),
)
def test_random_trees(tree, inferred, shuffle, seed, random):
    with tempfile.TemporaryDirectory() as folder:
        grow(Path(folder), tree)
        options = {"shuffle": shuffle, "seed": seed}
        if not inferred:
            options["labels"] = None
        else:
            everything = keras_lists(folder)[2]
            some = random.sample(everything, random.randint(0, len(everything)))
            options["class_names"] = random.choice([None, some])
        reference = keras_lists(folder, **options)
        if reference[0]:
            assert_same(list_labelled_files(folder, **options), reference)
        else:
            with pytest.raises(ValueError, match="`directory` must hold"):
                list_labelled_files(folder, **options)


@settings(max_examples=200, deadline=None)
@given(
    count=st.integers(0, 60),
    split=st.floats(0, 1, exclude_min=True, exclude_max=True),
    labelled=st.booleans(),
)
def test_splits_are_those_of_keras(count, split, labelled):
    files = numbered(count, labelled)
    if int(split * count) == 0:
        for subset in ("training", "validation", "both"):
            with pytest.raises(ValueError, match=r"^`validation_split` must leave a file"):
                split_files(files, split, subset)
        return
    training, validation = split_files(files, split, "both")
    for part, subset in ((training, "training"), (validation, "validation")):
        assert_same(part, keras_splits(files, split, subset))
        (alone,) = split_files(files, split, subset)
        assert_same(alone, keras_splits(files, split, subset))
    assert training.file_paths + validation.file_paths == files.file_paths


def test_a_fraction_of_less_than_one_file_is_refused_where_keras_validates_on_all():
    files = numbered(4, True)
    assert keras_splits(files, 0.2, "validation")[0] == list(files.file_paths)
    assert keras_splits(files, 0.2, "training")[0] == []
    with pytest.raises(ValueError, match=r"0\.2 for 4 files: 4 for training, 0 for validation"):
        split_files(files, 0.2, "validation")


@pytest.mark.parametrize("subset", ["training", "validation", "both"])
@pytest.mark.parametrize("order", [{"shuffle": False}, {"seed": 3}], ids=str)
def test_the_whole_way_as_keras_goes_it(photos, order, subset):
    options = {"validation_split": 0.3, "subset": subset}
    reference = keras.utils.image_dataset_from_directory(
        photos, batch_size=None, verbose=False, **order, **options
    )
    ours = split_files(list_labelled_files(photos, **order), **options)
    references = reference if subset == "both" else [reference]
    for part, dataset in zip(ours, references, strict=True):
        assert list(part.file_paths) == dataset.file_paths
        assert list(part.class_names) == dataset.class_names


def test_the_labels_are_those_of_keras_dataset(photos):
    dataset = keras.utils.image_dataset_from_directory(
        photos, batch_size=None, verbose=False, shuffle=False, image_size=(2, 2)
    )
    labels = list_labelled_files(photos, shuffle=False).labels
    assert [int(label) for _, label in dataset] == labels.tolist()
    assert set(labels.tolist()) == {0, 1}


@pytest.mark.parametrize("split", [split_files, split_files_stratified])
@pytest.mark.parametrize("fraction", [None, 0, 0.0])
def test_without_a_split_all_files_are_kept(split, fraction):
    files = numbered(5, True)
    more = {"root": "data"} if split is split_files_stratified else {}
    assert split(files, fraction, None, **more) == [files]


def numbered(count: int, labelled: bool) -> LabelledFiles:
    paths = tuple(f"data/{'cats' if i % 2 else 'dogs'}/{i}.jpg" for i in range(count))
    if not labelled:
        return LabelledFiles(paths, None, None)
    return LabelledFiles(paths, np.arange(count, dtype=np.int32) % 2, ("dogs", "cats"))


def sides(files: LabelledFiles, fraction: float, root: str = "data") -> dict[str, str]:
    training, validation = split_files_stratified(files, fraction, "both", root=root)
    found = dict.fromkeys(training.file_paths, "training")
    found.update(dict.fromkeys(validation.file_paths, "validation"))
    assert len(found) == len(training) + len(validation)
    return found


FRACTIONS = st.floats(0, 1, exclude_min=True, exclude_max=True)
# Class, folder within it and number of a file: a few files of few classes, some of one.
FILES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x/"]), st.integers(0, 40)),
    min_size=2,
    max_size=40,
    unique=True,
)


def of_classes(names: list[tuple[str, str, int]], labelled: bool = True) -> LabelledFiles:
    paths = tuple(f"data/{name}/{folder}{number}.jpg" for name, folder, number in names)
    labels = np.array(["abc".index(name) for name, _, _ in names], np.int32)
    return LabelledFiles(paths, labels if labelled else None, tuple("abc") if labelled else None)


def held_back(files: LabelledFiles, fraction: float) -> set[str]:
    """Split; none are held back where every class has one file, which is refused."""
    counts = [len(files)] if files.labels is None else np.bincount(files.labels)
    if max(counts) < 2:
        with pytest.raises(ValueError, match="must leave a file in each part"):
            split_files_stratified(files, fraction, "both", root="data")
        return set()
    return {path for path, side in sides(files, fraction).items() if side == "validation"}


@settings(max_examples=100, deadline=None)
@given(names=FILES, fraction=FRACTIONS, labelled=st.booleans())
def test_stratified_keeps_the_fraction_within_one_file_in_every_class(names, fraction, labelled):
    files = of_classes(names, labelled)
    validation = held_back(files, fraction)
    for prefix in ("data/a/", "data/b/", "data/c/") if labelled else ("data/",):
        members = [path for path in files.file_paths if path.startswith(prefix)]
        count = sum(path in validation for path in members)
        assert abs(count - fraction * len(members)) <= 1
        if len(members) >= 2:
            assert 1 <= count < len(members)


@settings(max_examples=200, deadline=None)
@given(names=FILES, fraction=FRACTIONS, labelled=st.booleans(), data=st.data())
def test_a_file_that_is_added_moves_at_most_one_of_its_class(names, fraction, labelled, data):
    many = of_classes(names, labelled)
    added = data.draw(st.integers(0, len(names) - 1))
    few = many.take([row for row in range(len(names)) if row != added])
    path = many.file_paths[added]
    before, after = held_back(few, fraction), held_back(many, fraction)
    moved = before.symmetric_difference(after) - {path}
    assert len(moved) <= 1
    if labelled:
        assert all(other[: len("data/a/")] == path[: len("data/a/")] for other in moved)


@settings(max_examples=60, deadline=None)
@given(names=FILES, fraction=FRACTIONS, seed=st.integers(0, 2**32 - 1))
def test_stratified_parts_do_not_depend_on_the_order_of_the_files(names, fraction, seed):
    files = of_classes(names)
    shuffled = files.take(np.random.RandomState(seed).permutation(len(files)))
    assert held_back(files, fraction) == held_back(shuffled, fraction)


def test_few_of_the_files_of_a_class_that_grows_change_sides():
    """Of n files as many as a binomial number is off its mean: at most four deviations."""
    few, many = numbered(1000, False), numbered(20_000, False)
    before = set(split_files_stratified(few, 0.2, "validation", root="data")[0].file_paths)
    after = set(split_files_stratified(many, 0.2, "validation", root="data")[0].file_paths)
    moved = before.symmetric_difference(after & set(few.file_paths))
    assert len(moved) <= 4 * np.sqrt(0.2 * 0.8 * 1000)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_every_small_class_has_validation_images(count):
    classes = 200
    paths = [f"data/{label}/{i}.jpg" for label in range(classes) for i in range(count)]
    labels = np.repeat(np.arange(classes, dtype=np.int32), count)
    files = LabelledFiles(tuple(paths), labels, tuple(map(str, range(classes))))
    (validation,) = split_files_stratified(files, 0.2, "validation", root="data")
    expected = {2: 1, 3: 1, 5: 1, 10: 2}[count]  # a fifth, and no less than one
    assert np.bincount(validation.labels).tolist() == [expected] * classes


def test_the_only_file_of_a_class_is_for_training():
    files = LabelledFiles(
        ("data/a/1.jpg", "data/b/1.jpg", "data/b/2.jpg"), np.int32([0, 1, 1]), ("a", "b")
    )
    training, validation = split_files_stratified(files, 0.9, "both", root="data")
    assert training.labels.tolist() == [0, 1]
    assert validation.labels.tolist() == [1]


def test_copies_of_a_file_stay_in_one_part(tmp_path):
    make(tmp_path, *(f"a/{i}.jpg" for i in range(9)))
    files = list_labelled_files(tmp_path, class_names=["a", "a"])
    training, validation = split_files_stratified(files, 0.4, "both", root=tmp_path)
    assert len(files) == 18
    assert not set(training.file_paths) & set(validation.file_paths)
    assert len(validation) == 2 * 4


def test_equal_hashes_follow_each_other_by_name(monkeypatch):
    class Constant:
        def __init__(self, *_, **__):
            pass

        def digest(self):
            return b"same"

    monkeypatch.setattr(hash_order, "blake2b", Constant)
    names = ["b", "é", "a", "\udcff", "a/b"]
    chosen = [names[place] for place in hash_order.order_by_hash(names)]
    assert chosen == sorted(names, key=os.fsencode)


def test_stratified_validation_grows_with_the_fraction():
    files = numbered(1000, True)
    chosen = [
        set(split_files_stratified(files, part / 10, "validation", root="data")[0].file_paths)
        for part in range(1, 10)
    ]
    assert all(small < large for small, large in pairwise(chosen))


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.9])
def test_stratified_share_of_each_class(fraction):
    files = numbered(20_000, True)
    (validation,) = split_files_stratified(files, fraction, "validation", root="data")
    for label in (0, 1):
        assert np.count_nonzero(validation.labels == label) == fraction * 10_000


def test_stratified_parts_keep_order_labels_and_class_names():
    files = numbered(300, True).take(np.random.RandomState(1).permutation(300))
    label_of = dict(zip(files.file_paths, files.labels.tolist(), strict=True))
    place_of = {path: place for place, path in enumerate(files.file_paths)}
    both = split_files_stratified(files, 0.3, "both", root="data")
    for part, subset in zip(both, ("training", "validation"), strict=True):
        (alone,) = split_files_stratified(files, 0.3, subset, root="data")
        assert alone.file_paths == part.file_paths
        assert part.labels.tolist() == [label_of[path] for path in part.file_paths]
        places = [place_of[path] for path in part.file_paths]
        assert places == sorted(places)
        assert part.class_names == files.class_names


def test_stratified_sides_are_the_same_on_every_machine():
    """Sides written down once: a change of the hash would move files of users' splits."""
    files = LabelledFiles(tuple(f"cats/cat.{i}.jpg" for i in range(20)), None, None)
    (validation,) = split_files_stratified(files, 0.3, "validation", root=".")
    assert [int(path.split(".")[1]) for path in validation.file_paths] == [0, 7, 8, 13, 15, 17]


@pytest.mark.parametrize(("prefix", "root"), [("data/", "data"), ("/x/y/", "/x/y/"), ("./", ".")])
def test_stratified_sides_do_not_depend_on_where_the_root_lies(prefix, root):
    names = [f"cats/ü{i}.jpg" for i in range(100)]
    here = LabelledFiles(tuple(f"elsewhere/{name}" for name in names), None, None)
    there = LabelledFiles(tuple(prefix + name for name in names), None, None)
    expected = sides(here, 0.4, "elsewhere")
    found = sides(there, 0.4, root)
    assert [found[prefix + name] for name in names] == [
        expected[f"elsewhere/{name}"] for name in names
    ]


@pytest.mark.parametrize("subset", ["training", "validation", "both"])
@pytest.mark.parametrize("fraction", [1e-9, 1 - 1e-9])
def test_a_stratified_split_with_an_empty_part_is_refused(fraction, subset):
    with pytest.raises(ValueError, match=r"^`validation_split` must leave .* for 2 files"):
        split_files_stratified(numbered(2, True), fraction, subset, root="data")


def ours(directory, validation_split=None, subset=None, shuffle=True, seed=None, **options):
    check_split(validation_split, subset, shuffle=shuffle, seed=seed)
    files = list_labelled_files(directory, shuffle=shuffle, seed=seed, **options)
    return split_files(files, validation_split, subset)


WRONG = {
    "labels: unknown word": ({"labels": "folders"}, ["`labels`", "'folders'"]),
    "labels: rows": ({"labels": np.zeros((3, 1))}, ["`labels`", "array of numbers"]),
    "labels: number": ({"labels": 3}, ["`labels`", "received 3"]),
    "labels: too few": ({"labels": [1, 0]}, ["`labels`", "2 labels", "3 images"]),
    "labels: too many": ({"labels": (1, 0, 2, 3)}, ["`labels`", "4 labels", "3 images"]),
    "labels: empty": ({"labels": []}, ["`labels`", "0 labels", "3 images"]),
    "class_names: with a list": (
        {"labels": [0, 1, 2], "class_names": ["a", "b"]},
        ["`class_names`", "['a', 'b']", "[0, 1, 2]"],
    ),
    "class_names: none with a list": (
        {"labels": [0, 1, 2], "class_names": []},
        ["`class_names`", "class_names=[]"],
    ),
    "class_names: without labels": (
        {"labels": None, "class_names": ["a", "b"]},
        ["`class_names`", "labels=None"],
    ),
    "class_names: unknown": (
        {"class_names": ["a", "z"]},
        ["`class_names`", "['a', 'z']", "lacks 'z'", "'a', 'b'"],
    ),
    "class_names: hidden": ({"class_names": [".c"]}, ["`class_names`", "dot", "'.c'"]),
    "class_names: nested": ({"class_names": ["a/sub"]}, ["`class_names`", "'a/sub'"]),
    "class_names: numbers": ({"class_names": [0, 1]}, ["`class_names`", "[0, 1]"]),
    "class_names: empty": ({"class_names": []}, ["`directory`", "none to list"]),
    "split: too large": (
        {"validation_split": 1.0, "subset": "training", "seed": 1},
        ["`validation_split`", "between 0 and 1", "1.0"],
    ),
    "split: negative": (
        {"validation_split": -0.2, "subset": "training", "seed": 1},
        ["`validation_split`", "-0.2"],
    ),
    "split: nan": (
        {"validation_split": float("nan"), "subset": "both", "seed": 1},
        ["`validation_split`", "nan"],
    ),
    "split: text": (
        {"validation_split": "0.2", "subset": "both", "seed": 1},
        ["`validation_split`", "'0.2'"],
    ),
    "split: alone": ({"validation_split": 0.5, "seed": 1}, ["`subset`", "0.5", "None"]),
    "split: zero": (
        {"validation_split": 0.0, "subset": "training", "seed": 1},
        ["`validation_split`", "0.0", "'training'"],
    ),
    "subset: alone": ({"subset": "both"}, ["`validation_split`", "'both'"]),
    "subset: unknown": (
        {"validation_split": 0.5, "subset": "test", "seed": 1},
        ["`subset`", "'test'"],
    ),
    "subset: unknown, alone": ({"subset": "test"}, ["`subset`", "'test'"]),
    "seed: missing": (
        {"validation_split": 0.5, "subset": "both"},
        ["`seed`", "seed=None", "shuffle=True"],
    ),
    "split: less than a file, training": (
        {"validation_split": 0.1, "subset": "training", "seed": 1},
        ["`validation_split`", "0.1 for 2 files"],
    ),
    "split: less than a file, both": (
        {"validation_split": 0.1, "subset": "both", "shuffle": False},
        ["`validation_split`", "0.1 for 2 files"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_are_of_keras_types_and_name_what_is_wrong(tmp_path, case):
    make(tmp_path, "a/1.jpg", "b/2.jpg", ".c/3.jpg")
    options, words = WRONG[case]
    with pytest.raises(Exception) as theirs:
        keras.utils.image_dataset_from_directory(tmp_path, verbose=False, **options)
    with pytest.raises(Exception) as found:
        ours(tmp_path, **options)
    assert type(found.value) is type(theirs.value)
    assert [word for word in words if word not in str(found.value)] == []


@pytest.mark.parametrize("labels", ["inferred", None, []])
@pytest.mark.parametrize("name", ["empty", "without images", "files alone", "a file", "missing"])
def test_directories_without_images(tmp_path, labels, name):
    make(tmp_path, "empty/", "without images/cats/notes.txt", "files alone/readme.md", "a file")
    with pytest.raises(Exception) as theirs:
        keras.utils.image_dataset_from_directory(tmp_path / name, labels=labels, verbose=False)
    with pytest.raises(Exception) as found:
        list_labelled_files(tmp_path / name, labels=labels)
    assert type(found.value) is type(theirs.value)
    assert "`directory` must " in str(found.value)
    assert str(tmp_path / name) in str(found.value)


def test_an_error_says_how_flat_images_without_class_folders_are_read(tmp_path):
    make(tmp_path, "1.jpg")
    with pytest.raises(ValueError, match="labels=None"):
        list_labelled_files(tmp_path)
    assert len(list_labelled_files(tmp_path, labels=None)) == 1


@pytest.mark.parametrize(
    "labels", [["cat", "dog"], [0.0, float("nan")], [0, 2**31], [None, 1], [0.5, "1"]]
)
def test_labels_that_are_no_numbers(tmp_path, labels):
    make(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(ValueError, match=r"^`labels` must be whole numbers of 32 bits"):
        list_labelled_files(tmp_path, labels=labels)


def test_a_long_list_of_labels_is_not_printed_whole(tmp_path):
    with pytest.raises(ValueError, match=r"0,\.\.\.\. Leave") as found:
        list_labelled_files(tmp_path, labels=[0] * 100_000, class_names=["a"])
    assert len(str(found.value)) < 400


def test_taking_rows_keeps_their_order():
    files = numbered(6, True)
    part = files.take([5, 0, 2])
    assert [path.split("/")[2] for path in part.file_paths] == ["5.jpg", "0.jpg", "2.jpg"]
    assert part.labels.tolist() == [1, 0, 0]
    assert part.class_names == files.class_names
    assert len(part) == 3
    assert len(files.take([])) == len(files.take(())) == 0
    assert numbered(6, False).take(np.array([1])).labels is None
    with pytest.raises(IndexError):
        files.take([6])


def test_labelled_files_are_checked_and_fixed():
    with pytest.raises(ValueError, match="received 1 and 2"):
        LabelledFiles(("a.jpg",), np.zeros(2, np.int32), ("a",))
    with pytest.raises(ValueError, match="read-only"):
        numbered(3, True).labels[0] = 1


def test_neither_keras_nor_tensorflow_is_imported():
    code = (
        "import sys, catdog_data.sources.list_files, catdog_data.sources.split; "
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
