"""The pipeline of an iterator, which is exchanged once its settings have changed."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from catdog_data.cache.cached import Cache, CacheOfListing
from catdog_data.engine.pixel_sources import Pixels
from catdog_data.engine.render import Rendering
from catdog_data.keras_compat.labels import Labels
from catdog_data.keras_compat.native.executor import Executor, MakeElement, PendingBatch
from catdog_data.keras_compat.native.idle import Settings, give_back, take
from catdog_data.keras_compat.native.loading import Loading
from catdog_data.keras_compat.native.lookahead import Lookahead
from catdog_data.keras_compat.planning.batch_plan import BatchRequest


@dataclass(frozen=True, eq=False)
class PipelineInputs:
    """What a pipeline is built from. Scripts may edit or exchange any of it between batches.

    Args:
        n: how many files there are.
        filepaths: the N files.
        loading: how they are read.
        cache: see `catdog_data.cache.cached`.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        labels: what is added to the images; None for images alone.
    """

    n: int
    filepaths: Sequence[str]
    loading: Loading
    cache: Cache | CacheOfListing
    rendering: Rendering
    batch_size: int
    labels: Labels | None

    def pixels(self) -> Pixels:
        """Choose how the files are read, by index."""
        return self.loading.of_files(self.filepaths, self.cache)

    def make_element(self) -> MakeElement:
        """Make the function that puts labels and weights beside the images of a batch."""
        if self.labels is None:
            return lambda index, images: images
        return self.labels.in_graph(self.n)

    def settings(self, room: int | None) -> Settings:
        """Say which executor makes these batches; `room` as of `Loading.by_path`."""
        return Settings(self.loading, self.rendering, self.batch_size, room)


class NativePipeline:
    """Makes the batches that an iterator is asked for, and some ahead of need."""

    def __init__(self) -> None:
        self.executor: Executor | None = None
        self._made_for: Any = None
        self._room: tuple[Loading, int | None] | None = None
        self._leave: weakref.finalize[Any, Any] | None = None
        self._lookahead: Lookahead | None = None

    def submit(
        self, request: BatchRequest, inputs: PipelineInputs, *, trusting: bool
    ) -> PendingBatch:
        """Submit a batch, unless that is done.

        Args:
            request: which batch.
            inputs: what it is made from.
            trusting: whether a new pipeline looks ahead from its first request on.
        """
        executor = self._executor_for(inputs)
        if self._lookahead is None or self._lookahead.executor is not executor:
            self._lookahead = Lookahead(executor, trusting=trusting)
        return self._lookahead.submit(request, inputs.filepaths)

    def result(self, pending: PendingBatch) -> NDArray[Any]:
        """Wait for the batch that was submitted last, see `Executor.result`; look ahead from it."""
        assert self.executor is not None
        assert self._lookahead is not None
        images = self.executor.result(pending)
        self._lookahead.look_ahead()
        return images

    def forget_expected(self) -> None:
        """Forget which batches are expected; the next request decides it again."""
        self._lookahead = None

    def _executor_for(self, inputs: PipelineInputs) -> Executor:
        settings = inputs.settings(self._room_of(inputs))
        # Decoded images are of these files alone, and so is an executor that reads them.
        decoded = None if inputs.cache is None else (inputs.cache, list(inputs.filepaths))
        made_for = (settings, decoded)
        if self.executor is None or not self.executor.runs or made_for != self._made_for:
            if self._leave is not None:
                self._leave()
            if decoded is None:
                executor = take(settings)
                leave = partial(give_back, settings, executor)
            else:
                pixels = inputs.pixels()
                executor = Executor(pixels, inputs.rendering, inputs.batch_size, by_path=False)
                leave = partial(executor.end)
            if self._leave is not None:
                # Who exchanges settings once may do so before every batch.
                self._lookahead = Lookahead(executor, trusting=False)
            self.executor, self._made_for = executor, made_for
            self._leave = weakref.finalize(self, leave)
            self._leave.atexit = False
        return self.executor

    def _room_of(self, inputs: PipelineInputs) -> int | None:
        """Look at the files once; those that a script puts in their place are read all the same."""
        if self._room is None or self._room[0] != inputs.loading:
            self._room = inputs.loading, inputs.loading.room(inputs.filepaths)
        return self._room[1]
