"""For steps that take long: only the images that have the step are computed."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def change_chosen(
    change: Callable[..., tf.Tensor], images: tf.Tensor, chosen: tf.Tensor, *values: tf.Tensor
) -> tf.Tensor:
    """Change some images of a batch, one after the other; the others keep their bits.

    An image stays in the processor's cache meanwhile, and is the same in a batch of any size.

    Args:
        change: from an image [H, W, C] and its values to an image of the same shape and type.
        images: [B, H, W, C].
        chosen: bool[B].
        *values: [B, …] each, further arguments of `change`.

    Returns:
        As `images`.
    """

    def changed(of_image: tuple[tf.Tensor, ...]) -> tf.Tensor:
        is_chosen, image, *rest = of_image
        return tf.cond(is_chosen, lambda: change(image, *rest), lambda: image)

    return tf.map_fn(changed, (chosen, images, *values), fn_output_signature=images.dtype)
