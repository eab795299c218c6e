"""What libraries in C print on standard error, counted instead of shown."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_STDERR = 2
_BEFORE = re.compile(r"^[IWEF]\d{4} \S+ +\d+ \S+\] ")
"""What TensorFlow's log puts before a line: time, thread and place."""
_NUMBER = re.compile(r"\b(0x[0-9a-f]+|\d+)\b")


@contextmanager
def counted_messages(messages: Counter[str]) -> Iterator[TextIO]:
    r"""Keep what is printed on standard error within the block from being shown.

    For commands alone: it holds for the whole process, Python's own output included.

    Args:
        messages: gets how often each line was printed, with "#" in place of numbers, when the
            block ends.

    Yields:
        What standard error was before, for progress.

    Example:
        >>> messages = Counter()
        >>> with counted_messages(messages):
        ...     for place in (7, 12):
        ...         _ = os.write(2, b"Corrupt data at %d\n" % place)
        >>> messages
        Counter({'Corrupt data at #': 2})
    """
    sys.stderr.flush()
    before = os.dup(_STDERR)
    with tempfile.TemporaryFile() as kept, os.fdopen(before, "w") as shown:
        os.dup2(kept.fileno(), _STDERR)
        try:
            yield shown
        finally:
            sys.stderr.flush()
            shown.flush()
            os.dup2(before, _STDERR)
            kept.seek(0)
            for line in kept:
                text = _BEFORE.sub("", line.decode(errors="replace").strip())
                if text:
                    messages[_NUMBER.sub("#", text)] += 1
