"""The vocabulary of `ImageDataGenerator`, which Keras' class and ours share."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import SEED, Task
from benchmarks.workloads import Distortions

STREAM = "ImageDataGenerator"
"""Whoever draws from this stream yields Keras' batches, to the last bit."""

STREAM_UNDER_FIT = "ImageDataGenerator under fit"
"""The same for what `fit` receives: it takes batches before the first, to learn their shape."""


def flow(generator_class: Any, task: Task, **options: Any) -> Any:
    """Make the iterator over a task's class folders.

    Args:
        generator_class: Keras' `ImageDataGenerator` or ours.
        task: What is to be done.
        options: Further ones of `flow_from_directory`.
    """
    return generator_class(**_arguments(task.distortions)).flow_from_directory(
        str(task.directory),
        target_size=task.image_size,
        batch_size=task.batch_size,
        class_mode="binary",
        seed=SEED,
        **options,
    )


def _arguments(distortions: Distortions) -> dict[str, Any]:
    return {
        "rescale": 1 / 255.0,
        "horizontal_flip": distortions.horizontal_flip,
        "vertical_flip": distortions.vertical_flip,
        "rotation_range": distortions.rotation,
        "width_shift_range": distortions.width_shift,
        "height_shift_range": distortions.height_shift,
        "shear_range": distortions.shear,
        "zoom_range": distortions.zoom,
        "brightness_range": None
        if distortions.brightness == (1.0, 1.0)
        else distortions.brightness,
        "channel_shift_range": distortions.channel_shift,
    }
