"""What is computed in which precision; devices are told, not found."""

import keras
import numpy as np
import pytest

from catdog_models import build_compact_model, build_model, build_transfer_model
from catdog_models.networks.precision import PRECISIONS, Device, choose_precision, layers_in

CPU, CPU_WITH_UNITS = Device("CPU"), Device("CPU", multiplies_bfloat16=True)


def gpu(*capability):
    return Device("GPU", capability or None)


@pytest.mark.parametrize(
    ("devices", "precision"),
    [
        ([], "float32"),
        ([CPU], "float32"),
        ([CPU_WITH_UNITS], "mixed_bfloat16"),
        ([CPU, CPU_WITH_UNITS], "float32"),
        ([CPU_WITH_UNITS, gpu(7, 0)], "mixed_float16"),
        ([gpu()], "float32"),  # not NVIDIA's
        ([gpu(6, 1)], "float32"),
        ([gpu(7, 0)], "mixed_float16"),
        ([gpu(7, 5)], "mixed_float16"),
        ([gpu(8, 0)], "mixed_bfloat16"),
        ([gpu(9, 0)], "mixed_bfloat16"),
        ([gpu(10, 0)], "mixed_bfloat16"),
        ([CPU, gpu(9, 0)], "mixed_bfloat16"),
        ([gpu(9, 0), gpu(7, 5)], "mixed_float16"),
        ([gpu(9, 0), gpu(6, 1)], "float32"),
        ([gpu(9, 0), gpu()], "float32"),
    ],
)
def test_auto_goes_by_the_weakest_device(devices, precision):
    assert choose_precision("auto", devices) == precision


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("devices", [[CPU], [gpu(6, 1)], [gpu(9, 0)]])
def test_what_is_asked_for_is_used(precision, devices):
    assert choose_precision(precision, devices) == precision


def test_other_names_are_refused():
    with pytest.raises(ValueError, match=r"one of 'auto', 'float32', .* Received: 'float16'"):
        choose_precision("float16", [CPU])


def test_setting_comes_back_after_an_error_too():
    before = keras.config.dtype_policy()
    with pytest.raises(KeyError), layers_in("mixed_bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        raise KeyError
    assert keras.config.dtype_policy() == before


def test_without_a_precision_the_setting_counts():
    with layers_in("mixed_float16"):
        model = build_model((22, 22))
    assert {layer.compute_dtype for layer in model.layers[:-1]} == {"float16"}


def small(builder, **options):
    if builder is build_transfer_model:
        return builder("MobileNet", (32, 32), **options)
    return builder((24, 24), **options)


@pytest.mark.parametrize("builder", [build_model, build_compact_model, build_transfer_model])
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_output_loss_and_weights_are_float32(builder, precision):
    before = keras.config.dtype_policy()
    model = small(builder, num_classes=3, precision=precision)
    assert keras.config.dtype_policy() == before
    assert model.inputs[0].dtype == model.outputs[0].dtype == "float32"
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert model.loss.dtype == "float32"
    kernels = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in kernels} == {precision.removeprefix("mixed_")}
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")
    images = np.random.default_rng(0).uniform(0, 1, (2, *model.input_shape[1:])).astype("f")
    output = np.asarray(model(images))
    assert output.dtype == np.float32
    # Rows of a softmax in half precision would be apart from 1 by a thousandth.
    np.testing.assert_allclose(output.sum(1), 1, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_about_as_float32(precision):
    rng = np.random.default_rng(0)
    labels = np.arange(64).reshape(-1, 1) % 2
    images = rng.uniform(0, 0.5, (64, 24, 24, 3)) + 0.4 * labels[..., None, None]

    def losses(precision):
        keras.utils.set_random_seed(0)
        model = build_model((24, 24), precision=precision)
        return model.fit(images, labels, epochs=4, batch_size=16, verbose=0).history["loss"]

    half, whole = losses(precision), losses("float32")
    assert half[-1] < half[0] / 2
    assert half[0] == pytest.approx(whole[0], rel=0.2)
