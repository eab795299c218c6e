"""`on_error` with a cache: images are decoded once, to find broken ones and to keep the others."""

import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from corrupt_files import break_inside

from catdog_data import ImageDataGenerator, InBackground, image_dataset_from_directory
from catdog_data.cache import cached as cache_module
from catdog_data.cache.cached import packs_in
from catdog_data.datasets.reading import Reading
from catdog_data.keras_compat.native import loading

FILES = 40
BROKEN = ("a/00.jpg", "a/04.jpg", "b/01.jpg", "b/39.jpg")
MODES = ("skip", "replace")
pytestmark = pytest.mark.filterwarnings("ignore:`on_error=:UserWarning")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes of 20 images, some of them broken, the first and the last too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    root = tmp_path / "images"
    for i in range(FILES):
        save_picture(root / "ab"[i % 2] / f"{i:02}.jpg", (40, 30), i)
    for name in BROKEN:
        break_inside(root / name)
    return root


@pytest.fixture
def decoded(monkeypatch):
    """Count how often each file is decoded, by the names below the two class folders."""
    counts = Counter()

    def count(path):
        counts["/".join(Path(path.decode()).parts[-2:])] += 1
        return path

    read, load = Reading._read, loading.load_image

    def read_and_count(self, path):
        path = tf.numpy_function(count, [path], tf.string)
        return read(self, tf.ensure_shape(path, []))

    def load_and_count(path, *args, **options):
        count(str(path).encode())
        return load(path, *args, **options)

    monkeypatch.setattr(Reading, "_read", read_and_count)
    monkeypatch.setattr(loading, "load_image", load_and_count)
    return counts


def elements_of(face, folder, cache, subset=None, **options):
    """Read an epoch of each part, in Python's own order of files."""
    split = {} if subset is None else {"validation_split": 0.25}
    if face == "datasets":
        datasets = image_dataset_from_directory(
            folder,
            image_size=(12, 16),
            batch_size=7,
            shuffle=False,
            verbose=False,
            cache=cache,
            subset=subset,
            **split,
            **options,
        )
        each = datasets if subset == "both" else [datasets]
        return [tf.nest.map_structure(np.copy, batch) for part in each for batch in part]
    generator = ImageDataGenerator(**split)
    parts = ("training", "validation") if subset == "both" else (subset,)
    batches = []
    for part in parts:
        iterator = generator.flow_from_directory(
            folder,
            target_size=(12, 16),
            color_mode="grayscale",  # by Pillow, which is counted
            batch_size=7,
            shuffle=False,
            cache=cache,
            subset=part,
            **options,
        )
        batches += [next(iterator) for _ in range(len(iterator))]
    return batches


def assert_same(batches, references):
    for batch, reference in zip(batches, references, strict=True):
        for part, other in zip(batch, reference, strict=True):
            np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("face", ["datasets", "generators"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("place", "subset"),
    [
        ("packs", "both"),
        pytest.param("packs", None, marks=pytest.mark.slow),
        pytest.param("background", None, marks=pytest.mark.slow),
    ],
)
def test_each_image_is_decoded_once(folder, decoded, face, mode, place, subset):
    packs = folder.parent / "packs"
    cache = InBackground(packs) if place == "background" else packs
    expected = elements_of(face, folder, None, subset, on_error=mode)
    shutil.rmtree(folder.parent / "caches")
    decoded.clear()
    for _ in range(2):
        assert_same(elements_of(face, folder, cache, subset, on_error=mode), expected)
    good = {name: n for name, n in decoded.items() if name not in BROKEN}
    assert len(good) == FILES - len(BROKEN)
    assert set(good.values()) == {1}


@pytest.mark.parametrize("mode", MODES)
def test_rows_in_memory_are_those_of_the_first_look(folder, decoded, mode):
    expected = elements_of("datasets", folder, None, on_error=mode)
    shutil.rmtree(folder.parent / "caches")
    decoded.clear()
    assert_same(elements_of("datasets", folder, "memory", on_error=mode), expected)
    assert {n for name, n in decoded.items() if name not in BROKEN} == {1}


def test_the_pack_is_that_of_a_folder_without_the_broken_files(folder, decoded):
    packs = folder.parent / "packs"
    expected = elements_of("datasets", folder, packs, on_error="skip")
    for name in BROKEN:
        (folder / name).unlink()
    decoded.clear()
    assert_same(elements_of("datasets", folder, packs), expected)
    assert not decoded
    (pack,) = packs_in(packs)
    assert (pack.layout.n, pack.is_current(), pack.damaged()) == (FILES - len(BROKEN), True, [])
    # A pack says of its files that they can be read.
    shutil.rmtree(folder.parent / "caches")
    assert_same(elements_of("datasets", folder, packs, on_error="skip"), expected)
    assert not decoded


def test_where_there_is_no_room_for_all_files_are_looked_at_first(folder, monkeypatch):
    def refuses(folder, layout):
        if layout.n > FILES - len(BROKEN):
            raise OSError("no room")

    packs = folder.parent / "packs"
    monkeypatch.setattr(cache_module, "check_disk", refuses)
    batches = elements_of("datasets", folder, packs, on_error="skip")
    monkeypatch.undo()
    assert [pack.layout.n for pack in packs_in(packs)] == [FILES - len(BROKEN)]
    assert_same(batches, elements_of("datasets", folder, packs, on_error="skip"))


@pytest.mark.parametrize("cache", ["packs", "memory"])
def test_where_none_can_be_read_no_pack_is_left(folder, cache):
    for path in folder.rglob("*.jpg"):
        path.write_bytes(b"")
    packs = folder.parent / "packs"
    with pytest.raises(ValueError, match="None of the 40 images can be read"):
        elements_of("datasets", folder, packs if cache == "packs" else cache, on_error="skip")
    assert not packs.exists() or not list(packs.iterdir())


def test_who_comes_second_waits_for_the_first(folder, decoded):
    packs = folder.parent / "packs"
    with ThreadPoolExecutor(2) as pool:
        both = [
            pool.submit(elements_of, "datasets", folder, packs, on_error="skip") for _ in range(2)
        ]
        assert_same(*(each.result() for each in both))
    assert {n for name, n in decoded.items() if name not in BROKEN} == {1}
