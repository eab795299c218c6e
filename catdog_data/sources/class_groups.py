"""Several folders, or several names in a column, as one class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_data.sources.labelled_files import LabelledFiles


@dataclass(frozen=True)
class ClassGroups:
    """The classes in the order of their labels, and what counts as each.

    Args:
        members: the folders, or the names in a column, of each class.

    Example:
        >>> groups = ClassGroups.of({"cat": ["cats", "kittens"], "dog": ["dogs"]})
        >>> groups.names, groups.label_of
        (('cat', 'dog'), {'cats': 0, 'kittens': 0, 'dogs': 1})
    """

    members: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, class_names: Mapping[Any, Any]) -> ClassGroups:
        """Check what `class_names` may be, as a dict.

        Args:
            class_names: from classes to lists of names; None stands for the class' own name.

        Raises:
            ValueError: another key or value, an empty list, or a name under two classes.
        """
        members = {key: _checked_members(key, each) for key, each in class_names.items()}
        class_of: dict[str, str] = {}
        for key, names in members.items():
            for name in names:
                if name in class_of:
                    raise ValueError(
                        f"`class_names` must have each folder or name once; received {name!r} "
                        f"under {class_of[name]!r} and under {key!r}."
                    )
                class_of[name] = key
        return cls(members)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        return tuple(self.members)

    @property
    def label_of(self) -> dict[str, int]:
        """The label of each member, class by class."""
        return {name: label for label, each in enumerate(self.members.values()) for name in each}

    def relabelled(self, files: LabelledFiles) -> LabelledFiles:
        """Label files by these classes.

        Args:
            files: labelled by their folders, in the order of `label_of`.
        """
        table: NDArray[np.int32] = np.array(list(self.label_of.values()), np.int32)
        return replace(files, labels=table[files.labels], class_names=self.names)


def _checked_members(key: Any, given: Any) -> tuple[str, ...]:
    if not isinstance(key, str):
        raise ValueError(f"`class_names`, as a dict, must have strings as keys; received {key!r}.")
    if given is None or isinstance(given, str):
        return (key if given is None else given,)
    is_list = isinstance(given, (list, tuple)) and len(given) > 0
    if not is_list or not all(isinstance(name, str) for name in given):
        raise ValueError(
            "`class_names`, as a dict, must have for each class a list of the folders or names "
            f"that count as it (strings), at least one; received {given!r} for {key!r}."
        )
    return tuple(given)
