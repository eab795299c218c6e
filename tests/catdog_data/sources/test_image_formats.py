"""Every format of the table is one that Pillow reads, and recognised by its first bytes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from catdog_data.sources.formats import FORMATS, format_of

PICTURE = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))


def saved(ending):
    """The bytes of a file with this ending, as Pillow writes it."""
    picture = {".pbm": PICTURE.convert("1"), ".pgm": PICTURE.convert("L")}.get(ending, PICTURE)
    file = io.BytesIO()
    picture.save(file, Image.registered_extensions()[ending])
    return file.getvalue()


@pytest.mark.parametrize(
    ("expected", "ending"), [(each, ending) for each in FORMATS for ending in each.endings]
)
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
