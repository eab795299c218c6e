from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog_data.archives.find_folders import find_image_folders
from catdog_data.samples import generate as samples_module
from catdog_data.samples.generate import generate_sample_set

PER_CLASS = 80


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("samples") / "set"
    generate_sample_set(
        root, train_per_class=PER_CLASS, validation_per_class=PER_CLASS, progress=False
    )
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.jpg")}


def draw(root: Path, train: int = 3, validation: int = 1, seed: int = 0) -> dict[str, bytes]:
    generate_sample_set(
        root, train_per_class=train, validation_per_class=validation, seed=seed, progress=False
    )
    return tree(root)


def test_folders_names_and_counts(samples: Path) -> None:
    expected = {
        f"{split}/{kind}s/{kind}.{index}.jpg"
        for split in ("train", "validation")
        for kind in ("cat", "dog")
        for index in range(PER_CLASS)
    }
    assert tree(samples).keys() == expected
    folders = find_image_folders(samples)
    assert (folders.train, folders.validation) == (samples / "train", samples / "validation")
    assert len(set(tree(samples).values())) == 4 * PER_CLASS


def test_same_seed_same_bytes_whatever_the_counts(samples: Path, tmp_path: Path) -> None:
    few = draw(tmp_path / "few", train=5, validation=2)
    assert len(few) == 14
    many = tree(samples)
    assert few == {name: many[name] for name in few}


def test_other_seed_other_bytes(tmp_path: Path) -> None:
    first, second = (draw(tmp_path / str(seed), seed=seed) for seed in (1, 2))
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


def test_no_validation_folder_and_fixed_size(tmp_path: Path) -> None:
    folders = generate_sample_set(
        tmp_path / "set",
        train_per_class=2,
        validation_per_class=0,
        image_size=(32, 48),
        progress=False,
    )
    assert folders.validation is None
    assert find_image_folders(tmp_path / "set") == folders
    for path in folders.train.rglob("*.jpg"):
        with Image.open(path) as image:
            assert image.size == (48, 32)


def test_files_weigh_what_photographs_do(samples: Path) -> None:
    sizes, pixels, weight = set(), 0, 0
    for path in samples.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            assert not image.info.get("progressive")
            components = [(across, down) for _, across, down, _ in image.layer]
            assert components == [(2, 2), (1, 1), (1, 1)]
            sizes.add(image.size)
            pixels += image.width * image.height
        weight += path.stat().st_size
    assert len(sizes) > 50
    assert 8 * weight / pixels == pytest.approx(1.25, rel=0.25)
    assert pixels / (4 * PER_CLASS) == pytest.approx(151_000, rel=0.25)


def test_mean_colour_does_not_tell_the_classes(samples: Path) -> None:
    def means(folder: Path) -> np.ndarray:
        return np.stack(
            [np.asarray(Image.open(path), float).mean((0, 1)) for path in sorted(folder.iterdir())]
        )

    centres = np.stack([means(samples / "train" / kind).mean(0) for kind in ("cats", "dogs")])
    right = 0
    for label, kind in enumerate(("cats", "dogs")):
        distance = np.linalg.norm(means(samples / "validation" / kind)[:, None] - centres, axis=2)
        right += int((distance.argmin(1) == label).sum())
    assert right / (2 * PER_CLASS) < 0.7


def test_file_size_does_not_tell_the_classes(samples: Path) -> None:
    cats, dogs = (
        np.log([path.stat().st_size for path in samples.glob(f"*/{kind}/*.jpg")])
        for kind in ("cats", "dogs")
    )
    above = (cats[:, None] > dogs).mean()  # 0.5 if the distributions are the same
    assert abs(above - 0.5) < 0.12


def test_second_run_is_a_no_op(tmp_path: Path) -> None:
    root = tmp_path / "set"
    draw(root, train=1, validation=1)
    before = {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]}
    draw(root, train=1, validation=1)
    assert {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]} == before


def test_interrupted_run_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_jpeg = samples_module._draw_jpeg

    def interrupted(job: samples_module._Job) -> bytes:
        if job.index == 2:
            raise KeyboardInterrupt
        return draw_jpeg(job)

    with monkeypatch.context() as patch:
        patch.setattr(samples_module, "_draw_jpeg", interrupted)
        with pytest.raises(KeyboardInterrupt):
            draw(tmp_path / "set")
    assert not list(tmp_path.iterdir())
    assert len(draw(tmp_path / "set")) == 8


def test_other_settings_in_the_same_folder_raise(tmp_path: Path) -> None:
    root = tmp_path / "set"
    before = draw(root, train=1, validation=1)
    with pytest.raises(FileExistsError, match=r"seed=0.*seed=1"):
        draw(root, train=1, validation=1, seed=1)
    with pytest.raises(FileExistsError, match="train_per_class"):
        draw(root, train=2, validation=1)
    assert tree(root) == before


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("train_per_class", 0),
        ("validation_per_class", -1),
        ("seed", -1),
        ("image_size", (31, 100)),
    ],
)
def test_out_of_range(tmp_path: Path, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=setting):
        generate_sample_set(tmp_path / "set", progress=False, **{setting: value})
    assert not (tmp_path / "set").exists()
