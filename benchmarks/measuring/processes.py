"""Start a process for a contestant, wait for what it sends, and leave nothing of it behind."""

from __future__ import annotations

import multiprocessing
import threading
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

import psutil

from benchmarks.contestants.contestant import Contestant, Task
from benchmarks.measuring.child import Failed, Summarise, Timing, work
from benchmarks.measuring.memory import PeakMemory
from benchmarks.measuring.silence import silenced

_PRELOADED = ["tensorflow", "keras", "scipy.ndimage", "PIL.Image", "psutil"]
_STARTING = threading.Lock()
_PATIENCE = 300.0  # seconds, beyond ten times those that are timed


def run_apart(
    contestant: Contestant, task: Task, cores: tuple[int, ...], wanted: Timing | Summarise
) -> tuple[Any, float]:
    """Let a contestant work in a new process.

    Args:
        contestant: Who works.
        task: At what.
        cores: Processors that it may use.
        wanted: What it is to send.

    Returns:
        What it sent, `Failed` included, and the peak of its memory in 10**6 bytes.
    """
    context = _context(contestant)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, contestant, task, cores, wanted))
    process.start()
    theirs.close()
    timed = wanted.seconds if isinstance(wanted, Timing) and wanted.at_most is None else 0.0
    try:
        with PeakMemory(process.pid or 0) as memory:
            result = _received(ours, process, _PATIENCE + 10 * timed)
        return result, memory.megabytes
    finally:
        _end(process)
        ours.close()


def _context(contestant: Contestant) -> ForkServerContext | SpawnContext:
    """Choose how processes start.

    Importing TensorFlow takes seconds and starts no thread, so a server that has only imported it
    is forked; the new process has nothing that one started by itself would not have. Those that
    do not need TensorFlow start from nothing, so that it is not in their memory.
    """
    if "tensorflow" not in contestant.needs:
        return multiprocessing.get_context("spawn")
    with _STARTING:
        return _fork_server()


@cache
def _fork_server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with silenced():  # what TensorFlow says when it is imported
        forkserver.ensure_running()
    return context


def _received(connection: Any, process: Any, patience: float) -> Any:
    if not connection.poll(patience):
        return Failed(f"sent nothing for {patience:.0f} s")
    try:
        return connection.recv()
    except EOFError:
        process.join(5)
        return Failed(f"its process ended with exit code {process.exitcode}")


def _end(process: Any) -> None:
    """End a process and all that it started: workers may outlive their parent."""
    try:
        tree = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        tree = []
    process.kill()
    process.join()
    for each in tree:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(tree, timeout=5)
