"""Probabilities averaged over augmented views: means of what `model.predict` says of each."""

from __future__ import annotations

import json
from dataclasses import asdict

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import save_picture

from catdog_data import Augmentation, image_dataset_from_directory
from catdog_data.serving import augmented_views
from catdog_models.commands import predict as predict_cli
from catdog_models.evaluation.predict import Predictor, predict_files
from catdog_models.training.input_spec import InputSpec
from catdog_models.training.recipes import ORIGINAL_AUGMENTED, ORIGINAL_PLAIN, Distortions

SPEC = InputSpec(("cats", "dogs"), (12, 10), "bilinear", 1 / 255.0, crop_to_aspect_ratio=True)
MILD = Augmentation(horizontal_flip=True, rotation=5, zoom=(0.9, 1.1))


def save_run(folder, units, recipe):
    keras.utils.set_random_seed(1)
    activation = "sigmoid" if units == 1 else "softmax"
    layers = [keras.layers.Flatten(), keras.layers.Dense(units, activation=activation)]
    model = keras.Sequential([keras.Input((*SPEC.image_size, 3)), *layers])
    folder.mkdir()
    model.save(folder / "best.keras")
    SPEC.save(folder / "input.json")
    if recipe is not None:
        (folder / "recipe.json").write_text(json.dumps({"recipe": recipe.as_json()}))
    return folder, model


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files that are each alone in a folder, so that each is the first of a dataset."""
    root = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        save_picture(root / str(number) / f"{number}.jpg", (30 + number, 20), number)
    return root


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("runs") / "run", 1, ORIGINAL_AUGMENTED)


def by_hand(model, folder, augmentation, tta, seed):
    """The mean of what Keras predicts of the image itself, and of epochs 1, 2, ..."""
    options = {"image_size": SPEC.image_size, "rescale": SPEC.rescale, "seed": seed}
    options |= {"labels": None, "crop_to_aspect_ratio": True, "shuffle": False, "verbose": False}
    plain = image_dataset_from_directory(folder, **options)
    augmented = image_dataset_from_directory(folder, augmentation=augmentation, **options)
    views = [model.predict(plain, verbose=0)]
    views += [model.predict(augmented.resume(i, 0), verbose=0) for i in range(1, tta)]
    assert len({float(view[0, 0]) for view in views}) == tta
    return np.mean(views, axis=0)


def said(*arguments):
    result = CliRunner().invoke(predict_cli.main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return np.array([list(row["probabilities"].values()) for row in rows])


@pytest.mark.slow
def test_means_are_those_of_predict_over_augmented_datasets(run, pictures):
    folder, model = run
    got = said(folder, pictures, "--tta", 3, "--seed", 7, "--batch-size", 2)
    of_recipe = Augmentation(**asdict(ORIGINAL_AUGMENTED.distortions))
    for number in (0, 2):
        expected = by_hand(model, pictures / str(number), of_recipe, 3, 7)[0, 0]
        np.testing.assert_allclose(got[number], [1 - expected, expected], rtol=0, atol=1e-6)
    # Of a file by itself, they are the same.
    alone = said(folder, pictures / "2", "--tta", 3, "--seed", 7)
    np.testing.assert_allclose(alone[0], got[2], rtol=0, atol=1e-7)
    assert np.abs(said(folder, pictures, "--tta", 3, "--seed", 8) - got).max() > 1e-5


def test_a_mild_augmentation_for_models_of_any_origin(pictures, tmp_path):
    folder, model = save_run(tmp_path / "run", 2, None)
    arguments = ("--tta", 2, "--seed", 7, "--tta-augmentation", "mild")
    got = said(folder / "best.keras", pictures / "1", *arguments)
    expected = by_hand(model, pictures / "1", MILD, 2, 7)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_one_view_is_the_image_itself(run, pictures):
    np.testing.assert_array_equal(said(run[0], pictures, "--tta", 1), said(run[0], pictures))


def test_a_file_that_cannot_be_decoded_costs_no_other_its_label(run, pictures, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    arguments = [str(run[0]), str(tmp_path / "broken.jpg"), str(pictures / "0"), "--tta", "2"]
    result = CliRunner().invoke(predict_cli.main, arguments)
    assert result.exit_code == 1
    assert "broken.jpg' cannot be decoded" in result.stderr
    assert "0.jpg" in result.stdout


def test_what_cannot_be_augmented_is_refused(pictures, tmp_path):
    def refused(*arguments):
        result = CliRunner().invoke(predict_cli.main, [*map(str, arguments), "--tta", "2"])
        assert result.exit_code == 2, result.output
        return " ".join(result.output.split())

    without, _ = save_run(tmp_path / "without", 1, None)
    assert "recipe.json' must hold the recipe of the model" in refused(without, pictures)
    plain, _ = save_run(tmp_path / "plain", 1, ORIGINAL_PLAIN)
    assert "augments nothing" in refused(plain, pictures)
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").write_bytes(b"")
    assert "an exported model takes bytes" in refused(tmp_path / "export", pictures)
    predictor = Predictor(("cats", "dogs"), lambda contents: [[0.25, 0.75]])
    for wrong in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="`tta` must be a whole number"):
            predict_files(predictor, [], tta=wrong)
    with pytest.raises(ValueError, match="`tta` needs a model whose images can be augmented"):
        predict_files(predictor, [], tta=2)
    with pytest.raises(ValueError, match="`views` must be a whole number"):
        augmented_views(MILD, 8, 0, seed=1)
    with pytest.raises(ValueError, match="each image by itself"):
        augmented_views(Augmentation(mixup=0.5), 8, 2, seed=1)


def test_a_recipe_is_read_as_it_was_written(tmp_path):
    folder, _ = save_run(tmp_path / "run", 1, ORIGINAL_AUGMENTED)
    views = predict_cli.Views(2, "recipe", 1)
    assert views.distortions(folder) == ORIGINAL_AUGMENTED.distortions != Distortions()
