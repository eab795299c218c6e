"""Images that a pandas data frame lists. pandas itself is not imported: the frame brings it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.cache.cached import Cache
from catdog_data.keras_compat.files_iterator import FilesIterator, joined, one_class_each
from catdog_data.keras_compat.iterator import print_or_log
from catdog_data.keras_compat.protocol import Generator
from catdog_data.sources.exclude import Exclude, rows_kept
from catdog_data.sources.existing_files import existing_files

_CLASS_MODES = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)
_WITHOUT_CLASSES = ("input", "multi_output", "raw", None)


class DataFrameIterator(FilesIterator):
    """Yield batches of the images that a data frame lists, as Keras' class of this name does.

    Arguments: see `ImageDataGenerator.flow_from_dataframe`.

    Example:
        >>> import tempfile
        >>> from catdog_data import ImageDataGenerator, generate_sample_set
        >>> import pandas as pd
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = generate_sample_set(
        ...         f"{root}/pets", train_per_class=2, image_size=(48, 64), progress=False
        ...     )
        ...     frame = pd.DataFrame({"filename": ["cats/cat.1.jpg", "dogs/dog.1.jpg"]})
        ...     frame["class"] = ["cat", "dog"]
        ...     batches = DataFrameIterator(
        ...         frame, pets.train, ImageDataGenerator(), target_size=(32, 32), batch_size=4
        ...     )
        ...     images, labels = next(batches)
        Found 2 validated image filenames belonging to 2 classes.
        >>> images.shape, labels.shape
        ((2, 32, 32, 3), (2, 2))
    """

    allowed_class_modes = frozenset(_CLASS_MODES)

    def __init__(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None = None,
        image_data_generator: Generator | None = None,
        x_col: Hashable = "filename",
        y_col: Any = "class",
        weight_col: Hashable | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str = "channels_last",
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str = "float32",
        validate_filenames: bool = True,
        extra_formats: Sequence[str] = (),
        cache: Cache = None,
        exclude: Exclude = None,
        on_error: str = "raise",
    ) -> None:
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            save_to_dir,
            save_prefix,
            save_format,
            subset,
            interpolation,
            keep_aspect_ratio,
            on_error,
        )
        self.directory = directory or ""
        self.class_mode = class_mode
        self.dtype = dtype
        self.allow_formats(extra_formats)
        self.cache = cache
        frame = dataframe.copy()
        self._check_params(frame, x_col, y_col, weight_col, classes)
        if exclude is not None:
            paths = joined(self.directory, frame[x_col].tolist())
            frame = frame.iloc[rows_kept(paths, exclude, self.directory)]
        if validate_filenames:
            frame = self._filter_valid_filepaths(frame, x_col)
        has_classes = class_mode not in _WITHOUT_CLASSES
        if has_classes:
            frame, names = self._filter_classes(frame, y_col, classes)
            self.class_indices = {name: i for i, name in enumerate(names)}
        if self._on_error.skips:
            frame = self._readable(frame, x_col, y_col if has_classes else None)
        if self.split is not None:
            start, stop = (int(part * len(frame)) for part in self.split)
            frame = frame.iloc[start:stop, :]
        if self._on_error.replaces:
            frame = self._readable(frame, x_col, y_col if has_classes else None)
        if has_classes:
            self.classes = self.get_classes(frame, y_col)
        self.filenames = frame[x_col].tolist()
        self._sample_weight = np.asarray(frame[weight_col]) if weight_col else None
        if class_mode == "multi_output":
            self._targets: Any = [np.array(frame[column].tolist()) for column in y_col]
        if class_mode == "raw":
            # An array of NumPy even where pandas has its own, which Keras hands on.
            self._targets = np.asarray(frame[y_col])
        self.samples = len(self.filenames)
        self._filepaths = joined(self.directory, self.filenames)
        validated = "validated" if validate_filenames else "non-validated"
        belonging = f" belonging to {len(self.class_indices)} classes" if has_classes else ""
        print_or_log(f"Found {self.samples} {validated} image filenames{belonging}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    @property
    def filepaths(self) -> list[str]:
        """The N files, in the order of `filenames`."""
        return self._filepaths

    @property
    def labels(self) -> Any:
        """What the y columns hold for "raw" and "multi_output", else the classes' numbers."""
        return self._targets if self.class_mode in ("multi_output", "raw") else self.classes

    @property
    def sample_weight(self) -> NDArray[Any] | None:
        """The weights of the N files, or None."""
        return self._sample_weight

    def get_classes(self, df: Any, y_col: Hashable) -> list[Any]:
        """Exchange class names for their numbers; a list of names for a list of numbers."""
        number = self.class_indices
        return [
            [number[name] for name in label] if isinstance(label, (list, tuple)) else number[label]
            for label in df[y_col]
        ]

    def _readable(self, frame: Any, x_col: Hashable, y_col: Any) -> Any:
        filepaths = joined(self.directory, frame[x_col].tolist())
        if not filepaths:
            return frame
        classes = None if y_col is None else one_class_each(self.get_classes(frame, y_col))
        names = None if classes is None else list(self.class_indices)
        return frame.iloc[self._rows_to_read(filepaths, classes, names, self.directory)]

    def _check_params(
        self, df: Any, x_col: Hashable, y_col: Any, weight_col: Hashable | None, classes: Any
    ) -> None:
        mode = self.class_mode
        if mode not in _CLASS_MODES:
            raise ValueError(
                f"Invalid class_mode: {mode}; expected one of: {', '.join(map(repr, _CLASS_MODES))}"
            )
        if mode == "multi_output" and not isinstance(y_col, list):
            raise TypeError(
                f'If class_mode="{mode}", y_col must be a list. Received {type(y_col).__name__}.'
            )
        _check_columns(df, mode, x_col, y_col, weight_col)
        if not _all_are(df[x_col], str):
            raise TypeError(f"All values in column x_col={x_col} must be strings.")
        if mode in ("binary", "sparse") and not _all_are(df[y_col], str):
            raise TypeError(
                f'If class_mode="{mode}", y_col="{y_col}" column values must be strings.'
            )
        if mode == "binary":
            _check_two_classes(df, y_col, classes)
        if mode == "categorical" and not _all_are(df[y_col], (str, list, tuple)):
            raise TypeError(
                f'If class_mode="{mode}", y_col="{y_col}" column values must be type string, list '
                "or tuple."
            )
        if classes and mode in _WITHOUT_CLASSES:
            warnings.warn(f'`classes` will be ignored given the class_mode="{mode}"', stacklevel=4)
        if weight_col and df[weight_col].dtype.kind not in "iufc":
            raise TypeError(f"Column weight_col={weight_col} must be numeric.")

    @staticmethod
    def _filter_classes(df: Any, y_col: Hashable, classes: Any) -> tuple[Any, list[str]]:
        """Keep the rows of the wanted classes and, in lists of names, the wanted names."""
        labels = df[y_col].tolist()
        if not classes:
            found = {
                name
                for label in labels
                for name in (label if isinstance(label, (list, tuple)) else [label])
            }
            return df.dropna(subset=[y_col]), sorted(found)
        names = list(dict.fromkeys(classes))
        wanted = set(names)
        parts = [_wanted_part(label, wanted, y_col) for label in labels]
        df = df.copy()
        # Of the column's own class, pandas' Series; its `apply` would go by category.
        df[y_col] = type(df[y_col])(parts, index=df.index, dtype=object)
        return df.dropna(subset=[y_col]), names

    def _filter_valid_filepaths(self, df: Any, x_col: Hashable) -> Any:
        """Keep the rows whose file exists and has a known extension; warn of the others."""
        paths = joined(self.directory, df[x_col].tolist())
        exists = existing_files(paths)
        valid = np.array(
            [path.lower().endswith(self.white_list_formats) and path in exists for path in paths],
            dtype=bool,
        )
        if not valid.all():
            warnings.warn(
                f'Found {(~valid).sum()} invalid image filename(s) in x_col="{x_col}". '
                "These filename(s) will be ignored.",
                stacklevel=4,
            )
        return df[valid]


def _check_columns(
    df: Any, mode: str | None, x_col: Hashable, y_col: Any, weight_col: Hashable | None
) -> None:
    """Check that the columns are there and that, where one is needed, one is named."""
    outputs = {"input": [], None: [], "multi_output": y_col}.get(mode, [y_col])
    keys = [x_col, *outputs, *([weight_col] if weight_col else [])]
    _check_present(df, [name for key in keys for name in _names(key)])
    _check_single(df, x_col, "x_col", TypeError)
    if mode not in _WITHOUT_CLASSES:
        _check_single(df, y_col, f'If class_mode="{mode}", y_col', TypeError)
    # Keras asks such frames for an attribute of a column, and scripts may catch its error.
    if mode == "multi_output":
        for column in y_col:
            _check_single(df, column, f'If class_mode="{mode}", each of y_col', AttributeError)
    if weight_col:
        _check_single(df, weight_col, "weight_col", AttributeError)


def _names(key: Any) -> list[Any]:
    """List the columns that a key asks for; to pandas, a tuple is the name of one."""
    is_name = isinstance(key, (str, bytes, tuple)) or not isinstance(key, Collection)
    return [key] if is_name else list(key)


def _check_present(df: Any, names: Iterable[Any]) -> None:
    if missing := [name for name in names if not _has_column(df, name)]:
        raise KeyError(
            f"The data frame has no column {missing[0]!r}; it has "
            f"{', '.join(map(repr, df.columns))}. Name it by x_col, y_col or weight_col."
        )


def _has_column(df: Any, name: Any) -> bool:
    try:
        return name in df.columns
    except TypeError:  # no name can be a list
        return False


def _check_single(df: Any, key: Any, subject: str, error: type[Exception]) -> None:
    chosen = df[key]
    if chosen.ndim != 1:
        raise error(
            f"{subject} must name one column; {key!r} selects a frame of the columns "
            f"{chosen.columns.tolist()}. Pass one name and no list of names, rename columns that "
            "share a name, and name a column of several levels by the whole tuple."
        )


def _all_are(column: Any, types: type | tuple[type, ...]) -> bool:
    return all(isinstance(value, types) for value in column.tolist())


def _check_two_classes(df: Any, y_col: Hashable, classes: Any) -> None:
    if classes:
        if len(set(classes)) != 2:
            raise ValueError(
                'If class_mode="binary" there must be 2 classes. '
                f"{len(set(classes))} class/es were given."
            )
    elif df[y_col].nunique() != 2:
        raise ValueError(
            f'If class_mode="binary" there must be 2 classes. Found {df[y_col].nunique()} classes.'
        )


def _wanted_part(label: Any, wanted: set[str], y_col: Hashable) -> Any:
    """Keep of a label what is wanted; None where that is nothing."""
    if isinstance(label, (list, tuple)):
        return [name for name in label if name in wanted] or None
    if isinstance(label, str):
        return label if label in wanted else None
    raise TypeError(f"Expect string, list or tuple but found {type(label)} in {y_col} column ")
