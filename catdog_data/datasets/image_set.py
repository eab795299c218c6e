"""From listed images to datasets: the steps that all functions of the tf.data API share.

Those that cannot be read are left out, the others are shuffled and split, and each part is read,
planned and built. Which images there are at each step is a `LabelledFiles`; all else is made from
it, so that nothing goes out of step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from numpy.typing import NDArray

from catdog_data.cache.cached import Cache, CacheOfListing
from catdog_data.datasets.build import Epochs, Source, build_dataset
from catdog_data.datasets.elements import LabelsOf, Output
from catdog_data.datasets.image_dataset import ImageDataset
from catdog_data.datasets.splits import Split
from catdog_data.engine.pixel_sources import Images
from catdog_data.readable.on_error import Listed, OnError
from catdog_data.sources.labelled_files import LabelledFiles

SourceOf = Callable[[LabelledFiles, Epochs, Output, Cache | CacheOfListing], Source]
"""Makes the source of the pixels of some images; see `catdog_data.datasets.reading`."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images that were listed, and how to make what belongs to any of them.

    Args:
        files: their names; where they are no files, those that errors give them.
        source: of their pixels, and of those of their masks.
        labels: makes the function from positions in a part to labels; None without labels.
        weights: makes that of sample weights; None without.
        positions: makes that to what `return_index` gives; None for the positions in a part.
        classes: makes the class of each image of a part, see `Listed`.
        class_names: of `classes`, where they are positions in it.
        masks: lists the files of the masks of a part; None without such.
        others: lists the files of the second image of each sample of a part, of the third, ….
        settings: see `Listed`.
        cached_as: how their pixels are read, see `catdog_data.cache.cached`.
        are_files: whether the names are paths, which datasets tell.
        split: the name that the whole has; None for none.
    """

    files: LabelledFiles
    source: SourceOf
    labels: Callable[[LabelledFiles], LabelsOf] | None = None
    weights: Callable[[LabelledFiles], LabelsOf] | None = None
    positions: Callable[[LabelledFiles], LabelsOf] | None = None
    classes: Callable[[LabelledFiles], NDArray[Any] | None] = lambda files: None
    class_names: Sequence[str] | None = None
    masks: Callable[[LabelledFiles], Sequence[str]] | None = None
    others: Callable[[LabelledFiles], Sequence[Sequence[str]]] = lambda files: ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    cached_as: Mapping[str, Any] = field(default_factory=dict)
    are_files: bool = True
    split: str | None = None

    def read_as(
        self,
        on_error: OnError,
        epochs: Epochs,
        output: Output,
        cache: CacheOfListing,
        subset: str | None = None,
    ) -> ImageSet:
        """Leave out the images that cannot be read, or exchange them; see `OnError.rows`.

        What is decoded to find out is kept in the cache, but where several files are read together.
        """
        files = self.files
        read_together = self._read_together(files)

        def sources() -> list[Images]:
            made = self.source(files, epochs, output, None)
            # Those that are not cached load single images.
            parts: list[Any] = [made.pixels, *([] if made.masks is None else [made.masks])]
            return parts

        def keep(indices: Sequence[int]) -> dict[int, Exception] | None:
            if read_together:
                return None
            (images,) = sources()
            return cache.decode(images, files.file_paths, self.cached_as, indices)

        listed = Listed(
            files.file_paths,
            sources,
            self.settings,
            lambda: self.classes(files),
            self.class_names,
            read_together,
            keep,
            subset,
        )
        # Behind this function, that below and the one that the user called.
        return replace(self, files=files.take(on_error.rows(listed, stacklevel=5)))

    @property
    def image_paths(self) -> Sequence[str]:
        """All files of images, as those of a cache."""
        others = self.others(self.files)
        return list(chain(self.files.file_paths, *others)) if others else self.files.file_paths

    def _read_together(self, files: LabelledFiles) -> list[Sequence[str]]:
        """List the columns of files that are read with each image."""
        return [*self.others(files), *([] if self.masks is None else [self.masks(files)])]


def datasets_of(
    images: ImageSet,
    epochs: Epochs,
    output: Output,
    split: Split,
    on_error: OnError,
    cache: Cache = None,
    ram_budget: int | None = None,
    tell: Callable[[LabelledFiles, Mapping[str | None, LabelledFiles]], None] | None = None,
) -> list[ImageDataset]:
    """Make the datasets of the parts of a data set; the function that a user calls calls it.

    Args:
        images: what was listed, without what is excluded.
        epochs: those of a training subset, or of the whole.
        output: what elements look like.
        split: into which parts.
        on_error: what is done about images that cannot be read.
        cache: see `catdog_data.cache.cached`.
        ram_budget: see `build_dataset`.
        tell: called with all images and the parts; None for nothing.

    Returns:
        The dataset of each part.
    """
    kept = CacheOfListing(cache)
    if on_error.skips:
        # As those that are read first, so that a cache is theirs.
        first = split.epochs(split.names[0], epochs)
        images = images.read_as(on_error, first, output, kept)
        kept = kept.of(images.image_paths)
    elif split.fold is not None:
        # Those of other folds are for this one to read, where they are cached together.
        kept = kept.of(images.image_paths)
    parts = split.parts(images.files)
    if tell is not None:
        tell(images.files, parts)
    datasets = []
    for name, files in parts.items():
        part, own = replace(images, files=files), on_error.for_part()
        own_epochs = split.epochs(name, epochs)
        if own.replaces:
            part = part.read_as(own, own_epochs, output, kept, name)
        datasets.append(_dataset(part, name, own_epochs, output, own, kept, ram_budget))
    return datasets


def _dataset(
    images: ImageSet,
    name: str | None,
    epochs: Epochs,
    output: Output,
    on_error: OnError,
    cache: CacheOfListing,
    ram_budget: int | None,
) -> ImageDataset:
    files = images.files
    return build_dataset(
        images.source(files, epochs, output, cache),
        epochs,
        output,
        None if images.labels is None else images.labels(files),
        None if images.weights is None else images.weights(files),
        None if images.positions is None else images.positions(files),
        ram_budget=ram_budget,
        class_names=files.class_names,
        file_paths=files.file_paths if images.are_files else (),
        split=name or images.split,
        on_failure=on_error.late(files.file_paths, lambda: images.classes(files)),
        broken=on_error.found,
        classes=lambda: images.classes(files),
        names_of_classes=images.class_names,
    )
