"""Damaged files at every reader, a few: `python -m tests.reliability.fuzz` reads 20,000."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.reliability import fuzz
from tests.reliability.mutations import MUTATIONS, mutated_archive, mutated_image, with_field
from tests.reliability.parts_of_files import dimensions_in, parts_of, sealed, sizes_in
from tests.reliability.readers import Answer
from tests.reliability.watched import Failed
from tests.reliability.whole_images import whole_images


def opened(contents):
    return np.asarray(Image.open(io.BytesIO(contents)).convert("RGBA"))


@pytest.mark.parametrize("kind", whole_images())
def test_whole_files_are_readable_and_join_from_their_parts(kind):
    for name, contents in whole_images()[kind].items():
        width, height = map(int, name.rpartition("-")[2].split("x"))
        assert opened(contents).shape == (height, width, 4)
        assert b"".join(parts_of(kind, contents)) == sealed(kind, contents) == contents
        assert sizes_in(kind, contents)


def test_interlaced_files_show_the_same():
    files = whole_images()["png"]
    for name in files:
        other = name.replace("-interlaced", "")
        np.testing.assert_array_equal(opened(files[name]), opened(files[other]), err_msg=name)


@pytest.mark.parametrize("make", [mutated_image, mutated_archive])
def test_a_number_makes_the_same_file_alone(make):
    files = [make(3, number) for number in range(60)]
    assert files[41] == make(3, 41)
    assert files[41] != make(4, 41)
    assert len({each.contents for each in files}) > 40
    assert {name for each in files for name in each.mutations} >= set(MUTATIONS)


@pytest.mark.parametrize("kind", sorted({*whole_images()} - {"webp"}))
def test_declared_sizes_are_those_that_pillow_finds(kind):
    rng = np.random.default_rng(0)
    for name, contents in whole_images()[kind].items():
        for at, form in reversed(dimensions_in(kind, contents)):
            contents = with_field(rng, kind, contents, at, form, 77)
        assert Image.open(io.BytesIO(sealed(kind, contents))).size == (77, 77), name


class Scripted:
    """Stands for a process: fails where a path among those it is given says how."""

    def run(self, _task, paths, patience=1.0):
        for path in paths:
            if path in ("signal 11", "memory") or (path == "hang" and len(paths) < 3):
                raise Failed(path, [])
        return [Answer(None, "said") for _ in paths], int(
            9e9 * ("huge" in paths) * (len(paths) > 1)
        )


def test_the_file_that_fails_is_found():
    paths = ["a", "b", "signal 11", "c", "memory", "hang", "d"]
    answers = fuzz._answers(Scripted(), "reader", paths)
    assert [each.fault for each in answers] == ["", "", "signal 11", "", "memory", "hang", ""]
    faults = [each.fault for each in fuzz._answers(Scripted(), "reader", ["a", "b", "huge", "c"])]
    assert faults == ["", "", "memory: 9.0 GB, together with 1 others", ""]


def test_verdicts():
    pixels = np.zeros((2, 2, 3), np.uint8)
    ours, other = Answer(pixels), Answer(pixels + np.uint8(3))
    refused = Answer(None, "no", "not named")
    assert fuzz._verdict(ours, ours).outcome == fuzz.EQUAL
    assert (fuzz._verdict(ours, other).outcome, fuzz._verdict(ours, other).levels) == (
        fuzz.DIFFER,
        3,
    )
    assert fuzz._verdict(ours, refused).outcome == fuzz.OURS
    assert fuzz._verdict(ours, refused).fault == ""
    assert fuzz._verdict(refused, ours).outcome == fuzz.THEIRS
    assert fuzz._verdict(refused, refused).fault == "not named"


@pytest.mark.slow
def test_few(tmp_path, capsys, monkeypatch):
    results = tmp_path / "results.jsonl"
    command = ["--from", "0", "--to", "70", "--workers", "1", "--json", str(results)]
    with pytest.raises(SystemExit) as ended:
        fuzz.main(command)
    assert ended.value.code == 0, capsys.readouterr().out
    lines = results.read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(70))
    said = capsys.readouterr().out
    assert "both read, equal" in said

    monkeypatch.setattr(fuzz, "Watched", None)
    with pytest.raises(SystemExit) as ended:  # nothing is left to be read
        fuzz.main(command)
    assert ended.value.code == 0
    assert capsys.readouterr().out == said
    assert results.read_text().splitlines() == lines


@pytest.mark.slow
@pytest.mark.parametrize("command", [["--to", "1000"], ["--archives", "--to", "300"]])
def test_many(command, capsys):
    with pytest.raises(SystemExit) as ended:
        fuzz.main(command)
    assert ended.value.code == 0, capsys.readouterr().out
