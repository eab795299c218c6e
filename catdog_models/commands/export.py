"""`catdog-export`: a trained model as a SavedModel that takes JPEG and PNG bytes.

TensorFlow is imported inside the functions that need it, so that `--help` and wrong options answer
at once.
"""

import os
from pathlib import Path

import click

from catdog_data.command_errors import said_plainly
from catdog_data.system.names import as_field, readable
from catdog_models.commands.predict import load_trained


@click.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def main(model: Path, folder: Path) -> None:
    """Write MODEL to FOLDER as a SavedModel that takes the bytes of image files.

    MODEL is a .keras file with the input.json that catdog-train writes beside it, or the folder of
    such a run (its best model is taken). An earlier export in FOLDER is replaced.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    trained = load_trained(model)
    names = trained.spec.class_names
    from catdog_models.export.export import export_saved_model

    with said_plainly():
        try:
            export_saved_model(trained.model, folder, decode=trained.decode, class_names=names)
        except (OSError, ValueError) as error:
            raise click.BadParameter(str(error), param_hint="FOLDER") from error
    classes = ", ".join(map(as_field, names))
    click.echo(f"wrote {readable(str(folder))}: image bytes to probabilities of {classes}")


if __name__ == "__main__":
    main()
