"""The uniform numbers that the images of a batch draw, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Draws:
    """What the images of a batch have drawn.

    Every decision has a draw of its own, whether or not it is used: setting one range changes
    nothing of what another draws.

    Args:
        uniform: float64[B] in [0, 1) by the name of the draw.
        picked: bool[B] by the name of a choice, which images have it; one that is missing is done
            to every image.
        index: int64[B], the images; -1 is padding, which comes last.
        image_size: (height, width) in pixels; float64[B] each where images differ.
    """

    uniform: Mapping[str, tf.Tensor]
    picked: Mapping[str, tf.Tensor]
    index: tf.Tensor
    image_size: tuple[int, int]

    def between(
        self,
        draw: str,
        limits: tuple[float, float],
        unchanged: float,
        choice: str | None = None,
    ) -> tf.Tensor:
        """Bring a draw into a range.

        Args:
            draw: the name of the draw.
            limits: the lowest value and the highest.
            unchanged: the value that changes nothing, for images that do not have the step.
            choice: the name of the choice that decides which have it; None for that of the draw.

        Returns:
            float64[B].
        """
        low, high = limits
        drawn = self.uniform[draw]
        if low == high:
            values = tf.fill(tf.shape(drawn), tf.constant(high, tf.float64))
            values = tf.ensure_shape(values, drawn.shape)
        else:
            values = low + (high - low) * drawn
        picked = self.picked.get(choice or draw)
        return values if picked is None else tf.where(picked, values, unchanged)

    def happens(self, draw: str, likelihood: float, choice: str | None = None) -> tf.Tensor:
        """Decide by a draw whether an image has something.

        Args:
            draw: the name of the draw.
            likelihood: in [0, 1].
            choice: as for `between`.

        Returns:
            bool[B].
        """
        happens = self.uniform[draw] < likelihood
        picked = self.picked.get(choice or draw)
        return happens if picked is None else happens & picked
