"""The epochs of each subset of a data set."""

from __future__ import annotations

from dataclasses import replace

from catdog_data.datasets.build import Epochs


def epochs_of_subset(
    subset: str | None, epochs: Epochs, *, beside_training: bool, augment_validation: bool
) -> Epochs:
    """Choose the epochs of a subset.

    Args:
        subset: "training", "validation" or None for all files.
        epochs: those of a training subset.
        beside_training: whether the training subset is read as well.
        augment_validation: whether a validation subset is augmented.

    Returns:
        Those of a training subset, but that a validation subset is not augmented by default, and
        beside its training subset is not shuffled, as with Keras.

    Example:
        >>> epochs = Epochs(32, shuffle=True, seed=1, shard=(0, 1), augmentation=None)
        >>> epochs_of_subset(
        ...     "validation", epochs, beside_training=True, augment_validation=False
        ... ).shuffle
        False
    """
    if subset != "validation":
        return epochs
    if not augment_validation:
        epochs = replace(epochs, augmentation=None)
    return replace(epochs, shuffle=False) if beside_training else epochs
