"""The parts that a data set is split into, and the epochs of each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from catdog_data.datasets.build import Epochs
from catdog_data.sources.labelled_files import LabelledFiles
from catdog_data.sources.split import split_by_name


@dataclass(frozen=True)
class Split:
    """Which parts of a data set are read; without arguments, all of it.

    Args:
        validation_split: see `catdog_data.sources.split.check_split`.
        subset: as well.
        shuffle_seed: of a shuffle before the split; None for none.
        stratify_below: see `catdog_data.sources.split.split_by_name`.
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
    shuffle_seed: int | None = None
    stratify_below: str | None = None
    augment_validation: bool = False

    def parts(self, files: LabelledFiles) -> dict[str | None, LabelledFiles]:
        """Shuffle and split; see `catdog_data.sources.split.split_by_name`."""
        if self.shuffle_seed is not None:
            files = files.shuffled(self.shuffle_seed)
        return split_by_name(
            files, self.validation_split, self.subset, stratify_below=self.stratify_below
        )

    def epochs(self, name: str | None, training: Epochs) -> Epochs:
        """Choose the epochs of a part.

        Args:
            name: of the part.
            training: the epochs of a training subset.

        Returns:
            Those of a training subset, but that a validation subset is not augmented by default,
            and beside its training subset is not shuffled, as with Keras.
        """
        if name != "validation":
            return training
        epochs = training if self.augment_validation else replace(training, augmentation=None)
        return replace(epochs, shuffle=False) if self.subset == "both" else epochs
