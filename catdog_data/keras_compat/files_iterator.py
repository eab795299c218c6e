"""What iterators over image files share: how files become batches, in the pipeline or one by one.

What a batch depends on are public attributes and NumPy's global stream, and a user may change both
between two batches; so each call begins with a request that holds both as they are then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator as IteratorOf
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.eager.context import eager_mode

from catdog_data.cache.cached import Cache, CacheOfListing
from catdog_data.decoding.load_image import load_image
from catdog_data.decoding.unreadable import naming
from catdog_data.engine.epochs_in_turn import Turns
from catdog_data.keras_compat.iterator import Iterator
from catdog_data.keras_compat.labels import Labels
from catdog_data.keras_compat.native.executor import PendingBatch, epochs_of
from catdog_data.keras_compat.native.loading import Loading
from catdog_data.keras_compat.native.pipeline import NativePipeline, PipelineInputs
from catdog_data.keras_compat.on_numpy.one_by_one import fill_batch
from catdog_data.keras_compat.on_numpy.saving import save_batch
from catdog_data.keras_compat.on_numpy.standardizing import (
    laid_out_as_keras,
    standardize_in_threads,
    standardize_in_turn,
)
from catdog_data.keras_compat.options import (
    CHANNELS,
    checked_color_mode,
    checked_interpolation,
    checked_size,
    part_of_subset,
)
from catdog_data.keras_compat.overriding import overridden_method
from catdog_data.keras_compat.planning.batch_plan import (
    BatchPlan,
    BatchRequest,
    Recipe,
    StreamPosition,
    draw_permutation,
)
from catdog_data.keras_compat.planning.epochs_ahead import EpochsAhead
from catdog_data.keras_compat.preprocessing import is_traceable
from catdog_data.keras_compat.protocol import Generator, validation_split_of
from catdog_data.keras_compat.slow_path import (
    python_called_per_image,
    reason_not_to_plan,
    standardizes_in_numpy,
    unsupported_option,
)
from catdog_data.keras_compat.translation import (
    ranges_of,
    rendering_of,
    rendering_of_transforms,
)
from catdog_data.readable.on_error import Listed, OnError
from catdog_data.sources.broken_files import BrokenFile
from catdog_data.system.forks import check_not_forked

_HOOKS = ("_get_batches_of_transformed_samples", "_set_index_array", "_flow_index")
_NOT_PICKLED = ("_pipeline", "_kept")
_OF_OLD_PICKLES = ("_executor", "_lookahead", "_sources_of_executor")


class FilesIterator(Iterator):
    """Yield batches of images from files; a subclass says which, and their labels.

    `next()`, iteration and `it[i]` yield NumPy arrays that belong to the caller; `fit`,
    `evaluate` and `predict` see the batches of `it[0]`, `it[1]`, … in this order.

    Where the native pipeline does all that is asked for, it reads ahead in parallel. Otherwise
    images are worked on one by one, with the same numbers, and a `SlowPathWarning` says why.
    """

    class_indices: dict[str, int]
    class_mode: str | None
    dtype: Any
    cache: Cache = None
    _on_error = OnError("raise")  # of iterators pickled without it
    _kept: CacheOfListing | None = None

    def set_processing_attrs(
        self,
        image_data_generator: Generator | None,
        target_size: Sequence[int],
        color_mode: str,
        data_format: str | None,
        save_to_dir: str | None,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
        on_error: str = "raise",
    ) -> None:
        """Check and set what the making of batches depends on.

        Raises:
            ValueError: an unknown `color_mode`, `interpolation`, `subset` or `on_error`, or a
                `target_size` that is not two whole numbers.
        """
        self.image_data_generator = image_data_generator
        self.target_size = checked_size(target_size)
        self.keep_aspect_ratio = keep_aspect_ratio
        self.color_mode = checked_color_mode(color_mode)
        self.data_format = data_format or keras.config.image_data_format()
        channels = (CHANNELS[color_mode],)
        self.image_shape = (
            self.target_size + channels
            if self.data_format == "channels_last"
            else channels + self.target_size
        )
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        self.interpolation = checked_interpolation(interpolation)
        self.subset = subset
        self._on_error = OnError(on_error)
        self.split = _part_of(subset, image_data_generator)
        self._pipeline = NativePipeline()
        self._function_draws = False
        # NumPy's global state as an epoch of `fit` leaves it; set when the epoch ends.
        self._state_after_epoch: Any = None

    def allow_formats(self, extensions: Sequence[str]) -> None:
        """Read files of further extensions, such as "webp" and "gif" (its first frame)."""
        self.white_list_formats = (
            *type(self).white_list_formats,
            *(extension.lower().lstrip(".") for extension in extensions),
        )

    def report(self) -> tuple[BrokenFile, ...]:
        """List the files that cannot be read, where `on_error` is "skip" or "replace".

        Returns:
            Those that were found when the iterator was made, and behind them those that broke later
            under `fit`, each with the reason and what was done about it.
        """
        return self._on_error.found.all()

    def _rows_to_read(
        self,
        filepaths: Sequence[str],
        classes: NDArray[Any] | None,
        class_names: Sequence[str] | None,
        directory: str | os.PathLike[str],
    ) -> NDArray[np.int64]:
        """Choose which of some files are read; see `OnError.rows`."""
        loading, kept = self._loading(), CacheOfListing(self.cache)
        how = asdict(loading)
        folder = os.path.abspath(directory)  # noqa: PTH100 (as Keras)
        settings = {"reader": "Keras generators", "how": how, "folder": folder}

        def keep(indices: Sequence[int]) -> dict[int, Exception] | None:
            if self._reason_to_go_one_by_one() is not None:  # where there is no cache
                return None
            return loading.decode_into(kept, filepaths, indices)

        rows = self._on_error.rows(
            Listed(
                filepaths,
                lambda: [loading.images(filepaths)],
                settings,
                lambda: classes,
                class_names,
                keep=keep,
                subset=self.subset if self._on_error.replaces else None,
            )
        )
        if self.cache is not None:
            self._kept = kept.of([filepaths[row] for row in rows])
        return rows

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
        check_not_forked()
        if self._goes_one_by_one():
            return super().__next__()
        with self.lock:
            self._begin()
            return self._make(self._request())

    def __getitem__(self, idx: int) -> Any:
        check_not_forked()
        if not 0 <= idx < len(self) or self._goes_one_by_one():
            return super().__getitem__(idx)
        with self.lock:
            return self._make(self._request(idx))

    def on_epoch_end(self) -> None:
        """Draw the next permutation from NumPy's global stream, for reading by index."""
        with self.lock:
            if self._state_after_epoch is not None:
                np.random.set_state(self._state_after_epoch)
                self._state_after_epoch = None
            if not self._goes_one_by_one():
                self.index_array = draw_permutation(np.random.mtrand._rand, self._recipe())
            else:
                super().on_epoch_end()

    def epoch_dataset(self) -> tf.data.Dataset:
        """Make the dataset that `fit` reads: every pass is the batches `it[0]`, `it[1]`, ….

        Returns:
            Elements as `it[i]` yields them, as tensors; cardinality is `len(it)`.
        """
        return self.epochs_of_fit()[0]

    def epochs_of_fit(self) -> tuple[tf.data.Dataset, Turns | None]:
        """Make `epoch_dataset`, and say how its epochs are taken in turn."""
        check_not_forked()
        if self._is_read_by_index() or self._is_completed_in_numpy():
            return super().epoch_dataset(), None
        # Keras asks for two batches to learn their types.
        for idx in range(min(2, len(self))):
            with self.lock:
                self._move_to(self._request(idx).plan().after)
        inputs = self._pipeline_inputs()
        dataset, turns = epochs_of(
            self._plan_of_epoch,
            EpochsAhead(self._request, self._move_within_epoch, self.lock),
            len(self),
            inputs.pixels(),
            inputs.rendering,
            inputs.batch_size,
            inputs.make_element(),
            self._on_error.late(self.filepaths, self._class_of_each),
        )
        # A function of the user's may make something else of an image before the epoch begins.
        is_pure = not is_traceable(self._generator.preprocessing_function)
        return dataset, turns if is_pure else None

    def untransformed(self) -> IteratorOf[NDArray[Any]]:
        """Yield all images once, in batches, in the order of the files; nothing is drawn."""
        for first in range(0, self.n, self.batch_size):
            index = np.arange(first, min(first + self.batch_size, self.n))
            images = np.zeros((len(index), *self.image_shape), dtype=self.dtype)
            fill_batch(images, index, self._load, None, len(index))
            yield images

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k not in _NOT_PICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({k: v for k, v in state.items() if k not in _OF_OLD_PICKLES})
        self._pipeline = NativePipeline()

    def _get_batches_of_transformed_samples(self, index_array: NDArray[np.int64]) -> Any:
        batch_x = np.zeros((len(index_array), *self.image_shape), dtype=self.dtype)
        fill_batch(batch_x, index_array, self._load, self.image_data_generator, self._rows())
        if self.save_to_dir:
            save_batch(self, batch_x, index_array, highest_mark=10**7)
        return self._labels().beside(batch_x, index_array)

    def _class_of_each(self) -> NDArray[Any] | None:
        classes = getattr(self, "classes", None)
        return None if classes is None else one_class_each(classes)

    def _labels(self) -> Labels:
        mode = self.class_mode
        return Labels(
            mode,
            self.labels if mode not in ("input", None) else None,
            self.sample_weight if mode is not None else None,
            len(self.class_indices) if mode == "categorical" else 0,
            self.dtype,
        )

    def _load(self, sample: int) -> NDArray[Any]:
        """Load and resize one image, as Keras does, to floats of its `image_shape`."""
        path = self.filepaths[sample]
        with naming(path):
            image = load_image(
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
        """Tell whether there is something the native pipeline does not do, and warn once."""
        if not self.n:
            return True
        reason = self._reason_to_go_one_by_one()
        if reason is not None:
            self._warn_of_slow_path(reason)
        elif (function := python_called_per_image(self._generator)) is not None:
            self._warn_of_python(function)
        return reason is not None

    def _reason_to_go_one_by_one(self) -> str | None:
        if (name := overridden_method(self, FilesIterator, _HOOKS)) is not None:
            return f"`{name}` is overridden"
        generator = self.image_data_generator
        if generator is None:
            return "there is no generator"
        if (reason := reason_not_to_plan(generator)) is not None:
            return reason
        if self._function_draws:
            return "`preprocessing_function` or `standardize` draws from NumPy's stream"
        if self.save_to_dir is not None:
            return "save_to_dir"
        return unsupported_option(generator, self.color_mode)

    @property
    def _generator(self) -> Generator:
        """The generator; there is one wherever the native pipeline is used."""
        assert self.image_data_generator is not None
        return self.image_data_generator

    def _calls_python(self) -> bool:
        return python_called_per_image(self._generator) is not None

    def _is_completed_in_numpy(self) -> bool:
        """Tell whether batches leave the pipeline after the transforms, and are completed here."""
        by_options = standardizes_in_numpy(self._generator, self.color_mode, self.data_format)
        return by_options or not self._labels().are_tensors()

    def _completed(self, plan: BatchPlan, batch: NDArray[Any]) -> Any:
        """Make what Keras yields from the images that the pipeline yields for a plan."""
        if not self._is_completed_in_numpy():
            return self._labels().beside(batch, plan.index)
        generator = self._generator
        batch_x = np.zeros((len(plan.index), *self.image_shape), dtype=self.dtype)
        if not self._calls_python():
            standardize_in_threads(batch_x, batch, plan.transforms, generator)
            return self._labels().beside(batch_x, plan.index)

        def transform_again(i: int, drawn: Mapping[str, Any]) -> NDArray[Any]:
            return generator.apply_transform(self._load(plan.index[i]), drawn)

        np.random.set_state(plan.before)
        transformed = laid_out_as_keras(batch, plan.transforms, generator)
        as_planned = standardize_in_turn(
            batch_x, plan.transforms, generator, transformed, transform_again
        )
        self._function_draws = not as_planned
        return self._labels().beside(batch_x, plan.index)

    def _is_read_by_index(self) -> bool:
        """Tell whether `fit` has to ask for `it[0]`, `it[1]`, … themselves."""
        is_overridden = type(self).__getitem__ is not FilesIterator.__getitem__
        return is_overridden or self._goes_one_by_one()

    def _batch_of_epoch(self, idx: int) -> Any:
        # Without a seed, what is drawn next depends on what a function of the user's draws now.
        if self._is_read_by_index() or (self.seed is None and self._calls_python()):
            return super()._batch_of_epoch(idx)
        with self.lock:
            if idx == 0:
                # All batches of an epoch are asked for in turn.
                self._pipeline.forget_expected()
            pending = self._submit(self._request(idx), trusting=True)
            self._move_within_epoch(pending.plan.after)
            batch = self._completed(pending.plan, self._pipeline.result(pending))
            if self._calls_python():
                self._state_after_epoch = np.random.get_state(legacy=True)
            return batch

    def _plan_of_epoch(self, idx: int) -> BatchPlan:
        """Plan a batch of an epoch of `fit`. Runs in a thread of the pipeline."""
        with self.lock:
            plan = self._request(idx).plan()
            self._move_within_epoch(plan.after)
        return plan

    def _move_within_epoch(self, position: StreamPosition) -> None:
        self.total_batches_seen = position.batches_seen
        self.index_array = position.permutation
        if self.seed is None:
            np.random.set_state(position.random_state)
        else:
            # A seeded epoch leaves the user's stream alone until it has ended.
            self._state_after_epoch = position.random_state

    def _make(self, request: BatchRequest) -> Any:
        """Make the batch asked for; the iterator moves on even if it cannot be made."""
        # Done at once, even where this is called while a function is traced or in a graph.
        with eager_mode():
            pending = self._submit(request, trusting=request.idx is None)
            self._move_to(pending.plan.after)
            return self._completed(pending.plan, self._pipeline.result(pending))

    def _submit(self, request: BatchRequest, *, trusting: bool) -> PendingBatch:
        return self._pipeline.submit(request, self._pipeline_inputs(), trusting=trusting)

    def _request(self, idx: int | None = None) -> BatchRequest:
        return BatchRequest(self._recipe(), self._position(), idx)

    def _recipe(self) -> Recipe:
        return Recipe(
            n=self.n,
            batch_size=self.batch_size,
            shuffle=bool(self.shuffle),
            seed=self.seed,
            ranges=ranges_of(self._generator),
            image_size=self.target_size,
        )

    def _position(self) -> StreamPosition:
        return StreamPosition(
            batches_seen=self.total_batches_seen,
            batch_index=self.batch_index,
            permutation=self.index_array,
            random_state=np.random.get_state(legacy=True),
        )

    def _move_to(self, position: StreamPosition) -> None:
        """Leave attributes and NumPy's global stream as Keras leaves them after the batch."""
        self.total_batches_seen = position.batches_seen
        self.batch_index = position.batch_index
        self.index_array = position.permutation
        np.random.set_state(position.random_state)

    def _pipeline_inputs(self) -> PipelineInputs:
        if completed_in_numpy := self._is_completed_in_numpy():
            rendering = rendering_of_transforms(self._generator, self.target_size)
        else:
            rendering = rendering_of(self._generator, self.target_size, self.dtype)
        return PipelineInputs(
            n=self.n,
            filepaths=self.filepaths,
            loading=self._loading(),
            cache=self._cache_or_kept(),
            rendering=rendering,
            batch_size=self._rows(),
            labels=None if completed_in_numpy else self._labels(),
        )

    def _cache_or_kept(self) -> Cache | CacheOfListing:
        """Return `cache`, which a script may have changed, with what is known of the listing."""
        kept = self._kept
        return self.cache if kept is None or kept.cache != self.cache else kept

    def _loading(self) -> Loading:
        return Loading(
            self.target_size, self.color_mode, self.interpolation, self.keep_aspect_ratio
        )

    def _rows(self) -> int:
        return min(self.batch_size, self.n)


def _part_of(subset: str | None, generator: Generator | None) -> tuple[float, float] | None:
    if subset is None or generator is None:
        return part_of_subset(subset, 0.0)
    return part_of_subset(subset, validation_split_of(generator))


def one_class_each(classes: Sequence[Any]) -> NDArray[Any] | None:
    """Return the classes of files as an array; None where some have several."""
    if any(isinstance(each, (list, tuple)) for each in classes):
        return None
    return np.asarray(classes)


def joined(directory: str | os.PathLike[str], filenames: Sequence[str]) -> list[str]:
    """Put the directory before every name; an absolute name stays as it is."""
    return [os.path.join(directory, name) for name in filenames]  # noqa: PTH118 (as Keras)
