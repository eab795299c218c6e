"""What is drawn for an image and made of it is the same to the bit in a batch of any size."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields

import numpy as np
import pytest
import tensorflow as tf

from catdog_data import Augmentation
from catdog_data.augment.compose import DRAWS, compose
from catdog_data.augment.parameters import Parameters
from catdog_data.augment.steps.channel_shift import ChannelShift, ChannelShiftParameters
from catdog_data.augment.steps.pillow_brightness import (
    PillowBrightness,
    PillowBrightnessParameters,
)
from catdog_data.engine.render import Rendering, Resampling, images_renderer

N, IMAGE_SIZE = 36, (9, 11)
SIZES = (1, 2, 3, 32)

STEPS = {
    "horizontal_flip": True,
    "vertical_flip": True,
    "rotation": 40.0,
    "height_shift": 0.2,
    "width_shift": 0.3,
    "shear": 20.0,
    "zoom": (0.5, 1.6),
    "crop_area": (0.2, 1.0),
    "crop_ratio": (0.5, 2.0),
    "channel_shift": 30.0,
    "brightness": (0.4, 1.8),
    "contrast": (0.4, 1.8),
    "saturation": (0.3, 1.7),
    "hue": 0.4,
    "erasing": 0.8,
}
MIXING = {"mixup", "cutmix"}
"""By design, these make an image depend on the others of its batch."""
HOW = {
    *("zoom_tied", "fill_mode", "fill_value", "interpolation", "mask_fill_value"),
    *("steps_per_image", "erasing_area", "erasing_ratio", "erasing_value"),
}
"""Fields that say how another step is done, and are none by themselves."""


def added():
    """A value for every step that is not listed above: the first of these that it takes."""
    listed = {*STEPS, *MIXING, *HOW}
    for name in (each.name for each in fields(Augmentation) if each.name not in listed):
        for value in (True, 0.7, (0.4, 1.8), (1, 5)):
            with suppress(ValueError):
                yield name, getattr(Augmentation(**{name: value}), name)
                break
        else:
            pytest.fail(f"`{name}` takes none of the values tried: give one in STEPS.")


EVERY_STEP = {**STEPS, **dict(added())}

# Every step has draws of its own, and so a step that differs does so among all.
AUGMENTATIONS = {
    "all": Augmentation(**EVERY_STEP),
    "three of all": Augmentation(**EVERY_STEP, steps_per_image=3),
}


@pytest.fixture(scope="module")
def uniform():
    return np.random.default_rng(3).random((N, DRAWS))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_parameters_are_the_same_in_a_batch_of_any_size(name, uniform):
    composition = compose(AUGMENTATIONS[name])
    expected = tf.nest.flatten(planned(composition, uniform, N))
    for size in SIZES:
        ours = tf.nest.flatten(planned(composition, uniform, size))
        for one, other in zip(ours, expected, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=f"batches of {size}")


def planned(composition, uniform, size):
    parts = [
        composition.parameters(
            tf.constant(uniform[first : first + size]),
            tf.range(first, min(first + size, N), dtype=tf.int64),
            IMAGE_SIZE,
        )
        for first in range(0, N, size)
    ]
    return tf.nest.map_structure(lambda *each: tf.concat(each, axis=0), *parts)


def everything(uniform):
    """Of the tf.data API: the rendering and the parameters of all images."""
    composition = compose(AUGMENTATIONS["all"])
    rendering = Rendering(IMAGE_SIZE, Resampling(), composition.steps, rescale=1 / 255)
    return rendering, planned(composition, uniform, N)


def as_keras(uniform):
    """Of the adapter."""
    geometry = planned(compose(AUGMENTATIONS["all"]), uniform, N).geometry
    steps = (ChannelShift(), PillowBrightness())
    of_steps = (
        ChannelShiftParameters(tf.constant(uniform[:, 0] * 60 - 30)),
        PillowBrightnessParameters(tf.constant(uniform[:, 1] + 0.5)),
    )
    rendering = Rendering(IMAGE_SIZE, Resampling(), steps, rescale=1 / 255)
    return rendering, Parameters(geometry, of_steps)


@pytest.mark.parametrize("face", [pytest.param(everything, marks=pytest.mark.slow), as_keras])
def test_pixels_are_the_same_in_a_batch_of_any_size(face, uniform):
    images = np.random.default_rng(4).integers(0, 256, (N, *IMAGE_SIZE, 3), dtype=np.uint8)
    rendering, parameters = face(uniform)
    render = images_renderer(rendering)

    def rendered(size):
        # As in a pipeline, whose last batch is padded to the size of all.
        numbers = np.arange(-(-N // size) * size) % N
        batches = []
        for part in np.split(numbers, len(numbers) // size):
            of_part = tf.nest.map_structure(
                lambda each, part=part: tf.gather(each, part), parameters
            )
            batches.append(render(of_part, tf.constant(images[part])).numpy())
        return np.concatenate(batches)[:N]

    expected = rendered(SIZES[-1])
    assert np.ptp(expected) > 0
    for size in SIZES[:-1]:
        np.testing.assert_array_equal(rendered(size), expected, err_msg=f"batches of {size}")
