"""The parts that a data set is split into, and the epochs of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from catdog_data.datasets.build import Epochs
from catdog_data.datasets.image_dataset import ImageDataset
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.split import split_by_name
from catdog_data.sources.split_arguments import parts_of


@dataclass(frozen=True)
class Split:
    """Which parts of a data set are read; without arguments, all of it.

    Args:
        validation_split: see `catdog_data.sources.split_arguments.check_split`.
        subset: as well.
        test_split: as well.
        fold: as well.
        root: see `catdog_data.sources.split.split_by_name`.
        stratify: as well.
        shuffle_seed: of a shuffle before the split; None for none.
        augment_validation: whether a validation subset is augmented.

    Example:
        >>> split = Split(0.25, "both")
        >>> parts = split.parts(LabelledFiles(("1.jpg", "2.jpg", "3.jpg", "4.jpg"), None, None))
        >>> {name: len(part) for name, part in parts.items()}
        {'training': 3, 'validation': 1}
        >>> epochs = Epochs(32, shuffle=True, seed=1, shard=(0, 1), augmentation=None)
        >>> [split.epochs(name, epochs).shuffle for name in parts]
        [True, False]
    """

    validation_split: float | None = None
    subset: str | None = None
    test_split: float | None = None
    fold: tuple[int, int] | None = None
    root: str = ""
    stratify: bool = False
    shuffle_seed: int | None = None
    augment_validation: bool = False

    def parts(self, files: LabelledFiles) -> dict[str | None, LabelledFiles]:
        """Shuffle and split; see `catdog_data.sources.split.split_by_name`."""
        if self.shuffle_seed is not None:
            files = files.shuffled(self.shuffle_seed)
        return split_by_name(
            files,
            self.validation_split,
            self.subset,
            test_split=self.test_split,
            fold=self.fold,
            root=self.root,
            stratify=self.stratify,
        )

    @property
    def names(self) -> tuple[str | None, ...]:
        """The names of the parts that are read, in order."""
        return parts_of(self.subset)

    def chosen(self, datasets: list[ImageDataset]) -> ImageDataset | list[ImageDataset]:
        """Return the datasets of all parts, or that of the only one."""
        return datasets if len(self.names) > 1 else datasets[0]

    def epochs(self, name: str | None, training: Epochs) -> Epochs:
        """Choose the epochs of a part.

        Args:
            name: of the part.
            training: the epochs of a training subset.

        Returns:
            Those of a training subset, but that a validation subset is not augmented by default,
            and beside its training subset is not shuffled, as with Keras; and that a test is
            neither, ever. Neither of them is balanced.
        """
        if name in (None, "training"):
            return training
        epochs = replace(training, balance=None)
        if name == "test":
            return replace(epochs, augmentation=None, shuffle=False)
        if not self.augment_validation:
            epochs = replace(epochs, augmentation=None)
        return replace(epochs, shuffle=False) if len(self.names) > 1 else epochs
