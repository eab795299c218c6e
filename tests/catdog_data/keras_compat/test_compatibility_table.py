"""The table of docs/compatibility.md: each row is measured here, and must say what was measured.

`CATDOG_WRITE_TABLE=1 python -m pytest -m slow -k compatibility_table` writes it again.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from keras.applications.vgg16 import preprocess_input
from test_keras_parity import RECIPE, pair

from catdog_data import ImageDataGenerator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]

TABLE = Path(__file__).parents[3] / "docs" / "compatibility.md"
HEADING = """# Compatibility with Keras' ImageDataGenerator

Written by `CATDOG_WRITE_TABLE=1 python -m pytest -m slow -k compatibility_table`,
which reads two epochs of the test pictures through the installed Keras and through catdog, and
checked by the slow tests. "Identical" means every bit of every image, every label, and NumPy's
global stream afterwards. "Native" is the parallel pipeline; "native, then NumPy" is the same
pipeline up to the transforms, after which NumPy finishes each image; "one by one" is NumPy, SciPy
and Pillow throughout, at a fraction of the speed, and says so once by a `SlowPathWarning`.

| argument | value | files | arrays | path for files |
|---|---|---|---|---|
"""
TWICE = {**RECIPE, "width_shift_range": 0.2, "height_shift_range": 0.2}


def turned(x):
    return 255 - x


ARGUMENTS = [
    *[(name, True, {name: True}) for name in ("horizontal_flip", "vertical_flip")],
    ("rotation_range", 40, {"rotation_range": 40}),
    ("width_shift_range", 0.3, {"width_shift_range": 0.3}),
    ("width_shift_range", 4, {"width_shift_range": 4}),
    ("height_shift_range", [2, 5], {"height_shift_range": [2, 5]}),
    ("shear_range", 20, {"shear_range": 20}),
    ("zoom_range", 0.4, {"zoom_range": 0.4}),
    ("zoom_range", [0.5, 2.0], {"zoom_range": [0.5, 2.0]}),
    *[
        ("fill_mode", mode, {"fill_mode": mode, **TWICE})
        for mode in ("nearest", "constant", "reflect", "wrap", "mirror")
    ],
    ("cval", 77.5, {"fill_mode": "constant", "cval": 77.5, **TWICE}),
    *[
        ("interpolation_order", order, {"interpolation_order": order, **TWICE})
        for order in range(6)
    ],
    ("channel_shift_range", 50.0, {"channel_shift_range": 50.0}),
    ("brightness_range", (0.5, 1.5), {"brightness_range": (0.5, 1.5)}),
    ("rescale", "1/255", {"rescale": 1 / 255.0}),
    ("preprocessing_function", "a function", {"preprocessing_function": turned}),
    ("preprocessing_function", "of Keras", {"preprocessing_function": preprocess_input}),
    *[
        (name, True, {name: True, **TWICE})
        for name in ("samplewise_center", "samplewise_std_normalization")
    ],
    *[
        (name, True, {name: True, **TWICE})
        for name in ("featurewise_center", "featurewise_std_normalization", "zca_whitening")
    ],
    *[("dtype", dtype, {"dtype": dtype, **RECIPE}) for dtype in ("float32", "float64")],
    ("validation_split", 0.3, {"validation_split": 0.3}),
]
FLOWS = [
    *[("class_mode", mode, {"class_mode": mode}) for mode in ("sparse", "categorical", "input")],
    ("class_mode", None, {"class_mode": None}),
    *[("color_mode", mode, {"color_mode": mode}) for mode in ("rgb", "rgba", "grayscale")],
    *[
        ("interpolation", name, {"interpolation": name})
        for name in ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
    ],
    ("keep_aspect_ratio", True, {"keep_aspect_ratio": True}),
    ("shuffle", False, {"shuffle": False}),
    ("seed", None, {"seed": None}),
]


def fitted(generators, shape):
    x = np.random.default_rng(1).uniform(0, 255, (30, *shape))
    for generator in generators:
        if generator.featurewise_center or generator.zca_whitening:
            generator.fit(x)


def verdict(reference, ours):
    """Read two epochs of both; say how far apart they are."""
    apart = 0.0
    state = np.random.get_state()
    for _ in range(2 * len(reference)):
        outcomes = []
        for flow in (reference, ours):
            np.random.set_state(state)
            batch = next(flow)
            batch = batch if isinstance(batch, tuple) else (batch,)
            outcomes.append((batch, np.random.random_sample(2)))
        (expected, left), (got, left_by_ours) = outcomes
        if [each.dtype for each in expected] != [each.dtype for each in got]:
            return "other types"
        if not np.array_equal(left, left_by_ours):
            return "another stream"
        for right, given in zip(expected, got, strict=True):
            apart = max(apart, float(np.max(np.abs(right - given), initial=0)))
        state = np.random.get_state()
    return "identical" if apart == 0 else f"up to {apart:.1g} apart"


def row(photos, argument, value, options, flow):
    files = pair(photos, options, flow)
    fitted([each.image_data_generator for each in files], files[0].image_shape)
    path = "native, then NumPy" if files[1]._is_completed_in_numpy() else "native"
    if files[1]._reason_to_go_one_by_one() is not None:
        path = "one by one"
    on_files = verdict(*files)
    on_arrays = "does not apply"
    if not flow or argument in ("shuffle", "seed"):
        x = np.random.default_rng(2).integers(0, 256, (11, 9, 12, 3))
        generators = [class_(**options) for class_ in (KerasGenerator, ImageDataGenerator)]
        fitted(generators, x.shape[1:])
        chosen = {"batch_size": 4, "seed": 5, **flow}
        on_arrays = verdict(*(each.flow(x, np.arange(11), **chosen) for each in generators))
    shown = "`" + repr(value).strip("'") + "`"
    return f"| `{argument}` | {shown} | {on_files} | {on_arrays} | {path} |"


def test_the_table_says_what_is_measured(photos):
    rows = [
        *(row(photos, argument, value, options, {}) for argument, value, options in ARGUMENTS),
        *(row(photos, argument, value, RECIPE, flow) for argument, value, flow in FLOWS),
    ]
    both = [{"data_format": "channels_first", **RECIPE}, {"data_format": "channels_last", **RECIPE}]
    rows += [row(photos, "data_format", each["data_format"], each, {}) for each in both[:1]]
    written = HEADING + "\n".join(rows) + "\n"
    page = TABLE.read_text(encoding="utf-8")
    measured, heading, notes = page.partition("\n## ")
    if os.environ.get("CATDOG_WRITE_TABLE"):
        TABLE.write_text(written + heading + notes, encoding="utf-8")
        return
    assert measured == written
