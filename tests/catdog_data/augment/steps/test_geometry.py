"""Geometry: movements lie in their ranges, and move pixels as Keras and Pillow do."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import apply_affine_transform
from PIL import Image
from step_draws import SIZE, drawn

from catdog_data import Augmentation
from catdog_data.augment.steps.geometry import (
    Crops,
    Geometry,
    Movements,
    PlainShears,
    geometry_rows,
)
from catdog_data.kernels.warp import warp

ALL = Augmentation(
    rotation=20,
    height_shift=0.1,
    width_shift=0.2,
    shear=5,
    zoom=(0.5, 2.0),
    horizontal_flip=True,
)


def movements(augmentation):
    return Geometry(augmentation).movements(drawn(augmentation))


def test_movements_lie_in_their_ranges():
    limits = [
        *((-20, 20), (-0.1, 0.1), (-0.2, 0.2), (-5, 5), (0.5, 2), (0.5, 2), (0, 1), (0, 0)),
    ]
    for name, column, (low, high) in zip(Movements._fields, movements(ALL), limits, strict=True):
        column = column.numpy()
        assert low <= column.min() <= column.max() <= high, name
        assert abs(column.mean() - (low + high) / 2) <= 0.05 * (high - low), name
    assert set(movements(ALL).flip_columns.numpy()) == {0.0, 1.0}


def test_a_tied_zoom_has_one_factor():
    tied = movements(Augmentation(zoom=(0.5, 2.0), zoom_tied=True))
    np.testing.assert_array_equal(tied.rows, tied.columns)
    free = movements(Augmentation(zoom=(0.5, 2.0)))
    assert (free.rows != free.columns).numpy().all()


def one(value):
    return tf.constant([value], tf.float64)


@settings(max_examples=25, deadline=None)
@given(
    theta=st.floats(-180, 180),
    down=st.floats(-0.5, 0.5),
    right=st.floats(-0.5, 0.5),
    shear=st.floats(-60, 60),
    rows=st.floats(0.3, 3),
    columns=st.floats(0.3, 3),
)
def test_geometry_is_that_of_keras_on_squares(theta, down, right, shear, rows, columns):
    # Keras exchanges rows and columns in its matrices, and with them shifts and zooms.
    size = 9
    image = np.random.default_rng(1).uniform(0, 255, (size, size, 3)).astype("float32")
    expected = apply_affine_transform(
        image,
        theta=theta,
        tx=right * size,
        ty=down * size,
        shear=shear,
        zx=columns,
        zy=rows,
        row_axis=0,
        col_axis=1,
        channel_axis=2,
    )
    moved = Movements(*map(one, (theta, down, right, shear, rows, columns, 0.0, 0.0)))
    got = warp(image[np.newaxis], geometry_rows(moved, (size, size)))[0]
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_crops_lie_within_the_image():
    augmentation = Augmentation(crop_area=(0.2, 0.9), crop_ratio=(0.5, 2.0))
    crops = Geometry(augmentation).crops(drawn(augmentation))
    top, left, height, width = (each.numpy() for each in crops)
    assert min(top.min(), left.min()) >= 0
    assert max((top + height).max(), (left + width).max()) <= 1 + 1e-12
    whole = (height < 1) & (width < 1)
    area, ratio = (height * width)[whole], (width / height)[whole]
    assert 0.2 <= area.min() <= area.max() <= 0.9
    assert 0.5 <= ratio.min() <= ratio.max() <= 2
    # Nothing but the border keeps a crop from anywhere.
    for first, length in ((top, height), (left, width)):
        free = length < 0.99
        assert abs((first[free] / (1 - length[free])).mean() - 0.5) < 0.03


@settings(max_examples=25, deadline=None)
@given(
    top=st.floats(0, 0.5), left=st.floats(0, 0.5), height=st.floats(0.3, 0.5),
    width=st.floats(0.3, 0.5), flip=st.booleans(),
)  # fmt: skip
def test_a_crop_is_that_of_pillow(top, left, height, width, flip):
    image = np.random.default_rng(2).uniform(0, 255, SIZE).astype("float32")
    box = (left * 60, top * 40, (left + width) * 60, (top + height) * 40)
    resized = Image.fromarray(image).resize((60, 40), Image.Resampling.BILINEAR, box)
    expected = np.asarray(resized)[:, :: -1 if flip else 1]
    moved = Movements(*map(one, (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, float(flip), 0.0)))
    rows = geometry_rows(moved, SIZE, Crops(*map(one, (top, left, height, width))))
    got = warp(image[np.newaxis, :, :, np.newaxis], rows)[0, :, :, 0].numpy()
    # Pillow does not look beyond the box, which is felt within half a pixel of its border.
    np.testing.assert_allclose(got[3:-3, 3:-3], expected[3:-3, 3:-3], atol=2e-2)


@pytest.mark.parametrize("slopes", [(0.3, 0.0), (0.0, -0.4), (0.2, 0.1)], ids=str)
def test_plain_shears_are_those_of_pillow(slopes):
    horizontal, vertical = slopes
    image = np.random.default_rng(2).uniform(0, 255, SIZE).astype("float32")
    height, width = SIZE
    # Pillow's x is a column, and its pixels have their centres at halves. Columns move by the row
    # where the vertical shear has brought it.
    per_row, per_column = (1 + horizontal * vertical, horizontal), (vertical, 1)
    x = (*per_row, width / 2 * (1 - per_row[0]) - height / 2 * per_row[1])
    y = (*per_column, -width / 2 * per_column[0])
    pillow = Image.fromarray(image)
    transform = Image.Transform.AFFINE, (*x, *y), Image.Resampling.BILINEAR
    expected = np.asarray(pillow.transform(pillow.size, *transform, fillcolor=-1))
    still = Movements(*map(one, (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0)))
    rows = geometry_rows(still, SIZE, shears=PlainShears(one(horizontal), one(vertical)))
    got = warp(image[np.newaxis, :, :, np.newaxis], rows)[0, :, :, 0].numpy()
    # Pillow has values up to half a pixel beyond the image.
    inside = (
        np.asarray(
            Image.fromarray(np.pad(np.ones((38, 58), "float32"), 1)).transform(
                pillow.size, *transform, fillcolor=0
            )
        )
        == 1
    )
    assert inside.mean() > 0.5
    np.testing.assert_allclose(got[inside], expected[inside], atol=2e-2)


def test_plain_shears_lie_in_their_ranges():
    augmentation = Augmentation(horizontal_shear=30, vertical_shear=10)
    shears = Geometry(augmentation).plain_shears(drawn(augmentation))
    for slope, limit in zip(shears, (30, 10), strict=True):
        angle = np.degrees(np.arctan(slope))
        assert -limit <= angle.min() < -0.99 * limit < 0.99 * limit < angle.max() <= limit
