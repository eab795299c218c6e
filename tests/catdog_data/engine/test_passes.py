from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf

from catdog_data.engine.passes import end_pass


def test_a_pass_that_somebody_holds_ends():
    in_flight, ended = threading.Semaphore(0), []

    def slow(value):
        in_flight.release()
        time.sleep(0.1)
        ended.append(value)
        return value

    dataset = tf.data.Dataset.range(10**6).map(
        lambda each: tf.ensure_shape(tf.numpy_function(slow, [each], tf.int64), []),
        num_parallel_calls=2,
    )
    iterator = iter(dataset.map(lambda each: (each, tf.cast(each, tf.float32))).prefetch(1))
    assert next(iterator)[0] == 0
    in_flight.acquire()
    end_pass(iterator)
    count = len(ended)
    assert next(iterator, None) is None
    time.sleep(0.3)
    assert len(ended) == count, "a thread of the pass is alive"


SCRIPT = """
import atexit, threading, time
import tensorflow as tf
# Hooks run last in, first out: this one sees what is left of the passes.
atexit.register(lambda: print(*(next(each, "ended") for each in iterators), *begun))
from catdog_data.engine.passes import beginning, ended_at_exit

def slow(value):
    time.sleep(0.01)
    if value == 7:
        raise ValueError("seven")
    return value

def called(each):
    return tf.ensure_shape(tf.numpy_function(slow, [each], tf.int64), [])

dataset = tf.data.Dataset.range(10**6)
ours = ended_at_exit(dataset.map(called, num_parallel_calls=16))
iterators = [iter(each) for each in (ours, ours.map(abs).prefetch(3), dataset)]
for iterator in iterators[:2] * 9:
    try:
        next(iterator)
    except tf.errors.InvalidArgumentError as error:
        held = error

def begin():
    with beginning():
        is_beginning.set()
        time.sleep(0.3)
        begun.append("whole")
    with beginning():
        begun.append("late")

begun, is_beginning = [], threading.Event()
threading.Thread(target=begin, daemon=True).start()
is_beginning.wait()
"""


def test_passes_end_at_exit_and_those_of_others_do_not_and_none_begins():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, timeout=120, capture_output=True, text=True
    )
    assert run.stdout.split()[:2] == ["ended", "ended"]
    assert "tf.Tensor(0" in run.stdout
    assert run.stdout.split()[-1] == "whole", "a pass that is being begun is waited for"


BEGINNING_AT_EXIT = """
import os, threading, time
import tensorflow as tf
from catdog_data.engine.epochs_in_turn import DatasetInTurn
from catdog_data.engine.passes import ended_at_exit

def called(each):
    return tf.ensure_shape(tf.numpy_function(lambda value: value, [each], tf.int64), [])

def begin_passes(count):
    numbers = tf.data.Dataset.range(1000).map(called, num_parallel_calls=4).prefetch(2)
    dataset = DatasetInTurn(ended_at_exit(numbers), None)
    while True:
        next(iter(dataset), None)
        count.append(0)

def child(run):
    counts = [[], [], []]
    for count in counts:
        threading.Thread(target=begin_passes, args=(count,), daemon=True).start()
    while not all(counts):
        time.sleep(0.01)
    time.sleep(0.01 * run)

# Each child ends as any process does; what they import, they import once.
for run in range(5):
    pid = os.fork()
    if not pid:
        child(run)
        break
    print(os.waitpid(pid, 0)[1])
"""


@pytest.mark.slow
def test_daemon_threads_that_begin_passes_let_the_process_exit():
    run = subprocess.run(
        [sys.executable, "-c", BEGINNING_AT_EXIT],
        check=True,
        timeout=300,
        capture_output=True,
        text=True,
    )
    assert run.stdout.split() == ["0"] * 5
