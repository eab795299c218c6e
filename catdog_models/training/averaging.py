"""Averaged weights, put into a model for the time of a block."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Give a model the averages that its optimizer keeps, for the time of the block.

    Afterwards the model has its own weights again, to the last bit, which adding and subtracting,
    as in Keras' `SwapEMAWeights`, does not promise. Nothing happens where no averages are kept.

    Args:
        model: compiled, and trained for at least one step where averages are kept.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9), "mse")
        >>> for _ in range(2):
        ...     loss = model.train_on_batch(np.ones((4, 2)), np.full((4, 1), 9))
        >>> own = model.get_weights()[0]
        >>> with averaged_weights(model):
        ...     bool((model.get_weights()[0] == own).all())
        False
        >>> bool((model.get_weights()[0] == own).all())
        True
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not optimizer.use_ema:
        yield
        return
    own = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for weight, value in zip(model.trainable_variables, own, strict=True):
            weight.assign(value)
