"""Processes forked from one that has used TensorFlow, whose threads they do not have."""

from __future__ import annotations

import os
import sys
import threading

_FORKED = threading.Event()


def check_not_forked() -> None:
    """Refuse to use TensorFlow where it would hang, or crash without a word.

    Raises:
        RuntimeError: this process was forked from one that had used TensorFlow.

    Example:
        >>> check_not_forked()
    """
    if _FORKED.is_set():
        raise RuntimeError(
            "This process was forked from one that had used TensorFlow, which does not work in it: "
            "its threads are gone. Start processes by "
            '`multiprocessing.get_context("spawn")`, a torch `DataLoader` by '
            '`multiprocessing_context="spawn"`; or fork before TensorFlow is used.'
        )


def _look_whether_tensorflow_was_used() -> None:
    module = sys.modules.get("tensorflow.python.eager.context")
    if getattr(getattr(module, "_context", None), "_initialized", False):
        _FORKED.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_look_whether_tensorflow_was_used)
