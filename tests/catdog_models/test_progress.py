import io
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from catdog_models.training import progress
from catdog_models.training.progress import TrainingProgress

LOGS = {"loss": 0.51234, "accuracy": 0.75, "val_loss": 0.6, "val_accuracy": 0.7}
MEASURED = {"images_per_second": 1234.5, "input_wait": 0.25}


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: Clock.now))
    return Clock


def _train(shown, clock, *, first=0, epochs=range(3), steps=4, seconds=10):
    shown.begin_at(first)
    shown.on_train_begin()
    for epoch in epochs:
        shown.on_epoch_begin(epoch)
        for batch in range(steps - first):
            clock.now += seconds
            shown.on_train_batch_end(batch, LOGS)
        first = 0
        shown.on_epoch_end(epoch, {**LOGS, **MEASURED})
    shown.on_train_end()


def test_without_a_terminal_each_epoch_is_one_line(clock):
    out = io.StringIO()
    _train(TrainingProgress(3, 4, Console(file=out), lambda: MEASURED), clock)
    numbers = "loss 0.5123  accuracy 0.7500  val_loss 0.6000  val_accuracy 0.7000  1,234 img/s"
    assert out.getvalue().splitlines() == [
        f"epoch 1/3  {numbers}  waiting for input 25%  0:01:20 left",
        f"epoch 2/3  {numbers}  waiting for input 25%  0:00:40 left",
        f"epoch 3/3  {numbers}  waiting for input 25%",
    ]


def test_time_left_of_a_run_that_is_gone_on_with(clock):
    out = io.StringIO()
    shown = TrainingProgress(3, 4, Console(file=out), dict)
    _train(shown, clock, first=3, epochs=[1, 2])
    assert re.findall(r"epoch (\d/3).*?(\d:\d\d:\d\d) left", out.getvalue()) == [("2/3", "0:00:40")]


def test_without_a_measurement_there_is_no_speed(clock):
    out = io.StringIO()
    shown = TrainingProgress(1, 1, Console(file=out), dict)
    shown.on_train_begin()
    shown.on_epoch_begin(0)
    shown.on_train_batch_end(0, LOGS)
    shown.on_epoch_end(0, {"loss": 1.0})
    assert out.getvalue() == "epoch 1/1  loss 1.0000\n"


def test_a_terminal_gets_a_bar_as_well(clock):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=200)
    _train(TrainingProgress(3, 4, console, lambda: MEASURED), clock)
    # The last sight of the bar, and a line that it left before.
    assert re.search(r"epoch 3/3 ━+ 4/4 .*1,234 img/s.*0:00:00 left", out.getvalue())
    assert re.search(r"epoch 2/3  loss.*0:00:40 left\n", out.getvalue())
