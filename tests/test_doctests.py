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
from catdog_data import layers

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


@pytest.mark.parametrize("package", [catdog_data, catdog_models, layers], ids=lambda p: p.__name__)
def test_every_public_name_has_an_example(package):
    without = [
        name
        for name in package.__all__
        if name != "__version__" and ">>>" not in (getattr(package, name).__doc__ or "")
    ]
    assert without == []
