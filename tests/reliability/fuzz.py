"""`python -m tests.reliability.fuzz`: damaged files and archives through every reader.

Numbers make files: the same seed and number give the same file, alone or among others.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.reliability.mutations import Mutated, mutated_archive, mutated_image
from tests.reliability.readers import ARCHIVE_READERS, IMAGE_READERS, Answer, tasks
from tests.reliability.watched import Failed, Watched

SILENCE = 2.0
"""Seconds that a reader may take for a file."""
BUDGET = 1.2e9
"""Bytes that it may take above the imported process."""
_KILLED_AT = 4e9
_PATIENCE_WITH_REFERENCES = 30.0
_CHUNK = 1_000
"""Files that one pipeline reads; making one takes as long as reading a hundred."""
_EXAMPLES = 4
_WORDS = 90

EQUAL, DIFFER, OURS, THEIRS, NEITHER = (
    *("both read, equal", "both read, differ"),
    *("only ours", "only the reference", "both refuse"),
)
OUTCOMES = (EQUAL, DIFFER, OURS, THEIRS, NEITHER)
_WHAT = {"images": (mutated_image, IMAGE_READERS), "archives": (mutated_archive, ARCHIVE_READERS)}


@dataclass
class Verdict:
    """How one reader and its reference agree on a file.

    Args:
        outcome: one of `OUTCOMES`.
        levels: the largest difference of two pixels.
        ours: what the reader said when it refused.
        theirs: what the reference said.
        fault: what must never happen; "" if nothing of that kind.
    """

    outcome: str
    levels: int = 0
    ours: str = ""
    theirs: str = ""
    fault: str = ""


@dataclass
class Tried:
    """A file, and what became of it: a line of the results."""

    number: int
    kind: str
    variant: str
    mutations: Sequence[str]
    readers: dict[str, Verdict] = field(default_factory=dict)


@click.command(context_settings={"show_default": True})
@click.option(
    "--from", "first", type=click.IntRange(min=0), default=0, help="Number of the first file."
)
@click.option(
    "--to", "end", type=click.IntRange(min=1), default=20_000, help="Number behind the last."
)
@click.option("--archives", "what", flag_value="archives", help="Archives in place of image files.")
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--workers", type=click.IntRange(min=1), default=2, help="Processes that read.")
@click.option(
    "--reader",
    "chosen",
    multiple=True,
    type=click.Choice([*IMAGE_READERS, *ARCHIVE_READERS]),
    help="Try it alone; may be repeated.",
)
@click.option(
    "--json",
    "results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A line of JSON for each file; files that have theirs are not tried again.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files, and try none.",
)
def main(
    first: int,
    end: int,
    what: str | None,
    seed: int,
    workers: int,
    chosen: Sequence[str],
    results: Path | None,
    keep: Path | None,
) -> None:
    """Read damaged files with every reader, and compare with Pillow, Keras or Python.

    Exits with 1 if a process crashed, was silent for 2 s, took 1.2 GB above the imported process,
    or refused a file without its name.
    """
    make, readers = _WHAT[what or "images"]
    files = (make(seed, number) for number in range(first, end))
    if keep is not None:
        _write(keep, files)
        return
    readers = {name: reader for name, reader in readers.items() if not chosen or name in chosen}
    tried = [each for each in _known(results) if first <= each.number < end]
    known = {each.number for each in tried}
    left = [number for number in range(first, end) if number not in known]
    chunks = [left[at : at + _CHUNK] for at in range(0, len(left), _CHUNK)]
    new = fuzz(lambda number: make(seed, number), chunks, list(readers), workers)
    for each in track(new, "Reading", total=len(chunks), console=Console(stderr=True)):
        tried += each
        _append(results, each)
    show(Console(width=None if sys.stdout.isatty() else 150), tried, list(readers))
    sys.exit(any(each.fault for one in tried for each in one.readers.values()))


def fuzz(
    make: Callable[[int], Mutated],
    chunks: Sequence[Sequence[int]],
    readers: Sequence[str],
    workers: int,
) -> Iterator[list[Tried]]:
    """Try files by their numbers, some at once, and yield each chunk when it is done."""
    own = threading.local()
    started: list[Watched] = []

    def start() -> None:
        own.watched = Watched(tasks, SILENCE, _KILLED_AT)
        started.append(own.watched)

    def of_chunk(numbers: Sequence[int]) -> list[Tried]:
        with tempfile.TemporaryDirectory() as folder:
            files = [make(number) for number in numbers]
            paths = _write(Path(folder), files)
            tried = [
                Tried(number, file.kind, file.variant, file.mutations)
                for number, file in zip(numbers, files, strict=True)
            ]
            for reader in readers:
                for one, verdict in zip(tried, _verdicts(own.watched, reader, paths), strict=True):
                    one.readers[reader] = verdict
            return tried

    try:
        with ThreadPoolExecutor(workers, initializer=start) as pool:
            yield from pool.map(of_chunk, chunks)
    finally:
        for each in started:
            each.close()


def show(console: Console, tried: Sequence[Tried], readers: Sequence[str]) -> None:
    """Print the tables of agreement, the kinds of difference, and the faults."""
    for reader in readers:
        ours = [(one, one.readers[reader]) for one in tried if reader in one.readers]
        table = Table("format", "files", *OUTCOMES, "most levels", title=reader)
        for kind in sorted({one.kind for one, _ in ours}):
            of_kind = [verdict for one, verdict in ours if one.kind == kind]
            counts = Counter(each.outcome for each in of_kind)
            most = max(each.levels for each in of_kind)
            numbers = (len(of_kind), *(counts[outcome] for outcome in OUTCOMES), most)
            table.add_row(kind, *(f"{number:,}" for number in numbers))
        console.print(table)
        _show_kinds(console, f"Differences of {reader}", ours, _difference)
        _show_kinds(console, f"FAULTS of {reader}", ours, lambda _, verdict: verdict.fault or None)


def _show_kinds(
    console: Console,
    title: str,
    ours: Sequence[tuple[Tried, Verdict]],
    kind_of: Callable[[Tried, Verdict], str | None],
) -> None:
    kinds: dict[str, list[int]] = {}
    for one, verdict in ours:
        if (kind := kind_of(one, verdict)) is not None:
            kinds.setdefault(kind, []).append(one.number)
    if not kinds:
        return
    table = Table("kind", "files", "for example", title=title, title_style="bold")
    for kind, numbers in sorted(kinds.items(), key=lambda item: -len(item[1])):
        table.add_row(kind, f"{len(numbers):,}", ", ".join(map(str, numbers[:_EXAMPLES])))
    console.print(table)


def _difference(one: Tried, verdict: Verdict) -> str | None:
    """Say in which way ours and the reference differ, in words that many files share."""
    variant = re.sub("-[0-9]+x[0-9]+", "", one.variant)
    if verdict.outcome == DIFFER:
        most = next(most for most in (4, 32, 10**9) if verdict.levels <= most)
        apart = f"up to {most} levels" if most < 256 else "many levels"
        return f"{one.kind} {variant}: {apart}"
    if verdict.outcome in (OURS, THEIRS):
        said = verdict.ours or verdict.theirs
        said = re.sub(r".* says: |.* Received: FILE[:,]? ", "", said)
        said = re.sub("(0x)?[0-9a-f]*[0-9][0-9a-f]*", "N", said)
        return f"{one.kind}, {verdict.outcome}: {said[:_WORDS]}"
    return None


def _verdicts(watched: Watched, reader: str, paths: Sequence[str]) -> Iterator[Verdict]:
    ours = _answers(watched, reader, paths)
    theirs = _answers(watched, f"reference of {reader}", paths, _PATIENCE_WITH_REFERENCES)
    for our, their in zip(ours, theirs, strict=True):
        yield _verdict(our, their)


def _verdict(our: Answer, their: Answer) -> Verdict:
    if our.pixels is None:
        outcome = NEITHER if their.pixels is None else THEIRS
        return Verdict(outcome, 0, our.said, their.said, our.fault)
    if their.pixels is None:
        return Verdict(OURS, 0, "", their.said, our.fault)
    levels = _levels_apart(our.pixels, their.pixels)
    return Verdict(DIFFER if levels else EQUAL, levels, fault=our.fault)


def _levels_apart(ours: Any, theirs: Any) -> int:
    if isinstance(ours, dict):
        return int(ours != theirs)
    if ours.shape != theirs.shape:
        return 10**6
    return int(np.ceil(np.abs(ours.astype(float) - theirs.astype(float)).max()))


def _answers(
    watched: Watched, task: str, paths: Sequence[str], patience: float = 1.0
) -> list[Answer]:
    """Read files together; where that fails, in halves, until it is known which file it was."""
    answers, fault = _at_once(watched, task, paths, patience)
    if fault == "hang":  # once more: a busy machine makes silences, too
        answers, fault = _at_once(watched, task, paths, patience)
    if fault and len(paths) == 1:
        answers = answers or [Answer(None)]
    elif fault:
        half = len(paths) // 2
        halves = (_answers(watched, task, part, patience) for part in (paths[:half], paths[half:]))
        answers = list(itertools.chain(*halves))
        alone = any(each.fault not in ("", "not named") for each in answers)
        fault = "" if alone else f"{fault}, together with {len(paths) - 1} others"
    if fault:
        answers[0] = answers[0]._replace(fault=fault)
    return answers


def _at_once(
    watched: Watched, task: str, paths: Sequence[str], patience: float
) -> tuple[list[Answer], str]:
    """Read files together; return their answers, and what is wrong with how that went."""
    try:
        answers, peak = watched.run(task, paths, patience=patience)
    except Failed as failed:
        return [], failed.what
    return answers, f"memory: {peak / 1e9:.1f} GB" if peak > BUDGET * patience else ""


def _write(folder: Path, files: Any) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for each in files:
        path = folder / each.name
        path.write_bytes(each.contents)
        paths.append(str(path))
    return paths


def _known(results: Path | None) -> list[Tried]:
    if results is None or not results.exists():
        return []
    lines = (json.loads(line) for line in results.read_text().splitlines())
    return [
        Tried(
            **(
                line
                | {"readers": {name: Verdict(**each) for name, each in line["readers"].items()}}
            )
        )
        for line in lines
    ]


def _append(results: Path | None, tried: Sequence[Tried]) -> None:
    if results is not None:
        with results.open("a") as file:
            file.writelines(json.dumps(asdict(each)) + "\n" for each in tried)


if __name__ == "__main__":
    main()
