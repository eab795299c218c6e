"""Google's Grain: a thread per core, each image by OpenCV and Albumentations.

Threads rather than processes: OpenCV works outside the interpreter's lock, and on two cores this is
faster, and takes less processor time and memory, than to send batches between processes.
"""

from __future__ import annotations

from benchmarks.contestants.contestant import SEED, Contestant, Take, Task
from benchmarks.contestants.photographs import scaled

_BATCHES_AHEAD = 2


def _run(task: Task, take: Take) -> None:
    import grain

    from benchmarks.contestants.albumentations_transform import DistortedPhotographs

    photographs = DistortedPhotographs.of(task.directory, task.distortions, task.image_size)
    reading = grain.ReadOptions(
        num_threads=task.cores, prefetch_buffer_size=_BATCHES_AHEAD * task.batch_size
    )
    batches = iter(
        grain.MapDataset.source(photographs)
        .shuffle(SEED)
        .repeat()
        .to_iter_dataset(reading)
        .batch(task.batch_size)
    )
    try:
        for images, labels in batches:
            take(scaled(images), labels)
    finally:
        batches.close()


CONTESTANTS = (
    Contestant(
        name="grain",
        title="Grain + Albumentations",
        run=_run,
        needs=("grain", "cv2", "albumentations"),
    ),
)
