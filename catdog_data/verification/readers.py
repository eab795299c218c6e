"""Which of the pipelines' readers can read a file."""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf

from catdog_data.decoding.any_format import decode_alone
from catdog_data.decoding.decode import decode_as_keras_dataset, read_rgb
from catdog_data.decoding.unreadable import sentence_of
from catdog_data.decoding.wanted import Wanted
from catdog_data.sources.formats import JPEG
from catdog_data.sources.keras_folders import KERAS_EXTENSIONS
from catdog_data.sources.list_files import KERAS_DATASET_EXTENSIONS
from catdog_data.verification.header import Header

GENERATOR = "ImageDataGenerator"
DATASET = "image_dataset_from_directory"


def readers_of(name: str) -> tuple[str, ...]:
    """Tell which APIs list a file of such a name.

    Returns:
        Both, or one; the generator for what it lists when `extra_formats` asks for it.

    Example:
        >>> readers_of("1.tif"), readers_of("1.gif"), readers_of("1.webp")
        (('ImageDataGenerator',), ('image_dataset_from_directory',), ('ImageDataGenerator',))
    """
    lowered = name.lower()
    by_dataset = lowered.endswith(KERAS_DATASET_EXTENSIONS)
    by_generator = lowered.endswith(KERAS_EXTENSIONS) or not by_dataset
    return (GENERATOR,) * by_generator + (DATASET,) * by_dataset


def failure_as_stored(contents: bytes) -> str | None:
    """Decode a file of any kind as the tf.data API reads it where `extensions` lists it.

    Values may be of any type, and channels of any number: what a data set asks for is not known.

    Args:
        contents: all bytes of it.

    Returns:
        What the decoder says, if it cannot read it.

    Example:
        >>> failure_as_stored(b"II*") is None
        False
    """
    try:
        decode_alone(contents, Wanted(None, "float32", as_stored=True))
    except Exception as error:  # decoders raise all kinds for a damaged file
        return _words(error)
    return None


def decodes_once(contents: bytes, header: Header | None) -> bool:
    """Tell whether both readers hand a file to the same decoder, so that one answer does for both.

    Args:
        contents: all bytes of the file.
        header: what Pillow reads of it, or None.
    """
    whole = contents.startswith(JPEG.signatures) and contents.endswith(JPEG.trailer)
    return whole and header is not None and header.channels < 4


def failures(path: str, contents: bytes, header: Header | None) -> dict[str, str]:
    """Decode a file by each reader that lists it, with the pipelines' own settings for RGB.

    Args:
        path: the file.
        contents: all bytes of it.
        header: what Pillow reads of it, or None.

    Returns:
        What the decoder says, by the readers that cannot read the file.

    Example:
        >>> png = tf.io.encode_png(tf.zeros([2, 3, 3], tf.uint8)).numpy()
        >>> failures("1.png", png[:-9], None).keys() >= {DATASET}
        True
    """
    readers = readers_of(path)
    if decodes_once(contents, header):
        words = _failure_of_dataset(contents)
        return {} if words is None else dict.fromkeys(readers, words)
    found = {}
    if GENERATOR in readers and (words := _failure_of_generator(path)) is not None:
        found[GENERATOR] = words
    if DATASET in readers and (words := _failure_of_dataset(contents)) is not None:
        found[DATASET] = words
    return found


def all_decode(contents: Sequence[bytes]) -> bool:
    """Tell whether files that `decodes_once` can all be read.

    One call for many takes half the time of one for each: what calling TensorFlow costs is as
    much as decoding a small image.

    Args:
        contents: all bytes of N files.

    Example:
        >>> jpeg = tf.io.encode_jpeg(tf.zeros([8, 8, 3], tf.uint8)).numpy()
        >>> all_decode([jpeg, jpeg]), all_decode([jpeg, jpeg[:50] + jpeg[-2:]])
        (True, False)
    """
    try:
        with tf.device("CPU:0"):
            _decoded_shapes(tf.constant(list(contents), tf.string))
    except Exception:  # decoders raise all kinds for a damaged file
        return False
    return True


_decoded_shapes = tf.function(
    lambda contents: tf.map_fn(
        # The shape, since nothing is decoded that nobody looks at.
        lambda each: tf.shape(decode_as_keras_dataset(each, 3)),
        contents,
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec([3], tf.int32),
    ),
    input_signature=[tf.TensorSpec([None], tf.string)],
    autograph=False,
)


def _failure_of_dataset(contents: bytes) -> str | None:
    try:
        with tf.device("CPU:0"):
            decode_as_keras_dataset(contents, 3)
    except Exception as error:  # decoders raise all kinds for a damaged file
        return _words(error)
    return None


def _failure_of_generator(path: str) -> str | None:
    try:
        with tf.device("CPU:0"):
            read_rgb(tf.constant(os.fsencode(path)))
    except Exception as error:  # decoders raise all kinds for a damaged file
        return _words(error)
    return None


def _words(error: Exception) -> str:
    """Return a decoder's own words, in a line."""
    sentence = sentence_of(error).rpartition(" says: ")[2].strip()
    return sentence.splitlines()[0] if sentence else type(error).__name__
