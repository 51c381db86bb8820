"""What the structure of a model tells: programs are shared by it without being traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rows import CONTRACT as ROWS
from rows.kinds import Row

import jkeras
from jkeras import layers
from jkeras.core.compiling import fingerprint
from jkeras.core.structure import _APART, structure_of
from jkeras.core.template import walk

OWN = [row for row in ROWS if not row.custom and not row.slow]


def _ready(row: Row) -> Any:
    layer = row.make()
    jax.eval_shape(lambda: layer.init(jax.random.key(0), jax.tree.map(jnp.asarray, row.inputs())))
    return layer


def _jaxpr(layer: Any, row: Row) -> Any:
    x = jax.tree.map(jnp.asarray, row.inputs())
    params, state = jax.eval_shape(lambda: layer.init(jax.random.key(0), x))
    run = lambda p, s, k: layer.apply(p, s, x, training=True, rng=k)  # noqa: E731
    return fingerprint(jax.make_jaxpr(run)(params, state, jax.random.key(1)))


@pytest.mark.parametrize("row", OWN, ids=lambda row: row.name)
def test_layers_made_alike_have_one_structure_and_what_is_changed_shows(row: Row):
    layer, twin = _ready(row), _ready(row)
    structure = structure_of(layer)
    assert structure is not None and structure == structure_of(twin)
    hash(structure)
    for _, part in walk(twin):
        for attribute, value in list(vars(part).items()):
            if attribute in _APART or attribute in ("_trainable", "_frame", "_path") or attribute.startswith("__"):
                continue
            if type(value) in (int, float, bool):
                object.__setattr__(part, attribute, value + 1)
                assert structure_of(twin) != structure, f"{type(part).__name__}.{attribute} does not show"
                object.__setattr__(part, attribute, value)
    assert structure_of(twin) == structure


@pytest.mark.parametrize("row", [row for row in OWN if not row.is_list][::6], ids=lambda row: row.name)
def test_equal_structure_means_equal_programs(row: Row):
    one, other = _ready(row), _ready(row)
    assert structure_of(one) == structure_of(other)
    assert _jaxpr(one, row) is not None and _jaxpr(one, row) == _jaxpr(other, row)


def _functional(connect: Callable[[Any, Any], Any]) -> Any:
    x = layers.Input((4,))
    return jkeras.Model(x, connect(x, layers.Dense(4, name="own")))


# Models of the same layers that compute something different.
CONNECTED = {
    "once": lambda x, own: own(x),
    "twice": lambda x, own: own(own(x)),
    "another": lambda x, own: layers.Dense(4)(own(x)),
    "added": lambda x, own: layers.add([x, own(x)]),
    "subtracted": lambda x, own: layers.subtract([x, own(x)]),
    "subtracted from": lambda x, own: layers.subtract([own(x), x]),
    "by a number": lambda x, own: own(x) * 2.0,
    "by another number": lambda x, own: own(x) * 3.0,
    "outputs": lambda x, own: [own(x), x],
    "outputs in another order": lambda x, own: [x, own(x)],
}


def test_connections_are_part_of_the_structure():
    structures = {name: structure_of(_functional(connect)) for name, connect in CONNECTED.items()}
    assert None not in structures.values()
    assert len(set(structures.values())) == len(CONNECTED)
    assert {name: structure_of(_functional(connect)) for name, connect in CONNECTED.items()} == structures


def test_what_a_user_wrote_has_no_structure():
    class Mine(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2

    factor = 2

    def scaled(x: Any) -> Any:
        return x * factor

    for layer in (Mine(), layers.Lambda(scaled), layers.Dense(2, activation=scaled)):
        assert structure_of(layer) is None
        assert structure_of(jkeras.Sequential([layers.Input((2,)), layer])) is None
    hooked = layers.Dense(2)
    hooked.call = scaled
    assert structure_of(hooked) is None


def _fitted(change: Callable[[Any], None] | None = None, loss: Any = "mse") -> list[float]:
    jkeras.utils.set_random_seed(1)
    model = jkeras.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dropout(0.5), layers.Dense(1)])
    model.compile(jkeras.optimizers.SGD(0.1, momentum=0.5), loss=loss)
    if change is not None:
        change(model)
    x = np.ones((8, 3), "float32")
    return model.fit(x, x[:, :1], epochs=3, verbose=0).history["loss"]


def _set(attribute: str, value: Any, of: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda model: setattr(of(model), attribute, value)


CHANGES = {
    "a rate of dropout": _set("rate", 0.1, lambda m: m.layers[1]),
    "a frozen layer": _set("trainable", False, lambda m: m.layers[0]),
    "an activation": _set("activation", jkeras.activations.tanh, lambda m: m.layers[0]),
    "a regularizer": _set("regularizer", jkeras.regularizers.L2(0.5), lambda m: m.layers[0].kernel),
    "a constraint": _set("constraint", jkeras.constraints.NonNeg(), lambda m: m.layers[0].kernel),
    "a momentum": _set("momentum", 0.9, lambda m: m.optimizer),
    "a learning rate": _set("learning_rate", 0.01, lambda m: m.optimizer),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed_before_training_takes_effect(name: str):
    plain = _fitted()
    assert _fitted(CHANGES[name]) != plain
    assert _fitted() == plain


def test_losses_with_other_arguments_are_other_programs():
    plain, other = _fitted(loss=jkeras.losses.Huber(1.0)), _fitted(loss=jkeras.losses.Huber(0.1))
    assert plain != other and _fitted(loss=jkeras.losses.Huber(1.0)) == plain


def test_the_number_that_losses_clip_at_is_not_shared():
    def loss() -> float:
        jkeras.utils.set_random_seed(0)
        model = jkeras.Sequential([layers.Input((2,)), layers.Dense(1, "sigmoid", kernel_initializer="zeros")])
        model.layers[-1].set_weights([np.zeros((2, 1)), np.full(1, 40.0)])
        model.compile("sgd", "binary_crossentropy")
        return model.evaluate(np.ones((2, 2)), np.zeros((2, 1)), verbose=0)

    before = loss()
    jkeras.backend.set_epsilon(1e-2)
    try:
        assert loss() < before / 2
    finally:
        jkeras.backend.set_epsilon(1e-7)
    assert loss() == before


def test_the_settings_of_the_process_are_part_of_it():
    layer = layers.Dense(2)
    before = structure_of(layer)
    jkeras.config.set_image_data_format("channels_first")
    try:
        assert structure_of(layer) != before
    finally:
        jkeras.config.set_image_data_format("channels_last")
    assert structure_of(layer) == before
