"""`ImageDataGenerator` with Keras' arguments, defaults and numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, cast

import keras

from catdog_data.augment.parameters import Shift, TransformRanges
from catdog_data.augment.warp import FILL_MODES, FillMode
from catdog_data.keras_compat.iterators import DirectoryIterator
from catdog_data.pipeline import Rendering


class ImageDataGenerator:
    """Describe how images are augmented and rescaled; the flows read them.

    Arguments, defaults and attributes are those of Keras' class of this name, and a flow yields
    the same batches for the same seed, to the last bit. Attributes may be changed after a flow
    was made; the next batch follows them.

    Args:
        featurewise_center: not built yet; raises.
        samplewise_center: not built yet; raises.
        featurewise_std_normalization: not built yet; raises.
        samplewise_std_normalization: not built yet; raises.
        zca_whitening: not built yet; raises.
        zca_epsilon: used by `zca_whitening` alone.
        rotation_range: degrees; each image is turned by an angle from [-range, range].
        width_shift_range: below 1 a fraction of the width, else pixels; an integer n shifts by a
            whole number below n, a list by one of its values, either way.
        height_shift_range: the same for the height.
        brightness_range: not built yet; raises.
        shear_range: degrees; each image is sheared by an angle from [-range, range].
        zoom_range: z for factors from [1-z, 1+z], or a pair of factors; drawn once per axis.
        channel_shift_range: not built yet; raises.
        fill_mode: "nearest", "constant", "reflect" or "wrap", by SciPy's rules.
        cval: the value outside for "constant".
        horizontal_flip: whether half of the images are mirrored left to right.
        vertical_flip: whether half of the images are mirrored top to bottom.
        rescale: factor for every value, after the transforms; None or 0 for none.
        preprocessing_function: not built yet; raises.
        data_format: "channels_last", or None for Keras' setting; "channels_first" is not built
            yet and raises.
        validation_split: the first part of each class that is its validation subset, in [0, 1).
        interpolation_order: 0 takes the nearest pixel, 1 blends four; more is not built yet.
        dtype: type of images and labels; None for Keras' float type.

    Raises:
        ValueError: a value that Keras refuses.
        NotImplementedError: an argument that is not built yet; it is named.
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
        self.zoom_range = _zoom_pair(zoom_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.dtype = keras.config.floatx() if dtype is None else dtype
        self.interpolation_order = interpolation_order
        self.data_format = _checked_data_format(data_format)
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(
                "`validation_split` must be strictly between 0 and 1. "
                f" Received: {validation_split}"
            )
        self._validation_split = validation_split
        self.brightness_range = brightness_range
        self.channel_axis, self.row_axis, self.col_axis = 3, 1, 2
        self.mean = self.std = self.zca_whitening_matrix = None
        self._check_built()

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
    ) -> DirectoryIterator:
        """Read images from one folder per class.

        Args:
            directory: the folder that holds the class folders.
            target_size: (height, width) in pixels that every image is resized to.
            color_mode: "rgb"; "rgba" and "grayscale" are not built yet and raise.
            classes: the class folders, in the order of their labels; None takes all, sorted.
            class_mode: what the labels are: "categorical" one-hot `dtype`[B, K]; "binary" or
                "sparse" `dtype`[B]; "input" the images themselves; None no labels.
            batch_size: images per batch; the last of an epoch may be smaller.
            shuffle: whether every epoch has an order of its own.
            seed: batch k is drawn from `np.random.seed(seed + k)`; None goes on in NumPy's
                global stream.
            save_to_dir: not built yet; raises.
            save_prefix: used by `save_to_dir` alone.
            save_format: used by `save_to_dir` alone.
            follow_links: whether to enter folders that are symbolic links.
            subset: "training" or "validation" of the `validation_split`.
            interpolation: "nearest"; others are not built yet and raise.
            keep_aspect_ratio: not built yet; raises.

        Returns:
            An iterator of (`dtype`[B, H, W, 3], labels) that goes straight into `model.fit`.

        Raises:
            FileNotFoundError: a directory is missing.
            ValueError: there are no images, or a value is not among those named.
            NotImplementedError: an argument that is not built yet; it is named.
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
        )

    def flow(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built yet: read images from arrays."""
        raise NotImplementedError("`flow` is not built yet; `flow_from_directory` is.")

    def flow_from_dataframe(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built yet: read images that a data frame lists."""
        raise NotImplementedError("`flow_from_dataframe` is not built yet; use class folders.")

    def fit(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built yet: compute the statistics that featurewise options need."""
        raise NotImplementedError("`fit` is not built yet, nor are the options that need it.")

    def _ranges(self) -> TransformRanges:
        self._check_built()
        return TransformRanges(
            rotation=float(self.rotation_range),
            height_shift=_shift_range(self.height_shift_range),
            width_shift=_shift_range(self.width_shift_range),
            shear=float(self.shear_range),
            zoom=(float(self.zoom_range[0]), float(self.zoom_range[1])),
            horizontal_flip=bool(self.horizontal_flip),
            vertical_flip=bool(self.vertical_flip),
        )

    def _rendering(self, image_size: tuple[int, int], output_dtype: str) -> Rendering:
        ranges = self._ranges()
        return Rendering(
            image_size=image_size,
            warps=ranges.moves_pixels or ranges.flips,
            fill_mode=cast(FillMode, self.fill_mode),
            cval=float(self.cval),
            # Mirroring alone moves whole pixels, which the cheaper order does exactly.
            order=self.interpolation_order if ranges.moves_pixels else 0,
            rescale=self.rescale or None,
            pixel_dtype=keras.config.floatx(),
            output_dtype=output_dtype,
        )

    def _check_built(self) -> None:
        """Refuse what is not built yet, so that nothing is ever silently left out."""
        for name in (
            "featurewise_center",
            "samplewise_center",
            "featurewise_std_normalization",
            "samplewise_std_normalization",
            "zca_whitening",
            "brightness_range",
            "channel_shift_range",
            "preprocessing_function",
        ):
            value = getattr(self, name)
            if value is not None and value is not False and value != 0:
                raise NotImplementedError(f"`{name}` is not built yet; received {value!r}.")
        if self.interpolation_order not in (0, 1):
            raise NotImplementedError(
                "`interpolation_order` is built for 0 and 1; "
                f"received {self.interpolation_order!r}."
            )
        if self.fill_mode not in FILL_MODES:
            raise ValueError(
                f"`fill_mode` must be one of {', '.join(FILL_MODES)}; received {self.fill_mode!r}."
            )


def _checked_data_format(data_format: str | None) -> str:
    chosen = keras.config.image_data_format() if data_format is None else data_format
    if chosen not in {"channels_last", "channels_first"}:
        raise ValueError(
            '`data_format` should be `"channels_last"` (channel after row and column) or '
            '`"channels_first"` (channel before row and column). '
            f"Received: {data_format}"
        )
    if chosen == "channels_first":
        raise NotImplementedError('`data_format="channels_first"` is not built yet.')
    return str(chosen)


def _zoom_pair(zoom_range: Any) -> list[float]:
    if isinstance(zoom_range, (float, int)):
        return [1 - zoom_range, 1 + zoom_range]
    if len(zoom_range) == 2 and all(isinstance(value, (float, int)) for value in zoom_range):
        return [zoom_range[0], zoom_range[1]]
    raise ValueError(
        f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom_range}"
    )


def _shift_range(value: Any) -> Shift:
    """Tell a range from a choice as NumPy's `choice` does: a positive integer n is `range(n)`."""
    if hasattr(value, "__len__"):
        return tuple(float(each) for each in value)
    if isinstance(value, float) or value <= 0:
        return float(value)
    return tuple(float(each) for each in range(int(value)))
