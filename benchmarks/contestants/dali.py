"""NVIDIA DALI on the CPU: a pipeline of its operators, a thread per core."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.contestants.contestant import SEED, Contestant, Task


def _batches(task: Task) -> Iterator[Any]:
    from nvidia.dali import pipeline_def

    pipeline = pipeline_def(_images_and_labels)(
        task, batch_size=task.batch_size, num_threads=task.cores, device_id=None, seed=SEED
    )
    while True:
        images, labels = pipeline.run()
        # Views: the executor gives each batch memory of its own.
        yield np.asarray(images.as_tensor()), labels.as_array()[:, 0]


def _images_and_labels(task: Task) -> tuple[Any, Any]:
    from nvidia.dali import fn, types

    encoded, labels = fn.readers.file(file_root=str(task.directory), random_shuffle=True)
    images = fn.decoders.image(encoded, device="cpu", adjust_orientation=False)
    images = fn.resize(images, size=task.image_size, interp_type=types.INTERP_NN)
    return _distorted(images, task), labels


def _distorted(images: Any, task: Task) -> Any:
    from nvidia.dali import fn, types

    distortions = task.distortions
    # Values change before places do: clipping goes with uint8, and a warp is faster to float32.
    if distortions.recolours:
        # Multiplies and shifts in one; the shift is in units of the range, after the factor.
        factor = _between(*distortions.brightness)
        shift = factor * _either_way(distortions.channel_shift / 255)
        images = fn.brightness(images, brightness=factor, brightness_shift=shift)
    if distortions.moves:
        images = fn.warp_affine(
            images,
            _matrix(task),
            fill_value=None,  # repeats the border
            interp_type=types.INTERP_LINEAR,
            dtype=types.FLOAT,
        )
    if distortions.vertical_flip:
        images = fn.flip(images, horizontal=0, vertical=fn.random.coin_flip())
    return fn.crop_mirror_normalize(
        images,
        mirror=fn.random.coin_flip() if distortions.horizontal_flip else 0,
        std=[255.0],
        output_layout="HWC",
    )


def _matrix(task: Task) -> Any:
    """Draw where each pixel's value comes from, in the order of Keras."""
    from nvidia.dali import fn

    height, width = task.image_size
    centre = [width / 2, height / 2]
    distortions = task.distortions
    zoom = fn.stack(_between(*distortions.zoom), _between(*distortions.zoom))
    matrix = fn.transforms.scale(scale=zoom, center=centre)
    shear = fn.stack(_either_way(distortions.shear), 0.0)
    matrix = fn.transforms.shear(matrix, angles=shear, center=centre)
    across = _either_way(distortions.width_shift * width)
    down = _either_way(distortions.height_shift * height)
    matrix = fn.transforms.translation(matrix, offset=fn.stack(across, down))
    return fn.transforms.rotation(matrix, angle=_either_way(distortions.rotation), center=centre)


def _either_way(limit: float) -> Any:
    return _between(-limit, limit)


def _between(low: float, high: float) -> Any:
    """Draw for each image; `uniform` refuses a range without width."""
    from nvidia.dali import fn

    return fn.random.uniform(range=(low, high)) if low < high else low


CONTESTANTS = (
    Contestant.of_batches("dali", "NVIDIA DALI on the CPU", _batches, needs=("nvidia.dali",)),
)
