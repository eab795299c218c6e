"""MixUp and CutMix: weights and boxes, and what they do to images and labels."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from step_draws import SIZE, parameters

from catdog_data import Augmentation
from catdog_data.augment.steps.mixing import Mixing, MixingParameters


def mixtures(**alphas):
    return parameters(Mixing, Augmentation(**alphas))


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_weights_are_of_a_beta_distribution(alpha):
    mixture = mixtures(mixup=alpha)
    np.testing.assert_array_equal(mixture.weight, mixture.share)
    assert scipy.stats.kstest(mixture.share, scipy.stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_shares_of_a_pasted_box_are_its_area():
    _, weight, boxes, share = mixtures(cutmix=1.0)
    top, left, bottom, right = boxes.T
    assert set(weight) == {1.0}
    assert min(top.min(), left.min()) == 0
    assert (bottom.max(), right.max()) == SIZE
    np.testing.assert_allclose(1 - share, (bottom - top) * (right - left) / (40 * 60), atol=1e-12)
    # A box that no border cuts off has the image's own proportions.
    inside = (top > 0) & (left > 0) & (bottom < 40) & (right < 60)
    np.testing.assert_allclose((bottom - top)[inside] / 40, (right - left)[inside] / 60, atol=0.05)


def test_with_both_each_image_has_one_mixture():
    _, weight, boxes, share = mixtures(mixup=0.5, cutmix=0.5)
    pasted = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    assert set(weight[pasted]) == {1.0}
    assert 0.4 < pasted.mean() < 0.55  # some boxes are empty
    np.testing.assert_array_equal(share[~pasted & (weight < 1)] < 1, True)


def test_mixing_blends_and_pastes():
    images = np.random.default_rng(4).uniform(0, 255, (3, 5, 7, 2)).astype("float32")
    boxes = tf.constant([[0, 0, 0, 0], [1, 2, 4, 6], [0, 0, 5, 7]], tf.float64)
    share = tf.constant([0.25, 0.5, 1.0], tf.float64)
    drawn = MixingParameters(
        tf.constant([1, 2, 0]), tf.constant([0.25, 1, 1], tf.float64), boxes, share
    )
    got = Mixing().apply(tf.constant(images), drawn).numpy()
    np.testing.assert_allclose(got[0], 0.25 * images[0] + 0.75 * images[1], rtol=1e-5)
    pasted = images[1].copy()
    pasted[1:4, 2:6] = images[2, 1:4, 2:6]
    np.testing.assert_allclose(got[1], pasted, rtol=1e-5)
    np.testing.assert_allclose(got[2], images[0], rtol=1e-5)
    labels = Mixing().apply_to_labels(tf.constant([[0.0, 1], [1, 0], [1, 1]]), drawn)
    np.testing.assert_allclose(labels, [[0.75, 0.25], [1, 0.5], [1, 1]])


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_partners_are_images_and_not_padding(count):
    index = [*range(count), *[-1] * (6 - count)]
    mixture = parameters(Mixing, Augmentation(mixup=1.0), count=6, index=index)
    assert mixture.partner[:count].tolist() == [*range(1, count), 0]
