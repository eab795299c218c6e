"""Bytes read as 32-bit words, which processors gather many at a time."""

from __future__ import annotations

import tensorflow as tf


def as_words(data: tf.Tensor) -> tf.Tensor:
    """View bytes as little-endian words, without a copy. Not to be compiled: XLA would copy.

    Args:
        data: uint8[B, N], N a multiple of 4.

    Returns:
        int32[B, N / 4].

    Example:
        >>> as_words(tf.constant([[1, 2, 0, 0]], tf.uint8)).numpy()
        array([[513]], dtype=int32)
    """
    batch, size = data.shape
    return tf.bitcast(tf.reshape(data, [batch, size // 4, 4]), tf.int32)


def packed_words(images: tf.Tensor) -> tf.Tensor:
    """Put the three bytes of each pixel into one word, red lowest.

    Args:
        images: uint8[B, H, W, 3].

    Returns:
        int32[B, H, W].

    Example:
        >>> hex(packed_words(tf.constant([[[[1, 2, 3]]]], tf.uint8)).numpy().item())
        '0x30201'
    """
    red, green, blue = tf.unstack(tf.cast(images, tf.int32), axis=-1)
    return red + green * 2**8 + blue * 2**16


def unaligned_words(words: tf.Tensor, first_byte: tf.Tensor) -> tf.Tensor:
    """Read the words that begin at any byte: the two around it, shifted into one.

    Args:
        words: int32[B, N / 4], of `as_words`.
        first_byte: int32[B, K], the number of the lowest byte, in [0, N - 4], or up to N - 3 where
            the highest byte of the result does not matter.

    Returns:
        int32[B, K], the byte that was asked for lowest.

    Example:
        >>> words = as_words(tf.constant([[1, 2, 3, 4, 5, 6, 7, 8]], tf.uint8))
        >>> hex(unaligned_words(words, tf.constant([[1]])).numpy()[0, 0])
        '0x5040302'
    """
    word = tf.bitwise.right_shift(first_byte, 2)
    low = tf.bitcast(tf.gather(words, word, batch_dims=1), tf.uint32)
    second = tf.minimum(word + 1, words.shape[1] - 1)
    high = tf.bitcast(tf.gather(words, second, batch_dims=1), tf.uint32)
    bits = tf.cast(tf.bitwise.bitwise_and(first_byte, 3) * 8, tf.uint32)
    # Two shifts, since one by all 32 bits is undefined.
    high = tf.bitwise.left_shift(tf.bitwise.left_shift(high, 31 - bits), tf.ones([], tf.uint32))
    joined = tf.bitwise.bitwise_or(tf.bitwise.right_shift(low, bits), high)
    return tf.bitcast(joined, tf.int32)
