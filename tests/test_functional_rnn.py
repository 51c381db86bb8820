"""Recurrent functions against Keras's layers, against a plain loop, and under every transformation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import activations, layers
from jkeras.functional import rnn as functional
from jkeras.functional.recurrence import _gated_scan, _product, cell_of

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 6

# name, number of gates, number of states, extra arguments
KINDS = [
    ("simple_rnn", 1, 1, {}),
    ("lstm", 4, 2, {}),
    ("gru", 3, 1, {}),
    ("gru", 3, 1, {"reset_after": False}),
]
KERAS_NAMES = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
IDS = ["simple_rnn", "lstm", "gru", "gru_before"]

MASKS = {
    "none": None,
    "right": [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]],
    "holes": [[0, 1, 0, 0, 1], [1, 1, 0, 1, 0], [0, 0, 0, 0, 0]],
}


def make(name, gates, states, extra, seed=0, features=FEATURES):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    bias = (2, gates * UNITS) if name == "gru" and extra.get("reset_after", True) else (gates * UNITS,)
    weights = (draw(features, gates * UNITS), 0.3 * draw(UNITS, gates * UNITS), draw(*bias))
    return draw(BATCH, TIME, features), weights, tuple(draw(BATCH, UNITS) for _ in range(states))


def mask_of(kind):
    return None if MASKS[kind] is None else jnp.asarray(MASKS[kind], bool)


def keras_function(name, extra, **options):
    keras = pytest.importorskip("keras")
    layer = getattr(keras.layers, KERAS_NAMES[name])(
        UNITS, return_sequences=True, return_state=True, **extra, **options
    )

    def run(x, weights, states, mask):
        if not layer.built:
            layer.build(x.shape)
        fixed = [v.value for v in layer.non_trainable_variables]
        (outputs, *state), _ = layer.stateless_call(list(weights), fixed, x, initial_state=list(states), mask=mask)
        return outputs, tuple(state)

    return run


@pytest.mark.parametrize(
    ("mask", "go_backwards"),
    # The layers are compared with Keras too, so the hardest case is enough here by default.
    [("holes", True), *(pytest.param(mask, False, marks=pytest.mark.slow) for mask in ("none", "right"))],
)
@pytest.mark.parametrize(("name", "gates", "states", "extra"), KINDS, ids=IDS)
def test_agrees_with_keras_in_values_and_gradients(name, gates, states, extra, go_backwards, mask):
    x, weights, initial = make(name, gates, states, extra)
    run_keras = keras_function(name, extra, go_backwards=go_backwards)
    valid = mask_of(mask)
    factors = jnp.asarray(np.random.default_rng(1).normal(size=(BATCH, TIME, UNITS)), jnp.float32)

    def ours(x, weights, initial):
        _, outputs, state = getattr(functional, name)(
            x, *weights, initial, mask=valid, go_backwards=go_backwards, **extra
        )
        return jnp.sum(outputs * factors) + sum(jnp.sum(s**2) for s in state), (outputs, state)

    def theirs(x, weights, initial):
        outputs, state = run_keras(x, weights, initial, valid)
        return jnp.sum(outputs * factors) + sum(jnp.sum(s**2) for s in state), (outputs, state)

    run_keras(x, weights, initial, valid)
    gradients, values = jax.jit(jax.grad(ours, (0, 1, 2), has_aux=True))(x, weights, initial)
    expected_gradients, expected = jax.jit(jax.grad(theirs, (0, 1, 2), has_aux=True))(x, weights, initial)
    for got, want in zip(jax.tree.leaves(values), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    for got, want in zip(jax.tree.leaves(gradients), jax.tree.leaves(expected_gradients), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "gates", "states", "extra"), KINDS[1:3], ids=IDS[1:3])
def test_other_activations_agree_with_keras(name, gates, states, extra):
    x, weights, initial = make(name, gates, states, extra)
    names = {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}
    expected, _ = keras_function(name, extra, **names)(x, weights, initial, None)
    functions = {key: activations.get(value) for key, value in names.items()}
    _, outputs, _ = getattr(functional, name)(x, *weights, initial, **functions, **extra)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


def plain_loop(name, x, weights, state, extra, input_mask=None, recurrent_mask=None):
    """The formulas, one step and one gate at a time, with a dropout mask for each gate."""
    kernel, recurrent, bias = weights
    gates = kernel.shape[1] // UNITS
    ones = [1.0] * gates
    after = name == "gru" and extra.get("reset_after", True)
    biases = (bias[0], bias[1]) if after else (bias, jnp.zeros_like(bias))
    part = [slice(g * UNITS, (g + 1) * UNITS) for g in range(gates)]
    xm, hm = (ones if m is None else [m] * gates if m.ndim == 2 else list(m) for m in (input_mask, recurrent_mask))
    outputs = []
    for t in range(x.shape[1]):
        h = state[0]
        a = [(x[:, t] * xm[g]) @ kernel[:, part[g]] + biases[0][part[g]] for g in range(gates)]
        d = [(h * hm[g]) @ recurrent[:, part[g]] + biases[1][part[g]] for g in range(gates)]
        if name == "simple_rnn":
            state = (jnp.tanh(a[0] + d[0]),)
        elif name == "lstm":
            i, f, o = (jax.nn.sigmoid(a[g] + d[g]) for g in (0, 1, 3))
            c = f * state[1] + i * jnp.tanh(a[2] + d[2])
            state = (o * jnp.tanh(c), c)
        else:
            z, r = jax.nn.sigmoid(a[0] + d[0]), jax.nn.sigmoid(a[1] + d[1])
            inner = r * d[2] if after else (r * h * hm[2]) @ recurrent[:, part[2]]
            state = (z * h + (1 - z) * jnp.tanh(a[2] + inner),)
        outputs.append(state[0])
    return jnp.stack(outputs, 1), state


@pytest.mark.parametrize(
    ("per_gate", "features"), [(True, FEATURES), pytest.param(False, 2 * UNITS, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("name", "gates", "states", "extra"), KINDS, ids=IDS)
def test_dropout_masks_and_gradients_follow_the_formulas(name, gates, states, extra, features, per_gate):
    x, weights, initial = make(name, gates, states, extra, features=features)
    x = x[:, :3]
    rng = np.random.default_rng(2)
    lead = (gates,) if per_gate else ()
    masks = [jnp.asarray(rng.integers(0, 2, (*lead, BATCH, n)) * 2.0, jnp.float32) for n in (features, UNITS)]

    def ours(x, weights, initial):
        _, outputs, state = getattr(functional, name)(
            x, *weights, initial, input_dropout_mask=masks[0], recurrent_dropout_mask=masks[1], **extra
        )
        return jnp.sum(outputs**2) + jnp.sum(state[-1]), outputs

    def reference(x, weights, initial):
        outputs, state = plain_loop(name, x, weights, initial, extra, *masks)
        return jnp.sum(outputs**2) + jnp.sum(state[-1]), outputs

    got, want = (jax.jit(jax.grad(f, (0, 1, 2), has_aux=True))(x, weights, initial) for f in (ours, reference))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


def test_keras_applies_one_dropout_mask_to_each_gate():
    keras = pytest.importorskip("keras")
    cell = keras.layers.LSTMCell(UNITS, dropout=0.5, recurrent_dropout=0.5)
    x, _, (h, c) = make("lstm", 4, 2, {})
    cell.build((BATCH, FEATURES))
    expected = np.asarray(cell(x[:, 0], [h, c], training=True)[0])
    masks = [jnp.stack([jnp.asarray(m) for m in group]) for group in (cell._dropout_mask, cell._recurrent_dropout_mask)]
    own = [w.value for w in cell.trainable_variables]
    got, _, _ = functional.lstm(x[:, :1], *own, (h, c), input_dropout_mask=masks[0], recurrent_dropout_mask=masks[1])
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "gates", "states", "extra"), KINDS[1:3], ids=IDS[1:3])
def test_forward_mode_and_second_derivatives_agree_with_a_plain_loop(name, gates, states, extra):
    x, weights, initial = make(name, gates, states, extra)
    x = x[:, :2]

    def ours(v):
        return jnp.sum(getattr(functional, name)(x * v[0], *[w * v[1] for w in weights], initial, **extra)[1] ** 2)

    def reference(v):
        return jnp.sum(plain_loop(name, x * v[0], [w * v[1] for w in weights], initial, extra)[0] ** 2)

    v = jnp.asarray([0.7, 0.9])
    np.testing.assert_allclose(jax.jit(jax.jacfwd(ours))(v), jax.jit(jax.jacfwd(reference))(v), rtol=1e-3)
    np.testing.assert_allclose(jax.jit(jax.hessian(ours))(v), jax.jit(jax.hessian(reference))(v), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("at_once", [False, True])
def test_input_products_in_and_before_the_loop_are_equal(at_once):
    x, (kernel, recurrent, bias), initial = make("simple_rnn", 1, 1, {})
    gates = functional.Gates(kernel, recurrent, bias)

    def loss(x, gates):
        steps = jnp.swapaxes(x, 0, 1)
        cell = lambda g, state, weights: (jnp.tanh(g),)  # noqa: E731
        products, masks = (_product, _product), (None, None)
        _, outputs = _gated_scan(cell_of(cell), products, True, at_once, False, gates, masks, initial, (steps, None))
        return jnp.sum(outputs**3)

    def reference(x, gates):
        return jnp.sum(plain_loop("simple_rnn", x, gates[:3][:2] + (gates.bias,), initial, {})[0] ** 3)

    got, want = (jax.tree.leaves(jax.grad(f, (0, 1))(x, gates)) for f in (loss, reference))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "gates", "states", "extra"), KINDS, ids=IDS)
def test_transformations_and_options_do_not_change_the_numbers(name, gates, states, extra):
    x, weights, initial = make(name, gates, states, extra)
    function = getattr(functional, name)
    mask = mask_of("holes")
    last, outputs, state = function(x, *weights, initial, mask=mask, **extra)
    np.testing.assert_array_equal(last, state[0])
    np.testing.assert_array_equal(last, outputs[:, -1])

    short, nothing, _ = function(x, *weights, initial, mask=mask, return_all=False, **extra)
    assert nothing is None
    np.testing.assert_allclose(short, last, atol=1e-6)
    unrolled = function(x, *weights, initial, mask=mask, unroll=2, **extra)[1]
    np.testing.assert_allclose(unrolled, outputs, atol=1e-6)
    swapped = function(jnp.swapaxes(x, 0, 1), *weights, initial, mask=mask.T, time_major=True, **extra)[1]
    np.testing.assert_allclose(jnp.swapaxes(swapped, 0, 1), outputs, atol=1e-6)
    mapped = jax.vmap(lambda x: function(x, *weights, initial, mask=mask, **extra)[1])(jnp.stack([x, 2 * x]))
    np.testing.assert_allclose(mapped[0], outputs, atol=1e-5)
    without_bias = function(x, *weights[:2], None, initial, **extra)[1]
    with_zeros = function(x, *weights[:2], jnp.zeros_like(weights[2]), initial, **extra)[1]
    np.testing.assert_allclose(without_bias, with_zeros, atol=1e-6)
    for steps in (1, 2, 5):
        segmented = function(x, *weights, initial, mask=mask, remat_steps=steps, **extra)[1]
        np.testing.assert_allclose(segmented, outputs, atol=1e-6)
    zeros = tuple(jnp.zeros_like(s) for s in initial)
    np.testing.assert_allclose(
        function(x, *weights, None, **extra)[1], function(x, *weights, zeros, **extra)[1], atol=1e-6
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("name", "gates", "states", "extra"), KINDS[1:3], ids=IDS[1:3])
def test_remat_steps_change_no_gradient_and_bound_the_memory(name, gates, states, extra, masked):
    """Ten times the steps in ten times the segments need little more memory; without them, ten times as much."""
    function = getattr(functional, name)

    def loss(weights, x, mask, steps):
        last, _, state = function(x, *weights, mask=mask, remat_steps=steps, return_all=False, **extra)
        return jnp.sum(last**2) + sum(jnp.sum(s) for s in state)

    x, weights, _ = make(name, gates, states, extra)
    mask = mask_of("holes") if masked else None
    for a, b in zip(*(jax.grad(loss)(weights, x, mask, steps) for steps in (None, 2)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)

    def temporary_bytes(time, steps):
        x, mask = jnp.zeros((BATCH, time, FEATURES)), jnp.ones((BATCH, time), bool) if masked else None
        compiled = jax.jit(jax.grad(loss), static_argnums=3).lower(weights, x, mask, steps).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary_bytes(10_000, None) > 8 * temporary_bytes(1_000, None)
    assert temporary_bytes(10_000, 100) < 0.2 * temporary_bytes(10_000, None)


def test_remat_steps_of_any_cell():
    def add(x, total):
        return total + x, total + x

    x = jnp.arange(14.0).reshape(2, 7, 1)
    mask = jnp.asarray([[1, 0, 1, 1, 0, 1, 1], [0, 1, 1, 0, 0, 1, 0]], bool)

    def loss(x, steps):
        last, outputs, state = functional.rnn(add, x**2, jnp.zeros((2, 1)), mask=mask, remat_steps=steps)
        return (last + outputs.sum(1) + state).sum()

    for steps in (1, 3, 7, 10):
        np.testing.assert_allclose(jax.grad(loss)(x, steps), jax.grad(loss)(x, None))
    with pytest.raises(ValueError, match="positive number of steps; got 0"):
        loss(x, 0)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_program_does_not_grow_with_the_number_of_steps(kind):
    layer = getattr(layers, kind)(UNITS)
    sizes = []
    for time in (10, 1000):
        params, state = layer.init(jax.random.key(0), (BATCH, time, FEATURES))
        step = jax.jit(jax.grad(lambda params, x: layer.apply(params, state, x)[0].sum()))  # noqa: B023
        lowered = step.lower(params, jnp.zeros((BATCH, time, FEATURES)))
        sizes.append(len(lowered.as_text().splitlines()))
    assert sizes[0] == sizes[1] < 1000


@pytest.mark.parametrize(("name", "gates", "states", "extra"), KINDS, ids=IDS)
def test_low_precision_stays_low_and_close(name, gates, states, extra):
    x, weights, initial = make(name, gates, states, extra)
    narrow = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (x, weights))
    last, _, state = getattr(functional, name)(narrow[0], *narrow[1], initial, **extra)
    assert {a.dtype for a in (last, *state)} == {jnp.dtype(jnp.bfloat16)}
    exact = getattr(functional, name)(x, *weights, initial, **extra)[0]
    np.testing.assert_allclose(last.astype(jnp.float32), exact, atol=0.1)


def test_a_module_function_compiles_once():
    x, weights, initial = make("lstm", 4, 2, {})
    functional.lstm(x, *weights, initial, activation=activations.tanh)
    compiled = functional.lstm._cache_size()
    functional.lstm(x + 1, *weights, initial, activation=activations.tanh)
    assert functional.lstm._cache_size() == compiled


def test_wrong_shapes_are_refused():
    x, weights, initial = make("gru", 3, 1, {})
    with pytest.raises(ValueError, match="reset_after=False needs a bias of shape"):
        functional.gru(x, *weights, initial, reset_after=False)
    with pytest.raises(ValueError, match="expects \\(batch, time, features\\)"):
        functional.gru(x[0], *weights, initial)


@pytest.mark.parametrize(
    ("mask", "go_backwards", "zero_output"),
    [("none", True, False), ("right", False, False), ("holes", True, False), ("holes", False, True)],
)
def test_generic_rnn_agrees_with_keras(mask, go_backwards, zero_output):
    keras = pytest.importorskip("keras")
    x, (kernel, recurrent, bias), (h,) = make("simple_rnn", 1, 1, {})

    def step(x, states):
        y = jnp.tanh(x @ kernel + states[0] @ recurrent + bias)
        return y, [y]

    arguments = {"mask": mask_of(mask), "go_backwards": go_backwards, "zero_output_for_mask": zero_output}
    got = functional.rnn(step, x, [h], **arguments)
    want = keras.src.backend.rnn(step, x, [h], **arguments)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_generic_rnn_takes_trees_constants_and_outputs_of_other_shapes():
    x = jnp.arange(6.0).reshape(1, 3, 2)
    inputs = {"a": x, "b": jnp.ones((1, 3, 1))}

    def step(inputs, state, factor):
        total = state["total"] + inputs["a"] * inputs["b"] * factor
        return jnp.sum(total, axis=-1, keepdims=True), {"total": total}

    mask = jnp.asarray([[False, True, False]])
    last, outputs, state = functional.rnn(step, inputs, {"total": jnp.zeros((1, 2))}, mask=mask, constants=2.0)
    assert outputs.ravel().tolist() == [0.0, 10.0, 10.0]
    assert last.item() == 10.0
    assert state["total"].tolist() == [[4.0, 6.0]]
    unrolled = functional.rnn(step, inputs, {"total": jnp.zeros((1, 2))}, mask=mask, constants=2.0, unroll=True)
    np.testing.assert_array_equal(unrolled[1], outputs)
