"""Recipes: how a network is trained, in full, as plain values that are saved with the result."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Distortions:
    """What happens to training images at random.

    Fields have the names, units and defaults of those of `catdog_data.Augmentation`, which takes
    them as they are.

    Example:
        >>> Distortions(horizontal_flip=True, rotation=30).zoom
        (1.0, 1.0)
    """

    horizontal_flip: bool = False
    rotation: float = 0.0
    shear: float = 0.0
    zoom: Range = (1.0, 1.0)
    fill_mode: Literal["nearest", "constant", "reflect", "wrap"] = "nearest"
    crop_area: Range = (1.0, 1.0)
    crop_ratio: Range = (1.0, 1.0)
    brightness: Range = (1.0, 1.0)
    contrast: Range = (1.0, 1.0)
    saturation: Range = (1.0, 1.0)
    erasing: float = 0.0
    erasing_area: Range = (0.02, 0.33)
    erasing_value: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """The optimizer, its schedule and what else turns batches into weights.

    Args:
        optimizer: "adam" (Kingma & Ba, 2015) or "adamw", with decoupled weight decay (Loshchilov &
            Hutter, 2019), from which biases and normalisation are left out.
        learning_rate: its highest value.
        warm_up: epochs, also a fraction, in which it rises there in a line from a hundredth.
        cosine: whether it falls to zero by a half cosine over the other epochs.
        weight_decay: fraction of each weight lost in a step, per unit of the learning rate.
        label_smoothing: how much of each label is spread over all classes (Szegedy et al., 2016).
        averaging: how much of the averaged weights is kept in a step; these are validated and
            saved. None for no averages.

    Example:
        >>> Optimisation(optimizer="adamw", cosine=True, warm_up=2).learning_rate
        0.001
    """

    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = 0.001
    warm_up: float = 0.0
    cosine: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    averaging: float | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a run except its data, seed and precision.

    Args:
        name: the name in `RECIPES` and of `catdog-train --recipe`.
        model: "original" for `build_model`, "compact" for `build_compact_model`.
        epochs: passes over the training images.
        image_size: (height, width) in pixels.
        batch_size: images per step.
        interpolation: how images are resized, a method of `tf.image.resize`.
        antialias: whether shrinking averages over all pixels that are lost.
        distortions: what happens to training images at random.
        optimisation: the optimizer, its schedule and what else turns batches into weights.
        probabilities_as_logits: the notebook's mistake: its loss took the sigmoid's output for a
            logit, and so stays above 0.31 however right the network is.
        distort_validation: the notebook's other mistake: it validated on distorted images.

    Example:
        >>> RECIPES["modern"].image_size
        (128, 128)
    """

    name: str
    model: Literal["original", "compact"]
    epochs: int
    image_size: tuple[int, int] = (224, 224)
    batch_size: int = 32
    interpolation: str = "nearest"
    antialias: bool = False
    distortions: Distortions = Distortions()
    optimisation: Optimisation = Optimisation()
    probabilities_as_logits: bool = False
    distort_validation: bool = False

    def to_the_letter(self) -> "Recipe":
        """Return the recipe with the notebook's mistakes, the last two fields.

        Raises:
            ValueError: the recipe is none of the notebook's.

        Example:
            >>> ORIGINAL_PLAIN.to_the_letter().probabilities_as_logits
            True
        """
        if self.model != "original":
            raise ValueError(
                "Only recipes of the notebook can be followed to the letter: "
                f"{', '.join(name for name, each in RECIPES.items() if each.model == 'original')}. "
                f"Received: {self.name!r}"
            )
        distorted = self.distortions != Distortions()
        return replace(self, probabilities_as_logits=True, distort_validation=distorted)

    def as_json(self) -> dict[str, Any]:
        """Return all values, nested as they are, in JSON's types: lists for tuples.

        Example:
            >>> MODERN.as_json()["image_size"]
            [128, 128]
        """
        content: dict[str, Any] = _lists_for_tuples(asdict(self))
        return content


def _lists_for_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists_for_tuples(each) for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value


ORIGINAL_PLAIN = Recipe(name="original-plain", model="original", epochs=20)
"""The notebook's first run: no distortions."""

ORIGINAL_AUGMENTED = Recipe(
    name="original-augmented",
    model="original",
    epochs=40,
    # IDG's zoom_range=0.3 and shear_range=0.15, which is in degrees.
    distortions=Distortions(horizontal_flip=True, rotation=30, shear=0.15, zoom=(0.7, 1.3)),
)
"""The notebook's second run."""

MODERN = Recipe(
    name="modern",
    model="compact",
    epochs=40,
    image_size=(128, 128),
    interpolation="bilinear",
    antialias=True,
    distortions=Distortions(
        horizontal_flip=True,
        rotation=10,
        fill_mode="reflect",
        crop_area=(0.4, 1.0),
        crop_ratio=(0.85, 1.18),
        brightness=(0.8, 1.2),
        contrast=(0.8, 1.2),
        saturation=(0.7, 1.3),
    ),
    optimisation=Optimisation(
        optimizer="adamw",
        learning_rate=0.002,
        warm_up=2,
        cosine=True,
        weight_decay=0.05,
        label_smoothing=0.1,
        # The statistics of batch normalisation average the same weights over 100 batches. With a
        # much longer memory, the averaged weights would be validated with those of others.
        averaging=0.995,
    ),
)
"""Current practice: a compact network, more distortions, schedule, decay, averaged weights."""

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {each.name: each for each in (ORIGINAL_PLAIN, ORIGINAL_AUGMENTED, MODERN)}
)
"""All recipes by name."""
