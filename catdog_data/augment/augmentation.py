"""What may be done to an image at random, for the tf.data API."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Ranges that every image draws from, each on its own, in every epoch anew.

    Steps come in this order: rotation, shift, shear, zoom and flips as one resampling; then channel
    shift, brightness, contrast, saturation, hue. What is left at its default is not done.

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
        interpolation: "bilinear" or "nearest".
        channel_shift: levels of 255; all values of an image are shifted by one from
            [-channel_shift, channel_shift], within its own lowest and highest value.
        brightness: two factors, at least 0, for all values.
        contrast: two factors, at least 0, for the distance from the image's mean grey.
        saturation: two factors, at least 0, for the distance from each pixel's grey.
        hue: fraction of a full turn, in [0, 0.5]; colours are turned about the grey axis (YIQ) by
            one from [-hue, hue].

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
    channel_shift: float = 0.0
    brightness: Range = (1.0, 1.0)
    contrast: Range = (1.0, 1.0)
    saturation: Range = (1.0, 1.0)
    hue: float = 0.0

    def __post_init__(self) -> None:
        for name, high in (
            ("rotation", 180.0),
            ("height_shift", float("inf")),
            ("width_shift", float("inf")),
            ("shear", 89.999),
            ("channel_shift", 255.0),
            ("hue", 0.5),
        ):
            if not 0 <= getattr(self, name) <= high:
                raise ValueError(
                    f"`{name}` must lie in [0, {high:g}]; received {getattr(self, name)!r}."
                )
        for name in ("zoom", "brightness", "contrast", "saturation"):
            _check_factors(name, getattr(self, name))
        if self.zoom[0] <= 0:
            raise ValueError(f"`zoom` must be above 0; received {self.zoom!r}.")
        for name, known in (
            ("fill_mode", ("nearest", "constant", "reflect", "wrap")),
            ("interpolation", ("bilinear", "nearest")),
        ):
            if getattr(self, name) not in known:
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

    @property
    def moves_pixels(self) -> bool:
        """Whether images are rotated, shifted, sheared or zoomed at all."""
        moved = (self.rotation, self.height_shift, self.width_shift, self.shear)
        return any(moved) or self.zoom != (1.0, 1.0)

    @property
    def flips(self) -> bool:
        """Whether some images are mirrored."""
        return self.horizontal_flip or self.vertical_flip

    @property
    def recolours(self) -> bool:
        """Whether brightness, contrast, saturation or hue change."""
        factors = (self.brightness, self.contrast, self.saturation)
        return any(each != (1.0, 1.0) for each in factors) or bool(self.hue)

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


def _check_factors(name: str, factors: Any) -> None:
    is_pair = isinstance(factors, tuple) and len(factors) == 2
    if not is_pair or not 0 <= factors[0] <= factors[1]:
        raise ValueError(
            f"`{name}` must be a tuple of two factors, 0 <= lowest <= highest; received "
            f"{factors!r}."
        )
