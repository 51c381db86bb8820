"""Learning rate schedules against Keras, traced and on the host."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import SGD, schedules

keras = pytest.importorskip("keras")

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [2, 5], "values": [1.0, 0.5, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "cycle": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 5, "alpha": 0.1, "warmup_target": 0.1,
                     "warmup_steps": 3}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 2, "m_mul": 0.5, "alpha": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3, "t_mul": 1.0, "m_mul": 0.5}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=[f"{i}-{n}" for i, (n, _) in enumerate(CASES)])
def test_agrees_with_keras(name, arguments):
    ours = getattr(schedules, name)(**arguments)
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    expected = [float(theirs(step)) for step in range(12)]
    np.testing.assert_allclose([ours(step) for step in range(12)], expected, rtol=1e-5, atol=1e-8)
    traced = jax.jit(jax.vmap(ours))(jnp.arange(12, dtype=jnp.int32))
    np.testing.assert_allclose(traced, expected, rtol=1e-5, atol=1e-8)
    assert traced.dtype == jnp.float32
    assert ours.get_config() == theirs.get_config()
    assert schedules.deserialize(schedules.serialize(ours)).get_config() == ours.get_config()
    described = [(p.name, p.default) for p in inspect.signature(type(ours)).parameters.values()]
    assert described == [(p.name, p.default) for p in inspect.signature(type(theirs)).parameters.values()]


class Warmup(schedules.LearningRateSchedule):
    def __init__(self, dimension, warmup=4):
        super().__init__()
        self._dimension = jnp.asarray(dimension, jnp.float32)
        self.warmup = warmup

    def __call__(self, step):
        step = jnp.asarray(step, jnp.float32) + 1
        return jax.lax.rsqrt(self._dimension) * jnp.minimum(jax.lax.rsqrt(step), step * self.warmup**-1.5)


def test_user_schedule_drives_an_optimizer():
    optimizer = SGD(Warmup(16))
    update = jax.jit(optimizer.update)
    state = optimizer.init(jnp.zeros(1))
    for step in range(6):
        updates, state = update(jnp.ones(1), state)
        assert updates.item() == pytest.approx(-float(Warmup(16)(step)), rel=1e-5)
    again = schedules.deserialize(schedules.serialize(Warmup(16, warmup=7)), {"Warmup": Warmup})
    assert again.warmup == 7
    with pytest.raises(ValueError, match="Unknown learning rate schedule"):
        schedules.deserialize(schedules.serialize(Warmup(16)))


def test_errors():
    with pytest.raises(ValueError, match="one value more than boundaries"):
        schedules.PiecewiseConstantDecay([1], [1.0])
    with pytest.raises(ValueError, match="decay_steps must be positive; got 0"):
        schedules.CosineDecay(0.1, 0)
    with pytest.raises(TypeError, match="must define __call__"):
        schedules.LearningRateSchedule()(0)
