"""Resampling by index tables, as Pillow and as TensorFlow pick them, and as Keras resizes files."""

from __future__ import annotations

import tensorflow as tf


def nearest_table(source: tf.Tensor, target: int) -> tf.Tensor:
    """Tell which source pixel each target pixel shows, as Pillow's `NEAREST` picks it.

    Pillow steps through the source by adding the scale again and again in double precision, so
    its rounding errors accumulate; the same sums are made here, in the same order, and the table
    is equal for every size (`tf.image.resize` differs on 0.2 % of pixels).

    Args:
        source: int32[...], pixels along one axis of each source, at least 1.
        target: pixels along that axis of the target, at least 1.

    Returns:
        int32[..., target], indices in [0, source).

    Example:
        >>> nearest_table(tf.constant(5), 3).numpy()
        array([0, 2, 4], dtype=int32)
    """
    # TensorFlow's graph optimiser turns `/ constant` into `* reciprocal`, which rounds otherwise.
    source = source[..., tf.newaxis]
    scale = tf.math.divide_no_nan(tf.cast(source, tf.float64), tf.cast(target, tf.float64))
    steps = scale * tf.constant([0.5, *[1.0] * (target - 1)], tf.float64)
    return tf.minimum(tf.cast(tf.cumsum(steps, axis=-1), tf.int32), source - 1)


def tensorflow_nearest_table(source: tf.Tensor, target: int) -> tf.Tensor:
    """Tell which source pixel each target pixel shows in `tf.image.resize(method="nearest")`.

    Args:
        source: int32[...], pixels along one axis of each source, at least 1.
        target: pixels along that axis of the target, at least 1.

    Returns:
        int32[..., target], indices in [0, source).

    Example:
        >>> tensorflow_nearest_table(tf.constant(5), 3).numpy()
        array([0, 2, 4], dtype=int32)
    """
    source = source[..., tf.newaxis]
    # As in the kernel: in float32, and a division that the graph optimiser leaves alone.
    scale = tf.math.divide_no_nan(tf.cast(source, tf.float32), tf.cast(target, tf.float32))
    centre = tf.range(target, dtype=tf.float32) + 0.5
    return tf.minimum(tf.cast(tf.floor(centre * scale), tf.int32), source - 1)


def resize_as_keras(
    image: tf.Tensor,
    image_size: tuple[int, int],
    interpolation: str,
    *,
    crop: bool = False,
    pad: bool = False,
    antialias: bool = False,
) -> tf.Tensor:
    """Resize one image as `keras.utils.image_dataset_from_directory` does.

    Args:
        image: uint8[H, W, C].
        image_size: (height, width) in pixels of the target.
        interpolation: a method of `tf.image.resize`.
        crop: whether the centre is cropped to the target's aspect ratio first.
        pad: whether the image is padded with zeros to it instead.
        antialias: whether shrinking averages over all pixels that are lost.

    Returns:
        [height, width, C]: float32, or uint8 for "nearest".

    Example:
        >>> image = tf.zeros([40, 60, 3], tf.uint8)
        >>> resize_as_keras(image, (16, 16), "bilinear", crop=True)[0, 0]
        <tf.Tensor: shape=(3,), dtype=float32, numpy=array([0., 0., 0.], dtype=float32)>
    """
    if pad:
        return _padded(image, image_size, interpolation, antialias=antialias)
    if crop:
        image = _cropped(image, image_size)
    return tf.image.resize(image, image_size, method=interpolation, antialias=antialias)


def _padded(
    image: tf.Tensor, image_size: tuple[int, int], interpolation: str, *, antialias: bool
) -> tf.Tensor:
    """Resize as `tf.image.resize_with_pad` does, in every graph alike: [height, width, C].

    The divisions are of a form that the graph optimiser does not rewrite: others are rounded
    differently in a saved graph and in a dataset.
    """
    target = tf.constant(image_size, tf.float32)
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    ratio = tf.reduce_max(tf.math.divide_no_nan(size, target))
    fitting = tf.math.divide_no_nan(size, ratio)
    resized = tf.image.resize(
        image, tf.cast(tf.floor(fitting), tf.int32), method=interpolation, antialias=antialias
    )
    # Rounded, a side that fits exactly may be a little longer than the target's.
    before = tf.maximum(tf.cast(tf.floor((target - fitting) / 2), tf.int32), 0)
    after = tf.constant(image_size) - tf.shape(resized)[:2] - before
    margins = tf.concat([tf.stack([before, after], axis=1), [[0, 0]]], axis=0)
    return tf.pad(resized, margins)


def _cropped(image: tf.Tensor, image_size: tuple[int, int]) -> tf.Tensor:
    height, width = tf.unstack(tf.shape(image)[:2])
    crop_height = _crop_length(width * image_size[0], image_size[1], height)
    crop_width = _crop_length(height * image_size[1], image_size[0], width)
    top = tf.cast(tf.cast(height - crop_height, tf.float32) / 2, tf.int32)
    left = tf.cast(tf.cast(width - crop_width, tf.float32) / 2, tf.int32)
    return image[top : top + crop_height, left : left + crop_width]


def _crop_length(product: tf.Tensor, divisor: int, longest: tf.Tensor) -> tf.Tensor:
    length = tf.cast(
        tf.math.divide_no_nan(tf.cast(product, tf.float32), tf.cast(divisor, tf.float32)), tf.int32
    )
    return tf.clip_by_value(length, 1, longest)
