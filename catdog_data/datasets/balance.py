"""Balanced classes: how often an epoch reads the images of each class, and which ones.

Each class has a number of places in an epoch. They go on, epoch after epoch, through a cycle of the
images of the class in an order of its own, so that within an epoch, and over all from the first on,
no image of a class is read more than once more than another. Where a cycle ends together with an
epoch, the next is in another order. Nothing is drawn in sequence: which image has a place is a
function of (seed, epoch, place).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.datasets.options import is_whole
from catdog_data.system.messages import some_of

Balance = Literal["oversample", "undersample"] | Mapping[Any, float] | None
"""What the argument `balance` may be."""

_HIGHEST_WEIGHT = 10**6

Keys = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From int64[C] each, classes and their cycles, to the keys uint32[C, 3] of their orders."""

Permuted = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""From keys [B, 3], positions and last positions int64[B], to the positions in another order."""


def check_balance(balance: Any, *, shuffle: bool) -> None:
    """Refuse what `balance` cannot be, whatever the classes are.

    Raises:
        ValueError: another value, or epochs that are not shuffled.

    Example:
        >>> check_balance("evenly", shuffle=True)
        Traceback (most recent call last):
        ValueError: `balance` must be "oversample", "undersample", None, or a dict from the names \
or numbers of classes to weights; received 'evenly'.
    """
    if balance is None:
        return
    is_known = isinstance(balance, str) and balance in ("oversample", "undersample")
    if not is_known and not (isinstance(balance, Mapping) and balance):
        raise ValueError(
            '`balance` must be "oversample", "undersample", None, or a dict from the names or '
            f"numbers of classes to weights; received {balance!r}."
        )
    if isinstance(balance, Mapping):
        for key, weight in balance.items():
            _check_weight(key, weight)
    if not shuffle:
        raise ValueError(
            "`balance` needs `shuffle=True`: without, an epoch would have one class behind the "
            f"other. Received balance={balance!r}, shuffle={shuffle!r}."
        )


def _check_weight(key: Any, weight: Any) -> None:
    if not isinstance(key, str) and not is_whole(key):
        raise ValueError(
            f"`balance` must have names or numbers of classes as keys; received {key!r}."
        )
    is_number = is_whole(weight) or isinstance(weight, (float, np.floating))
    if not is_number or not 0 < weight <= _HIGHEST_WEIGHT:
        raise ValueError(
            f"`balance` must have weights above 0, at most {_HIGHEST_WEIGHT}: how often an epoch "
            f"reads each image of a class; received {weight!r} for {key!r}."
        )


@dataclass(frozen=True, eq=False)
class BalancedClasses:
    """Which image has which place in an epoch.

    Args:
        images: int64[N], the images, class behind class.
        counts: int64[K], how many of them each class has.
        places: int64[K], how many places in an epoch each class has, at least 1.

    Example:
        >>> balanced = BalancedClasses.of("oversample", np.array([0, 1, 0, 0, 1]))
        >>> len(balanced), balanced.counts.tolist(), balanced.places.tolist()
        (6, [3, 2], [3, 3])
    """

    images: NDArray[np.int64]
    counts: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        balance: Balance,
        classes: NDArray[Any] | None,
        class_names: Sequence[str] | None = None,
    ) -> BalancedClasses | None:
        """Give places to the classes.

        Args:
            balance: "oversample": each class as many as the largest has images; "undersample": as
                the smallest. A dict: its weight times its images, to the nearest whole number and
                at least one; of classes that are not in it, as many as images. None for None.
            classes: the class of each of N images; None where they have none.
            class_names: whose positions they are; None without names.

        Raises:
            ValueError: there are no classes, or not those that a dict names.
        """
        if balance is None:
            return None
        if classes is None:
            raise ValueError(
                "`balance` needs labels that are classes, one for each image: names or whole "
                "numbers. Here there are no labels, or they are several to an image, masks or "
                f"values. Received balance={balance!r}."
            )
        numbers, counts = np.unique(np.asarray(classes), return_counts=True)
        if isinstance(balance, Mapping):
            weights = _weights_by_number(balance, numbers.tolist(), class_names)
            exact = counts * [float(weights.get(number, 1)) for number in numbers.tolist()]
            places = np.maximum(np.rint(exact), 1).astype(np.int64)
        else:
            one = counts.max() if balance == "oversample" else counts.min()
            places = np.full(len(counts), one)
        images = np.argsort(classes, kind="stable").astype(np.int64)
        return cls(images, counts.astype(np.int64), places.astype(np.int64))

    def __len__(self) -> int:
        return int(self.places.sum())

    @property
    def digest(self) -> str:
        """Tell these places from others, in 8 letters."""
        return blake2b(self.places.astype("<i8").tobytes(), digest_size=4).hexdigest()

    @property
    def _cycles(self) -> NDArray[np.int64]:
        """After how many epochs one begins where the first did, of each class."""
        return self.counts // np.gcd(self.counts, self.places)

    def items(
        self, epoch: tf.Tensor, place: tf.Tensor, keys: Keys, permuted: Permuted
    ) -> tf.Tensor:
        """Tell which image each place has, and which of its copies.

        Args:
            epoch: int64[].
            place: int64[B], in [0, len(self)).
            keys: makes the key of each class and cycle.
            permuted: permutes [0, last], for each key in another way.

        Returns:
            int64[B], image + N * copy. No two places of an epoch have the same.
        """
        ends = np.cumsum(self.places)
        row = tf.searchsorted(tf.constant(ends), place, side="right", out_type=tf.int64)
        count, first, cycle, step, begin = (
            tf.gather(tf.constant(each), row)
            for each in (
                self.counts,
                np.cumsum(self.counts) - self.counts,
                self._cycles,
                self.places % self.counts,
                ends - self.places,
            )
        )
        # A batch has few classes: a key is made for each, not for each image.
        rows, of_rows = tf.unique(row)
        key = tf.gather(keys(rows, epoch // tf.gather(tf.constant(self._cycles), rows)), of_rows)
        own = place - begin
        position = (epoch % cycle * step + own) % count
        chosen = first + permuted(key, position, count - 1)
        return tf.gather(tf.constant(self.images), chosen) + own // count * len(self.images)


def _weights_by_number(
    balance: Mapping[Any, float], numbers: Sequence[int], class_names: Sequence[str] | None
) -> dict[int, float]:
    names = list(class_names or ())
    weights: dict[int, float] = {}
    for key, weight in balance.items():
        number = names.index(key) if isinstance(key, str) and key in names else key
        if number not in numbers and number not in range(len(names)):
            known = names or [str(each) for each in numbers]
            raise ValueError(f"`balance` names the class {key!r}; there are {some_of(known)}.")
        if number in weights:
            raise ValueError(
                f"`balance` has two weights for one class, by its name and its number {number}."
            )
        weights[int(number)] = weight
    return weights
