"""A forecaster that remembers: a stateful LSTM reads long noisy series in short consecutive windows.

Each window goes on where the last one ended, so the state carries what no window shows: amplitudes and phases of waves
longer than the window, averaged over the noise. The same network, stateless, begins every window knowing nothing.
"""

from __future__ import annotations

import argparse

import numpy as np

from jkeras import Model, Sequential, layers
from jkeras.callbacks import LambdaCallback
from jkeras.optimizers import Adam
from jkeras.utils import set_random_seed

SERIES, WINDOW, NOISE = 32, 8, 0.2


def series(length: int, rng: np.random.Generator) -> np.ndarray:
    """Noisy sums of three waves of incommensurate periods, random phases and amplitudes, `(SERIES, length, 1)`."""
    time = np.arange(length)
    periods = np.array([13.0, 13.0 * np.sqrt(5), 13.0 * np.sqrt(29)])[:, None]
    phases, heights = rng.uniform(0, 2 * np.pi, (SERIES, 3, 1)), rng.uniform(0.3, 1, (SERIES, 3, 1))
    waves = (heights * np.sin(2 * np.pi * time / periods + phases)).sum(axis=1)
    return (waves + NOISE * rng.normal(size=waves.shape)).astype("float32")[..., None]


def windows(values: np.ndarray) -> np.ndarray:
    """Consecutive windows, so ordered that row `i` of each batch of `SERIES` goes on where row `i` before it ended."""
    return np.concatenate(np.split(values, values.shape[1] // WINDOW, axis=1))


def build(stateful: bool) -> Model:
    """An LSTM that predicts, at each step, the next value."""
    return Sequential(
        [
            layers.Input(batch_shape=(SERIES, WINDOW, 1)),
            layers.LSTM(48, return_sequences=True, stateful=stateful, name="memory"),
            layers.Dense(1),
        ]
    )


def main() -> float:
    """Train both and return the ratio of their errors on the part of the series that comes after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--steps", type=int, default=2400, help="how long the series are")
    options = parser.parse_args()

    set_random_seed(0)
    warm_up = 20 * SERIES
    values = series(options.steps + 1, np.random.default_rng(0))
    x, y = windows(values[:, :-1]), windows(values[:, 1:])
    train = len(x) * 3 // 4

    errors = {}
    for name, stateful in (("stateless", False), ("stateful", True)):
        model = build(stateful)
        memory = model.get_layer("memory")
        forget = LambdaCallback(on_epoch_begin=lambda *_, memory=memory: memory.reset_states())
        model.compile(Adam(3e-3), "mse")
        model.fit(
            x[:train],
            y[:train],
            batch_size=SERIES,
            epochs=options.epochs,
            shuffle=False,
            callbacks=[forget] if stateful else [],
            verbose=2,
        )
        # Both are asked for the value after a whole window; the stateful one has read on from where training ended.
        predicted = model.predict(x[train:], batch_size=SERIES, verbose=0)[warm_up:, -1]
        errors[name] = float(np.sqrt(np.mean((predicted - y[train + warm_up :, -1]) ** 2)))
    naive = float(np.sqrt(np.mean((x[train + warm_up :, -1] - y[train + warm_up :, -1]) ** 2)))
    ratio = errors["stateful"] / errors["stateless"]
    print(f"root mean square errors: last value again {naive:.4f}, the noise itself {NOISE}")
    print(f"test error ratio {ratio:.4f}: {errors['stateful']:.4f} stateful, {errors['stateless']:.4f} stateless")
    return ratio


if __name__ == "__main__":
    main()
