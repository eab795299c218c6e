"""Networks for image folders: training curves, evaluation, reports, export, pictures of input.

All of it takes any `tf.data.Dataset`: only `commands` import `catdog_data`. The one exception is
`catdog_data.system`, whose atomic writer saves models, reports and pictures.

Names load on first use: importing the package imports neither TensorFlow nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catdog_models.evaluation.evaluation import evaluate
    from catdog_models.evaluation.run_report import report_run
    from catdog_models.export.export import export_saved_model
    from catdog_models.networks.cnn import build_model
    from catdog_models.networks.compact import build_compact_model
    from catdog_models.networks.transfer import build_transfer_model
    from catdog_models.plots import plot_confusion, plot_history, plot_wrong, preview_batch
    from catdog_models.training.input_spec import InputSpec

__all__ = [
    "InputSpec",
    "build_compact_model",
    "build_model",
    "build_transfer_model",
    "evaluate",
    "export_saved_model",
    "plot_confusion",
    "plot_history",
    "plot_wrong",
    "preview_batch",
    "report_run",
]

_HOMES = {
    "InputSpec": "catdog_models.training.input_spec",
    "build_compact_model": "catdog_models.networks.compact",
    "build_model": "catdog_models.networks.cnn",
    "build_transfer_model": "catdog_models.networks.transfer",
    "evaluate": "catdog_models.evaluation.evaluation",
    "export_saved_model": "catdog_models.export.export",
    "plot_confusion": "catdog_models.plots",
    "plot_history": "catdog_models.plots",
    "plot_wrong": "catdog_models.plots",
    "preview_batch": "catdog_models.plots",
    "report_run": "catdog_models.evaluation.run_report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
