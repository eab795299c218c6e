"""Figures made without pyplot: they need no display, and nothing keeps them alive."""

import io
import os
from collections.abc import Sequence

from matplotlib.figure import Figure

from catdog_data.system.atomic_files import write_atomically
from catdog_data.system.names import readable

_DPI = 120


class NotebookFigure(Figure):
    """A figure that a notebook shows even where pyplot was never imported.

    Example:
        >>> NotebookFigure(figsize=(1, 1))._repr_png_()[1:4]
        b'PNG'
    """

    def _repr_png_(self) -> bytes:
        return _png(self)


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, whole or not at all.

    Args:
        figure: what is written.
        path: the file; its folder must exist.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(Figure(figsize=(1, 1)), f"{folder}/empty.png")
        ...     Path(folder, "empty.png").stat().st_size > 0
        True
    """
    write_atomically(path, _png(figure))


def shortened(name: str, longest: int) -> str:
    """Return a name on one line, without its end where it is too long.

    Args:
        name: any.
        longest: the most characters.

    Returns:
        The name, with an ellipsis for what is left out.

    Example:
        >>> print(shortened("a very long name", 8))
        a very …
    """
    line = readable(" ".join(name.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def check_names(class_names: Sequence[str], classes: int) -> None:
    """Refuse names that are not one for each class.

    Args:
        class_names: names by class number.
        classes: how many classes there are.

    Raises:
        ValueError: there are more or fewer names.

    Example:
        >>> check_names(["cats", "dogs"], 2)
    """
    if isinstance(class_names, str) or len(class_names) != classes:
        raise ValueError(
            f"class_names must be one name for each of {classes} classes, in the order of their "
            f"numbers. Received: {class_names!r}"
        )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white")
    return buffer.getvalue()
