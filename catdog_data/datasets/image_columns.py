"""The columns of a data frame that name the images of a row: one, a tuple or a dict of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from catdog_data.augment.augmentation import Augmentation

Columns = Hashable | list[Hashable] | Mapping[str, Hashable]
"""What the argument `x_col` may be."""


@dataclass(frozen=True)
class ImageColumns:
    """Which columns name images, and how those of a row are put together.

    Args:
        keys: the columns.
        are_several: whether a row's images are a tuple or a dict, and not one image.
        names: of a row's images; None for a tuple.

    Example:
        >>> ImageColumns.of("filename").keys, ImageColumns.of(["left", "right"]).keys
        (('filename',), ('left', 'right'))
        >>> ImageColumns.of({"before": "jan", "after": "july"}).names
        ('before', 'after')
    """

    keys: tuple[Hashable, ...]
    are_several: bool = False
    names: tuple[str, ...] | None = None

    @classmethod
    def of(cls, x_col: Any) -> ImageColumns:
        """Read the argument `x_col`.

        Raises:
            ValueError: a list of less than two columns, or a dict that is not from names.
        """
        if isinstance(x_col, Mapping):
            if not x_col or not all(isinstance(name, str) and name for name in x_col):
                raise ValueError(
                    "`x_col`, as a dict, must be from names of a model's inputs (strings) to "
                    f"columns, at least one; received {x_col!r}."
                )
            return cls(tuple(x_col.values()), are_several=True, names=tuple(x_col))
        if not isinstance(x_col, list):
            return cls((x_col,))
        if len(x_col) < 2:
            raise ValueError(
                "`x_col`, as a list, must name the columns of at least two images; received "
                f"{x_col!r}. For one image to a row, give the name of its column."
            )
        return cls(tuple(x_col), are_several=True)

    def check_together(
        self,
        *,
        views: int,
        alike: bool,
        augmentation: Augmentation | None,
        on_device: bool,
        has_masks: bool,
    ) -> None:
        """Refuse what does not go with several images, or only with images that are moved alike.

        Args:
            views: see `catdog_data.datasets.views`.
            alike: whether the images of a row draw together.
            augmentation: what they draw from.
            on_device: whether geometry is left to the device.
            has_masks: whether a mask is read with them.

        Raises:
            ValueError: such arguments.
        """
        if not self.are_several:
            if not alike:
                raise ValueError(
                    "`augment_alike=False` needs several images to a row, as "
                    f'`x_col=["left", "right"]`; received x_col={self.keys[0]!r}.'
                )
            return
        columns = f"Received x_col with the columns {', '.join(map(repr, self.keys))}"
        if views > 1:
            raise ValueError(
                f"`views` needs one image to a row. {columns}, views={views!r}. A column that is "
                "named twice, with `augment_alike=False`, gives two views of its images."
            )
        if on_device:
            raise ValueError(
                '`augment_on="device"` needs one image to a row; several are augmented on the '
                f'host. {columns}, augment_on="device".'
            )
        mixes = augmentation is not None and (augmentation.mixup or augmentation.cutmix)
        if not alike and (has_masks or mixes):
            what = 'label_mode="mask"' if has_masks else "`mixup` and `cutmix`"
            raise ValueError(
                f"{what} cannot go with `augment_alike=False`: the labels of a row follow all of "
                f"its images, which must be changed alike. {columns}, augment_alike=False."
            )
