import keras
import numpy as np
import pytest

from catdog_models import build_compact_model, build_model


def test_parameter_count():
    # By hand: kernels without biases, each with four numbers a channel of normalisation.
    def convolution(before, after, size):
        return size * size * before * after + 4 * after

    def halving(before, after):
        return (
            convolution(before, after, 3)
            + convolution(after, after, 3)
            + convolution(before, after, 1)
        )

    count = convolution(3, 24, 3) + halving(24, 32) + halving(32, 64) + halving(64, 160)
    count += 2 * convolution(160, 160, 3)
    assert build_compact_model().count_params() == count + 161
    assert build_compact_model((64, 96), 5).count_params() == count + 5 * 161


def test_far_smaller_than_the_original():
    assert build_compact_model().count_params() < build_model((128, 128)).count_params() / 4


@pytest.mark.parametrize(("classes", "units"), [(2, 1), (3, 3)])
def test_output(classes, units):
    model = build_compact_model((16, 20), classes)
    images = np.random.default_rng(0).uniform(0, 1, (2, 16, 20, 3)).astype("f")
    output = np.asarray(model(images))
    assert output.shape == (2, units)
    assert output.dtype == np.float32
    assert ((output >= 0) & (output <= 1)).all()
    if units > 1:
        np.testing.assert_allclose(output.sum(1), 1, rtol=1e-5)


def test_stem_brings_images_to_about_two_around_zero():
    scaled = build_compact_model((16, 16)).layers[1](np.array([[0.0, 0.5, 1.0]], "f"))
    np.testing.assert_array_equal(scaled, [[-2, 0, 2]])


def test_weights_follow_the_seed():
    weights = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        weights.append(build_compact_model((16, 16)).layers[2].get_weights()[0])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_what_is_saved_is_loaded(tmp_path):
    model = build_compact_model((16, 16))
    model.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 1, (2, 16, 16, 3)).astype("f")
    np.testing.assert_array_equal(
        np.asarray(keras.models.load_model(tmp_path / "model.keras")(images)),
        np.asarray(model(images)),
    )


def test_wrong_sizes_and_numbers_of_classes():
    for size in ((15, 16), (16, 15), (0, 16)):
        with pytest.raises(ValueError, match="image_size must be at least 16 pixels"):
            build_compact_model(size)
    with pytest.raises(TypeError, match="image_size must be a pair of integers"):
        build_compact_model(128)
    for classes in (1, 0, 2.0, "2"):
        with pytest.raises(ValueError, match="num_classes must be a whole number of at least 2"):
            build_compact_model((16, 16), classes)
        with pytest.raises(ValueError, match="num_classes must be a whole number of at least 2"):
            build_model((22, 22), classes)
