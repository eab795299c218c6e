"""What training changes of a model, in a folder: weights, optimizer, random states, metrics."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from catdog_data.system.sync import sync_folder, sync_tree

_MODEL, _RANDOM, _METRICS = "model.keras", "random.npz", "metrics.npz"


def save_model_state(model: keras.Model, folder: Path, prefix: str) -> Path:
    """Write all that training changes into a new folder, which is on the disk when this returns.

    Args:
        model: compiled.
        folder: where the new folder is made; it is made itself where it is missing.
        prefix: what the name of the new folder begins with.

    Returns:
        The new folder, with the files `model.keras`, `random.npz` and `metrics.npz`.

    Raises:
        OSError: the file system refused.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     saved = save_model_state(model, Path(folder), "epoch-1-")
        ...     before = model.get_weights()
        ...     _ = model.trainable_variables[0].assign([[7], [8]])
        ...     restore_model_state(saved, model)
        ...     bool((model.get_weights()[0] == before[0]).all())
        True
    """
    folder.mkdir(parents=True, exist_ok=True)
    saved = Path(tempfile.mkdtemp(prefix=prefix, dir=folder)).resolve()
    model.save(saved / _MODEL)
    np.savez(saved / _RANDOM, *values_of(_not_saved_by_keras(model)))
    np.savez(saved / _METRICS, *values_of(model.metrics_variables))
    sync_tree(saved)
    sync_folder(saved.parent)
    return saved


def restore_model_state(saved: Path, model: keras.Model) -> None:
    """Give a model the state that was saved.

    Args:
        saved: the folder that `save_model_state` returned.
        model: built and compiled as the saved one was.

    Raises:
        FileNotFoundError: the folder does not exist.
        ValueError: the model is not compiled, or not the one that was saved; or a file is damaged.

    Example:
        >>> restore_model_state(Path("no such folder"), keras.Sequential())
        Traceback (most recent call last):
        FileNotFoundError: no such folder must hold the weights that belong to the position, ...
    """
    if not saved.is_dir():
        raise FileNotFoundError(
            f"{saved} must hold the weights that belong to the position, and does not exist. Move "
            "the folder of weights along with the file of the position."
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError("`model` must be compiled before `restore`, for its optimizer's state.")
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(saved / _MODEL)
        random, metrics = _arrays(saved / _RANDOM), _arrays(saved / _METRICS)
        for variable, state in zip(_not_saved_by_keras(model), random, strict=True):
            variable.assign(state)
        assign_values(model.metrics_variables, metrics)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{saved} must hold the weights of this model: {error} Build and compile it as in the "
            "run that was saved, or delete the file of the position to start over."
        ) from error


def values_of(variables: Sequence[Any]) -> list[Any]:
    """Return the values of variables as NumPy arrays.

    Args:
        variables: of Keras.

    Returns:
        One array for each, of its shape and dtype.

    Example:
        >>> values_of([keras.Variable([1.0, 2.0])])
        [array([1., 2.], dtype=float32)]
    """
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assign_values(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Give variables their values, or change nothing where not all variables have been made yet.

    Args:
        variables: of Keras.
        values: an array for each, of its shape.

    Example:
        >>> variable = keras.Variable([1.0, 2.0])
        >>> assign_values([variable], [[3.0, 4.0]])
        >>> values_of([variable])
        [array([3., 4.], dtype=float32)]
    """
    if len(variables) == len(values):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def _not_saved_by_keras(model: keras.Model) -> list[Any]:
    """List the states of random generators, as of `Dropout`, which Keras leaves out of a save."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _arrays(path: Path) -> list[Any]:
    with np.load(path) as file:
        return [file[name] for name in file.files]
