"""From uniform draws to what an augmentation does to each image.

Every decision has draws of its own, whether or not it is asked for: setting one range changes
nothing of what another draws.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from scipy.special import betaincinv

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.geometry_rows import geometry_of

DRAWS = 36
"""Uniform numbers that an image draws."""

TRANSFORMS = 13
"""Columns of `transforms`: angle, shifts of rows and of columns, shear, zooms of rows and of
columns, two flips, channel shift, brightness, contrast, saturation, hue."""

PARTNER, SHARE = 9, 15
"""Columns of the photometry, see `planned_rows`."""

_PICKS, _CROP = slice(13, 23), slice(23, 27)
_ERASING, _MIXING = slice(27, 32), slice(32, 36)

_COLUMNS_OF_STEPS: dict[str, tuple[int, ...]] = {
    "rotation": (0,),
    "height_shift": (1,),
    "width_shift": (2,),
    "shear": (3,),
    "zoom": (4, 5),
    "channel_shift": (8,),
    "brightness": (9,),
    "contrast": (10,),
    "saturation": (11,),
    "hue": (12,),
}
"""What `steps_per_image` picks from, in the order of their draws."""

_NEUTRAL = np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0], np.float64)
_FLIPS = np.array([6, 7])


def planned_rows(
    uniform: tf.Tensor, index: tf.Tensor, augmentation: Augmentation, image_size: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Plan a batch.

    Args:
        uniform: float64[B, DRAWS] in [0, 1).
        index: int64[B], the images; -1 is padding, which comes last.
        augmentation: what is done.
        image_size: (height, width) in pixels.

    Returns:
        Geometry float64[B, 8] and photometry float64[B, P], as `catdog_data.engine.render` takes
        them; where images are mixed, the photometry's last column is the share of each image in its
        label, `SHARE`, and before that comes what they are mixed with, from `PARTNER` on.
    """
    rows = transforms(uniform, augmentation)
    cut = crops(uniform, augmentation) if augmentation.crops else None
    photometry = [rows[:, 8:]]
    if augmentation.erasing or augmentation.mixes:
        photometry.append(erased_boxes(uniform, augmentation, image_size))
    if augmentation.mixes:
        count = tf.maximum(tf.math.count_nonzero(index >= 0), 1)
        partner = (tf.range(index.shape[0], dtype=tf.int64) + 1) % count
        mixture, share = mixtures(uniform, augmentation, image_size)
        photometry += [tf.cast(partner, tf.float64)[:, tf.newaxis], mixture]
        photometry.append(share[:, tf.newaxis])
    return geometry_of(rows, image_size, cut), tf.concat(photometry, axis=1)


def transforms(uniform: tf.Tensor, augmentation: Augmentation) -> tf.Tensor:
    """Bring draws into the ranges of rotation, shift, shear, zoom, flips and colours.

    Args:
        uniform: float64[B, DRAWS] in [0, 1).
        augmentation: the ranges; shifts are fractions of the size.

    Returns:
        float64[B, TRANSFORMS].
    """
    low, high = _limits(augmentation)
    # A zoom that is tied takes the draw of the rows for both axes.
    taken = np.arange(TRANSFORMS)
    taken[5] = 4 if augmentation.zoom_tied else 5
    drawn = tf.gather(uniform, taken, axis=1)
    values = low + (high - low) * drawn
    if augmentation.steps_per_image is not None:
        values = tf.where(_picked(uniform[:, _PICKS], augmentation), values, _NEUTRAL)
    if not augmentation.flips:
        return values
    likelihood = np.zeros(TRANSFORMS)
    likelihood[_FLIPS] = 0.5 * np.array([augmentation.horizontal_flip, augmentation.vertical_flip])
    return values + tf.cast(drawn < likelihood, tf.float64)


def crops(uniform: tf.Tensor, augmentation: Augmentation) -> tf.Tensor:
    """Draw the part of each image that is seen.

    Args:
        uniform: float64[B, DRAWS] in [0, 1).
        augmentation: the ranges.

    Returns:
        float64[B, 4]: top, left, height and width, as fractions of the image.
    """
    area, ratio, down, right = tf.unstack(uniform[:, _CROP], axis=1)
    height, width = _sides(area, ratio, augmentation.crop_area, augmentation.crop_ratio)
    return tf.stack([down * (1 - height), right * (1 - width), height, width], axis=1)


def erased_boxes(
    uniform: tf.Tensor, augmentation: Augmentation, image_size: tuple[int, int]
) -> tf.Tensor:
    """Draw the part of each image that is erased (Zhong et al., 2017).

    Args:
        uniform: float64[B, DRAWS] in [0, 1).
        augmentation: the ranges.
        image_size: (height, width) in pixels.

    Returns:
        float64[B, 4]: first row and column, then the first behind the box; whole numbers. An
        image that keeps all has an empty box.
    """
    whether, area, ratio, down, right = tf.unstack(uniform[:, _ERASING], axis=1)
    height, width = _sides(area, ratio, augmentation.erasing_area, augmentation.erasing_ratio)
    chosen = tf.cast(whether < augmentation.erasing, tf.float64)
    rows = tf.round(height * image_size[0]) * chosen
    columns = tf.round(width * image_size[1]) * chosen
    top = tf.floor(down * (image_size[0] - rows + 1))
    left = tf.floor(right * (image_size[1] - columns + 1))
    return tf.stack([top, left, top + rows, left + columns], axis=1)


def mixtures(
    uniform: tf.Tensor, augmentation: Augmentation, image_size: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw how much of each image stays when another is blended with it or pasted into it.

    MixUp (Zhang et al., 2018) blends by a weight from Beta(mixup, mixup); CutMix (Yun et al.,
    2019) pastes a box whose area is a share from Beta(cutmix, cutmix), its centre anywhere. With
    both, each image has one of them, half of the time either.

    Args:
        uniform: float64[B, DRAWS] in [0, 1).
        augmentation: the two parameters.
        image_size: (height, width) in pixels.

    Returns:
        float64[B, 5], the weight of the image outside of a box, then the box as in
        `erased_boxes`; and float64[B], the share of the image in its label.
    """
    which, share, down, right = tf.unstack(uniform[:, _MIXING], axis=1)
    one = tf.ones_like(share)
    weight = _beta(share, augmentation.mixup) if augmentation.mixup else one
    if not augmentation.cutmix:
        box = tf.zeros([*share.shape, 4], tf.float64)
        return tf.concat([weight[:, tf.newaxis], box], axis=1), weight
    kept = _beta(share, augmentation.cutmix)
    if augmentation.mixup:
        pastes = which < 0.5
        weight, kept = tf.where(pastes, one, weight), tf.where(pastes, kept, one)
    height, width = image_size
    side = tf.sqrt(1 - kept)
    top, bottom = _within(down * height, side * height, height)
    left, right = _within(right * width, side * width, width)
    outside = 1 - (bottom - top) * (right - left) / (height * width)
    return tf.stack([weight, top, left, bottom, right], axis=1), weight * outside


def _limits(augmentation: Augmentation) -> tuple[np.ndarray, np.ndarray]:
    low, high = _NEUTRAL.copy(), _NEUTRAL.copy()
    for name, columns in _COLUMNS_OF_STEPS.items():
        value = getattr(augmentation, name)
        limits = value if isinstance(value, tuple) else (-value, value)
        low[list(columns)], high[list(columns)] = limits
    return low, high


def _picked(draws: tf.Tensor, augmentation: Augmentation) -> tf.Tensor:
    """Tell which columns of `transforms` an image draws: bool[B, TRANSFORMS]."""
    names = list(_COLUMNS_OF_STEPS)
    offered = [i for i, name in enumerate(names) if augmentation.draws(name)]
    count = min(augmentation.steps_per_image or 0, len(offered))
    if count == 0:
        return tf.zeros([draws.shape[0], TRANSFORMS], tf.bool)
    offers = tf.gather(draws, offered, axis=1)
    last = tf.sort(offers, axis=1)[:, count - 1 : count]
    step_of_column = np.full(TRANSFORMS, len(offered))
    for place, i in enumerate(offered):
        step_of_column[list(_COLUMNS_OF_STEPS[names[i]])] = place
    nothing = tf.zeros([draws.shape[0], 1], tf.bool)
    return tf.gather(tf.concat([offers <= last, nothing], axis=1), step_of_column, axis=1)


def _sides(
    area: tf.Tensor, ratio: tf.Tensor, areas: tuple[float, float], ratios: tuple[float, float]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw height and width of a box, fractions of the image; its ratio on a logarithmic scale."""
    area = areas[0] + (areas[1] - areas[0]) * area
    logarithms = np.log(ratios)
    ratio = _exponential(logarithms[0] + (logarithms[1] - logarithms[0]) * ratio)
    return tf.minimum(tf.sqrt(area / ratio), 1), tf.minimum(tf.sqrt(area * ratio), 1)


def _exponential(values: tf.Tensor) -> tf.Tensor:
    """Raise e to each of float64[B], to the same bits at every place of a batch of any size."""
    # TensorFlow rounds what does not fill a vector of up to eight otherwise: so eight of each.
    return tf.exp(tf.repeat(values[:, tf.newaxis], 8, axis=1))[:, 0]


def _within(centre: tf.Tensor, length: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the first pixel of an interval and the first behind it, cut off at the borders."""
    first = tf.floor(centre - length / 2 + 0.5)
    last = tf.floor(centre + length / 2 + 0.5)
    return tf.clip_by_value(first, 0, size), tf.clip_by_value(last, 0, size)


def _beta(uniform: tf.Tensor, alpha: float) -> tf.Tensor:
    """Bring uniform draws to the distribution Beta(alpha, alpha), by its quantiles."""
    # A draw of its own for each value: a table of quantiles takes no rejected draws.
    steps = 4096
    quantiles = tf.constant(betaincinv(alpha, alpha, np.linspace(0, 1, steps + 1)))
    place = uniform * steps
    first = tf.cast(place, tf.int32)
    low, high = tf.gather(quantiles, first), tf.gather(quantiles, first + 1)
    return low + (high - low) * (place - tf.floor(place))
