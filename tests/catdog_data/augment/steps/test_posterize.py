"""Posterize equals Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.posterize import Posterize, PosterizeParameters


def posterized(images, *bits):
    drawn = PosterizeParameters(tf.constant(bits, tf.int32))
    return Posterize().apply(tf.constant(images.astype("float32")), drawn).numpy()


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterize_is_that_of_pillow(bits):
    # Every value in every channel.
    image = np.stack([np.roll(np.arange(256), shift) for shift in (0, 7, 100)], axis=1)
    image = image.reshape(16, 16, 3).astype("uint8")
    expected = ImageOps.posterize(Image.fromarray(image), bits)
    np.testing.assert_array_equal(posterized(image[np.newaxis], bits)[0], expected)


def test_values_are_rounded_to_the_nearest_of_8_bits():
    image = np.array([127.4, 127.6, 128.4, 0.2, 254.8]).reshape(1, 1, 5, 1)
    np.testing.assert_array_equal(posterized(image, 1)[0, 0, :, 0], [0, 128, 128, 0, 128])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_only_images_that_lose_bits_change_and_alpha_does_not(channels):
    images = np.random.default_rng(0).uniform(0, 255, (3, 6, 5, channels)).astype("float32")
    got = posterized(images, 8, 2, 8)
    np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
    assert set(got[1, ..., :3].ravel()) == {0, 64, 128, 192}
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


@pytest.mark.parametrize("limits", [(1, 8), (4, 6), (5.0, 5.0)])
def test_each_number_of_bits_is_as_likely(limits):
    (bits,) = parameters(Posterize, Augmentation(posterize=limits))
    numbers, counts = np.unique(bits, return_counts=True)
    np.testing.assert_array_equal(numbers, np.arange(limits[0], limits[1] + 1))
    np.testing.assert_allclose(counts / len(bits), 1 / len(numbers), atol=0.03)
