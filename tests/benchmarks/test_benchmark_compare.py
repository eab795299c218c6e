"""`python -m benchmarks compare`: what changed from one run to another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.compare import compare, differing_conditions
from benchmarks.results import BenchmarkResults, Entry, Outcome, Sample

_TIMES = {"keras": 6.0, "ours": 0.7, "packed": 0.2}  # ms an image


def _run(
    seed: int,
    *,
    rounds: int = 10,
    slower: Mapping[str, float] | None = None,
    machine: float = 1.0,
    noise: float = 0.03,
    noisy: Mapping[str, float] | None = None,
    drift: float = 0.1,
) -> BenchmarkResults:
    """Make up a run: a machine whose speed drifts, and noise of each sample's own."""
    random = np.random.default_rng(seed)
    speeds = machine * np.exp(random.normal(0, drift, rounds))

    def samples(name: str) -> tuple[Sample, ...]:
        times = _TIMES[name] * speeds
        times *= np.exp(random.normal(0, (noisy or {}).get(name, noise), rounds))
        times *= (slower or {}).get(name, 1.0)
        return tuple(
            Sample(
                round=i,
                images=100,
                wall_ms=times[i],
                cpu_ms=2 * times[i],
                first_batch_seconds=1.0,
                peak_megabytes=300.0,
            )
            for i in range(rounds)
        )

    entries = tuple(Entry(contestant=name, title=name, samples=samples(name)) for name in _TIMES)
    outcome = Outcome(
        workload="recipe", suite="recipe", x=None, conditions={"cores": 2}, entries=entries
    )
    return BenchmarkResults(environment={"processor": "one"}, settings={}, outcomes=(outcome,))


def _found(before: BenchmarkResults, after: BenchmarkResults) -> dict[tuple[str, str], str]:
    return {
        (each.contestant, each.measure): each.verdict
        for each in compare(before, after)
        if each.verdict != "same"
    }


def test_nothing_is_found_where_nothing_changed() -> None:
    # Chance is allowed to find something in one of twenty pairs of runs.
    wrong = sum(bool(_found(_run(2 * i), _run(2 * i + 1))) for i in range(40))
    assert wrong <= 4


@pytest.mark.parametrize("seed", range(5))
def test_ten_percent_are_found_with_whom_they_belong_to(seed: int) -> None:
    found = _found(_run(seed), _run(seed + 100, slower={"ours": 1.1}))
    assert found == {("ours", "wall"): "slower", ("ours", "CPU"): "slower"}


def test_what_got_faster_is_found() -> None:
    found = _found(_run(0, slower={"packed": 1.2}), _run(1))
    assert found == {("packed", "wall"): "faster", ("packed", "CPU"): "faster"}


def test_a_slower_machine_changes_the_first_contestant_only() -> None:
    found = _found(_run(0), _run(1, machine=1.5))
    assert found == {("keras", "wall"): "slower", ("keras", "CPU"): "slower"}


def test_a_first_contestant_that_is_noisy_hides_nothing() -> None:
    runs = [
        _run(seed, rounds=15, drift=0.0, noisy={"keras": 0.3}, slower={"ours": factor})
        for seed, factor in ((0, 1.0), (1, 1.1))
    ]
    assert _found(*runs) == {("ours", "wall"): "slower", ("ours", "CPU"): "slower"}
    assert {each.relative_to for each in compare(*runs)} == {None}


def test_small_changes_are_not_reported() -> None:
    runs = _run(0, noise=0.001), _run(1, noise=0.001, slower={"ours": 1.03})
    assert not _found(*runs)
    assert {each.contestant for each in compare(*runs, 0.01) if each.verdict == "slower"} == {
        "ours"
    }


def test_too_few_rounds_are_said_to_be_too_few() -> None:
    verdicts = set(_found(_run(0, rounds=3), _run(1, rounds=3, slower={"ours": 2})).values())
    assert verdicts == {"too few rounds"}


def test_runs_without_anything_in_common() -> None:
    other = BenchmarkResults(environment={}, settings={}, outcomes=())
    with pytest.raises(ValueError, match="have a contestant at a workload in common"):
        compare(_run(0), other)


def test_other_conditions_are_named() -> None:
    before, after = _run(0), _run(1)
    assert differing_conditions(before, after) == []
    other = BenchmarkResults(environment={"processor": "two"}, settings={}, outcomes=after.outcomes)
    assert differing_conditions(before, other) == ["processor: 'one' before, 'two' after"]


def test_the_command(tmp_path: Path) -> None:
    paths = {}
    for name, results in {
        "before": _run(0),
        "same": _run(1),
        "slower": _run(2, slower={"ours": 1.1}),
    }.items():
        paths[name] = tmp_path / f"{name}.json"
        paths[name].write_text(results.as_json())

    def invoke(*names: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["compare", *(str(paths[name]) for name in names)])
        return result.exit_code, " ".join(result.output.split())

    assert invoke("before", "same")[0] == 0
    assert "No difference found" in invoke("before", "same")[1]
    assert invoke("before", "slower")[0] == 1
    assert "2 of 6 times changed" in invoke("before", "slower")[1]
    paths["same"].write_text("{}")
    code, output = invoke("before", "same")
    assert code == 1
    assert "Results must be a results.json of this version" in output
