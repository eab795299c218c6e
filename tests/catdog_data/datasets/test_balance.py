"""Balanced classes: how many images of each an epoch has, which, and that the plan stays exact."""

from __future__ import annotations

import math
from collections import Counter

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import save_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog_data import (
    Augmentation,
    image_dataset_from_arrays,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)
from catdog_data.datasets.balance import BalancedClasses
from catdog_data.datasets.plan import CounterPlan

LABELS = np.array([2, 0, 0, 1, 0, 2, 0, 1, 0, 0, 2, 0, 0])
COUNTS = np.bincount(LABELS)
BALANCES = ["oversample", "undersample", {0: 0.4, 2: 1.7}]

count_lists = st.lists(st.integers(1, 12), min_size=1, max_size=5)
balances = st.one_of(
    st.sampled_from(["oversample", "undersample"]),
    st.dictionaries(st.just(0), st.floats(0.05, 4), min_size=1),
)


def arrays(**options):
    """Images that are alike, so that only what is drawn makes them differ."""
    row = np.arange(0, 250, 10, dtype=np.uint8)
    images = np.broadcast_to(row[None, :, None, None], (13, 25, 4, 3))
    options = {"labels": LABELS, "batch_size": 4, "seed": 5, "return_index": True, **options}
    return image_dataset_from_arrays(images, **options)


def epoch_of(dataset):
    """Return the parts of a pass, each joined; of images without labels or indices as they are."""
    return [np.concatenate(part) for part in zip(*dataset.as_numpy_iterator(), strict=True)]


def places_by_rule(balance, counts):
    if balance == "oversample":
        return [max(counts)] * len(counts)
    if balance == "undersample":
        return [min(counts)] * len(counts)
    return [max(round(balance.get(i, 1) * count), 1) for i, count in enumerate(counts)]


def plan_of(balance, counts, seed=1, shard=(0, 1), batch_size=1000):
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    balanced = BalancedClasses.of(balance, classes)
    plan = CounterPlan(sum(counts), min(batch_size, len(balanced)), True, seed, shard, balanced)
    return classes, plan


def items(plan, epoch, step=0):
    found = plan.items(tf.constant(epoch, tf.int64), tf.constant(step, tf.int64)).numpy()
    return found[found >= 0]


@settings(max_examples=10, deadline=None)
@given(counts=count_lists, balance=balances, seed=st.integers(0, 2**63 - 1))
def test_every_epoch_has_exact_counts_and_all_images_their_turn(counts, balance, seed):
    classes, plan = plan_of(balance, counts, seed)
    n = len(classes)
    places = places_by_rule(balance, counts)
    assert plan.positions == plan.images == sum(places)
    in_total = np.zeros(n, int)
    for epoch in range(5):
        found = items(plan, epoch)
        assert len(set(found.tolist())) == len(found)
        images = found % n
        assert np.bincount(classes[images], minlength=len(counts)).tolist() == places
        in_epoch = np.bincount(images, minlength=n)
        in_total += in_epoch
        for counted in (in_epoch, in_total):
            assert all(np.ptp(counted[classes == each]) <= 1 for each in range(len(counts)))
        # Copies are numbered from 0.
        copies = Counter(images.tolist())
        assert sorted(found) == sorted(i + n * k for i in copies for k in range(copies[i]))


def test_all_images_are_seen_once_before_any_comes_again():
    classes, plan = plan_of("undersample", [100, 10, 25])
    first = np.concatenate([items(plan, epoch) for epoch in range(10)])
    then = np.concatenate([items(plan, epoch) for epoch in range(10, 20)])
    assert sorted(first[classes[first] == 0]) == sorted(np.flatnonzero(classes == 0))
    # The next time in other company.
    parts = [
        {frozenset(part[classes[part] == 0]) for part in np.split(each, 10)}
        for each in (first, then)
    ]
    assert not parts[0] & parts[1]


def test_classes_have_orders_of_their_own():
    # Ten images of each of two classes; which of them are chosen is not the same rank.
    images, chosen = np.arange(2000), []
    balanced = BalancedClasses.of({0: 0.5, 1: 0.5}, images // 1000)
    plan = CounterPlan(2000, 1000, True, 4, balanced=balanced)
    for epoch in range(4):
        ranks = items(plan, epoch)
        chosen.append([set((ranks[ranks // 1000 == each] % 1000).tolist()) for each in (0, 1)])
    shared = [len(one & other) for one, other in chosen]
    # Of 500 of 1,000: 250, with a deviation of 8.
    assert all(abs(each - 250) < 4 * 8 for each in shared)


def test_images_of_a_class_are_chosen_by_lot():
    # How often each of the 10 is among the 3 of an epoch that begins a cycle, over 100 cycles.
    _, plan = plan_of({0: 0.3}, [10])
    classes_first = np.concatenate([items(plan, 10 * cycle) for cycle in range(100)])
    counted = np.bincount(classes_first, minlength=10)
    squares = np.sum((counted - 30) ** 2) / (30 * 0.7)
    assert squares * 9 / 10 < 9 + 4 * np.sqrt(2 * 9)


@settings(max_examples=8, deadline=None)
@given(counts=count_lists, readers=st.integers(2, 4), batch_size=st.integers(3, 9))
def test_shards_share_a_balanced_epoch(counts, readers, batch_size):
    counts = [count + readers for count in counts]
    _, whole = plan_of("oversample", counts)
    order = items(whole, 3)
    for i in range(readers):
        try:
            _, plan = plan_of("oversample", counts, shard=(i, readers), batch_size=batch_size)
        except ValueError:  # a last step that some reader would have no image for
            assert len(order) // readers < math.ceil(math.ceil(len(order) / readers) / batch_size)
            continue
        own = np.concatenate([items(plan, 3, step) for step in range(plan.steps)])
        np.testing.assert_array_equal(own, order[i::readers])


@pytest.mark.parametrize("balance", BALANCES, ids=str)
@pytest.mark.parametrize("batch_size", [4, None])
def test_datasets_are_balanced_and_of_known_length(balance, batch_size):
    dataset = arrays(balance=balance, batch_size=batch_size)
    places = places_by_rule(balance, COUNTS.tolist())
    for _ in range(3):
        elements = list(dataset.as_numpy_iterator())
        assert len(elements) == len(dataset)
        assert len(dataset) == (sum(places) if batch_size is None else -(-sum(places) // 4))
        labels = np.concatenate([np.atleast_1d(labels) for _, labels, _ in elements])
        index = np.concatenate([np.atleast_1d(index) for *_, index in elements])
        np.testing.assert_array_equal(labels, LABELS[index])
        assert np.bincount(labels).tolist() == places


def test_a_balanced_dataset_begins_anywhere():
    options = {"balance": BALANCES[2], "augmentation": Augmentation(rotation=40.0)}
    passes = arrays(**options)
    epochs = [list(passes.as_numpy_iterator()) for _ in range(3)]
    for (epoch, step), begun in {
        (1, 1): passes.resume(1, 1),
        (2, 2): arrays(**options).resume(2, 2),
        (2, 0): passes.follow(lambda: (2, 0)),
    }.items():
        rest = list(begun.as_numpy_iterator())
        assert len(rest) == len(epochs[epoch]) - step > 0
        for got, expected in zip(rest, epochs[epoch][step:], strict=True):
            tf.nest.map_structure(np.testing.assert_array_equal, got, expected)


def test_fit_goes_through_balanced_epochs():
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    seen = []
    record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(1))
    dataset = arrays(balance="oversample", return_index=False, labels=np.eye(3)[LABELS])
    model.fit(dataset, epochs=3, callbacks=[record], verbose=0)
    assert len(seen) == 3 * len(dataset) == 3 * 6


def test_copies_of_an_image_are_augmented_differently():
    augmentation = Augmentation(rotation=40.0, zoom=(0.5, 2.0))
    images, _, index = epoch_of(arrays(balance="oversample", augmentation=augmentation))
    assert max(Counter(index.tolist()).values()) == 4
    assert len({image.tobytes() for image in images}) == len(images)


def test_an_image_looks_as_without_balance_once_in_an_epoch():
    augmentation = Augmentation(rotation=40.0, zoom=(0.5, 2.0))
    plain, balanced = (
        arrays(augmentation=augmentation),
        arrays(augmentation=augmentation, balance="oversample"),
    )
    for _ in range(2):
        images, _, index = epoch_of(plain)
        looks = {int(i): image for i, image in zip(index, images, strict=True)}
        images, _, index = epoch_of(balanced)
        alike = Counter(
            int(i)
            for i, image in zip(index, images, strict=True)
            if np.array_equal(image, looks[int(i)])
        )
        assert alike == dict.fromkeys(range(13), 1)


@pytest.mark.parametrize(
    "labels", [LABELS[:, None], np.eye(3, dtype="float32")[LABELS], LABELS.astype("float32")]
)
def test_labels_of_any_form_that_are_classes(labels):
    expected = epoch_of(arrays(balance="undersample"))[-1]
    np.testing.assert_array_equal(
        epoch_of(arrays(labels=labels, balance="undersample"))[-1], expected
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("uneven")
    for i in range(12):
        save_picture(root / ("cats" if i < 9 else "dogs") / f"{i:02d}.png", (9, 7), i)
    return root


def read(folder, **options):
    options = {"image_size": (4, 4), "batch_size": 4, "seed": 3, "verbose": False, **options}
    return image_dataset_from_directory(folder, return_index=True, **options)


@pytest.mark.parametrize("mode", ["int", "categorical", "binary"])
def test_directories(folder, mode):
    dataset = read(folder, label_mode=mode, balance={"dogs": 3})
    _, labels, index = epoch_of(dataset)
    of_file = np.array(["dogs" in path for path in dataset.file_paths])
    is_dog = labels[:, -1] if labels.ndim == 2 else labels
    np.testing.assert_array_equal(is_dog, of_file[index])
    assert np.bincount(of_file[index]).tolist() == [9, 9]
    by_number = epoch_of(read(folder, label_mode=mode, balance={np.int64(1): 3.0}))[-1]
    np.testing.assert_array_equal(by_number, index)


def test_the_training_part_alone_is_balanced(folder):
    options = {"validation_split": 0.34, "stratify": True}
    both = read(folder, subset="both", balance="oversample", **options)
    assert [len(part.file_paths) for part in both] == [8, 4]
    assert [np.bincount(epoch_of(part)[1]).tolist() for part in both] == [[6, 6], [3, 1]]
    alone = [
        read(folder, subset=name, balance="oversample", **options)
        for name in ("training", "validation")
    ]
    assert [np.bincount(epoch_of(part)[1]).tolist() for part in alone] == [[6, 6], [3, 1]]
    for part in both, alone:
        assert [each.class_weights() for each in part] == [{0: 8 / 12, 1: 2.0}, {0: 4 / 6, 1: 2.0}]


def test_class_weights_as_balance_keep_the_length(folder):
    dataset = read(folder)
    weights = dataset.class_weights()
    assert weights == {0: 12 / (2 * 9), 1: 12 / (2 * 3)}
    balanced = read(folder, balance=weights)
    assert np.bincount(epoch_of(balanced)[1]).tolist() == [6, 6]
    assert len(balanced) == len(dataset)
    assert balanced.map(lambda *each: each).class_weights() == weights


def test_data_frames(folder):
    names = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.png"))
    frame = pd.DataFrame({"filename": names, "class": [name.split("/")[0] for name in names]})
    options = {"image_size": (4, 4), "verbose": False, "seed": 3, "return_index": True}
    dataset = image_dataset_from_dataframe(frame, folder, balance={"dogs": 3}, **options)
    expected = epoch_of(read(folder, balance={"dogs": 3}))
    assert np.bincount(epoch_of(dataset)[1]).tolist() == [9, 9]
    assert dataset.class_weights() == {0: 12 / 18, 1: 2.0}
    assert sorted(epoch_of(dataset)[-1]) == sorted(expected[-1])


def test_with_broken_files_replaced(folder, tmp_path):
    for i in range(6):
        save_picture(tmp_path / ("cats" if i < 4 else "dogs") / f"{i}.png", (9, 7), i)
    (tmp_path / "dogs" / "5.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="cannot be read"):
        replaced = read(tmp_path, balance="oversample", on_error="replace")
    assert np.bincount(epoch_of(replaced)[1]).tolist() == [4, 4]
    with pytest.warns(UserWarning, match="cannot be read"):
        skipped = read(tmp_path, balance="oversample", on_error="skip")
    assert np.bincount(epoch_of(skipped)[1]).tolist() == [4, 4]
    assert skipped.class_weights() == {0: 5 / 8, 1: 2.5}


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (None, "there are no labels"),
        (LABELS + 0.5, "values"),
        ((LABELS, LABELS), "several"),
        (np.ones((13, 3)), "several"),
        (np.zeros((13, 2, 2), int), "values"),
    ],
    ids=str,
)
def test_images_without_classes_are_refused(labels, why):
    with pytest.raises(ValueError, match=f"`balance` needs labels that are classes.*{why}"):
        arrays(labels=labels, balance="oversample")
    with pytest.raises(ValueError, match=f"`class_weights` needs labels that are classes.*{why}"):
        arrays(labels=labels).class_weights()


def test_classes_that_are_none_are_refused(folder):
    with pytest.raises(ValueError, match=r"`balance` names the class 'birds'; .*'cats', 'dogs'"):
        read(folder, balance={"birds": 2})
    with pytest.raises(ValueError, match="`balance` names the class 2; "):
        read(folder, balance={2: 2})
    with pytest.raises(ValueError, match=r"two weights for one class, .* 1"):
        read(folder, balance={"dogs": 2, 1: 3})
    with pytest.raises(ValueError, match="`balance` needs labels"):
        read(folder, balance="oversample", labels=None)


def test_epochs_that_are_not_shuffled_are_refused(folder):
    with pytest.raises(ValueError, match="`balance` needs `shuffle=True`"):
        read(folder, balance="oversample", shuffle=False)


def test_numbers_of_a_list_of_labels(folder):
    labels = [7] * 9 + [-2] * 3
    dataset = read(folder, labels=labels, balance={-2: 2})
    assert Counter(epoch_of(dataset)[1].tolist()) == {7: 9, -2: 6}
    assert dataset.class_weights() == {-2: 2.0, 7: 12 / 18}
