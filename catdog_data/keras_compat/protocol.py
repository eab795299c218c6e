"""What iterators need of their generator; they read and call nothing else of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray


class Generator(Protocol):
    """The options and methods of Keras' `ImageDataGenerator` that make a batch.

    That of this package has them, that of Keras, and one that a user writes. Options may change
    between two batches.
    """

    featurewise_center: bool
    samplewise_center: bool
    featurewise_std_normalization: bool
    samplewise_std_normalization: bool
    zca_whitening: bool
    rotation_range: float
    width_shift_range: Any
    height_shift_range: Any
    brightness_range: Sequence[float] | None
    shear_range: float
    zoom_range: Sequence[float]
    channel_shift_range: float
    fill_mode: str
    cval: float
    horizontal_flip: bool
    vertical_flip: bool
    rescale: float | None
    preprocessing_function: Callable[..., Any] | None
    data_format: str
    interpolation_order: int
    channel_axis: int
    row_axis: int
    col_axis: int

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Draw the parameters of one image's transform from NumPy's global stream."""
        ...

    def apply_transform(
        self, x: NDArray[Any], transform_parameters: Mapping[str, Any]
    ) -> NDArray[Any]:
        """Transform one image."""
        ...

    def standardize(self, x: Any) -> Any:
        """Preprocess, rescale and normalise one image."""
        ...


def validation_split_of(generator: Generator) -> float:
    """Return the fraction of each class that is its validation subset.

    Keras' generators have it under a private name only, and so have all others.
    """
    fraction: float = generator._validation_split  # type: ignore[attr-defined]
    return fraction
