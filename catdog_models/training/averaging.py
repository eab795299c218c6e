"""Averaged weights, put into a model for a while and taken out again without a trace."""

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
