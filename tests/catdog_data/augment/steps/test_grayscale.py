"""Grayscale equals Pillow's, within the level that Pillow rounds off."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.grayscale import Grayscale, GrayscaleParameters


def greyed(images, chosen):
    drawn = GrayscaleParameters(tf.constant(chosen))
    return Grayscale().apply(tf.constant(images.astype("float32")), drawn).numpy()


def test_grayscale_is_that_of_pillow():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype("uint8")
    expected = np.asarray(Image.fromarray(image).convert("L"))
    got = greyed(image[np.newaxis], [True])[0]
    np.testing.assert_allclose(got, np.repeat(expected[..., np.newaxis], 3, axis=-1), atol=0.51)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_only_chosen_images_change_and_alpha_does_not(channels):
    images = np.random.default_rng(0).uniform(0, 255, (3, 6, 5, channels)).astype("float32")
    got = greyed(images, [False, True, False])
    np.testing.assert_array_equal(got[[0, 2]], images[[0, 2]])
    if channels == 1:
        np.testing.assert_array_equal(got, images)
    else:
        assert (np.ptp(got[1, ..., :3], axis=-1) == 0).all()
        assert (got[1, ..., :3] != images[1, ..., :3]).any()
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


def test_the_likelihood_is_that_asked_for():
    (chosen,) = parameters(Grayscale, Augmentation(grayscale=0.3))
    assert abs(chosen.mean() - 0.3) < 0.03


def test_it_is_none_of_the_steps_that_images_pick_among():
    (chosen,) = parameters(Grayscale, Augmentation(grayscale=1.0, hue=0.1, steps_per_image=0))
    assert chosen.all()
