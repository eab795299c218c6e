"""A file imports lower floors only; the rooms are those of the design."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "catdog_data._version": 0,
    "catdog_data.index": 0,
    "catdog_data.machine": 0,
    "catdog_data.messages": 0,
    "catdog_data.unreadable": 0,
    "catdog_data.passes": 0,
    "catdog_data.failed_batches": 0,
    "catdog_data.plainly": 1,
    "catdog_data.words": 1,
    "catdog_data.augment.parameters": 0,
    "catdog_data.publish": 0,
    "catdog_data.pack": 1,
    "catdog_data.scaled_decode": 2,
    "catdog_data.background": 4,
    "catdog_data.cache": 5,
    "catdog_data.cli": 11,
    "catdog_data.sources.archive": 3,
    "catdog_data.sources.class_folders": 1,
    "catdog_data.sources.image_folders": 2,
    "catdog_data.sources.samples": 4,
    "catdog_data.sources.spelling": 0,
    "catdog_data.sources.folders": 1,
    "catdog_data.sources.hash_order": 0,
    "catdog_data.sources.labelled_files": 2,
    "catdog_data.sources.listing": 0,
    "catdog_data.sources.walk": 0,
    "catdog_data.augment.affine": 1,
    "catdog_data.augment.augmentation": 0,
    "catdog_data.augment.geometry": 0,
    "catdog_data.augment.draws": 1,
    "catdog_data.augment.boxes": 0,
    "catdog_data.sources.masks": 1,
    "catdog_data.augment.fixed_point": 2,
    "catdog_data.layers": 4,
    "catdog_data.augment.compiled": 1,
    "catdog_data.augment.photometric": 0,
    "catdog_data.augment.warp": 1,
    "catdog_data.plan": 1,
    "catdog_data.counter_plan": 1,
    "catdog_data.decode": 1,
    "catdog_data.resize": 1,
    "catdog_data.render": 2,
    "catdog_data.pixels": 3,
    "catdog_data.pipeline": 4,
    "catdog_data.datasets.checks": 0,
    "catdog_data.datasets.elements": 3,
    "catdog_data.datasets.engine": 5,
    "catdog_data.diagnosis": 1,
    "catdog_data.doctor": 8,
    "catdog_data.input_wait": 0,
    "catdog_data.datasets.reading": 6,
    "catdog_data.datasets.splitting": 6,
    "catdog_data.serving": 7,
    "catdog_data.datasets.arrays": 7,
    "catdog_data.datasets.directory": 7,
    "catdog_data.datasets.dataframe": 8,
    "catdog_data.datasets.tfds": 7,
    "catdog_data.position": 2,
    "catdog_data.keras_compat.executor": 5,
    "catdog_data.keras_compat.class_weights": 0,
    "catdog_data.keras_compat.fit_adapter": 4,
    "catdog_data.keras_compat.failures": 2,
    "catdog_data.keras_compat.transforms": 4,
    "catdog_data.keras_compat.saving": 4,
    "catdog_data.keras_compat.statistics": 4,
    "catdog_data.keras_compat.options": 4,
    "catdog_data.keras_compat.reading": 6,
    "catdog_data.keras_compat.snapshot": 4,
    "catdog_data.keras_compat.preprocessing": 4,
    "catdog_data.keras_compat.finishing": 4,
    "catdog_data.keras_compat.lookahead": 6,
    "catdog_data.keras_compat.steps": 4,
    "catdog_data.keras_compat.one_by_one": 5,
    "catdog_data.keras_compat.iterator": 5,
    "catdog_data.keras_compat.files_iterator": 7,
    "catdog_data.keras_compat.array_iterator": 7,
    "catdog_data.keras_compat.directory_iterator": 8,
    "catdog_data.keras_compat.dataframe_iterator": 8,
    "catdog_data.keras_compat.generator": 9,
    "catdog_data.keras_compat.conversion": 10,
}
COMMANDS = {
    "catdog_models.cli",
    "catdog_models.cli_data",
    "catdog_models.cli_run",
    "catdog_models.export_cli",
    "catdog_models.predict_cli",
}
PACKAGES = {
    "catdog_data",
    "catdog_data.augment",
    "catdog_data.datasets",
    "catdog_data.keras_compat",
    "catdog_data.sources",
}


def modules(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_at_run_time(path):
    """Yield the modules a file imports, those for type checkers alone left out."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_module_has_a_floor():
    assert {name for name, _ in modules("catdog_data")} - PACKAGES == set(FLOORS)


@pytest.mark.parametrize("name", sorted(FLOORS))
def test_a_file_imports_lower_floors_only(name):
    path = ROOT / (name.replace(".", "/") + ".py")
    ours = [each for each in imports_at_run_time(path) if each.startswith("catdog_")]
    assert [each for each in ours if FLOORS.get(each, 99) >= FLOORS[name]] == []


def test_models_take_any_dataset():
    for name, path in modules("catdog_models"):
        imported = any(each.startswith("catdog_data") for each in imports_at_run_time(path))
        assert not imported or name in COMMANDS, f"{name} imports catdog_data"


def test_nothing_imports_the_benchmarks():
    for package in ("catdog_data", "catdog_models"):
        for name, path in modules(package):
            assert not any(
                each.split(".")[0] in ("benchmarks", "tests") for each in imports_at_run_time(path)
            ), name
