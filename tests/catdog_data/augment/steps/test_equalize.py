"""Equalize equals Pillow's, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.equalize import Equalize, EqualizeParameters


def equalized(images, chosen=None):
    chosen = [True] * len(images) if chosen is None else chosen
    drawn = EqualizeParameters(tf.constant(chosen))
    return Equalize().apply(tf.constant(images.astype("float32")), drawn).numpy()


def pictures():
    """Of many kinds and sizes, by name: uint8[H, W, 3]."""
    random = np.random.default_rng(0)
    for size in ((1, 1), (3, 5), (15, 17), (16, 16), (40, 30), (97, 101)):
        yield f"even values {size}", random.integers(0, 256, (*size, 3))
        yield f"dark {size}", random.normal(40, 12, (*size, 3))
        yield f"few values {size}", random.choice([3, 90, 91, 255], (*size, 3))
        yield f"two values {size}", 200 * (random.random((*size, 3)) < 0.5)
        yield f"one value {size}", np.full((*size, 3), (0, 128, 255))
    # Its last value is beyond 255 before it is cut off.
    yield "one bright pixel", np.pad(np.full((1, 1, 3), 250), [(0, 19), (0, 19), (0, 0)])
    yield "many steps of one", np.arange(510).reshape(15, 34, 1).repeat(3, 2) // 2


@pytest.mark.parametrize(
    "image",
    [pytest.param(np.clip(image, 0, 255).astype("uint8"), id=name) for name, image in pictures()],
)
def test_equalize_is_that_of_pillow(image):
    expected = ImageOps.equalize(Image.fromarray(image))
    np.testing.assert_array_equal(equalized(image[np.newaxis])[0], expected)
    np.testing.assert_array_equal(
        equalized(image[np.newaxis, ..., :1])[0, ..., 0],
        ImageOps.equalize(Image.fromarray(np.ascontiguousarray(image[..., 0]))),
    )


def test_values_are_rounded_to_the_nearest_of_8_bits():
    whole = np.random.default_rng(1).integers(0, 256, (1, 20, 30, 3)).astype("float32")
    uneven = np.clip(whole + np.random.default_rng(2).uniform(-0.4, 0.4, whole.shape), -0.4, 255.4)
    np.testing.assert_array_equal(equalized(uneven), equalized(whole))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_only_chosen_images_change_and_alpha_does_not(channels):
    images = np.random.default_rng(0).uniform(0, 99, (3, 20, 15, channels)).astype("float32")
    got = equalized(images, [False, True, False])
    np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
    assert got[1, ..., :3].max() == 255
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


def test_a_channel_of_one_value_stays():
    images = np.full((1, 20, 15, 3), 77.3, "float32")
    np.testing.assert_array_equal(equalized(images), images)


def test_the_likelihood_is_that_asked_for():
    (chosen,) = parameters(Equalize, Augmentation(equalize=0.3))
    assert abs(chosen.mean() - 0.3) < 0.03
