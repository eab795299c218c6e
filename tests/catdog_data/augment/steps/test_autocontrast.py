"""Autocontrast equals Pillow's, within the level that Pillow rounds off."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.autocontrast import Autocontrast, AutocontrastParameters


def stretched(images, chosen=None):
    chosen = [True] * len(images) if chosen is None else chosen
    drawn = AutocontrastParameters(tf.constant(chosen))
    return Autocontrast().apply(tf.constant(images.astype("float32")), drawn).numpy()


@pytest.mark.parametrize("limits", [(0, 255), (10, 11), (30, 200), (0, 90), (128, 255), (7, 7)])
def test_autocontrast_is_that_of_pillow(limits):
    low, high = limits
    image = np.random.default_rng(0).integers(low, high + 1, (20, 30, 3)).astype("uint8")
    image[..., 2] = np.minimum(image[..., 2], (low + high) // 2)
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(image)))
    got = stretched(image[np.newaxis])[0]
    np.testing.assert_allclose(got, expected, atol=1)
    np.testing.assert_array_equal(got.min(axis=(0, 1)), expected.min(axis=(0, 1)))
    np.testing.assert_allclose(got.max(axis=(0, 1)), expected.max(axis=(0, 1)), atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_only_chosen_images_change_and_alpha_does_not(channels):
    images = np.random.default_rng(0).uniform(50, 99, (3, 6, 5, channels)).astype("float32")
    got = stretched(images, [False, True, False])
    np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
    np.testing.assert_array_equal(got[1, ..., :3].min(axis=(0, 1)), 0)
    np.testing.assert_allclose(got[1, ..., :3].max(axis=(0, 1)), 255, atol=1e-4)
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


def test_channels_of_one_value_stay():
    images = np.random.default_rng(0).uniform(50, 99, (1, 6, 5, 3)).astype("float32")
    # Even but for the roundings of a resampling.
    images[..., 0] = np.where(images[..., 0] > 70, 128, np.nextafter(np.float32(128), 0))
    images[..., 1] = 33.3
    got = stretched(images)
    np.testing.assert_array_equal(got[..., :2], images[..., :2])
    assert np.ptp(got[..., 2]) > 254


def test_the_likelihood_is_that_asked_for():
    (chosen,) = parameters(Autocontrast, Augmentation(autocontrast=0.3))
    assert abs(chosen.mean() - 0.3) < 0.03
