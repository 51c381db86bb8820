"""Data parallel: the same `fit` on one device and on eight, each of which computes its part of every batch.

`fit(mesh=...)` is all there is to it: the weights are on every device, the rows of a batch are spread, and the
gradients are summed over the devices by what the compiler puts in. Batch normalization sees the whole batch, dropout
draws the same bits, and a batch that does not divide by eight is computed exactly. Expect the two runs to end with the
same weights, up to the order in which numbers are summed. The eight devices are made of one CPU here, to try it: that
makes nothing faster.
"""

from __future__ import annotations

import argparse

import jax
import numpy as np

from jkeras import Input, Sequential, layers
from jkeras.datasets import digits
from jkeras.optimizers import SGD
from jkeras.utils import set_random_seed


def build() -> Sequential:
    """Two hidden layers, with batch statistics and random numbers between them, neither of which is made row by row.

    They are smooth. At the kink of a relu, rounding may decide on a gradient, and two right runs drift apart.
    """
    set_random_seed(0)
    model = Sequential(
        [
            Input((64,)),
            layers.Dense(64, activation="tanh"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.2),
            layers.Dense(32, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> float:
    """Train twice and return the largest difference between two weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--devices", type=int, default=8)
    options = parser.parse_args()

    # Before JAX is asked for anything else. On a machine with GPUs or TPUs this line is left out.
    jax.config.update("jax_num_cpu_devices", options.devices)
    mesh = jax.make_mesh((options.devices,), ("data",))
    (x, y), (x_test, y_test) = ((x.reshape(len(x), -1) / np.float32(16), y) for x, y in digits.load_data())

    alone = build()
    alone.fit(x, y, batch_size=100, epochs=options.epochs, verbose=2)

    spread = build()
    cost = spread.estimate(x[:100], y[:100], mesh=mesh)  # what a step sends, before there is one
    print(cost)
    spread.fit(x, y, batch_size=100, epochs=options.epochs, verbose=2, mesh=mesh)  # 1,437 rows: the last batch has 37

    devices = spread.layers[0].kernel.value.sharding.device_set
    difference = max(np.abs(a - b).max() for a, b in zip(alone.get_weights(), spread.get_weights()))
    accuracies = [model.evaluate(x_test, y_test, verbose=0)[1] for model in (alone, spread)]
    print(f"test accuracy {accuracies[1]:.4f} of {len(devices)} devices, {accuracies[0]:.4f} of one;", end=" ")
    print(f"weights differ by {difference:.1e}")
    return float(difference)


if __name__ == "__main__":
    main()
