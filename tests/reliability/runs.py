"""What is killed: a process that packs images, or that trains; and how the results are compared."""

from __future__ import annotations

import csv
import hashlib
import io
import multiprocessing
import os
import resource
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

SIDE = 24
"""Pixels of a side of the training's images."""
BATCH = 4
_PACKED_SIDE = 192
_OF_THE_CLOCK = {"input_wait", "images_per_second"}
_NOT_OF_PIXELS = {"last-used", ".lock"}


def packing(photos: Path, folder: Path) -> None:
    """Build the pack of a folder of images; do nothing if it is there."""
    from catdog_data import image_dataset_from_directory
    from catdog_data.command_errors import said_plainly

    with said_plainly():
        image_dataset_from_directory(photos, image_size=_PACKED_SIDE, cache=folder, verbose=False)


def training(photos: Path, folder: Path, epochs: int) -> None:
    """Train by the command, which goes on where it was; saves after each batch."""
    from catdog_models.commands import train as cli

    be_quick()
    options = {
        "--data": photos,
        "--output": folder,
        "--recipe": "modern",
        "--epochs": epochs,
        "--image-size": SIDE,
        "--batch-size": BATCH,
        "--save-every": 1e-6,
    }
    command = [str(each) for option in options.items() for each in option]
    cli.main(command, standalone_mode=False)


def started(run: Any, arguments: Sequence[Any], log: Path, largest_file: int | None = None) -> Any:
    """Start a run in a process of its own.

    Args:
        run: `packing` or `training`.
        arguments: its own.
        log: what it prints is written there; this file too may not be longer.
        largest_file: bytes; no file may be longer.

    Returns:
        The process; it ends with 1 where the run failed, and the log's last line says why.
    """
    process = _context().Process(target=_run, args=(run, tuple(arguments), log, largest_file))
    process.start()
    return process


def digest(folder: Path) -> str:
    """Sum up all packs of a folder, which must be whole."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in _NOT_OF_PIXELS and path.suffix != ".lock":
            total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


def results(output: Path) -> list[Any]:
    """Gather what a training ends with: its history, and all weights and states of optimizers."""
    import keras
    import numpy as np

    rows = csv.DictReader(io.StringIO((output / "history.csv").read_text()))
    found: list[Any] = [{k: v for k, v in row.items() if k not in _OF_THE_CLOCK} for row in rows]
    for name in ("last.keras", "best.keras"):
        model = keras.models.load_model(output / name)
        variables = [*model.get_weights(), *model.optimizer.variables]
        found += [np.asarray(each).tobytes() for each in variables]
    return found


def half_written(folder: Path) -> list[str]:
    """List what a run has left unfinished."""
    return sorted(str(path) for path in folder.rglob("*") if ".partial" in path.name)


def tiny_model(image_size: tuple[int, int], num_classes: int, *, precision: Any = None) -> Any:
    """Build a network whose dropout and averages depend on all that was before."""
    import keras

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


def be_quick() -> None:
    """Leave the command less to compile at each start.

    Order, mirroring, dropout, schedule and averages are random or depend on what was before.
    """
    from catdog_models.commands import train as cli
    from catdog_models.networks import building
    from catdog_models.training.recipes import MODERN, Distortions

    building._BUILDERS["compact"] = tiny_model
    cli.RECIPES = {MODERN.name: replace(MODERN, distortions=Distortions(horizontal_flip=True))}


def _run(run: Any, arguments: tuple[Any, ...], log: Path, largest_file: int | None) -> None:
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    try:
        run(*arguments)
    except Exception as error:
        if type(error).__name__ != "ClickException":
            traceback.print_exc()
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)


@cache
def _context() -> Any:
    """Fork from a process that has imported all, to save that time, and has begun nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", "keras", "catdog_data", "matplotlib.pyplot"])
    return context
