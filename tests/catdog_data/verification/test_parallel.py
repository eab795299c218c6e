from __future__ import annotations

import threading
import time

import pytest

from catdog_data.verification.parallel import Budget, in_threads


def test_results_are_in_order():
    def slow_first(number):
        time.sleep(0.02 if number == 0 else 0)
        return number

    assert list(in_threads(slow_first, range(50), threads=4)) == list(range(50))


def test_no_more_is_begun_than_is_taken():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_threads(str, items(), threads=2)
    assert next(results) == "0"
    assert len(taken) < 20
    results.close()
    assert len(taken) < 20


def test_an_error_is_raised_where_its_result_would_be():
    results = in_threads(lambda number: 1 // number, [1, 1, 0, 1], threads=2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_budget_is_kept():
    budget, lock = Budget(100), threading.Lock()
    held, seen = 0, []

    def work(amount):
        nonlocal held
        with budget.held(amount):
            with lock:
                held += amount
                seen.append(held)
            time.sleep(0.002)
            with lock:
                held -= amount

    list(in_threads(work, [60, 30, 30, 70, 10, 90] * 5, threads=6))
    assert max(seen) <= 100
    assert max(seen) > 90


def test_what_is_more_than_the_budget_goes_alone():
    budget = Budget(100)
    assert list(in_threads(lambda amount: _held(budget, amount), [500, 50, 500], threads=3)) == [
        500,
        50,
        500,
    ]


def _held(budget, amount):
    with budget.held(amount):
        return amount
