"""How the input of a trained model is read, saved as `input.json` in the model's folder."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from catdog_data.system.atomic_files import write_atomically
from catdog_data.system.renamed import renamed

FILE_NAME = "input.json"
"""The file in the folder of a model that says how its input is read."""

__getattr__ = renamed(__name__, {"beside": "input_spec_path"})

_READERS = ("image_dataset_from_directory", "ImageDataGenerator")


@dataclass(frozen=True)
class InputSpec:
    """How files became the images that a model was trained on, and what its outputs are called.

    Args:
        class_names: names in the order of the class numbers, at least 2, no two alike.
        image_size: (height, width) in pixels.
        interpolation: how images are resized, a method of `tf.image.resize`.
        rescale: factor for every value, or None.
        crop_to_aspect_ratio: whether the centre is cropped to the target's aspect ratio first.
        pad_to_aspect_ratio: whether images are padded with zeros to it instead.
        antialias: whether shrinking averages over all pixels that are lost.
        rounded: whether values are rounded to 8 bits before they are rescaled, as
            `output_dtype="uint8"` does.
        decode: "exact", or "fast" for large JPEGs to be decoded at a fraction of their size.
        reader: whose pixels these are: "image_dataset_from_directory", or "ImageDataGenerator",
            whose files are decoded and resized as Pillow does.

    Raises:
        TypeError: a value of another type than named above.
        ValueError: a value that is not among those named.

    Example:
        >>> spec = InputSpec(("cats", "dogs"), (224, 224), "bilinear", rescale=1 / 255)
        >>> spec.reader
        'image_dataset_from_directory'
    """

    class_names: tuple[str, ...]
    image_size: tuple[int, int]
    interpolation: str
    rescale: float | None
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    antialias: bool = False
    rounded: bool = False
    decode: str = "exact"
    reader: str = "image_dataset_from_directory"

    def __post_init__(self) -> None:
        _check_names(self.class_names)
        _check_size(self.image_size)
        if self.rescale is not None and not _is_number(self.rescale):
            raise TypeError(
                f"`rescale` must be a number or None, such as 1 / 255. Received: {self.rescale!r}"
            )
        for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias", "rounded"):
            if not isinstance(value := getattr(self, name), bool):
                raise TypeError(f"`{name}` must be True or False. Received: {value!r}")
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ValueError(
                "Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True. "
                "Received: both."
            )
        if not isinstance(self.interpolation, str):
            raise TypeError(
                "`interpolation` must be a name, such as 'bilinear'. "
                f"Received: {self.interpolation!r}"
            )
        for name, known in (("decode", ("exact", "fast")), ("reader", _READERS)):
            if (value := getattr(self, name)) not in known:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(map(repr, known))}. Received: {value!r}"
                )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the specification as JSON, whole or not at all.

        Args:
            path: the file, `input_spec_path(model_path)` for the commands to find it; its folder
                must exist.

        Raises:
            OSError: it cannot be written.

        Example:
            >>> import tempfile
            >>> spec = InputSpec(("cats", "dogs"), (224, 224), "bilinear", rescale=1 / 255)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     spec.save(f"{folder}/input.json")
            ...     InputSpec.load(f"{folder}/input.json") == spec
            True
        """
        write_atomically(path, (json.dumps(asdict(self), indent=2) + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "InputSpec":
        """Read what `save` wrote.

        Args:
            path: the file.

        Returns:
            An equal specification.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no such specification; the message names the file.

        Example:
            See `save`.
        """
        file = Path(path)
        try:
            return cls(**_as_arguments(json.loads(file.read_bytes())))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{str(file)!r} does not describe a model's input: {error} "
                "Write it again with `InputSpec(...).save(path)`."
            ) from error


def input_spec_path(model_path: str | os.PathLike[str]) -> Path:
    """Return the path of the specification of a model.

    Args:
        model_path: the file of the model.

    Returns:
        `FILE_NAME` in the same folder.

    Example:
        >>> input_spec_path("run/best.keras").name
        'input.json'
    """
    return Path(model_path).parent / FILE_NAME


def _as_arguments(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise TypeError(f"it must be a JSON object. Received: {type(content).__name__}.")
    if unknown := sorted(set(content) - {field.name for field in fields(InputSpec)}):
        raise TypeError(f"it has the unknown key {unknown[0]!r}.")
    # JSON knows lists alone; a list among the arguments was a tuple.
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
    }


def _check_names(names: Any) -> None:
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"`class_names` must be a tuple of names. Received: {names!r}")
    if len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(
            "`class_names` must be at least 2 names, no two alike, in the order of the class "
            f"numbers. Received: {names!r}"
        )


def _check_size(size: Any) -> None:
    is_pair = isinstance(size, tuple) and len(size) == 2
    if not is_pair or not all(type(side) is int for side in size):
        raise TypeError(
            "`image_size` must be a pair of integers (height, width), such as (224, 224). "
            f"Received: {size!r}"
        )
    if min(size) < 1:
        raise ValueError(f"`image_size` must be at least 1 pixel each way. Received: {size!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
