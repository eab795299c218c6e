import errno
import json
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from corrupt_files import break_inside
from PIL import Image
from tensorflow.python.framework.config import disable_op_determinism

import catdog_data
import catdog_models
from catdog_data.archives.find_folders import ImageFolders
from catdog_models.commands import train as cli
from catdog_models.evaluation.speed import SpeedComparison

_ROOT = Path(catdog_models.__file__).parents[1]


def _save_class(folder, number, brightness):
    """Noisy pictures around one brightness: two such classes are learnt in a few steps."""
    folder.mkdir(parents=True)
    for index in range(number):
        rng = np.random.default_rng((brightness, index))
        pixels = rng.integers(brightness, brightness + 60, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:03}.png")


def _save_tree(folder, number=20, names=("cats", "dogs")):
    for place, name in enumerate(names):
        _save_class(folder / name, number, brightness=20 + 60 * place)
    return folder


@pytest.fixture(autouse=True)
def _determinism_ends_with_the_test():
    """It holds for a process, and makes pipelines of other tests take another way."""
    yield
    disable_op_determinism()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Two classes of 20 images, no validation folder."""
    return _save_tree(tmp_path_factory.mktemp("single") / "pets")


@pytest.fixture(scope="module")
def split_tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("split")
    _save_tree(root / "train")
    _save_tree(root / "validation", 8)
    return root


def _run(*arguments):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def _flat(text):
    """Undo click's line breaks."""
    return " ".join(text.split())


def _refused(message, *arguments):
    result = _run(*arguments)
    assert result.exit_code == 2, result.output
    assert message in _flat(result.output)
    assert "Traceback" not in result.output


def _failed(*arguments):
    """Run into exit code 1; return the last line, behind which there is nothing."""
    result = _run(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    return result.output.splitlines()[-1]


# --- Options --------------------------------------------------------------------------------------


def test_help_names_every_option():
    result = _run("--help")
    assert result.exit_code == 0
    options = "--data --tfds --demo --output --recipe --to-the-letter --epochs --image-size"
    options += " --batch-size --precision --cache --on-error --seed --classes --save-every"
    options += " --exclude --folds --balance --tensorboard"
    for option in options.split():
        assert option in result.output


def test_help_does_not_load_tensorflow():
    code = (
        "import sys\nfrom click.testing import CliRunner\n"
        "from catdog_models.commands.train import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print([m for m in ('tensorflow', 'keras', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_exactly_one_source(tree, tmp_path):
    message = "Give exactly one of --data PATH (your images), --tfds NAME"
    _refused(message, "--output", tmp_path / "out")
    _refused(message, "--output", tmp_path / "out", "--demo", "--data", tree)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("'--image-size': '0' must be N or HxW", ["--image-size", "0"]),
        ("'--image-size': '64x' must be N or HxW", ["--image-size", "64x"]),
        ("'--image-size': '64x64x3' must be N or HxW", ["--image-size", "64x64x3"]),
        ("'--image-size': 'big' must be N or HxW", ["--image-size", "big"]),
        ("'--image-size': '-5' must be N or HxW", ["--image-size", "-5"]),
        ("'--epochs': 0 is not in the range", ["--epochs", "0"]),
        ("'--batch-size': 0 is not in the range", ["--batch-size", "0"]),
        ("'--seed': -1 is not in the range", ["--seed", "-1"]),
        ("'--classes': 'cats' must be two folder names", ["--classes", "cats"]),
        ("'--classes': 'cats,cats' must be two folder names", ["--classes", "cats,cats"]),
        ("'--classes': 'cats,' must be two folder names", ["--classes", "cats,"]),
        ("--classes: no folder 'birds'", ["--classes", "cats,birds"]),
        ("'--recipe': 'soup' is not one of", ["--recipe", "soup"]),
        ("'--precision': 'float8' is not one of", ["--precision", "float8"]),
        ("'--save-every': 0.0 is not in the range", ["--save-every", "0"]),
        ("--to-the-letter: Only recipes of the", ["--recipe", "modern", "--to-the-letter"]),
        ("--image-size: image_size must be at least 22", ["--image-size", "16"]),
        ("'--data': Path 'nowhere' does not exist", ["--data", "nowhere"]),
    ],
)
def test_wrong_options(tree, tmp_path, message, arguments):
    _refused(message, "--data", tree, "--output", tmp_path / "new" / "out", *arguments)
    assert not (tmp_path / "new").exists()


def test_a_run_that_cannot_be_built_leaves_nothing(monkeypatch, tree, tmp_path):
    def refuse(*_):
        raise ValueError("batches cannot be divided")

    monkeypatch.setattr("catdog_models.training.replicas.replicated_over", refuse)
    data = ["--data", tree, "--output", tmp_path / "out", "--image-size", 24]
    _refused("--batch-size: batches cannot be divided", *data)
    assert not (tmp_path / "out").exists()
    # What was there before stays.
    (tmp_path / "out").mkdir()
    _refused("--batch-size: batches cannot be divided", *data)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("value", "size"), [("64", (64, 64)), ("64x96", (64, 96)), ("64X96", (64, 96))]
)
def test_image_size_is_height_by_width(monkeypatch, tree, tmp_path, value, size):
    seen = []
    monkeypatch.setattr(cli, "train_and_report", lambda data, settings: seen.append(settings))
    result = _run("--data", tree, "--output", tmp_path, "--image-size", value)
    assert result.exit_code == 0, result.output
    assert seen[0].recipe.image_size == size


def test_output_must_be_a_folder(tree, tmp_path):
    (tmp_path / "file").write_text("")
    _refused("'--output'", "--data", tree, "--output", tmp_path / "file")
    _refused("--output", "--data", tree, "--output", tmp_path / "file" / "below")


# --- Data -----------------------------------------------------------------------------------------


def test_folder_without_classes(tmp_path):
    (tmp_path / "empty").mkdir()
    _refused("--data", "--data", tmp_path / "empty", "--output", tmp_path / "out")


@pytest.mark.parametrize("more", [[], ["--cache", "memory"]], ids=["files", "cache"])
def test_an_image_that_cannot_be_read_is_named_in_a_line(tmp_path, more):
    _save_tree(tmp_path / "data" / "train", 3)
    _save_tree(tmp_path / "data" / "validation", 1)
    broken = tmp_path / "data" / "train" / "cats" / "broken.jpg"
    Image.new("RGB", (40, 30)).save(broken)
    break_inside(broken)
    said = _failed(
        *("--data", tmp_path / "data", "--output", tmp_path / "out", "--image-size", 32, *more)
    )
    assert said.startswith(f"Error: '{broken}' cannot be decoded as an image (")
    assert "Remove it from the data set or replace it." in said


@pytest.mark.parametrize(("on_error", "images"), [("skip", 6), ("replace", 7)])
def test_an_image_that_cannot_be_read_is_worked_around_on_request(read, tmp_path, on_error, images):
    _save_tree(tmp_path / "data" / "train", 3)
    _save_tree(tmp_path / "data" / "validation", 1)
    broken = tmp_path / "data" / "train" / "cats" / "broken.jpg"
    Image.new("RGB", (40, 30)).save(broken)
    break_inside(broken)
    arguments = ["--data", tmp_path / "data", "--output", tmp_path / "out", "--image-size", 32]
    with pytest.warns(UserWarning, match="1 of 7 images cannot be read"):
        data, _ = read(*arguments, "--on-error", on_error)
    assert data.images == (images, 2)
    assert sum(len(labels) for _, labels in data.training) == images
    assert [each.path for each in data.broken_files()] == [str(broken)]


def test_a_full_disk_is_named_in_a_line(monkeypatch, tree, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cli, "train_and_report", full)
    said = _failed("--data", tree, "--output", tmp_path / "out")
    assert said.startswith("Error: [Errno 28] No space left on device while results were written.")
    assert said.endswith(f": '{tmp_path / 'out'}'")


def test_a_fault_of_another_kind_keeps_its_traceback(monkeypatch, tree, tmp_path):
    def fault(*_):
        raise tf.errors.InvalidArgumentError(None, None, "shapes do not match")

    monkeypatch.setattr(cli, "train_and_report", fault)
    result = _run("--data", tree, "--output", tmp_path / "out")
    assert isinstance(result.exception, tf.errors.InvalidArgumentError)


def test_file_that_is_no_archive(tmp_path):
    (tmp_path / "notes.zip").write_text("not an archive")
    _refused(
        "--data: archive must be", "--data", tmp_path / "notes.zip", "--output", tmp_path / "out"
    )


def test_one_class(tmp_path):
    _save_tree(tmp_path / "pets", 2, ("birds",))
    _refused(
        "--data",
        *("--data", tmp_path / "pets", "--output", tmp_path / "out"),
    )


@pytest.mark.parametrize(
    ("arguments", "names"),
    [([], ("cats", "dogs")), (["--classes", "dogs, cats"], ("dogs", "cats"))],
)
def test_order_of_classes(monkeypatch, tree, tmp_path, arguments, names):
    seen = []
    monkeypatch.setattr(
        cli, "train_and_report", lambda data, settings: seen.append(data.class_names)
    )
    assert _run("--data", tree, "--output", tmp_path, *arguments).exit_code == 0
    assert seen == [names]


@pytest.fixture
def read(monkeypatch):
    """Run the command up to its data."""

    def run(*arguments):
        seen = []
        monkeypatch.setattr(cli, "train_and_report", lambda data, settings: seen.append(data))
        result = _run(*arguments)
        assert result.exit_code == 0, result.output
        return seen[0], result.output

    return run


def test_class_folders_are_those_with_images_that_can_be_read(read, tmp_path):
    tree = tmp_path / "pets"
    _save_class(tree / "cats" / "indoors" / "black", 5, 20)  # at any depth
    _save_class(tree / "dogs", 5, 80)
    _save_class(tree / "_background", 5, 140)
    _save_class(tree / "__MACOSX", 1, 10)
    _save_class(tree / ".cache", 1, 10)
    (tree / "empty").mkdir()
    (tree / "labels").mkdir()
    (tree / "labels" / "all.csv").write_text("")
    (tree / "scans").mkdir()
    (tree / "scans" / "1.tif").write_bytes(b"")  # which the tf.data API does not list
    data, said = read("--data", tree, "--output", tmp_path / "out")
    assert data.class_names == ("_background", "cats", "dogs")
    assert data.images == (12, 3)
    reasons = "'.cache' (clutter), '__MACOSX' (clutter), 'empty' (no images), 'labels' (no images)"
    assert f"Left out in {str(tree)!r}: {reasons}, 'scans' (images of other kinds)." in said


def test_files_that_are_left_out(read, split_tree, tmp_path):
    names = ["train/cats/000.png", "validation/dogs/001.png", "train/cats/none.png"]
    (tmp_path / "bad.txt").write_text("\n".join(names))
    arguments = ("--output", tmp_path / "out", "--exclude", tmp_path / "bad.txt")
    data, said = read("--data", split_tree, *arguments)
    assert data.images == (39, 15)
    assert "dogs/001.png" not in data.validation_files
    assert "warning: 1 of the 3 names" in said
    data, _ = read("--data", split_tree / "validation", *arguments[:3], _listed(tmp_path))
    assert data.images == (12, 3)


def _listed(folder):
    (folder / "one.txt").write_text("# of 16\ncats/000.png\n")
    return folder / "one.txt"


def test_wrong_lists_of_files_to_leave_out(split_tree, tree, tmp_path):
    _refused("names files of --data", "--demo", "--exclude", _listed(tmp_path))
    arguments = ("--output", tmp_path / "out", "--exclude", _listed(tmp_path))
    _refused("1 of the 1 names", "--data", split_tree, *arguments)
    (tmp_path / "one.txt").write_text('"cats')
    _refused("must be a JSON string", "--data", tree, *arguments)
    assert not (tmp_path / "out").exists()


def test_a_flat_test_folder_is_not_validated(read, tmp_path):
    root = tmp_path / "kaggle"
    _save_tree(root / "train", 5)
    _save_class(root / "test", 3, 10)
    data, said = read("--data", root, "--output", tmp_path / "out")
    assert data.images == (8, 2)
    assert "'test' (images of no class)" in said


@pytest.mark.parametrize(
    ("names", "empty"), [(("birds", "cats", "dogs"), False), (("cats", "dogs"), True)]
)
def test_classes_that_are_not_validated_keep_their_numbers(read, tmp_path, names, empty):
    root = tmp_path / "pets"
    _save_tree(root / "train", 2, names)
    _save_tree(root / "val", 3, ("dogs",))
    if empty:
        (root / "val" / "cats").mkdir()
    data, said = read("--data", root, "--output", tmp_path / "out", "--image-size", 32)
    missing = ", ".join(names[:-1])
    assert f"warning: {str(root / 'val')!r} has no images of {missing}, which cannot" in said
    assert [name.split("/")[0] for name in data.validation_files] == ["dogs"] * 3
    assert data.class_names == names
    assert data.images == (2 * len(names), 3)
    for validation in (data.validation, data.validation.follow(lambda: (2, 0))):
        (_, labels), *_ = validation
        assert labels.dtype == "float32"
        expected = [[1.0]] if len(names) == 2 else [[0.0, 0.0, 1.0]]
        assert labels.numpy().tolist() == expected * 3
    assert int(data.validation.cardinality()) == 1


def test_a_validation_folder_without_the_classes_that_are_asked_for(tmp_path):
    root = tmp_path / "pets"
    _save_tree(root / "train", 2, ("birds", "cats", "dogs"))
    _save_tree(root / "val", 2, ("birds",))
    command = ("--data", root, "--output", tmp_path / "out", "--classes", "cats,dogs")
    _refused("must have images of cats, dogs, and has none of them", *command)


# --- Splits ---------------------------------------------------------------------------------------


def test_a_fifth_of_every_class_is_held_back(monkeypatch, tmp_path):
    tree = _save_tree(tmp_path / "pets", 5, ("birds", "cats", "dogs"))
    seen = []
    monkeypatch.setattr(cli, "train_and_report", lambda data, settings: seen.append(data))
    assert _run("--data", tree, "--output", tmp_path / "out").exit_code == 0
    assert [name[:5] for name in seen[0].validation_files] == ["birds", "cats/", "dogs/"]
    assert seen[0].images == (12, 3)
    assert seen[0].as_json()["split"].startswith("0.2 of each class")


@pytest.mark.slow
def test_a_run_does_not_go_on_with_another_split(monkeypatch, tmp_path):
    """Without its training: each start records the run, or refuses it."""
    for name in ("_fit", "_preview", "_report"):
        monkeypatch.setattr(f"catdog_models.commands.train_run.{name}", lambda *_: None)
    monkeypatch.setattr("catdog_models.networks.building.build_from_recipe", lambda *_: None)
    root, output = tmp_path / "pets", tmp_path / "out"
    tree = _save_tree(root / "train", 5)
    command = ("--data", root, "--output", output, "--image-size", 32)
    assert _run(*command).exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr("catdog_models.commands.train_data._VALIDATION_SPLIT", 0.4)
        _refused("data.split was 0.2 of each class", *command)
    with monkeypatch.context() as patch:
        patch.setattr(
            "catdog_data.sources.hash_order.order_by_hash",
            lambda names: np.argsort(names)[::-1],
        )
        _refused("data.digest was", *command)
    more = tree / "cats" / "more.png"
    Image.new("RGB", (9, 9)).save(more)
    _refused("data.training_images was 8 and is now 9", *command)
    more.unlink()
    _save_tree(root / "validation", 2)
    _refused("data.validation_images was 2 and is now 4", *command)
    shutil.rmtree(root / "validation")
    assert _run(*command).exit_code == 0
    (output / "resume").mkdir()
    (output / "resume" / "position.json").write_text("{}")
    (output / "recipe.json").unlink()
    _refused("must hold recipe.json", *command)


# --- Whole runs -----------------------------------------------------------------------------------


_COLUMNS = "epoch loss accuracy val_loss val_accuracy learning_rate input_wait images_per_second"


def _check_results(output, epochs, image_size):
    import keras

    for name in ("preview.png", "curves.png"):
        with Image.open(output / name) as picture:
            assert picture.format == "PNG"
            picture.load()
    rows = (output / "history.csv").read_text().splitlines()
    assert set(rows[0].split(",")) == set(_COLUMNS.split())
    assert [row.split(",")[0] for row in rows[1:]] == [str(n) for n in range(1, epochs + 1)]
    for name in ("best.keras", "last.keras"):
        model = keras.models.load_model(output / name)
        assert model.input_shape == (None, *image_size, 3)
    return [
        dict(zip(rows[0].split(","), map(float, row.split(",")), strict=True)) for row in rows[1:]
    ]


@pytest.mark.slow
def test_training_on_split_folders(split_tree, tmp_path):
    output = tmp_path / "deep" / "out"
    result = _run(
        *("--data", split_tree, "--output", output, "--epochs", 2),
        *("--image-size", "24x32", "--batch-size", 8, "--seed", 1),
    )
    assert result.exit_code == 0, result.output
    assert json.loads((output / "recipe.json").read_text())["data"]["training_images"] == 40
    accuracy = _check_results(output, 2, (24, 32))[-1]["val_accuracy"]
    assert f"validation accuracy: {accuracy:.3f}" in result.output
    assert "times faster" not in result.output


@pytest.mark.slow
def test_training_on_an_archive_splits_it_and_goes_on(tree, tmp_path):
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in sorted(tree.rglob("*.png")):
            archive.write(path, path.relative_to(tree.parent))
    command = ("--data", tmp_path / "pets.zip", "--output", tmp_path / "out", "--epochs", 1)
    command += ("--image-size", 24, "--batch-size", 8, "--seed", 3)
    assert _run(*command).exit_code == 0
    data = json.loads((tmp_path / "out" / "recipe.json").read_text())["data"]
    assert (data["training_images"], data["validation_images"]) == (32, 8)  # a fifth of each class
    before = (tmp_path / "out" / "history.csv").read_bytes()
    again = _run(*command)
    assert again.exit_code == 0, again.output
    assert "complete run of 1 epochs; nothing is trained" in again.output
    assert (tmp_path / "out" / "history.csv").read_bytes() == before
    other = _run(*command, "--seed", 4, "--recipe", "original-plain")
    assert other.exit_code == 2
    assert "seed was 3 and is now 4" in _flat(other.output)
    assert "recipe.name was original-augmented and is now original-plain" in _flat(other.output)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["original-augmented", "modern"])
def test_training_learns_what_is_easy(split_tree, tmp_path, recipe):
    result = _run(
        *("--data", split_tree, "--output", tmp_path, "--epochs", 15),
        *("--image-size", 24, "--batch-size", 8, "--recipe", recipe),
    )
    assert result.exit_code == 0, result.output
    # Of three classes, a third is chance.
    assert _check_results(tmp_path, 15, (24, 24))[-1]["accuracy"] > 0.8


def test_demo_trains_on_the_sample_set_and_reports_speed(monkeypatch, split_tree, tmp_path):
    destinations, trained = [], []

    def generate(destination, **_):
        destinations.append(destination)
        return ImageFolders(split_tree / "train", split_tree / "validation", ("cats", "dogs"))

    monkeypatch.setattr("catdog_data.samples.generate.generate_sample_set", generate)
    monkeypatch.setattr(cli, "train_and_report", lambda data, settings: trained.append(settings))
    monkeypatch.setattr(cli, "_speed_line", lambda folder, names, seed: f"speed of {folder.name}")
    result = _run("--demo", "--output", tmp_path)
    assert result.exit_code == 0, result.output
    assert destinations == [tmp_path / "sample-set"]
    recipe = trained[0].recipe
    used = recipe.name, recipe.epochs, recipe.image_size, recipe.batch_size
    assert used == ("original-augmented", 14, (64, 64), 16)
    assert "speed of train" in result.output


def test_demo_beside_another_sample_set(monkeypatch, tmp_path):
    def generate(destination, **_):
        raise FileExistsError("destination must be empty")

    monkeypatch.setattr("catdog_data.samples.generate.generate_sample_set", generate)
    _refused("--output: destination must be empty", "--demo", "--output", tmp_path)


class _Recorder:
    """Stands for ImageDataGenerator and remembers how it was called."""

    def __init__(self, **options):
        self.options = options

    def flow_from_directory(self, folder, **options):
        return self.options, folder, options


def _said(monkeypatch, tree, difference, capsys):
    speed = SpeedComparison(1200.4, 115.0, 10.44, 4321, difference)
    monkeypatch.setattr("catdog_models.evaluation.speed.compare_speed", lambda ours, theirs: speed)
    monkeypatch.setattr(catdog_data, "ImageDataGenerator", _Recorder, raising=False)
    line = cli._speed_line(tree, ["cats", "dogs"], 0)
    assert "Found" not in capsys.readouterr().out
    return line


def test_speed_line(monkeypatch, tree, capsys):
    assert _said(monkeypatch, tree, 0.0, capsys) == (
        "input: 10.4 times faster than keras' ImageDataGenerator (1,200 img/s against 115 img/s, "
        "measured now over 4,321 images; identical pixels for the same seed)"
    )
    assert "pixels up to 0.25 apart for the same seed" in _said(monkeypatch, tree, 0.25, capsys)


@pytest.mark.slow
def test_speed_is_measured_against_keras(tree, monkeypatch):
    from catdog_models.evaluation import speed

    measure = speed.compare_speed
    monkeypatch.setattr(
        speed, "compare_speed", lambda ours, theirs: measure(ours, theirs, rounds=1, seconds=0.5)
    )
    line = cli._speed_line(tree, ["cats", "dogs"], 0)
    assert "identical pixels" in line


# --- Three classes, TensorBoard and TFDS ----------------------------------------------------------


@pytest.fixture(scope="module")
def three_classes(tmp_path_factory):
    return _save_tree(tmp_path_factory.mktemp("three") / "pets", 12, ("birds", "cats", "dogs"))


_QUICK = ("--recipe", "original-plain", "--image-size", 24, "--batch-size", 8)


@pytest.mark.slow
def test_three_classes_are_learnt(three_classes, tmp_path):
    import keras

    result = _run("--data", three_classes, "--output", tmp_path, *_QUICK, "--epochs", 15)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "recipe.json").read_text())["data"]["classes"] == [
        "birds",
        "cats",
        "dogs",
    ]
    assert keras.models.load_model(tmp_path / "last.keras").output_shape == (None, 3)
    # Of three classes, a third is chance.
    assert _check_results(tmp_path, 15, (24, 24))[-1]["accuracy"] > 0.8


def test_the_package_of_tensorboard_is_named_when_missing(monkeypatch, tree, tmp_path):
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    message = "Install it with `pip install catdog[tensorboard]`"
    _refused(message, "--data", tree, "--output", tmp_path / "out", "--tensorboard")


@pytest.mark.slow
def test_logs_for_tensorboard_are_written_only_if_asked(tree, tmp_path):
    pytest.importorskip("tensorboard")
    for folder, option in (("with", ["--tensorboard"]), ("without", [])):
        arguments = ("--data", tree, "--output", tmp_path / folder, *_QUICK, "--epochs", 1)
        result = _run(*arguments, *option)
        assert result.exit_code == 0, result.output
    assert list((tmp_path / "with").rglob("events.out.tfevents.*"))
    assert not list((tmp_path / "without").rglob("events.out.tfevents.*"))


@pytest.mark.slow
def test_training_on_a_set_of_tfds(monkeypatch, three_classes, tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    paths = sorted(three_classes.rglob("*.png"))

    class Pets(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        code_path = None  # nothing is stored beside this file

        def _info(self):
            label = tfds.features.ClassLabel(names=["birds", "cats", "dogs"])
            features = {"image": tfds.features.Image(), "label": label}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, _):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for path in paths:
                yield str(path), {"image": path, "label": path.parent.name}

    builder = Pets(data_dir=tmp_path / "tfds", file_format="array_record")
    builder.download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name: {"pets": builder}[name])
    command = ("--tfds", "pets", "--output", tmp_path / "out", *_QUICK, "--epochs", 1)
    result = _run(*command)
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "out" / "recipe.json").read_text())["data"]
    assert data["classes"] == ["birds", "cats", "dogs"]
    assert (data["training_images"], data["validation_images"]) == (29, 7)  # a fifth of 36
    again = _run(*command)
    assert "complete run of 1 epochs; nothing is trained" in again.output


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_set_of_tfds_in_the_order_of_its_source_warns_if_it_is_split(monkeypatch, part):
    from catdog_models.commands.train_data import from_tfds
    from catdog_models.training.recipes import RECIPES

    sizes = {name: SimpleNamespace(num_examples=5) for name in ("train[:80%]", "train[80%:]")}
    sizes |= {name: SimpleNamespace(num_examples=5) for name in ("train", part)}
    label = SimpleNamespace(names=["cats", "dogs"])
    info = SimpleNamespace(
        splits=sizes, features={"image": None, "label": label}, full_name="pets/1.0.0"
    )
    info.disable_shuffling = True
    tfds = SimpleNamespace(builder=lambda name: SimpleNamespace(info=info))
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", tfds)
    monkeypatch.setattr(
        catdog_data, "image_dataset_from_tfds", lambda *_, **__: None, raising=False
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from_tfds("pets", RECIPES["modern"], 0, None)
    said = [str(each.message) for each in caught]
    assert [text.split(" keeps its records")[0] for text in said] == ["pets/1.0.0"] * (
        part == "train"
    )


def test_tfds_has_its_own_classes_and_is_named_when_missing(monkeypatch, tmp_path):
    _refused(
        "a set of --tfds has its own",
        *("--tfds", "pets", "--classes", "a,b", "--output", tmp_path / "out"),
    )
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    _refused(
        "--tfds: needs tensorflow_datasets, which cannot be imported",
        *("--tfds", "pets", "--output", tmp_path / "out"),
    )
