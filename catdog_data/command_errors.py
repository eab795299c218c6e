"""How commands report a file, a disk or a memory that failed them: a sentence, and exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@contextmanager
def said_plainly(*kinds: type[Exception], output: Path | None = None) -> Iterator[None]:
    """Turn failures of files, disks and memory within the block into click's error.

    All other errors keep their traceback.

    Args:
        kinds: further types of errors that are reported by their message alone.
        output: what is written to, for errors of the system that do not say where they arose.

    Raises:
        click.ClickException: the block failed in such a way.

    Example:
        >>> with said_plainly():
        ...     raise FileNotFoundError(2, "No such file", "cat.jpg")
        Traceback (most recent call last):
        click.exceptions.ClickException: [Errno 2] No such file: 'cat.jpg'
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise
    except Exception as error:
        failure = error if isinstance(error, kinds) else _plain_failure(error)
        if failure is None or not str(failure):
            raise
        if output is not None and isinstance(failure, OSError) and failure.filename is None:
            failure = _located(failure, output)
        raise click.ClickException(str(failure)) from None


def _plain_failure(error: Exception) -> Exception | None:
    # Imported when needed: `--help` need not wait for TensorFlow, which takes seconds.
    from catdog_data.decoding.unreadable import plain_failure

    return plain_failure(error)


def _located(error: OSError, output: Path) -> OSError:
    if error.errno is None:
        return error
    said = f"{error.strerror} while results were written. Mend that, and run the command again"
    return OSError(error.errno, said, str(output))
