"""`shard="auto"`: processes that train together read parts of the same epochs."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from catdog_data import Augmentation, image_dataset_from_arrays
from catdog_data.system import ranks

IMAGES = np.random.default_rng(2).integers(0, 256, (26, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(26, dtype=np.float32)[:, np.newaxis] % 2


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Take away what says that there are others."""
    for name in ("TF_CONFIG", *(name for pair in ranks._VARIABLES for name in pair)):
        monkeypatch.delenv(name, raising=False)


def dataset_of(**options):
    options = {"batch_size": 4, "seed": 7, **options}
    moved = Augmentation(horizontal_flip=True, rotation=20)
    return image_dataset_from_arrays(IMAGES, LABELS, augmentation=moved, rescale=1 / 255, **options)


def values(dataset):
    return list(dataset.as_numpy_iterator())


def test_a_process_reads_the_part_of_its_rank(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    auto, given = dataset_of(shard="auto"), dataset_of(shard=(1, 2))
    tf.nest.map_structure(np.testing.assert_array_equal, values(auto), values(given))
    assert repr(auto).startswith("<ImageDataset shard=(1, 2), element_spec=(TensorSpec(")
    policy = auto.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.OFF
    assert repr(auto.prefetch(1)).startswith("<ImageDataset shard=(1, 2)")
    with pytest.raises(ValueError, match=r'`shard="auto"` needs a `seed`.* process 1 of 2'):
        dataset_of(shard="auto", seed=None)


def test_a_process_alone_reads_all():
    auto, whole = dataset_of(shard="auto"), dataset_of()
    tf.nest.map_structure(np.testing.assert_array_equal, values(auto), values(whole))
    assert repr(auto).startswith("<ImageDataset element_spec=")


# --- MultiWorkerMirroredStrategy ------------------------------------------------------------------

STEPS = 8


def losses_of(strategy, dataset, batch):
    """Train a linear model by the loop of the guide, and return the loss of every step."""
    with strategy.scope():
        weights = tf.Variable(tf.zeros([6 * 5 * 3, 1]))

    def of_replica(images, labels):
        with tf.GradientTape() as tape:
            logits = tf.reshape(images, [-1, weights.shape[0]]) @ weights
            each = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_sum(each) / batch
        context = tf.distribute.get_replica_context()
        summed = tf.distribute.ReduceOp.SUM
        loss, gradient = context.all_reduce(summed, [loss, tape.gradient(loss, weights)])
        weights.assign_sub(0.1 * gradient)
        return loss

    @tf.function
    def step(images, labels):
        return strategy.run(of_replica, (images, labels))

    batches = iter(strategy.distribute_datasets_from_function(lambda context: dataset.repeat()))
    losses = []
    for _ in range(STEPS):
        of_all = strategy.experimental_local_results(step(*next(batches)))
        losses.append(float(of_all[0]))
    return losses


def work():
    """Print the losses of one of two workers."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    dataset = dataset_of(shard="auto", drop_remainder=True)
    print("LOSSES", json.dumps(losses_of(strategy, dataset, batch=8)))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.mark.slow
def test_two_workers_train_as_one(tmp_path, monkeypatch):
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    code = "from tests.catdog_data.datasets.test_workers import work; work()"
    workers = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
        errors = (tmp_path / f"{index}.txt").open("w")
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        )
    monkeypatch.delenv("TF_CONFIG")
    printed = [worker.communicate(timeout=300)[0] for worker in workers]
    problems = [path.read_text()[-2000:] for path in sorted(tmp_path.glob("*.txt"))]
    losses = [
        json.loads(line.removeprefix("LOSSES "))
        for text in printed
        for line in text.splitlines()
        if line.startswith("LOSSES ")
    ]
    assert len(losses) == 2, problems
    strategy = tf.distribute.get_strategy()
    alone = losses_of(strategy, dataset_of(batch_size=8, drop_remainder=True), batch=8)
    assert len(set(alone)) == STEPS  # or else nothing was trained
    for of_worker in losses:
        np.testing.assert_allclose(of_worker, alone, rtol=0, atol=1e-6)
