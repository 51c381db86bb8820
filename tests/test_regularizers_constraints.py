"""Penalties and projections against Keras's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jkeras import constraints, regularizers
from jkeras.core.registry import constraints as constraint_table
from jkeras.core.registry import regularizers as regularizer_table

REGULARIZERS = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 3.0, "rate": 0.4, "axis": 1}),
]


def draw(*shape):
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


@pytest.mark.parametrize(("name", "arguments"), REGULARIZERS)
def test_penalties_agree_with_keras_in_value_and_gradient(name, arguments):
    keras = pytest.importorskip("keras")
    ours, theirs = regularizer_table.lookup(name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    x = draw(4, 6)
    got, want = (jax.value_and_grad(lambda x, f=f: jnp.asarray(f(x)))(x) for f in (ours, theirs))
    np.testing.assert_allclose(got[0], want[0], rtol=1e-5)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-4, atol=1e-6)
    again = regularizers.deserialize(regularizers.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


@pytest.mark.parametrize(("name", "arguments"), CONSTRAINTS)
def test_projections_agree_with_keras(name, arguments):
    keras = pytest.importorskip("keras")
    ours, theirs = constraint_table.lookup(name)(**arguments), getattr(keras.constraints, name)(**arguments)
    w = draw(4, 6).at[:, 0].set(0.0)
    np.testing.assert_allclose(ours(w), theirs(w), rtol=1e-5, atol=1e-7)
    again = constraints.deserialize(constraints.serialize(ours))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


@settings(max_examples=20, deadline=None)
@given(arrays.arrays(np.float32, (5, 3), elements=st.floats(-100, 100, width=32)), st.floats(0.1, 10))
def test_projecting_twice_changes_nothing_more(w, limit):
    for constraint in (constraints.MaxNorm(limit), constraints.NonNeg(), constraints.MinMaxNorm(0.0, limit)):
        once = constraint(jnp.asarray(w))
        np.testing.assert_allclose(constraint(once), once, rtol=1e-4, atol=1e-4)
    norms = np.linalg.norm(np.asarray(constraints.MaxNorm(limit)(jnp.asarray(w))), axis=0)
    assert (norms <= limit * 1.0001).all()


def test_names_old_and_new():
    for old, new in [("maxnorm", "MaxNorm"), ("nonneg", "NonNeg"), ("unitnorm", "UnitNorm")]:
        assert type(constraints.get(old)).__name__ == new
    assert constraints.get("min_max_norm").get_config() == constraints.min_max_norm().get_config()
    assert constraints.get(None) is None and regularizers.get(None) is None
    assert regularizers.get("l1").l1 == regularizers.l1().l1 == 0.01
    assert regularizers.get("l2").l2 == regularizers.l2().l2 == 0.01
    assert regularizers.get("l1_l2").get_config() == regularizers.l1_l2().get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.L1L2().get_config() == {"l1": 0.0, "l2": 0.0}


def test_own_functions_and_classes():
    def mine(x):
        return 2.0 * jnp.sum(x)

    assert regularizers.get(mine) is mine
    assert constraints.get(jnp.abs) is jnp.abs
    assert regularizers.deserialize("mine", {"mine": mine}) is mine
    config = {"class_name": "Mine", "config": {"axis": 1}}
    assert constraints.deserialize(config, {"Mine": constraints.UnitNorm}).axis == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regularizers.get("l1_l3"), "Did you mean 'l1_l2'"),
        (lambda: constraints.get("max_nrom"), "Did you mean 'max_norm'"),
        (lambda: regularizers.L2("0.01"), "must be a finite number"),
        (lambda: regularizers.L1(-1.0), "must be a finite number"),
        (lambda: regularizers.L1L2(l2=[1.0, 2.0]), "must be a finite number"),
        (lambda: regularizers.OrthogonalRegularizer(mode="diagonal"), "mode must be 'rows' or 'columns'"),
        (lambda: regularizers.OrthogonalRegularizer()(jnp.ones(3)), "expected a matrix"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
