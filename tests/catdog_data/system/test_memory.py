"""A hundred epochs of one dataset: memory stays flat and nothing is compiled again."""

from __future__ import annotations

import resource
import time

import keras
import pytest

from catdog_data import Augmentation, image_dataset_from_directory

EPOCHS = 100


class Watch(keras.callbacks.Callback):
    """Note when each epoch ended and how much memory the process holds then."""

    def __init__(self):
        super().__init__()
        self.ends, self.pages = [], []

    def on_epoch_end(self, epoch, logs=None):
        with open("/proc/self/statm") as file:  # noqa: PTH123
            self.pages.append(int(file.read().split()[1]))
        self.ends.append(time.perf_counter())


@pytest.mark.slow
def test_a_hundred_epochs_of_fit(photos):
    augmentation = Augmentation(rotation=20, zoom=(0.8, 1.2), horizontal_flip=True, hue=0.1)
    dataset = image_dataset_from_directory(
        photos,
        image_size=(16, 16),
        batch_size=4,
        seed=1,
        label_mode="binary",
        augmentation=augmentation,
        verbose=False,
    )
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse")
    watch = Watch()
    model.fit(dataset, epochs=EPOCHS, verbose=0, callbacks=[watch])
    assert len(watch.pages) == EPOCHS
    grown = (watch.pages[-1] - watch.pages[EPOCHS // 4]) * resource.getpagesize()
    # A compilation leaves several megabytes behind: again in every epoch, it would be hundreds.
    assert grown < 40 * 2**20
