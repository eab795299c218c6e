"""In which precision a network computes, chosen by the device it runs on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_BFLOAT16_FROM = (8, 0)  # compute capability: Ampere
_FLOAT16_FROM = (7, 0)  # Volta, the first with units for it
_CPU_FLAG = (
    "amx_bf16"  # matrix units; the vector instructions alone (AVX512-BF16) were not measured
)


@dataclass(frozen=True)
class Device:
    """A device that a network is trained on.

    Args:
        kind: "CPU" or "GPU".
        compute_capability: of a GPU of NVIDIA's, as (8, 0); None for others.
        multiplies_bfloat16: whether a CPU has matrix units for bfloat16 (Intel's AMX).

    Example:
        >>> Device("GPU", (8, 0)).kind
        'GPU'
    """

    kind: str
    compute_capability: tuple[int, int] | None = None
    multiplies_bfloat16: bool = False


def choose_precision(precision: str, devices: Sequence[Device]) -> str:
    """Name the precision to compute in.

    GPUs compute in bfloat16 from compute capability 8 on, which needs no loss scaling, and in
    float16 from 7 on, for which Keras scales the loss. Where GPUs differ, the weakest decides.
    CPUs with matrix units for bfloat16 use them, which took 0.5 to 0.8 times as long as float32
    for the networks here. All else computes in float32.

    Args:
        precision: one of `PRECISIONS`, which is returned as it is, or "auto".
        devices: what the network is trained on.

    Returns:
        One of `PRECISIONS`, the name of a Keras dtype policy.

    Raises:
        ValueError: another name.

    Example:
        >>> choose_precision("auto", [Device("GPU", (8, 0))])
        'mixed_bfloat16'
        >>> choose_precision("auto", [Device("GPU", (7, 0)), Device("GPU", (6, 1))])
        'float32'
    """
    if precision in PRECISIONS:
        return precision
    if precision != "auto":
        raise ValueError(
            f"precision must be one of {', '.join(map(repr, ('auto', *PRECISIONS)))}. "
            f"Received: {precision!r}"
        )
    if devices and all(each.kind == "CPU" and each.multiplies_bfloat16 for each in devices):
        return "mixed_bfloat16"
    abilities = [each.compute_capability or (0, 0) for each in devices if each.kind == "GPU"]
    weakest = min(abilities, default=(0, 0))
    if weakest >= _BFLOAT16_FROM:
        return "mixed_bfloat16"
    return "mixed_float16" if weakest >= _FLOAT16_FROM else "float32"


def visible_devices() -> list[Device]:
    """List the GPUs that TensorFlow sees, or the CPU where there are none.

    Returns:
        At least one device; all of one kind.

    Example:
        >>> len({device.kind for device in visible_devices()})
        1
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    if not details:
        return [Device("CPU", multiplies_bfloat16=_CPU_FLAG in _cpu_flags())]
    return [Device("GPU", each.get("compute_capability")) for each in details]


def _cpu_flags() -> list[str]:
    """Read the features of the processor, by Linux' names; empty where it lists none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
    return next((line.split() for line in lines if line.startswith("flags")), [])


@contextmanager
def layers_in(precision: str | None) -> Iterator[Any]:
    """Make the layers that are built inside compute in a precision; Keras' own setting comes back.

    Args:
        precision: one of `PRECISIONS`, or None for Keras' own setting.

    Yields:
        The dtype policy of the layers.

    Example:
        >>> import keras
        >>> with layers_in("mixed_bfloat16"):
        ...     keras.layers.Dense(1).compute_dtype
        'bfloat16'
    """
    import keras

    before = keras.config.dtype_policy()
    try:
        if precision is not None:
            keras.config.set_dtype_policy(precision)
        yield keras.config.dtype_policy()
    finally:
        keras.config.set_dtype_policy(before)
