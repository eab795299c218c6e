"""`catdog-train` is killed at any moment, run again, and ends as if nothing had happened."""

from __future__ import annotations

import csv
import io
import multiprocessing
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import save_noisy_classes

from catdog_data import Position

KILLS = 11
EPOCHS = 10
SAVES_AT_MOST = 5  # between two kills
LONGEST_DELAY = 0.1  # seconds, about as long as a save takes
LONGEST_START = 3.0
OF_THE_CLOCK = {"input_wait", "images_per_second"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return save_noisy_classes(tmp_path_factory.mktemp("photos"), 24)


def _command(photos: Path, output: Path) -> list[str]:
    options = {
        "--data": photos,
        "--output": output,
        "--recipe": "modern",
        "--epochs": EPOCHS,
        "--image-size": 24,
        "--batch-size": 4,
        "--save-every": 1e-6,  # after each batch
    }
    return [str(each) for option in options.items() for each in option]


def tiny_model(image_size, num_classes, *, precision=None):
    from catdog_models.networks.heads import output_layer

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((*image_size, 3)),
            layers.Conv2D(4, 3, strides=3, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.3),
            output_layer(num_classes),
        ]
    )


def be_quick():
    """Leave the command less to compile at each start.

    Order, mirroring, dropout, schedule and averages are random or depend on what was before.
    """
    from catdog_models.commands import train as cli
    from catdog_models.networks import building
    from catdog_models.training.recipes import MODERN, Distortions

    building._BUILDERS["compact"] = tiny_model
    cli.RECIPES = {MODERN.name: replace(MODERN, distortions=Distortions(horizontal_flip=True))}


def _train(command: list[str], log: Path) -> None:
    """Run in a process of its own, which is killed."""
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from catdog_models.commands import train as cli

    be_quick()
    cli.main(command, standalone_mode=False)
    sys.stdout.flush()


@pytest.fixture(scope="module")
def start():
    """Start a training; processes are forked from one that has imported all, to save that time."""
    context = multiprocessing.get_context("forkserver")
    # Nothing of this has begun to compute or started threads.
    context.set_forkserver_preload(["tensorflow", "keras", "catdog_data", "matplotlib.pyplot"])

    def start(command: list[str], log: Path):
        process = context.Process(target=_train, args=(command, log))
        process.start()
        return process

    return start


def _wait_for_saves(process, path: Path, number: int) -> None:
    """Return after some batches have been trained on and saved, or the process has ended."""
    first = _batches_done(path)
    while _batches_done(path) < first + number and process.is_alive():
        time.sleep(0.001)


def _batches_done(path: Path) -> int:
    if not path.exists():
        return 0
    position = Position.load(path)
    return position.epoch * position.steps + position.step


def _history(output: Path) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO((output / "history.csv").read_text()))
    return [{k: v for k, v in row.items() if k not in OF_THE_CLOCK} for row in rows]


def _weights(output: Path, name: str) -> list[np.ndarray]:
    model = keras.models.load_model(output / name)
    return [*model.get_weights(), *(np.asarray(v) for v in model.optimizer.variables)]


@pytest.mark.slow
def test_a_run_killed_at_any_moment_ends_as_one_that_was_not(photos, tmp_path, start):
    whole, killed, log = tmp_path / "whole", tmp_path / "killed", tmp_path / "log"
    process = start(_command(photos, whole), log)
    process.join()
    assert process.exitcode == 0, log.read_text()[-2000:]

    moments = random.Random(2020)
    command = _command(photos, killed)
    for number in range(KILLS):
        process = start(command, log)
        if number == 0:  # while it starts
            time.sleep(moments.uniform(0, LONGEST_START))
        else:
            saves = moments.randint(1, SAVES_AT_MOST)
            _wait_for_saves(process, killed / "resume" / "position.json", saves)
            time.sleep(moments.uniform(0, LONGEST_DELAY))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, log.read_text()[-2000:]
    assert 0 < len(_history(killed)) < EPOCHS
    process = start(command, log)
    process.join()
    assert process.exitcode == 0, log.read_text()[-2000:]

    assert _history(killed) == _history(whole)
    for name in ("last.keras", "best.keras"):
        for ours, theirs in zip(_weights(killed, name), _weights(whole, name), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert not [path for path in killed.rglob("*") if ".partial" in path.name]
