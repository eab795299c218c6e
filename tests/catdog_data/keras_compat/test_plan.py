from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from keras.src.legacy.preprocessing import image as keras_image

from catdog_data import ImageDataGenerator
from catdog_data.keras_compat.planning.affine import affine_matrices
from catdog_data.keras_compat.translation import ranges_of

shifts = st.one_of(
    st.sampled_from([0.0, 0.1, 0.99, 1.0, 7.5, 3, 1, -2, -0.3, [1, 4, 9], [0.1, 0.2], (0.5,)])
)
arguments = st.fixed_dictionaries(
    {
        "rotation_range": st.sampled_from([0, 5, 30, 180, 7.25]),
        "height_shift_range": shifts,
        "width_shift_range": shifts,
        "shear_range": st.sampled_from([0, 0.15, 20, 75.0]),
        "zoom_range": st.sampled_from([0, 0.3, [0.5, 0.5], (0.2, 3.0), [1, 1], 3]),
        "horizontal_flip": st.booleans(),
        "vertical_flip": st.booleans(),
        "channel_shift_range": st.sampled_from([0, 0.0, 30.5]),
        "brightness_range": st.sampled_from([None, (0.2, 1.8), [1.5, 0.5]]),
    }
)
NAMES = ["theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical"]


def matrix_keras_uses(generator, parameters, image_size):
    """Return the (2, 3) matrix that Keras hands to SciPy; the identity if it hands none."""
    given = []
    with mock.patch.object(keras_image, "scipy") as scipy:
        scipy.ndimage.interpolation.affine_transform.side_effect = lambda x, matrix, offset, **_: (
            given.append(np.column_stack([matrix, offset])) or x
        )
        generator.apply_transform(np.zeros((*image_size, 1), np.float32), parameters)
    return given[0] if given else np.eye(2, 3)


@settings(deadline=None, max_examples=120)
@given(arguments, st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 400), st.integers(1, 400)))
def test_draws_and_matrices_equal_keras(options, seed, image_size):
    reference, ours = KerasGenerator(**options), ImageDataGenerator(**options)
    np.random.seed(seed)
    expected = [reference.get_random_transform((*image_size, 3)) for _ in range(9)]
    random = np.random.RandomState(seed)
    transforms = ranges_of(ours).draw(random, 9, image_size)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(transforms, name), [row[name] for row in expected])
    if options["channel_shift_range"]:
        shifts = [row["channel_shift_intensity"] for row in expected]
        np.testing.assert_array_equal(transforms.channel_shift, shifts)
    if options["brightness_range"]:
        factors = [row["brightness"] for row in expected]
        np.testing.assert_array_equal(transforms.brightness, factors)
    assert random.random_sample() == np.random.random_sample(), "the streams have parted"
    matrices = affine_matrices(transforms, image_size)
    for row, matrix in zip(expected, matrices, strict=True):
        np.testing.assert_array_equal(matrix, matrix_keras_uses(reference, row, image_size))


def test_no_draw_of_a_choice_is_an_empty_table():
    ranges = ranges_of(ImageDataGenerator(width_shift_range=[1, 2]))
    assert len(ranges.draw(np.random.RandomState(0), 0, (4, 4))) == 0


@pytest.mark.parametrize("zoom", [(1, 2, 3), ["a", "b"]])
def test_bad_zoom_is_refused_as_keras_refuses_it(zoom):
    for generator in (KerasGenerator, ImageDataGenerator):
        with pytest.raises(ValueError, match="`zoom_range` should be a float"):
            generator(zoom_range=zoom)
