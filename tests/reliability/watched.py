"""A process that others' code is run in, watched for its end, its silence and its memory."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

_POLL = 0.02
_START = 300.0
"""Seconds that a process may take for its imports."""
_FIRST = 30.0
"""Seconds before the first answer to a task, in which graphs are built and compiled."""
_OF_THE_CLOCK = 60
"""Times the silence that may pass by the clock, where the machine is busy with other things."""
_RECYCLED = 250e6
"""Bytes above those of a new process, from which on one is replaced after its task."""


class Failed(Exception):  # noqa: N818 (what happened, and no error of ours)
    """The process ended, fell silent or took too much memory.

    Args:
        what: "signal 11", "exit code 1", "hang" or "memory".
        done: answers before that.
    """

    def __init__(self, what: str, done: list[Any]) -> None:
        super().__init__(what)
        self.what, self.done = what, done


class Watched:
    """Runs tasks, generators of answers, in a process that is replaced when it fails.

    Args:
        tasks: from a name to the generator; a function of a module, called once in each process
            after its imports.
        silence: seconds between two answers, in which the process computes; or many times as many
            in which it does not.
        memory: bytes above the imported process, beyond which it is killed.
    """

    def __init__(
        self,
        tasks: Callable[[], dict[str, Callable[..., Iterator[Any]]]],
        silence: float,
        memory: float,
    ) -> None:
        self._tasks, self._silence, self._memory = tasks, silence, memory
        self._process: Any = None
        self.imported = 0
        """Bytes of a new process."""

    def run(self, name: str, *args: Any, patience: float = 1.0) -> tuple[list[Any], int]:
        """Run a task to its end.

        Args:
            name: of the task.
            args: what its generator is called with.
            patience: times the usual silence and memory that are allowed.

        Returns:
            The answers, and the peak of resident bytes above the imported process.

        Raises:
            Failed: it did not get there.
        """
        if self._process is None:
            self._start()
        self._pipe.send((name, args))
        answers: list[Any] = []
        silence = _Silence(self._process.pid, _FIRST)
        while True:
            try:
                if self._pipe.poll(_POLL):
                    kind, answer = self._pipe.recv()
                    if kind == "done":
                        break
                    answers.append(answer)
                    silence = _Silence(self._process.pid, self._silence * patience)
            except (EOFError, ConnectionError):
                self._process.join()
                code = self._process.exitcode
                what = f"signal {-code}" if code < 0 else f"exit code {code}"
                raise self._failed(what, answers) from None
            if silence.is_too_long():
                raise self._failed("hang", answers)
            if self._resident() - self.imported > self._memory * patience:
                raise self._failed("memory", answers)
        if self._resident() - self.imported > _RECYCLED:
            self.close()
        return answers, max(answer - self.imported, 0)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self._tasks), daemon=True)
        self._process.start()
        other.close()
        if not self._pipe.poll(_START):
            raise TimeoutError("a new process did not get through its imports")
        self.imported = self._pipe.recv()

    def _failed(self, what: str, done: list[Any]) -> Failed:
        self.close()
        return Failed(what, done)

    def _resident(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0


class _Silence:
    """Time since a process was heard of."""

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid, self._seconds = pid, seconds
        self._clock, self._computed = time.monotonic(), _computed(pid)

    def is_too_long(self) -> bool:
        passed = time.monotonic() - self._clock
        if passed < self._seconds:
            return False
        computed = _computed(self._pid) - self._computed
        return computed > self._seconds or passed > _OF_THE_CLOCK * self._seconds


def _computed(pid: int) -> float:
    """Return the seconds that a process has computed, on all cores."""
    with suppress(psutil.Error):
        return sum(psutil.Process(pid).cpu_times()[:2])
    return 0.0


def _serve(pipe: Connection, make_tasks: Callable[[], Any]) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for descriptor in (1, 2):  # libjpeg and libtiff complain of every file
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    tasks = make_tasks()
    pipe.send(_peak())
    while True:
        name, args = pipe.recv()
        _forget_peak()
        for answer in tasks[name](*args):
            pipe.send(("answer", answer))
        pipe.send(("done", _peak()))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the most bytes that were resident since the last `_forget_peak`."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])
