"""The warp of an image of any size, beside SciPy, and for how many lengths it is compiled."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from scipy_rounding import assert_same_pixels

from catdog_data.kernels.warp import FILL_MODES
from catdog_data.kernels.warp_any_size import _places, _warped, padded_length, warp_any_size

SIZES = [(37, 53), (1, 1), (1, 9), (9, 1), (64, 64), (70, 61), (2, 5000)]


def scipy_warp(image, row, fill_mode, order):
    matrix, offset = row[[0, 1, 3, 4]].reshape(2, 2), row[[2, 5]]
    channels = [
        scipy.ndimage.affine_transform(
            channel, matrix, offset, order=order, mode=fill_mode, cval=7.3
        )
        for channel in np.moveaxis(image.astype(np.float64), -1, 0)
    ]
    result = np.stack(channels, axis=-1)
    result = result[:, ::-1] if row[6] else result
    return result[::-1] if row[7] else result


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("order", [0, 1])
def test_equals_scipy_to_the_last_bit_of_a_double(fill_mode, order):
    random = np.random.default_rng(4)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3]), tf.TensorSpec([8], tf.float64)])
    def warped(image, row):
        # In a graph that does not know the size.
        image = tf.cast(image, tf.uint8)
        options = {"fill_mode": fill_mode, "cval": 7.3, "order": order, "finish": tf.identity}
        return warp_any_size(image, row, **options)

    for size in SIZES:
        image = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        matrix = np.eye(2) + random.normal(size=(2, 2)) * 0.4
        offset = random.normal(size=2) * max(size) * 0.3
        flips = random.integers(0, 2, 2)
        row = np.array([*matrix[0], offset[0], *matrix[1], offset[1], *flips])
        got = warped(tf.constant(image, tf.float32), tf.constant(row)).numpy()
        assert_same_pixels(got, scipy_warp(image, row, fill_mode, order))


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(channels):
    image = np.random.default_rng(1).integers(0, 256, (40, 30, channels), dtype=np.uint8)
    row = np.array([0.9, 0.3, -2, -0.3, 1.1, 5, 1, 0])
    options = {"fill_mode": "reflect", "cval": 7.3, "order": 1, "finish": tf.identity}
    got = warp_any_size(tf.constant(image), tf.constant(row), **options).numpy()
    assert_same_pixels(got, scipy_warp(image, row, "reflect", 1))


def test_lengths_are_few_and_enough():
    # Of images from 1 to 25 million pixels.
    pixels = np.unique(np.geomspace(1, 25e6, 3000).astype(np.int32))
    lengths = np.array([int(padded_length(tf.constant(each))) for each in pixels])
    assert (lengths >= pixels).all()
    assert (lengths <= np.maximum(1.5 * pixels, 4096)).all()
    assert len(set(lengths.tolist())) <= 28


def test_one_kernel_serves_images_of_a_length():
    """XLA compiles by shape; of what is compiled here, no shape depends on the image's sides."""
    options = ("nearest", 0.0, 1, tf.identity)
    kernel = _warped(*options)
    assert _warped(*options) is kernel
    shapes = set()
    for size in ((50, 70), (70, 50), (35, 100), (61, 60)):
        places = _places(tf.eye(8, dtype=tf.float64)[0], tf.constant(size, tf.float64), 4096)
        shapes |= {tuple(each.shape) for each in places}
    assert shapes == {(4096,)}
