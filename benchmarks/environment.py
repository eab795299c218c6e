"""What the figures depend on beside the code: machine, versions, commit."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = (
    *("tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy", "pillow"),
    *("torch", "opencv-python-headless", "albumentations", "grain", "nvidia-dali-cuda120"),
)
_VARIABLES = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "XLA_FLAGS", "MALLOC_TOP_PAD_")


def describe_environment() -> dict[str, Any]:
    """Collect it."""
    from catdog_data import __version__

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
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Name the commit of this code, "+" if it was changed since; None outside of a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
