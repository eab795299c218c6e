"""What this process may use of the machine."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
_ONE_DNN = frozenset({"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
"""A processor with any of these has TensorFlow's oneDNN options by default."""


def available_cores() -> int:
    """Count the processors this process may use: its affinity, within its cgroup's quota.

    Returns:
        At least 1; a quota of part of a processor is rounded up.

    Example:
        >>> available_cores() >= 1
        True
    """
    return max(1, math.ceil(min(len(os.sched_getaffinity(0)), _cgroup_quota())))


def available_memory() -> int:
    """Count the bytes this process may still use: what the machine has, within its cgroup.

    Returns:
        Bytes; where the system does not report them, a number larger than any memory.

    Example:
        >>> available_memory() > 0
        True
    """
    free = sys.maxsize
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable"):
                free = int(line.split()[1]) * 1024
    return min(free, _cgroup_memory())


def keep_freed_memory() -> None:
    """Make the C library hold on to a little freed memory instead of returning it at once.

    Every batch frees and takes blocks of a few hundred kilobytes to some megabytes. By default
    glibc gives them back to the system and takes new ones, which must be zeroed page by page:
    up to a fifth of the pipeline's CPU time. Leaving 32 MB free at the top of each thread's
    arena stops that, at the cost of up to that much memory per busy thread. It helps fully only
    when called before the process has started its first thread.

    Setting MALLOC_TOP_PAD_ in the environment, to any value, leaves the allocator alone.

    Example:
        >>> keep_freed_memory()
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_TOP_PAD_" not in os.environ:
        m_top_pad = -2
        mallopt(m_top_pad, 32 << 20)


def keep_freed_tensors() -> None:
    """Have TensorFlow keep the memory of freed tensors in its pool, where it has none by default.

    With its oneDNN options TensorFlow takes tensors from a pool. Without them, as on AMD's Zen 3,
    on processors before Cascade Lake or by `TF_ENABLE_ONEDNN_OPTS=0`, each batch's memory goes back
    to the C library, which unmaps large blocks: 125 to 240 page faults an image, a fifth to two
    thirds of all time. `TF_CPU_ALLOCATOR_USE_BFC` gives it a pool there too, which holds on to the
    most that it has had. No setting of the C library does as much, nor for blocks above 32 MB.

    It helps only when called before TensorFlow makes its first tensor. Setting the variable in the
    environment, to "true" or "false", leaves the choice alone.

    Example:
        >>> keep_freed_tensors()
    """
    wanted = "TF_CPU_ALLOCATOR_USE_BFC"
    features = _processor_features()
    one_dnn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower()
    pooled = one_dnn in ("1", "true") or (features & _ONE_DNN and one_dnn not in ("0", "false"))
    if wanted in os.environ or pooled or not features:
        return
    os.environ[wanted] = "true"
    # As much as there is; by itself it stops at 64 GB.
    os.environ.setdefault("TF_CPU_BFC_MEM_LIMIT_IN_MB", str(1 << 22))


@contextlib.contextmanager
def wide_vectors() -> Iterator[None]:
    """Let XLA use the widest vectors of the processor, if it is used for the first time inside.

    XLA keeps to 256 bits where there are 512, since the first such processors clocked down for
    them. Those with AVX512-VBMI2 (Ice Lake, Zen 4 and later) hardly do, and the warp takes a
    third less time. XLA reads its flags once in a process, so this has no effect where it was
    used before; an `XLA_FLAGS` that names the flag is left alone.

    Example:
        >>> with wide_vectors():
        ...     pass  # compile here
    """
    flag = "--xla_cpu_prefer_vector_width"
    before = os.environ.get("XLA_FLAGS")
    if flag in (before or "") or "avx512_vbmi2" not in _processor_features():
        yield
        return
    os.environ["XLA_FLAGS"] = f"{before or ''} {flag}=512".strip()
    try:
        yield
    finally:
        # Other libraries with an XLA of their own read the same variable.
        if before is None:
            del os.environ["XLA_FLAGS"]
        else:
            os.environ["XLA_FLAGS"] = before


def _processor_features() -> frozenset[str]:
    """Read the features of the first processor, by Linux' names; empty where it lists none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def _cgroup_quota() -> float:
    """Read how many processors the control group grants; infinity where it sets no limit."""
    granted = [math.inf]
    for folder in _cgroup_folders("cpu"):
        try:
            if (both := folder / "cpu.max").exists():
                quota, period = both.read_text().split()
            else:  # version 1
                quota = (folder / "cpu.cfs_quota_us").read_text().strip()
                period = (folder / "cpu.cfs_period_us").read_text()
            if quota not in ("max", "-1"):
                granted.append(int(quota) / int(period))
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return min(granted)


def _cgroup_memory() -> int:
    """Read how many bytes the control group still grants; a huge number without a limit."""
    granted = [sys.maxsize]
    for folder in _cgroup_folders("memory"):
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),  # version 1
        ):
            try:
                most = (folder / limit).read_text().strip()
                if most != "max":
                    granted.append(max(int(most) - int((folder / used).read_text()), 0))
            except (OSError, ValueError):
                continue
    return min(granted)


def _cgroup_folders(controller: str) -> list[Path]:
    """List the folders of this process' control group and of those around it, as far as seen.

    Args:
        controller: of version 1, "cpu" or "memory", which has groups of its own.
    """
    folders = [_CGROUPS, _CGROUPS / controller]
    with contextlib.suppress(OSError, ValueError):
        for line in _OWN_CGROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "" or controller in controllers.split(","):
                root = _CGROUPS / controller if controllers else _CGROUPS
                group = root / path.lstrip("/")
                folders += [each for each in (group, *group.parents) if each.is_relative_to(root)]
    return [each for each in dict.fromkeys(folders) if each.is_dir()]
