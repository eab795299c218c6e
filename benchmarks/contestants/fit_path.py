"""Batches as `model.fit` receives them, from a model that does nothing but pass them on."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.contestant import Take

_FOR_EVER = 1_000_000


def hand_over_from_fit(data: Any, take: Take, **options: Any) -> None:
    """Hand over what `fit` gives to a training step, epoch after epoch.

    Args:
        data: Whatever `fit` takes.
        take: Receives the batches.
        options: Further ones of `fit`.
    """
    import keras

    class PassingOn(keras.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            images, labels = data
            return {"images": images, "labels": labels}

    class Taking(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            take(logs["images"], logs["labels"])

    inputs = keras.Input((None, None, 3))
    model = PassingOn(inputs, inputs)
    model.compile()
    model.fit(data, epochs=_FOR_EVER, verbose=0, callbacks=[Taking()], **options)
