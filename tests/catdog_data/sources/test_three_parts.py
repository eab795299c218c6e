"""Training, validation and test: three parts, beside the two of the same validation split."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.split import split_by_name
from catdog_data.sources.split_arguments import check_split

FRACTIONS = st.tuples(st.floats(0.01, 0.9), st.floats(0.01, 0.9)).filter(lambda each: sum(each) < 1)
COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=4)


def listed(counts: list[int]) -> LabelledFiles:
    """Make so many files of each class."""
    names = [f"data/{label}/{i}.jpg" for label, count in enumerate(counts) for i in range(count)]
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return LabelledFiles(tuple(names), labels, tuple(map(str, range(len(counts)))))


def parts_of(files, validation, test, subset="all", stratify=True):
    return split_by_name(files, validation, subset, test_split=test, root="data", stratify=stratify)


def names_in(parts):
    return {name: set(part.file_paths) for name, part in parts.items()}


@settings(max_examples=150, deadline=None)
@given(COUNTS, FRACTIONS, st.booleans(), st.integers(0, 2**32 - 1))
def test_the_parts_are_disjoint_complete_and_validate_as_the_split_in_two(
    counts, fractions, stratify, seed
):
    files = listed(counts).shuffled(seed)
    try:
        three = names_in(parts_of(files, *fractions, stratify=stratify))
    except ValueError as error:
        assert "`validation_split` and `test_split` must leave a file in each part" in str(error)
        n = max(counts) if stratify else sum(counts)
        too_few = n < 3 or fractions[0] * n > n - 1.5
        assert too_few if stratify else int(min(fractions) * n) == 0
        return
    assert list(three) == ["training", "validation", "test"]
    assert sum(map(len, three.values())) == len(files)
    assert set().union(*three.values()) == set(files.file_paths)
    assert all(three.values())
    two = parts_of(files, fractions[0], None, "both", stratify)
    assert three["validation"] == names_in(two)["validation"]
    for name, own in three.items():
        (alone,) = parts_of(files, *fractions, name, stratify).values()
        assert set(alone.file_paths) == own
    both = parts_of(files, *fractions, "both", stratify)
    assert names_in(both) == {name: three[name] for name in ("training", "validation")}


@settings(max_examples=100, deadline=None)
@given(st.integers(3, 60), FRACTIONS)
def test_each_class_has_its_fraction_for_the_test(n, fractions):
    validation, test = fractions
    assume(round(validation * n) <= n - 2)  # or else one is left, for training
    parts = parts_of(listed([n]), validation, test)
    count, validated = len(parts["test"]), len(parts["validation"])
    assert 1 <= count < n
    held_back = (validation + test) * n  # the border that is rounded, not the test's own count
    assert abs(validated + count - held_back) <= 0.5 or count == 1 or len(parts["training"]) == 1


@settings(max_examples=100, deadline=None)
@given(st.integers(5, 60), FRACTIONS, st.data())
def test_a_file_that_is_added_moves_at_most_one_over_each_border(n, fractions, data):
    many = listed([n])
    added = data.draw(st.integers(0, n - 1))
    few = many.take([row for row in range(n) if row != added])
    assume(round(fractions[0] * (n - 1)) <= n - 3)
    before, after = names_in(parts_of(few, *fractions)), names_in(parts_of(many, *fractions))
    for name in ("validation", "training"):
        moved = before[name] ^ after[name]
        assert len(moved - {many.file_paths[added]}) <= 1


@pytest.mark.parametrize(
    ("n", "expected"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1)), (10, (7, 2, 1))]
)
def test_small_classes(n, expected):
    parts = parts_of(listed([n, 10]), 0.2, 0.1)
    found = tuple(int(np.sum(part.labels == 0)) for part in parts.values())
    assert found == expected


def test_by_position_the_test_comes_before_validation():
    files = listed([10])
    parts = parts_of(files, 0.2, 0.3, stratify=False)
    rows = {name: part.rows.tolist() for name, part in parts.items()}
    assert rows == {"training": [0, 1, 2, 3, 4], "validation": [8, 9], "test": [5, 6, 7]}


@pytest.mark.parametrize(("stratify", "counts"), [(True, [2, 2, 1]), (False, [9])])
@pytest.mark.parametrize("subset", ["training", "validation", "test", "both", "all"])
def test_a_test_without_files_is_refused(stratify, counts, subset):
    with pytest.raises(ValueError, match=r"^`validation_split` and `test_split` .* 0 for test"):
        parts_of(listed(counts), 0.2, 0.1, subset, stratify)


ARGUMENTS = {
    "test_split alone": ({"test_split": 0.1}, "^`test_split` needs `validation_split`"),
    "test without": ({"validation_split": 0.1, "subset": "test"}, "^`subset` must .*'test'"),
    "all without": ({"validation_split": 0.1, "subset": "all"}, "^`subset` must .*'all'"),
    "all of it": (
        {"validation_split": 0.5, "test_split": 0.5, "subset": "all"},
        "must be less than 1 together",
    ),
    "no subset": ({"validation_split": 0.5, "test_split": 0.1}, "^If `subset` is set"),
    "fold and split": (
        {"fold": (0, 2), "validation_split": 0.5, "subset": "both"},
        "^`fold` takes the place of `validation_split`",
    ),
    "fold and all": ({"fold": (0, 2), "subset": "all"}, "^`subset` must .*'all'"),
    "fold alone": ({"fold": (0, 2)}, "^`fold` needs `subset`"),
    "fold behind the last": ({"fold": (2, 2), "subset": "both"}, r"^`fold` must .*\(2, 2\)"),
    "one fold": ({"fold": (0, 1), "subset": "both"}, r"^`fold` must .*k >= 2"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_that_do_not_go_together(case):
    given_, said = ARGUMENTS[case]
    with pytest.raises(ValueError, match=said):
        check_split(**{"validation_split": None, "subset": None, **given_})


def test_a_fold_needs_no_seed():
    check_split(None, "both", fold=(0, 5), shuffle=True, seed=None)
