"""Where the pixels of an image come from, and in which form they wait to be rendered.

Each class has `fetch`, from an index to one image in a form of fixed shape, and `renderer`, which
makes the function that turns a batch of such forms into finished images. Index -1 is padding: it
fetches anything and cannot fail. Where `together` is set, `fetch` takes the indices of up to so
many images at once, and where `whole_batches` is, of a batch; where `may_fail` is not, nothing that
it fetches can be unreadable. What does not depend on a data set takes paths in place of indices,
string[], of which the empty one is padding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_data.augment.parameters import Parameters
from catdog_data.decoding.decode import read_rgb
from catdog_data.decoding.resize import nearest_table
from catdog_data.decoding.unreadable import naming
from catdog_data.engine.render import Rendering, Table, images_renderer, rows_renderer

_ROW_WIDTH = 512
"""Pixels a row may have to be batched as it is; wider ones lose their columns before that."""


class Fetching(Protocol):
    """Where pixels come from, and in which form."""

    whole_batches: bool
    together: int | None
    shape: tuple[int, int, int]

    def fetch(self, key: tf.Tensor, /) -> tuple[Any, ...]:
        """Fetch one image, int64[], or several, int64[K], in a form of fixed shape."""

    def renderer(self, rendering: Rendering) -> Callable[..., Any]:
        """Make the function from (parameters, *fetched) of a batch to its images."""


class Pixels(Fetching, Protocol):
    """What the pipeline asks of a source of pixels."""

    may_fail: bool

    def begin_pass(self) -> None:
        """Raise an error if the images are no longer what they were; asked when a pass begins."""

    def check(self, index: int) -> None:
        """Read one image, and raise an error that names it if it cannot be read."""


class LookedAtOneByOne:
    """Part of a source whose images are looked at when each is read."""

    def begin_pass(self) -> None:
        """Do nothing."""


class Images(Pixels, Protocol):
    """Pixels that can also be loaded as single images of one shape."""

    dtype: str

    def image(self, index: tf.Tensor, /) -> tf.Tensor:
        """Load one image, int64[]: `dtype`[H, W, C]."""


def tensor_of_paths(paths: Sequence[str | os.PathLike[str]]) -> tf.Tensor:
    """Put paths into a tensor, string[N], as the bytes that the system knows them by.

    Names need not be UTF-8, which TensorFlow would make of strings.
    """
    return tf.constant([os.fsencode(path) for path in paths], tf.string)


def is_image(key: tf.Tensor) -> tf.Tensor:
    """Tell images from padding.

    Args:
        key: indices, int64[...], or paths, string[...].

    Returns:
        bool[...].

    Example:
        >>> is_image(tf.constant([2, -1])).numpy(), is_image(tf.constant(["a.jpg", ""])).numpy()
        (array([ True, False]), array([ True, False]))
    """
    return key != "" if key.dtype == tf.string else key >= 0


class RowsOfFiles(LookedAtOneByOne):
    """RGB files resized to nearest pixels: rows are picked at once, columns for the batch.

    Picking rows copies long runs, picking columns three bytes at a time, which is slow for a
    single image and fast in the compiled kernel.

    Args:
        filepaths: the N files; None where files are fetched by their paths.
        image_size: (height, width) in pixels of the target.
        decode: from a path, string[], to uint8[H, W, 3].
        table: chooses the rows and columns that the target shows.
    """

    whole_batches = False
    together: int | None = None
    may_fail = True
    dtype = "uint8"

    def __init__(
        self,
        filepaths: Sequence[str] | None,
        image_size: tuple[int, int],
        decode: Callable[[tf.Tensor], tf.Tensor] = read_rgb,
        table: Table = nearest_table,
    ) -> None:
        self._filepaths = filepaths
        self._paths = None if filepaths is None else tensor_of_paths(filepaths)
        self._decode, self._table = decode, table
        self._image_size = image_size
        self._row_width = max(_ROW_WIDTH, _multiple_of_4(image_size[1]))
        self.shape = (*image_size, 3)

    def image(self, key: tf.Tensor) -> tf.Tensor:
        """Read, decode and pick rows and columns: uint8[H, W, 3]."""
        image = self._decode(self._path_of(key))
        source = tf.shape(image)
        rows = tf.gather(image, self._table(source[0], self._image_size[0]))
        return tf.gather(rows, self._table(source[1], self._image_size[1]), axis=1)

    def fetch(self, key: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Read, decode and pick rows: uint8[H * row_width * 3] and int32[], their length."""
        height, width = self._image_size

        def read() -> tuple[tf.Tensor, tf.Tensor]:
            image = self._decode(self._path_of(key))
            shape = tf.shape(image)
            rows = tf.gather(image, self._table(shape[0], height))
            return tf.cond(  # type: ignore[no-any-return]
                shape[1] <= self._row_width,
                lambda: (tf.reshape(rows, [-1]), shape[1]),
                lambda: (
                    tf.reshape(tf.gather(rows, self._table(shape[1], width), axis=1), [-1]),
                    tf.constant(width),
                ),
            )

        flat, row_length = tf.cond(
            is_image(key), read, lambda: (tf.zeros([0], tf.uint8), tf.constant(1))
        )
        return _padded(flat, height * self._row_width * 3), row_length

    def renderer(self, rendering: Rendering) -> Callable[..., tf.Tensor]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return rows_renderer(rendering, self._table)

    def check(self, index: int) -> None:
        """Read one image, and raise an error that names it if it cannot be read."""
        if self._filepaths is not None:
            with naming(self._filepaths[index]):
                self.image(tf.constant(index))

    def _path_of(self, key: tf.Tensor) -> tf.Tensor:
        return key if self._paths is None else tf.gather(self._paths, key)


class WholeImages(LookedAtOneByOne):
    """Images in the target's size.

    Args:
        load: from an index int64[], or a path string[], to `dtype`[H, W, C].
        shape: (H, W, C).
        dtype: type of the values.
        names: the N images, as errors name them; None where nothing can be unreadable.
    """

    whole_batches = False
    together: int | None = None

    def __init__(
        self,
        load: Callable[[tf.Tensor], tf.Tensor],
        shape: tuple[int, int, int],
        dtype: str,
        names: Sequence[str] | None,
    ) -> None:
        self._load, self.shape, self.dtype = load, shape, dtype
        self._names, self.may_fail = names, names is not None

    def image(self, key: tf.Tensor) -> tf.Tensor:
        """Load an image: `dtype`[H, W, C]."""
        return tf.ensure_shape(self._load(key), self.shape)

    def fetch(self, key: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Load an image: `dtype`[H, W, C]."""
        image = tf.cond(
            is_image(key), lambda: self.image(key), lambda: tf.zeros(self.shape, self.dtype)
        )
        return (tf.ensure_shape(image, self.shape),)

    def renderer(self, rendering: Rendering) -> Callable[..., tf.Tensor]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return images_renderer(rendering)

    def check(self, index: int) -> None:
        """Read one image, and raise an error that names it if it cannot be read."""
        if self._names is not None:
            with naming(self._names[index]):
                self.image(tf.constant(index))


class PackedRows:
    """Images that were decoded before, a batch at a time.

    Args:
        rows_at: from the numbers of rows, int64[B], to these, `dtype`[B, H * W * C].
        row_of: int64[M], the row of each image.
        shape: (H, W, C).
        dtype: type of the values.
        begin_pass: raises an error if the rows cannot be read any more.
    """

    whole_batches = True
    together: int | None = None
    may_fail = False

    def __init__(
        self,
        rows_at: Callable[[tf.Tensor], tf.Tensor],
        row_of: NDArray[np.int64],
        shape: tuple[int, int, int],
        dtype: str,
        begin_pass: Callable[[], None] = lambda: None,
    ) -> None:
        self.begin_pass = begin_pass
        self._rows_at, self.shape, self.dtype = rows_at, shape, dtype
        in_order = np.array_equal(row_of, np.arange(len(row_of)))
        self._row_of = None if in_order else tf.constant(row_of)

    def image(self, index: tf.Tensor) -> tf.Tensor:
        """Load an image: `dtype`[H, W, C]."""
        return self.fetch(index[tf.newaxis])[0][0]

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Load a batch: `dtype`[B, H, W, C]."""
        index = tf.maximum(index, 0)
        row = index if self._row_of is None else tf.gather(self._row_of, index)
        return (tf.reshape(self._rows_at(row), [*index.shape, *self.shape]),)

    def renderer(self, rendering: Rendering) -> Callable[..., tf.Tensor]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return images_renderer(rendering)

    def check(self, index: int) -> None:
        """Do nothing: decoded images can be read."""


class RowsOfArray(LookedAtOneByOne):
    """Images of an array in memory, or of anything with its shape and type, a batch at a time.

    Args:
        array: [N, H, W, C]; what is no array of NumPy's, such as a data set of h5py, is read image
            by image.
        rows: intp[M], which of them the images are; None for all N.
    """

    whole_batches = True
    together: int | None = None
    may_fail = False

    def __init__(self, array: Any, rows: NDArray[np.intp] | None = None) -> None:
        height, width, channels = (int(side) for side in array.shape[1:])
        self.shape, self.dtype = (height, width, channels), array.dtype.name
        self._array, self._rows = array, rows

    def image(self, index: tf.Tensor) -> tf.Tensor:
        """Load an image: `dtype`[H, W, C]."""
        return self.fetch(index[tf.newaxis])[0][0]

    def fetch(self, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Load a batch: `dtype`[B, H, W, C]."""
        # A call of Python for each batch: as a constant of the graph, the array would be copied.
        images = tf.numpy_function(self._images, [index], self.dtype, stateful=False)
        return (tf.ensure_shape(images, [*index.shape, *self.shape]),)

    def renderer(self, rendering: Rendering) -> Callable[..., tf.Tensor]:
        """Make the function from (parameters, *fetched) of a batch to its images."""
        return images_renderer(rendering)

    def check(self, index: int) -> None:
        """Do nothing: what is in memory can be read."""

    def _images(self, index: NDArray[np.int64]) -> NDArray[Any]:
        index = np.maximum(index, 0)
        if self._rows is not None:
            index = self._rows[index]
        if isinstance(self._array, np.ndarray):
            return self._array.take(index, axis=0)
        return np.stack([self._array[int(each)] for each in index])


class WithMasks:
    """Images and a mask for each, moved alike: masks keep their values, which are no colours.

    Args:
        images: any of the above.
        masks: the masks, uint8, as many and of the same size, fetched in the same way: one by one
            or by the batch.
        fill_value: what lies outside of a mask where the border is constant.
    """

    together: int | None = None

    def __init__(self, images: Pixels, masks: Pixels, fill_value: int) -> None:
        self._images, self._masks, self._fill_value = images, masks, fill_value
        self.whole_batches, self.shape = images.whole_batches, images.shape
        self.may_fail = images.may_fail or masks.may_fail

    def fetch(self, index: tf.Tensor) -> tuple[Any, ...]:
        """Fetch both, each in its form."""
        images = self._images.fetch(index)
        # One after the other: side by side, one that fails may have the other cancelled first, and
        # that error is none which `ignore_errors` drops.
        with tf.control_dependencies(tf.nest.flatten(images)):
            return images, self._masks.fetch(index)

    def begin_pass(self) -> None:
        """Ask both."""
        self._images.begin_pass()
        self._masks.begin_pass()

    def check(self, index: int) -> None:
        """Read one image and its mask, and raise an error that names what cannot be read."""
        self._images.check(index)
        self._masks.check(index)

    def renderer(self, rendering: Rendering) -> Callable[..., Any]:
        """Make the function to (images, masks); masks are moved by nearest pixels alone."""
        resampling = rendering.resampling
        if resampling is not None:
            resampling = replace(resampling, cval=self._fill_value, order=0)
        moved = Rendering(rendering.image_size, resampling, output_dtype="uint8")
        images, masks = self._images.renderer(rendering), self._masks.renderer(moved)

        def render(
            parameters: Parameters, image: tuple[Any, ...], mask: tuple[Any, ...]
        ) -> tuple[tf.Tensor, tf.Tensor]:
            return images(parameters, *image), masks(parameters, *mask)

        return render


def _multiple_of_4(size: int) -> int:
    """Round up, so that rows are whole words."""
    return -(-size // 4) * 4


def _padded(flat: tf.Tensor, size: int) -> tf.Tensor:
    return tf.ensure_shape(tf.pad(flat, [[0, size - tf.size(flat)]]), [size])
