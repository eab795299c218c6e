"""The report of all folds of a cross-validation: report.md, its pictures, and folds.csv."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from catdog_data.system.atomic_files import write_atomically
from catdog_models.evaluation import markdown
from catdog_models.evaluation.folds import (
    Fold,
    Measure,
    accuracy_of,
    measures_by_class,
    measures_of,
)
from catdog_models.evaluation.report import as_percent, how_it_was_made
from catdog_models.evaluation.run_report import PICTURES, REPORT
from catdog_models.plots import plot_confusion, plot_folds

TABLE = "folds.csv"
_PICTURES = {name: PICTURES[name] for name in ("curves", "confusion")}
_SPREAD = ("mean:", "standard deviation:", "lowest:", "highest:")


def report_folds(folds: Sequence[Fold], folder: Path) -> None:
    """Write what all folds of a cross-validation come to.

    Args:
        folds: the runs, two or more, in the order of the folds; of the same classes and epochs.
        folder: where to write; it must exist. Earlier files are replaced, each when it is whole.

    Raises:
        ValueError: fewer than two folds, or such as do not go together.
        OSError: a file cannot be written.

    Example:
        >>> import tempfile
        >>> from catdog_models.evaluation.evaluation import Evaluation, Wrong
        >>> from catdog_models.evaluation.report import RunSummary
        >>> none = Wrong(np.zeros(0, "int64"), np.zeros((0, 8, 8, 3)))
        >>> right = Evaluation(np.eye(2, dtype="float32"), np.arange(2), np.arange(2), none)
        >>> wrong = Evaluation(np.eye(2, dtype="float32"), np.array([1, 1]), np.arange(2), none)
        >>> images = {"training": 8, "validation": 2}
        >>> run = RunSummary(
        ...     name="demo", class_names=("cats", "dogs"), images=images, history={"loss": [0.7]}
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report_folds([Fold(run, right), Fold(run, wrong)], Path(folder))
        ...     print(Path(folder, "report.md").read_text().splitlines()[0])
        # demo, 2 folds: 75.0% ± 35.4% validation accuracy
    """
    _check(folds)
    plot_folds([each.run.history for each in folds], folder / _PICTURES["curves"])
    confusion = sum(each.evaluation.confusion for each in folds)
    plot_confusion(confusion, folds[0].run.class_names, folder / _PICTURES["confusion"])
    write_atomically(folder / TABLE, _as_csv(folds).encode())
    write_atomically(folder / REPORT, (_as_markdown(folds, _PICTURES) + "\n").encode())


def _check(folds: Sequence[Fold]) -> None:
    if len(folds) < 2:
        raise ValueError(f"`folds` must be two or more. Received: {len(folds)}")
    names = {tuple(each.run.class_names) for each in folds}
    if len(names) > 1:
        raise ValueError(f"`folds` must be of the same classes. Received: {sorted(names)}")


def _as_markdown(folds: Sequence[Fold], pictures: Mapping[str, str]) -> str:
    run, accuracy = folds[0].run, accuracy_of(folds)
    mean, deviation, *_ = accuracy.spread
    parts = [
        f"# {markdown.text(run.name)}, {len(folds)} folds: {mean} ± {deviation} validation "
        "accuracy",
        f"{markdown.text(run.evaluated)} of every fold, {len(run.class_names)} classes: mean and "
        f"standard deviation. {_all_together(folds)}",
        "## Result",
        markdown.table(("", *_SPREAD), [(each.name, *each.spread) for each in measures_of(folds)]),
        markdown.image("curves", pictures["curves"]),
        "## Folds",
        _folds_table(folds),
        "## Classes",
        _classes_table(folds),
        markdown.image("confusion", pictures["confusion"]),
        *how_it_was_made(run),
    ]
    return "\n\n".join(parts)


def _all_together(folds: Sequence[Fold]) -> str:
    right = sum(int(each.evaluation.confusion.trace()) for each in folds)
    images = sum(len(each.evaluation.labels) for each in folds)
    return (
        f"Each of {images:,} images is validated once, by a model that was not trained on it: "
        f"{right:,} are right, {as_percent(right / images)}."
    )


def _folds_table(folds: Sequence[Fold]) -> str:
    rows = []
    for number, (fold, accuracy) in enumerate(zip(folds, accuracy_of(folds).values, strict=True)):
        counts = (_total(count) for count in fold.run.images.values())
        best = f"{fold.run.best_epoch} of {fold.run.epochs}"
        rows.append((number, *(f"{count:,}" for count in counts), best, as_percent(accuracy)))
    images = (f"{name} images:" for name in folds[0].run.images)
    return markdown.table(("fold:", *images, "best epoch:", "validation accuracy:"), rows)


def _classes_table(folds: Sequence[Fold]) -> str:
    counts = sum(each.evaluation.confusion.sum(axis=1) for each in folds)
    rows = [
        (each.name, f"{count:,}", *each.spread)
        for each, count in zip(measures_by_class(folds), np.asarray(counts), strict=True)
    ]
    return markdown.table(("class", "images:", *_SPREAD), rows)


def _as_csv(folds: Sequence[Fold]) -> str:
    """Return a row for each fold, with a column for each measure; empty where it is not known."""
    by_class = (
        Measure(f"accuracy of {each.name}", each.values) for each in measures_by_class(folds)
    )
    measures = [accuracy_of(folds), *measures_of(folds), *by_class]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fold", *(each.name for each in measures)])
    for number in range(len(folds)):
        values = (each.values[number] for each in measures)
        writer.writerow([number, *("" if math.isnan(x) else repr(float(x)) for x in values)])
    return text.getvalue()


def _total(images: int | Sequence[int]) -> int:
    return images if isinstance(images, int) else sum(images)
