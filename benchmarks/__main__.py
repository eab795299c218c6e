"""`python -m benchmarks`: Keras' loader against ours, on your images or on drawn ones."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import click
from rich.console import Console

from benchmarks import contestants, measure, report

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="Directory or archive of class folders.  [default: a drawn sample set]",
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Length of each contestant's turn in a round.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write all samples to.",
)
def main(data: Path | None, rounds: int, seconds: float, json_path: Path | None) -> None:
    """Measure how fast batches come, against Keras' ImageDataGenerator."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            directory = _training_folder(data, Path(scratch) / "images")
            images = _read_all(directory)
            results = {
                workload: measure.measure(
                    contestants.contestants(workload), directory, rounds=rounds, seconds=seconds
                )
                for workload in contestants.WORKLOADS
            }
        except (OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error
    settings = report.conditions(
        data="drawn sample set" if data is None else "given by --data",
        images=images,
        rounds=rounds,
        seconds=seconds,
    )
    report.show(Console(), settings, results)
    if json_path is not None:
        content = report.as_json(settings, results)
        json_path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _training_folder(data: Path | None, scratch: Path) -> Path:
    from catdog_data.sources.archive import find_image_folders, unpack
    from catdog_data.sources.samples import generate_sample_set

    if data is None:
        return generate_sample_set(scratch, validation_per_class=0).train
    if data.is_dir():
        return find_image_folders(data).train
    return unpack(data, scratch).train


def _read_all(directory: Path) -> int:
    """Bring every file into the page cache and count the images, by the library's own rules."""
    from catdog_data import index_class_folders

    index = index_class_folders(directory)
    for name in index.filenames:
        (Path(index.root) / name).read_bytes()
    return len(index)


if __name__ == "__main__":
    main()
