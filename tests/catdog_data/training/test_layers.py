from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from catdog_data.keras_compat.planning.affine import geometry_rows
from catdog_data.keras_compat.planning.transform_ranges import Transforms
from catdog_data.kernels.warp import FILL_MODES, coordinate_tables, warp
from catdog_data.kernels.warp_fixed_point import LARGEST_SIZE, fixed_point_tables, warp_fixed_point
from catdog_data.training.augment_layer import (
    AugmentAndRescale,
    augment_and_rescale,
    device_tables,
    table_shape,
)

MODES_AND_ORDERS = list(itertools.product(FILL_MODES, (0, 1)))
CVAL = 7.3
TOLERANCE = 1e-3
AT_BORDER = 2e-9
"""Pixels of a coordinate that fixed point (1e-9) and double may take to different sides."""


def transforms(theta, shift=None, shear=0.0, zoom=1.0, seed=0, flips=True):
    random = np.random.default_rng(seed)
    count = len(theta)
    shift = np.zeros((count, 2)) if shift is None else shift
    flipped = (random.random((2, count)) < 0.5) * float(flips)
    zeros, ones = np.zeros(count), np.ones(count)
    zoom = np.broadcast_to(zoom, (count, 2))
    return Transforms(theta, *shift.T, shear * ones, *zoom.T, *flipped, zeros, ones)


def random_geometry(image_size, count=16, seed=0):
    random = np.random.default_rng(seed)
    return geometry_rows(
        transforms(
            random.uniform(-360, 360, count),
            random.uniform(-2.5, 2.5, (count, 2)) * image_size,
            random.uniform(-60, 60, count),
            random.uniform(0.2, 3, (count, 2)),
            seed=seed,
        ),
        image_size,
    )


def exact_geometry(image_size):
    """Eighths of a turn, with and without whole shifts, all flips; then the same halved."""
    theta = np.tile(np.arange(8) * 45.0, 4)
    shift = np.repeat([[0.0, 0], [3, -5], [1000, 2000], [0, 0]], 8, axis=0)
    zoom = np.repeat([[1.0, 1], [1, 1], [1, 1], [0.5, 2]], 8, axis=0)
    return geometry_rows(transforms(theta, shift, zoom=zoom), image_size)


def noise(image_size, count, channels=3):
    """Every edge is steep."""
    shape = (count, *image_size, channels)
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def at_border(geometry, image_size, fill_mode, order):
    """Tell where the result jumps with the coordinate, as the double coordinate says: [B, H, W]."""
    tables = [table.numpy() for table in coordinate_tables(tf.constant(geometry), image_size)]
    jumps = np.zeros((len(geometry), *image_size), bool)
    for (of_i, of_j), size in zip([tables[:2], tables[2:]], image_size, strict=True):
        coordinate = of_i[:, :, None] + of_j[:, None, :]
        period = 1.0 if size == 1 else size - 1.0
        if fill_mode == "constant":
            jumps |= np.minimum(abs(coordinate), abs(coordinate - (size - 1))) < AT_BORDER
        elif fill_mode == "wrap":
            jumps |= abs(coordinate - period * np.round(coordinate / period)) < AT_BORDER
        if order == 0:
            jumps |= abs(coordinate - np.floor(coordinate) - 0.5) < AT_BORDER
    return jumps


def on_device(images, geometry, jit=True, **options):
    tables = device_tables(geometry, images.shape[1:3])
    kernel = tf.function(
        lambda *tensors: warp_fixed_point(*tensors, **options), jit_compile=jit, autograph=False
    )
    return kernel(images, tf.constant(tables)).numpy()


def compare(images, geometry, fill_mode, order):
    """Compare host and device; return each image's share of pixels left out."""
    options = {"fill_mode": fill_mode, "cval": CVAL, "order": order}
    host, device = warp(images, geometry, **options).numpy(), on_device(images, geometry, **options)
    assert device.dtype == np.float32
    left_out = at_border(geometry, images.shape[1:3], fill_mode, order)
    assert np.abs(host - device)[~left_out].max(initial=0) <= TOLERANCE
    return left_out.mean(axis=(1, 2))


@pytest.mark.parametrize(("fill_mode", "order"), MODES_AND_ORDERS)
@pytest.mark.parametrize(
    ("image_size", "channels"),
    [((37, 53), 3), ((64, 48), 1), ((1, 1), 4), ((1, 9), 3), ((2, 3), 3)],
)
def test_equals_the_host(image_size, channels, fill_mode, order):
    geometry = random_geometry(image_size)
    images = noise(image_size, len(geometry), channels)
    assert compare(images, geometry, fill_mode, order).max() == 0


@pytest.mark.parametrize(("fill_mode", "order"), MODES_AND_ORDERS)
def test_equals_the_host_at_exact_angles(fill_mode, order):
    image_size = (37, 53)
    geometry = exact_geometry(image_size)
    images = noise(image_size, len(geometry))
    left_out = compare(images, geometry, fill_mode, order)
    # Of a turn at most a row and a column lie on the border; halving, all pixels on a half.
    assert left_out[:24].mean() < sum(1 / size for size in image_size)
    # Those left out are what the host gives for a coordinate a hair away.
    options = {"fill_mode": fill_mode, "cval": CVAL, "order": order}
    device = on_device(images, geometry, **options)
    nearest = np.full(device.shape, np.inf)
    for row, column in itertools.product((-1e-7, 0, 1e-7), repeat=2):
        nudge = np.array([0, 0, row, 0, 0, column, 0, 0])
        nudged = warp(images, geometry + nudge, **options).numpy()
        nearest = np.minimum(nearest, np.abs(device - nudged))
    assert nearest.max() <= TOLERANCE


@pytest.mark.parametrize(("fill_mode", "order"), MODES_AND_ORDERS)
def test_equals_the_host_far_away(fill_mode, order):
    image_size = (37, 53)
    # In eighths, where doubles are exact all the way, so that no pixel may differ.
    far = [0.25, 2.0**27 + 0.25, -(2.0**27) - 0.25, 3e8, -3e8, 2.0**40 + 2**-6, -1e12]
    geometry = np.array([[1, 0.125, a, -0.25, 1.0, b, 0, 0] for a in far for b in far])
    images = noise(image_size, len(geometry))
    options = {"fill_mode": fill_mode, "cval": CVAL, "order": order}
    device = on_device(images, geometry, **options)
    np.testing.assert_allclose(device, warp(images, geometry, **options), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(("fill_mode", "order"), MODES_AND_ORDERS)
def test_equals_scipy(fill_mode, order):
    image_size = (21, 30)
    geometry = random_geometry(image_size, seed=3)
    geometry[:, 6:] = 0
    images = noise(image_size, len(geometry), 1)
    device = on_device(images, geometry, fill_mode=fill_mode, cval=CVAL, order=order)
    for image, row, result in zip(images, geometry, device, strict=True):
        expected = scipy.ndimage.affine_transform(
            image[..., 0].astype(np.float64),
            row[[0, 1, 3, 4]].reshape(2, 2),
            row[[2, 5]],
            order=order,
            mode=fill_mode,
            cval=CVAL,
        )
        np.testing.assert_allclose(result[..., 0], expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(("fill_mode", "order"), MODES_AND_ORDERS)
def test_identity_and_mirrors_are_exact(fill_mode, order):
    images = noise((8, 5), 4)
    geometry = np.tile([1.0, 0, 0, 0, 1, 0, 0, 0], (4, 1))
    geometry[:, 6:] = list(itertools.product((0, 1), repeat=2))
    expected = np.stack([images[0], images[1][::-1], images[2][:, ::-1], images[3][::-1, ::-1]])
    result = on_device(images, geometry, fill_mode=fill_mode, cval=CVAL, order=order)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("fill_mode", "order"), MODES_AND_ORDERS)
def test_uncompiled_equals_compiled(fill_mode, order):
    geometry = random_geometry((20, 31))
    images = noise((20, 31), len(geometry))
    options = {"fill_mode": fill_mode, "cval": CVAL, "order": order}
    fast = on_device(images, geometry, **options)
    np.testing.assert_allclose(on_device(images, geometry, jit=False, **options), fast, atol=1e-4)
    eager = warp_fixed_point(images, device_tables(geometry, (20, 31)), **options)
    np.testing.assert_allclose(eager, fast, atol=1e-4)


def test_equals_the_host_in_large_images():
    image_size = (1, LARGEST_SIZE)
    geometry = random_geometry(image_size, 4)
    compare(noise(image_size, 4), geometry, "wrap", 1)


def test_tables_are_exact_sums():
    geometry = random_geometry((37, 53))
    tables = device_tables(geometry, (37, 53))
    assert tables.dtype == np.int32
    assert tables.shape == (16, *table_shape((37, 53)))
    assert tables[:, :, 1].min() >= 0
    assert tables[:, :, 1].max() < 2**30
    terms = coordinate_tables(tf.constant(geometry), (37, 53))
    got = tables[:, :, 0] + tables[:, :, 1] / 2.0**30
    np.testing.assert_allclose(got[:, 0], np.concatenate(terms[:2], axis=1), atol=2**-31)
    np.testing.assert_allclose(got[:, 1], np.concatenate(terms[2:], axis=1), atol=2**-31)


def test_tables_within_a_dataset():
    geometry = random_geometry((6, 7), 8)
    dataset = tf.data.Dataset.from_tensor_slices(geometry).batch(4)
    mapped = dataset.map(lambda rows: device_tables(rows, (6, 7)))
    assert mapped.element_spec.shape.as_list() == [None, 2, 2, 13]
    got = np.concatenate(list(mapped.as_numpy_iterator()))
    np.testing.assert_array_equal(got, device_tables(geometry, (6, 7)))


def test_tables_refuse():
    geometry = random_geometry((6, 7), 2)
    with pytest.raises(TypeError, match="geometry must be float64, got float32"):
        device_tables(geometry.astype(np.float32), (6, 7))
    for image_size in [(0, 7), (6, LARGEST_SIZE + 1)]:
        with pytest.raises(ValueError, match="image_size must be"):
            fixed_point_tables(tf.constant(geometry), image_size)


def small_model(dtype=None, **options):
    inputs = {
        "images": keras.Input((12, 10, 3), dtype="uint8", name="images"),
        "tables": keras.Input(table_shape((12, 10)), dtype="int32", name="tables"),
    }
    x = AugmentAndRescale((12, 10), dtype=dtype, **options)(inputs)
    x = keras.layers.Conv2D(4, 3, dtype=dtype)(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype)(x)
    return keras.Model(inputs, keras.layers.Dense(1, dtype="float32")(x))


def batches(count=12):
    images, geometry = noise((12, 10), count), random_geometry((12, 10), count)
    labels = np.arange(count) % 2
    dataset = tf.data.Dataset.from_tensor_slices((images, geometry, labels)).batch(8)
    return dataset.map(
        lambda pixels, rows, label: (
            {"images": pixels, "tables": device_tables(rows, (12, 10))},
            label,
        )
    )


@pytest.mark.parametrize(
    "dtype",
    ["float32", "mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)],
)
def test_fit_compiled(dtype):
    model = small_model(dtype)
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=True)
    history = model.fit(batches(), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.predict(batches(), verbose=0).shape == (12, 1)


def test_fit_trains_on_warped_images():
    model = keras.Sequential([AugmentAndRescale((12, 10)), Constant()])
    model.compile("sgd", "mse", jit_compile=True)
    dataset = batches(8).map(lambda inputs, label: (inputs, tf.zeros([8, 12, 10, 3])))
    inputs, _ = next(iter(dataset))
    losses = [
        np.mean(np.square(model(inputs, training=training).numpy())) for training in (True, False)
    ]
    assert model.evaluate(dataset, verbose=0) == pytest.approx(losses[1], rel=1e-5)
    assert model.fit(dataset, verbose=0).history["loss"] == pytest.approx([losses[0]], rel=1e-5)
    assert abs(losses[0] - losses[1]) > 1e-3


class Constant(keras.layers.Layer):
    """A layer with a weight for the optimizer, which nothing depends on."""

    def build(self, input_shape):
        self.weight = self.add_weight()

    def call(self, inputs):
        return inputs + 0 * self.weight


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_saved_and_loaded(tmp_path, suffix):
    options = {
        "rescale": 1 / 127.5,
        "offset": -1.0,
        "fill_mode": "constant",
        "cval": 9.0,
        "order": 0,
        "output_dtype": "float32",
    }
    model = small_model(**options)
    model.save(tmp_path / f"model{suffix}")
    loaded = keras.models.load_model(tmp_path / f"model{suffix}")
    layer = next(each for each in loaded.layers if isinstance(each, AugmentAndRescale))
    assert {key: getattr(layer, key) for key in options} == options
    assert layer.image_size == (12, 10)
    inputs, _ = next(iter(batches()))
    for training in (False, True):
        expected = model(inputs, training=training)
        np.testing.assert_array_equal(loaded(inputs, training=training), expected)
    assert not np.array_equal(model(inputs, training=True), model(inputs, training=False))


def test_exported(tmp_path):
    model = small_model()
    model.export(tmp_path / "exported", verbose=False)
    inputs, _ = next(iter(batches()))
    served = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(served.serve(inputs), model(inputs), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("floating", [False, True])
def test_mixed_precision_rounds_once(policy, floating):
    images, geometry = noise((12, 10), 8), random_geometry((12, 10), 8)
    images = images.astype(np.float32) if floating else images
    tables = device_tables(geometry, (12, 10))
    layer = AugmentAndRescale((12, 10), offset=-0.5, dtype=policy)
    assert layer.compute_dtype == policy.removeprefix("mixed_")
    for training, given in [(True, tables), (False, None)]:
        result = layer((images, tables), training=training)
        expected = augment_and_rescale(images, given, offset=-0.5)
        assert result.dtype == layer.compute_dtype
        np.testing.assert_array_equal(result, tf.cast(expected, layer.compute_dtype))
    kept = AugmentAndRescale((12, 10), dtype=policy, output_dtype="float32")
    assert kept((images, tables), training=True).dtype == tf.float32
    assert kept(keras.Input((12, 10, 3), dtype="uint8")).dtype == "float32"
    assert layer(keras.Input((12, 10, 3), dtype="uint8")).dtype == layer.compute_dtype


@pytest.mark.parametrize("training", [None, False, True])
def test_without_tables_it_rescales(training):
    images = noise((12, 10), 3)
    layer = AugmentAndRescale((12, 10), rescale=2.0, offset=1.0)
    expected = images.astype(np.float32) * 2 + 1
    np.testing.assert_array_equal(layer(images, training=training), expected)
    both = {"images": images, "tables": None}
    np.testing.assert_array_equal(layer(both, training=training), expected)
    np.testing.assert_array_equal(layer({"images": images}, training=training), expected)


@pytest.mark.parametrize("training", [None, False])
def test_without_training_it_rescales(training):
    images, tables = noise((12, 10), 3), np.zeros((3, *table_shape((12, 10))), np.int32)
    layer = AugmentAndRescale((12, 10), rescale=2.0)
    np.testing.assert_array_equal(layer((images, tables), training=training), images * 2.0)


def test_tables_may_be_an_optional_input():
    images = keras.Input((12, 10, 3), dtype="uint8", name="images")
    shape = table_shape((12, 10))
    tables = keras.Input(shape, dtype="int32", optional=True, name="tables")
    outputs = AugmentAndRescale((12, 10))({"images": images, "tables": tables})
    model = keras.Model({"images": images, "tables": tables}, outputs)
    pixels = noise((12, 10), 2)
    result = model({"images": pixels, "tables": None})
    np.testing.assert_allclose(result, pixels / 255, atol=1e-6)


def test_the_layer_equals_the_function_and_the_host():
    images, geometry = noise((12, 10), 8), random_geometry((12, 10), 8)
    tables = device_tables(geometry, (12, 10))
    options = {"fill_mode": "reflect", "order": 1, "cval": 3.0}
    layer = AugmentAndRescale((12, 10), **options)
    for inputs in ((images, tables), [images, tables], {"images": images, "tables": tables}):
        result = layer(inputs, training=True)
        np.testing.assert_array_equal(result, augment_and_rescale(images, tables, **options))
    host = warp(images, geometry, **options).numpy() / 255
    np.testing.assert_allclose(result, host, atol=TOLERANCE / 255, rtol=0)


def test_the_layer_refuses():
    with pytest.raises(ValueError, match="fill_mode must be one of"):
        AugmentAndRescale((12, 10), fill_mode="mirror")
    with pytest.raises(ValueError, match="order must be 0 or 1, got 3"):
        AugmentAndRescale((12, 10), order=3)
    layer = AugmentAndRescale((12, 10))
    with pytest.raises(ValueError, match="images must be"):
        layer(noise((10, 12), 2))
    with pytest.raises(ValueError, match="tables must be"):
        layer((noise((12, 10), 2), np.zeros((2, 2, 2, 23), np.int32)))


JAX = """
import jax, keras, numpy as np, sys
from catdog_data.training.augment_layer import AugmentAndRescale
assert keras.backend.backend() == "jax" and not jax.config.jax_enable_x64
given = np.load(sys.argv[1])
for fill_mode in ("nearest", "constant", "reflect", "wrap"):
    for order in (0, 1):
        layer = AugmentAndRescale((20, 31), 1.0, fill_mode=fill_mode, cval=7.3, order=order)
        call = jax.jit(lambda images, tables: layer((images, tables), training=True))
        got = np.asarray(call(given["images"], given["tables"]))
        assert np.abs(got - given[f"{fill_mode}{order}"]).max() < 1e-3, (fill_mode, order)
x = keras.Input((20, 31, 3), dtype="uint8"), keras.Input((2, 2, 51), dtype="int32")
model = keras.Model(x, keras.layers.Flatten()(AugmentAndRescale((20, 31))(x)))
model = keras.Sequential([model, keras.layers.Dense(1)])
model.compile("sgd", "mse", jit_compile=True)
model.fit((given["images"], given["tables"]), np.zeros(16), verbose=0)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_gives_the_same(tmp_path):
    geometry = random_geometry((20, 31))
    given = {"images": noise((20, 31), 16), "tables": device_tables(geometry, (20, 31))}
    for fill_mode, order in MODES_AND_ORDERS:
        options = {"fill_mode": fill_mode, "cval": CVAL, "order": order}
        given[f"{fill_mode}{order}"] = warp(given["images"], geometry, **options).numpy()
    np.savez(tmp_path / "given.npz", **given)
    command = [sys.executable, "-c", JAX, tmp_path / "given.npz"]
    subprocess.run(command, check=True, env=os.environ | {"KERAS_BACKEND": "jax"})
