"""`catdog-train --folds` and `--balance`: which images, resumed exactly, refused by name."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import save_picture
from tensorflow.python.framework.config import disable_op_determinism

from catdog_models.commands import train as cli
from catdog_models.commands import train_folds

COUNTS = {"cats": 9, "dogs": 4}


@pytest.fixture(autouse=True)
def _determinism_ends_with_the_test():
    yield
    disable_op_determinism()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Uneven classes for training, and a folder for validation."""
    root = tmp_path_factory.mktemp("uneven")
    for part, counts in (("train", COUNTS), ("validation", {"cats": 2, "dogs": 2})):
        for name, count in counts.items():
            for i in range(count):
                save_picture(root / part / name / f"{i}.png", (9, 7), i)
    return root


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture
def read(monkeypatch):
    """Run the command up to its data; return these by fold, and what was said."""

    def read(*arguments):
        seen = []
        for module in (cli, train_folds):
            monkeypatch.setattr(module, "train_and_report", lambda data, _: seen.append(data))
        monkeypatch.setattr("catdog_models.evaluation.folds_report.report_folds", lambda *_: None)
        monkeypatch.setattr(train_folds, "_print_table", lambda _: None)
        result = run(*arguments, "--image-size", 32)
        assert result.exit_code == 0, result.output
        return seen, result.output

    return read


def files_of(data):
    return [set(part.file_paths) for part in (data.training, data.validation)]


def test_every_image_of_the_training_folder_is_validated_once(read, root, tmp_path):
    arguments = ("--data", root, "--output", tmp_path / "out", "--folds", 3)
    folds, said = read(*arguments)
    every = {str(path) for path in (root / "train").rglob("*.png")}
    assert len(folds) == 3
    for data in folds:
        training, validation = files_of(data)
        assert training | validation == every
        assert not training & validation
        assert sum("dogs" in path for path in validation) in (1, 2)
    assert sum(len(files_of(data)[1]) for data in folds) == len(every)
    assert f"'{root / 'validation'}' is left out" in said
    splits = [data.as_json()["split"] for data in folds]
    assert splits[1] == "fold 1 of 3 of each class, in the order of a hash of names"
    # Of files that are left out, there are fewer in the folds.
    (tmp_path / "bad.txt").write_text("train/cats/0.png\nvalidation/cats/0.png\n")
    folds, _ = read(
        *arguments[:2],
        *("--output", tmp_path / "o", "--folds", 2, "--cache", "memory"),
        "--exclude",
        tmp_path / "bad.txt",
    )
    assert sum(data.images[1] for data in folds) == len(every) - 1


def test_folds_share_a_cache(read, root, tmp_path):
    cache = tmp_path / "cache"
    arguments = ("--data", root, "--folds", 2, "--cache", cache, "--recipe", "original-plain")
    _, said = read(*arguments, "--output", tmp_path / "out")
    assert said.count("Decoding") == 1
    assert "Decoding 13 images" in said
    assert len(list(cache.glob("*/pack.json"))) == 1


@pytest.mark.parametrize(
    ("balance", "counts"), [("oversample", [9, 9]), ("undersample", [4, 4]), ("weights", [9, 4])]
)
def test_what_is_balanced(read, root, tmp_path, balance, counts):
    (data,), _ = read("--data", root, "--output", tmp_path / "out", "--balance", balance)
    labels = np.concatenate([labels.numpy().ravel() for _, labels in data.training])
    assert np.bincount(labels.astype(int)).tolist() == counts
    assert data.images_per_epoch == sum(counts)
    assert data.images == (13, 4)
    assert data.as_json()["balance"] == balance
    weights = {0: 13 / 18, 1: 13 / 8}
    assert data.class_weight() == (weights if balance == "weights" else None)


def test_the_record_of_a_plain_run_is_as_it_was(read, root, tmp_path):
    (data,), _ = read("--data", root, "--output", tmp_path / "out")
    assert set(data.as_json()) == {"classes", "training_images", "validation_images", "digest"}


def test_wrong_options(root, tmp_path):
    arguments = ("--data", root, "--output", tmp_path / "out")
    for message, options in (
        ("'--folds': 1 is not in the range", ("--folds", 1)),
        ("'--balance': 'evenly' is not one of", ("--balance", "evenly")),
        ("--image-size: image_size must be", ("--folds", 2, "--image-size", 4)),
        ("14 folds need at least 14 files", ("--folds", 14)),
    ):
        result = run(*arguments, *options)
        assert result.exit_code == 2, result.output
        assert message in " ".join(result.output.split())
        assert not (tmp_path / "out").exists()


def test_folds_of_a_set_of_tfds():
    from catdog_models.commands.train_data import _tfds_splits

    info = SimpleNamespace(
        splits={"train": SimpleNamespace(num_examples=10), "test": None}, disable_shuffling=False
    )
    assert [_tfds_splits(info, (i, 3)) for i in range(3)] == [
        ("train[3:]", "train[0:3]"),
        ("train[:3]+train[6:]", "train[3:6]"),
        ("train[:6]", "train[6:10]"),
    ]
    assert _tfds_splits(info, None) == ("train", "test")
    with pytest.raises(ValueError, match="11 folds need at least 11 images"):
        _tfds_splits(info, (0, 11))


@pytest.mark.slow
def test_folds_that_were_interrupted_end_as_if_they_were_not(monkeypatch, tmp_path):
    import keras

    # Whole batches: a run that goes on with a smaller one may differ in the last bit.
    for name, count in (("cats", 10), ("dogs", 6)):
        for i in range(count):
            save_picture(tmp_path / "pets" / name / f"{i}.png", (9, 7), i)
    plain = ("--data", tmp_path / "pets", "--epochs", 2, "--image-size", 24, "--batch-size", 4)
    plain += ("--recipe", "original-augmented", "--balance", "weights", "--seed", 3)
    options = (*plain, "--folds", 2)
    whole = run(*options, "--output", tmp_path / "whole")
    assert whole.exit_code == 0, whole.output
    assert "standard deviation" in whole.output

    class KilledError(Exception):
        pass

    from catdog_data.training.checkpoint import InputPosition

    def killed(self, batch, logs=None, original=InputPosition.on_train_batch_end):
        original(self, batch, logs)
        if "fold-1" in str(self._path) and (self.position.epoch, self.position.step) == (1, 1):
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(InputPosition, "on_train_batch_end", killed)
        cut = run(*options, "--output", tmp_path / "cut", "--save-every", 1e-6)
        assert isinstance(cut.exception, KilledError)
    again = run(*options, "--output", tmp_path / "cut")
    assert again.exit_code == 0, again.output
    assert "fold-0 holds a complete run" in " ".join(again.output.split())
    assert "going on with epoch 2, step 2" in again.output
    for fold in ("fold-0", "fold-1"):
        weights = [
            keras.models.load_model(tmp_path / place / fold / "last.keras").get_weights()
            for place in ("whole", "cut")
        ]
        for one, other in zip(*weights, strict=True):
            np.testing.assert_array_equal(one, other)
    # Neither the folder nor its folds are taken for something else.
    for other in (("--folds", 3), ("--folds", 2, "--seed", 4)):
        refused = run(*options, *other, "--output", tmp_path / "cut")
        assert refused.exit_code == 2
        assert "holds a run with other settings" in refused.output
    refused = run(*plain, "--output", tmp_path / "cut")
    assert refused.exit_code == 2, refused.output
    assert "folds was 2 and is now nothing" in " ".join(refused.output.split())
    assert json.loads((tmp_path / "cut" / "recipe.json").read_text())["folds"] == 2


@pytest.mark.slow
def test_weights_reach_the_loss(root, tmp_path):
    """Of an untrained network, the mean loss is that of the weighed images, by NumPy."""
    import keras

    from catdog_models.training.results import EpochResults
    from catdog_models.training.training import train

    images = np.random.default_rng(1).uniform(size=(6, 2)).astype("float32")
    labels = np.array([[0], [1], [1], [1], [0], [1]], "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy", metrics=["accuracy"])
    import tensorflow as tf

    data = tf.data.Dataset.from_tensors((images, labels))
    results = EpochResults(tmp_path, data)
    train(model, data, results, epochs=1, class_weight={0: 3.0, 1: 0.5})
    of_one = model.predict(images, verbose=0)
    losses = -np.log(np.where(labels == 1, of_one, 1 - of_one)).ravel()
    expected = np.mean(losses * np.where(labels.ravel() == 1, 0.5, 3.0))
    assert results.rows[0]["loss"] == pytest.approx(expected, rel=1e-5)
