"""Pictures for people: training curves, and a labelled grid of one batch.

Figures are made without pyplot: they need no display, and nothing keeps them alive.
"""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

_ACCURACY_KEYS = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
)
_TRAIN_COLOR = "#1f6fb4"
_VALIDATION_COLOR = "#e0701a"
_GRID_COLOR = "#e6e6e6"
_MARKERS_UP_TO_EPOCHS = 25
_LONGEST_NAME = 16  # characters that fit above one picture
_DPI = 120


class _NotebookFigure(Figure):
    """A figure that a notebook shows even where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return _png(self)


def plot_history(history: Any, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw accuracy and loss by epoch, training and validation together.

    Args:
        history: what `model.fit` returned, or its `history` dict: metric name to one number per
            epoch. Validation curves and the accuracy panel are left out where their keys are
            missing; NaN leaves out one point.
        path: where to save the figure as PNG; its folder must exist.

    Returns:
        The figure: accuracy on the left, loss on the right. The first epoch is number 1.

    Raises:
        TypeError: `history` is neither a History nor a mapping.
        ValueError: `history` has no "loss", no epochs, or metrics of different lengths.
        FileNotFoundError: the folder of `path` does not exist.
    """
    metrics, epochs = _metrics_and_epochs(history)
    accuracy = next((key for key in _ACCURACY_KEYS if key in metrics), None)
    panels = [(accuracy, "Accuracy")] if accuracy else []
    panels.append(("loss", "Loss"))
    figure = _NotebookFigure(figsize=(4.8 * len(panels), 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, (key, title) in zip(axes, panels, strict=True):
        _draw_curves(panel, metrics, key, epochs)
        panel.set_title(title)
    if path is not None:
        _save(figure, path)
    return figure


def preview_batch(
    images: Any,
    labels: Any = None,
    class_names: Sequence[str] | Mapping[str, int] | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    count: int = 32,
    columns: int = 8,
) -> Figure:
    """Draw the first pictures of a batch in a grid, each under its label.

    Integers are shown as they are, in [0, 255]. Floats up to 2 count as [0, 1] (cubic
    interpolation overshoots 1 a little), larger ones as [0, 255]. A batch whose lowest value is
    further below zero than a quarter of its highest has been centred or standardised, and is
    stretched from its lowest to its highest value.

    Args:
        images: `uint8[B, H, W, C]` or `float32[B, H, W, C]`, array or tensor; C is 1 (gray),
            3 (RGB) or 4 (RGBA).
        labels: class numbers `float32[B]`, one-hot rows `float32[B, K]`, names `str[B]`, or None.
        class_names: names by class number, or an iterator's `class_indices`; None shows numbers.
        path: where to save the figure as PNG; its folder must exist.
        count: most pictures to draw, at least 1.
        columns: pictures in a row, at least 1.

    Returns:
        The figure.

    Raises:
        TypeError: `images` holds no numbers.
        ValueError: a wrong rank, number of channels, number of labels or class number, an empty
            batch, or `count` or `columns` below 1.
        FileNotFoundError: the folder of `path` does not exist.
    """
    for name, value in (("count", count), ("columns", columns)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1. Received: {value!r}")
    pictures = _displayable(_checked_images(images))[:count]
    titles = _titles(labels, class_names, len(images))[:count]
    figure = _draw_grid(pictures, titles, columns)
    if path is not None:
        _save(figure, path)
    return figure


def _metrics_and_epochs(history: Any) -> tuple[Mapping[str, Sequence[float]], list[int]]:
    """Return the metrics and the number of each epoch, counted from 1."""
    metrics = getattr(history, "history", history)
    if not isinstance(metrics, Mapping):
        raise TypeError(
            "history must be what model.fit returned, or its .history dict. "
            f"Received: {type(history).__name__}"
        )
    if not metrics.get("loss"):
        raise ValueError(
            'history must have a "loss" for at least one epoch; call fit first. '
            f"Received keys: {sorted(metrics)}"
        )
    number = len(metrics["loss"])
    # History counts epochs from `initial_epoch`; a dict does not say where it started.
    before = list(getattr(history, "epoch", ()))
    epochs = [epoch + 1 for epoch in before] if len(before) == number else range(1, number + 1)
    return metrics, list(epochs)


def _draw_curves(
    panel: Axes, metrics: Mapping[str, Sequence[float]], key: str, epochs: list[int]
) -> None:
    marker = "o" if len(epochs) <= _MARKERS_UP_TO_EPOCHS else ""
    curves = ((key, "train", _TRAIN_COLOR), (f"val_{key}", "validation", _VALIDATION_COLOR))
    for name, label, color in curves:
        if name in metrics:
            xs, ys = _points(metrics, name, epochs)
            panel.plot(xs, ys, label=label, color=color, marker=marker, markersize=4)
    panel.set_xlabel("epoch")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(epochs) == 1:
        panel.set_xticks(epochs)
    panel.grid(color=_GRID_COLOR)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False)


def _points(
    metrics: Mapping[str, Sequence[float]], name: str, epochs: list[int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    values = np.asarray(metrics[name], np.float64)
    if values.shape != (len(epochs),):
        raise ValueError(
            f"history[{name!r}] must have one number per epoch ({len(epochs)}). "
            f"Received shape: {values.shape}. "
            "After fit(validation_freq=...), put NaN in the epochs without validation."
        )
    known = ~np.isnan(values)
    return np.asarray(epochs, np.float64)[known], values[known]


def _checked_images(images: Any) -> npt.NDArray[Any]:
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4):
        raise ValueError(
            "images must be one batch of shape [B, H, W, C] with 1, 3 or 4 channels. "
            f"Received shape: {array.shape}. Add missing axes with images[None] or "
            "images[..., None]; for an (images, labels) pair, call preview_batch(*pair)."
        )
    if 0 in array.shape:
        raise ValueError(f"images must not be empty. Received shape: {array.shape}")
    return array


def _displayable(images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return the images as `uint8[B, H, W, C]`, whatever range they are in."""
    if images.dtype.kind in "ui":
        return images.clip(0, 255).astype(np.uint8)
    try:
        values = np.nan_to_num(images.astype(np.float32), posinf=0.0, neginf=0.0)
    except (TypeError, ValueError):
        raise TypeError(f"images must hold numbers. Received dtype: {images.dtype}") from None
    low, high = float(values.min()), float(values.max())
    unit = 1.0 if high <= 2.0 else 255.0
    if low < -high / 4:
        values, unit = values - low, (high - low) or 1.0
    levels: npt.NDArray[np.float32] = np.rint(values * (255.0 / unit))
    return levels.clip(0, 255).astype(np.uint8)


def _titles(
    labels: Any, class_names: Sequence[str] | Mapping[str, int] | None, number: int
) -> list[str]:
    """Return one title per image; empty ones without labels."""
    if labels is None:
        return [""] * number
    array = np.asarray(labels)
    if array.ndim not in (1, 2) or len(array) != number:
        raise ValueError(
            "labels must be [B] or one-hot [B, K], with one row per image "
            f"({number}). Received shape: {array.shape}. Pass labels=None to draw none."
        )
    if array.ndim == 2:
        array = array[:, 0] if array.shape[1] == 1 else array.argmax(axis=1)
    names = _names_by_number(class_names)
    return [_title(label, names) for label in array.tolist()]


def _names_by_number(
    class_names: Sequence[str] | Mapping[str, int] | None,
) -> dict[int, str] | None:
    if class_names is None:
        return None
    if isinstance(class_names, Mapping):
        return {int(number): name for name, number in class_names.items()}
    return dict(enumerate(class_names))


def _title(label: Any, names: dict[int, str] | None) -> str:
    """Name one label; numbers between classes, such as mixed labels, are shown as numbers."""
    if isinstance(label, str | bytes):
        text = label.decode(errors="replace") if isinstance(label, bytes) else label
    elif not float(label).is_integer():
        text = f"{label:.2f}"
    elif names is None:
        text = str(int(label))
    elif int(label) in names:
        text = str(names[int(label)])
    else:
        raise ValueError(
            f"labels must be class numbers that class_names knows: {sorted(names)}. "
            f"Received: {label!r}. Pass the names of all classes, in the order of their numbers."
        )
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def _draw_grid(pictures: npt.NDArray[np.uint8], titles: list[str], columns: int) -> Figure:
    number, height, width, channels = pictures.shape
    columns = min(columns, number)
    rows = -(-number // columns)
    cell = np.array([1.0, min(max(height / width, 0.25), 4.0)]) * 1.45
    figure = _NotebookFigure(
        figsize=(columns * (cell[0] + 0.08), rows * (cell[1] + 0.27 * any(titles) + 0.08)),
        layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0),
    )
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in axes:
        panel.set_axis_off()
    for panel, picture, title in zip(axes, pictures, titles, strict=False):
        panel.imshow(picture[..., 0] if channels == 1 else picture, cmap="gray", vmin=0, vmax=255)
        panel.set_title(title, fontsize=9, pad=3, parse_math=False)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white")
    return buffer.getvalue()


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as PNG, whole or not at all."""
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path must be in a folder that exists. Received: {str(target)!r}. "
            f"Create {str(target.parent)!r} first."
        )
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(_png(figure))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
