"""What befalls a process is noticed, and the next task is done by another."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from tests.reliability.watched import Failed, Watched


def tasks():
    def count(until):
        yield from range(until)

    def crash():
        yield 1
        os.kill(os.getpid(), signal.SIGSEGV)

    def sleep(seconds):
        yield 1
        time.sleep(seconds)
        yield 2

    def compute(seconds):
        yield 1
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            pass
        yield 2

    def allocate(megabytes, seconds):
        taken = np.ones(megabytes * 1_000_000, np.uint8)
        time.sleep(seconds)
        yield int(taken[0])

    return {
        "count": count,
        "crash": crash,
        "sleep": sleep,
        "compute": compute,
        "allocate": allocate,
    }


@pytest.fixture(scope="module")
def watched():
    process = Watched(tasks, silence=0.2, memory=300e6)
    yield process
    process.close()


@pytest.mark.parametrize(
    ("task", "what"),
    [
        (("crash",), f"signal {signal.SIGSEGV.value}"),
        (("sleep", 60), "hang"),
        (("allocate", 600, 60), "memory"),
    ],
)
def test_a_failure_is_told_and_does_not_last(watched, task, what):
    with pytest.raises(Failed) as failed:
        watched.run(*task)
    assert failed.value.what == what
    assert failed.value.done == ([] if what == "memory" else [1])
    assert watched.run("count", 3)[0] == [0, 1, 2]


def test_the_peak_is_that_of_the_task(watched):
    assert watched.run("allocate", 200, 0)[1] > 150e6
    assert watched.run("count", 3)[1] < 100e6


def test_what_sleeps_may_take_longer_than_what_computes(watched):
    assert watched.run("sleep", 1)[0] == [1, 2]
    with pytest.raises(Failed, match="hang"):
        watched.run("compute", 60)
    assert watched.run("compute", 0.5, patience=10.0)[0] == [1, 2]
