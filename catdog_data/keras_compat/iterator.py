"""What all iterators of this package share: Keras' protocol, one batch after the other.

Permutations and draws are those of Keras' `Iterator`. Pixels are the work of
`_get_batches_of_transformed_samples`, which a subclass defines.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator as IteratorOf
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.engine.epochs_in_turn import Turns
from catdog_data.engine.passes import ended_at_exit
from catdog_data.fit.install import let_epochs_follow
from catdog_data.keras_compat.options import check_batch_size_and_seed
from catdog_data.keras_compat.steps import dataset_of_steps
from catdog_data.sources.class_weights import weights_of_classes
from catdog_data.sources.keras_folders import KERAS_EXTENSIONS
from catdog_data.system.forks import check_not_forked


class SlowPathWarning(UserWarning):
    """Something is done image by image and not in the native pipeline; the message names it."""


class Iterator(keras.utils.PyDataset):  # type: ignore[misc]
    """Yield batches of samples by index, endlessly with `next()` or by `it[i]`.

    Args:
        n: how many samples there are.
        batch_size: samples per batch, at least 1; the last of an epoch may be smaller.
        shuffle: whether every epoch has an order of its own.
        seed: batch k is drawn from `np.random.seed(seed + k)`; None goes on in NumPy's global
            stream.
        **kwargs: see `keras.utils.PyDataset`.

    Raises:
        ValueError: a `batch_size` below 1, or a `seed` that NumPy does not take.
    """

    white_list_formats: tuple[str, ...] = KERAS_EXTENSIONS
    _has_begun = True  # of iterators pickled without it

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_batch_size_and_seed(batch_size, seed)
        self.n = n
        self.batch_size = int(batch_size)
        self.seed = seed
        self.shuffle = shuffle
        self.batch_index = 0
        self.total_batches_seen = 0
        self.index_array: NDArray[np.int64] | None = None
        self.lock = threading.RLock()
        self._index_generator: IteratorOf[NDArray[np.int64]] | None = None
        self._has_begun = False
        self._said_why_slow = False
        _let_fit_read_the_pipeline()

    @property
    def index_generator(self) -> IteratorOf[NDArray[np.int64]]:
        """The indices of the batches to come; taking one moves the iterator on."""
        if self._index_generator is None:
            self._index_generator = self._flow_index()
        return self._index_generator

    @index_generator.setter
    def index_generator(self, generator: IteratorOf[NDArray[np.int64]]) -> None:
        self._index_generator = generator

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        check_not_forked()
        # Pixels are worked on under the lock too, so that draws of two threads never mix.
        with self.lock:
            return self._get_batches_of_transformed_samples(next(self.index_generator))

    def next(self) -> Any:
        """Return the next batch, as old scripts ask for it."""
        return next(self)

    def __getitem__(self, idx: int) -> Any:
        check_not_forked()
        if not 0 <= idx < len(self):
            raise ValueError(
                f"Asked to retrieve element {idx}, but the Sequence has length {len(self)}"
            )
        with self.lock:
            self._seed_batch()
            self.total_batches_seen += 1
            if self.index_array is None:
                self._set_index_array()
            permutation: Any = self.index_array
            chosen = permutation[self.batch_size * idx : self.batch_size * (idx + 1)]
            return self._get_batches_of_transformed_samples(chosen)

    def class_weights(self) -> dict[int, float]:
        """Weigh classes so that all images of one count as much as those of any other.

        Returns:
            For each of the K classes that occur among the N images, N / (K * its images), as
            scikit-learn's "balanced": what `fit(class_weight=...)` takes.

        Raises:
            ValueError: images have no classes, or several each.

        Example:
            >>> from catdog_data import ImageDataGenerator
            >>> images, labels = np.zeros((5, 8, 8, 3)), np.array([0, 1, 1, 1, 1])
            >>> ImageDataGenerator().flow(images, labels).class_weights()
            {0: 2.5, 1: 0.625}
        """
        return weights_of_classes(self._class_of_each())

    def reset(self) -> None:
        """Go back to the first batch of an epoch; the next one draws a new permutation."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Draw the next permutation from NumPy's global stream, for reading by index."""
        with self.lock:
            self._set_index_array()

    def epoch_dataset(self) -> tf.data.Dataset:
        """Make the dataset that `fit` reads: every pass is the batches `it[0]`, `it[1]`, ….

        Two batches are asked for at once, as Keras does to learn their types.

        Returns:
            Elements as `it[i]` yields them, tuples in place of lists; cardinality is `len(it)`.

        Raises:
            ValueError: there are no samples.
        """
        check_not_forked()
        if not len(self):
            raise ValueError("There is nothing to read: the iterator holds no samples.")
        first = [self._element_of(self[idx]) for idx in range(min(2, len(self)))]
        signature = tf.nest.map_structure(_spec_of, *first)

        def element(idx: int) -> Any:
            return self._element_of(self._batch_of_epoch(idx))

        return ended_at_exit(dataset_of_steps(element, len(self), signature).prefetch(2))

    def epochs_of_fit(self) -> tuple[tf.data.Dataset, Turns | None]:
        """Make `epoch_dataset`, and say how its epochs are taken in turn; None where they are not.

        For one reader at a time.
        """
        return self.epoch_dataset(), None

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_index_generator": None}
        del state["lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = threading.RLock()
        _let_fit_read_the_pipeline()

    def _batch_of_epoch(self, idx: int) -> Any:
        """Make a batch for `fit`; it is asked for 0, 1, … in order, in a thread."""
        return self[idx]

    def _element_of(self, batch: Any) -> Any:
        """Make the element of a dataset from what `it[i]` yields."""
        return with_tuples(batch)

    def _class_of_each(self) -> NDArray[Any] | None:
        """Return the class of each sample; None where each has none, or several."""
        return None

    def _seed_batch(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)

    def _set_index_array(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _begin(self) -> None:
        """Begin with an epoch, as Keras does whatever `batch_index` was set to before."""
        if not self._has_begun:
            self._has_begun = True
            self.reset()

    def _flow_index(self) -> IteratorOf[NDArray[np.int64]]:
        self._begin()
        while True:
            self._seed_batch()
            if self.batch_index == 0 or self.index_array is None:
                self._set_index_array()
            permutation: Any = self.index_array
            first = self.batch_index * self.batch_size % self.n if self.n else 0
            is_last = first + self.batch_size >= self.n
            self.batch_index = 0 if is_last else self.batch_index + 1
            self.total_batches_seen += 1
            yield permutation[first : first + self.batch_size]

    def _get_batches_of_transformed_samples(self, index_array: NDArray[np.int64]) -> Any:
        """Make the batch of these samples."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `_get_batches_of_transformed_samples`."
        )

    def _warn_of_slow_path(self, reason: str) -> None:
        self._warn_once(
            f"{type(self).__name__} works on images one by one, not in the native pipeline: "
            f"{reason}. The numbers are the same."
        )

    def _warn_of_python(self, function: str) -> None:
        self._warn_once(
            f"{type(self).__name__} calls {function} from Python for one image after the other. "
            "One that uses TensorFlow's operations only can be marked with "
            "`catdog_data.keras_compat.traceable` to run in the pipeline."
        )

    def _warn_once(self, message: str) -> None:
        if not self._said_why_slow:
            self._said_why_slow = True
            warnings.warn(message, SlowPathWarning, stacklevel=5)


def print_or_log(message: str) -> None:
    """Print, or log where Keras' interactive logging is switched off."""
    if keras.config.is_interactive_logging_enabled():
        print(message)
    else:
        logging.getLogger(__name__).info(message)


def with_tuples(batch: Any) -> Any:
    """Exchange lists for tuples: Keras and tf.data take a list for one tensor."""
    if isinstance(batch, (list, tuple)):
        return tuple(with_tuples(each) for each in batch)
    return batch


def _spec_of(*arrays: Any) -> tf.TensorSpec:
    """Describe the arrays that one part of a batch may be; sizes that vary are left open."""
    shapes = [np.shape(array) for array in arrays]
    fixed = [size[0] if len(set(size)) == 1 else None for size in zip(*shapes, strict=True)]
    return tf.TensorSpec([None, *fixed[1:]], tf.convert_to_tensor(arrays[0]).dtype)


def _let_fit_read_the_pipeline() -> None:
    let_epochs_follow()
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
