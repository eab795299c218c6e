"""What may be done to an image at random, for the tf.data API."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields
from typing import Any, Literal

from catdog_data.augment.settings import (
    any_number,
    boolean,
    check_fields,
    class_number,
    count_or_none,
    factors,
    is_number,
    limits,
    number,
    one_of,
)

Range = tuple[float, float]

_PLAIN_SHEARS = ("horizontal_shear", "vertical_shear")
_MOVING = ("rotation", "height_shift", "width_shift", "shear", *_PLAIN_SHEARS, "zoom")
_RECOLOURING = ("brightness", "contrast", "saturation", "hue")
_FURTHER = ("autocontrast", "equalize", "solarize", "posterize", "sharpness", "blur", "grayscale")
_OF_VALUES = ("channel_shift", *_RECOLOURING, *_FURTHER, "erasing")


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Ranges that every image draws from, each by itself, again in every epoch.

    Steps come in this order: rotation, shift, shears, zoom, crop and flips as one resampling; then
    channel shift, brightness, contrast, saturation, hue; autocontrast, equalize, solarize,
    posterize, sharpness, blur, grayscale; erasing; MixUp or CutMix. What is left at its default is
    not done, and changes nothing of what others draw.

    Args:
        horizontal_flip: whether half of the images are mirrored left to right.
        vertical_flip: whether half of the images are mirrored top to bottom.
        rotation: degrees, in [0, 180]; turned by an angle from [-rotation, rotation].
        height_shift: fraction of the height, at least 0; moved by up to it, either way.
        width_shift: the same for the width.
        shear: degrees, in [0, 90); sheared by an angle from [-shear, shear] as Keras does: columns
            move with the row, and rows come closer.
        horizontal_shear: degrees, in [0, 90); by an angle from up to it, either way, columns move
            with the row, and rows stay.
        vertical_shear: the same for rows, which move with the column.
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
        blur: two standard deviations in pixels, in [0, 16], of a Gaussian blur; 0 does nothing. Its
            radius is four times the highest.
        solarize: two thresholds in [0, 256]: values from there up are inverted; 256 inverts none.
        posterize: two whole numbers in [1, 8]: the bits that are kept of values rounded to 8 bits;
            8 does nothing.
        equalize: likelihood, in [0, 1], that the histogram of each channel is equalized, in 8 bits.
        autocontrast: likelihood, in [0, 1], that each channel is stretched to all of [0, 255].
        grayscale: likelihood, in [0, 1], that an image loses its colours.
        sharpness: two factors, at least 0, for the distance from the mean of the pixels around.
        identity: whether an image may also pick to have nothing done, as one of its
            `steps_per_image`.
        steps_per_image: how many of the steps that are set an image has, picked at random among all
            but flips, crop, grayscale, erasing, MixUp and CutMix, which are not counted; None for
            all of them. See `rand_augment`.
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

    horizontal_flip: bool = boolean()
    vertical_flip: bool = boolean()
    rotation: float = number(0.0, 180.0)
    height_shift: float = number(0.0)
    width_shift: float = number(0.0)
    shear: float = number(0.0, 89.999)
    horizontal_shear: float = number(0.0, 89.999)
    vertical_shear: float = number(0.0, 89.999)
    zoom: Range = factors(above_0=True)
    zoom_tied: bool = boolean()
    fill_mode: Literal["nearest", "constant", "reflect", "wrap"] = one_of(
        "nearest", "constant", "reflect", "wrap"
    )
    fill_value: float = any_number(0.0)
    interpolation: Literal["bilinear", "nearest"] = one_of("bilinear", "nearest")
    mask_fill_value: int = class_number(0)
    crop_area: Range = factors(above_0=True, at_most_1=True)
    crop_ratio: Range = factors(above_0=True)
    channel_shift: float = number(0.0, 255.0)
    brightness: Range = factors()
    contrast: Range = factors()
    saturation: Range = factors()
    hue: float = number(0.0, 0.5)
    blur: Range = limits(0, 0, 16)
    solarize: Range = limits(256, 0, 256)
    posterize: Range = limits(8, 1, 8, whole=True)
    equalize: float = number(0.0, 1.0)
    autocontrast: float = number(0.0, 1.0)
    grayscale: float = number(0.0, 1.0)
    sharpness: Range = factors()
    identity: bool = boolean()
    steps_per_image: int | None = count_or_none()
    erasing: float = number(0.0, 1.0)
    erasing_area: Range = factors(0.02, 0.33, at_most_1=True)
    erasing_ratio: Range = factors(0.3, 3.3, above_0=True)
    erasing_value: float = number(0.0, 255.0)
    mixup: float = number(0.0)
    cutmix: float = number(0.0)

    def __post_init__(self) -> None:
        check_fields(self, Augmentation)

    def __repr__(self) -> str:
        set_fields = (
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if getattr(self, each.name) != each.default
        )
        return f"Augmentation({', '.join(set_fields)})"

    def is_set(self, name: str) -> bool:
        """Tell whether a field has another value than its default, by its name."""
        # A subclass may have other defaults, which do something.
        return bool(getattr(self, name) != getattr(Augmentation, name))

    def draws(self, name: str) -> bool:
        """Deprecated name of `is_set`."""
        _warn_of("draws", "Call `Augmentation.is_set` instead.")
        return self.is_set(name)

    @property
    def moves_alone(self) -> bool:
        """Deprecated: whether nothing but geometry is done."""
        _warn_of("moves_alone", "Ask `Augmentation.is_set` for each step instead.")
        return not (self.mixes or any(map(self.is_set, _OF_VALUES)))

    @property
    def moves_pixels(self) -> bool:
        """Whether images are rotated, shifted, sheared, zoomed or cropped at all."""
        return self.crops or any(map(self.is_set, _MOVING))

    @property
    def shears_plainly(self) -> bool:
        """Whether images are sheared along one axis, without a change of the other."""
        return any(map(self.is_set, _PLAIN_SHEARS))

    @property
    def crops(self) -> bool:
        """Whether a part of each image is cut out."""
        return self.is_set("crop_area") or self.is_set("crop_ratio")

    @property
    def flips(self) -> bool:
        """Whether some images are mirrored."""
        return self.horizontal_flip or self.vertical_flip

    @property
    def recolours(self) -> bool:
        """Whether brightness, contrast, saturation or hue change."""
        return any(map(self.is_set, _RECOLOURING))

    @property
    def mixes(self) -> bool:
        """Whether images, and with them their labels, are blended with each other."""
        return bool(self.mixup or self.cutmix)

    @classmethod
    def rand_augment(
        cls,
        steps: int = 2,
        magnitude: int = 9,
        operations: Literal["basic", "paper"] = "basic",
        **others: Any,
    ) -> Augmentation:
        """Make a RandAugment (Cubuk et al., 2020).

        Each image has `steps` different ones of a list. With "basic" it has eight: rotation, shear,
        two shifts, zoom, brightness, contrast, saturation. With "paper" it has the paper's
        fourteen: identity, autocontrast, equalize, rotation, solarize, saturation, posterize,
        contrast, brightness, sharpness, two shears, two shifts. Ranges are drawn from up to the
        paper's magnitudes, and not only at them; what a magnitude leaves as it is cannot be picked.

        Args:
            steps: how many an image has.
            magnitude: in [0, 30]; 30 is 30 degrees, a slope of 0.3, 0.45 of the size, factors from
                0.1 to 1.9, all values inverted, 4 bits kept.
            operations: the list, "basic" or "paper".
            **others: further fields, such as `horizontal_flip`.

        Returns:
            The augmentation.

        Raises:
            ValueError: `magnitude` is out of its range, or `operations` is none of the lists.

        Example:
            >>> Augmentation.rand_augment(2, 10, horizontal_flip=True).rotation
            10.0
        """
        if not (is_number(magnitude) and 0 <= magnitude <= 30):
            raise ValueError(f"`magnitude` must lie in [0, 30]; received {magnitude!r}.")
        lists = {"basic": _basic_operations, "paper": _operations_of_the_paper}
        if not isinstance(operations, str) or operations not in lists:
            raise ValueError(f"`operations` must be 'basic' or 'paper'; received {operations!r}.")
        ranges = lists[operations](magnitude / 30)
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


def _warn_of(name: str, instead: str) -> None:
    warnings.warn(
        f"`Augmentation.{name}` is deprecated and will go. {instead}",
        DeprecationWarning,
        stacklevel=3,
    )


def _basic_operations(part: float) -> dict[str, Any]:
    """Name the ranges of what `rand_augment` picks among, for a part of the highest magnitude."""
    factors = (round(1 - 0.9 * part, 6), round(1 + 0.9 * part, 6))
    return {
        "rotation": 30 * part,
        "shear": _shear(part),
        "height_shift": round(0.45 * part, 6),
        "width_shift": round(0.45 * part, 6),
        "zoom": (round(1 - 0.5 * part, 6), round(1 + 0.5 * part, 6)),
        **dict.fromkeys(("brightness", "contrast", "saturation"), factors),
    }


def _operations_of_the_paper(part: float) -> dict[str, Any]:
    """Name the ranges of the fourteen operations of Cubuk et al. (2020), in the same way."""
    factors = (round(1 - 0.9 * part, 6), round(1 + 0.9 * part, 6))
    # The translations are 150 of the 331 pixels that the paper trains with.
    return {
        "identity": True,
        "autocontrast": 1.0,
        "equalize": 1.0,
        "rotation": 30 * part,
        "solarize": (round(256 * (1 - part), 6), 256),
        "posterize": (8 - round(4 * part), 8),
        **dict.fromkeys(("saturation", "contrast", "brightness", "sharpness"), factors),
        **dict.fromkeys(("horizontal_shear", "vertical_shear"), _shear(part)),
        **dict.fromkeys(("height_shift", "width_shift"), round(150 / 331 * part, 6)),
    }


def _shear(part: float) -> float:
    return round(math.degrees(math.atan(0.3 * part)), 6)
