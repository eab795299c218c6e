"""Which of several processes this is."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from catdog_data.system import ranks
from catdog_data.system.ranks import rank_of_process


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Take away what says that there are others."""
    for name in ("TF_CONFIG", *(name for pair in ranks._VARIABLES for name in pair)):
        monkeypatch.delenv(name, raising=False)
    for name in ("torch.distributed", "jax"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def found():
    rank = rank_of_process()
    return rank.number, rank.processes


def test_one_process_is_alone():
    assert found() == (0, 1)


@pytest.mark.parametrize("names", ranks._VARIABLES)
def test_variables_of_launchers(monkeypatch, names):
    for name, value in zip(names, (3, 8), strict=True):
        monkeypatch.setenv(name, str(value))
    assert found() == (3, 8)
    monkeypatch.setenv(names[1], "3")
    with pytest.raises(ValueError, match=f"{names[0]} and {names[1]} must be a rank .* 3 of 3"):
        rank_of_process()
    monkeypatch.setenv(names[0], "x")
    with pytest.raises(ValueError, match=r"must be whole numbers; received \('x', '3'\)"):
        rank_of_process()


def test_a_script_of_sbatch_is_alone(monkeypatch):
    for name, value in {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}.items():
        monkeypatch.setenv(name, value)
    assert found() == (0, 1)


@given(st.integers(0, 2), st.integers(1, 4), st.data())
def test_tf_config_is_read_as_tensorflow_reads_it(chiefs, workers, data):
    chiefs = min(chiefs, 1)
    cluster = {"worker": [f"w{i}:1" for i in range(workers)], "ps": ["p:1"]}
    if chiefs:
        cluster["chief"] = ["c:1"]
    kind = data.draw(st.sampled_from(["worker", "chief"] if chiefs else ["worker"]))
    index = data.draw(st.integers(0, workers - 1)) if kind == "worker" else 0
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    os.environ["TF_CONFIG"] = json.dumps(config)
    try:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        expected = index + (chiefs if kind == "worker" else 0), chiefs + workers
        assert resolver.task_type == kind
        assert found() == expected
    finally:
        del os.environ["TF_CONFIG"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "be TensorFlow's JSON"),
        ("[]", "be TensorFlow's JSON"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "1 of 1"),
    ],
)
def test_what_is_no_tf_config_is_refused(monkeypatch, config, message):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=f"TF_CONFIG must .*{message}"):
        rank_of_process()


def test_an_evaluator_reads_all(monkeypatch):
    config = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "evaluator", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert found() == (0, 1)


def test_frameworks_are_asked_where_they_are_connected(monkeypatch):
    torch = SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_rank=lambda: 1,
        get_world_size=lambda: 2,
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", torch)
    assert found() == (1, 2)
    jax = SimpleNamespace(
        distributed=SimpleNamespace(is_initialized=lambda: True),
        process_index=lambda: 0,
        process_count=lambda: 2,
    )
    monkeypatch.setitem(sys.modules, "jax", jax)
    with pytest.raises(ValueError, match=r"torch\.distributed says 1 of 2, and jax.* 0 of 2"):
        rank_of_process()
    jax.distributed.is_initialized = lambda: False
    assert found() == (1, 2)
