"""What was saved by this version is read by later ones, and gives the same values.

`PYTHONPATH=. python tests/test_pins_saved.py` saves all again, which only a change of a format
needs: then the old files stay, under another name, with a test that they are still read.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pandas as pd
import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from PIL import Image

from catdog_data import (
    ImageDataGenerator,
    InputPosition,
    Position,
    image_dataset_from_directory,
)
from catdog_data.training.augment_layer import AugmentAndRescale, device_tables
from catdog_models.training.epoch_table import read_epochs, write_epochs
from catdog_models.training.input_spec import InputSpec
from catdog_models.training.recipes import RECIPES
from catdog_models.training.run_record import record_run

SAVED = Path(__file__).parent / "pins" / "saved"
IMAGE_SIZE = (6, 5)
NAMES = ["cats/0.bmp", "cats/1.bmp", "dogs/2.bmp", "dogs/3.bmp"]
DATA = {"classes": ["cats", "dogs"], "training_images": 8, "validation_images": 2, "digest": "0f"}
EPOCHS = [{"loss": 0.75, "val_loss": 0.5}, {"loss": 0.25, "val_loss": float("nan")}]
SPEC = InputSpec(("cats", "dogs"), IMAGE_SIZE, "bilinear", 1 / 255, antialias=True)


def small_model():
    """A network with the layer of this package, and weights that are whole numbers."""
    inputs = {
        "images": keras.Input((*IMAGE_SIZE, 3), dtype="uint8", name="images"),
        "tables": keras.Input((2, 2, sum(IMAGE_SIZE)), dtype="int32", name="tables"),
    }
    x = AugmentAndRescale(IMAGE_SIZE, rescale=0.5, fill_mode="constant", cval=4.0)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    kernel, bias = model.trainable_variables
    kernel.assign(np.arange(180).reshape(90, 2) % 7 - 3)
    bias.assign([5, -1])
    model.compile(keras.optimizers.SGD(0.125, momentum=0.5), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def seen_by(model):
    """What it makes of two images, moved by a pixel and mirrored."""
    images = np.arange(2 * 90).reshape(2, *IMAGE_SIZE, 3).astype(np.uint8)
    geometry = np.array([[1.0, 0, 1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0, 1, 0]])
    inputs = {"images": images, "tables": device_tables(geometry, IMAGE_SIZE)}
    return keras.ops.convert_to_numpy(model(inputs, training=True))


def pictures():
    i, y, x, c = np.ogrid[:4, : IMAGE_SIZE[0], : IMAGE_SIZE[1], :3]
    return ((i * 61 + y * 23 + x * 11 + c * 7) % 256).astype(np.uint8)


def save_pictures(root):
    for name, picture in zip(NAMES, pictures(), strict=True):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
        os.utime(path, (1_700_000_000, 1_700_000_000))


@contextlib.contextmanager
def packed(root, packs):
    """Yield a dataset over files that a pack knows: by absolute path, size and time."""
    save_pictures(root)
    real = os.path.abspath
    with mock.patch("os.path.abspath", lambda path: real(path).replace(str(root), "/photos")):
        yield image_dataset_from_directory(
            root, image_size=IMAGE_SIZE, shuffle=False, cache=packs, verbose=False
        )


def test_a_pack_is_found_and_read(tmp_path, capfd):
    packs = tmp_path / "packs"
    shutil.copytree(SAVED / "packs", packs)
    (pack,) = packs.iterdir()
    pixels = np.fromfile(pack / "pixels", np.float32)
    # Other values than those of the files, which shows where they come from.
    (255 - pixels).tofile(pack / "pixels")
    with packed(tmp_path / "photos", packs) as dataset:
        ((images, labels),) = [tuple(part.numpy() for part in batch) for batch in dataset]
    assert "Decoding" not in "".join(capfd.readouterr())
    np.testing.assert_array_equal(images, 255 - pictures().astype(np.float32))
    np.testing.assert_array_equal(labels, [0, 0, 1, 1])
    assert [each.name for each in packs.iterdir() if each.is_dir()] == [pack.name]


def test_positions_are_read():
    position = Position.load(SAVED / "position.json")
    assert (position.epoch, position.step, position.steps) == (3, 7, 90)
    assert Position.load(SAVED / "position_at_epoch_of_order_1.json") == Position(4, 0)
    with pytest.warns(UserWarning, match="lies within epoch 1, at step 2, of orders of an earlier"):
        position = Position.load(SAVED / "position_of_order_1.json")
    assert (position.epoch, position.step, position.steps) == (1, 2, 5)


def test_a_position_with_weights_is_restored(tmp_path):
    shutil.copytree(SAVED / "run", tmp_path / "run")
    model = small_model()
    expected = seen_by(model)
    for variable in [*model.trainable_variables, *model.optimizer.variables]:
        variable.assign(variable + 1)
    position = InputPosition.restore(tmp_path / "run" / "position.json", model)
    assert (position.epoch, position.step, position.steps) == (2, 0, 9)
    np.testing.assert_array_equal(seen_by(model), expected)
    assert float(model.optimizer.learning_rate) == 0.125


def test_a_model_is_loaded_with_its_layer():
    model = keras.saving.load_model(SAVED / "model.keras")
    np.testing.assert_array_equal(seen_by(model), seen_by(small_model()))
    # By reason: the second image is mirrored, and not moved.
    images = np.arange(90, 180).reshape(*IMAGE_SIZE, 3)[:, ::-1].reshape(-1) * 0.5
    kernel = np.arange(180).reshape(90, 2) % 7 - 3
    np.testing.assert_allclose(seen_by(model)[1], images @ kernel + [5, -1], atol=1e-3)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_run_goes_on_by_its_recipe(name, tmp_path):
    path = tmp_path / "recipe.json"
    shutil.copy(SAVED / f"recipe-{name}.json", path)
    content = recorded(name)
    assert record_run(path, content, {})
    with pytest.raises(ValueError, match="seed was 5 and is now 6"):
        record_run(path, {**content, "seed": 6}, {})


def recorded(name):
    recipe = RECIPES[name].as_json()
    return {"recipe": recipe, "data": DATA, "seed": 5, "precision": "float32"}


def test_what_lies_beside_a_model_is_read():
    assert InputSpec.load(SAVED / "input.json") == SPEC
    np.testing.assert_equal(read_epochs(SAVED / "history.csv"), EPOCHS)


def flows(generator):
    """Iterators over files named relative to the working directory, and over an array."""
    settings = {"batch_size": 3, "seed": 3}
    frame = pd.DataFrame({"filename": NAMES, "class": list("ccdd"), "weight": range(4)})
    files = {**settings, "target_size": IMAGE_SIZE}
    return {
        "directory": generator.flow_from_directory("photos", **files),
        "dataframe": generator.flow_from_dataframe(
            frame, "photos", weight_col="weight", class_mode="sparse", **files
        ),
        "array": generator.flow(pictures(), np.arange(4), **settings),
    }


OPTIONS = {
    "rotation_range": 30,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "channel_shift_range": 9.0,
    "rescale": 1 / 255,
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["directory", "dataframe", "array"])
def test_a_pickled_iterator_goes_on(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_pictures(Path("photos"))
    reference = flows(KerasGenerator(**OPTIONS))[kind]
    saved = pickle.loads((SAVED / f"iterator-{kind}.pickle").read_bytes())
    assert type(saved) is type(flows(ImageDataGenerator())[kind])
    next(reference)
    for _ in range(3):
        for expected, got in zip(next(reference), next(saved), strict=True):
            np.testing.assert_array_equal(got, expected)
    for expected, got in zip(reference[1], saved[1], strict=True):
        np.testing.assert_array_equal(got, expected)


def save_iterators(folder):
    """Pickle iterators that have yielded one batch, of files in the working directory."""
    for kind, flow in flows(ImageDataGenerator(**OPTIONS)).items():
        next(flow)
        (folder / f"iterator-{kind}.pickle").write_bytes(pickle.dumps(flow, protocol=4))


def save_all(folder):
    with tempfile.TemporaryDirectory() as root, packed(Path(root, "photos"), folder / "packs"):
        os.chdir(root)
        save_iterators(folder)
    for lock in (folder / "packs").glob("*.lock"):
        lock.unlink()
    Position(3, 7, 90).save(folder / "position.json")
    for name, epoch, step in (("position", 1, 2), ("position_at_epoch", 4, 0)):
        old = {"format": "catdog_data position 1", "epoch": epoch, "step": step, "steps": 5}
        (folder / f"{name}_of_order_1.json").write_text(json.dumps(old))
    model, run = small_model(), folder / "run"
    saver = InputPosition(run / "position.json", start=Position(2, 0, 9), weights=run / "weights")
    saver.set_model(model)
    saver._save()
    model.save(folder / "model.keras")
    for name in RECIPES:
        record_run(folder / f"recipe-{name}.json", recorded(name), {"keras": "3.15.1"})
    SPEC.save(folder / "input.json")
    write_epochs(EPOCHS, folder / "history.csv")


if __name__ == "__main__":
    shutil.rmtree(SAVED, ignore_errors=True)
    SAVED.mkdir(parents=True)
    sys.exit(save_all(SAVED))
