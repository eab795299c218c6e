"""Transforms of a single NumPy image: the functions Keras keeps beside `ImageDataGenerator`.

Names, arguments, draws and numbers are Keras' (`keras.src.legacy.preprocessing.image`). The random
ones draw from NumPy's global stream. Where Keras' own fail they work: float16 images, 8-bit
images with channels first, brightness of images in [0, 1].
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import ImageEnhance

from catdog_data.keras_compat.planning.affine import affine_matrices
from catdog_data.keras_compat.planning.transform_ranges import Transforms

Image = NDArray[Any]

OF_FRACTIONS = (
    "Brightness takes an image of values in [0, 1] as fractions of 255; Keras' ImageDataGenerator "
    "makes it black, so that the numbers are not Keras'. Give images in [0, 255], and "
    "`rescale=1/255`, to have both the same."
)
"""Warning where brightness differs from Keras'."""


def apply_affine_transform(
    x: Image,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Image:
    """Rotate, shift, shear and zoom one image about its centre, by SciPy.

    Args:
        x: an image of three axes.
        theta: degrees.
        tx: shift along the rows in pixels.
        ty: shift along the columns in pixels.
        shear: degrees.
        zx: factor along the rows; below 1 magnifies.
        zy: factor along the columns.
        row_axis: which axis counts rows.
        col_axis: which axis counts columns.
        channel_axis: which axis counts channels, the first or the last.
        fill_mode: SciPy's name for what lies outside.
        cval: the value outside for "constant".
        order: of the spline, 0 to 5.

    Returns:
        An image of the same shape and type.

    Raises:
        ValueError: axes that are not 0, 1 and 2, or an image without three axes.

    Example:
        >>> x = np.arange(9.0).reshape(3, 3, 1)
        >>> apply_affine_transform(x, theta=90, row_axis=0, col_axis=1, channel_axis=2)[0, :, 0]
        array([2., 5., 8.])
    """
    _check_axes(x, row_axis, col_axis, channel_axis)
    parameters = (theta, tx, ty, shear, zx, zy)
    if not any((theta, tx, ty, shear, zx != 1, zy != 1)):
        return x
    size = x.shape[row_axis], x.shape[col_axis]
    columns = (np.array([value], np.float64) for value in parameters)
    matrix = affine_matrices(Transforms.unflipped(*columns), size)[0]
    if col_axis < row_axis:  # Keras exchanges the axes of its matrix only if rows come first.
        matrix = matrix[[1, 0]][:, [1, 0, 2]]
    channels = np.rollaxis(x, channel_axis, 0)
    # SciPy has no float16; its arithmetic is in double anyway, and rounds to the type once.
    wide = channels.astype(np.float32) if x.dtype == np.float16 else channels
    warped = np.stack([_resample(each, matrix, fill_mode, cval, order) for each in wide])
    return np.rollaxis(warped.astype(x.dtype, copy=False), 0, channel_axis + 1)


def apply_channel_shift(x: Image, intensity: float, channel_axis: int = 0) -> Image:
    """Add a value to every channel, within the image's own lowest and highest value.

    Args:
        x: an image of three axes.
        intensity: what is added.
        channel_axis: which axis counts channels.

    Returns:
        An image of the same shape, one channel behind the other in memory as in Keras, since
        the order of a later sum depends on that.

    Example:
        >>> apply_channel_shift(np.array([[[0.0], [5.0], [9.0]]]), 3.0, channel_axis=2)[..., 0]
        array([[3., 8., 9.]])
    """
    channels = np.rollaxis(x, channel_axis, 0)
    low, high = np.min(x), np.max(x)
    shifted = np.stack([np.clip(each + intensity, low, high) for each in channels])
    return np.rollaxis(shifted, 0, channel_axis + 1)


def apply_brightness_shift(
    x: Image, brightness: float, scale: bool = True, data_format: str | None = None
) -> Image:
    """Blend an image with black, through 8 bits a channel, as Pillow does.

    Args:
        x: an image of three axes with 1, 3 or 4 channels.
        brightness: 0 is black, 1 leaves the image as it is, more is brighter.
        scale: whether the image is first stretched to [0, 255]. If not, that happens only to an
            image that leaves [0, 255], and is undone afterwards; an image of fractions in [0, 1]
            is taken as such, with a warning, since Keras makes it black.
        data_format: "channels_last", "channels_first" or None for Keras' setting.

    Returns:
        An image in Keras' float type.

    Example:
        >>> x = np.array([[[100.0, 50.0, 10.0]]])
        >>> apply_brightness_shift(x, 0.5, scale=False, data_format="channels_last")[0, 0].tolist()
        [50.0, 25.0, 5.0]
    """

    def warn() -> None:
        warnings.warn(OF_FRACTIONS, stacklevel=4)

    return brightened(x, brightness, scale, data_format, warn)


def brightened(
    x: Image,
    brightness: float,
    scale: bool,
    data_format: str | None,
    warn_of_fractions: Callable[[], None],
) -> Image:
    """Do as `apply_brightness_shift`, with another warning.

    Args:
        x: see `apply_brightness_shift`.
        brightness: see `apply_brightness_shift`.
        scale: see `apply_brightness_shift`.
        data_format: see `apply_brightness_shift`.
        warn_of_fractions: called for an image that is taken as fractions.
    """
    low, high = np.min(x), np.max(x)
    beyond_8_bits = bool(low < 0 or high > 255)
    if not scale and not beyond_8_bits and _is_of_fractions(x, high):
        warn_of_fractions()
        return brightened(x * 255, brightness, False, data_format, warn_of_fractions) / 255
    image = keras.utils.array_to_img(x, data_format, scale=beyond_8_bits or scale)
    image = ImageEnhance.Brightness(image).enhance(brightness)
    bright: Image = keras.utils.img_to_array(image, data_format)
    if beyond_8_bits and not scale:
        bright = bright / 255 * (high - low) + low
    return bright


def random_rotation(
    x: Image,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Rotate by an angle drawn from [-rg, rg] degrees; the rest as `apply_affine_transform`.

    Example:
        >>> random_rotation(np.ones((3, 3, 1)), 30, row_axis=0, col_axis=1, channel_axis=2).shape
        (3, 3, 1)
    """
    theta = np.random.uniform(-rg, rg)
    axes = row_axis, col_axis, channel_axis
    return _apply(x, axes, fill_mode, cval, interpolation_order, theta=theta)


def random_shift(
    x: Image,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Shift by fractions of width and height drawn from [-wrg, wrg] and [-hrg, hrg].

    Example:
        >>> random_shift(np.ones((3, 3, 1)), 0.1, 0.2, 0, 1, 2).shape
        (3, 3, 1)
    """
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    axes = row_axis, col_axis, channel_axis
    return _apply(x, axes, fill_mode, cval, interpolation_order, tx=tx, ty=ty)


def random_shear(
    x: Image,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Shear by an angle drawn from [-intensity, intensity] degrees.

    Example:
        >>> random_shear(np.ones((3, 3, 1)), 10, row_axis=0, col_axis=1, channel_axis=2).shape
        (3, 3, 1)
    """
    shear = np.random.uniform(-intensity, intensity)
    axes = row_axis, col_axis, channel_axis
    return _apply(x, axes, fill_mode, cval, interpolation_order, shear=shear)


def random_zoom(
    x: Image,
    zoom_range: Sequence[float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Image:
    """Zoom by two factors drawn from `zoom_range`, one per axis.

    Raises:
        ValueError: `zoom_range` is not a pair.

    Example:
        >>> random_zoom(np.ones((3, 3, 1)), (0.5, 1.5), 0, 1, 2).shape
        (3, 3, 1)
    """
    if len(zoom_range) != 2:
        raise ValueError(
            f"`zoom_range` should be a tuple or list of two floats. Received: {zoom_range}"
        )
    zx, zy = 1.0, 1.0
    if tuple(zoom_range) != (1, 1):
        zx, zy = np.random.uniform(zoom_range[0], zoom_range[1], 2)
    axes = row_axis, col_axis, channel_axis
    return _apply(x, axes, fill_mode, cval, interpolation_order, zx=zx, zy=zy)


def random_channel_shift(x: Image, intensity_range: float, channel_axis: int = 0) -> Image:
    """Shift all channels by a value drawn from [-intensity_range, intensity_range].

    Example:
        >>> random_channel_shift(np.zeros((1, 1, 3)), 10.0, channel_axis=2)  # its highest is 0
        array([[[0., 0., 0.]]])
    """
    intensity = np.random.uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis=channel_axis)


def random_brightness(x: Image, brightness_range: Sequence[float], scale: bool = True) -> Image:
    """Change the brightness by a factor drawn from `brightness_range`.

    Raises:
        ValueError: `brightness_range` is not a pair.

    Example:
        >>> random_brightness(np.full((2, 2, 3), 100.0), (0.5, 0.5), scale=False)[0, 0].tolist()
        [50.0, 50.0, 50.0]
    """
    if len(brightness_range) != 2:
        raise ValueError(
            f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}"
        )
    return apply_brightness_shift(
        x, np.random.uniform(brightness_range[0], brightness_range[1]), scale
    )


def flip_axis(x: Image, axis: int) -> Image:
    """Reverse one axis, as a view."""
    return np.flip(np.asarray(x), axis)


def _apply(
    x: Image, axes: tuple[int, int, int], fill_mode: str, cval: float, order: int, **drawn: float
) -> Image:
    row_axis, col_axis, channel_axis = axes
    return apply_affine_transform(
        x,
        row_axis=row_axis,
        col_axis=col_axis,
        channel_axis=channel_axis,
        fill_mode=fill_mode,
        cval=cval,
        order=order,
        **drawn,
    )


def _resample(channel: Image, matrix: Image, fill_mode: str, cval: float, order: int) -> Image:
    # Imported here: only NumPy-side transforms need SciPy.
    from scipy import ndimage

    return np.asarray(
        ndimage.affine_transform(
            channel, matrix[:, :2], matrix[:, 2], order=order, mode=fill_mode, cval=cval
        )
    )


def _check_axes(x: Image, row_axis: int, col_axis: int, channel_axis: int) -> None:
    axes = {row_axis, col_axis, channel_axis}
    if len(axes) != 3:
        raise ValueError("'row_axis', 'col_axis', and 'channel_axis' must be distinct")
    if axes != {0, 1, 2}:
        raise ValueError(f"Invalid axis' indices: {axes - {0, 1, 2}}")
    if x.ndim != 3:
        raise ValueError("Input arrays must be multi-channel 2D images.")
    if channel_axis not in (0, 2):
        raise ValueError("Channels are allowed and the first and last dimensions.")


def _is_of_fractions(x: Image, high: float) -> bool:
    return bool(0 < high <= 1) and bool(np.any(x != np.floor(x)))
