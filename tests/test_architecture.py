"""docs/architecture.md shows the imports and names real files; packages say who imports them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "architecture.md"
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


def test_the_files_that_the_page_names_exist():
    examples = re.compile("vignette|tar_shards|compressed_pack")  # of what is to be added
    named = set(re.findall(r"`([\w/]+/\w+\.py)`", DOCS.read_text()))
    kept = [name for name in named if not examples.search(name)]
    assert len(kept) > 20
    below = (ROOT, ROOT / "catdog_data", ROOT / "catdog_data" / "augment")
    assert [name for name in kept if not any((each / name).is_file() for each in below)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_each_room_says_what_may_import_it(package):
    for path in (ROOT / package).glob("*/__init__.py"):
        described = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert "import" in described, path
