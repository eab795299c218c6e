from __future__ import annotations

import errno
import io
import os
import re
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog_data.archives import unpack as archive_module
from catdog_data.archives.find_folders import find_image_folders
from catdog_data.archives.spelling import COARSEST, Spelling, spelling_of
from catdog_data.archives.unpack import unpack

Files = Mapping[str, bytes]
IMAGE = os.urandom(3000)
KAGGLE = {
    f"{split}/{inner}{kind}s/{name}": IMAGE + f"{split}{kind}{name}".encode()
    for split in ("training_set", "test_set")
    for inner, names in ((f"{split}/", ("{}.1.jpg", "{}.2.jpg", "_DS_Store")),)
    for kind in ("cat", "dog")
    for name in (template.format(kind) for template in names)
} | {"training_set/_DS_Store": b"stray", "__MACOSX/._training_set": b"stray"}


def write_zip(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: Files) -> Path:
    mode = {".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_tar_member(path: Path, name: str, kind: bytes, target: str) -> Path:
    write_tar(path, KAGGLE)
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        archive.addfile(info)
    return path


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".catdog")
    }


def assert_refused(archive: Path, error: type[Exception], text: str) -> None:
    """Unpack into a fresh directory, which must stay absent, with nothing beside it."""
    parent = archive.parent / "fresh"
    with pytest.raises(error, match=re.escape(text)) as caught:
        unpack(archive, parent / "out", progress=False)
    assert archive.name in str(caught.value)
    assert not parent.exists() or not list(parent.iterdir())


WRITERS: dict[str, Callable[[Path, Files], Path]] = {
    "set.zip": write_zip,
    "set.tar": write_tar,
    "set.tar.gz": write_tar,
    "set.tar.bz2": write_tar,
    "set.tar.xz": write_tar,
}


@pytest.mark.parametrize("name", WRITERS)
def test_unpack_kaggle_layout(tmp_path: Path, name: str) -> None:
    archive = WRITERS[name](tmp_path / name, KAGGLE)
    out = tmp_path / "new" / "out"
    folders = unpack(archive, out, progress=False)
    assert folders.train == out / "training_set" / "training_set"
    assert folders.validation == out / "test_set" / "test_set"
    assert tree(out) == KAGGLE
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_kind_is_read_from_content_not_from_the_name(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "download.tar.gz", KAGGLE)
    assert unpack(archive, tmp_path / "out", progress=False).validation is not None


def test_default_file_mode_and_empty_destination(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("a/1.jpg", "b/1.jpg"):
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | 0o4777) << 16
            file.writestr(info, IMAGE)
    out = tmp_path / "out"
    out.mkdir()
    unpack(archive, out, progress=False)
    assert not (out / "a" / "1.jpg").stat().st_mode & 0o7111


@pytest.mark.parametrize(
    ("splits", "train", "validation"),
    [
        (("train", "validation"), "train", "validation"),
        (("train", "val"), "train", "val"),
        (("train", "test"), "train", "test"),
        (("train", "validation", "test"), "train", "validation"),
        (("Train", "Test"), "Train", "Test"),
        (("train",), "train", None),
        (("pets/train", "pets/test"), "pets/train", "pets/test"),
        (("",), "", None),
        (("PetImages",), "PetImages", None),
    ],
)
def test_layouts(
    tmp_path: Path, splits: tuple[str, ...], train: str, validation: str | None
) -> None:
    names = [Path(split, kind, "1.jpg").as_posix() for split in splits for kind in ("cat", "dog")]
    archive = write_zip(tmp_path / "set.zip", dict.fromkeys(names, IMAGE))
    out = tmp_path / "out"
    folders = unpack(archive, out, progress=False)
    assert folders.train == out / train
    assert folders.validation == (None if validation is None else out / validation)
    assert find_image_folders(out) == folders


def test_second_run_is_a_no_op(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "set.tar.gz", KAGGLE)
    out = tmp_path / "out"
    first = unpack(archive, out, progress=False)
    before = {path: path.stat().st_mtime_ns for path in [out, *out.rglob("*")]}
    assert unpack(archive, out, progress=False) == first
    assert {path: path.stat().st_mtime_ns for path in [out, *out.rglob("*")]} == before


@pytest.mark.parametrize("writer", ["set.zip", "set.tar.gz"])
@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("../evil.jpg", "leads upwards"),
        ("cats/../../evil.jpg", "leads upwards"),
        ("/evil.jpg", "absolute"),
        ("cats\\..\\evil.jpg", "backslash"),
        ("C:/evil.jpg", "drive"),
        (".catdog-source.json", "reserved"),
    ],
)
def test_refuses_names(tmp_path: Path, writer: str, member: str, reason: str) -> None:
    archive = WRITERS[writer](tmp_path / writer, {**KAGGLE, member: IMAGE})
    assert_refused(archive, ValueError, f"member {member!r}: its")
    assert_refused(archive, ValueError, reason)
    assert not list(tmp_path.rglob("*evil*"))


def test_refuses_duplicates_and_a_file_as_directory(tmp_path: Path) -> None:
    again = "./training_set/training_set/cats/cat.1.jpg"
    assert_refused(write_zip(tmp_path / "a.zip", {**KAGGLE, again: IMAGE}), ValueError, "twice")
    below = "test_set/test_set/cats/cat.1.jpg/x.jpg"
    archive = write_zip(tmp_path / "b.zip", {**KAGGLE, below: IMAGE})
    assert_refused(archive, ValueError, "both a file and a directory")


CASE, FORM, END = Spelling(case=True), Spelling(form=True), Spelling(end=True)
PAIRS = [
    (CASE, "cats/a.jpg", "cats/A.JPG"),
    (CASE, "cats/\u00c9.jpg", "cats/\u00e9.jpg"),
    (CASE, "Cats/1.jpg", "cats/2.jpg"),  # two classes that would become one
    (CASE, "CATS", "cats/2.jpg"),  # a file where a folder is needed
    (FORM, "cats/\u00e9.jpg", "cats/e\u0301.jpg"),
    (FORM, "cats/\uac15.jpg", "cats/\u1100\u1161\u11bc.jpg"),
    (FORM, "\ud55c/1.jpg", "\u1112\u1161\u11ab/2.jpg"),
    (Spelling(case=True, form=True), "cats/\u00c9.jpg", "cats/e\u0301.jpg"),
    (END, "cats/a", "cats/a."),
    (END, "cats/a", "cats/a  "),
    (END, "cats./1.jpg", "cats/2.jpg"),
]


@pytest.mark.parametrize(("spelling", "one", "other"), PAIRS)
@pytest.mark.parametrize("writer", ["set.zip", "set.tar"])
def test_names_that_the_destination_does_not_keep_apart(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    writer: str,
    spelling: Spelling,
    one: str,
    other: str,
) -> None:
    files = {"cats/x.jpg": IMAGE, "dogs/x.jpg": IMAGE, one: IMAGE, other: IMAGE + b"!"}
    archive = WRITERS[writer](tmp_path / writer, files)
    monkeypatch.setattr(archive_module, "spelling_of", lambda _: spelling)
    with pytest.raises(
        ValueError, match="must hold names that its destination keeps apart"
    ) as error:
        unpack(archive, tmp_path / "refused", progress=False)
    # As ASCII, since forms of Unicode look the same; of folders, these alone.
    for name in (one, other):
        assert ascii(name)[1:-1].split("/")[0] in str(error.value)
    assert writer in str(error.value)
    assert not (tmp_path / "refused").exists()
    # Where it sees every difference, both are there.
    monkeypatch.setattr(archive_module, "spelling_of", lambda _: Spelling())
    unpack(archive, tmp_path / "out", progress=False)
    assert tree(tmp_path / "out") == files


def test_what_the_directory_of_the_test_keeps_apart(tmp_path: Path) -> None:
    """Whatever it does is found out, and unpacking goes by it."""
    found = spelling_of(tmp_path)
    assert list(tmp_path.iterdir()) == []
    for spelling, one, other in PAIRS:
        first, second = one.split("/")[-1], other.split("/")[-1]
        folder = tmp_path / str(PAIRS.index((spelling, one, other)))
        folder.mkdir()
        (folder / first).touch()
        (folder / second).touch()
        kept_apart = len(list(folder.iterdir())) == len({first, second})
        assert kept_apart == (found.key(first) != found.key(second) or first == second)


def test_the_probe_looks_at_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that finds a file by any spelling of its name, or by some."""
    made = set()
    monkeypatch.setattr(Path, "touch", lambda path: made.add(path.name))
    for spelling in (Spelling(), CASE, FORM, END, COARSEST):
        made.clear()
        keys = spelling.key
        monkeypatch.setattr(Path, "exists", lambda path, key=keys: key(path.name) in map(key, made))
        assert spelling_of(tmp_path) == spelling
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_ordinary_names_need_no_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "spelling_of", None)
    unpack(write_zip(tmp_path / "set.zip", KAGGLE), tmp_path / "out", progress=False)


def edited_zip(path: Path, position: int, value: bytes, member: int = -1) -> Path:
    """Overwrite a field of a member's entry in the list of a zip file."""
    with zipfile.ZipFile(path, "w") as file:
        for name, data in {"cats/1.jpg": IMAGE, "dogs/1.jpg": IMAGE}.items():
            file.writestr(name, data)
    content = path.read_bytes()
    entries = [match.start() for match in re.finditer(b"PK\x01\x02", content)]
    at = entries[member] + position
    path.write_bytes(content[:at] + value + content[at + len(value) :])
    return path


@pytest.mark.parametrize("packed", [3100, 1 << 20, (1 << 32) - 2])
def test_refuses_packed_data_beyond_the_end(tmp_path: Path, packed: int) -> None:
    archive = edited_zip(tmp_path / "set.zip", 20, packed.to_bytes(4, "little"))
    assert_refused(
        archive, ValueError, "'dogs/1.jpg': its packed data run past the end of the archive"
    )


def test_refuses_members_that_overlap(tmp_path: Path) -> None:
    # The first member would take in the second; or both are the same bytes.
    archive = edited_zip(tmp_path / "a.zip", 20, (3100).to_bytes(4, "little"), member=0)
    assert_refused(archive, ValueError, "'cats/1.jpg': it overlaps another member")
    archive = edited_zip(tmp_path / "b.zip", 42, bytes(4), member=1)
    assert_refused(archive, ValueError, "it overlaps another member")
    archive = edited_zip(tmp_path / "c.zip", 42, (1 << 31).to_bytes(4, "little"), member=1)
    assert_refused(
        archive, ValueError, "'dogs/1.jpg': its packed data run past the end of the archive"
    )


def test_refuses_sizes_of_zip64_that_cannot_be(tmp_path: Path) -> None:
    """Sizes of 64 bits: 16 EiB of data, packed into as many."""
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        info = zipfile.ZipInfo("cats/1.jpg")
        info.extra = struct.pack("<HHQQ", 1, 16, 2**64 - 1, 2**64 - 1)
        file.writestr(info, IMAGE)
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\x01\x02") + 20
    content[at : at + 8] = b"\xff" * 8
    archive.write_bytes(content)
    assert_refused(archive, ValueError, "set.zip")


def with_tar_size(path: Path, size: bytes, kind: bytes = tarfile.REGTYPE) -> Path:
    """Write a tar file whose first header declares a size, given as its 12 bytes."""
    write_tar(path, {"cats/1.jpg": IMAGE, "dogs/1.jpg": IMAGE})
    content = bytearray(path.read_bytes())
    content[124:136], content[156:157] = size, kind
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    path.write_bytes(content)
    return path


def base_256(size: int) -> bytes:
    return (b"\x80" if size >= 0 else b"\xff") + size.to_bytes(11, "big", signed=size < 0)


@pytest.mark.parametrize("exponent", [40, 62, 80])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_refuses_a_tar_member_of_absurd_size_at_once(
    tmp_path: Path, exponent: int, kind: bytes
) -> None:
    archive = with_tar_size(tmp_path / "set.tar", base_256(2**exponent), kind)
    begin = time.monotonic()
    assert_refused(archive, ValueError, "set.tar")
    assert time.monotonic() - begin < 2
    if kind == tarfile.REGTYPE:
        assert_refused(archive, ValueError, f"at least {2**exponent} bytes")


def test_refuses_negative_sizes_in_tar(tmp_path: Path) -> None:
    for size in (-1, -512, -(2**62)):
        archive = with_tar_size(tmp_path / "set.tar", base_256(size))
        begin = time.monotonic()
        assert_refused(archive, ValueError, "set.tar")
        assert time.monotonic() - begin < 2


def test_refuses_symbolic_link_in_zip(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "set.zip", KAGGLE)
    with zipfile.ZipFile(archive, "a") as file:
        info = zipfile.ZipInfo("link.jpg")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/hostname")
    assert_refused(archive, ValueError, "'link.jpg': it is a link")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "it is a link"),
        (tarfile.LNKTYPE, "it is a link"),
        (tarfile.FIFOTYPE, "it is a device or a pipe"),
    ],
)
def test_refuses_links_and_pipes_in_tar(tmp_path: Path, kind: bytes, reason: str) -> None:
    target = "training_set/training_set/cats/cat.1.jpg"
    archive = write_tar_member(tmp_path / "set.tar", "link.jpg", kind, target)
    assert_refused(archive, ValueError, f"'link.jpg': {reason}")


def test_refuses_absurd_compression(tmp_path: Path) -> None:
    bomb = {**KAGGLE, "bomb.jpg": bytes(4 << 20)}
    assert_refused(write_zip(tmp_path / "set.zip", bomb), ValueError, "'bomb.jpg': ")
    # A tar's members are not compressed one by one: the bound is the total.
    huge = {**KAGGLE, "bomb.jpg": bytes(110 << 20)}
    assert_refused(write_tar(tmp_path / "set.tar.bz2", huge), ValueError, "unpack to more than")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_refuses_truncated(tmp_path: Path, name: str, keep: float) -> None:
    archive = WRITERS[name](tmp_path / name, KAGGLE)
    content = archive.read_bytes()
    # A tar file ends with up to 10 kB of zeros, which say nothing.
    length = len(content.rstrip(b"\0")) if name == "set.tar" else len(content)
    archive.write_bytes(content[: int(length * keep)])
    assert_refused(archive, ValueError, "complete and undamaged")


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz", "set.tar.bz2", "set.tar.xz"])
def test_refuses_damaged(tmp_path: Path, name: str) -> None:
    archive = WRITERS[name](tmp_path / name, KAGGLE)
    content = bytearray(archive.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 8] = bytes(byte ^ 0xFF for byte in content[middle : middle + 8])
    archive.write_bytes(content)
    assert_refused(archive, ValueError, "complete and undamaged")


def test_refuses_what_is_no_archive(tmp_path: Path) -> None:
    page = tmp_path / "page.zip"
    page.write_text("<html>Please log in</html>" * 50)
    assert_refused(page, ValueError, "zip or tar")
    assert_refused(tmp_path / "missing.zip", FileNotFoundError, "existing file")
    assert_refused(write_zip(tmp_path / "empty.zip", {}), ValueError, "holds none")


def test_refuses_layouts_without_classes(tmp_path: Path) -> None:
    text = write_zip(tmp_path / "text.zip", {"a/readme.txt": b"x"})
    assert_refused(text, FileNotFoundError, "class folders")
    flat = write_zip(tmp_path / "flat.zip", {"train/1.jpg": IMAGE, "test/2.jpg": IMAGE})
    assert_refused(flat, ValueError, "at least two class folders")
    names = ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/c/1.jpg"]
    differ = write_zip(tmp_path / "differ.zip", dict.fromkeys(names, IMAGE))
    assert_refused(differ, ValueError, "same class folders")


def test_leaves_a_foreign_destination_alone(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "set.zip", KAGGLE)
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="destination must be empty") as caught:
        unpack(archive, out, progress=False)
    assert str(out) in str(caught.value)
    assert tree(out) == {"mine.txt": b"mine"}
    with pytest.raises(FileExistsError, match="a file"):
        unpack(archive, out / "mine.txt", progress=False)


def test_a_disk_that_takes_no_more_is_named(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "set.zip", KAGGLE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OSError, match=r"File too large while .*set\.zip was unpacked") as error:
            unpack(archive, tmp_path / "out", progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (error.value.errno, error.value.filename) == (errno.EFBIG, str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == [archive]


def test_another_archive_in_the_same_destination(tmp_path: Path) -> None:
    first, second = (write_zip(tmp_path / name, KAGGLE) for name in ("one.zip", "two.zip"))
    out = tmp_path / "out"
    unpack(first, out, progress=False)
    with pytest.raises(FileExistsError, match=r"one\.zip.*two\.zip"):
        unpack(second, out, progress=False)
    assert tree(out) == KAGGLE


def test_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "set.zip", KAGGLE)
    left = tmp_path / ".out.partial-0123456789abcdef"
    (left / "cats").mkdir(parents=True)
    unpack(archive, tmp_path / "out", progress=False)
    assert not left.exists()


UNPACK = """
import sys
from catdog_data.archives.unpack import unpack
unpack(sys.argv[1], sys.argv[2], progress=False)
"""
# Stops for good in the middle of the second member, as a process does that is about to be killed.
UNPACK_AND_HANG = """
import sys, time
from catdog_data.archives import unpack as archive
copy, copied = archive._copy, []
def hang(source, member, content, path):
    if copied:
        path.write_bytes(b"half")
        print("hanging", flush=True)
        time.sleep(60)
    copied.append(copy(source, member, content, path))
archive._copy = hang
archive.unpack(sys.argv[1], sys.argv[2], progress=False)
"""


def start(script: str, archive: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", script, str(archive), str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_killed_run_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    archive, out = write_zip(tmp_path / "set.zip", KAGGLE), tmp_path / "out"
    with start(UNPACK_AND_HANG, archive, out) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hanging\n"
        (staging,) = tmp_path.glob(".out.partial-*")
        # Another process does not take the work of a living one for abandoned.
        unpack(archive, out, progress=False)
        assert staging.exists()
        shutil.rmtree(out)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    unpack(archive, out, progress=False)
    assert tree(out) == KAGGLE
    assert not staging.exists()


def test_two_processes_at_once(tmp_path: Path) -> None:
    many = {f"{kind}/{index}.jpg": IMAGE for kind in ("cat", "dog") for index in range(300)}
    archive, out = write_zip(tmp_path / "set.zip", many), tmp_path / "out"
    processes = [start(UNPACK, archive, out) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert tree(out) == many
    assert {path.name for path in tmp_path.iterdir()} == {"set.zip", "out"}


def test_the_faster_of_two_runs_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, out = write_zip(tmp_path / "set.zip", KAGGLE), tmp_path / "out"
    check_layout = archive_module._check_layout

    def overtaken(*arguments: object) -> None:
        monkeypatch.setattr(archive_module, "_check_layout", check_layout)
        unpack(archive, out, progress=False)
        check_layout(*arguments)

    monkeypatch.setattr(archive_module, "_check_layout", overtaken)
    unpack(archive, out, progress=False)
    assert tree(out) == KAGGLE
    assert {path.name for path in tmp_path.iterdir()} == {"set.zip", "out"}


def test_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_zip(tmp_path / "set.zip", KAGGLE)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archive_module, "_copy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, tmp_path / "out", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


def test_full_disk_is_reported_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "set.zip", KAGGLE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(OSError, match=r"destination needs \d+ bytes.*1 bytes free") as caught:
        unpack(archive, tmp_path / "new" / "out", progress=False)
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


@pytest.mark.parametrize("bit", [0x1, 0x40])
def test_refuses_encrypted(tmp_path: Path, bit: int) -> None:
    archive = write_zip(tmp_path / "set.zip", KAGGLE)
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= bit  # the flags of the first member
    archive.write_bytes(content)
    assert_refused(archive, ValueError, "it is encrypted")


def test_refuses_more_bytes_than_declared(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in KAGGLE.items():
            file.writestr(name, data)
    content = bytearray(archive.read_bytes())
    size = content.index(b"PK\x01\x02") + 24  # the declared size of the first member
    content[size : size + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(content)
    assert_refused(archive, ValueError, "set.zip")


def test_find_image_folders_refusals(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_image_folders(tmp_path / "nowhere")
    file = write_zip(tmp_path / "set.zip", KAGGLE)
    with pytest.raises(NotADirectoryError, match=r"set\.zip"):
        find_image_folders(file)


PART = st.sampled_from(["..", ".", "", "a", "b.jpg", "c:", "~", "...", "\\", "\0", "é", "/"])
NAME = st.one_of(st.lists(PART, min_size=1, max_size=5).map("/".join), st.text(max_size=12))


@settings(max_examples=60, deadline=None)
@given(name=NAME, as_tar=st.booleans())
def test_no_member_lands_outside(name: str, as_tar: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        files = {"cat/1.jpg": b"cat", "dog/1.jpg": b"dog", "x": b"placeholder"}
        archive = root / "set"
        if as_tar:
            del files["x"]
            try:
                write_tar(archive, {**files, name: b"guest"})
            except UnicodeEncodeError:  # a lone surrogate cannot be stored
                return
        else:
            try:
                with zipfile.ZipFile(archive, "w") as file:
                    for member, content in files.items():
                        info = zipfile.ZipInfo(member)
                        if member == "x":
                            info.filename = name  # past the cleaning by ZipInfo
                        file.writestr(info, content)
            except (UnicodeEncodeError, IndexError):
                return
        parent = root / "parent"
        out = parent / "out"
        try:
            unpack(archive, out, progress=False)
        except ValueError:
            assert not out.exists()
        assert {path.name for path in root.iterdir()} <= {"set", "parent"}
        assert not parent.exists() or {path.name for path in parent.iterdir()} <= {"out"}
