"""`catdog-data`: whether files are sound, what is cached, what holds an input pipeline up."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from catdog_data.command_errors import said_plainly
from catdog_data.verification.command import verify as verify_images

if TYPE_CHECKING:
    from catdog_data.cache.packs import CachedPack

_FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help='The folder given as `cache=`.  [default: that of cache="disk"]',
)


class _Plain(click.Group):
    """Commands that say in a sentence what a file or a disk failed them with."""

    def invoke(self, ctx: click.Context) -> Any:
        with said_plainly(ValueError):
            return super().invoke(ctx)


@click.group(cls=_Plain, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="catdog")
def main() -> None:
    """Look after image input pipelines."""


main.add_command(verify_images)


@main.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--image-size", type=click.IntRange(min=1), default=224, show_default=True)
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True)
@click.option("--augment", is_flag=True, help="Also mirror, turn by 30 degrees, shear and zoom.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    help="How long each stage is measured.",
)
def doctor(
    directory: Path, image_size: int, batch_size: int, augment: bool, seconds: float
) -> None:
    """Measure each stage of the pipeline on the images of DIRECTORY, and say what to change."""
    from catdog_data.augment.augmentation import Augmentation
    from catdog_data.doctor.measure import diagnose

    augmentation = Augmentation(horizontal_flip=True, rotation=30, shear=5, zoom=(0.7, 1.3))
    diagnosis = diagnose(
        directory, image_size, batch_size, augmentation if augment else None, seconds
    )
    click.echo(diagnosis.report())


@main.group()
def cache() -> None:
    """Images that were decoded once, and are kept in packs."""


@cache.command("list")
@_FOLDER
def list_packs(folder: Path | None) -> None:
    """List the packs, the one used last first."""
    packs = _packs(folder)
    table = Table("pack", "images", "shape", "type", "MB", "last used", "files")
    for pack in packs:
        table.add_row(
            pack.key,
            f"{pack.layout.n:,}",
            "x".join(map(str, pack.layout.shape)),
            pack.layout.dtype,
            f"{pack.layout.size / 1e6:,.0f}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(pack.last_used)),
            "unchanged" if pack.is_current() else "changed",
        )
    _show(table)
    total = sum(pack.layout.size for pack in packs)
    click.echo(
        f"{len(packs)} packs, {total / 1e6:,.0f} MB, in {click.format_filename(_named(folder))}"
    )


@cache.command()
@_FOLDER
@click.argument("keys", nargs=-1, required=True)
def remove(folder: Path | None, keys: tuple[str, ...]) -> None:
    """Delete packs by name, or by the first letters of it."""
    packs = _packs(folder)
    chosen = []
    for key in keys:
        matching = [pack for pack in packs if pack.key.startswith(key)]
        if len(matching) != 1:
            raise click.ClickException(
                f"KEYS must each name one pack; {key!r} names {len(matching)} in "
                f"{_named(folder)}. See `catdog-data cache list`."
            )
        chosen += matching
    for pack in {pack.key: pack for pack in chosen}.values():
        pack.remove()
        click.echo(f"removed {pack.key}")


@cache.command()
@_FOLDER
@click.option("--days", type=click.FloatRange(min=0), help="Also those not used for so long.")
def prune(folder: Path | None, days: float | None) -> None:
    """Delete packs whose files have changed or gone, which nothing will use again."""
    count = size = 0
    for pack in _packs(folder):
        old = days is not None and time.time() - pack.last_used > days * 86400
        if old or not pack.is_current():
            pack.remove()
            count, size = count + 1, size + pack.layout.size
            click.echo(f"removed {pack.key}, {'not used' if old else 'files changed'}")
    click.echo(f"{count} packs removed, {size / 1e6:,.0f} MB free again")


@cache.command()
@_FOLDER
def verify(folder: Path | None) -> None:
    """Read all packs and compare them with their checksums."""
    damaged = 0
    for pack in _packs(folder):
        names = pack.damaged()
        damaged += bool(names)
        for name in names:
            click.echo(f"{pack.key}: the pixels of {name!r} are not what was written")
    if damaged:
        raise click.ClickException(
            f"{damaged} packs are damaged. Remove them; they are built again when needed."
        )
    click.echo("all packs are whole")


def _packs(folder: Path | None) -> list[CachedPack]:
    from catdog_data.cache.packs import packs_in

    return packs_in(_named(folder))


def _named(folder: Path | None) -> Path:
    # Imported when needed: `--help` need not wait for TensorFlow, which takes seconds.
    from catdog_data.cache.packs import user_folder

    return user_folder() if folder is None else folder


def _show(table: Table) -> None:
    Console().print(table)
