"""A dataset from a source of pixels: what all functions of the tf.data API end in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.compose import DRAWS, Composition, compose
from catdog_data.augment.parameters import Parameters
from catdog_data.datasets.balance import Balance, BalancedClasses
from catdog_data.datasets.elements import Element, LabelsOf, Output
from catdog_data.datasets.image_dataset import ImageDataset, Position
from catdog_data.datasets.pixel_types import check_steps
from catdog_data.datasets.plan import CounterPlan
from catdog_data.engine.epochs_in_turn import Turns
from catdog_data.engine.failed_batches import Passes
from catdog_data.engine.late_failures import OnFailure
from catdog_data.engine.own_size import sides_of_fetched
from catdog_data.engine.pipeline import Stages, images_one_by_one, maker_of_batches
from catdog_data.engine.pixel_sources import Pixels, WithMasks
from catdog_data.engine.render import Rendering, Resampling
from catdog_data.engine.several_images import ForEach, Views
from catdog_data.fit.install import let_epochs_follow
from catdog_data.sources.broken_files import BrokenFiles
from catdog_data.system.forks import check_not_forked

_EPOCHS = 2**31
"""More than anybody trains for, and few enough to number their batches."""


@dataclass(frozen=True)
class Source:
    """Where pixels come from.

    Args:
        pixels: N images, in the target's size if there is one.
        n: how many there are.
        dtype: type of their values.
        image_size: (height, width) in pixels; None where each has its own.
        masks: N masks of the same size, of one channel, or None.
        images: how many images each of the N has; more than one are `Samples`.
        white: the value of white; None where values are numbers of any meaning.
    """

    pixels: Pixels
    n: int
    dtype: str
    image_size: tuple[int, int] | None
    masks: Pixels | None = None
    images: int = 1
    white: int | None = 255


@dataclass(frozen=True)
class Epochs:
    """Which images are read when, and what is drawn for each.

    Args:
        batch_size: images per batch, or None for single images.
        shuffle: whether every epoch is shuffled, each differently.
        seed: in [0, 2**63).
        shard: see `CounterPlan`.
        augmentation: what images draw from, or None.
        on_device: whether geometry is left to `catdog_data.layers.AugmentAndRescale`: images are
            then {"images": uint8[B, H, W, C], "tables": int32[B, 2, 2, H + W]}.
        balance: see `catdog_data.datasets.balance`.
        views: how many views each image has, every one of which draws by itself.
        alike: whether the images of a sample draw together.
        drop_remainder: whether a last batch that is short is left out.

    Raises:
        ValueError: something else than an augmentation, or one that the device does not do or that
            single images cannot have; a shard that is none; or no batches to leave one out of.
        RuntimeError: see `check_not_forked`.
    """

    batch_size: int | None
    shuffle: bool
    seed: int
    shard: tuple[int, int]
    augmentation: Augmentation | None
    on_device: bool = False
    balance: Balance = None
    views: int = 1
    alike: bool = True
    drop_remainder: bool = False

    def __post_init__(self) -> None:
        check_not_forked()
        if not isinstance(self.augmentation, (Augmentation, NoneType)):
            raise ValueError(
                "`augmentation` must be an `Augmentation` or None; received "
                f"{self.augmentation!r}. `Augmentation.from_keras` takes over a generator's."
            )
        if not _is_pair_of_integers(self.shard):
            raise ValueError(
                "`shard` must be (i, n), part i of n, two whole numbers; received "
                f"{self.shard!r}. (0, 1) is the whole."
            )
        if self.on_device and not self.composition.runs_on_device:
            raise ValueError(
                '`augment_on="device"` does geometry only; colours change, and images are erased '
                f"and mixed, on the host, or by layers of Keras. Received: {self.augmentation!r}."
            )
        if self.composition.mixes_images and self.batch_size is None:
            raise ValueError(
                "`augmentation` mixes the images of a batch, and `batch_size=None` makes none. "
                "Give a batch size, or neither `mixup` nor `cutmix`. Received: "
                f"{self.augmentation!r}."
            )
        if self.drop_remainder and self.batch_size is None:
            raise ValueError(
                "`drop_remainder=True` leaves out a short batch, and `batch_size=None` makes no "
                "batches. Give a batch size, or drop_remainder=False."
            )

    @functools.cached_property
    def composition(self) -> Composition:
        """The steps of the augmentation; none of them is set where there is no augmentation."""
        return compose(self.augmentation or Augmentation())


def build_dataset(
    source: Source,
    epochs: Epochs,
    output: Output,
    labels_of: LabelsOf | None,
    weights_of: LabelsOf | None = None,
    index_of: LabelsOf | None = None,
    ram_budget: int | None = None,
    class_names: Sequence[str] | None = None,
    file_paths: Sequence[str] = (),
    split: str | None = None,
    on_failure: OnFailure | None = None,
    broken: BrokenFiles | None = None,
    classes: Callable[[], NDArray[Any] | None] = lambda: None,
    names_of_classes: Sequence[str] | None = None,
) -> ImageDataset:
    """Put plan, pixels and rendering together.

    Args:
        source: where pixels come from.
        epochs: which are read when, and what is drawn for each.
        output: what elements look like.
        labels_of: makes the labels of a batch; None for images alone.
        weights_of: makes the weights of its samples, which follow the labels; None for none.
        index_of: makes what `return_index` gives of the index; None for itself.
        ram_budget: see `catdog_data.engine.pipeline.image_batches`.
        class_names: the classes in the order of their labels; None without classes.
        file_paths: the files that are read; empty if images are not files.
        split: the name of the part of a data set that is read; None for all of it.
        on_failure: what is done about images that break later; None to raise.
        broken: what the dataset reports; None for nothing.
        classes: makes the class of each image, or None.
        names_of_classes: whose positions those are; None without.

    Returns:
        The dataset from its first epoch on.
    """
    image_size = source.image_size or (0, 0)
    has_own_sizes = source.image_size is None
    balanced = None
    if epochs.balance is not None:
        balanced = BalancedClasses.of(epochs.balance, classes(), names_of_classes)
    # Single images of their own size are none of a batch, whose images have one.
    batch_size = int(epochs.batch_size or (1 if has_own_sizes else 32))
    if not epochs.drop_remainder:
        # More rows than there are images would be padding alone.
        batch_size = min(batch_size, source.n if balanced is None else len(balanced))
    plan = CounterPlan(
        n=source.n,
        batch_size=batch_size,
        shuffle=epochs.shuffle,
        seed=epochs.seed,
        shard=epochs.shard,
        balanced=balanced,
        drop_remainder=epochs.drop_remainder,
    )
    augmentation = epochs.augmentation or Augmentation()
    composition = epochs.composition
    _check_together(source, epochs, output)
    element = Element(
        output=output,
        image_size=image_size,
        has_masks=source.masks is not None,
        on_device=epochs.on_device,
        steps=composition.steps,
        labels_of=labels_of,
        weights_of=weights_of,
        index_of=index_of,
    )
    pixels, rendering = source.pixels, _rendering(augmentation, composition, source, output)
    if source.masks is not None:
        pixels = WithMasks(pixels, source.masks, augmentation.mask_fill_value)

    if epochs.views > 1:
        pixels = Views(pixels, epochs.views)
    drawn_apart = epochs.views if epochs.alike else source.images

    def parameters_of(index: tf.Tensor, *planned: tf.Tensor) -> ForEach:
        if not draws:
            return Parameters(tf.zeros([plan.batch_size, 0], tf.float64))
        size = planned[drawn_apart:] or image_size
        of_each = [composition.parameters(each, index, size) for each in planned[:drawn_apart]]
        return tuple(of_each) if drawn_apart > 1 else of_each[0]

    draws = composition.geometry.is_set or bool(composition.steps) or epochs.on_device
    if epochs.on_device:
        rendering = Rendering(image_size=image_size, output_dtype="uint8")

    def rows_of(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
        epoch, step = number // plan.steps, number % plan.steps
        item = tf.where(number < 0, tf.constant(-1, tf.int64), plan.items(epoch, step))
        index = plan.image(item)
        if not draws:
            return (index,)
        return index, *(plan.draws(epoch, item, DRAWS, view) for view in range(drawn_apart))

    stages = Stages(
        rows_of,
        parameters_of,
        pixels,
        rendering,
        plan.batch_size,
        element.make,
        ram_budget,
        on_failure,
        all_full=epochs.drop_remainder,
        sides_of=sides_of_fetched if has_own_sizes else None,
    )

    known = {
        "class_names": None if class_names is None else list(class_names),
        "file_paths": list(file_paths),
        "split": split,
        "broken": broken,
        "classes": classes,
        "plan": _described(plan, epochs.balance),
    }
    return _Beginnings(plan, stages, epochs.batch_size is not None, known).resume(0, 0)


@dataclass(frozen=True)
class _Beginnings:
    """Datasets of the same epochs that begin at any batch.

    Args:
        plan: which images are in which batch.
        stages: what is done for each batch.
        batched: whether elements are batches, or else single images.
        known: what the datasets tell about their images, by the arguments of `ImageDataset`.
    """

    plan: CounterPlan
    stages: Stages
    batched: bool
    known: dict[str, Any]

    def resume(self, epoch: int, step: int) -> ImageDataset:
        """See `ImageDataset.resume`."""
        steps = self.plan.steps
        first_batches = _first_batches(_batch_number(steps, "resume", epoch, step), steps)
        # From a later step on, the first pass is shorter than the others.
        return self._dataset(lambda: next(first_batches), whole=step == 0)

    def follow(self, position: Position) -> ImageDataset:
        """See `ImageDataset.follow`."""
        steps = self.plan.steps
        return self._dataset(lambda: _batch_number(steps, "follow", *position()), whole=False)

    def _dataset(self, begin: Callable[[], int], *, whole: bool) -> ImageDataset:
        """Make the dataset whose passes begin where `begin` says; `whole`: see `Passes`."""
        passes = Passes(self.plan.steps, begin, whole)
        known = {**self.known, "resume": self.resume, "follow": self.follow}
        if not self.batched:
            length = self.plan.images if whole else tf.data.UNKNOWN_CARDINALITY
            images = images_one_by_one(passes, self.stages, length)
            return ImageDataset(self._undivided(images), **known)
        let_epochs_follow()
        batches = maker_of_batches(passes, self.stages)
        turns = Turns(passes.steps, lambda was_whole: begin(), lambda first: True, batches)
        made = self._undivided(batches(passes))
        return ImageDataset(made, **known, turns=turns if whole else None)

    def _undivided(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Have `tf.distribute` not divide among its workers what is divided by `shard`."""
        if self.plan.shard[1] == 1:
            return dataset
        options = tf.data.Options()
        off = tf.data.experimental.AutoShardPolicy.OFF
        options.experimental_distribute.auto_shard_policy = off
        return dataset.with_options(options)


def _described(plan: CounterPlan, balance: Balance) -> dict[str, Any]:
    """Describe what the order of images depends on, see `ImageDataset.plan`."""
    return {
        "images": plan.n,
        "places": plan.positions,
        "batch_size": plan.batch_size,
        "seed": plan.seed if plan.shuffle else None,
        "shard": [int(each) for each in plan.shard],
        # Weights of many classes in short: positions are saved often.
        "balance": balance
        if plan.balanced is None or isinstance(balance, str)
        else f"weights {plan.balanced.digest}",
    }


def _check_together(source: Source, epochs: Epochs, output: Output) -> None:
    check_steps(source.white, epochs.composition.steps, epochs.augmentation or Augmentation())
    if epochs.on_device and source.white != 255:
        raise ValueError(
            '`augment_on="device"` sends 8 bits a value, which `pixel_dtype="uint8"` reads; '
            "augment other types on the host."
        )
    if epochs.on_device and (output.rescale is not None or output.dtype not in (None, "uint8")):
        raise ValueError(
            '`augment_on="device"` leaves values to the layer: give `rescale` and `output_dtype` '
            f"to it. Received: rescale={output.rescale!r}, output_dtype={output.dtype!r}."
        )
    if source.masks is not None and (epochs.composition.mixes_images or epochs.on_device):
        augmentation = epochs.augmentation or Augmentation()
        raise ValueError(
            "Masks are moved on the host and cannot be mixed: leave `mixup` and `cutmix` at 0 and "
            f'`augment_on` at "host". Received: {augmentation!r}.'
        )


def _batch_number(steps: int, method: str, epoch: int, step: int) -> int:
    """Number a batch, counted over all epochs of `steps` batches; refuse what is none.

    Args:
        steps: batches in an epoch.
        method: what was called, for errors.
        epoch: counted from 0.
        step: of the epoch.
    """
    are_whole = all(isinstance(each, (int, np.integer)) for each in (epoch, step))
    if not are_whole or not 0 <= epoch < _EPOCHS or not 0 <= step < steps:
        raise ValueError(
            f"`{method}` needs an epoch from 0 and a step in [0, {steps}), whole numbers "
            f"below 2**31; received epoch={epoch!r}, step={step!r}."
        )
    return int(epoch) * steps + int(step)


def _first_batches(number: int, steps: int) -> Iterator[int]:
    """Number the batches that passes begin with, counted over all epochs, from `number` on."""
    while True:
        yield number
        number = (number // steps + 1) * steps


def _rendering(
    augmentation: Augmentation, composition: Composition, source: Source, output: Output
) -> Rendering:
    values_change = augmentation.moves_pixels or composition.steps or output.rescale
    unchanged_dtype = "float32" if values_change else source.dtype
    return Rendering(
        image_size=source.image_size or (0, 0),
        resampling=Resampling.of(augmentation) if composition.geometry.is_set else None,
        steps=composition.steps,
        rescale=output.rescale,
        output_dtype=output.dtype or unchanged_dtype,
        white=source.white or 255,
    )


def _is_pair_of_integers(value: Any) -> bool:
    is_pair = isinstance(value, (tuple, list)) and len(value) == 2
    return is_pair and all(isinstance(each, (int, np.integer)) for each in value)
