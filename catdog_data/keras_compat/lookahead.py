"""Batches carried out before they are asked for, as far as that has turned out to be right.

What the next batch is depends on public attributes and on NumPy's global stream, and a user may
change both between two batches. So the batches to come are planned on the assumption that the
user goes on as before; a request that has another plan is carried out by its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice

from catdog_data.keras_compat.executor import Executor, Ordered
from catdog_data.keras_compat.planning.batch_plan import BatchPlan, Request

FURTHEST = 8
"""Batches ordered ahead: as many as the pipeline has in work, so that it never waits."""


@dataclass
class _Expected:
    request: Request
    plan: BatchPlan
    ordered: Ordered | None = None


class Lookahead:
    """Orders batches by request, and those expected to be asked for next.

    Args:
        executor: carries plans out.
        trusting: whether to look ahead from the first request on.
    """

    def __init__(self, executor: Executor, *, trusting: bool) -> None:
        self.executor = executor
        self._expected: deque[_Expected] = deque()
        # A wrong guess costs the work on the batches ordered by it. With half as many as were
        # guessed right in a row, that is never more than half of the work that was of use.
        self._right_in_a_row = 2 * FURTHEST if trusting else 0

    def order(self, request: Request) -> Ordered:
        """Order a batch, unless that is done, and look ahead from it.

        Returns:
            The batch, with the plan of this request.
        """
        asked = self._expectation(request)
        ordered = asked.ordered or self.executor.order(asked.plan)
        self._expect_on_from(asked)
        for each in islice(self._expected, self._reach):
            each.ordered = each.ordered or self.executor.order(each.plan)
        return replace(ordered, plan=asked.plan)

    @property
    def _reach(self) -> int:
        return min(self._right_in_a_row // 2, FURTHEST)

    def _expectation(self, request: Request) -> _Expected:
        """Take out what was expected, if that is asked for; forget all that was, if not."""
        if not self._expected:
            return _Expected(request, request.plan())
        expected = self._expected.popleft()
        if not expected.request.leads_to_the_same_as(request):
            # Where nothing is drawn that shows, another place in the stream is the same batch.
            plan = request.plan()
            if not expected.plan.makes_the_same_as(plan):
                self._expected.clear()
                self._right_in_a_row = 0
                return _Expected(request, plan)
            expected = _Expected(request, plan, expected.ordered)
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
