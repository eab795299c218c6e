"""What is planned for the images of a batch: the parameters of the warp and of every step."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf


class Parameters(NamedTuple):
    """The parameters of a batch.

    Args:
        geometry: float64[B, 8], see `catdog_data.augment.geometry_rows`.
        steps: one tuple of tensors [B, …] for each step behind the geometry, in their order, as
            the step's `parameters` makes them.
    """

    geometry: tf.Tensor
    steps: tuple[Any, ...] = ()
