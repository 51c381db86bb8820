"""Who trains: every peer turns a workload into a function that trains for some epochs and returns the last loss."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from workloads import Workload

Train = Callable[[int], float]


class Peer(NamedTuple):
    """A library, or a way of using it: what it needs installed, and how it prepares a workload."""

    name: str
    needs: str
    prepare: Callable[[Workload], Train]

    @property
    def present(self) -> bool:
        """Whether what it needs is installed."""
        return importlib.util.find_spec(self.needs) is not None


def _fit(package: Any, workload: Workload, **compile_options: Any) -> Train:
    model = workload.keras_model(package)
    optimizer = {"sgd": package.optimizers.SGD, "adam": package.optimizers.Adam}[workload.optimizer]
    model.compile(optimizer=optimizer(workload.learning_rate), loss=workload.loss, **compile_options)
    x, y = workload.data(workload.rows)

    def train(epochs: int) -> float:
        history = model.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
        return float(history.history["loss"][-1])

    return train


def _jkeras(workload: Workload) -> Train:
    import jkeras

    return _fit(jkeras, workload)


def _keras(**compile_options: Any) -> Callable[[Workload], Train]:
    def prepare(workload: Workload) -> Train:
        os.environ["KERAS_BACKEND"] = "jax"
        import keras

        return _fit(keras, workload, **compile_options)

    return prepare


def _torch(workload: Workload) -> Train:
    from peer_torch import prepare

    return prepare(workload)


def _jax(workload: Workload) -> Train:
    from peer_jax import prepare

    return prepare(workload)


REFERENCE = "keras"

PEERS = [
    Peer("jkeras", "jkeras", _jkeras),
    Peer("keras", "keras", _keras()),
    Peer("keras, 32 steps per execution", "keras", _keras(steps_per_execution=32)),
    Peer("torch, eager", "torch", _torch),
    Peer("jax and optax by hand", "optax", _jax),
]
