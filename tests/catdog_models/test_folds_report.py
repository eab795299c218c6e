"""The report over all folds: means and spreads are those of NumPy."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

from catdog_models import plot_folds
from catdog_models.evaluation.evaluation import Evaluation, Wrong
from catdog_models.evaluation.folds import Fold, Measure, measures_of
from catdog_models.evaluation.folds_report import report_folds
from catdog_models.evaluation.report import RunSummary

NAMES = ("cats", "dogs", "cows")
NONE = Wrong(np.zeros(0, np.int64), np.zeros((0, 4, 4, 3)))


def fold(seed, epochs=4, names=NAMES, **metrics):
    """A run of random metrics, and what a random model says of 9 images, none of them cows."""
    rng = np.random.default_rng(seed)
    keys = ["loss", "accuracy", "val_loss", "val_accuracy", "images_per_second"]
    history = {key: rng.uniform(size=epochs).tolist() for key in keys} | metrics
    probabilities = rng.uniform(size=(9, len(names))).astype(np.float32)
    labels = np.array([0] * 6 + [1] * 3)
    run = RunSummary(
        name="tiny",
        class_names=names,
        images={"training": 18, "validation": 9},
        history=history,
        recipe={"batch_size": 8},
        command="catdog-train --folds 3",
    )
    return Fold(run, Evaluation(probabilities, labels, np.arange(9), NONE))


@pytest.fixture(scope="module")
def folds():
    return [fold(seed) for seed in (1, 2, 3)]


def test_means_and_spreads(folds):
    measures = {each.name: each for each in measures_of(folds)}
    best = [int(np.argmax(each.run.history["val_accuracy"])) for each in folds]
    for key, name in (("val_loss", "validation loss"), ("accuracy", "training accuracy")):
        for when, rows in (("best", best), ("last", [3] * 3)):
            found = measures[f"{name}, {when} epoch"]
            pairs = zip(folds, rows, strict=True)
            expected = [each.run.history[key][row] for each, row in pairs]
            assert found.values == tuple(expected)
            assert found.mean == pytest.approx(np.mean(expected))
            assert found.deviation == pytest.approx(np.std(expected, ddof=1))
    speeds = [np.median(each.run.history["images_per_second"][1:]) for each in folds]
    assert measures["images per second"].values == pytest.approx(speeds)
    assert "share of time waiting for input" not in measures


def test_values_that_are_not_known():
    assert Measure("x", (math.nan, 2.0, 4.0)).spread == ("3.0000", "1.4142", "2.0000", "4.0000")
    assert Measure("x", (math.nan, math.nan)).spread == ("unknown",) * 4
    assert Measure("x", (math.nan, 0.5), ".1%").spread == ("50.0%", "unknown", "50.0%", "50.0%")


def test_report_table_and_pictures(folds, tmp_path):
    (tmp_path / "report.md").write_text("of an earlier run")
    report_folds(folds, tmp_path)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["confusion.png", "curves.png", "folds.csv", "report.md"]
    for name in files[:2]:
        with Image.open(tmp_path / name) as picture:
            picture.load()
    report = (tmp_path / "report.md").read_text()
    accuracies = [each.evaluation.accuracy for each in folds]
    mean, deviation = np.mean(accuracies), np.std(accuracies, ddof=1)
    assert report.startswith(f"# tiny, 3 folds: {mean:.1%} ± {deviation:.1%} validation accuracy\n")
    right = round(sum(accuracies) * 9)
    assert "Each of 27 images is validated once" in report
    assert f"{right} are right, {right / 27:.1%}." in report
    assert "| cows | 0 | unknown | unknown | unknown | unknown |" in report
    of_cats = [each.evaluation.accuracy_by_class[0] for each in folds]
    assert f"| cats | 18 | {np.mean(of_cats):.1%} | {np.std(of_cats, ddof=1):.1%} |" in report
    assert "| batch_size | 8 |" in report
    assert "catdog-train --folds 3" in report
    with (tmp_path / "folds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["fold"] for row in rows] == ["0", "1", "2"]
    assert [float(row["validation accuracy"]) for row in rows] == accuracies
    assert [row["accuracy of cows"] for row in rows] == ["", "", ""]


def test_curves_of_folds_and_their_mean(folds):
    histories = [each.run.history for each in folds]
    figure = plot_folds(histories)
    assert [panel.get_title() for panel in figure.axes] == ["Accuracy", "Loss"]
    for panel, keys in zip(
        figure.axes, (("accuracy", "val_accuracy"), ("loss", "val_loss")), strict=True
    ):
        expected = []
        for key in keys:
            values = [history[key] for history in histories]
            expected += [*values, np.mean(values, axis=0)]
        got = [line.get_ydata() for line in panel.lines]
        np.testing.assert_allclose(got, expected)
        assert len(panel.get_legend().get_texts()) == 2


def test_folds_that_do_not_go_together_are_refused(folds, tmp_path):
    with pytest.raises(ValueError, match="`folds` must be two or more"):
        report_folds(folds[:1], tmp_path)
    with pytest.raises(ValueError, match="of the same classes"):
        report_folds([folds[0], fold(4, names=("a", "b", "c"))], tmp_path)
    with pytest.raises(ValueError, match="of the same metrics and epochs"):
        report_folds([folds[0], fold(4, epochs=3)], tmp_path)
    with pytest.raises(ValueError, match="of the same metrics and epochs"):
        plot_folds([])
    assert not list(tmp_path.iterdir())
