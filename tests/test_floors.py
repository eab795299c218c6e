"""A file imports lower floors only; the rooms are those of the design."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "catdog_data._version": 0,
    "catdog_data.sources.image_index": 0,
    "catdog_data.system.machine": 0,
    "catdog_data.system.messages": 0,
    "catdog_data.decoding.unreadable": 0,
    "catdog_data.engine.passes": 0,
    "catdog_data.engine.failed_batches": 0,
    "catdog_data.command_errors": 1,
    "catdog_data.kernels.packed_pixels": 1,
    "catdog_data.keras_compat.planning.transform_ranges": 0,
    "catdog_data.system.atomic_directory": 0,
    "catdog_data.cache.pack": 1,
    "catdog_data.decoding.jpeg_scaled": 2,
    "catdog_data.cache.background": 4,
    "catdog_data.cache.cached": 5,
    "catdog_data.cli": 11,
    "catdog_data.archives.members": 1,
    "catdog_data.archives.unpack": 3,
    "catdog_data.archives.zip_tar": 2,
    "catdog_data.sources.class_folders": 1,
    "catdog_data.archives.find_folders": 2,
    "catdog_data.samples.look": 0,
    "catdog_data.samples.scenery": 1,
    "catdog_data.samples.canvas": 1,
    "catdog_data.samples.animals": 2,
    "catdog_data.samples.picture": 3,
    "catdog_data.samples.generate": 4,
    "catdog_data.archives.spelling": 0,
    "catdog_data.sources.keras_folders": 1,
    "catdog_data.sources.hash_order": 0,
    "catdog_data.sources.data_frame": 1,
    "catdog_data.sources.found": 1,
    "catdog_data.sources.labelled_files": 0,
    "catdog_data.sources.list_files": 1,
    "catdog_data.sources.split": 1,
    "catdog_data.sources.tfds_records": 0,
    "catdog_data.sources.existing_files": 0,
    "catdog_data.sources.walk": 0,
    "catdog_data.keras_compat.planning.affine": 1,
    "catdog_data.augment.augmentation": 0,
    "catdog_data.augment.geometry_rows": 0,
    "catdog_data.augment.draws": 1,
    "catdog_data.augment.boxes": 0,
    "catdog_data.sources.masks": 1,
    "catdog_data.kernels.warp_fixed_point": 2,
    "catdog_data.training.augment_layer": 4,
    "catdog_data.layers": 5,
    "catdog_data.kernels.compiled": 1,
    "catdog_data.augment.photometric": 0,
    "catdog_data.kernels.warp": 1,
    "catdog_data.keras_compat.planning.batch_plan": 1,
    "catdog_data.datasets.plan": 1,
    "catdog_data.decoding.decode": 1,
    "catdog_data.decoding.resize": 1,
    "catdog_data.engine.render": 2,
    "catdog_data.engine.pixel_sources": 3,
    "catdog_data.engine.pipeline": 4,
    "catdog_data.datasets.options": 0,
    "catdog_data.datasets.elements": 3,
    "catdog_data.datasets.image_dataset": 0,
    "catdog_data.datasets.build": 5,
    "catdog_data.doctor.diagnosis": 1,
    "catdog_data.doctor.measure": 8,
    "catdog_data.training.input_wait": 0,
    "catdog_data.datasets.reading": 6,
    "catdog_data.datasets.splits": 6,
    "catdog_data.serving": 7,
    "catdog_data.datasets.arrays": 7,
    "catdog_data.datasets.directory": 7,
    "catdog_data.datasets.dataframe": 8,
    "catdog_data.datasets.tfds": 7,
    "catdog_data.training.checkpoint": 2,
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
    "catdog_models.commands.train",
    "catdog_models.commands.train_data",
    "catdog_models.commands.train_run",
    "catdog_models.commands.export",
    "catdog_models.commands.predict",
}
PACKAGES = {
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in (ROOT / "catdog_data").rglob("__init__.py")
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
