"""Several images to a row of a data frame, beside the plain datasets of its columns."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image

from catdog_data import Augmentation, image_dataset_from_dataframe

MOVED = Augmentation(rotation=40, horizontal_flip=True, brightness=(0.6, 1.4), erasing=0.5)
OPTIONS = {"image_size": (14, 12), "batch_size": 4, "seed": 5, "verbose": False}
CATS = [f"cats/cat.{i}.jpg" for i in range(7)]
DOGS = ["dogs/dog.0.JPG", "dogs/dog.1.JPG", "dogs/dog.2.JPG", "dogs/dog.3.png"]


@pytest.fixture
def frame():
    """Seven rows; images of the second column come again."""
    rights = [*DOGS, *DOGS[:2], "cats/cat.0.jpg"]
    kinds = ["apart", "near", "apart", "near", "near", "near", "near"]
    return pd.DataFrame({"left": CATS, "right": rights, "class": kinds, "weight": np.arange(7.0)})


def dataset_of(frame, photos, x_col=("left", "right"), **options):
    x_col = list(x_col) if isinstance(x_col, tuple) else x_col
    return image_dataset_from_dataframe(frame, photos, x_col, **{**OPTIONS, **options})


def assert_sides(photos, frame, expected, **options):
    """Compare both images of pairs, and what is behind them, with those of plain datasets."""
    pairs = dataset_of(frame, photos, **options)
    columns = [dataset_of(frame, photos, side, **options) for side in expected]
    for (images, *behind), *plain in zip(pairs, *columns, strict=True):
        assert len(images) == len(plain)
        for image, (own, *rest) in zip(images, plain, strict=True):
            np.testing.assert_array_equal(image, own)
            tf.nest.map_structure(np.testing.assert_array_equal, behind, rest)
    assert pairs.file_paths == columns[0].file_paths
    assert pairs.class_names == columns[0].class_names
    assert len(pairs) == len(columns[0])


ALIKE = [
    {"return_index": True, "weight_col": "weight"},
    {"augmentation": MOVED, "interpolation": "nearest"},
    {"augmentation": MOVED, "balance": "oversample", "shard": (1, 2), "output_dtype": "uint8"},
    {"augmentation": MOVED, "cache": "memory", "data_format": "channels_first", "rescale": 0.5},
    {"augmentation": Augmentation(mixup=0.4, cutmix=1.0), "label_mode": "binary"},
    *(
        pytest.param(each, marks=pytest.mark.slow)
        for each in (
            {"augmentation": MOVED, "batch_size": None, "color_mode": "grayscale"},
            {"augmentation": MOVED, "validation_split": 0.4, "subset": "training"},
            {"augmentation": MOVED, "fold": (1, 3), "subset": "training", "stratify": True},
        )
    ),
]


@pytest.mark.parametrize("options", ALIKE, ids=str)
def test_images_alike_are_those_of_plain_datasets(photos, frame, options):
    if "subset" in options:
        # Parts go by the first column.
        frame["right"] = frame["left"]
    assert_sides(photos, frame, ("left", "right"), **options)


def test_one_image_twice_is_moved_alike_or_apart(photos, frame):
    options = {"augmentation": MOVED, "x_col": ("left", "left")}
    for (one, other), _ in dataset_of(frame, photos, **options):
        np.testing.assert_array_equal(one, other)
    apart = list(dataset_of(frame, photos, augment_alike=False, **options))
    views = list(dataset_of(frame, photos, "left", augmentation=MOVED, views=2))
    for element, as_views in zip(apart, views, strict=True):
        assert (element[0][0] != element[0][1]).numpy().any(axis=(1, 2, 3)).all()
        tf.nest.map_structure(np.testing.assert_array_equal, element, as_views)


def test_validation_is_the_same_alike_and_apart(photos, frame):
    options = {"augmentation": MOVED, "validation_split": 0.4, "subset": "validation"}
    alike, apart = (dataset_of(frame, photos, augment_alike=each, **options) for each in (1, 0))
    for one, other in zip(alike, apart, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_three_images_by_names_begin_anywhere(photos, frame):
    names = {"c": "left", "a": "right", "b": "left"}
    dataset = dataset_of(frame, photos, names, augmentation=MOVED, label_mode=None)
    epochs = [list(dataset.as_numpy_iterator()) for _ in range(2)]
    assert set(epochs[0][0]) == set(names)
    plain = dataset_of(frame, photos, "right", augmentation=MOVED, label_mode=None)
    np.testing.assert_array_equal(epochs[0][0]["a"], next(iter(plain)))
    np.testing.assert_array_equal(epochs[0][0]["b"], epochs[0][0]["c"])
    resumed = list(dataset.resume(1, 1).as_numpy_iterator())
    tf.nest.map_structure(np.testing.assert_array_equal, resumed, epochs[1][1:])
    followed = list(dataset.follow(lambda: (1, 0)).as_numpy_iterator())
    tf.nest.map_structure(np.testing.assert_array_equal, followed, epochs[1])


def test_a_dict_of_one_column(photos, frame):
    named = dataset_of(frame, photos, {"image": "left"}, augmentation=MOVED, augment_alike=False)
    for (images, labels), plain in zip(
        named, dataset_of(frame, photos, "left", augmentation=MOVED), strict=True
    ):
        np.testing.assert_array_equal(images["image"], plain[0])
        np.testing.assert_array_equal(labels, plain[1])


def test_before_and_after_with_a_mask_of_changes(photos, frame, tmp_path):
    numbers = np.random.default_rng(1).integers(0, 5, (30, 40), dtype=np.uint8)
    Image.fromarray(numbers).save(tmp_path / "mask.png")
    frame["mask"] = str(tmp_path / "mask.png")
    options = {"y_col": "mask", "label_mode": "mask", "augmentation": MOVED}
    assert_sides(photos, frame, ("left", "right"), **options)


def test_a_cache_holds_a_file_of_several_rows_and_columns_once(photos, frame, tmp_path, capfd):
    options = {"augmentation": MOVED, "augment_alike": False, "return_index": True}
    cached = dataset_of(frame, photos, cache=tmp_path, **options)
    assert "Decoding 11 images" in capfd.readouterr().err
    for one, other in zip(cached, dataset_of(frame, photos, **options), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


# --- Files that cannot be read --------------------------------------------------------------------


@pytest.fixture
def damaged(photos, frame, tmp_path, monkeypatch):
    """The same files, of which one of the second column is cut short."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "verdicts"))
    root = tmp_path / "photos"
    for name in {*frame["left"], *frame["right"]}:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((photos / name).read_bytes())
    broken = root / DOGS[1]
    broken.write_bytes(broken.read_bytes()[:300])
    return root


@pytest.mark.parametrize("batch_size", [2, None])
def test_the_error_names_the_file_and_the_pass_goes_on(damaged, frame, batch_size):
    pairs = dataset_of(frame, damaged, shuffle=False, batch_size=batch_size, return_index=True)
    elements, failed, read = iter(pairs), 0, []
    for _ in range(len(pairs)):
        try:
            read += np.ravel(next(elements)[-1]).tolist()
        except tf.errors.OpError as error:
            assert "dog.1.JPG" in str(error)
            failed += 1
    assert failed == 2
    # Rows 1 and 5 have the file.
    assert read == ([2, 3, 6] if batch_size else [0, 2, 3, 4, 6])


def test_rows_with_a_broken_image_are_left_out_or_exchanged(damaged, frame):
    options = {"shuffle": False, "return_index": True, "batch_size": None}
    good = frame.drop(index=[1, 5])
    with pytest.warns(UserWarning, match=r"2 of 7 images cannot be read.*dog\.1\.JPG"):
        skipped = dataset_of(frame, damaged, on_error="skip", cache="memory", **options)
    expected = dataset_of(good, damaged, **options)
    for one, other in zip(skipped, expected, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)
    assert ["dog.1.JPG" in each.reason for each in skipped.report()] == [True, True]
    with pytest.warns(UserWarning, match="take their places"):
        replaced = dataset_of(frame, damaged, on_error="replace", **options)
    # Both rows are "near", and stand-ins are next to them by the names of the first column.
    whole = {path: pair for pair, path in zip(expected, expected.file_paths, strict=True)}
    chosen = [str(damaged / CATS[row]) for row in (0, 3, 2, 3, 4, 4, 6)]
    for (images, _, _), path in zip(replaced, chosen, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, images, whole[path][0])


def test_a_file_that_breaks_later(damaged, frame):
    frame = frame.drop(index=[1, 5])
    options = {"shuffle": False, "return_index": True, "on_error": "skip", "batch_size": 5}
    pairs = dataset_of(frame, damaged, **options)
    (damaged / DOGS[2]).write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"dog\.2\.JPG"):
        _, _, index = next(iter(pairs))
    assert index.numpy().tolist() == [0, 2, 3, 4]


def test_missing_files_of_any_column_are_named(photos, frame):
    frame.loc[3, "right"] = "dogs/nope.jpg"
    with pytest.raises(FileNotFoundError, match=r"column 'right'.*nope\.jpg"):
        dataset_of(frame, photos)


def test_rows_of_excluded_files_are_left_out(photos, frame):
    dataset = dataset_of(frame, photos, exclude=["cats/cat.2.jpg", DOGS[0]], shuffle=False)
    assert [path.removeprefix(f"{photos}/") for path in dataset.file_paths] == [
        CATS[row] for row in (1, 3, 5, 6)
    ]
    with pytest.raises(ValueError, match="`exclude` must leave a row"):
        dataset_of(frame[:1], photos, exclude=[DOGS[0]])


# --- What does not go together --------------------------------------------------------------------


MIXED = Augmentation(horizontal_flip=True, mixup=0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x_col": "left", "augment_alike": False}, "`augment_alike=False` needs several"),
        ({"views": 2, "augmentation": MOVED}, "`views` needs one image to a row"),
        ({"augment_on": "device"}, '`augment_on="device"` needs one image'),
        ({"image_size": None}, r"`x_col=\['left'"),
        ({"augmentation": MIXED, "augment_alike": False}, "`mixup` and `cutmix`"),
        ({"label_mode": "mask", "augment_alike": False}, 'label_mode="mask"'),
    ],
)
def test_what_does_not_go_together_is_refused(photos, frame, options, message):
    with pytest.raises(ValueError, match=message):
        dataset_of(frame, photos, **options)


# --- Training -------------------------------------------------------------------------------------


def test_fit_of_a_siamese_model_by_the_names_of_its_inputs(photos, frame):
    encode = keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Flatten()])
    encode.add(keras.layers.Dense(4))
    inputs = {name: keras.Input((14, 12, 3), name=name) for name in ("second", "first")}
    distance = keras.layers.Subtract()([encode(inputs["first"]), encode(inputs["second"])])
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(distance))
    model.compile("adam", "binary_crossentropy", weighted_metrics=["accuracy"])
    options = {"augmentation": MOVED, "label_mode": "binary", "weight_col": "weight"}
    columns = {"first": "left", "second": "right"}
    train = dataset_of(frame, photos, columns, augment_alike=False, **options)
    before = model.get_weights()
    history = model.fit(train, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))
    # Each input has the images of its own column.
    single = dataset_of(frame, photos, columns, shuffle=False, label_mode="binary")
    lefts, rights = (
        np.concatenate([images for images, _ in dataset_of(frame, photos, side, shuffle=False)])
        for side in ("left", "right")
    )
    expected = model.predict({"first": lefts, "second": rights}, verbose=0)
    np.testing.assert_allclose(model.predict(single, verbose=0), expected, atol=1e-5)
