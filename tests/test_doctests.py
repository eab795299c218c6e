"""Every example of a docstring runs, in an empty folder."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import warnings
from types import ModuleType

import pytest

import catdog_data
import catdog_models

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ALIASES = {"catdog_models.recipes", "catdog_models.run_report"}
"""Deprecated names of other modules."""


def modules(package: ModuleType) -> list[str]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [each.name for each in found if each.name not in ALIASES]


@pytest.mark.parametrize("name", [*modules(catdog_data), *modules(catdog_models)])
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SyntaxWarning)
        results = doctest.testmod(module, optionflags=OPTIONS)
    assert results.failed == 0
