"""Today's draws and pixels, held still while files and functions move.

What is integer, or drawn, is kept as a hash (`pins/exact.json`); what went through the arithmetic
of this processor and this TensorFlow as small arrays, with a tolerance (`pins/near.npz`). These
pins say that nothing changed, not that it is right: other tests compare with Keras, Pillow and
SciPy. Where a change is wanted, `PYTHONPATH=. python tests/test_pins.py` writes them again and
prints what differs.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from catdog_data import (
    Augmentation,
    ImageDataGenerator,
    image_dataset_from_arrays,
    image_dataset_from_directory,
)

PINS = Path(__file__).parent / "pins"
EXACT, NEAR = PINS / "exact.json", PINS / "near.npz"
ROWS_WITHIN, PIXELS_WITHIN = 1e-9, 2e-3
"""Of rows in doubles, and of values in [0, 255]."""

SEEDS, EPOCHS = (0, 7, 2**31 + 5), 3
N, IMAGE_SIZE = 12, (8, 10)

STEPS = {
    "horizontal_flip": {"horizontal_flip": True},
    "vertical_flip": {"vertical_flip": True},
    "rotation": {"rotation": 40.0, "fill_mode": "reflect"},
    "height_shift": {"height_shift": 0.3, "fill_mode": "constant", "fill_value": 9.0},
    "width_shift": {"width_shift": 0.3, "fill_mode": "wrap"},
    "shear": {"shear": 25.0},
    "zoom": {"zoom": (0.5, 1.6)},
    "zoom_tied": {"zoom": (0.5, 1.6), "zoom_tied": True, "interpolation": "nearest"},
    "crop_area": {"crop_area": (0.2, 0.9)},
    "crop_ratio": {"crop_area": (0.2, 0.9), "crop_ratio": (0.5, 2.0)},
    "channel_shift": {"channel_shift": 30.0},
    "brightness": {"brightness": (0.4, 1.8)},
    "contrast": {"contrast": (0.4, 1.8)},
    "saturation": {"saturation": (0.3, 1.7)},
    "hue": {"hue": 0.4},
    "erasing": {"erasing": 0.7, "erasing_value": 50.0},
    "mixup": {"mixup": 0.4},
    "cutmix": {"cutmix": 1.0},
    "mixup or cutmix": {"mixup": 0.4, "cutmix": 1.0},
    "rand_augment": {
        field: getattr(Augmentation.rand_augment(2, 15), field)
        for field in ("rotation", "shear", "zoom", "brightness", "contrast", "steps_per_image")
    },
}
MOVING = {"rotation": 40.0, "height_shift": 0.2, "width_shift": 0.1, "shear": 20.0}
COLOURING = {
    **{"channel_shift": 30.0, "brightness": (0.4, 1.8), "contrast": (0.5, 1.5)},
    **{"saturation": (0.3, 1.7), "hue": 0.3, "erasing": 0.5},
}
TOGETHER = {
    "moving": {**MOVING, "zoom": (0.6, 1.4), "crop_area": (0.4, 1.0), "vertical_flip": True},
    "colouring": COLOURING,
    "all": {
        **{**MOVING, **COLOURING, "zoom": (0.6, 1.4), "horizontal_flip": True},
        **{"crop_area": (0.4, 1.0), "crop_ratio": (0.75, 1.33), "mixup": 0.4, "cutmix": 1.0},
        "steps_per_image": 5,
    },
}


# The one place that looks inside: what moves is followed here, and nowhere else.


def _uniforms(seed, epoch, count):
    """What images 0 to `count` - 1 draw under the tf.data API: float64[count, 36]."""
    from catdog_data.datasets.plan import CounterPlan

    plan = CounterPlan(count, count, True, seed)
    index = tf.range(count, dtype=tf.int64)
    return plan.draws(tf.constant(epoch, tf.int64), index, 36).numpy()


def _rows(uniform, augmentation, image_size):
    """What they come to: geometry float64[B, 8] and, one behind the other, what all steps have."""
    from catdog_data.augment.compose import DRAWS, STEPS, compose

    composition = compose(augmentation)
    erases = augmentation.erasing or augmentation.mixes
    kept = {
        **{"ChannelShift": True, "Colour": True},
        **{"Erasing": erases, "Mixing": augmentation.mixes},
    }
    steps = [step.of(augmentation) for step in STEPS if kept.get(step.__name__)]
    everything = replace(composition, steps=tuple(steps))
    index = tf.range(len(uniform), dtype=tf.int64)
    # What was added since draws behind all that was there.
    uniform = np.pad(uniform, ((0, 0), (0, DRAWS - uniform.shape[1])))
    parameters = everything.parameters(tf.constant(uniform), index, image_size)
    columns = [
        np.reshape(tf.cast(each, tf.float64), [len(uniform), -1])
        for each in tf.nest.flatten(parameters.steps)
    ]
    return parameters.geometry.numpy(), np.concatenate(columns, axis=1)


def _adapter_plan(generator, seed, batches):
    """What an iterator of the adapter plans: the images, and rows of what they draw."""
    from dataclasses import astuple

    from catdog_data.keras_compat.planning.batch_plan import Recipe, StreamPosition, next_batch
    from catdog_data.keras_compat.translation import ranges_of

    recipe = Recipe(N, 5, True, seed, ranges_of(generator), IMAGE_SIZE)
    position = StreamPosition(0, 0, None, np.random.RandomState(3).get_state(legacy=True))
    for _ in range(batches):
        plan = next_batch(recipe, position)
        yield plan.index.astype(np.int64), np.stack(astuple(plan.transforms), axis=1)
        position = plan.after


# Inputs, by a recipe that no library has a part in.


def pictures(count=N, size=IMAGE_SIZE):
    """Smooth, uneven and alike on every machine: uint8[count, H, W, 3]."""
    i, y, x, c = np.ogrid[:count, : size[0], : size[1], :3]
    waves = (31 * y * (i + 1) + 17 * x * (c + 1) + 5 * x * y + 41 * i + 67 * c) % 511
    return np.where(waves > 255, 510 - waves, waves).astype(np.uint8)


def save_pictures(root, suffix, count=N):
    for i, picture in enumerate(pictures(count, (9, 12))):
        folder = root / ("cats" if i % 3 else "dogs")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{i:02d}.{suffix}")


def arrays(augmentation, seed, batch_size=5, **options):
    labels = np.eye(3, dtype=np.float32)[np.arange(N) % 3]
    options = {"labels": labels, "return_index": True, **options}
    flow = {"batch_size": batch_size, "seed": seed, "augmentation": augmentation}
    return image_dataset_from_arrays(pictures(), **flow, **options)


# Groups of pins: each a function that yields (name, array), exact where its type is integer.


def orders(_):
    blank = np.zeros((101, 1, 1, 1), np.uint8)
    for seed in SEEDS:
        dataset = image_dataset_from_arrays(blank, None, 16, seed=seed, return_index=True)
        for epoch in range(EPOCHS):
            yield f"seed {seed}, epoch {epoch}", joined(dataset, 1)
    part = {"seed": 7, "return_index": True, "shard": (1, 3)}
    dataset = image_dataset_from_arrays(blank, None, 16, **part)
    yield "part 1 of 3, epoch 2 from step 1", joined(dataset.resume(2, 1), 1)


def joined(dataset, part):
    return np.concatenate([batch[part].numpy() for batch in dataset])


def draws(_):
    for seed in SEEDS:
        for epoch in range(EPOCHS):
            yield f"seed {seed}, epoch {epoch}", bits(_uniforms(seed, epoch, N))


def bits(doubles):
    """Doubles as integers, and so exact."""
    return np.ascontiguousarray(doubles, np.float64).view(np.int64)


def rows(_):
    for name, settings in {**STEPS, **TOGETHER}.items():
        for seed, epoch in product(SEEDS, range(EPOCHS)) if name == "all" else [(7, 1)]:
            uniform = _uniforms(seed, epoch, N)
            planned = _rows(uniform, Augmentation(**settings), IMAGE_SIZE)
            yield from rows_of(f"{name}, seed {seed}, epoch {epoch}", *planned)


def rows_of(name, geometry, photometry):
    yield f"{name}, flips", geometry[:, 6:].astype(np.int64)
    if photometry.shape[1] > 5:
        yield f"{name}, boxes", photometry[:, 5:9].astype(np.int64)
    changed = [column for column in [*geometry.T[:6], *photometry.T] if np.ptp(column)]
    if changed:
        yield name, np.array(changed)


def pixels_together(_):
    for name, settings in TOGETHER.items():
        yield from pixels_of(name, arrays(Augmentation(**settings), 7))


def pixels_by_seed(_):
    for seed in SEEDS:
        everything = Augmentation(**TOGETHER["all"])
        yield from pixels_of(f"all, seed {seed}", arrays(everything, seed, batch_size=N))


def pixels_alone(_):
    for name, settings in STEPS.items():
        yield from pixels_of(name, arrays(Augmentation(**settings), 7, batch_size=N))


def pixels_of(name, dataset):
    """Of each epoch images' indices, labels and every few pixels; of the first all of an image."""
    for epoch in range(EPOCHS):
        images, labels, index = whole(dataset)
        yield f"{name}, epoch {epoch}, index", index
        yield f"{name}, epoch {epoch}, labels", labels * 255
        yield f"{name}, epoch {epoch}, pixels", images[:, 1::3, 2::4]
        if epoch == 0:
            yield f"{name}, first image", images[0]


def whole(dataset):
    batches = [tuple(part.numpy() for part in batch) for batch in dataset]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def masks_and_tables(_):
    moving = Augmentation(**MOVING, horizontal_flip=True, fill_mode="reflect")
    masks = pictures()[..., :1] // 32
    _, moved, _ = whole(arrays(moving, 7, labels=None, masks=masks))
    yield "masks", moved.astype(np.int64)
    dataset = arrays(moving, 7, batch_size=N, labels=None, augment_on="device")
    ((images, _),) = list(dataset)
    yield "images for the device", images["images"].numpy().astype(np.int64)
    pixels, fraction = np.moveaxis(images["tables"].numpy().astype(np.float64), 2, 0)
    yield "tables for the device", pixels + fraction / 2**30


def files(folder):
    save_pictures(folder, "png")
    dataset = image_dataset_from_directory(
        folder, seed=7, batch_size=5, image_size=IMAGE_SIZE, return_index=True, verbose=False
    )
    yield from pixels_of("directory", dataset)


def splits(folder):
    save_pictures(folder, "bmp", 40)
    options = {"seed": 7, "validation_split": 0.2, "subset": "both", "verbose": False}
    for name, stratify in (("by position", False), ("stratified", True)):
        parts = image_dataset_from_directory(folder, stratify=stratify, **options)
        for part, dataset in zip(("training", "validation"), parts, strict=True):
            names = [Path(path).stem for path in dataset.file_paths]
            yield f"{name}, {part}", np.array(names).astype(np.int64)


ADAPTER = {
    "recipe": {
        **{"rotation_range": 30, "zoom_range": 0.3, "shear_range": 20, "horizontal_flip": True},
        **{"height_shift_range": 0.2, "width_shift_range": [1, 3], "rescale": 1.0},
    },
    "colours": {
        **{"channel_shift_range": 40.0, "brightness_range": (0.4, 1.6), "vertical_flip": True},
        **{"rotation_range": 90, "fill_mode": "constant", "cval": 7, "interpolation_order": 0},
    },
}


def adapter_plans(_):
    for name, options in ADAPTER.items():
        for seed in (0, 7, 2**31):
            plans = list(_adapter_plan(ImageDataGenerator(**options), seed, 9))
            yield f"{name}, seed {seed}, index", np.concatenate([index for index, _ in plans])
            yield f"{name}, seed {seed}, rows", bits(np.concatenate([row for _, row in plans]))


def adapter_pixels(folder):
    save_pictures(folder, "png")
    for name, options in ADAPTER.items():
        generator = ImageDataGenerator(**options)
        flow = {"batch_size": 5, "seed": 7}
        for kind, iterator in (
            ("arrays", generator.flow(pictures(), np.arange(N), **flow)),
            ("directory", generator.flow_from_directory(folder, IMAGE_SIZE, **flow)),
        ):
            for batch in range(EPOCHS * 3):
                images, labels = next(iterator)
                yield f"{name}, {kind}, batch {batch}, labels", labels.astype(np.int64)
                yield f"{name}, {kind}, batch {batch}", images[:, 1::3, 2::4]


GROUPS = [orders, draws, rows, pixels_together, pixels_by_seed, pixels_alone]
GROUPS += [masks_and_tables, files, splits, adapter_plans, adapter_pixels]
SLOW = {pixels_by_seed, pixels_alone}


def digest(array):
    named = f"{array.dtype.name} {array.shape}".encode()
    return hashlib.sha256(named + np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def is_exact(array):
    return np.issubdtype(array.dtype, np.integer)


def compared(name, array, exact, near):
    """Say in words how a value differs from its pin; nothing where it does not."""
    if is_exact(array):
        pinned = exact.get(name)
        return "" if pinned == digest(array) else f"{name}: {pinned} is now {digest(array)}"
    if name not in near or near[name].shape != array.shape:
        return f"{name}: is new, or has another shape"
    within = ROWS_WITHIN if array.dtype == np.float64 else PIXELS_WITHIN
    furthest = float(np.max(np.abs(near[name] - array), initial=0))
    return f"{name}: differs by up to {furthest:g}" if furthest > within else ""


def stored():
    with np.load(NEAR) as file:
        return json.loads(EXACT.read_text()), {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def pins():
    return stored()


@pytest.mark.parametrize(
    "group",
    [pytest.param(each, marks=[pytest.mark.slow] * (each in SLOW)) for each in GROUPS],
    ids=lambda group: group.__name__,
)
def test_nothing_changed(group, pins, tmp_path):
    values = {f"{group.__name__}: {name}": value for name, value in group(tmp_path)}
    assert values
    changes = [compared(name, value, *pins) for name, value in values.items()]
    assert not [change for change in changes if change]


def test_no_pin_is_left_behind(pins):
    groups = {name.split(":")[0] for part in pins for name in part}
    assert groups == {group.__name__ for group in GROUPS}
    assert EXACT.stat().st_size + NEAR.stat().st_size < 300_000


def regenerate():
    """Write all pins, and print which differ from those there were."""
    exact, near = stored() if NEAR.exists() else ({}, {})
    new_exact, new_near = {}, {}
    for group in GROUPS:
        with tempfile.TemporaryDirectory() as folder:
            for name, value in group(Path(folder)):
                name = f"{group.__name__}: {name}"
                if change := compared(name, value, exact, near):
                    print(change)
                if is_exact(value):
                    new_exact[name] = digest(value)
                else:
                    # What is within the tolerance stays: a pin does not creep.
                    new_near[name] = value if change else near[name]
    for name in sorted({*exact, *near} - {*new_exact, *new_near}):
        print(f"{name}: is gone")
    PINS.mkdir(exist_ok=True)
    EXACT.write_text(json.dumps(new_exact, indent=1) + "\n")
    np.savez_compressed(NEAR, **new_near)


if __name__ == "__main__":
    sys.exit(regenerate())
