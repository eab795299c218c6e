"""What is waited for at the start: a first batch, another of the same settings, pass and epoch."""

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contestants import albumentations_loaders, catdog_input, dali, keras_input
from benchmarks.contestants.contestant import Inputs, Take, Task, hand_over_fit, passing_on
from benchmarks.contestants.opencv import labelled_photographs

_NAMES = (
    *("keras", "keras-dataset", "catdog", "catdog-pack", "catdog-data", "catdog-data-pack"),
    *("torch", "grain", "dali"),
)
_REST = 0.5  # seconds before each, for what works ahead to come to an end
_STEPS = 8  # batches in an epoch of `fit`
_GAPS = 3  # between epochs


class _EnoughEpochs(Exception):  # noqa: N818 - no error
    """Ends `fit`."""


def _run(inputs: Inputs, fits: bool, task: Task, take: Take) -> None:
    """Hand over the first batch, then the names of all that follows with what it took."""
    batches: Any = inputs(task)
    _, first = _begun(batches)
    take(*first)
    if iter(batches) is not batches:
        take("second_pass_seconds", _seconds(lambda: _begun(batches)))
    if hasattr(batches, "__getitem__"):
        take("indexed_seconds", _seconds(lambda: batches[len(batches) // 2]))

    def again() -> Any:
        nonlocal batches
        batches = inputs(task)  # as a cell of a notebook that is run again
        return _begun(batches)

    take("further_seconds", _seconds(again))
    if fits:
        take("epoch_gap_seconds", _epoch_gap(inputs, task))


def _begun(batches: Any) -> tuple[Any, Any]:
    """Begin a pass: its iterator, which works ahead as long as it is kept, and its first batch."""
    iterator = iter(batches)
    return iterator, next(iterator)


def _seconds(work: Callable[[], Any]) -> float:
    time.sleep(_REST)
    begin = time.perf_counter()
    kept = work()
    seconds = time.perf_counter() - begin
    del kept  # what it takes to end is not waited for
    return seconds


def _epoch_gap(inputs: Inputs, task: Task) -> float:
    """Return the time from the last step of an epoch to the first of the next, over few images."""
    ends: list[float] = []

    def take(images: Any, labels: Any) -> None:
        ends.append(time.perf_counter())
        if len(ends) > _GAPS * _STEPS:
            raise _EnoughEpochs

    with tempfile.TemporaryDirectory() as folder:
        _link_some(task, Path(folder))
        with contextlib.suppress(_EnoughEpochs):
            hand_over_fit(passing_on, inputs, replace(task, directory=Path(folder)), take)
    return median(ends[at] - ends[at - 1] for at in range(_STEPS, len(ends), _STEPS))


def _link_some(task: Task, folder: Path) -> None:
    """Link to as many images as an epoch has, from all classes; to some again if there are few."""
    files = labelled_photographs(task.directory)
    for i in range(_STEPS * task.batch_size):
        # Far apart: files are sorted by class.
        path = Path(files[i * len(files) // (_STEPS * task.batch_size)][0])
        (folder / path.parent.name).mkdir(exist_ok=True)
        (folder / path.parent.name / f"{i}{path.suffix}").symlink_to(path)


_BY_NAME = {
    each.name: each
    for file in (keras_input, catdog_input, albumentations_loaders, dali)
    for each in file.CONTESTANTS
}
CONTESTANTS = tuple(
    replace(
        each,
        name=f"start-{each.name}",
        run=partial(_run, each.inputs, "tensorflow" in each.needs),
        computes="starts",
        stream=None,
    )
    for each in map(_BY_NAME.__getitem__, _NAMES)
)
