"""The report of a run with its pictures: curves.png, confusion.png, wrong.png and report.md."""

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
        run: what was trained, and how.
        model: the one that is kept, see `catdog_models.evaluate`.
        validation: the validation images with their labels, unshuffled, see `evaluate`.
        folder: where to write; it must exist. Earlier files are replaced, each when it is whole.

    Returns:
        The evaluation of the model on the validation images.

    Raises:
        ValueError: see `catdog_models.evaluate`; or other classes in run and model.
        OSError: a file cannot be written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
        >>> images, labels = np.zeros((4, 8, 8, 3), "float32"), np.array([0, 1, 0, 1])
        >>> validation = tf.data.Dataset.from_tensor_slices((images, labels)).batch(2)
        >>> counts = {"training": 8, "validation": 4}
        >>> run = RunSummary(
        ...     name="demo", class_names=("cats", "dogs"), images=counts, history={"loss": [0.7]}
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = report_run(run, model, validation, Path(folder))
        ...     print(sorted(path.name for path in Path(folder).iterdir()))
        ['confusion.png', 'curves.png', 'report.md', 'wrong.png']
    """
    evaluation = evaluate(model, validation)
    plot_history(run.history, folder / PICTURES["curves"])
    plot_confusion(evaluation.confusion, run.class_names, folder / PICTURES["confusion"])
    plot_wrong(evaluation, run.class_names, folder / PICTURES["wrong"])
    write_report(run, evaluation, folder / REPORT, PICTURES)
    return evaluation
