"""Labels for image files, from a trained model.

A file that cannot be read costs no other its label.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from catdog_data.system.special_files import is_special, special_file
from catdog_models.export.export import SIGNATURE, is_saved_model

_IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class Predictor:
    """A model that takes the bytes of image files.

    Args:
        class_names: K names, in the order of the columns.
        probabilities_of: from the bytes of B files, `string[B]`, to `float32[B, K]`.
        views_of: from a number of augmented views V to the function from the bytes of B files to
            the probabilities of each view, `float32[V, B, K]`; None for a model without.

    Example:
        >>> predictor = Predictor(("cats", "dogs"), lambda contents: [[0.25, 0.75]] * len(contents))
        >>> predictor.probabilities_of([b"the bytes of a file"])
        [[0.25, 0.75]]
    """

    class_names: tuple[str, ...]
    probabilities_of: Callable[[Any], Any]
    views_of: Callable[[int], Callable[[Any], Any]] | None = None

    @classmethod
    def of_saved_model(cls, path: str | os.PathLike[str]) -> "Predictor":
        """Load what `catdog_models.export.export.export_saved_model` wrote.

        Raises:
            ValueError: the folder holds no SavedModel, or one with another signature.
        """
        folder = Path(path)
        if not is_saved_model(folder):
            raise ValueError(f"{str(folder)!r} is no SavedModel: it has no saved_model.pb.")
        loaded = tf.saved_model.load(str(folder))
        signature = loaded.signatures.get(SIGNATURE)
        inputs = {} if signature is None else signature.structured_input_signature[1]
        if set(inputs) != {"image_bytes"} or not hasattr(loaded, "class_names"):
            raise ValueError(
                f"{str(folder)!r} must have class names and a signature {SIGNATURE!r} that takes "
                "`image_bytes`, as `catdog_models.export_saved_model` writes them. Received a "
                f"signature that takes {sorted(inputs)}."
            )

        def probabilities_of(contents: Any) -> Any:
            # A signature alone does not keep the variables of what was loaded.
            return loaded.signatures[SIGNATURE](image_bytes=contents)["probabilities"]

        names = (name.decode(errors="surrogateescape") for name in loaded.class_names.numpy())
        return cls(tuple(names), probabilities_of)

    def averaged(self, tta: int) -> "Predictor":
        """Make the predictor that averages over views of each image.

        Args:
            tta: how many views: the image as it is, and `tta` - 1 that are augmented.

        Returns:
            One whose probabilities are the means, or this one where `tta` is 1.

        Raises:
            ValueError: `tta` is no whole number from 1, or the model has no such views.

        Example:
            >>> predictor = Predictor(
            ...     ("cats", "dogs"),
            ...     lambda contents: np.float32([[0.5, 0.5]]),
            ...     lambda views: lambda contents: np.float32([[[0.0, 1.0]]] * views),
            ... )
            >>> predictor.averaged(4).probabilities_of([b"the bytes of a file"])
            array([[0.125, 0.875]], dtype=float32)
        """
        if isinstance(tta, bool) or not isinstance(tta, int) or tta < 1:
            raise ValueError(f"`tta` must be a whole number, at least 1. Received: {tta!r}")
        if tta == 1:
            return self
        if self.views_of is None:
            raise ValueError(
                f"`tta` needs a model whose images can be augmented. Received: {tta}, for one that "
                "takes bytes. Leave it at 1, or give the model that was exported."
            )
        augmented_of = self.views_of(tta - 1)

        def mean_of(contents: Any) -> Any:
            whole = np.asarray(self.probabilities_of(contents))
            views = np.concatenate([whole[np.newaxis], np.asarray(augmented_of(contents))])
            return np.mean(views, axis=0, dtype=np.float64).astype(np.float32, copy=False)

        return Predictor(self.class_names, mean_of)


@dataclass(frozen=True, eq=False)
class Prediction:
    """The label that a model gives one file.

    Attributes:
        path: the file.
        label: the most probable class.
        probability: its probability.
        probabilities: `float32[K]`, of every class.

    Example:
        >>> Prediction(Path("1.jpg"), "dogs", 0.75, np.array([0.25, 0.75], "float32")).label
        'dogs'
    """

    path: Path
    label: str
    probability: float
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Failure:
    """A file that has no label.

    Attributes:
        path: the file or folder.
        reason: a sentence that names it, and what is wrong.

    Example:
        >>> Failure(Path("1.jpg"), "'1.jpg' cannot be read: No such file or directory.").path.name
        '1.jpg'
    """

    path: Path
    reason: str


def views_predictor(model: keras.Model, views: Callable[[Any], Any], count: int) -> Any:
    """Make the function from files to what a model says of augmented views of each.

    Args:
        model: from images to probabilities, `float32[B, 1]` that of class 1, or `float32[B, K]`.
        views: from the bytes of one file, `string[]`, to its views `float32[V, H, W, C]`, by
            TensorFlow operations alone.
        count: V, how many views there are.

    Returns:
        A `tf.function` from `string[B]` to `float32[V, B, K]`.

    Example:
        >>> model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten()])
        >>> model.add(keras.layers.Dense(1, "sigmoid"))
        >>> views_predictor(model, lambda contents: tf.zeros([4, 2, 2, 3]), 4)([b"a", b"b"]).shape
        TensorShape([4, 2, 2])
    """
    signature = tf.TensorSpec([count, *model.input_shape[1:]], tf.float32)

    def predict(contents: tf.Tensor) -> tf.Tensor:
        images = tf.map_fn(views, contents, fn_output_signature=signature)
        # View by view, as many images at once as without.
        of_views = [
            tf.cast(model(images[:, view], training=False), tf.float32) for view in range(count)
        ]
        output = tf.stack(of_views)
        return tf.concat([1 - output, output], axis=2) if output.shape[2] == 1 else output

    return tf.function(predict, input_signature=[tf.TensorSpec([None], tf.string)])


def predict_files(
    predictor: Predictor,
    paths: Sequence[str | os.PathLike[str]],
    *,
    batch_size: int = 32,
    tta: int = 1,
) -> Iterator[Prediction | Failure]:
    """Predict files one batch at a time.

    Args:
        predictor: the model.
        paths: files; and folders, for all images below them (.bmp, .gif, .jpeg, .jpg and .png,
            hidden ones left out), sorted.
        batch_size: files per batch, at least 1.
        tta: over how many views of each image probabilities are averaged (test-time augmentation),
            see `Predictor.averaged`; 1 for the image alone.

    Returns:
        An iterator over one result for each file, in order; a `Failure` for one that cannot be read
        or decoded, or a folder without images. The others are not affected.

    Raises:
        ValueError: see `Predictor.averaged`.

    Example:
        >>> predictor = Predictor(("cats", "dogs"), lambda contents: [[0.25, 0.75]])
        >>> [result.reason for result in predict_files(predictor, ["no such file"])]
        ["'no such file' cannot be read: No such file or directory."]
    """
    return _results(predictor.averaged(tta), paths, batch_size)


def _results(
    predictor: Predictor, paths: Sequence[str | os.PathLike[str]], batch_size: int
) -> Iterator[Prediction | Failure]:
    batch: list[tuple[Path, bytes]] = []
    for found in _files_in(paths):
        read = found if isinstance(found, Failure) else _read(found)
        if isinstance(read, Failure):
            yield from _predicted(predictor, batch)
            batch = []
            yield read
            continue
        batch.append(read)
        if len(batch) == batch_size:
            yield from _predicted(predictor, batch)
            batch = []
    yield from _predicted(predictor, batch)


def _files_in(paths: Sequence[str | os.PathLike[str]]) -> Iterator[Path | Failure]:
    for path in map(Path, paths):
        if not os.path.isdir(path):  # noqa: PTH112 (reading reports what may not be looked at)
            yield path
            continue
        unlisted: list[OSError] = []
        walk = os.walk(path, onerror=unlisted.append)
        found = sorted(Path(folder, name) for folder, _, names in walk for name in names)
        files = [file for file in found if _is_image(file.relative_to(path))]
        for error in unlisted:
            folder = error.filename
            yield Failure(Path(folder), f"{folder!r} cannot be listed: {error.strerror or error}.")
        if not files and not unlisted:
            known = " ".join(_IMAGE_SUFFIXES)
            yield Failure(path, f"{str(path)!r} holds no images ({known}).")
        yield from map(_regular, files)


def _regular(file: Path) -> Path | Failure:
    """Refuse a pipe, a socket or a device of a folder; one that was named may be meant."""
    try:
        special = is_special(file.stat().st_mode)
    except OSError:  # reading says why
        return file
    return Failure(file, special_file(str(file))) if special else file


def _is_image(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in _IMAGE_SUFFIXES and not hidden


def _read(path: Path) -> tuple[Path, bytes] | Failure:
    try:
        return path, path.read_bytes()
    except OSError as error:
        return Failure(path, f"{str(path)!r} cannot be read: {error.strerror or error}.")


def _predicted(
    predictor: Predictor, batch: Sequence[tuple[Path, bytes]]
) -> Iterator[Prediction | Failure]:
    if not batch:
        return
    try:
        rows = np.asarray(predictor.probabilities_of(tf.constant([bytes_ for _, bytes_ in batch])))
    except tf.errors.InvalidArgumentError as error:
        if len(batch) == 1:
            yield _undecodable(*batch[0], error)
            return
        # One of them; each alone tells which.
        for each in batch:
            yield from _predicted(predictor, [each])
        return
    for (path, _), row in zip(batch, rows, strict=True):
        best = int(row.argmax())
        yield Prediction(path, predictor.class_names[best], float(row[best]), row)


def _undecodable(path: Path, contents: bytes, error: Exception) -> Failure:
    # The last line before TensorFlow names the node of its graph.
    said = str(error).split("\n\t [[")[0].strip().splitlines()[-1][:200]
    return Failure(
        path,
        f"{str(path)!r} cannot be decoded ({len(contents):,} bytes; it must be a whole JPEG or PNG "
        f"file). TensorFlow says: {said}",
    )
