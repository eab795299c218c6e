"""From a recipe to a compiled model."""

from typing import Any

import keras

from catdog_models.networks import cnn, compact
from catdog_models.networks.heads import compile_classifier
from catdog_models.training.recipes import Optimisation, Recipe

_BUILDERS = {"original": cnn.build_model, "compact": compact.build_compact_model}
_SIZE_CHECKS = {"original": cnn.checked_image_size, "compact": compact.checked_image_size}
_WARM_UP_FROM = 0.01  # of the highest learning rate


def build_from_recipe(
    recipe: Recipe, num_classes: int, steps: int, precision: str | None = None
) -> keras.Model:
    """Build and compile the model of a recipe.

    Initial weights and dropout follow `keras.utils.set_random_seed`.

    Args:
        recipe: how it is trained.
        num_classes: at least 2.
        steps: batches in an epoch, for the schedule.
        precision: the layers' dtype policy; None for Keras' setting.

    Returns:
        The compiled model, from `float32[B, H, W, 3]` in [0, 1].

    Raises:
        ValueError: the recipe's image size is too small for its model.

    Example:
        >>> from dataclasses import replace
        >>> from catdog_models.training.recipes import MODERN
        >>> recipe = replace(MODERN, image_size=(32, 32))
        >>> build_from_recipe(recipe, num_classes=3, steps=25).output_shape
        (None, 3)
    """
    model = _BUILDERS[recipe.model](recipe.image_size, num_classes, precision=precision)
    optimizer = _optimizer(recipe.optimisation, recipe.epochs * steps, steps)
    compile_classifier(
        model,
        optimizer,
        label_smoothing=recipe.optimisation.label_smoothing,
        from_logits=recipe.probabilities_as_logits,
    )
    return model


def check_image_size(recipe: Recipe) -> None:
    """Refuse a recipe whose images are too small for its network, before it is built.

    Args:
        recipe: what would be built.

    Raises:
        TypeError: the recipe's image size is not a pair of integers.
        ValueError: the recipe's image size is too small for its model.

    Example:
        >>> from dataclasses import replace
        >>> from catdog_models.training.recipes import MODERN
        >>> check_image_size(replace(MODERN, image_size=(8, 8)))
        Traceback (most recent call last):
        ValueError: image_size must be at least 16 pixels on each side, or nothing is left ...
    """
    _SIZE_CHECKS[recipe.model](recipe.image_size)


def _optimizer(how: Optimisation, all_steps: int, steps: int) -> Any:
    options: dict[str, Any] = {"learning_rate": _learning_rate(how, all_steps, steps)}
    if how.averaging is not None:
        options |= {"use_ema": True, "ema_momentum": how.averaging}
    if how.optimizer == "adam":
        return keras.optimizers.Adam(**options)
    optimizer = keras.optimizers.AdamW(weight_decay=how.weight_decay, **options)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def _learning_rate(how: Optimisation, all_steps: int, steps: int) -> Any:
    if not how.cosine:
        return how.learning_rate
    rising = min(round(how.warm_up * steps), all_steps - 1)
    return keras.optimizers.schedules.CosineDecay(
        how.learning_rate * (_WARM_UP_FROM if rising else 1.0),
        decay_steps=all_steps - rising,
        warmup_target=how.learning_rate if rising else None,
        warmup_steps=rising,
    )
