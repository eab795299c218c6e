"""What a step is: one change of the pixels of a batch, behind the geometry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import tensorflow as tf

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.draws import Draws


class Step(ABC):
    """One change of pixels, applied to a batch with parameters for each image.

    A step is a frozen dataclass of settings that are the same for all images. Steps of equal
    settings are equal: pipelines are compared by them.
    """

    mixes_images: ClassVar[bool] = False
    """Whether an image depends on others of its batch. Masks and single images cannot have it."""

    runs_on_device: ClassVar[bool] = False
    """Whether `catdog_data.layers.AugmentAndRescale` can do it."""

    @abstractmethod
    def apply(self, images: tf.Tensor, parameters: Any) -> tf.Tensor:
        """Change the images of a batch. Compiled together with the other steps.

        Args:
            images: floating [B, H, W, C] in [0, 255].
            parameters: what is drawn for each, a tuple of tensors [B, …].

        Returns:
            As `images`.
        """

    def apply_to_labels(self, labels: tf.Tensor, parameters: Any) -> tf.Tensor:
        """Change the labels of a batch as its images were; most steps do not.

        Args:
            labels: floating [B, …].
            parameters: as for `apply`.

        Returns:
            As `labels`.
        """
        return labels


class RandomStep(Step):
    """A step of an `Augmentation`, with ranges to draw from."""

    draws: ClassVar[tuple[str, ...]]
    """The names of the uniform numbers that an image draws."""

    choices: ClassVar[tuple[str, ...]] = ()
    """The fields of `Augmentation` that `steps_per_image` picks among."""

    needs_white: ClassVar[bool] = True
    """Whether it goes by which value is black, 0, and which is white, 255."""

    in_8_bits: ClassVar[bool] = False
    """Whether values become whole numbers of 8 bits."""

    @classmethod
    @abstractmethod
    def of(cls, augmentation: Augmentation) -> RandomStep:
        """Take the step's settings from an augmentation."""

    @property
    @abstractmethod
    def is_set(self) -> bool:
        """Whether the step can change anything."""

    @abstractmethod
    def parameters(self, draws: Draws) -> Any:
        """Turn the draws of a batch into the parameters that `apply` takes.

        Args:
            draws: what the images have drawn.

        Returns:
            A named tuple of tensors [B, …].
        """
