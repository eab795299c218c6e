"""What a contestant is: a name, and a function that hands over batch after batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol

from benchmarks.workloads import Distortions

SEED = 2020


class Take(Protocol):
    """Receives batches; raises to end a run."""

    def __call__(self, images: Any, labels: Any = None) -> None:
        """Receive a batch.

        Args:
            images: An array or tensor of anything; its length is the number of images.
            labels: Of any kind.
        """


@dataclass(frozen=True, kw_only=True)
class Task:
    """A workload, as one process is given it.

    Attributes:
        directory: The class folders.
        packs: Folder in which packs are found, and made where they are not.
        distortions: What happens to an image at random.
        image_size: (height, width) in pixels.
        batch_size: Images per batch.
    """

    directory: Path
    packs: Path
    distortions: Distortions
    image_size: tuple[int, int]
    batch_size: int

    @property
    def cores(self) -> int:
        """How many processors this process may use."""
        return len(os.sched_getaffinity(0))


def _anything(distortions: Distortions) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way to get batches.

    Attributes:
        name: What it is chosen by on the command line.
        title: What reports call it.
        run: Hands every batch to `take`, over and over, until that raises. Imports what it needs
            itself: it is called in a process of its own.
        needs: Modules without which it is absent.
        why_not: Says why it cannot do something, or None if it can.
        yields: "float32" in [0, 1], channels last, or "uint8" in [0, 255].
        packed: Whether it reads from a pack, which is made before anything is timed.
        note: What to know when reading its numbers, or "".
        stream: Contestants that name the same stream must yield the same batches, to the last bit.
        computes: "batches", or "parts": less than a workload asks for, as bounds and stages do;
            "steps": of training, on top of batches. Only "batches" are checked for sameness.
    """

    name: str
    title: str
    run: Callable[[Task, Take], None]
    needs: tuple[str, ...] = ("tensorflow",)
    why_not: Callable[[Distortions], str | None] = _anything
    yields: Literal["float32", "uint8"] = "float32"
    packed: bool = False
    note: str = ""
    stream: str | None = None
    computes: Literal["batches", "parts", "steps"] = "batches"

    @property
    def absent(self) -> str | None:
        """Why it cannot run in this environment, or None."""
        missing = [module for module in self.needs if not _is_installed(module)]
        return f"not installed: {', '.join(missing)}" if missing else None


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it would be in
        return False


def hand_over(batches: Iterable[tuple[Any, Any]], take: Take) -> None:
    """Hand over the batches of one pass."""
    for images, labels in batches:
        take(images, labels)


def hand_over_passes(batches: Iterable[tuple[Any, Any]], take: Take) -> NoReturn:
    """Hand over pass after pass, as training does."""
    while True:
        hand_over(batches, take)
