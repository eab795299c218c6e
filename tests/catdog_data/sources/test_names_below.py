"""The names that files have in the order of hashes, wherever their folder lies."""

from __future__ import annotations

import os

import pytest

from catdog_data.sources.hash_order import names_below


def joined(root: str, name: str) -> str:
    """Join as the listing does, which keeps "./"."""
    return os.path.join(root, name)  # noqa: PTH118


@pytest.mark.parametrize("root", ["pets", "pets/", "./pets", "/data/pets", "../pets", ".", "/"])
@pytest.mark.parametrize("name", ["1.jpg", "cats/1.jpg", "ü/\udcff.jpg", "../beside/1.jpg"])
def test_names_count_from_the_root_however_it_is_written(root, name):
    assert names_below([joined(root, name)], root) == [name]


def test_a_second_separator_does_not_count():
    assert names_below(["pets//cats/1.jpg"], "pets/") == ["cats/1.jpg"]


@pytest.mark.parametrize("spelled", ["./cats/1.jpg", "cats//1.jpg", "dogs/../cats/1.jpg"])
@pytest.mark.parametrize("root", ["", "pets"])
def test_spellings_of_one_path_are_one_name(spelled, root):
    assert names_below([joined(root, spelled)], root) == ["cats/1.jpg"]


def test_a_path_elsewhere_does_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = str(tmp_path / "1.jpg")
    assert names_below([inside, "/elsewhere/1.jpg"], "") == [inside, "/elsewhere/1.jpg"]
    assert names_below([inside, "petshop/1.jpg"], "pets") == [inside, "petshop/1.jpg"]
