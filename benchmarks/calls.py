"""What single calls cost on the regression workload, evaluation and prediction among them, in turns.

Every peer takes NumPy arrays and gives its answer as NumPy or Python numbers, and works in batches of 32.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from measuring import in_turns, times_faster
from peers import REFERENCE, compiled, imported
from workloads import WORKLOADS

Calls = dict[str, Callable[[], Any]]

WORKLOAD = next(workload for workload in WORKLOADS if workload.name == "regression")
BATCH = WORKLOAD.batch_size

# How often a call is made in one measurement.
REPEATS = {
    "evaluate, all rows": 1,
    "predict, all rows": 1,
    "predict, one row": 50,
    "train_on_batch, 32 rows": 100,
    "model(x), one row": 100,
}


def _keras_calls(name: str, x: np.ndarray, y: np.ndarray) -> Calls:
    model = compiled(imported(name), WORKLOAD)
    return {
        "evaluate, all rows": lambda: model.evaluate(x, y, verbose=0),
        "predict, all rows": lambda: model.predict(x, verbose=0),
        "predict, one row": lambda: model.predict(x[:1], verbose=0),
        "train_on_batch, 32 rows": lambda: float(model.train_on_batch(x[:BATCH], y[:BATCH])),
        "model(x), one row": lambda: np.asarray(model(x[:1])),
    }


def _torch_calls(x: np.ndarray, y: np.ndarray) -> Calls:
    import torch
    from networks_torch import NETWORKS

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = NETWORKS[WORKLOAD.name]().to(device)
    optimizer = torch.optim.SGD(model.parameters(), WORKLOAD.learning_rate)

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    @torch.no_grad()
    def predict(x: np.ndarray) -> np.ndarray:
        return torch.cat([model(batch) for batch in tensor(x).split(BATCH)]).cpu().numpy()

    @torch.no_grad()
    def evaluate() -> float:
        total = torch.zeros((), device=device)
        for inputs, targets in zip(tensor(x).split(BATCH), tensor(y).split(BATCH)):
            total += (model(inputs) - targets).square().sum()
        return float(total) / len(x)

    def train() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.mse_loss(model(tensor(x[:BATCH])), tensor(y[:BATCH]))
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return {
        "evaluate, all rows": evaluate,
        "predict, all rows": lambda: predict(x),
        "predict, one row": lambda: predict(x[:1]),
        "train_on_batch, 32 rows": train,
        "model(x), one row": lambda: model(tensor(x[:1])).detach().cpu().numpy(),
    }


def _jax_calls(x: np.ndarray, y: np.ndarray) -> Calls:
    import jax
    from networks_jax import NETWORKS, Params

    init, apply = NETWORKS[WORKLOAD.name]
    params, state = init(jax.random.key(0))

    @jax.jit
    def forward(params: Params, x: jax.Array) -> jax.Array:
        return apply(params, state, x, None)[0]

    @jax.jit
    def predict(params: Params, x: jax.Array) -> jax.Array:
        return jax.lax.map(lambda row: forward(params, row[None])[0], x, batch_size=BATCH)

    @jax.jit
    def loss_of(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        return ((forward(params, x) - y) ** 2).mean()

    @jax.jit
    def evaluate(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        return jax.lax.map(lambda row: loss_of(params, row[0][None], row[1][None]), (x, y), batch_size=BATCH).mean()

    @jax.jit
    def step(params: Params, x: jax.Array, y: jax.Array) -> tuple[Params, jax.Array]:
        loss, gradients = jax.value_and_grad(loss_of)(params, x, y)
        return jax.tree.map(lambda param, slope: param - WORKLOAD.learning_rate * slope, params, gradients), loss

    def train() -> float:
        nonlocal params
        params, loss = step(params, x[:BATCH], y[:BATCH])
        return float(loss)

    return {
        "evaluate, all rows": lambda: float(evaluate(params, x, y)),
        "predict, all rows": lambda: np.asarray(predict(params, x)),
        "predict, one row": lambda: np.asarray(forward(params, x[:1])),
        "train_on_batch, 32 rows": train,
        "model(x), one row": lambda: np.asarray(forward(params, x[:1])),
    }


# Name, what it needs installed, and its calls.
PEERS: list[tuple[str, str, Callable[[np.ndarray, np.ndarray], Calls]]] = [
    ("jkeras", "jkeras", partial(_keras_calls, "jkeras")),
    ("keras", "keras", partial(_keras_calls, "keras")),
    ("torch, eager", "torch", _torch_calls),
    ("jax.jit by hand", "jax", _jax_calls),
]


def _repeated(call: Callable[[], Any], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            call()

    return run


def main() -> None:
    """Measure every call of every peer and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    x, y = WORKLOAD.data(WORKLOAD.rows)
    peers = {name: calls(x, y) for name, needs, calls in PEERS if find_spec(needs)}
    others = [name for name in peers if name != REFERENCE]
    print(f"{WORKLOAD.summary}: microseconds a call, and how many times faster it is than {REFERENCE}'s\n")
    print(f"| call | {', us | '.join(peers)}, us | {', times faster | '.join(others)}, times faster |")
    print("| --- |" + " --: |" * (len(peers) + len(others)))
    for call, repeats in REPEATS.items():
        cases = {name: _repeated(calls[call], repeats) for name, calls in peers.items()}
        # Twice before: some paths are compiled at the second call only.
        in_turns(cases, 2)
        seconds, _ = in_turns(cases, options.turns)
        cells = [f"{1e6 * statistics.median(times) / repeats:,.0f}" for times in seconds.values()]
        if REFERENCE in seconds:
            cells += [f"{times_faster(seconds[REFERENCE], seconds[name]):.2f}" for name in others]
        print(f"| {call} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
