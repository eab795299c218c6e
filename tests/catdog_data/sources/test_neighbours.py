"""Neighbours of a class, against a plain sort by distance."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catdog_data.sources.neighbours import Neighbours


@given(st.lists(st.tuples(st.text("ab", max_size=3), st.integers(0, 2)), min_size=1, max_size=12))
def test_the_nearest_of_the_class_come_first(images):
    names, classes = zip(*images, strict=True)
    neighbours = Neighbours(names, lambda: np.array(classes))
    for i, label in enumerate(classes):
        own = [each for each in range(len(names)) if classes[each] == label]
        own.sort(key=lambda each: (names[each], each))
        place = own.index(i)
        others = [each for each in own if each != i]
        expected = sorted(others, key=lambda each: (abs(own.index(each) - place), own.index(each)))
        assert list(neighbours.of(i)) == expected
