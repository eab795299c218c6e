"""The arguments of a split, refused where they say nothing that can be done."""

from __future__ import annotations

from numbers import Integral, Real
from types import NoneType
from typing import Any

PARTS = ("training", "validation", "test")
_OF_SUBSET = {"both": PARTS[:2], "all": PARTS}


def parts_of(subset: str | None) -> tuple[str | None, ...]:
    """Name the parts that a subset is of; None is the whole.

    Example:
        >>> parts_of("both"), parts_of("test"), parts_of(None)
        (('training', 'validation'), ('test',), (None,))
    """
    return (subset,) if subset is None else _OF_SUBSET.get(subset, (subset,))


def check_split(
    validation_split: float | None,
    subset: str | None,
    *,
    test_split: float | None = None,
    fold: tuple[int, int] | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> None:
    """Refuse what image_dataset_from_directory refuses of the arguments of a split.

    Args:
        validation_split: fraction of the files for validation; None or 0 for no split.
        subset: "training", "validation" or "both"; with `test_split` also "test" or "all"; None
            for no split.
        test_split: fraction of the files for a test; None or 0 for no such part.
        fold: (i, k), fold i of k, in place of the fractions; None for none.
        shuffle: whether the files are shuffled before they are split.
        seed: of that shuffle.

    Raises:
        TypeError: a fraction is no number.
        ValueError: a fraction is not between 0 and 1 or both are 1 or more together, the fold is
            none, the subset is unknown, some of them are missing or do not go together, or a
            shuffle has no seed.

    Example:
        >>> check_split(0.2, "both", shuffle=True, seed=1)
        >>> check_split(0.2, "all", test_split=0.1)
        >>> check_split(None, "both", fold=(0, 5))
        >>> check_split(0.2, None)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: If `subset` is set, `validation_split` must be set, and inversely; received ...
    """
    _check_fraction("validation_split", validation_split, "validation")
    _check_fraction("test_split", test_split, "the test")
    _check_fold(fold)
    known = ("training", "validation", "both", *(("test", "all") if test_split else ()), None)
    if not isinstance(subset, (str, NoneType)) or subset not in known:
        raise ValueError(
            '`subset` must be either "training", "validation" or "both", or None; with '
            f'`test_split`, also "test" or "all"; received {subset!r}. Name the part to read.'
        )
    if fold is not None:
        _check_beside_fold(fold, validation_split, test_split, subset)
        return
    if test_split and not validation_split:
        raise ValueError(
            f"`test_split` needs `validation_split`; received test_split={test_split!r}, "
            f"validation_split={validation_split!r}. Give both; for two parts, "
            "`validation_split` alone."
        )
    if bool(validation_split) != bool(subset):
        raise ValueError(
            "If `subset` is set, `validation_split` must be set, and inversely; received "
            f"validation_split={validation_split!r}, subset={subset!r}. Give both, or neither."
        )
    if validation_split and test_split and validation_split + test_split >= 1:
        raise ValueError(
            "`validation_split` and `test_split` must be less than 1 together, or nothing is left "
            f"for training; received {validation_split!r} and {test_split!r}. Give smaller ones."
        )
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` "
            f"argument, or two calls overlap; received seed=None, shuffle={shuffle!r}. Give a "
            "whole number, or shuffle=False."
        )


def _check_fraction(name: str, given: float | None, part: str) -> None:
    value: object = given
    if value is not None and not isinstance(value, Real):
        raise TypeError(
            f"`{name}` must be a number between 0 and 1; received {given!r}. Give 0.2 to keep a "
            f"fifth for {part}."
        )
    if given and not 0 < given < 1:
        raise ValueError(
            f"`{name}` must be between 0 and 1, both excluded; received {given!r}. Give the "
            f"fraction of the files for {part}."
        )


def _check_fold(fold: Any) -> None:
    if fold is None:
        return
    is_pair = isinstance(fold, (tuple, list)) and len(fold) == 2
    if not is_pair or not all(map(_is_whole, fold)) or fold[1] < 2 or not 0 <= fold[0] < fold[1]:
        raise ValueError(
            "`fold` must be (i, k), fold i of k, two whole numbers with k >= 2 and 0 <= i < k; "
            f"received {fold!r}. (0, 5) is the first of five."
        )


def _check_beside_fold(
    fold: tuple[int, int],
    validation_split: float | None,
    test_split: float | None,
    subset: str | None,
) -> None:
    if validation_split or test_split:
        raise ValueError(
            "`fold` takes the place of `validation_split` and `test_split`; received "
            f"fold={fold!r}, validation_split={validation_split!r}, test_split={test_split!r}. "
            "Give the fold or the fractions."
        )
    if subset is None:
        raise ValueError(
            f"`fold` needs `subset`; received fold={fold!r}, subset=None. Give "
            'subset="both", "training" or "validation".'
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
