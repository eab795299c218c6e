"""Every argument of IDG beside Keras' own class: files and arrays, `next()` and `it[i]`."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from keras.applications.mobilenet_v2 import preprocess_input
from test_keras_parity import RECIPE, assert_in_step, pair

from catdog_data import ImageDataGenerator

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def negative(x):
    return 255.0 - x


def noisy(x):
    return x + np.random.uniform(0, 9, x.shape)


FITTED = np.random.default_rng(0).uniform(0, 255, (20, 6, 5, 3))
ON_PIXELS = {
    "brightness": {"brightness_range": (0.4, 1.7)},
    "brightness list and recipe": {"brightness_range": [1.5, 0.5], **RECIPE},
    "channel shift": {"channel_shift_range": 90.0},
    "channel shift and recipe": {"channel_shift_range": 20, **RECIPE},
    "preprocessing": {"preprocessing_function": negative, **RECIPE},
    "preprocessing that draws": {"preprocessing_function": noisy, "rotation_range": 20},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "samplewise std alone": {"samplewise_std_normalization": True, **RECIPE},
    "featurewise unfitted": {"featurewise_center": True},
    "order 3": {"interpolation_order": 3, **RECIPE},
    "order 2 unmoved": {"interpolation_order": 2, "horizontal_flip": True},
    "mirror": {"fill_mode": "mirror", **RECIPE},
    "float64": {"dtype": "float64", **RECIPE},
    "everything": {
        **RECIPE,
        "brightness_range": (0.5, 1.5),
        "channel_shift_range": 30.0,
        "samplewise_center": True,
        "width_shift_range": 0.2,
        "height_shift_range": [1, 4],
        "vertical_flip": True,
        "preprocessing_function": negative,
        "fill_mode": "wrap",
        "interpolation_order": 0,
    },
}


@pytest.mark.parametrize("seed", [2020, pytest.param(None, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ON_PIXELS)
def test_each_option_from_a_directory(photos, name, seed):
    assert_in_step(*pair(photos, ON_PIXELS[name], {"seed": seed}), batches=6)


@pytest.mark.parametrize(
    "data_format", ["channels_last", pytest.param("channels_first", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize(
    "interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
)
def test_reading(photos, color_mode, data_format, interpolation):
    flow = {
        "color_mode": color_mode,
        "interpolation": interpolation,
        "keep_aspect_ratio": interpolation in ("nearest", "bicubic"),
    }
    assert_in_step(*pair(photos, {"data_format": data_format, **RECIPE}, flow), batches=5)


@pytest.mark.parametrize("class_mode", ["binary", "sparse", "categorical", "input", None])
@pytest.mark.parametrize("subset", [None, "training", "validation"])
def test_labels_and_subsets_one_by_one(photos, class_mode, subset):
    options = {"validation_split": 0.3, "channel_shift_range": 9.0}
    assert_in_step(*pair(photos, options, {"class_mode": class_mode, "subset": subset}), batches=4)


@pytest.mark.parametrize("name", ["everything", "brightness", "order 3"])
def test_by_index(photos, name):
    reference, ours = pair(photos, ON_PIXELS[name], {})
    for idx in (2, 0, 4, 1):
        for left, right in zip(reference[idx], ours[idx], strict=True):
            np.testing.assert_array_equal(left, right)
    for flow in (reference, ours):
        np.random.seed(6)
        flow.on_epoch_end()
    np.testing.assert_array_equal(reference[3][0], ours[3][0])


def arrays(channels=3, count=11):
    random = np.random.default_rng(3)
    return random.integers(0, 256, (count, 14, 17, channels)), random.integers(0, 2, count)


def array_pair(options, x, y, **flow):
    flow = {"batch_size": 4, "seed": 7, **flow}
    return [
        generator(**options).flow(x, y, **flow)
        for generator in (KerasGenerator, ImageDataGenerator)
    ]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", [name for name in ON_PIXELS if name != "featurewise unfitted"])
def test_each_option_from_arrays(name, channels):
    assert_in_step(*array_pair(ON_PIXELS[name], *arrays(channels)), batches=5)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_array_types_without_geometry(dtype):
    options = {"rescale": 1 / 255.0, "horizontal_flip": True, "dtype": dtype}
    assert_in_step(*array_pair(options, *arrays()), batches=4)


def same_nested(expected, got):
    assert type(expected) is type(got)
    if isinstance(expected, (list, tuple)):
        for left, right in zip(expected, got, strict=True):
            same_nested(left, right)
    else:
        assert expected.dtype == got.dtype
        np.testing.assert_array_equal(expected, got)


@pytest.mark.parametrize("with_y", [True, False])
def test_further_arrays_and_weights(with_y):
    x, y = arrays()
    misc = [np.arange(11), np.arange(22.0).reshape(11, 2)]
    for pair_of_x in ((x, misc), [x, np.arange(11)]):
        reference, ours = array_pair(
            RECIPE, pair_of_x, y if with_y else None, sample_weight=np.linspace(0, 1, 11)
        )
        for _ in range(4):
            same_nested(next(reference), next(ours))


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_subsets_of_arrays(subset):
    x, y = arrays()
    options = {"validation_split": 0.4, **RECIPE}
    assert_in_step(*array_pair(options, x, y, subset=subset, ignore_class_split=True), batches=4)


def test_weights_stay_with_their_images_in_a_subset():
    x, y = arrays()
    generator = ImageDataGenerator(validation_split=0.4)
    flow = generator.flow(
        x,
        y,
        sample_weight=np.arange(11.0),
        subset="training",
        shuffle=False,
        ignore_class_split=True,
    )
    np.testing.assert_array_equal(next(flow)[2], np.arange(4.0, 11.0))


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_columns_of_pandas_are_split_by_position(subset):
    x, _ = arrays()
    number = np.arange(11.0)
    column = pd.Series(number, index=number[::-1] / 2)
    generator = ImageDataGenerator(validation_split=0.4)
    options = {"subset": subset, "shuffle": False, "ignore_class_split": True}
    _, y, weights = next(generator.flow(x, column, sample_weight=column, **options))
    expected = number[:4] if subset == "validation" else number[4:]
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(weights, expected)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize(
    "statistics",
    [
        {"featurewise_center": True},
        {"featurewise_std_normalization": True},
        {"zca_whitening": True, "zca_epsilon": 1e-3},
    ],
    ids=str,
)
def test_fitted_statistics(statistics, augment, data_format):
    x = FITTED if data_format == "channels_last" else np.moveaxis(FITTED, -1, 1)
    options = {**statistics, "data_format": data_format, "rescale": 1 / 255.0, "rotation_range": 9}
    flows = []
    for class_ in (KerasGenerator, ImageDataGenerator):
        generator = class_(**options)
        generator.fit(x, augment=augment, rounds=2, seed=5)
        flows.append(generator.flow(x, batch_size=7, seed=3))
    for name in ("mean", "std", "zca_whitening_matrix"):
        expected, got = (getattr(flow.image_data_generator, name) for flow in flows)
        np.testing.assert_array_equal(expected, got)
    assert_in_step(*flows, batches=4)


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    "statistics",
    [{"featurewise_std_normalization": True}, {"zca_whitening": True, "zca_epsilon": 0.1}],
    ids=str,
)
def test_fit_directory_equals_fit(photos, statistics, data_format, augment):
    options = {**statistics, "data_format": data_format, "rescale": 1 / 255.0, "rotation_range": 9}
    size = (3, 2)  # fewer values than images, or whitening has no single answer
    plain = ImageDataGenerator(data_format=data_format)
    flow = plain.flow_from_directory(
        photos, target_size=size, class_mode=None, shuffle=False, batch_size=50
    )
    reference, ours = KerasGenerator(**options), ImageDataGenerator(**options)
    reference.fit(next(flow), augment=augment, rounds=2, seed=4)
    ours.fit_directory(photos, target_size=size, augment=augment, rounds=2, seed=4, batch_size=4)
    for name in ("mean", "std", "zca_whitening_matrix"):
        expected, got = getattr(reference, name), getattr(ours, name)
        assert (expected is None) == (got is None)
        if expected is not None:
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_preprocess_input_of_keras(photos):
    from keras.applications import mobilenet_v2, vgg16

    for function in (mobilenet_v2.preprocess_input, vgg16.preprocess_input):
        options = {"preprocessing_function": function, **RECIPE}
        assert_in_step(*pair(photos, options, {}), batches=5)


def test_statistics_set_after_the_flow_exists(photos):
    reference, ours = pair(photos, {"featurewise_center": True, **RECIPE}, {})
    for flow in (reference, ours):
        next(flow)
        flow.image_data_generator.mean = np.array([1.0, 2.0, 3.0], np.float32).reshape(1, 1, 3)
    assert_in_step(reference, ours, batches=3)


def ranges_up_to(highest):
    # TensorFlow's threads, in which plans are made, take subnormal numbers for zero.
    return st.floats(0, highest, allow_subnormal=False)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "rotation_range": ranges_up_to(180),
        "width_shift_range": st.one_of(ranges_up_to(1.5), st.integers(0, 9)),
        "height_shift_range": st.one_of(ranges_up_to(1.5), st.integers(0, 9)),
        "shear_range": ranges_up_to(80),
        "zoom_range": ranges_up_to(0.9),
        "channel_shift_range": ranges_up_to(200),
        "brightness_range": st.tuples(ranges_up_to(2), ranges_up_to(2)),
        "fill_mode": st.sampled_from(["nearest", "constant", "reflect", "wrap"]),
        "cval": st.sampled_from([0.0, -7.0, 99.5, 300.0]),
        "horizontal_flip": st.booleans(),
        "vertical_flip": st.booleans(),
        "rescale": st.sampled_from([None, 1 / 255.0, 2.0]),
        "samplewise_center": st.booleans(),
        "samplewise_std_normalization": st.booleans(),
        "interpolation_order": st.integers(0, 4),
        "preprocessing_function": st.sampled_from([None, negative, noisy, preprocess_input]),
        "dtype": st.sampled_from(["float32", "float64"]),
    },
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    options=OPTIONS,
    seed=st.one_of(st.none(), st.integers(0, 1000)),
    flow=st.fixed_dictionaries(
        {"color_mode": st.sampled_from(["rgb", "rgba", "grayscale"])},
        optional={
            "interpolation": st.sampled_from(["bilinear", "lanczos", "box"]),
            "keep_aspect_ratio": st.booleans(),
            "class_mode": st.sampled_from(["categorical", "input", None]),
        },
    ),
)
@pytest.mark.slow
def test_random_combinations(photos, options, seed, flow):
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[flow["color_mode"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_in_step(*pair(photos, options, {"seed": seed, **flow}), batches=3)
        assert_in_step(*array_pair(options, *arrays(channels), seed=seed), batches=3)
