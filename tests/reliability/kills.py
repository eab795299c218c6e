"""`python -m tests.reliability.kills`: packing and training are killed, and disks fill up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.reliability.runs import BATCH, digest, half_written, packing, results, started, training

_SAVES_AT_MOST = 4  # between two kills
_LONGEST_DELAY = 0.1  # seconds, about as long as a save takes
_LONGEST_START = 3.0
_OFTEN = 0.002
_PER_CLASS = 24
_STEPS = 2 * _PER_CLASS // BATCH
_PAGE = 4096
_ROOM = 500_000_000
"""Bytes that are enough for anything here."""


@dataclass(frozen=True)
class Event:
    """What was done to a run, and how that went.

    Args:
        what: in words.
        when: the moment or size.
        said: the last line of what the run printed.
        wrong: what should not be so; "" if all is well.
    """

    what: str
    when: str
    said: str = ""
    wrong: str = ""


@click.command(context_settings={"show_default": True})
@click.option(
    "--times", type=click.IntRange(min=0), default=30, help="Kills of each, packing and training."
)
@click.option("--full", type=click.IntRange(min=0), default=10, help="Disks that fill up.")
@click.option("--images", type=click.IntRange(min=1), default=300, help="Images that are packed.")
@click.option("--seed", type=int, default=0)
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Results.")
def main(times: int, full: int, images: int, seed: int, output: Path | None) -> None:
    """Kill packing and training at random moments, and let disks fill up.

    The next run must complete, with results that equal those of an undisturbed run to the last bit,
    and a full disk must be said in words and leave nothing half-written. Exits with 1 if not. Disks
    are small file systems in memory where this user may mount one, else limits of files' sizes.
    """
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with tempfile.TemporaryDirectory() as folder:
        events = list(all_events(Path(folder), times, full, images, seed))
    show(Console(width=None if sys.stdout.isatty() else 150), events)
    if output is not None:
        output.write_text(json.dumps([asdict(each) for each in events], indent=1) + "\n")
    sys.exit(any(each.wrong for each in events))


def all_events(folder: Path, times: int, full: int, images: int, seed: int) -> Iterator[Event]:
    """Do all of it, with scratch files in a folder."""
    pack, train = Packing(folder / "pack", images), Training(folder / "train", times)
    yield from pack.killed(times, random.Random(seed))
    yield from train.killed(times, random.Random(seed + 1))
    for number in range(full):
        one = (pack, train)[number % 2]
        yield one.on_full_disk(random.Random(seed + 2 + number), by_limit=number % 4 > 1)
    yield from pack.on_read_only_disk()


def show(console: Console, events: Sequence[Event]) -> None:
    """Print how many events of each kind went well, and all that did not."""
    table = Table("what", "times", "as it should be")
    for what in dict.fromkeys(each.what for each in events):
        of_kind = [each for each in events if each.what == what]
        table.add_row(what, str(len(of_kind)), str(sum(not each.wrong for each in of_kind)))
    console.print(table)
    for each in events:
        if each.wrong:
            console.print(
                f"WRONG: {each.what}, {each.when}: {each.wrong}\n  {each.said}", markup=False
            )


class _Work:
    """Runs of one kind, their undisturbed result, and a log."""

    what: str

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder, self._photos, self._log = folder, folder / "photos", folder / "log"
        self._whole: Any = None

    def result(self, folder: Path) -> Any:
        raise NotImplementedError

    def start(self, folder: Path, largest_file: int | None = None) -> Any:
        raise NotImplementedError

    def expected(self) -> Any:
        """Return the result of a run that nothing disturbs."""
        if self._whole is None:
            self.completed(self._folder / "whole")
            self._whole = self.result(self._folder / "whole")
        return self._whole

    def completed(self, folder: Path) -> str:
        """Run to the end; return what is wrong with that."""
        process = self.start(folder)
        process.join()
        return "" if process.exitcode == 0 else f"the next run ended with {process.exitcode}"

    def compared(self, folder: Path) -> str:
        """Run again, undisturbed; return what is wrong with the result."""
        if wrong := self.completed(folder):
            return wrong
        if left := half_written(folder):
            return f"left behind: {left}"
        return "" if self.result(folder) == self.expected() else "the result differs"

    def on_full_disk(self, rng: random.Random, *, by_limit: bool) -> Event:
        """Run with too little room, then with enough."""
        self.expected()
        needed = _size(self._folder / "whole")
        if by_limit or not can_mount():
            most = int(max(_sizes(self._folder / "whole")) * rng.uniform(0.2, 0.95))
            folder = self._folder / f"limit-{most}"
            return self._without_room(folder, f"files of at most {most} bytes", most)
        nearly = needed - _PAGE * rng.randint(1, 8)  # which only the last files lack
        room = rng.choice([int(needed * rng.uniform(0.05, 0.95)), nearly])
        with mounted(self._folder / "disk", room) as disk:
            return self._without_room(disk / "out", f"a disk of {room} bytes", None)

    def _without_room(self, folder: Path, when: str, most: int | None) -> Event:
        process = self.start(folder, most)
        process.join()
        said, wrong = self.said(), ""
        if process.exitcode != 1:
            wrong = f"it ended with {process.exitcode}"
        elif str(folder.parent) not in said or not said.startswith("ClickException"):
            wrong = "no clear error that names the place"
        elif folder.exists() and (left := half_written(folder)):
            wrong = f"left behind: {left}"
        if most is None:
            _remount(folder.parent, _ROOM)
        wrong = wrong or self.compared(folder)
        return Event(
            f"{self.what}, {'disk' if most is None else 'file size'} full", when, said, wrong
        )

    def said(self) -> str:
        """Return the last line of the log."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return lines[-1] if lines else ""


class Packing(_Work):
    """Images are decoded into a pack."""

    what = "packing"

    def __init__(self, folder: Path, images: int) -> None:
        super().__init__(folder)
        _draw(self._photos, images // 2, (240, 320))

    def result(self, folder: Path) -> str:
        """Return the sum of the pack's files."""
        return digest(folder)

    def start(self, folder: Path, largest_file: int | None = None) -> Any:
        """Start to pack."""
        return started(packing, (self._photos / "train", folder), self._log, largest_file)

    def killed(self, times: int, moments: random.Random) -> Iterator[Event]:
        """Kill in turn new runs, at moments from the first file on to the end, or before."""
        if not times:
            return
        self.expected()
        seconds = self._seconds()
        for number in range(times):
            folder = self._folder / f"killed-{number}"
            process = self.start(folder)
            delay = moments.uniform(0, _LONGEST_START if number % 5 == 0 else seconds)
            if number % 5:
                _wait(process, lambda folder=folder: any(folder.glob("**/pixels")))
            time.sleep(delay)
            had_ended = not process.is_alive()
            process.kill()
            process.join()
            when = f"{delay:.3f} s after {'the first file' if number % 5 else 'its start'}"
            when += ", had ended" if had_ended else ""
            yield Event("packing killed", when, self.said(), self.compared(folder))

    def on_read_only_disk(self) -> Iterator[Event]:
        """Ask a folder that cannot be written to for a pack: one that is there, one that is not."""
        self.expected()
        for has_pack in (True, False):
            place = self._folder / f"read-only-{has_pack}"
            with read_only(place, self.start if has_pack else None) as folder:
                process = self.start(folder)
                process.join()
            said = self.said()
            if has_pack:
                wrong = "" if process.exitcode == 0 else "the pack was not read"
            else:
                # The lock is no name that a user knows.
                clear = said.startswith("ClickException") and str(folder) in said
                clear = clear and ".lock" not in said
                wrong = "" if process.exitcode == 1 and clear else "no clear error"
            yield Event(
                f"read-only cache, {'with the' if has_pack else 'without a'} pack", "", said, wrong
            )

    def _seconds(self) -> float:
        """Measure how long it is from the first file to the end."""
        process = self.start(self._folder / "timed")
        _wait(process, lambda: any((self._folder / "timed").glob("**/pixels")))
        begin = time.monotonic()
        process.join()
        return time.monotonic() - begin


class Training(_Work):
    """A network is trained, and its position saved after each batch."""

    what = "training"

    def __init__(self, folder: Path, kills: int) -> None:
        super().__init__(folder)
        _draw(self._photos, _PER_CLASS, (32, 40))
        batches = kills * (_SAVES_AT_MOST + 2)
        self._epochs = max(3, batches // _STEPS)

    def result(self, folder: Path) -> list[Any]:
        """Return history, weights and states."""
        return results(folder)

    def start(self, folder: Path, largest_file: int | None = None) -> Any:
        """Start to train."""
        return started(training, (self._photos, folder, self._epochs), self._log, largest_file)

    def killed(self, times: int, moments: random.Random) -> Iterator[Event]:
        """Kill one training again and again, while it starts, between batches and in saves."""
        if not times:
            return
        self.expected()
        folder, events = self._folder / "killed", []
        for number in range(times):
            process = self.start(folder)
            if number == 0:
                time.sleep(moments.uniform(0, _LONGEST_START))
            else:
                saves = moments.randint(1, _SAVES_AT_MOST)
                done = _batches_done(folder) + saves
                _wait(process, lambda done=done: _batches_done(folder) >= done)
                time.sleep(moments.uniform(0, _LONGEST_DELAY))
            had_ended = not process.is_alive()
            process.kill()
            process.join()
            killed = process.exitcode == -signal.SIGKILL or had_ended
            wrong = "" if killed else f"it ended with {process.exitcode}"
            when = f"after {_batches_done(folder)} batches"
            events.append(Event("training killed", when, self.said(), wrong))
        wrong = self.compared(folder)
        yield from events
        yield Event("training killed, the last run", "", self.said(), wrong)


def can_mount() -> bool:
    """Tell whether this user may mount a file system."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path]:
    """Mount a file system in memory with so many bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _remount(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


@contextmanager
def read_only(folder: Path, fill: Any) -> Iterator[Path]:
    """Make a folder, let a run fill it, and let nobody write to it."""
    if not can_mount():
        folder.mkdir()
        _fill(folder, fill)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    with mounted(folder, _ROOM):
        _fill(folder, fill)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder


def _fill(folder: Path, fill: Any) -> None:
    if fill is not None:
        fill(folder).join()


def _draw(folder: Path, per_class: int, size: tuple[int, int]) -> None:
    from catdog_data import generate_sample_set

    generate_sample_set(
        folder, train_per_class=per_class, validation_per_class=4, image_size=size, progress=False
    )


def _wait(process: Any, is_so: Any) -> None:
    while process.is_alive() and not is_so():
        time.sleep(_OFTEN)


def _batches_done(output: Path) -> int:
    path = output / "resume" / "position.json"
    if not path.exists():
        return 0
    from catdog_data import Position

    position = Position.load(path)
    return position.epoch * position.steps + position.step


def _sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


def _size(folder: Path) -> int:
    return sum(-(-size // _PAGE) * _PAGE for size in _sizes(folder))


if __name__ == "__main__":
    main()
