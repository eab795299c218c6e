"""The error of an image file that cannot be read: a line that begins with its name.

All readers name their failures here, whether they go through TensorFlow or Pillow, and whoever
shows an error finds the sentence in what TensorFlow makes of it.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from catdog_data.sources.formats import format_of

_REMEDY = "Remove it from the data set or replace it."
_REMEDY_OF_SIZE = (
    "Remove it from the data set or make it smaller; or, if it can be trusted, set "
    "`PIL.Image.MAX_IMAGE_PIXELS` to half of its pixels or more, to all of them for a progressive "
    "JPEG, before datasets and iterators are made."
)
_RULE = "all files of a data set must be there and readable"
_LENGTH = 200
"""Characters that a decoder's own words may have."""
_LOOKED_AT = 64
"""Bytes at either end that show what a file is."""

_NUMBERS = {os.strerror(number): number for number in errno.errorcode}
"""What the operating system calls its errors, as TensorFlow repeats it."""
_BEFORE = re.compile(
    r"""(?: Graph\ execution\ error:
          | Detected\ at\ node\ [^\n]*
          | \d+\ root\ error\(s\)\ found\.
          | \ *File\ [^\n]*
          | <stack\ traces\ unavailable>
          |
        )\n
      | \ *\(0\)\ [A-Z_]+:\ *
      | \w+:\ (?=\{\{function_node\ )
      | \{\{function_node\ .*?\}\}\ *
      | Error\ in\ user-defined\ function\ .*?:\ \S+::\S+:\ """,
    re.VERBOSE,
)
"""What TensorFlow puts before the words of an operation that failed, in parts."""
_BEHIND = re.compile(r"\n(?=Traceback \()|\n*\t \[\[| \[Op:")
_FROM_PYTHON = re.compile(r"(\w+): (.*)", re.DOTALL)


class UnreadableImage(OSError, ValueError):  # noqa: N818 (seen as the name of what failed)
    """A file whose content is no image that its reader decodes.

    An `OSError`, as Pillow raises; and a `ValueError`, since TensorFlow turns these into the
    `tf.errors.InvalidArgumentError` that Keras' datasets raise.
    """


class TooManyPixels(Image.DecompressionBombError, UnreadableImage):
    """An image that is refused for its size, which its header says.

    A `PIL.Image.DecompressionBombError`, as Pillow raises.
    """


class UnfitImage(UnreadableImage):
    """An image that is not what its reader was asked for.

    The message of a reader goes on from the file's name, which `unreadable` puts before it.
    """


_KEPT = (UnidentifiedImageError, MemoryError)
"""Types of decoders' errors that scripts catch."""
_OF_FILES = (OSError, Image.DecompressionBombError, MemoryError)
_SYSTEM = (OSError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
_TYPES = {
    each.__name__: each
    for each in (
        *_KEPT,
        *_OF_FILES,
        *_SYSTEM,
        TooManyPixels,
        UnfitImage,
        UnreadableImage,
        ValueError,
    )
}


def unreadable(
    path: str | bytes, error: BaseException, contents: bytes | None = None, what: str = "an image"
) -> Exception:
    """Name the file that a reader failed on.

    Args:
        path: the file; or a name of something else that holds an image.
        error: what the reader raised.
        contents: the file's bytes where they are known; else the file is looked at.
        what: what it should be.

    Returns:
        The error to raise: one that already names the file as it is; the operating system's as its
        own type, with the path; a decoder's as `PIL.UnidentifiedImageError`, `TooManyPixels`,
        `UnfitImage`, `MemoryError` or else `UnreadableImage`.

    Example:
        >>> error = unreadable("cats/1.jpg", ValueError("not a JPEG"), contents=b"<html>")
        >>> print(error)  # doctest: +ELLIPSIS
        'cats/1.jpg' cannot be decoded as an image (6 bytes, text). Remove it from the data set ...
    """
    name = os.fsdecode(path)
    if isinstance(error, tf.errors.OpError) and (raised := raised_in_python(error)) is not None:
        error = raised
    if isinstance(error, Exception) and _names(error, name):
        return error
    if isinstance(error, UnfitImage):
        return UnfitImage(f"{name!r} {error}")
    if (number := _errno(error)) is not None:
        return OSError(number, f"{os.strerror(number)}; {_RULE}", name)
    decoder = "TensorFlow" if isinstance(error, tf.errors.OpError) else "Pillow"
    words = _words(error)
    said = words if words.startswith("tifffile says: ") else f"{decoder} says: {words}"
    kind = next((each for each in _KEPT if isinstance(error, each)), UnreadableImage)
    remedy = _REMEDY
    if isinstance(error, Image.DecompressionBombError):
        kind, remedy = TooManyPixels, _REMEDY_OF_SIZE
    return kind(f"{name!r} cannot be decoded as {what}{_found(name, contents)}. {remedy} {said}")


@contextmanager
def naming(
    path: str | bytes, contents: bytes | None = None, what: str = "an image"
) -> Iterator[None]:
    """Let every error that a reader raises within the block name the file; see `unreadable`."""
    try:
        yield
    except Exception as error:  # decoders raise all kinds for a damaged file
        raise unreadable(path, error, contents, what) from None


def raise_if_unreadable(path: str | bytes, decode: Callable[[tf.Tensor], Any]) -> None:
    """Read one file, for the sake of the error that names it.

    Args:
        path: the file.
        decode: its reader, from a path, string[], to pixels; called eagerly.

    Raises:
        OSError, PIL.Image.DecompressionBombError, MemoryError: the file cannot be read; see
            `unreadable`.
    """
    with naming(path), tf.device("CPU:0"):
        decode(tf.constant(os.fsencode(path)))


def raised_in_python(error: tf.errors.OpError) -> Exception | None:
    """Make the error again that a reader in Python raised, without TensorFlow's notes.

    Args:
        error: what TensorFlow made of it.

    Returns:
        The error, of its own type; None if it arose elsewhere, or is none that readers raise.
    """
    found = _FROM_PYTHON.fullmatch(_own_words(error.message))
    if found is None or "\nTraceback (most recent call last)" not in error.message:
        return None
    kind = _TYPES.get(found[1])
    return None if kind is None else kind(found[2])


def plain_failure(error: Exception) -> Exception | None:
    """Return the failure of a file, a disk or the memory that caused an error, or None."""
    failure: Exception | None = error
    if isinstance(error, tf.errors.OpError):
        number = _errno(error)
        failure = raised_in_python(error) if number is None else OSError(number, sentence_of(error))
    return failure if isinstance(failure, _OF_FILES) else None


def sentence_of(error: BaseException) -> str:
    """Return the message of an error, without what TensorFlow puts around it.

    Args:
        error: of a loop over a dataset, of `fit`, or any other.

    Returns:
        The message; of the error that was raised in Python, if one was, else TensorFlow's.

    Example:
        >>> try:
        ...     tf.io.read_file("no such file")
        ... except tf.errors.OpError as error:
        ...     print(sentence_of(error))
        no such file; No such file or directory
    """
    if not isinstance(error, tf.errors.OpError):
        return str(error)
    return str(raised_in_python(error) or _own_words(error.message))


def _names(error: Exception, name: str) -> bool:
    """Tell whether an error is one of `unreadable`'s about this file."""
    message = str(error)
    return message.startswith(f"{name!r} ") or (
        isinstance(error, OSError) and message.endswith(f"{_RULE}: {name!r}")
    )


def _errno(error: BaseException) -> int | None:
    """Tell which failure of the operating system it was, if it was one."""
    if isinstance(error, tf.errors.OpError):
        return _NUMBERS.get(_own_words(error.message).rpartition("; ")[2])
    return error.errno if isinstance(error, OSError) else None


def _found(name: str, contents: bytes | None) -> str:
    """Describe a file by its size and what it looks like; "" for what is no file."""
    if contents is not None:
        begin, end, size = contents[:_LOOKED_AT], contents, len(contents)
    else:
        try:
            with open(name, "rb") as file:  # noqa: PTH123 (a string)
                begin, size = file.read(_LOOKED_AT), file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LOOKED_AT))
                end = file.read()
        except OSError:
            return ""
    return f" ({size:,} bytes, {_kind(begin, end)})"


def _kind(begin: bytes, end: bytes) -> str:
    if not begin:
        return "empty"
    if (found := format_of(begin)) is not None:
        return (
            f"a {found.name}"
            if end.endswith(found.trailer)
            else f"a {found.name} that is cut short"
        )
    try:
        is_text = begin.decode("ascii").replace("\r", "").replace("\n", "").isprintable()
    except UnicodeDecodeError:
        is_text = False
    return "text" if is_text else "not a kind of image that is known"


def _words(error: BaseException) -> str:
    """Shorten a decoder's message to a line, without the Python object that it read from."""
    lines = sentence_of(error).strip().splitlines()
    line = re.sub(r" <_io\.\w+ object at \w+>", "", lines[0]) if lines else type(error).__name__
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…"


def _own_words(message: str) -> str:
    """Take away what TensorFlow puts around the words of what failed."""
    while (found := _BEFORE.match(message)) and found.end():
        message = message[found.end() :]
    return _BEHIND.split(message, maxsplit=1)[0].strip()
