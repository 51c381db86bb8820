"""cuDNN's LSTM, with JAX's own reference of that kernel in its place: what is packed, padded and chosen around it."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.custom_batching import custom_vmap
from jax.experimental import rnn as kernels

from jkeras import layers
from jkeras.functional.cudnn_lstm import cudnn_lstm, refusal
from jkeras.functional.recurrence import Gates
from jkeras.functional.rnn import lstm

BATCH, TIME, FEATURES, UNITS = 4, 6, 3, 5

MASKS = {
    "none": None,
    "right": np.arange(TIME) < np.asarray([[6], [2], [0], [4]]),
    "holes": np.asarray([[1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1], [0] * 6, [1, 1, 1, 0, 0, 0]], bool),
}


SIZES = {"input_size": FEATURES, "hidden_size": UNITS, "num_layers": 1, "dropout": 0.0, "bidirectional": False}


def reference(x: Any, h: Any, c: Any, packed: Any, lengths: Any) -> Any:
    weights = kernels.unpack_lstm_weights(packed, FEATURES, UNITS, 1, False)
    return kernels.lstm_ref(x, h, c, *weights, lengths, **SIZES)


@custom_vmap
def kernel_forward(x: Any, h: Any, c: Any, packed: Any, lengths: Any) -> Any:
    # As with the real one, nothing can be learnt from differentiating it: here its derivative is zero.
    outputs = reference(*map(jax.lax.stop_gradient, (x, h, c, packed)), lengths)
    return outputs, (x, h, c, packed, lengths, outputs[0], jnp.zeros(7))


@custom_vmap
def kernel_backward(residuals: Any, cotangents: Any) -> Any:
    (x, h, c, packed, _, outputs, reserved), cotangents = jax.lax.stop_gradient((residuals, cotangents))
    lengths = residuals[4]
    assert outputs.shape == (BATCH, TIME, UNITS) and reserved.shape == (7,)
    return jax.vjp(lambda x, h, c, packed: reference(x, h, c, packed, lengths), x, h, c, packed)[1](cotangents)


@kernel_forward.def_vmap
@kernel_backward.def_vmap
def refuse(*_: Any) -> Any:
    raise AssertionError("the kernel cannot be mapped over a further axis")


@pytest.fixture(autouse=True)
def traced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put the reference in the kernel's place, and collect what was traced."""
    names: list[str] = []

    def forward(*arguments: Any) -> Any:
        assert arguments[5:] == (*SIZES.values(), None)
        names.append("forward")
        return kernel_forward(*arguments[:5])

    def backward(*arguments: Any) -> Any:
        assert arguments[:6] == (*SIZES.values(), None)
        names.append("backward")
        return (*kernel_backward(*arguments[6:]), None)

    monkeypatch.setattr(kernels, "lstm_fwd", forward)
    monkeypatch.setattr(kernels, "lstm_bwd", backward)
    return names


def drawn(seed: int = 0) -> tuple[Any, ...]:
    random = np.random.default_rng(seed)
    shapes = [(BATCH, TIME, FEATURES), (FEATURES, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,), *[(BATCH, UNITS)] * 2]
    return tuple(jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)


def fused(x: Any, kernel: Any, recurrent: Any, bias: Any, h: Any, c: Any, mask: Any, **options: Any) -> Any:
    return cudnn_lstm(x, Gates(kernel, recurrent, bias), (h, c), mask, **options)


def scanned(x: Any, kernel: Any, recurrent: Any, bias: Any, h: Any, c: Any, mask: Any, **options: Any) -> Any:
    return lstm(x, kernel, recurrent, bias, (h, c), mask=mask, use_cudnn=False, **options)


def with_gradients(run: Any, mask: Any, arrays: Any) -> list[Any]:
    def total(arrays: Any) -> Any:
        results = run(*arrays, mask)
        leaves = jax.tree.leaves(results)
        return sum((leaf * jnp.cos(jnp.arange(leaf.size).reshape(leaf.shape))).sum() for leaf in leaves), results

    return jax.tree.leaves(jax.jit(jax.value_and_grad(total, has_aux=True))(arrays))


@pytest.mark.parametrize(
    ("kind", "go_backwards"),
    [
        ("none", False),
        ("right", True),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in [("none", True), ("right", False), ("holes", True)]),
    ],
)
def test_it_computes_what_the_scan_does(traced: list[str], kind: str, go_backwards: bool) -> None:
    """Outputs, states and gradients, with a row that is all padding."""
    mask = None if MASKS[kind] is None else jnp.asarray(MASKS[kind])
    runs = (partial(run, go_backwards=go_backwards) for run in (fused, scanned))
    ours, theirs = (with_gradients(run, mask, drawn()) for run in runs)
    assert {"forward", "backward"} <= set(traced)
    for got, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_time_major_dropout_and_missing_parts() -> None:
    x, kernel, recurrent, _, _, _ = drawn()
    mask = jnp.asarray(MASKS["right"])
    factors = jnp.asarray([[0.0, 2.0, 1.0]] * BATCH)
    swapped = cudnn_lstm(
        jnp.swapaxes(x, 0, 1), Gates(kernel, recurrent), None, mask.T, (factors, None), time_major=True
    )
    plain = lstm(x, kernel, recurrent, mask=mask, input_dropout_mask=factors)
    np.testing.assert_allclose(np.swapaxes(np.asarray(swapped[1]), 0, 1), plain[1], rtol=1e-5, atol=1e-6)
    assert cudnn_lstm(x, Gates(kernel, recurrent), None, return_all=False)[1] is None


@pytest.mark.slow
def test_mapped_over_a_further_axis_it_scans() -> None:
    """A population of weights, and all rows of a Jacobian, whose forward pass is the kernel's."""
    mask = jnp.asarray(MASKS["right"])
    many = jax.tree.map(lambda *arrays: jnp.stack(arrays), drawn(1), drawn(2))
    x, *rest = drawn()
    results = []
    for run in (fused, scanned):
        population = jax.vmap(partial(with_gradients, run, mask))(many)
        results.append([*population, jax.jacrev(partial(last_of, run, rest))(x)])
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["none", pytest.param("right", marks=pytest.mark.slow)])
def test_gradients_of_gradients_are_those_of_the_scan(traced: list[str], kind: str) -> None:
    """By forward mode over reverse and by reverse over reverse; the kernel itself has no second derivative."""
    mask, arrays, direction = None if kind == "none" else jnp.asarray(MASKS[kind]), drawn(), drawn(3)

    def products(run: Any) -> Any:
        def gradient(arrays: Any) -> Any:
            return jax.grad(lambda arrays: jnp.sum(jnp.sin(run(*arrays, mask)[0])))(arrays)

        def along(arrays: Any) -> Any:
            return sum(jnp.vdot(g, d) for g, d in zip(gradient(arrays), direction, strict=True))

        return jax.jit(lambda a: (jax.jvp(gradient, (a,), (direction,))[1], jax.grad(along)(a)))(arrays)

    for got, expected in zip(*(jax.tree.leaves(products(run)) for run in (fused, scanned)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    assert {"forward", "backward"} <= set(traced)


def last_of(run: Any, rest: Any, x: Any) -> Any:
    return run(x, *rest, None)[0]


def test_it_is_chosen_by_backend_dtype_activations_and_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    usual: dict[str, Any] = {
        "dtype": jnp.float32,
        "standard_activations": True,
        "unroll": False,
        "remat_steps": None,
        "input_dropout_mask": jnp.ones((BATCH, FEATURES)),
        "recurrent_dropout_mask": None,
    }
    assert "the default backend is 'cpu'" in str(refusal(**usual))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert refusal(**usual) is None
    for change, text in [
        ({"dtype": jnp.bfloat16}, "computes in float32, this is bfloat16"),
        ({"dtype": jnp.float16}, "this is float16"),
        ({"standard_activations": False}, "its activations are tanh and sigmoid"),
        ({"recurrent_dropout_mask": jnp.ones((BATCH, UNITS))}, "drops nothing of the state"),
        ({"input_dropout_mask": jnp.ones((4, BATCH, FEATURES))}, "one dropout mask for all gates"),
        ({"unroll": True}, "unroll=True"),
        ({"remat_steps": 10}, "remat_steps"),
    ]:
        assert text in str(refusal(**{**usual, **change}))
    with jax.default_matmul_precision("bfloat16"):
        assert "precision" in str(refusal(**usual))


def test_on_a_machine_with_a_gpu_a_program_for_its_cpu_scans(
    traced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, kernel, recurrent, bias, h, c = drawn()
    expected = scanned(x, kernel, recurrent, bias, h, c, None)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    got = lstm(x, kernel, recurrent, bias, (h, c), use_cudnn=True)
    assert traced == ["forward"]
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_who_insists_is_told_why_not() -> None:
    x = np.ones((2, 3, 4), "float32")
    with pytest.raises(ValueError, match="cuDNN cannot run this LSTM: its activations are tanh and sigmoid"):
        layers.LSTM(3, activation="relu", use_cudnn=True)(x)
    with pytest.raises(ValueError, match="GRU: cuDNN has no kernel for it on JAX"):
        layers.GRU(3, use_cudnn=True)
