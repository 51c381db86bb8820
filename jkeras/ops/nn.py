"""What layers are made of: activations, convolutions, pooling, normalization, attention, losses, encodings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

import jkeras.activations as activations
from jkeras.core.data_format import standardize_data_format
from jkeras.core.dtypes import floatx
from jkeras.core.operation import operation, publish
from jkeras.functional import attention, crossentropy, ctc, folding, norm, pool
from jkeras.functional import conv as convolution
from jkeras.functional.fuzz import epsilon as fuzz


def _keeps_integers(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return a function that takes what `jnp.asarray` takes, and leaves the dtype to `function`."""

    def compute(x: Any, *args: Any, **kwargs: Any) -> Array:
        return function(jnp.asarray(x), *args, **kwargs)

    compute.__name__ = function.__name__
    return compute


def _threshold(x: Any, threshold: Any, default_value: Any) -> Array:
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


# Activations

relu = operation(_keeps_integers(jax.nn.relu), "x", "`max(x, 0)`.", elementwise=True)
relu6 = operation(activations.relu6, "x", "`min(max(x, 0), 6)`.", elementwise=True)
leaky_relu = operation(
    activations.leaky_relu, "x, negative_slope=0.2", "`x` where `x >= 0`, else `negative_slope * x`.", elementwise=True
)
elu = operation(activations.elu, "x, alpha=1.0", "`x` where `x > 0`, else `alpha * (exp(x) - 1)`.", elementwise=True)
celu = operation(
    activations.celu, "x, alpha=1.0", "`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`.", elementwise=True
)
selu = operation(activations.selu, "x", "`1.0507 * elu(x, alpha=1.6733)`.", elementwise=True)
gelu = operation(
    activations.gelu, "x, approximate=True", "`x * Phi(x)`, with an approximation by tanh or exact.", elementwise=True
)
silu = operation(activations.silu, "x", "`x * sigmoid(x)`.", elementwise=True)
swish = silu
hard_silu = operation(activations.hard_silu, "x", "`x * hard_sigmoid(x)`.", elementwise=True)
hard_swish = hard_silu
softplus = operation(activations.softplus, "x", "`log(1 + exp(x))`.", elementwise=True)
softsign = operation(activations.softsign, "x", "`x / (1 + |x|)`.", elementwise=True)
squareplus = operation(activations.squareplus, "x, b=4", "`(x + sqrt(x^2 + b)) / 2`.", elementwise=True)
sparse_plus = operation(
    activations.sparse_plus, "x", "0 up to -1, `(x + 1)^2 / 4` between, `x` from 1 on.", elementwise=True
)
sigmoid = operation(activations.sigmoid, "x", "`1 / (1 + exp(-x))`.", elementwise=True)
hard_sigmoid = operation(activations.hard_sigmoid, "x", "`min(max(x / 6 + 1/2, 0), 1)`.", elementwise=True)
sparse_sigmoid = operation(activations.sparse_sigmoid, "x", "`min(max((x + 1) / 2, 0), 1)`.", elementwise=True)
log_sigmoid = operation(activations.log_sigmoid, "x", "`-softplus(-x)`.", elementwise=True)
hard_tanh = operation(_keeps_integers(jax.nn.hard_tanh), "x", "`min(max(x, -1), 1)`.", elementwise=True)
tanh_shrink = operation(activations.tanh_shrink, "x", "`x - tanh(x)`.", elementwise=True)
soft_shrink = operation(
    activations.soft_shrink, "x, threshold=0.5", "`sign(x) * max(|x| - threshold, 0)`.", elementwise=True
)
hard_shrink = operation(
    activations.hard_shrink, "x, threshold=0.5", "`x` where `|x| > threshold`, else 0.", elementwise=True
)
threshold = operation(
    _threshold, "x, threshold, default_value", "`x` where `x > threshold`, else `default_value`.", elementwise=True
)
glu = operation(activations.glu, "x, axis=-1", "`a * sigmoid(b)` for the halves `a, b` of `x` along `axis`.")
softmax = operation(activations.softmax, "x, axis=-1", "`exp(x) / sum(exp(x))` along `axis`.")
log_softmax = operation(activations.log_softmax, "x, axis=-1", "`x - log(sum(exp(x)))` along `axis`.")
sparsemax = operation(activations.sparsemax, "x, axis=-1", "Projection onto the probability simplex along `axis`.")


# Convolution and pooling


def _conv(inputs: Any, *kernels: Any, groups: bool = False, function: Any = convolution.conv, **options: Any) -> Array:
    """Call a convolution; integers stay integers."""
    inputs, kernels = jnp.asarray(inputs), tuple(map(jnp.asarray, kernels))
    options["data_format"] = standardize_data_format(options["data_format"])
    options["padding"] = options["padding"].lower()
    if groups:
        channels = inputs.shape[1 if options["data_format"] == "channels_first" else -1]
        options["groups"] = channels // kernels[0].shape[-2]
    y = function(inputs, *kernels, **options)
    return y.astype(jnp.result_type(inputs, *kernels))


def _convolution(function: Callable[..., Array], kernels: int = 1, groups: bool = False) -> Callable[..., Array]:
    def compute(*operands: Any, **options: Any) -> Array:
        return _conv(*operands, groups=groups, function=function, **options)

    compute.__name__ = function.__name__
    return compute


def _pooling(function: Callable[..., Array]) -> Callable[..., Array]:
    def compute(inputs: Any, size: Any, *, data_format: Any, **options: Any) -> Array:
        if "padding" in options:
            options["padding"] = options["padding"].lower()
        return function(jnp.asarray(inputs), size, data_format=standardize_data_format(data_format), **options)

    compute.__name__ = function.__name__
    return compute


_CONV = 'strides=1, padding="valid", data_format=None, dilation_rate=1'
_POOL = 'inputs, pool_size, strides=None, padding="valid", data_format=None'

conv = operation(
    _convolution(convolution.conv, groups=True),
    f"inputs, kernel, {_CONV}",
    "Convolution by a kernel.",
)
conv_transpose = operation(
    _convolution(convolution.conv_transpose),
    'inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1',
    "Transposed convolution by `(..., filters, channels)`.",
)
depthwise_conv = operation(
    _convolution(convolution.depthwise_conv),
    f"inputs, kernel, {_CONV}",
    "Convolution of each channel by itself, by `(..., channels, multiplier)`.",
)
separable_conv = operation(
    _convolution(convolution.separable_conv),
    f"inputs, depthwise_kernel, pointwise_kernel, {_CONV}",
    "Convolution of each channel by itself, then mixing of the channels.",
)
max_pool = operation(_pooling(pool.max_pool), _POOL, "Largest element of each window.")
average_pool = operation(_pooling(pool.average_pool), _POOL, "Mean of each window.")
adaptive_max_pool = operation(
    _pooling(pool.adaptive_max_pool),
    "inputs, output_size, data_format=None",
    "Largest element of each of `output_size` windows.",
)
adaptive_average_pool = operation(
    _pooling(pool.adaptive_average_pool),
    "inputs, output_size, data_format=None",
    "Mean of each of `output_size` windows.",
)
space_to_depth = operation(
    _keeps_integers(folding.space_to_depth),
    'x, block_size, data_format="channels_last"',
    "Put the pixels of each block into one pixel.",
)
depth_to_space = operation(
    _keeps_integers(folding.depth_to_space),
    'x, block_size, data_format="channels_last"',
    "Spread the channels of each pixel over a block.",
)
unfold = operation(
    _keeps_integers(folding.unfold),
    "x, kernel_size, dilation=1, padding=0, stride=1",
    "Windows of images `(batch, channels, height, width)` as columns.",
)
fold = operation(
    _keeps_integers(folding.fold),
    "x, output_size, kernel_size, dilation=1, padding=0, stride=1",
    "Sum windows, as `unfold` gives them, into images.",
)


# Normalization


def _batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, *, offset: Any, scale: Any, epsilon: float
) -> Array:
    given = [jnp.asarray(a) for a in (x, mean, variance, scale, offset) if a is not None]
    dtype = jnp.result_type(float, *given) if jnp.issubdtype(given[0].dtype, jnp.integer) else jnp.result_type(*given)
    scale, offset = (None if a is None else jnp.asarray(a) for a in (scale, offset))
    return norm.batch_norm_inference(given[0].astype(dtype), scale, offset, given[1], given[2], axis, epsilon)


def _layer_normalization(x: Any, *, gamma: Any, beta: Any, axis: Any, epsilon: float | None) -> Array:
    gamma, beta = (None if a is None else jnp.asarray(a) for a in (gamma, beta))
    return norm.layer_norm(jnp.asarray(x), gamma, beta, axis, fuzz() if epsilon is None else epsilon)


def _rms_normalization(x: Any, *, scale: Any, axis: Any, epsilon: float | None) -> Array:
    x = jnp.asarray(x)
    y = norm.rms_norm(x, None, axis, fuzz() if epsilon is None else epsilon)
    if scale is None:
        return y
    scale, axes = jnp.asarray(scale), (axis,) if isinstance(axis, int) else tuple(axis)
    if scale.ndim:
        kept = {a % x.ndim for a in axes}
        scale = scale.reshape([x.shape[a] if a in kept else 1 for a in range(x.ndim)])
    return (y * scale).astype(y.dtype)


def _moments(x: Any, axes: Any, *, keepdims: bool, synchronized: bool) -> tuple[Array, Array]:
    # An array of a program on several devices is one array: `synchronized` has nothing to add.
    x = jnp.asarray(x)
    mean, variance = norm.moments(x, axes, keepdims=keepdims)
    dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.inexact) else mean.dtype
    return mean.astype(dtype), variance.astype(dtype)


def _normalize(x: Any, *, axis: Any, order: int, epsilon: float | None) -> Array:
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: order must be an integer from 1; got {order!r}.")
    x = jnp.atleast_1d(jnp.asarray(x))
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.result_type(float))
    least = fuzz() if epsilon is None else epsilon
    if order == 2:
        # Kept from 0 under the root, so that the gradient is finite there.
        squared = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
        return x * jax.lax.rsqrt(jnp.maximum(squared, jnp.asarray(least**2, squared.dtype)))
    length = jnp.sum(jnp.abs(x) ** order, axis=axis, keepdims=True) ** (1 / order)
    return x / jnp.maximum(length, least)


batch_normalization = operation(
    _batch_normalization,
    "x, mean, variance, axis, offset=None, scale=None, epsilon=0.001",
    "`scale * (x - mean) / sqrt(variance + epsilon) + offset` along `axis`.",
)
layer_normalization = operation(
    _layer_normalization,
    "x, gamma=None, beta=None, axis=-1, epsilon=None",
    "Mean 0 and variance 1 over `axis`, then times `gamma` plus `beta`.",
)
rms_normalization = operation(
    _rms_normalization, "x, scale=None, axis=-1, epsilon=None", "Root mean square 1 over `axis`, then times `scale`."
)
moments = operation(_moments, "x, axes, keepdims=False, synchronized=False", "Mean and (biased) variance over `axes`.")
normalize = operation(_normalize, "x, axis=-1, order=2, epsilon=None", "Length 1 along `axis` by the norm of `order`.")


# Losses


def _binary_crossentropy(target: Any, output: Any, *, from_logits: bool) -> Array:
    # The mean over an axis of one element is that element.
    target, output = jnp.asarray(target)[..., None], jnp.asarray(output)[..., None]
    output = output.astype(jnp.result_type(target, output))
    return crossentropy.binary_crossentropy(target, output, from_logits)


def _ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, *, mask_index: int) -> Array:
    # optax is needed by this one only.
    from jkeras.losses.ctc import ctc_loss

    return ctc_loss(target, output, target_length, output_length, mask_index)


def _ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    *,
    strategy: str,
    beam_width: int,
    top_paths: int,
    merge_repeated: bool,
    mask_index: int,
) -> tuple[Array, Array]:
    inputs, lengths = jnp.asarray(inputs), jnp.asarray(sequence_lengths)
    if strategy == "greedy":
        labels, scores = ctc.greedy_decode(inputs, lengths, merge_repeated, mask_index)
        return labels[None], scores
    if strategy != "beam_search":
        raise ValueError(f"ctc_decode: strategy must be 'greedy' or 'beam_search'; got {strategy!r}.")
    # The labels of an alignment are what repeats merge to: there is no search without, in Keras neither.
    return ctc.beam_decode(inputs, lengths, beam_width, top_paths, mask_index)


def _psnr(x1: Any, x2: Any, max_val: Any) -> Array:
    error = jnp.mean(jnp.square(jnp.asarray(x1) - jnp.asarray(x2)))
    return 20 * jnp.log10(max_val) - 10 * jnp.log10(error)


binary_crossentropy = operation(
    _binary_crossentropy,
    "target, output, from_logits=False",
    "`-t log(p) - (1 - t) log(1 - p)`, element by element.",
    elementwise=True,
)
categorical_crossentropy = operation(
    crossentropy.categorical_crossentropy,
    "target, output, from_logits=False, axis=-1",
    "`-sum(t log(p))` over the classes along `axis`.",
)
sparse_categorical_crossentropy = operation(
    crossentropy.sparse_categorical_crossentropy,
    "target, output, from_logits=False, axis=-1",
    "`-log(p)` of the class that `target` names.",
)
ctc_loss = operation(
    _ctc_loss,
    "target, output, target_length, output_length, mask_index=0",
    "Minus the log probability of label sequences, summed over their alignments with the frames.",
)
ctc_decode = operation(
    _ctc_decode,
    'inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True, mask_index=0',
    "The most probable label sequences `(paths, batch, frames)`, padded by -1, and their scores.",
)
psnr = operation(_psnr, "x1, x2, max_val", "Peak signal-to-noise ratio, `20 log10(max_val / rms(x1 - x2))`.")


# Attention


def _dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    bias: Any,
    mask: Any,
    scale: float | None,
    is_causal: bool,
    flash_attention: bool | None,
    attn_logits_soft_cap: float | None,
) -> Array:
    query, key, value = map(jnp.asarray, (query, key, value))
    bias, mask = (None if a is None else jnp.asarray(a) for a in (bias, mask))
    fused: Any = {None: None, False: "xla", True: "cudnn"}[flash_attention]
    if flash_attention and attn_logits_soft_cap is not None:
        raise ValueError("dot_product_attention: attn_logits_soft_cap needs flash_attention=None or False.")
    return attention.dot_product_attention(
        query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap, implementation=fused
    )


dot_product_attention = operation(
    _dot_product_attention,
    "query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None, "
    "attn_logits_soft_cap=None",
    "Average of the values by `softmax(scale * query key^T + bias)`: `(batch, targets, heads, features)`.",
)


# Encodings


def _refuse_sparse(name: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"{name}(sparse=True): every tensor here is dense. Leave `sparse` out.")


def _one_hot(x: Any, num_classes: int, *, axis: int, dtype: Any, sparse: bool) -> Array:
    _refuse_sparse("one_hot", sparse)
    x = jnp.asarray(x)
    classes = jnp.arange(num_classes, dtype=jnp.int32 if x.dtype == bool else x.dtype)
    axis = axis % (x.ndim + 1)
    classes = classes.reshape([-1 if a == axis else 1 for a in range(x.ndim + 1)])
    return (jnp.expand_dims(x, axis) == classes).astype(jax.dtypes.canonicalize_dtype(dtype or floatx()))


def _multi_hot(inputs: Any, *, num_classes: int | None, axis: int, dtype: Any, sparse: bool) -> Array:
    _refuse_sparse("multi_hot", sparse)
    if num_classes is None:
        raise ValueError("multi_hot needs the number of classes: multi_hot(inputs, num_classes=...).")
    inputs = jnp.asarray(inputs)
    each = _one_hot(inputs, num_classes, axis=axis, dtype=dtype, sparse=False)
    return jnp.max(each, axis=1 if inputs.ndim > 1 else 0)


def _polar(abs_: Any, angle: Any) -> Array:
    length, angle = jnp.asarray(abs_), jnp.asarray(angle)
    return jax.lax.complex(length * jnp.cos(angle), length * jnp.sin(angle))


one_hot = operation(
    _one_hot, "x, num_classes, axis=-1, dtype=None, sparse=False", "1 at the place that `x` names along a new axis."
)
multi_hot = operation(
    _multi_hot,
    "inputs, num_classes=None, axis=-1, dtype=None, sparse=False",
    "1 at every place that a row of `inputs` names.",
)
polar = operation(_polar, "abs_, angle", "Complex numbers of their absolute values and angles.", elementwise=True)


__all__ = publish(globals())
