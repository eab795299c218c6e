"""Packs under fire: cut short while they are mapped, damaged, in folders that may only be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from catdog_data import image_dataset_from_directory
from catdog_data.cache.cached import packs_in


@pytest.fixture
def images(tmp_path):
    for i in range(8):
        path = tmp_path / "images" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (i, 2 * i, 3 * i)).save(path)
    return tmp_path / "images"


def cached(images, packs):
    return image_dataset_from_directory(
        images, image_size=16, batch_size=4, shuffle=False, verbose=False, cache=packs
    )


@pytest.mark.parametrize("size", [0, 3000])
def test_a_pack_cut_short_while_it_is_mapped_is_seen_when_a_pass_begins(images, tmp_path, size):
    dataset = cached(images, tmp_path / "packs")
    assert len(list(dataset)) == 2
    (pack,) = packs_in(tmp_path / "packs")
    os.truncate(pack.folder / "pixels", size)
    for _ in range(2):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"have {size} bytes and should"):
            next(iter(dataset))


def test_a_pack_that_is_removed_while_it_is_mapped_is_read_on(images, tmp_path):
    dataset = cached(images, tmp_path / "packs")
    expected = [images.numpy() for images, _ in dataset]
    (pack,) = packs_in(tmp_path / "packs")
    pack.remove()
    for one, (other, _) in zip(expected, dataset, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "damage",
    [
        {"shape": [3, 16, 16]},
        {"n": 16, "shape": [8, 16, 3]},
        {"dtype": "int8"},
        {"n": -8},
        {"format": None},
        {"shape": 7},
        "[]",
        "null",
        "{}",
        "{",
        "",
        "\udcff",
    ],
    ids=str,
)
def test_a_damaged_description_is_refused_in_words(images, tmp_path, damage):
    cached(images, tmp_path / "packs")
    (pack,) = packs_in(tmp_path / "packs")
    file = pack.folder / "pack.json"
    if isinstance(damage, dict):
        damage = json.dumps(json.loads(file.read_text()) | damage)
    file.write_bytes(os.fsencode(damage))
    in_words = r"must hold a whole pack, and does not: .* Delete the"
    with pytest.raises(ValueError, match=in_words) as refused:
        cached(images, tmp_path / "packs")
    for internal in ("NoneType", "subscriptable", "indices", "Expecting", "codec", "not: 'format'"):
        assert internal not in str(refused.value)


def test_a_damaged_marker_is_refused_in_words(images, tmp_path):
    cached(images, tmp_path / "packs")
    (pack,) = packs_in(tmp_path / "packs")
    (pack.folder / ".catdog-source.json").write_text("{")
    with pytest.raises(FileExistsError, match=pack.key):
        cached(images, tmp_path / "packs")


@pytest.fixture
def open_to_all():
    """Make a folder that other users may read: each start of pytest shuts those of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


READ = """
import os, sys
import tensorflow as tf
from catdog_data import InBackground, image_dataset_from_directory
os.setgid(65534), os.setuid(65534)
options = {"image_size": 16, "batch_size": 4, "shuffle": False, "verbose": False}
cache = InBackground(sys.argv[2]) if "later" in sys.argv else sys.argv[2]
dataset = image_dataset_from_directory(sys.argv[1], cache=cache, **options)
print(len(list(dataset)), "batches")
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)
def test_a_folder_that_may_only_be_read_serves_the_packs_it_has(images, open_to_all):
    images = shutil.copytree(images, open_to_all / "images")
    cached(images, open_to_all / "packs")
    for each in (open_to_all, *open_to_all.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)

    def read_as_nobody(folder, *when):
        command = [sys.executable, "-c", READ, str(images), str(folder), *when]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    before = sorted(open_to_all.rglob("*"))
    assert "2 batches" in read_as_nobody(open_to_all / "packs").stdout
    assert sorted(open_to_all.rglob("*")) == before
    (open_to_all / "empty").mkdir()
    (open_to_all / "empty").chmod(0o755)
    for folder, when in ((open_to_all / "empty", "now"), (open_to_all / "new" / "one", "later")):
        said = read_as_nobody(folder, when).stderr
        assert "PermissionError" in said
        assert "`cache` has no pack of these images" in said
        assert str(folder) in said
    assert not list((open_to_all / "empty").iterdir())
