"""The benchmark suite: who competes, what is checked, how it is timed, and its command."""

from __future__ import annotations

import json
import mmap
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks import page_cache
from benchmarks.__main__ import main
from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.catdog_input import catdog_flow
from benchmarks.contestants.contestant import Contestant, Take, Task, hand_over
from benchmarks.images import DataSet, derive, describe, subset
from benchmarks.measuring import meter as meter_module
from benchmarks.measuring.bench import Bench
from benchmarks.measuring.meter import Enough, Receiver, Receiving, page_faults, started, timed
from benchmarks.measuring.processes import run_apart
from benchmarks.results import BenchmarkResults, Outcome
from benchmarks.suites import SUITES, Settings
from benchmarks.workloads import PLAIN, RECIPE, Distortions, Workload


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("twelve")
    random = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (root / kind).mkdir()
        for i in range(6):
            pixels = random.integers(0, 256, (30 + i, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / kind / f"{i}.jpg")
    return root


def _task(twelve: Path, packs: Path, distortions: Distortions) -> Task:
    return Task(
        directory=twelve, packs=packs, distortions=distortions, image_size=(32, 24), batch_size=4
    )


class _Taking:
    """Keeps so many batches."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.images: list[Any] = []

    def __call__(self, images: Any, labels: Any) -> None:
        self.images.append(images)
        if len(self.images) == self.wanted:
            raise Enough


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CONTESTANTS if not name.startswith("start-")])
def test_every_contestant_hands_over_batches(name: str, twelve: Path, tmp_path: Path) -> None:
    contestant = CONTESTANTS[name]
    if contestant.absent:
        pytest.skip(contestant.absent)
    distortions = PLAIN if contestant.why_not(RECIPE) else RECIPE
    taking = _Taking(4)  # three make a pass over the twelve
    with pytest.raises(Enough):
        contestant.run(_task(twelve, tmp_path / "packs", distortions), taking)
    assert len(taking.images[0]) > 0
    if contestant.computes == "batches":
        for images in map(np.asarray, taking.images):
            assert images.shape == (4, 32, 24, 3)
            assert images.dtype == contestant.yields
            top = 255 if contestant.yields == "uint8" else 1
            assert images.min() >= 0
            assert 0.5 * top < images.max() <= top


def test_every_suite_names_contestants_that_exist() -> None:
    workloads = [workload for suite in SUITES.values() for workload in suite]
    assert len({workload.name for workload in workloads}) == len(workloads)
    named = {name for workload in workloads for name in workload.contestants}
    assert named == CONTESTANTS.keys()


def test_what_is_not_installed_is_absent() -> None:
    contestant = Contestant(name="", title="", run=_ours, needs=("numpy", "no.such", "nor_this"))
    assert contestant.absent == "not installed: no.such, nor_this"


def _ours(task: Task, take: Take) -> None:
    hand_over(catdog_flow, task, take)


def _darker(task: Task, take: Take) -> None:
    hand_over(catdog_flow, task, lambda images, labels: take(images * 0.9, labels))


def _off_by_one_bit(task: Task, take: Take) -> None:
    for images, labels in catdog_flow(task):
        images[0, 0, 0, 0] = np.nextafter(images[0, 0, 0, 0], np.float32(2))
        take(images, labels)


def _ending(task: Task, take: Take) -> None:
    take(np.zeros((4, 32, 24, 3), "f"), np.zeros(4))


def _raising(task: Task, take: Take) -> None:
    raise RuntimeError("no luck today")


def _measured(
    twelve: Path, scratch: Path, *contestants: Contestant, one_pass: bool = False
) -> Outcome:
    given = describe(twelve, "a test")
    workload = Workload(
        name="w",
        suite="s",
        image_size=(32, 24),
        batch_size=4,
        one_pass=one_pass,
        contestants=tuple(each.name for each in contestants),
    )
    settings = Settings(suites=(), rounds=2, lead_in=0.0, seconds=0.05)
    bench = Bench(settings, subset(given, scratch), scratch / "packs", lambda *_: None)
    return bench.measure(workload, contestants, given)


@pytest.mark.slow
def test_only_those_that_compute_the_same_are_timed(twelve: Path, tmp_path: Path) -> None:
    ours = Contestant(name="ours", title="Ours", run=_ours, stream="same")
    outcome = _measured(
        twelve,
        tmp_path,
        ours,
        Contestant(name="again", title="", run=_ours, stream="same"),
        Contestant(name="own stream", title="", run=_ours),
        Contestant(name="bit", title="", run=_off_by_one_bit, stream="same"),
        Contestant(name="darker", title="", run=_darker),
        Contestant(name="ending", title="", run=_ending),
        Contestant(name="raising", title="", run=_raising),
        Contestant(name="absent", title="", run=_ours, needs=("no_such",)),
        Contestant(name="unable", title="", run=_ours, why_not=lambda distortions: "it is not"),
        Contestant(name="part", title="", run=_darker, computes="parts"),
    )
    entries = {entry.contestant: entry for entry in outcome.entries}
    timed = {name for name, entry in entries.items() if entry.samples}
    assert timed == {"ours", "again", "own stream", "part"}
    for name, why in {
        "bit": "first batches differ from those of Ours",
        "darker": "mean image differs from that of Ours",
        "ending": "4 images instead of 12",
        "raising": "no luck today",
        "absent": "not installed: no_such",
        "unable": "cannot: it is not",
    }.items():
        assert why in (entries[name].missing or "")
    for name in timed:
        assert [sample.round for sample in entries[name].samples] == [0, 1]
        for sample in entries[name].samples:
            assert sample.images >= 4
            assert sample.wall_ms > 0 < sample.first_batch_seconds
            assert sample.cpu_ms >= 0
            assert 50 < sample.peak_megabytes < 5000


@pytest.mark.slow
def test_one_pass_is_every_image_once(twelve: Path, tmp_path: Path) -> None:
    ours = Contestant(name="ours", title="Ours", run=_ours)
    outcome = _measured(twelve, tmp_path, ours, one_pass=True)
    assert [sample.images for sample in outcome.entries[0].samples] == [12, 12]
    assert outcome.conditions["timed"] == "one pass, from the start"


def test_the_lead_in_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(meter_module.time, "perf_counter", lambda: now[0])
    meter = Receiving(timed(lead_in=1.0, seconds=2.0))
    now[0] += 5  # to the first batch
    with pytest.raises(Enough):
        for seconds in (0.0, 0.75, 0.75, 0.5, 0.5, 0.5, 0.5, 0.5):
            now[0] += seconds
            meter(range(8), None)
    reading = meter.result
    assert reading.first_batch_seconds == 5
    # 1.5 s after the first batch the clock starts, with the third; four more take 2 s.
    assert reading.images == 4 * 8
    assert reading.wall_ms == 2000 / (4 * 8)


def test_a_whole_pass_is_timed_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(meter_module.time, "perf_counter", lambda: now[0])
    meter = Receiving(timed(lead_in=None, seconds=float("inf"), at_most=20))
    with pytest.raises(Enough):
        for _ in range(4):
            now[0] += 1
            meter(range(8), None)
    assert (meter.result.images, meter.result.wall_ms) == (24, 3000 / 24)


def test_of_the_start_the_first_batch_is_timed_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [10.0]
    monkeypatch.setattr(meter_module.time, "perf_counter", lambda: now[0])
    meter = Receiving(started())
    now[0] += 2
    meter(range(8), None)
    now[0] += 100
    meter("further_seconds", 0.5)
    meter("epoch_gap_seconds", 0.25)
    meter.end()
    sample = meter.result
    assert (sample.first_batch_seconds, sample.images, sample.wall_ms) == (2, 8, 250)
    assert (sample.further_seconds, sample.epoch_gap_seconds) == (0.5, 0.25)
    assert sample.second_pass_seconds is sample.indexed_seconds is None


def _pool(task: Task, take: Take) -> None:
    take([os.environ.get("TF_CPU_ALLOCATOR_USE_BFC")], None)


def _first_images() -> Receiver:
    images, _ = yield
    return images


def test_what_our_import_sets_reaches_no_other_contestant(
    twelve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "TF_CPU_ALLOCATOR_USE_BFC" in psutil.Process().environ():
        pytest.skip("the variable is set from outside")
    monkeypatch.setenv("TF_CPU_ALLOCATOR_USE_BFC", "true")  # as importing catdog_data may
    other = Contestant(name="", title="", run=_pool, needs=())
    task = _task(twelve, tmp_path, PLAIN)
    images, _ = run_apart(other, task, tuple(os.sched_getaffinity(0)), _first_images)
    assert images == [None]


def test_page_faults_are_counted_of_children_too() -> None:
    pages = 2000
    size = pages * resource.getpagesize()
    touch = f"import mmap; m = mmap.mmap(-1, {size}); m.write(bytes({size})); print(flush=True); "
    before = page_faults(psutil.Process())
    mmap.mmap(-1, size).write(bytes(size))
    own = page_faults(psutil.Process()) - before
    assert pages <= own
    command = [sys.executable, "-c", touch + "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        alive = page_faults(psutil.Process()) - before
        child.communicate(b"\n")
    ended = page_faults(psutil.Process()) - before
    assert own + pages <= alive <= ended


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("keras", {"further_seconds", "indexed_seconds", "epoch_gap_seconds"}),
        pytest.param(
            "catdog",
            {"further_seconds", "indexed_seconds", "epoch_gap_seconds"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "catdog-data",
            {"further_seconds", "second_pass_seconds", "epoch_gap_seconds"},
            marks=pytest.mark.slow,
        ),
        ("torch", {"further_seconds", "second_pass_seconds"}),
        ("grain", {"further_seconds", "second_pass_seconds"}),
        ("dali", {"further_seconds"}),
    ],
)
def test_start_up_is_timed_where_there_is_such_a_thing(
    name: str, told: set[str], twelve: Path, tmp_path: Path
) -> None:
    contestant = CONTESTANTS[f"start-{name}"]
    if contestant.absent:
        pytest.skip(contestant.absent)
    found: dict[str, float] = {}

    def take(images: Any, labels: Any) -> None:
        if isinstance(images, str):
            found[images] = labels
        else:
            assert np.asarray(images).shape == (4, 32, 24, 3)

    contestant.run(_task(twelve, tmp_path / "packs", PLAIN), take)
    assert found.keys() == told
    assert all(0 < seconds < 60 for seconds in found.values())


def test_batches_that_end_too_early_are_an_error() -> None:
    meter = Receiving(timed(lead_in=0.0, seconds=60.0))
    meter(range(8), None)
    with pytest.raises(ValueError, match="must go on until it is told to stop"):
        meter.end()


@pytest.mark.parametrize(
    ("kind", "size", "format_"),
    [("small", (64, 64), "JPEG"), ("png", None, "PNG"), ("many", None, "JPEG")],
)
def test_images_are_made_of_others(
    kind: Any, size: Any, format_: str, twelve: Path, tmp_path: Path
) -> None:
    given = describe(twelve, "a test")
    made = derive(given, kind, tmp_path)
    assert made.count == {"small": 2000, "png": 400, "many": 10_000}[kind]
    assert {path.parent.name for path in made.paths} == {"cats", "dogs"}
    with Image.open(made.paths[0]) as image:
        assert image.format == format_
        assert size in (None, image.size)
    before = made.paths[0].stat().st_mtime_ns
    assert derive(given, kind, tmp_path).paths[0].stat().st_mtime_ns == before


def test_a_dropped_file_is_out_of_memory_or_said_to_be_in(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 20))
    page_cache.warm([path])
    why = page_cache.drop([path])
    with path.open("rb") as file:
        in_memory = page_cache._is_in_memory(file.fileno())
    assert in_memory == (why is not None)
    assert path.read_bytes() == bytes(1 << 20)


def test_images_are_described(twelve: Path) -> None:
    found = describe(twelve, "a test")
    assert isinstance(found, DataSet)
    assert found.count == 12
    assert found.formats == (".jpg",)
    assert found.mean_pixels == round(40 * sum(range(30, 36)) / 6)
    sizes = [path.stat().st_size for path in twelve.glob("*/*.jpg")]
    assert found.mean_kilobytes == pytest.approx(sum(sizes) / 12 / 1000, abs=0.06)
    assert "directory" not in found.as_json()


@pytest.mark.slow
def test_the_command_writes_its_report(twelve: Path, tmp_path: Path) -> None:
    options = ["--data", twelve, "--workload", "plain", "--rounds", 2, "--seconds", 0.1]
    options += ["--contestant", "catdog", "--contestant", "keras", "--contestant", "dali"]
    result = CliRunner().invoke(main, [*map(str, options), "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    results = BenchmarkResults.read(tmp_path / "out" / "results.json")
    assert content["environment"]["images"]["count"] == 12
    assert {"processor", "commit", "packages", "cores_allowed"} <= content["environment"].keys()
    assert results.settings["command"] == (
        "python -m benchmarks --data twelve0 --workload plain --contestant catdog "
        "--contestant keras --contestant dali --rounds 2 --seconds 0.1"
    )
    (outcome,) = results.outcomes
    assert [entry.contestant for entry in outcome.entries] == ["catdog", "keras", "dali"]
    assert len(outcome.entries[0].samples) == len(outcome.entries[1].samples) == 2
    names = ("samples.csv", "report.md", "report.html")
    for name in names:
        assert "catdog IDG" in (tmp_path / "out" / name).read_text()
        (tmp_path / "out" / name).unlink()
    result = CliRunner().invoke(main, ["report", str(tmp_path / "out" / "results.json")])
    assert result.exit_code == 0, result.output
    for name in names:
        assert "catdog IDG" in (tmp_path / "out" / name).read_text()


def test_samples_so_far_are_kept(
    twelve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(self: Bench, workload: Workload, *arguments: Any) -> Outcome:
        if workload.name == "recipe":
            raise KeyboardInterrupt
        return Outcome(workload=workload.name, suite="", x=None, conditions={}, entries=())

    monkeypatch.setattr(Bench, "measure", measure)
    options = ["--data", twelve, "--workload", "plain", "--workload", "recipe"]
    result = CliRunner().invoke(main, [*map(str, options), "--output", str(tmp_path / "out")])
    assert result.exit_code == 1
    kept = BenchmarkResults.read(tmp_path / "out" / "results.json")
    assert [outcome.workload for outcome in kept.outcomes] == ["plain"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--contestant", "cheetah"], "must be one of keras, "),
        (["--suite", "everything"], "must be one of plain, recipe, "),
        (["--workload", "plane"], "must be one of plain, recipe, "),
        (
            ["--suite", "stages", "--contestant", "keras"],
            "No contestant and workload chosen are in stages",
        ),
    ],
)
def test_wrong_options(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    options = ["--data", str(tmp_path / "data"), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 1
    assert str(tmp_path / "data") in result.output.replace("\n", "")
    assert not (tmp_path / "out").exists()


def test_contestants_and_suites_are_listed() -> None:
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 0
    assert all(name in result.output for name in (*CONTESTANTS, *SUITES))
