"""Functions of tensors compiled by XLA, where it is available."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from catdog_data.system.machine import wide_vectors


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of tensors with XLA, or leave it as it is where XLA is missing.

    Args:
        function: pure, of tensors of known shape.

    Returns:
        A callable with the same arguments and results.

    Example:
        >>> compiled(lambda x: x * 2)(tf.constant([1, 2])).numpy()
        array([2, 4], dtype=int32)
    """
    if not xla_is_available():
        return function
    return tf.function(function, jit_compile=True, autograph=False)  # type: ignore[no-any-return]


@functools.cache
def xla_is_available() -> bool:
    """Try XLA once in this process; warn, once, where it does not work."""
    try:
        with _widest_vectors():
            tf.function(lambda x: x + 1, jit_compile=True, autograph=False)(tf.constant(1))
    except (tf.errors.OpError, ValueError) as error:
        warnings.warn(
            "This TensorFlow cannot compile with XLA, so images are warped by the same code "
            f"uncompiled: several times slower, equal within 1e-4 of 255. ({error})",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True


def _widest_vectors() -> contextlib.AbstractContextManager[None]:
    # XLA ends the process over a flag that it does not know, so only where this one was tried.
    tried = tf.__version__.startswith(("2.20.", "2.21."))
    return wide_vectors() if tried else contextlib.nullcontext()
