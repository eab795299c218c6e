"""Words read at any byte, against NumPy's view of the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from catdog_data.kernels.compiled import compiled
from catdog_data.kernels.packed_pixels import as_words, unaligned_words


@pytest.mark.parametrize("wrap", [lambda function: function, compiled])
def test_every_place_reads_the_four_bytes_there(wrap):
    data = np.random.default_rng(0).integers(0, 256, (2, 40), dtype=np.uint8)
    places = np.tile(np.arange(37, dtype=np.int32), (2, 1))
    expected = [[int.from_bytes(row[p : p + 4], "little") for p in range(37)] for row in data]
    got = wrap(unaligned_words)(as_words(tf.constant(data)), tf.constant(places))
    np.testing.assert_array_equal(got.numpy().view(np.uint32), expected)
