from __future__ import annotations

import subprocess
import sys
import threading
import time

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
import atexit, time
import tensorflow as tf
# Hooks run last in, first out: this one sees what is left of the passes.
atexit.register(lambda: print(*(next(each, "ended") for each in iterators)))
from catdog_data.engine.passes import ended_at_exit

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
"""


def test_passes_end_at_exit_and_those_of_others_do_not():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, timeout=60, capture_output=True, text=True
    )
    assert run.stdout.split()[:2] == ["ended", "ended"]
    assert "tf.Tensor(0" in run.stdout
