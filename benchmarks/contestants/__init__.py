"""Who competes. A further contestant is a file beside the others, and its name in the list here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.contestants import (
    bounds,
    catdog_dataset,
    catdog_generator,
    dali,
    grain_loader,
    keras_dataset,
    keras_generator,
    opencv,
    stages,
    torch_loader,
    training,
)
from benchmarks.contestants.contestant import Contestant

_FILES = (
    keras_generator,
    keras_dataset,
    catdog_generator,
    catdog_dataset,
    opencv,
    torch_loader,
    grain_loader,
    dali,
    bounds,
    stages,
    training,
)

CONTESTANTS: Mapping[str, Contestant] = MappingProxyType(
    {each.name: each for file in _FILES for each in file.CONTESTANTS}
)
"""All of them by name, in the order in which reports list them."""
