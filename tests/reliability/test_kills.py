"""Packing and training are killed, and end as if nothing had happened; a few of the many kills."""

from __future__ import annotations

import random

import pytest

from tests.reliability.kills import Packing, Training
from tests.reliability.runs import digest


def wrong(events):
    return [each for each in events if each.wrong]


def test_a_killed_pack_is_built_by_the_next_run(tmp_path):
    events = list(Packing(tmp_path / "work", 20).killed(1, random.Random(2)))
    assert len(events) == 1
    assert not wrong(events)


def test_a_flipped_bit_is_seen_in_the_sum(tmp_path):
    (tmp_path / "a").mkdir()
    pixels = tmp_path / "a" / "pixels"
    pixels.write_bytes(b"abc")
    before = digest(tmp_path)
    pixels.write_bytes(b"abb")
    assert digest(tmp_path) != before


@pytest.mark.slow
def test_a_training_killed_at_any_moment_ends_as_one_that_was_not(tmp_path):
    events = list(Training(tmp_path / "work", 11).killed(11, random.Random(2020)))
    assert len(events) == 12
    assert not wrong(events)


@pytest.mark.slow
def test_full_disks(tmp_path):
    works = Packing(tmp_path / "pack", 40), Training(tmp_path / "train", 0)
    events = [
        work.on_full_disk(random.Random(seed), by_limit=by_limit)
        for work in works
        for seed in (0, 1)
        for by_limit in (False, True)
    ]
    assert not wrong(events)


@pytest.mark.slow
def test_a_pack_on_a_read_only_disk(tmp_path):
    with_pack, without = Packing(tmp_path / "work", 20).on_read_only_disk()
    assert not with_pack.wrong
    assert not without.wrong, without.said
