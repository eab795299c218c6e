"""Large JPEG files to no more pixels than are needed: averaged while they are decoded."""

from __future__ import annotations

import tensorflow as tf

from catdog_data.decoding.decode import decode_as_keras_dataset

_RATIOS = (2, 4, 8)
"""What a JPEG may be divided by while it is decoded; larger ones cost less."""


def decode_at_least(
    contents: tf.Tensor, channels: int, image_size: tuple[int, int], *, pad: bool = False
) -> tf.Tensor:
    """Decode the bytes of one image file, JPEGs to 1/8, 1/4 or 1/2 where that suffices a target.

    The smallest that is not below the target is taken, so nothing is enlarged that would not be
    enlarged from the whole. Each of its pixels is the mean of a square of the whole image's, but
    for rounding and for colours that are stored coarsely. Other formats are decoded whole, as
    `decode_as_keras_dataset` does.

    Args:
        contents: string[].
        channels: 1, 3 or 4; 0 for those that are stored.
        image_size: (height, width) in pixels of the target.
        pad: whether the image will be padded to the target's aspect ratio, for which one side of
            the target's suffices. Otherwise both sides have them, and so has the largest crop of
            the target's aspect ratio.

    Returns:
        uint8[H, W, channels]; with H >= height and W >= width (or, with `pad`, one of these) if
        the whole image has them, or else the whole image.

    Example:
        >>> jpeg = tf.io.encode_jpeg(tf.zeros([400, 600, 3], tf.uint8))
        >>> decode_at_least(jpeg, 3, (64, 64)).shape
        TensorShape([100, 150, 3])
    """
    # The size of a JPEG, and of no other format, is known before it is decoded.
    is_jpeg = tf.strings.substr(contents, 0, 3) == b"\xff\xd8\xff"
    halvings = tf.cond(
        is_jpeg, lambda: _halvings(contents, image_size, pad), lambda: tf.constant(0)
    )

    def whole() -> tf.Tensor:
        return decode_as_keras_dataset(contents, channels)

    def scaled(ratio: int) -> tf.Tensor:
        return tf.io.decode_jpeg(contents, channels=channels, ratio=ratio)

    image = tf.switch_case(
        halvings, [whole, *(lambda ratio=ratio: scaled(ratio) for ratio in _RATIOS)]
    )
    return tf.ensure_shape(image, [None, None, channels or None])


def _halvings(contents: tf.Tensor, image_size: tuple[int, int], pad: bool) -> tf.Tensor:
    """Tell how often a JPEG can be halved: int32[], from 0 to 3."""
    size = tf.io.extract_jpeg_shape(contents)[:2]
    ratios = tf.constant(_RATIOS)[:, tf.newaxis]
    # libjpeg rounds up.
    enough = (size + ratios - 1) // ratios >= tf.constant(image_size)
    # To pad, both sides are divided by the larger of H / height and W / width, and to crop, the
    # lengths min(H, W * height / width) and min(W, H * width / height) are cut out: the one
    # shrinks if either side is large enough, the others have the target's size if both are.
    suffices = tf.reduce_any(enough, axis=1) if pad else tf.reduce_all(enough, axis=1)
    # Where one ratio suffices, each smaller one does.
    return tf.reduce_sum(tf.cast(suffices, tf.int32))
