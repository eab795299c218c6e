"""`class_weights()` of the iterators: of the classes of what they hold, and as `fit` takes them."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest

from catdog_data import ImageDataGenerator

SMALL = {"target_size": (4, 4), "batch_size": 4}
WEIGHTS = {0: 19 / (2 * 11), 1: 19 / (2 * 8)}  # of eleven cats and eight dogs


@pytest.mark.parametrize("mode", ["categorical", "binary", "sparse"])
def test_directories(photos, mode):
    flow = ImageDataGenerator().flow_from_directory(photos, class_mode=mode, **SMALL)
    assert flow.class_weights() == WEIGHTS


def test_a_subset_counts_its_own(photos):
    generator = ImageDataGenerator(validation_split=0.3)
    for subset, counts in (("training", [8, 6]), ("validation", [3, 2])):
        flow = generator.flow_from_directory(photos, subset=subset, **SMALL)
        assert np.bincount(flow.classes).tolist() == counts
        n = sum(counts)
        assert flow.class_weights() == {i: n / (2 * count) for i, count in enumerate(counts)}


def frame_of(photos):
    names = sorted(path.relative_to(photos).as_posix() for path in photos.glob("*/*.*"))
    return pd.DataFrame({"filename": names, "class": [name.split("/")[0] for name in names]})


def test_data_frames(photos):
    frame = frame_of(photos)
    flow = ImageDataGenerator().flow_from_dataframe(frame, photos, **SMALL)
    assert flow.class_weights() == WEIGHTS
    frame["class"] = [[each] for each in frame["class"]]
    for several in (
        ImageDataGenerator().flow_from_dataframe(frame, photos, **SMALL),
        ImageDataGenerator().flow_from_dataframe(frame, photos, class_mode=None, **SMALL),
    ):
        with pytest.raises(ValueError, match="`class_weights` needs labels that are classes"):
            several.class_weights()


@pytest.mark.parametrize(
    "labels", [np.array([0, 1, 1, 1, 1]), [[0], [1], [1], [1], [1]], np.eye(2)[[0, 1, 1, 1, 1]]]
)
def test_arrays(labels):
    flow = ImageDataGenerator().flow(np.zeros((5, 4, 4, 3)), labels)
    assert flow.class_weights() == {0: 2.5, 1: 0.625}


@pytest.mark.parametrize("labels", [None, np.array([0.5, 1, 2, 3, 4]), np.ones((5, 2))])
def test_arrays_without_classes(labels):
    flow = ImageDataGenerator().flow(np.zeros((5, 4, 4, 3)), labels)
    with pytest.raises(ValueError, match="`class_weights` needs labels that are classes"):
        flow.class_weights()


def test_fit_takes_them():
    x, y = np.ones((8, 4, 4, 3)), np.array([0, 0, 0, 0, 0, 0, 1, 1])
    model = keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Dense(1, kernel_initializer="zeros")]
    )
    model.compile(keras.optimizers.SGD(1.0), keras.losses.BinaryCrossentropy(from_logits=True))
    flow = ImageDataGenerator().flow(x, y, batch_size=8)
    model.fit(flow, class_weight=flow.class_weights(), verbose=0)
    # Of even odds nothing is learnt from images that are alike; unweighted it would be.
    np.testing.assert_allclose(model.get_weights()[0], 0, atol=1e-6)
