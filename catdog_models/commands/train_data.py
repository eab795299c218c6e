"""What `catdog-train` trains on: class folders or a prepared set of TFDS, read by catdog_data."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catdog_models.training.recipes import Recipe

if TYPE_CHECKING:
    from catdog_data.archives.find_folders import ImageFolders

RESCALE = 1 / 255.0
_VALIDATION_SPLIT = 0.2  # where the data has no validation part
WEIGHTS = "weights"
BALANCES = ("oversample", "undersample", WEIGHTS)
"""How uneven classes are made to count alike: by what an epoch reads, or by weights in the loss."""


FoldNumber = tuple[int, int]
"""(i, k): fold i of k, counted from 0."""


@dataclass(frozen=True)
class RunData:
    """The datasets of one run, and what they consist of.

    Args:
        class_names: names in the order of the class numbers.
        training: a dataset of catdog_data, from its first epoch on.
        validation: another, unshuffled.
        images: how many training and validation images there are.
        digest: tells these images, and these parts of them, from others.
        split: how a part was held back for validation; "" where the data have one.
        validation_files: names of the validation images, from the class folder on; none where
            they are records of a set.
        balance: a name of `BALANCES`: how uneven classes are made to count alike; "" for not.

    Example:
        >>> RunData(("cats", "dogs"), None, None, (800, 200), "0f").as_json()["training_images"]
        800
    """

    class_names: tuple[str, ...]
    training: Any
    validation: Any
    images: tuple[int, int]
    digest: str
    split: str = ""
    validation_files: tuple[str, ...] = ()
    balance: str = ""

    @property
    def images_per_epoch(self) -> int:
        """How many images are trained on in an epoch, copies counted."""
        return int(self.training.plan["places"])

    def class_weight(self) -> dict[int, float] | None:
        """Weigh the classes for the loss, where that is how they are balanced."""
        if self.balance != WEIGHTS:
            return None
        weights = self.training.class_weights()
        return {number: weights.get(number, 1.0) for number in range(len(self.class_names))}

    def broken_files(self) -> list[Any]:
        """List the images that could not be read so far, each a `catdog_data.BrokenFile`."""
        reports = self.training.report(), self.validation.report()
        return list({each.path: each for report in reports for each in report}.values())

    def as_json(self) -> dict[str, Any]:
        """Describe the data in JSON's types."""
        training, validation = self.images
        return {
            "classes": list(self.class_names),
            "training_images": training,
            "validation_images": validation,
            "digest": self.digest,
            **({"split": self.split} if self.split else {}),
            **({"balance": self.balance} if self.balance else {}),
        }


def from_folders(
    folders: ImageFolders,
    class_names: Sequence[str],
    recipe: Recipe,
    seed: int,
    cache: str | None,
    on_error: str = "raise",
    exclude: Sequence[Path] | None = None,
    balance: str = "",
    fold: FoldNumber | None = None,
) -> RunData:
    """Read class folders; where there is none for validation, a fifth of each class is held back.

    Classes that the folder for validation lacks keep their numbers.

    Args:
        folders: the folders for training and validation.
        class_names: at least 2, class 0 first.
        recipe: how images are read and distorted.
        seed: of order and distortions.
        cache: see `catdog_data.image_dataset_from_directory`.
        on_error: see there.
        exclude: absolute paths of files to leave out, in whichever of the folders.
        balance: a name of `BALANCES`, or "".
        fold: (i, k), fold i of k of the training folder in place of all validation; None for none.

    Returns:
        The two datasets and what they consist of.

    Raises:
        ValueError: there are no images, or one of the options is wrong.
        OSError: a folder, an image or the cache cannot be read.

    Example:
        >>> import tempfile
        >>> from catdog_data import generate_sample_set
        >>> from catdog_models.training.recipes import ORIGINAL_PLAIN
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     counts = {"train_per_class": 2, "validation_per_class": 1, "progress": False}
        ...     folders = generate_sample_set(f"{folder}/set", **counts)
        ...     from_folders(folders, ["cats", "dogs"], ORIGINAL_PLAIN, seed=5, cache=None).images
        (4, 2)
    """
    from catdog_data import image_dataset_from_directory

    if fold is not None:
        folders = replace(folders, validation=None, missing=())
    split = folders.validation is None
    options = _options(recipe, class_names, seed, cache, on_error) | {
        "class_names": list(class_names),
        "validation_split": _VALIDATION_SPLIT if split and fold is None else None,
        "fold": fold,
        "stratify": split,
        "verbose": False,
        "exclude": exclude,
    }
    training = image_dataset_from_directory(
        folders.train,
        subset="training" if split else None,
        augmentation=_augmentation(recipe),
        balance=_balance_of_dataset(balance),
        **options,
    )
    present = [name for name in class_names if name not in folders.missing]
    if not present:
        raise ValueError(
            f"{str(folders.validation)!r} must have images of {', '.join(class_names)}, and has "
            "none of them. Add some, or pass the training folder alone."
        )
    if some_are_missing := len(present) < len(class_names):
        options |= {"class_names": present, "label_mode": "int"}
    validation = image_dataset_from_directory(
        folders.validation or folders.train,
        subset="validation" if split else None,
        shuffle=False,
        augmentation=_augmentation(recipe) if recipe.distort_validation else None,
        augment_validation=recipe.distort_validation,
        **options,
    )
    if some_are_missing:
        numbers = [class_names.index(name) for name in present]
        validation = _renumbered(validation, numbers, len(class_names))
    held_out = folders.validation or folders.train
    parts = (folders.train, training), (held_out, validation)
    return RunData(
        class_names=tuple(class_names),
        training=training,
        validation=validation,
        images=(len(training.file_paths), len(validation.file_paths)),
        digest=_digest(
            f"{Path(path).relative_to(root).as_posix()} {Path(path).stat().st_size}"
            for root, dataset in parts
            for path in dataset.file_paths
        ),
        split=_of_each_class(fold) if split else "",
        validation_files=tuple(
            Path(each).relative_to(held_out).as_posix() for each in validation.file_paths
        ),
        balance=balance,
    )


def cached_for_folds(
    folders: ImageFolders,
    class_names: Sequence[str],
    recipe: Recipe,
    seed: int,
    cache: str | None,
    on_error: str = "raise",
    exclude: Sequence[Path] | None = None,
) -> Any:
    """Decode the images of all folds once, before each of them would its own.

    Args:
        folders: whose training folder is divided.
        class_names: see `from_folders`.
        recipe: see there.
        seed: see there.
        cache: see there.
        on_error: see there.
        exclude: see there.

    Returns:
        What keeps a cache in memory for as long as it is referenced; None where nothing is cached.
    """
    from catdog_data import image_dataset_from_directory

    # Copies in place of unreadable images are other ones in every part.
    if cache is None or on_error == "replace":
        return None
    return image_dataset_from_directory(
        folders.train,
        class_names=list(class_names),
        verbose=False,
        exclude=exclude,
        augmentation=_augmentation(recipe),
        **_options(recipe, class_names, seed, cache, on_error),
    )


def _of_each_class(fold: FoldNumber | None) -> str:
    part = _VALIDATION_SPLIT if fold is None else f"fold {fold[0]} of {fold[1]}"
    return f"{part} of each class, in the order of a hash of names"


def _balance_of_dataset(balance: str) -> Any:
    return balance if balance and balance != WEIGHTS else None


def _renumbered(dataset: Any, numbers: Sequence[int], classes: int) -> Any:
    """Turn the labels of some classes, in the order of `numbers`, into those of all classes."""
    import tensorflow as tf

    table = tf.constant(numbers)

    def renumber(images: Any, labels: Any) -> tuple[Any, Any]:
        all_labels = tf.gather(table, labels)
        if classes == 2:
            return images, tf.cast(all_labels, tf.float32)[:, tf.newaxis]
        return images, tf.one_hot(all_labels, classes)

    return dataset.map(renumber)


def from_tfds(
    name: str,
    recipe: Recipe,
    seed: int,
    cache: str | None,
    on_error: str = "raise",
    balance: str = "",
    fold: FoldNumber | None = None,
) -> RunData:
    """Read a set of TensorFlow Datasets that was prepared before.

    Its "validation" or else its "test" split is validated on, or else the last fifth of "train",
    whose records are as a rule shuffled when the set is prepared; a UserWarning where not.

    Args:
        name: as `tfds.builder` takes it.
        recipe: how images are read and distorted.
        seed: of order and distortions.
        cache: see `catdog_data.image_dataset_from_tfds`.
        on_error: see there.
        balance: a name of `BALANCES`, or "".
        fold: (i, k), part i of k equal parts of "train" in place of all validation; None for none.

    Returns:
        The two datasets and what they consist of.

    Raises:
        ImportError: tensorflow_datasets is not installed.
        ValueError: the set has not been prepared, or has no images with classes.
    """
    from catdog_data import image_dataset_from_tfds

    try:
        builder = import_module("tensorflow_datasets").builder(name)
    except ImportError as error:
        raise ImportError(
            f"needs tensorflow_datasets, which cannot be imported ({error}). Install it with "
            "`pip install catdog[tfds]`."
        ) from error
    splits = _tfds_splits(builder.info, fold)
    names = _tfds_classes(builder)
    options = _options(recipe, names, seed, cache, on_error)
    training = image_dataset_from_tfds(
        builder,
        splits[0],
        augmentation=_augmentation(recipe),
        balance=_balance_of_dataset(balance),
        **options,
    )
    validation = image_dataset_from_tfds(
        builder,
        splits[1],
        shuffle=False,
        augmentation=_augmentation(recipe) if recipe.distort_validation else None,
        **options,
    )
    counts = [
        builder.info.splits[split].num_examples
        - (len(dataset.report()) if on_error == "skip" else 0)
        for split, dataset in zip(splits, (training, validation), strict=True)
    ]
    return RunData(
        class_names=tuple(names),
        training=training,
        validation=validation,
        images=(counts[0], counts[1]),
        digest=_digest([builder.info.full_name, *splits]),
        balance=balance,
    )


def _tfds_splits(info: Any, fold: FoldNumber | None) -> tuple[str, str]:
    """Name what is trained on, and what is validated on."""
    held_out = next((each for each in ("validation", "test") if each in info.splits), None)
    if held_out is not None and fold is None:
        return "train", held_out
    if info.disable_shuffling:
        warnings.warn(
            f"{info.full_name} keeps its records in the order of their source. If that order is by "
            "class, the last fifth of its 'train' split lacks classes, and so do folds: prepare "
            "the set with a 'validation' split.",
            stacklevel=3,
        )
    if fold is None:
        percent = round(100 * (1 - _VALIDATION_SPLIT))
        return f"train[:{percent}%]", f"train[{percent}%:]"
    number, k = fold
    count = int(info.splits["train"].num_examples)
    if count < k:
        raise ValueError(f"{k} folds need at least {k} images; the split 'train' has {count}.")
    begin, end = number * count // k, (number + 1) * count // k
    before, behind = f"train[:{begin}]", f"train[{end}:]"
    others = behind if number == 0 else before if number == k - 1 else f"{before}+{behind}"
    return others, f"train[{begin}:{end}]"


def _tfds_classes(builder: Any) -> list[str]:
    features = builder.info.features
    if "image" not in features or not hasattr(dict(features).get("label"), "names"):
        raise ValueError(
            f"{builder.info.full_name} must have an 'image' and a 'label' of named classes; it has "
            f"{', '.join(features)}. Choose another set."
        )
    return [str(each) for each in features["label"].names]


def _options(
    recipe: Recipe, class_names: Sequence[str], seed: int, cache: str | None, on_error: str
) -> dict[str, Any]:
    return {
        "label_mode": "binary" if len(class_names) == 2 else "categorical",
        "batch_size": recipe.batch_size,
        "image_size": recipe.image_size,
        "interpolation": recipe.interpolation,
        "antialias": recipe.antialias,
        "seed": seed,
        "rescale": RESCALE,
        "cache": cache,
        "on_error": on_error,
    }


def _augmentation(recipe: Recipe) -> Any:
    from catdog_data import Augmentation

    return Augmentation(**asdict(recipe.distortions))


def _digest(lines: Iterable[str]) -> str:
    # As bytes of the file system, since names need not be Unicode.
    return hashlib.sha256(os.fsencode("\n".join(lines))).hexdigest()[:16]
