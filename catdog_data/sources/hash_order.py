"""An order of file names that depends on the names alone, not on a seed or a machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def order_by_hash(names: Sequence[str]) -> NDArray[np.intp]:
    """Order names by a hash of each, which is an order as if at random.

    The order of two names does not depend on the others: names that are added or removed do not
    change the order of those that stay.

    Args:
        names: N different names.

    Returns:
        intp[N], positions in `names`. Names of one hash follow each other by their bytes.

    Example:
        >>> names = ["cats/1.jpg", "cats/2.jpg", "cats/3.jpg", "cats/4.jpg"]
        >>> ordered = [names[position] for position in order_by_hash(names)]
        >>> fewer = [names[position] for position in order_by_hash(names[:3])]
        >>> [name for name in ordered if name in fewer] == fewer
        True
    """
    keys = [_key(os.fsencode(name)) for name in names]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)


def _key(name: bytes) -> bytes:
    return blake2b(name, digest_size=8).digest() + name
