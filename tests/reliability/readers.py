"""What reads mutated files: every reader of the package by its public face, and its reference."""

from __future__ import annotations

import os
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.reliability.whole_images import whole_images

SIDE = 64
"""Pixels of a side that images are resized to: more than whole files have, so that all are seen."""


class Answer(NamedTuple):
    """What a reader made of a file.

    Args:
        pixels: uint8[H, W, C], or of an archive its files; None if it was refused.
        said: the error, in a line.
        fault: what must never happen, "" if nothing of that kind.
    """

    pixels: Any
    said: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Reader:
    """A reader.

    Args:
        read: from files to a call for each in turn, which returns its pixels or raises.
        reference: from one file to the pixels that are expected.
    """

    read: Callable[[Sequence[str]], Iterator[Callable[[], Any]]]
    reference: Callable[[str], Any]


def tasks() -> dict[str, Callable[[Sequence[str]], Iterator[Answer]]]:
    """Make the tasks of a `Watched` process: each reader's, and "reference of" it."""
    import keras  # noqa: F401 (part of the imported process, as what is below)

    from catdog_data import ImageDataGenerator, image_dataset_from_dataframe  # noqa: F401

    warnings.filterwarnings("ignore")
    made: dict[str, Callable[[Sequence[str]], Iterator[Answer]]] = {}
    for name, reader in READERS.items():
        made[name] = lambda paths, read=reader.read: _answers(paths, read(paths))
        made[f"reference of {name}"] = lambda paths, reference=reader.reference: _answers(
            paths, (lambda path=path: reference(path) for path in paths)
        )
    return made


def _answers(paths: Sequence[str], calls: Iterator[Callable[[], Any]]) -> Iterator[Answer]:
    for path, call in zip(paths, calls, strict=True):
        try:
            yield Answer(call())
        except Exception as error:  # whatever it is, it is looked at
            fault = "" if path in str(error) else "not named"
            yield Answer(None, _line(error, path), fault)


def _line(error: Exception, path: str) -> str:
    from catdog_data.decoding.unreadable import sentence_of

    lines = sentence_of(error).replace(path, "FILE").splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _adapter(color_mode: str) -> Reader:
    """`ImageDataGenerator`, which reads images as `keras.utils.load_img` does."""

    def read(paths: Sequence[str]) -> Iterator[Callable[[], NDArray[Any]]]:
        from catdog_data import ImageDataGenerator

        flow = ImageDataGenerator().flow_from_dataframe(
            _frame(paths),
            class_mode=None,
            target_size=(SIDE, SIDE),
            color_mode=color_mode,
            batch_size=1,
            shuffle=False,
            validate_filenames=False,
        )
        for _ in paths:
            yield lambda: _levels(next(flow)[0])

    def reference(path: str) -> NDArray[Any]:
        import keras

        options = {"color_mode": color_mode, "target_size": (SIDE, SIDE)}
        return _levels(keras.utils.img_to_array(keras.utils.load_img(path, **options)))

    return Reader(read, reference)


def _dataset(decode: str, side: int) -> Reader:
    """The tf.data API; the reference has Pillow's pixels, resized by TensorFlow."""

    def read(paths: Sequence[str]) -> Iterator[Callable[[], NDArray[Any]]]:
        from catdog_data import image_dataset_from_dataframe

        dataset = image_dataset_from_dataframe(
            _frame(paths), label_mode=None, image_size=side, decode=decode, **_ONE_BY_ONE
        )
        batches = iter(dataset)
        for _ in paths:
            yield lambda: _levels(next(batches)[0].numpy())

    def reference(path: str) -> NDArray[Any]:
        from PIL import Image

        with Image.open(path) as image:
            return _resized(np.asarray(image.convert("RGB")), side)

    return Reader(read, reference)


def _masks() -> Reader:
    """Files of class numbers; the reference has the values that Pillow finds in them."""

    def read(paths: Sequence[str]) -> Iterator[Callable[[], NDArray[Any]]]:
        from catdog_data import image_dataset_from_dataframe

        image = Path(paths[0]).with_name("image.png")
        image.write_bytes(next(iter(whole_images()["png"].values())))
        frame = _frame(paths).rename(columns={"filename": "class"}).assign(filename=str(image))
        batches = iter(
            image_dataset_from_dataframe(frame, label_mode="mask", image_size=SIDE, **_ONE_BY_ONE)
        )
        for _ in paths:
            yield lambda: next(batches)[1][0].numpy()

    def reference(path: str) -> NDArray[Any]:
        from PIL import Image

        with Image.open(path) as image:
            values = np.asarray(image)
        if values.ndim != 2 or values.min() < 0 or values.max() > 255:
            raise ValueError("no mask")
        return _resized(values.astype(np.uint8)[..., np.newaxis], SIDE)

    return Reader(read, reference)


_ONE_BY_ONE: dict[str, Any] = {
    "batch_size": 1,
    "shuffle": False,
    "interpolation": "nearest",
    "validate_filenames": False,
    "verbose": False,
}


def _resized(pixels: NDArray[np.uint8], side: int) -> NDArray[Any]:
    import tensorflow as tf

    return _levels(tf.image.resize(pixels, (side, side), "nearest").numpy())


def _frame(paths: Sequence[str]) -> Any:
    import pandas as pd

    return pd.DataFrame({"filename": paths})


def _levels(image: NDArray[Any]) -> NDArray[Any]:
    """Keep values in the fewest bytes; those of a 16-bit grayscale image are not in 0 to 255."""
    as_bytes = image.astype(np.uint8)
    return as_bytes if np.array_equal(as_bytes, image) else image


def _unpacked(paths: Sequence[str]) -> Iterator[Callable[[], dict[str, bytes]]]:
    from catdog_data.archives.unpack import unpack

    def unpacked(path: str) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            try:
                unpack(path, root / "new" / "out", progress=False)
            except Exception:
                _check_nothing_left(root)
                raise
            return _files_in(root)

    for path in paths:
        yield lambda path=path: unpacked(path)


def _check_nothing_left(root: Path) -> None:
    left = [str(each) for each in root.rglob("*") if each.name != "new"]
    if left:
        raise AssertionError(f"left behind: {left}")


def _files_in(root: Path) -> dict[str, bytes]:
    """Read all files; those beside the destination begin with `..`."""
    return {
        os.path.relpath(each, root / "new" / "out"): each.read_bytes()
        for each in root.rglob("*")
        if each.is_file() and not each.name.startswith(".catdog")
    }


def _unpacked_by_python(path: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "new", "out")
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _check_total(info.file_size for info in archive.infolist())
                archive.extractall(out)
        else:
            with tarfile.open(path) as archive:
                _check_total(info.size for info in archive)
                archive.extractall(out, filter="data")
        return _files_in(Path(folder))


def _check_total(sizes: Iterator[int]) -> None:
    if sum(sizes) > 1 << 30:
        raise ValueError("more than a GiB")


IMAGE_READERS = {
    "adapter": _adapter("rgb"),
    "adapter, grayscale": _adapter("grayscale"),
    "datasets": _dataset("exact", SIDE),
    "datasets, fast": _dataset("fast", SIDE // 4),
    "masks": _masks(),
}
ARCHIVE_READERS = {"unpack": Reader(_unpacked, _unpacked_by_python)}
READERS = {**IMAGE_READERS, **ARCHIVE_READERS}
