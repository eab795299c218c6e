"""From drawn parameters to the matrix that maps an output pixel to its position in the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catdog_data.keras_compat.planning.transform_ranges import Transforms


def geometry_rows(transforms: Transforms, image_size: tuple[int, int]) -> NDArray[np.float64]:
    """Turn drawn parameters into the rows that the warp takes.

    Args:
        transforms: B rows of drawn parameters.
        image_size: (height, width) in pixels.

    Returns:
        float64[B, 8], see `catdog_data.augment.geometry_rows`.
    """
    matrix = affine_matrices(transforms, image_size)
    return np.column_stack(
        [
            matrix[:, 0],
            matrix[:, 1],
            transforms.flip_horizontal,
            transforms.flip_vertical,
        ]
    )


def affine_matrices(transforms: Transforms, image_size: tuple[int, int]) -> NDArray[np.float64]:
    """Multiply rotation, shift, shear and zoom about the image's centre, as Keras does.

    Keras skips a factor that changes nothing; multiplying by the identity is exact, so all four
    are always multiplied here. The products go through the same BLAS call as Keras' `np.dot`,
    which makes them equal to the bit (`keras.src.legacy`, `apply_affine_transform`).

    Args:
        transforms: B rows of drawn parameters.
        image_size: (height, width) in pixels.

    Returns:
        float64[B, 2, 3]: (row, column) of the input for the output's (row, column, 1).
    """
    theta, shear = np.deg2rad(transforms.theta), np.deg2rad(transforms.shear)
    zero, one = np.zeros(len(transforms)), np.ones(len(transforms))
    rotation = _matrices(np.cos(theta), -np.sin(theta), zero, np.sin(theta), np.cos(theta), zero)
    shift = _matrices(one, zero, transforms.tx, zero, one, transforms.ty)
    shearing = _matrices(one, -np.sin(shear), zero, zero, np.cos(shear), zero)
    zoom = _matrices(transforms.zx, zero, zero, zero, transforms.zy, zero)
    product = np.matmul(np.matmul(np.matmul(rotation, shift), shearing), zoom)
    centred = _about_centre(product, image_size)
    # Keras writes (x, y) = (row, column) matrices and then exchanges both axes.
    exchanged = centred[:, [1, 0, 2]][:, :, [1, 0, 2]]
    return exchanged[:, :2]


def _matrices(*entries: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stack 3x3 matrices from the entries of their first two rows, float64[B] each."""
    zero, one = np.zeros_like(entries[0]), np.ones_like(entries[0])
    return np.stack([*entries, zero, zero, one], axis=1).reshape(-1, 3, 3)


def _about_centre(matrix: NDArray[np.float64], image_size: tuple[int, int]) -> NDArray[np.float64]:
    row, column = image_size[0] / 2 - 0.5, image_size[1] / 2 - 0.5
    to_centre = np.array([[1, 0, row], [0, 1, column], [0, 0, 1]])
    from_centre = np.array([[1, 0, -row], [0, 1, -column], [0, 0, 1]])
    centred: NDArray[np.float64] = np.matmul(np.matmul(to_centre, matrix), from_centre)
    return centred
