"""`tf.nn`: activations, convolutions, pooling, normalisation and losses of logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import ops
from jkeras.compat.tf.math import in_top_k as in_top_k
from jkeras.compat.tf.math import l2_normalize as l2_normalize
from jkeras.compat.tf.math import log_sigmoid as log_sigmoid
from jkeras.compat.tf.math import sigmoid as sigmoid
from jkeras.compat.tf.math import softplus as softplus
from jkeras.compat.tf.math import tanh as tanh
from jkeras.compat.tf.math import top_k as top_k
from jkeras.compat.tf.math import zero_fraction as zero_fraction
from jkeras.compat.tf.rows import publish, row
from jkeras.functional.dropout import dropout as _drop
from jkeras.random.seed_generator import as_key


def _spatial(value: Any, data_format: str | None) -> Any:
    """Return window sizes or strides of the spatial axes only; TensorFlow also takes one for every axis."""
    if isinstance(value, (list, tuple)) and len(value) > 2 and value[0] == 1:
        return tuple(value[2:] if str(data_format).startswith("NC") else value[1:-1])
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _layout(data_format: str | None) -> str:
    return "channels_first" if str(data_format).startswith("NC") else "channels_last"


def _conv(
    x: Any, filters: Any, strides: Any, padding: Any = "VALID", data_format: Any = None, dilations: Any = None
) -> Any:
    return ops.conv(
        x, filters, strides=_spatial(strides, data_format), padding=padding.lower(), data_format=_layout(data_format),
        dilation_rate=_spatial(dilations, data_format) or 1,
    )  # fmt: skip


def _depthwise(x: Any, filters: Any, strides: Any, padding: Any, data_format: Any = None, dilations: Any = None) -> Any:
    strides = _spatial(strides, data_format)
    strides = strides[0] if isinstance(strides, tuple) else strides
    layout = _layout(data_format)
    dilation = _spatial(dilations, data_format) or 1
    return ops.depthwise_conv(
        x, filters, strides=strides, padding=padding.lower(), data_format=layout, dilation_rate=dilation
    )


def _conv_transpose(
    x: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: Any = None
) -> Any:
    result = ops.conv_transpose(
        x, filters, strides=_spatial(strides, data_format), padding=padding.lower(), data_format=_layout(data_format)
    )
    wanted = tuple(n if n is None else int(n) for n in output_shape)
    if any(n is not None and n != m for n, m in zip(wanted[1:], result.shape[1:])):
        raise ValueError(f"tf.nn.conv2d_transpose: these windows give the shape {result.shape}, not {wanted}.")
    return result


def _pool(function: Callable[..., Any]) -> Callable[..., Any]:
    def pool(x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = None) -> Any:
        sizes = _spatial(ksize, data_format), _spatial(strides, data_format)
        return function(x, sizes[0], sizes[1], padding.lower(), _layout(data_format))

    return pool


def _dropout(x: Any, rate: Any = 0.5, noise_shape: Any = None, seed: Any = None, keep_prob: Any = None) -> Any:
    rate = rate if keep_prob is None else 1 - keep_prob
    return ops.where(True, x, x) if rate == 0 else _drop(jnp.asarray(x), rate, as_key(seed), noise_shape)


def _softmax_crossentropy(labels: Any, logits: Any, axis: int = -1) -> Any:
    logits = jnp.asarray(logits)
    return -jnp.sum(jnp.asarray(labels).astype(logits.dtype) * jax.nn.log_softmax(logits, axis), axis)


def _sparse_crossentropy(labels: Any, logits: Any) -> Any:
    chosen = jnp.asarray(labels).astype(jnp.int32)[..., None]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), chosen, axis=-1)[..., 0]


def _sigmoid_crossentropy(labels: Any, logits: Any) -> Any:
    logits = jnp.asarray(logits)
    return jnp.maximum(logits, 0) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))


def _weighted_crossentropy(labels: Any, logits: Any, pos_weight: Any) -> Any:
    weight = 1 + (pos_weight - 1) * labels
    return (1 - labels) * logits + weight * (jnp.log1p(jnp.exp(-jnp.abs(logits))) + jnp.maximum(-logits, 0))


def _moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False) -> tuple[Any, Any]:
    axes = tuple(axes) if isinstance(axes, (list, tuple)) else axes
    return jnp.mean(x, axes, keepdims=keepdims), jnp.var(x, axes, keepdims=keepdims)


def _batch_normalization(x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any) -> Any:
    factor = jax.lax.rsqrt(variance + variance_epsilon) * (1 if scale is None else scale)
    return (x - mean) * factor + (0 if offset is None else offset)


def _bias(value: Any, bias: Any, data_format: Any = None) -> Any:
    value, bias = jnp.asarray(value), jnp.asarray(bias)
    after = value.ndim - 2 if str(data_format).startswith("NC") else 0
    return value + bias.reshape(bias.shape + (1,) * after)


def _response(x: Any, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0, beta: float = 0.5) -> Any:
    squares = jnp.pad(jnp.square(x), [(0, 0)] * (jnp.ndim(x) - 1) + [(depth_radius, depth_radius)])
    total = sum(squares[..., i : i + jnp.shape(x)[-1]] for i in range(2 * depth_radius + 1))
    return x / (bias + alpha * total) ** beta


relu = row(ops.relu, "features", "`max(x, 0)`.")
relu6 = row(ops.relu6, "features", "`min(max(x, 0), 6)`.")
leaky_relu = row(lambda x, alpha: jnp.where(x > 0, x, alpha * x), "features, alpha=0.2", "`x`, or `alpha x` below 0.")
elu = row(ops.elu, "features", "`x`, or `exp(x) - 1` below 0.")
selu = row(ops.selu, "features", "`1.0507 * elu(x, alpha=1.6733)`.")
gelu = row(ops.gelu, "features, approximate=False", "`x Phi(x)`.")
silu = swish = row(lambda x, beta: x * jax.nn.sigmoid(beta * x), "features, beta=1.0", "`x * sigmoid(beta x)`.")
softsign = row(ops.softsign, "features", "`x / (1 + |x|)`.")
softmax = row(lambda x, axis: ops.softmax(x, axis=-1 if axis is None else axis), "logits, axis=None", "Softmax.")
log_softmax = row(
    lambda x, axis: ops.log_softmax(x, axis=-1 if axis is None else axis), "logits, axis=None", "Logarithm of softmax."
)
dropout = row(_dropout, "x, rate=0.5, noise_shape=None, seed=None, keep_prob=None", "Zeros at random, the rest larger.")
l2_loss = row(lambda t: jnp.sum(jnp.square(t)) / 2, "t", "Half the sum of squares.")
moments = row(_moments, "x, axes, shift=None, keepdims=False", "Mean and variance over axes.")
batch_normalization = row(
    _batch_normalization,
    "x, mean, variance, offset, scale, variance_epsilon",
    "`(x - mean) / sqrt(variance + epsilon) * scale + offset`.",
)
bias_add = row(_bias, "value, bias, data_format=None", "Add a bias to each channel.")
embedding_lookup = row(lambda p, i: jnp.take(p, i, axis=0), "params, ids", "Rows by index.")
conv1d = row(_conv, "input, filters, strides, padding='VALID', data_format=None, dilations=None", "Convolution, 1D.")
conv2d = row(_conv, "input, filters, strides, padding='VALID', data_format=None, dilations=None", "Convolution, 2D.")
conv3d = row(_conv, "input, filters, strides, padding='VALID', data_format=None, dilations=None", "Convolution, 3D.")
convolution = row(
    lambda x, filters, strides, padding, data_format, dilations: _conv(
        x, filters, strides or 1, padding, data_format, dilations
    ),
    "input, filters, strides=None, padding='VALID', data_format=None, dilations=None",
    "Convolution.",
)
depthwise_conv2d = row(
    _depthwise, "input, filters, strides, padding, data_format=None, dilations=None", "Convolution of each channel."
)
conv2d_transpose = row(
    _conv_transpose,
    "input, filters, output_shape, strides, padding='SAME', data_format=None",
    "Transposed convolution, 2D.",
)
_POOL = "input, ksize, strides, padding, data_format=None"
max_pool = row(_pool(ops.max_pool), _POOL, "Largest of each window.")
avg_pool = row(_pool(ops.average_pool), _POOL, "Mean of each window.")
max_pool1d, max_pool2d, max_pool3d = (row(_pool(ops.max_pool), _POOL, "Largest of each window.") for _ in range(3))
avg_pool1d, avg_pool2d, avg_pool3d = (row(_pool(ops.average_pool), _POOL, "Mean of each window.") for _ in range(3))
softmax_cross_entropy_with_logits = row(
    _softmax_crossentropy, "labels, logits, axis=-1", "`-sum(labels * log_softmax(logits))`."
)
softmax_cross_entropy_with_logits_v2 = softmax_cross_entropy_with_logits
sparse_softmax_cross_entropy_with_logits = row(_sparse_crossentropy, "labels, logits", "`-log_softmax(logits)[label]`.")
sigmoid_cross_entropy_with_logits = row(
    _sigmoid_crossentropy, "labels, logits", "Cross-entropy of independent classes, from logits."
)
weighted_cross_entropy_with_logits = row(
    _weighted_crossentropy, "labels, logits, pos_weight", "The same, positives counting `pos_weight` times."
)
local_response_normalization = lrn = row(
    _response, "input, depth_radius=5, bias=1.0, alpha=1.0, beta=0.5", "Divided by the channels around."
)

__all__ = publish(globals())
