"""`ImageDataset`: a `tf.data.Dataset` that knows its classes and files, and begins anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.engine.epochs_in_turn import DatasetInTurn, Turns
from catdog_data.engine.mapping import is_function_of_element, mapped_again
from catdog_data.sources.broken_files import BrokenFile, BrokenFiles
from catdog_data.sources.class_weights import weights_of_classes

Resume = Callable[[int, int], "ImageDataset"]
"""From (epoch, step) to the dataset that begins there."""

Position = Callable[[], tuple[int, int]]
"""Asked for (epoch, step) whenever a pass begins."""


def _keeping(name: str, *, positions: bool) -> Any:
    """Make the method that applies an operation and keeps what is known about the images.

    Args:
        name: of a method of `tf.data.Dataset`.
        positions: whether an element of the result is an element of the dataset, at the same
            position, so that the result can begin wherever the dataset can.
    """
    operation = getattr(tf.data.Dataset, name)

    @wraps(operation)
    def apply(self: ImageDataset, *args: Any, **options: Any) -> ImageDataset:
        def resume(epoch: int, step: int) -> ImageDataset:
            return apply(self.resume(epoch, step), *args, **options)

        def follow(position: Position) -> ImageDataset:
            return apply(self.follow(position), *args, **options)

        can_begin = positions and self._resume is not None
        result = operation(self, *args, **options)
        turns = self._turns if positions else None
        if turns is not None and name != "map":
            turns = turns.then(lambda each: operation(each, *args, **options))
        elif turns is not None:
            # What a function with state makes of the next epoch may be another before it begins.
            again = turns.then(lambda each: mapped_again(each, result))
            turns = again if is_function_of_element(result) else None
        return ImageDataset(
            result,
            class_names=self.class_names,
            file_paths=self.file_paths,
            split=self.split,
            broken=self._broken,
            classes=self._classes,
            plan=self.plan,
            resume=resume if can_begin else None,
            follow=follow if can_begin else None,
            turns=turns,
        )

    return apply


class ImageDataset(DatasetInTurn):
    """A `tf.data.Dataset` of images, every pass over which is an epoch.

    `image_dataset_from_directory` and its siblings make it. It does all that a `tf.data.Dataset`
    does, at the same cost. `map`, `prefetch` and `with_options` return an `ImageDataset` like this
    one; `take`, `skip`, `cache`, `ignore_errors`, `batch`, `unbatch`, `repeat`, `shuffle` and
    `filter` one that cannot `resume`; all other operations return a plain `tf.data.Dataset`.

    Attributes:
        class_names: the classes in the order of their labels; None without classes.
        file_paths: the files that are read, which `return_index` counts; empty if they are no
            files.
        split: which part of a data set this is: the `subset` of a directory or a data frame, the
            `split` of TensorFlow Datasets; None for all of it.
        plan: what the order of images within an epoch depends on, beside the images themselves:
            how many "images" there are and "places" for them in an epoch of all readers,
            "batch_size", "seed" (None without a shuffle), "shard" and "balance"; in JSON's types.

    Example:
        >>> import tempfile, catdog_data
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pets = catdog_data.generate_sample_set(
        ...         f"{root}/pets", train_per_class=4, image_size=(48, 64), progress=False
        ...     )
        ...     train = catdog_data.image_dataset_from_directory(
        ...         pets.train, batch_size=4, image_size=32, seed=1, verbose=False
        ...     )
        >>> train.class_names, len(train.file_paths), len(train)
        (['cats', 'dogs'], 8, 2)
        >>> isinstance(train, tf.data.Dataset)
        True
        >>> one_hot = train.map(lambda images, labels: (images, tf.one_hot(labels, 2)))
        >>> one_hot.class_names
        ['cats', 'dogs']
        >>> one_hot.resume(epoch=3, step=1).element_spec[1]
        TensorSpec(shape=(None, 2), dtype=tf.float32, name=None)
    """

    def __init__(
        self,
        dataset: tf.data.Dataset,
        *,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
        split: str | None = None,
        broken: BrokenFiles | None = None,
        classes: Callable[[], NDArray[Any] | None] = lambda: None,
        plan: Mapping[str, Any] | None = None,
        resume: Resume | None = None,
        follow: Callable[[Position], ImageDataset] | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.class_names = class_names
        self.file_paths = file_paths or []
        self.split = split
        self.plan = {} if plan is None else dict(plan)
        self._broken = broken or BrokenFiles()
        self._classes = classes
        self._resume = resume
        self._follow = follow
        super().__init__(dataset, turns)

    def __repr__(self) -> str:
        number, readers = self.plan.get("shard", (0, 1))
        shard = f"shard=({number}, {readers}), " if readers > 1 else ""
        return f"<ImageDataset {shard}element_spec={self.element_spec}>"

    def report(self) -> tuple[BrokenFile, ...]:
        """List the files that cannot be read, where `on_error` is "skip" or "replace".

        Returns:
            Those that were found when the dataset was made, and behind them those that broke later,
            each with the reason and what was done about it.
        """
        return self._broken.all()

    def class_weights(self) -> dict[int, float]:
        """Weigh classes so that all images of one count as much as those of any other.

        Returns:
            For each of the K classes that occur, N / (K * its images), as scikit-learn's
            "balanced": what `fit(class_weight=...)` takes. The N images are those of this part of
            the data set, each counted once, whatever `balance` makes of an epoch, and those of all
            readers where `shard` divides them.

        Raises:
            ValueError: images have no classes, or several each.

        Example:
            >>> import catdog_data
            >>> images, labels = [tf.zeros([8, 8, 3]).numpy()] * 5, [0, 1, 1, 1, 1]
            >>> dataset = catdog_data.image_dataset_from_arrays(images, labels)
            >>> dataset.class_weights()
            {0: 2.5, 1: 0.625}
        """
        return weights_of_classes(self._classes())

    def resume(self, epoch: int, step: int) -> ImageDataset:
        """Make the dataset that begins at a step of an epoch, without reading what is before.

        Args:
            epoch: counted from 0.
            step: batches of the epoch that are left out, below their number. With
                `batch_size=None` they count in groups of 32 images.

        Returns:
            The dataset; its first pass is the rest of the epoch, and the others are whole epochs.

        Raises:
            ValueError: there is no such step, or this dataset was made by an operation that
                changes which elements an epoch has.
        """
        if self._resume is None:
            raise ValueError(_cannot_begin("resume", "dataset.resume(epoch, step).take(count)"))
        return self._resume(epoch, step)

    def follow(self, position: Position) -> ImageDataset:
        """Make a dataset that asks where to begin whenever a pass begins.

        Args:
            position: returns (epoch, step), see `resume`; the pass ends with the epoch.

        Returns:
            The dataset, of unknown cardinality. A pass with an error in `position` raises it.

        Raises:
            ValueError: see `resume`.
        """
        if self._follow is None:
            raise ValueError(_cannot_begin("follow", "dataset.follow(position).take(count)"))
        return self._follow(position)

    if TYPE_CHECKING:

        def map(
            self,
            map_func: Callable[..., Any],
            num_parallel_calls: int | None = None,
            deterministic: bool | None = None,
            **options: Any,
        ) -> ImageDataset:
            """Apply a function to every element."""

        def prefetch(self, buffer_size: int | None, name: str | None = None) -> ImageDataset:
            """Prepare elements ahead; datasets of this package do so already."""

        def with_options(self, options: tf.data.Options, name: str | None = None) -> ImageDataset:
            """Set options of `tf.data`."""

        def take(self, count: int, name: str | None = None) -> ImageDataset:
            """Keep the first elements of every pass."""

        def skip(self, count: int, name: str | None = None) -> ImageDataset:
            """Leave out the first elements of every pass; `resume` does so without reading them."""

        def cache(self, filename: str = "", name: str | None = None) -> ImageDataset:
            """Repeat the elements of the first pass; the argument `cache` keeps images instead."""

        def ignore_errors(self, log_warning: bool = False, name: str | None = None) -> ImageDataset:
            """Leave out elements that raise."""

        def batch(
            self,
            batch_size: int,
            drop_remainder: bool = False,
            num_parallel_calls: int | None = None,
            deterministic: bool | None = None,
            name: str | None = None,
        ) -> ImageDataset:
            """Put elements together, in a new first axis."""

        def unbatch(self, name: str | None = None) -> ImageDataset:
            """Take elements apart along their first axis."""

        def repeat(self, count: int | None = None, name: str | None = None) -> ImageDataset:
            """Pass several times, or without end, as one pass."""

        def shuffle(
            self,
            buffer_size: int,
            seed: int | None = None,
            reshuffle_each_iteration: bool | None = None,
            name: str | None = None,
        ) -> ImageDataset:
            """Shuffle elements in a buffer; the argument `shuffle` shuffles all images."""

        def filter(self, predicate: Callable[..., Any], name: str | None = None) -> ImageDataset:
            """Keep the elements for which a function returns true."""

        def apply(
            self, transformation_func: Callable[[tf.data.Dataset], tf.data.Dataset]
        ) -> tf.data.Dataset:
            """Call a function of a dataset."""

        def cardinality(self) -> tf.Tensor:
            """Count the elements of a pass, int64[]; `tf.data.UNKNOWN_CARDINALITY` is -2."""

        def options(self) -> tf.data.Options:
            """Return the options that are set."""

        def as_numpy_iterator(self) -> Iterator[Any]:
            """Begin a pass whose elements are NumPy arrays."""

        def __iter__(self) -> Iterator[Any]: ...

        def __len__(self) -> int: ...

    else:
        map = _keeping("map", positions=True)
        prefetch = _keeping("prefetch", positions=True)
        with_options = _keeping("with_options", positions=True)
        take = _keeping("take", positions=False)
        skip = _keeping("skip", positions=False)
        cache = _keeping("cache", positions=False)
        ignore_errors = _keeping("ignore_errors", positions=False)
        batch = _keeping("batch", positions=False)
        unbatch = _keeping("unbatch", positions=False)
        repeat = _keeping("repeat", positions=False)
        shuffle = _keeping("shuffle", positions=False)
        filter = _keeping("filter", positions=False)


def _cannot_begin(name: str, instead: str) -> str:
    return (
        f"`{name}` needs a dataset whose passes are epochs; this one was made by an operation that "
        f"changes which elements a pass has. Call `{name}` first, as in `{instead}`."
    )
