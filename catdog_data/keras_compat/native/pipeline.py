"""The pipeline of an iterator, which is built again once what it was built from has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catdog_data.cache.cached import Cache
from catdog_data.engine.pixel_sources import Pixels
from catdog_data.engine.render import Rendering
from catdog_data.keras_compat.labels import Labels
from catdog_data.keras_compat.native.executor import Executor, MakeElement, PendingBatch
from catdog_data.keras_compat.native.lookahead import Lookahead
from catdog_data.keras_compat.native.reading import pixels_of_files
from catdog_data.keras_compat.native.snapshot import same, snapshot
from catdog_data.keras_compat.planning.batch_plan import BatchRequest


@dataclass(frozen=True, eq=False)
class PipelineInputs:
    """What a pipeline is built from. Scripts may edit or exchange any of it between batches.

    Args:
        n: how many files there are.
        filepaths: the N files.
        color_mode: see `pixels_of_files`.
        interpolation: see `pixels_of_files`.
        keep_aspect_ratio: see `pixels_of_files`.
        cache: see `pixels_of_files`.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        labels: what is added to the images; None for images alone.
    """

    n: int
    filepaths: Sequence[str]
    color_mode: str
    interpolation: str
    keep_aspect_ratio: bool
    cache: Cache
    rendering: Rendering
    batch_size: int
    labels: Labels | None

    def pixels(self) -> Pixels:
        """Choose how the files are read."""
        return pixels_of_files(
            self.filepaths,
            self.rendering.image_size,
            self.color_mode,
            self.interpolation,
            self.keep_aspect_ratio,
            self.cache,
        )

    def make_element(self) -> MakeElement:
        """Make the function that puts labels and weights beside the images of a batch."""
        if self.labels is None:
            return lambda index, images: images
        return self.labels.in_graph(self.n)

    def sources(self) -> list[Any]:
        """List all but what an executor compares itself, to tell a change by."""
        labels = self.labels
        class_mode = None if labels is None else labels.class_mode
        settings = (labels is None, class_mode, self.color_mode, self.interpolation)
        sources = [(*settings, self.keep_aspect_ratio, self.cache), self.filepaths]
        return sources if labels is None else [*sources, labels.values, labels.sample_weight]


class NativePipeline:
    """Makes the batches that an iterator is asked for, and some ahead of need."""

    def __init__(self) -> None:
        self.executor: Executor | None = None
        self._built_from: list[Any] = []
        self._lookahead: Lookahead | None = None

    def submit(
        self, request: BatchRequest, inputs: PipelineInputs, *, trusting: bool
    ) -> PendingBatch:
        """Submit a batch, unless that is done, and look ahead from it.

        Args:
            request: which batch.
            inputs: what the pipeline is to be built from.
            trusting: whether a new pipeline looks ahead from its first request on.
        """
        executor = self._executor_for(inputs)
        if self._lookahead is None or self._lookahead.executor is not executor:
            self._lookahead = Lookahead(executor, trusting=trusting)
        return self._lookahead.submit(request)

    def result(self, pending: PendingBatch) -> Any:
        """Wait for the batch that was submitted last: see `Executor.result`."""
        assert self.executor is not None
        return self.executor.result(pending)

    def forget_expected(self) -> None:
        """Forget which batches are expected; the next request decides it again."""
        self._lookahead = None

    def _executor_for(self, inputs: PipelineInputs) -> Executor:
        executor, sources = self.executor, inputs.sources()
        if (
            executor is None
            or not executor.serves(inputs.rendering, inputs.batch_size)
            or len(sources) != len(self._built_from)
            or not all(map(same, self._built_from, sources))
        ):
            if executor is not None:
                executor.end()
            executor = Executor(
                inputs.filepaths,
                inputs.pixels(),
                inputs.rendering,
                inputs.batch_size,
                inputs.make_element(),
            )
            self.executor = executor
            self._built_from = [snapshot(source) for source in sources]
        return executor
