"""A `preprocessing_function`: in the graph where known or marked, else called as Keras does."""

from __future__ import annotations

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from test_keras_parity import RECIPE, assert_in_step, pair

from catdog_data import ImageDataGenerator
from catdog_data.keras_compat import SlowPathWarning, traceable

NETWORKS = sorted(
    name
    for name in dir(keras.applications)
    if hasattr(getattr(keras.applications, name), "preprocess_input")
)
native = pytest.mark.filterwarnings("error::catdog_data.keras_compat.SlowPathWarning")
_OF_EACH_KIND = ("resnet", "densenet", "mobilenet_v2", "efficientnet")
calling = pytest.mark.filterwarnings("ignore::catdog_data.keras_compat.SlowPathWarning")
GEOMETRY = {name: value for name, value in RECIPE.items() if name != "rescale"}


@native
@pytest.mark.parametrize(
    "network",
    [
        # One of each kind; the others do the same arithmetic.
        name if name in _OF_EACH_KIND else pytest.param(name, marks=pytest.mark.slow)
        for name in NETWORKS
    ],
)
def test_preprocess_input_runs_in_the_pipeline(photos, network):
    function = getattr(keras.applications, network).preprocess_input
    reference, ours = pair(photos, {"preprocessing_function": function, **RECIPE}, {})
    assert_in_step(reference, ours, batches=3)
    in_graph = next(iter(ours.epoch_dataset()))
    assert in_graph[0].dtype == tf.float32


@pytest.mark.parametrize(
    "flow", [{"color_mode": "rgba"}, {"interpolation": "bicubic"}, {}], ids=str
)
@pytest.mark.parametrize("options", [{}, {"samplewise_center": True}], ids=str)
def test_preprocess_input_beside_other_options(photos, options, flow):
    function = keras.applications.mobilenet_v2.preprocess_input
    options = {**options, "preprocessing_function": function, "channel_shift_range": 20, **GEOMETRY}
    assert_in_step(*pair(photos, options, flow), batches=5)


def halved(x):
    return x / 2 + tf.cast(tf.shape(x)[0], tf.float32)


def halved_in_numpy(x):
    return x / 2 + np.float32(x.shape[0])


@native
@pytest.mark.parametrize("options", [RECIPE, {"samplewise_center": True}], ids=str)
def test_a_marked_function(photos, options):
    marked = traceable(halved)
    reference, ours = pair(photos, options, {})
    reference.image_data_generator.preprocessing_function = halved_in_numpy
    ours.image_data_generator.preprocessing_function = marked
    for _ in range(6):
        (images, labels), (expected, same) = next(ours), next(reference)
        np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(labels, same)


@native
def test_a_marked_function_on_arrays():
    x = np.random.default_rng(0).uniform(0, 255, (9, 6, 5, 3))
    flows = [
        generator(preprocessing_function=function, **RECIPE).flow(x, batch_size=4, seed=3)
        for generator, function in (
            (KerasGenerator, halved_in_numpy),
            (ImageDataGenerator, traceable(halved)),
        )
    ]
    for _ in range(4):
        expected, got = (next(flow) for flow in flows)
        np.testing.assert_allclose(got, expected, rtol=1e-5)


class Counting:
    """Draws from NumPy's stream from some call on, and notes what it saw."""

    def __init__(self, first_draw):
        self.first_draw, self.calls = first_draw, itertools.count()
        self.seen = []

    def __call__(self, x):
        self.seen.append(x.copy())
        return x + np.random.random() if next(self.calls) >= self.first_draw else x * 0.5


@calling
@pytest.mark.parametrize("seed", [2020, None])
@pytest.mark.parametrize("first_draw", [0, 6, 10, 10**6])
@pytest.mark.parametrize("way", ["next", "index"])
def test_a_function_is_called_once_an_image_on_keras_values(photos, way, first_draw, seed):
    outcomes = []
    for flow in pair(photos, RECIPE, {"seed": seed}):
        np.random.seed(11)
        function = Counting(first_draw)
        flow.image_data_generator.preprocessing_function = function
        take = flow.__next__ if way == "next" else functools.partial(flow.__getitem__, 2)
        batches = [take() for _ in range(7)]
        outcomes.append((batches, function.seen, np.random.random_sample(2)))
    (expected, seen, left), (got, seen_by_ours, left_by_ours) = outcomes
    assert len(seen) == len(seen_by_ours)
    for reference, image in zip(seen, seen_by_ours, strict=True):
        np.testing.assert_array_equal(image, reference)
        assert image.mean() == reference.mean()
    for reference, batch in zip(expected, got, strict=True):
        np.testing.assert_array_equal(batch[0], reference[0])
    np.testing.assert_array_equal(left_by_ours, left)


@calling
@pytest.mark.parametrize("seed", [2020, None])
@pytest.mark.parametrize("first_draw", [9, 10**6])
@pytest.mark.slow
def test_a_function_under_fit(photos, first_draw, seed):
    losses = []
    for flow in pair(photos, RECIPE, {"seed": seed, "shuffle": False}):
        keras.utils.set_random_seed(5)
        flow.image_data_generator.preprocessing_function = Counting(first_draw)
        model = keras.Sequential([keras.Input((26, 22, 3)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(1))
        model.compile("sgd", "mse")
        history = model.fit(flow, epochs=3, shuffle=False, verbose=0).history["loss"]
        losses.append((history, np.random.random_sample(2).tolist()))
    np.testing.assert_allclose(losses[1][0], losses[0][0], rtol=1e-5)
    assert losses[1][1] == losses[0][1]


def test_the_cost_of_a_function_is_named(photos):
    _, ours = pair(photos, {"preprocessing_function": halved_in_numpy}, {})
    with pytest.warns(SlowPathWarning, match=r"calls `preprocessing_function`.*traceable"):
        next(ours)
