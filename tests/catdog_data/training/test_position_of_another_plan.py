"""A position within an epoch is one of its order: another `balance` or seed is noticed."""

from __future__ import annotations

import json
import warnings
from contextlib import nullcontext

import keras
import numpy as np
import pytest

from catdog_data import image_dataset_from_arrays
from catdog_data.training.checkpoint import InputPosition, Position

LABELS = np.array([0] * 9 + [1] * 3)


def data(balance=None, seed=5, shuffle=True, images=12):
    labels = LABELS[:images]
    pixels = np.zeros((images, 2, 2, 3), np.uint8)
    return image_dataset_from_arrays(pixels, labels, 4, shuffle, seed, balance=balance)


@pytest.fixture(scope="module")
def datasets():
    return {
        "plain": data(),
        "oversample": data("oversample"),
        "as much": data({0: 1.0, 1: 3.0}),
        "weights": data({0: 2 / 3, 1: 2.0}),
        "seed": data(seed=6),
    }


def idle_model():
    model = keras.Sequential()
    model.stop_training = False
    return model


def saved(path, dataset, batches):
    """Train up to a batch of the first epoch, as far as the callback sees."""
    saver = InputPosition(path)
    saver.set_model(idle_model())
    saver.follow(dataset)
    saver.on_train_begin()
    saver.on_epoch_begin(0)
    for batch in range(batches):
        saver.on_train_batch_end(batch)
    return Position.load(path)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (
            "oversample",
            "plain",
            ["steps was 5 and is now 3", "balance was 'oversample' and"],
        ),
        ("plain", "weights", ["balance was None and is now 'weights "]),
        ("as much", "weights", ["balance was 'weights ", "' and is now 'weights "]),
        ("plain", "seed", ["seed was 5 and is now 6"]),
        ("weights", "weights", []),
        ("plain", "plain", []),
    ],
)
def test_another_order_within_an_epoch_warns(datasets, tmp_path, before, after, named):
    position = saved(tmp_path / "position.json", datasets[before], 2)
    assert position == Position(0, 2)
    assert Position.from_json(position.to_json()).plan == datasets[before].plan
    expected = pytest.warns(UserWarning) if named else nullcontext([])
    with warnings.catch_warnings():
        warnings.simplefilter("default" if named else "error")
        with expected as caught:
            InputPosition(tmp_path / "position.json", start=position).follow(datasets[after])
    said = [str(each.message) for each in caught]
    assert len(said) == bool(named)
    for words in (*named, *(["`Position(0, 0)` begins the epoch again"] if named else [])):
        assert words in said[0]


def test_an_epoch_that_begins_has_the_steps_of_the_dataset(datasets, tmp_path):
    path = tmp_path / "position.json"
    position = saved(path, datasets["plain"], 3)
    assert (position.epoch, position.step, position.steps) == (1, 0, 3)
    saver = InputPosition(path, start=position)
    saver.set_model(idle_model())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saver.follow(datasets["oversample"])
    saver.on_train_begin()
    saver.on_epoch_begin(1)
    for batch in range(4):
        saver.on_train_batch_end(batch)
    saved_then = Position.load(path)
    assert (saved_then.epoch, saved_then.step, saved_then.steps) == (1, 4, 5)
    assert saved_then.plan == datasets["oversample"].plan


def test_files_from_before_are_read_and_tell_by_their_steps(datasets, tmp_path):
    path = tmp_path / "position.json"
    content = json.loads(Position(2, 1, 3).to_json())
    assert "plan" not in content
    path.write_text(json.dumps(content))
    position = Position.load(path)
    assert position.plan is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        InputPosition(path, start=position).follow(datasets["weights"])
        InputPosition(path, start=Position(2, 1)).follow(datasets["oversample"])
    with pytest.warns(UserWarning, match="steps was 3 and is now 5"):
        InputPosition(path, start=position).follow(datasets["oversample"])


def test_a_step_that_an_epoch_does_not_have_is_refused(datasets, tmp_path):
    saver = InputPosition(tmp_path / "position.json", start=Position(2, 4, 5))
    with pytest.raises(ValueError, match=r"step=4.* must be a step of the dataset, .* have 3\."):
        saver.follow(datasets["plain"])


def test_plans_that_are_none_are_refused(tmp_path):
    path = tmp_path / "position.json"
    content = json.loads(Position(2, 1, 3).to_json())
    for wrong in ("oversample", 3, [1]):
        path.write_text(json.dumps({**content, "plan": wrong}))
        with pytest.raises(ValueError, match=r"position\.json: `plan` must be a mapping"):
            Position.load(path)


def test_a_plan_is_that_of_the_order(datasets):
    assert datasets["plain"].plan == {
        "images": 12,
        "places": 12,
        "batch_size": 4,
        "seed": 5,
        "shard": [0, 1],
        "balance": None,
    }
    assert data(shuffle=False, seed=7).plan["seed"] is None
    assert datasets["weights"].map(lambda *each: each).plan == datasets["weights"].plan
    assert datasets["as much"].plan["balance"] != datasets["weights"].plan["balance"]
