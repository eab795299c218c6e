"""`recipe.json`: the settings of a run, which must be the same when the run is continued."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from catdog_data.system.atomic_files import write_atomically

RECORD = "recipe.json"
_ABSENT = "nothing"


def record_run(path: Path, settings: Mapping[str, Any], versions: Mapping[str, str]) -> bool:
    """Write the settings of a new run, or check that they are those of the run that is continued.

    Args:
        path: the file; its folder must exist.
        settings: all that its outcome depends on, in JSON's types.
        versions: name to version of the software, for the reader; they may change.

    Returns:
        Whether the run was started before.

    Raises:
        ValueError: the file belongs to a run with other settings, or is something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "recipe.json")
        ...     record_run(path, {"seed": 5}, {"keras": "3.10"})
        ...     record_run(path, {"seed": 5}, {"keras": "3.11"})
        False
        True
    """
    if not path.exists():
        content = {**settings, "versions": dict(versions)}
        write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())
        return False
    differing = _differences(_settings_in(path), settings)
    if differing:
        raise ValueError(
            f"{str(path.parent)!r} holds a run with other settings: {'; '.join(differing)}. "
            "Repeat these to go on with it, choose another folder, or delete this one."
        )
    return True


def _settings_in(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
        del content["versions"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(path)!r} must be what a run was started with, and is something else. "
            "Choose another folder, or delete this one."
        ) from error
    settings: dict[str, Any] = content
    return settings


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name every value that differs."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    names = dict.fromkeys([*before, *after])
    return [
        f"{name} was {before.get(name, _ABSENT)} and is now {after.get(name, _ABSENT)}"
        for name in names
        if before.get(name, _ABSENT) != after.get(name, _ABSENT)
    ]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{name}.{key}" if name else key)
    else:
        yield name, value
