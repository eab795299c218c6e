"""A compact residual network for photographs, made to be trained on a CPU."""

import keras

from catdog_models.networks.heads import checked_size, compile_classifier, output_layer
from catdog_models.networks.precision import layers_in

_STEM = 24
_STAGES = ((32, 1), (64, 1), (160, 2))  # filters and blocks of each; the first block halves the map
_SMALLEST_SIDE = 16  # halved by the stem and by each of the three stages
_DROPOUT = 0.2


def build_compact_model(
    image_size: tuple[int, int] = (128, 128),
    num_classes: int = 2,
    *,
    precision: str | None = None,
) -> keras.Model:
    """Build and compile a residual network of four blocks and 0.9 million weights.

    The stem brings values to about [-2, 2] and is a 3x3 convolution of stride 2. Each block has two
    3x3 convolutions with batch normalisation. The first three halve the map, with a shortcut of
    average pooling and a 1x1 convolution, as in ResNet-D. Global average pooling, dropout of 0.2
    and the output follow. Plain convolutions on small maps: on CPUs depthwise ones take as long
    with a tenth of the arithmetic, and normalising large maps is bound by memory.

    Initial weights and dropout follow `keras.utils.set_random_seed`.

    Args:
        image_size: height and width in pixels, each at least 16.
        num_classes: at least 2.
        precision: the layers' dtype policy, such as "mixed_bfloat16"; None for Keras' setting. The
            input is scaled, and the output is, in float32 under any.

    Returns:
        A compiled model (Adam with learning rate 0.001, cross-entropy, accuracy) from
        `float32[B, H, W, 3]` in [0, 1] to `float32[B, 1]`, the probability of class 1, or
        `float32[B, K]`.

    Raises:
        TypeError: `image_size` is not a pair of integers.
        ValueError: a side of `image_size` is below 16, or there are fewer than 2 classes.

    Source: He et al., 2016 (residual blocks); He et al., 2019 (their shortcut).

    Example:
        >>> build_compact_model((32, 32)).output_shape
        (None, 1)
    """
    height, width = checked_image_size(image_size)
    with layers_in(precision):
        inputs = keras.Input((height, width, 3), dtype="float32")
        x = keras.layers.Rescaling(4.0, offset=-2.0, dtype="float32")(inputs)
        x = keras.layers.ReLU()(_normalised_convolution(x, _STEM, 3, stride=2))
        for filters, blocks in _STAGES:
            x = _halving_block(x, filters)
            for _ in range(blocks - 1):
                x = _residual(x, filters, 1, x)
        x = keras.layers.GlobalAveragePooling2D(data_format="channels_last")(x)
        x = keras.layers.Dropout(_DROPOUT)(x)
        model = keras.Model(inputs, output_layer(num_classes)(x), name="compact")
    compile_classifier(model)
    return model


def checked_image_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """Refuse images that are too small for the network, before it is built.

    Args:
        image_size: height and width in pixels.

    Returns:
        The same two numbers.

    Raises:
        TypeError: `image_size` is not a pair of integers.
        ValueError: a side is below 16.

    Example:
        >>> checked_image_size((64, 96))
        (64, 96)
    """
    return checked_size(image_size, _SMALLEST_SIDE, "nothing is left after four halvings")


def _halving_block(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Halve the map, in the shortcut by averages."""
    shortcut = keras.layers.AveragePooling2D(2, padding="same", data_format="channels_last")(x)
    return _residual(x, filters, 2, _normalised_convolution(shortcut, filters, 1))


def _residual(
    x: keras.KerasTensor, filters: int, stride: int, shortcut: keras.KerasTensor
) -> keras.KerasTensor:
    """Add two convolutions to a shortcut."""
    x = keras.layers.ReLU()(_normalised_convolution(x, filters, 3, stride))
    x = _normalised_convolution(x, filters, 3)
    return keras.layers.ReLU()(keras.layers.Add()([x, shortcut]))


def _normalised_convolution(
    x: keras.KerasTensor, filters: int, size: int, stride: int = 1
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        data_format="channels_last",
    )(x)
    return keras.layers.BatchNormalization(axis=-1)(x)
