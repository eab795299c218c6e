"""Show results as tables, and say what they hold for."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contestants import BATCH_SIZE, IMAGE_SIZE, SEED, WORKLOADS
from benchmarks.measure import Result, Spread

_PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "scipy")


def conditions(*, data: str, images: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Collect what the figures depend on.

    Args:
        data: What was read, in words.
        images: How many there are.
        rounds: How often each contestant was timed.
        seconds: How long each contestant's turn in a round was.
    """
    from catdog_data import __version__
    from catdog_data.machine import available_cores

    return {
        "data": data,
        "images": images,
        "image_size": list(IMAGE_SIZE),
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "rounds": rounds,
        "seconds_per_turn": seconds,
        "cores": available_cores(),
        "files": "warm: read before, so in the page cache",
        "included": "reading, decoding, resizing, augmenting, batching",
        "versions": {
            "catdog": __version__,
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    }


def show(
    console: Console, settings: Mapping[str, Any], results: Mapping[str, Sequence[Result]]
) -> None:
    """Print one table per workload and the conditions.

    Args:
        console: Where to.
        settings: What `conditions` returned.
        results: Those of each workload, by its name.
    """
    for workload, of_workload in results.items():
        console.print(_table(workload, of_workload))
    height, width = settings["image_size"]
    versions = ", ".join(f"{name} {number}" for name, number in settings["versions"].items())
    console.print(
        f"{height}x{width} pixels, batches of {settings['batch_size']}, through next(); "
        f"{settings['cores']} cores allowed; {settings['rounds']} rounds of "
        f"{settings['seconds_per_turn']:g} s in turns.\n"
        f"Data: {settings['data']}, {settings['images']} images. "
        f"Files are {settings['files']}. Time includes {settings['included']}.\n"
        f"Batches were checked to be identical. {versions}.",
        highlight=False,
    )


def as_json(settings: Mapping[str, Any], results: Mapping[str, Sequence[Result]]) -> dict[str, Any]:
    """Return everything that was measured, ready for `json.dump`.

    Args:
        settings: What `conditions` returned.
        results: Those of each workload, by its name.
    """
    workloads = {
        workload: {
            "arguments": dict(WORKLOADS[workload]),
            "results": [asdict(result) for result in of_workload],
        }
        for workload, of_workload in results.items()
    }
    return {"conditions": dict(settings), "workloads": workloads}


def _table(workload: str, results: Sequence[Result]) -> Table:
    arguments = ", ".join(f"{name}={value:.4g}" for name, value in WORKLOADS[workload].items())
    table = Table(title=f"{workload}: {arguments}", title_justify="left")
    table.add_column("")
    ratio = f"times {results[0].name}"
    for heading in ("images/s", "CPU ms/image", ratio, "first batch, s"):
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(
            result.name,
            _text(result.images_per_second, 0),
            _text(result.cpu_ms, 2),
            _text(result.speedup_over(results[0]), 2),
            f"{result.first_batch_seconds:.2f}",
        )
    return table


def _text(spread: Spread, digits: int) -> str:
    middle, lowest, highest = (
        f"{value:.{digits}f}" for value in (spread.median, spread.lowest, spread.highest)
    )
    return rf"{middle} \[{lowest}-{highest}]"
