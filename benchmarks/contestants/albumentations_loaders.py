"""PyTorch's DataLoader and Google's Grain, each image by OpenCV and Albumentations."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from benchmarks.contestants.contestant import SEED, Contestant, Take, Task, hand_over
from benchmarks.contestants.opencv import labelled_photographs, read_rgb, scaled
from benchmarks.workloads import Distortions

_BATCHES_AHEAD = 2


class Photographs:
    """Random access to (uint8[H, W, 3], label), distorted differently each time.

    Loaders scale whole batches: bytes are a quarter of what floats are to send between processes.
    """

    def __init__(self, task: Task) -> None:
        self._files = labelled_photographs(task.directory)
        self._wanted = task.distortions, task.image_size

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: Any) -> tuple[Any, int]:
        path, label = self._files[index]
        return transform(*self._wanted)(image=read_rgb(path))["image"], label


@cache  # made in each process: copies of one would draw the same numbers
def transform(distortions: Distortions, image_size: tuple[int, int]) -> Any:
    """Make the transformation of one image."""
    import albumentations
    import cv2

    class Affine(albumentations.Affine):  # type: ignore[misc]
        """Takes as `scale` how much is seen, so that this is uniform, and not its reciprocal."""

        @staticmethod
        def _get_scale(*arguments: Any, **options: Any) -> dict[str, float]:
            seen = albumentations.Affine._get_scale(*arguments, **options)
            return {axis: 1 / factor for axis, factor in seen.items()}

    cv2.setNumThreads(0)  # loaders are parallel already
    steps = [albumentations.Resize(*image_size, interpolation=cv2.INTER_NEAREST, p=1)]
    across, down = distortions.width_shift, distortions.height_shift
    if distortions.moves:
        affine = Affine(
            scale={"x": distortions.zoom, "y": distortions.zoom},
            translate_percent={"x": (-across, across), "y": (-down, down)},
            rotate=(-distortions.rotation, distortions.rotation),
            shear={"x": (-distortions.shear, distortions.shear), "y": (0, 0)},
            border_mode=cv2.BORDER_REPLICATE,
            p=1,
        )
        steps.append(affine)
    if distortions.recolours:
        # Multiplies and shifts in one; this library's "contrast" is Keras' brightness.
        (low, high), shift = distortions.brightness, distortions.channel_shift / 255
        limits = {"brightness_limit": (-shift, shift), "contrast_limit": (low - 1, high - 1)}
        steps.append(albumentations.RandomBrightnessContrast(**limits, p=1))
    if distortions.horizontal_flip:
        steps.append(albumentations.HorizontalFlip(p=0.5))
    if distortions.vertical_flip:
        steps.append(albumentations.VerticalFlip(p=0.5))
    return albumentations.Compose(steps)


class _TorchBatches:
    """Uses a process per core, which live on from pass to pass."""

    def __init__(self, task: Task) -> None:
        from torch.utils.data import DataLoader

        self._loader = DataLoader(
            Photographs(task),
            batch_size=task.batch_size,
            shuffle=True,
            num_workers=task.cores,
            persistent_workers=True,
        )

    def __iter__(self) -> Iterator[Any]:
        for images, labels in self._loader:
            # By NumPy: torch's own threads would get in the way of the workers.
            yield scaled(images.numpy()), labels

    def end(self) -> None:
        """Stop the workers, which otherwise live as long as a traceback does."""
        if self._loader._iterator is not None:
            self._loader._iterator._shutdown_workers()


def _torch(task: Task, take: Take) -> None:
    batches = _TorchBatches(task)
    try:
        hand_over(lambda _: batches, task, take)
    finally:
        batches.end()


def _grain_batches(task: Task) -> Any:
    """Use a thread per core.

    Threads rather than processes: OpenCV works outside the interpreter's lock, and on two cores
    this is faster, and takes less processor time and memory, than to send batches between
    processes.
    """
    import grain

    ahead = _BATCHES_AHEAD * task.batch_size
    dataset = grain.MapDataset.source(Photographs(task)).shuffle(SEED).repeat()
    reading = grain.ReadOptions(num_threads=task.cores, prefetch_buffer_size=ahead)
    batches = dataset.to_iter_dataset(reading).batch(task.batch_size)
    return batches.map(lambda batch: (scaled(batch[0]), batch[1]))


def _grain(task: Task, take: Take) -> None:
    batches = iter(_grain_batches(task))
    try:
        hand_over(lambda _: batches, task, take)
    finally:
        batches.close()


CONTESTANTS = tuple(
    Contestant(
        name=name,
        title=f"{library} + Albumentations",
        run=run,
        needs=(name, "cv2", "albumentations"),
        inputs=inputs,
    )
    for name, library, run, inputs in (
        ("torch", "torch DataLoader", _torch, _TorchBatches),
        ("grain", "Grain", _grain, _grain_batches),
    )
)
