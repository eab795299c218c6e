"""Names of files and classes as they are shown: to people, and in lines that programs read."""

import json
import unicodedata

_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of what ends a field or a line, or is not UTF-8 (`os.fsdecode`)."""


def readable(name: str) -> str:
    r"""Return a name that any output takes.

    Args:
        name: any; bytes that are not UTF-8 as `os.fsdecode` has them.

    Returns:
        The name, with U+FFFD for each byte that is not UTF-8.

    Example:
        >>> print(readable("cat\udcff.jpg"))
        cat�.jpg
    """
    return name.encode(errors="surrogateescape").decode(errors="replace")


def as_field(name: str) -> str:
    r"""Return a name as one field of a line, from which it can be read again.

    Args:
        name: any; bytes that are not UTF-8 as `os.fsdecode` has them.

    Returns:
        The name; as a JSON string where it begins with a quotation mark or has control characters,
        line breaks or bytes that are not UTF-8.

    Example:
        >>> print(as_field("two words.jpg"), as_field("a\tb.jpg"))
        two words.jpg "a\tb.jpg"
    """
    breaks = any(unicodedata.category(character) in _BREAKING for character in name)
    return json.dumps(name) if breaks or name.startswith('"') else name
