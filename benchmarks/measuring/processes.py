"""Start a process for a contestant, wait for its result, and leave nothing of it behind."""

import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import psutil

from benchmarks.contestants.contestant import Contestant, Task
from benchmarks.measuring.meter import Enough, Receiver, Receiving

_QUIET = "ignore::UserWarning:multiprocessing.resource_tracker"
_PATIENCE = 300.0  # seconds without a result, beyond ten times those that are timed
_INTERVAL = 0.1  # seconds between two looks at the memory
_LONGEST = 2000  # characters of a failure
_OURS = ("TF_CPU_ALLOCATOR_USE_BFC", "TF_CPU_BFC_MEM_LIMIT_IN_MB")


def run_apart(
    contestant: Contestant,
    task: Task,
    cores: tuple[int, ...],
    make_receiver: Callable[[], Receiver],
    seconds: float = 0.0,
) -> tuple[Any, float]:
    """Let a contestant work in a new process.

    Args:
        contestant: Runs in it.
        task: What it does.
        cores: Processors that it may use.
        make_receiver: Makes the receiver of batches, in the new process.
        seconds: How long it should take after the first batch.

    Returns:
        What the receiver returned, and the peak memory of the process tree in 10**6 bytes. Pages
        that a file backs, as of a mapped pack, do not count: they are the system's to drop. What a
        process shares with the one it was forked from does, as if it had been started by itself.

    Raises:
        RuntimeError: It failed, with the reason.
    """
    _forget_settings()
    context = _context(contestant)
    receiving, sending = context.Pipe(duplex=False)
    task = task if contestant.packed else replace(task, packs=None)
    arguments = (sending, contestant, task, cores, make_receiver)
    process = context.Process(target=_work, args=arguments)
    process.start()
    sending.close()
    try:
        return _received(receiving, process, _PATIENCE + 10 * seconds)
    finally:
        _end(process)
        receiving.close()


def _forget_settings() -> None:
    """Take back what importing catdog_data has set here: others shall not run with it."""
    given = psutil.Process().environ()
    for name in _OURS:
        if name not in given:
            os.environ.pop(name, None)


def _context(contestant: Contestant) -> Any:
    """Fork from `preload` if TensorFlow is needed; otherwise keep it out of the memory."""
    if "tensorflow" not in contestant.needs:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.measuring.preload"])
    # Processes that are killed leave semaphores, which the tracker removes and would report.
    if _QUIET not in sys.warnoptions:
        sys.warnoptions.append(_QUIET)
    return context


def _received(connection: Any, process: Any, patience: float) -> tuple[Any, float]:
    peak, end = 0, time.monotonic() + patience
    while not connection.poll(_INTERVAL):
        peak = max(peak, _tree_bytes(process.pid))
        if time.monotonic() > end:
            raise RuntimeError(f"sent nothing for {patience:.0f} s")
    try:
        result, failure = connection.recv()
    except EOFError:
        process.join(5)
        raise RuntimeError(f"its process ended with exit code {process.exitcode}") from None
    if failure:
        raise RuntimeError(failure)
    return result, peak / 1e6


def _work(
    connection: Any,
    contestant: Contestant,
    task: Task,
    cores: tuple[int, ...],
    make_receiver: Callable[[], Receiver],
) -> None:
    """In the new process: send the result, or None and the failure."""
    # First of all, as libraries count the processors when they are imported or first used.
    os.sched_setaffinity(0, cores)
    with tempfile.TemporaryFile() as printed:
        for stream in (1, 2):  # of this process, for what native code prints, too
            os.dup2(printed.fileno(), stream)
        try:
            for module in contestant.needs:
                import_module(module)
            connection.send((_result(contestant, task, make_receiver()), None))
        except Exception:
            sys.stdout.flush()
            printed.seek(0)
            text = f"{traceback.format_exc()}\n{printed.read().decode(errors='replace')}"
            connection.send((None, text[-_LONGEST:]))


def _result(contestant: Contestant, task: Task, receiver: Receiver) -> Any:
    take = Receiving(receiver)
    try:
        contestant.run(task, take)
        take.end()
    except Enough:
        pass
    except Exception:
        # What fails while a contestant stops its workers costs no number.
        if take.result is None:
            raise
    return take.result


def _tree_bytes(pid: int) -> int:
    """Add up the memory that no file backs, of a process and all that it has started."""
    try:
        root = psutil.Process(pid)
        infos = [each.memory_info() for each in (root, *root.children(recursive=True))]
    except psutil.NoSuchProcess:  # one has ended meanwhile
        return 0
    return sum(info.rss - info.shared for info in infos)


def _end(process: Any) -> None:
    """End a process and all that it started: workers may outlive their parent."""
    with contextlib.suppress(psutil.NoSuchProcess):
        tree = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for each in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(tree, timeout=5)
    process.join()
