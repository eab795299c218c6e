"""`Augmentation`: its values, and what its colours do."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

from catdog_data import Augmentation, ImageDataGenerator, image_dataset_from_arrays

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 6, 5, 3)).astype("float32")


def factors():
    pairs = st.tuples(st.floats(0.1, 5), st.floats(0.1, 5))
    return pairs.map(lambda pair: (min(pair), max(pair)))


@given(
    st.builds(
        Augmentation,
        horizontal_flip=st.booleans(),
        rotation=st.floats(0, 180),
        shear=st.floats(0, 80),
        zoom=factors(),
        zoom_tied=st.booleans(),
        fill_mode=st.sampled_from(["nearest", "constant", "reflect", "wrap"]),
        interpolation=st.sampled_from(["bilinear", "nearest"]),
        contrast=factors(),
        hue=st.floats(0, 0.5),
        crop_area=st.sampled_from([(1.0, 1.0), (0.08, 1.0)]),
        steps_per_image=st.none() | st.integers(0, 5),
        erasing=st.floats(0, 1),
        mixup=st.floats(0, 4),
    )
)
def test_repr_makes_an_equal_one(augmentation):
    assert eval(repr(augmentation)) == augmentation


def test_repr_names_what_is_set():
    assert repr(Augmentation()) == "Augmentation()"
    assert repr(Augmentation(rotation=9, hue=0.1)) == "Augmentation(rotation=9, hue=0.1)"


SWITCHES = ("horizontal_flip", "vertical_flip", "zoom_tied", "identity")
REFUSED = {
    "rotation": 181,
    "shear": 90,
    "hue": 0.6,
    "height_shift": -0.1,
    "zoom": (0.0, 1.0),
    "brightness": (1.2, 0.8),
    "contrast": 0.3,
    "saturation": (-0.1, 1.0),
    "channel_shift": 300,
    "fill_mode": "mirror",
    "interpolation": "cubic",
    "mask_fill_value": 256,
    "crop_area": (0.5, 1.5),
    "crop_ratio": (0, 1),
    "horizontal_shear": 90,
    "vertical_shear": -1,
    "autocontrast": 1.1,
    "equalize": -0.1,
    "solarize": (0, 257),
    "posterize": (4, 7.5),
    "sharpness": (1.2, 0.8),
    "blur": (1.0, 17.0),
    "grayscale": 2,
    "steps_per_image": -1,
    "erasing": 1.1,
    "erasing_area": (0.5, 0.1),
    "erasing_ratio": 1.0,
    "erasing_value": -1,
    "mixup": -0.2,
    "cutmix": -1,
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_named(name):
    with pytest.raises(ValueError, match=f"`{name}`.*received"):
        Augmentation(**{name: REFUSED[name]})


@pytest.mark.parametrize("name", [each.name for each in fields(Augmentation)])
def test_values_of_another_kind_are_named(name):
    pairs = [("a", "b"), (None, 1), (float("nan"), 1), (0.5, float("inf")), [0.5, 1.0]]
    values = ["x", "", [1], float("nan"), float("inf"), 1j, np.ones(2), *pairs]
    # 0 and 1 are switches too, and True is no number.
    values += [2, 0.5] if name in SWITCHES else [True]
    values += [] if name == "steps_per_image" else [None]
    for value in values:
        with pytest.raises(ValueError, match=f"`{name}`.*received"):
            Augmentation(**{name: value})


@pytest.mark.parametrize("magnitude", ["x", None, -1, 31, float("nan")])
def test_a_wrong_magnitude_is_named(magnitude):
    with pytest.raises(ValueError, match=r"`magnitude`.*received"):
        Augmentation.rand_augment(2, magnitude)


@pytest.mark.parametrize("operations", ["all", None, ["paper"]])
def test_a_wrong_list_of_operations_is_named(operations):
    with pytest.raises(ValueError, match=r"`operations`.*received"):
        Augmentation.rand_augment(operations=operations)


def test_the_list_of_the_paper_at_its_highest_magnitude():
    augmentation = Augmentation.rand_augment(1, 30, operations="paper", fill_mode="constant")
    slope = float(np.degrees(np.arctan(0.3)))
    assert augmentation == Augmentation(
        steps_per_image=1,
        identity=True,
        autocontrast=1.0,
        equalize=1.0,
        rotation=30.0,
        solarize=(0.0, 256),
        posterize=(4, 8),
        **dict.fromkeys(("saturation", "contrast", "brightness", "sharpness"), (0.1, 1.9)),
        **dict.fromkeys(("horizontal_shear", "vertical_shear"), round(slope, 6)),
        **dict.fromkeys(("height_shift", "width_shift"), round(150 / 331, 6)),
        fill_mode="constant",
    )


@pytest.mark.parametrize("generator", [KerasGenerator, ImageDataGenerator])
def test_from_keras(generator):
    idg = generator(
        rotation_range=30,
        width_shift_range=0.1,
        height_shift_range=0.2,
        shear_range=0.15,
        zoom_range=0.3,
        channel_shift_range=9.0,
        brightness_range=(0.5, 1.5),
        horizontal_flip=True,
        fill_mode="reflect",
        cval=3.0,
        interpolation_order=0,
        rescale=1 / 255,
    )
    assert Augmentation.from_keras(idg) == Augmentation(
        rotation=30,
        # Keras' matrices exchange rows and columns: its height shift moves along the columns.
        width_shift=0.2,
        height_shift=0.1,
        shear=0.15,
        zoom=(0.7, 1.3),
        channel_shift=9.0,
        brightness=(0.5, 1.5),
        horizontal_flip=True,
        fill_mode="reflect",
        fill_value=3.0,
        interpolation="nearest",
    )


@pytest.mark.parametrize(
    "options",
    [{"width_shift_range": 3}, {"height_shift_range": [1, 2]}, {"interpolation_order": 3}],
    ids=str,
)
def test_from_keras_refuses_what_has_no_equal(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Augmentation.from_keras(KerasGenerator(**options))


@dataclass(frozen=True, kw_only=True)
class Turning(Augmentation):
    """What a user may write: another default, and a field of theirs."""

    rotation: float = 30.0
    note: str = ""


def test_a_subclass_may_have_other_defaults():
    assert Turning(note="mine").moves_pixels
    assert not Turning(rotation=0.0).moves_pixels
    images = [
        next(
            image_dataset_from_arrays(
                IMAGES, shuffle=False, seed=1, augmentation=each
            ).as_numpy_iterator()
        )
        for each in (Turning(), Augmentation(rotation=30))
    ]
    np.testing.assert_array_equal(*images)
    with pytest.raises(ValueError, match="`rotation` must"):
        Turning(rotation=-1)
