"""What `verify` finds: each kind of file, by the readers of the pipelines."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from corrupt_files import DAMAGES, bomb, break_inside, corrupt_files, whole_files, write_files
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog_data import image_dataset_from_directory, verify
from catdog_data.decoding.decode import read_as_keras_dataset, read_rgb
from catdog_data.verification.duplicates import near_pairs
from catdog_data.verification.findings import KINDS, Finding, checked_kinds
from catdog_data.verification.listing import Folder
from catdog_data.verification.readers import DATASET, GENERATOR, readers_of
from catdog_data.verification.report import Extent, Report


def found(*directories, **options):
    """Return what was found, by name in the folder: sorted kinds."""
    report = verify(*directories, progress=False, **options)
    kinds = {}
    for each in report.findings:
        kinds.setdefault(each.name, []).append(each.kind)
    return {name: sorted(each) for name, each in kinds.items()}


def jpeg(**options):
    file = io.BytesIO()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.fixture
def pets(tmp_path):
    for name, seed in (("cats/1.jpg", 1), ("cats/2.jpg", 2), ("dogs/1.jpg", 3), ("dogs/2.png", 4)):
        save_picture(tmp_path / "pets" / name, (40, 30), seed)
    return tmp_path / "pets"


def put(folder, name, contents):
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + os.fsencode(name)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    return path


# --- One kind of file after the other -------------------------------------------------------------


def exif(orientation):
    notes = Image.Exif()
    notes[0x0112] = orientation
    return {"exif": notes}


def saved(form, mode="RGB", value=0, frames=1, size=(9, 8), **options):
    file = io.BytesIO()
    images = [Image.new(mode, size, value + i) for i in range(frames)]
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(file, form, **more, **options)
    return file.getvalue()


def deep_colours():
    """A PNG of 16 bits a channel: Pillow writes none."""
    pixels = np.random.default_rng(0).integers(0, 2**16, (4, 5, 3), dtype=np.uint16)
    return tf.io.encode_png(pixels).numpy()


EVERY = {
    "whole.jpg": (lambda: jpeg(), []),
    "whole.tif": (lambda: saved("TIFF"), []),
    "whole.webp": (lambda: saved("WEBP"), []),
    "whole.PNG": (lambda: saved("PNG"), []),
    "phone.jpg": (lambda: saved("MPO", frames=2), []),
    "trailing.jpg": (lambda: jpeg() + b"more", []),
    "empty.jpg": (lambda: b"", ["empty"]),
    "page.jpg": (lambda: b"<html>404</html>", ["not-an-image"]),
    "resource.jpg": (lambda: b"\0\5\x16\7" + bytes(100), ["not-an-image"]),
    "cut.jpg": (lambda: jpeg()[:500], ["cut"]),
    "cut.gif": (lambda: saved("GIF", "P")[:-9], ["cut"]),
    "cut.tif": (lambda: saved("TIFF", size=(90, 80))[:-900], ["cut"]),
    "cut.bmp": (lambda: saved("BMP")[:-20], ["cut"]),
    "noise.jpg": (lambda: jpeg()[:3] + b"Z" * 300 + jpeg()[-2:], ["damaged"]),
    "noise.png": (lambda: saved("PNG")[:30] + b"Z" * 99 + saved("PNG")[-12:], ["damaged"]),
    "heic.jpg": (lambda: b"\0\0\0\x18ftypheic" + bytes(99), ["unsupported"]),
    "vector.png": (lambda: b'<?xml version="1.0"?><svg></svg>', ["unsupported"]),
    "bomb.png": (bomb, ["absurd-size"]),
    "large.png": (lambda: bomb(10_000), ["absurd-size"]),
    "tail.png": (lambda: saved("PNG")[:-12], ["one-reader"]),
    "webp.tif": (lambda: saved("WEBP"), ["wrong-ending"]),
    "png.jpg": (lambda: saved("PNG"), ["wrong-ending"]),
    "moving.gif": (lambda: saved("GIF", "L", frames=3), ["animated"]),
    "pages.tif": (lambda: saved("TIFF", frames=2), ["animated"]),
    "print.jpg": (lambda: saved("JPEG", "CMYK"), ["cmyk"]),
    "deep.png": (lambda: saved("PNG", "I;16"), ["16-bit"]),
    "deep.tif": (lambda: saved("TIFF", "I;16"), ["16-bit"]),
    "deep-colours.png": (deep_colours, ["16-bit"]),
    "clear.png": (lambda: saved("PNG", "RGBA"), ["alpha"]),
    "clear-palette.png": (lambda: saved("PNG", "P", transparency=0), ["alpha"]),
    "turned.jpg": (lambda: jpeg(**exif(6)), ["exif-rotated"]),
    "upright.jpg": (lambda: jpeg(**exif(1)), []),
    "turned.png": (lambda: saved("PNG", **exif(3)), ["exif-rotated"]),
    "turned.webp": (lambda: saved("WEBP", **exif(8)), ["exif-rotated"]),
}
"""Each a file, and the kinds that are found; copies of the same bytes are left out of sight."""
OF_BYTES = {"duplicate", "two-classes", "leak"}


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    root = tmp_path_factory.mktemp("every")
    for name, (make, _) in EVERY.items():
        put(root, f"a/{name}", make())
    put(root, b"a/na\xefve\nname.jpg", b"")
    (root / "a" / "nowhere.jpg").symlink_to(root / "no such file")
    os.mkfifo(root / "a" / "pipe.jpg")
    return root, verify(root, max_pixels=50_000_000, progress=False)


def test_kinds_of_files(every):
    _, report = every
    got = {f"a/{name}": [] for name in EVERY}
    for each in report.findings:
        got.setdefault(each.name, [])
        got[each.name] += [each.kind] if each.kind not in OF_BYTES else []
    expected = {f"a/{name}": kinds for name, (_, kinds) in EVERY.items()}
    expected |= {"a/nowhere.jpg": ["no-access"], "a/pipe.jpg": ["no-access"]}
    expected |= {os.fsdecode(b"a/na\xefve\nname.jpg"): ["empty"]}
    assert got == expected
    assert report.files == len(expected)


def test_every_kind_is_tried(every):
    tried = {kind for _, kinds in EVERY.values() for kind in kinds}
    assert tried == {each.name for each in KINDS} - OF_BYTES - {"no-access", "near-duplicate"}


def test_details_say_what_was_found(every):
    root, report = every
    details = {Path(each.name).name: each.detail for each in report.findings}
    assert details["png.jpg"] == "a PNG"
    assert details["large.png"] == "10,000 x 10,000 pixels"
    assert details["bomb.png"] == "above 178,956,970 pixels"
    assert details["nowhere.jpg"] == "No such file or directory"
    assert details["tail.png"].startswith(f"{DATASET} cannot: Invalid PNG data")
    assert {each.folder for each in report.findings} == {str(root)}


def test_the_report_in_json(every):
    """The names of what others read stay; bytes that are not UTF-8 survive."""
    _, report = every
    text = json.dumps(report.as_json())
    content = json.loads(text)
    assert list(content) == [
        *("format", "files", "bad", "bad_kinds", "counts", "formats", "sizes", "folders"),
        "findings",
    ]
    assert content["format"] == "catdog-verify-1"
    assert list(content["findings"][0]) == ["folder", "name", "kind", "detail", "other", "bad"]
    assert list(content["folders"][0]) == [
        *("folder", "images", "classes", "passed_over", "left_out"),
    ]
    assert list(content["sizes"]) == ["width", "height", "aspect", "bytes"]
    assert list(content["sizes"]["width"]) == ["min", "median", "max"]
    names = {os.fsencode(each["name"]) for each in content["findings"]}
    assert b"a/na\xefve\nname.jpg" in names
    assert content["bad"] == len(report.bad) == len(set(report.bad))
    for each in content["findings"]:
        assert each["bad"] == (each["kind"] in content["bad_kinds"])


def test_bad_files_are_what_exclude_takes(every):
    root, report = every
    dataset = image_dataset_from_directory(
        root, exclude=report.bad, image_size=(4, 5), label_mode=None, verbose=False
    )
    assert sum(len(batch) for batch in dataset) == len(dataset.file_paths) > 5


# --- The readers ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    files = corrupt_files(seed=1, count=len(DAMAGES) * len(whole_files()))
    root = tmp_path_factory.mktemp("corrupt")
    return root, write_files(root / "a", [each for each in files if each.damage != "bomb"])


def fails(read, path, *more):
    try:
        read(tf.constant(path), *more)
    except Exception:
        return True
    return False


def test_readable_here_means_readable_there(damaged):
    root, paths = damaged
    expected = {}
    for path in paths:
        readers = readers_of(path)
        by_generator = GENERATOR in readers and fails(read_rgb, path)
        by_dataset = DATASET in readers and fails(read_as_keras_dataset, path, 3)
        kind = "unreadable" if by_generator + by_dataset == len(readers) else "one-reader"
        expected[path] = kind if by_generator or by_dataset else None
    got = dict.fromkeys(paths)
    for each in verify(root, progress=False).bad_findings:
        got[each.path] = each.kind if each.kind == "one-reader" else "unreadable"
    assert got == expected
    assert {"unreadable", "one-reader", None} == set(got.values())


def test_readers_by_ending():
    assert readers_of("1.JPG") == (GENERATOR, DATASET)
    assert readers_of("a/1.tiff") == (GENERATOR,)
    assert readers_of("1.gif") == (DATASET,)


# --- Duplicates -----------------------------------------------------------------------------------


def test_the_same_bytes(pets, tmp_path):
    validation = tmp_path / "validation"
    shutil.copytree(pets, validation, copy_function=lambda *_: None)
    save_picture(validation / "dogs" / "9.jpg", (40, 30), 9)
    shutil.copy(pets / "cats" / "1.jpg", pets / "cats" / "3.jpg")
    shutil.copy(pets / "cats" / "2.jpg", pets / "dogs" / "3.jpg")
    shutil.copy(pets / "dogs" / "1.jpg", validation / "dogs" / "8.jpg")
    shutil.copy(pets / "cats" / "1.jpg", validation / "cats" / "8.jpg")
    report = verify(pets, validation, bad=["leak"], progress=False)
    assert {(each.path, each.kind, each.other) for each in report.findings} == {
        (f"{pets}/cats/3.jpg", "duplicate", f"{pets}/cats/1.jpg"),
        (f"{pets}/dogs/3.jpg", "duplicate", f"{pets}/cats/2.jpg"),
        (f"{pets}/dogs/3.jpg", "two-classes", f"{pets}/cats/2.jpg"),
        (f"{pets}/cats/2.jpg", "two-classes", f"{pets}/dogs/3.jpg"),
        (f"{validation}/cats/8.jpg", "leak", f"{pets}/cats/1.jpg"),
        (f"{validation}/dogs/8.jpg", "leak", f"{pets}/dogs/1.jpg"),
    }
    # Absolute, since there are two folders.
    assert report.bad == (f"{validation}/cats/8.jpg", f"{validation}/dogs/8.jpg")
    assert [dict(each.classes) for each in report.folders] == [
        {"cats": 3, "dogs": 3},
        {"cats": 1, "dogs": 2},
    ]


def test_a_folder_of_both_parts(pets, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(pets, root / "train")
    shutil.copytree(pets, root / "test")
    report = verify(root, bad=["leak"], progress=False)
    assert report.counts == {"leak": 4}
    assert report.bad[0] == "test/cats/1.jpg"
    assert [each.path for each in report.folders] == [f"{root}/train", f"{root}/test"]


def test_parts_whose_classes_are_not_the_same(pets, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(pets, root / "train")
    shutil.copytree(pets, root / "val")
    (root / "val" / "cats").rename(root / "val" / "birds")
    report = verify(root, progress=False)
    assert [list(each.classes) for each in report.folders] == [["cats", "dogs"], ["birds", "dogs"]]
    assert report.counts["leak"] == 4


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 4), st.integers(0, 3))
def test_near_pairs_are_those_of_all_pairs(places, distance, seed):
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, 3, dtype=np.uint64)[np.array(places, int) % 3]
    for row, place in enumerate(places):
        for bit in range(place % 6):
            hashes[row] ^= np.uint64(1) << np.uint64((place * 7 + bit * 11) % 64)
    expected = []
    for later in range(len(hashes)):
        bits = [int(hashes[later] ^ each).bit_count() for each in hashes[:later]]
        if bits and min(bits) <= distance:
            expected.append((bits.index(min(bits)), later, min(bits)))
    assert list(near_pairs(hashes, distance)) == expected


def test_pictures_that_look_alike(pets):
    pytest.importorskip("imagehash")
    with Image.open(pets / "cats" / "1.jpg") as image:
        image.resize((80, 60)).save(pets / "dogs" / "larger.png")
    shutil.copy(pets / "cats" / "2.jpg", pets / "cats" / "3.jpg")
    report = verify(pets, near_duplicates=True, progress=False)
    assert report.counts == {"near-duplicate": 1, "duplicate": 1}
    (near,) = (each for each in report.findings if each.kind == "near-duplicate")
    assert (near.name, near.other) == ("dogs/larger.png", f"{pets}/cats/1.jpg")


def test_without_imagehash(pets, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "imagehash", None)
    with pytest.raises(ImportError, match=r"pip install catdog\[imagehash\]"):
        verify(pets, near_duplicates=True, progress=False)


# --- Folders --------------------------------------------------------------------------------------


def test_what_is_passed_over_is_counted(pets):
    for name in ("cats/a.txt", "cats/old/b.TXT", "dogs/Makefile", "notes/a.txt", "5.jpg"):
        put(pets, name, b"x")
    (folder,) = verify(pets, progress=False).folders
    assert dict(folder.passed_over) == {".txt": 2, "": 1}
    assert folder.left_out == ("'notes' (no images)", "1 images outside of the class folders")
    assert dict(folder.classes) == {"cats": 2, "dogs": 2}


def test_images_without_classes(pets):
    (folder,) = verify(pets / "cats", progress=False).folders
    assert (folder.images, dict(folder.classes)) == (2, {})


def test_one_class(pets):
    shutil.rmtree(pets / "cats")
    put(pets, "dogs/3.jpg", b"")
    assert found(pets) == {"dogs/3.jpg": ["empty"]}


def test_links_are_entered_when_asked(pets, tmp_path):
    put(tmp_path, "elsewhere/3.jpg", b"")
    (pets / "cats" / "link").symlink_to(tmp_path / "elsewhere")
    assert found(pets) == {}
    assert found(pets, follow_links=True) == {"cats/link/3.jpg": ["empty"]}


def test_nothing_is_changed(pets):
    before = {path: path.stat() for path in pets.rglob("*")}
    found(pets)
    for path, status in before.items():
        assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert set(pets.rglob("*")) == set(before)


def test_wrong_values(pets, tmp_path):
    with pytest.raises(ValueError, match="at least one folder"):
        verify()
    with pytest.raises(FileNotFoundError, match="must be a folder of images"):
        verify(tmp_path / "nope")
    with pytest.raises(NotADirectoryError):
        verify(pets / "cats" / "1.jpg")
    for other in (pets, f"{pets}/", pets / "cats"):
        with pytest.raises(ValueError, match="must not lie in each other"):
            verify(pets, other)
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="holds none"):
        verify(tmp_path / "none")
    with pytest.raises(ValueError, match=r"`bad` must be names of findings.*'broken'"):
        verify(pets, bad=["cut", "broken"])
    for wrong in (0, -1, 1.5, True, "x"):
        with pytest.raises(ValueError, match="`max_pixels`"):
            verify(pets, max_pixels=wrong)


# --- The report -----------------------------------------------------------------------------------


def test_each_bad_file_is_named_once_for_its_gravest_finding(pets):
    save_picture(pets / "cats" / "4.jpg", (9, 8), 4)
    break_inside(pets / "cats" / "4.jpg")
    shutil.copy(pets / "cats" / "4.jpg", pets / "cats" / "5.jpg")
    report = verify(pets, bad=["unreadable", "duplicate"], progress=False)
    assert report.bad == ("cats/4.jpg", "cats/5.jpg")
    assert [each.kind for each in report.bad_findings] == ["damaged", "damaged"]


def test_sizes_are_those_of_pillow(pets):
    save_picture(pets / "cats" / "wide.jpg", (200, 20), 8)
    sizes = verify(pets, progress=False).sizes
    assert sizes["width"] == Extent(40, 40, 200)
    assert sizes["height"] == Extent(20, 30, 30)
    assert sizes["aspect"].max == 10
    lengths = [path.stat().st_size for path in pets.rglob("*.*g")]
    assert sizes["bytes"] == Extent(min(lengths), np.median(lengths), max(lengths))


def test_a_report_by_hand():
    leak = Finding("b", "cats/1.jpg", "leak", other="a/cats/1.jpg")
    report = Report((Folder("a", {}, 1, {}), Folder("b", {}, 1, {})), (leak,), {}, {}, ("a", "b"))
    assert (report.files, report.bad, report.counts) == (2, (), {"leak": 1})
    assert checked_kinds(["leak", "unreadable"])[-1] == "leak"
