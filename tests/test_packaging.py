"""What an installed catdog holds, and what importing it loads."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("catdog_data", "catdog_models")


@pytest.mark.slow
def test_the_wheel_holds_both_packages_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info"))
    # A new environment may have no setuptools: pip then fetches what pyproject.toml asks for.
    offline = ["--no-build-isolation"] if importlib.util.find_spec("setuptools") else []
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", source, "--no-deps", "-q", *offline, "-w", tmp_path],
        check=True,
        timeout=300,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("/METADATA"))
        required = archive.read(metadata).decode().split("Provides-Extra")[0]
    assert {name.split("/")[0].split("-")[0] for name in names} == {*PACKAGES, "catdog"}
    for package in PACKAGES:
        assert {f"{package}/py.typed", f"{package}/__init__.pyi"} <= set(names)
    assert "Requires-Dist: keras" in required
    assert "psutil" not in required and "jinja2" not in required.lower()


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_is_quick_and_loads_nothing_heavy(package):
    code = (
        "import sys, time; start = time.perf_counter(); "
        f"import {package}; print(time.perf_counter() - start); "
        "print({'tensorflow', 'keras', 'matplotlib', 'psutil'} & set(sys.modules))"
    )
    seconds = []
    for _ in range(3):
        output = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout.splitlines()
        assert output[1] == "set()"
        seconds.append(float(output[0]))
    assert median(seconds) <= 0.2


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_load_on_first_use(package):
    module = importlib.import_module(package)
    assert module.__all__ == dir(module) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'no_such'"):
        _ = module.no_such
