"""The iterators that a flow returns: Keras' protocol over plans and the pipeline.

Plans are made ahead of the consumer, on the assumption that it goes on as it began. What the next
batch depends on are public attributes and NumPy's global stream, and a user may change both
between two batches; so `next()` compares them with what was assumed and plans anew if they differ.
"""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.keras_compat.executor import Executor, Lookahead, dataset_of
from catdog_data.plan import BatchPlan, Position, Recipe, batch_at, draw_order
from catdog_data.sources.folders import KERAS_EXTENSIONS, index_class_folders

if TYPE_CHECKING:
    from catdog_data.keras_compat.generator import ImageDataGenerator

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class DirectoryIterator(keras.utils.PyDataset):  # type: ignore[misc]
    """Yield batches of images from one folder per class, as Keras' class of this name does.

    `next()`, iteration and `it[i]` yield NumPy arrays that belong to the caller; `fit`,
    `evaluate` and `predict` read the tf.data pipeline itself and see the batches of `it[0]`,
    `it[1]`, … in this order. Arguments: see `ImageDataGenerator.flow_from_directory`.
    """

    white_list_formats = KERAS_EXTENSIONS
    allowed_class_modes = frozenset(_CLASS_MODES)

    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: ImageDataGenerator,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: str | None = None,
    ) -> None:
        super().__init__()
        self.directory = directory
        self.image_data_generator = image_data_generator
        self.target_size = _checked_size(target_size)
        self.image_shape = (*self.target_size, 3)
        self.color_mode = _only("color_mode", color_mode, "rgb", ("rgba", "grayscale"))
        self.interpolation = _only(
            "interpolation",
            interpolation,
            "nearest",
            ("bilinear", "bicubic", "lanczos", "box", "hamming"),
        )
        self.keep_aspect_ratio = _only("keep_aspect_ratio", keep_aspect_ratio, False, (True,))
        if save_to_dir is not None:
            raise NotImplementedError(f"`save_to_dir` is not built yet; received {save_to_dir!r}.")
        self.save_to_dir, self.save_prefix, self.save_format = None, save_prefix, save_format
        if class_mode not in _CLASS_MODES:
            raise ValueError(
                f"Invalid class_mode: {class_mode!r}; expected one of: "
                f"{', '.join(map(repr, _CLASS_MODES))}."
            )
        self.class_mode = class_mode
        self.data_format = data_format or keras.config.image_data_format()
        self.dtype = dtype or keras.config.floatx()
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1; received {batch_size!r}.")
        self.subset = subset
        self.split = _split_of(subset, image_data_generator._validation_split)

        index = index_class_folders(directory, classes, follow_links=follow_links)
        if self.split is not None:
            index = index.class_fraction(*self.split)
        if not len(index):
            raise ValueError(
                f"subset={subset!r} of {os.fspath(directory)!r} holds no image: its classes are "
                f"too small for validation_split={image_data_generator._validation_split}."
            )
        self.num_classes = index.num_classes
        self.class_indices = {name: i for i, name in enumerate(index.class_names)}
        self.filenames = list(index.filenames)
        self.classes = np.array(index.labels)
        self.samples = len(index)
        self._filepaths = [str(Path(index.root) / name) for name in index.filenames]
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")

        self.n = self.samples
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = _checked_seed(seed)
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: NDArray[np.int64] | None = None
        self.lock = threading.RLock()
        self._executor: Executor | None = None
        self._lookahead: Lookahead | None = None
        # NumPy's global state as an epoch of `fit` leaves it; set when the epoch ends.
        self._state_after_epoch: Any = None
        _let_fit_read_the_pipeline()

    @property
    def filepaths(self) -> list[str]:
        """The N files, in the order of `filenames`."""
        return self._filepaths

    @property
    def labels(self) -> NDArray[np.int32]:
        """int32[N], the class of each file."""
        return self.classes

    @property
    def sample_weight(self) -> None:
        """Files of a directory have no weights."""
        return

    def __len__(self) -> int:
        return self._recipe().batches_per_epoch

    def __iter__(self) -> DirectoryIterator:
        return self

    def __next__(self) -> Any:
        with self.lock:
            executor, recipe, position = self._current_executor(), self._recipe(), self._position()
            if self._lookahead is None or not self._lookahead.continues(executor, recipe, position):
                self._lookahead = None
                self._lookahead = Lookahead(executor, recipe, position)
            try:
                return self._lookahead.take()
            finally:
                self._move_to(self._lookahead.position)

    def next(self) -> Any:
        """Return the next batch, as old scripts ask for it."""
        return next(self)

    def __getitem__(self, idx: int) -> Any:
        if not 0 <= idx < len(self):
            raise ValueError(
                f"Asked to retrieve element {idx}, but the Sequence has length {len(self)}"
            )
        with self.lock:
            plan = batch_at(self._recipe(), self._position(), idx)
            self._move_to(plan.after)
            return self._current_executor().run_one(plan)

    def reset(self) -> None:
        """Go back to the first batch of an epoch; the next one draws a new order."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Draw the next order from NumPy's global stream, for reading by index."""
        with self.lock:
            if self._state_after_epoch is not None:
                np.random.set_state(self._state_after_epoch)
                self._state_after_epoch = None
            self.index_array = draw_order(np.random.mtrand._rand, self._recipe())

    def epoch_dataset(self) -> tf.data.Dataset:
        """Make the dataset that `fit` reads: every pass is the batches `it[0]`, `it[1]`, ….

        Returns:
            Elements as `next()` yields them, as tensors; cardinality is `len(it)`.
        """
        this = weakref.ref(self)

        def plans() -> Iterable[BatchPlan]:
            iterator = this()
            return iterator._plan_epoch() if iterator is not None else ()

        dataset = dataset_of(
            plans, self.filepaths, self._rendering(), self._rows(), self._finisher()
        )
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self)))

    def skip_items(self, count: int) -> None:
        """Move on as if batches 0 to `count - 1` had been asked for, without reading them."""
        for idx in range(count):
            with self.lock:
                self._move_to(batch_at(self._recipe(), self._position(), idx).after)

    def _plan_epoch(self) -> Iterable[BatchPlan]:
        """Plan `it[0]`, `it[1]`, … as they are asked for. Runs in a thread of the pipeline."""
        for idx in range(len(self)):
            with self.lock:
                plan = batch_at(self._recipe(), self._position(), idx)
                self.total_batches_seen = plan.after.batches_seen
                self.index_array = plan.after.order
                if self.seed is None:
                    np.random.set_state(plan.after.random_state)
                else:
                    # A seeded epoch leaves the user's stream alone until it has ended.
                    self._state_after_epoch = plan.after.random_state
            yield plan

    def _recipe(self) -> Recipe:
        return Recipe(
            n=self.n,
            batch_size=self.batch_size,
            shuffle=bool(self.shuffle),
            seed=self.seed,
            ranges=self.image_data_generator._ranges(),
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

    def _rendering(self) -> Any:
        return self.image_data_generator._rendering(self.target_size, self.dtype)

    def _rows(self) -> int:
        return min(self.batch_size, self.n)

    def _current_executor(self) -> Executor:
        rendering = self._rendering()
        if self._executor is None or not self._executor.serves(rendering, self._rows()):
            self._executor = Executor(self.filepaths, rendering, self._rows(), self._finisher())
        return self._executor

    def _finisher(self) -> Callable[[tf.Tensor, tf.Tensor], Any]:
        """Make the function that puts labels beside the images of a batch."""
        if self.class_mode is None:
            return lambda index, images: images
        if self.class_mode == "input":
            # A copy of its own, since a user may write into either.
            return lambda index, images: (images, tf.raw_ops.DeepCopy(x=images))
        labels: NDArray[Any] = np.asarray(self.classes)
        if self.class_mode == "categorical":
            labels = np.eye(self.num_classes)[labels]
        table = tf.constant(labels, dtype=self.dtype)
        return lambda index, images: (images, tf.gather(table, index))


def _let_fit_read_the_pipeline() -> None:
    try:
        from catdog_data.keras_compat.fit_adapter import install_fit_adapter
    except ImportError as error:
        warnings.warn(
            "This Keras is built differently from those known, so `fit` reads the iterator "
            f"through Keras' own adapter: the same batches, slower. ({error})",
            RuntimeWarning,
            stacklevel=2,
        )
    else:
        install_fit_adapter()


def _only(argument: str, value: Any, built: Any, known: tuple[Any, ...]) -> Any:
    if value == built:
        return value
    if value in known:
        raise NotImplementedError(f"`{argument}={value!r}` is not built yet; {built!r} is.")
    raise ValueError(
        f"`{argument}` must be one of {', '.join(map(repr, (built, *known)))}; received {value!r}."
    )


def _checked_size(target_size: Sequence[int]) -> tuple[int, int]:
    size = tuple(target_size) if hasattr(target_size, "__len__") else ()
    if len(size) != 2 or any(int(side) != side or side < 1 for side in size):
        raise ValueError(
            "`target_size` must be (height, width) in whole pixels, each at least 1; "
            f"received {target_size!r}."
        )
    return int(size[0]), int(size[1])


def _checked_seed(seed: int | None) -> int | None:
    if seed is not None and not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be None or in [0, 2**32); received {seed!r}.")
    return seed


def _split_of(subset: str | None, validation_split: float) -> tuple[float, float] | None:
    if subset is None:
        return None
    if subset == "validation":
        return 0, validation_split
    if subset == "training":
        return validation_split, 1
    raise ValueError(f'Invalid subset name: {subset!r}; expected "training" or "validation".')
