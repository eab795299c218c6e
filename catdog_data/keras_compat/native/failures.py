"""Failed batches in the types of error that Keras' generators raise, which are Pillow's."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from catdog_data.decoding.decode import read_rgb, read_rgb_with_pillow
from catdog_data.decoding.unreadable import naming, raise_if_unreadable, raised_in_python

_SMALL = (1, 1)
"""The size that large images are read in: whether they can be is all that matters."""


def error_of_batch(
    error: tf.errors.OpError | UnicodeDecodeError, paths: Sequence[str]
) -> Exception:
    """Find the file that a batch failed on.

    Args:
        error: what the pipeline raised; not an error of TensorFlow's where that has the name of a
            file which is not UTF-8.
        paths: the files of the batch.

    Returns:
        Pillow's error with the file's name where Pillow cannot read the file either; else its
        reader's; `error` itself if it was no file.
    """
    raised = raised_in_python(error) if isinstance(error, tf.errors.OpError) else None
    named = [path for path in paths if raised is not None and repr(path) in str(raised)]
    for path in named or paths:
        try:
            with naming(path), open(path, "rb") as file:  # noqa: PTH123 (the path as given)
                read_rgb_with_pillow(path, file.read(), _SMALL)
            # Now and then Pillow forgives what TensorFlow's decoder does not.
            raise_if_unreadable(path, lambda file: read_rgb(file, _SMALL))
        except Exception as failure:
            return failure
    return raised if named and raised is not None else error
