"""Which of several processes this one is, as what started them says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_VARIABLES = (
    ("RANK", "WORLD_SIZE"),  # torchrun
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    # Of a step of srun: a script that sbatch starts is alone, whatever SLURM_NTASKS says.
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
_READ = ("chief", "master", "worker")
"""Kinds of tasks in a cluster of TensorFlow that train, in the order of their ranks."""


@dataclass(frozen=True)
class Rank:
    """A process among those that train together.

    Args:
        number: from 0.
        processes: how many there are.
        said_by: where that is known from.

    Raises:
        ValueError: `number` is not below `processes`.

    Example:
        >>> Rank(1, 4, "RANK, WORLD_SIZE")
        Rank(number=1, processes=4, said_by='RANK, WORLD_SIZE')
    """

    number: int
    processes: int
    said_by: str

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.processes:
            raise ValueError(
                f"{self.said_by} must be a rank below the number of processes; they say "
                f"{self.number} of {self.processes}. Correct them, or give the shard as (i, n)."
            )


def rank_of_process() -> Rank:
    """Find out which process this is: all that say so must agree.

    Asked are `TF_CONFIG`; torch's process group and JAX, where they are imported and connected to
    others; and the variables of torchrun, Open MPI, PMI (MPICH, Intel MPI) and srun.

    Returns:
        The rank; 0 of 1 where nothing says otherwise.

    Raises:
        ValueError: what is said makes no sense, or two contradict each other.

    Example:
        >>> rank_of_process()
        Rank(number=0, processes=1, said_by='nothing: one process')
    """
    said = list(_said())
    for one in said[1:]:
        if (one.number, one.processes) != (said[0].number, said[0].processes):
            raise ValueError(
                f"The rank of this process is not clear: {said[0].said_by} says {said[0].number} "
                f"of {said[0].processes}, and {one.said_by} {one.number} of {one.processes}. Give "
                "the shard as (i, n)."
            )
    return said[0] if said else Rank(0, 1, "nothing: one process")


def _said() -> Iterator[Rank]:
    if os.environ.get("TF_CONFIG"):
        yield _of_tf_config(os.environ["TF_CONFIG"])
    torch = sys.modules.get("torch.distributed")
    if torch is not None and torch.is_available() and torch.is_initialized():
        yield Rank(torch.get_rank(), torch.get_world_size(), "torch.distributed")
    jax = sys.modules.get("jax")
    # Without a connection, to ask JAX would start its devices.
    if jax is not None and jax.distributed.is_initialized():
        yield Rank(jax.process_index(), jax.process_count(), "jax.distributed")
    for number, processes in _VARIABLES:
        given = [os.environ.get(name) for name in (number, processes)]
        if all(given):
            yield _of_variables(f"{number} and {processes}", *given)


def _of_variables(names: str, *given: Any) -> Rank:
    try:
        number, processes = map(int, given)
    except ValueError as error:
        raise ValueError(
            f"The environment's {names} must be whole numbers; received {given!r}. Correct them, "
            "or give the shard as (i, n)."
        ) from error
    return Rank(number, processes, f"The environment's {names}")


def _of_tf_config(text: str) -> Rank:
    said_by = "TF_CONFIG"
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        counts = [len(cluster.get(kind, ())) for kind in _READ]
        kind, number = task.get("type"), int(task.get("index", 0))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"TF_CONFIG must be TensorFlow's JSON of a cluster and a task; received {text!r}. "
            "Correct it, or give the shard as (i, n)."
        ) from error
    if kind not in _READ:  # an evaluator reads all, a parameter server nothing
        return Rank(0, 1, said_by)
    position = _READ.index(kind)
    if not 0 <= number < counts[position]:
        raise ValueError(
            f"TF_CONFIG must name a task of its cluster; it says {kind} {number} of "
            f"{counts[position]}. Correct it, or give the shard as (i, n)."
        )
    return Rank(sum(counts[:position]) + number, sum(counts), said_by)
