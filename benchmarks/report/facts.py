"""Conditions, settings and environment in words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.results import Results


def facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Word names and values; mappings within are given as `outer, inner`."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        words = str(name).replace("_", " ")
        if isinstance(value, Mapping) and value:
            found += [(f"{words}, {inner}", text) for inner, text in facts(value)]
        else:
            found.append((words, _worded(value)))
    return found


def one_line(values: Mapping[str, Any]) -> str:
    """Word names and values in one line."""
    return "; ".join(f"{name}: {text}" for name, text in facts(values))


def command(results: Results) -> str:
    """Return the command line that measures the same again."""
    given = results.settings.get("command")
    if isinstance(given, str):
        return given
    if isinstance(given, Sequence):
        return shlex.join(map(str, given))
    chosen = [
        f"--{name} {results.settings[name]}"
        for name in ("rounds", "seconds")
        if name in results.settings
    ]
    return " ".join(["python -m benchmarks", *chosen])


def _worded(value: Any) -> str:
    if value is None or value == "" or value == [] or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_worded(each) for each in value)
    return str(value)
