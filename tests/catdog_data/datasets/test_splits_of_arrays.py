"""Parts and folds of arrays: disjoint, complete, of equal sizes, with what belongs to each."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from catdog_data import Augmentation, image_dataset_from_arrays

N = 23
IMAGES = np.random.default_rng(1).integers(0, 256, (N, 6, 5, 3), dtype=np.uint8)
LABELS = np.array([0] * 17 + [1] * 6)
OPTIONS = {"batch_size": 4, "seed": 3, "return_index": True}


def read(dataset):
    """Read an epoch: images, labels and indices."""
    return [np.concatenate(column) for column in zip(*dataset.as_numpy_iterator(), strict=True)]


def parts(**options):
    return image_dataset_from_arrays(IMAGES, LABELS, **{**OPTIONS, **options})


def indices(datasets):
    """Read every dataset, and compare what it yields with the arrays."""
    found = []
    for dataset in datasets:
        images, labels, index = read(dataset)
        np.testing.assert_array_equal(images, IMAGES[index])
        np.testing.assert_array_equal(labels, LABELS[index])
        found.append(index.tolist())
    return found


@pytest.mark.parametrize("stratify", [False, True])
def test_three_parts(stratify):
    options = {"validation_split": 0.25, "stratify": stratify}
    three = parts(**options, test_split=0.2, subset="all")
    training, validation, test = indices(three)
    assert [dataset.split for dataset in three] == ["training", "validation", "test"]
    assert sorted(training + validation + test) == list(range(N))
    (alone,) = indices([parts(**options, subset="validation")])
    assert sorted(alone) == sorted(validation)
    if stratify:
        assert np.bincount(LABELS[validation]).tolist() == [4, 2]
        assert len(three[0].class_weights()) == 2


def test_what_is_not_shuffled_is_split_at_its_end():
    training, validation = indices(parts(validation_split=0.2, subset="both", shuffle=False))
    assert training + validation == list(range(N))
    assert len(validation) == int(0.2 * N)


@pytest.mark.parametrize("stratify", [False, True])
def test_folds_are_as_equal_as_can_be(stratify):
    k = 4
    validated = [
        indices([parts(fold=(i, k), subset="validation", stratify=stratify)])[0] for i in range(k)
    ]
    assert sorted(itertools.chain.from_iterable(validated)) == list(range(N))
    for each in (0, 1) if stratify else (None,):
        rows = np.arange(N) if each is None else np.flatnonzero(each == LABELS)
        counts = [int(np.isin(rows, fold).sum()) for fold in validated]
        assert sorted(counts) == sorted(map(len, np.array_split(rows, k)))
    training, validation = indices(parts(fold=(1, k), subset="both", stratify=stratify))
    assert sorted(validation) == sorted(validated[1])
    assert sorted(training + validation) == list(range(N))


def test_training_alone_is_augmented_and_balanced():
    flipped = Augmentation(vertical_flip=True)
    options = {"augmentation": flipped, "balance": "undersample", "output_dtype": "uint8"}
    training, validation = parts(validation_split=0.25, subset="both", stratify=True, **options)
    images, labels, index = read(training)
    assert np.bincount(labels).tolist() == [4, 4]
    as_they_are = (images == IMAGES[index]).all(axis=(1, 2, 3))
    mirrored = (images == IMAGES[index][:, ::-1]).all(axis=(1, 2, 3))
    assert (as_they_are | mirrored).all()
    assert mirrored.any()
    indices([validation])


def test_masks_go_with_their_images():
    masks = IMAGES[..., :1].copy()
    datasets = image_dataset_from_arrays(
        IMAGES, masks=masks, validation_split=0.25, subset="both", **OPTIONS
    )
    for dataset in datasets:
        _, own, index = read(dataset)
        np.testing.assert_array_equal(own, masks[index])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": "training"}, "`validation_split` must be set"),
        ({"validation_split": 0.2, "subset": "both", "seed": None}, "provide a `seed`"),
        ({"fold": (4, 4), "subset": "both"}, "`fold`"),
        ({"validation_split": 0.01, "subset": "both"}, "must leave a file in each part"),
    ],
)
def test_what_is_no_split_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        parts(**options)
