"""One running pipeline serves every batch, however batches are asked for."""

from __future__ import annotations

import gc
import pickle
import threading
import weakref
from collections import deque
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from conftest import save_picture
from tensorflow.python.data.ops import iterator_ops
from test_keras_parity import RECIPE, assert_same, pair

from catdog_data.keras_compat.native import idle
from catdog_data.keras_compat.native.executor import _EXECUTORS, PendingBatch
from catdog_data.keras_compat.native.lookahead import FURTHEST, Lookahead
from catdog_data.keras_compat.planning.batch_plan import BatchRequest, Recipe, StreamPosition
from catdog_data.keras_compat.planning.transform_ranges import TransformRanges

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PLAIN = {"rescale": 1 / 255.0}


@pytest.fixture
def pipelines_begun(monkeypatch):
    monkeypatch.setattr(idle, "_IDLE", deque())
    begun = []
    original = iterator_ops.OwnedIterator.__init__

    def counted(self, *arguments, **named):
        begun.append(self)
        original(self, *arguments, **named)

    monkeypatch.setattr(iterator_ops.OwnedIterator, "__init__", counted)
    return begun


def cropped(iterator, k):
    images, labels = next(iterator)
    top, left = np.random.randint(0, 5, 2)
    return images[:, top : top + 9, left : left + 9].copy(), labels


def with_noise(iterator, k):
    np.random.normal(size=7)
    return next(iterator)


def with_noise_at_times(iterator, k):
    return next(iterator) if k % 3 else with_noise(iterator, k)


LOOPS = {
    "next": (RECIPE, {"seed": None}, lambda it, k: next(it)),
    "noise between": (RECIPE, {"seed": None}, with_noise),
    "noise at times": (RECIPE, {"seed": None}, with_noise_at_times),
    "crops between": (RECIPE, {"seed": None}, cropped),
    "plain with noise between": (
        PLAIN,
        {"seed": None, "batch_size": 1, "shuffle": False},
        with_noise,
    ),
    "index": (RECIPE, {}, lambda it, k: it[k % 5]),
    "index without a seed": (RECIPE, {"seed": None}, lambda it, k: it[k % 5]),
    "index in any order": (RECIPE, {}, lambda it, k: it[k * 3 % 5]),
    "both": (RECIPE, {}, lambda it, k: it[k % 5] if k % 3 else next(it)),
    "both, plain": (PLAIN, {"shuffle": False}, lambda it, k: it[k % 5] if k % 3 else next(it)),
}


@pytest.mark.parametrize("name", LOOPS)
def test_one_pipeline_for_all_batches(photos, pipelines_begun, name):
    options, flow, take = LOOPS[name]
    taken, left = [], []
    for iterator in pair(photos, options, flow):
        np.random.seed(8)
        taken.append([take(iterator, k) for k in range(12)])
        left.append(np.random.random_sample())
    for expected, got in zip(*taken, strict=True):
        assert_same(expected, got)
    assert left[0] == left[1]
    assert len(pipelines_begun) == 1


@pytest.mark.parametrize(
    "flow", [{"batch_size": np.uint8(3)}, {"batch_size": np.uint64(4)}], ids=str
)
def test_an_iterator_begins_with_an_epoch_of_whole_numbers(photos, flow):
    theirs, _ = pair(photos, RECIPE, {"batch_size": int(flow["batch_size"])})
    _, ours = pair(photos, RECIPE, flow)
    theirs.batch_index = ours.batch_index = 2
    for _ in range(8):
        assert_same(next(theirs), next(ours))
    assert_same(theirs[4], ours[4])


def test_two_iterators_in_turn_have_a_pipeline_each(photos, pipelines_begun):
    both = [pair(photos, RECIPE, {"seed": None}) for _ in range(2)]
    taken = []
    for first, second in zip(*both, strict=True):
        np.random.seed(8)
        taken.append([batch for _ in range(6) for batch in (next(first), next(second))])
    for expected, got in zip(*taken, strict=True):
        assert_same(expected, got)
    assert len(pipelines_begun) == 2


def test_a_further_iterator_takes_the_pipeline_of_one_that_is_gone(
    tmp_path, photos, pipelines_begun
):
    for i in range(9):
        save_picture(tmp_path / ("cats", "dogs", "mice")[i % 3] / f"{i}.jpg", (300, 240), i)
    flows = [
        (photos, {"class_mode": "binary", "batch_size": 4}),
        (tmp_path, {"class_mode": "categorical", "seed": None, "batch_size": 4}),
        (tmp_path, {"class_mode": "input", "shuffle": False, "batch_size": 4}),
    ]
    for folder, flow in flows:
        reference, ours = pair(folder, RECIPE, flow)
        for _ in range(8):
            np.random.seed(3)
            expected = next(reference)
            np.random.seed(3)
            assert_same(expected, next(ours))
        del ours
    assert len(pipelines_begun) == 1


def test_a_further_iterator_sees_nothing_of_failed_batches_that_were_not_taken(
    tmp_path, pipelines_begun
):
    for i in range(12):
        save_picture(tmp_path / "cats" / f"{i:02}.jpg", (20, 20), i)
    bad = tmp_path / "cats" / "05.jpg"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:-40])
    _, ours = pair(tmp_path, RECIPE, {"shuffle": False, "batch_size": 3})
    next(ours)
    del ours
    bad.write_bytes(whole)
    reference, ours = pair(tmp_path, RECIPE, {"shuffle": False, "batch_size": 3})
    for _ in range(6):
        assert_same(next(reference), next(ours))
    assert len(pipelines_begun) == 1


def test_settings_that_alternate_set_up_a_pipeline_each(photos, pipelines_begun):
    iterators = pair(photos, RECIPE, {"seed": None})
    taken = []
    for iterator in iterators:
        np.random.seed(8)
        taken.append([])
        for k in range(9):
            iterator.image_data_generator.rescale = (None, 1 / 255.0, 1 / 127.5)[k % 3]
            taken[-1].append(next(iterator))
    for expected, got in zip(*taken, strict=True):
        assert_same(expected, got)
    assert len(pipelines_begun) == 3


@pytest.mark.slow
def test_few_pipelines_are_kept_and_none_of_a_users_objects(photos, monkeypatch):
    monkeypatch.setattr(idle, "_IDLE", deque())
    of_others, freed = set(_EXECUTORS), []
    for size in range(8, 16):
        _, ours = pair(photos, RECIPE, {"target_size": (size, size)})
        batch = next(ours)
        freed += map(weakref.ref, (ours, ours.image_data_generator, ours.classes, batch[0]))
        del ours, batch
    gc.collect()
    assert not any(ref() for ref in freed)
    running = [each for each in _EXECUTORS if each not in of_others and each.runs]
    assert 0 < len(running) <= 4


def test_the_pipeline_goes_on_behind_failed_batches(tmp_path, pipelines_begun):
    for i in range(12):
        save_picture(tmp_path / "cats" / f"{i:02}.jpg", (20, 20), i)
    for i in (5, 6):
        bad = tmp_path / "cats" / f"{i:02}.jpg"
        bad.write_bytes(bad.read_bytes()[:-40])
    iterators = pair(tmp_path, RECIPE, {"shuffle": False, "batch_size": 3})
    taken = []
    for iterator in iterators:
        np.random.seed(8)
        taken.append([])
        for k in range(10):
            try:
                taken[-1].append(iterator[k % 4] if k > 7 else next(iterator))
            except OSError as error:
                taken[-1].append(error)
    for expected, got in zip(*taken, strict=True):
        if isinstance(expected, OSError):
            assert ".jpg" in str(got)
        else:
            assert_same(expected, got)
    assert [k for k, batch in enumerate(taken[0]) if isinstance(batch, OSError)] == [1, 2, 5, 6, 9]
    assert len(pipelines_begun) == 1


def test_an_interrupted_wait_mixes_up_no_batches(photos):
    reference, ours = pair(photos, RECIPE, {"shuffle": False})
    assert_same(next(reference), next(ours))

    def interrupted():
        raise KeyboardInterrupt
        yield

    running = ours._pipeline.executor._running
    waiting, running[0] = running[0], interrupted()
    with pytest.raises(KeyboardInterrupt):
        next(ours)
    next(reference)
    for _ in range(3):
        assert_same(next(reference), next(ours))
    assert waiting is not ours._pipeline.executor._running[0]


def test_batches_taken_while_a_function_is_traced(photos):
    reference, ours = pair(photos, RECIPE, {})
    taken = []
    tf.function(lambda: taken.extend(next(ours) for _ in range(2)), autograph=False)()
    taken.append(next(ours))
    for batch in taken:
        assert_same(next(reference), batch)


def test_a_copy_has_a_pipeline_of_its_own(photos):
    reference, ours = pair(photos, RECIPE, {})
    for _ in range(2):
        assert_same(next(reference), next(ours))
    twin = pickle.loads(pickle.dumps(ours))
    expected = next(reference)
    del ours._pipeline
    del ours
    assert_same(expected, next(twin))


def test_threads_by_index_and_in_turn(photos):
    reference, ours = pair(photos, PLAIN, {"shuffle": False})
    expected = [reference[idx] for idx in range(5)]
    wrong = []

    def take(first):
        for k in range(10):
            idx = (first + k) % 5
            got = ours[idx]
            if not all(map(np.array_equal, got, expected[idx])):
                wrong.append(idx)
            next(ours)

    threads = [threading.Thread(target=take, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert ours.total_batches_seen == 80


class Noted:
    """An executor that only notes what is submitted."""

    def __init__(self):
        self.plans = []

    def submit(self, plan, paths):
        self.plans.append(plan)
        return PendingBatch(plan, paths)


def requests(count, seen, *, ranges, shuffle=True):
    """What is asked for by who draws before every batch that `seen` counts as drawn before."""
    recipe = Recipe(1000, 4, shuffle, None, ranges, (8, 8))
    random = np.random.RandomState(1)
    position = StreamPosition(0, 0, None, random.get_state(legacy=True))
    for k in range(count):
        if seen(k):
            random.set_state(position.random_state)
            random.random_sample()
            position = replace(position, random_state=random.get_state(legacy=True))
        request = BatchRequest(recipe, position)
        yield request
        position = request.plan().after


def submitted_for(count, seen, *, trusting=True, **recipe):
    executor = Noted()
    lookahead = Lookahead(executor, trusting=trusting)
    for request in requests(count, seen, **recipe):
        expected, got = request.plan(), lookahead.submit(request, FILES).plan
        lookahead.look_ahead()
        assert got.makes_the_same_as(expected)
        assert got.after.batches_seen == expected.after.batches_seen
        np.testing.assert_array_equal(got.after.random_state[1], expected.after.random_state[1])
        assert got.after.random_state[2:] == expected.after.random_state[2:]
    return len(executor.plans)


FILES = [f"{i}.jpg" for i in range(1000)]
TURNING = TransformRanges(rotation=30.0)


def test_who_goes_on_is_looked_ahead_for():
    assert submitted_for(40, lambda k: False, ranges=TURNING) == 40 + FURTHEST
    assert submitted_for(1, lambda k: False, ranges=TURNING) == 1 + 2
    assert submitted_for(1, lambda k: False, ranges=TURNING, trusting=False) == 1
    assert submitted_for(40, lambda k: False, ranges=TURNING, trusting=False) == 40 + FURTHEST


def test_who_draws_before_every_batch_costs_no_more_than_the_batches():
    assert submitted_for(40, lambda k: k > 0, ranges=TURNING) == 40 + 2
    assert submitted_for(40, lambda k: k > 0, ranges=TURNING, trusting=False) == 40


@pytest.mark.parametrize("period", range(2, 40))
def test_wrong_guesses_cost_half_of_the_work_at_most(period):
    count = 6 * period
    submitted = submitted_for(count, lambda k: k % period == 0, ranges=TURNING, trusting=False)
    assert submitted <= count * 1.5


def test_draws_that_do_not_show_are_no_wrong_guess():
    nothing = TransformRanges()
    assert submitted_for(40, lambda k: k > 0, ranges=nothing, shuffle=False) == 40 + FURTHEST
    # An order is drawn for the first batch only.
    assert submitted_for(40, lambda k: k > 0, ranges=nothing) == 40 + FURTHEST


def test_iterators_are_read_and_freed_within_a_graph(photos):
    reference, ours = pair(photos, PLAIN, {})
    assert_same(next(reference), next(ours))
    with tf.Graph().as_default():
        assert_same(next(reference), next(ours))
        del ours
        _, others = pair(photos, RECIPE, {})
        next(others)
        del others
    reference, ours = pair(photos, PLAIN, {})
    assert_same(next(reference), next(ours))
