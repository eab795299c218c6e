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
    figure, panels = _panels(metrics)
    for panel, key in panels:
        _draw_curves(panel, metrics, key, epochs)
    if path is not None:
        save(figure, path)
    return figure


def plot_folds(histories: Sequence[Any], path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw accuracy and loss by epoch of all folds of a cross-validation, and their means.

    Args:
        histories: one for each fold, as `plot_history` takes them, of the same metrics and epochs.
        path: where to save the figure as PNG; its folder must exist.

    Returns:
        The figure: accuracy on the left, loss on the right. Each fold is a thin line and their mean
        a thick one, of training and of validation.

    Raises:
        TypeError: see `plot_history`.
        ValueError: see there; no histories, or such of other metrics or epochs.
        FileNotFoundError: the folder of `path` does not exist.

    Example:
        >>> folds = [{"loss": [0.7, 0.5]}, {"loss": [0.9, 0.3]}]
        >>> figure = plot_folds(folds)
        >>> [line.get_ydata().tolist() for line in figure.axes[0].lines]
        [[0.7, 0.5], [0.9, 0.3], [0.8, 0.4]]
    """
    known = [_metrics_and_epochs(history) for history in histories]
    if not known or any(
        set(metrics) != set(known[0][0]) or epochs != known[0][1] for metrics, epochs in known
    ):
        received = [(sorted(metrics), len(epochs)) for metrics, epochs in known]
        raise ValueError(
            "histories must be one or more, of the same metrics and epochs. Received the metrics "
            f"and numbers of epochs: {received}"
        )
    epochs = known[0][1]
    figure, panels = _panels(known[0][0])
    for panel, key in panels:
        _draw_folds(panel, [metrics for metrics, _ in known], key, epochs)
    if path is not None:
        save(figure, path)
    return figure


def _panels(metrics: Mapping[str, Sequence[float]]) -> tuple[Figure, list[tuple[Axes, str]]]:
    """Make a figure with a titled panel for the accuracy, if there is one, and for the loss."""
    accuracy = next((key for key in _ACCURACY_KEYS if key in metrics), None)
    titles = {**({accuracy: "Accuracy"} if accuracy else {}), "loss": "Loss"}
    figure = NotebookFigure(figsize=(4.8 * len(titles), 3.6), layout="constrained")
    axes = figure.subplots(1, len(titles), squeeze=False)[0]
    for panel, title in zip(axes, titles.values(), strict=True):
        panel.set_title(title)
    return figure, list(zip(axes, titles, strict=True))


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


def _curves_of(key: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Name the metrics of a panel, with their labels and colours."""
    return (key, "train", _TRAIN_COLOR), (f"val_{key}", "validation", _VALIDATION_COLOR)


def _draw_curves(
    panel: Axes, metrics: Mapping[str, Sequence[float]], key: str, epochs: list[int]
) -> None:
    marker = "o" if len(epochs) <= _MARKERS_UP_TO_EPOCHS else ""
    for name, label, color in _curves_of(key):
        if name in metrics:
            xs, ys = _points(metrics, name, epochs)
            panel.plot(xs, ys, label=label, color=color, marker=marker, markersize=4)
    _finish(panel, epochs)


def _draw_folds(
    panel: Axes, folds: Sequence[Mapping[str, Sequence[float]]], key: str, epochs: list[int]
) -> None:
    marker = "o" if len(epochs) <= _MARKERS_UP_TO_EPOCHS else ""
    for name, label, color in _curves_of(key):
        if name not in folds[0]:
            continue
        for metrics in folds:
            panel.plot(*_points(metrics, name, epochs), color=color, linewidth=0.8, alpha=0.45)
        # NaN where a fold was not validated.
        mean = np.mean([np.asarray(metrics[name], np.float64) for metrics in folds], axis=0)
        known = ~np.isnan(mean)
        xs = np.asarray(epochs, np.float64)[known]
        label = f"{label}, mean of {len(folds)}"
        panel.plot(xs, mean[known], label=label, color=color, marker=marker, markersize=4)
    _finish(panel, epochs)


def _finish(panel: Axes, epochs: list[int]) -> None:
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
