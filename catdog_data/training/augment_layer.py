"""Augmentation on the device: the host sends 8-bit images and small tables, Keras warps them.

```python
def to_device(images, geometry):
    return {"images": images, "tables": device_tables(geometry, (224, 224))}

inputs = {
    "images": keras.Input((224, 224, 3), dtype="uint8", name="images"),
    "tables": keras.Input(table_shape((224, 224)), dtype="int32", name="tables"),
}
x = AugmentAndRescale((224, 224))(inputs)
```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from catdog_data.kernels.warp import FillMode
from catdog_data.kernels.warp_fixed_point import Tensor, fixed_point_tables, warp_fixed_point


def table_shape(image_size: tuple[int, int]) -> tuple[int, int, int]:
    """Give the shape of one image's tables, for `keras.Input`.

    Args:
        image_size: (H, W) in pixels.

    Returns:
        The shape of what `device_tables` returns, without the axis of the batch.

    Example:
        >>> table_shape((224, 192))
        (2, 2, 416)
    """
    return 2, 2, sum(image_size)


def device_tables(
    geometry: NDArray[np.float64] | tf.Tensor, image_size: tuple[int, int]
) -> NDArray[np.int32] | tf.Tensor:
    """Turn geometry rows into the tables that the warp adds up on the device. Runs on the host.

    Args:
        geometry: float64[B, 8], see `catdog_data.augment.geometry_rows`; NumPy's or, as
            within `Dataset.map`, TensorFlow's.
        image_size: (H, W) in pixels.

    Returns:
        int32[B, 2, 2, H + W], see `catdog_data.kernels.warp_fixed_point.fixed_point_tables`; a
        NumPy array where `geometry` is one.

    Raises:
        TypeError: `geometry` is not of doubles.
        ValueError: an image is empty or too large.

    Example:
        >>> unmoved = np.array([[1.0, 0, 0, 0, 1, 0, 0, 0]])
        >>> device_tables(unmoved, (224, 192)).shape
        (1, 2, 2, 416)
    """
    if geometry.dtype != np.float64:
        raise TypeError(
            f"geometry must be float64, got {geometry.dtype}: a lesser type has lost the digits "
            "that decide which pixel is taken."
        )
    if tf.is_tensor(geometry):
        return fixed_point_tables(geometry, image_size)
    with tf.init_scope(), tf.device("CPU"):
        tables: NDArray[np.int32] = fixed_point_tables(tf.constant(geometry), image_size).numpy()
    return tables


def augment_and_rescale(
    images: Tensor,
    tables: Tensor | None = None,
    *,
    rescale: float = 1 / 255,
    offset: float = 0.0,
    fill_mode: FillMode = "nearest",
    cval: float = 0.0,
    order: int = 1,
    output_dtype: str = "float32",
) -> Tensor:
    """Warp a batch by its tables and rescale it, in float32 up to one cast at the end.

    A pure function of tensors of Keras' backend, to be called within a compiled one.

    Args:
        images: uint8 or floating [B, H, W, C].
        tables: int32[B, 2, 2, H + W] of `device_tables`, or None not to warp.
        rescale: factor for every value, after the warp.
        offset: added after that.
        fill_mode: what lies beyond the edges, see `catdog_data.kernels.warp.warp`.
        cval: the value beyond the edges with "constant"; it is rescaled as well.
        order: 0 for the nearest pixel, 1 for bilinear interpolation.
        output_dtype: floating type of the result.

    Returns:
        `output_dtype`[B, H, W, C].

    Example:
        >>> images = np.array([[[[10], [20]]]], "uint8")
        >>> mirrored = device_tables(np.array([[1.0, 0, 0, 0, 1, 0, 1, 0]]), (1, 2))
        >>> keras.ops.convert_to_numpy(augment_and_rescale(images, mirrored, rescale=1)).ravel()
        array([20., 10.], dtype=float32)
    """
    if tables is None:
        values = ops.cast(images, "float32")
    else:
        values = warp_fixed_point(images, tables, fill_mode=fill_mode, cval=cval, order=order)
    return ops.cast(values * rescale + offset, output_dtype)


@keras.saving.register_keras_serializable(package="catdog")
class AugmentAndRescale(keras.layers.Layer):  # type: ignore[misc]
    """Warp images by the tables that come with them while training; rescale them always.

    Called on images alone, on `(images, tables)` or on `{"images": …, "tables": …}`. Tables are
    used in training alone (as `Dropout` is: in `fit`, or with `training=True`), and may be zeros
    or None otherwise.

    Args:
        image_size: (H, W) in pixels.
        rescale: factor for every value, after the warp.
        offset: added after that.
        fill_mode: what lies beyond the edges, see `catdog_data.kernels.warp.warp`.
        cval: the value beyond the edges with "constant"; it is rescaled as well.
        order: 0 for the nearest pixel, 1 for bilinear interpolation.
        output_dtype: type of the result, or None for the layer's compute dtype. Whichever it
            is, all before the last cast is float32.
        **kwargs: those of `keras.layers.Layer`.

    Raises:
        ValueError: `fill_mode` or `order` is none of those above.

    Example:
        >>> images = np.array([[[[10], [20]]]], "uint8")
        >>> layer = AugmentAndRescale((1, 2), rescale=0.5)
        >>> keras.ops.convert_to_numpy(layer(images)).ravel()
        array([ 5., 10.], dtype=float32)
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        rescale: float = 1 / 255,
        offset: float = 0.0,
        fill_mode: FillMode = "nearest",
        cval: float = 0.0,
        order: int = 1,
        output_dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        # Keras would round images of floats to half precision before they are warped.
        super().__init__(autocast=False, **kwargs)
        if fill_mode not in get_args(FillMode):
            raise ValueError(f"fill_mode must be one of {get_args(FillMode)}, got {fill_mode!r}.")
        if order not in (0, 1):
            raise ValueError(f"order must be 0 or 1, got {order!r}.")
        height, width = image_size
        self.image_size = (int(height), int(width))
        self.rescale, self.offset = float(rescale), float(offset)
        self.fill_mode: FillMode = fill_mode
        self.cval, self.order = float(cval), int(order)
        self.output_dtype = (
            None if output_dtype is None else keras.backend.standardize_dtype(output_dtype)
        )
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        """Warp and rescale.

        Args:
            inputs: uint8 or floating [B, H, W, C]; with int32[B, 2, 2, H + W], see the class.
            training: whether to warp.

        Returns:
            `output_dtype`[B, H, W, C].

        Raises:
            ValueError: images are not of `image_size`, or tables are those of another size.
        """
        images, tables = _images_and_tables(inputs)
        self._check_shapes(images, tables)
        return augment_and_rescale(
            images,
            tables if training else None,
            rescale=self.rescale,
            offset=self.offset,
            fill_mode=self.fill_mode,
            cval=self.cval,
            order=self.order,
            output_dtype=self.output_dtype or self.compute_dtype,
        )

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> keras.KerasTensor:
        """Tell shape and type of the result, as Keras asks for them."""
        images, tables = _images_and_tables(inputs)
        self._check_shapes(images, tables)
        return keras.KerasTensor(images.shape, dtype=self.output_dtype or self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Tell the arguments, as Keras asks for them to save the layer."""
        config: dict[str, Any] = super().get_config()
        return config | {
            "image_size": self.image_size,
            "rescale": self.rescale,
            "offset": self.offset,
            "fill_mode": self.fill_mode,
            "cval": self.cval,
            "order": self.order,
            "output_dtype": self.output_dtype,
        }

    def _check_shapes(self, images: Tensor, tables: Tensor | None) -> None:
        if tuple(images.shape[1:3]) != self.image_size or len(images.shape) != 4:
            raise ValueError(
                f"images must be [B, H, W, C] with image_size={self.image_size}, got "
                f"{tuple(images.shape)}: resize them, or give the layer their size."
            )
        if tables is not None and tuple(tables.shape[1:]) != table_shape(self.image_size):
            raise ValueError(
                f"tables must be {('B', *table_shape(self.image_size))}, got "
                f"{tuple(tables.shape)}: make them by device_tables(geometry, image_size)."
            )


def _images_and_tables(inputs: Any) -> tuple[Tensor, Tensor | None]:
    if isinstance(inputs, Mapping):
        return inputs["images"], inputs.get("tables")
    if isinstance(inputs, (tuple, list)):
        images, tables = inputs
        return images, tables
    return inputs, None
