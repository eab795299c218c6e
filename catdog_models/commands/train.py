"""`catdog-train`: from a folder of images to a trained model, its curves and a speed figure.

TensorFlow is imported inside the functions that need it, so that `--help` and wrong options
answer at once.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catdog_models.commands.train_data import BALANCES
from catdog_models.commands.train_run import (
    Settings,
    blame,
    made,
    repeat_to_the_bit,
    train_and_report,
)
from catdog_models.networks.precision import PRECISIONS
from catdog_models.training.recipes import ORIGINAL_AUGMENTED, RECIPES

if TYPE_CHECKING:
    from catdog_data.archives.find_folders import ImageFolders
    from catdog_models.commands.train_data import FoldNumber, RunData

# Small batches for the demo: validation follows batch normalisation's running averages, which take
# some hundred steps to settle, and 800 images in batches of 32 give only 25 steps per epoch.
_DEMO: dict[str, Any] = {"epochs": 14, "image_size": (64, 64), "batch_size": 16}
_SPEED_IMAGE_SIZE = (224, 224)
_SPEED_BATCH_SIZE = 32
_SPEED_DISTORTIONS: dict[str, Any] = {
    "horizontal_flip": True,
    "rotation_range": 30,
    "shear_range": 0.15,
    "zoom_range": 0.3,
}


def _image_size(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Read `128` or `128x96` (height x width)."""
    if value is None:
        return None
    sides = value.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise click.BadParameter(f"{value!r} must be N or HxW in pixels, such as 128 or 128x96.")
    return int(sides[0]), int(sides[-1])


def _names(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> list[str] | None:
    """Read `cats,dogs`."""
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    if len(names) < 2 or len(set(names)) != len(names) or not all(names):
        raise click.BadParameter(
            f"{value!r} must be two folder names or more with commas between, class 0 first, such "
            "as cats,dogs."
        )
    return names


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="Folder with one subfolder per class, or train and validation folders of such, "
    "or an archive of either.",
)
@click.option("--tfds", metavar="NAME", help="A prepared set of TensorFlow Datasets.")
@click.option("--demo", is_flag=True, help="Generate a small sample set and train on that.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("catdog-run"),
    show_default=True,
    help="Where to write the results. A run that was killed there goes on.",
)
@click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(list(RECIPES)),
    default=ORIGINAL_AUGMENTED.name,
    show_default=True,
    help="Network, distortions and schedule.",
)
@click.option(
    "--to-the-letter",
    is_flag=True,
    help="Repeat the notebook's mistakes too: its loss, and distorted validation images.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Passes over the training images.  [default: the recipe's; "
    f"with --demo {_DEMO['epochs']}]",
)
@click.option(
    "--image-size",
    callback=_image_size,
    metavar="N|HxW",
    help="Height and width in pixels.  [default: the recipe's; "
    f"with --demo {_DEMO['image_size'][0]}]",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help=f"Images per batch.  [default: the recipe's; with --demo {_DEMO['batch_size']}]",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", *PRECISIONS]),
    default="auto",
    show_default=True,
    help="What the network computes in; auto goes by the device.",
)
@click.option(
    "--cache",
    metavar="FOLDER|disk|memory",
    help="Decode images once, and keep them in a folder, the user's own for caches, or memory.",
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip", "replace"]),
    default="raise",
    show_default=True,
    help="Of images that cannot be read: end with the first, leave them out, or read another of "
    "their class in place of each.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=2020, show_default=True)
@click.option(
    "--classes",
    callback=_names,
    metavar="NAME,NAME,...",
    help="The class folders, class 0 first.  [default: all, sorted by name]",
)
@click.option(
    "--save-every",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How much work a killed run may lose.",
)
@click.option(
    "--exclude",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Files of --data to leave out, one a line, as `catdog-data verify --list` writes them.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    metavar="K",
    help="Cross-validation: train K models, each validated on another K-th of each class.",
)
@click.option(
    "--balance",
    type=click.Choice(BALANCES),
    help="Make uneven classes count alike: read as many images of each in an epoch as the largest "
    "has, or as the smallest has, or weigh their losses.",
)
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard, too.")
def main(
    data: Path | None,
    tfds: str | None,
    demo: bool,
    output: Path,
    recipe_name: str,
    to_the_letter: bool,
    epochs: int | None,
    image_size: tuple[int, int] | None,
    batch_size: int | None,
    precision: str,
    cache: str | None,
    on_error: str,
    seed: int,
    classes: list[str] | None,
    save_every: float,
    exclude: Path | None,
    folds: int | None,
    balance: str | None,
    tensorboard: bool,
) -> None:
    """Train a network to tell classes of images apart.

    Writes the models best.keras and last.keras, report.md with its pictures, history.csv,
    preview.png, recipe.json and input.json to the output folder. Run the same command again after
    a crash, and it goes on with the next batch, on a CPU to the same weights as if nothing had
    happened. With --folds, each fold has a folder of its own in it, and report.md is of all.
    """
    if sum((data is not None, tfds is not None, demo)) != 1:
        raise click.UsageError(
            "Give exactly one of --data PATH (your images), --tfds NAME (a set of TensorFlow "
            "Datasets) and --demo (a generated set)."
        )
    if tensorboard and find_spec("tensorboard") is None:
        raise click.UsageError(
            "--tensorboard needs the package tensorboard. Install it with "
            "`pip install catdog[tensorboard]`."
        )
    if exclude is not None and data is None:
        raise click.UsageError("--exclude names files of --data, which is not given.")
    given = {"epochs": epochs, "image_size": image_size, "batch_size": batch_size}
    changes = (_DEMO if demo else {}) | {k: v for k, v in given.items() if v is not None}
    recipe = replace(RECIPES[recipe_name], **changes)
    if to_the_letter:
        with blame("--to-the-letter", ValueError):
            recipe = recipe.to_the_letter()
    settings = Settings(output, recipe, seed, precision, cache, save_every, tensorboard, on_error)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from catdog_data.command_errors import said_plainly
    from catdog_models.networks.building import check_image_size

    with blame("--image-size", ValueError):
        check_image_size(recipe)
    with made(output), said_plainly(output=output), _alone_in(output):
        repeat_to_the_bit()
        if tfds is not None:
            if classes is not None:
                raise click.UsageError("--classes names folders; a set of --tfds has its own.")
            _train(lambda fold: _tfds_data(tfds, settings, balance or "", fold), settings, folds)
            return
        folders = _sample_folders(output) if data is None else _image_folders(data, output)
        if folds is not None:
            folders = _to_fold(folders)
        names = _class_names(folders, classes)
        excluded = None
        if exclude is not None and data is not None:
            excluded = _excluded(exclude, data if data.is_dir() else output / "data")

        def of_fold(fold: "FoldNumber | None") -> "RunData":
            return _folder_data(folders, names, settings, excluded, balance or "", fold)

        kept = _kept(folders, names, settings, excluded) if folds is not None else None
        _train(of_fold, settings, folds)
        del kept
    if demo:
        click.echo(_speed_line(folders.train, names, seed))


def _train(
    data_of: "Callable[[FoldNumber | None], RunData]", settings: Settings, folds: int | None
) -> None:
    if folds is None:
        train_and_report(data_of(None), settings)
        return
    from catdog_models.commands.train_folds import train_folds

    train_folds(data_of, folds, settings)


@contextlib.contextmanager
def _alone_in(output: Path) -> Iterator[None]:
    """Let no other process train into the folder; the lock goes with its process."""
    from catdog_data.system.lock_file import locked

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(output / ".lock", timeout=0))
        except TimeoutError:
            raise click.BadParameter(
                f"another process is training into {str(output)!r}. Wait for it, or choose another "
                "folder.",
                param_hint="--output",
            ) from None
        yield


def _sample_folders(output: Path) -> "ImageFolders":
    from catdog_data.samples.generate import generate_sample_set

    with blame("--output", FileExistsError):
        # Always the same pictures, so that runs with other seeds can be compared.
        return generate_sample_set(output / "sample-set")


def _image_folders(data: Path, output: Path) -> "ImageFolders":
    from catdog_data.archives.find_folders import find_image_folders
    from catdog_data.archives.unpack import unpack
    from catdog_data.sources.list_files import KERAS_DATASET_EXTENSIONS

    with blame("--data", ValueError, OSError), warnings.catch_warnings():
        # Said by `_class_names`, of the classes that are asked for.
        warnings.filterwarnings("ignore", message=".* has no images of ")
        if data.is_dir():
            return find_image_folders(data, endings=KERAS_DATASET_EXTENSIONS)
        return unpack(data, output / "data", endings=KERAS_DATASET_EXTENSIONS)


def _to_fold(folders: "ImageFolders") -> "ImageFolders":
    """Leave out the images for validation: the folds are those of the training folder."""
    if folders.validation is not None:
        click.echo(f"folds of {str(folders.train)!r}; {str(folders.validation)!r} is left out")
    return replace(folders, validation=None, missing=())


def _class_names(folders: "ImageFolders", wanted: list[str] | None) -> list[str]:
    """Return the class names, class 0 first."""
    found = folders.class_names
    names = wanted or list(found)
    if missing := sorted(set(names) - set(found)):
        raise click.BadParameter(
            f"no folder {missing[0]!r} of images in {str(folders.train)!r}; there are "
            f"{', '.join(found)}.",
            param_hint="--classes",
        )
    if missing := [name for name in names if name in folders.missing]:
        click.echo(
            f"warning: {str(folders.validation)!r} has no images of {', '.join(missing)}, which "
            "cannot be validated; the numbers of the classes are those of training.",
            err=True,
        )
    return names


def _excluded(exclude: Path, root: Path) -> list[Path]:
    """Read which files are left out: for the folders of training and of validation alike."""
    from catdog_data.sources.exclude import names_in
    from catdog_data.system.messages import some_of

    with blame("--exclude", ValueError):
        names = names_in(exclude)
    there = [root.absolute() / name for name in names if (root / name).is_file()]
    if missing := [name for name in names if not (root / name).is_file()]:
        said = (
            f"{len(missing)} of the {len(names)} names in {str(exclude)!r} are no files below "
            f"{str(root)!r}: {some_of(missing)}"
        )
        if not there:
            raise click.BadParameter(f"{said}.", param_hint="--exclude")
        click.echo(f"warning: {said}; they leave nothing out.", err=True)
    return there


def _folder_data(
    folders: "ImageFolders",
    names: list[str],
    settings: Settings,
    exclude: list[Path] | None,
    balance: str,
    fold: "FoldNumber | None",
) -> "RunData":
    from catdog_data.command_errors import said_plainly
    from catdog_models.commands.train_data import from_folders

    with blame("--data", ValueError), said_plainly():
        return from_folders(
            folders,
            names,
            settings.recipe,
            settings.seed,
            settings.cache,
            settings.on_error,
            exclude,
            balance,
            fold,
        )


def _kept(
    folders: "ImageFolders", names: list[str], settings: Settings, exclude: list[Path] | None
) -> Any:
    """Return what holds the cache that all folds read from, or None."""
    from catdog_data.command_errors import said_plainly
    from catdog_models.commands.train_data import cached_for_folds

    with blame("--data", ValueError), said_plainly():
        return cached_for_folds(
            folders,
            names,
            settings.recipe,
            settings.seed,
            settings.cache,
            settings.on_error,
            exclude,
        )


def _tfds_data(name: str, settings: Settings, balance: str, fold: "FoldNumber | None") -> "RunData":
    from catdog_data.command_errors import said_plainly
    from catdog_models.commands.train_data import from_tfds

    with blame("--tfds", ValueError, ImportError), said_plainly():
        return from_tfds(
            name,
            settings.recipe,
            settings.seed,
            settings.cache,
            settings.on_error,
            balance,
            fold,
        )


def _speed_line(folder: Path, names: list[str], seed: int) -> str:
    """Measure our generator against Keras' own on the same recipe; say it in a line."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

    from catdog_data import ImageDataGenerator
    from catdog_models.evaluation.speed import compare_speed

    click.echo("measuring the input against keras' ImageDataGenerator (under a minute) ...")
    ours, theirs = (
        _augmented(generator, folder, names, seed)
        for generator in (ImageDataGenerator, KerasGenerator)
    )
    speed = compare_speed(ours, theirs)
    pixels = (
        "identical pixels"
        if speed.largest_difference == 0
        else f"pixels up to {speed.largest_difference:.2g} apart"
    )
    return (
        f"input: {speed.ratio:.1f} times faster than keras' ImageDataGenerator "
        f"({speed.ours:,.0f} img/s against {speed.theirs:,.0f} img/s, "
        f"measured now over {speed.images:,} images; {pixels} for the same seed)"
    )


def _augmented(generator: Any, folder: Path, names: list[str], seed: int) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):  # "Found N images" was said before
        return generator(rescale=1 / 255.0, **_SPEED_DISTORTIONS).flow_from_directory(
            folder,
            target_size=_SPEED_IMAGE_SIZE,
            classes=names,
            class_mode="binary",
            batch_size=_SPEED_BATCH_SIZE,
            seed=seed,
        )


if __name__ == "__main__":
    main()
