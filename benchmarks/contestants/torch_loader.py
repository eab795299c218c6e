"""PyTorch's DataLoader: a process per core, each image by OpenCV and Albumentations."""

from __future__ import annotations

from benchmarks.contestants.contestant import Contestant, Take, Task
from benchmarks.contestants.photographs import scaled


def _run(task: Task, take: Take) -> None:
    from torch.utils.data import DataLoader

    from benchmarks.contestants.albumentations_transform import DistortedPhotographs

    photographs = DistortedPhotographs.of(task.directory, task.distortions, task.image_size)
    loader = DataLoader(
        photographs,
        batch_size=task.batch_size,
        shuffle=True,
        num_workers=task.cores,
        persistent_workers=True,
    )
    try:
        while True:
            for images, labels in loader:
                # By NumPy: torch's own threads would get in the way of the workers.
                take(scaled(images.numpy()), labels)
    finally:
        # Workers otherwise live as long as the traceback does.
        if loader._iterator is not None:
            loader._iterator._shutdown_workers()


CONTESTANTS = (
    Contestant(
        name="torch",
        title="torch DataLoader + Albumentations",
        run=_run,
        needs=("torch", "cv2", "albumentations"),
    ),
)
