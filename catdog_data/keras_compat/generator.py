"""`ImageDataGenerator` with Keras' arguments, defaults and numbers."""

from __future__ import annotations

import math
import os
import threading
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import keras
import numpy as np
from numpy.typing import NDArray

from catdog_data.augment.steps.channel_shift import ChannelShift
from catdog_data.augment.steps.pillow_brightness import PillowBrightness
from catdog_data.augment.steps.step import Step
from catdog_data.cache.cached import Cache
from catdog_data.engine.render import Rendering, Resampling
from catdog_data.keras_compat.array_iterator import NumpyArrayIterator
from catdog_data.keras_compat.dataframe_iterator import DataFrameIterator
from catdog_data.keras_compat.directory_iterator import DirectoryIterator
from catdog_data.keras_compat.options import (
    check_deprecated,
    checked_brightness,
    checked_data_format,
    checked_fill_mode,
    draw_shift,
    draw_uniform,
    shift_range,
    zoom_pair,
)
from catdog_data.keras_compat.planning.transform_ranges import TransformRanges
from catdog_data.keras_compat.preprocessing import in_graph
from catdog_data.keras_compat.statistics import statistics_of
from catdog_data.keras_compat.transforms import (
    OF_FRACTIONS,
    apply_affine_transform,
    apply_channel_shift,
    brightened,
    flip_axis,
)
from catdog_data.kernels.warp import FillMode

HOOKS = ("get_random_transform", "apply_transform", "random_transform", "standardize")
"""Methods that scripts override."""

_SAYING = threading.Lock()


class ImageDataGenerator:
    """Describe how images are augmented and rescaled; the flows read them.

    Arguments, defaults and attributes are those of Keras' class of this name, and a flow yields
    the same batches for the same seed, to the last bit. Attributes may be changed after a flow
    was made; the next batch follows them.

    Args:
        featurewise_center: subtract the mean of each channel that `fit` found.
        samplewise_center: subtract the mean of each image.
        featurewise_std_normalization: divide by the standard deviation of each channel that
            `fit` found; centres too.
        samplewise_std_normalization: divide each image by its standard deviation; centres too.
        zca_whitening: multiply by the whitening matrix that `fit` found; centres too. The matrix
            has (H*W*C)**2 values.
        zca_epsilon: added to the singular values that `zca_whitening` divides by.
        rotation_range: degrees; each image is turned by an angle from [-range, range].
        width_shift_range: below 1 a fraction of the width, else pixels; an integer n shifts by a
            whole number below n, a list by one of its values, either way.
        height_shift_range: the same for the height.
        brightness_range: a pair of factors; 1 leaves an image as it is. An array of values in
            [0, 1] is taken as fractions of 255, which is warned of once: Keras makes it black.
        shear_range: degrees; each image is sheared by an angle from [-range, range].
        zoom_range: z for factors from [1-z, 1+z], or a pair of factors; drawn once per axis.
        channel_shift_range: each image's values are shifted by one from [-range, range], within
            its own lowest and highest value.
        fill_mode: "nearest", "constant", "reflect" or "wrap", by SciPy's rules; its other modes
            work as well, slowly.
        cval: the value outside for "constant".
        horizontal_flip: whether half of the images are mirrored left to right.
        vertical_flip: whether half of the images are mirrored top to bottom.
        rescale: factor for every value, after the transforms; None or 0 for none.
        preprocessing_function: from an image to an image of the same shape, called before
            `rescale`, one image after the other.
        data_format: "channels_last", "channels_first", or None for Keras' setting.
        validation_split: the first part of each class that is its validation subset, in [0, 1).
        interpolation_order: 0 takes the nearest pixel, 1 blends four; 2 to 5 are SciPy's splines,
            slow.
        dtype: type of images and labels; None for Keras' float type.

    Raises:
        ValueError: a value that Keras refuses.
    """

    # Of the class, since the attributes of an instance are Keras'.
    _has_said_of_fractions = False

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[..., Any] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: str | None = None,
    ) -> None:
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.zoom_range = zoom_pair(zoom_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode = checked_fill_mode(fill_mode)
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.dtype = keras.config.floatx() if dtype is None else dtype
        self.interpolation_order = interpolation_order
        self.data_format = checked_data_format(data_format)
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(
                "`validation_split` must be strictly between 0 and 1. "
                f" Received: {validation_split}"
            )
        self._validation_split = validation_split
        self.brightness_range = checked_brightness(brightness_range)
        axes = (3, 1, 2) if self.data_format == "channels_last" else (1, 2, 3)
        self.channel_axis, self.row_axis, self.col_axis = axes
        self.mean: NDArray[Any] | None = None
        self.std: NDArray[Any] | None = None
        self.zca_whitening_matrix: NDArray[Any] | None = None
        self._centre_where_implied()

    def flow_from_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        extra_formats: Sequence[str] = (),
        cache: Cache = None,
    ) -> DirectoryIterator:
        """Read images from one folder per class.

        Args:
            directory: the folder that holds the class folders.
            target_size: (height, width) in pixels that every image is resized to.
            color_mode: "rgb", "rgba" or "grayscale": 3, 4 or 1 channels.
            classes: the class folders, in the order of their labels; None takes all, sorted.
            class_mode: what the labels are: "categorical" one-hot `dtype`[B, K]; "binary" or
                "sparse" `dtype`[B]; "input" the images themselves; None no labels.
            batch_size: images per batch; the last of an epoch may be smaller.
            shuffle: whether every epoch has an order of its own.
            seed: batch k is drawn from `np.random.seed(seed + k)`; None goes on in NumPy's
                global stream.
            save_to_dir: folder to save every augmented image to, or None.
            save_prefix: how the names of saved files begin.
            save_format: their extension, which is their format.
            follow_links: whether to enter folders that are symbolic links.
            subset: "training" or "validation" of the `validation_split`.
            interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming", as
                Pillow resizes.
            keep_aspect_ratio: whether to crop the centre to the target's aspect ratio first.
            extra_formats: extensions to read beside Keras' (png, jpg, jpeg, bmp, ppm, tif,
                tiff), such as "webp" and "gif" (its first frame).
            cache: where images are kept once they are decoded and resized, which is then done
                before the first batch: "memory", "disk" (a folder of this user's for caches) or a
                folder of your own; None decodes them in every epoch. The batches are the same.
                `catdog_data.InBackground(cache)` does it in a thread beside the first epoch.
                What goes one by one (see `SlowPathWarning`) reads the files nevertheless.

        Returns:
            An iterator of (`dtype`[B, H, W, C], labels) that goes straight into `model.fit`.

        Raises:
            FileNotFoundError: a directory is missing.
            ValueError: there are no images, or a value is not among those named.
        """
        return DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
            extra_formats=extra_formats,
            cache=cache,
        )

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Read images from an array.

        Args:
            x: images [N, H, W, C]; or a pair of them and of further arrays of length N, which
                are passed through.
            y: labels of length N, or None.
            batch_size: images per batch; the last of an epoch may be smaller.
            shuffle: whether every epoch has an order of its own.
            sample_weight: weights of length N, or None.
            seed: batch k is drawn from `np.random.seed(seed + k)`; None goes on in NumPy's
                global stream.
            save_to_dir: folder to save every augmented image to, or None.
            save_prefix: how the names of saved files begin.
            save_format: their extension, which is their format.
            ignore_class_split: whether the two subsets may have different classes.
            subset: "training" or "validation" of the `validation_split`.

        Returns:
            An iterator of images, (images, labels) or (images, labels, weights); images are a
            list of arrays where `x` is a pair.

        Raises:
            ValueError: arrays of different lengths, images without four axes, or subsets of
                different classes.
        """
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            ignore_class_split=ignore_class_split,
            subset=subset,
            dtype=self.dtype,
        )

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None = None,
        x_col: Hashable = "filename",
        y_col: Any = "class",
        weight_col: Hashable | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
        extra_formats: Sequence[str] = (),
        cache: Cache = None,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Read the images that a pandas data frame lists.

        Args:
            dataframe: one row per image; it is not changed.
            directory: what the file names are relative to; None takes them as they are.
            x_col: the column of file names.
            y_col: the column of labels; a list of columns for "multi_output", and for "raw".
            weight_col: the column of sample weights, or None.
            target_size: (height, width) in pixels that every image is resized to.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: class names in the order of their labels; None takes all, sorted.
            class_mode: "categorical" (names, or lists of names), "binary", "sparse", "input",
                "multi_output", "raw" (the columns' values) or None.
            batch_size: images per batch; the last of an epoch may be smaller.
            shuffle: whether every epoch has an order of its own.
            seed: see `flow`.
            save_to_dir: see `flow`.
            save_prefix: see `flow`.
            save_format: see `flow`.
            subset: "training" or "validation" of the `validation_split`, by position.
            interpolation: see `flow_from_directory`.
            validate_filenames: whether to leave out, with a warning, rows whose file is missing
                or has another extension.
            keep_aspect_ratio: whether to crop the centre to the target's aspect ratio first.
            extra_formats: see `flow_from_directory`.
            cache: see there.
            **kwargs: `has_ext`, `sort` and `drop_duplicates` of old scripts, with a warning.

        Returns:
            An iterator of (`dtype`[B, H, W, C], labels) or (…, labels, weights).

        Raises:
            TypeError: a column of the wrong type, or an unknown keyword.
            ValueError: an unknown `class_mode`, or not two classes for "binary".
        """
        check_deprecated(kwargs)
        if class_mode == "other":
            warnings.warn(
                '`class_mode="other"` is deprecated, please use `class_mode="raw"`.',
                DeprecationWarning,
                stacklevel=2,
            )
            class_mode = "raw"
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            data_format=self.data_format,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            validate_filenames=validate_filenames,
            dtype=self.dtype,
            extra_formats=extra_formats,
            cache=cache,
        )

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
        return self._after_geometry(x, transform_parameters)

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

    def fit_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        augment: bool = False,
        rounds: int = 1,
        seed: int | None = None,
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        batch_size: int = 32,
    ) -> None:
        """Find the same statistics as `fit`, from files, without holding the images.

        Args:
            directory: see `flow_from_directory`, as for all that are not named here.
            target_size: see there.
            color_mode: see there.
            classes: see there.
            augment: whether to take randomly transformed images instead. With `zca_whitening`
                they are drawn twice, once for each pass.
            rounds: how many of each with `augment`.
            seed: seeds NumPy's global stream before each pass, unless None.
            follow_links: see there.
            subset: see there.
            interpolation: see there.
            keep_aspect_ratio: see there.
            batch_size: images in memory at a time.

        Raises:
            ValueError: see there; or `augment` and `zca_whitening` without a `seed`, when the two
                passes would not see the same images.
        """
        if augment and self.zca_whitening and seed is None:
            raise ValueError(
                "`fit_directory` with `augment` and `zca_whitening` reads the images twice and "
                "must draw them alike; give it a `seed`. Received: None"
            )
        files = DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=None,
            batch_size=batch_size,
            shuffle=False,
            data_format=self.data_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
        )

        def batches() -> Iterator[NDArray[Any]]:
            if seed is not None:
                np.random.seed(seed)
            for _ in range(rounds if augment else 1):
                for images in files.untransformed():
                    if self.rescale:
                        images *= self.rescale
                    yield self._augmented(images, 1) if augment else images

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

    def _overridden_hook(self) -> str | None:
        """Name a method of this class that a subclass or a script has exchanged, if any."""
        for name in HOOKS:
            method = getattr(self, name)
            is_own = getattr(method, "__func__", None) is getattr(ImageDataGenerator, name)
            if not is_own or method.__self__ is not self:
                return name
        return None

    def _after_geometry(self, x: NDArray[Any], parameters: Mapping[str, Any]) -> NDArray[Any]:
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
        is_as_said = x.shape[self.channel_axis - 1] in (1, 3, 4)
        data_format = self.data_format if is_as_said else None
        return brightened(x, factor, False, data_format, self._say_of_fractions)

    def _say_of_fractions(self) -> None:
        """Warn once; images may be worked on in several threads."""
        with _SAYING:
            is_first = not self._has_said_of_fractions
            self._has_said_of_fractions = True
        if is_first:
            warnings.warn(OF_FRACTIONS, stacklevel=2)

    def _centre_where_implied(self) -> None:
        """Set the options that others need, with Keras' warnings."""
        if self.zca_whitening:
            self._imply("zca_whitening", "featurewise_center", True)
            self._imply("zca_whitening", "featurewise_std_normalization", False)
        if self.featurewise_std_normalization:
            self._imply("featurewise_std_normalization", "featurewise_center", True)
        if self.samplewise_std_normalization:
            self._imply("samplewise_std_normalization", "samplewise_center", True)

    def _imply(self, option: str, implied: str, value: bool) -> None:
        if bool(getattr(self, implied)) != value:
            setattr(self, implied, value)
            warnings.warn(
                f"This ImageDataGenerator specifies `{option}`, which overrides setting of "
                f"`{implied}`.",
                stacklevel=5,
            )

    def _ranges(self) -> TransformRanges:
        brightness = self.brightness_range
        return TransformRanges(
            rotation=float(self.rotation_range),
            height_shift=shift_range(self.height_shift_range),
            width_shift=shift_range(self.width_shift_range),
            shear=float(self.shear_range),
            zoom=(float(self.zoom_range[0]), float(self.zoom_range[1])),
            horizontal_flip=bool(self.horizontal_flip),
            vertical_flip=bool(self.vertical_flip),
            channel_shift=float(self.channel_shift_range),
            brightness=None if brightness is None else (float(brightness[0]), float(brightness[1])),
        )

    def _rendering(self, image_size: tuple[int, int], output_dtype: str) -> Rendering:
        """Describe all that is done to an image, where the graph can do all."""
        function = self.preprocessing_function
        return replace(
            self._rendering_of_transforms(image_size),
            preprocess=in_graph(function) if function else None,
            rescale=self.rescale or None,
            output_dtype=output_dtype,
        )

    def _rendering_of_transforms(self, image_size: tuple[int, int]) -> Rendering:
        """Describe what comes before `standardize`."""
        ranges = self._ranges()
        resampling = Resampling(
            fill_mode=cast(FillMode, self.fill_mode),
            cval=float(self.cval),
            # Mirroring alone moves whole pixels, which the cheaper order does exactly.
            order=self.interpolation_order if ranges.moves_pixels else 0,
        )
        steps: list[Step] = []
        if self.channel_shift_range:
            steps.append(ChannelShift())
        if self.brightness_range is not None:
            steps.append(PillowBrightness())
        return Rendering(
            image_size=image_size,
            resampling=resampling if ranges.moves_pixels or ranges.flips else None,
            steps=tuple(steps),
            pixel_dtype=keras.config.floatx(),
            output_dtype=keras.config.floatx(),
        )


def _warn_unfitted(option: str) -> None:
    warnings.warn(
        f"This ImageDataGenerator specifies `{option}`, but it hasn't been fit on any training "
        "data. Fit it first by calling `.fit(numpy_data)`.",
        stacklevel=3,
    )
