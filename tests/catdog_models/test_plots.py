import io
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import catdog_models
from catdog_models import plot_confusion, plot_history, plot_wrong, preview_batch
from catdog_models.evaluation.evaluation import Evaluation, Wrong

_ROOT = Path(catdog_models.__file__).parents[1]
_FULL = {
    "accuracy": [0.5, 0.7, 0.8],
    "loss": [0.7, 0.5, 0.3],
    "val_accuracy": [0.5, 0.6, 0.7],
    "val_loss": [0.7, 0.6, 0.5],
}


def _labels(panel):
    return [line.get_label() for line in panel.lines]


def _shown(figure):
    """The pictures of a grid and their titles, empty places left out."""
    panels = [panel for panel in figure.axes if panel.images]
    return [panel.images[0].get_array() for panel in panels], [p.get_title() for p in panels]


def _batch(number=4, height=6, width=5, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (number, height, width, channels), dtype=np.uint8)


# --- Curves ---------------------------------------------------------------------------------------


def test_curves_of_a_full_history():
    figure = plot_history(_FULL)
    accuracy, loss = figure.axes
    assert [panel.get_title() for panel in figure.axes] == ["Accuracy", "Loss"]
    assert [panel.get_xlabel() for panel in figure.axes] == ["epoch", "epoch"]
    for panel, key in ((accuracy, "accuracy"), (loss, "loss")):
        assert _labels(panel) == ["train", "validation"]
        assert [text.get_text() for text in panel.get_legend().texts] == ["train", "validation"]
        for line, name in zip(panel.lines, (key, f"val_{key}"), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
            np.testing.assert_array_equal(line.get_ydata(), _FULL[name])


def test_curves_without_validation():
    figure = plot_history({key: _FULL[key] for key in ("accuracy", "loss")})
    assert [_labels(panel) for panel in figure.axes] == [["train"], ["train"]]


def test_curves_of_loss_alone():
    assert [panel.get_title() for panel in plot_history({"loss": [1.0]}).axes] == ["Loss"]


@pytest.mark.parametrize("key", ["acc", "binary_accuracy", "categorical_accuracy"])
def test_other_names_of_accuracy(key):
    figure = plot_history({"loss": [1.0], key: [0.5], f"val_{key}": [0.25]})
    assert _labels(figure.axes[0]) == ["train", "validation"]


def test_history_object_counts_from_its_initial_epoch():
    figure = plot_history(SimpleNamespace(history=_FULL, epoch=[5, 6, 7]))
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [6, 7, 8])


def test_one_epoch_is_visible():
    figure = plot_history({key: values[:1] for key, values in _FULL.items()})
    for panel in figure.axes:
        assert all(line.get_marker() == "o" for line in panel.lines)
        assert panel.get_xticks().tolist() == [1]


@pytest.mark.parametrize("epochs", [2, 3, 7, 40])
def test_ticks_are_whole_epochs(epochs):
    figure = plot_history({"loss": np.linspace(1, 0, epochs).tolist()})
    figure.canvas.draw()
    ticks = figure.axes[0].get_xticks()
    np.testing.assert_array_equal(ticks, np.round(ticks))


def test_missing_validation_epochs_are_nan():
    figure = plot_history({"loss": [3.0, 2.0, 1.0, 0.5], "val_loss": [np.nan, 2, np.nan, 1]})
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_xdata(), [2, 4])


@pytest.mark.parametrize(
    ("history", "error", "message"),
    [
        (None, TypeError, "history must be what model.fit returned"),
        ([0.5, 0.4], TypeError, "Received: list"),
        ({}, ValueError, 'history must have a "loss"'),
        ({"loss": []}, ValueError, "call fit first"),
        ({"loss": [1, 2], "val_loss": [1]}, ValueError, r"history\['val_loss'\].*validation_freq"),
    ],
)
def test_wrong_history(history, error, message):
    with pytest.raises(error, match=message):
        plot_history(history)


# --- Grid -----------------------------------------------------------------------------------------


def test_grid_shows_the_pixels_it_was_given():
    images = _batch()
    pictures, titles = _shown(preview_batch(images))
    np.testing.assert_array_equal(pictures, images)
    assert titles == [""] * 4


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_unit_floats_and_byte_floats_show_the_same(dtype):
    images = _batch()
    for floats in (images.astype(dtype), (images / 255).astype(dtype)):
        np.testing.assert_array_equal(_shown(preview_batch(floats))[0], images)


def test_wider_integers_show_as_bytes():
    images = _batch()
    np.testing.assert_array_equal(_shown(preview_batch(images.astype(np.int64)))[0], images)


def test_overshoot_is_clipped_not_taken_for_another_range():
    images = _batch()
    floats = (images / 255).astype(np.float32)
    floats[0, 0, 0] = (-0.05, 1.2, 0.5)
    pictures, _ = _shown(preview_batch(floats))
    np.testing.assert_array_equal(pictures[1:], images[1:])
    assert pictures[0][0, 0, :2].tolist() == [0, 255]


@pytest.mark.parametrize("scale", [1, 50, 255])
def test_standardised_floats_are_stretched(scale):
    images = _batch()
    values = (images.astype(np.float32) - 100) / scale
    pictures = np.array(_shown(preview_batch(values))[0])
    assert (pictures.min(), pictures.max()) == (0, 255)
    assert np.corrcoef(pictures.ravel(), images.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("value", [-3.0, 0.0])
def test_flat_floats(value):
    (picture,), _ = _shown(preview_batch(np.full((1, 4, 4, 3), value)))
    assert (picture == 0).all()


def test_not_a_number_is_black():
    images = np.ones((1, 4, 4, 3), np.float32)
    images[0, 0, 0] = np.nan, np.inf, -np.inf
    (picture,), _ = _shown(preview_batch(images))
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert (picture[1:] == 255).all()


@pytest.mark.parametrize(("channels", "shape"), [(1, (6, 5)), (3, (6, 5, 3)), (4, (6, 5, 4))])
def test_channels(channels, shape):
    pictures, _ = _shown(preview_batch(_batch(channels=channels)))
    assert all(picture.shape == shape for picture in pictures)


@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32, tf.bfloat16])
def test_tensors(dtype):
    images = _batch()
    pictures, titles = _shown(
        preview_batch(tf.cast(images, dtype), tf.constant([0.0, 1.0, 1.0, 0.0]), ["cats", "dogs"])
    )
    np.testing.assert_allclose(np.int32(pictures), images, atol=1)  # bfloat16 has eight bits
    assert titles == ["cats", "dogs", "dogs", "cats"]


@pytest.mark.parametrize(
    ("labels", "names", "titles"),
    [
        (np.float32([0, 1, 1]), ["cats", "dogs"], ["cats", "dogs", "dogs"]),
        (np.float32([0, 1, 1]), {"dogs": 1, "cats": 0}, ["cats", "dogs", "dogs"]),
        (np.float32([[0], [1], [1]]), ["cats", "dogs"], ["cats", "dogs", "dogs"]),
        (np.eye(3, dtype=np.float32), ["a", "b", "c"], ["a", "b", "c"]),
        (np.eye(3, dtype=np.float32), {"c": 2, "b": 1, "a": 0}, ["a", "b", "c"]),
        ([2, 0, 1], None, ["2", "0", "1"]),
        (np.float32([0.25, 1, 0]), ["cats", "dogs"], ["0.25", "dogs", "cats"]),
        (np.array(["cats", "dogs", "$x$"]), None, ["cats", "dogs", "$x$"]),
        (tf.constant(["cats", "dogs", "é"]), None, ["cats", "dogs", "é"]),
        (None, ["cats", "dogs"], ["", "", ""]),
        ([0, 0, 0], ["a very long class name"], ["a very long cla…"] * 3),
    ],
)
def test_labels(labels, names, titles):
    assert _shown(preview_batch(_batch(3), labels, names))[1] == titles


@pytest.mark.parametrize(
    ("number", "options", "shown", "places"),
    [
        (40, {}, 32, 32),
        (32, {}, 32, 32),
        (5, {}, 5, 5),
        (1, {}, 1, 1),
        (9, {}, 9, 16),
        (10, {"columns": 4}, 10, 12),
        (10, {"count": 3}, 3, 3),
        (10, {"count": 100, "columns": 100}, 10, 10),
    ],
)
def test_number_of_pictures(number, options, shown, places):
    figure = preview_batch(_batch(number), np.arange(number), **options)
    pictures, titles = _shown(figure)
    assert len(pictures) == shown
    assert titles == [str(label) for label in range(shown)]
    assert len(figure.axes) == places


def test_batch_is_not_written_to():
    images = _batch().astype(np.float32)
    images.flags.writeable = False
    before = images.copy()
    preview_batch(images - 100)
    preview_batch(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((4, 4, 3)), r"images must be one batch.*\(4, 4, 3\).*images\[None\]"),
        (np.zeros((2, 4, 4, 2)), "1, 3 or 4 channels"),
        (np.zeros((2, 3, 4, 4, 3)), "shape"),
        (np.zeros((0, 4, 4, 3)), "images must not be empty"),
    ],
)
def test_wrong_images(images, message):
    with pytest.raises(ValueError, match=message):
        preview_batch(images)


def test_images_must_be_numbers():
    with pytest.raises(TypeError, match="images must hold numbers"):
        preview_batch(np.full((1, 2, 2, 3), "x"))


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([0, 1], None, r"labels must be .*\(3\).*\(2,\)"),
        (np.zeros((3, 2, 2)), None, "labels must be"),
        (1.0, None, "labels must be"),
        ([0, 1, 2], ["cats", "dogs"], r"class_names knows: \[0, 1\]. Received: 2"),
        ([0, -1, 1], ["cats", "dogs"], "Received: -1"),
    ],
)
def test_wrong_labels(labels, names, message):
    with pytest.raises(ValueError, match=message):
        preview_batch(_batch(3), labels, names)


@pytest.mark.parametrize("name", ["count", "columns"])
def test_numbers_below_one(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1. Received: 0"):
        preview_batch(_batch(), **{name: 0})


# --- Confusion ------------------------------------------------------------------------------------


def _cells(figure):
    """The text of each cell by (row, column)."""
    return {
        (round(text.get_position()[1]), round(text.get_position()[0])): text.get_text()
        for text in figure.axes[0].texts
    }


def test_confusion_shows_counts_and_shares_of_the_true_class():
    figure = plot_confusion([[30, 10], [0, 2000]], ["cats", "dogs"])
    expected = {(0, 0): "30\n75.0%", (0, 1): "10\n25.0%", (1, 0): "0\n0.0%"}
    assert _cells(figure) == {**expected, (1, 1): "2,000\n100.0%"}
    panel = figure.axes[0]
    np.testing.assert_allclose(panel.images[0].get_array(), [[0.75, 0.25], [0, 1]])
    for labels in (panel.get_xticklabels(), panel.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cats", "dogs"]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("predicted", "true")


def test_confusion_of_a_class_without_images():
    figure = plot_confusion([[3, 0], [0, 0]], ["cats", "dogs"])
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), [[1, 0], [0, 0]])


@pytest.mark.parametrize("classes", [2, 3, 7, 12, 20])
def test_confusion_is_readable(classes):
    confusion = np.full((classes, classes), 888)
    names = [f"a class of name {number}" for number in range(classes)]
    figure = plot_confusion(confusion, names)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    panel = figure.axes[0]
    cell = panel.get_window_extent(renderer).width / classes
    for text in panel.texts:
        box = text.get_window_extent(renderer)
        assert box.width < cell
        assert box.height < cell
        assert text.get_fontsize() >= 6
    boxes = [label.get_window_extent(renderer) for label in panel.get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    for box in boxes:
        assert figure.bbox.contains(box.x0, box.y0)


@pytest.mark.parametrize("classes", [26, 120])
def test_confusion_of_many_classes_is_colours_alone(classes):
    figure = plot_confusion(np.eye(classes, dtype=int), [str(n) for n in range(classes)])
    assert not figure.axes[0].texts
    assert max(figure.get_size_inches()) < 20


@pytest.mark.parametrize(
    ("confusion", "names", "message"),
    [
        ([[1, 2, 3], [4, 5, 6]], ["a", "b"], r"counts of shape \[K, K\]"),
        ([[1.5, 2], [3, 4]], ["a", "b"], "Received: float64"),
        ([[1, -2], [3, 4]], ["a", "b"], "counts"),
        ([[1, 2], [3, 4]], ["a"], "one name for each of 2 classes"),
        ([[1, 2], [3, 4]], "ab", "one name for each of 2 classes"),
    ],
)
def test_wrong_confusion(confusion, names, message):
    with pytest.raises(ValueError, match=message):
        plot_confusion(confusion, names)


# --- Wrong images ---------------------------------------------------------------------------------


def _evaluation(wrong):
    """Five images of two classes, of which some rows are kept as wrong."""
    probabilities = np.float32([[0.25, 0.75], [0.0, 1.0], [0.5, 0.5], [0.9, 0.1], [0.4, 0.6]])
    labels = np.int64([0, 1, 1, 1, 0])
    rows = np.array(wrong, np.int64)
    return Evaluation(probabilities, labels, np.arange(5), Wrong(rows, _batch(5)[rows]))


def test_wrong_images_say_what_they_were_taken_for():
    pictures, titles = _shown(plot_wrong(_evaluation([3, 0, 4]), ["cats", "dogs"]))
    np.testing.assert_array_equal(pictures, _batch(5)[[3, 0, 4]])
    expected = ["cats 90.0%\nis dogs", "dogs 75.0%\nis cats", "dogs 60.0%\nis cats"]
    assert titles == expected


def test_no_wrong_images():
    figure = plot_wrong(_evaluation([]), ["cats", "dogs"])
    assert [text.get_text() for text in figure.texts] == ["None of 5 images is wrong."]


def test_verdicts_do_not_overlap_pictures():
    names = ["a class named so", "another that is named so"]
    figure = plot_wrong(_evaluation([3, 0, 4, 3, 0, 4, 0, 4]), names, columns=4)
    _check_apart(figure)


@pytest.mark.parametrize(
    ("names", "columns", "message"),
    [(["cats"], 8, "one name for each of 2 classes"), (["a", "b"], 0, "columns must be at least")],
)
def test_wrong_arguments_of_wrong_images(names, columns, message):
    with pytest.raises(ValueError, match=message):
        plot_wrong(_evaluation([3]), names, columns=columns)


# --- Files and state ------------------------------------------------------------------------------


def _draw_all(*paths):
    draw = (
        lambda path: plot_history(_FULL, path),
        lambda path: preview_batch(_batch(), path=path),
        lambda path: plot_confusion([[30, 10], [0, 20]], ["cats", "dogs"], path),
        lambda path: plot_wrong(_evaluation([3, 0]), ["cats", "dogs"], path),
    )
    return [each(path) for each, path in zip(draw, paths, strict=True)]


def test_files_are_whole_pngs(tmp_path):
    names = ["confusion.png", "curves.png", "preview.png", "wrong.png"]
    paths = [tmp_path / "curves.png", str(tmp_path / "preview.png")]
    paths += [tmp_path / "confusion.png", tmp_path / "wrong.png"]
    for path, figure in zip(paths, _draw_all(*paths), strict=True):
        assert isinstance(figure, Figure)
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            picture.load()
            assert len(set(picture.convert("L").get_flattened_data())) > 10  # not a blank page
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_titles_do_not_overlap_pictures():
    _check_apart(preview_batch(_batch(20, 32, 32), np.zeros(20), ["a class named so"]))


def _check_apart(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [panel.title.get_window_extent(renderer) for panel in figure.axes]
    boxes += [panel.get_window_extent(renderer) for panel in figure.axes]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_missing_folder(tmp_path):
    for draw in (lambda p: plot_history(_FULL, p), lambda p: preview_batch(_batch(), path=p)):
        with pytest.raises(FileNotFoundError, match=r"path must be in a folder that exists.*nope"):
            draw(tmp_path / "nope" / "x.png")


def test_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "curves.png"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        plot_history(_FULL, path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["curves.png"]


def test_notebook_shows_the_figure():
    for figure in _draw_all(*[None] * 4):
        with Image.open(io.BytesIO(figure._repr_png_())) as picture:
            assert picture.format == "PNG"


def test_pyplot_is_not_used():
    code = (
        "import sys, numpy as np, catdog_models as m\n"
        "m.plot_history({'loss': [1.0]})._repr_png_()\n"
        "m.preview_batch(np.zeros((1, 4, 4, 3)))._repr_png_()\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
