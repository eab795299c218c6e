"""The options of `ImageDataGenerator`: what they may be, and how single values are drawn."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from catdog_data.keras_compat.planning.transform_ranges import Shift
from catdog_data.kernels.warp import FILL_MODES


def checked_data_format(data_format: str | None) -> str:
    """Return the data format, or Keras' setting for None; refuse others."""
    chosen = keras.config.image_data_format() if data_format is None else data_format
    if chosen not in {"channels_last", "channels_first"}:
        raise ValueError(
            '`data_format` should be `"channels_last"` (channel after row and column) or '
            '`"channels_first"` (channel before row and column). '
            f"Received: {data_format}"
        )
    return str(chosen)


def checked_fill_mode(fill_mode: str) -> str:
    """Return the fill mode; refuse what SciPy does not know."""
    known = (*FILL_MODES, "mirror", "grid-constant", "grid-mirror", "grid-wrap")
    if fill_mode not in known:
        raise ValueError(
            f"`fill_mode` must be one of {', '.join(map(repr, known))}; received {fill_mode!r}."
        )
    return fill_mode


def checked_brightness(brightness_range: Any) -> Sequence[float] | None:
    """Return the range; refuse what is neither a pair nor None."""
    is_pair = isinstance(brightness_range, (tuple, list)) and len(brightness_range) == 2
    if brightness_range is not None and not is_pair:
        raise ValueError(
            f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}"
        )
    return brightness_range  # type: ignore[no-any-return]


def check_batch_size_and_seed(batch_size: Any, seed: Any) -> None:
    """Refuse an empty batch, and a seed that NumPy does not take."""
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(
            f"`batch_size` must be a whole number, at least 1; received {batch_size!r}."
        )
    if seed is not None and not (isinstance(seed, (int, np.integer)) and 0 <= seed < 2**32):
        raise ValueError(f"`seed` must be None or a whole number in [0, 2**32); received {seed!r}.")


def zoom_pair(zoom_range: Any) -> list[float]:
    """Turn a zoom range into the lowest and the highest factor."""
    if isinstance(zoom_range, (float, int)):
        return [1 - zoom_range, 1 + zoom_range]
    if len(zoom_range) == 2 and all(isinstance(value, (float, int)) for value in zoom_range):
        return [zoom_range[0], zoom_range[1]]
    raise ValueError(
        f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom_range}"
    )


def shift_range(value: Any) -> Shift:
    """Tell a range from a choice as NumPy's `choice` does: a positive integer n is `range(n)`."""
    if np.ndim(value):
        return tuple(float(each) for each in value)
    try:
        whole = operator.index(value)
    except TypeError:  # a float of Python's or of NumPy's, whatever its value
        return float(value)
    return tuple(float(each) for each in range(whole)) if whole > 0 else float(whole)


def check_deprecated(keywords: Mapping[str, Any]) -> None:
    """Warn of keywords that old scripts give; refuse unknown ones."""
    known = {
        "has_ext": "filenames in the dataframe have to match the exact filenames in disk.",
        "sort": "batches will be created in the same order than the filenames provided if "
        "`shuffle` is set to `False`.",
        "drop_duplicates": "you can drop duplicates by using the "
        "pandas.DataFrame.drop_duplicates method.",
    }
    if unknown := sorted(set(keywords) - set(known)):
        raise TypeError(f"flow_from_dataframe() got an unexpected keyword argument {unknown[0]!r}")
    for name in keywords:
        warnings.warn(f"{name} is deprecated, {known[name]}", DeprecationWarning, stacklevel=3)


def draw_shift(shift_range: Any, pixels: int) -> Any:
    """Draw one shift as Keras does: a range of floats, or a choice and a random sign."""
    # A list of zeros draws as well: to Keras it is not empty.
    if not (len(shift_range) if np.ndim(shift_range) else shift_range):
        return 0
    try:
        drawn = np.random.choice(shift_range) * np.random.choice([-1, 1])
    except ValueError:
        drawn = np.random.uniform(-shift_range, shift_range)
    return drawn * pixels if np.max(shift_range) < 1 else drawn


def draw_uniform(bound: float) -> Any:
    """Draw from [-bound, bound]; without a bound, draw nothing."""
    return np.random.uniform(-bound, bound) if bound else 0
