"""Reading for a while opens nothing that stays open: `tests.reliability.soak`, but short."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.reliability.soak import FACES, Sample, Soak, _slope, drawn, show, soak


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("soak") / "photos", 16)


_COME_AND_GO = 10
"""Threads of a pass, which more or fewer samples may see."""


def assert_nothing_grows(soaked, epochs):
    assert soaked.epochs > epochs  # iterators were made again for every fifth
    half = len(soaked.samples) // 2
    for name in ("descriptors", "threads"):
        counts = [getattr(each, name) for each in soaked.samples]
        assert max(counts[half:]) <= max(counts[:half]) + _COME_AND_GO, (name, counts)


@pytest.mark.slow
@pytest.mark.parametrize("face", FACES)
def test_twenty_seconds(face, photos):
    soaked = soak(face, photos, seconds=20, every=0.5)
    assert_nothing_grows(soaked, epochs=5)
    show(Console(quiet=True), [soaked])


def test_a_slope_is_that_of_most_samples():
    samples = [Sample(60 * i, i, 500 + 2 * i + 300 * (i == 7), 9, 8) for i in range(60)]
    found = _slope(samples, "megabytes")
    assert found.low <= found.per_hour <= found.high
    assert found.per_hour == pytest.approx(120)
    assert Soak("adapter", 1, 1, 1, {"threads": _slope(samples, "threads")}, samples).slopes
