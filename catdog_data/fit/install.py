"""Let Keras take epochs in turn, where it is built as those known."""

from __future__ import annotations

import functools
import warnings

import keras


@functools.cache
def let_epochs_follow() -> None:
    """Let Keras take epochs in turn from datasets that offer it; a Keras not known warns once."""
    if keras.backend.backend() != "tensorflow":
        return
    try:
        from keras.src.backend.tensorflow import trainer

        from catdog_data.fit.epochs import EpochIteratorInTurn
    except (ImportError, AttributeError) as error:
        warnings.warn(
            "This Keras is built differently from those known, so `fit` waits for the input when "
            f"an epoch begins: the same batches, later. ({error})",
            RuntimeWarning,
            stacklevel=2,
        )
    else:
        trainer.TFEpochIterator = EpochIteratorInTurn
