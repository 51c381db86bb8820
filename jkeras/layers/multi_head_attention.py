"""Attention with several heads, each with projections of its own."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.layer import Layer
from jkeras.core.settings import settings
from jkeras.functional.attention import dot_product_attention
from jkeras.functional.multi_head import attend, attention_mask
from jkeras.layers.arguments import arguments_of, keep, positive
from jkeras.layers.dropout import check_rate, check_seed, seeded_key
from jkeras.layers.einsum_dense import EinsumDense

__all__ = ["GroupQueryAttention", "GroupedQueryAttention", "MultiHeadAttention"]


class ProjectedAttention(Layer):
    """Base of attention whose query, key and value are projected to heads, and whose heads to the outputs."""

    supports_masking = True
    dropout: float
    use_bias: bool
    use_gate: bool
    sliding_window: int | None
    flash_attention: bool | None
    seed: int | None
    attention_axes: tuple[int, ...] | None = None
    query_projection: Any
    key_projection: Any
    value_projection: Any
    gate_projection: Any

    def _keep(self, **arguments: Any) -> None:
        check_rate(self, "dropout", arguments["dropout"])
        arguments["seed"] = check_seed(self, arguments["seed"])
        if arguments["sliding_window"] is not None:
            positive(self, "sliding_window", arguments["sliding_window"])
        keep(self, **arguments)

    def _heads(self) -> dict[str, tuple[int, int]]:
        """Return the number of heads and the size of each, for query, key and value."""
        raise TypeError(f"{type(self).__name__} must define _heads.")

    def _output_sizes(self, features: int) -> tuple[int, ...]:
        return (features,)

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Make the projections."""
        key_shape = key_shape or value_shape
        heads, rank = self._heads(), len(query_shape)
        self._project("query", query_shape, heads["query"])
        self._project("key", key_shape, heads["key"])
        if self.use_gate:
            self._project("gate", query_shape, (heads["query"][0], heads["value"][1]), activation="sigmoid")
        self._project("value", value_shape, heads["value"])
        outputs = self._output_sizes(query_shape[-1])
        letters = string.ascii_letters
        batch, inner = letters[: rank - 1], letters[rank - 1 : rank + 1]
        out = letters[rank + 1 : rank + 1 + len(outputs)]
        self.attention_output = self._dense(
            "attention_output",
            f"{batch}{inner},{inner}{out}->{batch}{out}",
            [*query_shape[:-1], heads["query"][0], heads["value"][1]],
            (*[None] * (rank - 2), *outputs),
            out,
        )

    def _project(self, name: str, shape: Any, heads: tuple[int, int], activation: Any = None) -> None:
        letters = string.ascii_letters[: len(shape) + 2]
        batch, features, out = letters[: len(shape) - 1], letters[len(shape) - 1], letters[len(shape) :]
        sizes = (*[None] * (len(shape) - 2), *heads)
        layer = self._dense(name, f"{batch}{features},{features}{out}->{batch}{out}", shape, sizes, out, activation)
        setattr(self, f"{name}_projection", layer)

    def _dense(
        self, name: str, equation: str, shape: Any, sizes: Sequence[int | None], bias: str, activation: Any = None
    ) -> Layer:
        layer = EinsumDense(
            equation,
            output_shape=sizes,
            activation=activation,
            bias_axes=bias if self.use_bias else None,
            name=name,
            dtype=self.dtype_policy,
            **{part: getattr(self, part) for part in _SHARED},
        )
        layer.build(tuple(shape))
        return layer

    def call(
        self,
        query: Array,
        value: Array,
        key: Array | None = None,
        query_mask: Array | None = None,
        value_mask: Array | None = None,
        key_mask: Array | None = None,
        attention_mask: Array | None = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Attend.

        Args:
            query: `(batch, targets, features)`.
            value: `(batch, sources, features)`.
            key: `(batch, sources, features)`; the value if left out.
            query_mask: `(batch, targets)`.
            value_mask: `(batch, sources)`.
            key_mask: `(batch, sources)`.
            attention_mask: `(batch, targets, sources)`, true where a target may look.
            return_attention_scores: Whether the weights are returned too.
            training: Whether dropout drops.
            use_causal_mask: Whether a target looks at no later source.

        Returns:
            The outputs `(batch, targets, features)`; with the weights, a pair with `(batch, heads, targets, sources)`.
        """
        projected = (
            self.query_projection(query),
            self.key_projection(value if key is None else key),
            self.value_projection(value),
        )
        axes = self.attention_axes or tuple(range(1, query.ndim - 1))
        (q, k, v), restore = _flatten(projected, axes)
        targets, sources = q.shape[1], k.shape[1]
        masks = [None if m is None else m.reshape(m.shape[0], -1) for m in (query_mask, value_mask, key_mask)]
        where = _attention_mask(targets, sources, *masks, causal=use_causal_mask, window=self.sliding_window)
        where = _combine(where, attention_mask, q.shape, sources, query.shape[0])
        dropped = training and self.dropout > 0
        scores = None
        if dropped or return_attention_scores or v.shape[-1] != k.shape[-1]:
            rng = seeded_key(self, self.seed) if dropped else None
            averages, scores = attend(q, k, v, where, self.dropout, rng)
        else:
            averages = dot_product_attention(q, k, v, mask=where, implementation=_IMPLEMENTATIONS[self._fused()])
        averages = restore(averages)
        if self.use_gate:
            averages = averages * self.gate_projection(query)
        outputs = self.attention_output(averages)
        if not return_attention_scores:
            return outputs
        sizes = [[array.shape[axis] for axis in axes] for array in projected[:2]]
        batch = [n for axis, n in enumerate(query.shape[:-1]) if axis not in axes]
        assert scores is not None
        return outputs, scores.reshape(*batch, scores.shape[1], *sizes[0], *sizes[1])

    def _fused(self) -> bool | None:
        return settings.flash_attention if self.flash_attention is None else self.flash_attention

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the query."""
        return mask


class MultiHeadAttention(ProjectedAttention):
    """Attention with several heads: `softmax(Q K^T / sqrt(key_dim)) V` for each, projected to the outputs.

    Of a query `(batch, targets, features)` and a value `(batch, sources, features)` becomes `(batch, targets,
    features)`, or with `output_shape` `(batch, targets, *output_shape)`.

    Args:
        num_heads: Number of heads.
        key_dim: Size of each head of query and key.
        value_dim: Size of each head of the value; `key_dim` if left out.
        dropout: Probability that a weight is dropped before the average.
        use_bias: Whether the projections have a bias.
        output_shape: Size (or sizes) of the outputs' features; that of the query if left out.
        attention_axes: The axes that the attention is over; all but batch and features if left out.
        sliding_window: If given, a target looks at sources at a distance below this number only.
        flash_attention: True insists on the fused kernel (GPU, 16 bits), False on plain operations; None is what
            `config.enable_flash_attention` set, or else JAX's choice.
        kernel_initializer: First values of the kernels, `(features, num_heads, key_dim)`.
        bias_initializer: First values of the biases.
        kernel_regularizer: Penalty on the kernels.
        bias_regularizer: Penalty on the biases.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of the kernels after each update.
        bias_constraint: Projection of the biases after each update.
        use_gate: Whether a sigmoid of a projection of the query multiplies the averages.
        seed: Integer folded into the key of the dropout.
        softmax_robust_masking: Either value, as tf_keras has it: masks are robust here.

    Call arguments:
        query: `(batch, targets, features)`.
        value: `(batch, sources, features)`.
        key: `(batch, sources, features)`; the value if left out.
        query_mask: `(batch, targets)`; found by itself if the query has a mask, like the next two.
        value_mask: `(batch, sources)`.
        key_mask: `(batch, sources)`.
        attention_mask: `(batch, targets, sources)`, true where a target may look.
        return_attention_scores: Whether the weights, `(batch, heads, targets, sources)`, are returned too.
        use_causal_mask: Whether a target looks at no later source.

    Raises:
        ValueError: If an argument is out of range.

    >>> layer = MultiHeadAttention(num_heads=2, key_dim=3)
    >>> query, value = jnp.ones((2, 4, 6)), jnp.ones((2, 5, 6))
    >>> outputs, weights = layer(query, value, return_attention_scores=True)
    >>> outputs.shape, weights.shape
    ((2, 4, 6), (2, 2, 4, 5))

    Reference: Vaswani et al., 2017.
    """

    num_heads: int
    key_dim: int
    value_dim: int

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        softmax_robust_masking: bool | None = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        del arguments["softmax_robust_masking"]
        del arguments["output_shape"]  # of a layer, that is the shape of its symbolic outputs
        arguments["value_dim"] = key_dim if value_dim is None else value_dim
        for name in ("num_heads", "key_dim", "value_dim"):
            arguments[name] = positive(self, name, arguments[name])
        axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        arguments["attention_axes"] = None if axes is None else tuple(axes)
        self._keep(**arguments)
        sizes = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.features: tuple[int, ...] | None = tuple(sizes) if sizes else None

    def _heads(self) -> dict[str, tuple[int, int]]:
        keys = (self.num_heads, self.key_dim)
        return {"query": keys, "key": keys, "value": (self.num_heads, self.value_dim)}

    def _output_sizes(self, features: int) -> tuple[int, ...]:
        return self.features or (features,)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        config = {**super().get_config(), "output_shape": self.features and list(self.features)}
        del config["softmax_robust_masking"]
        return config


class GroupQueryAttention(ProjectedAttention):
    """Attention in which groups of query heads share one head of key and value.

    Of a query `(batch, targets, features)` and a value `(batch, sources, features)` becomes `(batch, targets,
    features)`. Call arguments are those of `MultiHeadAttention`.

    Args:
        head_dim: Size of each head.
        num_query_heads: Number of query heads.
        num_key_value_heads: Number of key and value heads, which divides that of query heads.
        dropout: Probability that a weight is dropped before the average.
        use_bias: Whether the projections have a bias.
        sliding_window: As in `MultiHeadAttention`, like all that follow.
        flash_attention: See there.
        kernel_initializer: First values of the kernels.
        bias_initializer: First values of the biases.
        kernel_regularizer: Penalty on the kernels.
        bias_regularizer: Penalty on the biases.
        activity_regularizer: Penalty on the outputs, per sample.
        kernel_constraint: Projection of the kernels after each update.
        bias_constraint: Projection of the biases after each update.
        use_gate: Whether a sigmoid of a projection of the query multiplies the averages.
        seed: Integer folded into the key of the dropout.

    Raises:
        ValueError: If the numbers of heads do not divide.

    >>> from jkeras.core.input import Input
    >>> layer = GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    >>> layer(Input((4, 6)), Input((5, 6))).shape
    (None, 4, 6)
    >>> [w.shape for w in layer.weights if w.name == "kernel"]
    [(6, 4, 3), (6, 2, 3), (6, 2, 3), (4, 3, 6)]

    Reference: Ainslie et al., 2023.
    """

    head_dim: int
    num_query_heads: int
    num_key_value_heads: int

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        arguments = arguments_of(locals())
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        for name in ("head_dim", "num_query_heads", "num_key_value_heads"):
            arguments[name] = positive(self, name, arguments[name])
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "GroupQueryAttention: num_query_heads must be a multiple of num_key_value_heads; "
                f"got {num_query_heads} and {num_key_value_heads}."
            )
        self._keep(**arguments)

    def _heads(self) -> dict[str, tuple[int, int]]:
        shared = (self.num_key_value_heads, self.head_dim)
        return {"query": (self.num_query_heads, self.head_dim), "key": shared, "value": shared}


GroupedQueryAttention = GroupQueryAttention

_SHARED = (
    "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
    "bias_constraint",
)  # fmt: skip
_IMPLEMENTATIONS = {None: None, True: "cudnn", False: "xla"}
# The argument of `call` has the name of the function.
_attention_mask = attention_mask


def _flatten(projected: tuple[Array, ...], axes: tuple[int, ...]) -> tuple[tuple[Array, ...], Any]:
    """Bring arrays `(..., heads, features)` to `(batch, steps, heads, features)`; return them and the way back.

    The axes that are not attended over are a part of the batch.
    """
    query = projected[0]
    others = [axis for axis in range(query.ndim - 2) if axis not in axes]
    order = [*others, *axes, query.ndim - 2, query.ndim - 1]

    def flatten(x: Array) -> Array:
        moved = jnp.transpose(x, order)
        steps = math.prod(moved.shape[len(others) : -2])
        return moved.reshape(math.prod(moved.shape[: len(others)]), steps, *moved.shape[-2:])

    def restore(x: Array) -> Array:
        sizes = [query.shape[axis] for axis in order[:-2]]
        return jnp.transpose(x.reshape(*sizes, *x.shape[-2:]), [order.index(axis) for axis in range(query.ndim)])

    return tuple(map(flatten, projected)), restore


def _combine(where: Array | None, given: Any, query_shape: Sequence[int], sources: int, samples: int) -> Array | None:
    """Return the mask `(batch, 1 or heads, targets, sources)` of the flattened arrays."""
    batch, targets = query_shape[:2]
    if given is not None:
        given = jnp.asarray(given).astype(bool)
        leading = given.shape[:1] if given.size > targets * sources else (1,)
        given = given.reshape(*leading, -1, targets, sources)
    where = None if where is None else where[:, None]
    combined = where if given is None else given if where is None else where & given
    if combined is None or combined.shape[0] in (1, batch):
        return combined
    return jnp.repeat(combined, batch // samples, axis=0)
