import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conftest import SIZES, save_picture
from PIL import Image

from catdog_data import ImageDataGenerator, image_dataset_from_directory
from catdog_data.serving import decoder, generator_decoder

_SIZE = (24, 32)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """JPEG and PNG files of many sizes and modes, in two class folders."""
    root = tmp_path_factory.mktemp("mixed")
    for place, size in enumerate(SIZES):
        save_picture(root / "a" / f"{place}.jpg", size, place, quality=90)
        save_picture(root / "b" / f"{place}.png", size, 50 + place)
    with Image.open(root / "a" / "0.jpg") as image:
        image.convert("L").save(root / "a" / "gray.jpg")
        image.convert("L").save(root / "b" / "gray.png")
        image.convert("P").save(root / "b" / "palette.png")
        image.putalpha(100)
        image.save(root / "b" / "transparent.png")
        # Large enough to be decoded at a fraction of its size.
        image.convert("RGB").resize((160, 130)).save(root / "a" / "large.jpg", quality=95)
    return root


def _expected(root, **options):
    dataset = image_dataset_from_directory(
        root, label_mode=None, shuffle=False, image_size=_SIZE, verbose=False, **options
    )
    return dataset.file_paths, np.concatenate([images.numpy() for images in dataset])


def _in_a_graph(decode, paths):
    """Decode all files as a saved graph does."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def decode_all(contents):
        return tf.map_fn(decode, contents, fn_output_signature=tf.float32)

    return decode_all([Path(path).read_bytes() for path in paths]).numpy()


@pytest.mark.parametrize(
    "options",
    [
        {"interpolation": "nearest"},
        {"interpolation": "bilinear", "rescale": 1 / 255.0},
        {"interpolation": "bilinear", "pad_to_aspect_ratio": True},
        {"interpolation": "bilinear", "crop_to_aspect_ratio": True, "antialias": True},
        *(
            pytest.param(options, marks=pytest.mark.slow)
            for options in (
                {"interpolation": "nearest", "crop_to_aspect_ratio": True, "rescale": 1 / 255.0},
                {"interpolation": "bicubic", "rescale": 0.5},
                {"interpolation": "bilinear", "decode": "fast"},
                {"interpolation": "bilinear", "color_mode": "grayscale"},
            )
        ),
    ],
)
def test_pixels_are_those_of_the_dataset(mixed, options):
    paths, images = _expected(mixed, **options)
    assert len(paths) == 2 * len(SIZES) + 5
    decoded = _in_a_graph(decoder(_SIZE, **options), paths)
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, images)


def test_rounded_pixels_are_those_of_an_8_bit_dataset(mixed):
    paths, images = _expected(mixed, interpolation="bicubic", output_dtype="uint8")
    decode = decoder(_SIZE, interpolation="bicubic", rounded=True)
    np.testing.assert_array_equal(_in_a_graph(decode, paths), images)
    unrounded = _in_a_graph(decoder(_SIZE, interpolation="bicubic"), paths)
    assert (unrounded != images).any()


@pytest.mark.parametrize("rescale", [pytest.param(None, marks=pytest.mark.slow), 1 / 255.0])
def test_pixels_are_those_of_the_generator(mixed, rescale):
    iterator = ImageDataGenerator(rescale=rescale).flow_from_directory(
        mixed, target_size=_SIZE, class_mode=None, batch_size=100, shuffle=False
    )
    decoded = _in_a_graph(generator_decoder(_SIZE, rescale=rescale), iterator.filepaths)
    assert len(decoded) == 2 * len(SIZES) + 5
    np.testing.assert_array_equal(decoded, next(iterator))


def test_generator_and_dataset_decode_differently(mixed):
    contents = tf.constant((mixed / "a" / "large.jpg").read_bytes())
    ours = decoder(_SIZE, interpolation="nearest")(contents)
    assert (ours.numpy() != generator_decoder(_SIZE)(contents).numpy()).any()


def _encoded(image, kind):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("make", "contents"),
    [
        (decoder, b""),
        (decoder, b"no image"),
        (decoder, _encoded(Image.new("RGB", (40, 40)), "JPEG")[:-200]),
        (generator_decoder, b""),
        (generator_decoder, b"no image"),
        (generator_decoder, _encoded(Image.new("RGB", (40, 40)), "BMP")),
    ],
)
def test_what_cannot_be_decoded_raises(make, contents):
    with pytest.raises(tf.errors.InvalidArgumentError):
        _ = make(_SIZE)(tf.constant(contents))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interpolation": "cubic"}, "`interpolation` must be one of"),
        ({"color_mode": "bgr"}, "`color_mode` must be one of"),
        ({"decode": "slow"}, "`decode` must be one of"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one of"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        decoder(_SIZE, **options)


@pytest.mark.parametrize("make", [decoder, generator_decoder])
def test_wrong_size(make):
    with pytest.raises(ValueError, match="`image_size` must be"):
        make((0, 5))
