from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog_data.decoding.decode import read_rgb
from catdog_data.decoding.resize import nearest_table

read = tf.function(read_rgb, input_signature=[tf.TensorSpec([], tf.string)])


def load_img(path):
    return np.asarray(keras.utils.load_img(path))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (250, 187)])
def test_jpeg_equals_pillow(tmp_path, subsampling, progressive, size):
    path = tmp_path / "a.jpg"
    save_picture(path, size, 1, quality=80, subsampling=subsampling, progressive=progressive)
    np.testing.assert_array_equal(read(str(path)), load_img(path))


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("L", "gray.jpg"),
        ("CMYK", "cmyk.jpg"),
        ("RGBA", "alpha.png"),
        ("P", "palette.png"),
        ("1", "bits.png"),
        ("RGB", "a.bmp"),
        ("RGB", "a.ppm"),
        ("RGB", "a.tif"),
    ],
)
def test_other_files_equal_pillow(tmp_path, mode, name):
    save_picture(tmp_path / "rgb.png", (33, 21), 2)
    path = tmp_path / name
    Image.open(tmp_path / "rgb.png").convert(mode).save(path)
    np.testing.assert_array_equal(read(str(path)), load_img(path))


def test_sixteen_bit_png_equals_pillow(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.arange(0, 60000, 1000, dtype=np.uint16).reshape(6, 10)).save(path)
    np.testing.assert_array_equal(read(str(path)), load_img(path))


def test_wrongly_named_and_trailing_bytes(tmp_path):
    save_picture(tmp_path / "a.png", (12, 10), 3)
    wrong = tmp_path / "wrong.jpg"
    wrong.write_bytes((tmp_path / "a.png").read_bytes())
    np.testing.assert_array_equal(read(str(wrong)), load_img(wrong))
    save_picture(tmp_path / "b.jpg", (12, 10), 3)
    trailing = tmp_path / "trailing.jpg"
    trailing.write_bytes((tmp_path / "b.jpg").read_bytes() + b"\0" * 7)
    np.testing.assert_array_equal(read(str(trailing)), load_img(trailing))


@pytest.mark.parametrize("keep", [0, 2, 100, -1, -40])
def test_unreadable_file_is_named(tmp_path, keep):
    path = tmp_path / "broken.jpg"
    save_picture(tmp_path / "whole.jpg", (60, 60), 4)
    path.write_bytes((tmp_path / "whole.jpg").read_bytes()[:keep])
    with pytest.raises(tf.errors.OpError, match=r"broken\.jpg"):
        read(str(path))


@pytest.mark.parametrize("target", [1, 2, 3, 96, 224, 301])
@settings(deadline=None, max_examples=150)
@given(source=st.integers(1, 5000))
def test_nearest_table_equals_pillow(target, source):
    line = Image.fromarray(np.arange(source, dtype=np.int32)[np.newaxis], "I")
    expected = np.asarray(line.resize((target, 1), Image.Resampling.NEAREST))[0]
    np.testing.assert_array_equal(_TABLES[target](tf.constant(source)), expected)


# Compiled as in the pipeline: the graph optimiser must not change the rounding.
_TABLES = {
    target: tf.function(
        lambda source, target=target: nearest_table(source, target),
        input_signature=[tf.TensorSpec([], tf.int32)],
    )
    for target in (1, 2, 3, 96, 224, 301)
}
