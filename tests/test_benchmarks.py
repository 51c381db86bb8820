"""The benchmarks measure one network: jkeras's and the one by hand have as many weights, and train on equal shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = [
    "regression", "mlp", "cnn", "resnet", "textcnn", "transformer", "lstm", "gru", "seq2seq", "convlstm",
]  # fmt: skip
ROWS = 4


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmarks' modules, which import each other by name as scripts do."""
    monkeypatch.syspath_prepend(FOLDER)
    import networks_jax
    import networks_jax_sequences
    import peers
    import workloads

    return {**networks_jax.NETWORKS, **networks_jax_sequences.NETWORKS}, peers, workloads.WORKLOADS


def test_every_workload_is_tested(modules: Any) -> None:
    by_hand, _, workloads = modules
    assert [workload.name for workload in workloads] == NAMES
    assert set(by_hand) == set(NAMES)


def _traced(init: Any, apply: Any, x: Any) -> tuple[Any, ...]:
    """Shape and type of what a training step gives and how many weights it has: nothing is compiled or drawn."""

    def step(key: jax.Array) -> tuple[Any, ...]:
        params, state = init(key)
        outputs, after = apply(params, state, x, key)
        gradient = jax.grad(lambda params: (apply(params, state, x, key)[0] ** 2).mean())(params)
        return outputs, state, after, gradient

    outputs, before, after, gradient = jax.eval_shape(step, jax.random.key(0))
    assert jax.tree.structure(before) == jax.tree.structure(after)
    return outputs.shape, outputs.dtype, sum(array.size for array in jax.tree.leaves(gradient))


@pytest.mark.parametrize("name", NAMES)
def test_network_by_hand_is_that_of_jkeras(modules: Any, name: str) -> None:
    by_hand, peers, workloads = modules
    workload = next(workload for workload in workloads if workload.name == name)
    x, y = workload.data(ROWS)
    model = peers.compiled(jkeras, workload)

    def apply(params: Any, state: Any, x: Any, key: jax.Array) -> tuple[jax.Array, Any]:
        return model.apply(params, state, x, training=True, rng=key)

    traced = _traced(lambda key: model.init(key, x), apply, x)
    assert traced == _traced(*by_hand[name], x)
    shape = traced[0]
    assert shape == y.shape or shape[:-1] == y.shape


@pytest.mark.parametrize("name", ["regression", "textcnn"])
def test_peers_train(modules: Any, name: str) -> None:
    _, peers, workloads = modules
    workload = next(workload for workload in workloads if workload.name == name)
    short = workload._replace(rows=2 * ROWS, batch_size=ROWS)
    for peer in peers.PEERS:
        if peer.name in ("jkeras", "jax and optax by hand"):
            train = peer.prepare(short)
            losses = [train(1), train(5)]
            assert np.isfinite(losses).all() and losses[1] < losses[0], peer.name
