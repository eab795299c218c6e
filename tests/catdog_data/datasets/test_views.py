"""Several views of each image: the first is the plain dataset's, the others draw by themselves."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from catdog_data import (
    Augmentation,
    image_dataset_from_arrays,
    image_dataset_from_directory,
)
from catdog_data.datasets.plan import CounterPlan
from catdog_data.engine.pixel_sources import RowsOfArray
from catdog_data.engine.several_images import Views

AUGMENTATION = Augmentation(
    rotation=40, horizontal_flip=True, zoom=(0.6, 1), brightness=(0.7, 1.3), erasing=0.5
)
OPTIONS = {"batch_size": 4, "image_size": (24, 20), "seed": 3, "verbose": False}
LABELS = np.array([0, 1, 0, 0, 1, 0, 0])


def images_of(n):
    """Images that are alike, so that only what is drawn makes them differ."""
    row = np.arange(0, 250, 10, dtype=np.uint8)
    return np.broadcast_to(row[None, :, None, None], (n, 25, 12, 3))


def arrays(n=7, **options):
    labels = LABELS if n == len(LABELS) else None
    options = {"augmentation": AUGMENTATION, "batch_size": 4, "seed": 5, **options}
    return image_dataset_from_arrays(images_of(n), labels, **options)


def directory(photos, **options):
    return image_dataset_from_directory(
        photos, **{"augmentation": AUGMENTATION, **OPTIONS, **options}
    )


def elements(dataset):
    return list(dataset.as_numpy_iterator())


def assert_first_views_are(plain, viewed):
    """Compare an epoch with that of the plain dataset, the second view left out."""
    assert len(plain) == len(viewed)
    for (images, *rest), ((first, second), *behind) in zip(plain, viewed, strict=True):
        np.testing.assert_array_equal(images, first)
        assert second.shape == first.shape
        tf.nest.map_structure(np.testing.assert_array_equal, rest, behind)


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"interpolation": "nearest", "output_dtype": "uint8"}, marks=pytest.mark.slow),
        {"batch_size": None},
        {"shard": (1, 2), "balance": "oversample"},
        {"cache": "memory", "data_format": "channels_first", "rescale": 1 / 255},
        {"image_size": None, "batch_size": 2, "drop_remainder": True},
    ],
    ids=["plain", "nearest", "single images", "shard", "cached channels first", "own size"],
)
def test_the_first_view_is_the_plain_image(photos, options):
    options = {"return_index": True, **options}
    plain, viewed = directory(photos, **options), directory(photos, views=2, **options)
    of_first = elements(viewed)
    assert_first_views_are(elements(plain), of_first)
    assert any((first != second).any() for (first, second), *_ in of_first)
    # The second epoch too.
    assert_first_views_are(elements(plain), elements(viewed))


def test_views_as_their_own_labels(photos):
    images, labels = next(iter(directory(photos, views=2, label_mode="input")))
    tf.nest.map_structure(np.testing.assert_array_equal, images, labels)


def test_every_view_of_every_image_and_epoch_draws_by_itself():
    dataset = arrays(views=3, shuffle=False)
    seen = set()
    for _ in range(2):
        for views, _ in dataset.as_numpy_iterator():
            assert len(views) == 3
            seen |= {image.tobytes() for view in views for image in view}
    assert len(seen) == 2 * 7 * 3


def test_views_are_drawn_from_seed_epoch_and_image_alone():
    whole = {
        int(i): (a, b) for ((a, b), i) in arrays(9, views=2, return_index=True, batch_size=None)
    }
    parts = [arrays(9, views=2, return_index=True, shard=(k, 2), batch_size=3) for k in (0, 1)]
    count = 0
    for part in parts:
        for (first, second), index in part.as_numpy_iterator():
            for row, i in enumerate(index):
                np.testing.assert_array_equal(first[row], whole[int(i)][0])
                np.testing.assert_array_equal(second[row], whole[int(i)][1])
                count += 1
    assert count >= 9


def test_an_image_is_fetched_once_for_all_its_views():
    images, fetched = images_of(7), []

    class Counted:
        shape, dtype = images.shape, images.dtype

        def __len__(self):
            return 7

        def __getitem__(self, row):
            fetched.append(row)
            return images[row]

    options = {"augmentation": AUGMENTATION, "batch_size": 7, "shuffle": False, "seed": 5}
    ((views, _),) = elements(image_dataset_from_arrays(Counted(), LABELS, views=3, **options))
    assert len(views) == 3
    assert fetched == list(range(7))


def test_finished_batches_are_counted_with_all_views():
    pixels = RowsOfArray(images_of(3))
    assert np.prod(Views(pixels, 3).shape) == 3 * np.prod(pixels.shape)


def test_copies_of_balanced_classes_share_no_view():
    dataset = arrays(views=2, balance={0: 2, 1: 3})
    seen = [image.tobytes() for views, _ in dataset for view in views for image in view.numpy()]
    assert len(seen) == len(set(seen)) == 2 * (2 * 5 + 3 * 2)


def test_no_numbers_are_drawn_twice():
    plan = CounterPlan(5, 5, True, seed=9)
    item = tf.constant([0, 1, 4, 5, 2**55], tf.int64)
    drawn = [
        plan.draws(tf.constant(epoch, tf.int64), item, 100, view).numpy().ravel()
        for epoch in (0, 1, 2**31)
        for view in (0, 1, 63)
    ]
    assert len(np.unique(drawn)) == np.size(drawn)


def test_resume_and_follow_begin_anywhere():
    dataset = arrays(views=2)
    epochs = [elements(dataset) for _ in range(2)]
    resumed = elements(dataset.resume(1, 1))
    tf.nest.map_structure(np.testing.assert_array_equal, resumed, epochs[1][1:])
    followed = elements(dataset.follow(lambda: (1, 0)))
    tf.nest.map_structure(np.testing.assert_array_equal, followed, epochs[1])


def test_validation_has_as_many_views_all_equal(photos):
    options = {"validation_split": 0.4, "subset": "both", "views": 2}
    training, validation = directory(photos, **options)
    assert training.element_spec == validation.element_spec
    for (first, second), _ in validation.as_numpy_iterator():
        np.testing.assert_array_equal(first, second)
    _, augmented = directory(photos, augment_validation=True, **options)
    assert all((first != second).any() for (first, second), _ in augmented.as_numpy_iterator())


def test_a_broken_image_is_named_left_out_or_replaced(photos, tmp_path):
    for name in ("cats/cat.0.jpg", "cats/cat.1.jpg", "dogs/dog.0.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((photos / name).read_bytes())
    broken = tmp_path / "cats" / "cat.1.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    options = {"shuffle": False, "batch_size": 1, "views": 2}
    with pytest.raises(tf.errors.OpError, match=r"cat\.1\.jpg"):
        elements(directory(tmp_path, **options))
    with pytest.warns(UserWarning, match=r"cat\.1\.jpg"):
        assert len(elements(directory(tmp_path, on_error="skip", **options))) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augmentation": None}, "`views` needs an `augmentation`"),
        ({"augmentation": Augmentation()}, "`views` needs an `augmentation`"),
        ({"augmentation": Augmentation(horizontal_flip=True, mixup=0.2)}, "not mixed"),
        ({"augmentation": Augmentation(rotation=9), "augment_on": "device"}, "`augment_on"),
    ],
)
def test_what_does_not_go_with_views_is_refused(photos, options, message):
    with pytest.raises(ValueError, match=message):
        arrays(views=2, **options)
    with pytest.raises(ValueError, match=message):
        directory(photos, views=2, **options)


def test_masks_are_refused(photos):
    with pytest.raises(ValueError, match="`views` needs images without masks"):
        directory(photos, views=2, masks=photos)
    masks = np.zeros((9, 25, 12, 1), np.uint8)
    with pytest.raises(ValueError, match="`views` needs images without masks"):
        arrays(9, views=2, masks=masks)


class Contrastive(keras.Model):
    """SimCLR's loss (Chen et al., 2020) of two views, of which each finds the other."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.Sequential(
            [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(8)]
        )

    def call(self, views):
        return [keras.ops.normalize(self.encoder(view), axis=1) for view in views]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        first, second = y_pred
        alike = keras.ops.matmul(first, keras.ops.transpose(second)) / 0.1
        own = keras.ops.arange(keras.ops.shape(alike)[0])
        loss = keras.losses.sparse_categorical_crossentropy(own, alike, from_logits=True)
        return keras.ops.mean(loss)


def test_fit_on_two_views(photos):
    model = Contrastive()
    model.compile("adam")
    labelled = directory(photos, views=2)
    # Without labels, the tuple would be taken for inputs and labels.
    alone = directory(photos, views=2, label_mode=None).map(lambda *views: (views,))
    for dataset in (labelled, alone):
        history = model.fit(dataset, epochs=2, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
