"""From uniform draws to transforms, crops, erased boxes and mixtures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.legacy.preprocessing.image import apply_affine_transform
from PIL import Image

from catdog_data import Augmentation
from catdog_data.augment.boxes import erase, mix
from catdog_data.augment.draws import (
    DRAWS,
    crops,
    erased_boxes,
    mixtures,
    planned_rows,
    transforms,
)
from catdog_data.augment.geometry_rows import geometry_of
from catdog_data.kernels.warp import warp

UNIFORM = tf.constant(np.random.default_rng(0).random((4000, DRAWS)))
NEUTRAL = np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0])
ALL = Augmentation(
    rotation=20,
    height_shift=0.1,
    width_shift=0.2,
    shear=5,
    zoom=(0.5, 2.0),
    horizontal_flip=True,
    channel_shift=30,
    brightness=(0.8, 1.1),
    contrast=(0.9, 1.0),
    saturation=(0.0, 3.0),
    hue=0.1,
)
SIZE = (40, 60)


def test_transforms_lie_in_their_ranges():
    drawn = transforms(UNIFORM, ALL).numpy().T
    limits = [
        *((-20, 20), (-0.1, 0.1), (-0.2, 0.2), (-5, 5), (0.5, 2), (0.5, 2), (0, 1), (0, 0)),
        *((-30, 30), (0.8, 1.1), (0.9, 1), (0, 3), (-0.1, 0.1)),
    ]
    for column, (low, high) in zip(drawn, limits, strict=True):
        assert low <= column.min() <= column.max() <= high
        assert abs(column.mean() - (low + high) / 2) <= 0.05 * (high - low)
    assert set(drawn[6]) == {0.0, 1.0}
    tied = transforms(UNIFORM, Augmentation(zoom=(0.5, 2.0), zoom_tied=True)).numpy()
    np.testing.assert_array_equal(tied[:, 4], tied[:, 5])


@pytest.mark.parametrize(
    ("name", "columns"),
    [("rotation", [0]), ("zoom", [4, 5]), ("horizontal_flip", [6]), ("hue", [12])],
)
def test_a_range_changes_only_what_it_is_for(name, columns):
    without = replace(ALL, **{name: getattr(Augmentation(), name)})
    differs = (transforms(UNIFORM, without) != transforms(UNIFORM, ALL)).numpy().any(axis=0)
    assert np.flatnonzero(differs).tolist() == columns


@pytest.mark.parametrize("count", [0, 1, 3, 10, 99])
def test_steps_per_image(count):
    drawn = transforms(UNIFORM, replace(ALL, steps_per_image=count)).numpy()
    changed = drawn != NEUTRAL
    np.testing.assert_array_equal(changed[:, 4], changed[:, 5])
    steps = np.delete(changed, [5, 6, 7], axis=1)  # both zooms are one step, a flip is none
    assert set(steps.sum(axis=1)) == {min(count, 10)}
    # Each step has its turn, and gives then what it gives without a choice.
    np.testing.assert_allclose(steps.mean(axis=0), min(count, 10) / 10, atol=0.03)
    everything = transforms(UNIFORM, ALL).numpy()
    np.testing.assert_array_equal(drawn[changed], everything[changed])


def test_rand_augment_picks_from_its_steps():
    augmentation = Augmentation.rand_augment(2, 30, vertical_flip=True, hue=0.1)
    assert augmentation.rotation == 30
    assert augmentation.brightness == (0.1, 1.9)
    assert augmentation.shear == pytest.approx(np.degrees(np.arctan(0.3)))
    assert eval(repr(augmentation)) == augmentation
    # At magnitude 0 nothing is left to pick.
    nothing = transforms(UNIFORM, Augmentation.rand_augment(2, 0)).numpy()
    np.testing.assert_array_equal(nothing, np.tile(NEUTRAL, (4000, 1)))
    with pytest.raises(ValueError, match=r"`magnitude` must lie in \[0, 30\]; received 31"):
        Augmentation.rand_augment(2, 31)


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
    row = tf.constant([[theta, down, right, shear, rows, columns, 0.0, 0.0]], tf.float64)
    got = warp(image[np.newaxis], geometry_of(row, (size, size)))[0]
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_crops_lie_within_the_image():
    augmentation = Augmentation(crop_area=(0.2, 0.9), crop_ratio=(0.5, 2.0))
    top, left, height, width = crops(UNIFORM, augmentation).numpy().T
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
    row = tf.constant([[0, 0, 0, 0, 1, 1, float(flip), 0]], tf.float64)
    geometry = geometry_of(row, SIZE, tf.constant([[top, left, height, width]], tf.float64))
    got = warp(image[np.newaxis, :, :, np.newaxis], geometry)[0, :, :, 0].numpy()
    # Pillow does not look beyond the box, which is felt within half a pixel of its border.
    np.testing.assert_allclose(got[3:-3, 3:-3], expected[3:-3, 3:-3], atol=2e-2)


def test_erased_boxes():
    augmentation = Augmentation(erasing=0.3, erasing_area=(0.05, 0.2), erasing_ratio=(0.5, 2.0))
    boxes = erased_boxes(UNIFORM, augmentation, SIZE).numpy()
    np.testing.assert_array_equal(boxes, boxes.round())
    top, left, bottom, right = boxes.T
    assert min(top.min(), left.min()) >= 0
    assert bottom.max() == 40
    assert right.max() == 60
    area = (bottom - top) * (right - left) / (40 * 60)
    assert abs((area > 0).mean() - 0.3) < 0.03
    assert 0.04 <= area[area > 0].min() <= area.max() <= 0.22
    none = erased_boxes(UNIFORM, Augmentation(erasing=0.0), SIZE).numpy()
    np.testing.assert_array_equal(none[:, :2], none[:, 2:])


def test_erasing_fills_the_box_and_nothing_else():
    images = np.random.default_rng(3).uniform(1, 255, (2, 5, 7, 3)).astype("float32")
    boxes = tf.constant([[1, 2, 4, 6], [0, 0, 0, 0]], tf.float64)
    expected = images.copy()
    expected[0, 1:4, 2:6] = 9
    np.testing.assert_array_equal(erase(images, boxes, 9), expected)


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_weights_are_of_a_beta_distribution(alpha):
    mixture, share = mixtures(UNIFORM, Augmentation(mixup=alpha), SIZE)
    np.testing.assert_array_equal(mixture[:, 0], share)
    assert scipy.stats.kstest(share.numpy(), scipy.stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_shares_of_a_pasted_box_are_its_area():
    mixture, share = (each.numpy() for each in mixtures(UNIFORM, Augmentation(cutmix=1.0), SIZE))
    weight, top, left, bottom, right = mixture.T
    assert set(weight) == {1.0}
    assert min(top.min(), left.min()) == 0
    assert (bottom.max(), right.max()) == SIZE
    np.testing.assert_allclose(1 - share, (bottom - top) * (right - left) / (40 * 60), atol=1e-12)
    # A box that no border cuts off has the image's own proportions.
    inside = (top > 0) & (left > 0) & (bottom < 40) & (right < 60)
    np.testing.assert_allclose((bottom - top)[inside] / 40, (right - left)[inside] / 60, atol=0.05)


def test_with_both_each_image_has_one_mixture():
    mixture, share = mixtures(UNIFORM, Augmentation(mixup=0.5, cutmix=0.5), SIZE)
    mixture = mixture.numpy()
    pasted = (mixture[:, 3] > mixture[:, 1]) & (mixture[:, 4] > mixture[:, 2])
    assert set(mixture[pasted, 0]) == {1.0}
    assert 0.4 < pasted.mean() < 0.55  # some boxes are empty
    np.testing.assert_array_equal(share.numpy()[~pasted & (mixture[:, 0] < 1)] < 1, True)


def test_mixing_blends_and_pastes():
    images = np.random.default_rng(4).uniform(0, 255, (3, 5, 7, 2)).astype("float32")
    boxes = tf.constant([[0, 0, 0, 0], [1, 2, 4, 6], [0, 0, 5, 7]], tf.float64)
    got = mix(images, tf.constant([1.0, 2, 0]), tf.constant([0.25, 1, 1]), boxes).numpy()
    np.testing.assert_allclose(got[0], 0.25 * images[0] + 0.75 * images[1], rtol=1e-5)
    pasted = images[1].copy()
    pasted[1:4, 2:6] = images[2, 1:4, 2:6]
    np.testing.assert_allclose(got[1], pasted, rtol=1e-5)
    np.testing.assert_allclose(got[2], images[0], rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_partners_are_images_and_not_padding(count):
    index = tf.constant([*range(count), *[-1] * (6 - count)], tf.int64)
    _, photometry = planned_rows(UNIFORM[:6], index, Augmentation(mixup=1.0), SIZE)
    assert photometry[:count, 9].numpy().tolist() == [*range(1, count), 0]
