"""The name that `catdog_models.training.recipes` had before; it warns."""

import warnings

from catdog_models.training.recipes import RECIPES, Distortions, Recipe

__all__ = ["RECIPES", "Distortions", "Recipe"]

warnings.warn(
    "`catdog_models.recipes` is `catdog_models.training.recipes` now; the old name will go.",
    DeprecationWarning,
    stacklevel=2,
)
