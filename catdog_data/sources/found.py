"""Which files were found, printed in Keras' words, and which images were passed over."""

from __future__ import annotations

from collections.abc import Mapping

from catdog_data.sources.formats import FORMATS, NPY, endings_of
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.system.messages import some_of


def print_found(
    files: LabelledFiles,
    subsets: Mapping[str | None, LabelledFiles],
    *,
    empty_folders: bool = False,
) -> None:
    """Print how many files there are, how many in each subset, and images that are not listed.

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
    if passed_over := images_passed_over(files.passed_over):
        print(passed_over)
    if empty_folders and files.labels is not None:
        present = set(files.labels.tolist())
        names = enumerate(files.class_names or ())
        if empty := [name for label, name in names if label not in present]:
            print(f"Class folders without images: {some_of(empty)}.")


def images_passed_over(counts: Mapping[str, int]) -> str:
    """Say how many images were not listed, by their ending; "" for none.

    Of notes and the like nothing is said, as in Keras.

    Args:
        counts: how many files there are of each ending.

    Example:
        >>> images_passed_over({".webp": 2, ".tif": 1, ".txt": 1})
        'Passed over 3 images by their extension: .tif 1, .webp 2. `extensions` lists them.'
    """
    endings = endings_of((*FORMATS, NPY))
    images = {ending: counts[ending] for ending in endings if counts.get(ending)}
    if not images:
        return ""
    kinds = ", ".join(f"{ending} {count}" for ending, count in images.items())
    return (
        f"Passed over {sum(images.values())} images by their extension: {kinds}. `extensions` "
        "lists them."
    )
