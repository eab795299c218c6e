"""The tf.data API beside Keras' own, and what it promises beyond."""

from __future__ import annotations

import hashlib
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catdog_data import Augmentation, image_dataset_from_arrays, image_dataset_from_directory
from catdog_data.engine.pipeline import batches_ahead
from catdog_data.training.augment_layer import AugmentAndRescale, table_shape

keras_dataset = keras.utils.image_dataset_from_directory
RECIPE = Augmentation(
    horizontal_flip=True,
    rotation=30,
    shear=5,
    zoom=(0.7, 1.3),
    channel_shift=10,
    brightness=(0.8, 1.2),
    contrast=(0.9, 1.1),
    saturation=(0.5, 1.5),
    hue=0.05,
    crop_area=(0.5, 1.0),
    steps_per_image=6,
    erasing=0.3,
)


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """Pictures of every kind that Keras lists, in nested and oddly named folders."""
    root = tmp_path_factory.mktemp("tree")
    names = ["b/1.jpg", "b/2.JPG", "b/deep/er/3.jpeg", "ä ü/ß.jpg", "ä ü/漢.jpg", "b/wide.jpg"]
    for i, name in enumerate(names):
        save_picture(root / name, (200, 20) if "wide" in name else (31 + 7 * i, 44 - 3 * i), i)
    noise = np.random.default_rng(4)
    pictures = {
        "b/palette.png": Image.fromarray(noise.integers(0, 256, (12, 9, 3), "uint8")).quantize(9),
        "b/grey.jpg": Image.fromarray(noise.integers(0, 256, (15, 22), "uint8")),
        "b/deep.png": Image.fromarray(noise.integers(0, 2**16, (10, 12)).astype("uint16")),
        "ä ü/plain.bmp": Image.fromarray(noise.integers(0, 256, (9, 30, 3), "uint8")),
        "ä ü/tiny.png": Image.fromarray(noise.integers(0, 256, (1, 1, 3), "uint8")),
    }
    for name, picture in pictures.items():
        picture.save(root / name)
    frames = [
        Image.fromarray(noise.integers(0, 256, (14, 11), "uint8")).convert("P") for _ in range(3)
    ]
    frames[0].save(root / "b" / "moving.gif", save_all=True, append_images=frames[1:])
    (root / "b" / "notes.txt").write_text("no picture")
    return root


def assert_same_dataset(expected, got):
    assert got.class_names == expected.class_names
    assert got.file_paths == expected.file_paths
    assert got.element_spec == expected.element_spec
    assert got.cardinality() == expected.cardinality()
    pairs = list(zip(expected, got, strict=True))
    assert len(pairs) == int(got.cardinality())
    for one, other in pairs:
        for left, right in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
            np.testing.assert_array_equal(right, left)


METHODS = [
    *("bilinear", "nearest", "bicubic", "area"),
    *("lanczos3", "lanczos5", "gaussian", "mitchellcubic"),
]


@pytest.mark.parametrize("aspect", [None, "crop_to_aspect_ratio", "pad_to_aspect_ratio"])
@pytest.mark.parametrize("interpolation", METHODS)
def test_pixels_are_those_of_keras(tree, interpolation, aspect):
    if aspect == "crop_to_aspect_ratio" and interpolation in ("gaussian", "mitchellcubic"):
        pytest.skip("Keras refuses it")
    flow = {"image_size": (23, 30), "interpolation": interpolation, "batch_size": 5}
    flow |= {"shuffle": False, "verbose": False, **({aspect: True} if aspect else {})}
    assert_same_dataset(keras_dataset(tree, **flow), image_dataset_from_directory(tree, **flow))


FORMS = [
    {"label_mode": "binary"},
    {"label_mode": "categorical", "class_names": ["b", "ä ü"]},
    {"label_mode": None},
    {"labels": None},
    {"labels": list(range(12))},
    {"batch_size": None},
    {"batch_size": 100},
    {"data_format": "channels_first"},
    {"image_size": 17},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_elements_are_those_of_keras(tree, form):
    flow = {"image_size": (9, 8), "batch_size": 5, "shuffle": False, "verbose": False, **form}
    assert_same_dataset(keras_dataset(tree, **flow), image_dataset_from_directory(tree, **flow))


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_grayscale_is_that_of_keras(photos, interpolation, data_format):
    flow = {"color_mode": "grayscale", "interpolation": interpolation, "data_format": data_format}
    flow |= {"image_size": (9, 8), "shuffle": False, "verbose": False}
    assert_same_dataset(keras_dataset(photos, **flow), image_dataset_from_directory(photos, **flow))


@pytest.mark.parametrize("subset", ["training", "validation", "both"])
def test_splits_and_messages_are_those_of_keras(photos, capsys, subset):
    flow = {"validation_split": 0.3, "subset": subset, "seed": 12, "image_size": (8, 8)}
    expected = keras_dataset(photos, **flow)
    said = capsys.readouterr().out
    got = image_dataset_from_directory(photos, **flow)
    assert capsys.readouterr().out == said
    pairs = zip(expected, got, strict=True) if subset == "both" else [(expected, got)]
    for one, other in pairs:
        assert other.file_paths == one.file_paths
        labels = sorted(label for _, batch in other for label in batch.numpy())
        assert labels == sorted(label for _, batch in one for label in batch.numpy())


def test_the_seed_is_drawn_as_keras_draws_it(photos):
    paths = []
    for make in (keras_dataset, image_dataset_from_directory):
        np.random.seed(3)
        paths.append((make(photos, verbose=False).file_paths, np.random.random()))
    assert paths[0] == paths[1]


REFUSED = {
    "labels": {"labels": "guessed"},
    "label_mode": {"label_mode": "one-hot"},
    "class_names": {"labels": [0] * 19, "class_names": ["a"]},
    "color_mode": {"color_mode": "bgr"},
    "image_size": {"image_size": (8, 8, 8)},
    "interpolation": {"interpolation": "best"},
    "validation_split": {"validation_split": 1.0, "subset": "both", "seed": 1},
    "subset": {"validation_split": 0.2, "seed": 1},
    "seed": {"validation_split": 0.2, "subset": "both"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_keras_refuses_is_refused_by_name(photos, name):
    with pytest.raises(ValueError):
        keras_dataset(photos, **REFUSED[name])
    with pytest.raises(ValueError, match=name):
        image_dataset_from_directory(photos, **REFUSED[name])


OWN_REFUSED = {
    "crop_to_aspect_ratio": {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
    "output_dtype": {"output_dtype": "int8"},
    "data_format": {"data_format": "rows_first"},
    "batch_size": {"batch_size": 0},
    "shard": {"shard": (3, 2)},
    "`seed`": {"seed": -4},
    "image_size": {"image_size": (0, 4)},
    "ram_budget": {"ram_budget": 0},
    "`cache`": {"cache": 5},
    "`cache` must name a folder": {"cache": __file__},
    "`augmentation`": {"augmentation": {"rotation": 30}},
    "`shard` must be": {"shard": 2},
    "rescale": {"rescale": "1/255"},
    "augment_on": {"augment_on": "cpu"},
}


@pytest.mark.parametrize("name", OWN_REFUSED)
def test_other_wrong_values_are_named(photos, name):
    with pytest.raises(ValueError, match=name):
        image_dataset_from_directory(photos, **OWN_REFUSED[name])


def test_a_missing_directory_and_an_empty_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        image_dataset_from_directory(tmp_path / "nowhere")
    (tmp_path / "cats").mkdir()
    with pytest.raises(ValueError, match="must hold an image"):
        image_dataset_from_directory(tmp_path)


def own(photos, **options):
    flow = {"image_size": (14, 12), "batch_size": 4, "seed": 5, "verbose": False, **options}
    return image_dataset_from_directory(photos, **flow)


def by_file(dataset):
    """Digest every image of one pass, by its index."""
    digests = {}
    for images, _, index in dataset:
        for image, i in zip(images.numpy(), index.numpy(), strict=True):
            assert i not in digests
            digests[int(i)] = hashlib.sha256(image.tobytes()).hexdigest()
    return digests


def in_threads(dataset, count):
    options = tf.data.Options()
    options.threading.private_threadpool_size = count
    return dataset.with_options(options)


@pytest.mark.slow
def test_an_epoch_is_the_same_at_any_parallelism(photos):
    options = {"augmentation": RECIPE, "return_index": True}
    expected = [by_file(dataset) for dataset in [own(photos, **options)] for _ in range(2)]
    assert len(expected[0]) == 19
    assert not set(expected[0].values()) & set(expected[1].values())
    for count in (1, 2, 8):
        dataset = in_threads(own(photos, **options), count)
        assert [by_file(dataset), by_file(dataset)] == expected
    assert by_file(own(photos, **options).prefetch(9)) == expected[0]
    assert by_file(own(photos, **options, batch_size=7)) == expected[0]
    shards = [own(photos, **options, shard=(i, 3)) for i in range(3)]
    assert len({int(shard.cardinality()) for shard in shards}) == 1
    union = {}
    for shard in shards:
        part = by_file(shard)
        assert not union.keys() & part.keys()
        union |= part
    assert union == expected[0]


def test_arrays_give_what_files_give(photos):
    plain = own(photos, shuffle=False, interpolation="nearest", label_mode="binary")
    images, labels = (
        np.concatenate(column) for column in zip(*plain.as_numpy_iterator(), strict=True)
    )
    files = own(
        photos, interpolation="nearest", augmentation=RECIPE, label_mode="binary", shuffle=False
    )
    arrays = image_dataset_from_arrays(images, labels, 4, False, 5, augmentation=RECIPE)
    for (x, y), (u, v) in zip(files, arrays, strict=True):
        np.testing.assert_array_equal(u, x)
        np.testing.assert_array_equal(v, y)


def test_arrays_without_change_and_with_structured_labels():
    images = np.random.default_rng(1).integers(0, 256, (9, 5, 4, 1), "uint8")
    labels = {"kind": np.arange(9), "box": np.arange(18.0).reshape(9, 2)}
    dataset = image_dataset_from_arrays(images, labels, 4, seed=2, return_index=True)
    seen = []
    for x, y, index in dataset:
        np.testing.assert_array_equal(x, images[index])
        np.testing.assert_array_equal(y["kind"], index)
        np.testing.assert_array_equal(y["box"], labels["box"][index])
        seen += index.numpy().tolist()
    assert sorted(seen) == list(range(9))
    with pytest.raises(ValueError, match="`labels`"):
        image_dataset_from_arrays(images, np.arange(8))
    with pytest.raises(ValueError, match="`images`"):
        image_dataset_from_arrays(images[0])


@pytest.mark.parametrize("batch_size", [4, pytest.param(None, marks=pytest.mark.slow)])
def test_resuming_between_any_two_batches(photos, batch_size):
    options = {"augmentation": RECIPE, "batch_size": batch_size}
    dataset = own(photos, **options)
    epochs = [list(dataset.as_numpy_iterator()) for _ in range(3)]
    per_step = 1 if batch_size else 19
    steps = len(epochs[0]) if batch_size else 1
    for epoch, step in [*((0, step) for step in range(steps)), (1, steps - 1)]:
        resumed = dataset.resume(epoch, step)
        following = [*resumed.as_numpy_iterator(), *resumed.as_numpy_iterator()]
        expected = [*epochs[epoch][step * per_step :], *epochs[epoch + 1]]
        assert len(following) == len(expected)
        for (x, y), (u, v) in zip(expected, following, strict=True):
            np.testing.assert_array_equal(u, x)
            np.testing.assert_array_equal(v, y)
        if step:
            assert resumed.cardinality() == tf.data.UNKNOWN_CARDINALITY
    with pytest.raises(ValueError, match="step="):
        dataset.resume(0, 99)


def test_validation_is_not_augmented(photos):
    split = {"validation_split": 0.4, "subset": "both", "augmentation": RECIPE}
    _, validation = own(photos, **split)
    _, plain = own(photos, **{**split, "augmentation": None})
    _, augmented = own(photos, **split, augment_validation=True)
    (x, _), (same, _), (other, _) = (
        next(dataset.as_numpy_iterator()) for dataset in (validation, plain, augmented)
    )
    np.testing.assert_array_equal(x, same)
    assert not np.array_equal(x, other)


def test_stratified_splits_are_disjoint_and_complete(photos):
    training, validation = own(photos, validation_split=0.4, subset="both", stratify=True)
    both = [*training.file_paths, *validation.file_paths]
    assert sorted(both) == sorted(own(photos).file_paths)
    assert len(set(both)) == len(both) == 19


@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
def test_output_types(photos, dtype):
    exact = next(own(photos, augmentation=RECIPE).as_numpy_iterator())[0]
    got = next(iter(own(photos, augmentation=RECIPE, output_dtype=dtype)))[0]
    assert got.dtype == dtype
    expected = tf.cast(tf.round(exact) if dtype == "uint8" else exact, dtype)
    np.testing.assert_array_equal(tf.cast(got, tf.float32), tf.cast(expected, tf.float32))


def test_rescaling_comes_last(photos):
    exact = next(own(photos, augmentation=RECIPE).as_numpy_iterator())[0]
    scaled = next(own(photos, augmentation=RECIPE, rescale=1 / 255).as_numpy_iterator())[0]
    np.testing.assert_array_equal(scaled, exact * np.float32(1 / 255))


@pytest.mark.parametrize("batch_size", [1, 4, 19, 50, None])
@pytest.mark.parametrize("shard", [(0, 1), (1, 2)])
def test_cardinality_is_what_is_yielded(photos, batch_size, shard):
    dataset = (
        own(photos, batch_size=batch_size, shard=shard)
        if (batch_size, shard)
        != (
            1,
            (1, 2),
        )
        else own(photos, batch_size=2, shard=shard)
    )
    count = sum(1 for _ in dataset)
    assert count == int(dataset.cardinality()) == len(dataset)
    repeated = dataset.repeat(2)
    assert sum(1 for _ in repeated) == 2 * count == int(repeated.cardinality())


def test_further_stages_are_borne(photos):
    dataset = own(photos, augmentation=RECIPE)
    cached = dataset.map(lambda x, y: (x / 2, y)).cache().shuffle(3).prefetch(2)
    assert sum(len(labels) for _, labels in cached) == 19


def test_fit_on_a_dataset(photos):
    dataset = own(photos, augmentation=RECIPE, label_mode="binary", rescale=1 / 255)
    model = keras.Sequential([keras.Input((14, 12, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse")
    history = model.fit(dataset, validation_data=dataset, epochs=3, verbose=0).history
    assert len(history["loss"]) == 3
    assert math.isfinite(history["val_loss"][-1])


def test_mirrored_images_alone_are_whole_pixels(photos):
    flips = Augmentation(horizontal_flip=True, vertical_flip=True)
    exact = own(photos, shuffle=False, interpolation="nearest")
    mirrored = own(photos, shuffle=False, interpolation="nearest", augmentation=flips)
    kinds = set()
    for (x, _), (u, _) in zip(exact.as_numpy_iterator(), mirrored.as_numpy_iterator(), strict=True):
        assert u.dtype == np.uint8
        for image, other in zip(x, u, strict=True):
            forms = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
            kinds.add([np.array_equal(form, other) for form in forms].index(True))
    assert len(kinds) > 1


GEOMETRY = Augmentation(
    horizontal_flip=True, rotation=30, shear=5, zoom=(0.7, 1.3), crop_area=(0.6, 1.0)
)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_the_device_gives_what_the_host_gives(photos, interpolation):
    options = {"augmentation": GEOMETRY, "interpolation": interpolation}
    host = own(photos, **options, rescale=1 / 255)
    device = own(photos, **options, augment_on="device")
    layer = AugmentAndRescale((14, 12))
    for (x, y), (inputs, labels) in zip(host, device, strict=True):
        assert inputs["images"].dtype == tf.uint8
        np.testing.assert_array_equal(labels, y)
        np.testing.assert_allclose(layer(inputs, training=True), x, atol=1e-3)
        expected = tf.cast(inputs["images"], tf.float32) / 255
        np.testing.assert_allclose(layer(inputs, training=False), expected, atol=1e-6)


def test_a_model_that_augments_on_the_device(photos):
    training, validation = own(
        photos,
        validation_split=0.4,
        subset="both",
        augmentation=GEOMETRY,
        augment_on="device",
        label_mode="binary",
    )
    inputs = {
        "images": keras.Input((14, 12, 3), dtype="uint8", name="images"),
        "tables": keras.Input(table_shape((14, 12)), dtype="int32", name="tables"),
    }
    x = keras.layers.Flatten()(AugmentAndRescale((14, 12))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile("adam", "mse", jit_compile=True)
    history = model.fit(training, validation_data=validation, epochs=2, verbose=0).history
    assert math.isfinite(history["val_loss"][-1])


@pytest.mark.parametrize(
    "options",
    [{"augmentation": RECIPE}, {"rescale": 1 / 255}, {"output_dtype": "float16"}],
    ids=str,
)
def test_what_the_device_does_not_do_is_refused(photos, options):
    with pytest.raises(ValueError, match="augment_on"):
        own(photos, augment_on="device", **options)


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("empty.png", b""),
        ("page.jpg", b"<!doctype html><p>404</p>"),
        ("cut.jpg", None),
        ("cut.png", None),
    ],
)
def test_a_file_that_cannot_be_decoded_is_named(tmp_path, name, contents):
    save_picture(tmp_path / "a" / "good.jpg", (20, 20), 1)
    path = tmp_path / "b" / name
    save_picture(path, (30, 30), 2)
    path.write_bytes(path.read_bytes()[:-90] if contents is None else contents)
    dataset = own(tmp_path, shuffle=False, batch_size=1)
    batches = iter(dataset)
    next(batches)
    with pytest.raises(tf.errors.OpError, match=rf"{name}' cannot be decoded .*Remove it"):
        next(batches)


def test_fast_decoding_is_near_an_antialiased_resize(tmp_path):
    for i, name in enumerate("ab"):
        save_picture(tmp_path / name / "large.jpg", (640, 480), i, quality=95)
        save_picture(tmp_path / name / "small.jpg", (30, 20), i, quality=95)
    options = {"shuffle": False, "image_size": (48, 64), "output_dtype": "uint8", "batch_size": 9}
    (exact, _), (fast, _), (smooth, _) = (
        next(own(tmp_path, **options, **more).as_numpy_iterator())
        for more in ({}, {"decode": "fast"}, {"antialias": True})
    )
    exact, fast, smooth = (images.astype("int16") for images in (exact, fast, smooth))
    large, small = [0, 2], [1, 3]
    assert not np.array_equal(fast[large], exact[large])
    assert np.abs(fast[large] - smooth[large]).mean() < 2
    np.testing.assert_array_equal(fast[small], exact[small])
    cached = own(tmp_path, **options, decode="fast", cache=tmp_path / "packs", labels=[0, 0, 1, 1])
    np.testing.assert_array_equal(next(cached.as_numpy_iterator())[0], fast)
    with pytest.raises(ValueError, match="`decode` must be one of 'exact', 'fast'"):
        own(tmp_path, decode="quick")


@pytest.mark.parametrize("budget", [1, 10**5, None])
def test_a_budget_of_memory_changes_no_batch(photos, budget):
    for one, other in zip(own(photos), own(photos, ram_budget=budget), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


@given(batch_bytes=st.integers(0, 10**9), cores=st.integers(1, 99), budget=st.integers(1, 10**11))
def test_batches_keep_to_the_budget(batch_bytes, cores, budget):
    calls, waiting = batches_ahead(batch_bytes, cores, budget)
    assert 1 <= calls <= cores + 1
    assert 1 <= waiting <= 2
    if budget >= 2 * batch_bytes:
        assert (calls + waiting) * batch_bytes <= budget
    more = batches_ahead(batch_bytes, cores, 2 * budget)
    assert more >= (calls, waiting)
