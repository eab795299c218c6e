"""What the native pipeline does not do, and what Python it calls for each image."""

from __future__ import annotations

from catdog_data.keras_compat.image_augmenter import ImageAugmenter, overridden_hook
from catdog_data.keras_compat.preprocessing import in_graph, is_of_keras_applications
from catdog_data.keras_compat.protocol import Generator
from catdog_data.kernels.warp import FILL_MODES

_STANDARDIZING = (
    "featurewise_center",
    "samplewise_center",
    "featurewise_std_normalization",
    "samplewise_std_normalization",
    "zca_whitening",
)


def reason_not_to_plan(generator: Generator) -> str | None:
    """Say why transforms cannot be drawn ahead: another than this package draws or applies them.

    Args:
        generator: of this package, of Keras or of the user.

    Returns:
        The reason, or None where there is none.
    """
    if not isinstance(generator, ImageAugmenter):
        return f"a {type(generator).__module__}.{type(generator).__name__} draws the transforms"
    name = overridden_hook(generator)
    return None if name in (None, "standardize") else f"`{name}` of the generator is overridden"


def unsupported_option(generator: Generator, color_mode: str) -> str | None:
    """Name the option that the native pipeline does not have, if any.

    Args:
        generator: its options.
        color_mode: "rgb", "rgba" or "grayscale".
    """
    brightens = generator.brightness_range is not None
    asked = {
        f"fill_mode={generator.fill_mode!r}": generator.fill_mode not in FILL_MODES,
        f"interpolation_order={generator.interpolation_order!r}": (
            generator.interpolation_order not in (0, 1)
        ),
        # Keras stretches images beyond [0, 255], one by one.
        "brightness_range with a cval beyond [0, 255]": (
            brightens and not 0 <= generator.cval <= 255
        ),
        f"brightness_range with color_mode={color_mode!r}": brightens and color_mode != "rgb",
    }
    return next((option for option, wanted in asked.items() if wanted), None)


def python_called_per_image(generator: Generator) -> str | None:
    """Name the Python of the user's that is called for one image after the other, if any.

    Args:
        generator: an `ImageDataGenerator` of this package.
    """
    if overridden_hook(generator) == "standardize":
        return "`standardize` of the generator, which is overridden,"
    function = generator.preprocessing_function
    if function and not is_of_keras_applications(function) and in_graph(function) is None:
        return "`preprocessing_function`"
    return None


def standardizes_in_numpy(generator: Generator, color_mode: str, data_format: str) -> bool:
    """Tell whether the graph has no equal of `standardize`.

    Args:
        generator: an `ImageDataGenerator` of this package.
        color_mode: "rgb", "rgba" or "grayscale".
        data_format: "channels_last" or "channels_first".
    """
    function = generator.preprocessing_function
    return (
        any(getattr(generator, option) for option in _STANDARDIZING)
        or data_format != "channels_last"
        or python_called_per_image(generator) is not None
        or (bool(function) and (color_mode != "rgb" or in_graph(function) is None))
    )
