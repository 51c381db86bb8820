"""`model.train_state` and `model.train_step` outside of `fit`: the loop that others write is the loop of `fit`."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Model, layers, metrics, optimizers
from jkeras.models import Batch, TrainState

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype("float32")
Y = (X[:, :2] + 0.1 * RNG.normal(size=(24, 2))).astype("float32")
BATCHES = (X.reshape(3, 8, 4), Y.reshape(3, 8, 2))


class Robust(Model):
    def train_step(self, ts, batch):
        def loss(params):
            y, state = self.apply(params, ts.state, batch.x, training=True, rng=ts.rng)
            return jnp.mean(jnp.abs(y - batch.y)), state

        (value, state), grads = jax.value_and_grad(loss, has_aux=True)(ts.params)
        return self.apply_updates(ts, grads, state), {"deviation": value}


class Extended(Model):
    def train_step(self, ts: TrainState, batch):
        ts, logs = super().train_step(ts, batch)
        return ts, {**logs, "twice": 2 * logs["loss"]}

    def test_step(self, ts: TrainState, batch):
        return {**super().test_step(ts, batch), "more": 1.0}


class KerasStyle(Model):
    def train_step(self, state, data):
        trained, others, own, of_metrics = state
        x, y = data

        def loss(trained):
            y_pred, after = self.stateless_call(trained, others, x, training=True)
            return jnp.mean((y_pred - y) ** 2), after

        (value, others), grads = jax.value_and_grad(loss, has_aux=True)(trained)
        trained, own = self.optimizer.stateless_apply(own, grads, trained)
        return {"loss": value}, (trained, others, own, of_metrics)


class OwnOptimizer(Model):
    def init_optimizer(self, params):
        return {"count": jnp.zeros(()), "sum": jax.tree.map(jnp.zeros_like, params)}

    def train_step(self, ts: TrainState, batch):
        loss, grads, result = self.loss_and_grads(ts, batch)
        grads = {**jax.tree.map(jnp.zeros_like, ts.params), **grads}
        total = jax.tree.map(jnp.add, ts.opt_state["sum"], grads)
        params = {k: jax.tree.map(lambda p, s: p - 0.1 * s, ts.params[k], total[k]) for k in ts.params}
        opt_state = {"count": ts.opt_state["count"] + 1, "sum": total}
        return ts._replace(params=params, opt_state=opt_state, state=result.state), {"loss": loss}


class OwnLoss(Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return jnp.mean(jnp.abs(y - y_pred) ** 3)


class Measured(layers.Dense):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.seen = metrics.Mean(name="seen")

    def call(self, inputs):
        y = super().call(inputs)
        self.seen.update_state(jnp.mean(y))
        return y


def model_of(cls: Any = Model, frozen: bool = False, last: Any = layers.Dense, **compiled: Any) -> Any:
    jkeras.utils.set_random_seed(3)
    x = jkeras.Input((4,))
    hidden = layers.Dense(5, activation="tanh", name="first", trainable=not frozen, kernel_regularizer="l2")(x)
    hidden = layers.Dropout(0.3)(layers.BatchNormalization()(hidden))
    model = cls(x, last(2)(hidden))
    given = {"optimizer": optimizers.Adam(0.05), "loss": "mse", "metrics": ["mae"], **compiled}
    model.compile(**given)
    return model


DECAY = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
CASES = {
    "built in": {"frozen": True},
    "optimizer": {"optimizer": optimizers.SGD(DECAY, momentum=0.9, gradient_accumulation_steps=2, use_ema=True)},
    "held metrics, own loss": {"last": Measured, "cls": OwnLoss},
    "own step": {"cls": Robust, "frozen": True},
    "own optimizer": {"cls": OwnOptimizer, "metrics": None},
    "Keras's style": {"cls": KerasStyle, "frozen": True},
}


def same(a: Any, b: Any, tolerance: float = 0.0) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=tolerance, atol=0), a, b)


@pytest.mark.parametrize("case", CASES)
def test_a_scan_over_batches_trains_like_fit(case: str) -> None:
    fitted = model_of(**CASES[case])
    average = fitted.optimizer.finalize
    history = fitted.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0).history
    stepped = model_of(**CASES[case])  # which begins with the same seed
    ts, logs = jax.jit(lambda ts: jax.lax.scan(stepped.train_step, ts, BATCHES))(stepped.train_state)
    if case == "optimizer":  # `fit` ends with the average of the weights
        ts = ts._replace(params=average(ts.params, ts.opt_state))
    tolerance = 1e-4 if case == "optimizer" else 0.0  # XLA rounds the powers of a schedule in more than one way
    same(ts.params, fitted.params, tolerance)
    held = {key for key in ts.state if key.endswith("seen")}
    same(
        {k: v for k, v in ts.state.items() if k not in held},
        {k: fitted.state[k] for k in ts.state.keys() - held},
        tolerance,
    )
    same(ts.opt_state, fitted.train_state.opt_state, tolerance)
    assert int(ts.step) == 3
    assert list(logs) == list(history)
    for name, values in logs.items():
        expected = values[-1] if case == "Keras's style" else values.mean()
        assert history[name][0] == pytest.approx(float(expected), rel=1e-5)


def test_what_a_loop_trained_the_model_takes_and_goes_on_from() -> None:
    whole, halves = model_of(), model_of()
    ts = halves.train_state
    start = jax.tree.map(jnp.array, ts)
    step = jax.jit(halves.train_step)
    for batch in zip(*BATCHES, strict=True):
        ts, _ = step(ts, Batch(*batch))
    assert step._cache_size() == 1  # pyright: ignore[reportAttributeAccessIssue]
    halves.train_state = ts
    same(halves.params, ts.params)
    assert int(halves.optimizer.iterations) == 3
    halves.fit(X, Y, verbose=0)
    jax.block_until_ready(ts)  # `fit` did not use its memory
    again, _ = jax.lax.scan(whole.train_step, start, BATCHES)
    same(again.params, ts.params)


def test_it_is_pure_mapped_and_differentiated() -> None:
    model = model_of(optimizer=optimizers.SGD(0.1))
    ts, batch = model.train_state, Batch(X, Y)
    before = jax.tree.map(np.array, model.params)

    def after(rate: Any) -> Any:
        return model.train_step(ts, batch, learning_rate=rate)[0]

    rates = jnp.asarray([0.0, 0.1, 0.2])
    many = jax.jit(jax.vmap(after))(rates)
    same(jax.tree.map(lambda a: a[0], many.params), before)
    one = model.train_step(ts, batch)[0].params
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b, rtol=1e-5, atol=1e-6), many.params, one)
    same(model.params, before)

    @jax.jit
    def loss_after(rate: Any) -> Any:
        moved = after(rate)
        return model.test_step(moved, batch)["loss"]

    slope = (loss_after(jnp.float32(0.11)) - loss_after(jnp.float32(0.09))) / 0.02
    assert float(jax.grad(loss_after)(jnp.float32(0.1))) == pytest.approx(float(slope), rel=2e-2)


def test_test_step_is_what_evaluate_computes() -> None:
    for cls in (Model, Extended, OwnLoss):
        model = model_of(cls)
        logs = jax.jit(model.test_step)(model.train_state, (X, Y))
        assert {k: float(v) for k, v in logs.items()} == pytest.approx(
            model.evaluate(X, Y, batch_size=24, return_dict=True, verbose=0)
        )


def test_weights_of_samples() -> None:
    model = model_of(metrics=[])
    weight = np.zeros(24, "float32")
    weight[:8] = 3
    ts = model.train_state._replace(state=model.state)
    _, logs = model.train_step(ts, (X, Y, weight))
    assert list(logs) == ["loss"] and np.isfinite(logs["loss"])


def test_errors() -> None:
    model = model_of()
    ts = model.train_state
    with pytest.raises(ValueError, match="ts.params does not fit 'model': missing first/bias, first/kernel"):
        model.train_step(ts._replace(params={k: v for k, v in ts.params.items() if k != "first"}), (X, Y))
    with pytest.raises(ValueError, match=r"ts.rng is None. Give the run a key"):
        model.train_step(ts._replace(rng=None), (X, Y))
    with pytest.raises(TypeError, match="takes a Batch"):
        model.train_step(ts, X)
    with pytest.raises(TypeError, match="got a tuple of 4"):
        model.train_step(ts, (X, Y, None, None))
    with pytest.raises(ValueError, match="ts.opt_state is None. Begin with"):
        model.train_step(ts._replace(opt_state=None), (X, Y))
    with pytest.raises(ValueError, match="not a state of the optimizer"):
        model.train_state = ts._replace(opt_state={})
    with pytest.raises(RuntimeError, match="Call compile before train_state"):
        _ = jkeras.Sequential([layers.Dense(1)]).train_state
    open_model = jkeras.Sequential([layers.Dense(1)])
    open_model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="has no weights yet"):
        _ = open_model.train_state
    with pytest.raises(TypeError, match="Expected a TrainState"):
        model.train_state = (1, 2)


def test_a_step_that_fit_runs_is_the_one_that_the_class_defines() -> None:
    """Outside of `fit` the method is the whole step: its key is folded, and the steps are counted."""
    model = model_of(Robust)
    ts = model.train_state
    one, _ = model.train_step(ts, (X, Y))
    two, _ = model.train_step(one, (X, Y))
    assert int(two.step) == 2 and two.rng is ts.rng
    partial = functools.partial(model.train_step, ts)
    same(partial((X, Y))[0].params, one.params)
