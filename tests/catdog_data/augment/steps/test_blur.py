"""Blur equals SciPy's, torchvision's and, away from the borders, Keras'."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.blur import Blur, BlurParameters


def pictures(*shape):
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


def blurred(images, sigma, highest=None):
    drawn = BlurParameters(tf.fill([len(images)], tf.constant(sigma, tf.float64)))
    return Blur((0.0, highest or sigma)).apply(tf.constant(images), drawn).numpy()


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0, 5.5, 16.0])
@pytest.mark.parametrize("size", [(70, 33), (9, 11), (1, 5), (2, 1)], ids=str)
def test_blur_is_that_of_scipy(sigma, size):
    images = pictures(2, *size, 3)
    expected = [gaussian_filter(each, (sigma, sigma, 0), mode="mirror") for each in images]
    np.testing.assert_allclose(blurred(images, sigma), expected, atol=2e-3)


def test_the_radius_is_that_of_the_highest_sigma():
    images = pictures(1, 40, 30, 3)
    around = gaussian_filter(images[0], (1.3, 1.3, 0), mode="mirror", radius=(20, 20, 0))
    np.testing.assert_allclose(blurred(images, 1.3, highest=5.0)[0], around, atol=1e-3)


def test_blur_is_that_of_keras_away_from_the_borders():
    images = pictures(2, 40, 50, 3)
    layer = keras.layers.RandomGaussianBlur(factor=(1.0, 1.0), kernel_size=9, sigma=(1.0, 1.0))
    expected = layer(images, training=True).numpy()
    inside = np.s_[:, 4:-4, 4:-4]
    np.testing.assert_allclose(blurred(images, 1.0)[inside], expected[inside], atol=1e-3)


def test_blur_is_that_of_torchvision():
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchvision.transforms.v2.functional")
    images = pictures(2, 40, 50, 3)
    first = torch.from_numpy(images).permute(0, 3, 1, 2)
    expected = functional.gaussian_blur(first, [17, 17], [2.0, 2.0]).permute(0, 2, 3, 1)
    np.testing.assert_allclose(blurred(images, 2.0), expected.numpy(), atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_only_images_that_drew_it_are_blurred_and_alpha_is_not(channels):
    images = pictures(3, 9, 11, channels)
    drawn = BlurParameters(tf.constant([0.0, 1.0, 0.0], tf.float64))
    got = Blur((0.0, 2.0)).apply(tf.constant(images), drawn).numpy()
    np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
    colours = min(channels, 3)
    assert (got[1, ..., :colours] != images[1, ..., :colours]).any(axis=(0, 1)).all()
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


def test_sigmas_lie_in_their_range():
    (sigma,) = parameters(Blur, Augmentation(blur=(0.5, 2.0)))
    assert 0.5 <= sigma.min() < 0.51 < 1.99 < sigma.max() <= 2
    assert not Blur.of(Augmentation(blur=(0, 0))).is_set
