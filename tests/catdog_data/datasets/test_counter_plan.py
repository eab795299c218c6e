"""The counter plan: orders, shards and draws as functions of (seed, epoch, position)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catdog_data.datasets.plan import CounterPlan


def number(value):
    return tf.constant(value, tf.int64)


def batches(plan, epoch=0):
    """Return the batches of an epoch as lists of images."""
    padded = [plan.batch(number(epoch), number(step)).numpy() for step in range(plan.steps)]
    assert all(len(batch) == plan.batch_size for batch in padded)
    return [batch[batch >= 0].tolist() for batch in padded]


def joined(plan, epoch=0):
    return [image for batch in batches(plan, epoch) for image in batch]


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), batch_size=st.integers(1, 20), seed=st.integers(0, 2**63 - 1))
def test_an_epoch_has_every_image_once(n, batch_size, seed):
    plan = CounterPlan(n, batch_size, True, seed)
    assert sorted(joined(plan)) == list(range(n))
    assert [len(batch) for batch in batches(plan)][:-1] == [batch_size] * (plan.steps - 1)
    assert joined(CounterPlan(n, batch_size, False, seed)) == list(range(n))


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 60),
    batch_size=st.integers(1, 9),
    readers=st.integers(1, 5),
    shuffle=st.booleans(),
)
def test_shards_share_the_order_of_one_reader(n, batch_size, readers, shuffle):
    steps = math.ceil(math.ceil(n / readers) / batch_size)
    assume(n // readers >= steps)
    order = joined(CounterPlan(n, batch_size, shuffle, 7), epoch=2)
    for i in range(readers):
        plan = CounterPlan(n, batch_size, shuffle, 7, (i, readers))
        assert joined(plan, epoch=2) == order[i::readers]
        assert plan.images == len(order[i::readers])
        assert plan.steps == steps
        assert all(batches(plan, epoch=2))


def test_shards_that_cannot_keep_step_are_refused():
    with pytest.raises(ValueError, match=r"`shard`: 5 images .* 2 readers"):
        CounterPlan(5, 1, True, 0, (0, 2))


def test_every_epoch_and_every_seed_has_an_order_of_its_own():
    orders = {
        tuple(joined(CounterPlan(50, 8, True, seed), epoch))
        for seed in range(5)
        for epoch in range(5)
    }
    assert len(orders) == 25


def test_orders_are_shuffled_throughout():
    # With a buffer, early images would stay early: correlation of place and image near one.
    correlations = [
        np.corrcoef(joined(CounterPlan(2000, 50, True, 3), epoch), np.arange(2000))[0, 1]
        for epoch in range(5)
    ]
    assert np.max(np.abs(correlations)) < 0.1


def test_orders_are_as_if_drawn_by_lot():
    # With 4 rounds of the cipher, the first of these is 8 deviations off.
    n, epochs, batch_size = 1000, 400, 40
    plan = CounterPlan(n, n, True, 3)

    @tf.function(autograph=False)
    def orders():
        return tf.map_fn(
            lambda epoch: plan.batch(epoch, number(0)), tf.range(epochs, dtype="int64")
        )

    drawn = orders().numpy()
    behind = drawn[:, 1:] - drawn[:, :-1]
    for step in (1, -1, 2):
        expected = epochs * (n - abs(step)) / n
        assert abs(np.sum(behind == step) - expected) < 4 * math.sqrt(expected), step
    # Half of the images are of one class: a batch's share of it is hypergeometric.
    of_class = np.sum(drawn.reshape(epochs, -1, batch_size) < n // 2, axis=2) - batch_size / 2
    variance = batch_size / 4 * (n - batch_size) / (n - 1)
    deviation = math.sqrt(2 / of_class.size)
    assert abs(np.mean(of_class**2) / variance - 1) < 4 * deviation
    # Where images come from and where they go, in tenths.
    table = np.zeros((10, 10))
    np.add.at(table, (np.tile(np.arange(n) // 100, epochs), drawn.ravel() // 100), 1)
    squares = np.sum((table - epochs * 10) ** 2) / (epochs * 10)
    assert abs(squares * (n - 1) / n - 81) < 4 * math.sqrt(2 * 81)


def test_classes_of_a_million_images_are_mixed_by_lot():
    # With 8 rounds of the cipher, the variance is 9 deviations off; with 4, 77.
    n, batch_size = 10**6, 32
    plan = CounterPlan(n, 2**19, True, 3)
    drawn = plan.batch(number(1), number(0)).numpy().reshape(-1, batch_size)
    of_class = np.sum(drawn < n // 2, axis=1) - batch_size / 2
    deviation = math.sqrt(2 / len(drawn))
    assert abs(np.mean(of_class**2) / (batch_size / 4) - 1) < 4 * deviation


@pytest.mark.parametrize("n", [1, 2, 3, 127, 128, 129])
def test_each_of_few_images_comes_at_each_place(n):
    plan = CounterPlan(n, n, True, 8)
    orders = np.array([plan.batch(number(epoch), number(0)).numpy() for epoch in range(20)])
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(n), (20, 1)))
    if n <= 3:
        assert all(set(places) == set(range(n)) for places in orders.T)


def test_a_thousand_shards_of_a_billion_images():
    seen = set()
    for i in (0, 1, 999):
        plan = CounterPlan(10**9, 32, True, 5, (i, 1000))
        assert plan.images == 10**6
        for step in (0, 17_000, plan.steps - 1):
            batch = plan.batch(number(4), number(step)).numpy()
            assert batch.min() >= 0
            assert batch.max() < 10**9
            seen.update(batch.tolist())
    assert len(seen) == 9 * 32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "`n`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"seed": -1}, "`seed`"),
        ({"shard": (2, 2)}, "`shard`"),
    ],
    ids=str,
)
def test_wrong_values_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        CounterPlan(**{"n": 9, "batch_size": 4, "shuffle": True, "seed": 1, **arguments})


def test_draws_depend_on_seed_epoch_and_image():
    rows = {
        (seed, epoch, image): tuple(
            CounterPlan(9, 2, True, seed).draws(number(epoch), number([image]), 40)[0].numpy()
        )
        for seed in (1, 2)
        for epoch in (0, 1)
        for image in (0, 1, 8)
    }
    assert len(set(rows.values())) == len(rows)
    values = np.array(list(rows.values()))
    assert values.shape == (12, 40)
    assert 0 <= values.min() <= values.max() < 1
    again = CounterPlan(9, 5, False, 2, (1, 2)).draws(number(1), number([3, 8]), 40)[1].numpy()
    np.testing.assert_array_equal(again, rows[2, 1, 8])
