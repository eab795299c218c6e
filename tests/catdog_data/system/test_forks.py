"""What a forked process may do: anything, unless its parent had used TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")

SCRIPT = """
import multiprocessing, os, sys
import tensorflow as tf
import catdog_data
from catdog_data import ImageDataGenerator, image_dataset_from_directory

photos, packs, used = sys.argv[1], sys.argv[2], sys.argv[3] == "used"
fork = multiprocessing.get_context("fork")

def dataset(**more):
    return image_dataset_from_directory(photos, image_size=8, batch_size=4, verbose=False, **more)

def flow(**recipe):
    generator = ImageDataGenerator(**recipe)
    return generator.flow_from_directory(photos, target_size=(8, 8), batch_size=4)

it, made = flow(), []
if used:
    made.append(dataset())
    next(iter(made[0])), next(it), it[0]

def said(what, queue):
    try:
        what()
    except RuntimeError as error:
        queue.put(f"refused: {error}")
    else:
        queue.put("worked")

whats = {
    "new dataset": lambda: next(iter(dataset())),
    "new iterator": lambda: next(flow(rotation_range=9)),
    "one by one": lambda: next(flow(fill_mode="mirror", rotation_range=9)),
    "pack": lambda: dataset(cache=packs),
    "next": lambda: next(it),
    "item": lambda: it[1],
    "fit": lambda: it.epoch_dataset(),
    "verify": lambda: catdog_data.verify(photos, progress=False),
    "sample set": lambda: catdog_data.generate_sample_set(
        packs + " set", train_per_class=2, validation_per_class=0, progress=False
    ),
}
if used:
    whats |= {
        "pass": lambda: next(iter(made[0])),
        "mapped": lambda: next(iter(made[0].map(lambda images, labels: images))),
        "resumed": lambda: made[0].resume(0, 1),
    }
for name, what in whats.items():
    queue = fork.SimpleQueue()
    child = fork.Process(target=said, args=(what, queue))
    child.start()
    child.join(90)
    answer = queue.get() if child.exitcode == 0 else f"ended by {child.exitcode}"
    print(f"{name}: {answer}", flush=True)
    child.kill()
os._exit(0)
"""


@pytest.mark.parametrize("parent", ["used", pytest.param("imported", marks=pytest.mark.slow)])
def test_children_of_a_parent_that_used_tensorflow_are_refused(photos, tmp_path, parent):
    command = [sys.executable, "-c", SCRIPT, str(photos), str(tmp_path / "packs"), parent]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    answers = [line for line in done.stdout.splitlines() if ": " in line and "Passed" not in line]
    assert len(answers) == (12 if parent == "used" else 9)
    for answer in answers:
        if parent == "used" and not answer.startswith("sample set"):  # it needs no TensorFlow
            assert "refused: This process was forked" in answer
            assert '"spawn"' in answer
        else:
            assert answer.endswith(": worked")
