"""What a contestant is: a name, and a function that hands over batch after batch."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from benchmarks.workloads import Distortions

SEED = 2020
_MANY = 1_000_000  # epochs

Take = Callable[[Any, Any], None]
"""Receives images, whose length is their number, and labels; raises to end a run."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A workload, as one process receives it."""

    directory: Path  # the class folders
    packs: Path | None  # folder of packs, which are made where missing; None to read files
    distortions: Distortions
    image_size: tuple[int, int]  # (height, width) in pixels
    batch_size: int

    @property
    def cores(self) -> int:
        """How many processors this process may use."""
        return len(os.sched_getaffinity(0))


Inputs = Callable[[Task], Iterable[Any]]
"""Makes what yields batches for a task: an iterator, a dataset, whatever `fit` takes."""


def _anything(distortions: Distortions) -> str | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way to get batches.

    `run` hands every batch to `take`, over and over, until that raises. It imports what it needs
    itself: it is called in a process of its own.
    """

    name: str  # for the command line
    title: str  # for reports
    run: Callable[[Task, Take], None]
    needs: tuple[str, ...] = ("tensorflow",)  # modules that must be installed
    why_not: Callable[[Distortions], str | None] = _anything  # why it cannot do some, or None
    yields: Literal["float32", "uint8"] = "float32"  # in [0, 1] or [0, 255], channels last
    packed: bool = False  # reads from a pack, which is made before anything is timed
    note: str = ""  # what to know when reading its numbers
    stream: str | None = None  # those of the same stream yield the same batches, to the last bit
    # "parts" are less than a workload asks for, as bounds and stages; "steps" are training on top
    # of batches, "starts" single ones of them. Only "batches" are checked for sameness.
    computes: Literal["batches", "parts", "steps", "starts"] = "batches"
    inputs: Inputs | None = None  # makes what `run` iterates over, for those that do so

    @classmethod
    def of_batches(cls, name: str, title: str, inputs: Inputs, **options: Any) -> "Contestant":
        """Declare one that iterates over batches, pass after pass, as training does."""
        run = partial(hand_over, inputs)
        return cls(name=name, title=title, run=run, inputs=inputs, **options)

    @classmethod
    def of_fit(cls, name: str, title: str, inputs: Inputs, **options: Any) -> "Contestant":
        """Declare one that takes the batches that `fit` gives to a training step."""
        run = partial(hand_over_fit, passing_on, inputs)
        return cls(name=name, title=title, run=run, **options)

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


def hand_over(inputs: Inputs, task: Task, take: Take) -> None:
    """Hand over batches, pass after pass, as training does."""
    batches = inputs(task)
    while True:
        for images, labels in batches:
            take(images, labels)


def hand_over_fit(network: Callable[[Task], Any], inputs: Inputs, task: Task, take: Take) -> None:
    """Run `fit`, and hand over a batch for each training step.

    Args:
        network: Makes a compiled model; if its steps log images and labels, those are handed over.
        inputs: Makes what `fit` takes.
        task: What is to be done.
        take: Receives the batches.
    """
    import keras

    anything = range(task.batch_size)
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: take(
            logs.get("images", anything), logs.get("labels")
        )
    )
    keras.utils.set_random_seed(SEED)
    model, data = network(task), inputs(task)
    # Keras' generator would otherwise lose the order of its seed.
    order = {"shuffle": False} if type(data).__module__.startswith("keras.") else {}
    model.fit(data, epochs=_MANY, verbose=0, callbacks=[callback], **order)


def passing_on(task: Task) -> Any:
    """Make a model that hands its batches to callbacks and does nothing else."""
    import keras

    class PassingOn(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            return dict(zip(("images", "labels"), data, strict=True))

    pixels = keras.Input((None, None, 3))
    model = PassingOn(pixels, pixels)
    model.compile()
    return model
