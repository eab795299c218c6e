"""Options of `ImageDataGenerator` and its flows: what they may be, how single values are drawn."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import keras
import numpy as np

from catdog_data.kernels.warp import FILL_MODES

CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
"""Channels of an image by `color_mode`."""

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


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


def checked_color_mode(color_mode: str) -> str:
    """Return the color mode; refuse what is none."""
    if color_mode not in CHANNELS:
        raise ValueError(
            f'Invalid color mode: {color_mode}; expected "rgb", "rgba", or "grayscale".'
        )
    return color_mode


def checked_interpolation(interpolation: str) -> str:
    """Return the interpolation; refuse what Pillow does not know."""
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"`interpolation` must be one of {', '.join(map(repr, _INTERPOLATIONS))}; "
            f"received {interpolation!r}."
        )
    return interpolation


def checked_size(target_size: Any) -> tuple[int, int]:
    """Return (height, width) as integers; refuse what is not two whole numbers of pixels."""
    size = tuple(target_size) if hasattr(target_size, "__len__") else ()
    are_numbers = all(isinstance(side, Real) and math.isfinite(side) for side in size)
    if len(size) != 2 or not are_numbers or any(int(side) != side or side < 1 for side in size):
        raise ValueError(
            "`target_size` must be (height, width) in whole pixels, each at least 1; "
            f"received {target_size!r}."
        )
    return int(size[0]), int(size[1])


def part_of_subset(subset: str | None, validation_split: float) -> tuple[float, float] | None:
    """Return where the part of each class that is the subset begins and ends; None for all."""
    if subset is None:
        return None
    if subset == "validation":
        return 0, validation_split
    if subset == "training":
        return validation_split, 1
    raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation"')


def zoom_pair(zoom_range: Any) -> list[float]:
    """Turn a zoom range into the lowest and the highest factor."""
    if isinstance(zoom_range, (float, int)):
        return [1 - zoom_range, 1 + zoom_range]
    if len(zoom_range) == 2 and all(isinstance(value, (float, int)) for value in zoom_range):
        return [zoom_range[0], zoom_range[1]]
    raise ValueError(
        f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom_range}"
    )


def checked_validation_split(validation_split: float) -> float:
    """Return the fraction; refuse what leaves one part empty, but for 0."""
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(
            f"`validation_split` must be strictly between 0 and 1.  Received: {validation_split}"
        )
    return validation_split


def set_implied_options(generator: Any) -> None:
    """Set the options that others need, with Keras' warnings.

    Args:
        generator: an `ImageDataGenerator`, from whose `__init__` this is called.
    """
    if generator.zca_whitening:
        _imply(generator, "zca_whitening", "featurewise_center", True)
        _imply(generator, "zca_whitening", "featurewise_std_normalization", False)
    if generator.featurewise_std_normalization:
        _imply(generator, "featurewise_std_normalization", "featurewise_center", True)
    if generator.samplewise_std_normalization:
        _imply(generator, "samplewise_std_normalization", "samplewise_center", True)


def _imply(generator: Any, option: str, implied: str, value: bool) -> None:
    if bool(getattr(generator, implied)) != value:
        setattr(generator, implied, value)
        warnings.warn(
            f"This ImageDataGenerator specifies `{option}`, which overrides setting of "
            f"`{implied}`.",
            stacklevel=5,
        )


def current_class_mode(class_mode: str | None) -> str | None:
    """Return the `class_mode` of a data frame; warn of the old name of one."""
    if class_mode != "other":
        return class_mode
    warnings.warn(
        '`class_mode="other"` is deprecated, please use `class_mode="raw"`.',
        DeprecationWarning,
        stacklevel=3,
    )
    return "raw"


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
