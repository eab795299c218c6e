"""The augmented views that `catdog-predict --tta` averages over.

TensorFlow is imported inside the functions that need it, so that `--help` answers at once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catdog_models.training.input_spec import InputSpec
from catdog_models.training.recipes import Distortions
from catdog_models.training.run_record import RECORD

if TYPE_CHECKING:
    from catdog_data.serving import Decoder

AUGMENTATIONS = ("recipe", "mild")
_MILD = Distortions(horizontal_flip=True, rotation=5, zoom=(0.9, 1.1))


@dataclass(frozen=True)
class Views:
    """Which views of each image are averaged.

    Args:
        count: how many, the image itself among them.
        augmentation: a name of `AUGMENTATIONS`.
        seed: what the augmented ones are drawn from.

    Example:
        >>> Views(5, "mild", seed=1).distortions(Path("no such folder")).rotation
        5
    """

    count: int
    augmentation: str
    seed: int

    def distortions(self, folder: Path) -> Distortions:
        """Return what happens to the images.

        Args:
            folder: that of the model, with the recipe that it was trained by.

        Raises:
            click.BadParameter: there is no recipe, or one without distortions.
        """
        if self.augmentation != "recipe":
            return _MILD
        record = folder / RECORD
        try:
            found = _as_distortions(json.loads(record.read_bytes())["recipe"]["distortions"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise click.BadParameter(
                f"{str(record)!r} must hold the recipe of the model, as catdog-train writes it: "
                f"{error!r}. For another model, choose mild.",
                param_hint="--tta-augmentation",
            ) from error
        if found == Distortions():
            raise click.BadParameter(
                f"the recipe in {str(record)!r} augments nothing, so that all views would be "
                "alike. Choose mild.",
                param_hint="--tta-augmentation",
            )
        return found

    def of_files(
        self, folder: Path, spec: InputSpec, decode: "Decoder"
    ) -> Callable[[int], Callable[[Any], Any]]:
        """Make what makes the function from the bytes of a file to its augmented views.

        Args:
            folder: that of the model.
            spec: how its images are read.
            decode: from the bytes of a file to its image, rounded to 8 bits and not rescaled.

        Returns:
            From a number of views V to a function from `string[]` to `float32[V, H, W, 3]`.

        Raises:
            click.BadParameter: see `distortions`.
        """
        import tensorflow as tf

        from catdog_data import Augmentation
        from catdog_data.serving import augmented_views

        augmentation = Augmentation(**asdict(self.distortions(folder)))

        def of_count(views: int) -> Callable[[Any], Any]:
            make = augmented_views(
                augmentation, spec.image_size, views, seed=self.seed, rescale=spec.rescale
            )
            return lambda contents: make(tf.cast(decode(contents), tf.uint8))

        return of_count


def _as_distortions(content: Mapping[str, Any]) -> Distortions:
    # JSON knows lists alone; a list among the values was a tuple.
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }
    return Distortions(**values)
