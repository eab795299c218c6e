"""What the figures depend on beside the code: machine, versions, commit."""

import os
import platform
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = (
    *("tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy", "pillow"),
    *("torch", "opencv-python-headless", "albumentations", "grain", "nvidia-dali-cuda120"),
)
_VARIABLES = (
    *("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "XLA_FLAGS", "MALLOC_TOP_PAD_"),
    *("TF_ENABLE_ONEDNN_OPTS", "TF_CPU_ALLOCATOR_USE_BFC"),
)


def describe_environment() -> dict[str, Any]:
    """Collect machine, versions and commit."""
    from catdog_data import __version__

    installed = {each.name.lower(): each.version for each in distributions()}
    return {
        "processor": _processor(),
        "cores_allowed": len(os.sched_getaffinity(0)),
        "cores": os.cpu_count(),
        "memory_gigabytes": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "catdog": __version__,
        "commit": _commit(),
        "packages": {name: installed[name] for name in _PACKAGES if name in installed},
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        return platform.processor()
    return found[1] if found else platform.machine()


def _commit() -> str | None:
    """Name the commit of this code, "+" if it was changed since; None outside of a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
