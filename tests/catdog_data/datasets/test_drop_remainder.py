"""`drop_remainder`: a short last batch is left out, and all else stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture

from catdog_data import Augmentation, image_dataset_from_arrays, image_dataset_from_directory
from catdog_data.datasets.plan import CounterPlan

IMAGES = np.arange(11 * 4 * 3 * 3, dtype=np.uint8).reshape(11, 4, 3, 3)
LABELS = np.arange(11) % 2


def read(**options):
    options = {"batch_size": 4, "seed": 7, "return_index": True, **options}
    return image_dataset_from_arrays(IMAGES, LABELS, **options)


def assert_same(ours, expected):
    ours, expected = list(ours.as_numpy_iterator()), list(expected)
    assert len(ours) == len(expected) > 0
    for got, one in zip(ours, expected, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, got, one)


def test_batches_are_the_full_ones_of_a_dataset_without_it():
    dropping, whole = read(drop_remainder=True), read()
    assert len(dropping) == 2
    assert len(whole) == 3
    for _ in range(2):
        assert_same(dropping, list(whole.as_numpy_iterator())[:2])
    assert_same(dropping.resume(3, 1), list(whole.resume(3, 1).as_numpy_iterator())[:1])
    assert_same(dropping.follow(lambda: (3, 0)), list(whole.resume(3, 0).as_numpy_iterator())[:2])
    with pytest.raises(ValueError, match=r"a step in \[0, 2\)"):
        dropping.resume(0, 2)


def test_the_size_of_batches_is_known():
    options = {
        "augmentation": Augmentation(rotation=10, brightness=(0.5, 1.5)),
        "drop_remainder": True,
    }
    images, labels, index = read(**options).element_spec
    assert images == tf.TensorSpec([4, 4, 3, 3], tf.float32)
    assert labels.shape == index.shape == [4]
    assert read(augment_on="device", **{"drop_remainder": True}).element_spec[0][
        "tables"
    ].shape == [4, 2, 2, 7]


def test_files_have_batches_of_known_size_too(tmp_path):
    for i in range(7):
        save_picture(tmp_path / "ab"[i % 2] / f"{i}.png", (5, 4), i)
    options = {"image_size": (4, 5), "batch_size": 3, "seed": 1, "verbose": False}
    dataset = image_dataset_from_directory(
        tmp_path, label_mode="binary", drop_remainder=True, **options
    )
    assert [spec.shape for spec in dataset.element_spec] == [[3, 4, 5, 3], [3, 1]]
    whole = image_dataset_from_directory(tmp_path, label_mode="binary", **options)
    assert_same(dataset, list(whole.as_numpy_iterator())[:2])
    with pytest.raises(
        ValueError, match=r"`drop_remainder=True` needs a whole batch of 3.*2 image"
    ):
        image_dataset_from_directory(
            tmp_path, drop_remainder=True, validation_split=0.3, subset="both", **options
        )


@pytest.mark.parametrize(("n", "readers", "batch_size"), [(23, 2, 4), (24, 2, 4), (29, 3, 3)])
def test_readers_have_equally_many_steps(n, readers, batch_size):
    plans = [
        CounterPlan(n, batch_size, True, 5, (i, readers), drop_remainder=True)
        for i in range(readers)
    ]
    assert {plan.steps for plan in plans} == {n // readers // batch_size}
    of_all = np.concatenate(
        [
            plan.batch(tf.constant(2, tf.int64), tf.constant(step, tf.int64)).numpy()
            for plan in plans
            for step in range(plan.steps)
        ]
    )
    assert of_all.min() >= 0
    assert len(set(of_all.tolist())) == len(of_all) == plans[0].steps * batch_size * readers


def test_what_makes_no_batch_is_refused_by_name():
    with pytest.raises(ValueError, match=r"`drop_remainder=True`.*`batch_size=None`"):
        read(batch_size=None, drop_remainder=True)
    with pytest.raises(ValueError, match="`drop_remainder=True` needs a whole batch of 12"):
        read(batch_size=12, drop_remainder=True)
    assert len(read(batch_size=11, drop_remainder=True)) == 1


def test_a_file_that_breaks_later_does_not_make_a_batch_short(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for i in range(6):
        save_picture(tmp_path / "a" / f"{i}.png", (5, 4), i)
    dataset = image_dataset_from_directory(
        tmp_path,
        class_names=["a"],
        image_size=(4, 5),
        batch_size=3,
        shuffle=False,
        on_error="skip",
        drop_remainder=True,
        verbose=False,
    )
    (tmp_path / "a" / "1.png").write_bytes(b"nothing")
    with pytest.warns(UserWarning, match=r"is replaced by .*0\.png"):
        batches = list(dataset.as_numpy_iterator())
    assert [len(images) for images, _ in batches] == [3, 3]
