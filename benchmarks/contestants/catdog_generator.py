"""Our `ImageDataGenerator`: from files and from a pack, by `next()` and under `fit`."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import Contestant, Take, Task, hand_over
from benchmarks.contestants.fit_path import hand_over_from_fit
from benchmarks.contestants.generator_arguments import STREAM, STREAM_UNDER_FIT, flow


def catdog_flow(task: Task, *, packed: bool = False) -> Any:
    """Make our iterator over a task's class folders.

    Args:
        task: What is to be done.
        packed: Whether images come from a pack, which is made where it is missing.
    """
    from catdog_data import ImageDataGenerator

    return flow(ImageDataGenerator, task, cache=task.packs if packed else None)


def _next(task: Task, take: Take) -> None:
    hand_over(catdog_flow(task), take)


def _next_packed(task: Task, take: Take) -> None:
    hand_over(catdog_flow(task, packed=True), take)


def _fit(task: Task, take: Take) -> None:
    hand_over_from_fit(catdog_flow(task), take)


def _fit_packed(task: Task, take: Take) -> None:
    hand_over_from_fit(catdog_flow(task, packed=True), take)


CONTESTANTS = (
    Contestant(name="catdog", title="catdog IDG, next()", run=_next, stream=STREAM),
    Contestant(name="catdog-fit", title="catdog IDG, under fit", run=_fit, stream=STREAM_UNDER_FIT),
    Contestant(
        name="catdog-pack",
        title="catdog IDG from a pack, next()",
        run=_next_packed,
        packed=True,
        stream=STREAM,
    ),
    Contestant(
        name="catdog-pack-fit",
        title="catdog IDG from a pack, under fit",
        run=_fit_packed,
        packed=True,
        stream=STREAM_UNDER_FIT,
    ),
)
