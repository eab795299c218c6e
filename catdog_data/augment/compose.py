"""From an `Augmentation` to its steps, and from what a batch draws to their parameters.

Geometry comes first: it is one resampling of its own. The steps behind it change pixels in the
order of `STEPS`, in one compiled kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws
from catdog_data.augment.parameters import Parameters
from catdog_data.augment.steps.autocontrast import Autocontrast
from catdog_data.augment.steps.blur import Blur
from catdog_data.augment.steps.channel_shift import ChannelShift
from catdog_data.augment.steps.colour import Colour
from catdog_data.augment.steps.equalize import Equalize
from catdog_data.augment.steps.erasing import Erasing
from catdog_data.augment.steps.geometry import Geometry
from catdog_data.augment.steps.grayscale import Grayscale
from catdog_data.augment.steps.mixing import Mixing
from catdog_data.augment.steps.posterize import Posterize
from catdog_data.augment.steps.sharpness import Sharpness
from catdog_data.augment.steps.solarize import Solarize
from catdog_data.augment.steps.step import RandomStep

STEPS: tuple[type[RandomStep], ...] = (
    ChannelShift,
    Colour,
    Autocontrast,
    Equalize,
    Solarize,
    Posterize,
    Sharpness,
    Blur,
    Grayscale,
    Erasing,
    Mixing,
)
"""The steps behind the geometry, in the order in which they change pixels."""

_PICK = "pick of {}".format
_NAMES_OF_DRAWS = (
    *("rotation", "height_shift", "width_shift", "shear", "zoom", "zoom_columns"),
    *("horizontal_flip", "vertical_flip"),
    *("channel_shift", "brightness", "contrast", "saturation", "hue"),
    *map(_PICK, ("rotation", "height_shift", "width_shift", "shear", "zoom")),
    *map(_PICK, ("channel_shift", "brightness", "contrast", "saturation", "hue")),
    *("crop_area", "crop_ratio", "crop_row", "crop_column"),
    *("erasing", "erasing_area", "erasing_ratio", "erasing_row", "erasing_column"),
    *("mixing", "mixing_share", "mixing_row", "mixing_column"),
    *("blur", _PICK("blur")),
    *("solarize", _PICK("solarize")),
    *("posterize", _PICK("posterize")),
    *("equalize", _PICK("equalize")),
    *("autocontrast", _PICK("autocontrast")),
    "grayscale",
    *("sharpness", _PICK("sharpness")),
    *("horizontal_shear", _PICK("horizontal_shear")),
    *("vertical_shear", _PICK("vertical_shear")),
    _PICK("identity"),
)
"""The uniform numbers of an image. What a seed means depends on their order: new ones go to the
end, and those of choices have one more, by which `steps_per_image` picks."""

DRAWS = len(_NAMES_OF_DRAWS)
"""How many uniform numbers an image draws, whatever is set."""


@dataclass(frozen=True)
class Composition:
    """What an augmentation does to each image.

    Args:
        geometry: how images are moved.
        steps: what is done behind that, in this order.
        choices: the fields that images pick among.
        picks: how many of them each image has; None for all.
    """

    geometry: Geometry
    steps: tuple[RandomStep, ...]
    choices: tuple[str, ...] = ()
    picks: int | None = None

    @property
    def runs_on_device(self) -> bool:
        """Whether all of it can be done by `catdog_data.layers.AugmentAndRescale`."""
        return all(step.runs_on_device for step in self.steps)

    @property
    def mixes_images(self) -> bool:
        """Whether images depend on others of their batch."""
        return any(step.mixes_images for step in self.steps)

    def parameters(
        self, uniform: tf.Tensor, index: tf.Tensor, image_size: tuple[int, int]
    ) -> Parameters:
        """Plan a batch.

        Args:
            uniform: float64[B, DRAWS] in [0, 1).
            index: int64[B], the images; -1 is padding, which comes last.
            image_size: (height, width) in pixels; float64[B] each where images differ.

        Returns:
            The parameters of the B images.
        """
        draws = self.named_draws(uniform, index, image_size)
        return Parameters(
            self.geometry.rows(draws), tuple(step.parameters(draws) for step in self.steps)
        )

    def named_draws(
        self, uniform: tf.Tensor, index: tf.Tensor, image_size: tuple[int, int]
    ) -> Draws:
        """Name the uniform numbers of a batch, and tell which choices each image has.

        Args:
            uniform: as for `parameters`.
            index: as for `parameters`.
            image_size: as for `parameters`.

        Returns:
            What `RandomStep.parameters` takes.
        """
        named = dict(zip(_NAMES_OF_DRAWS, tf.unstack(uniform, axis=1), strict=True))
        return Draws(named, self._picked(named), index, image_size)

    def _picked(self, named: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Tell which images have which choice: bool[B] by the name of the choice."""
        if self.picks is None:
            return {}
        offers = [named[_PICK(choice)] for choice in self.choices]
        count = min(self.picks, len(offers))
        if count == 0:
            return {choice: tf.zeros_like(named[_PICK(choice)], tf.bool) for choice in self.choices}
        last = tf.sort(tf.stack(offers, axis=1), axis=1)[:, count - 1]
        return {choice: offer <= last for choice, offer in zip(self.choices, offers, strict=True)}


def compose(augmentation: Augmentation) -> Composition:
    """Turn an augmentation into its steps.

    Args:
        augmentation: what is done.

    Returns:
        The geometry and, of `STEPS`, those that are set.

    Example:
        >>> compose(Augmentation(rotation=30, hue=0.1)).steps
        (Colour(brightness=(1.0, 1.0), contrast=(1.0, 1.0), saturation=(1.0, 1.0), hue=0.1),)
    """
    geometry = Geometry(augmentation)
    steps = tuple(step for step in (each.of(augmentation) for each in STEPS) if step.is_set)
    # To pick "identity" is to have one step less: nothing is drawn for it, and nothing done.
    of_steps = (choice for step in steps for choice in step.choices)
    offered = (*geometry.choices, *of_steps, "identity")
    choices = tuple(filter(augmentation.is_set, offered))
    return Composition(geometry, steps, choices, augmentation.steps_per_image)
