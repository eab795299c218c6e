"""Draws for the tests of steps: many images at once."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from catdog_data.augment.compose import DRAWS, compose

SIZE = (40, 60)
COUNT = 4000


def drawn(augmentation, count=COUNT, index=None):
    """What `count` images draw for an augmentation, the same numbers for every augmentation."""
    # Draw by draw, so that the first ones stay the same where others are added.
    uniform = np.random.default_rng(0).random((DRAWS, count)).T
    index = np.arange(count) if index is None else index
    named = compose(augmentation).named_draws
    return named(tf.constant(uniform), tf.constant(index, tf.int64), SIZE)


def parameters(step, augmentation, **options):
    """The parameters of a step, by its class, as a named tuple of arrays."""
    made = step.of(augmentation).parameters(drawn(augmentation, **options))
    return type(made)(*(each.numpy() for each in made))
