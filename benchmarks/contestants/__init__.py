"""The contestants. A further one is a file beside the others, and its name in the list here."""

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.contestants import (
    albumentations_loaders,
    catdog_input,
    dali,
    keras_input,
    opencv,
    stages,
    start_up,
    training,
)
from benchmarks.contestants.contestant import Contestant

_FILES = (
    *(keras_input, catdog_input, opencv, albumentations_loaders, dali),
    *(stages, training, start_up),
)

CONTESTANTS: Mapping[str, Contestant] = MappingProxyType(
    {each.name: each for file in _FILES for each in file.CONTESTANTS}
)
"""All of them by name, in the order of reports."""
