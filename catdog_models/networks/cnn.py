"""The small convolutional network of the cats and dogs notebook."""

import keras

from catdog_models.networks.heads import checked_size, compile_classifier, output_layer
from catdog_models.networks.precision import layers_in

_FILTERS = (32, 64, 128)
_SMALLEST_SIDE = 22  # 22 -> 10 -> 4 -> 1: the side after each block's 3x3 convolution and pooling


def build_model(
    image_size: tuple[int, int] = (224, 224),
    num_classes: int = 2,
    *,
    precision: str | None = None,
) -> keras.Model:
    """Build and compile the network: three convolution blocks, then two dense layers.

    Each block is batch normalisation, a 3x3 ReLU convolution (32, 64, 128 filters) and 2x2 max
    pooling. A dense layer of 256 ReLU units, dropout of one half and one sigmoid unit follow, or K
    softmax units for K classes.

    The notebook compiled its sigmoid output with `BinaryCrossentropy(from_logits=True)`, which
    applies a second sigmoid to the probability and keeps the loss above 0.31 however right the
    network is. Here the loss takes the output for the probability it is (`from_logits=False`).

    Initial weights and dropout follow `keras.utils.set_random_seed`.

    Args:
        image_size: height and width in pixels, each at least 22.
        num_classes: at least 2.
        precision: the layers' dtype policy, such as "mixed_bfloat16"; None for Keras' setting. The
            output is float32 under any.

    Returns:
        A compiled model (Adam with learning rate 0.001, cross-entropy, accuracy) from
        `float32[B, H, W, 3]` in [0, 1] to `float32[B, 1]`, the probability of class 1, or
        `float32[B, K]`.

    Raises:
        TypeError: `image_size` is not a pair of integers.
        ValueError: a side of `image_size` is below 22, or there are fewer than 2 classes.

    Source: the notebook's network, layer by layer; only the loss differs.

    Example:
        >>> build_model((32, 32), num_classes=3).output_shape
        (None, 3)
    """
    height, width = checked_image_size(image_size)
    with layers_in(precision):
        model = keras.Sequential(_layers(height, width, num_classes))
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
        ValueError: a side is below 22.

    Example:
        >>> checked_image_size((64, 96))
        (64, 96)
    """
    return checked_size(
        image_size, _SMALLEST_SIDE, "nothing is left after three convolutions and poolings"
    )


def _layers(height: int, width: int, num_classes: int) -> list[keras.layers.Layer]:
    layers: list[keras.layers.Layer] = [keras.Input((height, width, 3), dtype="float32")]
    for filters in _FILTERS:
        layers += [
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(filters, (3, 3), activation="relu", data_format="channels_last"),
            keras.layers.MaxPooling2D((2, 2), data_format="channels_last"),
        ]
    layers += [
        keras.layers.Flatten(data_format="channels_last"),
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dropout(0.5),
        output_layer(num_classes),
    ]
    return layers
