"""Several images for one sample: views of one image, or images of files that belong together.

Both are sources of pixels like those of `catdog_data.engine.pixel_sources`, by the number of a
sample. The images of a sample are rendered by the same `Parameters`, or each by its own: then the
renderer takes a tuple of them, in the order of the images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from catdog_data.augment.parameters import Parameters
from catdog_data.engine.pixel_sources import Images, Pixels
from catdog_data.engine.render import Rendering

ForEach = Parameters | tuple[Parameters, ...]
"""The parameters of all images of a batch of samples, or of the first, the second, …."""


class Views:
    """Views of one image, which is fetched once and rendered so many times.

    Args:
        pixels: the images.
        count: how many views each has.
    """

    def __init__(self, pixels: Pixels, count: int) -> None:
        self._pixels, self._count = pixels, count
        self.whole_batches, self.together = pixels.whole_batches, pixels.together
        self.may_fail, self.shape = pixels.may_fail, _stacked(pixels.shape, count)
        self.fetch, self.begin_pass, self.check = pixels.fetch, pixels.begin_pass, pixels.check

    def renderer(self, rendering: Rendering) -> Callable[..., tuple[tf.Tensor, ...]]:
        """Make the function from (parameters, *fetched) of a batch to a tuple of its views."""
        one = self._pixels.renderer(rendering)

        def render(parameters: ForEach, *fetched: Any) -> tuple[tf.Tensor, ...]:
            if isinstance(parameters, Parameters):
                return (one(parameters, *fetched),) * self._count
            return tuple(one(each, *fetched) for each in parameters)

        return render


class Samples:
    """Samples of several images, as a tuple or by names.

    Args:
        images: the first image of each sample, then the second of each, and so on.
        n: how many samples there are.
        count: how many images each has.
        names: of the images of a sample; None for a tuple.
    """

    def __init__(
        self, images: Images, n: int, count: int, names: Sequence[str] | None = None
    ) -> None:
        self._images, self._n, self._count, self._names = images, n, count, names
        self.whole_batches, self.together = images.whole_batches, images.together
        self.may_fail, self.shape = images.may_fail, _stacked(images.shape, count)
        self.dtype, self.begin_pass = images.dtype, images.begin_pass

    def image(self, index: tf.Tensor) -> tf.Tensor:
        """Load the images of a sample, int64[], one below the other: `dtype`[count * H, W, C]."""
        return tf.concat([self._images.image(key) for key in self._keys(index)], axis=0)

    def fetch(self, index: tf.Tensor) -> tuple[Any, ...]:
        """Fetch all images, each in its form."""
        fetched: list[Any] = []
        for key in self._keys(index):
            # One after the other: side by side, one that fails may have another cancelled first,
            # and that error is none which `ignore_errors` drops.
            with tf.control_dependencies(tf.nest.flatten(fetched)):
                fetched.append(self._images.fetch(tf.identity(key)))
        return tuple(fetched)

    def check(self, index: int) -> None:
        """Read the images of a sample, and raise an error that names what cannot be read."""
        for number in range(self._count):
            self._images.check(index + number * self._n)

    def renderer(self, rendering: Rendering) -> Callable[..., Any]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        one = self._images.renderer(rendering)

        def render(parameters: ForEach, *fetched: tuple[Any, ...]) -> Any:
            of_each = (parameters,) * self._count
            if not isinstance(parameters, Parameters):
                of_each = parameters
            images = tuple(one(own, *each) for own, each in zip(of_each, fetched, strict=True))
            return images if self._names is None else dict(zip(self._names, images, strict=True))

        return render

    def _keys(self, index: tf.Tensor) -> list[tf.Tensor]:
        offsets = (number * self._n for number in range(self._count))
        return [tf.where(index < 0, index, index + offset) for offset in offsets]


def _stacked(shape: tuple[int, int, int], count: int) -> tuple[int, int, int]:
    """Count the rows of all images of a sample, for the memory that they take."""
    return count * shape[0], *shape[1:]
