"""The images that workloads are about: those of the run, and what is made of them."""

from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.workloads import Images

_GRAIN = 6.0  # levels of 255: enlarged pictures are smooth, sensors are not
_LOOKED_AT = 200
_CHECKED = 96
_KINDS = {
    "small": (2000, ".jpg", "scaled to 64x64"),
    "large": (24, ".jpg", "enlarged to 4000x3000, with grain"),
    "png": (400, ".png", "as PNG"),
    "many": (10_000, "", "links to them, until there are 10,000"),
}
"""Their number, the suffix of their files, and what was done."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A directory of class folders, and what its files are like."""

    directory: Path
    count: int
    mean_kilobytes: float  # of a file
    mean_pixels: int  # width times height of an image, of a sample
    formats: tuple[str, ...]  # suffixes of the files
    origin: str  # where they come from

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return _image_paths(self.directory)

    def as_json(self) -> dict[str, Any]:
        """Return what the files are like, without where they are."""
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
    """Make the images of a workload from those of the run, unless `scratch` has them already."""
    from catdog_data.decoding.open_image import open_image

    if kind == "given":
        return given
    count, suffix, words = _KINDS[kind]
    target, random = scratch / kind, np.random.default_rng(0)
    if not target.exists():
        # In an order in which all classes are among the first.
        paths = [given.paths[i] for i in random.permutation(given.count)]
        for i, path in enumerate(islice(cycle(paths), count)):
            made = _place(path, target, f"{i:05d}{suffix or path.suffix}")
            if kind == "many":
                made.symlink_to(path)
            else:
                _converted(open_image(path).convert("RGB"), kind, random).save(made, quality=90)
    return describe(target, f"made of the others: {words}")


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


def _converted(image: Image.Image, kind: Images, random: np.random.Generator) -> Image.Image:
    if kind == "small":
        return image.resize((64, 64), Image.Resampling.LANCZOS)
    if kind == "large":
        pixels = np.asarray(image.resize((4000, 3000), Image.Resampling.BICUBIC))
        grain = random.normal(0, _GRAIN, (*pixels.shape[:2], 1)).astype(np.float32)
        return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
    return image


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
    from catdog_data.decoding.open_image import open_image

    with open_image(path) as image:
        return int(image.width * image.height)
