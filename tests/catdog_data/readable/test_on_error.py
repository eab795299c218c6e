"""`on_error`: what is left is as if broken files were not there, or were copies of a neighbour."""

import functools
import os
import shutil
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import save_picture
from corrupt_files import break_inside, corrupt_files, write_files
from PIL import Image

from catdog_data import (
    Augmentation,
    ImageDataGenerator,
    InBackground,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)

FILES = 24
BROKEN = ("a/04.jpg", "a/06.jpg", "b/01.jpg", "b/15.jpg", "b/23.jpg")
MODES = ("skip", "replace")
pytestmark = pytest.mark.filterwarnings("ignore:`on_error=:UserWarning")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))


@pytest.fixture
def folder(tmp_path):
    """Two classes of 12 images and their masks, some images broken."""
    root = tmp_path / "images"
    for i in range(FILES):
        save_picture(root / "ab"[i % 2] / f"{i:02}.jpg", (40, 30), i)
        save_mask(tmp_path / "masks" / "ab"[i % 2] / f"{i:02}.png", i)
    for name in BROKEN:
        break_inside(root / name)
    return root


def save_mask(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 5, (6, 8), dtype=np.uint8)
    Image.fromarray(small).resize((40, 30), Image.Resampling.NEAREST).save(path)


def good_names(folder):
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
    return [name for name in names if name not in BROKEN]


def twin_of(folder, mode, parts, of_class=lambda name: name[0]):
    """A folder in which broken files are gone, or copies of the nearest good one of their part."""
    twin = folder.parent / f"twin {mode}"
    shutil.copytree(folder, twin)
    masks = folder.parent / "masks"
    shutil.copytree(masks, twin.parent / f"masks {mode}")
    for name in BROKEN:
        if mode == "skip":
            (twin / name).unlink()
            continue
        part = next(each for each in parts if name in each)
        stand_in = nearest_in_class(name, part, of_class)
        shutil.copy(folder / stand_in, twin / name)
        mask = Path(name).with_suffix(".png")
        shutil.copy(
            masks / Path(stand_in).with_suffix(".png"), twin.parent / f"masks {mode}" / mask
        )
    return twin


def nearest_in_class(name, part, of_class=lambda name: name[0]):
    """Count places among all of the class, broken ones too."""
    own = sorted(each for each in part if of_class(each) == of_class(name))
    place = own.index(name)
    good = [each for each in own if each not in BROKEN]
    return min(good, key=lambda each: (abs(own.index(each) - place), own.index(each)))


def assert_same_elements(datasets, references):
    for dataset, reference in zip(datasets, references, strict=True):
        assert dataset.cardinality() == reference.cardinality()
        for element, expected in zip(dataset, reference, strict=True):
            flat = zip(tf.nest.flatten(element), tf.nest.flatten(expected), strict=True)
            for part, other in flat:
                np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "options",
    [
        {"interpolation": "nearest", "augmentation": Augmentation(rotation=30)},
        {"validation_split": 0.4, "subset": "both", "stratify": True},
        {"masks": "masks", "batch_size": 7},
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (
                {"shuffle": False, "label_mode": "categorical"},
                {"validation_split": 0.4, "subset": "both"},
                {"shard": (1, 2), "batch_size": None},
                {"augmentation": Augmentation(rotation=30), "augment_on": "device"},
                {"labels": [0, 1] * 12},
                {"labels": None},
                {"cache": "memory"},
                {"cache": "packs", "validation_split": 0.4, "subset": "both"},
                {"cache": InBackground("memory")},
            )
        ),
    ],
    ids=lambda options: " ".join(map(str, options)),
)
def test_a_directory_is_read_as_its_twin_without_broken_files(folder, mode, options):
    options = {"batch_size": 5, "seed": 3, "image_size": (16, 12), "verbose": False, **options}
    options["return_index"] = True
    if options.get("cache") == "packs":
        options["cache"] = folder.parent / "packs"

    def read(root, masks, **more):
        own = {"masks": folder.parent / masks} if "masks" in options else {}
        datasets = image_dataset_from_directory(root, **{**options, **own, **more})
        return datasets if isinstance(datasets, list) else [datasets]

    if options.get("labels"):
        # One for each file, in sorted order; those of files that are left out go with them.
        names = sorted(good_names(folder) + list(BROKEN))
        labels = ["ab".index(name[0]) for name in names]
        options["labels"] = labels
        left = [label for name, label in zip(names, labels, strict=True) if name not in BROKEN]
        kept = {"labels": left if mode == "skip" else labels}
    else:
        kept = {}
    names_of = [
        [str(Path(path).relative_to(folder)) for path in each.file_paths]
        for each in read(folder, "masks", cache=None)
    ]
    has_classes = options.get("labels", 0) is not None and "masks" not in options
    twin = twin_of(folder, mode, names_of, lambda name: has_classes and name[0])
    datasets = read(folder, "masks", on_error=mode)
    assert_same_elements(datasets, read(twin, f"masks {mode}", **kept))
    reported = {Path(each.path).relative_to(folder) for each in datasets[0].report()}
    if len(datasets) == 1 or mode == "skip":
        assert reported == set(map(Path, BROKEN))


@pytest.mark.parametrize("mode", MODES)
def test_reports_say_why_and_what_was_done(folder, mode):
    said = r"5 of 24 images cannot be read .*04\.jpg', .*…\. "
    with pytest.warns(UserWarning, match=said) as warned:
        dataset = image_dataset_from_directory(folder, verbose=False, on_error=mode)
    assert warned[0].filename == __file__, "the line of the user's that asked for it"
    for each in dataset.map(lambda *element: element).report():
        assert each.path in each.reason
        assert "cannot be decoded as an image" in each.reason
        name = str(Path(each.path).relative_to(folder))
        stand_in = folder / nearest_in_class(name, good_names(folder) + list(BROKEN))
        expected = {"skip": "left out", "replace": f"replaced by {str(stand_in)!r}"}
        assert each.action == expected[mode]
    assert dataset.resume(2, 0).report() == dataset.report() != ()
    assert dataset.follow(lambda: (0, 0)).report() == dataset.report()


@pytest.mark.parametrize("mode", MODES)
def test_files_of_the_dataset_are_those_it_reads(folder, mode):
    dataset = image_dataset_from_directory(
        folder, image_size=(30, 40), seed=3, verbose=False, on_error=mode, return_index=True
    )
    for images, labels, index in dataset:
        for image, label, i in zip(images, labels, index, strict=True):
            path = Path(dataset.file_paths[int(i)])
            np.testing.assert_array_equal(image, tf.io.decode_jpeg(path.read_bytes()))
            assert path.parent.name == "ab"[int(label)]


@pytest.fixture
def frame(folder):
    names = sorted(good_names(folder) + list(BROKEN))
    return pd.DataFrame(
        {
            "filename": names,
            "class": [name[0] for name in names],
            "number": np.arange(FILES) * 1.5,
            "weight": np.arange(FILES) + 1.0,
            "mask": [str(Path("../masks", name).with_suffix(".png")) for name in names],
        }
    )


def without_broken(frame, mode, same_class=True):
    if mode == "skip":
        return frame[~frame["filename"].isin(BROKEN)]
    names = frame["filename"].tolist()
    part = names if same_class else ["x" + name for name in names]
    rows = []
    for row, name in enumerate(names):
        if name in BROKEN:
            if same_class:
                name = nearest_in_class(name, part)
            else:
                good = [i for i, each in enumerate(names) if each not in BROKEN]
                name = names[min(good, key=lambda i: (abs(i - row), i))]
        rows.append(names.index(name))
    return frame.iloc[rows]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("options", "same_class"),
    [
        ({"y_col": "class", "weight_col": "weight"}, True),
        ({"y_col": ["number", "weight"], "label_mode": "raw"}, False),
        ({"y_col": {"n": "number", "w": "weight"}, "label_mode": "multi_output"}, False),
        ({"y_col": "mask", "label_mode": "mask"}, False),
        ({"label_mode": None}, False),
    ],
)
def test_rows_of_a_frame_go_with_their_files(folder, frame, mode, options, same_class):
    options = {"shuffle": False, "image_size": (16, 12), "batch_size": 5, **options}
    options |= {"verbose": False, "return_index": True}
    dataset = image_dataset_from_dataframe(frame, folder, on_error=mode, **options)
    reference = image_dataset_from_dataframe(
        without_broken(frame, mode, same_class), folder, **options
    )
    assert dataset.file_paths == reference.file_paths
    assert_same_elements([dataset], [reference])


def test_missing_files_of_a_frame_are_broken_ones(folder, frame):
    (folder / "a" / "08.jpg").unlink()
    dataset = image_dataset_from_dataframe(frame, folder, verbose=False, on_error="skip")
    assert len(dataset.file_paths) == FILES - len(BROKEN) - 1
    assert (
        "No such file" in {Path(each.path).name: each for each in dataset.report()}["08.jpg"].reason
    )
    save_picture(folder / "a" / "08.jpg", (40, 30), 8)
    dataset = image_dataset_from_dataframe(frame, folder, verbose=False, on_error="skip")
    assert len(dataset.file_paths) == FILES - len(BROKEN)


@pytest.mark.parametrize("mode", MODES)
def test_a_broken_mask_breaks_its_pair(folder, mode):
    masks = folder.parent / "masks"
    (masks / "a" / "00.png").write_bytes(b"no mask")
    dataset = image_dataset_from_directory(
        folder, masks=masks, image_size=16, verbose=False, on_error=mode
    )
    (found,) = (each for each in dataset.report() if each.path.endswith("00.jpg"))
    assert str(masks / "a" / "00.png") in found.reason
    names = {Path(path).name for path in dataset.file_paths}
    assert "00.jpg" not in names
    assert sum(len(images) for images, _ in dataset) == len(dataset.file_paths)


FLOW = {"target_size": (16, 12), "batch_size": 5, "seed": 3}
RECIPES = [
    {},
    {"rotation_range": 30, "validation_split": 0.3},
    {"preprocessing_function": lambda x: x / 2},
]


def batches_of(iterator, epochs=2):
    return [next(iterator) for _ in range(epochs * len(iterator))]


def assert_same_batches(batches, references):
    for batch, reference in zip(batches, references, strict=True):
        for part, other in zip(batch, reference, strict=True):
            np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("recipe", RECIPES, ids=["plain", "subsets", "python"])
@pytest.mark.filterwarnings("ignore::catdog_data.keras_compat.iterator.SlowPathWarning")
def test_flow_from_directory_reads_as_its_twin(folder, mode, recipe):
    generator = ImageDataGenerator(**recipe)
    subsets = ["training", "validation"] if "validation_split" in recipe else [None]
    parts = [generator.flow_from_directory(folder, subset=each).filenames for each in subsets]
    twin = twin_of(folder, mode, parts)
    for subset in subsets:
        ours = generator.flow_from_directory(folder, subset=subset, on_error=mode, **FLOW)
        theirs = generator.flow_from_directory(twin, subset=subset, **FLOW)
        assert (ours.n, len(ours), ours.samples) == (theirs.n, len(theirs), theirs.samples)
        assert ours.classes.tolist() == theirs.classes.tolist()
        if mode == "skip":
            assert ours.filenames == theirs.filenames
        assert_same_batches(batches_of(ours), batches_of(theirs))
        assert {Path(each.path).name for each in ours.report()} <= {Path(n).name for n in BROKEN}
        assert not theirs.report()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "options",
    [
        {"class_mode": "binary", "weight_col": "weight"},
        {"class_mode": "categorical", "color_mode": "grayscale"},
        {"class_mode": "raw", "y_col": "number"},
        {"class_mode": "multi_output", "y_col": ["number", "weight"]},
    ],
)
def test_flow_from_dataframe_keeps_rows_together(folder, frame, mode, options):
    same_class = "y_col" not in options
    generator = ImageDataGenerator()
    ours = generator.flow_from_dataframe(frame, folder, on_error=mode, **options, **FLOW)
    theirs = generator.flow_from_dataframe(
        without_broken(frame, mode, same_class), folder, **options, **FLOW
    )
    assert ours.filenames == theirs.filenames
    for batch, reference in zip(batches_of(ours), batches_of(theirs), strict=True):
        flat = zip(tf.nest.flatten(batch), tf.nest.flatten(reference), strict=True)
        for part, other in flat:
            np.testing.assert_array_equal(part, other)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A class of files of every kind that the tf.data API lists, with every damage."""
    root = tmp_path_factory.mktemp("damaged")
    listed = [each for each in corrupt_files(7, 247) if not each.name.endswith((".tif", ".ppm"))]
    write_files(root / "all", listed)
    return root


def test_what_is_left_out_of_a_directory_is_what_cannot_be_read(damaged):
    options = {"image_size": 16, "batch_size": 1, "shuffle": False, "verbose": False}
    every = image_dataset_from_directory(damaged, **options)
    expected, batches = [], iter(every)
    for path in every.file_paths:
        try:
            next(batches)
        except tf.errors.OpError:
            continue
        expected.append(path)
    assert 10 < len(expected) < len(every) - 10
    kept = image_dataset_from_directory(damaged, on_error="skip", **options)
    assert kept.file_paths == expected
    assert len(list(kept)) == len(expected)


def test_what_an_iterator_leaves_out_is_what_cannot_be_read(damaged):
    options = {"target_size": (16, 16), "batch_size": 1, "shuffle": False}
    every = ImageDataGenerator().flow_from_directory(damaged, **options)
    expected = []
    for name in every.filenames:
        try:
            next(every)
        except Exception:
            continue
        expected.append(name)
    assert 10 < len(expected) < every.n - 10
    kept = ImageDataGenerator().flow_from_directory(damaged, on_error="skip", **options)
    assert kept.filenames == expected
    assert sum(len(kept[i][0]) for i in range(len(kept))) == kept.n


def garbage_of_the_same_size_and_time(path):
    status = path.stat()
    path.write_bytes(b"?" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("face", ["directory", "generator"])
def test_what_is_known_is_not_read_again_until_it_changes(folder, face):
    def count():
        if face == "generator":
            return ImageDataGenerator().flow_from_directory(folder, on_error="skip").n
        return len(image_dataset_from_directory(folder, verbose=False, on_error="skip").file_paths)

    good = FILES - len(BROKEN)
    assert count() == good
    changed = folder / "a" / "08.jpg"
    garbage_of_the_same_size_and_time(changed)
    assert count() == good  # nobody looked
    os.utime(changed)
    assert count() == good - 1
    save_picture(changed, (40, 30), 8)
    save_picture(folder / BROKEN[0], (40, 30), 4)
    assert count() == good + 1
    for kept in (folder.parent / "caches").rglob("readable/*.json"):
        kept.write_text("{")
    garbage_of_the_same_size_and_time(changed)
    assert count() == good  # a damaged list is no list


def test_where_nothing_can_be_kept_all_is_read_again(folder):
    (folder.parent / "caches").write_text("no folder")
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="is found out again next time"):
            dataset = image_dataset_from_directory(folder, verbose=False, on_error="skip")
        assert len(dataset.file_paths) == FILES - len(BROKEN)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 5, "interpolation": "nearest", "augmentation": Augmentation(rotation=30)},
        {"batch_size": None},
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (
                {"batch_size": 5},
                {"batch_size": 1},
                {
                    "batch_size": 5,
                    "augmentation": Augmentation(rotation=9),
                    "augment_on": "device",
                },
            )
        ),
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_a_file_that_breaks_later_is_worked_around_by_its_batch_alone(folder, mode, options):
    options = {"image_size": 16, "seed": 3, "verbose": False, "return_index": True, **options}
    dataset = image_dataset_from_directory(folder, on_error=mode, **options)
    before = [tf.nest.map_structure(np.copy, each) for each in dataset.follow(lambda: (1, 0))]
    # The first of a batch, so that all others of it move up.
    bad = int(np.atleast_1d(before[1][-1])[0])
    broken = Path(dataset.file_paths[bad])
    break_inside(broken)
    said = f"can no longer be read and is .*{broken.name}"
    with pytest.warns(UserWarning, match=said) as warned:
        after = [list(dataset.follow(lambda: (1, 0))) for _ in range(2)]
    assert len([each for each in warned if "no longer" in str(each.message)]) == 1
    shortens = mode == "skip" and (options["batch_size"] or 1) > 1
    for element, expected in zip(after[0], before, strict=True):
        index, was = np.atleast_1d(element[-1]).tolist(), np.atleast_1d(expected[-1]).tolist()
        if bad not in was:
            assert_same_elements_of(element, expected)
            continue
        place = was.index(bad)
        others = was[:place] + was[place + 1 :]
        if shortens:
            assert index == others
            rows = [i for i in range(len(was)) if i != place]
            left = tf.nest.map_structure(functools.partial(np.take, indices=rows, axis=0), expected)
            assert_same_elements_of(element, left)
        else:
            assert index[:place] + index[place + 1 :] == others
            stand_in = Path(dataset.file_paths[index[place]])
            assert stand_in != broken
            assert stand_in.parent == broken.parent
            assert "ab"[np.atleast_1d(element[1])[place]] == broken.parent.name
    (report,) = (each for each in dataset.report() if each.path == str(broken))
    assert report.action == "left out" if shortens else report.action.startswith("replaced by")


def assert_same_elements_of(element, expected):
    flat = zip(tf.nest.flatten(element), tf.nest.flatten(expected), strict=True)
    for part, other in flat:
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("mode", MODES)
def test_where_nothing_can_stand_in_the_batch_raises(folder, mode):
    dataset = image_dataset_from_directory(folder, seed=3, verbose=False, on_error=mode)
    for path in folder.rglob("*.jpg"):
        path.write_bytes(b"gone")
    outcomes = []
    batches = iter(dataset)
    for _ in range(len(dataset)):
        try:
            outcomes.append(next(batches))
        except tf.errors.OpError as error:
            outcomes.append(error.message)
    assert all("cannot be decoded as an image" in each for each in outcomes)
    with pytest.raises(StopIteration):
        next(batches)


@pytest.mark.parametrize("mode", MODES)
def test_fit_goes_on_behind_a_file_that_breaks_later_and_next_raises(folder, mode):
    iterator = ImageDataGenerator().flow_from_directory(
        folder, class_mode="sparse", on_error=mode, shuffle=False, **FLOW
    )
    seen = []
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    break_inside(folder / "b" / "09.jpg")
    with pytest.raises(Exception, match=r"09\.jpg"):
        batches_of(iterator, epochs=1)
    with pytest.warns(UserWarning, match=r"can no longer be read and is .*09\.jpg"):
        model.fit(
            iterator,
            epochs=2,
            verbose=0,
            callbacks=[
                keras.callbacks.LambdaCallback(on_train_batch_end=lambda i, logs: seen.append(i))
            ],
        )
    assert seen == 2 * list(range(len(iterator)))
    assert str(folder / "b" / "09.jpg") in {each.path for each in iterator.report()}


@pytest.mark.parametrize("mode", MODES)
def test_a_class_without_a_good_file_is_named(folder, mode):
    for path in (folder / "b").glob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"None of the 12 images of the class 'b' can be read: "):
        image_dataset_from_directory(folder, verbose=False, on_error=mode)
    with pytest.raises(ValueError, match=r"None of the 12 images of the class 'b' can be read: "):
        ImageDataGenerator().flow_from_directory(folder, on_error=mode)
    for path in (folder / "a").glob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"None of the 24 images can be read: .*00\.jpg"):
        image_dataset_from_directory(folder, verbose=False, on_error=mode)


@pytest.mark.parametrize("value", ["ignore", None, True, ["skip"]])
def test_other_values_are_refused(folder, frame, value):
    calls = (
        lambda: image_dataset_from_directory(folder, on_error=value),
        lambda: image_dataset_from_dataframe(frame, folder, on_error=value),
        lambda: ImageDataGenerator().flow_from_directory(folder, on_error=value),
        lambda: ImageDataGenerator().flow_from_dataframe(frame, folder, on_error=value),
    )
    for call in calls:
        with pytest.raises(ValueError, match="`on_error` must be one of 'raise', 'skip', "):
            call()


def test_good_files_say_nothing(folder):
    for name in BROKEN:
        save_picture(folder / name, (40, 30), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode in ("raise", *MODES):
            dataset = image_dataset_from_directory(folder, verbose=False, on_error=mode)
            assert len(dataset.file_paths) == FILES
            assert dataset.report() == ()


def by_datasets(folder, mode, **options):
    dataset = image_dataset_from_directory(
        folder, image_size=(8, 8), verbose=False, on_error=mode, **options
    )
    return dataset.file_paths, dataset.report()


def by_generators(folder, mode):
    it = ImageDataGenerator().flow_from_directory(folder, target_size=(8, 8), on_error=mode)
    return it.filepaths, it.report()


@pytest.mark.parametrize("read", [by_datasets, by_generators])
def test_what_is_no_regular_file_is_broken(tmp_path, read):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        save_picture(tmp_path / "images" / name, (8, 8), 1)
    os.mkfifo(tmp_path / "images" / "a" / "3.png")
    for _ in range(2):  # found out, and known
        paths, report = read(tmp_path / "images", "skip")
        assert sorted(os.path.relpath(path, tmp_path / "images") for path in paths) == [
            "a/1.png",
            "a/2.png",
            "b/1.png",
        ]
        assert [each.path for each in report] == [f"{tmp_path}/images/a/3.png"]
        assert "a/3.png' is no regular file" in report[0].reason
    paths, report = read(tmp_path / "images", "replace")
    assert len(paths) == 4
    assert report[0].action == f"replaced by '{tmp_path}/images/a/2.png'"


@pytest.mark.parametrize("read", [by_datasets, by_generators])
def test_an_image_that_was_too_large_is_looked_at_again(tmp_path, monkeypatch, read):
    for name, side in (("a/1.png", 8), ("a/2.png", 90), ("b/1.png", 8)):
        save_picture(tmp_path / "images" / name, (side, side), 1)
    for limit, expected in ((2000, 2), (10**6, 3), (2000, 2)):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        paths, _ = read(tmp_path / "images", "skip")
        assert len(paths) == expected


def test_a_subset_without_a_class_is_named(tmp_path):
    for name in ("a/1.png", "a/2.png", "a/3.png", "a/4.png", "b/1.png", "b/2.png"):
        save_picture(tmp_path / name, (8, 8), 1)
    for name in ("a/1.png", "a/2.png"):
        (tmp_path / name).write_bytes(b"")
    generator = ImageDataGenerator(validation_split=0.5)
    with pytest.raises(ValueError, match=r"class 'a' in the subset 'validation' can be read"):
        generator.flow_from_directory(
            tmp_path, target_size=(8, 8), subset="validation", on_error="replace"
        )
    for name in ("a/1.png", "a/2.png"):
        save_picture(tmp_path / name, (8, 8), 1)
    split = {"validation_split": 0.5, "subset": "both", "seed": 1, "stratify": True}
    whole = image_dataset_from_directory(tmp_path, image_size=(8, 8), verbose=False, **split)
    for path in whole[1].file_paths:
        if "/a/" in path:
            Path(path).write_bytes(b"")
    with pytest.raises(ValueError, match=r"class 'a' in the subset 'validation' can be read"):
        by_datasets(tmp_path, "replace", **split)
