"""Our `ImageDataGenerator` and our tf.data API: from files, from packs, augmented on the device."""

from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.contestants.contestant import SEED, Contestant, Take, Task, hand_over
from benchmarks.contestants.keras_input import STREAM, STREAM_UNDER_FIT, flow
from benchmarks.workloads import PLAIN, Distortions

_SCALED: dict[str, Any] = {"rescale": 1 / 255.0}


def catdog_flow(task: Task) -> Any:
    """Make our iterator over a task's class folders."""
    from catdog_data import ImageDataGenerator

    return flow(ImageDataGenerator, task, cache=task.packs)


def catdog_dataset(task: Task, **options: Any) -> Any:
    """Make our dataset over a task's class folders.

    Args:
        task: What is to be done.
        options: Further ones of `image_dataset_from_directory`; float32 in [0, 1] without.
    """
    from catdog_data import Augmentation, image_dataset_from_directory

    undistorted = task.distortions == PLAIN
    return image_dataset_from_directory(
        task.directory,
        label_mode="binary",
        batch_size=task.batch_size,
        image_size=task.image_size,
        interpolation="nearest",
        seed=SEED,
        verbose=False,
        # Distortions have our names and units.
        augmentation=None if undistorted else Augmentation(**asdict(task.distortions)),
        cache=task.packs,
        **(options or _SCALED),
    )


catdog_device_dataset = partial(catdog_dataset, augment_on="device")
"""Makes the dataset of 8-bit images and tables, for augmentation on the device."""


def _device(task: Task, take: Take) -> None:
    import tensorflow as tf

    from catdog_data.training.augment_layer import AugmentAndRescale

    layer = AugmentAndRescale(task.image_size)
    augment = tf.function(lambda inputs: layer(inputs, training=True), jit_compile=True)
    hand_over(catdog_device_dataset, task, lambda inputs, labels: take(augment(inputs), labels))


def _device_host_part(task: Task, take: Take) -> None:
    hand_over(catdog_device_dataset, task, lambda inputs, labels: take(inputs["images"], labels))


def _only_undistorted(distortions: Distortions) -> str | None:
    return None if distortions == PLAIN else "augmented on the device: another contestant does that"


def _only_moves(distortions: Distortions) -> str | None:
    return "the device moves pixels, it does not recolour them" if distortions.recolours else None


_files, _pack = Contestant.of_batches, partial(Contestant.of_batches, packed=True)
_device_pack = partial(Contestant, packed=True, why_not=_only_moves)
CONTESTANTS = (
    _files("catdog", "catdog IDG, next()", catdog_flow, stream=STREAM),
    Contestant.of_fit("catdog-fit", "catdog IDG, under fit", catdog_flow, stream=STREAM_UNDER_FIT),
    _pack("catdog-pack", "catdog IDG from a pack, next()", catdog_flow, stream=STREAM),
    Contestant.of_fit(
        "catdog-pack-fit",
        "catdog IDG from a pack, under fit",
        catdog_flow,
        packed=True,
        stream=STREAM_UNDER_FIT,
    ),
    _files("catdog-data", "catdog tf.data", catdog_dataset),
    _pack("catdog-data-pack", "catdog tf.data from a pack", catdog_dataset),
    _files(
        "catdog-data-fast",
        "catdog tf.data, decode='fast'",
        partial(catdog_dataset, decode="fast", **_SCALED),
        note="decodes a large JPEG to no more pixels than are needed",
    ),
    _pack(
        "catdog-data-uint8",
        "catdog tf.data from a pack, 8 bits",
        partial(catdog_dataset, output_dtype="uint8"),
        why_not=_only_undistorted,
        yields="uint8",
        note="8-bit batches, not rescaled: the network's first layer is to do that",
    ),
    _device_pack(
        name="catdog-data-device",
        title="catdog tf.data from a pack, augmented by a layer",
        run=_device,
        note="the layer ran on this machine's device, its time included",
    ),
    _device_pack(
        name="catdog-data-device-host",
        title="catdog tf.data from a pack, host's part of that",
        run=_device_host_part,
        computes="parts",
        note="8-bit images and tables as they leave the host; the device does the rest",
    ),
)
