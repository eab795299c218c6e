"""The small convolutional network of the cats and dogs notebook."""

import keras

_FILTERS = (32, 64, 128)
_SMALLEST_SIDE = 22  # 22 -> 10 -> 4 -> 1: the side after each block's 3x3 convolution and pooling


def build_model(image_size: tuple[int, int] = (224, 224)) -> keras.Model:
    """Build and compile the network: three convolution blocks, then two dense layers.

    Each block is batch normalisation, a 3x3 ReLU convolution (32, 64, 128 filters) and 2x2 max
    pooling. A dense layer of 256 ReLU units, dropout of one half and one sigmoid unit follow.

    The notebook compiled its sigmoid output with `BinaryCrossentropy(from_logits=True)`, which
    applies a second sigmoid to the probability and keeps the loss above 0.31 however right the
    network is. Here the loss takes the output for the probability it is (`from_logits=False`).

    Initial weights and dropout follow `keras.utils.set_random_seed`.

    Args:
        image_size: height and width in pixels, each at least 22.

    Returns:
        A compiled model (Adam with learning rate 0.001, binary cross-entropy, accuracy) from
        `float32[B, H, W, 3]` to `float32[B, 1]`, the probability of class 1.

    Raises:
        TypeError: `image_size` is not a pair of integers.
        ValueError: a side of `image_size` is below 22.

    Source: the notebook's network, layer by layer; only the loss differs.
    """
    height, width = _checked_size(image_size)
    layers: list[keras.layers.Layer] = [keras.Input((height, width, 3))]
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
        keras.layers.Dense(1, activation="sigmoid"),
    ]
    model = keras.Sequential(layers)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.001),
        loss=keras.losses.BinaryCrossentropy(from_logits=False),
        metrics=["accuracy"],
    )
    return model


def _checked_size(image_size: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = (side.__index__() for side in image_size)
    except (TypeError, ValueError, AttributeError):
        raise TypeError(
            "image_size must be a pair of integers (height, width), such as (224, 224). "
            f"Received: {image_size!r}"
        ) from None
    if min(height, width) < _SMALLEST_SIDE:
        raise ValueError(
            f"image_size must be at least {_SMALLEST_SIDE} pixels on each side, or nothing is left "
            f"after three convolutions and poolings. Received: {(height, width)}. "
            "Load the images larger."
        )
    return height, width
