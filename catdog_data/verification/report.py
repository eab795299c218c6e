"""What looking at a data set found."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from catdog_data.verification.findings import KINDS, UNREADABLE, Finding
from catdog_data.verification.listing import Folder

_FORMAT = "catdog-verify-1"


@dataclass(frozen=True)
class Extent:
    """How far the values of a quantity reach.

    Example:
        >>> Extent.of([4, 1, 2])
        Extent(min=1, median=2, max=4)
    """

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Extent:
        """Find it for one value or more."""
        return cls(min(values), median(values), max(values))


@dataclass(frozen=True)
class Report:
    """What `catdog_data.verify` found.

    Args:
        folders: the folders of classes that were looked at, as of training and of validation.
        findings: all of them, file by file; a file may have several.
        formats: how many files there are of each format, by Pillow's name of it.
        sizes: "width", "height" in pixels, "aspect" (width by height) and "bytes", of the files
            whose header can be read; empty where there are none.
        given: the folders as they were given: one may hold two of classes.
        bad_kinds: the kinds of findings that make a file count as bad.

    Example:
        >>> cut = Finding("pets", "cats/1.jpg", "cut")
        >>> report = Report((Folder("pets", {"cats": 2}, 2, {}),), (cut,), {"JPEG": 2}, {})
        >>> report.files, report.bad, report.counts
        (2, ('cats/1.jpg',), {'cut': 1})
    """

    folders: tuple[Folder, ...]
    findings: tuple[Finding, ...]
    formats: Mapping[str, int]
    sizes: Mapping[str, Extent]
    given: tuple[str, ...] = ()
    bad_kinds: tuple[str, ...] = UNREADABLE

    @property
    def files(self) -> int:
        """How many files were looked at."""
        return sum(folder.images for folder in self.folders)

    @property
    def counts(self) -> dict[str, int]:
        """How many files have each kind of finding, the gravest first."""
        found = Counter(each.kind for each in self.findings)
        return {kind.name: found[kind.name] for kind in KINDS if found[kind.name]}

    @property
    def bad_findings(self) -> tuple[Finding, ...]:
        """Why files are bad: the gravest finding of each."""
        rank = {kind: number for number, kind in enumerate(self.bad_kinds)}
        gravest: dict[str, Finding] = {}
        for each in self.findings:
            if each.kind in rank:
                before = gravest.get(each.path, each)
                gravest[each.path] = min(before, each, key=lambda one: rank[one.kind])
        return tuple(gravest.values())

    @property
    def bad(self) -> tuple[str, ...]:
        """The bad files, as `exclude=` takes them.

        Their paths in the folder that was given; absolute ones where several were.
        """
        found = self.bad_findings
        if len(self.given) > 1:
            return tuple(os.path.abspath(each.path) for each in found)  # noqa: PTH100 (strings)
        return tuple(each.name for each in found)

    def as_json(self) -> dict[str, Any]:
        """Describe all of it in JSON's types."""
        bad = set(self.bad_findings)
        return {
            "format": _FORMAT,
            "files": self.files,
            "bad": len(bad),
            "bad_kinds": list(self.bad_kinds),
            "counts": self.counts,
            "formats": dict(self.formats),
            "sizes": {
                name: {"min": each.min, "median": each.median, "max": each.max}
                for name, each in self.sizes.items()
            },
            "folders": [
                {
                    "folder": each.path,
                    "images": each.images,
                    "classes": dict(each.classes),
                    "passed_over": dict(each.passed_over),
                    "left_out": list(each.left_out),
                }
                for each in self.folders
            ],
            "findings": [
                {
                    "folder": each.folder,
                    "name": each.name,
                    "kind": each.kind,
                    "detail": each.detail,
                    "other": each.other,
                    "bad": each.kind in self.bad_kinds,
                }
                for each in self.findings
            ],
        }
