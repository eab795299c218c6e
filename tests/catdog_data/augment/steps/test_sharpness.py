"""Sharpness equals Pillow's, within the level that Pillow rounds off."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance
from scipy.ndimage import convolve
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.sharpness import Sharpness, SharpnessParameters


def sharpened(images, *factors):
    drawn = SharpnessParameters(tf.constant(factors, tf.float64))
    return Sharpness().apply(tf.constant(images.astype("float32")), drawn).numpy()


@pytest.mark.parametrize("factor", [0.0, 0.1, 0.7, 1.0, 1.9])
@pytest.mark.parametrize("size", [(20, 30), (3, 3), (3, 9), (2, 5), (1, 1)], ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_sharpness_is_that_of_pillow(factor, size, mode):
    image = np.random.default_rng(0).integers(0, 256, (*size, len(mode))).astype("uint8")
    pillow = Image.fromarray(image[..., 0] if mode == "L" else image)
    expected = np.asarray(ImageEnhance.Sharpness(pillow).enhance(factor)).reshape(image.shape)
    got = sharpened(image[np.newaxis], factor)[0]
    # Pillow rounds the smoothed image, and rounds the result down.
    np.testing.assert_allclose(np.floor(got), expected, atol=1)
    edges = np.ones(size, bool)
    edges[1:-1, 1:-1] = False
    np.testing.assert_array_equal(got[edges], image[edges])


def test_the_smoothed_image_is_a_weighted_mean():
    image = np.random.default_rng(1).uniform(0, 255, (9, 8)).astype("float32")
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    got = sharpened(image[np.newaxis, ..., np.newaxis], 0.0)[0, ..., 0]
    inside = np.s_[1:-1, 1:-1]
    np.testing.assert_allclose(got[inside], convolve(image, kernel)[inside], atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_only_images_with_a_factor_change_and_alpha_does_not(channels):
    images = np.random.default_rng(0).uniform(0, 255, (3, 6, 5, channels)).astype("float32")
    got = sharpened(images, 1.0, 1.5, 1.0)
    np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
    assert (got[1, 1:-1, 1:-1, :3] != images[1, 1:-1, 1:-1, :3]).any()
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


def test_factors_lie_in_their_range():
    (factor,) = parameters(Sharpness, Augmentation(sharpness=(0.1, 1.9)))
    assert 0.1 <= factor.min() < 0.12 < 1.88 < factor.max() <= 1.9
