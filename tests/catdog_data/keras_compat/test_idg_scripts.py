"""What scripts do with `ImageDataGenerator` and its iterators, beside Keras' own classes.

Subclasses and patched methods, copies, threads, saved files, public names and module functions:
a script that was written for Keras must find the same here.
"""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
import threading
import warnings

import keras
import numpy as np
import pytest
from conftest import save_picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras._tf_keras.keras.preprocessing import image as keras_image
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from PIL import Image
from test_keras_parity import FLOW, RECIPE, assert_in_step, assert_same, pair

import catdog_data
from catdog_data import ImageDataGenerator, keras_compat
from catdog_data.keras_compat import SlowPathWarning, from_keras

pytestmark = pytest.mark.filterwarnings(
    "ignore::catdog_data.keras_compat.SlowPathWarning", "ignore::DeprecationWarning"
)

IMAGES = np.random.default_rng(3).integers(0, 256, (11, 14, 17, 3)).astype("float32")
LABELS = np.random.default_rng(4).integers(0, 2, 11)
GENERATORS = (KerasGenerator, ImageDataGenerator)
MODULES = (keras_image, keras_compat)
SLOW = {**RECIPE, "channel_shift_range": 40.0, "samplewise_center": True}


def flow_of(generator, photos, kind, **options):
    """Make a flow of a generator over the photos or over the array."""
    if kind == "directory":
        return generator.flow_from_directory(str(photos), **{**FLOW, **options})
    return generator.flow(IMAGES, LABELS, **{"batch_size": 4, "seed": 7, **options})


def flows(photos, kind, options=RECIPE, **flow):
    """Return (Keras' iterator, ours)."""
    return [flow_of(generator(**options), photos, kind, **flow) for generator in GENERATORS]


both_kinds = pytest.mark.parametrize("kind", ["directory", "array"])
# An iterator of each way to work: the native pipeline, NumPy in threads, one image in turn.
WAYS = {
    "native": ("directory", RECIPE),
    "threads": ("directory", SLOW),
    "array": ("array", RECIPE),
    "in turn": ("array", {**RECIPE, "preprocessing_function": np.sqrt}),
}
every_way = pytest.mark.parametrize("way", WAYS)


def hooks_of(base, calls):
    """Write overrides of all four hooks that change what they see and record it."""

    def get_random_transform(self, img_shape, seed=None):
        drawn = base.get_random_transform(self, img_shape, seed)
        calls.append(("get", tuple(img_shape), seed, repr(drawn)))
        return {**drawn, "theta": drawn["theta"] + 10 * np.random.random()}

    def apply_transform(self, x, transform_parameters):
        calls.append(("apply", x.tobytes(), x.dtype, repr(transform_parameters)))
        return base.apply_transform(self, x, transform_parameters)[::-1]

    def random_transform(self, x, seed=None):
        calls.append(("random", x.tobytes(), seed))
        return base.random_transform(self, x, seed) + 1

    def standardize(self, x):
        calls.append(("standardize", x.tobytes(), x.dtype, x.shape))
        return base.standardize(self, x) + np.random.random()

    made = (get_random_transform, apply_transform, random_transform, standardize)
    return {function.__name__: function for function in made}


HOOKS = ["get_random_transform", "apply_transform", "random_transform", "standardize"]


def overriding(base, names):
    """Make an instance of a subclass that overrides some hooks, and the list of its calls."""
    calls = []
    hooks = hooks_of(base, calls)
    return type("Mine", (base,), {name: hooks[name] for name in names})(**RECIPE), calls


@both_kinds
@pytest.mark.parametrize("seed", [7, None])
@pytest.mark.parametrize("names", [*([name] for name in HOOKS), HOOKS], ids="+".join)
def test_subclass_of_the_generator(photos, names, seed, kind):
    (reference, expected), (ours, calls) = (overriding(base, names) for base in GENERATORS)
    np.random.seed(2)
    iterators = [flow_of(each, photos, kind, seed=seed) for each in (reference, ours)]
    assert_in_step(*iterators, batches=4)
    assert calls == expected
    assert bool(calls) == (names != ["random_transform"])


@pytest.mark.parametrize("names", [*([name] for name in HOOKS), HOOKS], ids="+".join)
def test_fit_of_the_generator_calls_overrides(names):
    generators = [overriding(base, names) for base in GENERATORS]
    for generator, _ in generators:
        generator.featurewise_center = True
        generator.fit(IMAGES, augment=True, rounds=2, seed=4)
    (reference, expected), (ours, calls) = generators
    assert calls == expected
    np.testing.assert_array_equal(ours.mean, reference.mean)


def patch(generator, names):
    calls = []
    hooks = hooks_of(type(generator), calls)
    for name in names:
        setattr(generator, name, hooks[name].__get__(generator))
    return calls


@both_kinds
@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("name", ["get_random_transform", "apply_transform", "standardize"])
def test_methods_patched_on_the_instance(photos, name, before, kind):
    reference, ours = flows(photos, kind)
    assert_in_step(reference, ours, batches=before)
    expected, calls = (patch(each.image_data_generator, [name]) for each in (reference, ours))
    assert_in_step(reference, ours, batches=3)
    assert calls == expected
    assert calls
    for each in (reference, ours):
        delattr(each.image_data_generator, name)
    assert_in_step(reference, ours, batches=3)


def mixing(base):
    """Make a subclass that blends every batch with itself reversed."""

    class Mixing(base):
        def _get_batches_of_transformed_samples(self, index_array):
            images, labels = super()._get_batches_of_transformed_samples(index_array)
            share = np.random.beta(0.4, 0.4)
            return images * share + images[::-1] * (1 - share), labels

    return Mixing


def mixed(photos, kind, seed=3):
    """Return (Keras' iterator, ours), both of a subclass that is constructed directly."""
    made = []
    for module in MODULES:
        generator = module.ImageDataGenerator(**RECIPE)
        flow = {"batch_size": 4, "shuffle": True, "seed": seed}
        if kind == "directory":
            size = {"target_size": (14, 17), "class_mode": "binary"}
            made.append(mixing(module.DirectoryIterator)(str(photos), generator, **size, **flow))
        else:
            made.append(mixing(module.NumpyArrayIterator)(IMAGES, LABELS, generator, **flow))
    return made


@both_kinds
@pytest.mark.parametrize("seed", [3, None])
def test_subclass_of_an_iterator(photos, kind, seed):
    np.random.seed(8)
    assert_in_step(*mixed(photos, kind, seed), batches=6)


def counting(base):
    class Counting(base):
        def _get_batches_of_transformed_samples(self, index_array):
            x = index_array[:, None].astype("float32") / 10
            return x, x**2 + np.random.random()

    return Counting(11, 4, True, 5)


def test_subclass_of_the_base_iterator():
    reference, ours = (counting(module.Iterator) for module in MODULES)
    assert_in_step(reference, ours, batches=8)
    assert_same(reference[1], ours[1])
    assert len(ours) == len(reference) == 3


def test_base_iterator_alone_makes_no_batches():
    with pytest.raises(NotImplementedError):
        next(keras_compat.Iterator(4, 2, False, None))


def dense(shape):
    keras.utils.set_random_seed(1)
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(1e-7), "mse")
    return model


def assert_fits_alike(reference, ours, shape):
    outcomes = []
    for flow in (reference, ours):
        model = dense(shape)
        history = model.fit(flow, epochs=3, shuffle=False, verbose=0).history["loss"]
        outcomes.append((history, *model.get_weights()))
        outcomes[-1] += (flow.total_batches_seen, flow.index_array, np.random.random_sample())
    for expected, got in zip(*outcomes, strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-6)
    assert len(set(outcomes[0][0])) == 3


@both_kinds
@pytest.mark.parametrize("seed", [3, None])
def test_subclass_of_an_iterator_under_fit(photos, kind, seed):
    assert_fits_alike(*mixed(photos, kind, seed), (14, 17, 3))


def test_subclass_of_the_base_iterator_under_fit():
    reference, ours = (counting(module.Iterator) for module in MODULES)
    losses = []
    for flow in (reference, ours):
        model = dense((1,))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        losses.append(model.fit(flow, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-6)


@pytest.mark.parametrize("seed", [7, None])
@pytest.mark.parametrize("options", [RECIPE, SLOW], ids=["recipe", "slow"])
def test_fit_on_an_array_flow_has_keras_history(photos, options, seed):
    assert_fits_alike(*flows(photos, "array", options, seed=seed), (14, 17, 3))


def speckled(x):
    return x * np.random.choice([0, 1, 2], x.shape).astype("float32")


@both_kinds
@pytest.mark.parametrize("seed", [7, None])
def test_preprocessing_that_draws_stays_between_the_transforms(photos, kind, seed):
    np.random.seed(1)
    options = {**RECIPE, "preprocessing_function": speckled}
    assert_in_step(*flows(photos, kind, options, seed=seed), batches=6)


@both_kinds
def test_preprocessing_set_and_removed_between_batches(photos, kind):
    iterators = flows(photos, kind)
    for function in (None, speckled, None):
        for each in iterators:
            each.image_data_generator.preprocessing_function = function
        assert_in_step(*iterators, batches=2)


@both_kinds
def test_fitted_after_the_flow_exists(photos, kind):
    options = {"featurewise_center": True, "featurewise_std_normalization": True, **RECIPE}
    iterators = flows(photos, kind, options)
    with pytest.warns(UserWarning, match="hasn't been fit"):
        assert_in_step(*iterators, batches=2)
    for each in iterators:
        each.image_data_generator.fit(IMAGES, seed=2)
    assert_in_step(*iterators, batches=2)
    for each in iterators:
        each.image_data_generator.std = np.full((1, 1, 3), 3.0)
    assert_in_step(*iterators, batches=2)


def overwrite(batch):
    for array in batch:
        array[...] = -7


@every_way
def test_edited_batches_disturb_nothing(photos, way):
    kind, options = WAYS[way]
    reference, ours = flows(photos, kind, options)
    expected = [copy.deepcopy(next(reference)) for _ in range(9)]
    held = []
    for batch in expected:
        got = next(ours)
        assert_same(batch, got)
        overwrite(got)
        held.append(got)
    assert all((array == -7).all() for batch in held for array in batch)
    assert_same(reference[1], ours[1])


@every_way
def test_held_batches_are_never_reused(photos, way):
    kind, options = WAYS[way]
    reference, ours = flows(photos, kind, options)
    held = [next(ours) for _ in range(9)]
    for got in held:
        assert_same(next(reference), got)


def test_labels_that_are_the_input_are_a_copy(photos):
    for options in (RECIPE, SLOW):
        images, labels = next(flows(photos, "directory", options, class_mode="input")[1])
        kept = labels.copy()
        images[...] = -1
        np.testing.assert_array_equal(labels, kept)


@pytest.mark.parametrize("options", [RECIPE, SLOW], ids=["recipe", "slow"])
def test_going_on_after_a_broken_file(tmp_path, options):
    for i in range(12):
        save_picture(tmp_path / "cats" / f"{i:02}.jpg", (20, 20), i)
    (tmp_path / "cats" / "05.jpg").write_bytes(b"no picture")
    iterators = pair(tmp_path, options, {"shuffle": False})
    for _ in range(2):
        assert_same(*(next(each) for each in iterators))
        for each in iterators:
            with pytest.raises(OSError, match="cannot identify" if each is iterators[0] else "05"):
                next(each)
        assert_same(*(next(each) for each in iterators))
    assert iterators[0].total_batches_seen == iterators[1].total_batches_seen


@both_kinds
def test_going_on_after_a_function_failed(photos, kind):
    iterators = flows(photos, kind, RECIPE)
    for each in iterators:
        each.image_data_generator.preprocessing_function = lambda x: 1 / 0
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                next(each)
        each.image_data_generator.preprocessing_function = None
    assert_in_step(*iterators, batches=4)


def images_and_masks(photos, generator, seed):
    flow = {**FLOW, "class_mode": None, "seed": seed}
    images = generator(**RECIPE).flow_from_directory(str(photos), **flow)
    geometry = {name: value for name, value in RECIPE.items() if name != "rescale"}
    masks = generator(**geometry, interpolation_order=0).flow_from_directory(
        str(photos), color_mode="grayscale", **flow
    )
    return images, masks


def test_images_and_masks_of_one_seed_stay_in_step(photos):
    reference, ours = (images_and_masks(photos, each, 9) for each in GENERATORS)
    for _ in range(8):
        expected, got = (next(zip(*each, strict=False)) for each in (reference, ours))
        assert_same(expected, got)
        assert got[0].shape[:3] == got[1].shape[:3]
    np.testing.assert_array_equal(ours[0].index_array, ours[1].index_array)


def from_threads(take, each):
    """Call `take` from four threads, `each` times in each, and sort what it returned."""
    seen = []
    threads = [
        threading.Thread(target=lambda: seen.extend(take() for _ in range(each))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(seen)


@every_way
def test_four_threads_see_the_batches_of_one(photos, way):
    kind, options = WAYS[way]
    reference, ours = flows(photos, kind, options)
    expected = sorted(next(reference)[0].tobytes() for _ in range(24))
    assert from_threads(lambda: next(ours)[0].tobytes(), each=6) == expected


def test_images_and_masks_zipped_in_threads(photos):
    reference, ours = (images_and_masks(photos, each, 9) for each in GENERATORS)
    lock = threading.Lock()

    def take():
        with lock:
            return next(ours[0]).tobytes() + next(ours[1]).tobytes()

    expected = sorted(
        next(reference[0]).tobytes() + next(reference[1]).tobytes() for _ in range(12)
    )
    assert from_threads(take, each=3) == expected


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda each: pickle.loads(pickle.dumps(each)),
}


def following(iterator, state, count):
    """Return the arrays of the next batches from a state of the stream, and what is then drawn."""
    np.random.set_state(state)
    return [*(array for _ in range(count) for array in next(iterator)), np.random.random_sample()]


@every_way
@pytest.mark.parametrize(("how", "seed"), [("deepcopy", 7), ("pickle", 7), ("deepcopy", None)])
@pytest.mark.slow
def test_copies_go_on_from_the_middle_of_an_epoch(photos, way, how, seed):
    kind, options = WAYS[way]
    np.random.seed(6)
    reference, ours = flows(photos, kind, options, seed=seed)
    assert_in_step(reference, ours, batches=2)
    twin = COPIES[how](ours)
    assert twin.lock is not ours.lock
    assert twin.image_data_generator is not ours.image_data_generator
    state = np.random.get_state()
    expected, *others = (following(each, state, 5) for each in (reference, ours, twin))
    for got in others:
        for left, right in zip(expected, got, strict=True):
            np.testing.assert_array_equal(left, right)


@every_way
def test_a_copy_by_index(photos, way):
    kind, options = WAYS[way]
    reference, ours = flows(photos, kind, options)
    assert_same(reference[1], ours[1])
    twin = copy.deepcopy(ours)
    for idx in (0, 2):
        expected = reference[idx]
        assert_same(expected, twin[idx])
        assert_same(expected, ours[idx])


def saved(folder):
    return {path.name: np.asarray(Image.open(path)) for path in folder.iterdir()}


@both_kinds
@pytest.mark.parametrize("save_format", ["png", "bmp"])
def test_save_to_dir(photos, tmp_path, kind, save_format):
    folders, left = [], []
    for name, generator in zip(("keras", "ours"), GENERATORS, strict=True):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        target = {"save_to_dir": str(folders[-1]), "save_format": save_format}
        flow = flow_of(generator(**RECIPE), photos, kind, save_prefix="augmented", **target)
        for _ in range(4):
            next(flow)
        flow[1]
        left.append(np.random.random_sample())
    assert left[0] == left[1]
    expected, got = map(saved, folders)
    assert expected.keys() == got.keys()
    assert len(got) > 14
    for name, picture in expected.items():
        np.testing.assert_array_equal(got[name], picture)


@every_way
def test_next_as_a_method(photos, way):
    kind, options = WAYS[way]
    reference, ours = flows(photos, kind, options)
    for _ in range(6):
        assert_same(next(reference), ours.next())


STEPS = {
    "next": next,
    "item 2": lambda it: it[2],
    "item 1": lambda it: it[1],
    "item 0": lambda it: it[0],
    "indices": lambda it: next(it.index_generator),
    "reset": lambda it: it.reset(),
    "epoch end": lambda it: it.on_epoch_end(),
    "batch size": lambda it: setattr(it, "batch_size", 3),
    "no shuffle": lambda it: setattr(it, "shuffle", False),
    "other seed": lambda it: setattr(it, "seed", 70),
    "back": lambda it: setattr(it, "total_batches_seen", 1),
}


def assert_step_alike(name, iterators, states):
    """Take one step with each, from its own state of the stream; return the states left."""
    results, left = [], []
    for iterator, state in zip(iterators, states, strict=True):
        np.random.set_state(state)
        results.append(STEPS[name](iterator))
        left.append(np.random.get_state())
    np.testing.assert_array_equal(left[0][1], left[1][1])
    assert left[0][2:] == left[1][2:]
    if name == "indices":
        np.testing.assert_array_equal(*results)
    elif results[0] is not None:
        assert_same(*results)
    for attribute in ("batch_index", "total_batches_seen"):
        assert getattr(iterators[0], attribute) == getattr(iterators[1], attribute)
    return left


def take_steps(photos, way, steps, seed):
    kind, options = WAYS[way]
    np.random.seed(6)
    iterators = flows(photos, kind, options, seed=seed)
    states = [np.random.get_state()] * 2
    for name in steps:
        states = assert_step_alike(name, iterators, states)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.sampled_from([*STEPS, "next", "indices"]), min_size=5, max_size=12),
    seed=st.sampled_from([7, None]),
)
@every_way
def test_steps_in_any_order(photos, way, steps, seed):
    take_steps(photos, way, ["next", *steps, "next", "next"], seed)


@every_way
@pytest.mark.parametrize("seed", [7, None])
@pytest.mark.slow
def test_each_step_before_a_batch(photos, way, seed):
    take_steps(photos, way, [each for step in STEPS for each in (step, "next")], seed)


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


# Ours makes `index_generator` again and locks re-entrantly; the generators are compared below.
NOT_COMPARED = {"lock", "index_generator", "image_data_generator"}


def assert_taken(reference, ours):
    """Compare names, places and defaults of parameters; ours may take more behind them."""
    expected, got = (inspect.signature(each).parameters for each in (reference, ours))
    keywords = {name for name, each in expected.items() if each.kind is each.VAR_KEYWORD}
    named = [(each.name, each.default) for each in expected.values() if each.name not in keywords]
    assert [(each.name, each.default) for each in got.values()][: len(named)] == named
    assert keywords <= set(got)
    added = set(got) - set(expected)
    assert all(got[name].default is not inspect.Parameter.empty for name in added)


def assert_public_names(reference, ours, *, but=frozenset()):
    missing = public(reference) - public(ours)
    assert not missing
    for name in sorted(public(reference) - set(but)):
        expected, got = getattr(reference, name), getattr(ours, name)
        if callable(expected):
            assert_taken(expected, got)
        else:
            assert np.array_equal(got, expected) and type(got) is type(expected), name


@every_way
@pytest.mark.parametrize("batches", [0, 2])
def test_public_names_of_iterators(photos, way, batches):
    kind, options = WAYS[way]
    reference, ours = flows(photos, kind, options)
    assert_in_step(reference, ours, batches)
    allowed = {"allowed_class_modes"} & public(reference)
    assert_public_names(reference, ours, but=NOT_COMPARED | allowed)
    assert all(getattr(ours, name) == getattr(reference, name) for name in allowed)


def test_public_names_of_other_forms_of_iterators(photos):
    for flow in ({"class_mode": None}, {"color_mode": "rgba"}, {"subset": "training"}):
        options = {"validation_split": 0.4, "data_format": "channels_first"}
        reference, ours = flows(photos, "directory", options, **flow)
        assert_public_names(reference, ours, but=NOT_COMPARED | {"allowed_class_modes"})
    weighted = {"sample_weight": np.arange(11), "save_prefix": "a"}
    reference, ours = flows(photos, "array", {}, **weighted)
    assert_public_names(reference, ours, but=NOT_COMPARED)


@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies")
@pytest.mark.parametrize(
    "options", [{}, RECIPE, {"zca_whitening": True}, {"data_format": "channels_first"}], ids=str
)
def test_public_names_of_the_generator(options):
    reference, ours = (generator(**options) for generator in GENERATORS)
    assert_public_names(reference, ours)
    assert vars(reference).items() <= vars(ours).items()


def test_names_of_the_module():
    names = public(keras_image)
    assert not {name for name in names if not hasattr(keras_compat, name)}
    for name in names:
        assert_taken(*(getattr(module, name) for module in MODULES))


AXES = {"last": (0, 1, 2), "first": (1, 2, 0), "turned": (1, 0, 2), "turned first": (2, 1, 0)}
TYPES = ["float32", "float64", "uint8"]
FILL_MODES = ["nearest", "constant", "reflect", "wrap", "mirror"]


def picture(axes, dtype, channels=3):
    values = np.random.default_rng(5).integers(0, 256, (9, 12, channels)).astype(dtype)
    return np.transpose(values, np.argsort(axes))


def assert_equal_bits(expected, got):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert got.tobytes() == expected.tobytes()


def assert_function_alike(name, x, *arguments, **named):
    """Call the function of both modules; results, stream and input must be left alike."""
    results = []
    for module in MODULES:
        np.random.seed(named.get("seed", 12))
        given_x = x.copy()
        options = {key: value for key, value in named.items() if key != "seed"}
        got = getattr(module, name)(given_x, *arguments, **options)
        results.append((got, np.random.random_sample()))
        assert_equal_bits(x, given_x)
    assert_equal_bits(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def on_axes(axes):
    return dict(zip(("row_axis", "col_axis", "channel_axis"), AXES[axes], strict=True))


all_axes = pytest.mark.parametrize("axes", AXES)
all_types = pytest.mark.parametrize("dtype", TYPES)
TRANSFORMS = [
    {},
    {"theta": 33.3},
    {"tx": 2.5},
    {"ty": -3},
    {"shear": 20},
    {"zx": 0.6},
    {"zy": 1.7},
    {"theta": -100, "tx": 1.5, "ty": 0.3, "shear": -8, "zx": 0.7, "zy": 1.2},
]


@all_types
@all_axes
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_apply_affine_transform(axes, dtype, order):
    x = picture(AXES[axes], dtype)
    for transform in TRANSFORMS:
        for fill_mode in FILL_MODES:
            named = {**on_axes(axes), "order": order, "fill_mode": fill_mode, "cval": 9.5}
            assert_function_alike("apply_affine_transform", x, **transform, **named)


@all_types
@all_axes
def test_apply_channel_shift(axes, dtype):
    x = picture(AXES[axes], dtype)
    for intensity in (0.0, 12.5, -400.0, np.float64(70), np.float32(3.3), 4):
        assert_function_alike("apply_channel_shift", x, intensity, channel_axis=AXES[axes][2])


@all_types
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
def test_apply_brightness_shift(dtype, channels, scale):
    x = picture(AXES["last"], dtype, channels)
    beyond = x.astype("float32") * 1.5 - 60
    for brightness in (0, 0.4, 1, 1.6):
        assert_function_alike("apply_brightness_shift", x, brightness, scale)
        assert_function_alike("apply_brightness_shift", beyond, brightness, scale)


random_arguments = {
    "axes": st.sampled_from(list(AXES)),
    "dtype": st.sampled_from(TYPES),
    "order": st.integers(0, 3),
    "fill_mode": st.sampled_from(FILL_MODES),
    "cval": st.floats(0, 255),
    "seed": st.integers(0, 2**32 - 1),
}
FACTOR = st.floats(0.05, 4)
RANDOM_FUNCTIONS = {
    "random_rotation": st.tuples(st.floats(-360, 360)),
    "random_shift": st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    "random_shear": st.tuples(st.floats(-89, 89)),
    "random_zoom": st.tuples(st.one_of(st.just((1, 1)), st.tuples(FACTOR, FACTOR))),
}


@settings(max_examples=25, deadline=None)
@given(data=st.data(), **random_arguments)
@pytest.mark.parametrize("name", RANDOM_FUNCTIONS)
def test_random_geometry(name, data, axes, dtype, order, fill_mode, cval, seed):
    x = picture(AXES[axes], dtype)
    options = {"fill_mode": fill_mode, "cval": cval, "interpolation_order": order, "seed": seed}
    arguments = data.draw(RANDOM_FUNCTIONS[name])
    assert_function_alike(name, x, *arguments, **on_axes(axes), **options)


@settings(max_examples=25, deadline=None)
@given(
    bound=st.floats(-300, 300),
    pair_of_factors=st.tuples(st.floats(0, 3), st.floats(0, 3)),
    scale=st.booleans(),
    dtype=st.sampled_from(TYPES),
    seed=st.integers(0, 2**32 - 1),
)
def test_random_colours(bound, pair_of_factors, scale, dtype, seed):
    x = picture(AXES["last"], dtype)
    assert_function_alike("random_channel_shift", x, bound, 2, seed=seed)
    assert_function_alike("random_brightness", x, pair_of_factors, scale, seed=seed)


def test_conversions_of_images(tmp_path):
    x = picture(AXES["last"], "float32")
    for options in ({}, {"scale": False}, {"data_format": "channels_first", "scale": True}):
        given_x = np.moveaxis(x, -1, 0) if "data_format" in options else x
        expected, got = (module.array_to_img(given_x, **options) for module in MODULES)
        np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))
        assert_equal_bits(*(module.img_to_array(expected) for module in MODULES))
    for module, name in zip(MODULES, ("a.png", "b.png"), strict=True):
        module.save_img(tmp_path / name, x)
    read = [module.load_img(tmp_path / "a.png", target_size=(5, 4)) for module in MODULES]
    np.testing.assert_array_equal(*map(np.asarray, read))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


FLAT = np.zeros((4, 5), np.float32)
CUBE = np.zeros((4, 5, 3), np.float32)
WRONG = {
    "same axis twice": ("apply_affine_transform", CUBE, (), {"row_axis": 0, "theta": 1}),
    "axis 3": ("apply_affine_transform", CUBE, (), {"row_axis": 3, "theta": 1}),
    "axis -1": ("apply_affine_transform", CUBE, (), {"channel_axis": -1}),
    "middle": ("apply_affine_transform", CUBE, (), {"row_axis": 0, "channel_axis": 1}),
    "two axes": ("apply_affine_transform", FLAT, (), {"theta": 1}),
    "four axes": ("apply_affine_transform", CUBE[None], (), {"theta": 1}),
    "rotation": ("random_rotation", CUBE, (20,), {"row_axis": 0}),
    "shift": ("random_shift", FLAT[None, None], (0.1, 0.1), {}),
    "shear": ("random_shear", CUBE, (20,), {"col_axis": 0}),
    "zoom axes": ("random_zoom", CUBE, ((0.5, 1),), {"row_axis": 2}),
    "zoom of three": ("random_zoom", CUBE, ((0.5, 1, 2),), {}),
    "brightness of three": ("random_brightness", CUBE, ((0.5, 1, 2),), {}),
    "brightness of five channels": ("apply_brightness_shift", np.ones((4, 4, 5)), (1.0,), {}),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_of_functions(name):
    function, x, arguments, options = WRONG[name]
    said = []
    for module in MODULES:
        with pytest.raises(ValueError) as error:
            getattr(module, function)(x, *arguments, **options)
        said.append(str(error.value))
    assert said[0] == said[1]


FITTED = {
    "centre": {"featurewise_center": True, "rescale": 0.1},
    "std": {"featurewise_center": True, "featurewise_std_normalization": True, **RECIPE},
    "whitening": {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-2},
    "plain": {**RECIPE, "width_shift_range": [1, 2], "dtype": "float64"},
    "first": {"data_format": "channels_first", "validation_split": 0.3, **SLOW},
}


@pytest.mark.parametrize("name", FITTED)
def test_from_keras(photos, name):
    reference = KerasGenerator(**FITTED[name])
    x = np.moveaxis(IMAGES, -1, 1) if name == "first" else IMAGES
    reference.fit(x)
    ours = catdog_data.from_keras(reference)
    assert type(ours) is ImageDataGenerator
    assert_in_step(*(each.flow(x, LABELS, 4, seed=1) for each in (reference, ours)), batches=4)
    flow = {**FLOW, "target_size": (14, 17)}
    directories = [each.flow_from_directory(str(photos), **flow) for each in (reference, ours)]
    assert_in_step(*directories, batches=4)


@pytest.mark.parametrize("other", [None, 3, "generator", KerasGenerator, object(), keras.Model])
def test_from_keras_refuses_what_is_none(other):
    with pytest.raises(TypeError):
        catdog_data.from_keras(other)


def test_keras_generator_in_our_iterator(photos):
    flow = {"target_size": (14, 17), "class_mode": "binary", "batch_size": 4, "seed": 2}
    made = [
        module.DirectoryIterator(str(photos), KerasGenerator(**RECIPE), **flow)
        for module in MODULES
    ]
    assert_in_step(*made, batches=5)


def test_directory_iterator_without_a_generator(photos):
    made = [module.DirectoryIterator(str(photos), None, (9, 8), seed=2) for module in MODULES]
    assert_in_step(*made, batches=2)


def test_float16_turns(photos):
    options = {"rotation_range": 40, "horizontal_flip": True}
    with pytest.raises(Exception, match=r"float16|not supported"):
        next(flows(photos, "array", {**options, "dtype": "float16"})[0])
    single = flows(photos, "array", options)[1]
    half = flows(photos, "array", {**options, "dtype": "float16"})[1]
    for _ in range(4):
        (expected, labels), (got, same_labels) = next(single), next(half)
        assert got.dtype == np.float16
        np.testing.assert_allclose(got, expected, atol=0.07)
        np.testing.assert_array_equal(labels, same_labels)


def test_float16_turns_from_a_directory(photos):
    for options in (RECIPE, SLOW):
        assert_in_step(*flows(photos, "directory", {**options, "dtype": "float16"}), batches=5)


@both_kinds
@pytest.mark.parametrize("values", [[1, 3, 6], [0.1, 0.4], [0.2, 4.0]], ids=str)
def test_arrays_as_shift_ranges(photos, kind, values):
    lists = {"width_shift_range": values, "height_shift_range": values[::-1]}
    arrays = {name: np.array(value) for name, value in lists.items()}
    reference = flows(photos, kind, lists)[0]
    ours = flows(photos, kind, arrays)[1]
    assert_in_step(reference, ours, batches=5)


@pytest.mark.parametrize(
    "value",
    [
        np.float32(0.2),
        np.float16(3),
        np.float64(2.5),
        np.int64(3),
        np.array(0.4),
        np.array(2),
        True,
    ],
    ids=repr,
)
def test_numbers_of_numpy_as_shift_ranges(photos, value):
    options = {"width_shift_range": value, "height_shift_range": value}
    assert_in_step(*flows(photos, "array", options), batches=4)
    generators = [class_(**options) for class_ in GENERATORS]
    drawn = [generator.get_random_transform((9, 7, 3), seed=1) for generator in generators]
    assert drawn[0] == drawn[1]


@both_kinds
def test_brightness_of_channels_first(photos, kind):
    options = {"brightness_range": (0.3, 1.8), **RECIPE}
    last = flows(photos, kind, options)[1]
    generator = ImageDataGenerator(**options, data_format="channels_first")
    if kind == "array":
        first = generator.flow(np.moveaxis(IMAGES, -1, 1), LABELS, batch_size=4, seed=7)
    else:
        first = flow_of(generator, photos, kind)
    for _ in range(4):
        (expected, _), (got, _) = next(last), next(first)
        np.testing.assert_array_equal(np.moveaxis(got, 1, -1), expected)


def test_brightness_of_fractions():
    x = IMAGES / 400
    for factor in (0.25, 0.5, 1, 1.4):
        flow = ImageDataGenerator(brightness_range=(factor, factor)).flow(x, shuffle=False)
        got = next(flow)
        assert got.max() > 0.1
        np.testing.assert_allclose(got, np.minimum(x * factor, 1), atol=(1.01 + factor) / 255)


def warnings_of_fractions(work):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [str(each.message) for each in caught if "as fractions of 255" in str(each.message)]


@pytest.mark.parametrize("side", [8, 256], ids=["in turn", "threads"])
def test_brightness_of_fractions_is_warned_of_once(side):
    x = np.random.default_rng(1).random((8, side, side, 3))
    flow = ImageDataGenerator(brightness_range=(0.5, 1.5)).flow(x, batch_size=4)
    (message,) = warnings_of_fractions(lambda: [next(flow) for _ in range(3)])
    assert "Keras' ImageDataGenerator makes it black" in message


def test_brightness_of_fractions_by_rescale_in_fit_is_warned_of():
    options = {"brightness_range": (0.5, 1.5), "rescale": 1 / 255.0, "featurewise_center": True}
    generator = ImageDataGenerator(**options)
    assert len(warnings_of_fractions(lambda: generator.fit(IMAGES, augment=True))) == 1
    flow = generator.flow(IMAGES, batch_size=4)
    assert not warnings_of_fractions(lambda: next(flow))


def test_brightness_of_fractions_by_the_function_is_warned_of():
    def call(scale):
        return lambda: keras_compat.apply_brightness_shift(IMAGES[0] / 255, 0.5, scale)

    assert len(warnings_of_fractions(call(scale=False))) == 1
    assert not warnings_of_fractions(call(scale=True))


@pytest.mark.parametrize("x", [IMAGES, IMAGES // 255, IMAGES - 9], ids=["bytes", "bits", "beyond"])
def test_brightness_as_in_keras_is_not_warned_of(x):
    flow = ImageDataGenerator(brightness_range=(0.5, 1.5)).flow(x, batch_size=4)
    assert not warnings_of_fractions(lambda: next(flow))


@pytest.mark.parametrize("options", [{}, {**RECIPE, "rescale": None}], ids=["plain", "recipe"])
def test_brightness_of_arrays_whose_channels_are_elsewhere(options):
    outcomes = []
    for class_ in GENERATORS:
        generator = class_(
            **options,
            data_format="channels_first",
            brightness_range=(0.3, 1.8),
            featurewise_std_normalization=True,
            featurewise_center=True,
        )
        with pytest.warns(UserWarning, match="10 channels"):
            generator.fit(IMAGES[:, :10, :10], augment=True, seed=3)
            flow = generator.flow(IMAGES[:, :10, :10], batch_size=4, seed=7)
        outcomes.append([generator.mean, generator.std, next(flow)])
    for expected, got in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(got, expected)


def two_inputs():
    keras.utils.set_random_seed(2)
    image, number = keras.Input((14, 17, 3)), keras.Input((2,))
    flat = keras.layers.Flatten()(image)
    output = keras.layers.Dense(1)(keras.layers.Concatenate()([flat, number]))
    model = keras.Model([image, number], output)
    model.compile(keras.optimizers.SGD(1e-7), "mse")
    return model


def test_model_of_two_inputs():
    misc = np.arange(22.0).reshape(11, 2).astype("float32")
    model, by_hand = two_inputs(), two_inputs()
    plain = ImageDataGenerator().flow((IMAGES, misc), LABELS, batch_size=4, shuffle=False)
    np.testing.assert_allclose(
        model.predict(plain, verbose=0), by_hand.predict([IMAGES, misc], verbose=0), rtol=1e-5
    )
    expected = by_hand.evaluate([IMAGES, misc], LABELS, verbose=0, batch_size=4)
    assert model.evaluate(plain, verbose=0) == pytest.approx(expected, rel=1e-5)
    losses = model.fit(plain, epochs=2, shuffle=False, verbose=0).history["loss"]
    options = {"epochs": 2, "shuffle": False, "verbose": 0, "batch_size": 4}
    expected = by_hand.fit([IMAGES, misc], LABELS, **options).history["loss"]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_prediction_of_two_inputs_without_labels():
    misc = np.arange(22.0).reshape(11, 2).astype("float32")
    model = two_inputs()
    flow = ImageDataGenerator().flow((IMAGES, misc), batch_size=4, shuffle=False)
    got = model.predict(flow, verbose=0)
    np.testing.assert_allclose(got, model.predict([IMAGES, misc], verbose=0), rtol=1e-5)


def slow_warnings(flow, batches=4):
    """Return what `SlowPathWarning` said during some batches, by `next` and by index."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for idx in range(batches):
            next(flow)
            flow[idx % len(flow)]
    return [str(each.message) for each in caught if issubclass(each.category, SlowPathWarning)]


@both_kinds
def test_no_warning_for_a_recipe(photos, kind):
    assert slow_warnings(flows(photos, kind)[1]) == []


@both_kinds
@pytest.mark.parametrize("name", ["get_random_transform", "apply_transform", "standardize"])
def test_one_warning_per_iterator_for_an_override(photos, kind, name):
    generator, _ = overriding(ImageDataGenerator, [name])
    for _ in range(2):
        said = slow_warnings(flow_of(generator, photos, kind))
        assert len(said) == 1
        assert name in said[0]


def test_one_warning_for_an_overridden_iterator_and_for_a_patch(photos):
    said = slow_warnings(mixed(photos, "directory")[1])
    assert len(said) == 1
    assert "_get_batches_of_transformed_samples" in said[0]
    flow = flows(photos, "directory")[1]
    assert slow_warnings(flow) == []
    patch(flow.image_data_generator, ["standardize"])
    assert len(slow_warnings(flow)) == 1
    assert slow_warnings(flow) == []


def test_one_warning_under_fit(photos):
    options = {**RECIPE, "preprocessing_function": np.sqrt}
    flow = flows(photos, "directory", options, target_size=(14, 17))[1]
    with pytest.warns(SlowPathWarning, match="preprocessing_function") as caught:
        dense((14, 17, 3)).fit(flow, epochs=3, verbose=0)
    assert len([each for each in caught if each.category is SlowPathWarning]) == 1


def doubled(generator):
    """Exchange `standardize` for a wrapper that looks like it."""
    original = generator.standardize

    @functools.wraps(original)
    def wrapper(x):
        return original(x) * 2

    generator.standardize = wrapper


def test_a_wrapper_that_looks_like_the_method_is_called(photos):
    reference, ours = pair(photos, RECIPE, {})
    for flow in (reference, ours):
        doubled(flow.image_data_generator)
    assert_in_step(reference, ours, batches=3)


@pytest.mark.parametrize("override", ["_set_index_array", "_flow_index"])
def test_an_order_of_the_users_own(photos, override):
    def backwards(self):
        self.index_array = np.arange(self.n)[::-1].copy()

    def one_place(self):
        for k in range(100):
            np.random.seed(k)
            self.total_batches_seen += 1
            yield np.array([0, 1, 2])

    replacement = backwards if override == "_set_index_array" else one_place
    flows_of_both = []
    for base, generator in zip(
        (keras_image.DirectoryIterator, keras_compat.DirectoryIterator), GENERATORS, strict=True
    ):
        class_ = type("Own", (base,), {override: replacement})
        flow = class_(str(photos), generator(**RECIPE), target_size=(9, 8), batch_size=4, seed=3)
        flows_of_both.append(flow)
    for _ in range(4):
        for expected, got in zip(*map(next, flows_of_both), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_an_index_override_reaches_fit(photos):
    class Marked(keras_compat.DirectoryIterator):
        def __getitem__(self, idx):
            images, labels = super().__getitem__(idx)
            return images, labels * 0 + 7

    flow = Marked(
        str(photos), ImageDataGenerator(), target_size=(9, 8), class_mode="binary", batch_size=4
    )
    labels = np.concatenate([batch[1] for batch in flow.epoch_dataset().as_numpy_iterator()])
    np.testing.assert_array_equal(labels, np.full(19, 7.0))


def test_labels_and_files_exchanged_between_batches_are_followed(photos):
    both = pair(photos, {}, {"shuffle": False})
    for change in (
        lambda flow: setattr(flow, "classes", 1 - flow.classes),
        lambda flow: flow.classes.__setitem__(slice(None), 1),
        lambda flow: setattr(flow, "_filepaths", flow._filepaths[::-1]),
        lambda flow: setattr(flow, "class_mode", "categorical"),
    ):
        for flow in both:
            change(flow)
        for expected, got in zip(*map(next, both), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_more_indices_than_a_batch(photos):
    both = pair(photos, RECIPE, {"seed": None})
    batches = []
    for flow in both:
        np.random.seed(4)
        batches.append(flow._get_batches_of_transformed_samples(np.arange(19)))
    for expected, got in zip(*batches, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_lists_of_zero_shifts_draw(photos):
    options = {"width_shift_range": [0], "height_shift_range": [0, 0], "samplewise_center": True}
    assert_in_step(*pair(photos, options, {}), batches=3)


def test_from_keras_refuses_an_override():
    class Own(KerasGenerator):
        def standardize(self, x):
            return x

    with pytest.raises(TypeError, match="standardize"):
        from_keras(Own())
