"""A data set's subsets, and the epochs of each."""

from __future__ import annotations

import os
from dataclasses import replace

from catdog_data.datasets.build import Epochs
from catdog_data.sources.labelled_files import (
    LabelledFiles,
    split_files,
    split_files_stratified,
)
from catdog_data.system.messages import some_of


def subsets_of(
    files: LabelledFiles,
    validation_split: float | None,
    subset: str | None,
    stratified_below: str | os.PathLike[str] | None,
) -> dict[str, LabelledFiles]:
    """Split the files into subsets by name; all of them are the subset ""."""
    if not validation_split or subset is None:
        return {"": files}
    if stratified_below is None:
        parts = split_files(files, validation_split, subset)
    else:
        root = os.fspath(stratified_below)
        parts = split_files_stratified(files, validation_split, subset, root=root)
    if isinstance(parts, LabelledFiles):
        return {subset: parts}
    return dict(zip(("training", "validation"), parts, strict=True))


def say_what_was_found(files: LabelledFiles, parts: dict[str, LabelledFiles]) -> None:
    """Print how many files there are, and in which subset, in Keras' words."""
    classes = f" belonging to {len(files.class_names)} classes" if files.class_names else ""
    print(f"Found {len(files)} files{classes}.")
    for name, part in parts.items():
        if name:
            print(f"Using {len(part)} files for {name}.")


def say_which_are_empty(files: LabelledFiles) -> None:
    """Print which class folders are classes without images, as they are with Keras."""
    if files.labels is None or files.class_names is None:
        return
    present = set(files.labels.tolist())
    if empty := [name for place, name in enumerate(files.class_names) if place not in present]:
        print(f"Class folders without images: {some_of(empty)}.")


def with_epochs(
    parts: dict[str, LabelledFiles], epochs: Epochs, *, augment_validation: bool
) -> list[tuple[LabelledFiles, Epochs]]:
    """Give every subset its epochs.

    Args:
        parts: subsets by name.
        epochs: those of a training subset.
        augment_validation: whether a validation subset is augmented.

    Returns:
        For each, its files and its epochs. A validation subset is not augmented by default; beside
        its training subset it keeps its order, as with Keras.
    """
    result = []
    for name, part in parts.items():
        own = epochs
        if name == "validation" and not augment_validation:
            own = replace(own, augmentation=None)
        if name == "validation" and len(parts) == 2:
            own = replace(own, shuffle=False)
        result.append((part, own))
    return result
