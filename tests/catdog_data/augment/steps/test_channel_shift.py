"""Channel shift equals Keras'."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras.src.legacy.preprocessing.image import apply_channel_shift
from step_draws import parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.channel_shift import ChannelShift, ChannelShiftParameters


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_channel_shift_is_that_of_keras(dtype):
    images = np.random.default_rng(0).uniform(0, 255, (4, 6, 5, 3)).astype(dtype)
    intensity = np.array([-300.0, -12.3, 45.6, 0.0])
    got = ChannelShift().apply(tf.constant(images), ChannelShiftParameters(intensity))
    expected = [
        apply_channel_shift(image, float(value), channel_axis=2)
        for image, value in zip(images, intensity, strict=True)
    ]
    np.testing.assert_array_equal(got, expected)


def test_shifts_lie_in_their_range():
    (intensity,) = parameters(ChannelShift, Augmentation(channel_shift=30.0))
    assert -30 <= intensity.min() < -29 < 29 < intensity.max() <= 30
