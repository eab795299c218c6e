"""The name that `catdog_models.evaluation.run_report` had before; it warns."""

import warnings

from catdog_models.evaluation.run_report import report_run

__all__ = ["report_run"]

warnings.warn(
    "`catdog_models.run_report` is `catdog_models.evaluation.run_report` now; the old name will "
    "go.",
    DeprecationWarning,
    stacklevel=2,
)
