"""What an `ImageDataGenerator` does to a single NumPy image, and the statistics it fits to them."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.keras_compat.options import draw_shift, draw_uniform
from catdog_data.keras_compat.overriding import overridden_method
from catdog_data.keras_compat.statistics import Batches, statistics_of
from catdog_data.keras_compat.transforms import (
    OF_FRACTIONS,
    apply_affine_transform,
    apply_channel_shift,
    brightened,
    flip_axis,
)

if TYPE_CHECKING:
    from catdog_data.keras_compat.protocol import Generator as _Options
else:
    # Users derive classes, which would inherit the metaclass of a Protocol.
    _Options = object

HOOKS = ("get_random_transform", "apply_transform", "random_transform", "standardize")
"""Methods that scripts override."""

_WARNING_OF_FRACTIONS = threading.Lock()


class ImageAugmenter(_Options):
    """Draw and apply transforms and standardise, one image at a time.

    Its options are attributes, see `ImageDataGenerator`, which sets them.
    """

    dtype: str
    zca_epsilon: float
    mean: NDArray[Any] | None
    std: NDArray[Any] | None
    zca_whitening_matrix: NDArray[Any] | None
    # Of the class, since the attributes of an instance are Keras'.
    _has_said_of_fractions = False

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Draw one image's transform from NumPy's global stream.

        Args:
            img_shape: shape of the image.
            seed: seeds the global stream first, unless None.

        Returns:
            What `apply_transform` takes.
        """
        if seed is not None:
            np.random.seed(seed)
        theta = draw_uniform(self.rotation_range)
        tx = draw_shift(self.height_shift_range, img_shape[self.row_axis - 1])
        ty = draw_shift(self.width_shift_range, img_shape[self.col_axis - 1])
        shear = draw_uniform(self.shear_range)
        zx: Any = 1
        zy: Any = 1
        if tuple(self.zoom_range) != (1, 1):
            zx, zy = np.random.uniform(self.zoom_range[0], self.zoom_range[1], 2)
        flip_horizontal = (np.random.random() < 0.5) * self.horizontal_flip
        flip_vertical = (np.random.random() < 0.5) * self.vertical_flip
        intensity = draw_uniform(self.channel_shift_range) if self.channel_shift_range else None
        brightness = None
        if self.brightness_range is not None:
            brightness = np.random.uniform(self.brightness_range[0], self.brightness_range[1])
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": flip_horizontal,
            "flip_vertical": flip_vertical,
            "channel_shift_intensity": intensity,
            "brightness": brightness,
        }

    def apply_transform(
        self, x: NDArray[Any], transform_parameters: Mapping[str, Any]
    ) -> NDArray[Any]:
        """Transform one image; nothing is drawn.

        Args:
            x: an image of three axes.
            transform_parameters: "theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal",
                "flip_vertical", "channel_shift_intensity" and "brightness", each optional.

        Returns:
            An image of the same shape.
        """
        given = transform_parameters.get
        x = apply_affine_transform(
            x,
            **{name: given(name, 0) for name in ("theta", "tx", "ty", "shear")},
            **{name: given(name, 1) for name in ("zx", "zy")},
            row_axis=self.row_axis - 1,
            col_axis=self.col_axis - 1,
            channel_axis=self.channel_axis - 1,
            fill_mode=self.fill_mode,
            cval=self.cval,
            order=self.interpolation_order,
        )
        return self._after_resampling(x, transform_parameters)

    def random_transform(self, x: NDArray[Any], seed: int | None = None) -> NDArray[Any]:
        """Draw a transform and apply it to one image.

        Args:
            x: an image of three axes.
            seed: seeds NumPy's global stream first, unless None.

        Returns:
            An image of the same shape.
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: Any) -> Any:
        """Preprocess, rescale and normalise, in place where that is possible.

        Args:
            x: an image or a batch of floats.

        Returns:
            The same array, or a new one after a `preprocessing_function` or whitening.
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
            if hasattr(x, "numpy"):  # a tensor, from a function made for the graph
                x = np.array(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center:
            if self.mean is not None:
                x -= self.mean
            else:
                _warn_unfitted("featurewise_center")
        if self.featurewise_std_normalization:
            if self.std is not None:
                x /= self.std + 1e-6
            else:
                _warn_unfitted("featurewise_std_normalization")
        if self.zca_whitening:
            if self.zca_whitening_matrix is not None:
                flat = x.reshape(-1, math.prod(x.shape[-3:]))
                x = np.reshape(flat @ self.zca_whitening_matrix, x.shape)
            else:
                _warn_unfitted("zca_whitening")
        return x

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Find the statistics of the featurewise options and of whitening.

        Args:
            x: images [N, H, W, C] (or as `data_format` says); rescaled as the flows do.
            augment: whether to take randomly transformed images instead.
            rounds: how many of each with `augment`.
            seed: seeds NumPy's global stream first, unless None.

        Raises:
            ValueError: `x` has not four axes.
        """
        images = np.array(x, dtype=self.dtype)
        if images.ndim != 4:
            raise ValueError(
                f"Input to `.fit()` should have rank 4. Got array with shape: {images.shape}"
            )
        channels = images.shape[self.channel_axis]
        if channels not in (1, 3, 4):
            warnings.warn(
                "Expected input to be images (as Numpy array) following the data format "
                f'convention "{self.data_format}" (channels on axis {self.channel_axis}), i.e. '
                f"expected either 1, 3 or 4 channels on axis {self.channel_axis}. However, it was "
                f"passed an array with shape {images.shape} ({channels} channels).",
                stacklevel=2,
            )
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            images *= self.rescale
        if augment:
            images = self._augmented(images, rounds)
        self._fit_to(images)

    def _augmented(self, images: NDArray[Any], rounds: int) -> NDArray[Any]:
        augmented = np.zeros((rounds * len(images), *images.shape[1:]), dtype=self.dtype)
        for i in range(len(augmented)):
            augmented[i] = self.random_transform(images[i % len(images)])
        return augmented

    def _fit_to(self, images: NDArray[Any]) -> None:
        per_channel = [1, 1, 1]
        per_channel[self.channel_axis - 1] = images.shape[self.channel_axis]
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(images, axis=axes).reshape(per_channel)
            images -= self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(images, axis=axes).reshape(per_channel)
            images /= self.std + 1e-6
        if self.zca_whitening:
            count = len(images)
            u, s, _ = np.linalg.svd(images.reshape(count, -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(count) / (s + self.zca_epsilon))).dot(u.T)

    def _fit_to_batches(self, untransformed: Batches, rounds: int | None, seed: int | None) -> None:
        """Do as `fit`, with images that are read batch by batch, in every pass.

        Args:
            untransformed: makes the batches of one pass, which are changed.
            rounds: how many of each image, transformed; None takes each as it is.
            seed: see `fit`; before every pass.
        """

        def batches() -> Iterator[NDArray[Any]]:
            if seed is not None:
                np.random.seed(seed)
            for _ in range(1 if rounds is None else rounds):
                for images in untransformed():
                    if self.rescale:
                        images *= self.rescale
                    yield images if rounds is None else self._augmented(images, 1)

        found = statistics_of(
            batches,
            self.channel_axis,
            centre=bool(self.featurewise_center),
            std=bool(self.featurewise_std_normalization),
            zca_epsilon=self.zca_epsilon if self.zca_whitening else None,
        )
        if found.mean is not None:
            self.mean = found.mean
        if found.std is not None:
            self.std = found.std
        if found.zca_whitening_matrix is not None:
            self.zca_whitening_matrix = found.zca_whitening_matrix

    def _after_resampling(self, x: NDArray[Any], parameters: Mapping[str, Any]) -> NDArray[Any]:
        """Do the steps of `apply_transform` that follow the resampling, in its order."""
        if parameters.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, parameters["channel_shift_intensity"], self.channel_axis - 1)
        if parameters.get("flip_horizontal", False):
            x = flip_axis(x, self.col_axis - 1)
        if parameters.get("flip_vertical", False):
            x = flip_axis(x, self.row_axis - 1)
        if parameters.get("brightness") is not None:
            x = self._brightened(x, parameters["brightness"])
        return x

    def _brightened(self, x: NDArray[Any], factor: float) -> NDArray[Any]:
        # An array with its channels on another axis, of which `fit` and `flow` have warned, is
        # read by Keras' own setting, as there.
        is_as_declared = x.shape[self.channel_axis - 1] in (1, 3, 4)
        data_format = self.data_format if is_as_declared else None
        return brightened(x, factor, False, data_format, self._warn_of_fractions)

    def _warn_of_fractions(self) -> None:
        """Warn once; images may be worked on in several threads."""
        with _WARNING_OF_FRACTIONS:
            is_first = not self._has_said_of_fractions
            self._has_said_of_fractions = True
        if is_first:
            warnings.warn(OF_FRACTIONS, stacklevel=2)


def overridden_hook(generator: _Options) -> str | None:
    """Name a method of `HOOKS` that a subclass or a script has exchanged, if any."""
    return overridden_method(generator, ImageAugmenter, HOOKS)


def _warn_unfitted(option: str) -> None:
    warnings.warn(
        f"This ImageDataGenerator specifies `{option}`, but it hasn't been fit on any training "
        "data. Fit it first by calling `.fit(numpy_data)`.",
        stacklevel=3,
    )
