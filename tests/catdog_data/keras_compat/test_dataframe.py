"""`flow_from_dataframe` beside Keras' own: rows kept, labels, weights, warnings, errors, `fit`."""

from __future__ import annotations

import os
import warnings

import keras
import numpy as np
import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from test_keras_parity import RECIPE, assert_in_step
from test_whole_idg import same_nested

from catdog_data import ImageDataGenerator
from catdog_data.keras_compat import SlowPathWarning

pandas = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

BOTH = (KerasGenerator, ImageDataGenerator)


# Images worked on one by one need no pipeline to be built, which takes most of a test's time.
ONE_BY_ONE = {"interpolation_order": 2}
TAGS = [["x", "y"], ["z"], ("y", "z", "x"), "y", [], ("x",)]


@pytest.fixture
def frame(photos):
    paths = sorted(path for path in photos.glob("*/*.*") if path.suffix)
    names = [str(path.relative_to(photos)) for path in paths]
    count = np.arange(len(names))
    random = np.random.default_rng(5)
    order = random.permutation(len(names))
    columns = {
        "filename": names,
        "class": [name.split("/")[0] for name in names],
        "three": [("cat", "ant", "bee")[i % 3] for i in count],
        "tags": [TAGS[i % len(TAGS)] for i in count],
        "integer": count * 10**10,
        "small": (count - 9).astype("int8"),
        "natural": count.astype("uint16"),
        "single": random.normal(size=len(names)).astype("float32"),
        "double": random.normal(size=len(names)),
        "yes": count % 3 == 0,
        "vector": [np.full(3, i, "float32") for i in count],
        "grid": [[[i, 1], [2, -i]] for i in count],
        "weight": random.uniform(0, 4, len(names)),
    }
    return pandas.DataFrame(columns).iloc[order].reset_index(drop=True)


def flow_of(generator, frame, photos, options=None, **flow):
    flow = {"target_size": (12, 10), "batch_size": 4, "seed": 2020, **flow}
    flow = {"directory": str(photos), **flow}
    return generator(**(options or {})).flow_from_dataframe(frame, **flow)


def pair(frame, photos, options=None, **flow):
    """Return (Keras' iterator, ours) of the same description."""
    return [flow_of(generator, frame, photos, options, **flow) for generator in BOTH]


def taken(iterator, count):
    """Take batches; tell as well how NumPy's global stream is left."""
    np.random.seed(4)
    return [next(iterator) for _ in range(count)], np.random.random_sample(3)


ATTRIBUTES = [
    "filenames",
    "filepaths",
    "samples",
    "n",
    "class_mode",
    "directory",
    "split",
    "dtype",
    "image_shape",
    "class_indices",
    "classes",
]


def assert_same_flows(reference, ours, batches=6):
    for name in ATTRIBUTES:
        assert getattr(ours, name, None) == getattr(reference, name, None), name
    assert len(ours) == len(reference)
    np.testing.assert_array_equal(ours.sample_weight, reference.sample_weight)
    same_nested(taken(reference, batches), taken(ours, batches))


MODES = {
    "categorical": {},
    "categorical of three": {"y_col": "three"},
    "multi-label": {"y_col": "tags"},
    "binary": {"class_mode": "binary"},
    "sparse": {"class_mode": "sparse", "y_col": "three"},
    "input": {"class_mode": "input", "y_col": "no such column"},
    "multi_output": {"class_mode": "multi_output", "y_col": ["integer", "small", "single"]},
    "multi_output of arrays": {
        "class_mode": "multi_output",
        "y_col": ["vector", "double", "grid", "natural", "yes"],
    },
    "multi_output of one": {"class_mode": "multi_output", "y_col": ["double"]},
    "raw integers": {"class_mode": "raw", "y_col": "integer"},
    "raw bytes": {"class_mode": "raw", "y_col": "small"},
    "raw truths": {"class_mode": "raw", "y_col": "yes"},
    "raw singles": {"class_mode": "raw", "y_col": "single"},
    "raw columns": {"class_mode": "raw", "y_col": ["double", "single"]},
    "raw columns of two types": {"class_mode": "raw", "y_col": ["double", "integer"]},
    "raw list of one": {"class_mode": "raw", "y_col": ["natural"]},
    "None": {"class_mode": None, "y_col": "no such column"},
}


@pytest.mark.parametrize("name", MODES)
def test_each_class_mode(frame, photos, name, capsys):
    untouched = frame.copy(deep=True)
    options = {"rescale": 1 / 255.0}
    reference = flow_of(KerasGenerator, frame, photos, options, **MODES[name])
    found = capsys.readouterr().out
    ours = flow_of(ImageDataGenerator, frame, photos, options, **MODES[name])
    assert found.startswith("Found 19 validated image filenames")
    assert capsys.readouterr().out == found
    assert_same_flows(reference, ours)
    pandas.testing.assert_frame_equal(frame, untouched)


@pytest.mark.parametrize("seed", [2020, None])
@pytest.mark.parametrize("name", MODES)
def test_each_class_mode_one_by_one(frame, photos, name, seed):
    options = {**ONE_BY_ONE, **RECIPE}
    reference, ours = pair(frame, photos, options, **MODES[name], seed=seed)
    with pytest.warns(SlowPathWarning, match="interpolation_order"):
        assert_same_flows(reference, ours)


@pytest.mark.parametrize(("name", "seed"), [("multi-label", 2020), ("raw columns", None)])
def test_the_global_stream_after_every_batch(frame, photos, name, seed):
    reference, ours = pair(frame, photos, RECIPE, **MODES[name], seed=seed, weight_col="weight")
    assert_in_step(reference, ours, batches=7)


def test_several_outputs_with_every_draw_and_no_seed(frame, photos):
    options = {**RECIPE, "brightness_range": (0.4, 1.7)}
    mode = MODES["multi_output of arrays"]
    assert_same_flows(*pair(frame, photos, options, **mode, seed=None), batches=7)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("multi_output of arrays", RECIPE),
        ("sparse", {}),
        ("multi_output of arrays", ONE_BY_ONE),
        ("raw columns", ONE_BY_ONE),
        ("None", ONE_BY_ONE),
    ],
    ids=["recipe", "plain", "several one by one", "raw one by one", "none one by one"],
)
def test_by_index(frame, photos, name, options):
    flows = pair(frame, photos, options, **MODES[name], weight_col="weight")
    same_nested(*[[flow[idx] for idx in (2, 0, 4, 1)] for flow in flows])
    for flow in flows:
        np.random.seed(6)
        flow.on_epoch_end()
    same_nested(*[flow[3] for flow in flows])
    for flow in flows:
        with pytest.raises(ValueError, match="element 5"):
            flow[5]


@pytest.mark.parametrize("name", ["multi_output of arrays", "raw columns"])
def test_rows_in_their_order_without_shuffling(frame, photos, name):
    reference, ours = pair(frame, photos, **MODES[name], shuffle=False, seed=None)
    assert ours.filenames == frame["filename"].tolist()
    assert_same_flows(reference, ours)


def test_labels_lie_beside_their_images(frame, photos):
    ours = flow_of(
        ImageDataGenerator, frame, photos, y_col="natural", class_mode="raw", batch_size=19
    )
    images, rows = next(ours)
    for image, row in zip(images, rows, strict=True):
        name = frame["filename"][list(frame["natural"]).index(row)]
        plain = keras.utils.load_img(photos / name, target_size=(12, 10))
        np.testing.assert_array_equal(image, np.asarray(plain))


def test_raw_strings_are_a_plain_array(frame, photos):
    reference, ours = pair(frame, photos, class_mode="raw", y_col="three")
    for _ in range(5):
        expected, got = next(reference), next(ours)
        np.testing.assert_array_equal(expected[0], got[0])
        assert type(got[1]) is np.ndarray
        assert got[1].tolist() == list(expected[1])


@pytest.mark.parametrize("type_", ["str", "object", "string"])
@pytest.mark.parametrize("classes", [None, ["bee", "ant"]])
def test_types_of_text_columns(frame, photos, type_, classes):
    frame = frame.astype({"filename": type_, "three": type_})
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, y_col="three", classes=classes))


@pytest.mark.parametrize("type_", ["float64", "float16"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("sparse", {}), ("multi-label", ONE_BY_ONE), ("raw singles", ONE_BY_ONE)],
    ids=["sparse", "multi-label", "raw"],
)
def test_the_type_of_the_generator(frame, photos, name, options, type_):
    assert_same_flows(*pair(frame, photos, {**options, "dtype": type_}, **MODES[name]))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("color_mode", ["rgba", "grayscale"])
def test_reading(frame, photos, data_format, color_mode):
    flow = {"color_mode": color_mode, "interpolation": "bilinear", "target_size": [7, 9]}
    assert_same_flows(*pair(frame, photos, {"data_format": data_format}, **flow), batches=2)


CLASSES = [
    {"y_col": "three", "classes": ["bee", "ant"]},
    {"y_col": "three", "classes": ("cat",)},
    {"y_col": "three", "classes": ["cat", "bee", "cat", "ant", "bee"]},
    {"y_col": "three", "classes": ["owl", "bee"]},
    {"y_col": "three", "classes": []},
    {"y_col": "three", "classes": ["bee", "ant"], "class_mode": "sparse"},
    {"y_col": "three", "classes": ["cat", "bee"], "class_mode": "binary"},
    {"y_col": "three", "classes": ["cat", "owl"], "class_mode": "binary"},
    {"y_col": "class", "classes": ["dogs", "cats"], "class_mode": "binary"},
    {"y_col": "tags", "classes": ["z"]},
    {"y_col": "tags", "classes": ["y", "x"]},
    {"y_col": "tags", "classes": ("owl", "z", "x", "y")},
]


@pytest.mark.parametrize("flow", CLASSES, ids=str)
def test_classes(frame, photos, flow, capsys):
    flows = pair(frame, photos, ONE_BY_ONE, **flow, weight_col="weight")
    found = capsys.readouterr().out.splitlines()
    assert found[0] == found[1]
    assert_same_flows(*flows)


def test_classes_that_no_row_has(frame, photos, capsys):
    flows = pair(frame, photos, y_col="three", classes=["owl", "emu"])
    assert (
        capsys.readouterr().out == "Found 0 validated image filenames belonging to 2 classes.\n" * 2
    )
    assert_same_flows(*flows, batches=2)


@pytest.mark.parametrize("name", ["input", "multi_output", "raw integers", "None"])
def test_classes_that_are_not_looked_at(frame, photos, name):
    heard = [
        heard_from(lambda g=generator: flow_of(g, frame, photos, **MODES[name], classes=["cats"]))
        for generator in BOTH
    ]
    assert heard[0] == heard[1]
    assert len(heard[1]) == 1
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, **MODES[name], classes=["cats"]))


def heard_from(make):
    """Return the kinds and words of the warnings, and check that ours point at the caller."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        flow = make()
    if type(flow).__module__.startswith("catdog_data"):
        assert {warning.filename for warning in caught} <= {__file__}
    return [(warning.category, str(warning.message)) for warning in caught]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("multi-label", "weight"),
        ("sparse", "single"),
        ("multi_output", "integer"),
        ("raw truths", "small"),
        ("input", "natural"),
        ("None", "weight"),
    ],
)
def test_weights(frame, photos, name, column):
    assert_same_flows(*pair(frame, photos, **MODES[name], weight_col=column))


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("column", ["weight", "single", "integer", "small"])
def test_weights_one_by_one(frame, photos, name, column):
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, **MODES[name], weight_col=column))


def test_batches_belong_to_the_caller(frame, photos):
    for name in ("raw columns", "multi_output of arrays", "multi-label"):
        reference, ours = pair(
            frame, photos, **MODES[name], shuffle=False, batch_size=19, weight_col="weight"
        )
        images, labels, weights = next(ours)
        for array in (images, weights, *(labels if isinstance(labels, list) else [labels])):
            array[:] = 1
        same_nested(next(reference), next(ours))


@pytest.mark.parametrize("directory", [None, "", "/no/such/folder"])
def test_absolute_names(frame, photos, directory):
    frame["filename"] = [str(photos / name) for name in frame["filename"]]
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, directory=directory))


def test_relative_names_without_a_directory(frame, photos, monkeypatch):
    monkeypatch.chdir(photos)
    assert_same_flows(*pair(frame, photos, directory=None), batches=2)
    monkeypatch.chdir(photos / "cats")
    cats = frame[frame["class"] == "cats"]
    cats = cats.assign(filename=[name.split("/")[1] for name in cats["filename"]])
    assert_same_flows(*pair(cats, photos, ONE_BY_ONE, directory=None))


def test_the_directory_may_be_a_path(frame, photos):
    assert_same_flows(*pair(frame, photos, directory=photos), batches=2)


@pytest.fixture
def with_bad_rows(frame, photos, tmp_path):
    """Return a folder and a frame, some of whose rows have no readable image."""
    for name in ("cats", "dogs"):
        (tmp_path / name).symlink_to(photos / name, target_is_directory=True)
    (tmp_path / "note.txt").write_bytes(b"words")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "linked.JPG").symlink_to(photos / "cats" / "cat.0.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    bad = [
        "gone.jpg",
        "note.txt",
        "folder.jpg",
        "linked.JPG",
        "dangling.jpg",
        "birds/owl.jpg",
        "note.txt/owl.jpg",
        "cats/_DS_Store",
        "",
        "cats/",
        "./cats//../cats/cat.2.jpg",
        str(photos / "cats" / "cat.1.jpg"),
    ]
    rows = frame.iloc[np.arange(len(bad)) % len(frame)].assign(filename=bad)
    return tmp_path, pandas.concat([rows[:5], frame, rows[5:]])


@pytest.mark.parametrize("name", ["categorical", "multi-label", "multi_output", "raw columns"])
def test_rows_without_an_image_are_left_out(with_bad_rows, name):
    root, frame = with_bad_rows
    heard = [heard_from(lambda g=g: flow_of(g, frame, root, **MODES[name])) for g in BOTH]
    assert heard[0] == heard[1]
    assert "Found 9 invalid image filename(s)" in heard[1][0][1]
    reference, ours = pair(frame, root, ONE_BY_ONE, **MODES[name], weight_col="weight")
    assert ours.samples == 22
    assert_same_flows(reference, ours)


def test_rows_without_an_image_decide_which_classes_there_are(with_bad_rows):
    root, frame = with_bad_rows
    frame["class"] = ["lost" if name == "gone.jpg" else "kept" for name in frame["filename"]]
    reference, ours = pair(frame, root, ONE_BY_ONE)
    assert list(ours.class_indices) == ["kept"]
    assert_same_flows(reference, ours, batches=1)


def test_rows_are_kept_unlooked_at(with_bad_rows, capsys):
    root, frame = with_bad_rows
    flows = pair(frame, root, validate_filenames=False, shuffle=False, class_mode="sparse")
    assert (
        capsys.readouterr().out
        == "Found 31 non-validated image filenames belonging to 2 classes.\n" * 2
    )
    assert flows[0].filenames == flows[1].filenames == frame["filename"].tolist()
    for flow in flows:
        with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
            next(flow)
    same_nested(flows[0][4], flows[1][4])


def test_names_unlooked_at_that_are_all_good(frame, photos):
    assert_same_flows(*pair(frame, photos, RECIPE, validate_filenames=False))


def test_nothing_is_warned_of_where_all_is_well(frame, photos):
    for name in MODES:
        assert (
            heard_from(lambda n=name: flow_of(ImageDataGenerator, frame, photos, **MODES[n])) == []
        )


@pytest.mark.parametrize(
    "name", ["categorical", "sparse", "input", "multi_output", "raw columns", "None"]
)
def test_no_row_is_left(frame, photos, name, capsys):
    frame["filename"] = "gone.jpg"
    flows = pair(frame, photos, **MODES[name], weight_col="weight")
    found = capsys.readouterr().out.splitlines()
    assert found[0] == found[1]
    assert found[0].startswith("Found 0 validated image filenames")
    assert_same_flows(*flows, batches=2)
    for flow in flows:
        with pytest.raises(ValueError, match="length 0"):
            flow[0]


@pytest.mark.parametrize("subset", ["training", "validation"])
@pytest.mark.parametrize("split", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("name", ["multi-label", "binary", "multi_output", "raw columns"])
def test_subsets(frame, photos, name, split, subset, capsys):
    through_pipeline = name == "binary" and split == 0.3
    options = {"validation_split": split, **({} if through_pipeline else ONE_BY_ONE)}
    flows = pair(frame, photos, options, **MODES[name], subset=subset, weight_col="weight")
    found = capsys.readouterr().out.splitlines()
    assert found[0] == found[1]
    assert_same_flows(*flows, batches=3)


def test_the_subsets_split_what_is_left(with_bad_rows):
    root, frame = with_bad_rows
    flow = {"y_col": "three", "classes": ["ant", "cat"], "weight_col": "weight"}
    parts = []
    for subset in ("validation", "training"):
        reference, ours = pair(
            frame, root, {"validation_split": 0.4, **ONE_BY_ONE}, **flow, subset=subset
        )
        assert_same_flows(reference, ours, batches=3)
        parts += ours.filenames
    assert parts == flow_of(ImageDataGenerator, frame, root, **flow).filenames


INDICES = {
    "reversed": lambda frame: frame.iloc[::-1],
    "letters": lambda frame: frame.set_index(pandas.Index(list("ab" * 9 + "c"))),
    "file names": lambda frame: frame.set_index("filename", drop=False),
    "two levels": lambda frame: frame.set_index(["small", "natural"]),
    "rows twice": lambda frame: pandas.concat([frame, frame.iloc[3:9]]),
}


@pytest.mark.parametrize("name", INDICES)
def test_each_index(with_bad_rows, name):
    root, frame = with_bad_rows
    frame = INDICES[name](frame.iloc[5:24])
    for flow in ({"y_col": "three", "classes": ["cat", "ant"]}, MODES["raw columns"]):
        assert_same_flows(*pair(frame, root, ONE_BY_ONE, **flow, weight_col="weight"))


def test_one_index_for_all_rows_good_or_bad(with_bad_rows):
    root, frame = with_bad_rows
    frame = frame.set_index(pandas.Index(["again"] * len(frame)))
    flow = {"y_col": "tags", "classes": ["x"], "weight_col": "weight"}
    assert_same_flows(*pair(frame, root, ONE_BY_ONE, **flow))


def test_other_column_names(frame, photos):
    frame = frame.rename(columns={"filename": 0, "class": 1, "weight": "filename"})
    flow = {"x_col": 0, "y_col": 1, "weight_col": "filename"}
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, **flow))


def test_saved_images(frame, photos, tmp_path):
    saved = []
    for generator in BOTH:
        folder = tmp_path / generator.__module__
        folder.mkdir()
        flow = {"save_to_dir": str(folder), "save_prefix": "seen", "save_format": "bmp"}
        next(flow_of(generator, frame, photos, RECIPE, **flow))
        saved.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(saved[0]) == 4
    assert saved[0] == saved[1]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_the_aspect_ratio_is_kept(frame, photos, data_format):
    ours = flow_of(
        ImageDataGenerator,
        frame,
        photos,
        {"data_format": data_format},
        keep_aspect_ratio=True,
        class_mode=None,
        shuffle=False,
        batch_size=19,
    )
    expected, squeezed = (
        np.stack(
            [
                keras.utils.img_to_array(
                    keras.utils.load_img(path, target_size=(12, 10), keep_aspect_ratio=kept),
                    data_format=data_format,
                )
                for path in ours.filepaths
            ]
        )
        for kept in (True, False)
    )
    assert not np.array_equal(expected, squeezed)
    np.testing.assert_array_equal(next(ours), expected)


REFUSED = [
    (TypeError, {"x_col": "integer"}, "x_col=integer must be strings"),
    (TypeError, {"x_col": "tags"}, "x_col=tags must be strings"),
    (TypeError, {"x_col": "gaps"}, "x_col=gaps must be strings"),
    (TypeError, {"y_col": "integer"}, 'y_col="integer".*string, list or tuple'),
    (TypeError, {"y_col": "gaps"}, 'y_col="gaps".*string, list or tuple'),
    (TypeError, {"y_col": "gaps", "classes": ["cats"]}, 'y_col="gaps"'),
    (TypeError, {"y_col": "vector"}, 'y_col="vector"'),
    (TypeError, {"y_col": "integer", "class_mode": "binary"}, 'class_mode="binary"'),
    (TypeError, {"y_col": "tags", "class_mode": "binary"}, 'class_mode="binary"'),
    (TypeError, {"y_col": "yes", "class_mode": "sparse"}, 'class_mode="sparse"'),
    (TypeError, {"y_col": "tags", "class_mode": "sparse"}, 'y_col="tags"'),
    (TypeError, {"y_col": "gaps", "class_mode": "sparse"}, 'y_col="gaps"'),
    (ValueError, {"y_col": "three", "class_mode": "binary"}, "must be 2 classes. Found 3"),
    (ValueError, {"y_col": "alike", "class_mode": "binary"}, "must be 2 classes. Found 1"),
    (ValueError, {"class_mode": "binary", "classes": ["cats"]}, "1 class/es were given"),
    (ValueError, {"class_mode": "binary", "classes": ["a", "a"]}, "1 class/es were given"),
    (ValueError, {"class_mode": "binary", "classes": list("abc")}, "3 class/es were given"),
    (ValueError, {"class_mode": "several"}, "Invalid class_mode: several; expected one of"),
    (TypeError, {"class_mode": "multi_output", "y_col": "single"}, "must be a list. Received str"),
    (TypeError, {"class_mode": "multi_output", "y_col": ("single",)}, "Received tuple"),
    (TypeError, {"weight_col": "class"}, "weight_col=class must be numeric"),
    (TypeError, {"weight_col": "vector"}, "weight_col=vector must be numeric"),
    (KeyError, {"x_col": "path"}, "path"),
    (KeyError, {"y_col": "kind"}, "kind"),
    (KeyError, {"y_col": ["single", "kind"], "class_mode": "multi_output"}, "kind"),
    (KeyError, {"y_col": ["single", "kind"], "class_mode": "raw"}, "kind"),
    (KeyError, {"weight_col": "heavy"}, "heavy"),
    (ValueError, {"subset": "test"}, "Invalid subset name: test"),
    (ValueError, {"color_mode": "cmyk"}, "Invalid color mode: cmyk"),
]


@pytest.mark.parametrize(("error", "flow", "message"), REFUSED, ids=str)
def test_what_keras_refuses_too(frame, photos, error, flow, message):
    frame["gaps"] = [None, *frame["filename"][1:]]
    frame["alike"] = "cats"
    for generator in BOTH:
        with pytest.raises(error, match=message) as caught:
            flow_of(generator, frame, photos, **flow)
        assert caught.type is error


def test_columns_that_are_missing_are_named_beside_those_that_are_there(frame, photos):
    with pytest.raises(KeyError, match="no column 'kind'; it has 'filename', 'class', 'three'"):
        flow_of(ImageDataGenerator, frame, photos, y_col="kind")


@pytest.mark.parametrize("keyword", ["has_ext", "sort", "drop_duplicates"])
def test_keywords_of_old_scripts(frame, photos, keyword):
    for generator in BOTH:
        with pytest.warns(DeprecationWarning, match=f"^{keyword} is deprecated, ") as caught:
            flow_of(generator, frame, photos, **{keyword: True})
        assert len(caught) == 1
    assert caught[0].filename == __file__
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, **{keyword: True}))


def test_class_mode_other_is_raw(frame, photos):
    flow = {"class_mode": "other", "y_col": "double"}
    heard = [heard_from(lambda g=g: flow_of(g, frame, photos, **flow)) for g in BOTH]
    assert heard[0] == heard[1]
    assert heard[1][0][0] is DeprecationWarning
    reference, ours = pair(frame, photos, ONE_BY_ONE, **flow)
    assert ours.class_mode == "raw"
    assert_same_flows(reference, ours, batches=2)


def test_unknown_keywords_are_named(frame, photos):
    flow_of(KerasGenerator, frame, photos, follow_links=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'follow_links'"):
        flow_of(ImageDataGenerator, frame, photos, sort=True, follow_links=True)


def model_of(*units):
    keras.utils.set_random_seed(1)
    entry = keras.Input((12, 10, 3))
    flat = keras.layers.Flatten()(entry)
    heads = [keras.layers.Dense(count, activation="sigmoid")(flat) for count in units]
    model = keras.Model(entry, heads if len(heads) > 1 else heads[0])
    model.compile(keras.optimizers.SGD(0.01), ["mse"] * len(heads), jit_compile=False)
    return model


def outcome(model, *data, **arguments):
    """Fit, evaluate and predict; return everything that comes out of it."""
    history = model.fit(*data, epochs=2, shuffle=False, verbose=0, **arguments).history
    return [
        history["loss"],
        model.get_weights(),
        model.evaluate(*data, verbose=0, **arguments),
        model.predict(data[0], verbose=0),
    ]


def assert_alike(expected, got):
    leaves, others = keras.tree.flatten(expected), keras.tree.flatten(got)
    for left, right in zip(leaves, others, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("options", "weight_col"), [({}, "weight"), (ONE_BY_ONE, None)], ids=["pipeline", "one by one"]
)
@pytest.mark.slow
def test_fitting_two_outputs(frame, photos, options, weight_col):
    options = {"rescale": 1 / 255.0, **options}
    flow = {"class_mode": "multi_output", "y_col": ["single", "vector"], "shuffle": False}
    single = frame["single"].to_numpy()[:, None]
    vector = np.stack(frame["vector"].tolist())
    images = next(flow_of(KerasGenerator, frame, photos, options, **flow, batch_size=19))[0]
    # A fit from arrays with `sample_weight` stands in for Keras' own flow, which `fit` refuses.
    weights = {"sample_weight": frame[weight_col].to_numpy()} if weight_col else {}
    expected = outcome(model_of(1, 3), images, [single, vector], batch_size=4, **weights)
    ours = flow_of(ImageDataGenerator, frame, photos, options, **flow, weight_col=weight_col)
    assert_alike(expected, outcome(model_of(1, 3), ours))


@pytest.mark.parametrize(
    ("units", "flow", "options"),
    [
        (1, MODES["binary"], RECIPE),
        (3, MODES["multi-label"], {**RECIPE, **ONE_BY_ONE}),
        (2, {**MODES["raw columns"], "seed": None}, {**RECIPE, **ONE_BY_ONE}),
    ],
    ids=["binary", "multi-label", "raw columns"],
)
@pytest.mark.slow
def test_fitting_with_weights(frame, photos, units, flow, options):
    outcomes = []
    for generator in BOTH:
        model = model_of(units)
        iterator = flow_of(generator, frame, photos, options, **flow, weight_col="weight")
        outcomes.append(outcome(model, iterator))
    assert_alike(*outcomes)


def test_a_categorical_column_keeps_its_rows(frame, photos):
    frame["class"] = pandas.Categorical(frame["class"])
    names = sorted(frame["class"].unique(), reverse=True)
    reference, ours = pair(frame, photos, y_col="class", class_mode="sparse", classes=names)
    assert ours.classes == reference.classes
    assert ours.filenames == reference.filenames


def test_a_link_to_itself_is_no_file(frame, tmp_path):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    lost = pandas.DataFrame({"filename": ["loop.jpg"]})
    with pytest.warns(UserWarning, match="1 invalid"):
        ours = ImageDataGenerator().flow_from_dataframe(lost, tmp_path, class_mode=None)
    assert ours.samples == 0


def levels_of(frame):
    """Return the frame with columns of two levels, and without one."""
    keys = [("file" if name == "filename" else "about", name) for name in frame.columns]
    of_levels, of_tuples = frame.copy(), frame.copy()
    of_levels.columns = pandas.MultiIndex.from_tuples(keys)
    of_tuples.columns = pandas.Index(keys, tupleize_cols=False)
    return of_levels, of_tuples


TUPLES = {
    "categorical": {"y_col": ("about", "class"), "weight_col": ("about", "weight")},
    "some classes": {"y_col": ("about", "three"), "classes": ["cat", "ant"]},
    "multi-label": {"y_col": ("about", "tags"), "classes": ["y", "x"]},
    "binary": {"y_col": ("about", "class"), "class_mode": "binary"},
    "sparse": {"y_col": ("about", "three"), "class_mode": "sparse"},
    "input": {"class_mode": "input", "weight_col": ("about", "small")},
    "multi_output": {
        "class_mode": "multi_output",
        "y_col": [("about", "vector"), ("about", "double")],
        "weight_col": ("about", "weight"),
    },
    "raw": {"class_mode": "raw", "y_col": ("about", "double")},
    "raw columns": {"class_mode": "raw", "y_col": [("about", "double"), ("about", "single")]},
}


@pytest.mark.parametrize("name", TUPLES)
def test_tuples_as_column_names(frame, photos, name):
    for named in levels_of(frame):
        flow = {"x_col": ("file", "filename"), **TUPLES[name]}
        assert_same_flows(*pair(named, photos, ONE_BY_ONE, **flow))


def test_a_tuple_among_other_column_names(frame, photos):
    frame = frame.rename(columns={"double": ("a", "b")})
    flow = {"class_mode": "raw", "y_col": ("a", "b")}
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, **flow))


@pytest.mark.parametrize("y_col", ["about", ["about"], ("about",)], ids=str)
def test_raw_columns_by_their_outer_level(frame, photos, y_col):
    frame = levels_of(frame[["filename", "double", "integer"]])[0].sort_index(axis=1)
    flow = {"x_col": ("file", "filename"), "class_mode": "raw", "y_col": y_col}
    assert_same_flows(*pair(frame, photos, ONE_BY_ONE, **flow))


NOT_COLUMNS = [
    {"class_mode": "raw", "y_col": ("double", "single")},
    {"class_mode": "raw", "y_col": [["double", "single"]]},
    {"class_mode": "raw", "y_col": np.array(["double", "kind"])},
    {"y_col": ("class",)},
    {"x_col": ("filename",)},
    {"weight_col": ("weight", "double")},
]


@pytest.mark.parametrize("flow", NOT_COLUMNS, ids=str)
def test_what_names_no_column(frame, photos, flow):
    for generator in BOTH:
        with pytest.raises(KeyError):
            flow_of(generator, frame, photos, **flow)


LISTLIKE = {
    "array": np.array,
    "Index": pandas.Index,
    "Series": pandas.Series,
    "keys": lambda names: dict.fromkeys(names).keys(),
}


@pytest.mark.parametrize("kind", LISTLIKE)
@pytest.mark.parametrize("names", [["double", "single"], ["natural"]], ids=str)
def test_raw_columns_named_otherwise_than_by_a_list(frame, photos, kind, names):
    flow = {"class_mode": "raw", "y_col": LISTLIKE[kind](names), "weight_col": "weight"}
    reference, ours = pair(frame, photos, ONE_BY_ONE, **flow)
    assert ours.labels.shape == (19, len(names))
    assert_same_flows(reference, ours)


def test_raw_columns_named_by_numbers(frame, photos):
    frame = frame.rename(columns={"double": 0, "single": 1})
    for y_col in (range(2), np.arange(2), pandas.RangeIndex(2)):
        flow = {"class_mode": "raw", "y_col": y_col}
        assert_same_flows(*pair(frame, photos, ONE_BY_ONE, **flow), batches=2)


def test_raw_columns_as_a_slice_of_the_frames_own(frame, photos):
    frame = frame[["filename", "double", "integer", "yes"]]
    flow = {"class_mode": "raw", "y_col": frame.columns[1:]}
    assert_same_flows(*pair(frame, photos, **flow), batches=2)


@pytest.mark.parametrize("mode", ["categorical", "binary", "sparse"])
@pytest.mark.parametrize("classes", [None, ["cats", "dogs"]])
def test_classes_need_one_column(frame, photos, mode, classes):
    twice = pandas.concat([frame, frame[["class"]]], axis=1)
    flow = {"class_mode": mode, "classes": classes}
    cases = [(frame, ["class"]), (frame, ["class", "three"]), (frame, np.array(["class"]))]
    cases += [(twice, "class"), (twice, ["class"])]
    for rows, y_col in cases:
        for generator in BOTH:
            with pytest.raises(TypeError, match=f'If class_mode="{mode}", y_col') as caught:
                flow_of(generator, rows, photos, **flow, y_col=y_col)
    assert str(caught.value) == (
        f"If class_mode=\"{mode}\", y_col must name one column; ['class'] selects a frame of the "
        "columns ['class', 'class']. Pass one name and no list of names, rename columns that "
        "share a name, and name a column of several levels by the whole tuple."
    )


def test_no_column_of_classes(frame, photos):
    with pytest.raises(TypeError, match=r"y_col must name one column; \[\] selects"):
        flow_of(ImageDataGenerator, frame, photos, y_col=[])


SINGLE = [
    (TypeError, {"x_col": "filename"}, "^x_col must name one column; 'filename'"),
    (TypeError, {"x_col": ["filename"]}, r"^x_col must name one column; \['filename'\]"),
    (AttributeError, {"weight_col": "weight"}, "^weight_col must name one column; 'weight'"),
    (AttributeError, {"weight_col": ["weight"]}, "^weight_col must name one column"),
    (
        AttributeError,
        {"class_mode": "multi_output", "y_col": ["single", "weight"]},
        "each of y_col must name one column; 'weight'",
    ),
    (
        AttributeError,
        {"class_mode": "multi_output", "y_col": [["single"]]},
        r"each of y_col must name one column; \['single'\]",
    ),
]


@pytest.mark.parametrize(("error", "flow", "message"), SINGLE, ids=str)
def test_where_one_column_is_needed(frame, photos, error, flow, message):
    shared = "filename" if error is TypeError else "weight"
    twice = pandas.concat([frame, frame[[shared]]], axis=1)
    with pytest.raises(error):
        flow_of(KerasGenerator, twice, photos, **flow)
    with pytest.raises(error, match=message) as caught:
        flow_of(ImageDataGenerator, twice, photos, **flow)
    assert caught.type is error


def test_raw_columns_that_share_a_name(frame, photos):
    twice = pandas.concat([frame, frame[["double"]]], axis=1)
    for y_col in ("double", ["double"], ["double", "double"]):
        flow = {"class_mode": "raw", "y_col": y_col}
        assert_same_flows(*pair(twice, photos, ONE_BY_ONE, **flow), batches=2)


@pytest.mark.parametrize("error", [PermissionError, OSError])
def test_folders_that_may_not_be_listed(with_bad_rows, monkeypatch, error):
    root, frame = with_bad_rows

    def refuse(folder):
        raise error(f"not to be listed: {folder}")

    monkeypatch.setattr(os, "scandir", refuse)
    heard = [heard_from(lambda g=g: flow_of(g, frame, root)) for g in BOTH]
    assert heard[0] == heard[1]
    assert "Found 9 invalid image filename(s)" in heard[1][0][1]
    reference, ours = pair(frame, root, ONE_BY_ONE)
    assert ours.samples == 22
    assert_same_flows(reference, ours, batches=2)


WIDE = {
    "labels": {"y_col": "wide", "class_mode": "raw"},
    "some labels": {"y_col": ["wide", "double"], "class_mode": "raw"},
    "outputs": {"y_col": ["wide", "integer"], "class_mode": "multi_output"},
    "weights": {"weight_col": "wide", "class_mode": "binary"},
}


@pytest.mark.parametrize("name", WIDE)
def test_numbers_wider_than_tensorflows(frame, photos, name):
    frame["wide"] = np.linspace(0, 1, len(frame), dtype=np.longdouble)
    same_nested(*(taken(it, 3) for it in pair(frame, photos, **WIDE[name])))


EDITS = {
    "classes": ({"class_mode": "sparse"}, lambda it: it.classes.__setitem__(slice(0, 9), [1] * 9)),
    "classes by index": ({}, lambda it: it.classes.__setitem__(slice(0, 9), [1] * 9)),
    "lists of classes": (
        {"y_col": "tags"},
        lambda it: [each.append(1) for each in it.classes if isinstance(each, list)],
    ),
    "files": ({"class_mode": None}, lambda it: it.filepaths.reverse()),
    "outputs": (
        {"y_col": ["integer", "single"], "class_mode": "multi_output"},
        lambda it: it.labels[0].__setitem__(slice(None), 9),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_is_edited_in_place_is_followed(frame, photos, name):
    options, edit = EDITS[name]
    both = pair(frame, photos, **options)
    for _ in range(2):
        same_nested(*(taken(it, 2) for it in both))
        for it in both:
            edit(it)


def test_missing_numbers_do_not_stop_reading_ahead(frame, photos):
    frame["gaps"] = [np.nan if i % 3 else 1.0 for i in range(len(frame))]
    reference, ours = pair(frame, photos, y_col="gaps", class_mode="raw")
    same_nested(next(reference), next(ours))
    executor = ours._pipeline.executor
    same_nested(next(reference), next(ours))
    assert ours._pipeline.executor is executor


def test_a_file_without_a_name_is_no_padding(frame, photos):
    frame["filename"] = [str(photos / name) for name in frame["filename"]]
    frame.loc[1, "filename"] = ""
    ours = ImageDataGenerator().flow_from_dataframe(
        frame, None, shuffle=False, batch_size=2, class_mode=None, validate_filenames=False
    )
    with pytest.raises(OSError, match="''"):
        next(ours)
