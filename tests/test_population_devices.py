"""A population is spread over the devices there are, and equals the same one on a single device."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import jkeras
from jkeras import Population, Sequential, layers
from jkeras.callbacks import EarlyStopping

MEMBERS = 10  # eight devices have two each, with the first one repeated


def build(rate: float = 0.1) -> Sequential:
    model = Sequential([layers.Input((4,)), layers.Dense(6, activation="relu"), layers.Dropout(0.2), layers.Dense(1)])
    model.compile(jkeras.optimizers.Adam(rate), "mse", metrics=["mae"])
    return model


@pytest.mark.needs_devices(8)
def test_members_are_spread_over_eight_devices():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70, 4)).astype("float32")
    y = (x[:, :1] - x[:, 1:2]).astype("float32")
    rates = np.geomspace(1e-4, 0.1, MEMBERS)
    weights = rng.random((MEMBERS, 70))
    found = []
    for devices in (jax.devices()[:8], jax.devices()[:1]):
        population = Population(
            build(), seeds=range(MEMBERS), hyperparameters={"learning_rate": rates}, devices=devices
        )
        stopping = EarlyStopping("val_loss", patience=1, restore_best_weights=True)
        history = population.fit(
            x, y, epochs=5, batch_size=16, validation_data=(x[:20], y[:20]), verbose=0, sample_weight=weights,
            callbacks=[stopping],
        )  # fmt: skip
        kernel = population._engine.ts.params["dense"]["kernel"]
        assert len(kernel.sharding.device_set) == len(devices), kernel.sharding
        assert {shard.data.shape[0] for shard in kernel.addressable_shards} == {2 if len(devices) > 1 else MEMBERS}
        assert len(population.record.compiled) == 2, population.record.compiled  # full batches, and the last one
        assert len(next(iter(population._engine._programs.values())).block.programs) == 1
        found.append((history.history, population.predict(x), population.evaluate(x, y), population[MEMBERS - 1]))
    (history, outputs, values, last), (history_1, outputs_1, values_1, last_1) = found
    for name, array in history_1.items():
        assert history[name].shape[1] == MEMBERS
        np.testing.assert_allclose(history[name], array, rtol=1e-5)
    np.testing.assert_allclose(outputs, outputs_1, rtol=1e-4, atol=1e-5)
    assert outputs.shape == (MEMBERS, 70, 1) and values["mae"].shape == (MEMBERS,)
    np.testing.assert_allclose(values["mae"], values_1["mae"], rtol=1e-5)
    np.testing.assert_allclose(last.get_weights()[0], last_1.get_weights()[0], rtol=1e-4, atol=1e-6)
    last.fit(x, y, verbose=0)  # an ordinary model, on one device
    assert len(last.layers[0].kernel.value.sharding.device_set) == 1
