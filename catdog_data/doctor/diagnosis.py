"""What measuring an input pipeline found, and what follows from it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.compose import compose

DISK = "disk"
"""What bounds a pipeline that waits for files to arrive."""

_LINE = 100
_FAR_BELOW = 0.7
_MUCH_LARGER = 4.0
"""Pixels of the source for each of the target: from here on, halving it while decoding pays."""


@dataclass(frozen=True)
class Stage:
    """The speed of one stage, measured alone.

    Args:
        name: "read", "decode", "resize", "batch", "warp" or "pipeline".
        images_per_second: on all cores.
        cpu_ms: milliseconds of processor time per image, of all threads together.

    Example:
        >>> Stage("decode", images_per_second=1000, cpu_ms=1.8).busy_cores
        1.8
    """

    name: str
    images_per_second: float
    cpu_ms: float

    @property
    def busy_cores(self) -> float:
        """How many cores the stage kept busy."""
        return self.images_per_second * self.cpu_ms / 1000


@dataclass(frozen=True)
class Files:
    """What the images are, estimated from a sample.

    Args:
        count: all that were found.
        bytes_per_file: their mean size.
        source_size: mean (height, width) in pixels.
        jpeg_share: the share of JPEG files, in [0, 1].

    Example:
        >>> Files(25_000, bytes_per_file=22_800, source_size=(360, 405)).size
        570000000
    """

    count: int
    bytes_per_file: float
    source_size: tuple[float, float]
    jpeg_share: float = 1.0

    @property
    def size(self) -> float:
        """Bytes of all files."""
        return self.count * self.bytes_per_file


@dataclass(frozen=True)
class Machine:
    """What the pipeline may use.

    Args:
        cores: processors that this process may use.
        processors: processors that there are.
        memory: bytes that are free.
        disk: bytes that are free where `cache="disk"` would keep images.
        gpus: devices that could augment.
        free_cores: how many of `cores` other processes left while the pipeline ran; None where
            it is not known.

    Example:
        >>> Machine(cores=2, processors=8, memory=16e9, disk=1e12).gpus
        0
    """

    cores: int
    processors: int
    memory: float
    disk: float
    gpus: int = 0
    free_cores: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What was measured, and what follows from it.

    Args:
        stages: each alone, in the order of the pipeline. "read" is from disk where the system
            forgets files when asked to, which needs them to be on a disk of this machine.
        pipeline: the whole.
        files: what the images are.
        machine: what the pipeline may use.
        image_size: (height, width) in pixels of the target.
        batch_size: images per batch.
        augmentation: what was done to every image, or None.

    Example:
        >>> speeds = {"read": (9000, 0.1), "decode": (1000, 1.8), "resize": (5000, 0.3)}
        >>> stages = tuple(Stage(name, *speed) for name, speed in speeds.items())
        >>> diagnosis = Diagnosis(
        ...     stages,
        ...     pipeline=Stage("pipeline", 850, 2.3),
        ...     files=Files(25_000, 22_800, (360, 405)),
        ...     machine=Machine(cores=2, processors=2, memory=16e9, disk=1e12),
        ...     image_size=(224, 224),
        ...     batch_size=32,
        ... )
        >>> diagnosis.bound_by, round(diagnosis.roofline)
        ('decode', 909)
    """

    stages: tuple[Stage, ...]
    pipeline: Stage
    files: Files
    machine: Machine
    image_size: tuple[int, int]
    batch_size: int
    augmentation: Augmentation | None = None

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time per image of all stages together."""
        return sum(stage.cpu_ms for stage in self.stages)

    @property
    def roofline(self) -> float:
        """Images per second, if all cores did nothing but the stages."""
        return rate(self.machine.cores, self.cpu_ms)

    @property
    def roofline_of_decoding(self) -> float:
        """Images per second, if all cores did nothing but reading and decoding."""
        return rate(self.machine.cores, self._cpu_ms_of("read", "decode"))

    @property
    def bound_by(self) -> str:
        """The stage that takes the most processor time; or "disk", if files come slower still."""
        return DISK if self._waits_for_disk else self._costliest.name

    @property
    def cache_size(self) -> int:
        """Bytes of all images once they are decoded and resized, as a cache keeps them."""
        # Without an augmentation, Keras' pixels are not rounded to 8 bits.
        of_value = 4 if self.augmentation is None else 1
        return self.files.count * math.prod(self.image_size) * 3 * of_value

    @property
    def advice(self) -> tuple[str, ...]:
        """What to change, the largest effect first; a sentence or two each."""
        found = (
            *self._advice_on_disk(),
            *self._advice_on_large_files(),
            *self._advice_on_caching(),
            *self._advice_on_warping(),
            *self._advice_on_shortfall(),
            *self._advice_on_cores(),
        )
        reached = self.pipeline.images_per_second / self.roofline
        return found or (
            f"Nothing stands out: the pipeline reaches {reached:.0%} of what the stages allow on "
            f"{_count(self.machine.cores, 'core')}. More or faster cores would speed it up.",
        )

    def share(self, stage: Stage) -> float:
        """Return the share of one stage in the processor time of all stages, in [0, 1].

        Args:
            stage: one of `stages`.
        """
        return stage.cpu_ms / self.cpu_ms

    def report(self) -> str:
        """Write all of it as text: a table and the advice, in lines of up to 100 characters."""
        height, width = self.files.source_size
        found = (
            f"{_count(self.files.count, 'file')}, {self.files.bytes_per_file / 1e3:,.1f} kB and "
            f"{height:.0f} x {width:.0f} pixels each on average, to "
            f"{self.image_size[0]} x {self.image_size[1]}; "
            f"{_count(self.machine.cores, 'core')}, batches of {self.batch_size}"
        )
        lines = [
            textwrap.fill(found, _LINE),
            "",
            f"{'stage':<10}{'images/s':>12}{'CPU ms/image':>14}{'share':>8}",
            *(f"{_row(stage)}{self.share(stage):>8.0%}" for stage in self.stages),
            _row(self.pipeline),
            _row(Stage("roofline", self.roofline, self.cpu_ms)),
            "",
            f"Reading and decoding alone: at most {self.roofline_of_decoding:,.0f} images/s. "
            f"Bound by: {self.bound_by}.",
            "",
            *(
                textwrap.fill(sentence, _LINE, initial_indent="- ", subsequent_indent="  ")
                for sentence in self.advice
            ),
        ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.report()

    @property
    def _costliest(self) -> Stage:
        return max(self.stages, key=lambda stage: stage.cpu_ms)

    @property
    def _waits_for_disk(self) -> bool:
        read = self._stage("read")
        waits = read.images_per_second < 0.5 * rate(self.machine.cores, read.cpu_ms)
        return waits and read.images_per_second < self.roofline

    def _stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)

    def _cpu_ms_of(self, *names: str) -> float:
        return sum(stage.cpu_ms for stage in self.stages if stage.name in names)

    def _advice_on_disk(self) -> Iterator[str]:
        if not self._waits_for_disk:
            return
        read = self._stage("read").images_per_second
        slow = (
            f"Files arrive at {read:,.0f} images/s ({read * self.files.bytes_per_file / 1e6:,.0f} "
            f"MB/s), and the cores could use {self.roofline:,.0f}"
        )
        if self.files.size <= self.machine.memory / 2:
            yield (
                f"{slow}: the first epoch waits for the disk. After it, the system keeps all "
                f"{_gigabytes(self.files.size)} in its free memory, if nothing else fills that."
            )
        else:
            yield (
                f"{slow}: use a faster disk, or bring the data as one archive to a local disk and "
                "unpack it there with `catdog_data.unpack`."
            )

    def _advice_on_large_files(self) -> Iterator[str]:
        height, width = self.files.source_size
        ratio = height * width / math.prod(self.image_size)
        if ratio < _MUCH_LARGER or self._cpu_ms_of("decode") < 0.3 * self.cpu_ms:
            return
        fast = 'give `decode="fast"`, or ' if self.files.jpeg_share > 0.5 else ""
        yield (
            f"The files have {ratio:.0f} times the pixels of the target, and decoding takes "
            f"{self._cpu_ms_of('decode') / self.cpu_ms:.0%} of the CPU time: {fast}resize the "
            "files once."
        )

    def _advice_on_caching(self) -> Iterator[str]:
        saved = self._cpu_ms_of("decode", "resize")
        if saved < 0.5 * self.cpu_ms:
            return
        size = _gigabytes(self.cache_size)
        begin = f"Decoding and resizing take {saved / self.cpu_ms:.0%} of the CPU time, every epoch"
        if self.cache_size <= self.machine.memory / 2:
            free = _gigabytes(self.machine.memory)
            yield f'{begin}: give `cache="memory"`, which takes {size} of {free} that are free.'
        elif self.cache_size <= self.machine.disk:
            yield f'{begin}: give `cache="disk"`, which takes {size}.'
        else:
            yield f"{begin}: give `cache` a folder on a disk that has {size} free."

    def _advice_on_warping(self) -> Iterator[str]:
        warp = self._cpu_ms_of("warp")
        movable = self.augmentation is not None and compose(self.augmentation).runs_on_device
        if warp and self._costliest.name == "warp" and self.machine.gpus and movable:
            yield (
                f"The warp takes {warp / self.cpu_ms:.0%} of the CPU time, and there is a GPU: "
                'give `augment_on="device"`.'
            )

    def _advice_on_shortfall(self) -> Iterator[str]:
        cores, free = self.machine.cores, self.machine.free_cores
        speed, busy = self.pipeline.images_per_second, self.pipeline.busy_cores
        if self._waits_for_disk or speed >= _FAR_BELOW * self.roofline:
            return
        begin = f"The pipeline reaches {speed / self.roofline:.0%} of what the stages allow"
        if free is not None and free < 0.8 * cores:
            yield (
                f"{begin}: other processes left it about {free:.1f} of "
                f"{_count(cores, 'core')}. Stop them, or measure again when they have ended."
            )
        elif busy < _FAR_BELOW * cores:
            yield (
                f"{begin} and kept {busy:.1f} of {_count(cores, 'core')} busy: look for a limit on "
                "this process or its container, or for other work on the same machine."
            )
        else:
            yield (
                f"{begin}: it takes {self.pipeline.cpu_ms:.2f} ms of CPU time per image, and the "
                f"stages {self.cpu_ms:.2f} together. The rest goes to steps that are not measured "
                "alone, as colours and mixing, and to cores that share memory and clock."
            )

    def _advice_on_cores(self) -> Iterator[str]:
        cores, processors = self.machine.cores, self.machine.processors
        if cores < processors and not self._waits_for_disk:
            yield (
                f"This process may use {cores} of {processors} processors: allow it more, by its "
                "affinity (`taskset`) or the CPU limit of its container."
            )


def rate(cores: int, cpu_ms: float) -> float:
    """Compute how many images per second cores process if they do nothing else.

    Args:
        cores: how many.
        cpu_ms: milliseconds of processor time per image.

    Returns:
        Images per second.

    Example:
        >>> rate(2, 2.0)
        1000.0
    """
    return 1000 * cores / max(cpu_ms, 1e-6)


def _row(stage: Stage) -> str:
    return f"{stage.name:<10}{stage.images_per_second:>12,.0f}{stage.cpu_ms:>14.3f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e9:,.3f} GB"
