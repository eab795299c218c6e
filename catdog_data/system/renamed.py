"""Names that a module had before, which keep working and warn."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a module some of whose public names have changed.

    Args:
        module: its `__name__`.
        names: from each old name to the new one, both of this module.

    Returns:
        A function from an old name to the value of the new one, which gives a DeprecationWarning;
        it raises AttributeError for any other name.

    Example:
        >>> old_names = renamed("math", {"factoriel": "factorial"})
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     old_names("factoriel")(4)
        24
        >>> print(caught[0].message)
        `math.factoriel` is `math.factorial` now; the old name will go.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 (it becomes the module's)
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            f"`{module}.{name}` is `{module}.{names[name]}` now; the old name will go.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(sys.modules[module], names[name])

    return __getattr__
