"""Images decoded once: the same batches, and packs that are whole or not there."""

from __future__ import annotations

import errno
import gc
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from conftest import save_picture
from keras._tf_keras.keras.preprocessing.image import ImageDataGenerator as KerasGenerator
from PIL import Image

from catdog_data import (
    Augmentation,
    ImageDataGenerator,
    image_dataset_from_dataframe,
    image_dataset_from_directory,
)
from catdog_data.cache import cached as cache_module
from catdog_data.cache import pack
from catdog_data.cache.cached import packs_in
from catdog_data.cli import main

RECIPE = {"rescale": 1 / 255.0, "horizontal_flip": True, "rotation_range": 30, "zoom_range": 0.3}
MOVED = Augmentation(horizontal_flip=True, rotation=30, brightness=(0.8, 1.2))


def flow(photos, cache, *, transforms=None, **options):
    generator = ImageDataGenerator(**(RECIPE if transforms is None else transforms))
    settings = {"target_size": (14, 12), "batch_size": 4, "seed": 3, **options}
    return generator.flow_from_directory(photos, cache=cache, **settings)


def dataset(photos, cache=None, **options):
    settings = {"image_size": (14, 12), "batch_size": 4, "seed": 5, "verbose": False, **options}
    return image_dataset_from_directory(photos, cache=cache, **settings)


def assert_same(expected, got):
    for one, other in zip(tf.nest.flatten(expected), tf.nest.flatten(got), strict=True):
        np.testing.assert_array_equal(other, one)
        assert other.dtype == one.dtype


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"interpolation": "bilinear", "class_mode": "sparse"},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba", "keep_aspect_ratio": True},
        {"shuffle": False, "transforms": {"featurewise_center": True, "rotation_range": 20}},
    ],
    ids=str,
)
def test_generators_yield_what_files_give(photos, tmp_path, options):
    from_files, from_pack = flow(photos, None, **options), flow(photos, tmp_path, **options)
    for each in (from_files, from_pack):
        each.image_data_generator.mean = np.float32(9)
    for _ in range(len(from_files) + 2):
        assert_same(next(from_files), next(from_pack))
    assert_same(from_files[1], from_pack[1])
    assert len(packs_in(tmp_path)) == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"interpolation": "nearest", "return_index": True},
        {"augmentation": MOVED, "rescale": 1 / 255, "output_dtype": "float16"},
        {"augmentation": MOVED, "batch_size": None},
        {"augment_on": "device", "augmentation": Augmentation(rotation=20)},
        {"color_mode": "grayscale", "shard": (1, 2), "data_format": "channels_first"},
        {"crop_to_aspect_ratio": True, "interpolation": "bicubic", "output_dtype": "uint8"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [pytest.param("memory", marks=pytest.mark.slow), "folder"])
def test_datasets_yield_what_files_give(photos, tmp_path, options, kind):
    cache = tmp_path if kind == "folder" else kind
    from_files, cached = dataset(photos, **options), dataset(photos, cache, **options)
    assert cached.element_spec == from_files.element_spec
    for _ in range(2):
        for one, other in zip(from_files, cached, strict=True):
            assert_same(one, other)


def test_values_beyond_8_bits_are_kept(tmp_path):
    for name in ("a", "b"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        values = np.random.default_rng(1).integers(0, 2**16, (20, 18)).astype("uint16")
        Image.fromarray(values).save(folder / "deep.png")
    own = flow(tmp_path / "data", tmp_path / "packs", transforms={}, color_mode="grayscale")
    keras = KerasGenerator().flow_from_directory(
        tmp_path / "data", target_size=(14, 12), batch_size=4, seed=3, color_mode="grayscale"
    )
    expected = next(keras)
    assert expected[0].max() > 255
    assert_same(expected, next(own))
    assert packs_in(tmp_path / "packs")[0].layout.dtype == "float32"


def test_frames_and_repeated_files(photos, tmp_path):
    pandas = pytest.importorskip("pandas")
    paths = sorted(map(str, photos.rglob("*.jpg")))[:5]
    frame = pandas.DataFrame({"filename": [*paths, *paths[::-1]], "class": ["a", "b"] * 5})
    options = {"image_size": (14, 12), "batch_size": 3, "shuffle": False, "verbose": False}
    expected = image_dataset_from_dataframe(frame, **options)
    got = image_dataset_from_dataframe(frame, cache=tmp_path, **options)
    for one, other in zip(expected, got, strict=True):
        assert_same(one, other)
    assert packs_in(tmp_path)[0].layout.n == 5


def test_a_pack_is_built_once_and_shared(photos, tmp_path, capfd):
    dataset(photos, tmp_path, output_dtype="uint8")
    assert "Decoding 19 images" in capfd.readouterr().err
    # Order, seed and augmentation change nothing of the pixels.
    dataset(photos, tmp_path, seed=8, augmentation=MOVED)
    dataset(photos, tmp_path, shuffle=False, output_dtype="uint8")
    assert capfd.readouterr().err == ""
    assert len(packs_in(tmp_path)) == 1
    dataset(photos, tmp_path, output_dtype="uint8", image_size=(9, 9))
    dataset(photos, tmp_path, output_dtype="uint8", interpolation="area")
    assert capfd.readouterr().err.count("Decoding") == 2


def test_a_changed_file_is_noticed(photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "data")
    dataset(copy, tmp_path / "packs", shuffle=False)
    path = next(copy.rglob("*.jpg"))
    save_picture(path, (33, 22), 99)
    for one, other in zip(
        dataset(copy, shuffle=False), dataset(copy, tmp_path / "packs", shuffle=False), strict=True
    ):
        assert_same(one, other)
    new, old = packs_in(tmp_path / "packs")
    assert new.is_current()
    assert not old.is_current()


def test_memory_is_shared_while_it_is_used(photos, capfd):
    first = dataset(photos, "memory", shuffle=False)
    second = dataset(photos, "memory")
    assert capfd.readouterr().err.count("Decoding 19 images into memory") == 1
    del first, second
    gc.collect()
    dataset(photos, "memory")
    assert "Decoding" in capfd.readouterr().err


@pytest.mark.parametrize("end", [b"\0" * 40 + b"\xff\xd9", b""], ids=["broken", "cut"])
def test_an_unreadable_image_is_named_and_leaves_nothing(photos, tmp_path, end):
    copy = shutil.copytree(photos, tmp_path / "data")
    path = sorted(copy.rglob("*.jpg"))[3]
    contents = path.read_bytes()
    # Broken between a right beginning and a right end, or cut short.
    path.write_bytes(contents[:200] + end)
    for make in (dataset, lambda *args: next(flow(*args))):
        with pytest.raises(OSError, match=f"{re.escape(str(path))}' cannot be decoded"):
            make(copy, tmp_path / "packs")
    left = [each.name for each in (tmp_path / "packs").iterdir() if each.suffix != ".lock"]
    assert left == []


def left_in(folder):
    return [each.name for each in folder.iterdir() if each.suffix != ".lock"]


def test_a_full_disk_is_reported_before_the_work(photos, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=5000)
    monkeypatch.setattr(pack.shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(cache_module, "single_images", None)
    # 19 images of 14 x 12 pixels, as floats.
    expected = r"`cache` needs 38\.3 kB and 5\.0 kB are free.*prune"
    with pytest.raises(OSError, match=expected) as raised:
        dataset(photos, tmp_path)
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(tmp_path))
    assert left_in(tmp_path) == []


@contextmanager
def limit_of_file_size(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_grow_is_reported(photos, tmp_path):
    expected = r"`cache` needs 38\.3 kB and the system refused to write it \(File too large;.*prune"
    with limit_of_file_size(20_000), pytest.raises(OSError, match=expected) as raised:
        dataset(photos, tmp_path)
    assert raised.value.filename == str(tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", ["posix_fallocate", "fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_reported(photos, tmp_path, monkeypatch, name, number):
    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(pack.os, name, full)
    with pytest.raises(OSError, match=rf"`cache` needs 38\.3 kB.*{os.strerror(number)}.*prune"):
        dataset(photos, tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.slow
def test_a_real_disk_that_is_full(photos, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        with pytest.raises(OSError, match=r"`cache` needs 1\.1 MB and 1\.0 MB are free"):
            dataset(photos, folder, image_size=(60, 80))
        (folder / "other").write_bytes(bytes(1_030_000))
        # As if it had filled up since it was asked.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cache_module, "check_disk", lambda *_: None)
            with pytest.raises(OSError, match=r"`cache` needs .*No space left on device.*prune"):
                dataset(photos, folder)
        assert left_in(folder) == ["other"]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_too_little_memory_is_refused(photos, monkeypatch):
    monkeypatch.setattr(pack, "available_memory", lambda: 5000)
    with pytest.raises(MemoryError, match=r'`cache="memory"` needs 51\.3 kB .* 5\.0 kB are free'):
        dataset(photos, "memory", image_size=(15, 15))


BUILD = textwrap.dedent("""
    import os, signal, sys
    import numpy as np
    from catdog_data import image_dataset_from_directory
    from catdog_data.cache import cached as cache
    decoded = cache._decoded
    def until_killed(*args, **options):
        for i, batch in enumerate(decoded(*args, **options)):
            yield batch
            if sys.argv[3] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
    cache._decoded = until_killed
    dataset = image_dataset_from_directory(
        sys.argv[1], image_size=(30, 40), shuffle=False, verbose=False, cache=sys.argv[2]
    )
    print(float(sum(images.numpy().sum() for images, _ in dataset)))
""")


def build(photos, folder, how):
    command = [sys.executable, "-c", BUILD, str(photos), str(folder), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_build_leaves_no_pack(photos, tmp_path):
    killed = build(photos, tmp_path, "kill")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert packs_in(tmp_path) == []
    again = build(photos, tmp_path, "finish")
    assert "Decoding 19 images" in again.communicate()[1]
    assert len(packs_in(tmp_path)) == 1
    # What the killed one left is gone.
    names = [each.name for each in tmp_path.iterdir() if each.suffix != ".lock"]
    assert names == [packs_in(tmp_path)[0].key]


@pytest.mark.slow
def test_two_processes_build_one_pack(photos, tmp_path):
    both = [build(photos, tmp_path, "finish") for _ in range(2)]
    results = [process.communicate() for process in both]
    assert len({out for out, _ in results}) == 1
    assert sum("Decoding" in err for _, err in results) == 1
    assert len(packs_in(tmp_path)) == 1


def test_a_damaged_pack_is_found(photos, tmp_path):
    dataset(photos, tmp_path, output_dtype="uint8")
    (each,) = packs_in(tmp_path)
    assert each.damaged() == []
    with (each.folder / "pixels").open("r+b") as file:
        file.seek(7 * each.layout.row_bytes + 5)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    damaged = each.damaged()
    assert damaged == [sorted(map(str, photos.rglob("*.*")))[7]]
    result = CliRunner().invoke(main, ["cache", "verify", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert damaged[0] in result.output


def test_a_pack_cut_short_is_refused(photos, tmp_path):
    dataset(photos, tmp_path)
    (each,) = packs_in(tmp_path)
    os.truncate(each.folder / "pixels", 100)
    with pytest.raises(ValueError, match=r"must hold a whole pack.*100 bytes.*Delete the folder"):
        dataset(photos, tmp_path)


def test_a_removed_pack_is_read_on(photos, tmp_path):
    cached = dataset(photos, tmp_path, shuffle=False)
    expected = list(cached)
    packs_in(tmp_path)[0].remove()
    assert list(tmp_path.iterdir()) == []
    for one, other in zip(expected, cached, strict=True):
        assert_same(one, other)


def test_the_command_line(photos, tmp_path):
    copy = shutil.copytree(photos, tmp_path / "data")
    folder = tmp_path / "packs"

    def run(*arguments):
        return CliRunner().invoke(main, ["cache", *arguments, "--folder", str(folder)])

    assert "0 packs" in run("list").output
    for size in (8, 9, 10):
        dataset(copy, folder, image_size=size)
    (new, *_) = packs_in(folder)
    assert "3 packs" in run("list").output
    assert "all packs are whole" in run("verify").output
    result = run("remove", "no such")
    assert result.exit_code == 1
    assert "'no such' names 0" in result.output
    assert f"removed {new.key}" in run("remove", new.key[:9]).output
    assert "0 packs removed" in run("prune").output
    assert "0 packs removed" in run("prune", "--days", "1").output
    next(copy.rglob("*.jpg")).unlink()
    assert "2 packs removed" in run("prune").output
    assert packs_in(folder) == []


def test_the_command_line_names_a_damaged_list(photos, tmp_path):
    dataset(photos, tmp_path)
    (found,) = packs_in(tmp_path)
    (found.folder / "files.json").write_text("[[")
    result = CliRunner().invoke(main, ["cache", "list", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert f"Error: {found.folder} must hold a whole pack" in result.output


def test_the_folder_of_the_user(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    dataset(photos, "disk")
    assert len(packs_in(tmp_path / "catdog" / "packs")) == 1


HOLD = textwrap.dedent("""
    import sys
    from functools import partial
    from pathlib import Path
    import numpy as np
    import tensorflow as tf
    from catdog_data.datasets.elements import Output
    from catdog_data.datasets.build import Epochs, Source, build_dataset
    from catdog_data.cache.pack import Layout, rows_in_memory, write_pack
    from catdog_data.cache.pack_rows import opened
    from catdog_data.engine.pixel_sources import PackedRows

    def held():
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) >> 10

    def read(n, on_disk):
        layout = Layout(n, (500, 500, 3), "uint8")
        batches = (np.full((4, *layout.shape), i % 256, "uint8") for i in range(n // 4))
        folder = Path(sys.argv[1]) / str(n)
        folder.mkdir(exist_ok=True)
        if on_disk:
            write_pack(folder, layout, batches, list(range(n)))
        if on_disk:
            rows_at = opened(folder)
        else:
            rows_at = partial(tf.gather, rows_in_memory(layout, batches))
        packed = PackedRows(rows_at, np.arange(n), layout.shape, "uint8")
        source = Source(packed, n, "uint8", (500, 500))
        output = Output(None, None, "channels_last", False)
        dataset = build_dataset(source, Epochs(4, False, 1, (0, 1), None), output, None)
        for _ in range(2):
            for i, images in enumerate(dataset):
                assert (images.numpy() == i % 256).all()
        return held()

    print(read(40, True), read(400, True), read(400, False))
""")


@pytest.mark.slow
def test_rows_are_never_copied(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    few, many, in_memory = map(int, out.split())
    size = 400 * 750_000 >> 20
    assert many - few < 0.3 * size
    assert 0.9 * size < in_memory - many < 1.3 * size


def test_looking_after_packs_needs_no_tensorflow(photos, tmp_path):
    dataset(photos, tmp_path)
    (each,) = packs_in(tmp_path)
    code = textwrap.dedent("""
        import sys
        from catdog_data.cli import main
        for arguments in (["list"], ["verify"], ["prune"], ["remove", sys.argv[2]]):
            main(["cache", *arguments, "--folder", sys.argv[1]], standalone_mode=False)
        print("tensorflow" in sys.modules, "keras" in sys.modules)
    """)
    command = [sys.executable, "-c", code, str(tmp_path), each.key]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "1 packs" in out
    assert out.endswith(f"removed {each.key}\nFalse False\n")
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_is_there_is_used_in_a_folder_that_cannot_be_written_to(
    photos, tmp_path, monkeypatch
):
    expected = list(dataset(photos, tmp_path, shuffle=False))

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(cache_module, "locked", refused)
    monkeypatch.setattr(os, "utime", refused)
    for one, other in zip(expected, dataset(photos, tmp_path, shuffle=False), strict=True):
        assert_same(one, other)
