"""Figures made without pyplot: they need no display, and nothing keeps them alive."""

import io
import os

from matplotlib.figure import Figure

from catdog_models.atomic import write_whole

_DPI = 120


class NotebookFigure(Figure):
    """A figure that a notebook shows even where pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return _png(self)


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as PNG, whole or not at all."""
    write_whole(path, _png(figure))


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white")
    return buffer.getvalue()
