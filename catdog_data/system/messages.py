"""What several error messages have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NAMED = 3


def some_of(values: Sequence[Any]) -> str:
    """Name the first few of many.

    Args:
        values: at least one, of any type.

    Returns:
        The `repr` of the first three, and an ellipsis where there are more.

    Example:
        >>> print(some_of(["a", "b", "c", "d"]))
        'a', 'b', 'c', …
    """
    more = ", …" if len(values) > _NAMED else ""
    return ", ".join(map(repr, values[:_NAMED])) + more
