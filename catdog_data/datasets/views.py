"""Several views of each image: what the argument `views` may be, and what it goes with."""

from __future__ import annotations

from typing import Any

from catdog_data.augment.augmentation import Augmentation
from catdog_data.augment.compose import compose
from catdog_data.datasets.options import is_whole

_MOST = 64
"""More than anybody asks for; every view makes the functions of a pipeline longer."""


def check_views(
    views: Any, augmentation: Augmentation | None, *, on_device: bool, has_masks: bool = False
) -> None:
    """Refuse what `views` cannot be, and what does not go with several.

    Args:
        views: how many views each image has; 1 for the image itself.
        augmentation: what each view draws from.
        on_device: whether geometry is left to the device.
        has_masks: whether masks are read with the images.

    Raises:
        ValueError: another number, or several views that would all be alike or whose labels or
            masks could not be right.

    Example:
        >>> check_views(2, None, on_device=False)
        Traceback (most recent call last):
        ValueError: `views` needs an `augmentation` that changes images: without, all views of an \
image are alike. Received views=2, augmentation=None.
    """
    if not is_whole(views) or not 1 <= views <= _MOST:
        raise ValueError(
            f"`views` must be a whole number from 1 to {_MOST}, the views of each image; received "
            f"{views!r}."
        )
    if views == 1 or not isinstance(augmentation, (Augmentation, type(None))):
        return
    composition = compose(augmentation or Augmentation())
    received = f"Received views={views!r}, augmentation={augmentation!r}."
    if has_masks:
        raise ValueError(
            f"`views` needs images without masks, which could follow one view only; received "
            f"views={views!r}. Use views=1, or no masks."
        )
    if on_device:
        raise ValueError(
            '`views` needs `augment_on="host"`: the layer of the device moves every image once. '
            f"{received}"
        )
    if composition.mixes_images:
        raise ValueError(
            "`views` needs images that are not mixed: each view would have another label. Leave "
            f"`mixup` and `cutmix` at 0. {received}"
        )
    if not composition.geometry.is_set and not composition.steps:
        raise ValueError(
            "`views` needs an `augmentation` that changes images: without, all views of an image "
            f"are alike. {received}"
        )
