"""Columns of a pandas data frame: file names, classes, numbers, weights.

pandas is not imported: the frame brings it.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.class_groups import ClassGroups
from catdog_data.sources.exclude import Exclude, rows_kept
from catdog_data.sources.existing_files import existing_files
from catdog_data.system.messages import some_of


def file_paths_in(frame: Any, directory: str, key: Hashable, argument: str) -> tuple[str, ...]:
    """Read the file names in a column.

    Args:
        frame: a pandas data frame of N rows.
        directory: the folder that file names count from.
        key: the column.
        argument: the name of the argument that `key` was given for, for errors.

    Returns:
        N paths.

    Raises:
        ValueError: there are no rows, or cells that are no file names.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"filename": ["cats/1.jpg", "dogs/1.jpg"]})
        >>> file_paths_in(frame, "pets", "filename", "x_col")
        ('pets/cats/1.jpg', 'pets/dogs/1.jpg')
    """
    names = column(frame, key, argument).tolist()
    if not names:
        raise ValueError("`dataframe` must have at least one row; received none.")
    if strangers := [name for name in names if not isinstance(name, (str, bytes, os.PathLike))]:
        raise ValueError(
            f"`{argument}`: every cell of the column {key!r} must be a file name; it holds "
            f"{some_of(strangers)}."
        )
    # Columns of pandas' own strings hold names that are not UTF-8 as bytes only.
    return tuple(os.path.join(directory, os.fsdecode(name)) for name in names)  # noqa: PTH118


def rows_without(frame: Any, directory: str, keys: Sequence[Hashable], exclude: Exclude) -> Any:
    """Leave out the rows that name any of some files.

    Args:
        frame: a pandas data frame.
        directory: the folder that file names count from; "" is the working directory.
        keys: the columns of the file names.
        exclude: see `catdog_data.sources.exclude.rows_kept`.

    Returns:
        A frame of the other rows.

    Raises:
        ValueError: no row is left, or as of `rows_kept`.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"filename": ["cats/1.jpg", "dogs/1.jpg"]})
        >>> rows_without(frame, "pets", ["filename"], ["dogs/1.jpg"])["filename"].tolist()
        ['cats/1.jpg']
    """
    columns = [file_paths_in(frame, directory, key, "x_col") for key in keys]
    paths = [path for column in columns for path in column]
    kept = np.zeros(len(paths), bool)
    kept[rows_kept(paths, exclude, directory)] = True
    rows = np.flatnonzero(kept.reshape(len(columns), -1).all(axis=0))
    if not len(rows):
        raise ValueError(
            f"`exclude` must leave a row; it names a file in each of the {len(frame)} rows."
        )
    return frame.iloc[rows]


def check_files_exist(paths: Sequence[str], key: Hashable, argument: str) -> None:
    """Look for all files of a column.

    Args:
        paths: of `file_paths_in`.
        key: the column.
        argument: the name of the argument that `key` was given for, for errors.

    Raises:
        FileNotFoundError: files are missing.
    """
    existing = existing_files(paths)
    if missing := [path for path in paths if path not in existing]:
        raise FileNotFoundError(
            f"`{argument}`: {len(missing)} of {len(paths)} files in the column {key!r} are "
            f"missing: {some_of(missing)}. Leave out their rows, or correct `directory`; "
            "`validate_filenames=False` skips this check."
        )


@dataclass(frozen=True)
class ClassCells:
    """The classes in a column of N cells.

    Attributes:
        names: the K classes.
        labels: int32[M], positions in `names`, cell by cell.
        lengths: how many labels each cell has, N numbers.
    """

    names: tuple[str, ...]
    labels: NDArray[np.int32]
    lengths: list[int]


def classes_in(
    frame: Any, y_col: Any, label_mode: str, class_names: ClassGroups | None
) -> ClassCells:
    """Read the class names in a column.

    Args:
        frame: a pandas data frame.
        y_col: the column.
        label_mode: "int", "binary", or "categorical", which allows several names in a cell.
        class_names: the classes in the order of their labels, and which names are of each; None
            takes those in the column, sorted.

    Raises:
        ValueError: a cell without a class name, or a class that `class_names` lacks.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"class": [["cat", "indoors"], ["dog"]]})
        >>> classes = classes_in(frame, "class", "categorical", None)
        >>> classes.names, classes.labels.tolist(), classes.lengths
        (('cat', 'dog', 'indoors'), [0, 2, 1], [2, 1])
    """
    cells = [_names_in(cell, y_col, label_mode) for cell in column(frame, y_col, "y_col").tolist()]
    found = {name for cell in cells for name in cell}
    groups = class_names or ClassGroups({name: (name,) for name in sorted(found)})
    names, label_of = groups.names, groups.label_of
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(
            f'`label_mode="binary"` needs exactly 2 classes; received class_names={names!r}.'
        )
    if lacking := sorted(found - label_of.keys()):
        raise ValueError(
            f"`class_names` must name every class in the column {y_col!r}; received "
            f"{tuple(label_of)!r}, which lacks {some_of(lacking)}. To leave classes out, leave out "
            "their rows."
        )
    labels = np.array([label_of[name] for cell in cells for name in cell], np.int32)
    return ClassCells(names, labels, [len(cell) for cell in cells])


def numbers_in(frame: Any, key: Any, argument: str) -> NDArray[Any]:
    """Read the numbers in a column, or in a list of columns.

    Args:
        frame: a pandas data frame of N rows.
        key: the column, or a list of columns.
        argument: the name of the argument that `key` was given for, for errors.

    Returns:
        An array [N, ...] with a number, or a list of them, for each cell; [N, C, ...] of C columns.

    Raises:
        ValueError: a column that the frame lacks, or that does not hold numbers of one shape.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"age": [3, 5], "box": [[0.0, 1.0], [2.0, 3.0]]})
        >>> numbers_in(frame, "box", "y_col").tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """
    if isinstance(key, list):
        if not key:
            raise ValueError(f"`{argument}` must name at least one column; received [].")
        columns = [numbers_in(frame, name, argument) for name in key]
        return np.stack(columns, axis=1)
    cells = column(frame, key, argument)
    try:
        numbers = np.array(cells.tolist() if cells.dtype.kind == "O" else cells.to_numpy())
    except ValueError:  # lists of several lengths
        numbers = np.array(None)
    if numbers.dtype.kind not in "biuf":
        raise ValueError(
            f"`{argument}`: the column {key!r} must hold numbers, or lists of them of one shape; "
            f"it holds {some_of(cells.tolist())}."
        )
    return numbers


def weights_in(frame: Any, key: Hashable) -> NDArray[Any]:
    """Read the sample weights in a column, [N]; ValueError for what is not one number each."""
    weights = numbers_in(frame, key, "weight_col")
    if weights.ndim != 1:
        raise ValueError(f"`weight_col` must be one column of single numbers; received {key!r}.")
    return weights


def column(frame: Any, key: Any, argument: str) -> Any:
    """Return one column of a data frame.

    Args:
        frame: a pandas data frame.
        key: the name of the column.
        argument: the name of the argument that `key` was given for, for errors.

    Raises:
        ValueError: `frame` is no data frame, or `key` does not name one column of it.
    """
    if not hasattr(frame, "columns"):
        raise ValueError(f"`dataframe` must be a pandas data frame; received {frame!r}.")
    if not isinstance(key, Hashable) or key not in frame.columns:
        raise ValueError(
            f"`{argument}` must name a column of the data frame; received {key!r}. It has "
            f"{', '.join(map(repr, frame.columns))}."
        )
    found = frame[key]
    if found.ndim != 1:
        raise ValueError(
            f"`{argument}` must name one column; {key!r} names {found.shape[1]} of the data frame."
        )
    return found


def _names_in(cell: Any, y_col: Any, label_mode: str) -> list[str]:
    """List the class names in a cell."""
    several = label_mode == "categorical" and isinstance(cell, (list, tuple, set, np.ndarray))
    names = list(cell) if several else [cell]
    if all(isinstance(name, str) for name in names):
        return names
    kinds = "a class name or a list of them" if label_mode == "categorical" else "a class name"
    raise ValueError(
        f"`y_col`: every cell of the column {y_col!r} must be {kinds} (strings) with "
        f'label_mode={label_mode!r}; received {cell!r}. Numbers are labels with label_mode="raw", '
        "and names after `.astype(str)`; several names need "
        'label_mode="categorical"; rows without a label are left out with `.dropna`.'
    )
