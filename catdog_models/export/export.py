"""A trained model that takes the bytes of image files, as a SavedModel."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from catdog_data.system.atomic_directory import replaced_directory

SIGNATURE = "serving_default"
"""The signature that `tf.saved_model` and TensorFlow Serving take by default."""


def serving_function(
    model: keras.Model, decode: Callable[[Any], Any], class_names: Sequence[str]
) -> Any:
    """Put decoding in front of a model, and names behind it.

    Args:
        model: from images, as `decode` makes them, to probabilities: `float32[B, 1]` that of class
            1, or `float32[B, K]`.
        decode: from the bytes of one file, `string[]`, to one image `float32[H, W, C]`, by
            TensorFlow operations alone; `catdog_data.serving` makes such functions.
        class_names: K names by class number.

    Returns:
        A `tf.function` from `image_bytes`, `string[B]`, to a dictionary of "probabilities"
        `float32[B, K]`, "class_names" `string[B, K]`, what each column means, and "label"
        `string[B]`, the name of the most probable class.

    Raises:
        ValueError: the model has other outputs, or not as many as there are names.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
        >>> model.add(keras.layers.Dense(1, "sigmoid"))
        >>> def decode(contents):
        ...     image = tf.io.decode_png(contents, channels=3)
        ...     return tf.ensure_shape(tf.cast(image, tf.float32), [8, 8, 3])
        >>> black = tf.io.encode_png(tf.zeros([8, 8, 3], tf.uint8))
        >>> serving_function(model, decode, ["cats", "dogs"])([black])["probabilities"].numpy()
        array([[0.5, 0.5]], dtype=float32)
    """
    _check_outputs(model, class_names)
    shape = _image_shape(model)
    names = list(class_names)

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.map_fn(
            decode, image_bytes, fn_output_signature=tf.TensorSpec(shape, tf.float32)
        )
        output = tf.cast(model(images, training=False), tf.float32)
        if output.shape[1] == 1:
            output = tf.concat([1 - output, output], axis=1)
        table = tf.constant(_as_bytes(names))
        return {
            "probabilities": output,
            # Every output has a row for each file, which servers that batch requests rely on.
            "class_names": tf.tile(table[tf.newaxis], [tf.shape(output)[0], 1]),
            "label": tf.gather(table, tf.argmax(output, axis=1)),
        }

    return tf.function(
        serve, input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")]
    )


def export_saved_model(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    decode: Callable[[Any], Any],
    class_names: Sequence[str],
) -> Path:
    """Save a model as a TensorFlow SavedModel that takes the bytes of image files.

    The folder needs nothing but TensorFlow to be loaded. See `serving_function` for what its
    signature `serving_default` takes and returns; `class_names`, `string[K]`, is an attribute of
    what `tf.saved_model.load` returns.

    Args:
        model: see `serving_function`.
        path: the folder to write; its parent must exist. An earlier export is replaced once the
            new one is whole; anything else that is there is left alone.
        decode: from the bytes of one file, `string[]`, to one image `float32[H, W, C]`.
        class_names: K names by class number.

    Returns:
        The folder.

    Raises:
        FileExistsError: `path` is something else than an earlier export or an empty folder.
        FileNotFoundError: the parent of `path` does not exist.
        ValueError: see `serving_function`; `path` is not UTF-8; or `decode` calls Python, which
            cannot be saved.

    Example:
        >>> import tempfile
        >>> from catdog_data.serving import decoder
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
        >>> model.add(keras.layers.Dense(3, "softmax"))
        >>> names = ["cats", "dogs", "birds"]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = export_saved_model(
        ...         model, f"{folder}/export", decode=decoder(8), class_names=names
        ...     )
        ...     tf.saved_model.load(str(path)).class_names.numpy().tolist()
        [b'cats', b'dogs', b'birds']
    """
    target = Path(path)
    _check_replaceable(target)
    serve = serving_function(model, decode, class_names)
    _check_no_python(serve)
    module = tf.Module()
    module.model = model
    module.class_names = tf.Variable(_as_bytes(class_names), trainable=False)
    with replaced_directory(target) as unfinished:
        tf.saved_model.save(module, str(unfinished), signatures={SIGNATURE: serve})
    return target


def is_saved_model(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds a SavedModel.

    Args:
        path: the folder; it need not exist.

    Returns:
        Whether it has a file `saved_model.pb`.

    Example:
        >>> is_saved_model("no such folder")
        False
    """
    return (Path(path) / "saved_model.pb").is_file()


def _as_bytes(names: Sequence[str]) -> list[bytes]:
    """Encode names, those of folders that are not UTF-8 as the system has them."""
    return [name.encode(errors="surrogateescape") for name in names]


def _check_outputs(model: keras.Model, class_names: Sequence[str]) -> None:
    names = list(class_names)
    if isinstance(class_names, str) or len(names) < 2 or not all(isinstance(n, str) for n in names):
        raise ValueError(
            "`class_names` must be at least 2 names in the order of the class numbers. "
            f"Received: {class_names!r}"
        )
    shape = tuple(model.output_shape)
    classes = 2 if shape[-1] == 1 else shape[-1]
    if len(shape) != 2 or classes != len(names):
        raise ValueError(
            f"The model must return [B, K] probabilities for {len(names)} classes, or [B, 1] for "
            f"two. Received an output of shape {shape} and class_names={names!r}."
        )


def _image_shape(model: keras.Model) -> list[int | None]:
    shape = list(model.input_shape)
    if len(shape) != 4:
        raise ValueError(
            f"The model must take one batch of images, [B, H, W, C]. Received: {tuple(shape)}"
        )
    return shape[1:]


def _check_no_python(serve: Any) -> None:
    graph = serve.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    if called := {node.op for node in nodes} & {"PyFunc", "PyFuncStateless", "EagerPyFunc"}:
        raise ValueError(
            "`decode` must consist of TensorFlow operations; what Python does cannot be saved. "
            f"Received one with {sorted(called)[0]}. See `catdog_data.serving`."
        )


def _check_replaceable(target: Path) -> None:
    if os.fsencode(target).decode(errors="ignore") != str(target):
        raise ValueError(
            f"path must be UTF-8, as TensorFlow writes to no other. Received: {str(target)!r}. "
            "Choose another folder, and rename it afterwards."
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path must be in a folder that exists. Received: {str(target)!r}. "
            f"Create {str(target.parent)!r} first."
        )
    is_free = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    if not is_free and not is_saved_model(target):
        raise FileExistsError(
            f"path must be absent, empty or an earlier SavedModel. Received: {str(target)!r}, "
            "which holds something else. It was left alone; choose another folder."
        )
