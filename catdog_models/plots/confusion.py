"""A confusion matrix: which classes are taken for which."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from catdog_models.plots.figure import NotebookFigure, check_names, save, shortened

_LONGEST_NAME = 20
_NUMBERS_UP_TO_CLASSES = 25  # beyond, cells are too many to be read one by one
_NAMES_UP_TO_CLASSES = 80
_LONGEST_SIDE = 16.0  # inches
_COLORS = "Blues"
_DARK = 0.55  # share from which text is white


def plot_confusion(
    confusion: Any, class_names: Sequence[str], path: str | os.PathLike[str] | None = None
) -> Figure:
    """Draw a confusion matrix: counts, and the share of each true class.

    Args:
        confusion: `int64[K, K]`, how often the class of the row was taken for that of the column.
        class_names: K names by class number.
        path: where to save the figure as PNG; its folder must exist.

    Returns:
        The figure. The share of a cell in its row is its colour and, in percent, its second line.

    Raises:
        ValueError: no square matrix of counts, or not one name for each class.
        FileNotFoundError: the folder of `path` does not exist.

    Example:
        >>> figure = plot_confusion([[8, 2], [1, 9]], ["cats", "dogs"])
        >>> figure.axes[0].get_title()
        '85.0% of 20 are right'
    """
    counts = _checked(confusion)
    check_names(class_names, len(counts))
    names = [shortened(name, _LONGEST_NAME) for name in class_names]
    # A class without images has no shares.
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = _cell_size(len(names))
    side = cell * len(names) + 0.8 + 0.075 * max(map(len, names))
    figure = NotebookFigure(figsize=(max(side, 3.2), max(side, 3.0)), layout="constrained")
    panel = figure.subplots()
    panel.imshow(share, cmap=_COLORS, vmin=0, vmax=1)
    _name_axes(panel, names if len(names) <= _NAMES_UP_TO_CLASSES else [])
    if len(names) <= _NUMBERS_UP_TO_CLASSES:
        _write_cells(panel, counts, share, size=cell * 9 + 2)
    total = int(counts.sum())
    panel.set_title(f"{counts.trace() / max(total, 1):.1%} of {total:,} are right", fontsize=10)
    if path is not None:
        save(figure, path)
    return figure


def _checked(confusion: Any) -> npt.NDArray[np.int64]:
    counts = np.asarray(confusion)
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] and counts.size > 0
    if not square or counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ValueError(
            "confusion must be counts of shape [K, K], true classes in rows. "
            f"Received: {counts.dtype} of shape {counts.shape}"
        )
    return counts.astype(np.int64)


def _cell_size(classes: int) -> float:
    """Return the side of a cell in inches: large where there are few."""
    if classes > _NUMBERS_UP_TO_CLASSES:
        return min(0.2, _LONGEST_SIDE / classes)
    return 0.95 if classes <= 5 else 0.6 if classes <= 12 else 0.48


def _name_axes(panel: Axes, names: list[str]) -> None:
    positions = range(len(names))
    wide = len(names) > 5 or max(map(len, names), default=0) > 10
    panel.set_xticks(
        positions,
        names,
        rotation=45 if wide else 0,
        ha="right" if wide else "center",
        rotation_mode="anchor" if wide else "default",
        parse_math=False,
    )
    panel.set_yticks(positions, names, parse_math=False)
    panel.tick_params(length=0, labelsize=9)
    panel.set_xlabel("predicted")
    panel.set_ylabel("true")
    panel.spines[:].set_visible(False)


def _write_cells(
    panel: Axes, counts: npt.NDArray[np.int64], share: npt.NDArray[np.float64], size: float
) -> None:
    for (row, column), count in np.ndenumerate(counts):
        of_row = share[row, column]
        panel.text(
            column,
            row,
            f"{count:,}\n{of_row:.1%}" if len(counts) <= 5 else f"{count:,}\n{of_row:.0%}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if of_row > _DARK else "black" if count else "#9a9a9a",
        )
