"""Work in threads on many files: results in order, memory bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AHEAD = 4
"""Calls that are waiting or done, for each thread."""


def in_threads(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int
) -> Iterator[_Result]:
    """Yield the results of a function, in the order of its arguments.

    An exception of the function is raised where its result would be; then, and where the caller
    stops, calls that have not begun are dropped.

    Example:
        >>> list(in_threads(str.upper, ["a", "b"], threads=2))
        ['A', 'B']
    """
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[_Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= _AHEAD * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class Budget:
    """So many bytes that several threads share.

    Args:
        total: what may be held at a time; what alone is more waits until nothing else is held.

    Example:
        >>> budget = Budget(100)
        >>> with budget.held(60):
        ...     pass
    """

    def __init__(self, total: int) -> None:
        self._total, self._held = total, 0
        self._changed = Condition()

    @contextmanager
    def held(self, amount: int) -> Iterator[None]:
        """Wait until there is room for so many bytes, and hold them for the time of the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + amount <= self._total)
            self._held += amount
        try:
            yield
        finally:
            with self._changed:
                self._held -= amount
                self._changed.notify_all()
