"""All workloads by suite, and which of them a run measures."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from benchmarks.contestants import CONTESTANTS, start_up
from benchmarks.contestants.contestant import Contestant
from benchmarks.contestants.training import fits_of
from benchmarks.workloads import EACH_ALONE, RECIPE, Workload

SERIES = (
    *("keras", "keras-dataset"),
    *("catdog", "catdog-pack", "catdog-data", "catdog-data-pack"),
)
PEERS = ("opencv", "torch", "grain", "dali")
BATCHES = (
    *("keras", "keras-fit", "keras-workers", "keras-from-generator", "keras-dataset"),
    *("catdog", "catdog-fit", "catdog-pack", "catdog-pack-fit"),
    *("catdog-data", "catdog-data-pack", "catdog-data-uint8"),
    *("catdog-data-device", "catdog-data-device-host"),
    *PEERS,
)
_STAGES = tuple(f"stage-{name}" for name in ("read", "decode", "resize", "warp", "copy"))
_STARTS = tuple(each.name for each in start_up.CONTESTANTS)
_READERS = ("keras", "keras-dataset", "catdog", "catdog-data")
_FEW = ("keras", "keras-dataset", "catdog", "catdog-pack")
_ON_MANY_IMAGES = ("keras", "catdog", "catdog-pack", "catdog-data-pack")


_recipe = partial(Workload, distortions=RECIPE)
_WORKLOADS = (
    Workload("plain", "plain", (*BATCHES, "bound-decode")),
    _recipe("recipe", "recipe", BATCHES),
    Workload("stages", "stages", (*_STAGES, "bound-decode")),
    _recipe("training", "training a tiny network", fits_of("tiny")),
    _recipe(
        "training",
        "training the original network at 96x96",
        fits_of("original"),
        image_size=(96, 96),
    ),
    Workload("start-up", "start-up: plain", _STARTS, start_up=True),
    _recipe("start-up", "start-up: recipe", _STARTS, start_up=True),
    Workload("augmentations", "augmentations: plain", _FEW),
    *(
        _recipe("augmentations", name, _FEW, distortions=distortions)
        for name, distortions in EACH_ALONE.items()
    ),
    *(
        _recipe("image sizes", f"{side}x{side} pixels", SERIES, image_size=(side, side), x=side)
        for side in (64, 128, 224, 384)
    ),
    *(
        _recipe("batch sizes", f"batches of {size}", SERIES, batch_size=size, x=size)
        for size in (8, 32, 128)
    ),
    *(
        _recipe(
            "threads",
            f"{cores} core{'s' if cores > 1 else ''}",
            (*SERIES, "torch", "dali"),
            cores=cores,
            x=cores,
        )
        for cores in range(1, len(os.sched_getaffinity(0)) + 1)
    ),
    Workload(
        "files", "small JPEGs, 64 pixels", (*_READERS, *PEERS), images="small", image_size=(64, 64)
    ),
    Workload(
        "files",
        "12-megapixel JPEGs",
        (*_READERS, "catdog-data-fast", *PEERS),
        images="large",
        batch_size=8,
    ),
    Workload("files", "PNG", (*_READERS, *PEERS), images="png"),
    Workload("page cache", "first pass, warm files", _FEW, one_pass=True),
    Workload("page cache", "first pass, cold files", _FEW, one_pass=True, cold=True),
    Workload("data sizes", "images as given", _ON_MANY_IMAGES),
    Workload("data sizes", "10,000 images", _ON_MANY_IMAGES, images="many"),
)

SUITES: Mapping[str, tuple[Workload, ...]] = MappingProxyType(
    {
        suite: tuple(each for each in _WORKLOADS if each.suite == suite)
        for suite in dict.fromkeys(each.suite for each in _WORKLOADS)
    }
)
"""Workloads by suite. Plain: read, decode, resize, rescale. Recipe: flip, turn, shear, zoom too."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured, how often and how long."""

    suites: tuple[str, ...]  # keys of `SUITES`
    workloads: tuple[str, ...] | None = None  # of the suites; None for all
    contestants: tuple[str, ...] | None = None  # where a workload names them; None for all
    rounds: int  # how often each contestant is timed
    lead_in: float  # seconds after the first batch that are not timed
    seconds: float  # that are timed in a round

    @property
    def pairings(self) -> list[tuple[Workload, list[Contestant]]]:
        """Workloads with the contestants of each; without those that have none."""
        found = []
        for workload in [each for suite in self.suites for each in SUITES[suite]]:
            chosen = workload.contestants if self.contestants is None else self.contestants
            competing = [CONTESTANTS[name] for name in chosen if name in workload.contestants]
            if competing and (self.workloads is None or workload.name in self.workloads):
                found.append((workload, competing))
        return found

    @property
    def total_rounds(self) -> int:
        """The rounds of all contestants that are installed."""
        competing = [each for _, some in self.pairings for each in some if not each.absent]
        return self.rounds * len(competing)


# What `fit` receives is in the suite of training; the device's part is for machines with one.
_LEFT_TO_FULL = (
    *("keras-fit", "catdog-fit", "catdog-pack-fit"),
    *("catdog-data-device", "catdog-data-device-host", "fit-tiny-catdog-data-device"),
)

LENGTHS = {
    "quick": Settings(
        suites=("plain", "recipe"), contestants=SERIES, rounds=2, lead_in=0.3, seconds=0.7
    ),
    "default": Settings(
        suites=("plain", "recipe", "stages", "training"),
        workloads=("plain", "recipe", "stages", "training a tiny network"),
        contestants=tuple(name for name in CONTESTANTS if name not in _LEFT_TO_FULL),
        rounds=3,
        lead_in=0.5,
        seconds=1.0,
    ),
    "full": Settings(suites=tuple(SUITES), rounds=5, lead_in=1.0, seconds=2.0),
}
