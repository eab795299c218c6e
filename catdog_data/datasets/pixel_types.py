"""The type that values are read in, and what goes with it."""

from __future__ import annotations

from typing import Any

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.steps.step import RandomStep
from catdog_data.datasets.options import OUTPUT_DTYPES, one_of
from catdog_data.decoding.wanted import PIXEL_DTYPES, WHITE_OF_16_BITS


def checked_pixel_dtype(pixel_dtype: Any, output_dtype: Any, rescale: Any) -> str:
    """Return the type that values are read in; refuse it beside types that do not hold them.

    Args:
        pixel_dtype: what was given; None for "uint8", or "uint16" where the output has that.
        output_dtype: of the images.
        rescale: of the values.

    Raises:
        ValueError: one is not among those known, or they do not go together.

    Example:
        >>> checked_pixel_dtype(None, "uint16", None)
        'uint16'
    """
    one_of("output_dtype", output_dtype, OUTPUT_DTYPES)
    one_of("pixel_dtype", pixel_dtype, (*PIXEL_DTYPES, None))
    chosen = pixel_dtype or ("uint16" if output_dtype == "uint16" else "uint8")
    if output_dtype in ("uint8", "uint16") and output_dtype != chosen:
        raise ValueError(
            f"`output_dtype={output_dtype!r}` needs `pixel_dtype={output_dtype!r}`, since values "
            f"are scaled when they are read alone; received pixel_dtype={chosen!r}."
        )
    if (chosen, output_dtype, rescale) == ("uint16", "float16", None):
        raise ValueError(
            '`output_dtype="float16"` holds no value above 65504, and `pixel_dtype="uint16"` goes '
            "up to 65535. Give `rescale=1 / 65535`, or another type."
        )
    return str(chosen)


def check_steps(
    white: int | None, steps: tuple[RandomStep, ...], augmentation: Augmentation
) -> None:
    """Refuse changes of values that do not hold for the type that they are read in.

    Args:
        white: the value of white; None where values are numbers of any meaning.
        steps: those of the augmentation behind the geometry.
        augmentation: what was given.

    Raises:
        ValueError: a step needs to know white, or works in 8 bits.
    """
    if white == 255:
        return
    wrong = [each for each in steps if each.in_8_bits or (each.needs_white and white is None)]
    names = [name for step in wrong for name in step.choices if augmentation.is_set(name)]
    if not names:
        return
    of_16_bits = white == WHITE_OF_16_BITS
    why = (
        'makes whole numbers of 8 bits of values, and `pixel_dtype="uint16"` keeps 16'
        if of_16_bits
        else 'goes by values from black, 0, to white, 255, and `pixel_dtype="float32"` takes '
        "numbers as they are stored"
    )
    remedy = "it out" if of_16_bits else 'it out, or read whole numbers with `pixel_dtype="uint16"`'
    raise ValueError(f"`augmentation`: {', '.join(names)} {why}. Leave {remedy}.")
