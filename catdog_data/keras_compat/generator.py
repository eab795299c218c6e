"""`ImageDataGenerator` with Keras' arguments, defaults and numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import keras

from catdog_data.cache.cached import Cache
from catdog_data.keras_compat.array_iterator import NumpyArrayIterator
from catdog_data.keras_compat.dataframe_iterator import DataFrameIterator
from catdog_data.keras_compat.directory_iterator import DirectoryIterator
from catdog_data.keras_compat.image_augmenter import ImageAugmenter
from catdog_data.keras_compat.options import (
    check_deprecated,
    checked_brightness,
    checked_data_format,
    checked_fill_mode,
    checked_validation_split,
    current_class_mode,
    set_implied_options,
    zoom_pair,
)
from catdog_data.sources.exclude import Exclude


class ImageDataGenerator(ImageAugmenter):
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

    Example:
        >>> import numpy as np
        >>> generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, shear_range=15)
        >>> images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3))
        >>> batch, labels = next(generator.flow(images, np.arange(8), batch_size=4, seed=2020))
        >>> batch.shape, labels.shape
        ((4, 32, 32, 3), (4,))
    """

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
        self._validation_split = checked_validation_split(validation_split)
        self.brightness_range = checked_brightness(brightness_range)
        axes = (3, 1, 2) if self.data_format == "channels_last" else (1, 2, 3)
        self.channel_axis, self.row_axis, self.col_axis = axes
        self.mean = self.std = self.zca_whitening_matrix = None
        set_implied_options(self)

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
        exclude: Exclude = None,
        on_error: str = "raise",
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
            exclude: files to leave out, as if they were not there: names as a sequence, or the
                path of a file with one a line, as `catdog-data verify --list` writes it. They
                count from `directory`. Names that are no files are warned of.
            on_error: what is done about files that cannot be read. "raise", as Keras, where they
                are due. "skip" leaves them out before `subset` is taken, as if they were not
                there; "replace" makes each a second copy of its neighbour, the nearest good file
                of its class and subset in the order of names. With either, all images that are not
                known yet are read once, when this is called; what is found out is kept by
                their paths, sizes and times. `report()` lists the broken files. For a file that
                breaks later, `fit` reads a neighbour, or with "skip" has a shorter batch; `next()`
                and `it[i]` raise.

        Returns:
            An iterator of (`dtype`[B, H, W, C], labels) that goes straight into `model.fit`.

        Raises:
            FileNotFoundError: a directory is missing.
            ValueError: there are no images, or no good ones of a class; or a value is not among
                those named.
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
            exclude=exclude,
            on_error=on_error,
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
        exclude: Exclude = None,
        on_error: str = "raise",
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
            cache: see `flow_from_directory`.
            exclude: files whose rows are left out, named from `directory` on.
            on_error: see `flow_from_directory`. Rows are left out, or become copies of the row of a
                neighbour, of the same class where every row has one.
            **kwargs: `has_ext`, `sort` and `drop_duplicates` of old scripts, with a warning.

        Returns:
            An iterator of (`dtype`[B, H, W, C], labels) or (…, labels, weights).

        Raises:
            TypeError: a column of the wrong type, or an unknown keyword.
            ValueError: an unknown `class_mode`, or not two classes for "binary".
        """
        check_deprecated(kwargs)
        class_mode = current_class_mode(class_mode)
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
            exclude=exclude,
            on_error=on_error,
        )

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
        exclude: Exclude = None,
    ) -> None:
        """Find the same statistics as `fit`, from files, without holding the images.

        Args:
            directory: see `flow_from_directory`.
            target_size: see `flow_from_directory`.
            color_mode: see `flow_from_directory`.
            classes: see `flow_from_directory`.
            augment: whether to take randomly transformed images instead. With `zca_whitening`
                they are drawn twice, once for each pass.
            rounds: how many of each with `augment`.
            seed: seeds NumPy's global stream before each pass, unless None.
            follow_links: see `flow_from_directory`.
            subset: see `flow_from_directory`.
            interpolation: see `flow_from_directory`.
            keep_aspect_ratio: see `flow_from_directory`.
            batch_size: images in memory at a time.
            exclude: see `flow_from_directory`.

        Raises:
            ValueError: as `flow_from_directory`; or `augment` and `zca_whitening` without a
                `seed`, when the two passes would not see the same images.
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
            exclude=exclude,
        )

        self._fit_to_batches(files.untransformed, rounds if augment else None, seed)
