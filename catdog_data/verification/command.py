"""`catdog-data verify`: look at a data set, and move bad files aside or back.

TensorFlow is imported inside the functions that need it, so that `--help` and wrong options answer
at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from catdog_data.sources.formats import checked_extensions
from catdog_data.verification.findings import UNREADABLE, checked_kinds
from catdog_data.verification.header import MAX_PIXELS

if TYPE_CHECKING:
    from catdog_data.verification.report import Report

_INTERRUPTED = 130
"""What shells expect of a command that Ctrl-C ended."""


def _kinds(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    """Read `unreadable,duplicate`."""
    try:
        return checked_kinds(name.strip() for name in value.split(","))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _endings(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Read `.npy,.tif`."""
    if value is None:
        return None
    try:
        return checked_extensions([name.strip() for name in value.split(",")])
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument(
    "directories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print all findings as one JSON object.")
@click.option(
    "--list",
    "list_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the bad files, as `exclude=` and `catdog-train --exclude` take them.",
)
@click.option(
    "--quarantine",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Move the bad files there, under the paths that they have.",
)
@click.option(
    "--undo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Move all files of a quarantine back, and do nothing else.",
)
@click.option(
    "--bad",
    callback=_kinds,
    default="unreadable",
    show_default=True,
    metavar="KIND,KIND,...",
    help=f"Findings that make a file count as bad: `unreadable` ({', '.join(UNREADABLE)}), leak, "
    "two-classes, duplicate, near-duplicate, wrong-ending, animated, cmyk, 16-bit, alpha, "
    "exif-rotated.",
)
@click.option(
    "--near-duplicates", is_flag=True, help="Find pictures that look alike, too (with imagehash)."
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=MAX_PIXELS,
    show_default=True,
    help="What declares more is not decoded, and is bad.",
)
@click.option(
    "--extensions",
    callback=_endings,
    metavar=".npy,.tif,...",
    help="Look at files with these endings alone, which `image_dataset_from_directory` lists where "
    "its `extensions` name them, with values and channels of any kind.",
)
@click.option("--follow-links", is_flag=True, help="Enter folders that are symbolic links.")
def verify(
    directories: tuple[Path, ...],
    as_json: bool,
    list_file: Path | None,
    quarantine: Path | None,
    undo: Path | None,
    bad: tuple[str, ...],
    near_duplicates: bool,
    max_pixels: int,
    extensions: tuple[str, ...] | None,
    follow_links: bool,
) -> None:
    """Look at every image of DIRECTORIES, and decode it as the pipelines do.

    Each is a folder of class folders, a folder of those for training and validation, or one of
    images alone. Files of the same bytes are found across all.

    Nothing is changed but by --quarantine and --undo, and nothing is deleted. The exit code is 0
    where no file is bad, 1 where some are, also if they were moved, and 2 for wrong options.
    """
    if undo is not None:
        if directories or quarantine or list_file or as_json:
            raise click.UsageError("--undo FOLDER goes alone.")
        _undo(undo)
        return
    if not directories:
        raise click.UsageError("Give a folder of images, or --undo with a quarantine.")
    if quarantine is not None and list_file is not None:
        raise click.UsageError(
            "--quarantine moves the bad files, so that --list has none to name. Give one of both."
        )
    messages: Counter[str] = Counter()
    report = _report(
        messages,
        *directories,
        near_duplicates=near_duplicates,
        max_pixels=max_pixels,
        follow_links=follow_links,
        bad=bad,
        extensions=extensions,
    )
    _show(report, messages, as_json=as_json)
    if list_file is not None:
        _write_list(report, list_file)
    if quarantine is not None:
        _move_aside(report, quarantine)
    sys.exit(1 if report.bad else 0)


def _report(messages: Counter[str], *directories: Path, **options: object) -> Report:
    """Look at the files; what the decoders print is counted."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # nothing here computes
    import tensorflow as tf

    from catdog_data.verification.decoder_messages import counted_messages
    from catdog_data.verification.verify import verify_on

    with counted_messages(Counter()):  # what TensorFlow says when it begins is of no file
        tf.constant(0)
    with (
        _said_when_interrupted(
            "Nothing was changed. What was found is kept for a week: run the same command again to "
            "go on."
        ),
        _blamed("DIRECTORIES", ValueError, ImportError),
        counted_messages(messages) as shown,
    ):
        return verify_on(Console(file=shown), *directories, **options)  # type: ignore[arg-type]


def _show(report: Report, messages: Counter[str], *, as_json: bool) -> None:
    from catdog_data.verification.table import print_messages, print_report

    if as_json:
        warnings = dict(messages.most_common())
        click.echo(json.dumps({**report.as_json(), "decoder_warnings": warnings}, indent=2))
        return
    console = Console()
    print_report(report, console)
    print_messages(messages, console)


def _write_list(report: Report, path: Path) -> None:
    from catdog_data.sources.exclude import lines_of
    from catdog_data.system.atomic_files import write_atomically

    head = f"# bad files found by catdog-data verify ({', '.join(report.bad_kinds)})\n"
    with _blamed("--list", OSError):
        write_atomically(path, head.encode() + lines_of(report.bad))
    click.echo(f"{len(report.bad):,} names written to {click.format_filename(path)}", err=True)


def _move_aside(report: Report, quarantine: Path) -> None:
    from catdog_data.verification.quarantine import MANIFEST, move_aside

    name = click.format_filename(quarantine)
    going_on = (
        f"What was moved is in {name}, and in its {MANIFEST}. Run the same command again to move "
        f"the rest, or `catdog-data verify --undo {name}` to move all of it back."
    )
    with _said_when_interrupted(going_on), _blamed("--quarantine", ValueError, FileExistsError):
        moved = move_aside(report.bad_findings, report.given, quarantine)
    if moved:
        click.echo(
            f"{len(moved):,} files moved to {name}; `catdog-data verify --undo {name}` moves them "
            "back.",
            err=True,
        )


def _undo(quarantine: Path) -> None:
    from catdog_data.verification.quarantine import move_back

    going_on = "Nothing is lost. Run the same command again to move the rest back."
    with _said_when_interrupted(going_on), _blamed("--undo", ValueError, FileNotFoundError):
        moved = move_back(quarantine)
    click.echo(f"{len(moved):,} files moved back", err=True)


@contextmanager
def _said_when_interrupted(going_on: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\nInterrupted. {going_on}", err=True)
        sys.exit(_INTERRUPTED)


@contextmanager
def _blamed(option: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors of a block into click's error about one option."""
    try:
        yield
    except kinds as error:
        raise click.BadParameter(str(error), param_hint=option) from error
