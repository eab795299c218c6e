"""Random erasing: boxes of the asked areas, and nothing outside of them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from step_draws import SIZE, parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.erasing import Erasing, ErasingParameters


def test_erased_boxes():
    augmentation = Augmentation(erasing=0.3, erasing_area=(0.05, 0.2), erasing_ratio=(0.5, 2.0))
    boxes = parameters(Erasing, augmentation).boxes
    np.testing.assert_array_equal(boxes, boxes.round())
    top, left, bottom, right = boxes.T
    assert min(top.min(), left.min()) >= 0
    assert (bottom.max(), right.max()) == SIZE
    area = (bottom - top) * (right - left) / (40 * 60)
    assert abs((area > 0).mean() - 0.3) < 0.03
    assert 0.04 <= area[area > 0].min() <= area.max() <= 0.22
    none = parameters(Erasing, Augmentation(erasing=0.0)).boxes
    np.testing.assert_array_equal(none[:, :2], none[:, 2:])


def test_erasing_fills_the_box_and_nothing_else():
    images = np.random.default_rng(3).uniform(1, 255, (2, 5, 7, 3)).astype("float32")
    boxes = tf.constant([[1, 2, 4, 6], [0, 0, 0, 0]], tf.float64)
    expected = images.copy()
    expected[0, 1:4, 2:6] = 9
    erased = Erasing(value=9).apply(tf.constant(images), ErasingParameters(boxes))
    np.testing.assert_array_equal(erased, expected)
