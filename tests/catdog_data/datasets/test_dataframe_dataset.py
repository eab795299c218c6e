"""`image_dataset_from_dataframe` beside `image_dataset_from_directory` on the same files."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog_data import Augmentation, image_dataset_from_directory
from catdog_data.datasets.dataframe import image_dataset_from_dataframe

pandas = pytest.importorskip("pandas")

RECIPE = Augmentation(horizontal_flip=True, rotation=30, zoom=(0.7, 1.3), brightness=(0.8, 1.2))
TAGS = [["x", "y"], ["z"], ("y", "z", "x"), "y", []]
FLOW = {"image_size": (14, 12), "batch_size": 4, "seed": 5, "verbose": False}


@pytest.fixture
def frame(photos):
    """Name the files in the order in which a directory is listed, with labels of every kind."""
    files = image_dataset_from_directory(photos, shuffle=False, verbose=False).file_paths
    names = [path.removeprefix(f"{photos}/") for path in files]
    count = np.arange(len(names))
    columns = {
        "filename": names,
        "class": [name.split("/")[0] for name in names],
        "tags": [TAGS[i % len(TAGS)] for i in count],
        "age": count - 7,
        "size": count / 3,
        "box": [[i, 1.5, -i] for i in count],
        "ragged": [[1] * (1 + i % 2) for i in count],
        "weight": (count % 4 + 0.5).astype("float32"),
        "gap": ["cats", None] + ["dogs"] * (len(names) - 2),
    }
    return pandas.DataFrame(columns, index=count[::-1])


def of_frame(frame, photos, **options):
    return image_dataset_from_dataframe(frame, photos, **{**FLOW, **options})


def of_folder(photos, **options):
    return image_dataset_from_directory(photos, **{**FLOW, **options})


def assert_same(expected, got):
    assert got.class_names == expected.class_names
    assert got.file_paths == expected.file_paths
    assert got.element_spec == expected.element_spec
    assert got.cardinality() == expected.cardinality()
    for one, other in zip(expected, got, strict=True):
        tf.nest.assert_same_structure(one, other)
        for left, right in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
            np.testing.assert_array_equal(right, left)


def by_index(dataset):
    """Collect what belongs to each image in one pass: its index comes last."""
    found = {}
    for *rest, index in dataset.as_numpy_iterator():
        for row, i in enumerate(index):
            assert i not in found
            found[int(i)] = tf.nest.map_structure(lambda part, row=row: part[row], rest)
    return found


SAME = [
    {"label_mode": "binary", "return_index": True},
    {"batch_size": None, "color_mode": "grayscale"},
    {"augmentation": RECIPE, "shard": (1, 2)},
    {"interpolation": "bicubic", "output_dtype": "uint8", "antialias": True},
    {"validation_split": 0.3, "subset": "training", "augmentation": RECIPE},
    *(
        pytest.param(each, marks=pytest.mark.slow)
        for each in (
            {"shuffle": False},
            {"label_mode": "categorical"},
            {"label_mode": None},
            {"interpolation": "nearest", "augmentation": RECIPE},
            {"augmentation": RECIPE, "rescale": 1 / 255, "data_format": "channels_first"},
            {"crop_to_aspect_ratio": True},
            {"pad_to_aspect_ratio": True, "image_size": 33},
            {"validation_split": 0.3, "subset": "validation", "augmentation": RECIPE},
        )
    ),
]


@pytest.mark.parametrize("options", SAME, ids=str)
def test_the_dataset_is_that_of_a_directory(photos, frame, options):
    assert_same(of_folder(photos, **options), of_frame(frame, photos, **options))


def test_class_names_order_the_labels(photos, frame):
    names = ["dogs", "ants", "cats"]
    dataset = of_frame(frame, photos, class_names=names, shuffle=False)
    assert dataset.class_names == names
    labels = np.concatenate([labels for _, labels in dataset.as_numpy_iterator()])
    assert [names[label] for label in labels] == frame["class"].tolist()


@pytest.mark.slow
def test_both_subsets_are_those_of_a_directory(photos, frame, capsys):
    split = {"validation_split": 0.4, "subset": "both", "augmentation": RECIPE, "verbose": True}
    own = of_folder(photos, **split)
    said = capsys.readouterr().out
    got = of_frame(frame, photos, **split)
    assert capsys.readouterr().out == said
    for one, other in zip(own, got, strict=True):
        assert_same(one, other)
    training, validation = (dataset.file_paths for dataset in got)
    assert len(validation) == int(0.4 * 19)
    assert sorted(training + validation) == sorted(of_frame(frame, photos).file_paths)
    assert not set(training) & set(validation)


def test_without_a_shuffle_the_last_rows_are_for_validation(photos, frame):
    flow = {"shuffle": False, "validation_split": 0.25, "subset": "validation"}
    rows = of_frame(frame, photos, **flow, label_mode="raw", y_col="age", batch_size=None)
    assert [int(label) for _, label in rows] == list(range(15 - 7, 19 - 7))


def test_augmented_validation(photos, frame):
    split = {"validation_split": 0.4, "subset": "validation", "augmentation": RECIPE}
    assert_same(
        of_folder(photos, **split, augment_validation=True),
        of_frame(frame, photos, **split, augment_validation=True),
    )


def expected_rows(frame, photos, dataset):
    """Tell the row of the frame that each index stands for."""
    row_of = {f"{photos}/{name}": row for row, name in enumerate(frame["filename"])}
    return [row_of[path] for path in dataset.file_paths]


@pytest.mark.parametrize("split", [{}, {"validation_split": 0.5, "subset": "validation"}])
def test_several_names_in_a_cell(photos, frame, split):
    options = {"y_col": "tags", "label_mode": "categorical", "return_index": True, **split}
    dataset = of_frame(frame, photos, **options)
    assert dataset.class_names == ["x", "y", "z"]
    assert dataset.element_spec[1] == tf.TensorSpec([None, 3], tf.float32)
    rows = expected_rows(frame, photos, dataset)
    found = by_index(dataset)
    assert len(found) == len(rows)
    for i, (_, label) in found.items():
        tags = TAGS[rows[i] % len(TAGS)]
        np.testing.assert_array_equal(label, [float(name in tags) for name in "xyz"])


def test_no_name_in_any_cell(photos, frame):
    empty = frame.assign(tags=[[] for _ in range(len(frame))])
    dataset = of_frame(empty, photos, y_col="tags", label_mode="categorical", class_names=["x"])
    assert all((labels == 0).all() for _, labels in dataset.as_numpy_iterator())


@pytest.mark.parametrize(
    ("y_col", "dtype", "shape"),
    [
        ("age", "int64", [None]),
        ("size", "float64", [None]),
        (["age", "size"], "float64", [None, 2]),
        ("box", "float64", [None, 3]),
        ("weight", "float32", [None]),
    ],
)
def test_raw_labels(photos, frame, y_col, dtype, shape):
    dataset = of_frame(frame, photos, y_col=y_col, label_mode="raw", return_index=True)
    assert dataset.class_names is None
    assert dataset.element_spec[1] == tf.TensorSpec(shape, dtype)
    rows = expected_rows(frame, photos, dataset)
    cells = frame[y_col].to_numpy()
    for i, (_, label) in by_index(dataset).items():
        np.testing.assert_array_equal(label, cells[rows[i]])


def test_multiple_outputs(photos, frame):
    options = {"label_mode": "multi_output", "return_index": True}
    listed = of_frame(frame, photos, y_col=["age", "box"], **options)
    named = of_frame(frame, photos, y_col={"years": "age", "place": ["age", "size"]}, **options)
    assert isinstance(listed.element_spec[1], tuple)
    assert set(named.element_spec[1]) == {"years", "place"}
    rows = expected_rows(frame, photos, listed)
    for i, (_, (age, box)) in by_index(listed).items():
        assert age == rows[i] - 7
        np.testing.assert_array_equal(box, [rows[i], 1.5, -rows[i]])
    for i, (_, label) in by_index(named).items():
        assert label["years"] == rows[i] - 7
        np.testing.assert_array_equal(label["place"], [rows[i] - 7, rows[i] / 3])


@pytest.mark.parametrize("split", [{}, {"validation_split": 0.5, "subset": "training"}])
@pytest.mark.parametrize("batch_size", [4, None])
def test_weights_come_third(photos, frame, batch_size, split):
    options = {"weight_col": "weight", "return_index": True, "batch_size": batch_size, **split}
    dataset = of_frame(frame, photos, **options)
    assert len(dataset.element_spec) == 4
    rows = expected_rows(frame, photos, dataset)
    batches = dataset if batch_size else dataset.batch(3)
    for i, (_, label, weight) in by_index(batches).items():
        assert weight == rows[i] % 4 + 0.5
        assert label == (frame["class"].iloc[rows[i]] == "dogs")


def test_fit_with_weights(photos, frame):
    dataset = of_frame(frame, photos, weight_col="weight", label_mode="binary", rescale=1 / 255)
    model = keras.Sequential([keras.Input((14, 12, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse")
    assert np.isfinite(model.fit(dataset, epochs=2, verbose=0).history["loss"]).all()


def test_resuming(photos, frame):
    options = {"augmentation": RECIPE, "weight_col": "weight"}
    dataset = of_frame(frame, photos, **options)
    epochs = [list(dataset.as_numpy_iterator()) for _ in range(2)]
    assert len(epochs[0]) == int(dataset.cardinality()) == 5
    for epoch, step in [(0, 3), (1, 0), (1, 4)]:
        resumed = of_frame(frame, photos, **options).resume(epoch, step)
        for one, other in zip(epochs[epoch][step:], resumed.as_numpy_iterator(), strict=True):
            for left, right in zip(one, other, strict=True):
                np.testing.assert_array_equal(right, left)


def test_the_frame_is_not_changed(photos, frame):
    before = frame.copy(deep=True)
    list(of_frame(frame, photos, y_col="tags", label_mode="categorical", weight_col="weight"))
    pandas.testing.assert_frame_equal(frame, before)


def test_absolute_names_and_paths(photos, frame):
    whole = frame.assign(filename=[photos / name for name in frame["filename"]])
    assert_same(of_frame(frame, photos), image_dataset_from_dataframe(whole, **FLOW))


def test_missing_files_are_named(photos, frame):
    names = frame["filename"].tolist()
    names[2:7] = [f"cats/gone.{i}.jpg" for i in range(5)]
    lacking = frame.assign(filename=names)
    with pytest.raises(FileNotFoundError) as raised:
        of_frame(lacking, photos)
    message = str(raised.value)
    for part in ("`x_col`", "5 of 19", "gone.0", "gone.2", "`validate_filenames=False`"):
        assert part in message
    assert "gone.3" not in message
    dataset = of_frame(lacking, photos, validate_filenames=False)
    with pytest.raises(tf.errors.OpError, match=r"No such file or directory.*gone\.\d\.jpg"):
        list(dataset)


REFUSED = {
    "`x_col`": [{"x_col": "path"}, {"x_col": "age"}, {"x_col": ["filename"]}],
    "`y_col`": [
        {"y_col": "kind"},
        {"y_col": "age"},
        {"y_col": "gap"},
        {"y_col": "tags"},
        {"y_col": ["age", "size"]},
        {"y_col": "class", "label_mode": "raw"},
        {"y_col": "ragged", "label_mode": "raw"},
        {"y_col": [], "label_mode": "raw"},
        {"y_col": {"years": "age"}, "label_mode": "raw"},
        {"y_col": "age", "label_mode": "multi_output"},
        {"y_col": ["age", "kind"], "label_mode": "multi_output"},
        {"y_col": {"years": "kind"}, "label_mode": "multi_output"},
    ],
    "`weight_col`": [
        {"weight_col": "heft"},
        {"weight_col": "class"},
        {"weight_col": "box"},
        {"weight_col": "weight", "label_mode": None},
    ],
    "`label_mode`": [{"label_mode": "sparse"}],
    "`label_mode=": [{"label_mode": "binary", "class_names": ["cats", "dogs", "ants"]}],
    "`class_names`": [
        {"class_names": ["cats"]},
        {"class_names": ["cats", "dogs", "cats"]},
        {"class_names": ["cats"], "label_mode": "raw", "y_col": "age"},
    ],
    "`color_mode`": [{"color_mode": "bgr"}],
    "`interpolation`": [{"interpolation": "best"}],
    "`image_size`": [{"image_size": (0, 4)}],
    "`data_format`": [{"data_format": "rows_first"}],
    "`output_dtype`": [{"output_dtype": "int8"}],
    "`batch_size`": [{"batch_size": 0}],
    "`seed`": [{"seed": -1}, {"seed": None, "validation_split": 0.2, "subset": "training"}],
    "`subset`": [{"subset": "test", "validation_split": 0.2}],
    "`validation_split`": [
        {"validation_split": 2, "subset": "both"},
        {"validation_split": 0.01, "subset": "both"},
    ],
    "crop_to_aspect_ratio": [{"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}],
}


@pytest.mark.parametrize(
    ("name", "options"), [(name, each) for name, many in REFUSED.items() for each in many], ids=str
)
def test_wrong_values_are_named(photos, frame, name, options):
    with pytest.raises(ValueError, match=name):
        of_frame(frame, photos, **options)


def test_frames_that_cannot_be_read(photos, frame):
    with pytest.raises(ValueError, match="`dataframe`"):
        of_frame(frame.iloc[:0], photos)
    with pytest.raises(ValueError, match="`dataframe`"):
        of_frame("labels.csv", photos)
    twice = pandas.concat([frame, frame[["class"]]], axis=1)
    with pytest.raises(ValueError, match="`y_col`"):
        of_frame(twice, photos)
