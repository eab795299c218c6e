"""`catdog-train`: from a folder of images to a trained model, its curves and a speed figure.

TensorFlow is imported inside the functions that need it, so that `--help` and wrong options
answer at once.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from catdog_data.sources.archive import ImageFolders

_AUGMENTATION: dict[str, Any] = {
    "horizontal_flip": True,
    "rotation_range": 30,
    "shear_range": 0.15,
    "zoom_range": 0.3,
}
_RESCALE = 1 / 255.0
_VALIDATION_SPLIT = 0.2  # where the data has no validation folder

_EPOCHS = 20
_IMAGE_SIZE = (224, 224)
_BATCH_SIZE = 32
# Small batches for the demo: validation follows batch normalisation's running averages, which take
# some hundred steps to settle, and 800 images in batches of 32 give only 25 steps per epoch.
_DEMO_EPOCHS = 14
_DEMO_IMAGE_SIZE = (64, 64)
_DEMO_BATCH_SIZE = 16
_SPEED_IMAGE_SIZE = (224, 224)
_SPEED_BATCH_SIZE = 32


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


def _two_names(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> list[str] | None:
    """Read `cats,dogs`."""
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    if len(names) != 2 or len(set(names)) != 2 or not all(names):
        raise click.BadParameter(
            f"{value!r} must be two folder names with a comma between, class 0 first, such as "
            "cats,dogs: the network tells two classes apart."
        )
    return names


@dataclass(frozen=True)
class _Settings:
    """How one run loads and trains.

    Attributes:
        output: the folder for everything that is written.
        epochs: passes over the training images.
        image_size: height and width in pixels.
        batch_size: images per batch.
        augment: whether training images are flipped, rotated, sheared and zoomed.
        seed: of the weights, the order and the augmentation.
    """

    output: Path
    epochs: int
    image_size: tuple[int, int]
    batch_size: int
    augment: bool
    seed: int


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="Folder with one subfolder per class, or train and validation folders of such, "
    "or an archive of either.",
)
@click.option("--demo", is_flag=True, help="Generate a small sample set and train on that.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("catdog-run"),
    show_default=True,
    help="Where to write the results.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help=f"Passes over the training images.  [default: {_EPOCHS}; with --demo {_DEMO_EPOCHS}]",
)
@click.option(
    "--image-size",
    callback=_image_size,
    metavar="N|HxW",
    help="Height and width in pixels.  "
    f"[default: {_IMAGE_SIZE[0]}; with --demo {_DEMO_IMAGE_SIZE[0]}]",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help=f"Images per batch.  [default: {_BATCH_SIZE}; with --demo {_DEMO_BATCH_SIZE}]",
)
@click.option(
    "--augment/--no-augment",
    default=True,
    show_default=True,
    help="Flip, rotate, shear and zoom the training images.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=2020, show_default=True)
@click.option(
    "--classes",
    callback=_two_names,
    metavar="NAME,NAME",
    help="The two class folders, class 0 first.  [default: all, sorted by name]",
)
def main(
    data: Path | None,
    demo: bool,
    output: Path,
    epochs: int | None,
    image_size: tuple[int, int] | None,
    batch_size: int | None,
    augment: bool,
    seed: int,
    classes: list[str] | None,
) -> None:
    """Train a small network to tell two classes of images apart.

    Writes preview.png, curves.png, history.csv and model.keras to the output folder.
    """
    if demo == (data is not None):
        raise click.UsageError(
            "Give exactly one of --data PATH (your images) and --demo (a generated set)."
        )
    settings = _Settings(
        output=output,
        epochs=epochs or (_DEMO_EPOCHS if demo else _EPOCHS),
        image_size=image_size or (_DEMO_IMAGE_SIZE if demo else _IMAGE_SIZE),
        batch_size=batch_size or (_DEMO_BATCH_SIZE if demo else _BATCH_SIZE),
        augment=augment,
        seed=seed,
    )
    with _blame("--output", OSError):
        output.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    folders = _sample_folders(output) if data is None else _image_folders(data, output)
    names = _class_names(folders, classes)
    _train(folders, names, settings)
    if demo:
        click.echo(_speed_line(folders.train, names, seed))


def _sample_folders(output: Path) -> "ImageFolders":
    from catdog_data.sources.samples import generate_sample_set

    with _blame("--output", FileExistsError):
        # Always the same pictures, so that runs with other seeds can be compared.
        return generate_sample_set(output / "sample-set")


def _image_folders(data: Path, output: Path) -> "ImageFolders":
    from catdog_data.sources.archive import find_image_folders, unpack

    with _blame("--data", ValueError, OSError):
        return find_image_folders(data) if data.is_dir() else unpack(data, output / "data")


def _class_names(folders: "ImageFolders", wanted: list[str] | None) -> list[str]:
    """Return the two class names, class 0 first."""
    found = _subfolders(folders.train)
    names = wanted or found
    if missing := sorted(set(names) - set(found)):
        raise click.BadParameter(
            f"no folder {missing[0]!r} in {str(folders.train)!r}; there are {', '.join(found)}.",
            param_hint="--classes",
        )
    if len(names) != 2:
        raise click.BadParameter(
            f"the network tells two classes apart, but {str(folders.train)!r} has {len(names)}: "
            f"{', '.join(names) or 'no folders'}. Choose two with --classes NAME,NAME.",
            param_hint="--data",
        )
    if folders.validation is not None and set(names) - set(_subfolders(folders.validation)):
        raise click.BadParameter(
            f"the validation folder {str(folders.validation)!r} must have the class folders "
            f"{names[0]} and {names[1]} too.",
            param_hint="--data",
        )
    return names


def _subfolders(folder: Path) -> list[str]:
    """Return the sorted names of the folders that hold anything; leftovers of archivers do not."""
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if not entry.name.startswith((".", "_")) and entry.is_dir() and any(entry.iterdir())
    )


def _train(folders: "ImageFolders", names: list[str], settings: _Settings) -> None:
    import keras

    from catdog_models.cnn import build_model
    from catdog_models.plots import preview_batch
    from catdog_models.training import train_and_save

    keras.utils.set_random_seed(settings.seed)
    with _blame("--image-size", ValueError):
        model = build_model(settings.image_size)
    training, validation = _iterators(folders, names, settings)
    for iterator, share in ((training, "training"), (validation, "validation")):
        if not iterator.samples:
            raise click.BadParameter(f"found no {share} images.", param_hint="--data")
    preview_batch(*_first_images(training), names, settings.output / "preview.png")
    history = train_and_save(
        model, training, validation, epochs=settings.epochs, output=settings.output
    )
    click.echo(f"wrote preview.png, curves.png, history.csv, model.keras to {settings.output}")
    click.echo(f"validation accuracy: {history.history['val_accuracy'][-1]:.3f}")


def _first_images(iterator: Any) -> tuple[Any, Any]:
    """Return the images and labels of an epoch's first batches, enough for a preview."""
    import numpy as np

    batches = [next(iterator) for _ in range(min(len(iterator), -(-32 // iterator.batch_size)))]
    iterator.reset()
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _iterators(folders: "ImageFolders", names: list[str], settings: _Settings) -> tuple[Any, Any]:
    """Return the training and the validation iterator."""
    from catdog_data import ImageDataGenerator

    split = _VALIDATION_SPLIT if folders.validation is None else 0.0
    options: dict[str, Any] = {
        "target_size": settings.image_size,
        "classes": names,
        "class_mode": "binary",
        "batch_size": settings.batch_size,
        "seed": settings.seed,
    }
    augmentation = _AUGMENTATION if settings.augment else {}
    training = ImageDataGenerator(rescale=_RESCALE, validation_split=split, **augmentation)
    validation = ImageDataGenerator(rescale=_RESCALE, validation_split=split)
    return (
        training.flow_from_directory(
            folders.train, subset="training" if split else None, **options
        ),
        validation.flow_from_directory(
            folders.validation or folders.train,
            subset="validation" if split else None,
            shuffle=False,
            **options,
        ),
    )


def _speed_line(folder: Path, names: list[str], seed: int) -> str:
    """Measure our generator against Keras' own on the same recipe; say it in a line."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator as KerasGenerator

    from catdog_data import ImageDataGenerator
    from catdog_models.training import compare_speed

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
        return generator(rescale=_RESCALE, **_AUGMENTATION).flow_from_directory(
            folder,
            target_size=_SPEED_IMAGE_SIZE,
            classes=names,
            class_mode="binary",
            batch_size=_SPEED_BATCH_SIZE,
            seed=seed,
        )


@contextlib.contextmanager
def _blame(option: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn the errors of a call into click's error about one option."""
    try:
        yield
    except kinds as error:
        raise click.BadParameter(str(error), param_hint=option) from error


if __name__ == "__main__":
    main()
