"""Images of their own size: fetched as bytes, rendered one by one, padded to the largest there is.

The engine batches forms of fixed shape. An image of any size has one as the bytes of a tensor, and
beside it its height and width. Nothing is compiled for each size: the warp is compiled for few
lengths (`catdog_data.kernels.warp_any_size`), all else is not compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from catdog_data.augment.parameters import Parameters
from catdog_data.decoding.unreadable import naming
from catdog_data.engine.pixel_sources import LookedAtOneByOne, is_image
from catdog_data.engine.render import Rendering, finished, rounded_to_pixels
from catdog_data.kernels.warp_any_size import warp_any_size

_EXPECTED_SIDE = 1024
"""Pixels; how many batches are made ahead is chosen for images of such sides."""


class ImagesOfOwnSize(LookedAtOneByOne):
    """Images that are not resized.

    Args:
        load: from an index int64[] to uint8[H, W, C], H and W of its own.
        channels: C.
        names: the N images, as errors name them.
    """

    whole_batches = False
    together: int | None = None
    may_fail = True
    dtype = "uint8"

    def __init__(
        self, load: Callable[[tf.Tensor], tf.Tensor], channels: int, names: Sequence[str]
    ) -> None:
        self._load, self._channels, self._names = load, channels, names
        self.shape = (_EXPECTED_SIDE, _EXPECTED_SIDE, channels)

    def image(self, index: tf.Tensor) -> tf.Tensor:
        """Load an image: uint8[H, W, C]."""
        return tf.ensure_shape(self._load(index), [None, None, self._channels])

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Load an image: its bytes, string[], and its height and width, int32[2]."""
        none = tf.zeros([1, 1, self._channels], tf.uint8)  # smaller than any, for padding
        image = tf.cond(is_image(index), lambda: self.image(index), lambda: none)
        return tf.io.serialize_tensor(image), tf.shape(image)[:2]

    def renderer(self, rendering: Rendering) -> Callable[..., tf.Tensor]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return own_size_renderer(rendering, self._channels)

    def check(self, index: int) -> None:
        """Read one image, and raise an error that names it if it cannot be read."""
        with naming(self._names[index]):
            self.image(tf.constant(index))


def sides_of_fetched(contents: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Tell the heights and widths of a batch that was fetched, float64[B] each."""
    height, width = tf.unstack(tf.cast(size, tf.float64), axis=1)
    return height, width


def own_size_renderer(rendering: Rendering, channels: int) -> Callable[..., tf.Tensor]:
    """Make the function from parameters, bytes and sizes to finished images, padded with zeros.

    Args:
        rendering: what is done to each image, as if it were alone.
        channels: C.

    Returns:
        A function of `Parameters` of B images, string[B] and int32[B, 2], to
        `output_dtype`[B, H, W, C] of the greatest height and width; images are at the top left.
    """
    moved = _Last(rendering)

    def rendered(image: tf.Tensor, geometry: tf.Tensor, steps: Any) -> tf.Tensor:
        resampling = rendering.resampling
        if resampling is None:
            image = moved(image)
        else:
            image = warp_any_size(
                image,
                geometry,
                fill_mode=resampling.fill_mode,
                cval=resampling.cval,
                order=resampling.order,
                finish=moved,
            )
        if not rendering.has_second_kernel:
            return image
        images, of_one = tf.nest.map_structure(lambda each: each[tf.newaxis], (image, steps))
        for step, of_step in zip(rendering.steps, of_one, strict=True):
            images = step.apply(images, of_step)
        return finished(images, rendering)[0]

    def render(parameters: Parameters, contents: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        largest = tf.reduce_max(size, axis=0)

        def render_one(each: tuple[Any, ...]) -> tf.Tensor:
            content, own, geometry, steps = each
            image = tf.reshape(tf.io.parse_tensor(content, tf.uint8), [own[0], own[1], channels])
            image = rendered(image, geometry, steps)
            below, right = tf.unstack(largest - own)
            return tf.pad(image, [[0, below], [0, right], [0, 0]])

        return tf.map_fn(
            render_one,
            (contents, size, *parameters),
            fn_output_signature=tf.TensorSpec([None, None, channels], rendering.output_dtype),
        )

    return render


@dataclass(frozen=True)
class _Last:
    """What is done to values right behind the geometry: equal for equal renderings."""

    rendering: Rendering

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        return rounded_to_pixels(values, self.rendering)
