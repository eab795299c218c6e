"""The picture of docs/architecture.md is that of the imports."""

from __future__ import annotations

from pathlib import Path

import grimp
import pytest

DOCS = Path(__file__).parents[1] / "docs" / "architecture.md"
PACKAGES = ("catdog_data", "catdog_models")
NAMES_ALONE = {
    "catdog_data",
    "models.catdog_models",
    "layers",
    "models.recipes",
    "models.run_report",
}
"""Modules that only give others public names."""


def rooms_of_imports():
    """Which room imports which: a subpackage, or a module at the top of a package."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    arrows = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            importer, target = room(module), room(imported)
            if importer != target and not {importer, target} & {*NAMES_ALONE, "_version"}:
                arrows.setdefault(importer, set()).add(target)
    return arrows


def room(module):
    """The room of a module: `catdog_data.cache.pack` is in `cache`."""
    package, _, rest = module.partition(".")
    name = rest.split(".")[0] or package
    return name if package == "catdog_data" else f"models.{name}"


def reduced(arrows):
    """Leave out arrows that follow from others: what a room reaches by way of another."""

    def reach(start):
        seen, waiting = set(), list(arrows.get(start, ()))
        while waiting:
            each = waiting.pop()
            if each not in seen:
                seen.add(each)
                waiting += arrows.get(each, ())
        return seen

    return {
        (importer, target)
        for importer, targets in arrows.items()
        for target in targets
        if not any(target in reach(other) for other in targets - {target})
    }


def drawn_arrows():
    text = DOCS.read_text().partition("```mermaid\n")[2].partition("```")[0]
    lines = [line.split() for line in text.splitlines() if "-->" in line]
    return {(importer, target) for importer, _, target in lines}


@pytest.fixture(scope="module")
def imports():
    return rooms_of_imports()


def test_the_picture_shows_the_imports(imports):
    expected = reduced(imports)
    right = "\n".join(f"    {importer} --> {target}" for importer, target in sorted(expected))
    assert drawn_arrows() == expected, f"docs/architecture.md should have:\n{right}"


def test_no_room_imports_one_that_imports_it(imports):
    for importer, targets in imports.items():
        assert not [each for each in targets if importer in imports.get(each, ())], importer
