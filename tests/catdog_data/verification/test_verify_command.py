"""`catdog-data verify`: its exit codes, and what it prints, writes and moves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import save_picture
from corrupt_files import break_inside

import catdog_data
from catdog_data import image_dataset_from_directory
from catdog_data.cli import main
from catdog_data.verification import verify as verification
from catdog_data.verification.decoder_messages import counted_messages
from catdog_data.verification.journal import Journal, key_of

_ROOT = Path(catdog_data.__file__).parents[1]
_COMMAND = (sys.executable, "-c", "from catdog_data.cli import main; main()")


@pytest.fixture
def pets(tmp_path):
    for i in range(3):
        save_picture(tmp_path / "pets" / "cats" / f"{i}.jpg", (40, 30), i)
        save_picture(tmp_path / "pets" / "dogs" / f"{i}.jpg", (40, 30), 10 + i)
    return tmp_path / "pets"


@pytest.fixture
def broken(pets):
    (pets / "cats" / "[b]0.jpg").write_bytes(b"")
    break_inside(pets / "dogs" / "1.jpg")
    return pets


def run(*arguments):
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def test_a_clean_folder(pets):
    result = run(pets)
    assert result.exit_code == 0, result.output
    assert "All of 6 files are good." in result.stdout
    assert "40" in result.stdout


def test_bad_files_are_named(broken):
    (broken / "cats" / "notes.txt").touch()
    result = run(broken)
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "2 of 7 files are bad." in said
    assert f"empty {broken}/cats/[b]0.jpg" in said
    assert f"damaged {broken}/dogs/1.jpg" in said
    assert "by their ending: 1 .txt." in said


def test_json_alone_on_standard_output(broken):
    result = run(broken, "--json")
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert content["counts"] == {"empty": 1, "damaged": 1}
    assert isinstance(content["decoder_warnings"], dict)


def test_findings_that_count_as_bad(broken):
    shutil.copy(broken / "cats" / "1.jpg", broken / "cats" / "9.jpg")
    assert json.loads(run(broken, "--json", "--bad", "duplicate").stdout)["bad"] == 1
    assert json.loads(run(broken, "--json", "--bad", "unreadable, duplicate").stdout)["bad"] == 3
    assert run(broken, "--bad", "16-bit").exit_code == 0


def test_a_list_is_what_readers_take(broken, tmp_path):
    strange = Path(os.fsdecode(os.fsencode(broken) + b"/dogs/\xe9\n#.jpg"))
    strange.write_bytes(b"x")
    assert run(broken, "--list", tmp_path / "bad.txt").exit_code == 1
    assert (tmp_path / "bad.txt").read_bytes().splitlines()[1:] == [
        b"cats/[b]0.jpg",
        b"dogs/1.jpg",
        b'"dogs/\\udce9\\n#.jpg"',
    ]
    dataset = image_dataset_from_directory(
        broken, exclude=tmp_path / "bad.txt", image_size=4, verbose=False
    )
    assert sum(len(labels) for _, labels in dataset) == 5


def test_a_list_of_several_folders_is_for_each_of_them(broken, pets, tmp_path):
    shutil.copytree(broken, tmp_path / "more")
    run(broken, tmp_path / "more", "--list", tmp_path / "bad.txt")
    for folder in (broken, tmp_path / "more"):
        dataset = image_dataset_from_directory(
            folder, exclude=tmp_path / "bad.txt", image_size=4, verbose=False
        )
        assert len(dataset.file_paths) == 5


def test_a_list_of_nothing(pets, tmp_path):
    assert run(pets, "--list", tmp_path / "bad.txt").exit_code == 0
    dataset = image_dataset_from_directory(pets, exclude=tmp_path / "bad.txt", verbose=False)
    assert len(dataset.file_paths) == 6


def test_quarantine_and_undo(broken, tmp_path):
    before = {path: path.read_bytes() for path in broken.rglob("*.jpg")}
    result = run(broken, "--quarantine", tmp_path / "bad")
    assert result.exit_code == 1
    assert "2 files moved" in result.stderr
    assert (tmp_path / "bad" / "dogs" / "1.jpg").exists()
    assert run(broken).exit_code == 0
    result = run("--undo", tmp_path / "bad")
    assert (result.exit_code, result.stderr) == (0, "2 files moved back\n")
    assert {path: path.read_bytes() for path in broken.rglob("*.jpg")} == before


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("Give a folder of images", []),
        ("does not exist", ["nowhere"]),
        ("`bad` must be names of findings", ["PETS", "--bad", "broken"]),
        ("Give one of both", ["PETS", "--list", "a.txt", "--quarantine", "bad"]),
        ("--undo FOLDER goes alone", ["PETS", "--undo", "PETS"]),
        ("must lie outside of the data set", ["PETS", "--quarantine", "PETS/bad"]),
        ("quarantine.json, which is missing", ["--undo", "PETS"]),
        ("must hold images", ["EMPTY"]),
        ("is not in the range", ["PETS", "--max-pixels", "0"]),
    ],
)
def test_wrong_options(broken, tmp_path, message, arguments):
    (tmp_path / "empty").mkdir()
    places = {"PETS": str(broken), "EMPTY": str(tmp_path / "empty")}
    given = [
        each.replace("PETS", places["PETS"]).replace("EMPTY", places["EMPTY"]) for each in arguments
    ]
    result = run(*given)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.replace("│", " ").split())
    assert len(list(broken.rglob("*.jpg"))) == 7


def test_help_does_not_load_tensorflow():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom catdog_data.cli import main\n"
        "assert CliRunner().invoke(main, ['verify', '-h']).exit_code == 0\n"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_warnings_of_the_decoders_are_counted(pets):
    whole = (pets / "cats" / "0.jpg").read_bytes()
    for i in range(5):
        (pets / "cats" / f"padded{i}.jpg").write_bytes(whole[:-2] + bytes(9 + i) + whole[-2:])
    command = [*_COMMAND, "verify", str(pets)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)
    assert "Corrupt JPEG" not in done.stderr
    assert "5 x Corrupt JPEG data: # extraneous bytes before marker #" in done.stdout
    assert done.returncode == 0, done.stdout


def test_messages_are_counted_without_their_numbers(capfd):
    messages = Counter()
    with counted_messages(messages) as shown:
        os.write(2, b"Corrupt JPEG data: 7 bytes before 0xd9\nCorrupt JPEG data: 12 bytes ")
        os.write(2, b"before 0x00\n\nE0000 00:00:17.3    4167 jpeg_mem.cc:331] Stopped at 3/7")
        print("progress", file=shown)
    os.write(2, b"behind\n")
    assert capfd.readouterr().err == "progress\nbehind\n"
    assert messages == {"Corrupt JPEG data: # bytes before #": 2, "Stopped at #/#": 1}


def test_a_move_that_is_interrupted_says_how_to_go_on(broken, tmp_path, monkeypatch):
    rename, aside = os.rename, tmp_path / "bad"

    def once(*places):
        monkeypatch.setattr(os, "rename", interrupt)
        rename(*places)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", once)
    result = run(broken, "--quarantine", aside)
    monkeypatch.undo()
    assert result.exit_code == 130
    assert f"to move the rest, or `catdog-data verify --undo {aside}`" in result.stderr
    result = run("--undo", aside)
    assert (result.exit_code, result.stderr) == (0, "1 files moved back\n")
    assert len(list(broken.rglob("*.jpg"))) == 7


def test_what_was_found_before_an_interruption_is_not_looked_at_again(pets, tmp_path, monkeypatch):
    for i in range(70):
        save_picture(pets / "dogs" / f"more{i}.png", (20, 15), i)
    break_inside(pets / "cats" / "1.jpg")
    (pets / "cats" / "empty.jpg").write_bytes(b"")
    expected = json.loads(run(pets, "--json").stdout)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    look, looked_at = verification._Checker.look, []

    def interrupted(self, files):
        if len(looked_at) > 40:
            raise KeyboardInterrupt
        return noted(self, files)

    def noted(self, files):
        looked_at.extend(file.name for file in files)
        return look(self, files)

    monkeypatch.setattr(verification, "in_threads", lambda each, some, threads: map(each, some))
    monkeypatch.setattr(verification._Checker, "look", interrupted)
    result = run(pets, "--json")
    assert result.exit_code == 130
    assert "run the same command again to go on" in result.stderr
    before = {*looked_at}
    assert len(before) == 64
    # What changes is looked at again, and what was empty; a line that was cut is passed over.
    save_picture(pets / "cats" / "0.jpg", (44, 33), 99)
    os.utime(pets / "cats" / "2.jpg", ns=(1, 1))
    (journal,) = (tmp_path / "caches" / "catdog" / "verify").iterdir()
    journal.write_text(journal.read_text()[:-9])
    *_, cut = journal.read_text().splitlines()
    looked_at.clear()
    monkeypatch.setattr(verification._Checker, "look", noted)
    # With other settings, nothing is known.
    assert run(pets, "--json", "--max-pixels", 10_000).exit_code == 1
    assert len(looked_at) == 77
    looked_at.clear()
    found = json.loads(run(pets, "--json").stdout)
    again = {
        "cats/0.jpg",
        "cats/2.jpg",
        "cats/empty.jpg",
        *(each for each in before if each in cut),
    }
    assert {*looked_at} & before == again
    assert len(again) == 4
    assert len({*looked_at} | before) == 77
    assert found["findings"] == expected["findings"]
    assert found["formats"] == expected["formats"]
    assert found["sizes"]["width"]["max"] == 44
    looked_at.clear()
    assert run(pets, "--json").exit_code == 1  # all of them: nothing is left of a run that ended
    assert len(looked_at) == 77


def test_where_nothing_can_be_kept_files_are_looked_at(pets, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match="it begins again.*file"):
        assert run(pets).exit_code == 0


def test_a_journal_is_kept_for_a_week(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    key = key_of(str(tmp_path))
    Journal({"a": 1}).add([(key, "\udcff")])
    assert Journal({"a": 1}).known == {key: "\udcff"}
    assert not Journal({"a": 2}).known
    (path,) = (tmp_path / "catdog" / "verify").iterdir()
    os.utime(path, (time.time() - 8 * 86400,) * 2)
    assert not Journal({"a": 1}).known
    assert not path.exists()


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(pets, tmp_path):
    image = (pets / "cats" / "0.jpg").read_bytes()
    for i in range(20_000):
        (pets / "cats" / f"more{i}.jpg").write_bytes(image)
    command = [*_COMMAND, "verify", str(pets)]
    caches = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "caches")}
    with subprocess.Popen(
        command, cwd=_ROOT, stderr=subprocess.PIPE, text=True, env=caches
    ) as process:
        # It is looking at files once it keeps what it has found of the first.
        while process.poll() is None and not list(tmp_path.glob("caches/catdog/verify/*")):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
