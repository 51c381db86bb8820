"""Optimizers: one table, every row held against Keras and against the contract of optax."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras import optimizers
from jkeras.core.weight import Weight
from jkeras.optimizers import schedules

keras = pytest.importorskip("keras")

# Keras's own variables, read by numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")

TABLE = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.8, "centered": True, "rho": 0.8}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("AdamW", {"amsgrad": True, "weight_decay": 0.1}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0, "epsilon": 1e-4}),
    ("Ftrl", {}),
    ("Ftrl", {"l1_regularization_strength": 0.02, "l2_regularization_strength": 0.1, "beta": 0.3,
              "l2_shrinkage_regularization_strength": 0.05, "learning_rate_power": -0.4}),
    ("Lion", {}),
    ("Lamb", {}),
    ("Adafactor", {}),
    ("Adafactor", {"relative_step": False, "clip_threshold": 0.5}),
    ("Muon", {}),
    ("Muon", {"rms_rate": None, "nesterov": False, "adam_lr_ratio": 0.5, "ns_steps": 3, "adam_weight_decay": None}),
    ("Muon", {"exclude_layers": ["d.nse"], "adam_weight_decay": 0.1}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 5, "beta_1": 0.8}),
]  # fmt: skip
IDS = [f"{i}-{name}" for i, (name, _) in enumerate(TABLE)]
COMMON = [
    {"weight_decay": 0.1},
    {"clipnorm": 0.3},
    {"clipvalue": 0.05},
    {"global_clipnorm": 0.4},
    {"loss_scale_factor": 8.0},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2, "weight_decay": 0.1},
    {"gradient_accumulation_steps": 3, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
]
# Every other optimizer meets one or two of the common arguments, and a schedule.
SPREAD = [
    ("SGD", {"momentum": 0.9, "clipnorm": 0.3}),
    ("RMSprop", {"momentum": 0.9, "clipnorm": 0.3}),
    ("AdamW", {"gradient_accumulation_steps": 2}),
    ("Adamax", {"weight_decay": 0.1}),
    ("Nadam", {"gradient_accumulation_steps": 2}),
    ("Adagrad", {"clipvalue": 0.05}),
    ("Adadelta", {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3}),
    ("Ftrl", {"use_ema": True, "weight_decay": 0.5}),
    ("Lion", {"global_clipnorm": 0.4, "loss_scale_factor": 8.0}),
    ("Lamb", {"weight_decay": 0.5}),
    ("Adafactor", {"clipnorm": 0.3, "weight_decay": 0.5}),
    ("Muon", {"global_clipnorm": 0.4, "use_ema": True, "ema_overwrite_frequency": 2}),
    ("ScheduleFreeAdamW", {"weight_decay": 0.1, "clipvalue": 0.05}),
]

RANDOM = np.random.default_rng(0)
PARAMS = {
    "conv": {"kernel": RANDOM.normal(size=(5, 2, 3)).astype("float32")},
    "dense": {"bias": RANDOM.normal(size=(4,)).astype("float32"), "kernel": RANDOM.normal(size=(3, 4)).astype("f")},
}
DENSE = {"dense": PARAMS["dense"]}  # enough where each element goes its own way: compilation is what costs
GRADIENTS = jax.tree.map(lambda p: RANDOM.normal(scale=0.2, size=(20, *p.shape)).astype("float32"), PARAMS)
MODERN = [n for n in optimizers.__all__ if isinstance(getattr(optimizers, n), type) and hasattr(keras.optimizers, n)]


def gradients_of(params):
    return {key: {name: GRADIENTS[key][name] for name in weights} for key, weights in params.items()}


def follow(optimizer, params=DENSE):
    """The parameters after each of 20 steps of the pure optimizer, and its last state; one compiled loop."""

    def step(carry, grads):
        params, state = carry
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), jax.tree.leaves(params)

    def run(params, gradients):
        return jax.lax.scan(step, (params, optimizer.init(params)), gradients)

    (_, state), seen = jax.jit(run)(params, gradients_of(params))
    assert int(state.iterations) == 20
    return seen, state


def follow_keras(optimizer, params=DENSE):
    variables = []
    for path, value in jax.tree_util.tree_flatten_with_path(params)[0]:
        with keras.name_scope(path[0].key):
            variables.append(keras.Variable(value, name=path[1].key))
    optimizer.build(variables)

    def step(carry, grads):
        carry = optimizer.stateless_apply(carry[1], grads, carry[0])
        return carry, carry[0]

    start = [v.value for v in variables], [v.value for v in optimizer.variables]
    (last, state), seen = jax.jit(lambda start, gradients: jax.lax.scan(step, start, gradients))(
        start, jax.tree.leaves(gradients_of(params))
    )
    for variable, value in zip([*variables, *optimizer.variables], [*last, *state], strict=True):
        variable.assign(value)
    return seen, variables


def assert_agree(ours, theirs):
    params = PARAMS if ours.name == "adafactor" else DENSE
    for mine, expected in zip(follow(ours, params)[0], follow_keras(theirs, params)[0], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(("name", "arguments"), TABLE, ids=IDS)
def test_agrees_with_keras(name, arguments):
    arguments = {"learning_rate": 0.05, **arguments}
    assert_agree(getattr(optimizers, name)(**arguments), getattr(keras.optimizers, name)(**arguments))


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")  # Keras's accumulation
@pytest.mark.parametrize("common", COMMON, ids=lambda c: "-".join(c))
def test_common_arguments_agree_with_keras(common):
    assert_agree(optimizers.Adam(0.05, **common), keras.optimizers.Adam(0.05, **common))


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
@pytest.mark.parametrize(("name", "common"), SPREAD, ids=[name for name, _ in SPREAD])
def test_common_arguments_and_schedules_agree_with_keras(name, common):
    ours = getattr(optimizers, name)(schedules.CosineDecay(0.01, 15, 0.1, "c", 0.1, 4), **common)
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 15, 0.1, "c", 0.1, 4)
    assert_agree(ours, getattr(keras.optimizers, name)(schedule, **common))


def test_adaptive_epsilon_is_algorithm_1():
    ours, theirs = optimizers.Adam(0.05, epsilon=1e-2, adaptive_epsilon=True), optax.adam(0.05, eps=1e-2)
    params, state, mine = DENSE, theirs.init(DENSE), follow(ours)[0]
    for step in range(3):
        updates, state = theirs.update(jax.tree.map(lambda g: g[step], gradients_of(DENSE)), state, params)  # noqa: B023
        params = optax.apply_updates(params, updates)
        for a, b in zip(mine, jax.tree.leaves(params), strict=True):
            np.testing.assert_allclose(a[step], b, rtol=1e-5, atol=1e-6)
    assert ours.get_config()["adaptive_epsilon"] is True


def test_average_agrees_with_keras():
    theirs = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    _, variables = follow_keras(theirs)
    theirs.finalize_variable_values(variables)
    ours = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9)
    seen, state = follow(ours)
    final = ours.finalize(jax.tree.unflatten(jax.tree.structure(DENSE), [leaf[-1] for leaf in seen]), state)
    for a, b in zip(jax.tree.leaves(final), variables, strict=True):
        np.testing.assert_allclose(a, np.array(b), rtol=1e-5)
    plain = optimizers.SGD()
    assert plain.finalize(PARAMS, plain.init(PARAMS)) is PARAMS


@pytest.mark.parametrize("name", MODERN)
def test_signature_and_config_agree_with_keras(name):
    ours, theirs = getattr(optimizers, name), getattr(keras.optimizers, name)
    parameters = inspect.signature(ours).parameters.values()
    described = [(p.name, p.default) for p in parameters if p.kind is not p.KEYWORD_ONLY]  # those are of Keras 2
    expected = [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
    assert described == expected
    if name in ("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"):
        return
    made = ours(learning_rate=0.25, name="mine", clipnorm=1.0)
    assert made.get_config() == {**theirs(learning_rate=0.25, name="mine", clipnorm=1.0).get_config()}
    again = optimizers.deserialize(optimizers.serialize(made))
    assert type(again) is ours and again.get_config() == made.get_config()
    assert type(optimizers.get(name.lower())) is type(optimizers.get(name.upper())) is ours


@pytest.mark.parametrize("name", dict(TABLE))
def test_minimises_and_keeps_dtypes(name):
    rate = {"Adadelta": 1.0, "Lion": 0.02, "Adafactor": 0.2, "Muon": 0.05}.get(name, 0.1)
    optimizer = getattr(optimizers, name)(learning_rate=rate, **({"epsilon": 1e-4} if name == "Adadelta" else {}))
    target = jnp.array([0.5, -0.5, 0.25])
    params = {"w": jnp.ones(3), "half": jnp.ones((2, 2), jnp.bfloat16)}

    def loss(p):
        return jnp.sum((p["w"] - target) ** 2) + jnp.sum(p["half"].astype(jnp.float32) ** 2)

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return (optax.apply_updates(params, updates), state), None

    steps = 1000 if name == "Adadelta" else 200
    (after, _), _ = jax.jit(lambda c: jax.lax.scan(step, c, None, length=steps))((params, optimizer.init(params)))
    assert after["w"].dtype == jnp.float32 and after["half"].dtype == jnp.bfloat16
    assert loss(after) < 0.2 * loss(params)


def test_rate_is_an_argument_of_the_compiled_step():
    optimizer = optimizers.Adam(0.1)
    traces = []

    @jax.jit
    def step(params, state, rate):
        traces.append(1)
        return optimizer.update(jnp.ones(2), state, params, learning_rate=rate)

    params, state = jnp.zeros(2), optimizer.init(jnp.zeros(2))
    for rate in (0.1, 0.01, 0.0):
        optimizer.learning_rate = rate
        updates, _ = step(params, state, optimizer.rate_for_step)
        np.testing.assert_allclose(updates, -rate, rtol=1e-4)
    assert len(traces) == 1


def test_learning_rate_variable():
    optimizer = optimizers.SGD(0.1)
    rate = optimizer.learning_rate
    assert isinstance(rate, Weight) and float(rate) == pytest.approx(0.1)
    optimizer.lr = 0.5
    assert float(rate) == 0.5 and optimizer.learning_rate is rate
    rate.assign(rate * 0.5)
    optimizer.learning_rate = optimizer.learning_rate * 0.5
    assert rate.numpy() == np.float32(0.125) and np.asarray(optimizer.lr) == np.float32(0.125)
    assert optimizer.get_config()["learning_rate"] == 0.125
    updates, _ = optimizer.update(jnp.ones(1), optimizer.init(jnp.zeros(1)))
    assert updates.item() == -0.125
    assert int(optimizer.iterations) == 0 and optimizer.iterations.dtype == "int32"
    optimizer.iterations = 7
    assert int(optimizer.iterations) == 7


def test_learning_rate_schedule():
    optimizer = optimizers.SGD(schedules.ExponentialDecay(0.1, 1, 0.5))
    optimizer.iterations = 1
    assert float(optimizer.learning_rate) == pytest.approx(0.05) and optimizer.rate_for_step is None
    with pytest.raises(TypeError, match="cannot be set to 0.1"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = schedules.ExponentialDecay(1.0, 1, 0.5)
    assert float(optimizer.learning_rate) == pytest.approx(0.5)
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert float(again.learning_rate) == 1.0
    from_optax = optimizers.Adam(optax.linear_schedule(1.0, 0.0, 4))
    from_optax.iterations = 2
    assert float(from_optax.learning_rate) == 0.5


def test_learning_rate_function_is_called_on_the_host():
    rates = iter([0.5, 0.25])
    optimizer = optimizers.SGD(lambda: next(rates))
    assert optimizer.rate_for_step == 0.5 and float(optimizer.learning_rate) == 0.25


def test_is_an_optax_transformation():
    chained = optax.chain(optax.clip(0.5), optimizers.SGD(0.1))
    updates, _ = chained.update(jnp.array([2.0]), chained.init(jnp.zeros(1)), jnp.zeros(1))
    assert updates.item() == pytest.approx(-0.05)
    assert len(jax.tree.leaves(optimizers.SGD(momentum=0.9).init(jnp.zeros(1)))) == 2


def test_optax_wrapper():
    fixed = optimizers.get(optax.adam(0.05, eps=0.0))
    expected, state = optax.adam(0.05, eps=0.0), None
    params, state, reference = PARAMS, fixed.init(PARAMS), expected.init(PARAMS)
    updates, state = fixed.update(PARAMS, state, params)
    wanted, _ = expected.update(PARAMS, reference, params)
    jax.tree.map(np.testing.assert_array_equal, updates, wanted)
    assert int(state.iterations) == 1 and fixed.learning_rate is None and fixed.rate_for_step is None
    with pytest.raises(TypeError, match="optax.inject_hyperparams"):
        fixed.learning_rate = 0.1
    with pytest.raises(TypeError, match="no configuration"):
        fixed.get_config()
    assert optimizers.get(fixed) is fixed


@pytest.mark.parametrize("chained", [False, True])
def test_optax_wrapper_sets_an_injected_rate(chained):
    inner = optax.inject_hyperparams(optax.sgd)(learning_rate=0.5)
    optimizer = optimizers.get(optax.chain(optax.clip(10.0), inner) if chained else inner)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    step = jax.jit(lambda state, rate: optimizer.update(jnp.ones(1), state, jnp.zeros(1), learning_rate=rate))
    state = optimizer.init(jnp.zeros(1))
    updates, state = step(state, optimizer.rate_for_step)
    assert updates.item() == -0.25
    assert optimizer.update(jnp.ones(1), state)[0].item() == -0.25
    scheduled = optimizers.get(optax.inject_hyperparams(optax.sgd)(learning_rate=optax.constant_schedule(0.5)))
    assert scheduled.learning_rate is None


def test_exclude_from_weight_decay():
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias", "conv"])
    updates, _ = optimizer.update(zeros, optimizer.init(PARAMS), PARAMS)
    assert not updates["dense"]["bias"].any() and not updates["conv"]["kernel"].any()
    np.testing.assert_allclose(updates["dense"]["kernel"], -0.25 * PARAMS["dense"]["kernel"])
    weight = Weight("kernel", (3, 4), None)
    weight.path = "dense/kernel"
    optimizer.exclude_from_weight_decay(var_list=[weight])
    updates, _ = optimizer.update(zeros, optimizer.init(PARAMS), PARAMS)
    assert not updates["dense"]["kernel"].any() and updates["conv"]["kernel"].any()
    with pytest.raises(TypeError, match="weights with a path"):
        optimizer.exclude_from_weight_decay(var_list=[np.zeros(2)])


def test_legacy_arguments():
    optimizer = optimizers.Adam(lr=0.5, epsilon=None, decay=0.25)
    assert float(optimizer.lr) == 0.5 and optimizer.epsilon == 1e-7
    inverse = optimizers.Adam(schedules.InverseTimeDecay(0.5, 1, 0.25))
    for mine, expected in zip(follow(optimizer)[0], follow(inverse)[0], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-6)
    assert optimizers.deserialize(optimizers.serialize(optimizer)).decay == 0.25
    assert optimizers.Nadam(schedule_decay=0.004).get_config()["schedule_decay"] == 0.004
    plain, old = (follow(optimizers.Nadam(0.1, **old))[0][0][-1] for old in ({}, {"schedule_decay": 0.004}))
    assert not np.allclose(plain, old, rtol=1e-4)
    assert optimizers.SGD(jit_compile=True).get_config() == optimizers.SGD().get_config()


def test_user_subclass():
    class Signs(optimizers.Optimizer, learning_rate=0.5):
        scale: float = 1.0

        def transform(self, rate, step):
            return optax.stateless(lambda g, _: jax.tree.map(lambda x: -rate * self.scale * jnp.sign(x), g))

    optimizer = Signs(scale=2.0, clipvalue=1.0)
    assert optimizer.update(jnp.array([3.0]), optimizer.init(jnp.zeros(1)))[0].item() == -1.0
    assert Signs.from_config(optimizer.get_config()).scale == 2.0 and optimizer.name == "signs"

    class Renamed(optimizers.SGD):
        def __init__(self, rate=0.5, **kwargs):
            super().__init__(learning_rate=rate, momentum=0.5, **kwargs)

    assert Renamed(clipnorm=1.0).momentum == 0.5 and float(Renamed(lr=0.25).learning_rate) == 0.25


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optimizers.get("rmspop"), ValueError, "(?i)Did you mean 'rmsprop'"),
        (lambda: optimizers.get(3), ValueError, "Cannot interpret 3"),
        (lambda: optimizers.SGD(momentun=0.9), TypeError, "Did you mean 'momentum'"),
        (lambda: optimizers.SGD(schedule_decay=0.1), TypeError, "schedule_decay"),
        (lambda: optimizers.SGD(lr=0.1, learning_rate=0.1), TypeError, "old spelling 'lr'"),
        (lambda: optimizers.SGD(-0.1), ValueError, "learning_rate must be >= 0"),
        (lambda: optimizers.SGD("fast"), TypeError, "learning_rate must be a number"),
        (lambda: optimizers.SGD(decay=-1.0), ValueError, "decay to be a number >= 0"),
        (lambda: optimizers.SGD(0.01, 0.9, 1e-6), TypeError, "nesterov to be True or False"),
        (lambda: optimizers.SGD(momentum=2.0), ValueError, "momentum between 0 and 1"),
        (lambda: optimizers.Adam(beta_1=1.5), ValueError, "beta_1 between"),
        (lambda: optimizers.Adam(clipnorm=-1.0), ValueError, "clipnorm to be >= 0"),
        (lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0), ValueError, "takes one of clipnorm"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), ValueError, "steps to be >= 2"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=2.5), TypeError, "integer"),
        (lambda: optimizers.Adam(use_ema=True, ema_momentum=2.0), ValueError, "ema_momentum between"),
        (lambda: optimizers.Optimizer(0.1).init(jnp.zeros(1)), TypeError, "must define transform"),
        (lambda: optimizers.Ftrl().update(jnp.ones(1), optimizers.Ftrl().init(jnp.ones(1))), ValueError, "needs the"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_none():
    assert optimizers.get(None) is None
    assert isinstance(optimizers.get(optimizers.SGD), optimizers.SGD)
