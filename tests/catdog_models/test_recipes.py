import json
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest

from catdog_data import Augmentation, ImageDataGenerator
from catdog_models.networks.building import build_from_recipe
from catdog_models.training.averaging import averaged_weights
from catdog_models.training.recipes import (
    MODERN,
    ORIGINAL_AUGMENTED,
    ORIGINAL_PLAIN,
    RECIPES,
    Distortions,
    Optimisation,
)

STEPS = 10


def _augmentation(recipe):
    return Augmentation(**asdict(recipe.distortions))


def test_recipes_are_found_by_their_names():
    assert [(name, recipe.name) for name, recipe in RECIPES.items()] == [
        (name, name) for name in ("original-plain", "original-augmented", "modern")
    ]


def test_without_distortions_nothing_is_distorted():
    assert Augmentation(**asdict(Distortions())) == Augmentation()
    assert _augmentation(ORIGINAL_PLAIN) == Augmentation()


def test_original_distortions_are_those_of_its_image_data_generator():
    notebook = ImageDataGenerator(
        horizontal_flip=True, rotation_range=30, shear_range=0.15, zoom_range=0.3
    )
    assert _augmentation(ORIGINAL_AUGMENTED) == Augmentation.from_keras(notebook)


def test_modern_distortions_are_an_augmentation():
    augmentation = _augmentation(MODERN)
    assert augmentation.moves_pixels
    assert augmentation.recolours


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_all_values_are_in_the_json(recipe):
    content = json.loads(json.dumps(recipe.as_json()))
    assert content == recipe.as_json()
    assert set(content) == set(asdict(recipe))
    assert set(content["distortions"]) == set(asdict(recipe.distortions))
    assert set(content["optimisation"]) == set(asdict(recipe.optimisation))


def test_the_notebooks_mistakes_are_made_only_if_asked():
    for recipe in RECIPES.values():
        assert not recipe.probabilities_as_logits
        assert not recipe.distort_validation
    plain, augmented = ORIGINAL_PLAIN.to_the_letter(), ORIGINAL_AUGMENTED.to_the_letter()
    assert plain.probabilities_as_logits
    assert augmented.probabilities_as_logits
    assert (plain.distort_validation, augmented.distort_validation) == (False, True)
    with pytest.raises(
        ValueError, match=r"original-plain, original-augmented\. Received: 'modern'"
    ):
        MODERN.to_the_letter()


def test_loss_to_the_letter_cannot_fall_below_031():
    labels, perfect = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])
    losses = [
        float(build_from_recipe(recipe, 2, STEPS).loss(labels, perfect))
        for recipe in (
            replace(ORIGINAL_PLAIN, image_size=(22, 22)),
            replace(ORIGINAL_PLAIN.to_the_letter(), image_size=(22, 22)),
        )
    ]
    # A sigmoid of 0 and of 1 for the two: log(2) and log(1 + 1/e), of which this is the mean.
    assert losses == pytest.approx([0, (np.log(2) + np.log1p(np.exp(-1))) / 2], abs=1e-6)


def test_learning_rate_rises_in_a_line_and_falls_by_a_cosine():
    recipe = replace(MODERN, image_size=(16, 16), epochs=8)
    highest = recipe.optimisation.learning_rate
    rising = round(recipe.optimisation.warm_up * STEPS)
    rate = build_from_recipe(recipe, 2, STEPS).optimizer._learning_rate
    steps = np.arange(8 * STEPS + 1)
    line = highest * (0.01 + 0.99 * steps / rising)
    wave = highest * (1 + np.cos(np.pi * (steps - rising) / (8 * STEPS - rising))) / 2
    expected = np.where(steps < rising, line, wave)
    np.testing.assert_allclose([float(rate(step)) for step in steps], expected, atol=1e-8)


def test_original_learning_rate_stays():
    model = build_from_recipe(replace(ORIGINAL_PLAIN, image_size=(22, 22)), 2, STEPS)
    assert type(model.optimizer) is keras.optimizers.Adam
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert model.optimizer.weight_decay is None
    assert not model.optimizer.use_ema


def test_one_short_epoch_has_a_schedule():
    build_from_recipe(replace(MODERN, image_size=(16, 16), epochs=1), 2, 1)


def test_weights_decay_and_biases_do_not():
    recipe = replace(
        MODERN,
        model="original",
        image_size=(22, 22),
        optimisation=Optimisation(optimizer="adamw", learning_rate=0.1, weight_decay=0.5),
    )
    model = build_from_recipe(recipe, 2, STEPS)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    nothing = [np.zeros(variable.shape, "f") for variable in model.trainable_variables]
    model.optimizer.apply(nothing, model.trainable_variables)
    for variable in model.trainable_variables:
        left = 1 - 0.1 * 0.5 if variable.name == "kernel" else 1
        np.testing.assert_allclose(variable.numpy(), left, rtol=1e-6, err_msg=variable.path)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_averaged_weights_are_put_in_and_taken_out_again(precision):
    policy = keras.dtype_policies.DTypePolicy(precision)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, dtype=policy)])
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75)
    if precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1.0)
    model.compile(optimizer, "mse")
    rng = np.random.default_rng(0)
    average = None
    for _ in range(4):
        model.train_on_batch(rng.normal(size=(8, 3)), rng.normal(size=(8, 1)))
        own = model.get_weights()
        average = (
            own
            if average is None
            else [0.75 * mean + 0.25 * new for mean, new in zip(average, own, strict=True)]
        )
    with pytest.raises(KeyError), averaged_weights(model):
        for ours, theirs in zip(model.get_weights(), average, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)
        raise KeyError
    for ours, theirs in zip(model.get_weights(), own, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_averages_nothing_is_put_in():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    with averaged_weights(model):
        np.testing.assert_array_equal(model.get_weights()[0], before[0])
