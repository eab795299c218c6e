"""What iterators over image files share: how files become batches, in the pipeline or one by one.

What a batch depends on are public attributes and NumPy's global stream, and a user may change both
between two batches; so each call begins with a request that says how both stand.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Iterator as IteratorOf
from numbers import Real
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.cache.cached import Cache
from catdog_data.decoding.unreadable import naming
from catdog_data.engine.pixel_sources import Pixels
from catdog_data.engine.render import Rendering
from catdog_data.keras_compat.executor import Executor, epoch_of
from catdog_data.keras_compat.finishing import (
    laid_out_as_keras,
    standardize_apart,
    standardize_in_turn,
)
from catdog_data.keras_compat.iterator import Iterator
from catdog_data.keras_compat.lookahead import Lookahead
from catdog_data.keras_compat.one_by_one import called_in_turn, fill_batch, who_draws
from catdog_data.keras_compat.planning.batch_plan import (
    BatchPlan,
    Position,
    Recipe,
    Request,
    draw_order,
)
from catdog_data.keras_compat.preprocessing import in_graph
from catdog_data.keras_compat.reading import CHANNELS, pixels_of_files
from catdog_data.keras_compat.saving import save_batch
from catdog_data.keras_compat.snapshot import same, snapshot
from catdog_data.kernels.warp import FILL_MODES

if TYPE_CHECKING:
    from catdog_data.keras_compat.generator import ImageDataGenerator

_HOOKS = ("_get_batches_of_transformed_samples", "_set_index_array", "_flow_index")
_STANDARDIZING = (
    "featurewise_center",
    "samplewise_center",
    "featurewise_std_normalization",
    "samplewise_std_normalization",
    "zca_whitening",
)
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


class FilesIterator(Iterator):
    """Yield batches of images from files; a subclass says which, and their labels.

    `next()`, iteration and `it[i]` yield NumPy arrays that belong to the caller; `fit`,
    `evaluate` and `predict` see the batches of `it[0]`, `it[1]`, … in this order.

    Where the native pipeline does all that is asked for, it reads ahead in parallel. Otherwise
    images are worked on one by one, with the same numbers, and a `SlowPathWarning` says why.
    """

    def set_processing_attrs(
        self,
        image_data_generator: ImageDataGenerator | None,
        target_size: Sequence[int],
        color_mode: str,
        data_format: str | None,
        save_to_dir: str | None,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
    ) -> None:
        """Check and set what the making of batches depends on.

        Raises:
            ValueError: an unknown `color_mode`, `interpolation` or `subset`, or a `target_size`
                that is not two whole numbers.
        """
        self.image_data_generator = image_data_generator
        self.target_size = _checked_size(target_size)
        self.keep_aspect_ratio = keep_aspect_ratio
        if color_mode not in CHANNELS:
            raise ValueError(
                f'Invalid color mode: {color_mode}; expected "rgb", "rgba", or "grayscale".'
            )
        self.color_mode = color_mode
        self.data_format = data_format or keras.config.image_data_format()
        channels = (CHANNELS[color_mode],)
        self.image_shape = (
            self.target_size + channels
            if self.data_format == "channels_last"
            else channels + self.target_size
        )
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        if interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"`interpolation` must be one of {', '.join(map(repr, _INTERPOLATIONS))}; "
                f"received {interpolation!r}."
            )
        self.interpolation = interpolation
        self.subset = subset
        self.split = _split_of(subset, image_data_generator)
        self._executor: Executor | None = None
        self._sources_of_executor: Any = None
        self._lookahead: Lookahead | None = None
        self._function_draws = False
        # NumPy's global state as an epoch of `fit` leaves it; set when the epoch ends.
        self._state_after_epoch: Any = None

    class_mode: str | None
    dtype: Any
    cache: Cache = None

    def allow_formats(self, extensions: Sequence[str]) -> None:
        """Read files of further extensions, such as "webp" and "gif" (its first frame)."""
        self.white_list_formats = (
            *type(self).white_list_formats,
            *(extension.lower().lstrip(".") for extension in extensions),
        )

    @property
    def filepaths(self) -> list[str]:
        """The N files."""
        raise NotImplementedError(f"{type(self).__name__} must define `filepaths`.")

    @property
    def labels(self) -> Any:
        """The labels of the N files, as `class_mode` needs them."""
        raise NotImplementedError(f"{type(self).__name__} must define `labels`.")

    @property
    def sample_weight(self) -> NDArray[Any] | None:
        """The weights of the N files, or None."""
        raise NotImplementedError(f"{type(self).__name__} must define `sample_weight`.")

    def __next__(self) -> Any:
        if self._goes_one_by_one():
            return super().__next__()
        with self.lock:
            self._begin()
            return self._carry_out(self._request())

    def __getitem__(self, idx: int) -> Any:
        if not 0 <= idx < len(self) or self._goes_one_by_one():
            return super().__getitem__(idx)
        with self.lock:
            return self._carry_out(self._request(idx))

    def on_epoch_end(self) -> None:
        """Draw the next order from NumPy's global stream, for reading by index."""
        with self.lock:
            if self._state_after_epoch is not None:
                np.random.set_state(self._state_after_epoch)
                self._state_after_epoch = None
            if not self._goes_one_by_one():
                self.index_array = draw_order(np.random.mtrand._rand, self._recipe())
            else:
                super().on_epoch_end()

    def epoch_dataset(self) -> tf.data.Dataset:
        """Make the dataset that `fit` reads: every pass is the batches `it[0]`, `it[1]`, ….

        Returns:
            Elements as `it[i]` yields them, as tensors; cardinality is `len(it)`.
        """
        if self._is_read_by_index() or self._finishes_in_numpy():
            return super().epoch_dataset()
        # Keras asks for two batches to learn their types.
        for idx in range(min(2, len(self))):
            with self.lock:
                self._move_to(self._request(idx).plan().after)
        return epoch_of(
            self._plan_of_epoch,
            len(self),
            self._pixels(),
            self._rendering(),
            self._rows(),
            self._finisher(),
        )

    def untransformed(self) -> IteratorOf[NDArray[Any]]:
        """Yield all images once, in batches, in the order of the files; nothing is drawn."""
        for first in range(0, self.n, self.batch_size):
            index = np.arange(first, min(first + self.batch_size, self.n))
            images = np.zeros((len(index), *self.image_shape), dtype=self.dtype)
            fill_batch(images, index, self._load, None, len(index))
            yield images

    def __getstate__(self) -> dict[str, Any]:
        built = ("_executor", "_lookahead", "_sources_of_executor")
        return {**super().__getstate__(), **dict.fromkeys(built)}

    def _get_batches_of_transformed_samples(self, index_array: NDArray[np.int64]) -> Any:
        batch_x = np.zeros((len(index_array), *self.image_shape), dtype=self.dtype)
        fill_batch(batch_x, index_array, self._load, self.image_data_generator, self._rows())
        if self.save_to_dir:
            save_batch(self, batch_x, index_array, highest_mark=10**7)
        return self._with_labels(batch_x, index_array)

    def _with_labels(self, batch_x: NDArray[Any], index_array: NDArray[np.int64]) -> Any:
        if self.class_mode is None:
            return batch_x
        batch_y = batch_x.copy() if self.class_mode == "input" else self._labels_of(index_array)
        if self.sample_weight is None:
            return batch_x, batch_y
        return batch_x, batch_y, self.sample_weight[index_array]

    def _labels_of(self, index_array: NDArray[np.int64]) -> Any:
        if self.class_mode == "multi_output":
            return [column[index_array] for column in self.labels]
        if self.class_mode == "raw":
            return self.labels[index_array]
        labels = [self.labels[i] for i in index_array]
        if self.class_mode != "categorical":
            return np.array(labels, dtype=self.dtype)
        return self._one_hot(labels)

    def _one_hot(self, labels: Sequence[Any]) -> NDArray[Any]:
        """Set the places of one class each, or of a list of classes each, to one."""
        rows = np.zeros((len(labels), len(self.class_indices)), dtype=self.dtype)
        for row, label in zip(rows, labels, strict=True):
            row[label] = 1.0
        return rows

    class_indices: dict[str, int]

    def _load(self, sample: int) -> NDArray[Any]:
        """Load and resize one image, as Keras does, to floats of its `image_shape`."""
        path = self.filepaths[sample]
        with naming(path):
            image = keras.utils.load_img(
                path,
                color_mode=self.color_mode,
                target_size=self.target_size,
                interpolation=self.interpolation,
                keep_aspect_ratio=self.keep_aspect_ratio,
            )
        x: NDArray[Any] = keras.utils.img_to_array(image, data_format=self.data_format)
        image.close()
        return x

    def _goes_one_by_one(self) -> bool:
        """Tell whether there is something the native pipeline does not do, and say it once."""
        if not self.n:
            return True
        reason = self._reason_to_go_one_by_one()
        if reason is not None:
            self._say_why_slow(reason)
        elif (function := called_in_turn(self.image_data_generator)) is not None:
            self._say_what_is_called(function)
        return reason is not None

    def _reason_to_go_one_by_one(self) -> str | None:
        for name in _HOOKS:
            if getattr(getattr(self, name), "__func__", None) is not getattr(FilesIterator, name):
                return f"`{name}` is overridden"
        generator = self.image_data_generator
        if generator is None:
            return "there is no generator"
        if (reason := who_draws(generator)) is not None:
            return reason
        if self._function_draws:
            return "`preprocessing_function` or `standardize` draws from NumPy's stream"
        asked = {
            "save_to_dir": self.save_to_dir is not None,
            f"fill_mode={generator.fill_mode!r}": generator.fill_mode not in FILL_MODES,
            f"interpolation_order={generator.interpolation_order!r}": (
                generator.interpolation_order not in (0, 1)
            ),
            # Keras stretches images beyond [0, 255], one by one.
            "brightness_range with a cval beyond [0, 255]": (
                generator.brightness_range is not None and not 0 <= generator.cval <= 255
            ),
            f"brightness_range with color_mode={self.color_mode!r}": (
                generator.brightness_range is not None and self.color_mode != "rgb"
            ),
        }
        return next((option for option, wanted in asked.items() if wanted), None)

    def _finishes_in_numpy(self) -> bool:
        """Tell whether batches leave the pipeline after the transforms, and are finished here."""
        generator: Any = self.image_data_generator
        function = generator.preprocessing_function
        return (
            any(getattr(generator, option) for option in _STANDARDIZING)
            or self.data_format != "channels_last"
            or called_in_turn(generator) is not None
            or (bool(function) and (self.color_mode != "rgb" or in_graph(function) is None))
            or not self._labels_are_tensors()
        )

    def _finished(self, plan: BatchPlan, batch: Any) -> Any:
        """Make what Keras yields from what the pipeline yields for a plan."""
        if not self._finishes_in_numpy():
            return self._as_keras(batch)
        generator: Any = self.image_data_generator
        batch_x = np.zeros((len(plan.index), *self.image_shape), dtype=self.dtype)
        if called_in_turn(generator) is None:
            standardize_apart(batch_x, batch, plan.transforms, generator)
            return self._with_labels(batch_x, plan.index)

        def transform_anew(i: int, drawn: Mapping[str, Any]) -> NDArray[Any]:
            transformed: NDArray[Any] = generator.apply_transform(self._load(plan.index[i]), drawn)
            return transformed

        np.random.set_state(plan.before)
        transformed = laid_out_as_keras(batch, plan.transforms, generator)
        as_planned = standardize_in_turn(
            batch_x, plan.transforms, generator, transformed, transform_anew
        )
        self._function_draws = not as_planned
        return self._with_labels(batch_x, plan.index)

    def _is_read_by_index(self) -> bool:
        """Tell whether `fit` has to ask for `it[0]`, `it[1]`, … themselves."""
        is_overridden = type(self).__getitem__ is not FilesIterator.__getitem__
        return is_overridden or self._goes_one_by_one()

    def _batch_of_epoch(self, idx: int) -> Any:
        generator: Any = self.image_data_generator
        # Without a seed, what is drawn next depends on what a function of the user's draws now.
        if self._is_read_by_index() or (self.seed is None and called_in_turn(generator)):
            return super()._batch_of_epoch(idx)
        with self.lock:
            if idx == 0:
                # Of an epoch, all batches are asked for in turn.
                self._lookahead = None
            ahead = self._ahead(trusting=True)
            ordered = ahead.order(self._request(idx))
            self._move_within_epoch(ordered.plan.after)
            batch = self._finished(ordered.plan, ahead.executor.batch(ordered))
            if called_in_turn(generator) is not None:
                self._state_after_epoch = np.random.get_state(legacy=True)
            return batch

    def _labels_are_tensors(self) -> bool:
        """Tell whether TensorFlow has the types of labels and weights."""
        columns: list[Any] = []
        if self.class_mode in ("raw", "multi_output"):
            columns += self.labels if self.class_mode == "multi_output" else [self.labels]
        if self.class_mode is not None and self.sample_weight is not None:
            columns.append(self.sample_weight)
        return all(
            column.dtype.kind in "biufc" and column.dtype.char not in "gG" for column in columns
        )

    def _as_keras(self, batch: Any) -> Any:
        """Put the several outputs into a list, as Keras has them."""
        if self.class_mode != "multi_output":
            return batch
        images, outputs, *weights = batch
        return (images, list(outputs), *weights)

    def _plan_of_epoch(self, idx: int) -> BatchPlan:
        """Plan a batch of an epoch of `fit`. Runs in a thread of the pipeline."""
        if idx == 0:
            self.passes_begun += 1
        with self.lock:
            plan = self._request(idx).plan()
            self._move_within_epoch(plan.after)
        return plan

    def _move_within_epoch(self, position: Position) -> None:
        self.total_batches_seen = position.batches_seen
        self.index_array = position.order
        if self.seed is None:
            np.random.set_state(position.random_state)
        else:
            # A seeded epoch leaves the user's stream alone until it has ended.
            self._state_after_epoch = position.random_state

    def _carry_out(self, request: Request) -> Any:
        """Make the batch asked for; the iterator moves on even if it cannot be made."""
        # Done at once, even where this is called while a function is traced.
        with tf.init_scope():
            ahead = self._ahead(trusting=request.idx is None)
            ordered = ahead.order(request)
            self._move_to(ordered.plan.after)
            return self._finished(ordered.plan, ahead.executor.batch(ordered))

    def _ahead(self, *, trusting: bool) -> Lookahead:
        executor = self._current_executor()
        if self._lookahead is None or self._lookahead.executor is not executor:
            self._lookahead = Lookahead(executor, trusting=trusting)
        return self._lookahead

    def _request(self, idx: int | None = None) -> Request:
        return Request(self._recipe(), self._position(), idx)

    def _recipe(self) -> Recipe:
        generator: Any = self.image_data_generator
        return Recipe(
            n=self.n,
            batch_size=self.batch_size,
            shuffle=bool(self.shuffle),
            seed=self.seed,
            ranges=generator._ranges(),
            image_size=self.target_size,
        )

    def _position(self) -> Position:
        return Position(
            batches_seen=self.total_batches_seen,
            batch_index=self.batch_index,
            order=self.index_array,
            random_state=np.random.get_state(legacy=True),
        )

    def _move_to(self, position: Position) -> None:
        """Leave attributes and NumPy's global stream as Keras leaves them after the batch."""
        self.total_batches_seen = position.batches_seen
        self.batch_index = position.batch_index
        self.index_array = position.order
        np.random.set_state(position.random_state)

    def _rendering(self) -> Rendering:
        generator: Any = self.image_data_generator
        if self._finishes_in_numpy():
            rendering: Rendering = generator._rendering_of_transforms(self.target_size)
        else:
            rendering = generator._rendering(self.target_size, self.dtype)
        return rendering

    def _pixels(self) -> Pixels:
        return pixels_of_files(
            self.filepaths,
            self.target_size,
            self.color_mode,
            self.interpolation,
            self.keep_aspect_ratio,
            self.cache,
        )

    def _rows(self) -> int:
        return min(self.batch_size, self.n)

    def _current_executor(self) -> Executor:
        rendering, sources = self._rendering(), self._sources()
        executor = self._executor
        if (
            executor is None
            or not executor.serves(rendering, self._rows())
            or not all(map(same, self._sources_of_executor, sources))
        ):
            if executor is not None:
                executor.end()
            executor = Executor(
                self.filepaths, self._pixels(), rendering, self._rows(), self._finisher()
            )
            self._executor = executor
            self._sources_of_executor = [snapshot(source) for source in sources]
        return executor

    def _sources(self) -> list[Any]:
        """List what the pipeline is built from besides its settings; scripts may exchange it."""
        has_labels = self.class_mode not in ("input", None)
        labels = self.labels if has_labels else None
        reading = (self.color_mode, self.interpolation, self.keep_aspect_ratio, self.cache)
        settings = (self.class_mode, self._finishes_in_numpy(), *reading)
        return [settings, self.filepaths, labels, self.sample_weight]

    def _finisher(self) -> Callable[[tf.Tensor, tf.Tensor], Any]:
        """Make the function that puts labels and weights beside the images of a batch."""
        if self.class_mode is None or self._finishes_in_numpy():
            return lambda index, images: images
        weights = () if self.sample_weight is None else (tf.constant(self.sample_weight),)
        labels_of = self._labels_in_graph()

        def finish(index: tf.Tensor, images: tf.Tensor) -> Any:
            chosen = (tf.gather(column, index) for column in weights)
            return (images, labels_of(index, images), *chosen)

        return finish

    def _labels_in_graph(self) -> Callable[[tf.Tensor, tf.Tensor], Any]:
        """Make the function from the indices and images of a batch to its labels."""
        if self.class_mode == "input":
            # A copy of its own, since a user may write into either.
            return lambda index, images: tf.raw_ops.DeepCopy(x=images)
        if self.class_mode == "categorical" and not _has_lists(self.labels):
            # Spelled out for the batch only: for all files it can be as large as the pixels.
            classes = tf.constant(np.asarray(self.labels))
            depth, dtype = len(self.class_indices), self.dtype
            return lambda index, images: tf.one_hot(tf.gather(classes, index), depth, dtype=dtype)
        labels = self._labels_of(np.arange(self.n))
        labels = tuple(labels) if self.class_mode == "multi_output" else labels
        table = tf.nest.map_structure(tf.constant, labels)
        return lambda index, images: tf.nest.map_structure(
            lambda column: tf.gather(column, index), table
        )


def _has_lists(labels: Sequence[Any]) -> bool:
    return any(isinstance(label, (list, tuple)) for label in labels)


def _checked_size(target_size: Any) -> tuple[int, int]:
    size = tuple(target_size) if hasattr(target_size, "__len__") else ()
    are_numbers = all(isinstance(side, Real) and math.isfinite(side) for side in size)
    if len(size) != 2 or not are_numbers or any(int(side) != side or side < 1 for side in size):
        raise ValueError(
            "`target_size` must be (height, width) in whole pixels, each at least 1; "
            f"received {target_size!r}."
        )
    return int(size[0]), int(size[1])


def _split_of(subset: str | None, generator: Any) -> tuple[float, float] | None:
    if subset is None:
        return None
    validation_split = 0.0 if generator is None else generator._validation_split
    if subset == "validation":
        return 0, validation_split
    if subset == "training":
        return validation_split, 1
    raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation"')


def joined(directory: str | os.PathLike[str], filenames: Sequence[str]) -> list[str]:
    """Put the directory before every name; an absolute name stays as it is."""
    return [os.path.join(directory, name) for name in filenames]  # noqa: PTH118 (as Keras)
