"""Batch normalisation beyond the table: renormalisation, several axes, a batch sharded over devices."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jkeras import layers

X = np.random.default_rng(0).normal(1.0, 2.0, (8, 5, 3)).astype("float32")


def drawn(layer: Any) -> tuple[Any, Any]:
    """Return parameters and state that are not at their first values."""
    params, state = layer.init(0, X)
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda a: jnp.asarray(rng.uniform(0.5, 1.5, a.shape), a.dtype), (params, state))


def test_without_bounds_training_gives_what_the_reference_statistics_give() -> None:
    layer = layers.BatchNormalization(renorm=True)
    params, state = drawn(layer)
    weights, statistics = params["batch_normalization"], state["batch_normalization"]
    y, _ = layer.apply(params, state, X, training=True)
    expected = (X - statistics["renorm_mean"]) / statistics["renorm_stddev"] * weights["gamma"] + weights["beta"]
    np.testing.assert_allclose(y, expected, 1e-4, 1e-5)


def test_bounds_of_one_and_zero_give_plain_batch_normalisation() -> None:
    layer = layers.BatchNormalization(renorm=True, renorm_clipping={"rmin": 1.0, "rmax": 1.0, "dmax": 0.0})
    plain = layers.BatchNormalization()
    params, state = drawn(layer)
    y, _ = layer.apply(params, state, X, training=True)
    kept = {name: state["batch_normalization"][name] for name in ("moving_mean", "moving_variance")}
    expected, _ = plain_apply(plain, params, kept)
    np.testing.assert_allclose(y, expected, 1e-4, 1e-5)


def plain_apply(layer: Any, params: Any, statistics: Any) -> Any:
    layer.init(0, X)
    return layer.apply(params, {"batch_normalization": statistics}, X, training=True)


def test_statistics_begin_at_the_root_of_the_variance_and_stay_consistent() -> None:
    four = {"class_name": "Constant", "config": {"value": 4.0}}
    layer = layers.BatchNormalization(renorm=True, moving_variance_initializer=four, momentum=0.5, renorm_momentum=0.9)
    params, state = layer.init(0, X)
    assert list(state["batch_normalization"]) == [
        "moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev",
    ]  # fmt: skip
    np.testing.assert_array_equal(state["batch_normalization"]["renorm_stddev"], 2.0)
    _, state = layer.apply(params, state, X, training=True)
    after = state["batch_normalization"]
    np.testing.assert_allclose(after["moving_variance"], after["moving_stddev"] ** 2 - 1e-3, 1e-5)
    stddev = np.sqrt(X.var((0, 1)) + 1e-3)
    np.testing.assert_allclose(after["moving_stddev"], 1 + 0.5 * stddev, 1e-4)
    np.testing.assert_allclose(after["renorm_stddev"], 1.8 + 0.1 * stddev, 1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"renorm": True, "renorm_clipping": {"rmx": 1.0}}, "got 'rmx'. Did you mean 'rmax'"),
        ({"renorm": True, "renorm_clipping": {"rmin": 2.0, "rmax": 1.0}}, "rmin <= rmax"),
        ({"virtual_batch_size": 4}, "smaller batch_size, or use GroupNormalization"),
        ({"axis": "channels"}, "axis must be an integer"),
    ],
)
def test_bad_arguments_say_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layers.BatchNormalization(**arguments)


@pytest.mark.parametrize("renorm", [False, True])
def test_several_axes_keep_statistics_jointly(renorm: bool) -> None:
    layer = layers.BatchNormalization(axis=[1, 2], momentum=0.0, epsilon=1e-6, renorm=renorm)
    params, state = layer.init(0, X)
    assert {w.shape for w in layer.weights} == {(1, 5, 3)}
    y, state = layer.apply(params, state, X, training=True)
    np.testing.assert_allclose(state["batch_normalization"]["moving_mean"][0], X.mean(0), 1e-5, 1e-6)
    np.testing.assert_allclose(state["batch_normalization"]["moving_variance"][0], X.var(0), 1e-4)
    expected = X if renorm else (X - X.mean(0)) / X.std(0)
    np.testing.assert_allclose(y, expected, 1e-3, 1e-4)
    assert type(layer).from_config(layer.get_config()).axis == (1, 2)


@pytest.mark.needs_devices(2)
@pytest.mark.parametrize("options", [{}, {"synchronized": True}, {"renorm": True}], ids=str)
def test_a_sharded_batch_has_the_statistics_of_the_whole_batch(options: dict[str, Any]) -> None:
    layer = layers.BatchNormalization(**options)
    params, state = drawn(layer)

    def step(params: Any, state: Any, x: Any) -> Any:
        return layer.apply(params, state, x, training=True)

    rows = NamedSharding(Mesh(np.asarray(jax.devices()[:2]), ("batch",)), PartitionSpec("batch"))
    # The halves differ, so that statistics of one device's part would be seen.
    x = X + np.arange(8, dtype="float32")[:, None, None]
    sharded = jax.device_put(x, rows)
    assert len(sharded.addressable_shards) == 2
    found, expected = jax.jit(step)(params, state, sharded), jax.jit(step)(params, state, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-5), found, expected)
    assert found[0].sharding.is_equivalent_to(rows, 3)
