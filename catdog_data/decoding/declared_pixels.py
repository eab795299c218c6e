"""How many pixels the bytes of an image declare, by operations of TensorFlow alone.

A graph that is saved has no Pillow to ask. So it reads the headers that TensorFlow's decoders read,
before these take memory, and refuses what `catdog_data.decoding.limits` refuses.
"""

from __future__ import annotations

import tensorflow as tf

from catdog_data.decoding.limits import most_bytes_in_scans, most_pixels
from catdog_data.sources.formats import JPEG, PNG

_HEADER = 30
"""Bytes; all sizes but those of JPEG and of GIF's frames are within."""
_UNKNOWN = -1
_SHOWN = 8
"""Bytes of what is no image that the error shows."""
_SETTING = "by `PIL.Image.MAX_IMAGE_PIXELS` at export"


def within_limit(contents: tf.Tensor) -> tf.Tensor:
    """Let the bytes of an image pass, unless it has too many pixels.

    The limit is that of `most_pixels` when this is called or traced. All frames of an animation
    count. A JPEG that is not in one scan counts as if it had no halved colours: how they are stored
    is not looked at.

    Args:
        contents: string[], of a JPEG, PNG, GIF, BMP or WebP file.

    Returns:
        The same. Using it raises `tf.errors.InvalidArgumentError` for an image that has too many
        pixels, and for what is of no such format; where there is no limit, for nothing.

    Example:
        >>> png = tf.io.encode_png(tf.zeros([2, 3, 3], tf.uint8))
        >>> bool(within_limit(png) == png)
        True
    """
    most = most_pixels()
    if most is None:
        return contents
    pixels, in_scans = _declared(contents)
    most_bytes = most_bytes_in_scans(most)
    rules = [
        (
            pixels != _UNKNOWN,
            "The bytes must be a JPEG, PNG, GIF, BMP or WebP file; they begin:",
            tf.strings.substr(contents, 0, _SHOWN),
        ),
        (
            pixels <= most,
            f"An image must have at most {most} pixels in all frames, {_SETTING}. Make it "
            "smaller. Its pixels:",
            pixels,
        ),
        (
            in_scans <= most_bytes,
            f"A progressive JPEG must take at most {most_bytes} bytes, {_SETTING}; "
            "`jpegtran in.jpg > out.jpg` makes it baseline. Its bytes:",
            in_scans,
        ),
    ]
    checked = [tf.debugging.Assert(holds, [rule, value]) for holds, rule, value in rules]
    # Outside of a graph, they have been checked.
    with tf.control_dependencies([each for each in checked if each is not None]):
        return tf.identity(contents)


def declared_pixels(contents: tf.Tensor) -> tf.Tensor:
    """Read how many pixels an image has, those of all frames; -1 where that is not known.

    Args:
        contents: string[].

    Returns:
        int64[].

    Example:
        >>> int(declared_pixels(tf.io.encode_png(tf.zeros([2, 3, 3], tf.uint8))))
        6
    """
    return _declared(contents)[0]


def _declared(contents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Read the pixels of an image, and what it takes as a JPEG in several scans, in bytes."""
    start = tf.strings.join([tf.strings.substr(contents, 0, _HEADER), bytes(_HEADER)])

    def begins(signature: bytes, at: int = 0) -> tf.Tensor:
        return tf.strings.substr(start, at, len(signature)) == signature

    def other() -> tf.Tensor:
        return tf.case(
            [
                (begins(PNG.signatures[0]), lambda: _area(start, 16, little_endian=False)),
                (begins(b"GIF8"), lambda: _pixels_of_gif(contents)),
                (begins(b"BM"), lambda: _area(start, 18, little_endian=True)),
                (begins(b"RIFF") & begins(b"WEBP", 8), lambda: _pixels_of_webp(contents, start)),
            ],
            default=lambda: tf.constant(_UNKNOWN, tf.int64),
        )

    return tf.cond(  # type: ignore[no-any-return]
        begins(JPEG.signatures[0]),
        lambda: _of_jpeg(contents),
        lambda: (other(), tf.constant(0, tf.int64)),
    )


def _area(start: tf.Tensor, at: int, *, little_endian: bool) -> tf.Tensor:
    """Multiply two numbers of 4 bytes; the height of a BMP may be negative."""
    sides = tf.io.decode_raw(tf.strings.substr(start, at, 8), tf.int32, little_endian=little_endian)
    return tf.reduce_prod(tf.abs(tf.cast(sides, tf.int64)))


def _of_jpeg(contents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.cast(tf.io.extract_jpeg_shape(contents), tf.int64)
    pixels, channels = shape[0] * shape[1], shape[2]
    size = pixels * (4 + 2 * channels)
    most = most_pixels()
    # Few JPEGs are so large that their bytes have to be searched.
    in_scans = tf.cond(
        size > (0 if most is None else most_bytes_in_scans(most)),
        lambda: tf.where(_is_in_one_scan(contents, channels), tf.constant(0, tf.int64), size),
        lambda: tf.constant(0, tf.int64),
    )
    return pixels, in_scans


def _is_in_one_scan(jpeg: tf.Tensor, channels: tf.Tensor) -> tf.Tensor:
    """Tell whether it is certain that a JPEG has one scan, which is the whole of it.

    In what is compressed, no other byte than 0 and those of restarts stands behind 255. So one that
    has a picture of itself in its notes is taken for one of several scans.
    """
    behind = tf.strings.split(jpeg, b"\xff\xda")
    header = tf.strings.join([behind[-1], bytes(3)])
    components = tf.cast(tf.io.decode_raw(tf.strings.substr(header, 2, 1), tf.uint8)[0], tf.int64)
    progressive = tf.size(tf.strings.split(jpeg, b"\xff\xc2")) > 1
    arithmetic = tf.size(tf.strings.split(jpeg, b"\xff\xca")) > 1
    return (tf.size(behind) == 2) & (components == channels) & ~progressive & ~arithmetic


def _pixels_of_gif(contents: tf.Tensor) -> tf.Tensor:
    """Walk through the blocks of a GIF, and add up the pixels of all frames.

    Each frame has a size of its own, and TensorFlow decodes all of them.
    """
    file = tf.concat([tf.io.decode_raw(contents, tf.uint8), tf.zeros([13], tf.uint8)], 0)
    end = tf.strings.length(contents)

    def numbers(at: tf.Tensor, count: int) -> list[tf.Tensor]:
        values: list[tf.Tensor] = tf.unstack(tf.cast(file[at : at + count], tf.int32), count)
        return values

    def behind_table(flags: tf.Tensor) -> tf.Tensor:
        return tf.where(flags >= 128, tf.bitwise.left_shift(6, flags % 8), 0)

    def step(at: tf.Tensor, in_data: tf.Tensor, pixels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        kind, *_, w, w256, h, h256, flags = numbers(at, 10)
        is_frame, is_extension = ~in_data & (kind == 0x2C), ~in_data & (kind == 0x21)
        area = tf.cast(w + 256 * w256, tf.int64) * tf.cast(h + 256 * h256, tf.int64)
        behind = tf.where(
            is_frame, at + 11 + behind_table(flags), tf.where(is_extension, at + 2, end)
        )
        return (
            tf.minimum(tf.where(in_data, at + 1 + kind, behind), end),
            tf.where(in_data, kind != 0, True),
            pixels + tf.where(is_frame, area, 0),
        )

    first = tf.minimum(13 + behind_table(numbers(tf.constant(0), 13)[10]), end)
    state = first, tf.constant(False), tf.constant(0, tf.int64)
    return tf.while_loop(lambda at, *_: at < end, step, state)[-1]


def _pixels_of_webp(contents: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    numbers = tf.cast(tf.io.decode_raw(tf.strings.substr(start, 0, _HEADER), tf.uint8), tf.int64)

    def number(at: int, size: int) -> tf.Tensor:
        return tf.add_n([numbers[at + i] * 256**i for i in range(size)])

    def of_extended() -> tf.Tensor:
        frames = tf.cond(
            numbers[20] // 2 % 2 == 1,
            # At most: each frame has such a chunk.
            lambda: tf.size(tf.strings.split(contents, b"ANMF"), tf.int64) - 1,
            lambda: tf.constant(1, tf.int64),
        )
        return (1 + number(24, 3)) * (1 + number(27, 3)) * tf.maximum(frames, 1)

    kind = tf.strings.substr(start, 12, 4)
    return tf.case(
        [
            (kind == b"VP8 ", lambda: (number(26, 2) % 2**14) * (number(28, 2) % 2**14)),
            (
                kind == b"VP8L",
                lambda: (1 + number(21, 4) % 2**14) * (1 + number(21, 4) // 2**14 % 2**14),
            ),
            (kind == b"VP8X", of_extended),
        ],
        default=lambda: tf.constant(_UNKNOWN, tf.int64),
    )
