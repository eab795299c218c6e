"""HTML in which whatever is no markup is escaped."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


_VOID = frozenset({"img", "link", "meta"})


def element(name: str, /, *children: str, **attributes: str) -> Markup:
    """Return an element.

    Args:
        name: Of the element.
        children: Markup stays as it is, all else is text.
        attributes: Their values are text; an underscore at the end of a name is left out, others
            become hyphens.
    """
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{named}>")
    return Markup(f"<{name}{named}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Return one after the other."""
    return Markup("".join(each if isinstance(each, Markup) else escape(each) for each in children))


def listed(items: list[str]) -> Markup:
    """Return a list of items, nothing if there are none."""
    return element("ul", *(element("li", item) for item in items)) if items else Markup()


def pairs(values: list[tuple[str, str]]) -> Markup:
    """Return names with what they are."""
    return element(
        "dl", *(joined(element("dt", name), element("dd", text)) for name, text in values)
    )


def table(header: list[str], rows: list[Markup]) -> Markup:
    """Return a table that scrolls sideways where it is too wide.

    Args:
        header: The first is that of the rows' names.
        rows: Elements `tr`.
    """
    head = element("tr", *(element("th", name, scope="col") for name in header))
    body = element("tbody", *rows)
    return element("div", element("table", element("thead", head), body), class_="wide")


def row(name: str, *cells: str, class_: str = "") -> Markup:
    """Return a row of a table, with its name."""
    return element(
        "tr",
        element("th", name, scope="row"),
        *(element("td", cell) for cell in cells),
        class_=class_,
    )
