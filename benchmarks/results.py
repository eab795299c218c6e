"""What a run has measured, as plain values that are written to JSON and read back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one round of one contestant took, in a process of its own.

    Attributes:
        round: Counted from 0.
        images: How many the timed part had.
        wall_ms: Milliseconds per image.
        cpu_ms: Milliseconds of processor time per image, of the whole process tree.
        first_batch_seconds: From the start, all modules imported, to the first batch; in no other
            number.
        peak_megabytes: Highest memory of the process tree that no file backs, in 10**6 bytes.
    """

    round: int
    images: int
    wall_ms: float
    cpu_ms: float
    first_batch_seconds: float
    peak_megabytes: float

    @property
    def images_per_second(self) -> float:
        """Speed of the timed part."""
        return 1000 / self.wall_ms


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One contestant's part in a workload.

    Attributes:
        contestant: Its name.
        title: Its name in reports.
        samples: In order of rounds; none where it is missing.
        missing: Why there are none: not installed, unable or failed. None where there are.
        note: What to know when reading its numbers, or "".
    """

    contestant: str
    title: str
    samples: tuple[Sample, ...] = ()
    missing: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All contestants at one workload.

    Attributes:
        workload: Its name.
        suite: That of the workload.
        x: Its value on the axis of its suite, if the suite is a series.
        conditions: Sizes, page cache, distortions, images.
        entries: The first that has samples is the reference that others are compared with.
    """

    workload: str
    suite: str
    x: float | None
    conditions: Mapping[str, Any]
    entries: tuple[Entry, ...]

    @property
    def reference(self) -> Entry | None:
        """The entry that others are compared with; None where nothing was timed."""
        return next((entry for entry in self.entries if entry.samples), None)


@dataclass(frozen=True, kw_only=True)
class BenchmarkResults:
    """A whole run.

    Attributes:
        environment: Machine, versions, commit, images.
        settings: Rounds, seconds and what was chosen.
        outcomes: In the order they were measured in.
        skipped: Workloads that this machine cannot run, and why.
    """

    environment: Mapping[str, Any]
    settings: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

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
