"""From the bytes of a file to the image that a model was trained on, in a graph that can be saved.

A served model uses these functions instead of a dataset: the same operations on the same bytes,
none of them a call of Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.compose import DRAWS, compose
from catdog_data.datasets.options import check_numbers, checked_size, is_whole
from catdog_data.datasets.plan import CounterPlan
from catdog_data.datasets.reading import checked_reading
from catdog_data.decoding.declared_pixels import within_limit
from catdog_data.decoding.resize import nearest_table
from catdog_data.engine.render import Rendering, Resampling, images_renderer

Decoder = Callable[[tf.Tensor], tf.Tensor]
"""From the bytes of one file, string[], to the image, float32[height, width, C]."""


def decoder(
    image_size: int | tuple[int, int],
    *,
    color_mode: str = "rgb",
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    antialias: bool = False,
    decode: Literal["exact", "fast"] = "exact",
    rounded: bool = False,
    rescale: float | None = None,
) -> Decoder:
    """Make the function that reads bytes as `image_dataset_from_directory` reads files.

    Args:
        image_size: (height, width) in pixels, or one number for both.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: a method of `tf.image.resize`.
        crop_to_aspect_ratio: whether the centre is cropped to the target's aspect ratio first.
        pad_to_aspect_ratio: whether images are padded with zeros to it instead.
        antialias: whether shrinking averages over all pixels that are lost.
        decode: "exact", or "fast" for large JPEGs to be decoded at a fraction of their size.
        rounded: whether values are rounded to 8 bits before they are rescaled, as images are that
            a dataset yields with `output_dtype="uint8"`, or augments.
        rescale: factor for every value, or None.

    Returns:
        A function of TensorFlow operations, from the bytes of a JPEG, PNG, GIF, BMP or WebP file,
        string[], to float32[height, width, C]. It raises `tf.errors.InvalidArgumentError` for
        bytes that cannot be decoded, and before they are for an image with more pixels than twice
        `PIL.Image.MAX_IMAGE_PIXELS`, as it is set when the function is called or traced.

    Raises:
        ValueError: a value that is not among those named.

    Example:
        >>> black = tf.io.encode_jpeg(tf.zeros([40, 30, 3], tf.uint8))
        >>> image = decoder((8, 6), rescale=1 / 255)(black)
        >>> image.shape, image.dtype.name, float(tf.reduce_max(image))
        (TensorShape([8, 6, 3]), 'float32', 0.0)
    """
    reading = checked_reading(
        image_size,
        color_mode,
        interpolation,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        antialias,
        decode,
    )
    eight_bits = rounded or reading.interpolation == "nearest"

    def decoded(contents: tf.Tensor) -> tf.Tensor:
        image = reading.decoded(within_limit(contents))
        image = reading.resized(image, "uint8" if eight_bits else "float32")
        image = tf.ensure_shape(image, [*reading.image_size, reading.channels])
        return _rescaled(tf.cast(image, tf.float32), rescale)

    return decoded


def augmented_views(
    augmentation: Augmentation,
    image_size: int | tuple[int, int],
    views: int,
    *,
    seed: int,
    rescale: float | None = None,
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Make the function from an image to augmented views of it, the same for every image.

    View v is what a dataset with this `augmentation` and `seed`, and without a shuffle, makes of
    its first image in epoch v + 1; epoch 0 is left to training.

    Args:
        augmentation: what is done to the image at random.
        image_size: (height, width) in pixels, or one number for both.
        views: how many, at least 1.
        seed: in [0, 2**32), what the views are drawn from.
        rescale: factor for every value, after the augmentation, or None.

    Returns:
        A function of TensorFlow operations, from one image uint8[height, width, 3] to
        float32[views, height, width, 3].

    Raises:
        ValueError: a value out of its range, or an augmentation that mixes images.

    Example:
        >>> make = augmented_views(Augmentation(rotation=30), 8, views=4, seed=1)
        >>> make(tf.zeros([8, 8, 3], tf.uint8)).shape
        TensorShape([4, 8, 8, 3])
    """
    size = checked_size(image_size)
    check_numbers(None, seed, None)
    if not is_whole(views) or views < 1:
        raise ValueError(f"`views` must be a whole number, at least 1; received {views!r}.")
    composition = compose(augmentation)
    if composition.mixes_images:
        raise ValueError(
            "`augmentation` must change each image by itself: leave `mixup` and `cutmix` at 0. "
            f"Received: {augmentation!r}."
        )
    plan = CounterPlan(n=1, batch_size=1, shuffle=False, seed=seed)
    item = tf.zeros([1], tf.int64)
    epochs = [tf.constant(view + 1, tf.int64) for view in range(views)]
    uniform = tf.concat([plan.draws(epoch, item, DRAWS) for epoch in epochs], axis=0)
    parameters = composition.parameters(uniform, tf.zeros([views], tf.int64), size)
    render = images_renderer(
        Rendering(
            image_size=size,
            resampling=Resampling.of(augmentation) if composition.geometry.is_set else None,
            steps=composition.steps,
            rescale=rescale,
        )
    )

    def views_of(image: tf.Tensor) -> tf.Tensor:
        images = tf.tile(tf.ensure_shape(image, [*size, 3])[tf.newaxis], [views, 1, 1, 1])
        return render(parameters, images)

    return views_of


def generator_decoder(
    image_size: int | tuple[int, int], *, rescale: float | None = None
) -> Decoder:
    """Make the function that reads bytes as `ImageDataGenerator` reads files by default.

    JPEG files are decoded with the accurate DCT and resized to nearest pixels as Pillow picks them,
    to the bit, but for those of four components (CMYK), whose colours are converted differently.
    PNG files of 8 bits are the same too; of 16 bits, Pillow cuts values off where TensorFlow scales
    them.

    Args:
        image_size: (height, width) in pixels, or one number for both.
        rescale: factor for every value, or None.

    Returns:
        A function of TensorFlow operations, from the bytes of a JPEG or PNG file, string[], to
        float32[height, width, 3]. It raises `tf.errors.InvalidArgumentError` for other bytes, and
        for images with too many pixels; see `decoder`.

    Raises:
        ValueError: `image_size` is not one or two positive whole numbers.

    Example:
        >>> black = tf.io.encode_png(tf.zeros([40, 30, 3], tf.uint8))
        >>> generator_decoder((8, 6))(black).shape
        TensorShape([8, 6, 3])
    """
    size = checked_size(image_size)

    def decoded(contents: tf.Tensor) -> tf.Tensor:
        contents = within_limit(contents)
        is_jpeg = tf.strings.substr(contents, 0, 3) == b"\xff\xd8\xff"
        image = tf.cond(
            is_jpeg,
            lambda: tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE"),
            lambda: tf.io.decode_png(contents, channels=3),
        )
        for axis, length in enumerate(size):
            table = nearest_table(tf.shape(image)[axis], length)
            image = tf.gather(image, table, axis=axis)
        return _rescaled(tf.cast(tf.ensure_shape(image, [*size, 3]), tf.float32), rescale)

    return decoded


def _rescaled(image: tf.Tensor, rescale: float | None) -> tf.Tensor:
    return image if rescale is None else image * tf.constant(rescale, tf.float32)
