"""Figures made without pyplot: they need no display, and nothing keeps them alive."""

import io
import os
from collections.abc import Sequence

from matplotlib.figure import Figure

from catdog_data.system.atomic_files import write_atomically
from catdog_models.evaluation.shown import readable

_DPI = 120


class NotebookFigure(Figure):
    """A figure that a notebook shows even where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return _png(self)


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as PNG, whole or not at all."""
    write_atomically(path, _png(figure))


def shortened(name: str, longest: int) -> str:
    """Return a name on one line, its end left out where it is longer than some characters."""
    line = readable(" ".join(name.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def check_names(class_names: Sequence[str], classes: int) -> None:
    """Refuse names that are not one for each class."""
    if isinstance(class_names, str) or len(class_names) != classes:
        raise ValueError(
            f"class_names must be one name for each of {classes} classes, in the order of their "
            f"numbers. Received: {class_names!r}"
        )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white")
    return buffer.getvalue()
