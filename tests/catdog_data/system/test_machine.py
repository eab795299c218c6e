"""The limits of control groups, of both versions, as this process reads them."""

from __future__ import annotations

import pytest

from catdog_data.system import machine

GB = 1 << 30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Write files of control groups, by path, and the lines of /proc/self/cgroup."""

    def write(own, files):
        for name, content in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")
        (tmp_path / "own").write_text(own)
        monkeypatch.setattr(machine, "_CGROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(machine, "_OWN_CGROUPS", tmp_path / "own")

    return write


V1 = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/\n", {"memory.max": 2 * GB, "memory.current": GB}),
        ("0::/a/b\n", {"a/memory.max": 2 * GB, "a/memory.current": GB, "a/b/memory.max": "max"}),
        (V1, {"memory/memory.limit_in_bytes": 2 * GB, "memory/memory.usage_in_bytes": GB}),
        (
            V1,
            {
                "memory/docker/abc/memory.limit_in_bytes": 2 * GB,
                "memory/docker/abc/memory.usage_in_bytes": GB,
                "memory/memory.limit_in_bytes": 2**63 - 4096,
                "memory/memory.usage_in_bytes": 9 * GB,
            },
        ),
    ],
)
def test_memory_is_what_the_tightest_group_grants(groups, own, files):
    groups(own, files)
    assert machine._cgroup_memory() == GB
    assert machine.available_memory() <= GB


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/\n", {"cpu.max": "150000 100000"}),
        ("0::/a\n", {"a/cpu.max": "150000 100000", "cpu.max": "max 100000"}),
        (V1, {"cpu/cpu.cfs_quota_us": 150000, "cpu/cpu.cfs_period_us": 100000}),
    ],
)
def test_processors_are_what_the_tightest_group_grants(groups, own, files):
    groups(own, files)
    assert machine._cgroup_quota() == 1.5


@pytest.mark.parametrize("own", ["", "0::/\n", "nonsense\n", V1])
def test_without_limits_there_are_none(groups, own):
    groups(own, {"memory.max": "max", "cpu.max": "max 100000", "cpu/cpu.cfs_quota_us": -1})
    assert machine._cgroup_memory() > 2**60
    assert machine._cgroup_quota() == float("inf")
