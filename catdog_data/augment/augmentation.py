"""What may be done to an image at random, for the tf.data API."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np

Range = tuple[float, float]

_MOVING = ("rotation", "height_shift", "width_shift", "shear", "zoom")
_RECOLOURING = ("brightness", "contrast", "saturation", "hue")


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Ranges that every image draws from, each on its own, in every epoch anew.

    Steps come in this order: rotation, shift, shear, zoom, crop and flips as one resampling; then
    channel shift, brightness, contrast, saturation, hue; erasing; MixUp or CutMix. What is left at
    its default is not done, and changes nothing of what others draw.

    Args:
        horizontal_flip: whether half of the images are mirrored left to right.
        vertical_flip: whether half of the images are mirrored top to bottom.
        rotation: degrees, in [0, 180]; turned by an angle from [-rotation, rotation].
        height_shift: fraction of the height, at least 0; moved by up to it, either way.
        width_shift: the same for the width.
        shear: degrees, in [0, 90); sheared by an angle from [-shear, shear].
        zoom: two factors of the size of what is seen, above 0; below 1 magnifies.
        zoom_tied: whether both axes zoom by the same factor.
        fill_mode: what lies outside: "nearest", "constant", "reflect" or "wrap", as in SciPy.
        fill_value: the value outside for "constant".
        interpolation: "bilinear" or "nearest"; masks are always "nearest".
        mask_fill_value: the value outside of masks for "constant", in [0, 255].
        crop_area: two fractions of the image's area, above 0 and at most 1: a box of an area from
            between them, anywhere in the image, is resized to the whole (Szegedy et al., 2015). It
            is cut from the resized image; give that the size that details need.
        crop_ratio: two factors, above 0: the box's width to height, relative to the image's.
        channel_shift: levels of 255; all values of an image are shifted by one from
            [-channel_shift, channel_shift], within its own lowest and highest value.
        brightness: two factors, at least 0, for all values.
        contrast: two factors, at least 0, for the distance from the image's mean grey.
        saturation: two factors, at least 0, for the distance from each pixel's grey.
        hue: fraction of a full turn, in [0, 0.5]; colours are turned about the grey axis (YIQ) by
            one from [-hue, hue].
        steps_per_image: how many of those that are set among rotation, the two shifts, shear, zoom,
            channel shift, brightness, contrast, saturation and hue an image has, picked at random;
            None for all of them. See `rand_augment`.
        erasing: likelihood, in [0, 1], that a box of an image is erased (Zhong et al., 2017).
        erasing_area: two fractions of the image's area, in [0, 1].
        erasing_ratio: two factors, above 0: the box's width to height, relative to the image's.
        erasing_value: what the box is filled with, in [0, 255].
        mixup: alpha, at least 0: an image is blended with the next one of its batch, and so are
            their labels, by a weight from Beta(alpha, alpha) (Zhang et al., 2018).
        cutmix: alpha, at least 0: a box of the next image of the batch is pasted, its share of the
            area from Beta(alpha, alpha); labels are blended by it (Yun et al., 2019). With `mixup`
            as well, each image has one of both.

    MixUp and CutMix alone make an image depend on others, and so on batch size and shard. The last
    image of a batch is mixed with the first. Labels must be floats: "categorical" or "binary".

    Raises:
        ValueError: a value out of its range.

    Example:
        >>> Augmentation(horizontal_flip=True, rotation=30, zoom=(0.7, 1.3))
        Augmentation(horizontal_flip=True, rotation=30, zoom=(0.7, 1.3))
    """

    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotation: float = 0.0
    height_shift: float = 0.0
    width_shift: float = 0.0
    shear: float = 0.0
    zoom: Range = (1.0, 1.0)
    zoom_tied: bool = False
    fill_mode: Literal["nearest", "constant", "reflect", "wrap"] = "nearest"
    fill_value: float = 0.0
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    mask_fill_value: int = 0
    crop_area: Range = (1.0, 1.0)
    crop_ratio: Range = (1.0, 1.0)
    channel_shift: float = 0.0
    brightness: Range = (1.0, 1.0)
    contrast: Range = (1.0, 1.0)
    saturation: Range = (1.0, 1.0)
    hue: float = 0.0
    steps_per_image: int | None = None
    erasing: float = 0.0
    erasing_area: Range = (0.02, 0.33)
    erasing_ratio: Range = (0.3, 3.3)
    erasing_value: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name, high in (
            ("rotation", 180.0),
            ("height_shift", float("inf")),
            ("width_shift", float("inf")),
            ("shear", 89.999),
            ("channel_shift", 255.0),
            ("hue", 0.5),
            ("mask_fill_value", 255),
            ("erasing", 1.0),
            ("erasing_value", 255.0),
            ("mixup", float("inf")),
            ("cutmix", float("inf")),
        ):
            if not (_is_number(getattr(self, name)) and 0 <= getattr(self, name) <= high):
                raise ValueError(
                    f"`{name}` must be a number in [0, {high:g}]; received {getattr(self, name)!r}."
                )
        if not _is_number(self.fill_value):
            raise ValueError(f"`fill_value` must be a number; received {self.fill_value!r}.")
        if self.mask_fill_value != int(self.mask_fill_value):
            raise ValueError(
                "`mask_fill_value` must be a whole number, that of a class; received "
                f"{self.mask_fill_value!r}."
            )
        for name in ("horizontal_flip", "vertical_flip", "zoom_tied"):
            # A string that is not empty would count as true.
            value = getattr(self, name)
            if not isinstance(value, (Integral, np.bool_)) or value not in (0, 1):
                raise ValueError(f"`{name}` must be True or False; received {value!r}.")
        for name in (
            *("zoom", "brightness", "contrast", "saturation"),
            *("crop_area", "crop_ratio", "erasing_area", "erasing_ratio"),
        ):
            _check_factors(name, getattr(self, name))
        for name in ("zoom", "crop_area", "crop_ratio", "erasing_ratio"):
            if getattr(self, name)[0] <= 0:
                raise ValueError(f"`{name}` must be above 0; received {getattr(self, name)!r}.")
        for name in ("crop_area", "erasing_area"):
            if getattr(self, name)[1] > 1:
                raise ValueError(
                    f"`{name}` must be at most 1, the whole image; received "
                    f"{getattr(self, name)!r}."
                )
        steps: Any = self.steps_per_image
        is_whole = isinstance(steps, Integral) and not isinstance(steps, bool)
        if steps is not None and not (is_whole and steps >= 0):
            raise ValueError(
                f"`steps_per_image` must be None or a whole number from 0; received {steps!r}."
            )
        for name, known in (
            ("fill_mode", ("nearest", "constant", "reflect", "wrap")),
            ("interpolation", ("bilinear", "nearest")),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in known:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(map(repr, known))}; "
                    f"received {getattr(self, name)!r}."
                )

    def __repr__(self) -> str:
        set_fields = (
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if getattr(self, each.name) != each.default
        )
        return f"Augmentation({', '.join(set_fields)})"

    def draws(self, name: str) -> bool:
        """Tell whether a field is set to more than nothing, by its name."""
        return bool(getattr(self, name) not in (0, (1, 1)))

    @property
    def moves_pixels(self) -> bool:
        """Whether images are rotated, shifted, sheared, zoomed or cropped at all."""
        return self.crops or any(map(self.draws, _MOVING))

    @property
    def crops(self) -> bool:
        """Whether a part of each image is cut out."""
        return self.draws("crop_area") or self.draws("crop_ratio")

    @property
    def flips(self) -> bool:
        """Whether some images are mirrored."""
        return self.horizontal_flip or self.vertical_flip

    @property
    def recolours(self) -> bool:
        """Whether brightness, contrast, saturation or hue change."""
        return any(map(self.draws, _RECOLOURING))

    @property
    def mixes(self) -> bool:
        """Whether images, and with them their labels, are blended with each other."""
        return bool(self.mixup or self.cutmix)

    @property
    def moves_alone(self) -> bool:
        """Whether nothing but geometry is done, which is what the device can do."""
        return not (self.recolours or self.channel_shift or self.erasing or self.mixes)

    @classmethod
    def rand_augment(cls, steps: int = 2, magnitude: int = 9, **others: Any) -> Augmentation:
        """Make a RandAugment (Cubuk et al., 2020) of the steps there are here.

        Each image has `steps` of eight: rotation, shear, two shifts, zoom, brightness, contrast,
        saturation. Each is drawn from ranges of the paper's magnitudes, up to them and not only at
        them; what works on histograms (posterize, equalize, …) and sharpness are not among them.

        Args:
            steps: how many an image has.
            magnitude: in [0, 30]; 30 is 30 degrees, a slope of 0.3, 0.45 of the size, factors from
                0.1 to 1.9.
            **others: further fields, such as `horizontal_flip`.

        Returns:
            The augmentation.

        Raises:
            ValueError: `magnitude` is out of its range.

        Example:
            >>> Augmentation.rand_augment(2, 10, horizontal_flip=True).rotation
            10.0
        """
        if not (_is_number(magnitude) and 0 <= magnitude <= 30):
            raise ValueError(f"`magnitude` must lie in [0, 30]; received {magnitude!r}.")
        part = magnitude / 30
        factors = (round(1 - 0.9 * part, 6), round(1 + 0.9 * part, 6))
        ranges: dict[str, Any] = {
            "rotation": 30 * part,
            "shear": round(math.degrees(math.atan(0.3 * part)), 6),
            "height_shift": round(0.45 * part, 6),
            "width_shift": round(0.45 * part, 6),
            "zoom": (round(1 - 0.5 * part, 6), round(1 + 0.5 * part, 6)),
            **dict.fromkeys(("brightness", "contrast", "saturation"), factors),
        }
        return cls(steps_per_image=steps, **{**ranges, **others})

    @classmethod
    def from_keras(cls, idg: Any) -> Augmentation:
        """Take over the transforms of an `ImageDataGenerator`, of Keras or of this package.

        What it does to values (`rescale`, statistics, a `preprocessing_function`) and how it
        splits are no augmentation and are left out. Its `height_shift_range` moves along the
        columns, its `width_shift_range` along the rows, and so do the shifts taken over.

        Args:
            idg: the generator.

        Returns:
            The same ranges; draws are those of the tf.data API, not IDG's.

        Raises:
            ValueError: a setting that has no equal here: shifts by pixels or by choice, spline
                orders above 1.
        """
        for name in ("height_shift_range", "width_shift_range"):
            value = getattr(idg, name)
            if hasattr(value, "__len__") or value > 1 or (value == 1 and isinstance(value, int)):
                raise ValueError(
                    f"`{name}` must be a fraction of the size, at most 1.0, to be taken over; "
                    f"received {value!r}."
                )
        if idg.interpolation_order not in (0, 1):
            raise ValueError(
                "`interpolation_order` must be 0 or 1 to be taken over; received "
                f"{idg.interpolation_order!r}."
            )
        brightness = idg.brightness_range
        return cls(
            horizontal_flip=bool(idg.horizontal_flip),
            vertical_flip=bool(idg.vertical_flip),
            rotation=idg.rotation_range,
            # Keras' matrices exchange rows and columns: its height shift moves along the columns.
            height_shift=idg.width_shift_range,
            width_shift=idg.height_shift_range,
            shear=idg.shear_range,
            zoom=(min(idg.zoom_range), max(idg.zoom_range)),
            fill_mode=idg.fill_mode,
            fill_value=idg.cval,
            interpolation="bilinear" if idg.interpolation_order else "nearest",
            channel_shift=idg.channel_shift_range,
            brightness=(1.0, 1.0) if brightness is None else (min(brightness), max(brightness)),
        )


def _is_number(value: Any) -> bool:
    # True counts as 1 to Python.
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def _check_factors(name: str, factors: Any) -> None:
    is_pair = isinstance(factors, tuple) and len(factors) == 2
    if not is_pair or not all(map(_is_number, factors)) or not 0 <= factors[0] <= factors[1]:
        raise ValueError(
            f"`{name}` must be a tuple of two factors, 0 <= lowest <= highest; received "
            f"{factors!r}."
        )
