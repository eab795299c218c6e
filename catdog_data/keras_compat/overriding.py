"""Methods that a subclass or a script has exchanged."""

from __future__ import annotations

from collections.abc import Iterable


def overridden_method(instance: object, original: type, names: Iterable[str]) -> str | None:
    """Name the first method that is not the original class's own, bound to the instance.

    Args:
        instance: of the original class or of a subclass.
        original: defines the methods.
        names: of methods.
    """
    for name in names:
        method = getattr(instance, name)
        is_own = getattr(method, "__func__", None) is getattr(original, name)
        if not is_own or method.__self__ is not instance:
            return name
    return None
