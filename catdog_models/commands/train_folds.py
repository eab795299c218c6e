"""What `catdog-train --folds` does: a run for each fold, and a report of all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from catdog_models.commands.train_run import Settings, blame, made, train_and_report

if TYPE_CHECKING:
    from catdog_models.commands.train_data import FoldNumber, RunData
    from catdog_models.evaluation.folds import Fold


def train_folds(data_of: Callable[[FoldNumber], RunData], k: int, settings: Settings) -> None:
    """Train a model for each fold, or go on where that was interrupted, and report on all.

    Args:
        data_of: reads the data of fold i of k, from (i, k).
        k: how many folds there are.
        settings: those of each, its folder one in this folder.

    Raises:
        click.BadParameter: see `train_and_report`.
    """
    import keras

    from catdog_models.evaluation.folds_report import report_folds

    folders = [settings.output / f"fold-{number}" for number in range(k)]
    folds = []
    with _recorded(k, settings, folders[0]):
        for number, folder in enumerate(folders):
            click.echo(f"fold {number} of {k}")
            # Else the weights of all stay in memory.
            keras.backend.clear_session()
            with made(folder):
                data = data_of((number, k))
                folds.append(train_and_report(data, replace(settings, output=folder)))
    report_folds(folds, settings.output)
    click.echo(
        f"{k} folds: wrote report.md with its pictures and folds.csv to "
        f"{click.format_filename(settings.output)}"
    )
    _print_table(folds)


@contextlib.contextmanager
def _recorded(k: int, settings: Settings, first: Path) -> Iterator[None]:
    """Record the folds, or check that they are those that are gone on with.

    The record of a run that could not begin with its first fold is removed again.
    """
    from catdog_models.evaluation.report import software_versions
    from catdog_models.training.run_record import RECORD, record_run

    record = settings.output / RECORD
    content = {"folds": k, "recipe": settings.recipe.as_json(), "seed": settings.seed}
    with blame("--output", ValueError, OSError):
        was_begun = record_run(record, content, software_versions())
    try:
        yield
    except BaseException:
        if not was_begun and not (first / RECORD).exists():
            record.unlink(missing_ok=True)
        raise


def _print_table(folds: list[Fold]) -> None:
    from catdog_models.evaluation.folds import measures_of

    table = Table("", "mean", "standard deviation", "lowest", "highest")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in measures_of(folds):
        table.add_row(each.name, *each.spread)
    Console().print(table)
