"""Images from an array in memory."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from catdog_data.keras_compat.iterator import Iterator, with_tuples
from catdog_data.keras_compat.on_numpy.from_array import batch_of_array
from catdog_data.keras_compat.on_numpy.saving import save_batch
from catdog_data.keras_compat.protocol import Generator, validation_split_of
from catdog_data.keras_compat.slow_path import python_called_per_image, reason_not_to_plan
from catdog_data.sources.class_weights import classes_in_labels


class NumpyArrayIterator(Iterator):
    """Yield batches of images from an array, as Keras' class of this name does.

    Arguments: see `ImageDataGenerator.flow`.

    Example:
        >>> from catdog_data import ImageDataGenerator
        >>> images = np.zeros((5, 8, 8, 3))
        >>> batches = NumpyArrayIterator(images, None, ImageDataGenerator(), batch_size=2)
        >>> len(batches), next(batches).shape
        (3, (2, 8, 8, 3))
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Generator,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: str | None = None,
    ) -> None:
        self.data_format = data_format or keras.config.image_data_format()
        self.dtype = dtype or keras.config.floatx()
        images, misc = _images_and_misc(x)
        _check_lengths(images, misc, y, sample_weight)
        if subset is not None:
            kept = _kept(subset, len(images), validation_split_of(image_data_generator))
            # Arrays first: a slice of a column of pandas may go by its index.
            y = None if y is None else np.asarray(y)
            if y is not None and not ignore_class_split:
                _check_same_classes(y, kept)
            images, misc = images[kept], [each[kept] for each in misc]
            y = None if y is None else y[kept]
            # Keras forgets to split the weights, so that they no longer belong to their images.
            sample_weight = None if sample_weight is None else np.asarray(sample_weight)[kept]
        self.x = np.asarray(images, dtype=self.dtype)
        self.x_misc = misc
        _check_images(self.x, self.data_format)
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: NDArray[np.int64]) -> Any:
        generator = self.image_data_generator
        if (reason := reason_not_to_plan(generator)) is not None:
            self._warn_of_slow_path(reason)
        elif (function := python_called_per_image(generator)) is not None:
            self._warn_of_python(function)
        rows = min(self.batch_size, self.n)
        batch_x = batch_of_array(self.x, index_array, generator, rows, self.dtype)
        if self.save_to_dir:
            save_batch(self, batch_x, index_array, highest_mark=10**4)
        misc = [each[index_array] for each in self.x_misc]
        images = [batch_x, *misc] if misc else batch_x
        if self.y is None:
            return images
        if self.sample_weight is None:
            return images, self.y[index_array]
        return images, self.y[index_array], self.sample_weight[index_array]

    def _class_of_each(self) -> NDArray[np.int64] | None:
        return None if self.y is None else classes_in_labels(self.y)

    def _element_of(self, batch: Any) -> Any:
        # A list at the top is several inputs without labels, not inputs and labels.
        is_inputs = isinstance(batch, list) and bool(self.x_misc) and self.y is None
        return (with_tuples(batch),) if is_inputs else with_tuples(batch)


def _images_and_misc(x: Any) -> tuple[Any, list[NDArray[Any]]]:
    """Take apart a pair of images and of what is passed through beside them."""
    if not isinstance(x, (tuple, list)):
        return x, []
    images, misc = x[0], x[1]
    return np.asarray(images), [
        np.asarray(each) for each in (misc if isinstance(misc, list) else [misc])
    ]


def _check_lengths(images: Any, misc: list[NDArray[Any]], y: Any, sample_weight: Any) -> None:
    for each in misc:
        if len(images) != len(each):
            raise ValueError(
                "All of the arrays in `x` should have the same length. Found a pair with: "
                f"len(x[0]) = {len(images)}, len(x[?]) = {len(each)}"
            )
    for name, description, values in (
        ("y", "`y` (labels)", y),
        ("sample_weight", "`sample_weight`", sample_weight),
    ):
        if values is not None and len(images) != len(values):
            raise ValueError(
                f"`x` (images tensor) and {description} should have the same length. Found: "
                f"x.shape = {np.shape(images)}, {name}.shape = {np.shape(values)}"
            )


def _kept(subset: str, count: int, validation_split: float) -> slice:
    border = int(count * validation_split)
    if subset == "validation":
        return slice(None, border)
    if subset == "training":
        return slice(border, None)
    raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')


def _check_same_classes(y: Any, kept: slice) -> None:
    border = kept.start if kept.stop is None else kept.stop
    if not np.array_equal(np.unique(y[:border]), np.unique(y[border:])):
        raise ValueError(
            "Training and validation subsets have different number of classes after the split. "
            "If your numpy arrays are sorted by the label, you might want to shuffle them."
        )


def _check_images(x: NDArray[Any], data_format: str) -> None:
    if x.ndim != 4:
        raise ValueError(
            "Input data in `NumpyArrayIterator` should have rank 4. You passed an array with "
            f"shape {x.shape}"
        )
    axis = 3 if data_format == "channels_last" else 1
    if x.shape[axis] not in (1, 3, 4):
        warnings.warn(
            f'NumpyArrayIterator is set to use the data format convention "{data_format}" '
            f"(channels on axis {axis}), i.e. expected either 1, 3, or 4 channels on axis {axis}. "
            f"However, it was passed an array with shape {x.shape} ({x.shape[axis]} channels).",
            stacklevel=4,
        )
