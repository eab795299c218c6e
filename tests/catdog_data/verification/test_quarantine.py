"""Files moved aside and back: none is lost, whenever it stops."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog_data.system.lock_file import locked
from catdog_data.verification import quarantine
from catdog_data.verification.findings import Finding
from catdog_data.verification.quarantine import MANIFEST, Move, move_aside, move_back

NAMES = [b"cats/1.jpg", b"cats/old/2.jpg", b"d\xefgs/li\nne.jpg", b"dogs/" + b"n" * 250 + b".jpg"]


def snapshot(*folders):
    """Contents, times and permissions of all files, by path; what a link leads to."""
    found = {}
    for folder in folders:
        for path in Path(folder).rglob("*"):
            if path.is_symlink():
                found[os.fsencode(path)] = path.readlink()
            elif path.is_file():
                status = path.stat()
                found[os.fsencode(path)] = (path.read_bytes(), status.st_mtime_ns, status.st_mode)
    return found


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for number, name in enumerate(NAMES):
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"broken" * number)
        path.chmod(0o640)
        os.utime(path, ns=(10**18 + number, 10**18 + number))
    (root / "cats" / "good.jpg").write_bytes(b"good")
    (root / "cats" / "link.jpg").symlink_to("../no such file")
    return root


@pytest.fixture(params=["one file system", "two file systems"])
def file_systems(request, monkeypatch):
    """Renames between folders fail, as they do between file systems, or not."""
    if request.param == "two file systems":
        monkeypatch.setattr(quarantine.os, "rename", rename_within_a_folder)


_rename = os.rename


def rename_within_a_folder(source, target):
    if Path(source).parent != Path(target).parent:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    _rename(source, target)


def findings(root):
    names = [*map(os.fsdecode, NAMES), "cats/link.jpg"]
    return [Finding(str(root), name, "cut", "half of it") for name in names]


@pytest.mark.usefixtures("file_systems")
def test_there_and_back(data, tmp_path):
    before = snapshot(data)
    aside = tmp_path / "aside"
    moved = move_aside(findings(data), [str(data)], aside)
    assert len(moved) == 5
    assert set(snapshot(data)) == {os.fsencode(data / "cats" / "good.jpg")}
    kept = snapshot(aside)
    for name in NAMES:
        old = before[os.fsencode(data) + b"/" + name]
        assert kept[os.fsencode(aside) + b"/" + name] == old
    assert (aside / "cats" / "link.jpg").is_symlink()
    assert len(move_back(aside)) == 5
    assert snapshot(data) == before
    assert not aside.exists()


def test_the_manifest_says_where_files_were(data, tmp_path):
    move_aside(findings(data)[:1], [str(data)], tmp_path / "aside")
    content = json.loads((tmp_path / "aside" / MANIFEST).read_text())
    assert content == {
        "format": "catdog-quarantine-1",
        "moves": [
            {
                "source": f"{data}/cats/1.jpg",
                "name": "cats/1.jpg",
                "kind": "cut",
                "detail": "half of it",
            }
        ],
    }


def test_several_folders_and_several_runs(data, tmp_path):
    before = snapshot(data)
    folders = [str(data / "cats"), str(data / "dogs")]
    cat, dog = Finding(folders[0], "1.jpg", "cut"), Finding(folders[1], "n" * 250 + ".jpg", "cut")
    aside = tmp_path / "aside"
    move_aside([cat], folders, aside)
    move_aside([dog], folders, aside)
    assert (aside / "cats" / "1.jpg").exists()
    assert (aside / "dogs" / ("n" * 250 + ".jpg")).exists()
    assert len(move_back(aside)) == 2
    assert snapshot(data) == before


def test_relative_paths_count_from_where_it_was_called(data, tmp_path, monkeypatch):
    before = snapshot(data)
    monkeypatch.chdir(tmp_path)
    move_aside([Finding("data", "cats/1.jpg", "cut")], ["data"], "aside")
    monkeypatch.chdir(data)
    move_back("../aside")
    assert snapshot(data) == before


# --- Stopped at any moment ------------------------------------------------------------------------

_KILLED = """
    import os, sys, errno
    from catdog_data.verification import quarantine
    from catdog_data.verification.findings import Finding

    root, aside, names, across, back = eval(sys.argv[1])

    def run(stop_at):
        calls = 0
        def counting(function):
            def call(*args, **options):
                nonlocal calls
                if calls == stop_at:
                    os._exit(9)
                calls += 1
                return function(*args, **options)
            return call
        rename = os.rename
        def within(source, target):
            if os.path.dirname(source) != os.path.dirname(target):
                raise OSError(errno.EXDEV, "another file system")
            rename(source, target)
        os.rename = counting(within if across else rename)
        for name in ("replace", "unlink", "mkdir", "rmdir", "fsync"):
            setattr(os, name, counting(getattr(os, name)))
        quarantine.shutil.copystat = counting(quarantine.shutil.copystat)
        quarantine.write_atomically = counting(quarantine.write_atomically)
        if back:
            quarantine.move_back(aside)
        else:
            found = [Finding(root, name, "cut") for name in names]
            quarantine.move_aside(found, [root], aside)

    for stop_at in range(10**6):
        child = os.fork()
        if not child:
            try:
                run(stop_at)
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)
        if sys.stdin.readline() != "on\\n" or status != 9:
            break
"""


@pytest.mark.parametrize("across", [False, True], ids=["one file system", "two file systems"])
@pytest.mark.parametrize("back", [False, True], ids=["aside", "back"])
def test_killed_at_every_step(data, tmp_path, across, back):
    """After each kill no file is lost or cut short; the same call, or an undo, completes it."""
    before = snapshot(data)
    aside = tmp_path / "aside"
    names = list(map(os.fsdecode, NAMES))
    given = [Finding(str(data), name, "cut") for name in names]
    if back:
        move_aside(given, [str(data)], aside)
    arguments = repr((str(data), str(aside), names, across, back))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_KILLED), arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        steps = 0
        while (said := process.stdout.readline().strip()) == "9":
            steps += 1
            at_both = snapshot(data, aside)
            for path, contents in before.items():
                moved = path.replace(os.fsencode(data), os.fsencode(aside), 1)
                assert contents in (at_both.get(path), at_both.get(moved)), path
                assert {at_both.get(path), at_both.get(moved)} <= {contents, None}, path
            # Half of the times it goes on, half of the times it goes back, and begins again.
            if steps % 2:
                if (aside / MANIFEST).exists():
                    move_back(aside)
                assert snapshot(data) == before
            if back:
                there = [each for each in given if os.path.lexists(each.path)]
                move_aside(there, [str(data)], aside)
                assert not any(os.path.lexists(each.path) for each in given)
            process.stdin.write("on\n")
            process.stdin.flush()
        assert said == "0"
        assert steps > 10
        process.stdin.close()
    if not back:
        assert len(snapshot(data)) == 2
        move_back(aside)
    assert snapshot(data) == before
    assert not aside.exists()


def test_a_full_disk_leaves_the_rest_where_it_is(data, tmp_path, monkeypatch):
    before = snapshot(data)
    aside = tmp_path / "aside"
    copy, copied = quarantine.shutil.copy2, []

    def until_full(*args, **options):
        if len(copied) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[1]))
        copied.append(args)
        return copy(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(quarantine.os, "rename", rename_within_a_folder)
        patched.setattr(quarantine.shutil, "copy2", until_full)
        with pytest.raises(OSError, match="No space left"):
            move_aside(findings(data), [str(data)], aside)
    assert len(snapshot(data)) == len(before) - 2
    assert len(move_back(aside)) == 2
    assert snapshot(data) == before


# --- Refused --------------------------------------------------------------------------------------


def test_other_files_at_the_old_places_stay(data, tmp_path):
    before = snapshot(data)
    aside = tmp_path / "aside"
    move_aside(findings(data), [str(data)], aside)
    (data / "cats" / "1.jpg").write_bytes(b"a better one")
    with pytest.raises(FileExistsError, match=r"4 files were moved back\. 1 were not"):
        move_back(aside)
    assert (data / "cats" / "1.jpg").read_bytes() == b"a better one"
    assert (aside / "cats" / "1.jpg").read_bytes() == b""
    (data / "cats" / "1.jpg").unlink()
    assert len(move_back(aside)) == 1
    assert snapshot(data) == before


def test_another_bad_file_of_the_same_name(data, tmp_path):
    aside = tmp_path / "aside"
    move_aside(findings(data), [str(data)], aside)
    (data / "cats" / "1.jpg").write_bytes(b"bad again")
    kept = snapshot(data, aside)
    with pytest.raises(FileExistsError, match=r"have the names of others.*'cats/1\.jpg'"):
        move_aside(findings(data)[:1], [str(data)], aside)
    assert snapshot(data, aside) == kept


@pytest.mark.parametrize("name", ["data", "data/cats", "data/cats/aside", "link"])
def test_a_quarantine_within_the_data(data, tmp_path, name):
    (tmp_path / "link").symlink_to(data / "cats")
    kept = snapshot(data)
    with pytest.raises(ValueError, match="must lie outside of the data set"):
        move_aside(findings(data), [str(data)], tmp_path / name)
    assert snapshot(data) == kept


def test_folders_that_are_no_quarantine(data, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds other files"):
        move_aside(findings(data), [str(data)], other)
    with pytest.raises(FileExistsError, match="is a file"):
        move_aside(findings(data), [str(data)], other / "notes.txt")
    with pytest.raises(FileNotFoundError, match=r"quarantine\.json, which is missing"):
        move_back(other)
    for damaged in ("{", "[]", '{"format": "catdog-quarantine-9", "moves": []}', '{"moves": 3}'):
        (other / MANIFEST).write_text(damaged)
        with pytest.raises(ValueError, match="must be the manifest of a quarantine"):
            move_back(other)
    assert len(snapshot(data)) == 6


def test_two_at_a_time(data, tmp_path):
    aside = tmp_path / "aside"
    move_aside(findings(data)[:1], [str(data)], aside)
    with locked(aside / ".lock"):
        with pytest.raises(TimeoutError, match="Another process"):
            move_aside(findings(data)[1:], [str(data)], aside)
        with pytest.raises(TimeoutError, match="Another process"):
            move_back(aside)
    assert len(move_back(aside)) == 1


def test_nothing_to_move_makes_no_folder(data, tmp_path):
    assert move_aside([], [str(data)], tmp_path / "aside") == []
    assert not (tmp_path / "aside").exists()


_NAMES = st.binary(min_size=1, max_size=40).map(os.fsdecode)
_PARTS = st.binary(min_size=1, max_size=30).filter(
    lambda part: part not in (b".", b"..") and not {*b"/\0"} & {*part}
)


@settings(max_examples=50, deadline=None)
@given(st.sets(_PARTS, min_size=1, max_size=5), _PARTS)
def test_files_of_any_name(tmp_path_factory, names, folder):
    root = tmp_path_factory.mktemp("any")
    top = Path(os.fsdecode(os.fsencode(root) + b"/data/" + folder))
    top.mkdir(parents=True)
    given = [
        Finding(str(root / "data"), os.fsdecode(folder + b"/" + name), "cut") for name in names
    ]
    for number, each in enumerate(given):
        Path(each.path).write_bytes(b"x" * number)
    before = snapshot(root)
    assert len(move_aside(given, [str(root / "data")], root / "aside")) == len(names)
    assert not snapshot(root / "data")
    move_back(root / "aside")
    assert snapshot(root) == before


@settings(deadline=None)
@given(st.lists(st.builds(Move, _NAMES, _NAMES, st.just("cut"), st.text(max_size=9))))
def test_manifests_can_be_read_again(tmp_path_factory, moves):
    folder = tmp_path_factory.mktemp("manifest")
    quarantine._write_manifest(folder, moves)
    assert quarantine._read_manifest(folder) == moves


@pytest.mark.usefixtures("file_systems")
def test_what_cannot_be_copied_stays_and_all_others_are_moved(data, tmp_path, request):
    across = "two" in request.node.name
    pipe = data / "cats" / "0.jpg"
    os.mkfifo(pipe)
    before = snapshot(data)
    aside = tmp_path / "aside"
    found = [Finding(str(data), "cats/0.jpg", "no-access", "no regular file"), *findings(data)]
    if across:
        with pytest.raises(OSError, match=r"5 files were moved. 1 were not.*0\.jpg.*--undo"):
            move_aside(found, [str(data)], aside)
    else:
        move_aside(found, [str(data)], aside)
    assert pipe.is_fifo() == across
    assert set(snapshot(data)) == {os.fsencode(data / "cats" / "good.jpg")}
    assert len(move_back(aside)) == (5 if across else 6)
    assert pipe.is_fifo()
    assert snapshot(data) == before
    assert not aside.exists()
