"""What is measured, how often and how long."""

from dataclasses import dataclass

from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.contestant import Contestant
from benchmarks.suites import SERIES, SUITES
from benchmarks.workloads import Workload


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured, how often and how long.

    Attributes:
        suites: Names, keys of `SUITES`.
        workloads: Names of those that are measured of the suites; None for all.
        contestants: Names of those that compete where a workload names them, in this order; None
            for all.
        rounds: How often each contestant is timed.
        lead_in: Seconds after the first batch that are not timed.
        seconds: That are timed in a round.
    """

    suites: tuple[str, ...]
    workloads: tuple[str, ...] | None = None
    contestants: tuple[str, ...] | None = None
    rounds: int
    lead_in: float
    seconds: float

    @property
    def pairings(self) -> list[tuple[Workload, list[Contestant]]]:
        """Workloads with the contestants of each; without those that have none."""
        found = []
        for workload in [each for suite in self.suites for each in SUITES[suite]]:
            chosen = workload.contestants if self.contestants is None else self.contestants
            competing = [CONTESTANTS[name] for name in chosen if name in workload.contestants]
            if competing and (self.workloads is None or workload.name in self.workloads):
                found.append((workload, competing))
        return found

    @property
    def total_rounds(self) -> int:
        """The rounds of all contestants that are installed."""
        competing = [each for _, some in self.pairings for each in some if not each.absent]
        return self.rounds * len(competing)


# What `fit` receives is in the suite of training; the device's part is for machines with one.
_LEFT_TO_FULL = (
    *("keras-fit", "catdog-fit", "catdog-pack-fit"),
    *("catdog-data-device", "catdog-data-device-host", "fit-tiny-catdog-data-device"),
)

LENGTHS = {
    "quick": Settings(
        suites=("plain", "recipe"), contestants=SERIES, rounds=2, lead_in=0.3, seconds=0.7
    ),
    "default": Settings(
        suites=("plain", "recipe", "stages", "training"),
        workloads=("plain", "recipe", "stages", "training a tiny network"),
        contestants=tuple(name for name in CONTESTANTS if name not in _LEFT_TO_FULL),
        rounds=3,
        lead_in=0.5,
        seconds=1.0,
    ),
    "full": Settings(suites=tuple(SUITES), rounds=5, lead_in=1.0, seconds=2.0),
}
