"""What a run has measured, as plain values that are written to JSON and read back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one round of one contestant took, in a process of its own."""

    round: int  # counted from 0
    images: int  # of the timed part
    wall_ms: float  # milliseconds per image
    cpu_ms: float  # milliseconds of processor time per image, of the whole process tree
    first_batch_seconds: float  # to the first batch, all modules imported; in no other number
    peak_megabytes: float  # highest memory of the process tree that no file backs, in 10**6 bytes
    faults: float | None = None  # page faults per image that read no file, of the process tree
    # Of start-up alone, in seconds; None where there is no such thing, and of other workloads.
    further_seconds: float | None = None  # a further input alike, to its first batch
    second_pass_seconds: float | None = None  # a further pass, to its first batch
    indexed_seconds: float | None = None  # the batch of a number
    epoch_gap_seconds: float | None = None  # from one epoch of `fit` to the first batch of the next

    @property
    def images_per_second(self) -> float:
        """Speed of the timed part."""
        return 1000 / self.wall_ms


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One contestant's part in a workload."""

    contestant: str  # its name
    title: str  # its name in reports
    samples: tuple[Sample, ...] = ()  # in order of rounds; none where it is missing
    missing: str | None = None  # why there are no samples: not installed, unable or failed
    note: str = ""  # what to know when reading its numbers


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All contestants at one workload."""

    workload: str
    suite: str
    x: float | None  # the value on the axis of the suite, if that is a series
    conditions: Mapping[str, Any]  # sizes, page cache, distortions, images
    entries: tuple[Entry, ...]

    @property
    def reference(self) -> Entry | None:
        """The first entry with samples, which others are compared with; None without any."""
        return next((entry for entry in self.entries if entry.samples), None)

    @property
    def rounds(self) -> int:
        """How many samples there are."""
        return sum(len(entry.samples) for entry in self.entries)


@dataclass(frozen=True, kw_only=True)
class BenchmarkResults:
    """A whole run."""

    environment: Mapping[str, Any]  # machine, versions, commit, images
    settings: Mapping[str, Any]  # rounds, seconds and what was chosen
    outcomes: tuple[Outcome, ...]  # in the order they were measured in
    skipped: Mapping[str, str] = field(default_factory=dict)  # workload: why it is not possible

    def as_json(self) -> str:
        """Write everything, for `read`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> "BenchmarkResults":
        """Read a file that `as_json` wrote.

        Raises:
            ValueError: The file holds something else.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise ValueError("another format")
            outcomes = tuple(_outcome(each) for each in content.pop("outcomes"))
            return cls(outcomes=outcomes, **content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"Results must be a results.json of this version. Received: {str(path)!r} "
                f"({type(error).__name__}: {error}). Measure again with `python -m benchmarks`."
            ) from error


def _outcome(content: Mapping[str, Any]) -> Outcome:
    return Outcome(**{**content, "entries": tuple(_entry(each) for each in content["entries"])})


def _entry(content: Mapping[str, Any]) -> Entry:
    return Entry(**{**content, "samples": tuple(Sample(**each) for each in content["samples"])})
