"""Our iterator beside Keras': the same calls, the same batches, the same global stream."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest
from conftest import save_picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from scipy_rounding import assert_same_pixels

from catdog_data import ImageDataGenerator
from catdog_data.engine import pipeline
from catdog_data.engine.pipeline import untuned_options

RECIPE = {
    "rescale": 1 / 255.0,
    "horizontal_flip": True,
    "rotation_range": 30,
    "shear_range": 0.15,
    "zoom_range": 0.3,
}
FLOW = {"target_size": (26, 22), "class_mode": "binary", "batch_size": 4, "seed": 2020}


def pair(photos, options, flow):
    """Return (Keras' iterator, ours) of the same description."""
    flow = {**FLOW, **flow}
    return [
        generator(**options).flow_from_directory(str(photos), **flow)
        for generator in (KerasGenerator, ImageDataGenerator)
    ]


def assert_same(expected, got):
    if not isinstance(expected, tuple):
        expected, got = (expected,), (got,)
    assert type(got) is tuple
    assert len(got) == len(expected)
    for reference, array in zip(expected, got, strict=True):
        assert array.dtype == reference.dtype
        assert array.flags.writeable
        assert_same_pixels(array, reference)


def assert_in_step(reference, ours, batches):
    """Take batches from both; the global stream must be left alike after each."""
    state = np.random.get_state()
    for _ in range(batches):
        np.random.set_state(state)
        expected = next(reference)
        left = np.random.random_sample(3)
        np.random.set_state(state)
        got = next(ours)
        np.testing.assert_array_equal(np.random.random_sample(3), left)
        assert_same(expected, got)
        state = np.random.get_state()
    for name in ("batch_index", "total_batches_seen"):
        assert getattr(reference, name) == getattr(ours, name)
    np.testing.assert_array_equal(reference.index_array, ours.index_array)


ALONE = [
    {},
    {"rescale": 1 / 255.0},
    {"rescale": np.float64(1 / 255.0)},
    {"rotation_range": 180},
    {"width_shift_range": 0.4},
    {"height_shift_range": 90.0},
    {"width_shift_range": 5},
    {"height_shift_range": [1, 3, 60]},
    {"shear_range": 60},
    {"zoom_range": 3},
    {"zoom_range": [0.1, 0.4]},
    {"horizontal_flip": True},
    {"vertical_flip": True, "horizontal_flip": True},
    {"dtype": "float64"},
    {"dtype": "float16"},
]


@pytest.mark.parametrize("options", ALONE, ids=str)
def test_each_argument_alone(photos, options):
    assert_in_step(*pair(photos, options, {}), batches=7)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
def test_fill_modes_and_orders_far_beyond_the_image(photos, fill_mode, order):
    options = {
        **RECIPE,
        "rotation_range": 180,
        "zoom_range": 3,
        "width_shift_range": 2.5,
        "height_shift_range": 400.0,
        "fill_mode": fill_mode,
        "cval": 77.7,
        "interpolation_order": order,
    }
    assert_in_step(*pair(photos, options, {}), batches=7)


FLOWS = [
    {"shuffle": False},
    {"class_mode": "categorical"},
    {"class_mode": "sparse"},
    {"class_mode": "input"},
    {"class_mode": None},
    {"classes": ["dogs", "cats"]},
    {"batch_size": 1},
    {"batch_size": 19},
    {"batch_size": 500},
    {"target_size": (1, 1)},
    {"target_size": (1, 30)},
    {"target_size": (13, 601)},
    {"seed": None},
    {"seed": None, "shuffle": False},
]


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_each_flow_argument(photos, flow):
    np.random.seed(3)
    assert_in_step(*pair(photos, RECIPE, flow), batches=11 if flow.get("batch_size") != 1 else 40)


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_subsets(photos, subset):
    options = {**RECIPE, "validation_split": 0.3}
    reference, ours = pair(photos, options, {"subset": subset})
    assert reference.filenames == ours.filenames
    assert_in_step(reference, ours, batches=9)


@pytest.mark.slow
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    options=st.fixed_dictionaries(
        {
            "rotation_range": st.sampled_from([0, 3.5, 180]),
            "width_shift_range": st.sampled_from([0, 0.2, 30.0, 4]),
            "height_shift_range": st.sampled_from([0, 0.9, 3.0, [2, 5]]),
            "shear_range": st.sampled_from([0, 0.15, 45]),
            "zoom_range": st.sampled_from([0, 0.3, [0.3, 2.5]]),
            "horizontal_flip": st.booleans(),
            "vertical_flip": st.booleans(),
            "fill_mode": st.sampled_from(["nearest", "constant", "reflect", "wrap"]),
            "cval": st.sampled_from([0, 12.5]),
            "interpolation_order": st.sampled_from([0, 1]),
            "rescale": st.sampled_from([None, 1 / 255.0, 2]),
        }
    ),
    flow=st.fixed_dictionaries(
        {
            "target_size": st.tuples(st.integers(1, 40), st.integers(1, 40)),
            "batch_size": st.integers(1, 25),
            "seed": st.one_of(st.none(), st.integers(0, 2**32 - 100)),
            "shuffle": st.booleans(),
        }
    ),
)
def test_random_combinations(photos, options, flow):
    np.random.seed(11)
    assert_in_step(*pair(photos, options, flow), batches=3)


@pytest.mark.parametrize("seed", [2020, None])
def test_reading_by_index_and_mixing_it_with_next(photos, seed):
    np.random.seed(5)
    iterators = pair(photos, RECIPE, {"seed": seed})
    steps = [
        lambda it: it[3],
        lambda it: next(it),
        lambda it: it[0],
        lambda it: it.on_epoch_end(),
        lambda it: it[4],
        lambda it: next(it),
        lambda it: next(it),
        lambda it: it.reset(),
        lambda it: next(it),
        lambda it: it[1],
        lambda it: next(it),
    ]
    states = [np.random.get_state()] * 2
    for step in steps:
        results = []
        for i, iterator in enumerate(iterators):
            np.random.set_state(states[i])
            results.append(step(iterator))
            states[i] = np.random.get_state()
        np.testing.assert_array_equal(states[0][1], states[1][1])
        if results[0] is not None:
            assert_same(*results)


def test_draws_between_batches_are_followed(photos):
    reference, ours = pair(photos, RECIPE, {"seed": None})
    results = []
    for iterator in (reference, ours):
        np.random.seed(8)
        batches = []
        for k in range(6):
            batches.append(next(iterator))
            if k % 2:
                np.random.random_sample(k)
        results.append(batches)
    for expected, got in zip(*results, strict=True):
        assert_same(expected, got)


def test_attributes_changed_between_batches_are_followed(photos):
    results = []
    for iterator in pair(photos, RECIPE, {}):
        batches = [next(iterator)]
        iterator.image_data_generator.rotation_range = 90
        batches.append(next(iterator))
        iterator.image_data_generator.fill_mode = "reflect"
        batches.append(next(iterator))
        iterator.seed = 7
        batches.append(next(iterator))
        results.append(batches)
    for expected, got in zip(*results, strict=True):
        assert_same(expected, got)


ATTRIBUTES = [
    "samples",
    "n",
    "batch_size",
    "class_indices",
    "filenames",
    "filepaths",
    "image_shape",
    "target_size",
    "num_classes",
    "seed",
    "shuffle",
    "class_mode",
    "color_mode",
    "data_format",
    "dtype",
    "interpolation",
    "subset",
    "split",
    "directory",
    "keep_aspect_ratio",
    "save_to_dir",
    "save_prefix",
    "save_format",
    "sample_weight",
    "white_list_formats",
    "num_batches",
]


def test_public_attributes(photos, capsys):
    reference, ours = pair(photos, RECIPE, {})
    found, found_by_ours, passed_over = capsys.readouterr().out.splitlines()
    assert found == found_by_ours == "Found 19 images belonging to 2 classes."
    assert passed_over == "Passed over 1 files by their extension: none 1."
    for name in ATTRIBUTES:
        assert getattr(ours, name) == getattr(reference, name), name
    np.testing.assert_array_equal(ours.classes, reference.classes)
    np.testing.assert_array_equal(ours.labels, reference.labels)
    assert ours.classes.dtype == reference.classes.dtype
    assert len(ours) == len(reference) == 5
    assert iter(ours) is ours
    assert isinstance(ours, keras.utils.PyDataset)


def test_batches_belong_to_the_caller(photos):
    reference, ours = pair(photos, {}, {"shuffle": False, "batch_size": 19})
    images, labels = next(ours)
    kept = images.copy()
    images[:] = -1
    labels[:] = -1
    again = next(ours)
    np.testing.assert_array_equal(again[0], kept)
    assert_same(next(reference), again)


def test_threads_see_every_batch_once(photos):
    reference, ours = pair(photos, RECIPE, {})
    expected = sorted(next(reference)[0].tobytes() for _ in range(20))
    seen = []
    threads = [
        threading.Thread(target=lambda: seen.extend(next(ours)[0].tobytes() for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == expected


@pytest.mark.parametrize("optimised", [True, False])
def test_a_bad_file_is_named_and_spoils_its_own_batch_only(tmp_path, monkeypatch, optimised):
    def options():
        chosen = untuned_options()
        chosen.experimental_optimization.apply_default_optimizations = optimised
        return chosen

    # What tf.data's optimiser makes of the stages must not matter: it does not always run.
    monkeypatch.setattr(pipeline, "untuned_options", options)
    for i in range(12):
        save_picture(tmp_path / "cats" / f"{i:02}.jpg", (20, 20), i)
    bad = tmp_path / "cats" / "05.jpg"
    bad.write_bytes(bad.read_bytes()[:-40])
    reference, ours = pair(tmp_path, RECIPE, {"shuffle": False})
    assert_same(next(reference), next(ours))
    with pytest.raises(OSError, match="truncated"):
        next(reference)
    with pytest.raises(OSError, match=r"05\.jpg.*truncated"):
        next(ours)
    assert_same(next(reference), next(ours))
    assert_same(next(reference), next(ours))
    with pytest.raises(OSError, match=r"05\.jpg"):
        ours[1]


def test_a_file_that_has_gone_is_named(tmp_path):
    for i in range(4):
        save_picture(tmp_path / "cats" / f"{i}.jpg", (20, 20), i)
    ours = ImageDataGenerator().flow_from_directory(tmp_path, batch_size=4)
    (tmp_path / "cats" / "2.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"2\.jpg"):
        next(ours)


@pytest.mark.parametrize(
    ("error", "options", "flow", "message"),
    [
        (ValueError, {"data_format": "last"}, {}, "data_format.*last"),
        (ValueError, {"validation_split": 1.5}, {}, "validation_split.*1.5"),
        (ValueError, {"fill_mode": "edge"}, {}, "fill_mode.*edge"),
        (ValueError, {}, {"interpolation": "cubic"}, "interpolation.*cubic"),
        (ValueError, {}, {"color_mode": "cmyk"}, "color mode: cmyk"),
        (ValueError, {}, {"class_mode": "other"}, "class_mode: other; expected one of"),
        (ValueError, {}, {"subset": "test"}, "subset name: test"),
        (ValueError, {}, {"subset": "validation"}, "holds no image.*no `validation_split`"),
        (
            ValueError,
            {"validation_split": 0.01},
            {"subset": "validation"},
            "holds no image.*too few for a part of it from 0 to 0.01",
        ),
        (ValueError, {}, {"batch_size": "x"}, "`batch_size`.*'x'"),
        (ValueError, {}, {"batch_size": 2.0}, "`batch_size`.*2.0"),
        (ValueError, {}, {"seed": "x"}, "`seed`.*'x'"),
        (ValueError, {}, {"seed": 1.5}, "`seed`.*1.5"),
        (ValueError, {}, {"target_size": ("a", 4)}, "`target_size`.*'a'"),
        (ValueError, {}, {"target_size": (None, 4)}, "`target_size`.*None"),
        (ValueError, {}, {"batch_size": 0}, "batch_size.*0"),
        (ValueError, {}, {"seed": -1}, "seed.*-1"),
        (ValueError, {}, {"target_size": (0, 4)}, "target_size"),
        (ValueError, {}, {"target_size": 224}, "target_size"),
        (FileNotFoundError, {}, {"classes": ["birds"]}, "birds"),
        (ValueError, {}, {"classes": ["cats", "dogs", "cats"]}, "`classes`.*once.*'cats'"),
        (TypeError, {"rotation": 3}, {}, "rotation"),
    ],
    ids=str,
)
def test_what_is_refused(photos, error, options, flow, message):
    with pytest.raises(error, match=message):
        ImageDataGenerator(**options).flow_from_directory(photos, **flow)


def test_index_out_of_range(photos):
    ours = ImageDataGenerator().flow_from_directory(photos)
    with pytest.raises(ValueError, match="element 1, but the Sequence has length 1"):
        ours[1]


def test_nested_class_names_work(tmp_path):
    for name in ("pets/cats/1.jpg", "pets/dogs/1.jpg", "pets/dogs/2.jpg"):
        save_picture(tmp_path / name, (20, 20), 1)
    flow = {"classes": ["pets/dogs", "pets/cats"], "class_mode": "sparse", "shuffle": False}
    ours = ImageDataGenerator().flow_from_directory(tmp_path, **flow)
    assert ours.class_indices == {"pets/dogs": 0, "pets/cats": 1}
    np.testing.assert_array_equal(next(ours)[1], [0, 0, 1])
