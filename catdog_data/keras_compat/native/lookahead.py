"""Batches submitted before they are asked for, as far as that has turned out to be right.

What the next batch is depends on public attributes and on NumPy's global stream, and a user may
change both between two batches. So the batches to come are planned on the assumption that the
user goes on as before; a request that has another plan is submitted with its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from catdog_data.keras_compat.native.executor import Executor, PendingBatch
from catdog_data.keras_compat.planning.batch_plan import BatchPlan, BatchRequest

FURTHEST = 8
"""Batches submitted ahead: as many as the pipeline has in work, so that it never waits."""
_AT_FIRST = 2
"""So many at first, where looking ahead is trusted from the first on."""


@dataclass
class _Expected:
    request: BatchRequest
    plan: BatchPlan
    pending: PendingBatch | None = None


class Lookahead:
    """Submits batches by request, and those expected to be asked for next.

    Args:
        executor: carries plans out.
        trusting: whether to look ahead, by a little, from the first request on.
    """

    def __init__(self, executor: Executor, *, trusting: bool) -> None:
        self.executor = executor
        self._expected: deque[_Expected] = deque()
        # A wrong guess costs the work on the batches submitted by it. With half as many as were
        # guessed right in a row, that is never more than half of the work that was of use.
        self._right_in_a_row = 2 * _AT_FIRST if trusting else 0

    def submit(self, request: BatchRequest, filepaths: Sequence[str]) -> PendingBatch:
        """Submit a batch, unless that is done.

        Args:
            request: which batch.
            filepaths: the N files, as they are now.

        Returns:
            The batch, with the plan of this request.
        """
        asked = self._take_expected(request)
        self._asked, self._filepaths = _Expected(request, asked.plan), filepaths
        return replace(self._submitted(asked), plan=asked.plan)

    def look_ahead(self) -> None:
        """Submit those expected behind the last one: once it is there, lest it wait for them."""
        self._expect_on_from(self._asked)
        for each in islice(self._expected, self._reach):
            if each.pending is None:
                self._submitted(each)

    def _submitted(self, expected: _Expected) -> PendingBatch:
        paths = [self._filepaths[i] for i in expected.plan.index]
        if expected.pending is None or expected.pending.paths != paths:
            expected.pending = self.executor.submit(expected.plan, paths)
        return expected.pending

    @property
    def _reach(self) -> int:
        return min(self._right_in_a_row // 2, FURTHEST)

    def _take_expected(self, request: BatchRequest) -> _Expected:
        """Take out the batch expected next, if that is asked for; forget all that were, if not."""
        if not self._expected:
            return _Expected(request, request.plan())
        expected = self._expected.popleft()
        if not expected.request.leads_to_the_same_as(request):
            # Where draws do not show in the batch, another position in the stream makes the same.
            plan = request.plan()
            if not expected.plan.makes_the_same_as(plan):
                self._expected.clear()
                self._right_in_a_row = 0
                return _Expected(request, plan)
            expected = _Expected(request, plan, expected.pending)
        self._right_in_a_row += 1
        return expected

    def _expect_on_from(self, asked: _Expected) -> None:
        """Plan on; at least one batch, so that it is seen whether the guess is right."""
        last = self._expected[-1] if self._expected else asked
        while len(self._expected) < max(1, self._reach):
            following = last.request.following(last.plan)
            if following is None:
                return
            last = _Expected(following, following.plan())
            self._expected.append(last)
