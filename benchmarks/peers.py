"""Who trains: every peer turns a workload into a function that trains for some epochs and returns the last loss."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from networks_keras import NETWORKS
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


def imported(name: str) -> Any:
    """Import jkeras or Keras (on JAX), with the names that a script begins with: jkeras looks them up on first use."""
    os.environ["KERAS_BACKEND"] = "jax"
    package = importlib.import_module(name)
    for first in ("Model", "Sequential", "layers", "optimizers"):
        getattr(package, first)
    return package


def compiled(package: Any, workload: Workload, **options: Any) -> Any:
    """Build and compile the model of a workload with jkeras or Keras."""
    model = NETWORKS[workload.name](package)
    optimizer = {"sgd": package.optimizers.SGD, "adam": package.optimizers.Adam}[workload.optimizer]
    model.compile(optimizer=optimizer(workload.learning_rate), loss=workload.loss, **options)
    return model


def _fit(name: str, **options: Any) -> Callable[[Workload], Train]:
    def prepare(workload: Workload) -> Train:
        model = compiled(imported(name), workload, **options)
        x, y = workload.data(workload.rows)

        def train(epochs: int) -> float:
            history = model.fit(x, y, batch_size=workload.batch_size, epochs=epochs, verbose=0)
            return float(history.history["loss"][-1])

        return train

    return prepare


def _own(module: str) -> Callable[[Workload], Train]:
    """The peer that has a file for itself."""
    return lambda workload: importlib.import_module(module).prepare(workload)


REFERENCE = "keras"

PEERS = [
    Peer("jkeras", "jkeras", _fit("jkeras")),
    Peer("keras", "keras", _fit("keras")),
    Peer("keras, 32 steps per execution", "keras", _fit("keras", steps_per_execution=32)),
    Peer("torch, eager", "torch", _own("peer_torch")),
    Peer("jax and optax by hand", "optax", _own("peer_jax")),
]
