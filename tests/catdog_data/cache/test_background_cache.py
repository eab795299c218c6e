"""A cache built while training runs: the same batches, and no harm where it fails."""

from __future__ import annotations

import gc
import itertools
import shutil
import subprocess
import sys
import textwrap
import threading
import time

import keras
import numpy as np
import pytest
from pandas import DataFrame
from test_cache import MOVED, assert_same, dataset, flow

from catdog_data import InBackground, image_dataset_from_dataframe
from catdog_data.cache import cached as cache_module
from catdog_data.cache import pack
from catdog_data.cache.cached import packs_in


@pytest.fixture
def gate(monkeypatch):
    """Hold builds up until the event is set."""
    opened, decoded = threading.Event(), cache_module._decoded

    def held(*args, **options):
        assert opened.wait(60)
        yield from decoded(*args, **options)

    monkeypatch.setattr(cache_module, "_decoded", held)
    yield opened
    opened.set()
    wait_for_builds()


def in_turn(source):
    """Yield epoch after epoch of a dataset; a generator never ends by itself."""
    while True:
        yield from source


def wait_for_builds():
    for building in list(cache_module._BUILDING.values()):
        building.wait()


@pytest.mark.parametrize(
    ("make", "place", "options"),
    [
        (flow, "folder", {}),
        (flow, "memory", {"color_mode": "grayscale", "interpolation": "bilinear"}),
        pytest.param(
            *(dataset, "memory", {"interpolation": "nearest", "augmentation": MOVED}),
            marks=pytest.mark.slow,
        ),
        pytest.param(dataset, "folder", {"shuffle": False}, marks=pytest.mark.slow),
    ],
)
def test_batches_are_the_same_before_and_after(photos, tmp_path, gate, make, place, options):
    copy = shutil.copytree(photos, tmp_path / "data")
    place = tmp_path / "packs" if place == "folder" else place
    from_files, mixed = make(copy, None, **options), make(copy, InBackground(place), **options)
    steps = len(from_files)
    expected = list(itertools.islice(in_turn(from_files), 3 * steps))
    got = in_turn(mixed)
    for i in range(steps):
        assert_same(expected[i], next(got))
    gate.set()
    wait_for_builds()
    assert place == "memory" or len(packs_in(place)) == 1
    # What was read ahead from the files may be used up first.
    for i in range(steps, 2 * steps):
        assert_same(expected[i], next(got))
    shutil.rmtree(copy)
    for i in range(2 * steps, 3 * steps):
        assert_same(expected[i], next(got))


def test_fit_reads_the_rows_once_they_are_there(photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "data")
    train = flow(copy, InBackground(tmp_path / "packs"), class_mode="binary")
    model = keras.Sequential(
        [keras.Input((14, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")

    class Remove(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            wait_for_builds()
            shutil.rmtree(copy, ignore_errors=True)

    history = model.fit(train, epochs=3, verbose=0, callbacks=[Remove()])
    assert len(history.history["loss"]) == 3


@pytest.mark.slow
def test_one_build_serves_all(photos, tmp_path, gate, capfd):
    both = [dataset(photos, InBackground(tmp_path)) for _ in range(2)]
    gate.set()
    for each in both:
        list(each)
    wait_for_builds()
    assert capfd.readouterr().err.count("Decoding 19 images") == 1
    assert len(packs_in(tmp_path)) == 1


def test_what_is_built_is_read_without_a_thread(photos, tmp_path):
    expected = list(dataset(photos, tmp_path))
    gc.collect()
    before = threading.active_count()
    again = dataset(photos, InBackground(tmp_path))
    assert threading.active_count() == before
    for one, other in zip(expected, again, strict=True):
        assert_same(one, other)


def test_an_unreadable_image_costs_the_cache_and_its_own_batch(photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "data")
    path = sorted(copy.rglob("*.jpg"))[-1]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.warns(RuntimeWarning, match=f"could not be built.*{path.name}"):
        train = flow(copy, InBackground(tmp_path / "packs"), shuffle=False)
        next(train)
        wait_for_builds()
    failed = train.filepaths.index(str(path)) // train.batch_size
    for step in range(1, len(train)):
        if step == failed:
            with pytest.raises(OSError, match=path.name):
                next(train)
        else:
            next(train)
    assert packs_in(tmp_path / "packs") == []


def test_what_does_not_fit_is_refused_at_once(photos, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=5000)
    monkeypatch.setattr(pack.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"`cache` needs .* kB are free.*prune"):
        dataset(photos, InBackground(tmp_path))
    monkeypatch.setattr(pack, "available_memory", lambda: 5000)
    with pytest.raises(MemoryError, match=r'`cache="memory"` needs'):
        dataset(photos, InBackground("memory"))
    with pytest.raises(ValueError, match=r"`cache` must be .*InBackground.*received 3"):
        dataset(photos, InBackground(3))


ENDS_EARLY = textwrap.dedent("""
    import sys, time
    from catdog_data import InBackground, image_dataset_from_directory
    from catdog_data.cache import cached as cache
    decoded = cache._decoded
    def slow(*args, **options):
        while True:
            time.sleep(0.05)
            yield from decoded(*args, **options)
    cache._decoded = slow
    dataset = image_dataset_from_directory(
        sys.argv[1], image_size=(30, 40), verbose=False, cache=InBackground(sys.argv[2])
    )
    print(len(list(dataset)))
""")


@pytest.mark.slow
def test_a_process_may_end_before_its_cache_is_built(photos, tmp_path):
    command = [sys.executable, "-c", ENDS_EARLY, str(photos), str(tmp_path)]
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begin < 40
    assert [each.name for each in tmp_path.iterdir() if each.suffix != ".lock"] == []


def test_the_rows_are_those_of_the_images(photos, tmp_path, gate):
    """The row of each image, where several samples share a file."""
    names = sorted(map(str, photos.rglob("*.jpg")))

    frame = DataFrame({"filename": [*names[::-1], *names[:3]], "class": "a"})
    options = {"image_size": (14, 12), "batch_size": 5, "shuffle": False, "verbose": False}
    got = image_dataset_from_dataframe(frame, cache=InBackground(tmp_path), **options)
    expected = list(image_dataset_from_dataframe(frame, **options))
    gate.set()
    wait_for_builds()
    for one, other in zip(expected, got, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)
