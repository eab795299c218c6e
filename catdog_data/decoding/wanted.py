"""Which pixels are wanted of a file, and how what it holds becomes these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.decoding.unreadable import UnfitImage

PIXEL_DTYPES = ("uint8", "uint16", "float32")
"""Types that values are read in."""
WHITE_OF_16_BITS = 65535
_TO_16_BITS = 257
"""What takes 255 to 65535."""
_COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
_PILLOW_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Wanted:
    """The channels and the type of the pixels of all images of a data set.

    Args:
        channels: how many there are, at least 1; None for any, where single files are looked at.
        dtype: "uint8" or "uint16", to which the other is scaled, so that white stays white; or
            "float32" for numbers as they are stored.
        as_stored: whether a file must hold so many channels. Colours are converted otherwise.

    Example:
        >>> scan = np.array([[0, 128, 255]], np.uint8)
        >>> Wanted(1, "uint16").of_array(scan)[..., 0]
        array([[    0, 32896, 65535]], dtype=uint16)
    """

    channels: int | None
    dtype: str = "uint8"
    as_stored: bool = False

    @property
    def of_decoder(self) -> int:
        """How many channels TensorFlow's decoders are asked for; 0 for those that are stored."""
        return 0 if self.as_stored else self._of_colours

    @property
    def pillow_mode(self) -> str | None:
        """Pillow's name of the colours that are converted to; None for those that are stored."""
        return None if self.as_stored else _PILLOW_MODES[self._of_colours]

    @property
    def _of_colours(self) -> int:
        if self.channels not in _PILLOW_MODES:
            raise ValueError(f"Colours have 1, 3 or 4 channels; received {self.channels!r}.")
        return self.channels

    def of_array(self, stored: NDArray[Any], note: str = "") -> NDArray[Any]:
        """Make the pixels of those that a file holds.

        Args:
            stored: [H, W] or [H, W, C], of any numbers.
            note: what else an error says of the file.

        Returns:
            `dtype`[H, W, channels]. One channel is repeated for colours, unless `as_stored`; whole
            numbers are opaque.

        Raises:
            UnfitImage: they have other channels, or values that the type does not hold.
        """
        if stored.ndim == 2:
            stored = stored[..., np.newaxis]
        if stored.shape[-1] == 1 and not self.as_stored:
            stored = self._in_colours(stored)
        self._check_channels(stored.shape[-1], note)
        return self._values_of(stored.astype(stored.dtype.newbyteorder("="), copy=False))

    def of_tensor(self, decoded: tf.Tensor) -> tf.Tensor:
        """Do the same with what TensorFlow has decoded, uint8 or uint16[H, W, C].

        In a graph, the error of other channels is TensorFlow's.
        """
        if tf.executing_eagerly():
            self._check_channels(decoded.shape[-1])
        image = tf.ensure_shape(decoded, [None, None, self.channels])
        if image.dtype == self.dtype:
            return image
        if self.dtype == "uint16":
            return tf.cast(image, tf.uint16) * _TO_16_BITS
        return tf.cast(image, self.dtype)

    def _in_colours(self, grey: NDArray[Any]) -> NDArray[Any]:
        if self.channels == 1 or (self.channels == 4 and grey.dtype.kind != "u"):
            return grey
        colours = np.repeat(grey, 3, axis=-1)
        if self.channels == 3:
            return colours
        opaque = np.full_like(grey, np.iinfo(grey.dtype).max)
        return np.concatenate([colours, opaque], axis=-1)

    def _check_channels(self, found: int, note: str = "") -> None:
        if self.channels in (found, None):
            return
        asked = self.channels if self.as_stored else _COLOR_MODES[self._of_colours]
        raise UnfitImage(
            f"must have {self.channels} channels, the last axis of [H, W, C], for "
            f"`color_mode={asked!r}`; it has {found}{note}. Give `color_mode={found}`, which "
            "all files must then have, or convert or remove it."
        )

    def _values_of(self, stored: NDArray[Any]) -> NDArray[Any]:
        if self.dtype == "float32" and stored.dtype.kind in "biuf":
            return stored.astype(np.float32, copy=False)
        if stored.dtype == self.dtype:
            return stored
        if self.dtype == "uint16" and stored.dtype == np.uint8:
            scaled: NDArray[Any] = stored * np.uint16(_TO_16_BITS)
            return scaled
        if self.dtype == "uint8" and stored.dtype == np.uint16:
            high: NDArray[Any] = stored >> 8  # as TensorFlow does with a PNG
            return high.astype(np.uint8)
        raise UnfitImage(
            f"must hold whole numbers of 8 or 16 bits without a sign for "
            f"`pixel_dtype={self.dtype!r}`; it holds {stored.dtype.name}. "
            'Give `pixel_dtype="float32"`, which takes real numbers as they are stored.'
        )
