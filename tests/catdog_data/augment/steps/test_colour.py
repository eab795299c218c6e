"""Colour: brightness, contrast and saturation as Pillow has them, and hue about the grey axis."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance

from catdog_data.augment.steps.colour import Colour, ColourParameters

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 6, 5, 3)).astype("float32")


def recoloured(images=IMAGES, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    values = (brightness, contrast, saturation, hue)
    columns = [tf.fill([len(images)], tf.constant(value, tf.float64)) for value in values]
    return Colour().apply(tf.constant(images), ColourParameters(*columns)).numpy()


def test_nothing_changes_nothing():
    np.testing.assert_allclose(recoloured(), IMAGES, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "enhancer", "tolerance"),
    [
        ("brightness", ImageEnhance.Brightness, 1.0),
        ("contrast", ImageEnhance.Contrast, 2.0),
        ("saturation", ImageEnhance.Color, 2.0),
    ],
)
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.7])
def test_colours_change_as_in_pillow(name, enhancer, tolerance, factor):
    # Pillow rounds to 8 bits on the way.
    whole = np.floor(IMAGES)
    expected = [
        np.asarray(enhancer(Image.fromarray(image.astype("uint8"))).enhance(factor))
        for image in whole
    ]
    np.testing.assert_allclose(recoloured(whole, **{name: factor}), expected, atol=tolerance)


def test_hue_turns_about_grey():
    grey = np.repeat(IMAGES[..., :1], 3, axis=-1)
    np.testing.assert_allclose(recoloured(grey, hue=0.3), grey, atol=0.2)
    dull = 100 + IMAGES / 10
    there_and_back = recoloured(recoloured(dull, hue=0.2), hue=-0.2)
    np.testing.assert_allclose(there_and_back, dull, atol=0.01)
    red = np.full((1, 1, 1, 3), (140.0, 110.0, 110.0), "float32")
    hues = [colorsys.rgb_to_hsv(*(recoloured(red, hue=turn)[0, 0, 0] / 255)) for turn in (0.0, 0.5)]
    assert hues[0][0] == pytest.approx(0.0, abs=0.01)
    assert hues[1][0] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_numbers_of_channels(channels):
    images = np.random.default_rng(1).uniform(0, 100, (2, 4, 3, channels)).astype("float32")
    got = recoloured(images, brightness=2.0, saturation=0.2, hue=0.3)
    if channels == 1:
        np.testing.assert_allclose(got, images * 2, rtol=1e-5)
    else:
        np.testing.assert_array_equal(got[..., 3], images[..., 3])
        assert not np.allclose(got[..., :3], images[..., :3])
