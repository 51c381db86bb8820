"""Low-rank adaptation: parameters that stay as they are, and small ones beside them that are trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jkeras.core import seeds
from jkeras.trees.parts import Patterns, map_with_path, select


class LowRank(NamedTuple):
    """The change of one weight, seen as a matrix: `a @ b`, with `a` of `(rows, rank)` and `b` of `(rank, columns)`."""

    a: Array
    b: Array


def lora_init(
    rng: Any, params: Mapping[str, Any], pattern: Patterns = "kernel$", rank: int = 4
) -> dict[str, dict[str, LowRank]]:
    """Return adapters for the weights in whose paths a pattern is found; with them the model computes what it did.

    A weight of more than two axes is seen as the matrix that needs the fewest numbers: mostly the kernel of a
    convolution as `(window and channels, filters)`, that of a query in attention as `(features, heads and sizes)`.

    Args:
        rng: A key or an integer seed; each adapter draws from it folded by its path.
        params: The parameters, which may be abstract.
        pattern: A regular expression found in the paths of the weights to adapt; or a list of them.
        rank: The rank of the change.

    Returns:
        `{path: {weight name: LowRank}}`: `a` normal with variance `1 / rows`, `b` zeros.

    Raises:
        ValueError: If a pattern is found in no path or in that of a weight of one axis, or the rank is not below the
            size of a matrix.

    Reference: Hu et al. 2021, "LoRA: low-rank adaptation of large language models", https://arxiv.org/abs/2106.09685

    >>> adapters = lora_init(0, {"dense": {"kernel": jnp.ones((64, 32)), "bias": jnp.ones(32)}}, rank=2)
    >>> jax.tree.map(jnp.shape, adapters)
    {'dense': {'kernel': LowRank(a=(64, 2), b=(2, 32))}}
    """
    key = seeds.as_key(rng)

    def adapter(name: str, leaf: Any) -> LowRank:
        rows, columns = _as_matrix(leaf.shape, name)
        if not 0 < rank < min(rows, columns):
            raise ValueError(
                f"lora_init: the rank must be at least 1 and below {min(rows, columns)} for {name!r}, of shape "
                f"{tuple(leaf.shape)}; got {rank}. Choose a smaller rank, or a pattern that leaves this weight out."
            )
        a = jax.random.normal(seeds.fold_path(key, name), (rows, rank), leaf.dtype) / math.sqrt(rows)
        return LowRank(a, jnp.zeros((rank, columns), leaf.dtype))

    return map_with_path(adapter, select(params, pattern))


def lora(params: Mapping[str, Any], adapters: Mapping[str, Any], alpha: float = 8.0) -> dict[str, Any]:
    """Return the parameters with the change of the adapters: `kernel + alpha / rank * a @ b`, in the kernel's shape.

    What is differentiated by the adapters trains them and nothing else. To keep the result, `model.params = lora(...)`.

    Args:
        params: The parameters that stay as they are.
        adapters: What `lora_init` returned, trained or not.
        alpha: The strength of the change.

    Returns:
        A tree of the structure, shapes and dtypes of `params`.

    Raises:
        ValueError: If there is an adapter for what `params` does not have.

    >>> kernel = jnp.zeros((3, 2))
    >>> adapters = {"dense": {"kernel": LowRank(jnp.ones((3, 1)), jnp.asarray([[1.0, 2.0]]))}}
    >>> lora({"dense": {"kernel": kernel}}, adapters, alpha=0.5)["dense"]["kernel"].tolist()
    [[0.5, 1.0], [0.5, 1.0], [0.5, 1.0]]
    """
    unknown = [
        f"{key}/{name}" for key, weights in adapters.items() for name in weights if name not in params.get(key, {})
    ]
    if unknown:
        raise ValueError(f"lora: there are adapters for {', '.join(unknown)}, which params does not have.")

    def changed(weight: Any, adapter: LowRank) -> Any:
        return weight + (alpha / adapter.a.shape[-1] * (adapter.a @ adapter.b)).reshape(weight.shape)

    return {
        key: {name: changed(w, adapters[key][name]) if name in adapters.get(key, {}) else w for name, w in part.items()}
        for key, part in params.items()
    }


def _as_matrix(shape: tuple[int, ...], name: str) -> tuple[int, int]:
    if len(shape) < 2:
        raise ValueError(
            f"lora_init: {name!r} has the shape {tuple(shape)}; only a weight of two axes or more has a low rank. "
            "Write a pattern such as 'kernel$', or '(kernel|embeddings)$'."
        )
    cuts = [(math.prod(shape[:axis]), math.prod(shape[axis:])) for axis in range(1, len(shape))]
    return min(cuts, key=sum)
