"""Keras' options in the terms of the engine: what is drawn, and what is done to the pixels."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.steps.channel_shift import ChannelShift, ChannelShiftParameters
from catdog_data.augment.steps.pillow_brightness import (
    PillowBrightness,
    PillowBrightnessParameters,
)
from catdog_data.augment.steps.step import Step
from catdog_data.engine.render import Rendering, Resampling
from catdog_data.keras_compat.planning.transform_ranges import Shift, TransformRanges, Transforms
from catdog_data.keras_compat.preprocessing import in_graph
from catdog_data.keras_compat.protocol import Generator
from catdog_data.kernels.warp import FillMode

PHOTOMETRY_COLUMNS = 2
"""Columns of a photometry row: see `photometry_rows`."""


def ranges_of(generator: Generator) -> TransformRanges:
    """Say what is drawn for each image."""
    brightness = generator.brightness_range
    return TransformRanges(
        rotation=float(generator.rotation_range),
        height_shift=_shift(generator.height_shift_range),
        width_shift=_shift(generator.width_shift_range),
        shear=float(generator.shear_range),
        zoom=(float(generator.zoom_range[0]), float(generator.zoom_range[1])),
        horizontal_flip=bool(generator.horizontal_flip),
        vertical_flip=bool(generator.vertical_flip),
        channel_shift=float(generator.channel_shift_range),
        brightness=None if brightness is None else (float(brightness[0]), float(brightness[1])),
    )


def rendering_of(generator: Generator, image_size: tuple[int, int], output_dtype: str) -> Rendering:
    """Describe all that is done to an image, where the graph can do all.

    Args:
        generator: its options.
        image_size: (height, width) in pixels.
        output_dtype: type of the batch.
    """
    function = generator.preprocessing_function
    return replace(
        rendering_of_transforms(generator, image_size),
        preprocess=in_graph(function) if function else None,
        rescale=generator.rescale or None,
        output_dtype=output_dtype,
    )


def rendering_of_transforms(generator: Generator, image_size: tuple[int, int]) -> Rendering:
    """Describe what is done to an image before `standardize`.

    Args:
        generator: its options.
        image_size: (height, width) in pixels.
    """
    ranges = ranges_of(generator)
    # Mirroring alone moves whole pixels, which the cheaper order does exactly.
    order = generator.interpolation_order if ranges.moves_pixels else 0
    steps: list[Step] = []
    if generator.channel_shift_range:
        steps.append(ChannelShift())
    if generator.brightness_range is not None:
        steps.append(PillowBrightness())
    return Rendering(
        image_size=image_size,
        resampling=_resampling(generator, order) if ranges.moves_pixels or ranges.flips else None,
        steps=tuple(steps),
        pixel_dtype=keras.config.floatx(),
        output_dtype=keras.config.floatx(),
    )


def rendering_of_warp(generator: Generator, image_size: tuple[int, int], dtype: str) -> Rendering:
    """Describe the resampling alone.

    Args:
        generator: its options.
        image_size: (height, width) in pixels.
        dtype: floating type of the images, before and after.
    """
    return Rendering(
        image_size=image_size,
        resampling=_resampling(generator, generator.interpolation_order),
        pixel_dtype=dtype,
        output_dtype=dtype,
    )


def photometry_rows(transforms: Transforms) -> NDArray[np.float64]:
    """Turn drawn parameters into the rows that follow the warp.

    Args:
        transforms: B rows.

    Returns:
        float64[B, 2]: channel shift and factor of brightness.
    """
    return np.column_stack([transforms.channel_shift, transforms.brightness])


def parameters_of_steps(steps: tuple[Step, ...], photometry: tf.Tensor) -> tuple[Any, ...]:
    """Give each step of a rendering what is drawn for it.

    Args:
        steps: those of `rendering_of`.
        photometry: float64[B, 2], see `photometry_rows`.

    Returns:
        The parameters of each step.
    """
    channel_shift, brightness = tf.unstack(photometry, axis=1)
    of_types = {
        ChannelShift: ChannelShiftParameters(channel_shift),
        PillowBrightness: PillowBrightnessParameters(brightness),
    }
    return tuple(of_types[type(step)] for step in steps)


def _resampling(generator: Generator, order: int) -> Resampling:
    return Resampling(cast(FillMode, generator.fill_mode), float(generator.cval), order)


def _shift(value: Any) -> Shift:
    """Tell a range from a choice as NumPy's `choice` does: a positive integer n is `range(n)`."""
    if np.ndim(value):
        return tuple(float(each) for each in value)
    try:
        whole = operator.index(value)
    except TypeError:  # a float of Python's or of NumPy's, whatever its value
        return float(value)
    return tuple(float(each) for each in range(whole)) if whole > 0 else float(whole)
