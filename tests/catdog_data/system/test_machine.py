"""What TensorFlow is set to on this machine; and the limits of control groups."""

from __future__ import annotations

import os
import subprocess
import sys

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


POOL, LIMIT, ONE_DNN = (
    *("TF_CPU_ALLOCATOR_USE_BFC", "TF_CPU_BFC_MEM_LIMIT_IN_MB"),
    "TF_ENABLE_ONEDNN_OPTS",
)
ZEN_3, SAPPHIRE_RAPIDS = {"avx2", "fma"}, {"avx2", "fma", "avx512_vnni", "amx_tile"}

TENSORS = """
import resource
import catdog_data
import tensorflow as tf

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

tensors = tf.data.Dataset.range(30).map(lambda i: tf.fill([10 << 20], tf.cast(i, tf.float32)), 2)
for i, each in enumerate(tensors.prefetch(2)):
    if i == 9:
        before = faults()
print((faults() - before) // 20)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("chosen", "kept"), [(None, True), ("false", False)])
def test_freed_tensors_above_32_megabytes_are_kept_where_one_dnn_is_off(
    chosen: str | None, kept: bool
) -> None:
    environment = {**os.environ, ONE_DNN: "0"}
    environment.pop(POOL, None)
    if chosen:
        environment[POOL] = chosen
    done = subprocess.run(
        [sys.executable, "-c", TENSORS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    # One of 40 MB has 10,240 pages.
    assert (int(done.stdout) < 1000) == kept


@pytest.mark.parametrize(
    ("features", "given", "expected"),
    [
        (ZEN_3, {}, "true"),
        (ZEN_3, {ONE_DNN: "0"}, "true"),
        (ZEN_3, {ONE_DNN: "1"}, None),
        (ZEN_3, {POOL: "false"}, "false"),
        (SAPPHIRE_RAPIDS, {}, None),
        (SAPPHIRE_RAPIDS, {ONE_DNN: "False"}, "true"),
        (SAPPHIRE_RAPIDS, {ONE_DNN: "0", POOL: ""}, ""),
        ((), {}, None),  # no x86, or a system that does not list them
    ],
)
def test_the_pool_is_asked_for_where_tensorflow_has_none_and_nobody_has_chosen(
    features: set[str], given: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_processor_features", lambda: frozenset(features))
    for name in (POOL, LIMIT, ONE_DNN):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    machine.keep_freed_tensors()
    assert os.environ.get(POOL) == expected
    assert (LIMIT in os.environ) == (expected != given.get(POOL))


def test_a_limit_of_the_pool_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_processor_features", lambda: frozenset(ZEN_3))
    monkeypatch.setattr(os, "environ", {LIMIT: "300"})
    machine.keep_freed_tensors()
    assert os.environ == {LIMIT: "300", POOL: "true"}
