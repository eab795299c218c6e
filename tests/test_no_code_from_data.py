"""Nothing that is read is run: not models, caches, results or settings."""

from __future__ import annotations

import ast
import importlib.util
import pickle
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pytest

from catdog_data.cache.pack_format import damaged_rows

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__", "enable_unsafe_deserialization"}
ARGUMENTS = {"allow_pickle": True, "safe_mode": False, "shell": True}


def sources():
    for package in ("catdog_data", "catdog_models", "benchmarks"):
        (folder,) = importlib.util.find_spec(package).submodule_search_locations
        yield from Path(folder).rglob("*.py")


def unsafe(source):
    """Name what a module does that may run what it reads, each with its line."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            function = node.func
            called = getattr(function, "id", getattr(function, "attr", ""))
            if called == "open" and getattr(getattr(function, "value", None), "id", "") == "Image":
                yield f"{node.lineno}: Image.open"
            # `re.compile` and `model.compile` compile no Python.
            if called in CALLS and (called != "compile" or isinstance(function, ast.Name)):
                yield f"{node.lineno}: {called}"
            for given in node.keywords:
                # Anything but the safe value, written out.
                if given.arg in ARGUMENTS and (
                    not isinstance(given.value, ast.Constant)
                    or given.value.value == ARGUMENTS[given.arg]
                ):
                    yield f"{node.lineno}: {given.arg}"
        for name in names:
            if name.split(".")[0] in MODULES:
                yield f"{node.lineno}: import {name}"


def test_no_module_runs_what_it_reads():
    paths = list(sources())
    assert len(paths) > 100
    found = {str(path): list(unsafe(path.read_text(encoding="utf-8"))) for path in paths}
    (opening,) = (path for path in found if path.endswith("decoding/open_image.py"))
    assert found.pop(opening)
    assert not {path: lines for path, lines in found.items() if lines}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from yaml import load",
        "import a, joblib.b",
        "eval('1')",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle=given)",
        "keras.models.load_model(file, safe_mode=False)",
        "keras.config.enable_unsafe_deserialization()",
        "compile(text, '', 'exec')",
        "subprocess.run(line, shell=True)",
        "Image.open(path)",
    ],
)
def test_the_search_finds_what_it_looks_for(source):
    assert len(list(unsafe(source))) == 1
    assert not list(unsafe("re.compile('a'); model.compile(); np.load(f, allow_pickle=False)"))


class Trap:
    """Sets a mark when it is unpickled."""

    sprung: ClassVar[list[int]] = []

    def __reduce__(self):
        return Trap.sprung.append, (1,)


def test_checksums_of_a_pack_are_not_unpickled(tmp_path):
    from catdog_data.cache.pack import write_pack
    from catdog_data.cache.pack_format import Layout

    rows = np.zeros((1, 2, 2, 3), np.uint8)
    write_pack(tmp_path, Layout(1, (2, 2, 3), "uint8"), [rows], ["a"])
    np.save(tmp_path / "checksums.npy", np.array([Trap()], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        damaged_rows(tmp_path)
    (tmp_path / "checksums.npy").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match="allow_pickle"):
        damaged_rows(tmp_path)
    assert not Trap.sprung


def test_lambda_layers_of_a_model_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(tmp_path / "model.keras")
    # As the commands load it: `unsafe` would find a `safe_mode`.
    with pytest.raises(Exception, match=r"(?i)lambda"):
        keras.models.load_model(tmp_path / "model.keras", compile=False)
