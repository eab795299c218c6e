"""`on_error`: images that cannot be read are found before anything is planned, and worked around.

Rows are chosen: which image of a listing is read at each position. Whatever belongs to an image,
its label, its weight and its mask, is chosen by them too, so nothing goes out of step. Batches are
planned for these rows as for any listing, and cost what they cost without `on_error`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.decoding.process_settings import decoder_settings
from catdog_data.decoding.unreadable import sentence_of
from catdog_data.engine.late_failures import OnFailure
from catdog_data.engine.pixel_sources import Images
from catdog_data.readable.verdicts import (
    Verdicts,
    fingerprints,
    keep_verdicts,
    only_one,
    read_verdicts,
    verdicts_file,
)
from catdog_data.readable.verify import broken_images
from catdog_data.sources.broken_files import BrokenFile, BrokenFiles
from catdog_data.sources.neighbours import Neighbours
from catdog_data.system.messages import some_of

_MODES = ("raise", "skip", "replace")
_LEFT_OUT = "left out"


@dataclass(frozen=True)
class Listed:
    """Images that were listed, of which it is not known yet whether they can be read.

    Args:
        names: of the N images, as errors and reports name them.
        sources: makes the source of their pixels, without a cache, and that of their masks if there
            are any.
        settings: how they are read, and from which folder; plain JSON values.
        classes: makes the class of each, [N], a position in `class_names` where there are such; or
            None where all are of one.
        class_names: the classes; None without.
        others: columns of files that are read with each, as its mask.
        keep: decodes those at these positions into a cache, and returns the errors of those that
            cannot be read; or None if it did nothing. None without a cache.
        subset: which of a split they are, if others belong to another.
    """

    names: Sequence[str]
    sources: Callable[[], Sequence[Images]]
    settings: Mapping[str, Any]
    classes: Callable[[], NDArray[Any] | None] = lambda: None
    class_names: Sequence[str] | None = None
    others: Sequence[Sequence[str]] = ()
    keep: Callable[[Sequence[int]], Mapping[int, Exception] | None] | None = None
    subset: str | None = None

    def broken(self) -> dict[int, str]:
        """Find the images that cannot be read, and why, in the order of their names.

        What is known is not looked at again.
        """
        # Before the files are read: what changes meanwhile is looked at again next time.
        wanted, special = fingerprints([self.names, *self.others])
        versions = {"tensorflow": tf.__version__, "pillow": PIL.__version__}
        path = verdicts_file({**self.settings, **versions, "process": decoder_settings()})
        known = read_verdicts(path).and_broken(special)
        errors: Mapping[int, Exception] = {}
        if known.unknown(wanted):
            # Whoever comes second waits, and finds what the first has found.
            with only_one(path):
                known = read_verdicts(path).and_broken(special)
                errors = self._looked_at(path, known, wanted)
        found = {i: sentence_of(error) for i, error in errors.items()}
        if known.broken:
            reasons = ((i, known.reason(each)) for i, each in enumerate(wanted))
            found |= {i: reason for i, reason in reasons if reason is not None}
        return dict(sorted(found.items(), key=lambda each: self.names[each[0]]))

    def _looked_at(
        self, path: Path, known: Verdicts, wanted: Sequence[str]
    ) -> Mapping[int, Exception]:
        """Read what is not known, keep what is found out, and return the errors."""
        unknown = known.unknown(wanted)
        if not unknown:
            return {}
        looked_at = [i for i, each in enumerate(wanted) if each not in known.broken]
        errors = None
        # Where all but a few are known they may be in a cache, if only of one part.
        if self.keep is not None and 2 * len(unknown) > len(looked_at):
            errors = self.keep(looked_at)
        if errors is None:
            looked_at, errors = unknown, broken_images(self.sources(), unknown)
        # A system may refuse today and not tomorrow, without a change of the file.
        lasting = {i: error for i, error in errors.items() if _is_of_the_file(error)}
        keep_verdicts(
            path,
            [wanted[i] for i in looked_at if i not in errors],
            {wanted[i]: sentence_of(error) for i, error in lasting.items()},
        )
        return errors


def _is_of_the_file(error: Exception) -> bool:
    return not isinstance(error, MemoryError) and getattr(error, "errno", None) is None


@dataclass(frozen=True)
class OnError:
    """What is done about images that cannot be read, and about which it was done.

    Args:
        mode: "raise", "skip" or "replace".
        found: the broken files so far.

    Raises:
        ValueError: another mode.

    Example:
        >>> OnError("ignore")
        Traceback (most recent call last):
        ValueError: `on_error` must be one of 'raise', 'skip', 'replace'; received 'ignore'.
    """

    mode: str
    found: BrokenFiles = field(default_factory=BrokenFiles)

    def __post_init__(self) -> None:
        if not isinstance(self.mode, str) or self.mode not in _MODES:
            raise ValueError(
                f"`on_error` must be one of {', '.join(map(repr, _MODES))}; received {self.mode!r}."
            )

    @property
    def raises(self) -> bool:
        """Whether a broken file is an error, as with Keras."""
        return self.mode == "raise"

    @property
    def skips(self) -> bool:
        """Whether broken files are left out, before a data set is shuffled and split."""
        return self.mode == "skip"

    @property
    def replaces(self) -> bool:
        """Whether others of their class and of the same part take their places."""
        return self.mode == "replace"

    def for_part(self) -> OnError:
        """Make what goes on with the files of one part alone."""
        return replace(self, found=BrokenFiles(self.found.all()))

    def rows(self, listed: Listed, stacklevel: int = 3) -> NDArray[np.int64]:
        """Choose the images that are read, find out about them first, and warn of broken ones.

        Args:
            listed: the N images.
            stacklevel: of the warning, as of `warnings.warn` called here.

        Returns:
            int64[M], positions: of the good ones, in order; or, where broken ones are replaced,
            all N, those of broken ones exchanged for that of a good neighbour.

        Raises:
            ValueError: none can be read, or none of a class.
        """
        broken = listed.broken()
        rows = np.arange(len(listed.names))
        if not broken:
            return rows
        classes = listed.classes()
        _check_something_is_left(listed, broken, classes)
        if self.replaces:
            neighbours = Neighbours(listed.names, lambda: classes)
            for i in broken:
                rows[i] = next(each for each in neighbours.of(i) if each not in broken)
        for i, reason in broken.items():
            stand_in = listed.names[rows[i]] if self.replaces else None
            self.found.add(BrokenFile(listed.names[i], reason, _action(stand_in)))
        self._warn(listed, broken, stacklevel + 1)
        return rows if self.replaces else np.delete(rows, list(broken))

    def late(
        self, names: Sequence[str], classes: Callable[[], NDArray[Any] | None]
    ) -> OnFailure | None:
        """Make what is done about files that break later; None where they raise.

        Args:
            names: of the images that are read.
            classes: see `Listed`.
        """
        if self.raises:
            return None

        def tell(index: int, error: Exception, stand_in: int | None) -> None:
            action = _action(None if stand_in is None else names[stand_in])
            reason = sentence_of(error)
            if self.found.add(BrokenFile(names[index], reason, action)):
                warnings.warn(
                    f"`on_error={self.mode!r}`: an image can no longer be read and is {action}. "
                    f"{reason}",
                    stacklevel=2,
                )

        return OnFailure(self.skips, Neighbours(names, classes).of, tell)

    def _warn(self, listed: Listed, broken: Mapping[int, str], stacklevel: int) -> None:
        done = "others of their class take their places" if self.replaces else "are left out"
        reason = next(iter(broken.values()))
        warnings.warn(
            f"`on_error={self.mode!r}`: {len(broken)} of {len(listed.names)} images cannot be read "
            f"and {done}: {some_of([listed.names[i] for i in broken])}. `report()` lists all of "
            f"them; the first: {reason}",
            stacklevel=stacklevel,
        )


def _action(stand_in: str | None) -> str:
    return _LEFT_OUT if stand_in is None else f"replaced by {stand_in!r}"


def _check_something_is_left(
    listed: Listed, broken: Mapping[int, str], classes: NDArray[Any] | None
) -> None:
    reason = next(iter(broken.values()))
    of_subset = "" if listed.subset is None else f" in the subset {listed.subset!r}"
    if len(broken) == len(listed.names):
        raise ValueError(
            f"None of the {len(broken)} images{of_subset} can be read: "
            f"{some_of([listed.names[i] for i in broken])}. The first: {reason}"
        )
    if classes is None:
        return
    another_split = "" if listed.subset is None else ", split in another way"
    good = set(np.delete(classes, list(broken)).tolist())
    for i in broken:
        if (label := classes[i]) not in good:
            name = label if listed.class_names is None else listed.class_names[int(label)]
            own = [listed.names[each] for each in broken if classes[each] == label]
            raise ValueError(
                f"None of the {len(own)} images of the class {str(name)!r}{of_subset} can be "
                f"read: {some_of(own)}. Add good ones{another_split}, or leave the class out. The "
                f"first: {broken[i]}"
            )
