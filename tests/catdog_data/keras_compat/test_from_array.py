"""`flow` over arrays beside Keras' own: values of any range, and what is edited between batches."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from test_keras_parity import RECIPE, assert_in_step, assert_same

from catdog_data import ImageDataGenerator

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

COUNT, SIZE = 11, (14, 17)
OPTIONS = {
    "plain": {},
    "rescale": {"rescale": 1 / 255.0},
    "rescale of numpy": {"rescale": np.float64(1 / 255.0), "horizontal_flip": True},
    "columns mirrored": {"horizontal_flip": True},
    "both mirrored": {"horizontal_flip": True, "vertical_flip": True, "rescale": 0.3},
    "recipe": RECIPE,
    "some shifted": {"height_shift_range": [0, 0, 3], "horizontal_flip": True},
    "one side shifted": {"width_shift_range": 0.3, "vertical_flip": True},
    "constant": {**RECIPE, "fill_mode": "constant", "cval": -40.5},
    "reflect": {**RECIPE, "fill_mode": "reflect"},
    "wrap, nearest pixel": {**RECIPE, "fill_mode": "wrap", "interpolation_order": 0},
}
VALUES = {
    "bytes": lambda random, shape: random.integers(0, 256, shape, np.uint8),
    "float32": lambda random, shape: random.normal(0, 900, shape).astype(np.float32),
    "float64": lambda random, shape: random.normal(0.5, 0.2, shape),
}


def images(values="float64", channels=3, count=COUNT, size=SIZE):
    return VALUES[values](np.random.default_rng(5), (count, *size, channels))


def both(options, x, **flow):
    """Return (Keras' iterator, ours)."""
    flow = {"batch_size": 4, "seed": 7, **flow}
    return [
        generator(**options).flow(x, np.arange(len(x)), **flow)
        for generator in (KerasGenerator, ImageDataGenerator)
    ]


@pytest.mark.parametrize(
    ("values", "channels", "dtype"),
    [("bytes", 3, "float32"), ("float32", 4, "float32"), ("float64", 1, "float64")],
)
@pytest.mark.parametrize("name", OPTIONS)
def test_values_of_any_range(name, values, channels, dtype):
    options = {**OPTIONS[name], "dtype": dtype}
    assert_in_step(*both(options, images(values, channels)), batches=4)


@pytest.mark.parametrize("flow", [{"seed": None}, {"shuffle": False}, {"batch_size": 50}], ids=str)
@pytest.mark.parametrize("name", ["columns mirrored", "recipe", "some shifted"])
def test_orders_and_sizes_of_batches(name, flow):
    assert_in_step(*both(OPTIONS[name], images(), **flow), batches=7)


@pytest.mark.parametrize("name", ["both mirrored", "recipe"])
def test_channels_first(name):
    options = {**OPTIONS[name], "data_format": "channels_first"}
    assert_in_step(*both(options, np.moveaxis(images(), -1, 1)), batches=4)


def test_many_channels():
    assert_in_step(*both(OPTIONS["both mirrored"], images(channels=7)), batches=4)


@pytest.mark.parametrize("name", ["both mirrored", "recipe", "some shifted"])
def test_batches_large_enough_for_threads(name):
    x = images("bytes", count=20, size=(150, 151))
    assert_in_step(*both(OPTIONS[name], x, batch_size=16), batches=3)


@pytest.mark.parametrize("name", ["plain", "columns mirrored", "some shifted"])
def test_unmoved_values_keep_their_bits(name):
    strange = [np.nan, np.inf, -np.inf, -0.0, 1e-42, np.finfo(np.float32).max]
    x = np.random.default_rng(1).choice(np.float32(strange), (COUNT, *SIZE, 3))
    reference, ours = both(OPTIONS[name], x, batch_size=COUNT, shuffle=False)
    for _ in range(2):
        expected, got = (next(each)[0].view(np.uint32) for each in (reference, ours))
        sources = (x.view(np.uint32), x[:, :, ::-1].view(np.uint32))
        unmoved = [(expected == source).all(axis=(1, 2, 3)) for source in sources]
        unmoved = np.logical_or(*unmoved)
        assert unmoved.all() == (name != "some shifted")
        np.testing.assert_array_equal(got[unmoved], expected[unmoved])


@pytest.mark.parametrize("name", ["both mirrored", "recipe"])
def test_images_edited_and_exchanged_between_batches(name):
    iterators = both(OPTIONS[name], images())
    edits = [
        lambda it: it.x.__setitem__(slice(2, 9), 77.25),
        lambda it: setattr(it, "x", it.x[::-1]),
        lambda it: setattr(it, "x", np.asfortranarray(it.x)),
        lambda it: setattr(it, "x", images("float64")),
        lambda it: setattr(it, "x", images("bytes").astype("float32")[:, :9]),
    ]
    for edit in edits:
        assert_in_step(*iterators, batches=1)
        for each in iterators:
            edit(each)
    assert_in_step(*iterators, batches=2)


@pytest.mark.parametrize("name", ["plain", "columns mirrored", "recipe"])
def test_batches_belong_to_the_caller(name):
    reference, ours = both(OPTIONS[name], images("float32"))
    held = []
    for _ in range(7):
        held.append(next(ours)[0])
        np.testing.assert_array_equal(held[-1], next(reference)[0])
        held[-1][...] = -7
    assert all((batch == -7).all() for batch in held)
    np.testing.assert_array_equal(ours.x, reference.x)


@pytest.mark.parametrize("name", ["both mirrored", "recipe"])
def test_by_index_and_pickled(name):
    reference, ours = both(OPTIONS[name], images())
    for idx in (2, 0, 1):
        assert_same(reference[idx], ours[idx])
    ours = pickle.loads(pickle.dumps(ours))
    assert_same(reference[2], ours[2])


@pytest.mark.parametrize("chosen", [[-1, 2], [0] * 9, []], ids=str)
@pytest.mark.parametrize("name", ["both mirrored", "recipe"])
@pytest.mark.parametrize("as_type", [list, lambda chosen: np.array(chosen, int)])
def test_samples_of_the_users_own(name, chosen, as_type):
    made = []
    for each in both(OPTIONS[name], images()):
        np.random.seed(3)
        made.append(each._get_batches_of_transformed_samples(as_type(chosen)))
    assert_same(*made)
    with pytest.raises(IndexError):
        each._get_batches_of_transformed_samples(np.array([COUNT]))
