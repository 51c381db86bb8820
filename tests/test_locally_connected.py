"""Unshared convolution against explicit loops: Keras 3 has none to compare with."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers
from jkeras.functional.conv import conv, local_conv


def loops(x, kernel, bias, window, strides, padding):
    """Unshared convolution as Keras 2 defines it, channels last, one number at a time."""
    rank = len(window)
    if padding == "same":
        counts = [-(-n // s) for n, s in zip(x.shape[1:-1], strides)]
        totals = [max((m - 1) * s + k - n, 0) for m, s, k, n in zip(counts, strides, window, x.shape[1:-1])]
        x = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in totals), (0, 0)])
    counts = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], window, strides)]
    y = np.zeros((x.shape[0], *counts, kernel.shape[-1]))
    for number, place in enumerate(itertools.product(*map(range, counts))):
        corner = [p * s for p, s in zip(place, strides)]
        patch = x[(slice(None), *(slice(c, c + k) for c, k in zip(corner, window)))]
        for sample, o in itertools.product(range(x.shape[0]), range(kernel.shape[-1])):
            y[(sample, *place, o)] = np.sum(patch[sample].ravel() * kernel[number, :, o]) + bias[(*place, o)]
    assert y.ndim == rank + 2
    return y


CASES = [
    # window, strides, padding, shape
    ((3,), (1,), "valid", (2, 5, 2)),
    ((2,), (2,), "same", (2, 5, 2)),
    ((2, 3), (1, 2), "valid", (2, 4, 5, 3)),
    ((3, 2), (2, 1), "same", (1, 4, 3, 2)),
]


@pytest.mark.parametrize(("window", "strides", "padding", "shape"), CASES)
@pytest.mark.parametrize("implementation", [1, 2, 3])
def test_the_layer_is_what_the_loops_compute(window, strides, padding, shape, implementation):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype("float32")
    cls = layers.LocallyConnected1D if len(window) == 1 else layers.LocallyConnected2D
    layer = cls(3, window, strides, padding, implementation=implementation)
    layer.build(shape)
    kernel, bias = (rng.normal(size=w.shape).astype("float32") for w in layer.weights)
    layer.set_weights([kernel, bias])
    np.testing.assert_allclose(layer(x), loops(x, kernel, bias, window, strides, padding), rtol=1e-4, atol=1e-5)


def test_channels_first_keeps_the_order_of_its_windows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    last = layers.LocallyConnected2D(2, (2, 3))
    first = layers.LocallyConnected2D(2, (2, 3), data_format="channels_first")
    last.build(x.shape)
    first.build((2, 3, 4, 5))
    kernel, bias = (rng.normal(size=w.shape).astype("float32") for w in last.weights)
    last.set_weights([kernel, bias])
    # (rows, columns, channels) of a window become (channels, rows, columns); the bias is in the order of the outputs.
    turned = kernel.reshape(-1, 2, 3, 3, 2).transpose(0, 3, 1, 2, 4).reshape(kernel.shape)
    first.set_weights([turned, bias.transpose(2, 0, 1).reshape(bias.shape)])
    np.testing.assert_allclose(first(x.transpose(0, 3, 1, 2)), last(x).transpose(0, 3, 1, 2), rtol=1e-4, atol=1e-5)


def test_one_kernel_at_all_places_is_a_convolution():
    rng = np.random.default_rng(0)
    x, kernel = (jnp.asarray(rng.normal(size=n), jnp.float32) for n in ((2, 5, 6, 3), (3, 2, 3, 4)))

    def unshared(x, kernel):
        return local_conv(x, jnp.broadcast_to(kernel.reshape(1, -1, 4), (6, 18, 4)), (3, 2), 2, "valid")

    def both(function):
        return jax.value_and_grad(lambda x, k: jnp.sum(jnp.sin(function(x, k))), (0, 1))(x, kernel)

    got, want = both(unshared), both(lambda x, k: conv(x, k, 2))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_unknown_sizes_and_kernels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="needs the sizes of its input"):
        layers.LocallyConnected1D(3, 2)(layers.Input((None, 4)))
    with pytest.raises(ValueError, match=r"a window of \(9, 9\) does not fit"):
        layers.LocallyConnected2D(3, 9)(np.ones((1, 5, 5, 1)))
    with pytest.raises(ValueError, match="implementation must be 1, 2 or 3"):
        layers.LocallyConnected2D(3, 2, implementation=0)
    with pytest.raises(ValueError, match=r"must be \(2, 2, 'filters'\)"):
        local_conv(jnp.ones((1, 3, 1)), jnp.ones((3, 2, 1)), 2)
