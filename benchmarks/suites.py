"""Which workloads belong together, and which of them are measured unless told otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.contestants.training import fits_of
from benchmarks.workloads import EACH_ALONE, RECIPE, Workload

OURS = ("catdog", "catdog-pack", "catdog-data", "catdog-data-pack")
SERIES = ("keras", "keras-dataset", *OURS)
PEERS = ("opencv", "torch", "grain", "dali")
BATCHES = (
    *("keras", "keras-fit", "keras-workers", "keras-from-generator", "keras-dataset"),
    *("catdog", "catdog-fit", "catdog-pack", "catdog-pack-fit"),
    *("catdog-data", "catdog-data-pack", "catdog-data-uint8"),
    *("catdog-data-device", "catdog-data-device-host"),
    *PEERS,
)
_STAGES = tuple(f"stage-{name}" for name in ("read", "decode", "resize", "warp", "copy"))


def _augmentations() -> tuple[Workload, ...]:
    suite, contestants = "augmentations", ("keras", "keras-dataset", "catdog", "catdog-pack")
    none = Workload(name="augmentations: plain", suite=suite, contestants=contestants)
    return (
        none,
        *(
            Workload(name=name, suite=suite, distortions=each, contestants=contestants)
            for name, each in EACH_ALONE.items()
        ),
    )


def _image_sizes() -> tuple[Workload, ...]:
    return tuple(
        Workload(
            name=f"{side}x{side} pixels",
            suite="image sizes",
            distortions=RECIPE,
            image_size=(side, side),
            contestants=SERIES,
            x=side,
        )
        for side in (64, 128, 224, 384)
    )


def _batch_sizes() -> tuple[Workload, ...]:
    return tuple(
        Workload(
            name=f"batches of {size}",
            suite="batch sizes",
            distortions=RECIPE,
            batch_size=size,
            contestants=SERIES,
            x=size,
        )
        for size in (8, 32, 128)
    )


def _threads() -> tuple[Workload, ...]:
    return tuple(
        Workload(
            name=f"{cores} core{'s' if cores > 1 else ''}",
            suite="threads",
            distortions=RECIPE,
            cores=cores,
            contestants=(*SERIES, "torch", "dali"),
            x=cores,
        )
        for cores in range(1, len(os.sched_getaffinity(0)) + 1)
    )


def _files() -> tuple[Workload, ...]:
    suite, readers = "files", ("keras", "keras-dataset", "catdog", "catdog-data")
    return (
        Workload(
            name="small JPEGs, 64 pixels",
            suite=suite,
            images="small",
            image_size=(64, 64),
            contestants=(*readers, *PEERS),
        ),
        Workload(
            name="12-megapixel JPEGs",
            suite=suite,
            images="large",
            batch_size=8,
            contestants=(*readers, "catdog-data-fast", *PEERS),
        ),
        Workload(name="PNG", suite=suite, images="png", contestants=(*readers, *PEERS)),
    )


def _page_cache() -> tuple[Workload, ...]:
    contestants = ("keras", "keras-dataset", "catdog", "catdog-pack")
    return tuple(
        Workload(
            name=f"first pass, {state} files",
            suite="page cache",
            one_pass=True,
            cold=state == "cold",
            contestants=contestants,
        )
        for state in ("warm", "cold")
    )


def _data_sizes() -> tuple[Workload, ...]:
    contestants = ("keras", "catdog", "catdog-pack", "catdog-data-pack")
    return (
        Workload(name="images as given", suite="data sizes", contestants=contestants),
        Workload(name="10,000 images", suite="data sizes", images="many", contestants=contestants),
    )


def _training() -> tuple[Workload, ...]:
    tiny = Workload(
        name="training a tiny network",
        suite="training",
        distortions=RECIPE,
        contestants=fits_of("tiny"),
    )
    original = Workload(
        name="training the original network at 96x96",
        suite="training",
        distortions=RECIPE,
        image_size=(96, 96),
        contestants=fits_of("original"),
    )
    return tiny, original


SUITES: Mapping[str, tuple[Workload, ...]] = MappingProxyType(
    {
        "plain": (Workload(name="plain", suite="plain", contestants=(*BATCHES, "bound-decode")),),
        "recipe": (
            Workload(name="recipe", suite="recipe", distortions=RECIPE, contestants=BATCHES),
        ),
        "stages": (
            Workload(name="stages", suite="stages", contestants=(*_STAGES, "bound-decode")),
        ),
        "training": _training(),
        "augmentations": _augmentations(),
        "image sizes": _image_sizes(),
        "batch sizes": _batch_sizes(),
        "threads": _threads(),
        "files": _files(),
        "page cache": _page_cache(),
        "data sizes": _data_sizes(),
    }
)
"""Workloads by suite. Plain: read, decode, resize, rescale. Recipe: flip, turn, shear, zoom too."""
