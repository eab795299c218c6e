"""Fields of a settings dataclass that check their value: one line says default and rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import field, fields
from numbers import Integral, Real
from typing import Any

import numpy as np

Check = Callable[[str, Any], None]


def number(default: float, high: float = math.inf) -> Any:
    """Make a field for a number in [0, high]."""

    def check(name: str, value: Any) -> None:
        if not (is_number(value) and 0 <= value <= high):
            raise ValueError(f"`{name}` must be a number in [0, {high:g}]; received {value!r}.")

    return _checked(default, check)


def any_number(default: float) -> Any:
    """Make a field for a finite number."""

    def check(name: str, value: Any) -> None:
        if not is_number(value):
            raise ValueError(f"`{name}` must be a number; received {value!r}.")

    return _checked(default, check)


def class_number(default: int) -> Any:
    """Make a field for a whole number in [0, 255], the value of a class in a mask."""

    def check(name: str, value: Any) -> None:
        if not (is_number(value) and 0 <= value <= 255):
            raise ValueError(f"`{name}` must be a number in [0, 255]; received {value!r}.")
        if value != int(value):
            raise ValueError(
                f"`{name}` must be a whole number, that of a class; received {value!r}."
            )

    return _checked(default, check)


def count_or_none() -> Any:
    """Make a field for None, the default, or a whole number from 0."""

    def check(name: str, value: Any) -> None:
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        if value is not None and not (is_whole and value >= 0):
            raise ValueError(f"`{name}` must be None or a whole number from 0; received {value!r}.")

    return _checked(None, check)


def boolean() -> Any:
    """Make a field for True or False, the default."""

    def check(name: str, value: Any) -> None:
        # A string that is not empty would count as true.
        if not isinstance(value, (Integral, np.bool_)) or value not in (0, 1):
            raise ValueError(f"`{name}` must be True or False; received {value!r}.")

    return _checked(False, check)


def factors(
    low: float = 1.0, high: float = 1.0, *, above_0: bool = False, at_most_1: bool = False
) -> Any:
    """Make a field for a range of factors, lowest and highest, each at least 0.

    Args:
        low: the default's lowest.
        high: the default's highest.
        above_0: whether 0 is refused.
        at_most_1: whether more than 1, the whole image, is refused.
    """

    def check(name: str, value: Any) -> None:
        is_pair = isinstance(value, tuple) and len(value) == 2
        if not is_pair or not all(map(is_number, value)) or not 0 <= value[0] <= value[1]:
            raise ValueError(
                f"`{name}` must be a tuple of two factors, 0 <= lowest <= highest; received "
                f"{value!r}."
            )
        if above_0 and value[0] <= 0:
            raise ValueError(f"`{name}` must be above 0; received {value!r}.")
        if at_most_1 and value[1] > 1:
            raise ValueError(f"`{name}` must be at most 1, the whole image; received {value!r}.")

    return _checked((low, high), check)


def limits(unchanged: float, low: float, high: float, *, whole: bool = False) -> Any:
    """Make a field for the lowest and the highest of some numbers in [low, high].

    Args:
        unchanged: the number that changes nothing, both limits of the default.
        low: the lowest that is allowed.
        high: the highest that is allowed.
        whole: whether they are whole numbers.
    """
    kind = "whole numbers" if whole else "numbers"

    def check(name: str, value: Any) -> None:
        is_pair = isinstance(value, tuple) and len(value) == 2 and all(map(is_number, value))
        is_right = is_pair and (not whole or all(each == int(each) for each in value))
        if not is_right or not low <= value[0] <= value[1] <= high:
            raise ValueError(
                f"`{name}` must be a tuple of two {kind}, {low:g} <= lowest <= highest <= "
                f"{high:g}; received {value!r}."
            )

    return _checked((unchanged, unchanged), check)


def one_of(*known: str) -> Any:
    """Make a field for one of some words; the first is the default."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in known:
            raise ValueError(
                f"`{name}` must be one of {', '.join(map(repr, known))}; received {value!r}."
            )

    return _checked(known[0], check)


def check_fields(settings: Any, kind: type) -> None:
    """Check the values of a dataclass whose fields were made here.

    Args:
        settings: an instance of `kind`.
        kind: the dataclass; a subclass may declare its fields again, or further ones, in any way.

    Raises:
        ValueError: a value against its field's rule; the message names both.
    """
    for each in fields(kind):
        each.metadata["check"](each.name, getattr(settings, each.name))


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; True, which Python counts as 1, is none."""
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def _checked(default: Any, check: Check) -> Any:
    return field(default=default, metadata={"check": check})
