"""Every format of the table is one that Pillow reads, recognised everywhere by this one line."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from catdog_data import ImageDataGenerator
from catdog_data.decoding.unreadable import unreadable
from catdog_data.sources.class_folders import IMAGE_ENDINGS
from catdog_data.sources.formats import FORMATS, ImageFormat, format_of
from catdog_data.sources.list_files import KERAS_DATASET_EXTENSIONS
from catdog_data.sources.masks import masks_beside

PICTURE = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))


def saved(ending):
    """The bytes of a file with this ending, as Pillow writes it."""
    picture = {".pbm": PICTURE.convert("1"), ".pgm": PICTURE.convert("L")}.get(ending, PICTURE)
    file = io.BytesIO()
    picture.save(file, Image.registered_extensions()[ending])
    return file.getvalue()


EVERY = pytest.mark.parametrize(
    ("expected", "ending"), [(each, ending) for each in FORMATS for ending in each.endings]
)


@EVERY
def test_files_begin_and_end_as_the_table_says(expected, ending):
    contents = saved(ending)
    Image.open(io.BytesIO(contents)).load()
    if expected.signatures:
        assert format_of(contents) is expected
        assert contents.endswith(expected.trailer)
    else:
        assert format_of(contents) in (None, *(each for each in FORMATS if each.name == "PPM"))


def test_no_ending_has_two_formats():
    endings = [ending for each in FORMATS for ending in each.endings]
    assert len(set(endings)) == len(endings)
    assert all(ending == ending.lower() and ending.startswith(".") for ending in endings)


@EVERY
def test_iterators_read_it_where_its_ending_is_asked_for(expected, ending, tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / f"a{ending}").write_bytes(saved(ending))
    images = ImageDataGenerator().flow_from_directory(
        tmp_path, target_size=(8, 8), class_mode=None, extra_formats=(ending,)
    )
    (got,) = next(images)
    with Image.open(io.BytesIO(saved(ending))) as image:
        np.testing.assert_array_equal(got, np.asarray(image.convert("RGB")))


@EVERY
def test_it_is_recognised_in_folders_as_a_mask_and_in_errors(expected, ending, tmp_path):
    assert (ending in IMAGE_ENDINGS) == expected.is_common
    assert (ending in KERAS_DATASET_EXTENSIONS) == expected.in_datasets
    image, mask = tmp_path / "images" / "a.png", tmp_path / "masks" / f"a{ending}"
    mask.parent.mkdir()
    mask.write_bytes(saved(ending))
    if expected.name != "JPEG":  # whose masks are warned of
        masks = masks_beside([str(image)], image.parent, mask.parent)
        assert masks == {str(image): str(mask)}
    if expected.signatures:
        assert f"a {expected.name})" in str(unreadable(mask.name, ValueError(), saved(ending)))


def test_a_signature_may_stand_behind_the_beginning():
    boxed = ImageFormat("AVIF", (".avif",), (b"ftypavif", b"ftypavis"), signature_at=4)
    assert boxed.begins(b"\0\0\0\x20ftypavif\0") and boxed.begins(b"\0\0\0\x2cftypavis")
    assert not boxed.begins(b"ftypavif") and not boxed.begins(b"\0\0\0\x20ftypheic")
