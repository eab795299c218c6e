"""Files that are to be left out of a data set, named one by one or by a list on disk."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from catdog_data.system.messages import some_of
from catdog_data.system.names import as_field

Exclude = str | os.PathLike[str] | Iterable[str | bytes | os.PathLike[str]] | None
"""The path of a list, or names of files; None leaves nothing out."""


def rows_kept(
    paths: Sequence[str], exclude: Exclude, directory: str | os.PathLike[str]
) -> list[int]:
    """Choose the files that are not left out.

    Args:
        paths: the N files that are there.
        exclude: a file with one name a line, as `lines_of` writes it; or names. An absolute name
            is taken as it is; one that lies outside of `directory` may be missing, so that the
            readers of several folders take the same list.
        directory: the folder that names count from.

    Returns:
        The positions of the others in `paths`, at least one. A UserWarning counts the names that
        no file below `directory` has.

    Raises:
        ValueError: none of the names below `directory` is a file there, nothing is left, or
            `exclude` is no list of names.
        FileNotFoundError: there is no such list.

    Example:
        >>> rows_kept(["pets/1.jpg", "pets/2.jpg", "pets/3.jpg"], ["2.jpg"], "pets")
        [0, 2]
    """
    root = os.path.abspath(directory)  # noqa: PTH100 (strings, as listings are)
    names = {os.path.abspath(os.path.join(root, name)): name for name in _names(exclude)}  # noqa: PTH100, PTH118
    last_parts = {os.path.basename(path) for path in names}  # noqa: PTH119
    found: set[str] = set()
    rows = []
    for row, path in enumerate(paths):
        # Most paths differ in their last part, which is fast.
        if os.path.basename(path) in last_parts and (full := os.path.abspath(path)) in names:  # noqa: PTH100, PTH119
            found.add(full)
        else:
            rows.append(row)
    _check_names_are_there(names, found, root)
    if not rows:
        raise ValueError(f"`exclude` must leave an image; it names all {len(paths)} of {root!r}.")
    return rows


def lines_of(names: Iterable[str]) -> bytes:
    r"""Write names as a list that `exclude` takes: one a line.

    Args:
        names: bytes that are not UTF-8 as `os.fsdecode` has them.

    Returns:
        The lines. A name that a line cannot hold, or that would be taken for a comment, is
        a JSON string; a line that begins with "#" is a comment, and an empty one nothing.

    Example:
        >>> lines_of(["cats/1.jpg", "cats/line\nbreak.jpg"])
        b'cats/1.jpg\n"cats/line\\nbreak.jpg"\n'
    """
    return b"".join(os.fsencode(_line(name)) + b"\n" for name in names)


def names_in(path: str | os.PathLike[str]) -> list[str]:
    r"""Read a list of names, as `lines_of` writes it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line begins with a quotation mark and is no JSON string.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "bad.txt").write_text("# found today\ncats/1.jpg\n")
        ...     names_in(Path(folder, "bad.txt"))
        ['cats/1.jpg']
    """
    try:
        contents = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`exclude` must be a file with one name a line, or a list of names; there is no file "
            f"{os.fspath(path)!r}. Give a single name as a list."
        ) from None
    lines = [line.removesuffix(b"\r") for line in contents.split(b"\n")]
    return [
        _name_in(os.fsdecode(line), number, path)
        for number, line in enumerate(lines, start=1)
        if line and not line.startswith(b"#")
    ]


def _line(name: str) -> str:
    return json.dumps(name) if name.startswith("#") else as_field(name)


def _name_in(line: str, number: int, path: str | os.PathLike[str]) -> str:
    if not line.startswith('"'):
        return line
    try:
        return str(json.loads(line))
    except ValueError:
        raise ValueError(
            f"`exclude`: line {number} of {os.fspath(path)!r} begins with a quotation mark and "
            f"must be a JSON string; received {line!r}."
        ) from None


def _names(exclude: Any) -> list[str]:
    if isinstance(exclude, (str, bytes, os.PathLike)):
        return names_in(os.fsdecode(exclude))
    given: list[Any] = list(exclude) if isinstance(exclude, Iterable) else [exclude]
    if strangers := [each for each in given if not isinstance(each, (str, bytes, os.PathLike))]:
        raise ValueError(
            "`exclude` must be None, the path of a list, or names of files; received "
            f"{some_of(strangers)}."
        )
    return [os.fsdecode(each) for each in given]


def _check_names_are_there(names: dict[str, str], found: set[str], root: str) -> None:
    below = {path for path in names if path.startswith(os.path.join(root, ""))}  # noqa: PTH118
    # A file that is there and not listed is left out as well: of another format, or class.
    missing = [names[path] for path in below - found if not os.path.isfile(path)]  # noqa: PTH113
    if not missing:
        return
    rule = f"names count from the directory that is read, {root!r}"
    if len(missing) == len(below):
        raise ValueError(
            f"`exclude` must name files that are there; of its {len(below)} names below {root!r} "
            f"none is: {some_of(sorted(missing))}. Correct the list ({rule}), or leave it out."
        )
    warnings.warn(
        f"`exclude`: {len(missing)} of {len(below)} names are no files, and leave nothing out: "
        f"{some_of(sorted(missing))}; {rule}.",
        stacklevel=4,
    )
