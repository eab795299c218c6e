"""Whether arrays and lists that scripts may edit are still what they were."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def snapshot(value: Any) -> Any:
    """Copy arrays and lists, those within lists too."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list):
        return [snapshot(each) if isinstance(each, (list, np.ndarray)) else each for each in value]
    return value


def same(snapshot: Any, value: Any) -> bool:
    """Tell whether a value is still what the snapshot was taken of."""
    if isinstance(value, np.ndarray):
        return _same_array(snapshot, value)
    if isinstance(value, list) and isinstance(snapshot, list) and len(value) == len(snapshot):
        if value and isinstance(value[0], np.ndarray):
            return all(same(old, new) for old, new in zip(snapshot, value, strict=True))
        return snapshot == value
    return snapshot is value or (isinstance(value, tuple) and bool(snapshot == value))


def _same_array(snapshot: Any, value: NDArray[Any]) -> bool:
    if not isinstance(snapshot, np.ndarray) or snapshot.dtype != value.dtype:
        return False
    # A missing number is equal to itself here.
    return bool(np.array_equal(snapshot, value, equal_nan=value.dtype.kind in "fc"))
