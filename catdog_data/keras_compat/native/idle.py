"""Executors that nobody uses, kept for the next iterator with the same settings.

Setting one up takes many times as long as a batch. It depends on settings alone, so that it serves
any files.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from catdog_data.decoding.limits import ordinary_side
from catdog_data.engine.render import Rendering
from catdog_data.keras_compat.native.executor import Executor
from catdog_data.keras_compat.native.loading import Loading

_MOST = 4
"""Each keeps a graph and a few threads, which wait."""


def _modes() -> tuple[bool, bool, int]:
    """Tell what else pipelines are built by: two settings of TensorFlow's, and one of Pillow's."""
    return is_op_determinism_enabled(), tf.config.functions_run_eagerly(), ordinary_side()


@dataclass(frozen=True)
class Settings:
    """What an executor is set up for.

    Args:
        loading: how files are read.
        rendering: what is done to the pixels.
        batch_size: rows of the largest batch.
        room: see `Loading.by_path`.
    """

    loading: Loading
    rendering: Rendering
    batch_size: int
    room: int | None
    _modes: tuple[bool, bool, int] = field(default_factory=_modes, init=False)

    def executor(self) -> Executor:
        """Set one up."""
        return Executor(
            self.loading.by_path(self.room), self.rendering, self.batch_size, by_path=True
        )


_IDLE: deque[tuple[Settings, Executor]] = deque()
"""In the order in which they were given back."""
_LOCK = threading.RLock()
"""Reentrant, as an iterator may be freed anywhere, and gives its executor back then."""


def take(settings: Settings) -> Executor:
    """Take an idle executor for these settings, or set one up."""
    with _LOCK:
        for kept in reversed(tuple(_IDLE)):
            if kept[0] == settings and kept[1].runs:
                with suppress(ValueError):  # given back meanwhile, others ended it
                    _IDLE.remove(kept)
                    return kept[1]
    return settings.executor()


def give_back(settings: Settings, executor: Executor) -> None:
    """Drop what was submitted, and keep the executor; the one that was idle longest may end."""
    executor.drop()
    if not executor.runs:
        return
    with _LOCK:
        _IDLE.append((settings, executor))
        ended = _IDLE.popleft()[1] if len(_IDLE) > _MOST else None
    if ended is not None:
        ended.end()
