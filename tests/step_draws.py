"""Draws for the tests of steps: many images at once."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from catdog_data.augment.compose import compose

SIZE = (40, 60)
COUNT = 4000


def drawn(augmentation, count=COUNT, index=None):
    """What `count` images draw for an augmentation, the same numbers for every augmentation."""
    composition = compose(augmentation)
    uniform = np.random.default_rng(0).random((count, 64))[:, : composition.draws]
    index = np.arange(count) if index is None else index
    return composition.named_draws(tf.constant(uniform), tf.constant(index, tf.int64), SIZE)


def parameters(step, augmentation, **options):
    """The parameters of a step, by its class, as a named tuple of arrays."""
    made = step.of(augmentation).parameters(drawn(augmentation, **options))
    return type(made)(*(each.numpy() for each in made))
