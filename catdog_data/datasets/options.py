"""Arguments that several functions of the tf.data API share, checked alike."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral
from typing import Any, Literal

import keras
import numpy as np

from catdog_data.sources.class_groups import ClassGroups
from catdog_data.system.ranks import rank_of_process

ClassNames = Sequence[str] | Mapping[str, Sequence[str]] | None
"""What the argument `class_names` may be."""

Shard = tuple[int, int] | Literal["auto"]
"""What the argument `shard` may be."""

OUTPUT_DTYPES = ("uint8", "uint16", "float16", "bfloat16", "float32", None)
"""None leaves the choice to the dataset."""


def one_of(name: str, value: Any, known: Any) -> Any:
    """Return the value, a string or None; refuse one not known, by the name of its argument.

    Example:
        >>> one_of("augment_on", "gpu", ("host", "device"))
        Traceback (most recent call last):
        ValueError: `augment_on` must be one of 'host', 'device'; received 'gpu'.
    """
    if not isinstance(value, (str, type(None))) or value not in known:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, known))}; received {value!r}."
        )
    return value


def check_booleans(**given: Any) -> None:
    """Refuse what is neither true nor false: a string that is not empty would count as true.

    Args:
        **given: values by the names of their arguments; 0 and 1 are taken as well.

    Raises:
        ValueError: another value.
    """
    for name, value in given.items():
        if not isinstance(value, (Integral, np.bool_)) or value not in (0, 1):
            raise ValueError(f"`{name}` must be True or False; received {value!r}.")


def check_input_labels(is_input: bool, *, augment_on: str, masks: Any = None) -> None:
    """Refuse what does not go with images as labels.

    Args:
        is_input: whether labels are the images as they are yielded.
        augment_on: "device" yields what is not augmented yet.
        masks: take the place of labels; None for none.

    Raises:
        ValueError: one of these is given with such labels.
    """
    if is_input and augment_on == "device":
        raise ValueError(
            '`label_mode="input"` yields images that are finished, and `augment_on="device"` '
            'leaves them to the model; take augment_on="host".'
        )
    if is_input and masks is not None:
        raise ValueError(
            '`label_mode="input"` and `masks` are labels both; give one of them. Received '
            f"masks={masks!r}."
        )


def checked_path(name: str, path: Any) -> str:
    """Return a path as a string; refuse by the name of its argument what cannot be one."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise ValueError(f"`{name}` must be a path; received {path!r}.")
    decoded = os.fsdecode(path)
    if "\0" in decoded:
        raise ValueError(f"`{name}` must be a path, without a zero byte; received {path!r}.")
    return decoded


def checked_class_names(class_names: Any) -> ClassGroups | None:
    """Return the classes; refuse an empty collection, and one without an order."""
    if class_names is None:
        return None
    if isinstance(class_names, Mapping) and class_names:
        return ClassGroups.of(class_names)
    is_ordered = isinstance(class_names, Iterable) and not isinstance(class_names, (str, Set))
    names = list(class_names) if is_ordered else []
    if len(set(map(str, names))) < len(names):
        raise ValueError(f"`class_names` must differ from each other; received {names!r}.")
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(
            "`class_names` must be None for all, or a list of names (strings), at least one, in "
            f"the order of their labels; received {class_names!r}."
        )
    return ClassGroups({name: (name,) for name in names})


def checked_size(image_size: Any) -> tuple[int, int]:
    """Return (height, width) in pixels; one number counts for both.

    Example:
        >>> checked_size(224), checked_size([48, 64])
        ((224, 224), (48, 64))
    """
    size = (image_size, image_size) if isinstance(image_size, Integral) else image_size
    is_pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not is_pair or not all(map(_is_side, size)):
        raise ValueError(
            "`image_size` must be (height, width) in whole pixels, each at least 1; received "
            f"{image_size!r}."
        )
    return int(size[0]), int(size[1])


def _is_side(value: Any) -> bool:
    return _is_number(value) and value >= 1 and value == int(value)


def checked_data_format(data_format: Any) -> str:
    """Return the data format in lower case, or Keras' setting for None."""
    chosen = keras.config.image_data_format() if data_format is None else data_format
    chosen = chosen.lower() if isinstance(chosen, str) else chosen
    one_of("data_format", chosen, ("channels_last", "channels_first"))
    return str(chosen)


def check_numbers(batch_size: Any, seed: Any, ram_budget: Any) -> None:
    """Refuse a batch of no images, a seed that NumPy does not take and a budget of 0 bytes."""
    if ram_budget is not None and not (_is_number(ram_budget) and ram_budget >= 1):
        raise ValueError(f"`ram_budget` must be None or at least 1 byte; received {ram_budget!r}.")
    if batch_size is not None and not (is_whole(batch_size) and batch_size >= 1):
        raise ValueError(
            f"`batch_size` must be None or a whole number, at least 1; received {batch_size!r}."
        )
    if seed is not None and not (is_whole(seed) and 0 <= seed < 2**32):
        raise ValueError(f"`seed` must be None or a whole number in [0, 2**32); received {seed!r}.")


def is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number: True counts as 1 to Python, and is none here."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return is_whole(value) or (isinstance(value, (float, np.floating)) and math.isfinite(value))


def checked_shard(shard: Any, seed: Any) -> tuple[int, int]:
    """Return (i, n), part i of n; "auto" is what `rank_of_process` says.

    Args:
        shard: what was given.
        seed: of the order, which all readers must share; one that is drawn would differ.

    Raises:
        ValueError: something else; or "auto", among several processes, without a seed.

    Example:
        >>> checked_shard("auto", None), checked_shard([1, 4], 7)
        ((0, 1), (1, 4))
    """
    if isinstance(shard, str) and shard == "auto":
        rank = rank_of_process()
        if rank.processes > 1 and seed is None:
            raise ValueError(
                '`shard="auto"` needs a `seed`, the same in all processes, or their parts overlap; '
                f"received seed=None in process {rank.number} of {rank.processes}, by "
                f"{rank.said_by}."
            )
        return rank.number, rank.processes
    is_pair = isinstance(shard, (tuple, list)) and len(shard) == 2
    if not is_pair or not all(map(is_whole, shard)) or not 0 <= shard[0] < shard[1]:
        raise ValueError(
            '`shard` must be (i, n), part i of n, two whole numbers with 0 <= i < n, or "auto"; '
            f"received {shard!r}. (0, 1) is the whole."
        )
    return int(shard[0]), int(shard[1])


def seed_or_drawn(seed: int | None) -> int:
    """Return the seed; for None draw one from NumPy's global stream, as Keras does."""
    return int(np.random.randint(10**6) if seed is None else seed)
