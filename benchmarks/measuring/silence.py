"""Keep what libraries print from the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator

_STREAMS = (1, 2)


@contextlib.contextmanager
def silenced() -> Iterator[Callable[[], str]]:
    """Catch both streams of this process and of those that it starts, native code included.

    Yields:
        A function that tells what was printed so far.
    """
    with tempfile.TemporaryFile() as file:
        sys.stdout.flush()
        sys.stderr.flush()
        saved = [os.dup(stream) for stream in _STREAMS]
        for stream in _STREAMS:
            os.dup2(file.fileno(), stream)

        def said() -> str:
            sys.stdout.flush()
            sys.stderr.flush()
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            yield said
        finally:
            for stream, descriptor in zip(_STREAMS, saved, strict=True):
                os.dup2(descriptor, stream)
                os.close(descriptor)
