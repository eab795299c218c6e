"""A classifier on top of a network that was trained before, one of `keras.applications`."""

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import keras

from catdog_models.networks.heads import checked_size, compile_classifier, output_layer
from catdog_models.networks.precision import layers_in

_SMALLEST_SIDE = 32
_DROPOUT = 0.2


def build_transfer_model(
    backbone: str = "MobileNetV2",
    image_size: tuple[int, int] = (224, 224),
    num_classes: int = 2,
    *,
    weights: str | os.PathLike[str] | None = None,
    trainable: bool = False,
    precision: str | None = None,
) -> keras.Model:
    """Build and compile a backbone of `keras.applications` with a new output.

    Images come in [0, 1] as for all models here; the backbone's own `preprocess_input` is the
    first layer. Global average pooling, dropout of 0.2 and the output follow the backbone, whose
    batch normalisation keeps its averages while it is not trainable.

    Initial weights and dropout follow `keras.utils.set_random_seed`.

    Args:
        backbone: a name in `keras.applications`, such as "MobileNetV2" or "EfficientNetB0".
        image_size: height and width in pixels, each at least 32; some backbones need more.
        num_classes: at least 2.
        weights: None for new ones, "imagenet" for Keras' own, which are downloaded once, or the
            file of the backbone's weights without its top (`.weights.h5` or `.h5`).
        trainable: whether the backbone is trained as well. Use a small learning rate then.
        precision: the layers' dtype policy, such as "mixed_bfloat16"; None for Keras' setting. The
            input is scaled, and the output is, in float32 under any.

    Returns:
        A compiled model (Adam with learning rate 0.001, cross-entropy, accuracy) from
        `float32[B, H, W, 3]` in [0, 1] to `float32[B, 1]`, the probability of class 1, or
        `float32[B, K]`.

    Raises:
        TypeError: `image_size` is not a pair of integers.
        ValueError: an unknown backbone, a size that it does not take, weights of another network,
            or fewer than 2 classes.
        FileNotFoundError: there is no file `weights`.
        OSError: the weights cannot be downloaded.

    Example:
        >>> build_transfer_model("MobileNet", (32, 32), num_classes=3).output_shape
        (None, 3)
    """
    size = checked_size(image_size, _SMALLEST_SIDE, "backbones have nothing left of them")
    make, preprocess = _backbone(backbone)
    with layers_in(precision):
        inputs = keras.Input((*size, 3), dtype="float32")
        x = _Preprocessing(preprocess, backbone, dtype="float32")(inputs)
        body = _with_weights(make, backbone, (*size, 3), weights)
        body.trainable = trainable
        x = body(x, training=None if trainable else False)
        x = keras.layers.GlobalAveragePooling2D(data_format="channels_last")(x)
        x = keras.layers.Dropout(_DROPOUT)(x)
        model = keras.Model(inputs, output_layer(num_classes)(x), name=f"transfer_{backbone}")
    compile_classifier(model)
    return model


@keras.saving.register_keras_serializable("catdog_models")
class _Preprocessing(keras.layers.Layer):  # type: ignore[misc]
    """From [0, 1] to what a backbone was trained on."""

    def __init__(
        self, function: Callable[[Any], Any] | None = None, backbone: str = "", **options: Any
    ) -> None:
        super().__init__(**options)
        self._backbone = backbone
        self._function = function or _backbone(backbone)[1]

    def call(self, images: Any) -> Any:
        """Scale to [0, 255], which the backbone's own function takes."""
        return self._function(images * 255.0)

    def get_config(self) -> dict[str, Any]:
        """Name the backbone, for the layer to be made again."""
        return {**super().get_config(), "backbone": self._backbone}


def _backbone(name: str) -> tuple[Callable[..., Any], Callable[[Any], Any]]:
    """Find a backbone's constructor, and the function that prepares its input."""
    make = getattr(keras.applications, str(name), None)
    if not (isinstance(name, str) and name[:1].isupper() and callable(make)):
        known = [each for each in dir(keras.applications) if each[:1].isupper()]
        raise ValueError(
            f"backbone must be one of keras.applications: {', '.join(known)}. Received: {name!r}"
        )
    # The public modules are named in other ways than the models (`resnet`, `resnet_v2`).
    module = import_module(make.__module__)
    return make, module.preprocess_input


def _with_weights(
    make: Callable[..., Any],
    name: str,
    shape: tuple[int, int, int],
    weights: str | os.PathLike[str] | None,
) -> Any:
    if weights is None:
        return make(include_top=False, weights=None, input_shape=shape)
    if weights == "imagenet":
        return _downloaded(make, name, shape)
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            "weights must be None, 'imagenet' or a file of the backbone's weights. Received: "
            f"{str(path)!r}, which is no file."
        )
    body = make(include_top=False, weights=None, input_shape=shape)
    try:
        body.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(
            f"weights must be those of {name} without its top, as `.weights.h5` or `.h5`. "
            f"Received: {str(path)!r}: {error}"
        ) from error
    return body


def _downloaded(make: Callable[..., Any], name: str, shape: tuple[int, int, int]) -> Any:
    try:
        return make(include_top=False, weights="imagenet", input_shape=shape)
    except ValueError:
        raise
    except Exception as error:  # Keras raises a bare Exception where the network fails.
        raise OSError(
            f"weights='imagenet' of {name} cannot be fetched: {error}. Download the file where "
            "there is a network and give its path, or use weights=None."
        ) from error
