"""What measuring tells while it goes on, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmarks.results import Outcome


class Progress(Protocol):
    """Is told what happens in a run."""

    def begin(self, title: str, contestants: Sequence[str]) -> None:
        """A workload begins.

        Args:
            title: What it is called.
            contestants: The titles of those that compete.
        """

    def status(self, text: str) -> None:
        """Something is being done, in a few words."""

    def sampled(self, outcome: Outcome) -> None:
        """A sample was taken; an outcome with all so far."""

    def advance(self) -> None:
        """One of the rounds of all workloads is over."""


class Silent:
    """Tells nobody."""

    def begin(self, title: str, contestants: Sequence[str]) -> None:
        """Ignore it."""

    def status(self, text: str) -> None:
        """Ignore it."""

    def sampled(self, outcome: Outcome) -> None:
        """Ignore it."""

    def advance(self) -> None:
        """Ignore it."""
