"""A grid of labelled pictures: the first of a batch, or those a model is most wrong about."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from catdog_models.plots.figure import NotebookFigure, check_names, save, shortened

if TYPE_CHECKING:
    from catdog_models.evaluation.evaluation import Evaluation

_LONGEST_NAME = 16  # characters that fit above one picture
_LONGEST_WITH_NUMBER = 11


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

    Example:
        >>> images = np.zeros((3, 8, 8, 3), "uint8")
        >>> figure = preview_batch(images, [0, 1, 0], ["cats", "dogs"])
        >>> [panel.get_title() for panel in figure.axes]
        ['cats', 'dogs', 'cats']
    """
    for name, value in (("count", count), ("columns", columns)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1. Received: {value!r}")
    pictures = _displayable(_checked_images(images))[:count]
    titles = _titles(labels, class_names, len(images))[:count]
    figure = _draw_grid(pictures, titles, columns)
    if path is not None:
        save(figure, path)
    return figure


def plot_wrong(
    evaluation: "Evaluation",
    class_names: Sequence[str],
    path: str | os.PathLike[str] | None = None,
    *,
    columns: int = 8,
) -> Figure:
    """Draw the images that a model is most confidently wrong about.

    Above each: the class it was taken for, how confidently, and the class that it is. Values are
    shown as `preview_batch` shows them.

    Args:
        evaluation: what `catdog_models.evaluate` returned.
        class_names: names by class number.
        path: where to save the figure as PNG; its folder must exist.
        columns: pictures in a row, at least 1.

    Returns:
        The figure, with a sentence instead of pictures where no image is wrong.

    Raises:
        ValueError: fewer names than classes, or `columns` below 1.
        FileNotFoundError: the folder of `path` does not exist.

    Example:
        >>> from catdog_models.evaluation.evaluation import Evaluation, Wrong
        >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6]], "float32")
        >>> wrong = Wrong(np.array([1]), np.zeros((1, 8, 8, 3), "float32"))
        >>> evaluation = Evaluation(probabilities, np.array([0, 0]), np.arange(2), wrong)
        >>> print(plot_wrong(evaluation, ["cats", "dogs"]).axes[0].get_title())
        dogs 60.0%
        is cats
    """
    if columns < 1:
        raise ValueError(f"columns must be at least 1. Received: {columns!r}")
    check_names(class_names, evaluation.probabilities.shape[1])
    rows = evaluation.wrong.rows
    if len(rows):
        pictures = _displayable(_checked_images(evaluation.wrong.images))
        figure = _draw_grid(pictures, _verdicts(evaluation, class_names), columns)
    else:
        figure = NotebookFigure(figsize=(4.8, 1.2))
        text = f"None of {len(evaluation.labels):,} images is wrong."
        figure.text(0.5, 0.5, text, ha="center", va="center")
    if path is not None:
        save(figure, path)
    return figure


def _verdicts(evaluation: "Evaluation", class_names: Sequence[str]) -> list[str]:
    names = [shortened(name, _LONGEST_WITH_NUMBER) for name in class_names]
    rows = evaluation.wrong.rows
    return [
        f"{names[predicted]} {confidence:.1%}\nis {names[label]}"
        for predicted, confidence, label in zip(
            evaluation.predictions[rows],
            evaluation.confidence[rows],
            evaluation.labels[rows],
            strict=True,
        )
    ]


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
    return shortened(text, _LONGEST_NAME)


def _draw_grid(pictures: npt.NDArray[np.uint8], titles: list[str], columns: int) -> Figure:
    number, height, width, channels = pictures.shape
    columns = min(columns, number)
    rows = -(-number // columns)
    cell = np.array([1.0, min(max(height / width, 0.25), 4.0)]) * 1.45
    lines = max(title.count("\n") + 1 if title else 0 for title in titles)
    above = 0.12 + 0.15 * lines if lines else 0.0
    figure = NotebookFigure(
        figsize=(columns * (cell[0] + 0.08), rows * (cell[1] + above + 0.08)),
        layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0),
    )
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in axes:
        panel.set_axis_off()
    for panel, picture, title in zip(axes, pictures, titles, strict=False):
        panel.imshow(picture[..., 0] if channels == 1 else picture, cmap="gray", vmin=0, vmax=255)
        panel.set_title(title, fontsize=9, pad=4, parse_math=False)
    return figure
