"""Pipes, sockets and devices with the name of an image: found while listing, never opened."""

from __future__ import annotations

import os
import socket

import pytest

from catdog_data.sources.keras_folders import index_class_folders
from catdog_data.sources.list_files import list_labelled_files
from catdog_data.sources.masks import masks_beside

KINDS = ("pipe", "link to a pipe", "device", "socket")


def place(kind, path, monkeypatch):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a pipe":
        os.mkfifo(path.parent.parent / "pipe")
        path.symlink_to("../pipe")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        monkeypatch.chdir(path.parent)  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)


@pytest.fixture(params=KINDS)
def folder(request, tmp_path, monkeypatch):
    """Two images of a class, one a link to nowhere, and one that is no regular file."""
    (tmp_path / "images" / "cats").mkdir(parents=True)
    (tmp_path / "images" / "cats" / "1.png").touch()
    (tmp_path / "images" / "cats" / "2.png").symlink_to("nowhere")
    place(request.param, tmp_path / "images" / "cats" / "3.png", monkeypatch)
    os.mkfifo(tmp_path / "images" / "cats" / "notes")  # no image by its name, so nobody reads it
    return tmp_path / "images"


def names_by_datasets(folder, **options):
    files = list_labelled_files(folder, shuffle=False, **options)
    return [os.path.relpath(path, folder) for path in files.file_paths]


def names_by_generators(folder, **options):
    return list(index_class_folders(folder, **options).filenames)


@pytest.mark.parametrize("names", [names_by_datasets, names_by_generators])
def test_listings_refuse_them_by_name(folder, names):
    with pytest.raises(ValueError, match=r"must be regular files; 1 are .*cats/3\.png"):
        names(folder)
    assert names(folder, exclude=["cats/3.png"]) == ["cats/1.png", "cats/2.png"]
    everything = names(folder, regular_only=False)
    assert everything == ["cats/1.png", "cats/2.png", "cats/3.png"]


def test_masks_are_regular_files(folder):
    def masks(*names, **options):
        paths = [f"images/cats/{name}.jpg" for name in names]
        return list(masks_beside(paths, "images", folder, **options).values())

    with pytest.raises(ValueError, match=r"must be regular files; 1 are .*cats/3\.png"):
        masks("1", "3")
    assert masks("1", "2") == [f"{folder}/cats/1.png", f"{folder}/cats/2.png"]
    assert masks("3", regular_only=False) == [f"{folder}/cats/3.png"]
