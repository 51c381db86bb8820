"""Optimizers as Keras scripts use them: built on variables, applied, wrapped, mapped, written in Keras style."""

from __future__ import annotations

import copy
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras import layers, models, optimizers
from jkeras.core.dtypes import dtype_policy, set_dtype_policy
from jkeras.core.stateless import StatelessScope
from jkeras.core.weight import Weight
from jkeras.optimizers import schedules

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside of Keras

VALUES = {"a/kernel": np.array([[1.0, -2.0], [0.5, 3.0]], "f"), "a/bias": np.array([1.0, 2.0], "f")}
STEPS = [[np.random.default_rng(i).normal(size=v.shape).astype("f") for v in VALUES.values()] for i in range(5)]


def variables(values=None):
    made = []
    for path, value in (values or VALUES).items():
        made.append(Weight(path.split("/")[-1], value.shape, jnp.zeros))
        made[-1].path = path
        made[-1].assign(value)
    return made


def keras_variables():
    return [keras.Variable(v, name=path.split("/")[1]) for path, v in VALUES.items()]


def model(**kwargs):
    made = models.Sequential([layers.Input((3,)), layers.Dense(4, name="enc"), layers.Dense(1, name="dec")])
    made.set_weights([np.random.default_rng(0).normal(size=w.shape).astype("f") for w in made.weights])
    made.compile(loss="mse", **kwargs)
    return made


X, Y = (
    np.random.default_rng(1).normal(size=(8, 3)).astype("f"),
    np.random.default_rng(2).normal(size=(8, 1)).astype("f"),
)


@pytest.mark.parametrize("call", ["apply", "apply_gradients", "stateless_apply", "scope"])
def test_updates_agree_with_keras(call):
    arguments = {"learning_rate": 0.1, "weight_decay": 0.1, "use_ema": True}
    ours, theirs = optimizers.Nadam(**arguments), keras.optimizers.Nadam(**arguments)
    mine, expected = variables(), keras_variables()
    ours.build(mine)
    theirs.build(expected)
    for grads in STEPS:
        if call == "apply":
            ours.apply(grads, mine)
        elif call == "apply_gradients":
            assert ours.apply_gradients(zip(grads, mine, strict=True)) is ours.iterations
        elif call == "stateless_apply":
            state = [v.value for v in ours.variables]
            new, state = jax.jit(ours.stateless_apply)(state, grads, [v.value for v in mine])
            assert int(ours.iterations) < len(STEPS)  # nothing was stored
            for variable, value in zip([*mine, *ours.variables], [*new, *state], strict=True):
                variable.assign(value)
        else:
            owned = [*mine, *ours.variables]

            @jax.jit
            def pure(values, grads, owned=owned):
                with StatelessScope(list(zip(owned, values, strict=True))) as scope:
                    ours.apply(grads, mine)
                return [scope.get_current_value(v) for v in owned]

            for variable, value in zip(owned, pure([v.value for v in owned], grads), strict=True):
                variable.assign(value)
        theirs.apply([jnp.asarray(g) for g in grads], expected)
    assert int(ours.iterations) == int(theirs.iterations) == 5
    for a, b in zip(mine, expected, strict=True):
        np.testing.assert_allclose(a, np.array(b), rtol=1e-5)
    ours.finalize_variable_values(mine)
    theirs.finalize_variable_values(expected)
    for a, b in zip(mine, expected, strict=True):
        np.testing.assert_allclose(a, np.array(b), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
def test_a_variable_without_gradient_stays_with_its_state():
    ours, theirs, mine, expected = optimizers.Adam(0.1), keras.optimizers.Adam(0.1), variables(), keras_variables()
    ours.build(mine)
    theirs.build(expected)
    for i, (kernel, bias) in enumerate(STEPS):
        first = None if i == 1 else kernel
        ours.apply_gradients([(first, mine[0]), (bias, mine[1])])
        theirs.apply_gradients([(None if first is None else jnp.asarray(first), expected[0]), (bias, expected[1])])
    ours.apply([STEPS[0][1]], [mine[1]])
    theirs.apply([STEPS[0][1]], [expected[1]])
    # optax counts the updates of both together, as Keras does.
    for a, b in zip(mine, expected, strict=True):
        np.testing.assert_allclose(a, np.array(b), rtol=1e-5)


def test_constraints_are_applied():
    weight = Weight("w", (2,), jnp.zeros, constraint=lambda w: jnp.maximum(w, 0))
    optimizers.SGD(1.0).apply([jnp.array([1.0, -1.0])], [weight])
    assert weight.numpy().tolist() == [0.0, 1.0]


def test_weights_round_trip():
    ours, mine = optimizers.Adam(0.1), variables()
    assert len(ours.variables) == 2
    ours.apply(STEPS[0], mine)
    names = [v.name for v in ours.variables]
    assert names[:2] == ["iterations", "learning_rate"] and "inner/0/mu/a/kernel" in names
    store: dict[str, np.ndarray] = {}
    ours.save_own_variables(store)
    again, others = optimizers.Adam(0.5), variables({v.path: v.numpy() for v in mine})
    again.build(others)
    again.load_own_variables(store)
    assert float(again.learning_rate) == pytest.approx(0.1) and int(again.iterations) == 1
    for optimizer, own in ((ours, mine), (again, others)):
        optimizer.apply(STEPS[1], own)
    for a, b in zip(mine, others, strict=True):
        np.testing.assert_array_equal(a, b)
    ours.variables[-1].assign(jnp.full(ours.variables[-1].shape, 7.0))
    assert ours.get_weights()[-1].max() == 7.0
    with pytest.raises(ValueError, match="has 7 variables; got 1 arrays"):
        ours.set_weights([1])
    fresh = copy.deepcopy(ours)
    assert not fresh.built and fresh.get_config() == ours.get_config()


def test_fit_and_the_facade_share_one_state():
    ours, theirs = model(optimizer=optimizers.Adam(0.1)), model(optimizer=optimizers.Adam(0.1))
    optimizer = ours.optimizer
    ours.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    theirs.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert int(optimizer.iterations) == 2 and len(optimizer.variables) == 2 + 1 + 2 * 4
    kept = optimizer.get_weights()
    grads = [np.ones(w.shape, "f") for w in ours.trainable_variables]
    for one in (ours, theirs):
        one.optimizer.apply_gradients(zip(grads, one.trainable_variables, strict=True))
        assert int(one.optimizer.iterations) == 3
    ours.compile(optimizer, "mse")  # the state is the optimizer's: it stays
    for one in (ours, theirs):
        one.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert int(optimizer.iterations) == 5
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    optimizer.set_weights(kept)
    ours.fit(X, Y, batch_size=8, verbose=0)
    assert int(optimizer.iterations) == 3


def test_state_is_a_tree_that_goes_on_elsewhere():
    whole, first, second = (model(optimizer=optimizers.Adam(0.1)) for _ in range(3))
    whole.fit(X, Y, batch_size=4, shuffle=False, epochs=2, verbose=0)
    first.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    second.set_weights(first.get_weights())
    second.optimizer.build(second.trainable_variables)
    second.optimizer.state = jax.device_get(first.optimizer.state)
    second.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert int(second.optimizer.state.iterations) == 4
    for a, b in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="Adam.state has the structure"):
        second.optimizer.state = {}


def test_a_state_built_by_hand_is_trained_on_from():
    inner = models.Sequential([layers.Input((3,)), layers.Dense(2)], name="inner")
    outer = models.Sequential([layers.Input((3,)), inner, layers.Dense(1)])  # paths differ from the weights' own
    optimizer = optimizers.SGD(0.0, momentum=0.5)
    optimizer.build(outer.trainable_variables)
    for variable in optimizer.variables[2:]:
        variable.assign(np.ones(variable.shape))
    optimizer.iterations = 10
    outer.compile(optimizer, "mse")
    before = outer.get_weights()
    outer.fit(X, Y, batch_size=8, verbose=0)
    assert int(optimizer.iterations) == 11
    for a, b in zip(before, outer.get_weights(), strict=True):
        np.testing.assert_allclose(b - a, 0.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda o: o.apply(STEPS[0]), ValueError, "is not built"),
        (lambda o: o.build([np.ones(2)]), TypeError, "expected variables; got a ndarray"),
        (lambda o: o.apply([None, None], variables()), ValueError, "No gradients provided"),
        (lambda o: o.apply(STEPS[0][:1], variables()), ValueError, "a gradient for each of 2"),
        (lambda o: (o.build(variables()), o.apply(STEPS[0], variables())), ValueError, "Unknown variable"),
        (lambda o: (o.build(variables()), jax.jit(o.apply)(STEPS[0])), RuntimeError, "inside a JAX transformation"),
        (lambda o: (o.build(variables()), o.stateless_apply([], [], [])), ValueError, "expected 2 optimizer variables"),
        (lambda o: o.update_step(1, 2, 3), TypeError, "override transform"),
        (lambda o: o.add_variable((), layout="x"), ValueError, "layout"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(optimizers.SGD(0.1))


# Keras style


class Momentum(optimizers.Optimizer):
    """As the documentation of Keras 3 writes one."""

    def __init__(self, learning_rate=0.1, momentum=0.9, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.speed = self.add_optimizer_variables(variables, "speed")
        self.total = self.add_variable(shape=(), name="total")

    def update_step(self, gradient, variable, learning_rate):
        speed = self.speed[self._get_variable_index(variable)]
        self.assign(speed, self.momentum * speed - learning_rate * gradient)
        self.assign_add(self.total, 1.0)
        self.assign_add(variable, speed * (1 + 0.0 * self.iterations))

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


class OldMomentum(optimizers.Optimizer):
    """As one was written for Keras 2.11 to 2.15."""

    def __init__(self, learning_rate=0.1, momentum=0.9, name="OldMomentum", **kwargs):
        super().__init__(name=name, learning_rate=learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, var_list):
        super().build(var_list)
        if hasattr(self, "_built") and self._built:
            return
        self._built = True
        self.speed = [self.add_variable_from_reference(model_variable=v, variable_name="m") for v in var_list]

    def update_step(self, gradient, variable):
        speed = self.speed[self._index_dict[self._var_key(variable)]]
        speed.assign(self.momentum * speed - self.learning_rate * gradient)
        variable.assign_add(speed)


@pytest.mark.parametrize("kind", [Momentum, OldMomentum])
@pytest.mark.parametrize("common", [{}, {"weight_decay": 0.1, "gradient_accumulation_steps": 2, "use_ema": True}])
def test_keras_style_is_a_pure_transformation(kind, common):
    ours, theirs = kind(**common), optimizers.SGD(0.1, momentum=0.9, **common)
    params = {"b": {"w": jnp.ones(3)}, "a": {"w": jnp.ones((2, 2))}}
    step = [jax.jit(lambda p, g, s, o=o: o.update(g, s, p)) for o in (ours, theirs)]
    mine = expected = params
    state, other = ours.init(params), theirs.init(params)
    for i in range(4):
        grads = jax.tree.map(lambda p, i=i: jnp.full_like(p, i + 1.0), params)
        updates, state = step[0](mine, grads, state)
        mine = optax.apply_updates(mine, updates)
        updates, other = step[1](expected, grads, other)
        expected = optax.apply_updates(expected, updates)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), mine, expected)
    if kind is Momentum and not common:
        assert float(state.inner["total"][""]) == 8.0


@pytest.mark.parametrize("rate", [0.1, schedules.ExponentialDecay(0.1, 1, 0.5)], ids=["number", "schedule"])
@pytest.mark.parametrize("kind", [Momentum, OldMomentum])
def test_keras_style_in_fit_and_directly(kind, rate):
    ours, theirs = model(optimizer=kind(rate)), model(optimizer=optimizers.SGD(rate, momentum=0.9))
    for one in (ours, theirs):
        one.fit(X, Y, batch_size=2, shuffle=False, epochs=2, verbose=0)
        grads = [np.ones(w.shape, "f") for w in one.trainable_variables]
        one.optimizer.apply_gradients(zip(grads, one.trainable_variables, strict=True))
        one.fit(X, Y, batch_size=2, shuffle=False, verbose=0)
    assert int(ours.optimizer.iterations) == 13
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    direct, mine, expected = kind(0.1), variables(), variables()
    direct.build(mine)
    reference = optimizers.SGD(0.1, momentum=0.9)
    for grads in STEPS:
        direct.apply(grads, mine)
        reference.apply(grads, expected)
    for a, b in zip(mine, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert kind.from_config(direct.get_config()).momentum == 0.9


def test_fit_refuses_an_optimizer_whose_apply_is_its_own():
    class Centralised(optimizers.SGD):
        def apply_gradients(self, grads_and_vars):
            return super().apply_gradients(grads_and_vars)

    with pytest.raises(TypeError, match="Centralised.apply_gradients: fit calls update"):
        model(optimizer=Centralised())


# Loss scaling


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
@pytest.mark.parametrize("inner", [{}, {"use_ema": True, "gradient_accumulation_steps": 2}], ids=["plain", "common"])
def test_loss_scale_agrees_with_keras(inner):
    arguments = {"initial_scale": 4.0, "dynamic_growth_steps": 2}
    ours = optimizers.LossScaleOptimizer(optimizers.Adam(0.1, weight_decay=0.1, **inner), **arguments)
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1, weight_decay=0.1, **inner), **arguments)
    values = np.array([1.0, -2.0], "f")
    variable = keras.Variable(values, name="w")
    theirs.build([variable])
    update, other = jax.jit(lambda g, s, p: ours.update(g, s, p)), jax.jit(theirs.stateless_apply)
    params, state = values, ours.init(values)
    expected, kept = [values], [v.value for v in theirs.variables]
    scales = [v.path.split("/")[1] for v in theirs.variables].index("dynamic_scale")
    for grads in ([1, 2], [1, 2], [np.inf, 1], [1, np.nan], [1, 2], [1, -2], [3, 2], [1, 2]):
        grads = np.array(grads, "f") * np.float32(state.inner.scale)
        before = state
        updates, state = update(grads, state, params)
        params = params + updates
        expected, kept = other(kept, [grads], expected)
        np.testing.assert_allclose(params, expected[0], rtol=1e-5)
        assert float(state.inner.scale) == float(kept[scales])
        if not np.isfinite(grads).all():
            assert not updates.any() and int(state.inner.finite_steps) == 0
            jax.tree.map(np.testing.assert_array_equal, before.inner.inner, state.inner.inner)
    assert int(state.iterations) == 6
    final = ours.finalize(params, state)
    assert (final is params) is not bool(inner)


@pytest.fixture
def mixed_float16():
    before = dtype_policy()
    set_dtype_policy("mixed_float16")
    yield
    set_dtype_policy(before)


def test_compile_scales_the_loss_of_mixed_float16(mixed_float16):
    plain = model(optimizer=optimizers.SGD(0.1), auto_scale_loss=False)
    assert isinstance(plain.optimizer, optimizers.SGD)
    own = model(optimizer=optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=8.0))
    assert float(own.optimizer.scale_loss(1.0)) == 8.0
    scaled = model(optimizer=optimizers.SGD(0.1))
    optimizer = scaled.optimizer
    assert isinstance(optimizer, optimizers.LossScaleOptimizer)
    inner = optimizer.inner_optimizer
    assert optimizer.learning_rate is inner.learning_rate
    before = scaled.get_weights()
    scaled.fit(X, Y * 1e4, batch_size=4, verbose=0)  # float16 overflows
    for a, b in zip(before, scaled.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(optimizer.scale_loss(1.0)) == 8192.0 and int(optimizer.iterations) == 0
    optimizer.learning_rate = 0.0
    scaled.fit(X, Y, batch_size=4, epochs=8, verbose=0)
    assert int(inner.iterations) == int(optimizer.iterations) > 0
    for a, b in zip(before, scaled.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    optimizer.learning_rate = 0.01
    losses = scaled.fit(X, Y, batch_size=4, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert [v.name for v in optimizer.variables][-2:] == ["inner/scale", "inner/finite_steps"]


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_other_policies_are_not_scaled(policy):
    before = dtype_policy()
    set_dtype_policy(policy)
    try:
        assert isinstance(model(optimizer="sgd").optimizer, optimizers.SGD)
    finally:
        set_dtype_policy(before)


# Maps


def by_path(kit):
    return kit.OptimizerMap(kit.SGD(0.5), {"enc/.*": kit.Adam(0.1, use_ema=True), "dec/bias": kit.SGD(0.0)})


def by_function(kit):
    def choose(variable):
        return {"enc/kernel": kit.Adam(0.1), "dec/bias": kit.SGD(0.0)}.get(variable.path, kit.SGD(0.25))

    return choose


@pytest.mark.parametrize("rows", [by_path, by_function])
def test_multi_optimizer_agrees_with_its_parts(rows):
    optimizer = optimizers.MultiOptimizer(rows(optimizers), loss_scale_factor=4.0)
    parts = {"enc": optimizers.Adam(0.1), "dec": optimizers.SGD(0.5)}
    params = {"enc": {"kernel": jnp.ones((2, 2))}, "dec": {"kernel": jnp.ones(2), "bias": jnp.ones(2)}}
    grads = jax.tree.map(lambda p: 4.0 * p, params)
    state = optimizer.init(params)
    rates = optimizer.rate_for_step
    assert len(rates) == len(optimizer.optimizers) >= 3
    updates, state = jax.jit(optimizer.update)(grads, state, params, rates)
    expected, _ = parts["enc"].update(params["enc"], parts["enc"].init(params["enc"]))
    np.testing.assert_allclose(updates["enc"]["kernel"], expected["kernel"], rtol=1e-5)
    assert not updates["dec"]["bias"].any()
    np.testing.assert_allclose(updates["dec"]["kernel"], -0.5 if rows is by_path else -0.25)
    assert float(optimizer.scale_loss(1.0)) == 4.0 and [o.loss_scale_factor for o in optimizer.optimizers][0] == 4.0


def test_multi_optimizer_in_fit():
    optimizer = optimizers.MultiOptimizer(by_path(optimizers))
    made = model(optimizer=optimizer)
    before = made.get_weights()
    made.fit(X, Y, batch_size=4, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, made.get_weights(), strict=True)]
    assert changed == [True, True, True, False]
    assert [int(o.iterations) for o in (optimizer, *optimizer.optimizers)] == [2, 2, 2, 2]
    compiled = made._compiled.last.block._cache_size()
    for one in optimizer.optimizers:
        one.learning_rate = 0.0
    before = [np.array(w) for w in made.layers[1].get_weights()]
    made.fit(X, Y, batch_size=4, verbose=0)
    assert made._compiled.last.block._cache_size() == compiled
    for a, b in zip(before, made.layers[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    mine = variables()
    direct = optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(1.0), {"a/bias": optimizers.SGD(0.0)}))
    direct.apply([np.ones_like(v) for v in VALUES.values()], mine)
    np.testing.assert_allclose(mine[0], VALUES["a/kernel"] - 1)
    np.testing.assert_allclose(mine[1], VALUES["a/bias"])


def test_maps_and_wrappers_round_trip():
    multi = optimizers.MultiOptimizer(by_path(optimizers), loss_scale_factor=2.0, name="m")
    nested = optimizers.LossScaleOptimizer(Momentum(0.25), initial_scale=8.0)
    for made, own in ((multi, None), (nested, {"Momentum": Momentum})):
        written = json.loads(json.dumps(optimizers.serialize(made)))
        again = optimizers.deserialize(written, own)
        assert type(again) is type(made) and again.get_config() == made.get_config()
        newer = optimizers.serialize(made, use_legacy_format=False)
        assert newer["module"] == "keras.optimizers" and optimizers.deserialize(newer, own).name == made.name
    theirs = keras.optimizers.MultiOptimizer(by_path(keras.optimizers), loss_scale_factor=2.0, name="m")
    rows = optimizers.deserialize(keras.optimizers.serialize(theirs)).optimizer_map
    assert isinstance(rows["enc/kernel"], optimizers.Adam) and float(rows["x"].learning_rate) == 0.5


def sgd(rate=0.1, **kwargs):
    return optimizers.SGD(rate, **kwargs)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optimizers.LossScaleOptimizer("sgd"), TypeError, "expected an optimizer"),
        (lambda: optimizers.LossScaleOptimizer(sgd(), clipnorm=1.0), ValueError, "takes no clipnorm"),
        (lambda: optimizers.LossScaleOptimizer(sgd(), initial_scle=1.0), TypeError, "Did you mean 'initial_scale'"),
        (lambda: optimizers.LossScaleOptimizer(sgd(), dynamic=False), ValueError, "loss_scale_factor instead"),
        (lambda: optimizers.LossScaleOptimizer(sgd(), initial_scale=0), ValueError, "initial_scale > 0"),
        (lambda: optimizers.MultiOptimizer({"a": sgd()}), TypeError, "expected an OptimizerMap"),
        (lambda: optimizers.OptimizerMap("sgd"), TypeError, "default_optimizer must be an optimizer"),
        (lambda: optimizers.OptimizerMap(sgd(), {"a": "adam"}), TypeError, "optimizer of 'a' must be"),
        (lambda: by_path(optimizers).__setitem__("enc/.*", sgd()), ValueError, "has a row 'enc/"),
        (lambda: optimizers.OptimizerMap(sgd(), {".*": sgd(), "a.*": sgd()})["ab"], ValueError, "several rows"),
        (lambda: optimizers.MultiOptimizer(by_path(optimizers)).learning_rate, AttributeError, "no learning rate"),
        (
            lambda: setattr(optimizers.MultiOptimizer(by_path(optimizers)), "learning_rate", 1),
            AttributeError,
            "each of",
        ),
        (
            lambda: optimizers.MultiOptimizer(optimizers.OptimizerMap(sgd(), {"a": sgd(loss_scale_factor=2.0)})),
            ValueError,
            "different loss scales",
        ),
        (lambda: sgd(jit_compile=False), ValueError, "jax.disable_jit"),
        (lambda: optimizers.serialize(sgd(optax.constant_schedule(0.1))), ValueError, "is a function"),
        (lambda: optimizers.ScheduleFreeAdamW(beta_1=0.0).init({"w": jnp.ones(1)}), ValueError, "beta_1 above 0"),
    ],
)
def test_errors_of_wrappers(call, error, message):
    with pytest.raises(error, match=message):
        call()
