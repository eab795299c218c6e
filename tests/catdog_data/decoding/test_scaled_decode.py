from __future__ import annotations

import functools
import io

import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog_data import image_dataset_from_directory
from catdog_data.decoding.decode import decode_as_keras_dataset, read_with
from catdog_data.decoding.jpeg_scaled import decode_at_least
from catdog_data.decoding.resize import resize_as_keras


def read_at_least(path, channels, image_size):
    return read_with(
        path, lambda contents: decode_at_least(contents, channels, image_size), channels
    )


lengths = st.integers(1, 200)
targets = st.integers(1, 120)


@functools.cache
def jpeg(height, width, mode="RGB", **options):
    """The bytes of a smooth but uneven picture."""
    small = np.random.default_rng(5).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.convert(mode).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def ratio_of(image, contents, channels=3):
    """Tell which ratio an image was decoded with: the one that gives it to the bit."""
    of_ratio = {r: tf.io.decode_jpeg(contents, channels, r).numpy() for r in (1, 2, 4, 8)}
    return max(r for r, other in of_ratio.items() if np.array_equal(image, other))


@settings(deadline=None, max_examples=150)
@given(lengths, lengths, targets, targets, st.booleans())
def test_smallest_that_suffices(height, width, target_height, target_width, pad):
    contents = jpeg(height, width)
    image = decode_at_least(contents, 3, (target_height, target_width), pad=pad).numpy()

    def suffices(shape):
        enough = shape[0] >= target_height, shape[1] >= target_width
        return any(enough) if pad else all(enough)

    ratio = ratio_of(image, contents)
    assert suffices(image.shape) or image.shape == (height, width, 3)
    if ratio < 8:
        smaller = tf.io.decode_jpeg(contents, 3, ratio * 2).shape
        assert not suffices(smaller) or smaller == image.shape


@settings(deadline=None, max_examples=100)
@given(lengths, lengths, targets, targets)
def test_crop_is_at_least_the_target(height, width, target_height, target_width):
    image_size = (target_height, target_width)
    image = decode_at_least(jpeg(height, width), 3, image_size)
    shape = tf.shape(image)[:2]
    if not np.all(shape >= image_size):
        return
    # Nearest pixels repeat some row or column wherever the crop is below the target.
    rows, columns = (tf.range(shape[i], dtype=tf.int32) for i in (0, 1))
    grid = tf.stack(tf.meshgrid(rows, columns, indexing="ij"), axis=-1)
    shown = resize_as_keras(grid, image_size, "nearest", crop=True).numpy()
    assert np.all(np.diff(shown[:, 0, 0]) > 0)
    assert np.all(np.diff(shown[0, :, 1]) > 0)


@pytest.mark.parametrize("pad", [False, True])
def test_padding_needs_one_side(pad):
    image = decode_at_least(jpeg(40, 160), 3, (40, 40), pad=pad)
    assert image.shape == ((10, 40, 3) if pad else (40, 160, 3))


@pytest.mark.parametrize(
    ("mode", "channels", "options"),
    [
        ("L", 1, {}),
        ("L", 3, {}),
        ("RGB", 1, {}),
        ("RGB", 3, {}),
        ("RGB", 3, {"progressive": True}),
        ("RGB", 3, {"subsampling": 0}),
        ("CMYK", 3, {}),
    ],
)
@pytest.mark.parametrize("ratio", [1, 2, 4, 8])
def test_kinds_of_jpeg(ratio, mode, channels, options):
    contents = jpeg(117, 211, mode, **options)
    target = (-(-117 // ratio), -(-211 // ratio))
    image = decode_at_least(contents, channels, target)
    expected = tf.io.decode_jpeg(contents, channels, ratio)
    assert image.shape == (*target, channels)
    np.testing.assert_array_equal(image, expected)
    if ratio == 1:
        np.testing.assert_array_equal(image, decode_as_keras_dataset(contents, channels))


@pytest.mark.parametrize(
    ("suffix", "channels"), [("png", 1), ("png", 3), ("png", 4), ("gif", 3), ("bmp", 3)]
)
def test_other_formats_are_decoded_whole(tmp_path, suffix, channels):
    path = tmp_path / f"a.{suffix}"
    save_picture(path, (70, 90), 1)
    expected = decode_as_keras_dataset(tf.io.read_file(str(path)), channels)
    assert expected.shape == (90, 70, channels)
    np.testing.assert_array_equal(read_at_least(str(path), channels, (8, 8)), expected)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_pixels_are_means(ratio):
    """Of any picture's: noise has all the frequencies that a shortened transform could lose."""
    noise = np.random.default_rng(1).integers(64, 192, (64, 96), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=90)
    height, width = 64 // ratio, 96 // ratio
    image = decode_at_least(file.getvalue(), 1, (height, width)).numpy()[..., 0]
    whole = np.asarray(Image.open(file), dtype=float)
    means = whole.reshape(height, ratio, width, ratio).mean(axis=(1, 3))
    np.testing.assert_allclose(image, means, atol=1.5)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_smooth_pictures_equal_an_antialiased_resize(ratio):
    contents = jpeg(320, 480)
    image = decode_at_least(contents, 3, (320 // ratio, 480 // ratio)).numpy().astype(int)
    size = (480 // ratio, 320 // ratio)
    expected = Image.open(io.BytesIO(contents)).resize(size, Image.Resampling.LANCZOS)
    assert np.abs(image - np.asarray(expected, dtype=int)).mean() < 1


def test_many_files_in_a_pipeline(tmp_path):
    save_picture(tmp_path / "small.jpg", (30, 20), 1)
    save_picture(tmp_path / "large.jpg", (333, 222), 2)
    save_picture(tmp_path / "a.png", (333, 222), 3)
    (tmp_path / "trailing.jpg").write_bytes((tmp_path / "large.jpg").read_bytes() + b"\0" * 9)
    paths = [str(tmp_path / name) for name in ("small.jpg", "large.jpg", "a.png", "trailing.jpg")]
    images = tf.data.Dataset.from_tensor_slices(paths).map(
        lambda path: read_at_least(path, 3, (25, 25))
    )
    assert images.element_spec.shape.as_list() == [None, None, 3]
    # The last has something behind its end, as phones append films.
    shapes = [(20, 30, 3), (28, 42, 3), (222, 333, 3), (28, 42, 3)]
    assert [image.shape for image in images] == shapes


@pytest.mark.parametrize("keep", [0, 2, 100, -1, -40])
def test_unreadable_file_is_named(tmp_path, keep):
    path = tmp_path / "broken.jpg"
    path.write_bytes(jpeg(60, 60)[:keep])
    dataset = image_dataset_from_directory(
        tmp_path, labels=None, image_size=(7, 7), decode="fast", verbose=False
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"broken\.jpg' cannot be decoded"):
        next(iter(dataset))
