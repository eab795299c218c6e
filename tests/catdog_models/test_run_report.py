import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from catdog_models.evaluation.report import RunSummary
from catdog_models.evaluation.run_report import report_run

_FILES = ["confusion.png", "curves.png", "report.md", "wrong.png"]


def _run(**changes):
    return RunSummary(
        **{
            "name": "tiny",
            "class_names": ("cats", "dogs"),
            "images": {"training": 0, "validation": 20},
            "history": {"loss": [0.5, 0.25], "accuracy": [0.5, 0.75]},
            "files": [f"{number}.jpg" for number in range(20)],
            **changes,
        }
    )


def _model_and_images():
    """A model that takes bright images for class 1, and images with random labels."""
    rng = np.random.default_rng(3)
    images = rng.uniform(size=(20, 4, 4, 3)).astype(np.float32)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.layers[-1].set_weights([np.full((3, 1), 20.0, np.float32), np.float32([-30.0])])
    return model, images, rng.integers(0, 2, 20)


def test_pictures_and_report_are_written(tmp_path):
    model, images, labels = _model_and_images()
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(8)
    (tmp_path / "report.md").write_text("of an earlier run")
    evaluation = report_run(_run(), model, data, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == _FILES
    for name in _FILES:
        if name.endswith(".png"):
            with Image.open(tmp_path / name) as picture:
                picture.load()
    report = (tmp_path / "report.md").read_text()
    right = (images.mean(axis=(1, 2, 3)) > 0.5) == labels
    assert 0 < right.sum() < 20
    assert evaluation.accuracy == pytest.approx(right.mean())
    assert f"accuracy {right.mean():.1%}" in report
    wrong = set(np.flatnonzero(~right).tolist())
    named = {number for number in range(20) if f"| {number}.jpg |" in report}
    assert named <= wrong
    assert len(named) == min(len(wrong), 10)
    for name in _FILES:
        assert name == "report.md" or f"]({name})" in report


def test_names_must_be_those_of_the_classes(tmp_path):
    model, images, labels = _model_and_images()
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(8)
    with pytest.raises(ValueError, match="one name for each of 2 classes"):
        report_run(_run(class_names=("a", "b", "c")), model, data, tmp_path)
