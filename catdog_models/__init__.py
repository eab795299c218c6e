"""A small network for image folders, its training curves and a picture of its input.

Names load on first use: importing the package imports neither TensorFlow nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catdog_models.cnn import build_model
    from catdog_models.compact import build_compact_model
    from catdog_models.plots import plot_history, preview_batch
    from catdog_models.transfer import build_transfer_model

__all__ = [
    "build_compact_model",
    "build_model",
    "build_transfer_model",
    "plot_history",
    "preview_batch",
]

_HOMES = {
    "build_compact_model": "catdog_models.compact",
    "build_model": "catdog_models.cnn",
    "build_transfer_model": "catdog_models.transfer",
    "plot_history": "catdog_models.plots",
    "preview_batch": "catdog_models.plots",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
