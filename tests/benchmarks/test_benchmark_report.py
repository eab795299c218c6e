"""Reports hold what was measured, whatever form they have."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from base64 import b64decode
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from benchmark_results import NOT_INSTALLED, TITLES, comparison, entry, outcome, whole_run
from markdown_it import MarkdownIt
from PIL import Image
from rich.console import Console

from benchmarks.compare import compare
from benchmarks.estimates import Interval, Spread, ratio, spread
from benchmarks.report.tables import (
    HEADINGS,
    NOTHING,
    START_HEADINGS,
    Row,
    Table,
    number,
    spread_text,
    times_text,
)
from benchmarks.report.terminal import LiveProgress, show
from benchmarks.report.write import as_csv, write_report
from benchmarks.results import BenchmarkResults, Entry

NEWER = (
    *("faults", "further_seconds", "second_pass_seconds", "indexed_seconds"),
    "epoch_gap_seconds",
)
"""What samples of earlier versions lack."""
VOID = {"img", "link", "meta"}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def run():
    return whole_run()


@pytest.fixture(scope="module")
def report(run, tmp_path_factory):
    return write_report(run, tmp_path_factory.mktemp("benchmarks") / "report")


class Page(HTMLParser):
    """Elements, with a check that each is closed in its turn, and the texts in cells of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def all(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture(scope="module")
def page(report):
    return Page(report.page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def markdown_page(report):
    html = MarkdownIt("js-default").render(report.markdown.read_text(encoding="utf-8"))
    return Page(html)


def full_tables(page):
    return [table for table in page.tables if table[0] == list(HEADINGS)]


def start_tables(page):
    return [table for table in page.tables if table[0] == list(START_HEADINGS)]


def timed_titles(one):
    return [entry.title for entry in one.entries if entry.samples]


def test_json_comes_back_as_it_was(run, report):
    assert BenchmarkResults.read(report.json) == run


def test_results_of_earlier_versions_are_read_and_reported(tmp_path):
    saved = Path(__file__).with_name("benchmark_results.json")
    found = BenchmarkResults.read(saved)
    kept, old = json.loads(found.as_json()), json.loads(saved.read_text())
    for one in kept["outcomes"]:
        for sample in [each for some in one["entries"] for each in some["samples"]]:
            assert [sample.pop(name) for name in NEWER] == [None] * len(NEWER)
    assert kept == old
    assert [one.workload for one in found.outcomes] == ["recipe", "stages"]
    report = write_report(found, tmp_path)
    assert "10.2 times (9.63 to 10.7) Keras IDG" in report.page.read_text()
    assert {each.verdict for each in compare(found, found)} == {"too few rounds"}


def test_csv_has_every_sample_and_every_reason(run, report):
    lines = csv.DictReader(io.StringIO(report.csv.read_text(encoding="utf-8")))
    found, reasons = [], []
    for line in lines:
        where = (line["workload"], line["suite"], line["x"], line["contestant"], line["title"])
        if line["missing"]:
            assert line["wall_ms"] == line["round"] == line["images"] == ""
            reasons.append((*where, line["missing"]))
        else:
            found.append((*where, int(line["round"]), float(line["wall_ms"]), line["note"]))
    assert found == [
        (*_where(one, entry), sample.round, sample.wall_ms, entry.note)
        for one in run.outcomes
        for entry in one.entries
        for sample in entry.samples
    ]
    assert reasons == [
        (*_where(one, entry), entry.missing)
        for one in run.outcomes
        for entry in one.entries
        if entry.missing
    ]


def _where(one, entry):
    x = "" if one.x is None else str(one.x)
    return (one.workload, one.suite, x, entry.contestant, entry.title)


def test_csv_is_what_pandas_reads(run):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(io.StringIO(as_csv(run)), float_precision="round_trip")
    plain = table[(table.workload == "plain") & (table.contestant == "keras")]
    (keras, *_) = run.outcomes[0].entries
    assert list(plain.peak_megabytes) == [sample.peak_megabytes for sample in keras.samples]


@pytest.mark.parametrize("form", ["page", "markdown_page"])
def test_tables_have_the_ratios_of_the_estimates(form, run, request):
    found = {
        tuple(row[:3])
        for table in full_tables(request.getfixturevalue(form))
        for row in table[1:]
        if len(row) == len(HEADINGS)
    }
    assert found == {
        (entry.title, spread_text(spread(entry, "images_per_second")), _ratio_text(entry, one))
        for one in run.outcomes
        for entry in one.entries
        if entry.samples and one.suite != "start-up"
    }


@pytest.mark.parametrize("form", ["page", "markdown_page"])
def test_start_up_has_seconds_and_no_number_for_what_there_is_not(form, run, request):
    tables = start_tables(request.getfixturevalue(form))
    expected = [one for one in run.outcomes if one.suite == "start-up"]
    for table, one in zip(tables, expected, strict=True):
        for row, each in zip(table[1:], one.entries, strict=True):
            firsts = [sample.first_batch_seconds for sample in each.samples]
            assert row[:2] == [
                each.title,
                spread_text(Spread(median(firsts), min(firsts), max(firsts))),
            ]
            sample = each.samples[0]
            later = (sample.further_seconds, sample.second_pass_seconds, sample.indexed_seconds)
            shown = [NOTHING if value is None else number(value) for value in later]
            assert row[2:-1] == [*shown, NOTHING]


def test_page_faults_have_a_column_and_no_number_where_they_were_not_counted():
    (keras, *_) = comparison("plain").entries
    old = replace(keras, samples=tuple(replace(each, faults=None) for each in keras.samples))
    at = HEADINGS.index("page faults")
    counted, unknown = (Row(one, one).cells[at] for one in (keras, old))
    assert counted == number(spread(keras, "faults").median)
    assert unknown == NOTHING


def _ratio_text(entry, one):
    return "reference" if entry is one.reference else times_text(ratio(entry, one.reference))


def test_numbers_keep_three_digits():
    numbers = (0, 0.012345, 0.5, 1.2345, 99.95, 123.4, 98765.4)
    assert [number(value) for value in numbers] == [
        *("0.00", "0.0123", "0.500", "1.23", "100.0", "123", "98,765")
    ]
    assert spread_text(Spread(2.0, 1.0, 3.0)) == "2.00 [1.00–3.00]"  # noqa: RUF001
    assert times_text(Interval(2.0)) == "2.00"
    assert times_text(Interval(2.0, 1.5, 2.5)) == "2.00 [1.50–2.50]"  # noqa: RUF001


def test_who_is_absent_is_on_the_page_with_the_reason_and_no_number(run, page):
    tables = full_tables(page)
    assert len(tables) + len(start_tables(page)) == len(run.outcomes)
    absent = [row for table in tables for row in table if row[0] == TITLES["torch"]]
    assert absent == [[TITLES["torch"], f"not measured: {NOT_INSTALLED}"]] * sum(
        entry.contestant == "torch" for one in run.outcomes for entry in one.entries
    )


def test_who_is_absent_is_in_the_markdown_with_the_reason_and_no_number(report, markdown_page):
    text = MarkdownIt("js-default").render(report.markdown.read_text(encoding="utf-8"))
    assert f"Not measured: {TITLES['torch']}: {NOT_INSTALLED}" in unescape(text)
    for table in full_tables(markdown_page):
        assert all(row[0] != TITLES["torch"] for row in table)


def test_who_is_absent_is_on_the_terminal_with_the_reason_and_no_number(run):
    text = printed(show, run)
    assert f"Not measured: {TITLES['torch']}: {NOT_INSTALLED}" in text
    lines = [line for line in text.splitlines() if line.strip().startswith("PyTorch")]
    assert lines and not any(re.search(r"\d", line) for line in lines)


@pytest.mark.parametrize("form", ["terminal", "page", "markdown"])
def test_what_was_skipped_is_named_with_the_reason(form, run, report):
    texts = {
        "terminal": printed(show, run),
        "page": unescape(report.page.read_text(encoding="utf-8")),
        "markdown": report.markdown.read_text(encoding="utf-8").replace("\\", ""),
    }
    for workload, reason in run.skipped.items():
        assert f"{workload}: {reason}" in texts[form]


def test_the_page_is_well_formed_and_needs_nothing_beside_itself(page, report):
    assert page.open == []
    links = [attributes.get("href") or attributes.get("src") for _, attributes in page.elements]
    assert all(link.startswith(("data:", "#")) for link in links if link is not None)
    assert not page.all("script")
    style = report.page.read_text(encoding="utf-8").split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style


def test_links_within_the_page_lead_somewhere(page):
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    links = [link["href"] for link in page.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(names)


def test_the_page_carries_all_samples(run, page, tmp_path):
    (link,) = (a["href"] for a in page.all("a") if a.get("download") == "results.json")
    content = b64decode(link.split(",")[1])
    (tmp_path / "carried.json").write_bytes(content)
    assert json.loads(content) == json.loads(run.as_json())
    assert BenchmarkResults.read(tmp_path / "carried.json") == run


def test_the_page_shows_every_chart_and_says_what_it_is(page, report):
    images = page.all("img")
    assert [b64decode(image["src"].split(",")[1]) for image in images] == [
        plot.read_bytes() for plot in report.charts
    ]
    assert all(image["alt"] for image in images)


def test_markdown_links_to_plots_that_are_there(markdown_page, report):
    images = markdown_page.all("img")
    assert [report.markdown.parent / image["src"] for image in images] == list(report.charts)


def test_plots_are_pictures_of_something(report):
    for plot in report.charts:
        with Image.open(plot) as image:
            colors = image.convert("RGB").getcolors(maxcolors=image.width * image.height)
            assert image.width > 800 and len(colors) > 20, plot
            assert max(count for count, _ in colors) < 0.99 * image.width * image.height, plot


def test_plots_are_of_suites_that_have_data(report, run):
    shown = {plot.stem.split("--")[0] for plot in report.charts}
    assert shown == {one.suite.replace(" ", "-") for one in run.outcomes if timed_titles(one)}


def test_nothing_unfinished_is_left_and_a_report_can_be_written_again(run, report, tmp_path):
    few = BenchmarkResults(environment={}, settings={}, outcomes=(comparison("plain"),))
    write_report(few, tmp_path)
    (tmp_path / "plots" / "training--of-another-run.png").touch()
    again = write_report(few, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("results.json", "samples.csv", "report.md", "report.html", "plots")
    }
    assert [path.name for path in (tmp_path / "plots").iterdir()] == [again.charts[0].name]


@pytest.mark.parametrize(
    "outcomes", [(), (outcome("plain", "plain", []),)], ids=["no outcome", "no entry"]
)
def test_a_run_without_samples_has_a_report_without_plots(outcomes, tmp_path):
    empty = BenchmarkResults(environment={}, settings={}, outcomes=outcomes)
    report = write_report(empty, tmp_path)
    assert report.charts == ()
    assert Page(report.page.read_text(encoding="utf-8")).open == []
    printed(show, empty)


def test_the_first_who_was_timed_is_the_reference():
    absent = Entry(contestant="first", title="First", missing="failed: ValueError")
    one = comparison("plain")
    shown = Table(outcome("plain", "plain", [absent, *one.entries])).rows
    assert [row.is_reference for row in shown].index(True) == 1
    assert shown[0].missing == "failed: ValueError"


def test_a_narrow_terminal_cuts_no_number(run):
    words = printed(show, run, width=80).split()
    for one in run.outcomes:
        for row in Table(one).rows:
            assert all(cell.split(" [")[0] in words for cell in row.cells[1:])
    (keras, *_) = Table(run.outcomes[0]).rows
    assert all(word in words for cell in keras.cells[1:] for word in cell.split())
    long = outcome("long", "long", [entry("keras", 1300.0), entry("torch", 1600.0)])
    words = printed(show, BenchmarkResults(environment={}, settings={}, outcomes=(long,)), width=80)
    for row in Table(long).rows:
        assert all(word in words.split() for cell in row.cells[1:] for word in cell.split())


def printed(what, *arguments, width=200, **options):
    text = io.StringIO()
    what(Console(file=text, width=width, **options), *arguments)
    return text.getvalue()


def measured(console, outcomes):
    with LiveProgress(console, total=sum(map(rounds, outcomes))) as live:
        for one in outcomes:
            live.show("[b]warming up", one)
            live.show("[b]warming up", one)


def rounds(one):
    return sum(len(entry.samples) for entry in one.entries)


def test_without_a_terminal_each_workload_that_is_over_leaves_one_plain_line(run):
    text = printed(measured, run.outcomes)
    lines = text.splitlines()
    assert "\x1b" not in text
    assert len(lines) == len(run.outcomes)
    for line, one in zip(lines, run.outcomes, strict=True):
        assert line.startswith(f"{one.workload}: ")
        assert all(entry.title in line for entry in one.entries)
        assert all(entry.missing in line for entry in one.entries if entry.missing)


def test_on_a_terminal_a_bar_counts_rounds(run):
    text = printed(measured, run.outcomes[:2], force_terminal=True)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "images/s" in plain and "[b]warming up" in plain
    first, total = rounds(run.outcomes[0]), sum(map(rounds, run.outcomes[:2]))
    assert f"{first}/{total}" in plain and f"{total}/{total}" in plain


def test_an_error_leaves_the_terminal_as_it_was(run):
    text = io.StringIO()
    console = Console(file=text, force_terminal=True)
    with pytest.raises(KeyboardInterrupt), LiveProgress(console, total=3) as live:
        live.show("round 1", run.outcomes[0])
        raise KeyboardInterrupt
    assert text.getvalue().count("\x1b[?25l") == text.getvalue().count("\x1b[?25h")


_COUNT = """<script>
const failed = [];
addEventListener("error", event => failed.push(String(event.message || event.target)), true);
addEventListener("load", () => {
  const seen = [...document.images].filter(image => image.complete && image.naturalWidth > 0);
  document.body.dataset.seen = seen.length;
  document.body.dataset.failed = failed.length;
  document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth;
});
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_without_network_shows_every_plot(width, report, tmp_path):
    text = report.page.read_text(encoding="utf-8")
    # The page forbids all scripts; this one is let in to look around.
    policy = "default-src 'none'"
    assert policy in text
    allowed = text.replace(policy, f"{policy}; script-src 'unsafe-inline'")
    watched = tmp_path / "watched.html"
    watched.write_text(allowed.replace("</head>", f"{_COUNT}</head>"), encoding="utf-8")
    body = next(a for tag, a in Page(_loaded(watched, width, tmp_path)).elements if tag == "body")
    assert body == {"data-seen": str(len(report.charts)), "data-failed": "0", "data-wide": "false"}


def _loaded(path, width, tmp_path):
    """Return the document as it is in a browser when all is loaded."""
    return subprocess.run(
        [
            *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *(f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900"),
            *("--virtual-time-budget=5000", "--dump-dom", path.as_uri()),
        ],
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    ).stdout


def test_training_tells_the_share_of_input() -> None:
    feeds = [entry("fit-constant", 400.0, title="memory"), entry("fit-slow", 100.0, title="slow")]
    (line,) = Table(outcome("training", "training", feeds)).notes
    constant, slow = (np.array([sample.wall_ms for sample in each.samples]) for each in feeds)
    share = np.median(1 - constant / slow)
    assert line.startswith(f"slow: {share:.0%} [")
    assert line.endswith("of the step is spent on input, against memory")
    assert Table(outcome("recipe", "recipe", feeds[1:])).notes == []
