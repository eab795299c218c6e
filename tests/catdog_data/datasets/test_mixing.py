"""MixUp and CutMix: what becomes of images and labels within a dataset."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from catdog_data import (
    Augmentation,
    image_dataset_from_arrays,
    image_dataset_from_directory,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (11, 9, 8, 3)).astype("uint8")
LABELS = np.eye(11, dtype="float32")


def batches(augmentation, **options):
    dataset = image_dataset_from_arrays(
        IMAGES, LABELS, 4, False, 5, augmentation=augmentation, **options
    )
    return list(dataset.as_numpy_iterator())


def partners(count):
    return [*range(1, count), 0]


def test_images_and_labels_are_blended_by_the_same_weight():
    moved = {"rotation": 30.0, "brightness": (0.5, 1.0)}
    plain = batches(Augmentation(**moved))
    weights = []
    for (x, y), (images, labels) in zip(
        plain, batches(Augmentation(**moved, mixup=0.4)), strict=True
    ):
        other = partners(len(x))
        # All classes differ, so the labels tell the weights.
        weight = np.sum(labels * y, axis=1)
        np.testing.assert_allclose(
            labels, weight[:, None] * y + (1 - weight)[:, None] * y[other], atol=1e-6
        )
        weight = weight[:, None, None, None]
        np.testing.assert_allclose(images, weight * x + (1 - weight) * x[other], atol=1e-3)
        weights.extend(weight.ravel())
    assert len(set(weights)) == 11


def test_boxes_are_pasted_and_labels_blended_by_their_area():
    plain = batches(Augmentation(horizontal_flip=True))
    shares = []
    for (x, y), (images, labels) in zip(
        plain, batches(Augmentation(horizontal_flip=True, cutmix=1.0)), strict=True
    ):
        other = x[partners(len(x))]
        own = np.all(images == x, axis=-1)
        assert np.all(own | np.all(images == other, axis=-1))
        share = own.mean(axis=(1, 2))
        np.testing.assert_allclose(np.sum(labels * y, axis=1), share, atol=1e-6)
        shares.extend(share)
    assert 0 < min(shares) < max(shares)


def test_mixtures_are_repeated_by_the_seed_and_renewed_by_the_epoch():
    dataset = image_dataset_from_arrays(
        IMAGES, LABELS, 4, True, 5, augmentation=Augmentation(mixup=1.0, cutmix=1.0)
    )
    first, second = list(dataset.as_numpy_iterator()), list(dataset.as_numpy_iterator())
    resumed = list(dataset.resume(1, 1).take(2).as_numpy_iterator())
    assert not np.array_equal(first[0][1], second[0][1])
    for (x, y), (images, labels) in zip(second[1:], resumed, strict=True):
        np.testing.assert_array_equal(images, x)
        np.testing.assert_array_equal(labels, y)


def test_labels_in_a_structure_are_blended_alike():
    labels = {"one": LABELS, "two": np.linspace(0, 1, 11), "three": np.zeros((11, 2, 3), "float32")}
    dataset = image_dataset_from_arrays(
        IMAGES, labels, 4, False, 5, augmentation=Augmentation(mixup=1.0)
    )
    got = next(dataset.as_numpy_iterator())[1]
    weight = got["one"][np.arange(4), np.arange(4)]
    expected = weight * labels["two"][:4] + (1 - weight) * labels["two"][partners(4)]
    np.testing.assert_allclose(got["two"], expected, atol=1e-6)
    assert got["three"].shape == (4, 2, 3)


@pytest.mark.parametrize("label_mode", ["binary", "categorical"])
def test_fit_on_mixed_images(photos, label_mode):
    dataset = image_dataset_from_directory(
        photos, label_mode=label_mode, image_size=(8, 8), batch_size=4, seed=1, verbose=False,
        rescale=1 / 255, augmentation=Augmentation.rand_augment(mixup=0.2, cutmix=1.0, erasing=0.2),
    )  # fmt: skip
    classes = 1 if label_mode == "binary" else len(dataset.class_names)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes)])
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    history = model.fit(dataset, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_labels_that_cannot_be_blended_are_refused(photos):
    mixed = {"augmentation": Augmentation(mixup=0.2), "verbose": False}
    with pytest.raises(ValueError, match=r'int32\. Use `label_mode="categorical"`'):
        image_dataset_from_directory(photos, **mixed)
    with pytest.raises(ValueError, match="`batch_size=None` makes none"):
        image_dataset_from_directory(photos, label_mode="binary", batch_size=None, **mixed)
    unlabelled = image_dataset_from_directory(photos, label_mode=None, seed=1, **mixed)
    assert next(iter(unlabelled)).shape[1:] == (256, 256, 3)
