"""What the runs of all folds of a cross-validation come to: each figure's mean and spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from catdog_models.evaluation.evaluation import Evaluation
from catdog_models.evaluation.report import METRICS, RunSummary

PERCENT = ".1%"


@dataclass(frozen=True)
class Fold:
    """The run that one fold was validated in.

    Args:
        run: what was trained, and how.
        evaluation: of the model that is kept, on the images of the fold.
    """

    run: RunSummary
    evaluation: Evaluation


@dataclass(frozen=True)
class Measure:
    """A figure that every fold has.

    Args:
        name: what it is.
        values: one for each fold, NaN where it is not known.
        form: how its values are written, for `format`.

    Example:
        >>> accuracy = Measure("accuracy", (0.75, 0.8, 0.85), PERCENT)
        >>> accuracy.spread
        ('80.0%', '5.0%', '75.0%', '85.0%')
    """

    name: str
    values: tuple[float, ...]
    form: str = ".4f"

    @property
    def known(self) -> tuple[float, ...]:
        """The values of the folds where it is known."""
        return tuple(value for value in self.values if not math.isnan(value))

    @property
    def mean(self) -> float:
        """The mean over the folds, NaN where none has a value."""
        return fmean(self.known) if self.known else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation of the folds, by their number less one; NaN of fewer than two."""
        return stdev(self.known) if len(self.known) > 1 else math.nan

    @property
    def spread(self) -> tuple[str, str, str, str]:
        """Mean, standard deviation, lowest and highest, in words."""
        ends = (min(self.known), max(self.known)) if self.known else (math.nan, math.nan)
        mean, deviation, lowest, highest = map(self.said, (self.mean, self.deviation, *ends))
        return mean, deviation, lowest, highest

    def said(self, value: float) -> str:
        """Write a value of the measure for people."""
        return "unknown" if math.isnan(value) else format(value, self.form)


def measures_of(folds: Sequence[Fold]) -> list[Measure]:
    """List the figures of a run's report, for all folds.

    Args:
        folds: two or more, in their order.

    Returns:
        The metrics of the best epochs and of the last, and the median speeds, where measured.

    Example:
        >>> from catdog_models.evaluation.evaluation import Wrong
        >>> none = Wrong(np.zeros(0, "int64"), np.zeros((0, 8, 8, 3)))
        >>> def fold(losses):
        ...     run = RunSummary(
        ...         name="demo", class_names=("a", "b"), images={}, history={"loss": losses}
        ...     )
        ...     return Fold(run, Evaluation(np.eye(2, dtype="float32"), np.arange(2), None, none))
        >>> for each in measures_of([fold([0.75, 0.5]), fold([0.5, 0.25])]):
        ...     print(each.name, each.values)
        training loss, best epoch (0.5, 0.25)
        training loss, last epoch (0.5, 0.25)
    """
    measures = []
    for when in ("best", "last"):
        for key, name in METRICS:
            values = tuple(_of_epoch(each.run, key, when) for each in folds)
            if not all(map(math.isnan, values)):
                form = PERCENT if "accuracy" in key else ".4f"
                measures.append(Measure(f"{name}, {when} epoch", values, form))
    for key, name, form in (
        ("images_per_second", "images per second", ",.0f"),
        ("input_wait", "share of time waiting for input", PERCENT),
    ):
        speeds = [each.run.typical(key) for each in folds]
        if any(speed is not None for speed in speeds):
            known = tuple(math.nan if speed is None else speed for speed in speeds)
            measures.append(Measure(name, known, form))
    return measures


def measures_by_class(folds: Sequence[Fold]) -> list[Measure]:
    """List the accuracy of each class, by the models that are kept.

    Args:
        folds: two or more, in their order.

    Returns:
        For each class its name and the accuracies.
    """
    names = folds[0].run.class_names
    accuracies = np.stack([each.evaluation.accuracy_by_class for each in folds], axis=1)
    return [
        Measure(name, tuple(map(float, of_class)), PERCENT)
        for name, of_class in zip(names, accuracies, strict=True)
    ]


def accuracy_of(folds: Sequence[Fold]) -> Measure:
    """Return the validation accuracy of the models that are kept."""
    accuracies = tuple(each.evaluation.accuracy for each in folds)
    return Measure("validation accuracy", accuracies, PERCENT)


def _of_epoch(run: RunSummary, key: str, when: str) -> float:
    values = run.history.get(key)
    if not values:
        return math.nan
    return values[(run.best_epoch if when == "best" else run.epochs) - 1]
