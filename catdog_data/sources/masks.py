"""The mask that belongs to each image of a folder."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from catdog_data.sources.formats import FORMATS, NPY, endings_of
from catdog_data.sources.walk import walk
from catdog_data.system.messages import some_of
from catdog_data.system.special_files import check_none_is_special

_EXTENSIONS = endings_of((*FORMATS, NPY))
"""Endings of masks, in any case."""


def masks_beside(
    file_paths: Sequence[str],
    directory: str | os.PathLike[str],
    masks: str | os.PathLike[str],
    *,
    regular_only: bool = True,
) -> dict[str, str]:
    """Find the mask of each image: the image file of the same path, but for its extension.

    Warns of masks that are saved as JPEG.

    Args:
        file_paths: the images, below `directory`.
        directory: the folder of the images.
        masks: the folder of the masks.
        regular_only: whether pipes, sockets and devices are refused, or taken as all else.

    Returns:
        The path of each image's mask, by the image's path.

    Raises:
        FileNotFoundError: images without a mask.
        OSError: a folder of masks cannot be listed.
        ValueError: images with more than one, or with one that is no regular file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     (Path(root) / "masks").mkdir()
        ...     (Path(root) / "masks" / "1.png").touch()
        ...     found = masks_beside([f"{root}/images/1.jpg"], f"{root}/images", f"{root}/masks")
        >>> [(Path(image).name, Path(mask).name) for image, mask in found.items()]
        [('1.jpg', '1.png')]
    """
    found: dict[str, list[str]] = {}
    special: set[str] = set()
    for below, names, special_names in walk(os.fspath(masks), follow_links=True):
        special.update(os.path.join(masks, below, name) for name in special_names)  # noqa: PTH118
        for name in names:
            # Notes on a mask, such as "3.json", may lie beside it.
            if not name.lower().endswith(_EXTENSIONS):
                continue
            path = os.path.join(masks, below, name)  # noqa: PTH118 (strings)
            found.setdefault(_key(path, masks), []).append(path)
    candidates = {path: _masks_in(found.get(_key(path, directory), [])) for path in file_paths}
    if lacking := [path for path, paths in candidates.items() if not paths]:
        raise FileNotFoundError(
            f"`masks`: {len(lacking)} of {len(file_paths)} images have no file of the same name in "
            f"{os.fspath(masks)!r}: {some_of(lacking)}. Add their masks, or take the images away. "
            f"Masks end in one of {', '.join(_EXTENSIONS)}."
        )
    if doubtful := [path for path, paths in candidates.items() if len(paths) > 1]:
        raise ValueError(
            f"`masks`: {len(doubtful)} images have several files of the same name in "
            f"{os.fspath(masks)!r}: {some_of(doubtful)}. Leave one for each."
        )
    chosen = {path: paths[0] for path, paths in candidates.items()}
    if regular_only:
        check_none_is_special(chosen.values(), special)
    warn_of_jpegs("masks", chosen.values())
    return chosen


def _masks_in(paths: list[str]) -> list[str]:
    """Leave out arrays beside a picture: what is computed of a mask is often kept so."""
    pictures = [path for path in paths if not path.lower().endswith(NPY.endings)]
    return pictures or paths


def warn_of_jpegs(argument: str, masks: Iterable[str]) -> None:
    """Warn of masks saved as JPEG, which changes the numbers at the borders of what is drawn."""
    if jpegs := [path for path in masks if path.lower().endswith((".jpg", ".jpeg"))]:
        warnings.warn(
            f"`{argument}`: {len(jpegs)} masks are JPEG files, which do not keep class numbers: "
            f"{some_of(jpegs)}. Save masks as PNG, from where they were drawn.",
            stacklevel=4,
        )


def _key(path: str, root: str | os.PathLike[str]) -> str:
    return os.fspath(Path(os.path.relpath(path, root)).with_suffix(""))
