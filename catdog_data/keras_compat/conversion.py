"""From Keras' `ImageDataGenerator` object to ours."""

from __future__ import annotations

from typing import Any

from catdog_data.keras_compat.generator import ImageDataGenerator


def from_keras(idg: Any) -> ImageDataGenerator:
    """Make an `ImageDataGenerator` of this package with the settings of one of Keras.

    Args:
        idg: `keras.preprocessing.image.ImageDataGenerator`, fitted or not.

    Returns:
        One that yields the same batches; fitted statistics are shared, not copied.

    Raises:
        TypeError: `idg` has not the attributes of an `ImageDataGenerator`.
    """
    converted = ImageDataGenerator()
    missing = sorted(set(vars(converted)) - set(vars(idg) if hasattr(idg, "__dict__") else ()))
    if missing:
        raise TypeError(
            "`from_keras` takes an ImageDataGenerator of Keras; received a "
            f"{type(idg).__name__} without {missing[0]!r}."
        )
    for name in vars(converted):
        setattr(converted, name, getattr(idg, name))
    return converted
