"""Folds: what cross-validation needs of them, for any files in any order."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog_data.sources.folds import folds_of
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.split import split_by_name

# Class and number of a file; a file that occurs twice is listed twice.
FILES = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60)), min_size=1, max_size=70)
FOLDS = st.integers(2, 8)


def listed(names: list[tuple[str, int]], root: str = "data", labelled: bool = True):
    paths = tuple(f"{root}/{label}/{number}.jpg" for label, number in names)
    labels = np.array(["abcd".index(label) for label, _ in names], np.int32)
    return LabelledFiles(paths, labels if labelled else None, tuple("abcd") if labelled else None)


def validated(files: LabelledFiles, k: int, **options) -> dict[str, int]:
    """Find the fold that validates each file, by what each fold yields."""
    fold_of: dict[str, int] = {}
    for i in range(k):
        parts = split_by_name(files, None, "both", fold=(i, k), **{"root": "data", **options})
        training, validation = (set(parts[name].file_paths) for name in ("training", "validation"))
        assert not training & validation
        assert training | validation == set(files.file_paths)
        assert len(parts["training"]) + len(parts["validation"]) == len(files)
        assert training, "no fold is without training files"
        assert not validation & fold_of.keys(), "every file is validated once"
        fold_of |= dict.fromkeys(validation, i)
    assert fold_of.keys() == set(files.file_paths)
    return fold_of


def sizes(fold_of: dict[str, int], k: int, within: str = "") -> list[int]:
    counts = Counter(fold for path, fold in fold_of.items() if path.startswith(f"data/{within}"))
    return [counts[fold] for fold in range(k)]


def enough(names: list[tuple[str, int]], k: int) -> bool:
    return len(set(names)) >= k


@settings(max_examples=150, deadline=None)
@given(FILES, FOLDS, st.booleans(), st.booleans())
def test_folds_are_disjoint_complete_and_balanced(names, k, stratify, labelled):
    files = listed(names, labelled=labelled)
    if not enough(names, k):
        with pytest.raises(ValueError, match=rf"^`fold`: {k} folds need at least {k} files"):
            validated(files, k, stratify=stratify)
        return
    fold_of = validated(files, k, stratify=stratify)
    assert np.ptp(sizes(fold_of, k)) <= 1
    if stratify and labelled:
        for label in "abcd":
            assert np.ptp(sizes(fold_of, k, label)) <= 1


@settings(max_examples=100, deadline=None)
@given(FILES, FOLDS, st.booleans(), st.integers(0, 2**32 - 1))
def test_folds_depend_on_names_alone(names, k, stratify, seed):
    if not enough(names, k):
        return
    here = listed(names)
    there = listed(names, root="/else/where/").shuffled(seed)
    one = folds_of(here, k, root="data", stratify=stratify)
    other = folds_of(there, k, root="/else/where/", stratify=stratify)
    names_of = [path.removeprefix("data/") for path in here.file_paths]
    others = [path.removeprefix("/else/where//") for path in there.file_paths]
    assert dict(zip(names_of, one, strict=True)) == dict(zip(others, other, strict=True))


@settings(max_examples=100, deadline=None)
@given(FILES, FOLDS, st.data())
def test_a_file_that_is_added_moves_at_most_one_over_each_border(names, k, data):
    names = sorted(set(names))
    added = data.draw(st.sampled_from(names))
    few = [name for name in names if name != added]
    if len(few) < k:
        return
    before, after = (
        dict(zip(each, folds_of(listed(each), k, root="data", stratify=False), strict=True))
        for each in (few, names)
    )
    moves = [(before[name], after[name]) for name in few if before[name] != after[name]]
    assert len(moves) <= k - 1
    assert all(abs(one - other) == 1 for one, other in moves)


@pytest.mark.parametrize("k", [2, 4, 5, 10])
def test_the_first_fold_is_the_stratified_split_of_its_fraction(k):
    files = listed([(label, i) for label in "abcd" for i in range(40)])
    fold = split_by_name(files, None, "both", fold=(0, k), root="data", stratify=True)
    split = split_by_name(files, 1 / k, "both", root="data", stratify=True)
    for name in ("training", "validation"):
        assert fold[name].file_paths == split[name].file_paths


def test_small_classes_leave_no_fold_empty():
    files = listed([(label, i) for label in "abcd" for i in range(2)])
    assert sizes(validated(files, 8, stratify=True), 8) == [1] * 8


def test_without_stratification_labels_do_not_matter():
    names = [(label, i) for label in "abcd" for i in range(5)]
    with_labels, without = (
        folds_of(listed(names, labelled=labelled), 3, root="data", stratify=False).tolist()
        for labelled in (True, False)
    )
    assert with_labels == without


def test_rows_of_a_file_stay_together_where_their_classes_differ():
    names = [("a", i) for i in range(6)] * 2
    files = listed(names)
    labels = np.repeat(np.int32([0, 1]), 6)
    files = LabelledFiles(files.file_paths, labels, ("a", "b"))
    folds = folds_of(files, 3, root="data", stratify=True)
    assert folds[:6].tolist() == folds[6:].tolist()
    assert np.bincount(folds).tolist() == [4] * 3


def test_parts_keep_the_order_of_the_files():
    files = listed([(label, i) for label in "abcd" for i in range(9)]).shuffled(3)
    for part in split_by_name(files, None, "both", fold=(1, 4), root="data").values():
        places = part.rows.tolist()
        order = files.rows.tolist()
        assert places == [row for row in order if row in set(places)]


@pytest.mark.parametrize("k", [2, 3, 5, 12])
def test_folds_are_the_same_on_every_machine(k):
    """The order is written down: a change of it would move files of users' folds."""
    order = [0, 8, 7, 11, 4, 1, 5, 10, 2, 6, 9, 3]
    files = LabelledFiles(tuple(f"cats/cat.{i}.jpg" for i in range(12)), None, None)
    folds = folds_of(files, k, root="", stratify=False)
    for fold, expected in enumerate(np.array_split(order, k)):
        assert set(np.flatnonzero(folds == fold)) == set(expected)
