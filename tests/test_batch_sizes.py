"""What is drawn for an image and made of it is the same to the bit in a batch of any size."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import tensorflow as tf

from catdog_data import Augmentation
from catdog_data.augment.draws import DRAWS, planned_rows
from catdog_data.engine.render import Rendering, images_renderer

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

# Every step has draws of its own, and so a step that differs does so among all.
AUGMENTATIONS = {
    "all": Augmentation(**STEPS),
    "three of all": Augmentation(**STEPS, steps_per_image=3),
}


def test_no_step_is_left_out():
    assert set(STEPS) | MIXING | HOW == {each.name for each in fields(Augmentation)}


@pytest.fixture(scope="module")
def uniform():
    return np.random.default_rng(3).random((N, DRAWS))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_rows_are_the_same_in_a_batch_of_any_size(name, uniform):
    rows = {size: planned(AUGMENTATIONS[name], uniform, size) for size in (*SIZES, N)}
    for size in SIZES:
        for ours, expected in zip(rows[size], rows[N], strict=True):
            np.testing.assert_array_equal(ours, expected, err_msg=f"batches of {size}")


def planned(augmentation, uniform, size):
    parts = [
        planned_rows(
            tf.constant(uniform[first : first + size]),
            tf.range(first, min(first + size, N), dtype=tf.int64),
            augmentation,
            IMAGE_SIZE,
        )
        for first in range(0, N, size)
    ]
    return [
        np.concatenate([part.numpy() for part in column]) for column in zip(*parts, strict=True)
    ]


CHANGES = {
    "all, rescaled": {
        **dict.fromkeys(("warps", "shifts_channels", "recolours", "erases"), True),
        "rescale": 1 / 255,
    },
    "adapter": {"warps": True, "shifts_channels": True, "brightens": True, "rescale": 1 / 255},
}


@pytest.mark.parametrize("name", CHANGES)
def test_pixels_are_the_same_in_a_batch_of_any_size(name, uniform):
    images = np.random.default_rng(4).integers(0, 256, (N, *IMAGE_SIZE, 3), dtype=np.uint8)
    geometry, photometry = planned(AUGMENTATIONS["all"], uniform, N)
    render = images_renderer(Rendering(image_size=IMAGE_SIZE, **CHANGES[name]))

    def rendered(size):
        # As in a pipeline, whose last batch is padded to the size of all.
        places = np.arange(-(-N // size) * size) % N
        parts = np.split(places, len(places) // size)
        batches = [
            render(*(tf.constant(each[part]) for each in (geometry, photometry, images))).numpy()
            for part in parts
        ]
        return np.concatenate(batches)[:N]

    expected = rendered(SIZES[-1])
    assert np.ptp(expected) > 0
    for size in SIZES[:-1]:
        np.testing.assert_array_equal(rendered(size), expected, err_msg=f"batches of {size}")
