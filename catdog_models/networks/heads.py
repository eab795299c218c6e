"""What all classifiers here share: their input's size, their output, and how they are compiled."""

from typing import Any

import keras


def checked_size(image_size: tuple[int, int], smallest: int, why: str) -> tuple[int, int]:
    """Return height and width as plain integers.

    Args:
        image_size: (height, width) in pixels.
        smallest: the least that each may be.
        why: what goes wrong below, to complete "or ...".

    Returns:
        The same two numbers.

    Raises:
        TypeError: `image_size` is not a pair of integers.
        ValueError: a side is too small.

    Example:
        >>> checked_size((64, 96), 22, "nothing is left")
        (64, 96)
    """
    try:
        height, width = (side.__index__() for side in image_size)
    except (TypeError, ValueError, AttributeError):
        raise TypeError(
            "image_size must be a pair of integers (height, width), such as (224, 224). "
            f"Received: {image_size!r}"
        ) from None
    if min(height, width) < smallest:
        raise ValueError(
            f"image_size must be at least {smallest} pixels on each side, or {why}. "
            f"Received: {(height, width)}. Load the images larger."
        )
    return height, width


def output_layer(num_classes: int) -> keras.layers.Layer:
    """Make the last layer: probabilities in float32, whatever the precision of those before.

    Args:
        num_classes: 2 for one sigmoid unit, the probability of class 1; K for K softmax units.

    Returns:
        A dense layer to `float32[B, 1]` or `float32[B, K]`.

    Raises:
        ValueError: fewer than 2 classes.

    Example:
        >>> output_layer(2).units, output_layer(3).units
        (1, 3)
    """
    if not isinstance(num_classes, int) or num_classes < 2:
        raise ValueError(
            f"num_classes must be a whole number of at least 2. Received: {num_classes!r}"
        )
    if num_classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", dtype="float32")
    return keras.layers.Dense(num_classes, activation="softmax", dtype="float32")


def compile_classifier(
    model: keras.Model,
    optimizer: Any = None,
    *,
    label_smoothing: float = 0.0,
    from_logits: bool = False,
) -> None:
    """Compile a model that ends in `output_layer`: cross-entropy and accuracy.

    Labels are `float32[B, 1]` of 0 and 1 for one output unit, and rows `float32[B, K]` for K.

    Args:
        model: what is compiled.
        optimizer: a Keras optimizer; None for Adam with learning rate 0.001.
        label_smoothing: in [0, 1): how much of each label is spread over all classes.
        from_logits: whether the loss takes the probabilities for logits. It is wrong, and only
            there to repeat the notebook to the letter.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), output_layer(3)])
        >>> compile_classifier(model, label_smoothing=0.1)
        >>> model.loss.name
        'categorical_crossentropy'
    """
    binary = model.output_shape[-1] == 1
    kind = keras.losses.BinaryCrossentropy if binary else keras.losses.CategoricalCrossentropy
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(learning_rate=0.001),
        loss=kind(from_logits=from_logits, label_smoothing=label_smoothing),
        metrics=["accuracy"],
    )
