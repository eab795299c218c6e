"""Where training stands: the batch that it has yet to see first, and the file that holds it."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catdog_data.system.atomic_files import write_atomically

ORDER_VERSION = 2
"""Raised by every change of the images that a seed puts into a batch. Saved positions hold it:
within an epoch they are valid for one version only."""

_FORMAT = "catdog_data position 1"
_REMEDY = "Delete the file to start over, or name the one that `InputPosition` wrote."


@dataclass(frozen=True)
class Position:
    """The batch that training has yet to see first.

    Args:
        epoch: its epoch, from 0.
        step: its number within the epoch, from 0.
        steps: how many a whole epoch has, or None where that is not known.
        order: the version of the order of images in which `step` counts, from 1.
        plan: what else that order depends on, in JSON's types: see `ImageDataset.plan`; or None
            where it is not known.

    Raises:
        ValueError: a value out of its range, or a plan that is no mapping.

    Example:
        >>> Position(3, 7) == Position.from_json(Position(3, 7, steps=90).to_json())
        True
    """

    epoch: int
    step: int
    steps: int | None = field(default=None, compare=False)
    order: int = field(default=ORDER_VERSION, compare=False, repr=False)
    plan: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not _is_count(self.epoch):
            raise ValueError(f"`epoch` must be an integer from 0; received {self.epoch!r}.")
        if self.steps is not None and not (_is_count(self.steps) and self.steps):
            raise ValueError(f"`steps` must be an integer from 1 or None; received {self.steps!r}.")
        if not _is_count(self.step) or (self.steps is not None and self.step >= self.steps):
            end = "" if self.steps is None else f" and below {self.steps}, the steps of an epoch"
            raise ValueError(f"`step` must be an integer from 0{end}; received {self.step!r}.")
        if not (_is_count(self.order) and self.order):
            raise ValueError(f"`order` must be an integer from 1; received {self.order!r}.")
        if self.plan is not None and not isinstance(self.plan, Mapping):
            raise ValueError(f"`plan` must be a mapping or None; received {self.plan!r}.")

    def warn_of_another_plan(self, plan: Mapping[str, Any], steps: int | None) -> None:
        """Warn if this is within an epoch of images in another order than those to be read.

        Args:
            plan: of the dataset that is to go on here, see `ImageDataset.plan`.
            steps: how many steps its epochs have, or None where that is not known.

        Example:
            >>> import warnings
            >>> with warnings.catch_warnings(record=True) as caught:
            ...     warnings.simplefilter("always")
            ...     Position(3, 7, 90, plan={"balance": None}).warn_of_another_plan(
            ...         {"balance": "oversample"}, 120
            ...     )
            >>> print(caught[0].message)  # doctest: +ELLIPSIS
            Position(epoch=3, step=7, steps=90) lies within an epoch of another order: steps was 90
            and is now 120; balance was None and is now 'oversample'. The rest of this epoch ...
        """
        # At its beginning, an epoch has all images in any order.
        if self.step == 0:
            return
        before = {"steps": self.steps, **(self.plan or {})}
        now = {"steps": self.steps if steps is None else steps, **plan}
        differing = [
            f"{name} was {value!r} and is now {now[name]!r}"
            for name, value in before.items()
            if name in now and now[name] != value and (name, value) != ("steps", None)
        ]
        if differing:
            warnings.warn(
                f"{self} lies within an epoch of another order: {'; '.join(differing)}. The rest "
                "of this epoch repeats some images and leaves out others; all epochs after it are "
                f"whole. `Position({self.epoch}, 0)` begins the epoch again.",
                UserWarning,
                stacklevel=3,
            )

    def to_json(self) -> str:
        """Write as one line of JSON, about 90 bytes, with a plan 180.

        Example:
            >>> print(Position(3, 7, steps=90).to_json())
            {"format": "catdog_data position 1", "epoch": 3, "step": 7, "steps": 90, "order": 2}
        """
        return json.dumps(_content(self))

    @classmethod
    def from_json(cls, text: str) -> Position:
        """Read what `to_json` wrote.

        Warns of a position within an epoch of which another version made the order: the rest of
        the epoch has images that were seen already, and lacks others.

        Args:
            text: one JSON object.

        Returns:
            The position.

        Raises:
            ValueError: it is cut short or something else.

        Example:
            >>> Position.from_json(Position(3, 7, steps=90).to_json())
            Position(epoch=3, step=7, steps=90)
        """
        position = _from_content(_parsed(text))
        _warn_of_another_order(position, "This position")
        return position

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file, whole or not at all: whoever reads it finds this position or the last.

        Args:
            path: the file; its folder is made where it is missing.

        Raises:
            OSError: the file system refused.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Position(3, 7, steps=90).save(Path(folder, "position.json"))
            ...     Position.load(Path(folder, "position.json"))
            Position(epoch=3, step=7, steps=90)
        """
        write_position(Path(path), self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Position:
        """Read what `save` or an `InputPosition` wrote; warns as `from_json` does.

        Args:
            path: the file.

        Returns:
            The position.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is cut short or something else.

        Example:
            See `save`.
        """
        position, _ = read_position(Path(path))
        return position


def write_position(path: Path, position: Position, weights: str | None = None) -> None:
    """Write a position to a file, whole or not at all.

    Args:
        path: the file; its folder is made where it is missing.
        position: what is written.
        weights: the folder of the model that belongs to it, from the folder of the file; or None.

    Raises:
        OSError: the file system refused.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "position.json")
        ...     write_position(path, Position(3, 7, steps=90), "weights/1")
        ...     read_position(path)
        (Position(epoch=3, step=7, steps=90), 'weights/1')
    """
    more = {} if weights is None else {"weights": weights}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({**_content(position), **more}).encode())


def read_position(path: Path) -> tuple[Position, str | None]:
    """Read what `write_position` wrote; warns as `Position.from_json` does.

    Args:
        path: the file.

    Returns:
        The position, and the folder of the model from the folder of the file, or None.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short or something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Position(3, 7, steps=90).save(f"{folder}/position.json")
        ...     read_position(Path(folder, "position.json"))
        (Position(epoch=3, step=7, steps=90), None)
    """
    try:
        content = _parsed(path.read_text("utf-8", errors="replace"))
        position = _from_content(content)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} must be a file that `InputPosition` wrote, and does not exist. Begin with "
            "`Position(0, 0)`, or name the right file."
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error} {_REMEDY}") from None
    _warn_of_another_order(position, str(path))
    return position, content.get("weights")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _content(position: Position) -> dict[str, Any]:
    names = ("epoch", "step", "steps", "order")
    plan = {} if position.plan is None else {"plan": dict(position.plan)}
    return {"format": _FORMAT, **{name: getattr(position, name) for name in names}, **plan}


def _from_content(content: dict[str, Any]) -> Position:
    try:
        # Files of the first order do not name it.
        order = content.get("order", 1)
        place = content["epoch"], content["step"], content["steps"]
        return Position(*place, order, content.get("plan"))
    except KeyError as error:
        raise ValueError(f"A position must have a value named {error}; it has none.") from None


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        raise ValueError(
            f"A position must be one JSON object; it is cut short or something else: {text[:60]!r}."
        ) from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"A position must be of the format {_FORMAT!r}; it is {text[:60]!r}.")
    return content


def _warn_of_another_order(position: Position, name: str) -> None:
    # At its beginning, an epoch has all images in any order.
    if position.order == ORDER_VERSION or position.step == 0:
        return
    relation = "an earlier" if position.order < ORDER_VERSION else "a later"
    warnings.warn(
        f"{name} lies within epoch {position.epoch}, at step {position.step}, of orders of "
        f"{relation} catdog_data (version {position.order}; here {ORDER_VERSION}). If the images "
        "are shuffled, the rest of this epoch repeats some and leaves out others; all epochs "
        f"after it are whole. `Position({position.epoch}, 0)` begins the epoch again.",
        UserWarning,
        stacklevel=4,
    )
