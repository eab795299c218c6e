"""What "the same as SciPy" means under the SciPy that is installed."""

from __future__ import annotations

import numpy as np
import scipy

# Older ones differ in the last bits of a double, and are all that Python 3.10 has.
SCIPY_ROUNDS_AS_OURS = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17)


def assert_same_pixels(got, expected):
    """Compare to the last bit; doubles of an older SciPy to 1e-10 of a level."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.dtype == np.float64 and not SCIPY_ROUNDS_AS_OURS:
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)
    else:
        np.testing.assert_array_equal(got, expected)
