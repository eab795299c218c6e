"""Which files were found, printed in Keras' words."""

from __future__ import annotations

from collections.abc import Mapping

from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.system.messages import some_of


def print_found(files: LabelledFiles, subsets: Mapping[str | None, LabelledFiles]) -> None:
    """Print how many files there are, and how many in each subset.

    Args:
        files: all of them.
        subsets: of `catdog_data.sources.split.split_by_name`.

    Example:
        >>> files = LabelledFiles(("1.jpg", "2.jpg", "3.jpg"), None, None)
        >>> print_found(files, {"training": files.take([0, 1]), "validation": files.take([2])})
        Found 3 files.
        Using 2 files for training.
        Using 1 files for validation.
    """
    classes = f" belonging to {len(files.class_names)} classes" if files.class_names else ""
    print(f"Found {len(files)} files{classes}.")
    for name, subset in subsets.items():
        if name is not None:
            print(f"Using {len(subset)} files for {name}.")


def print_empty_classes(files: LabelledFiles) -> None:
    """Print which class folders are classes without images, if any, as they are with Keras.

    Args:
        files: labelled by their class folders.

    Example:
        >>> import numpy as np
        >>> print_empty_classes(LabelledFiles(("cats/1.jpg",), np.int32([0]), ("cats", "dogs")))
        Class folders without images: 'dogs'.
    """
    if files.labels is None or files.class_names is None:
        return
    present = set(files.labels.tolist())
    if empty := [name for label, name in enumerate(files.class_names) if label not in present]:
        print(f"Class folders without images: {some_of(empty)}.")
