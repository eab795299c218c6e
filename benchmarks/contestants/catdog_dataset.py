"""Our tf.data API: from files, from a pack, as 8 bits, and with augmentation on the device."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from benchmarks.contestants.contestant import SEED, Contestant, Take, Task, hand_over_passes
from benchmarks.workloads import PLAIN, Distortions

_SCALED: dict[str, Any] = {"rescale": 1 / 255.0}


def catdog_dataset(task: Task, *, packed: bool = False, **options: Any) -> Any:
    """Make our dataset over a task's class folders.

    Args:
        task: What is to be done.
        packed: Whether images come from a pack, which is made where it is missing.
        options: Further ones of `image_dataset_from_directory`; float32 in [0, 1] without.
    """
    from catdog_data import image_dataset_from_directory

    return image_dataset_from_directory(
        task.directory,
        label_mode="binary",
        batch_size=task.batch_size,
        image_size=task.image_size,
        interpolation="nearest",
        seed=SEED,
        verbose=False,
        augmentation=_augmentation(task.distortions),
        cache=task.packs if packed else None,
        **(options or _SCALED),
    )


def catdog_device_dataset(task: Task) -> Any:
    """Make the dataset of 8-bit images and tables, from a pack, for augmentation on the device."""
    return catdog_dataset(task, packed=True, augment_on="device")


def _augmentation(distortions: Distortions) -> Any:
    """Translate distortions, whose fields have our names and units; None for none."""
    from catdog_data import Augmentation

    return None if distortions == PLAIN else Augmentation(**asdict(distortions))


def _files(task: Task, take: Take) -> None:
    hand_over_passes(catdog_dataset(task), take)


def _packed(task: Task, take: Take) -> None:
    hand_over_passes(catdog_dataset(task, packed=True), take)


def _fast(task: Task, take: Take) -> None:
    hand_over_passes(catdog_dataset(task, decode="fast", **_SCALED), take)


def _eight_bits(task: Task, take: Take) -> None:
    hand_over_passes(catdog_dataset(task, packed=True, output_dtype="uint8"), take)


def _device(task: Task, take: Take) -> None:
    import tensorflow as tf

    from catdog_data.training.augment_layer import AugmentAndRescale

    layer = AugmentAndRescale(task.image_size)
    finish = tf.function(lambda inputs: layer(inputs, training=True), jit_compile=True)
    batches = catdog_device_dataset(task)
    while True:
        for inputs, labels in batches:
            take(finish(inputs), labels)


def _device_host_part(task: Task, take: Take) -> None:
    batches = catdog_device_dataset(task)
    while True:
        for inputs, labels in batches:
            take(inputs["images"], labels)


def _only_undistorted(distortions: Distortions) -> str | None:
    return None if distortions == PLAIN else "augmented on the device: see the row for that"


def _only_moves(distortions: Distortions) -> str | None:
    return "the device moves pixels, it does not recolour them" if distortions.recolours else None


CONTESTANTS = (
    Contestant(name="catdog-data", title="catdog tf.data", run=_files),
    Contestant(
        name="catdog-data-pack", title="catdog tf.data from a pack", run=_packed, packed=True
    ),
    Contestant(
        name="catdog-data-fast",
        title="catdog tf.data, decode='fast'",
        run=_fast,
        note="decodes a large JPEG to no more pixels than are needed",
    ),
    Contestant(
        name="catdog-data-uint8",
        title="catdog tf.data from a pack, 8 bits",
        run=_eight_bits,
        packed=True,
        why_not=_only_undistorted,
        yields="uint8",
        note="8-bit batches, not rescaled: the network's first layer is to do that",
    ),
    Contestant(
        name="catdog-data-device",
        title="catdog tf.data from a pack, augmented by a layer",
        run=_device,
        packed=True,
        why_not=_only_moves,
        note="the layer ran on this machine's device, its time included",
    ),
    Contestant(
        name="catdog-data-device-host",
        title="catdog tf.data from a pack, host's part of that",
        run=_device_host_part,
        packed=True,
        why_not=_only_moves,
        computes="parts",
        note="8-bit images and tables as they leave the host; the device does the rest",
    ),
)
