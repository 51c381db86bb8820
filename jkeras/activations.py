"""Activation functions by name: pure functions of one array, with Keras's names, defaults and formulas."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer

from jkeras.core.registry import activations

Parameters = ParamSpec("Parameters")
Activation = Callable[Concatenate[Any, Parameters], Array]

_ARGUMENT = "x: Anything that `jax.numpy.asarray` takes, of any shape; integers and booleans are computed in float32."
_RESULT = "Returns:\n    An array of the shape of `x`; floats keep their dtype."


def _activation(
    *aliases: str, same_as: Any = None, compiled: bool = True
) -> Callable[[Activation[Parameters]], Activation[Parameters]]:
    """Register a function under its name and `aliases`, and convert what it is given to a float array.

    `same_as` names the jax function that computes the same, by which `functional` recognises what it can fuse;
    `compiled` is False for what returns its argument.
    """

    def add(function: Activation[Parameters]) -> Activation[Parameters]:
        jitted = jax.jit(function)  # for calls on arrays: one operation after the other would take many times as long

        @functools.wraps(function)
        def converted(x: Any, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Array:
            x = x if isinstance(x, Array) else jnp.asarray(x)
            x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)
            is_traced = isinstance(x, Tracer)
            return jitted(x) if compiled and not (args or kwargs or is_traced) else function(x, *args, **kwargs)

        converted.__doc__ = _completed(function.__doc__ or "")
        converted.same_as = same_as or converted  # type: ignore[attr-defined]
        return activations.register(function.__name__, converted, *aliases)

    return add


def _completed(docstring: str) -> str:
    """Return a docstring with what all activations have in common: the argument, and the result if it says none."""
    text = inspect.cleandoc(docstring)
    text = text if "Args:" in text else text.replace(">>>", "Args:\n\n>>>", 1)
    text = text.replace("Args:", f"Args:\n    {_ARGUMENT}", 1)
    return text if "Returns:" in text else text.replace(">>>", f"{_RESULT}\n\n>>>", 1)


@_activation(compiled=False)
def linear(x: Any) -> Array:
    """The identity: `x`.

    >>> linear(2.0).item()
    2.0
    """
    return x


@_activation()
def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
    alpha: float | None = None,
) -> Array:
    """Rectified linear unit.

    `min(x, max_value)` where `x > threshold`, else `negative_slope * (x - threshold)`.

    Args:
        negative_slope: Slope below the threshold.
        max_value: The largest value returned; None is unbounded.
        threshold: Values up to it are damped.
        alpha: Keras 2's name of `negative_slope`.

    >>> relu([-10.0, -5.0, 0.0, 5.0, 10.0], negative_slope=0.5, max_value=8.0).tolist()
    [-5.0, -2.5, 0.0, 5.0, 8.0]
    """
    negative_slope = negative_slope if alpha is None else alpha
    if negative_slope == 0.0 and threshold == 0.0:
        rectified = jax.nn.relu(x)
        return rectified if max_value is None else jnp.minimum(rectified, jnp.asarray(max_value, x.dtype))
    above = x if max_value is None else jnp.minimum(x, jnp.asarray(max_value, x.dtype))
    return jnp.where(x > threshold, above, negative_slope * (x - threshold))


@_activation()
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Array:
    """`x` where `x >= 0`, else `negative_slope * x` (Maas et al., 2013).

    Args:
        negative_slope: Slope below 0.

    >>> leaky_relu([-10.0, 3.0]).tolist()
    [-2.0, 3.0]
    """
    return jax.nn.leaky_relu(x, negative_slope)


@_activation()
def relu6(x: Any) -> Array:
    """`min(max(x, 0), 6)`.

    >>> relu6([-1.0, 3.0, 9.0]).tolist()
    [0.0, 3.0, 6.0]
    """
    return jax.nn.relu6(x)


@_activation()
def elu(x: Any, alpha: float = 1.0) -> Array:
    """`x` where `x > 0`, else `alpha * (exp(x) - 1)` (Clevert et al., 2016).

    Args:
        alpha: Minus the limit for small `x`.

    >>> elu([0.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return jax.nn.elu(x, alpha)


@_activation()
def selu(x: Any) -> Array:
    """`1.0507 * elu(x, alpha=1.6733)`, which keeps mean 0 and variance 1 (Klambauer et al., 2017).

    >>> round(selu(1.0).item(), 4)
    1.0507
    """
    return jax.nn.selu(x)


@_activation()
def celu(x: Any, alpha: float = 1.0) -> Array:
    """`max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)` (Barron, 2017).

    Args:
        alpha: Minus the limit for small `x`.

    >>> celu([0.0, 2.0], alpha=3.0).tolist()
    [0.0, 2.0]
    """
    return jax.nn.celu(x, alpha)


@_activation()
def gelu(x: Any, approximate: bool = False) -> Array:
    """`x * Phi(x)` with the normal distribution function Phi, or its tanh approximation (Hendrycks & Gimpel, 2016).

    Args:
        approximate: Whether Phi is `(1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.

    >>> round(gelu(1.0).item(), 4), round(gelu(1.0, approximate=True).item(), 4)
    (0.8413, 0.8412)
    """
    return jax.nn.gelu(x, approximate)


@_activation("swish")
def silu(x: Any) -> Array:
    """`x * sigmoid(x)` (Ramachandran et al., 2017).

    >>> round(silu(1.0).item(), 4)
    0.7311
    """
    return jax.nn.silu(x)


@_activation("hard_swish")
def hard_silu(x: Any) -> Array:
    """`x * hard_sigmoid(x)` (Howard et al., 2019).

    >>> hard_silu([0.0, 1.5, 3.0]).tolist()
    [0.0, 1.125, 3.0]
    """
    return jax.nn.hard_silu(x)


@_activation()
def mish(x: Any) -> Array:
    """`x * tanh(softplus(x))` (Misra, 2019).

    >>> round(mish(1.0).item(), 4)
    0.8651
    """
    return jax.nn.mish(x)


@_activation()
def softplus(x: Any) -> Array:
    """`log(1 + exp(x))`.

    >>> round(softplus(0.0).item(), 4)
    0.6931
    """
    return jax.nn.softplus(x)


@_activation()
def softsign(x: Any) -> Array:
    """`x / (1 + |x|)`.

    >>> softsign([-1.0, 3.0]).tolist()
    [-0.5, 0.75]
    """
    return jax.nn.soft_sign(x)


@_activation()
def squareplus(x: Any, b: float = 4) -> Array:
    """`(x + sqrt(x^2 + b)) / 2` (Barron, 2021).

    Args:
        b: How smooth the bend at 0 is; 0 is ReLU.

    >>> squareplus(0.0).item()
    1.0
    """
    return jax.nn.squareplus(x, b)


@_activation()
def sparse_plus(x: Any) -> Array:
    """`0` up to -1, `(x + 1)^2 / 4` between, `x` from 1 on.

    >>> sparse_plus([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.25, 2.0]
    """
    return jax.nn.sparse_plus(x)


@_activation(same_as=jax.nn.sigmoid)
def sigmoid(x: Any) -> Array:
    """`1 / (1 + exp(-x))`.

    >>> sigmoid(0).item()
    0.5
    """
    return jax.nn.sigmoid(x)


@_activation()
def hard_sigmoid(x: Any) -> Array:
    """`min(max(x / 6 + 1/2, 0), 1)`, as Keras 3 has it (Keras 1 and 2 had slope 0.2).

    >>> hard_sigmoid([-3.0, 0.0, 3.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return jax.nn.hard_sigmoid(x)


@_activation()
def legacy_hard_sigmoid(x: Any) -> Array:
    """`min(max(0.2 x + 1/2, 0), 1)`: the hard_sigmoid of Keras 1 and 2, and of models read from their files.

    >>> legacy_hard_sigmoid([-2.5, 0.0, 2.5]).tolist()
    [0.0, 0.5, 1.0]
    """
    return jnp.clip(0.2 * x + 0.5, 0, 1)


@_activation()
def sparse_sigmoid(x: Any) -> Array:
    """`min(max((x + 1) / 2, 0), 1)` (Blondel et al., 2019).

    >>> sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return jax.nn.sparse_sigmoid(x)


@_activation()
def log_sigmoid(x: Any) -> Array:
    """`-softplus(-x)`, the logarithm of the sigmoid.

    >>> round(log_sigmoid(0.0).item(), 4)
    -0.6931
    """
    return jax.nn.log_sigmoid(x)


@_activation(same_as=jnp.tanh)
def tanh(x: Any) -> Array:
    """The hyperbolic tangent.

    >>> round(tanh(1.0).item(), 4)
    0.7616
    """
    return jnp.tanh(x)


@_activation()
def hard_tanh(x: Any) -> Array:
    """`min(max(x, -1), 1)`.

    >>> hard_tanh([-2.0, 0.5, 2.0]).tolist()
    [-1.0, 0.5, 1.0]
    """
    return jax.nn.hard_tanh(x)


@_activation()
def tanh_shrink(x: Any) -> Array:
    """`x - tanh(x)`.

    >>> tanh_shrink(0.0).item()
    0.0
    """
    return x - jnp.tanh(x)


@_activation()
def soft_shrink(x: Any, threshold: float = 0.5) -> Array:
    """`sign(x) * max(|x| - threshold, 0)`.

    Args:
        threshold: What is taken off absolute values; those up to it become 0.

    >>> soft_shrink([-1.0, 0.3, 2.0]).tolist()
    [-0.5, 0.0, 1.5]
    """
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@_activation()
def hard_shrink(x: Any, threshold: float = 0.5) -> Array:
    """`x` where `|x| > threshold`, else 0.

    Args:
        threshold: Absolute values up to it become 0.

    >>> hard_shrink([-1.0, 0.3, 2.0]).tolist()
    [-1.0, 0.0, 2.0]
    """
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@_activation()
def threshold(x: Any, threshold: float, default_value: float) -> Array:
    """`x` where `x > threshold`, else `default_value`.

    Args:
        threshold: Values up to it are replaced.
        default_value: What they are replaced by.

    >>> threshold([-1.0, 0.5, 2.0], 1.0, 0.0).tolist()
    [0.0, 0.0, 2.0]
    """
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


@_activation()
def exponential(x: Any) -> Array:
    """`exp(x)`.

    >>> exponential(0.0).item()
    1.0
    """
    return jnp.exp(x)


@_activation()
def glu(x: Any, axis: int = -1) -> Array:
    """Gated linear unit: `a * sigmoid(b)` for the two halves `a, b` of `x` along `axis` (Dauphin et al., 2017).

    Args:
        axis: The axis that is halved; its size must be even.

    Returns:
        An array of half the size along `axis`; floats keep their dtype.

    >>> glu([4.0, 0.0]).tolist()
    [2.0]
    """
    return jax.nn.glu(x, axis)


@_activation()
def softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Array:
    """`exp(x) / sum(exp(x))` along `axis`.

    Args:
        axis: The axis, or axes, along which the values sum to 1.

    >>> softmax([1.0, 1.0]).tolist()
    [0.5, 0.5]
    """
    return jax.nn.softmax(x, axis)


@_activation()
def log_softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Array:
    """`x - log(sum(exp(x)))` along `axis`.

    Args:
        axis: The axis, or axes, along which the exponentials sum to 1.

    >>> [round(v, 4) for v in log_softmax([1.0, 1.0]).tolist()]
    [-0.6931, -0.6931]
    """
    return jax.nn.log_softmax(x, axis)


@_activation()
def sparsemax(x: Any, axis: int = -1) -> Array:
    """Project onto the probability simplex along `axis`: `max(x - tau, 0)` with sum 1 (Martins & Astudillo, 2016).

    With `x` sorted in descending order and `k` the largest index with `1 + k x_k > sum_{j<=k} x_j`,
    `tau = (sum_{j<=k} x_j - 1) / k`. (Keras 3.15 takes another `k` for many inputs, and its rows then do not sum to 1.)

    Args:
        axis: The axis along which the values sum to 1.

    >>> sparsemax([1.0, 0.75, -1.0]).tolist()
    [0.625, 0.375, 0.0]
    """
    logits = jnp.moveaxis(x, axis, -1)
    descending = -jnp.sort(-logits, axis=-1)
    partial_sums = jnp.cumsum(descending, axis=-1)
    counts = jnp.arange(1, logits.shape[-1] + 1, dtype=logits.dtype)
    support = jnp.sum(1 + counts * descending > partial_sums, axis=-1, keepdims=True)
    support_sum = jnp.take_along_axis(partial_sums, support - 1, axis=-1)
    tau = (support_sum - 1) / support.astype(logits.dtype)
    return jnp.moveaxis(jnp.maximum(logits - tau, 0), -1, axis)


swish = silu
hard_swish = hard_silu


def get(identifier: Any) -> Callable[..., Any]:
    """Return the activation function for a name, a configuration, or a function; `None` is `linear`.

    Args:
        identifier: A name in any case (`"relu"`), a configuration, a function, or None.

    Returns:
        A function of one array.

    Raises:
        ValueError: For an unknown name, with the nearest known one.

    >>> get("swish") is silu, get(None) is linear
    (True, True)
    >>> get("rellu")
    Traceback (most recent call last):
    ValueError: Unknown activation function 'rellu'. Did you mean 'relu'?
    """
    return deserialize(identifier)


def serialize(activation: Callable[..., Any], use_legacy_format: bool = True) -> Any:
    """Return the name of a function, or the configuration of an object with `get_config`.

    Args:
        activation: A function, or an object that can be called.
        use_legacy_format: False writes configurations as Keras 3 does, with the module; names are the same in both.

    Returns:
        A string, or a dictionary of plain data.

    Raises:
        ValueError: For a lambda, which no name can find again.

    >>> serialize(swish)
    'silu'
    """
    return activations.serialize(activation, use_legacy_format)


def deserialize(
    config: Any = None, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False, name: Any = None
) -> Callable[..., Any]:
    """Return the function that `serialize` described; `custom_objects` are looked up first.

    Args:
        config: What `serialize` returned, or what `get` takes.
        custom_objects: Functions and classes by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.
        name: Keras 2's name of `config`.

    Returns:
        A function of one array.

    >>> deserialize("double", {"double": abs}) is abs
    True
    """
    identifier = name if config is None else config
    return linear if identifier is None else activations.deserialize(identifier, custom_objects)
