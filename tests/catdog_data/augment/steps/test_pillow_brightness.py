"""Brightness through 8 bits equals Keras'."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from keras.src.legacy.preprocessing.image import apply_brightness_shift

from catdog_data.augment.steps.pillow_brightness import (
    PillowBrightness,
    PillowBrightnessParameters,
)


def test_brightness_is_that_of_keras():
    images = np.random.default_rng(0).uniform(0, 255, (5, 6, 5, 3)).astype("float32")
    factors = np.array([0.0, 0.37, 1.0, 1.61, 9.0])
    got = PillowBrightness().apply(tf.constant(images), PillowBrightnessParameters(factors))
    expected = [
        apply_brightness_shift(image, factor, scale=False)
        for image, factor in zip(images, factors, strict=True)
    ]
    np.testing.assert_array_equal(got, expected)


def test_fractions_are_fractions_of_255():
    whole = np.random.default_rng(1).integers(0, 256, (2, 6, 5, 3)).astype("float32")
    factors = PillowBrightnessParameters(np.array([0.4, 1.3]))
    expected = PillowBrightness().apply(tf.constant(whole), factors).numpy()
    # A little more, since a fraction may be rounded to below its whole number of 255.
    got = PillowBrightness().apply(tf.constant((whole + 0.01) / 255.01), factors).numpy()
    np.testing.assert_allclose(got * 255, expected, atol=0.01)
