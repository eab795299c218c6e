import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import save_picture
from corrupt_files import bomb

import catdog_models
from catdog_data import ImageDataGenerator, image_dataset_from_directory
from catdog_models.commands import export as export_cli
from catdog_models.commands import predict as predict_cli
from catdog_models.evaluation.predict import Failure, Prediction, Predictor, predict_files
from catdog_models.export.export import is_saved_model
from catdog_models.training.input_spec import InputSpec

_ROOT = Path(catdog_models.__file__).parents[1]
_SPEC = InputSpec(("cats", "dogs"), (12, 10), "bilinear", 1 / 255.0, crop_to_aspect_ratio=True)


def _save_run(folder, spec, units=1):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((*spec.image_size, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="sigmoid" if units == 1 else "softmax"),
        ]
    )
    folder.mkdir(parents=True)
    model.save(folder / "best.keras")
    spec.save(folder / "input.json")
    return model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run, as `catdog-train` leaves it, and its model."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, _save_run(folder, _SPEC)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        kind = "png" if number == 2 else "jpg"
        save_picture(root / "a" / f"{number}.{kind}", (40 + number, 30), number)
    for number in range(3):
        save_picture(root / "b" / "deep" / f"{number}.JPEG", (20, 30 + number), 10 + number)
    (root / "b" / "notes.txt").write_text("no image")
    save_picture(root / "b" / "._0.jpg", (20, 20), 0, format="JPEG")
    return root


@pytest.fixture(scope="module")
def expected(run, pictures):
    """The probability of class 1 by file, through the training pipeline."""
    dataset = image_dataset_from_directory(
        pictures,
        image_size=_SPEC.image_size,
        interpolation=_SPEC.interpolation,
        rescale=_SPEC.rescale,
        crop_to_aspect_ratio=True,
        shuffle=False,
        verbose=False,
    )
    output = run[1].predict(dataset, verbose=0)[:, 0].tolist()
    # Files that archivers of another system leave behind are no pictures of anybody's.
    return {
        path: value
        for path, value in zip(dataset.file_paths, output, strict=True)
        if not Path(path).name.startswith(".")
    }


def _predict(*arguments):
    return CliRunner().invoke(predict_cli.main, [str(argument) for argument in arguments])


# --- The command ----------------------------------------------------------------------------------


def test_labels_are_those_of_the_training_pipeline(run, pictures, expected):
    result = _predict(run[0] / "best.keras", pictures, "--batch-size", 3)
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == [str(path) for path in sorted(map(Path, expected))]
    assert len({row[1] for row in rows}) == 2
    for path, label, probability in rows:
        of_dogs = expected[path]
        assert label == ("dogs" if of_dogs > 0.5 else "cats")
        assert float(probability) == pytest.approx(max(of_dogs, 1 - of_dogs), abs=1e-4)


def test_json_has_every_probability(run, pictures, expected):
    result = _predict(run[0], pictures / "a" / "0.jpg", pictures / "a" / "2.png", "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(row["file"]).name for row in rows] == ["0.jpg", "2.png"]
    for row in rows:
        of_dogs = expected[row["file"]]
        assert row["probabilities"] == pytest.approx({"cats": 1 - of_dogs, "dogs": of_dogs})
        assert row["probability"] == row["probabilities"][row["label"]]


@pytest.mark.slow
def test_images_of_the_generator(pictures, tmp_path):
    names = ("a", "b", "c")
    spec = InputSpec(names, (12, 10), "nearest", 1 / 255.0, reader="ImageDataGenerator")
    model = _save_run(tmp_path / "run", spec, units=3)
    iterator = ImageDataGenerator(rescale=1 / 255.0).flow_from_directory(
        pictures / "b", target_size=(12, 10), class_mode=None, shuffle=False
    )
    expected = model.predict(next(iterator), verbose=0)
    result = _predict(tmp_path / "run", *iterator.filepaths, "--json")
    rows = [json.loads(line)["probabilities"] for line in result.stdout.splitlines()]
    np.testing.assert_allclose([list(row.values()) for row in rows], expected, rtol=1e-5)


def test_bad_files_are_named_and_the_others_predicted(run, pictures, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((pictures / "a" / "0.jpg").read_bytes()[:-300])
    other = tmp_path / "text.png"
    other.write_text("no image")
    huge = tmp_path / "huge.png"
    huge.write_bytes(bomb(20_000))
    (tmp_path / "empty").mkdir()
    good = pictures / "a" / "0.jpg", pictures / "a" / "1.jpg"
    missing = tmp_path / "missing.jpg"
    result = _predict(run[0], good[0], broken, missing, other, huge, tmp_path / "empty", good[1])
    assert result.exit_code == 1
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == list(map(str, good))
    errors = result.stderr.splitlines()
    assert len(errors) == 6
    for line, path, why in zip(
        errors,
        (broken, missing, other, huge, tmp_path / "empty"),
        (
            "cannot be decoded",
            "No such file",
            "cannot be decoded",
            "at most 178956970 pixels",
            "no im",
        ),
        strict=False,
    ):
        assert f"{str(path)!r}" in line
        assert why in line
    assert errors[3].endswith("[400000000]")
    for line in (errors[0], errors[2]):
        reason = line.split("TensorFlow says: ")[1]
        assert re.search("JPEG|image", reason)
        assert "Graph execution error" not in reason
    assert errors[5] == "5 of 7 could not be predicted."
    assert "Traceback" not in result.output


def test_table_on_a_terminal(run, pictures, monkeypatch):
    folder, _ = run
    shown = {}
    monkeypatch.setattr(predict_cli, "_print_table", lambda each: shown.update(rows=list(each)))
    monkeypatch.setattr(predict_cli, "_on_a_terminal", lambda: True)
    assert _predict(folder, pictures / "a").exit_code == 0
    assert len(shown["rows"]) == 5


def test_table_shows_names_as_they_are(capsys):
    names = "[bold]cats[/bold]"
    predict_cli._print_table([Prediction(Path("[red]x.jpg"), names, 0.987, np.float32([1]))])
    shown = capsys.readouterr().out
    assert names in shown
    assert "[red]x.jpg" in shown
    assert "98.7%" in shown


def test_names_that_would_break_a_line_can_be_read_again(run, pictures, tmp_path, capsys):
    names = [
        b"a tab\t.jpg",
        b"two\nlines.jpg",
        b'"quoted".jpg',
        b"caf\xe9.jpg",
        b"plain \xc3\xa9.jpg",
    ]
    paths = [os.fsdecode(os.fsencode(tmp_path) + b"/" + name) for name in names]
    for path in paths:
        shutil.copy(pictures / "a" / "0.jpg", path)
    result = CliRunner().invoke(predict_cli.main, [str(run[0]), *paths])
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.split("\n")[:-1]]
    files, labels, probabilities = zip(*rows, strict=True)
    assert [json.loads(file) if file.startswith('"') else file for file in files] == paths
    assert files[4] == paths[4]
    assert set(labels) <= {"cats", "dogs"}
    assert len(set(probabilities)) == 1
    result = CliRunner().invoke(predict_cli.main, [str(run[0]), "--json", *paths])
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == paths
    predict_cli._print_table([Prediction(Path(paths[3]), "two\nlines", 0.9, np.float32([1]))])
    assert '"two\\nlines"' in capsys.readouterr().out


@pytest.mark.slow
def test_exported_model_says_the_same(run, pictures, tmp_path):
    exported = tmp_path / "exported"
    result = CliRunner().invoke(export_cli.main, [str(run[0] / "best.keras"), str(exported)])
    assert result.exit_code == 0, result.output
    assert "cats, dogs" in result.output
    assert is_saved_model(exported)
    outputs = [_predict(each, pictures, "--json") for each in (run[0], exported)]
    assert outputs[0].exit_code == outputs[1].exit_code == 0
    assert outputs[0].stdout
    assert outputs[0].stdout == outputs[1].stdout


def _flat(result):
    """Undo click's line breaks."""
    return " ".join(result.output.split())


@pytest.mark.parametrize("command", ["predict", "export"])
def test_wrong_models_are_refused(run, pictures, tmp_path, command):
    def refused(model):
        if command == "predict":
            result = _predict(model, pictures)
        else:
            arguments = [str(model), str(tmp_path / "out")]
            result = CliRunner().invoke(export_cli.main, arguments)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        return _flat(result)

    alone = tmp_path / "alone.keras"
    alone.write_bytes((run[0] / "best.keras").read_bytes())
    assert "input.json', which says how its images are read" in refused(alone)
    assert "neither best.keras nor a SavedModel" in refused(pictures)
    assert "does not exist" in refused(tmp_path / "nope.keras")
    wrong = tmp_path / "wrong"
    _save_run(wrong, InputSpec(("a", "b", "c"), (12, 10), "nearest", None))
    assert "for 3 classes" in refused(wrong)
    (wrong / "input.json").write_text("{}")
    assert "does not describe a model's input" in refused(wrong)
    _SPEC.save(wrong / "input.json")
    (wrong / "best.keras").write_bytes(b"no model")
    assert "best.keras" in refused(wrong)
    assert not (tmp_path / "out").exists()


def test_another_saved_model_is_refused(pictures, tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    model.export(str(tmp_path / "other"), verbose=False)
    result = _predict(tmp_path / "other", pictures)
    assert result.exit_code == 2
    assert "as `catdog_models.export_saved_model` writes them" in _flat(result)


def test_images_are_required(run):
    assert "Missing argument 'IMAGES" in _predict(run[0]).output


@pytest.mark.parametrize("module", ["predict", "export"])
def test_help_does_not_load_tensorflow(module):
    code = (
        "import sys\nfrom click.testing import CliRunner\n"
        f"from catdog_models.commands.{module} import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print([m for m in ('tensorflow', 'keras', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "change", [{"interpolation": "bilinear"}, {"crop_to_aspect_ratio": True}, {"decode": "fast"}]
)
def test_what_the_generator_does_otherwise_is_refused(change):
    spec = InputSpec(
        **{
            "class_names": ("a", "b"),
            "image_size": (4, 4),
            "interpolation": "nearest",
            "rescale": None,
            "reader": "ImageDataGenerator",
            **change,
        }
    )
    with pytest.raises(ValueError, match="as it does by default"):
        predict_cli.decoder_of(spec)


# --- The function ---------------------------------------------------------------------------------


def test_order_and_batches(pictures):
    sizes = []

    def probabilities_of(contents):
        sizes.append(len(contents))
        return np.float32([[0.25, 0.75]] * len(contents))

    paths = [pictures / "a", pictures / "missing.jpg", pictures / "b"]
    results = list(predict_files(Predictor(("x", "y"), probabilities_of), paths, batch_size=2))
    names = ["0.jpg", "1.jpg", "2.png", "3.jpg", "4.jpg", "missing.jpg"]
    assert [each.path.name for each in results] == [*names, "0.JPEG", "1.JPEG", "2.JPEG"]
    assert [isinstance(each, Failure) for each in results] == [False] * 5 + [True] + [False] * 3
    assert {each.label for each in results if isinstance(each, Prediction)} == {"y"}
    assert sizes == [2, 2, 1, 2, 1]


def test_a_pipe_in_a_folder_is_refused(tmp_path):
    os.mkfifo(tmp_path / "1.jpg")
    predictor = Predictor(("cats", "dogs"), lambda contents: [[0.25, 0.75]])
    (failure,) = predict_files(predictor, [tmp_path])
    assert failure.path == tmp_path / "1.jpg"
    assert "no regular file" in failure.reason
