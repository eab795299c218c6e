from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from scipy_rounding import assert_same_pixels

from catdog_data.kernels.compiled import compiled, xla_is_available
from catdog_data.kernels.warp import (
    FILL_MODES,
    coordinate_tables,
    warp,
    warp_by_tables,
)

MODES_AND_ORDERS = list(itertools.product(FILL_MODES, (0, 1)))
CVAL = 7.3


def geometries(image_size, seed=0):
    """Identity, quarter turn, far away on both sides, then random ones; all four flips."""
    random = np.random.default_rng(seed)
    matrices = np.eye(2) + random.normal(size=(12, 2, 2)) * random.choice([0.1, 0.5, 3], (12, 1, 1))
    offsets = random.normal(size=(12, 2)) * max(image_size)
    matrices[0], offsets[0] = np.eye(2), 0
    matrices[1], offsets[1] = [[0, 1], [-1, 0]], [0, image_size[1] - 1]
    matrices[2], offsets[2] = np.eye(2), 1e11
    matrices[3], offsets[3] = np.eye(2), -1e11
    matrices[4], offsets[4] = np.eye(2) * 0.5, -2.25
    flips = np.array(list(itertools.product((0.0, 1.0), repeat=2)) * 3)
    return np.column_stack([matrices[:, 0], offsets[:, 0], matrices[:, 1], offsets[:, 1], flips])


def scipy_warp(image, row, fill_mode, order):
    matrix, offset = row[[0, 1, 3, 4]].reshape(2, 2), row[[2, 5]]
    channels = [
        scipy.ndimage.affine_transform(
            channel, matrix, offset, order=order, mode=fill_mode, cval=CVAL
        )
        for channel in np.moveaxis(image.astype(np.float64), -1, 0)
    ]
    result = np.stack(channels, axis=-1)
    result = result[:, ::-1] if row[6] else result
    return result[::-1] if row[7] else result


def compiled_warp(images, geometry, **options):
    kernel = compiled(lambda pixels, *tables: warp_by_tables(pixels, tables, **options))
    return kernel(tf.constant(images), *coordinate_tables(tf.constant(geometry), images.shape[1:3]))


@pytest.mark.parametrize(("fill_mode", "order"), MODES_AND_ORDERS)
@pytest.mark.parametrize("image_size", [(37, 53), (1, 1), (1, 9), (2, 2)])
def test_equals_scipy_to_the_last_bit_of_a_double(image_size, fill_mode, order):
    assert xla_is_available()
    geometry = geometries(image_size)
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (len(geometry), *image_size, 3), dtype=np.uint8)
    expected = np.stack(
        [
            scipy_warp(image, row, fill_mode, order)
            for image, row in zip(images, geometry, strict=True)
        ]
    )
    options = {"fill_mode": fill_mode, "cval": CVAL, "order": order}
    assert_same_pixels(compiled_warp(images, geometry, **options), expected)
    packed = (images.astype(np.int32) << [0, 8, 16]).sum(axis=-1, dtype=np.int32)
    assert_same_pixels(compiled_warp(packed, geometry, **options), expected)
    assert_same_pixels(warp(images, geometry, **options), expected)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels_and_signed_values(channels):
    geometry = geometries((20, 31))
    images = np.random.default_rng(2).normal(size=(len(geometry), 20, 31, channels)) * 100
    got = compiled_warp(images, geometry, fill_mode="reflect", cval=CVAL, order=1)
    for image, row, result in zip(images, geometry, got.numpy(), strict=True):
        assert_same_pixels(result, scipy_warp(image, row, "reflect", 1))


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect"])
def test_float32_is_close(fill_mode):
    geometry = geometries((40, 30))[[0, 1, 4, 8, 9]]
    images = np.random.default_rng(3).integers(0, 256, (len(geometry), 40, 30, 3), dtype=np.uint8)
    exact = warp(images, geometry, fill_mode=fill_mode)
    fast = warp(images, geometry, fill_mode=fill_mode, compute_dtype=tf.float32)
    assert fast.dtype == tf.float32
    np.testing.assert_allclose(fast, exact, atol=0.05)
