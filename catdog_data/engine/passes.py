"""Passes over datasets, ended before the interpreter is.

A pipeline's threads may be in the middle of a call into Python. One that comes back when the
interpreter is gone waits for ever, and the process, which waits for its threads, with it. An
iterator may live that long: a name at module level holds it, or the traceback of an error does.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import threading
import weakref
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.python.data.ops.iterator_ops import OwnedIterator
from tensorflow.python.ops import gen_dataset_ops

_ENDED_AT_EXIT: weakref.WeakSet[tf.data.Dataset] = weakref.WeakSet()
_EXITING = threading.Event()
_UNDER_WAY = threading.Condition()
_beginning = 0
"""How many passes are being begun, by threads that may be daemons; guarded by `_UNDER_WAY`."""
_LONGEST_WAIT = 10.0
"""Seconds that the exit waits for them: where one hangs, the exit does not."""


def ended_at_exit(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Have every pass over a dataset, or over one made from it, ended when the process exits.

    Args:
        dataset: any whose stages call Python; what its source waits for, if for anything, must be
            released by an `atexit` hook of the caller's, which runs first.

    Returns:
        The dataset itself.

    Raises:
        RuntimeError: the process is exiting.
    """
    check_not_exiting()
    _ENDED_AT_EXIT.add(dataset)
    return dataset


def check_not_exiting() -> None:
    """Refuse to begin what a thread that outlives the interpreter could not end.

    Raises:
        RuntimeError: the process is exiting.
    """
    if _EXITING.is_set():
        raise RuntimeError("The process is exiting: no pass over a dataset can begin any more.")


def refuse_passes() -> None:
    """Let no pass begin any more, for an `atexit` hook."""
    _EXITING.set()


@contextlib.contextmanager
def beginning() -> Iterator[None]:
    """Begin a pass within: the process does not exit meanwhile, or it would not end that pass.

    Once it is exiting, a daemon thread stays here, as it would at its next step in Python, when the
    interpreter is gone.

    Raises:
        RuntimeError: the process is exiting, and another thread than a daemon begins a pass.
    """
    global _beginning
    with _UNDER_WAY:
        is_late = _EXITING.is_set()
        _beginning += not is_late
    if is_late:
        if _is_daemon(threading.current_thread()):
            threading.Event().wait()
        check_not_exiting()
    try:
        yield
    finally:
        with _UNDER_WAY:
            _beginning -= 1
            _UNDER_WAY.notify_all()


def _forget_other_threads() -> None:
    global _UNDER_WAY, _beginning
    _UNDER_WAY, _beginning = threading.Condition(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def _is_daemon(thread: threading.Thread) -> bool:
    # Threads of TensorFlow's seem to be daemons, too.
    return thread.daemon and not isinstance(thread, threading._DummyThread)


@atexit.register
def _end_passes() -> None:
    refuse_passes()
    with _UNDER_WAY:
        _UNDER_WAY.wait_for(lambda: _beginning <= 0, _LONGEST_WAIT)
    if not _ENDED_AT_EXIT:
        return
    for iterator in list(_live_iterators()):
        end_pass(iterator)


def end_pass(iterator: OwnedIterator) -> None:
    """End a pass and wait for its threads, also where other code holds the iterator.

    Args:
        iterator: what `iter(dataset)` returned; it yields nothing more.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    nothing = iterator._dataset.take(0).with_options(options)
    # An iterator that begins over lets go of the pass it was in.
    gen_dataset_ops.make_iterator(nothing._variant_tensor, iterator._iterator_resource)


def _live_iterators() -> Iterator[OwnedIterator]:
    """Yield those that are still held, by whatever it may be, over the datasets to be ended."""
    # The type and not `isinstance`, which asks lazily loaded modules for their class.
    for each in gc.get_objects():
        if type(each) is OwnedIterator and _is_ended(getattr(each, "_dataset", None)):
            yield each


def _is_ended(dataset: tf.data.Dataset | None) -> bool:
    if dataset is None:
        return False
    return dataset in _ENDED_AT_EXIT or any(map(_is_ended, dataset._inputs()))
