"""A run: from what was chosen to results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.contestant import Contestant
from benchmarks.environment import describe_environment
from benchmarks.images import DataSet, derive, describe, subset
from benchmarks.measuring.measure import Bench, CannotBeHadError, Plan
from benchmarks.report.progress import Progress
from benchmarks.results import Results
from benchmarks.suites import SERIES, SUITES
from benchmarks.workloads import Workload


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is measured, and how often and long.

    Attributes:
        suites: Names, keys of `SUITES`.
        contestants: Names of those that compete where a workload names them, in this order; None
            for all.
        plan: Rounds and seconds.
        workloads: Names of those that are measured of the suites; None for all.
    """

    suites: tuple[str, ...]
    contestants: tuple[str, ...] | None
    plan: Plan
    workloads: tuple[str, ...] | None = None


# What `fit` receives is in the suite of training; the device's part is for machines with one.
_LEFT_TO_FULL = (
    *("keras-fit", "catdog-fit", "catdog-pack-fit"),
    *("catdog-data-device", "catdog-data-device-host", "fit-tiny-catdog-data-device"),
)

QUICK = Choice(
    suites=("plain", "recipe"),
    contestants=SERIES,
    plan=Plan(rounds=2, lead_in=0.3, seconds=0.7),
)
DEFAULT = Choice(
    suites=("plain", "recipe", "stages", "training"),
    workloads=("plain", "recipe", "stages", "training a tiny network"),
    contestants=tuple(name for name in CONTESTANTS if name not in _LEFT_TO_FULL),
    plan=Plan(rounds=3, lead_in=0.5, seconds=1.0),
)
FULL = Choice(suites=tuple(SUITES), contestants=None, plan=Plan(rounds=5, lead_in=1.0, seconds=2.0))


def workloads_of(choice: Choice) -> list[tuple[Workload, list[Contestant]]]:
    """List the workloads of a choice, and who competes at each; not those without anybody."""
    workloads = [
        workload
        for suite in choice.suites
        for workload in SUITES[suite]
        if choice.workloads is None or workload.name in choice.workloads
    ]
    chosen = [(workload, _competing(workload, choice)) for workload in workloads]
    return [(workload, contestants) for workload, contestants in chosen if contestants]


def _competing(workload: Workload, choice: Choice) -> list[Contestant]:
    if choice.contestants is None:
        return [CONTESTANTS[name] for name in workload.contestants]
    return [CONTESTANTS[name] for name in choice.contestants if name in workload.contestants]


def count_rounds(choice: Choice) -> int:
    """Count the rounds of all contestants that are installed."""
    competing = [each for _, some in workloads_of(choice) for each in some if not each.absent]
    return choice.plan.rounds * len(competing)


def run(
    choice: Choice,
    directory: Path,
    origin: str,
    scratch: Path,
    progress: Progress,
    command: str,
    keep: Callable[[Results], None],
) -> Results:
    """Measure what was chosen.

    Args:
        choice: What, and how often and long.
        directory: The class folders.
        origin: Where they come from, in words.
        scratch: Folder for packs and for images that are made of the given ones.
        progress: Told of what happens.
        command: With which the same is measured again, for the report.
        keep: Receives the results so far after each workload, so that none are lost.

    Raises:
        ValueError: There are no images.
        OSError: A file cannot be read, or the disk is full.
    """
    given = describe(directory, origin)
    bench = Bench(choice.plan, subset(given, scratch), scratch / "packs", progress)
    environment = {**describe_environment(), "images": given.as_json()}
    results = Results(
        environment=environment, settings={"command": command, **_settings(choice)}, outcomes=()
    )
    for workload, contestants in workloads_of(choice):
        try:
            data = _derived(given, workload, scratch, progress)
            outcome = bench.measure(workload, contestants, data)
            results = replace(results, outcomes=(*results.outcomes, outcome))
        except CannotBeHadError as error:
            results = replace(results, skipped={**results.skipped, workload.name: str(error)})
        keep(results)
    return results


def _derived(given: DataSet, workload: Workload, scratch: Path, progress: Progress) -> DataSet:
    if workload.images != "given":
        progress.status(f"making images for {workload.name}")
    return derive(given, workload.images, scratch)


def _settings(choice: Choice) -> dict[str, Any]:
    return {
        "suites": list(choice.suites),
        "workloads": None if choice.workloads is None else list(choice.workloads),
        "contestants": None if choice.contestants is None else list(choice.contestants),
        **asdict(choice.plan),
    }
