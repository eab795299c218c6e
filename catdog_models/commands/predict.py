"""`catdog-predict`: the label and its probability for each image file.

TensorFlow is imported inside the functions that need it, so that `--help` and wrong options answer
at once.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catdog_data.system.names import as_field
from catdog_models.commands.predict_views import AUGMENTATIONS, Views
from catdog_models.training.input_spec import InputSpec, input_spec_path

if TYPE_CHECKING:
    from catdog_data.serving import Decoder
    from catdog_models.evaluation.predict import Failure, Prediction, Predictor

    Result = Prediction | Failure

_BEST = "best.keras"


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line, with every probability."
)
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True)
@click.option(
    "--tta",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Average the probabilities over N views of each image: itself, and N - 1 augmented ones.",
)
@click.option(
    "--tta-augmentation",
    type=click.Choice(AUGMENTATIONS),
    default=AUGMENTATIONS[0],
    show_default=True,
    help="How views are augmented: as in training, by the recipe.json beside the model, or a "
    "little (mirrored, turned by up to 5 degrees, zoomed by up to a tenth).",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=2020,
    show_default=True,
    help="What the views are drawn from.",
)
def main(
    model: Path,
    images: tuple[Path, ...],
    as_json: bool,
    batch_size: int,
    tta: int,
    tta_augmentation: str,
    seed: int,
) -> None:
    """Print the label and its probability for each of IMAGES, files or folders.

    MODEL is a .keras file with the input.json that catdog-train writes beside it, the folder of
    such a run (its best model is taken), or the folder of an exported SavedModel.

    Prints a table to a terminal, and lines of file, label and probability, with tabs between them,
    to anything else. A name with a tab, a line break, or bytes that are not UTF-8 is printed as a
    JSON string, in quotation marks. Files that cannot be read are named on standard error, and the
    exit code is 1.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    views = Views(tta, tta_augmentation, seed)
    predictor = _load(model, views)
    from catdog_models.evaluation.predict import predict_files

    results = _Predictions(predict_files(predictor, images, batch_size=batch_size, tta=tta))
    if as_json:
        _print_json(results, predictor.class_names)
    elif _on_a_terminal():
        _print_table(results)
    else:
        _print_lines(results)
    if results.failures:
        click.echo(f"{results.failures} of {results.count} could not be predicted.", err=True)
        sys.exit(1)


def decoder_of(spec: InputSpec) -> "Decoder":
    """Make the function from the bytes of a file to the image that a model was trained on.

    Args:
        spec: how it was trained.

    Returns:
        From `string[]` to `float32[height, width, 3]`, of TensorFlow operations.

    Raises:
        ValueError: the specification asks for something that no graph does.

    Example:
        >>> import tensorflow as tf
        >>> spec = InputSpec(("cats", "dogs"), (8, 6), "bilinear", rescale=1 / 255)
        >>> black = tf.io.encode_png(tf.zeros([40, 30, 3], tf.uint8))
        >>> decoder_of(spec)(black).shape
        TensorShape([8, 6, 3])
    """
    from catdog_data.serving import decoder, generator_decoder

    if spec.reader == "ImageDataGenerator":
        is_default = InputSpec(
            spec.class_names, spec.image_size, "nearest", spec.rescale, reader=spec.reader
        )
        if spec != is_default:
            raise ValueError(
                "Images of `ImageDataGenerator` can be decoded in a graph as it does by default: "
                f'interpolation="nearest", neither cropped nor padded. Received: {spec!r}'
            )
        return generator_decoder(spec.image_size, rescale=spec.rescale)
    return decoder(
        spec.image_size,
        interpolation=spec.interpolation,
        crop_to_aspect_ratio=spec.crop_to_aspect_ratio,
        pad_to_aspect_ratio=spec.pad_to_aspect_ratio,
        antialias=spec.antialias,
        decode="fast" if spec.decode == "fast" else "exact",
        rounded=spec.rounded,
        rescale=spec.rescale,
    )


class _Predictions:
    """Passes predictions on; names and counts failures as they come."""

    def __init__(self, results: Iterable["Result"]) -> None:
        self._results = results
        self.count = self.failures = 0

    def __iter__(self) -> Iterator["Prediction"]:
        from catdog_models.evaluation.predict import Failure

        for result in self._results:
            self.count += 1
            if isinstance(result, Failure):
                self.failures += 1
                click.echo(f"Error: {result.reason}", err=True)
            else:
                yield result


@dataclass(frozen=True)
class Trained:
    """A model from a file, and how files become its images.

    Attributes:
        model: the Keras model, not compiled.
        spec: what its input is.
        decode: from the bytes of a file to an image, see `decoder_of`.
    """

    model: Any
    spec: InputSpec
    decode: "Decoder"


def load_trained(path: Path) -> Trained:
    """Load a .keras file, or the best of a run's folder, with the input.json in the same folder.

    Args:
        path: the file or the folder.

    Returns:
        The model and how its images are read.

    Raises:
        click.BadParameter: one of the two is missing or is not what it should be.

    Example:
        >>> load_trained(Path("no such file"))
        Traceback (most recent call last):
        click.exceptions.BadParameter: 'no such file' needs 'input.json', which says how ...
    """
    file = path / _BEST if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        raise click.BadParameter(
            f"the folder {str(path)!r} holds neither {_BEST} nor a SavedModel.", param_hint="MODEL"
        )
    if not input_spec_path(file).is_file():
        raise click.BadParameter(
            f"{str(file)!r} needs {str(input_spec_path(file))!r}, which says how its images are "
            "read. catdog-train writes it; for another model, write it with "
            "`catdog_models.InputSpec(...).save(path)`.",
            param_hint="MODEL",
        )
    import keras

    try:
        spec = InputSpec.load(input_spec_path(file))
        return Trained(keras.models.load_model(file, compile=False), spec, decoder_of(spec))
    except (OSError, TypeError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="MODEL") from error


def _load(path: Path, views: Views) -> "Predictor":
    from catdog_models.evaluation.predict import Predictor, views_predictor
    from catdog_models.export.export import is_saved_model, serving_function

    try:
        if is_saved_model(path):
            if views.count > 1:
                raise click.BadParameter(
                    f"an exported model takes bytes, and augments nothing: {str(path)!r}. Give the "
                    ".keras file or the folder of its run as MODEL.",
                    param_hint="--tta",
                )
            return Predictor.of_saved_model(path)
        trained = load_trained(path)
        serve = serving_function(trained.model, trained.decode, trained.spec.class_names)
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="MODEL") from error
    predictor = Predictor(
        trained.spec.class_names, lambda contents: serve(contents)["probabilities"]
    )
    if views.count == 1:
        return predictor
    folder = path if path.is_dir() else path.parent
    # Images that were augmented in training were rounded first; Pillow's are whole.
    is_rounded = trained.spec.reader != "ImageDataGenerator"
    decode = decoder_of(replace(trained.spec, rounded=is_rounded, rescale=None))
    files = views.of_files(folder, trained.spec, decode)
    return replace(
        predictor, views_of=lambda count: views_predictor(trained.model, files(count), count)
    )


def _on_a_terminal() -> bool:
    return sys.stdout.isatty()


def _print_table(results: Iterable["Prediction"]) -> None:
    table = Table("file", "label", "probability")
    table.columns[2].justify = "right"
    for each in results:
        names = (escape(as_field(name)) for name in (str(each.path), each.label))
        table.add_row(*names, f"{each.probability:.1%}")
    Console().print(table)


def _print_lines(results: Iterable["Prediction"]) -> None:
    for each in results:
        fields = as_field(str(each.path)), as_field(each.label), f"{each.probability:.4f}"
        click.echo("\t".join(fields))


def _print_json(results: Iterable["Prediction"], class_names: tuple[str, ...]) -> None:
    for each in results:
        content = {
            "file": str(each.path),
            "label": each.label,
            "probability": each.probability,
            "probabilities": dict(zip(class_names, each.probabilities.tolist(), strict=True)),
        }
        click.echo(json.dumps(content))


if __name__ == "__main__":
    main()
