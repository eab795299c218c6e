"""What is left of a run for people: curves.png, confusion.png, wrong.png and report.md."""

from pathlib import Path
from typing import Any

import keras

from catdog_models.evaluation.evaluation import Evaluation, evaluate
from catdog_models.evaluation.report import RunSummary, write_report
from catdog_models.plots import plot_confusion, plot_history, plot_wrong

PICTURES = {"curves": "curves.png", "confusion": "confusion.png", "wrong": "wrong.png"}
REPORT = "report.md"


def report_run(run: RunSummary, model: keras.Model, validation: Any, folder: Path) -> Evaluation:
    """Evaluate a model, and write pictures and report into the folder of its run.

    Args:
        run: what is known of it.
        model: the one that is kept, see `catdog_models.evaluation.evaluation.evaluate`.
        validation: the validation images with their labels, unshuffled, as there.
        folder: where to write; it must exist. Earlier files are replaced, each when it is whole.

    Returns:
        What the model said about the validation images.

    Raises:
        ValueError: see `catdog_models.evaluate`; or other classes in run and model.
        OSError: a file cannot be written.
    """
    evaluation = evaluate(model, validation)
    plot_history(run.history, folder / PICTURES["curves"])
    plot_confusion(evaluation.confusion, run.class_names, folder / PICTURES["confusion"])
    plot_wrong(evaluation, run.class_names, folder / PICTURES["wrong"])
    write_report(run, evaluation, folder / REPORT, PICTURES)
    return evaluation
