"""The images that workloads are about: those of the run, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.workloads import Images

_SMALL_SIDE, _LARGE_SIZE = 64, (4000, 3000)
_COUNTS = {"small": 2000, "large": 24, "png": 400, "many": 10_000}
_GRAIN = 6.0  # levels of 255: enlarged pictures are smooth, sensors are not
_LOOKED_AT = 200
_CHECKED = 96


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A directory of class folders, and what its files are like.

    Attributes:
        directory: The class folders.
        count: Images in it.
        mean_kilobytes: Of a file.
        mean_pixels: Width times height of an image, of a sample.
        formats: Suffixes of the files.
        origin: Where they come from.
    """

    directory: Path
    count: int
    mean_kilobytes: float
    mean_pixels: int
    formats: tuple[str, ...]
    origin: str

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return _image_paths(self.directory)

    def as_json(self) -> dict[str, Any]:
        """Tell what the files are like, without where they are."""
        return {key: value for key, value in asdict(self).items() if key != "directory"}


def describe(directory: Path, origin: str) -> DataSet:
    """Look at the files of class folders.

    Raises:
        ValueError: There are none.
    """
    paths = _image_paths(directory)
    if not paths:
        raise ValueError(
            "Images must be in folders named by class. Received: "
            f"{str(directory)!r}, without any. Give --data a directory that has such folders."
        )
    every = max(1, len(paths) // _LOOKED_AT)
    sizes = [_pixels(path) for path in paths[::every]]
    return DataSet(
        directory=directory,
        count=len(paths),
        mean_kilobytes=round(sum(path.stat().st_size for path in paths) / len(paths) / 1000, 1),
        mean_pixels=round(sum(sizes) / len(sizes)),
        formats=tuple(sorted({path.suffix.lower() for path in paths})),
        origin=origin,
    )


def derive(given: DataSet, kind: Images, scratch: Path) -> DataSet:
    """Make the images of a workload from those of the run; at once if they were made before.

    Args:
        given: The images of the run.
        kind: Which are wanted.
        scratch: Folder for what is made.
    """
    if kind == "given":
        return given
    target = scratch / kind
    if not target.exists():
        _MAKERS[kind](given.paths, target)
    return describe(target, f"made of the others: {_WORDS[kind]}")


def subset(given: DataSet, scratch: Path) -> DataSet:
    """Link to a few images of each class, for the check that all compute the same."""
    target = scratch / "checked"
    if not target.exists():
        by_class: dict[str, list[Path]] = {}
        for path in given.paths:
            by_class.setdefault(path.parent.name, []).append(path)
        for paths in by_class.values():
            for path in paths[: max(1, _CHECKED // len(by_class))]:
                _place(path, target, path.name).symlink_to(path)
    return describe(target, "the first of each class")


def _small(paths: Sequence[Path], target: Path) -> None:
    for i, path in _repeated(paths, "small"):
        image = Image.open(path).convert("RGB").resize((_SMALL_SIDE,) * 2, Image.Resampling.LANCZOS)
        image.save(_place(path, target, f"{i:05d}.jpg"), quality=90)


def _large(paths: Sequence[Path], target: Path) -> None:
    random = np.random.default_rng(0)
    for i, path in _repeated(_mixed(paths), "large"):
        image = Image.open(path).convert("RGB").resize(_LARGE_SIZE, Image.Resampling.BICUBIC)
        grain = random.normal(0, _GRAIN, (*image.size[::-1], 1)).astype(np.float32)
        pixels = np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(_place(path, target, f"{i:05d}.jpg"), quality=90)


def _png(paths: Sequence[Path], target: Path) -> None:
    for i, path in _repeated(_mixed(paths), "png"):
        Image.open(path).convert("RGB").save(_place(path, target, f"{i:05d}.png"))


def _many(paths: Sequence[Path], target: Path) -> None:
    for i, path in _repeated(paths, "many"):
        _place(path, target, f"{i:05d}{path.suffix}").symlink_to(path)


_MAKERS: dict[str, Callable[[Sequence[Path], Path], None]] = {
    "small": _small,
    "large": _large,
    "png": _png,
    "many": _many,
}
_WORDS = {
    "small": "scaled to 64x64",
    "large": "enlarged to 4000x3000, with grain",
    "png": "as PNG",
    "many": "links to them, until there are 10,000",
}


def _mixed(paths: Sequence[Path]) -> list[Path]:
    """Order paths so that all classes are among the first."""
    return [paths[i] for i in np.random.default_rng(0).permutation(len(paths))]


def _repeated(paths: Sequence[Path], kind: str) -> list[tuple[int, Path]]:
    return [(i, paths[i % len(paths)]) for i in range(_COUNTS[kind])]


def _place(path: Path, target: Path, name: str) -> Path:
    folder = target / path.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _image_paths(directory: Path) -> list[Path]:
    """List the images by the library's own rules."""
    from catdog_data import index_class_folders

    index = index_class_folders(directory)
    return [Path(index.root).absolute() / name for name in index.filenames]


def _pixels(path: Path) -> int:
    with Image.open(path) as image:
        pixels: int = image.width * image.height
        return pixels
