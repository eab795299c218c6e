"""From Keras' `ImageDataGenerator` object to ours."""

from __future__ import annotations

from typing import Any

from catdog_data.keras_compat.generator import ImageDataGenerator
from catdog_data.keras_compat.image_augmenter import HOOKS


def from_keras(idg: Any) -> ImageDataGenerator:
    """Make an `ImageDataGenerator` of this package with the settings of one of Keras.

    Args:
        idg: `keras.preprocessing.image.ImageDataGenerator`, fitted or not.

    Returns:
        One that yields the same batches; fitted statistics are shared, not copied.

    Raises:
        TypeError: `idg` has not the attributes of an `ImageDataGenerator`, or is of a subclass
            that overrides a method.

    Example:
        >>> from keras.src.legacy.preprocessing import image
        >>> from_keras(image.ImageDataGenerator(rotation_range=30)).rotation_range
        30
    """
    converted = ImageDataGenerator()
    missing = sorted(set(vars(converted)) - set(vars(idg) if hasattr(idg, "__dict__") else ()))
    if missing:
        raise TypeError(
            "`from_keras` takes an ImageDataGenerator of Keras; received a "
            f"{type(idg).__name__} without {missing[0]!r}."
        )
    for name in HOOKS:
        if not (getattr(idg, name).__module__ or "").startswith("keras."):
            raise TypeError(
                f"`from_keras` takes over settings, but `{name}` of {type(idg).__name__} is "
                "overridden. Derive the class from catdog_data's ImageDataGenerator instead."
            )
    for name in vars(converted):
        setattr(converted, name, getattr(idg, name))
    return converted
