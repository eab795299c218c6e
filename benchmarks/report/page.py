"""Results as one page that needs nothing beside itself."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report.absences import absences
from benchmarks.report.facts import command, facts, one_line
from benchmarks.report.headline import headlines
from benchmarks.report.markup import Markup, element, joined, listed, pairs, row, table
from benchmarks.report.plots.naming import description, of_suite
from benchmarks.report.reading import HOW_TO_READ
from benchmarks.report.remarks import remarks
from benchmarks.report.rows import HEADINGS, Row, cells, rows
from benchmarks.report.spreadsheet import as_csv
from benchmarks.report.suites import Suite, label, overview, slug, suites
from benchmarks.results import Outcome, Results

_STYLE = Path(__file__).with_name("page.css")
# Whatever may be in the data, a browser loads nothing and runs nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def as_html(results: Results, plots: Sequence[Path]) -> str:
    """Return the page, with all samples in it.

    Args:
        results: All of a run.
        plots: Files of `draw_plots`.
    """
    page = element("html", _head(), element("body", *_body(results, plots)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head() -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("link", rel="icon", href="data:,"),
        element("title", "Benchmarks"),
        element("style", Markup(_STYLE.read_text(encoding="utf-8"))),
    )


def _body(results: Results, plots: Sequence[Path]) -> list[Markup]:
    found = suites(results)
    return [
        element("h1", "Benchmarks"),
        _lead(results),
        _contents(found),
        _part("how", "How it was measured", pairs(list(HOW_TO_READ))),
        *(_suite(suite, of_suite(plots, suite)) for suite in found),
        _absences(results),
        _part("environment", "Measured on", pairs(facts(results.environment))),
        _part("settings", "Measured with", pairs(facts(results.settings)), _again(results)),
        _part("data", "All samples", _downloads(results)),
    ]


def _part(name: str, title: str, *children: Markup) -> Markup:
    return element("section", element("h2", title), *children, id=name)


def _lead(results: Results) -> Markup:
    lines = headlines(results)
    return element("div", listed(lines), class_="lead") if lines else Markup()


def _contents(found: Sequence[Suite]) -> Markup:
    links = [
        ("how", "how it was measured"),
        *((_anchor(suite), suite.name) for suite in found),
        ("missing", "not measured"),
        ("environment", "environment"),
        ("data", "all samples"),
    ]
    return element("nav", *(element("a", text, href=f"#{name}") for name, text in links))


def _anchor(suite: Suite) -> str:
    return f"suite-{slug(suite.name)}"


def _suite(suite: Suite, plots: Sequence[Path]) -> Markup:
    images = [_image(plot) for plot in plots]
    tables = [_outcome(outcome, suite) for outcome in suite.outcomes]
    if not suite.is_series:
        return _part(_anchor(suite), suite.name, *images, *tables)
    all_tables = element("details", element("summary", "All tables"), *tables)
    return _part(_anchor(suite), suite.name, *images, _overview(suite), all_tables)


def _image(plot: Path) -> Markup:
    source = _data("image/png", plot.read_bytes())
    return element("figure", element("img", src=source, alt=description(plot)))


def _overview(suite: Suite) -> Markup:
    header = [HEADINGS[0], *(label(outcome) for outcome in suite.outcomes)]
    return joined(
        element("p", "Images/s, and times the reference.", class_="faint"),
        table(header, [row(*texts) for texts in overview(suite)]),
    )


def _outcome(outcome: Outcome, suite: Suite) -> Markup:
    shown = rows(outcome)
    return joined(
        Markup() if outcome.workload == suite.name else element("h3", outcome.workload),
        table(list(HEADINGS), [_row(each) for each in shown]),
        element("p", one_line(outcome.conditions), class_="faint"),
        element("div", listed(remarks(outcome)), class_="faint"),
    )


def _row(shown: Row) -> Markup:
    if shown.missing is None:
        return row(*cells(shown), class_="reference" if shown.is_reference else "")
    reason = element("td", f"not measured: {shown.missing}", colspan=str(len(HEADINGS) - 1))
    return element("tr", element("th", shown.title, scope="row"), reason, class_="missing")


def _absences(results: Results) -> Markup:
    absent = [row(*texts) for texts in absences(results)]
    skipped = [f"{name}: {reason}" for name, reason in results.skipped.items()]
    header = ["contestant", "why", "where"]
    return _part(
        "missing",
        "Not measured",
        element("div", table(header, absent), class_="words") if absent else Markup(),
        joined(element("p", "Workloads left out:"), listed(skipped)) if skipped else Markup(),
        Markup() if absent or skipped else element("p", "Nothing was left out."),
    )


def _again(results: Results) -> Markup:
    return joined(element("p", "The same again:"), element("pre", command(results)))


def _downloads(results: Results) -> Markup:
    files = [
        ("results.json", "application/json", results.as_json()),
        ("samples.csv", "text/csv", as_csv(results)),
    ]
    links = [
        element("a", name, download=name, href=_data(kind, content.encode()))
        for name, kind, content in files
    ]
    return element("p", "Within this page: ", links[0], " with everything in it, ", links[1], ".")


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode('ascii')}"
