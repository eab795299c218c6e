"""Training curves: accuracy and loss by epoch."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from catdog_models.plots.figure import NotebookFigure, save

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

    Example:
        >>> figure = plot_history({"loss": [0.7, 0.5], "val_loss": [0.8, 0.6]})
        >>> [panel.get_title() for panel in figure.axes]
        ['Loss']
    """
    metrics, epochs = _metrics_and_epochs(history)
    accuracy = next((key for key in _ACCURACY_KEYS if key in metrics), None)
    panels = [(accuracy, "Accuracy")] if accuracy else []
    panels.append(("loss", "Loss"))
    figure = NotebookFigure(figsize=(4.8 * len(panels), 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, (key, title) in zip(axes, panels, strict=True):
        _draw_curves(panel, metrics, key, epochs)
        panel.set_title(title)
    if path is not None:
        save(figure, path)
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
