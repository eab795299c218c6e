"""Files and directories are whole or not there, whoever is killed and whoever else writes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catdog_data.system import sync
from catdog_data.system.atomic_directory import is_published, replaced_directory, staged
from catdog_data.system.atomic_files import replaced_file, write_atomically
from catdog_data.system.lock_file import locked

MARKER = {"kind": "test", "seed": 3}


class FailedError(Exception):
    pass


def process(code, *arguments):
    """Start Python in a process of its own, which may be killed."""
    begin = """
        import sys, time
        from pathlib import Path
        from catdog_data.system.atomic_directory import replaced_directory, staged
        from catdog_data.system.atomic_files import replaced_file, write_atomically
        from catdog_data.system.lock_file import locked
        path = Path(sys.argv[1])
        def hang():
            print("ready", flush=True)
            time.sleep(60)
    """
    text = textwrap.dedent(begin) + textwrap.dedent(code)
    command = [sys.executable, "-c", text, *map(str, arguments)]
    root = str(Path(__file__).parents[3])
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}
    )


def kill_when_ready(started):
    assert started.stdout.readline() == "ready\n"
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    started.stdout.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Files


def test_what_is_synced_and_when(tmp_path, monkeypatch):
    path, done = tmp_path / "a.txt", []
    of_handle, replace = os.fsync, os.replace

    def fsync(handle):
        done.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().name}")
        of_handle(handle)

    def rename(old, new):
        done.append(f"rename {Path(new).name}")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    write_atomically(path, b"new")
    assert done == ["sync .a.partial.txt", "rename a.txt", f"sync {tmp_path.name}"]


def test_an_error_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    with pytest.raises(FailedError), replaced_file(path) as unfinished:
        unfinished.write_bytes(b"half")
        raise FailedError

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_system_that_syncs_no_folders(tmp_path, monkeypatch):
    of_handle = os.fsync

    def fsync(handle):
        if os.path.isdir(handle):  # noqa: PTH112 (a handle)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        of_handle(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"in a folder that exists.*Create '.*none' first"):
        write_atomically(tmp_path / "none" / "a.txt", b"")


def test_a_killed_writer_leaves_the_older_file(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    for _ in range(2):
        hanging = """
            with replaced_file(path) as unfinished:
                unfinished.write_bytes(b"half")
                hang()
        """
        kill_when_ready(process(hanging, path))
        assert path.read_bytes() == b"old"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.txt"]


def test_processes_and_threads_that_write_one_file(tmp_path):
    path = tmp_path / "a.txt"
    many = """
        for i in range(60):
            write_atomically(path, (sys.argv[2] * 50_000).encode())
    """
    started = [process(many, path, letter) for letter in "ab"]
    with ThreadPoolExecutor(2) as threads:
        writing = [
            threads.submit(lambda b=b: [write_atomically(path, b * 50_000) for _ in range(60)])
            for b in (b"c", b"d")
        ]
        while any(each.poll() is None for each in started) or not all(w.done() for w in writing):
            if path.exists():
                content = path.read_bytes()
                assert content == content[:1] * 50_000
    assert [each.wait() for each in started] == [0, 0]
    assert [len(each.result()) for each in writing] == [60, 60]
    for each in started:
        each.stdout.close()
    assert names(tmp_path) == ["a.txt"]


# Locks


def test_a_lock_file_that_is_removed_again_and_again_locks(tmp_path):
    """Each holder removes the file, which others have opened and wait for."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    count = """
        for _ in range(150):
            with locked(path.with_name("lock")):
                number = int(path.read_text())
                path.write_text(str(number + 1))
    """
    started = [process(count, counter) for _ in range(3)]
    assert [each.wait() for each in started] == [0, 0, 0]
    for each in started:
        each.stdout.close()
    assert counter.read_text() == "450"
    assert names(tmp_path) == ["counter"]


def test_threads_lock_each_other_out(tmp_path):
    inside, most = 0, 0
    own = threading.Lock()

    def work(_):
        nonlocal inside, most
        with locked(tmp_path / "lock"):
            with own:
                inside += 1
                most = max(most, inside)
            time.sleep(0.001)
            with own:
                inside -= 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(20)))
    assert most == 1
    assert names(tmp_path) == []


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / "lock"
    holder = process("with locked(path): hang()", path)
    assert holder.stdout.readline() == "ready\n"
    with pytest.raises(TimeoutError), locked(path, timeout=0):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert names(tmp_path) == ["lock"]
    with locked(path, timeout=1):
        pass
    assert names(tmp_path) == []


# Directories


@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize("has_syncfs", [True, False])
def test_a_staged_directory_is_synced_before_it_is_renamed(
    tmp_path, monkeypatch, count, has_syncfs
):
    if not has_syncfs:
        monkeypatch.setattr(sync, "_sync_file_system", lambda _: False)
    synced, at_rename = [], []
    of_handle, rename = os.fsync, os.rename

    def fsync(handle):
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        of_handle(handle)

    def renamed(old, new):
        at_rename.extend(synced)
        rename(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", renamed)
    with staged(tmp_path / "out", MARKER) as staging:
        (staging / "sub").mkdir()
        for i in range(count):
            (staging / "sub" / str(i)).write_text("words")
        (staging / "link").symlink_to("sub")
    one_by_one = count == 3 or not has_syncfs
    assert ({*map(str, range(count)), "sub"} <= set(at_rename)) == one_by_one
    assert synced[-1] == tmp_path.name
    assert is_published(tmp_path / "out", MARKER)
    assert names(tmp_path) == ["out"]


STAGE = """
    with staged(path, {"kind": "test", "seed": 3}) as staging:
        (staging / "a.txt").write_text("words")
        hang()
"""


def test_what_a_killed_builder_left_is_removed_and_a_living_ones_is_not(tmp_path):
    out = tmp_path / "out"
    killed, living = process(STAGE, out), process(STAGE, out)
    assert living.stdout.readline() == "ready\n"
    kill_when_ready(killed)
    assert len(list(tmp_path.glob(".out.partial-*"))) == 2
    with staged(out, MARKER) as staging:
        (staging / "a.txt").write_text("words")
    (left,) = tmp_path.glob(".out.partial-*")
    assert (left / "a.txt").exists()
    living.kill()
    living.wait()
    living.stdout.close()
    with replaced_directory(out):
        pass
    assert names(tmp_path) == ["out"]


def test_a_lock_without_a_directory_is_removed(tmp_path):
    (tmp_path / ".out.lock-0123456789abcdef").touch()
    with staged(tmp_path / "out", MARKER):
        pass
    assert names(tmp_path) == ["out"]


def test_links_are_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").touch()
    (tmp_path / ".out.partial-0123456789abcdef").symlink_to(tmp_path / "data")
    with staged(tmp_path / "out", MARKER):
        pass
    assert names(tmp_path / "data") == ["a.txt"]


def test_builders_in_processes_and_threads_at_once(tmp_path):
    out = tmp_path / "out"
    build = """
        for i in range(20):
            with staged(path / str(i), {"kind": "test", "seed": 3}) as staging:
                for j in range(5):
                    (staging / str(j)).write_text("words")
    """
    started = [process(build, out) for _ in range(2)]

    def work(i):
        with staged(out / str(i), MARKER) as staging:
            for j in range(5):
                (staging / str(j)).write_text("words")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, [i // 2 for i in range(40)]))
    assert [each.wait() for each in started] == [0, 0]
    for each in started:
        each.stdout.close()
    assert names(out) == sorted(map(str, range(20)))
    for i in range(20):
        assert len(names(out / str(i))) == 6
        assert is_published(out / str(i), MARKER)


def test_a_replaced_directory_keeps_the_older_one_on_an_error(tmp_path):
    out = tmp_path / "out"
    with replaced_directory(out) as unfinished:
        (unfinished / "old").touch()
    with pytest.raises(FailedError), replaced_directory(out) as unfinished:
        (unfinished / "new").touch()
        raise FailedError
    assert names(out) == ["old"]
    killed = """
        with replaced_directory(path) as unfinished:
            (unfinished / "new").touch()
            hang()
    """
    kill_when_ready(process(killed, out))
    assert names(out) == ["old"]
    with replaced_directory(out) as unfinished:
        (unfinished / "new").touch()
    assert names(out) == ["new"]
    assert names(tmp_path) == ["out"]


def test_a_process_killed_between_the_two_renames_loses_nothing(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    killed = """
        import os
        rename = os.rename
        def hang_after(old, new):
            rename(old, new)
            hang()
        os.rename = hang_after
        with replaced_directory(path):
            pass
    """
    kill_when_ready(process(killed, out))
    assert not out.exists()
    with pytest.raises(FailedError), replaced_directory(out):
        raise FailedError
    assert names(out) == ["old"]
    assert names(tmp_path) == ["out"]


def test_a_directory_that_cannot_be_renamed_leaves_the_older_one(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    rename, times = os.rename, []

    def fails_second(old, new):
        times.append(new)
        if len(times) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(old, new)

    monkeypatch.setattr(os, "rename", fails_second)
    with pytest.raises(OSError, match="Input/output"), replaced_directory(out):
        pass
    assert names(out) == ["old"]
    assert names(tmp_path) == ["out"]


def test_a_folder_that_may_only_be_read():
    """What is published there is known; nothing is written, and the system's error says so."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name, "folder")
        folder.mkdir()
        with staged(folder / "there", MARKER):
            pass
        folder.chmod(0o555)
        code = """
            import os
            from catdog_data.system.atomic_directory import is_published
            if os.geteuid() == 0:  # who may write anywhere
                write_atomically(path.parent / "first", b"")  # imports what is imported when used
                (path.parent / "first").unlink()
                os.seteuid(65534)
            assert is_published(path / "there", {"kind": "test", "seed": 3})
            def refused(write):
                try:
                    write()
                except PermissionError:
                    return True
            def fill(way, *more):
                with way(path / "new", *more):
                    pass
            assert refused(lambda: fill(staged, {"seed": 3}))
            assert refused(lambda: fill(replaced_directory))
            assert refused(lambda: write_atomically(path / "new", b"words"))
        """
        started = process(code, folder)
        assert started.wait() == 0
        started.stdout.close()
        assert names(folder) == ["there"]
        folder.chmod(0o755)


def test_what_killed_processes_left_is_removed_once_it_is_old(tmp_path):
    path = tmp_path / "history[1].csv"
    old, new = (tmp_path / f".history[1].partial.{each * 16}.csv" for each in "ab")
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    write_atomically(path, b"whole")
    assert sorted(tmp_path.iterdir()) == sorted([new, path])
