"""What each batch is, drawn before any pixel is read: ImageDataGenerator's stream, draw for draw.

IDG draws from NumPy's global legacy generator. Before batch k, counted over all epochs, it seeds
it with `seed + k`; at the first batch of an epoch it draws the permutation; then every image draws
its parameters in turn. Here the same is done on a private `RandomState`. The plan of a batch holds
the state in which Keras would leave the global one, so that the caller can set it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.keras_compat.planning.transform_ranges import TransformRanges, Transforms

RandomState = Any
"""What `np.random.get_state()` returns: a tuple whose second entry is uint32[624]."""


@dataclass(frozen=True)
class Recipe:
    """What a plan depends on besides its position.

    Args:
        n: how many images there are.
        batch_size: images per batch, at least 1; the last of an epoch may be smaller.
        shuffle: whether every epoch has an order of its own.
        seed: seeds each batch with `seed + k`, or None to go on in the given stream.
        ranges: what is drawn for each image.
        image_size: (height, width) in pixels.
    """

    n: int
    batch_size: int
    shuffle: bool
    seed: int | None
    ranges: TransformRanges
    image_size: tuple[int, int]

    @property
    def batches_per_epoch(self) -> int:
        """How many batches an epoch has, the smaller last one included."""
        return -(-self.n // self.batch_size)


@dataclass(frozen=True, eq=False)
class StreamPosition:
    """Where in the stream of batches a plan begins or ends.

    Args:
        batches_seen: batches drawn so far, over all epochs.
        batch_index: the next batch within its epoch.
        permutation: int64[N], the epoch's order of images; None before the first epoch.
        random_state: of the generator of draws; used only without a seed.
    """

    batches_seen: int
    batch_index: int
    permutation: NDArray[np.int64] | None
    random_state: RandomState

    def leads_to_the_same_as(self, other: StreamPosition, recipe: Recipe) -> bool:
        """Tell whether the next batch from either position is the same."""
        return (
            self.batches_seen == other.batches_seen
            and self.batch_index == other.batch_index
            and self.permutation is other.permutation
            and (recipe.seed is not None or _same_state(self.random_state, other.random_state))
        )


@dataclass(frozen=True, eq=False)
class BatchPlan:
    """One batch: its images and what is drawn for each.

    Args:
        index: int64[B], which images.
        before: the generator's state when the first image draws.
        transforms: B rows.
        after: the position behind the batch.
    """

    index: NDArray[np.int64]
    before: RandomState
    transforms: Transforms
    after: StreamPosition

    def makes_the_same_as(self, other: BatchPlan) -> bool:
        """Tell whether both make the same batch, whatever their positions are."""
        mine, others = ([plan.index, *plan.transforms.columns()] for plan in (self, other))
        return all(map(np.array_equal, mine, others))


@dataclass(frozen=True, eq=False)
class BatchRequest:
    """A batch that is asked for.

    Args:
        recipe: what is drawn.
        position: where it begins.
        idx: which batch of the epoch, as `iterator[idx]`, or None for `next(iterator)`.
    """

    recipe: Recipe
    position: StreamPosition
    idx: int | None = None

    def plan(self) -> BatchPlan:
        """Plan the batch."""
        if self.idx is None:
            return next_batch(self.recipe, self.position)
        return batch_at(self.recipe, self.position, self.idx)

    def following(self, plan: BatchPlan) -> BatchRequest | None:
        """Return the next request of a caller who goes on as before; None behind the last index.

        Args:
            plan: that of this batch.
        """
        if self.idx is None:
            return replace(self, position=plan.after)
        if self.idx + 1 >= self.recipe.batches_per_epoch:
            return None
        return replace(self, position=plan.after, idx=self.idx + 1)

    def leads_to_the_same_as(self, other: BatchRequest) -> bool:
        """Tell whether both have the same plan, as far as can be seen without planning."""
        return (
            self.idx == other.idx
            and self.recipe == other.recipe
            and self.position.leads_to_the_same_as(other.position, self.recipe)
        )


def next_batch(recipe: Recipe, position: StreamPosition) -> BatchPlan:
    """Plan the batch that `next(iterator)` yields at this position.

    Args:
        recipe: what is drawn.
        position: where the batch begins.

    Returns:
        The batch and the position after it.
    """
    random = _random_at(recipe, position)
    permutation = position.permutation
    if position.batch_index == 0 or permutation is None:
        permutation = draw_permutation(random, recipe)
    first = position.batch_index * recipe.batch_size % recipe.n
    is_last = first + recipe.batch_size >= recipe.n
    index = permutation[first : first + recipe.batch_size]
    following = 0 if is_last else position.batch_index + 1
    behind = replace(position, batch_index=following, permutation=permutation)
    return _drawn(recipe, random, index, behind)


def batch_at(recipe: Recipe, position: StreamPosition, idx: int) -> BatchPlan:
    """Plan the batch that `iterator[idx]` yields at this position.

    Unlike `next_batch` it draws a permutation only if there is none yet, and leaves `batch_index`
    as it is.

    Args:
        recipe: what is drawn.
        position: where the batch begins.
        idx: which batch of the epoch, in [0, batches_per_epoch).

    Returns:
        The batch and the position after it.
    """
    random = _random_at(recipe, position)
    permutation = position.permutation
    if permutation is None:
        permutation = draw_permutation(random, recipe)
    index = permutation[recipe.batch_size * idx : recipe.batch_size * (idx + 1)]
    return _drawn(recipe, random, index, replace(position, permutation=permutation))


def draw_permutation(random: np.random.RandomState, recipe: Recipe) -> NDArray[np.int64]:
    """Draw the permutation of an epoch, or count up where nothing is shuffled: int64[N]."""
    return random.permutation(recipe.n) if recipe.shuffle else np.arange(recipe.n)


def _drawn(
    recipe: Recipe,
    random: np.random.RandomState,
    index: NDArray[np.int64],
    behind: StreamPosition,
) -> BatchPlan:
    """Draw the transforms of a batch; `behind` is the position after it but for the draws."""
    before = random.get_state(legacy=True)
    transforms = recipe.ranges.draw(random, len(index), recipe.image_size)
    state = random.get_state(legacy=True)
    after = replace(behind, batches_seen=behind.batches_seen + 1, random_state=state)
    return BatchPlan(index, before, transforms, after)


def _random_at(recipe: Recipe, position: StreamPosition) -> np.random.RandomState:
    if recipe.seed is not None:
        return np.random.RandomState(recipe.seed + position.batches_seen)
    random = np.random.RandomState()
    random.set_state(position.random_state)
    return random


def _same_state(a: RandomState, b: RandomState) -> bool:
    return bool(a[2:] == b[2:]) and np.array_equal(a[1], b[1])
