"""Convolution, pooling and dropout against Keras and against XLA's own reductions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from jkeras.functional import conv as convolutions
from jkeras.functional.conv import conv, conv_transpose, depthwise_conv, separable_conv
from jkeras.functional.dropout import dropout
from jkeras.functional.pool import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
)
from jkeras.functional.resize import upsample

SIZES = {1: (9,), 2: (9, 7), 3: (5, 6, 7)}


def image(rank, channels=4, data_format="channels_last", seed=0, integers=False):
    rng = np.random.default_rng(seed)
    shape = (2, *SIZES[rank], channels) if data_format == "channels_last" else (2, channels, *SIZES[rank])
    x = rng.integers(-2, 3, shape) if integers else rng.normal(size=shape)
    return jnp.asarray(x, jnp.float32)


def channels_last(x, data_format):
    return x if data_format == "channels_last" else jnp.moveaxis(x, 1, -1)


CONVOLUTIONS = [
    # rank, strides, padding, dilation, groups, data format
    (1, 2, "same", 1, 1, "channels_first"),
    (1, 1, "causal", 2, 1, "channels_last"),
    (2, 1, "same", 1, 1, "channels_first"),
    (2, (2, 3), "valid", 1, 2, "channels_last"),
    (2, 1, "same", (2, 1), 4, "channels_last"),
    (3, 2, "same", 1, 1, "channels_first"),
]


@pytest.mark.parametrize(("rank", "strides", "padding", "dilation", "groups", "data_format"), CONVOLUTIONS)
def test_conv_agrees_with_keras_in_value_and_gradient(rank, strides, padding, dilation, groups, data_format):
    keras = pytest.importorskip("keras")
    kernel = jnp.asarray(np.random.default_rng(1).normal(size=(3,) * rank + (4 // groups, 8)), jnp.float32)
    x = image(rank)
    layer = getattr(keras.layers, f"Conv{rank}D")(
        8, 3, strides, padding, dilation_rate=dilation, groups=groups, use_bias=False
    )
    layer.build(x.shape)

    def theirs(x, kernel):
        y, _ = layer.stateless_call([kernel], [], x)
        return jnp.sum(jnp.sin(y)), y

    def ours(x, kernel):
        given_x = x if data_format == "channels_last" else jnp.moveaxis(x, -1, 1)
        y = channels_last(conv(given_x, kernel, strides, padding, data_format, dilation, groups), data_format)
        return jnp.sum(jnp.sin(y)), y

    got, want = (jax.jit(jax.grad(f, (0, 1), has_aux=True))(x, kernel) for f in (ours, theirs))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_conv_promotes_integers_and_mixed_floats():
    kernel = jnp.ones((2, 1, 1))
    assert conv(jnp.arange(4).reshape(1, 4, 1), kernel).ravel().tolist() == [1.0, 3.0, 5.0]
    assert conv(jnp.ones((1, 4, 1), jnp.bfloat16), kernel.astype(jnp.bfloat16)).dtype == jnp.bfloat16
    assert conv(jnp.ones((1, 4, 1), jnp.bfloat16), kernel).dtype == jnp.float32


def test_conv_refuses_what_has_no_meaning():
    x, kernel = image(2), jnp.ones((3, 3, 4, 8))
    for arguments, message in [
        ({"padding": "causal"}, "needs one spatial dimension"),
        ({"padding": "full"}, "padding must be"),
        ({"data_format": "NHWC"}, "data_format must be"),
        ({"strides": (1, 2, 3)}, "strides must be a positive integer or 2 of them"),
        ({"dilation_rate": 0}, "dilation_rate must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            conv(x, kernel, **arguments)
    with pytest.raises(ValueError, match="needs a kernel of 4"):
        conv(x, kernel[0])


TRANSPOSED = [
    # length, kernel, strides, dilation, padding, output padding
    (4, 3, 2, 1, "valid", None),
    (4, 3, 2, 1, "same", None),
    (4, 2, 3, 1, "valid", None),
    (4, 2, 3, 1, "same", None),
    (5, 4, 2, 1, "same", None),
    (5, 1, 3, 1, "same", None),
    (1, 5, 2, 1, "same", None),
    (4, 3, 1, 3, "same", None),
    (4, 3, 2, 2, "valid", None),
    (4, 2, 2, 2, "same", None),
    (4, 3, 3, 1, "valid", 2),
    (4, 3, 3, 1, "same", 2),
    (5, 4, 3, 1, "same", 0),
    (5, 4, 2, 2, "same", 1),
    (5, 1, 2, 1, "same", 1),
    (5, 2, 3, 1, "valid", 0),
]


def test_conv_transpose_has_the_sizes_and_values_of_keras():
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(2)
    data = [(rng.normal(size=(1, n, 2)), rng.normal(size=(k, 3, 2))) for n, k, *_ in TRANSPOSED]
    data = jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), data)

    def all_of(function):
        rows = zip(data, TRANSPOSED, strict=True)
        return [function(x, k, s, p, extra, "channels_last", d) for (x, k), (_, _, s, d, p, extra) in rows]

    got, want = (jax.jit(all_of, static_argnums=0)(f) for f in (conv_transpose, keras.ops.conv_transpose))
    for a, b, (n, k, s, d, padding, extra) in zip(got, want, TRANSPOSED, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
        window = d * (k - 1) + 1
        default = s * n + (max(window - s, 0) if padding == "valid" else 0)
        exact = s * (n - 1) + (window if padding == "valid" else window % 2) + (extra or 0)
        assert a.shape[1] == (default if extra is None else exact)


def test_conv_transpose_is_the_gradient_of_conv():
    x, kernel = image(2), jnp.asarray(np.random.default_rng(1).normal(size=(3, 2, 4, 5)), jnp.float32)
    for padding, strides in [("same", (3, 1)), ("valid", (2, 1))]:
        y, pull_back = jax.vjp(lambda x, p=padding, s=strides: conv(x, kernel, s, p), x)
        np.testing.assert_allclose(conv_transpose(y, kernel, strides, padding), pull_back(y)[0], rtol=1e-4, atol=1e-4)


DEPTHWISE = [
    # rank, strides, padding, dilation, multiplier, data format
    (1, 1, "causal", 2, 2, "channels_first"),
    (1, 2, "valid", 3, 1, "channels_last"),
    (2, (2, 3), "same", 1, 2, "channels_last"),
    (2, 1, "same", (1, 2), 1, "channels_first"),
    (3, 2, "valid", 1, 1, "channels_last"),
]


@pytest.mark.parametrize(("rank", "strides", "padding", "dilation", "multiplier", "data_format"), DEPTHWISE)
def test_depthwise_conv_is_a_grouped_convolution(rank, strides, padding, dilation, multiplier, data_format):
    x = image(rank, data_format=data_format)
    kernel = np.random.default_rng(1).normal(size=(3, 2, 2)[:rank] + (4, multiplier))
    kernel = jnp.asarray(kernel, jnp.float32)

    def ours(x, kernel):
        y = depthwise_conv(x, kernel, strides, padding, data_format, dilation)
        return jnp.sum(jnp.sin(y)), y

    def grouped(x, kernel):
        kernel = kernel.reshape(*kernel.shape[:rank], 1, -1)
        y = conv(x, kernel, strides, padding, data_format, dilation, groups=4)
        return jnp.sum(jnp.sin(y)), y

    got, want = (jax.jit(jax.grad(f, (0, 1), has_aux=True))(x, kernel) for f in (ours, grouped))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_depthwise_conv_under_vmap_second_derivatives_and_half_precision():
    x, kernel = image(1), jnp.asarray(np.random.default_rng(1).normal(size=(3, 4, 1)), jnp.float32)
    one_by_one = jax.vmap(lambda x: depthwise_conv(x[None], kernel)[0])(x)
    np.testing.assert_allclose(one_by_one, depthwise_conv(x, kernel), rtol=1e-5)

    def slope(k):
        return jnp.sum(jax.grad(lambda x: jnp.sum(depthwise_conv(x, k) ** 2))(x) ** 2)

    def direct(k):
        return jnp.sum(jax.grad(lambda x: jnp.sum(conv(x, k.reshape(3, 1, 4), groups=4) ** 2))(x) ** 2)

    np.testing.assert_allclose(jax.grad(slope)(kernel), jax.grad(direct)(kernel), rtol=1e-3, atol=1e-2)
    half = depthwise_conv(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(half.astype(jnp.float32), depthwise_conv(x, kernel), rtol=0.05, atol=0.05)


def test_what_other_devices_compute_is_the_same(monkeypatch):
    x = image(2, data_format="channels_first")
    rng = np.random.default_rng(1)
    depthwise, pointwise = (jnp.asarray(rng.normal(size=n), jnp.float32) for n in ((3, 2, 4, 2), (1, 1, 8, 5)))
    transposed = pointwise.reshape(1, 2, 5, 4)

    def results():
        return (
            separable_conv(x, depthwise, pointwise, 2, "same", "channels_first"),
            conv(x, pointwise[:, :, :4], (2, 3), "valid", "channels_first"),
            conv_transpose(x, transposed, 2, "same", None, "channels_first"),
            depthwise_conv(x, depthwise, 1, "valid", "channels_first", 2),
        )

    here = results()
    monkeypatch.setattr(convolutions, "_on_cpu", lambda: False)
    for a, b in zip(here, results(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_convolutions_refuse_shapes_that_do_not_fit():
    x = image(2)
    for function, arguments, message in [
        (conv, (jnp.ones((3, 3, 3, 8)),), "do not fit: a kernel is"),
        (conv, (jnp.ones((12, 3, 4, 8)),), r"a window of \(12, 3\) does not fit into spatial sizes \(9, 7\)"),
        (conv_transpose, (jnp.ones((3, 3, 8, 3)),), "4 channels do not fit a kernel"),
        (conv_transpose, (jnp.ones((3, 3, 8, 4)), 1, "causal"), "padding must be 'valid' or 'same'"),
        (conv_transpose, (jnp.ones((3, 3, 8, 4)), 2, "same", (1,)), "output_padding must be"),
        (depthwise_conv, (jnp.ones((3, 3, 3, 1)),), "4 channels do not fit a kernel"),
        (upsample, (0,), "size must be a positive integer"),
        (upsample, (2, "area"), "interpolation must be one of nearest"),
        (adaptive_max_pool, ((2, 2, 2),), "output_size must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            function(x, *arguments)


POOLS = [
    # rank, pool_size, strides, padding, data format
    (1, 2, None, "valid", "channels_first"),
    (1, 3, 2, "same", "channels_last"),
    (2, 2, 2, "same", "channels_first"),
    (2, 3, 1, "same", "channels_last"),
    (2, (3, 2), (2, 1), "valid", "channels_last"),
    (3, 2, None, "same", "channels_last"),
    (3, (2, 3, 2), (1, 2, 2), "valid", "channels_first"),
]


@pytest.mark.parametrize("kind", ["MaxPooling", "AveragePooling"])
@pytest.mark.parametrize(("rank", "pool_size", "strides", "padding", "data_format"), POOLS)
def test_pooling_agrees_with_keras_where_values_are_equal(kind, rank, pool_size, strides, padding, data_format):
    keras = pytest.importorskip("keras")
    layer = getattr(keras.layers, f"{kind}{rank}D")(pool_size, strides, padding)
    function = max_pool if kind == "MaxPooling" else average_pool
    x = image(rank, integers=True)  # many equal values in a window
    factors = jnp.asarray(np.random.default_rng(3).integers(-9, 9, layer(x).shape), jnp.float32)

    def ours(x):
        given_x = x if data_format == "channels_last" else jnp.moveaxis(x, -1, 1)
        y = channels_last(function(given_x, pool_size, strides, padding, data_format), data_format)
        return jnp.sum(y * factors), y

    def theirs(x):
        y = layer(x)
        return jnp.sum(y * factors), y

    got, want = (jax.jit(jax.grad(f, has_aux=True))(x) for f in (ours, theirs))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@settings(max_examples=6, deadline=None)
@given(
    length=st.integers(1, 12),
    size=st.integers(1, 5),
    step=st.integers(1, 4),
    padding=st.sampled_from(["valid", "same"]),
    seed=st.integers(0, 2**16),
)
def test_max_pool_equals_reduce_window_for_any_window(length, size, step, padding, seed):
    if padding == "valid" and length < size:
        return
    x = jnp.asarray(np.random.default_rng(seed).integers(0, 3, (1, length, length, 1)), jnp.float32)

    def reference(x):
        window, strides = (1, size, size, 1), (1, step, step, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding.upper())

    y, pull_back = jax.vjp(lambda x: max_pool(x, size, step, padding), x)
    expected, pull_back_expected = jax.vjp(reference, x)
    np.testing.assert_array_equal(y, expected)
    cotangent = jnp.arange(y.size, dtype=jnp.float32).reshape(y.shape)
    np.testing.assert_array_equal(pull_back(cotangent)[0], pull_back_expected(cotangent)[0])


@pytest.mark.parametrize("function", [max_pool, average_pool])
def test_long_windows_agree_with_short_ones_in_value_and_gradient(function):
    x = jnp.asarray(np.random.default_rng(0).integers(0, 9, (2, 60, 3)), jnp.float32)

    def total(x, size, step):
        return jnp.sum(jnp.sin(function(x, size, step)))

    def reference(x, size, step):
        starts = range(0, x.shape[1] - size + 1, step)
        reduce = jnp.max if function is max_pool else jnp.mean
        return sum(jnp.sum(jnp.sin(reduce(x[:, s : s + size], axis=1))) for s in starts)

    for size, step in [(20, 20), (20, 7)]:
        np.testing.assert_allclose(total(x, size, step), reference(x, size, step), rtol=1e-5)
        if function is average_pool:
            got, want = (jax.grad(f)(x, size, step) for f in (total, reference))
            np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.slow
def test_max_pool_under_transformations():
    x = image(2)
    mapped = jax.vmap(lambda x: max_pool(x[None], 2)[0])(x)
    np.testing.assert_array_equal(mapped, max_pool(x, 2))
    np.testing.assert_array_equal(jax.jvp(lambda x: max_pool(x, 2), (x,), (x,))[1], max_pool(x, 2))
    second = jax.grad(lambda x: jnp.sum(jax.grad(lambda x: jnp.sum(max_pool(x, 2) ** 3))(x) ** 2))(x)
    np.testing.assert_allclose(jnp.sum(second), jnp.sum(36 * max_pool(x, 2) ** 3), rtol=1e-4)

    def body(total, x):
        value, gradient = jax.value_and_grad(lambda x: jnp.sum(max_pool(x[None], 3, 1, "same") ** 2))(x)
        return total + value, gradient

    total, gradients = jax.jit(lambda x: lax.scan(body, 0.0, x))(x)
    np.testing.assert_allclose(total, jnp.sum(max_pool(x, 3, 1, "same") ** 2), rtol=1e-5)
    assert gradients.shape == x.shape


def test_max_pool_shows_nan_and_takes_integers_and_infinities():
    x = jnp.asarray([1.0, jnp.nan, 2.0, 3.0, -jnp.inf, -jnp.inf]).reshape(1, 6, 1)
    np.testing.assert_array_equal(max_pool(x, 2).ravel(), [jnp.nan, 3.0, -jnp.inf])
    integers = max_pool(jnp.asarray([[-5, -7, -9]])[..., None], 2, padding="same")
    assert integers.ravel().tolist() == [-5, -9]
    assert integers.dtype == jnp.int32


def test_pooling_refuses_what_has_no_meaning():
    x = image(2)
    for arguments, message in [
        ((2, None, "full"), "padding must be"),
        ((2, None, "valid", "NHWC"), "data_format must be"),
        (((2, 2, 2),), "pool_size must be"),
        ((2, 0), "strides must be"),
        ((20,), "does not fit into axis"),
    ]:
        with pytest.raises(ValueError, match=message):
            max_pool(x, *arguments)


@pytest.mark.parametrize("function", [adaptive_average_pool, adaptive_max_pool])
def test_adaptive_pooling_reduces_its_windows(function):
    reduce = np.mean if function is adaptive_average_pool else np.max
    for length, size in [(1, 3), (4, 2), (6, 4), (7, 5), (7, 7), (6, 9), (57, 2)]:
        x = np.random.default_rng(length).normal(size=(2, length, 3)).astype("float32")
        windows = [slice(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        expected = np.stack([reduce(x[:, window], axis=1) for window in windows], axis=1)
        np.testing.assert_allclose(function(jnp.asarray(x), size), expected, rtol=1e-5, atol=1e-6)
    assert function(jnp.ones((1, 5, 1), jnp.bfloat16), 3).dtype == jnp.bfloat16
    assert np.isnan(function(jnp.asarray([0.0, jnp.nan, 1.0]).reshape(1, 3, 1), 2)).all()


def test_adaptive_max_pool_of_integers_and_its_gradient_among_equals():
    assert adaptive_max_pool(jnp.arange(-6, -1).reshape(1, 5, 1), 2).ravel().tolist() == [-4, -2]
    gradient = jax.grad(lambda x: jnp.sum(adaptive_max_pool(x, (1, 2))))(jnp.zeros((1, 2, 3, 1)))
    assert gradient[0, ..., 0].tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("rank", "keepdims", "data_format"),
    [(1, False, "channels_first"), (2, True, "channels_last"), (3, False, "channels_last")],
)
def test_global_pooling_agrees_with_keras(rank, keepdims, data_format):
    keras = pytest.importorskip("keras")
    x = image(rank, data_format=data_format, integers=True)
    for kind, function in [("Max", global_max_pool), ("Average", global_average_pool)]:
        layer = getattr(keras.layers, f"Global{kind}Pooling{rank}D")(data_format=data_format, keepdims=keepdims)
        np.testing.assert_allclose(function(x, data_format, keepdims), layer(x), atol=1e-6)
        got, want = (
            jax.grad(lambda x, f=f: jnp.sum(jnp.sin(f(x))))(x)
            for f in (lambda x, function=function: function(x, data_format, keepdims), layer)
        )
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_masked_global_average_agrees_with_keras():
    keras = pytest.importorskip("keras")
    x, mask = image(1), jnp.asarray(np.random.default_rng(0).integers(0, 2, (2, 9)), bool)
    np.testing.assert_allclose(
        global_average_pool(x, mask=mask), keras.layers.GlobalAveragePooling1D()(x, mask=mask), rtol=1e-5, atol=1e-6
    )


def test_dropout_keeps_the_mean_and_shares_noise():
    key, x = jax.random.key(0), jnp.ones((64, 50, 20))
    y = dropout(x, 0.3, key)
    np.testing.assert_allclose(jnp.mean(y), 1.0, atol=0.01)
    np.testing.assert_allclose(jnp.mean(y == 0), 0.3, atol=0.01)
    np.testing.assert_allclose(jnp.max(y), 1 / 0.7, rtol=1e-6)
    shared = dropout(x, 0.3, key, (None, 1, 20))
    np.testing.assert_array_equal(shared, jnp.broadcast_to(shared[:, :1], x.shape))
    np.testing.assert_array_equal(dropout(x, 0.3, key), y)
    assert dropout(x, 0.0, key) is x
    assert dropout(x, 0.5, None) is x
    assert not dropout(x, 1.0, key).any()
    assert dropout(x.astype(jnp.float16), 0.5, key).dtype == jnp.float16
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(dropout(x, 0.3, key)))(x), y)


def test_dropout_refuses_wrong_rates_and_shapes():
    with pytest.raises(ValueError, match="rate must be in"):
        dropout(jnp.ones(3), 1.5, None)
    with pytest.raises(ValueError, match="needs 2 sizes"):
        dropout(jnp.ones((3, 2)), 0.5, jax.random.key(0), (3,))
