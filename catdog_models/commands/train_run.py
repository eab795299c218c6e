"""What `catdog-train` does once its options are read: train, save, and report.

TensorFlow is imported inside the functions that need it, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catdog_models.training.recipes import Recipe

if TYPE_CHECKING:
    from catdog_models.commands.train_data import RunData
    from catdog_models.evaluation.folds import Fold
    from catdog_models.training.results import EpochResults

_PREVIEWED = 32  # images
_PREVIEW = "preview.png"
_RESUME = "resume"  # the folder for what a killed run goes on from
_POSITION = "position.json"  # in it


@dataclass(frozen=True)
class Settings:
    """How one run loads and trains.

    Attributes:
        output: the folder for everything that is written.
        recipe: how the network is trained.
        seed: of the weights, the order and the distortions.
        precision: a name of `PRECISIONS`, or "auto".
        cache: where decoded images are kept, or None.
        save_every: seconds between saves of what a killed run goes on from.
        tensorboard: whether logs for TensorBoard are written.
        on_error: what is done about images that cannot be read: "raise", "skip" or "replace".

    Example:
        >>> from catdog_models.training.recipes import MODERN
        >>> Settings(Path("run"), MODERN, 5, "auto", None, 60.0, False).recipe.name
        'modern'
    """

    output: Path
    recipe: Recipe
    seed: int
    precision: str
    cache: str | None
    save_every: float
    tensorboard: bool
    on_error: str = "raise"


def repeat_to_the_bit() -> None:
    """Make runs on CPUs repeatable to the last bit, which costs a GPU too much.

    Before the data are read: tf.data takes other ways to batches then.
    """
    import tensorflow as tf

    from catdog_models.networks.precision import visible_devices

    if all(device.kind == "CPU" for device in visible_devices()):
        tf.config.experimental.enable_op_determinism()


def train_and_report(data: RunData, settings: Settings) -> Fold:
    """Train, or continue training, and write models, history and report.

    Args:
        data: what is trained and validated on.
        settings: how.

    Returns:
        What was trained and how well it does, as a fold among others.

    Raises:
        click.BadParameter: an option does not go with the others or with what the folder holds.
    """
    import keras
    import tensorflow as tf
    from tensorflow.data.experimental import assert_cardinality

    from catdog_models.commands.train_data import RESCALE
    from catdog_models.networks.building import build_from_recipe
    from catdog_models.networks.precision import choose_precision, visible_devices
    from catdog_models.training.input_spec import InputSpec, input_spec_path
    from catdog_models.training.replicas import gpus, replicated_over
    from catdog_models.training.results import BEST, EpochResults
    from catdog_models.training.run_record import RECORD, record_run

    recipe, output = settings.recipe, settings.output
    spec = InputSpec(
        data.class_names,
        recipe.image_size,
        recipe.interpolation,
        RESCALE,
        antialias=recipe.antialias,
    )
    devices = visible_devices()
    precision = choose_precision(settings.precision, devices)
    content = {
        "recipe": recipe.as_json(),
        "data": data.as_json(),
        "seed": settings.seed,
        "precision": precision,
    }
    keras.utils.set_random_seed(settings.seed)
    steps = int(data.training.cardinality())
    replicas = gpus()
    with blame("--batch-size", ValueError):
        images = data.images_per_epoch, data.images[1]
        scope = replicated_over(replicas, recipe.batch_size, images)
    if len(replicas) > 1:
        click.echo(f"training on {len(replicas)} GPUs, each with a part of every batch")
    # Before the run is recorded: one that cannot be built leaves nothing behind.
    with blame("--image-size", ValueError), scope:
        model = build_from_recipe(recipe, len(data.class_names), steps, precision)
    with blame("--output", ValueError, OSError):
        _check_record(output)
        record_run(
            output / RECORD, content, {"tensorflow": tf.__version__, "keras": keras.__version__}
        )
        spec.save(input_spec_path(output / BEST))
        # Validation images that are distorted are those of the epoch, after a crash as well.
        validation = data.validation.follow(lambda: (len(results.rows), 0))
        validation = validation.apply(assert_cardinality(data.validation.cardinality()))
        results: EpochResults = EpochResults(output, validation)
    click.echo(json.dumps(content, indent=2))
    if not (output / _PREVIEW).exists():  # else of the run that is gone on with
        _preview(data, output)
    _fit(model, data, results, settings, steps)
    kinds = [device.kind for device in devices]
    machine = {"precision": precision, "devices": f"{len(kinds)} {kinds[0]}"}
    return _report(data, results, settings, machine)


def _check_record(output: Path) -> None:
    """Refuse what a killed run left, if nothing tells which run it was."""
    from catdog_models.training.run_record import RECORD

    left = output / _RESUME / _POSITION
    if left.exists() and not (output / RECORD).exists():
        raise ValueError(
            f"{str(output)!r} must hold {RECORD}, what its run was started with, beside "
            f"{str(left)!r}, from which it would go on; it is missing. Put it back, choose another "
            "folder, or delete this one."
        )


def _fit(model: Any, data: RunData, results: EpochResults, settings: Settings, steps: int) -> None:
    """Train from the position that was saved last."""
    import keras
    from rich.console import Console

    from catdog_data import InputPosition, InputWait, Position
    from catdog_models.training.progress import TrainingProgress
    from catdog_models.training.replicas import take_no_first_batch
    from catdog_models.training.training import build_metrics, train

    path = settings.output / _RESUME / _POSITION
    build_metrics(model)
    take_no_first_batch(model)
    position = Position(0, 0, steps)
    if path.exists():
        with blame("--output", ValueError, OSError):
            position = InputPosition.restore(path, model)
    epochs = settings.recipe.epochs
    if position.epoch >= epochs and len(results.rows) == epochs:
        click.echo(
            f"{settings.output} holds a complete run of {epochs} epochs; nothing is trained."
        )
        return
    if position != Position(0, 0):
        click.echo(f"going on with epoch {position.epoch + 1}, step {position.step + 1} of {steps}")
    saver = InputPosition(
        path,
        every=steps,
        start=position,
        weights=path.parent / "weights",
        seconds=settings.save_every,
    )
    logs = settings.output / "tensorboard"
    clock = InputWait(logs if settings.tensorboard else None)
    progress = TrainingProgress(epochs, steps, Console(), clock.measured)
    progress.begin_at(position.step)
    train(
        model,
        saver.follow(data.training),
        results,
        epochs=epochs,
        done=position.epoch,
        saver=saver,
        before=[clock, *([keras.callbacks.TensorBoard(logs)] if settings.tensorboard else [])],
        after=[progress],
        class_weight=data.class_weight(),
    )


def _preview(data: RunData, output: Path) -> None:
    """Draw the first images that are trained on."""
    import numpy as np

    from catdog_models.plots import preview_batch

    first, pictures = data.training.resume(0, 0), []
    for images, labels in first:
        pictures.append((images.numpy(), labels.numpy()))
        if sum(len(each) for each, _ in pictures) >= _PREVIEWED:
            break
    images, labels = (np.concatenate(each) for each in zip(*pictures, strict=True))
    preview_batch(images, labels, data.class_names, output / _PREVIEW, count=_PREVIEWED)


def _report(
    data: RunData, results: EpochResults, settings: Settings, machine: dict[str, str]
) -> Fold:
    """Write the report, and print the accuracies."""
    import keras

    from catdog_models.evaluation.folds import Fold
    from catdog_models.evaluation.report import RunSummary
    from catdog_models.evaluation.run_report import report_run
    from catdog_models.training.epoch_table import columns
    from catdog_models.training.results import BEST

    recipe, output = settings.recipe, settings.output
    training, validation = data.images
    run = RunSummary(
        name=recipe.name,
        class_names=data.class_names,
        images={"training": training, "validation": validation},
        history=columns(results.rows),
        recipe=recipe.as_json(),
        settings={
            "seed": settings.seed,
            **({"balance": data.balance} if data.balance else {}),
            **machine,
        },
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        files=data.validation_files,
        images_per_epoch=data.images_per_epoch,
    )
    best = keras.models.load_model(output / BEST, compile=False)
    evaluation = report_run(run, best, data.validation, output)
    click.echo(
        "wrote report.md with its pictures, history.csv, best.keras, last.keras to "
        f"{click.format_filename(output)}"
    )
    if broken := data.broken_files():
        click.echo(f"images that could not be read: {len(broken)}")
        for each in broken:
            click.echo(f"  {each.action}: {click.format_filename(each.path)}")
    click.echo(f"validation accuracy: {results.rows[-1]['val_accuracy']:.3f}")
    click.echo(
        f"best: {results.rows[run.best_epoch - 1]['val_accuracy']:.3f} after epoch {run.best_epoch}"
    )
    return Fold(run, evaluation)


@contextlib.contextmanager
def made(output: Path) -> Iterator[None]:
    """Make a folder; if the block fails and has left nothing in it, remove it again.

    Args:
        output: the folder; its parents are made as well.

    Raises:
        click.BadParameter: it cannot be made.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with made(Path(folder, "new", "run")):
        ...         print(sorted(path.name for path in Path(folder).rglob("*")))
        ['new', 'run']
    """
    missing = [folder for folder in (output, *output.parents) if not folder.exists()]
    with blame("--output", OSError):
        output.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # one that is not empty stays
            for folder in missing:
                folder.rmdir()
        raise


@contextlib.contextmanager
def blame(option: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors of a block into click's error about one option.

    Args:
        option: its name, such as "--image-size".
        kinds: the types of the errors.

    Raises:
        click.BadParameter: the block raised one of these.

    Example:
        >>> with blame("--image-size", ValueError):
        ...     raise ValueError("too small")
        Traceback (most recent call last):
        click.exceptions.BadParameter: too small
    """
    try:
        yield
    except kinds as error:
        raise click.BadParameter(str(error), param_hint=option) from error
