"""The batches of the epochs of `fit`, planned in turn: those of the next epoch before it begins.

An epoch begins with what attributes and NumPy's stream are then, and until then a script may
change both. So the next epoch is planned from where this one leads to, on the side, and counts only
if it begins there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from catdog_data.keras_compat.planning.batch_plan import (
    BatchPlan,
    BatchRequest,
    StreamPosition,
    draw_permutation,
)


@dataclass
class _Ahead:
    """An epoch that has not begun: the request it is expected to begin with, and its plans."""

    begin: BatchRequest
    plans: list[BatchPlan]

    def following(self) -> BatchRequest:
        """Make the request for the batch behind the plans."""
        before = self.plans[-1].after if self.plans else self.begin.position
        return replace(self.begin, position=before, idx=len(self.plans))


class EpochsAhead:
    """Plans the batches of one epoch after the other, which have ever higher numbers.

    Args:
        request: makes the request for a batch of the epoch, from the attributes and the stream.
        move: sets attributes and the stream to a position within an epoch.
        lock: held by whoever reads or changes attributes.
    """

    def __init__(
        self,
        request: Callable[[int], BatchRequest],
        move: Callable[[StreamPosition], None],
        lock: AbstractContextManager[Any],
    ) -> None:
        self._request, self._move, self._lock = request, move, lock
        self._epoch = -1
        self._following: BatchRequest | None = None
        self._ahead: dict[int, _Ahead] = {}

    def begin(self, was_whole: bool) -> int:
        """Begin an epoch.

        Args:
            was_whole: whether the one before was taken to its end.

        Returns:
            Its number: that of the epoch before plus one unless batches that were planned by this
            number are wrong; else one that nothing was planned by.
        """
        with self._lock:
            ahead = self._ahead.pop(self._epoch + 1, None)
            self._following = None
            # It may begin before anything of it is planned.
            if was_whole and (ahead is None or self._begins_as(ahead)):
                self._epoch += 1
            else:
                self._epoch = max([self._epoch, *self._ahead]) + 2
                self._ahead.clear()
            return self._epoch

    def is_expected(self, epoch: int) -> bool:
        """Expect an epoch to begin where the one before it leads to.

        Args:
            epoch: the next of those that have begun or are expected.

        Returns:
            Whether the one before is planned to its end.
        """
        with self._lock:
            end = self._following if epoch == self._epoch + 1 else None
            if (before := self._ahead.get(epoch - 1)) is not None:
                end = before.following()
            if end is None or end.idx != end.recipe.batches_per_epoch:
                return False
            self._ahead[epoch] = _Ahead(_next_epoch(end), [])
            return True

    def plan(self, epoch: int, idx: int) -> BatchPlan | None:
        """Plan a batch, after those before it; None where the epoch is over or was not to be.

        Args:
            epoch: as `begin` returned it, or one that is expected.
            idx: which batch of the epoch.
        """
        with self._lock:
            if epoch == self._epoch:
                request = self._request(idx)
                plan = request.plan()
                self._move(plan.after)
                self._following = replace(request, position=plan.after, idx=idx + 1)
                return plan
            ahead = self._ahead.get(epoch)
            if ahead is None or len(ahead.plans) != idx:
                return None
            ahead.plans.append(ahead.following().plan())
            return ahead.plans[-1]

    def _begins_as(self, ahead: _Ahead) -> bool:
        """Tell whether the batches planned ahead are right, and if so, move behind them."""
        request = self._request(0)
        if request.recipe != ahead.begin.recipe:
            return False
        # Planned again, since the stream may be another where draws do not show.
        again = _Ahead(request, [])
        for known in ahead.plans or [ahead.begin.plan()]:
            again.plans.append(again.following().plan())
            if not again.plans[-1].makes_the_same_as(known):
                return False
        if ahead.plans:
            self._following = again.following()
            self._move(self._following.position)
        return True


def _next_epoch(end: BatchRequest) -> BatchRequest:
    """Make the request for the first batch behind an epoch that simply ends, as Keras ends it.

    Args:
        end: at the position behind the epoch.
    """
    random = np.random.RandomState()
    random.set_state(end.position.random_state)
    permutation = draw_permutation(random, end.recipe)
    state = random.get_state(legacy=True)
    begin = replace(end.position, permutation=permutation, random_state=state)
    return replace(end, position=begin, idx=0)
