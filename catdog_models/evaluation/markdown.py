"""Text, tables and code as Markdown that shows any characters as they are."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from catdog_data.system.names import readable

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&$!#]")
# Within a word an underscore is no markup, and stays readable.
_UNDERSCORE = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")


def text(content: object) -> str:
    r"""Return text on one line, with all markup in it escaped.

    Args:
        content: anything; its `str` is taken.

    Returns:
        Markdown.

    Example:
        >>> print(text("my_cats *and* dogs"))
        my_cats \*and\* dogs
    """
    line = readable(" ".join(str(content).split()))
    return _UNDERSCORE.sub(r"\\_", _SPECIAL.sub(r"\\\g<0>", line))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table.

    Args:
        header: the names of the columns; those of numbers are ended with a colon, which is left
            out, and their cells stand at the right.
        rows: a cell for each column.

    Returns:
        Markdown of several lines.

    Example:
        >>> print(table(("class", "images:"), [("cats", 3), ("dogs", 4)]))
        | class | images |
        | --- | ---: |
        | cats | 3 |
        | dogs | 4 |
    """
    marks = ["---:" if name.endswith(":") else "---" for name in header]
    names = [name.removesuffix(":") for name in header]
    lines = [_row([text(name) for name in names]), _row(marks)]
    lines += [_row([text(cell) for cell in row]) for row in rows]
    return "\n".join(lines)


def code(content: str) -> str:
    """Return lines of code.

    Args:
        content: the lines.

    Returns:
        Markdown, with a fence that is longer than any in the code.

    Example:
        >>> print(code("catdog-train --demo"))
        ```
        catdog-train --demo
        ```
    """
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{readable(content)}\n{fence}"


def image(description: str, path: str) -> str:
    """Return a picture.

    Args:
        description: for those who cannot see it.
        path: its file, from the folder of the document.

    Returns:
        Markdown.

    Example:
        >>> image("curves", "my curves.png")
        '![curves](my%20curves.png)'
    """
    return f"![{text(description)}]({quote(path)})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
