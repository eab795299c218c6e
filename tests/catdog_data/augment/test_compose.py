"""Steps put together: every draw for itself, and the choice that `steps_per_image` makes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from step_draws import COUNT, drawn

from catdog_data import Augmentation
from catdog_data.augment.compose import DRAWS, compose
from catdog_data.augment.steps.geometry import Movements

ALL = Augmentation(
    rotation=20,
    height_shift=0.1,
    width_shift=0.2,
    shear=5,
    zoom=(0.5, 2.0),
    horizontal_flip=True,
    channel_shift=30,
    brightness=(0.8, 1.1),
    contrast=(0.9, 1.0),
    saturation=(0.0, 3.0),
    hue=0.1,
)
CHOICES = 10
UNCHANGED = {
    **dict.fromkeys(("rotation", "down", "right", "shear", "intensity", "hue"), 0),
    **dict.fromkeys(("rows", "columns", "brightness", "contrast", "saturation"), 1),
}


def values(augmentation):
    """What images have of an augmentation that sets all steps, float64[B] each, by name."""
    named = drawn(augmentation)
    composition = compose(augmentation)
    parts = [composition.geometry.movements(named)]
    parts += [step.parameters(named) for step in compose(ALL).steps]
    merged = {}
    for part in parts:
        merged |= {name: each.numpy() for name, each in part._asdict().items()}
    return merged


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("rotation", {"rotation"}),
        ("zoom", {"rows", "columns"}),
        ("horizontal_flip", {"flip_columns"}),
    ],
)
def test_a_range_changes_only_what_it_is_for(field, names):
    without = replace(ALL, **{field: getattr(Augmentation(), field)})
    before, after = values(ALL), values(without)
    assert {name for name in before if (before[name] != after[name]).any()} == names


@pytest.mark.parametrize("count", [0, 1, 3, 10, 99])
def test_steps_per_image(count):
    got, everything = values(replace(ALL, steps_per_image=count)), values(ALL)
    changed = {name: got[name] != unchanged for name, unchanged in UNCHANGED.items()}
    # Both zooms are one step; a flip is none.
    np.testing.assert_array_equal(changed["rows"], changed.pop("columns"))
    steps = np.stack(list(changed.values()))
    assert set(steps.sum(axis=0)) == {min(count, CHOICES)}
    # Each step has its turn, and gives then what it gives without a choice.
    np.testing.assert_allclose(steps.mean(axis=1), min(count, CHOICES) / CHOICES, atol=0.03)
    for name, is_changed in changed.items():
        np.testing.assert_array_equal(got[name][is_changed], everything[name][is_changed])


def test_rand_augment_picks_from_its_steps():
    augmentation = Augmentation.rand_augment(2, 30, vertical_flip=True, hue=0.1)
    assert augmentation.rotation == 30
    assert augmentation.brightness == (0.1, 1.9)
    assert augmentation.shear == pytest.approx(np.degrees(np.arctan(0.3)))
    assert eval(repr(augmentation)) == augmentation
    # At magnitude 0 nothing is left to pick.
    nothing = compose(Augmentation.rand_augment(2, 0))
    assert not nothing.geometry.is_set
    assert nothing.steps == ()
    moved = nothing.geometry.movements(drawn(Augmentation.rand_augment(2, 0)))
    still = (0, 0, 0, 0, 1, 1, 0, 0)
    for column, value in zip(moved, still, strict=True):
        np.testing.assert_array_equal(column, np.full(COUNT, value))
    assert len(still) == len(Movements._fields)
    with pytest.raises(ValueError, match=r"`magnitude` must lie in \[0, 30\]; received 31"):
        Augmentation.rand_augment(2, 31)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_identity_and_all_of_the_paper_have_an_equal_share(count):
    augmentation = Augmentation.rand_augment(count, 15, operations="paper")
    picked = drawn(augmentation).picked
    assert len(picked) == 14
    shares = np.stack([each.numpy() for each in picked.values()])
    assert set(shares.sum(axis=0)) == {count}
    np.testing.assert_allclose(shares.mean(axis=1), count / 14, atol=0.03)


def test_identity_changes_nothing():
    # Without it each image has its hue changed, with it about half.
    hue = compose(Augmentation(hue=0.1, identity=True, steps_per_image=1))
    (changed,) = hue.steps
    turns = changed.parameters(drawn(Augmentation(hue=0.1, identity=True, steps_per_image=1))).hue
    assert abs((turns.numpy() == 0).mean() - 0.5) < 0.03
    assert compose(Augmentation(identity=True)).steps == ()


def test_only_geometry_runs_on_the_device():
    assert compose(Augmentation(rotation=30, horizontal_flip=True)).runs_on_device
    for field in ("channel_shift", "hue", "erasing", "mixup"):
        assert not compose(Augmentation(**{field: 0.5})).runs_on_device


def test_padding_has_parameters_too():
    composition = compose(replace(ALL, erasing=0.5, mixup=0.2))
    uniform = tf.zeros([3, DRAWS], tf.float64)
    index = tf.constant([5, -1, -1], tf.int64)
    parameters = composition.parameters(uniform, index, (8, 9))
    assert parameters.geometry.shape == (3, 8)
    assert all(each.shape[0] == 3 for each in tf.nest.flatten(parameters.steps))
