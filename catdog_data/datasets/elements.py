"""What the elements of a dataset are: images, labels, weights, indices, and their form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from catdog_data.augment.parameters import Parameters
from catdog_data.augment.steps.step import Step
from catdog_data.engine.several_images import ForEach
from catdog_data.kernels.warp_fixed_point import fixed_point_tables

LabelsOf = Callable[[tf.Tensor], Any]
"""From int64[B], the images of a batch, to their labels."""


@dataclass(frozen=True)
class Output:
    """What the elements of a dataset look like.

    Args:
        rescale: factor for every value, or None.
        dtype: type of the images, or None for that of the source where values are not touched
            and float32 where they are.
        data_format: "channels_last" or "channels_first".
        return_index: whether the index of each image comes last.
        input_is_label: whether the images are their own labels.

    Raises:
        ValueError: `rescale` is no number.
    """

    rescale: float | None
    dtype: str | None
    data_format: str
    return_index: bool
    input_is_label: bool = False

    def __post_init__(self) -> None:
        if self.rescale is not None and not _is_real(self.rescale):
            raise ValueError(
                f"`rescale` must be a number or None, such as 1 / 255; received {self.rescale!r}."
            )


def _is_real(value: Any) -> bool:
    is_number = isinstance(value, (float, int, np.integer, np.floating))
    return is_number and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Element:
    """How a batch that was rendered becomes an element.

    Args:
        output: what it looks like.
        image_size: (height, width) in pixels.
        has_masks: whether the batch is images and masks.
        on_device: whether geometry goes along with the images, for the device.
        steps: what was done to the images, and to the labels with them.
        labels_of: makes the labels of a batch; None for images alone.
        weights_of: makes the weights of its samples; None for none.
        index_of: makes what `return_index` gives of the index; None for itself.

    Raises:
        ValueError: labels are mixed, and are no floats.
    """

    output: Output
    image_size: tuple[int, int]
    has_masks: bool
    on_device: bool
    steps: tuple[Step, ...]
    labels_of: LabelsOf | None
    weights_of: LabelsOf | None
    index_of: LabelsOf | None = None

    def __post_init__(self) -> None:
        if self.labels_of is not None and any(step.mixes_images for step in self.steps):
            _check_mixable(self.labels_of)

    def make(self, index: tf.Tensor, images: Any, parameters: ForEach) -> Any:
        """Put an element together, see `catdog_data.engine.pipeline.image_batches`."""
        if not isinstance(parameters, Parameters):
            # Labels follow images that are mixed, which no two images do apart.
            parameters = parameters[0]
        images = self._in_form(images, parameters.geometry)
        parts = list(images) if self.has_masks else [images]
        if self.output.input_is_label:
            parts.append(images)
        if self.labels_of is not None:
            labels = self.labels_of(index)
            for step, of_step in zip(self.steps, parameters.steps, strict=True):
                labels = _changed_as_images(labels, step, of_step)
            parts.append(labels)
        if self.weights_of is not None:
            parts.append(self.weights_of(index))
        if self.output.return_index:
            parts.append(index if self.index_of is None else self.index_of(index))
        return tuple(parts) if len(parts) > 1 else parts[0]

    def _in_form(self, images: Any, geometry: tf.Tensor) -> Any:
        if self.output.data_format == "channels_first":
            images = tf.nest.map_structure(lambda x: tf.transpose(x, [0, 3, 1, 2]), images)
        if self.on_device:
            return {"images": images, "tables": fixed_point_tables(geometry, self.image_size)}
        return images


def gatherer(columns: Any) -> LabelsOf:
    """Make the function from the images of a batch to their rows of a structure of tensors."""
    return lambda index: tf.nest.map_structure(lambda column: tf.gather(column, index), columns)


def _check_mixable(labels_of: LabelsOf) -> None:
    for column in tf.nest.flatten(labels_of(tf.zeros([1], tf.int64))):
        if not column.dtype.is_floating:
            raise ValueError(
                "`mixup` and `cutmix` blend labels, which must be floats; received labels of "
                f'{column.dtype.name}. Use `label_mode="categorical"` or "binary".'
            )


def _changed_as_images(labels: Any, step: Step, parameters: Any) -> Any:
    return tf.nest.map_structure(lambda column: step.apply_to_labels(column, parameters), labels)
