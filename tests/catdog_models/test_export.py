"""A SavedModel says about bytes what the model says about the images of the training pipeline."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from corrupt_files import bomb
from PIL import Image

from catdog_data import image_dataset_from_directory
from catdog_data.serving import decoder
from catdog_models import InputSpec
from catdog_models.commands.predict import decoder_of
from catdog_models.export.export import export_saved_model, is_saved_model, serving_function

_SIZE = (8, 12)
_RESCALE = 1 / 255.0
_PICTURE_SIZES = [(40, 30), (31, 47), (24, 24), (12, 8), (64, 48), (50, 37), (20, 33)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """JPEG and PNG files of many sizes, in three class folders."""
    root = tmp_path_factory.mktemp("pictures")
    for place, size in enumerate(_PICTURE_SIZES):
        save_picture(root / "ab"[place % 2] / f"{place}.jpg", size, place)
        save_picture(root / "c" / f"{place}.png", size, 50 + place)
    return root


def _network(units):
    keras.utils.set_random_seed(units)
    return keras.Sequential(
        [
            keras.Input((*_SIZE, 3)),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units, activation="sigmoid" if units == 1 else "softmax"),
        ]
    )


def _pixels():
    """A model whose outputs are its pixels, a class for each."""
    return keras.Sequential([keras.Input((*_SIZE, 3)), keras.layers.Flatten()])


_PIXEL_NAMES = [f"pixel {n}" for n in range(_SIZE[0] * _SIZE[1] * 3)]
_CASES = {
    "nearest": ({"interpolation": "nearest", "rescale": _RESCALE}, 1, ["a", "b"]),
    "bilinear": ({"interpolation": "bilinear", "rescale": _RESCALE}, 3, ["a", "b", "c"]),
    "crop": ({"crop_to_aspect_ratio": True, "rescale": _RESCALE}, 2, ["a", "b"]),
    "pad": ({"pad_to_aspect_ratio": True, "rescale": _RESCALE}, 1, ["a", "b"]),
    "pixels": ({"interpolation": "bilinear", "rescale": _RESCALE}, 0, _PIXEL_NAMES),
    "padded pixels": ({"interpolation": "bilinear", "pad_to_aspect_ratio": True}, 0, _PIXEL_NAMES),
    "antialiased pixels": ({"crop_to_aspect_ratio": True, "antialias": True}, 0, _PIXEL_NAMES),
}

# Run where neither catdog nor Keras can be imported.
_LOAD = """
import sys
sys.modules["catdog_data"] = sys.modules["catdog_models"] = sys.modules["keras"] = None
from pathlib import Path
import numpy as np
import tensorflow as tf
root, *files = sys.argv[1:]
contents = tf.constant([Path(file).read_bytes() for file in files])
for folder in sorted(Path(root).iterdir()):
    loaded = tf.saved_model.load(str(folder))
    result = loaded.signatures["serving_default"](image_bytes=contents)
    single = loaded.signatures["serving_default"](image_bytes=contents[:1])
    np.savez(
        folder / "result.npz",
        single=single["probabilities"].numpy(),
        names=loaded.class_names.numpy().astype(str),
        **{
            name: value.numpy() if value.dtype == tf.float32 else value.numpy().astype(str)
            for name, value in result.items()
        },
    )
print("done")
"""


def _predicted_in_training(model, pictures, options):
    """The files, and what the model says about them through the training pipeline."""
    dataset = image_dataset_from_directory(
        pictures, image_size=_SIZE, shuffle=False, batch_size=5, verbose=False, **options
    )
    return dataset.file_paths, model.predict(dataset, verbose=0)


@pytest.fixture(scope="module")
def results(pictures, tmp_path_factory):
    """What each case gives in a fresh process, and what the training pipeline gives."""
    root = tmp_path_factory.mktemp("exports")
    expected, files = {}, []
    for name, (options, units, class_names) in _CASES.items():
        model = _network(units) if units else _pixels()
        export_saved_model(
            model, root / name, decode=decoder(_SIZE, **options), class_names=class_names
        )
        files, expected[name] = _predicted_in_training(model, pictures, options)
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, root, *files], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "done", done.stderr[-2000:]
    assert len(files) == 2 * len(_PICTURE_SIZES)
    return {name: (dict(np.load(root / name / "result.npz")), expected[name]) for name in _CASES}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in _CASES if "pixels" in name])
def test_pixels_are_those_of_the_training_pipeline(results, name):
    found, expected = results[name]
    np.testing.assert_array_equal(found["probabilities"], expected)
    np.testing.assert_array_equal(found["single"], expected[:1])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in _CASES if "pixels" not in name])
def test_predictions_are_those_of_the_training_pipeline(results, name):
    _check_predictions(*results[name], np.array(_CASES[name][2]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bilinear"])
def test_predictions_in_the_same_process(pictures, name):
    options, units, class_names = _CASES[name]
    model = _network(units)
    files, expected = _predicted_in_training(model, pictures, options)
    serve = serving_function(model, decoder(_SIZE, **options), class_names)
    found = serve([Path(file).read_bytes() for file in files])
    texts = {key: found[key].numpy().astype(str) for key in ("class_names", "label")}
    probabilities = found["probabilities"].numpy()
    _check_predictions({**texts, "probabilities": probabilities}, expected, np.array(class_names))


def _check_predictions(found, expected, class_names):
    if expected.shape[1] == 1:
        expected = np.concatenate([1 - expected, expected], axis=1)
    assert found["probabilities"].dtype == np.float32
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-5)
    np.testing.assert_array_equal(found["class_names"], [class_names] * len(expected))
    if "names" in found:
        np.testing.assert_array_equal(found["names"], class_names)
    np.testing.assert_array_equal(found["label"], class_names[expected.argmax(axis=1)])
    # Not one answer to everything.
    assert np.ptp(expected[:, 0]) > 1e-3


def _decode(contents):
    return tf.cast(tf.io.decode_image(contents, 3, expand_animations=False), tf.float32)


def test_models_of_any_size_take_any_decoder():
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    serve = serving_function(model, _decode, ["a", "b"])
    contents = tf.io.encode_png(tf.fill([5, 4, 3], tf.constant(7, tf.uint8)))
    expected = model(tf.fill([1, 5, 4, 3], 7.0))
    result = serve(tf.stack([contents, contents]))
    np.testing.assert_allclose(result["probabilities"], np.repeat(expected, 2, axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    "reader",
    [
        "image_dataset_from_directory",
        pytest.param("ImageDataGenerator", marks=pytest.mark.slow),
    ],
)
def test_an_exported_model_refuses_too_many_pixels(pictures, tmp_path, monkeypatch, reader):
    spec = InputSpec(("a", "b"), _SIZE, "nearest", rescale=_RESCALE, reader=reader)
    good = (pictures / "a" / "0.jpg").read_bytes()
    for most, refused in ((None, bomb(20_000)), (40 * 30 // 2, save_png((41, 30)))):
        if most is not None:
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        path = export_saved_model(
            _network(1), tmp_path / "model", decode=decoder_of(spec), class_names=["a", "b"]
        )
        monkeypatch.undo()  # the limit is that of the export
        serve = tf.saved_model.load(str(path)).signatures["serving_default"]
        assert serve(image_bytes=tf.constant([good]))["probabilities"].shape == (1, 2)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"at most [0-9]+ pixels"):
            serve(image_bytes=tf.constant([good, refused]))


def save_png(size):
    return tf.io.encode_png(tf.zeros([*size[::-1], 3], tf.uint8)).numpy()


@pytest.mark.slow
def test_an_earlier_export_is_replaced(tmp_path):
    path = tmp_path / "model"
    for names in (["a", "b"], ["c", "d"]):
        written = export_saved_model(_network(1), path, decode=decoder(_SIZE), class_names=names)
        assert written == path
        assert is_saved_model(path)
    assert tf.saved_model.load(str(path)).class_names.numpy().tolist() == [b"c", b"d"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("what", ["file", "folder"])
def test_other_things_are_left_alone(tmp_path, what):
    path = tmp_path / "model"
    if what == "file":
        path.write_bytes(b"mine")
    else:
        path.mkdir()
        (path / "mine").touch()
    with pytest.raises(FileExistsError, match="absent, empty or an earlier SavedModel"):
        export_saved_model(_network(1), path, decode=decoder(_SIZE), class_names=["a", "b"])
    assert path.read_bytes() == b"mine" if what == "file" else (path / "mine").exists()


@pytest.mark.slow
def test_failed_export_keeps_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "model"
    export_saved_model(_network(1), path, decode=decoder(_SIZE), class_names=["a", "b"])
    rename = Path.rename

    def fail(self, target):
        if Path(target) == path and "old" not in self.name:
            raise OSError("disk full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="disk full"):
        export_saved_model(_network(1), path, decode=decoder(_SIZE), class_names=["c", "d"])
    assert tf.saved_model.load(str(path)).class_names.numpy().tolist() == [b"a", b"b"]
    assert list(tmp_path.iterdir()) == [path]


def test_folder_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a folder that exists.*nope"):
        export_saved_model(
            _network(1), tmp_path / "nope" / "m", decode=decoder(_SIZE), class_names=["a", "b"]
        )


def test_python_cannot_be_saved(tmp_path):
    def decode(contents):
        image = tf.numpy_function(
            lambda _: np.zeros((*_SIZE, 3), np.float32), [contents], "float32"
        )
        return tf.ensure_shape(image, [*_SIZE, 3])

    with pytest.raises(ValueError, match="what Python does cannot be saved"):
        export_saved_model(_network(1), tmp_path / "m", decode=decode, class_names=["a", "b"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("units", "names", "message"),
    [
        (1, ["a", "b", "c"], "for 3 classes"),
        (3, ["a", "b"], "for 2 classes"),
        (2, "ab", "at least 2 names"),
        (2, ["a"], "at least 2 names"),
    ],
)
def test_names_must_be_those_of_the_classes(units, names, message):
    with pytest.raises(ValueError, match=message):
        serving_function(_network(units), decoder(_SIZE), names)


def test_model_must_take_images():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    with pytest.raises(ValueError, match=r"one batch of images.*\(None, 4\)"):
        serving_function(model, decoder(_SIZE), ["a", "b"])
