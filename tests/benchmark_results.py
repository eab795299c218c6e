"""Results of an imaginary run, with every kind of outcome and entry."""

from __future__ import annotations

import random
from dataclasses import replace

from benchmarks.results import BenchmarkResults, Entry, Outcome, Sample
from benchmarks.workloads import EACH_ALONE

TITLES = {
    "keras": "Keras ImageDataGenerator",
    "catdog": "catdog ImageDataGenerator",
    "catdog-cached": "catdog ImageDataGenerator, cache in memory",
    "catdog-dataset": "catdog image_dataset_from_directory",
    "tf-data": "tf.data, as the guide writes it <b>&\"'$x$",
    "torch": "PyTorch DataLoader | torchvision",
    "bound-decode": "bound: decode alone, all cores",
}
SPEEDS = {
    "keras": 310.0,
    "catdog": 1720.0,
    "catdog-cached": 4210.0,
    "catdog-dataset": 1810.0,
    "tf-data": 905.0,
    "bound-decode": 2400.0,
}
NOT_INSTALLED = "not installed: torch, <script>alert(1)</script>"


def entry(contestant: str, speed: float, rounds: int = 5, title: str = "", note: str = "") -> Entry:
    """An entry of about so many images/s."""
    noise = random.Random(f"{contestant} {speed}")
    samples = tuple(
        Sample(
            round=at,
            images=int(speed * 3),
            wall_ms=1000 / speed * noise.uniform(0.95, 1.08),
            cpu_ms=1900 / speed * noise.uniform(0.97, 1.04),
            first_batch_seconds=noise.uniform(0.1, 0.9),
            peak_megabytes=noise.uniform(300, 1500),
            faults=noise.uniform(0, 180),
        )
        for at in range(rounds)
    )
    title = title or TITLES.get(contestant, contestant)
    return Entry(contestant=contestant, title=title, samples=samples, note=note)


def missing(contestant: str, reason: str) -> Entry:
    return Entry(contestant=contestant, title=TITLES[contestant], missing=reason)


def outcome(suite: str, workload: str, entries: list[Entry], x: float | None = None) -> Outcome:
    conditions = {"image_size": [224, 224], "batch_size": 32, "cores": 4, "cold": False}
    return Outcome(
        workload=workload, suite=suite, x=x, conditions=conditions, entries=tuple(entries)
    )


def comparison(name: str, slower: float = 1.0, rounds: int = 5) -> Outcome:
    entries = [entry(each, speed / slower, rounds) for each, speed in SPEEDS.items()]
    return outcome(name, name, [*entries, missing("torch", NOT_INSTALLED)])


def augmentations() -> list[Outcome]:
    costs = dict(zip(EACH_ALONE, (1.02, 1.02, 2.2, 1.4, 1.9, 2.0, 1.2, 1.3), strict=True))
    return [
        outcome(
            "augmentations",
            f"augmentations: {name}",
            [
                entry("keras", 310 / cost**2),
                entry("catdog", 1720 / cost),
                entry("tf-data", 905 / cost)
                if name != "shear"
                else missing("tf-data", "cannot: shear"),
                missing("torch", NOT_INSTALLED),
            ],
        )
        for name, cost in costs.items()
    ]


def threads() -> list[Outcome]:
    return [
        outcome(
            "threads",
            f"threads {x}",
            [
                entry("keras", 310 * x**0.2),
                entry("catdog", 480 * x**0.92),
                entry("catdog-cached", 1100 * x**0.8),
                entry("tf-data", 230 * x**0.85)
                if x != 2
                else missing("tf-data", "failed: MemoryError"),
            ],
            x=float(x),
        )
        for x in (4, 1, 2, 8)
    ]


def sizes() -> list[Outcome]:
    return [
        outcome(
            "image sizes",
            f"image size {x}",
            [entry("keras", 310 * 224 / x), entry("catdog", 1720 * (224 / x) ** 1.2)],
            x=float(x),
        )
        for x in (64, 128, 224, 299, 512)
    ]


def stages() -> Outcome:
    speeds = {"read": 90_000.0, "decode": 2500.0, "resize": 16_000.0, "warp": 4000.0, "copy": 3e4}
    entries = [
        entry(f"stage-{name}", speed, title=name, note="on 1 core")
        for name, speed in speeds.items()
    ]
    return outcome("stages", "stages", [*entries, entry("catdog", 1250.0), entry("keras", 310.0)])


def training() -> Outcome:
    speeds = {"train-constant": 420.0, "train-catdog": 405.0, "train-tf-data": 330.0}
    titles = ("constant batch", "catdog", "tf.data")
    entries = [
        entry(name, speed, title=title)
        for (name, speed), title in zip(speeds.items(), titles, strict=True)
    ]
    return outcome("training", "training", [*entries, entry("train-keras", 160.0, title="Keras")])


def start_up() -> list[Outcome]:
    waits = {
        "start-keras": {"further_seconds": 0.07, "indexed_seconds": 0.053},
        "start-catdog": {"further_seconds": 0.05, "indexed_seconds": 0.04},
        "start-torch": {"further_seconds": 2.9, "second_pass_seconds": 0.3},
    }
    outcomes = []
    for name, slower in (("plain", 1.0), ("recipe", 2.5)):
        entries = []
        for contestant, some in waits.items():
            one = entry(contestant, 50 / slower, rounds=3)
            told = {field: seconds * slower for field, seconds in some.items()}
            entries.append(
                replace(one, samples=tuple(replace(each, **told) for each in one.samples))
            )
        outcomes.append(outcome("start-up", f"start-up: {name}", entries))
    return outcomes


def files() -> list[Outcome]:
    return [
        outcome("files", f"files: {name}", [entry("keras", 310 * k), entry("catdog", 1720 * k)])
        for name, k in (("JPEG", 1.0), ("PNG", 0.7), ("cold", 0.5), ("12 megapixels", 0.08))
    ]


def whole_run() -> BenchmarkResults:
    """Every kind of suite and entry."""
    nobody = outcome("nobody", "nobody", [missing("torch", NOT_INSTALLED)])
    return BenchmarkResults(
        environment={
            "machine": "Some CPU & co., <4 cores>",
            "versions": {"python": "3.11.7", "tensorflow": "2.21.0"},
            "commit": "0123abc",
            "images": 2000,
        },
        settings={"rounds": 5, "seconds": 3.0, "suites": ["plain", "recipe"]},
        outcomes=(
            comparison("plain"),
            comparison("recipe", slower=1.6),
            comparison("single", rounds=1),
            *augmentations(),
            *threads(),
            *sizes(),
            *files(),
            stages(),
            training(),
            *start_up(),
            nobody,
        ),
        skipped={"files: many <10,000>": "the disk is full & slow"},
    )
