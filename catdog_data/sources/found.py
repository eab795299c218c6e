"""Which files were found, printed in Keras' words."""

from __future__ import annotations

from collections.abc import Mapping

from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.system.messages import some_of


def print_found(
    files: LabelledFiles,
    subsets: Mapping[str | None, LabelledFiles],
    *,
    empty_folders: bool = False,
) -> None:
    """Print how many files there are, and how many in each subset.

    Args:
        files: all of them.
        subsets: of `catdog_data.sources.split.split_by_name`.
        empty_folders: whether to name the classes without images, which they are with Keras as
            well, if there are any.

    Example:
        >>> import numpy as np
        >>> files = LabelledFiles(
        ...     ("cats/1.jpg", "cats/2.jpg", "cats/3.jpg"), np.int32([0, 0, 0]), ("cats", "dogs")
        ... )
        >>> subsets = {"training": files.take([0, 1]), "validation": files.take([2])}
        >>> print_found(files, subsets, empty_folders=True)
        Found 3 files belonging to 2 classes.
        Using 2 files for training.
        Using 1 files for validation.
        Class folders without images: 'dogs'.
    """
    classes = f" belonging to {len(files.class_names)} classes" if files.class_names else ""
    print(f"Found {len(files)} files{classes}.")
    for name, subset in subsets.items():
        if name is not None:
            print(f"Using {len(subset)} files for {name}.")
    if empty_folders and files.labels is not None:
        present = set(files.labels.tolist())
        names = enumerate(files.class_names or ())
        if empty := [name for label, name in names if label not in present]:
            print(f"Class folders without images: {some_of(empty)}.")
