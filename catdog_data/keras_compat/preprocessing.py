"""Which preprocessing functions run in the graph, and as what."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.kernels.compiled import compiled

Function = TypeVar("Function", bound=Callable[..., Any])


def traceable(function: Function) -> Function:
    """Mark a `preprocessing_function` as one that may run in the TensorFlow graph.

    It is then traced once and runs in the pipeline, in parallel. To be marked, a function must
    use TensorFlow's operations only, draw nothing from NumPy, and need no Python at each image:
    whatever else it does happens once, while it is traced. Results may differ from those of
    NumPy in the last bit.

    Args:
        function: from an image float32[H, W, C] to an image of the same shape.

    Returns:
        The same function.

    Example:
        >>> @traceable
        ... def grey(image):
        ...     return tf.image.rgb_to_grayscale(image) * [1.0, 1.0, 1.0]
    """
    function.catdog_traceable = True  # type: ignore[attr-defined]
    return function


def is_traceable(function: Any) -> bool:
    """Tell whether a preprocessing function was marked by `traceable`."""
    return bool(getattr(function, "catdog_traceable", False))


def in_graph(function: Any) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """Make the graph's form of a preprocessing function, for batches [B, H, W, 3].

    Args:
        function: what the user gave as `preprocessing_function`.

    Returns:
        A function of tensors; None where the function must be called from Python.
    """
    if is_traceable(function):
        return _Traced(function)
    if not is_of_keras_applications(function):
        return None
    return _recognised(function, keras.config.image_data_format())


def is_of_keras_applications(function: Any) -> bool:
    """Recognise `keras.applications.*.preprocess_input`, which draws nothing."""
    module = getattr(function, "__module__", None) or ""
    return (
        module.startswith("keras.src.applications.")
        and getattr(sys.modules.get(module), "preprocess_input", None) is function
    )


@dataclass(frozen=True)
class _Traced:
    """A marked function, image by image. Frozen, so that equal ones make one pipeline."""

    function: Callable[[tf.Tensor], tf.Tensor]

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        done = tf.map_fn(
            lambda image: tf.cast(self.function(image), image.dtype),
            images,
            fn_output_signature=tf.TensorSpec(images.shape[1:], images.dtype),
        )
        return tf.ensure_shape(done, images.shape)


@dataclass(frozen=True)
class _Scaling:
    """Channels perhaps exchanged, then `(x / divisor - mean) / std`, rounded after each step.

    None leaves a step out.
    """

    exchanges: bool = False
    divisor: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        # As arguments: XLA turns the division by a constant into a multiplication.
        given = [each for each in (self.divisor, self.mean, self.std) if each is not None]
        return compiled(self._scale)(images, *(tf.constant(each, images.dtype) for each in given))

    def _scale(self, images: Any, *given: Any) -> Any:
        constants = iter(given)
        if self.exchanges:
            images = images[..., ::-1]
        if self.divisor is not None:
            images = images / next(constants)
        if self.mean is not None:
            images = images - next(constants)
        if self.std is not None:
            images = images / next(constants)
        return images

    def of_array(self, images: NDArray[Any]) -> NDArray[Any]:
        """Do the same in NumPy."""
        given = [each for each in (self.divisor, self.mean, self.std) if each is not None]
        scaled: NDArray[Any] = self._scale(
            images, *(np.array(each, images.dtype) for each in given)
        )
        return scaled


_SCALINGS = (
    _Scaling(),
    _Scaling(divisor=127.5, mean=(1.0, 1.0, 1.0)),
    _Scaling(exchanges=True, mean=(103.939, 116.779, 123.68)),
    _Scaling(divisor=255.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
)
"""What `preprocess_input` of one or another network does (`keras.src.applications`)."""


@functools.cache
def _recognised(function: Callable[..., Any], data_format: str) -> _Scaling | None:
    """Find out by trial which scaling a `preprocess_input` is, as Keras is set now."""
    probe = np.arange(0, 255, 255 / 768, dtype=np.float32)[:768].reshape(16, 16, 3)
    expected = function(probe.copy())
    for scaling in _SCALINGS:
        if np.array_equal(scaling.of_array(probe), expected):
            return scaling
    return None
