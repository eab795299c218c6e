"""Solarize equals Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.solarize import Solarize, SolarizeParameters


def solarized(images, *thresholds):
    drawn = SolarizeParameters(tf.constant(thresholds, tf.float64))
    return Solarize().apply(tf.constant(images.astype("float32")), drawn).numpy()


@pytest.mark.parametrize("threshold", [0, 1, 127.5, 128, 255, 256])
def test_solarize_is_that_of_pillow(threshold):
    # Every value in every channel.
    image = np.stack([np.roll(np.arange(256), shift) for shift in (0, 7, 100)], axis=1)
    image = image.reshape(16, 16, 3).astype("uint8")
    expected = ImageOps.solarize(Image.fromarray(image), threshold)
    np.testing.assert_array_equal(solarized(image[np.newaxis], threshold)[0], expected)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_only_images_with_a_threshold_change_and_alpha_does_not(channels):
    images = np.random.default_rng(0).uniform(0, 255, (3, 6, 5, channels)).astype("float32")
    got = solarized(images, 256, 0, 256)
    np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
    np.testing.assert_array_equal(got[1, ..., :3], 255 - images[1, ..., :3])
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


def test_thresholds_lie_in_their_range():
    (threshold,) = parameters(Solarize, Augmentation(solarize=(50, 200)))
    assert 50 <= threshold.min() < 51 < 199 < threshold.max() <= 200
