"""Wrong values of the tf.data API's arguments: each is refused at the call, by its name."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import save_picture

from catdog_data import (
    image_dataset_from_arrays,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
    image_dataset_from_tfds,
)
from catdog_data.sources.list_files import list_labelled_files

keras_dataset = keras.utils.image_dataset_from_directory
IMAGES = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
NUMBERS = np.arange(4)
NAN = float("nan")

WORDS = ["x", "", 5, ["x"], np.zeros(2)]
BOOLEANS = ["x", "", "False", 2, 0.5, None, [], np.ones(2)]
WRONG = {
    "directory": [5, ["x"], "a\0b", {}],
    "dataframe": [5, None, "x", np.zeros((2, 2))],
    "images": [
        5,
        None,
        "x",
        [],
        [IMAGES[0], IMAGES[1][:1]],
        [[[1], [1, 2]]],
        IMAGES[0],
        IMAGES[:0],
        IMAGES.astype("S3"),
    ],
    "labels": ["x", "", 5, {}, {1, 2}, [1, 2], [None] * 4, [1, "x", 2, 3], np.zeros((3, 2, 2))],
    "label_mode": WORDS,
    "x_col": [
        *("nope", 5, None, {"filename"}),
        *([], ["filename"], ["filename", "nope"], ["filename", "weight"]),
        *({}, {1: "filename"}, {"image": "nope"}, {"image": ["filename"]}),
    ],
    "y_col": ["nope", 5, ["class"], None],
    "weight_col": ["nope", 5, ["weight", "nope"], "class"],
    "class_names": [
        *("cats", "", 5, [1, 2], [], {"cats"}, ["cats", None], ["birds", "fish"]),
        *({}, {1: ["cats"]}, {"pet": []}, {"pet": 5}, {"pet": ["cats", 1]}, {"pet": {"cats"}}),
        *({"pet": ["birds"]}, {"a": ["cats"], "b": ["dogs", "cats"]}, {"a": ["cats", "cats"]}),
    ],
    "color_mode": ["x", "", 0, -1, 1.5, True, ["x"], np.zeros(2), None, "RGB"],
    "batch_size": [0, -1, 2.0, "x", True, [4], NAN],
    "image_size": [0, (4,), (4, "x"), ("4", "4"), 4.5, (NAN, 4), (4, 1e400), True, "xy"],
    "seed": ["x", -1, 2**32, 1.0, [1], True, NAN],
    "validation_split": ["x", "", 1.5, 1, -0.1, NAN, [0.2], [], True],
    "test_split": ["x", "", 1.5, 1, -0.1, NAN, [0.2], [], True, 0.5],
    "fold": [
        "x",
        "",
        5,
        [],
        (0,),
        (0, 1),
        (2, 2),
        (-1, 2),
        (0, 5),
        (0.0, 2.0),
        (False, 2),
        ("a", "b"),
    ],
    "subset": ["x", "", 5, ["training"], np.zeros(2)],
    "interpolation": [*WORDS, None, "cubic"],
    "data_format": [*WORDS, "first"],
    "format": [*WORDS, None, "grain"],
    "augmentation": ["x", 5, {}, False],
    "rescale": ["x", True, [1], NAN, 1j],
    "output_dtype": [*WORDS, "int8", np.uint8],
    "pixel_dtype": [*WORDS, "int8", np.uint8],
    "extensions": [*WORDS, {}, ["jpg", "psd"], [".png", None], b".png", True],
    "shard": [5, None, (0,), ("a", "b"), (2, 2), (0, 0), (-1, 2), (0.0, 1.0)],
    "balance": [
        *WORDS,
        True,
        {},
        *({1.5: 2}, {None: 2}),
        *({0: each} for each in (0, -1.0, "x", NAN)),
    ],
    "views": [0, -1, 65, 2.0, "x", True, [2], None, NAN],
    "augment_on": [*WORDS, None, "gpu"],
    "masks": [5, ["x"], "a\0b", np.zeros((4, 2, 3, 1))],
    "cache": [5, "", ["x"], True],
    "decode": [*WORDS, None],
    "on_error": [*WORDS, None, "ignore", ["skip"]],
    "ram_budget": [0, -1, "x", NAN, True, [1]],
    "exclude": [5, True, [None], ["x", 4], ["nope.png"]],
}
for switch in (
    *("shuffle", "follow_links", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "verbose"),
    *("antialias", "return_index", "stratify", "augment_validation", "validate_filenames"),
    "augment_alike",
    "drop_remainder",
):
    WRONG[switch] = BOOLEANS
OF_PREPARED_DATA = {"name_or_builder", "split", "label_key", "image_key", "cache"}
SPLIT = {"validation_split": 0.5, "subset": "training", "seed": 1}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Each function with what it needs to succeed."""
    root = tmp_path_factory.mktemp("pictures")
    names = ["cats/1.png", "cats/2.png", "dogs/1.png", "dogs/2.png"]
    for i, name in enumerate(names):
        save_picture(root / name, (6, 5), i)
    frame = pd.DataFrame(
        {"filename": names, "class": ["cats", "cats", "dogs", "dogs"], "weight": [1.0] * 4}
    )
    small = {"image_size": (2, 3), "verbose": False}
    return {
        image_dataset_from_directory: {"directory": root, **small},
        image_dataset_from_dataframe: {"dataframe": frame, "directory": root, **small},
        image_dataset_from_arrays: {"images": IMAGES},
        # The package is not imported before arguments have been checked.
        image_dataset_from_tfds: {"name_or_builder": "nope", "split": "train"},
    }


CASES = [
    pytest.param(function, name, id=f"{function.__name__}-{name}")
    for function in (
        image_dataset_from_directory,
        image_dataset_from_dataframe,
        image_dataset_from_arrays,
        image_dataset_from_tfds,
    )
    for name in inspect.signature(function).parameters
    if function is not image_dataset_from_tfds or name not in OF_PREPARED_DATA
]


@pytest.mark.parametrize(("function", "name"), CASES)
def test_wrong_values_are_refused_at_the_call(calls, function, name):
    others = {
        **{"validation_split": SPLIT, "subset": SPLIT, "test_split": SPLIT},
        "fold": {"subset": "both"},
    }.get(name, {})
    for value in WRONG[name]:
        with pytest.raises((TypeError, ValueError)) as found:
            function(**{**calls[function], **others, name: value})
        assert f"`{name}" in str(found.value), repr(value)


def test_the_other_functions_take_what_is_right(calls):
    right = {
        **{"batch_size": np.int64(2), "seed": np.uint32(3), "shuffle": np.True_, "shard": [0, 1]},
        **{"rescale": np.float32(0.5), "ram_budget": 1e9, "return_index": 1},
    }
    for function in (image_dataset_from_directory, image_dataset_from_arrays):
        assert int(function(**{**calls[function], **right}).cardinality()) == 2


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64])
def test_sizes_of_numpy_are_numbers(calls, kind):
    batches = list(
        image_dataset_from_arrays(**{**calls[image_dataset_from_arrays], "batch_size": kind(2)})
    )
    assert len(batches) == 2


@pytest.mark.parametrize("form", [tuple, np.array, pd.Index, dict.fromkeys, iter])
def test_class_names_in_any_order_of_them(calls, form):
    options = calls[image_dataset_from_dataframe]
    dataset = image_dataset_from_dataframe(**options, class_names=form(["dogs", "cats"]))
    assert dataset.class_names == ["dogs", "cats"]


def test_the_arguments_of_keras_come_first():
    theirs = inspect.signature(keras_dataset).parameters.values()
    if "format" not in {each.name for each in theirs}:
        pytest.skip("this Keras has no `format`")
    ours = list(inspect.signature(image_dataset_from_directory).parameters.values())
    expected = [(each.name, each.default, each.kind) for each in theirs]
    assert [(each.name, each.default, each.kind) for each in ours][: len(expected)] == expected


def test_grain_is_refused_by_name(calls):
    with pytest.raises(ValueError, match='`format` must be "tf"; received "grain"'):
        image_dataset_from_directory(**calls[image_dataset_from_directory], **{"format": "grain"})


# --- Labels of files ------------------------------------------------------------------------------


LISTS = {
    "floats": ([0.0, 1.0, 0.5, 1.0], "int"),
    "floats of 64 bits": ([np.float64(0.25), 1.0, 0.5, 1.0], "int"),
    "a fraction among whole ones": ([0, 1, 1.5, 0], "int"),
    "two floats": ([0.0, 1.0, 1.0, 0.0], "binary"),
    "hinge": ([-1, 1, 1, -1], "binary"),
    "positions": ([2, 0, 1, 0], "categorical"),
}


@pytest.mark.parametrize("case", LISTS)
def test_labels_are_those_of_keras(calls, case):
    labels, label_mode = LISTS[case]
    options = {
        **calls[image_dataset_from_directory],
        **{"label_mode": label_mode, "batch_size": 4, "shuffle": False},
    }
    theirs = keras_dataset(labels=list(labels), **options)
    ours = image_dataset_from_directory(labels=labels, **options)
    assert ours.class_names == theirs.class_names
    assert ours.element_spec == theirs.element_spec
    ((_, got),), ((_, expected),) = list(ours), list(theirs)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("labels", [[0.0, 1.0, 0.5, 1.0], [2, 0, 1, 0], [True, False, True, True]])
@pytest.mark.parametrize("form", [np.array, tuple])
def test_an_array_of_labels_is_as_its_list(calls, labels, form):
    root = calls[image_dataset_from_directory]["directory"]
    expected = list_labelled_files(root, labels=labels, seed=2)
    got = list_labelled_files(root, labels=form(labels), seed=2)
    assert got.class_names == expected.class_names
    assert got.labels.dtype == expected.labels.dtype
    np.testing.assert_array_equal(got.labels, expected.labels)


@pytest.mark.parametrize(
    ("labels", "label_mode"),
    [
        ([0, 2, 2, 0], "categorical"),
        ([-1, 0, 0, 0], "categorical"),
        ([7, 3, 7, 3], "categorical"),
        ([0.0, 1.0, 1.0, 0.0], "categorical"),
        ([1, 2, 2, 1], "binary"),
    ],
    ids=str,
)
def test_labels_outside_of_the_classes_are_refused(calls, labels, label_mode):
    with pytest.raises(ValueError, match=f"^`labels` must be.*{label_mode}.*received"):
        image_dataset_from_directory(
            **calls[image_dataset_from_directory], labels=labels, label_mode=label_mode
        )


# --- Arrays ---------------------------------------------------------------------------------------

TWO = (NUMBERS * 2, np.eye(4, dtype=np.float32))
FORMS = {
    # What is given, and what `tf.data.Dataset.from_tensor_slices` makes the same of.
    "a list of numbers": ([0, 1, 2, 1], [0, 1, 2, 1]),
    "a tuple of numbers": ((0.5, 1, 2, 1), [0.5, 1, 2, 1]),
    "a list of rows": (
        [[0, 1], [1, 0], [0, 1], [1, 1]],
        np.array([[0, 1], [1, 0], [0, 1], [1, 1]]),
    ),
    "a list of arrays": (list(TWO), TWO),
    "a tuple of arrays": (TWO, TWO),
    "a tuple of lists": (([1, 2, 3, 4], [4, 3, 2, 1]), ([1, 2, 3, 4], [4, 3, 2, 1])),
    "a dictionary": ({"a": [1, 2, 3, 4], "b": list(TWO)}, {"a": [1, 2, 3, 4], "b": TWO}),
}


@pytest.mark.parametrize("form", FORMS)
def test_labels_of_arrays(form):
    given, same = FORMS[form]
    ours = image_dataset_from_arrays(list(IMAGES), given, batch_size=4, shuffle=False)
    theirs = tf.data.Dataset.from_tensor_slices((IMAGES, same)).batch(4)
    (got,), (expected,) = list(ours), list(theirs)
    tf.nest.assert_same_structure(expected, got)
    for one, other in zip(tf.nest.flatten(expected), tf.nest.flatten(got), strict=True):
        np.testing.assert_array_equal(other, one)
        assert other.dtype == one.dtype or form == "a list of rows"


def test_a_list_of_masks():
    masks = [np.full((2, 3, 1), i, np.uint8) for i in range(4)]
    dataset = image_dataset_from_arrays(IMAGES, masks=masks, batch_size=4, shuffle=False)
    np.testing.assert_array_equal(next(iter(dataset))[1], np.stack(masks))
