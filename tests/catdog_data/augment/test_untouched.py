"""Steps of colours: images that do not pick one, masks and labels keep their bits."""

from __future__ import annotations

import numpy as np
import pytest

from catdog_data import Augmentation, image_dataset_from_arrays

N = 12
STEPS = {
    "autocontrast": 1.0,
    "equalize": 1.0,
    "solarize": (0, 100),
    "posterize": (1, 3),
    "sharpness": (0.1, 0.2),
    "blur": (1.0, 2.0),
    "grayscale": 0.5,
}


def pictures(channels):
    random = np.random.default_rng(0)
    return random.integers(20, 200, (N, 20, 25, channels), dtype=np.uint8)


def whole(images, labels, **options):
    dataset = image_dataset_from_arrays(images, labels, 5, shuffle=False, seed=3, **options)
    return [np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True)]


@pytest.mark.parametrize(
    "channels", [3, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 4))]
)
@pytest.mark.parametrize("field", STEPS)
def test_images_that_do_not_pick_it_and_labels_are_untouched(field, channels):
    images, labels = pictures(channels), np.eye(N, dtype="float32")
    # Half of the images pick to have nothing done; grayscale is none to pick, but drawn by half.
    picking = {"identity": True, "steps_per_image": 1}
    augmentation = Augmentation(**{field: STEPS[field]}, **picking)
    got, same_labels = whole(images, labels, augmentation=augmentation)
    np.testing.assert_array_equal(same_labels, labels)
    changed = (got != images).any(axis=(1, 2, 3))
    if (field, channels) == ("grayscale", 1):
        assert not changed.any()
    else:
        assert 0 < changed.sum() < N
    np.testing.assert_array_equal(got[..., 3:], images[..., 3:])


@pytest.mark.parametrize("field", STEPS)
def test_masks_are_untouched(field):
    masks = pictures(1) // 32
    augmentation = Augmentation(**{field: STEPS[field]})
    got, same_masks = whole(pictures(3), None, masks=masks, augmentation=augmentation)
    assert (got != pictures(3)).any()
    np.testing.assert_array_equal(same_masks, masks)
