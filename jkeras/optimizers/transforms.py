"""Gradient transformations in the style of optax, for what optax lacks or computes otherwise than Keras.

Those that need the number of updates done so far take it as `step` instead of counting themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

Tree = Any
Scalar = Any


def scale_by_rate(rate: Scalar) -> optax.GradientTransformation:
    """Multiply by `-rate` in the dtype of each update, so that a float32 rate does not widen bfloat16 ones."""
    return optax.stateless(lambda updates, _: jax.tree.map(lambda u: u * jnp.asarray(-rate, u.dtype), updates))


def clip_each_by_norm(limit: float) -> optax.GradientTransformation:
    """Scale each array down to the norm `limit` if its norm is larger."""

    def clip(update: jax.Array) -> jax.Array:
        squared_norm = jnp.sum(jnp.square(update))
        norm = jnp.sqrt(jnp.where(squared_norm > 0, squared_norm, 1))
        return jnp.where(squared_norm > 0, update * limit / jnp.maximum(norm, limit), update)

    return optax.stateless(lambda updates, _: jax.tree.map(clip, updates))


def add_weight_decay(
    inner: optax.GradientTransformation, factor: Scalar, is_decayed: Callable[[str, jax.Array], bool]
) -> optax.GradientTransformation:
    """Shrink the parameters by `factor` before `inner` sees them, as decoupled weight decay does in Keras."""

    def decay(path: Any, param: jax.Array) -> jax.Array:
        if not is_decayed(path_name(path), param):
            return jnp.zeros_like(param)
        return -param * jnp.asarray(factor, param.dtype)

    def update(updates: Tree, state: Tree, params: Tree = None) -> Tree:
        if params is None:
            raise ValueError("Weight decay needs the parameters: opt.update(grads, opt_state, params).")
        shrinkage = jax.tree_util.tree_map_with_path(decay, params)
        updates, state = inner.update(updates, state, optax.apply_updates(params, shrinkage))
        return jax.tree.map(jnp.add, updates, shrinkage), state

    return optax.GradientTransformation(inner.init, update)


def keep_dtypes(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return updates in the dtypes of the parameters, or of the gradients where no parameters are given."""

    def update(updates: Tree, state: Tree, params: Tree = None) -> Tree:
        like = updates if params is None else params
        updates, state = inner.update(updates, state, params)
        return jax.tree.map(lambda u, p: u.astype(p.dtype), updates, like), state

    return optax.GradientTransformation(inner.init, update)


def path_name(path: Any) -> str:
    """Return the path of a leaf as in `"dense/kernel"`."""
    return "/".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in path)


class AmsgradState(NamedTuple):
    """First and second moments, and the largest second moment so far."""

    mu: Tree
    nu: Tree
    nu_max: Tree


def scale_by_amsgrad(b1: float, b2: float, eps: Scalar, step: Scalar) -> optax.GradientTransformation:
    """AMSGrad whose maximum is over the moments before bias correction (`optax.scale_by_amsgrad` corrects first).

    Reference: Reddi et al. 2018, https://openreview.net/forum?id=ryQu7f-RZ
    """

    def init(params: Tree) -> AmsgradState:
        return AmsgradState(*(jax.tree.map(jnp.zeros_like, params) for _ in range(3)))

    def update(updates: Tree, state: Tree, params: Tree = None) -> Tree:
        mu, nu = _moments(updates, state.mu, state.nu, b1, b2)
        nu_max = jax.tree.map(jnp.maximum, state.nu_max, nu)
        ratio = jnp.sqrt(_correction(b2, step)) / _correction(b1, step)
        updates = jax.tree.map(lambda m, v: ratio.astype(m.dtype) * m / (jnp.sqrt(v) + eps), mu, nu_max)
        return updates, AmsgradState(mu, nu, nu_max)

    return optax.GradientTransformation(init, update)


class NadamState(NamedTuple):
    """First and second moments, and the product of the momenta so far."""

    mu: Tree
    nu: Tree
    momentum_product: jax.Array


def scale_by_nadam(
    b1: float, b2: float, eps: float, step: Scalar, schedule_decay: float = 1.0
) -> optax.GradientTransformation:
    """Adam with Nesterov momentum whose coefficient rises as `b1 (1 - 0.96^(t schedule_decay) / 2)`.

    `optax.nadam` keeps the coefficient constant.

    Reference: Dozat 2015, http://cs229.stanford.edu/proj2015/054_report.pdf
    """

    def momentum(t: Scalar) -> Scalar:
        return b1 * (1 - 0.5 * 0.96 ** (t * schedule_decay))

    def init(params: Tree) -> NadamState:
        mu, nu = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
        return NadamState(mu, nu, jnp.ones((), jnp.float32))

    def update(updates: Tree, state: Tree, params: Tree = None) -> Tree:
        mu, nu = _moments(updates, state.mu, state.nu, b1, b2)
        t = jnp.asarray(step + 1, jnp.float32)
        now, following = momentum(t), momentum(t + 1)
        product = state.momentum_product * now
        of_mean = following / (1 - product * following)
        of_gradient = (1 - now) / (1 - product)
        correction = _correction(b2, step)

        def direction(g: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            lookahead = of_mean.astype(m.dtype) * m + of_gradient.astype(g.dtype) * g
            return lookahead / (jnp.sqrt(v / correction.astype(v.dtype)) + eps)

        return jax.tree.map(direction, updates, mu, nu), NadamState(mu, nu, product)

    return optax.GradientTransformation(init, update)


def _moments(updates: Tree, mu: Tree, nu: Tree, b1: float, b2: float) -> tuple[Tree, Tree]:
    return (
        jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, mu, updates),
        jax.tree.map(lambda v, g: b2 * v + (1 - b2) * jnp.square(g), nu, updates),
    )


def _correction(decay: float, step: Scalar) -> jax.Array:
    return 1 - decay ** jnp.asarray(step + 1, jnp.float32)


class FtrlState(NamedTuple):
    """Sums of squared gradients, and the linear terms."""

    accumulator: Tree
    linear: Tree


def ftrl(
    rate: Scalar, power: float, initial_accumulator: float, l1: float, l2: float, l2_shrinkage: float, beta: float
) -> optax.GradientTransformation:
    """Follow the regularised leader. The updates contain the rate, which enters more than linearly.

    Reference: McMahan et al. 2013, https://research.google.com/pubs/archive/41159.pdf
    """

    def init(params: Tree) -> FtrlState:
        accumulator = jax.tree.map(lambda p: jnp.full_like(p, initial_accumulator), params)
        return FtrlState(accumulator, jax.tree.map(jnp.zeros_like, params))

    def one(g: jax.Array, n: jax.Array, z: jax.Array, p: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        own_rate = jnp.asarray(rate, p.dtype)
        n_new = n + jnp.square(g)
        scale, scale_new = n**-power / own_rate, n_new**-power / own_rate
        z = z + g + 2 * l2_shrinkage * p - (scale_new - scale) * p
        new = (jnp.clip(z, -l1, l1) - z) / (scale_new + 2 * l2 + beta / own_rate)
        return new - p, n_new, z

    def update(updates: Tree, state: Tree, params: Tree = None) -> Tree:
        if params is None:
            raise ValueError("Ftrl needs the parameters: opt.update(grads, opt_state, params).")
        results = jax.tree.map(one, updates, state.accumulator, state.linear, params)
        updates, accumulator, linear = _unzip(results, updates, 3)
        return updates, FtrlState(accumulator, linear)

    return optax.GradientTransformation(init, update)


class FactoredState(NamedTuple):
    """Second moments: of matrices the means of rows and of columns; of vectors in full, in `row`."""

    row: Tree
    column: Tree


def scale_by_factored_moment(beta_2_decay: float, eps: float, step: Scalar) -> optax.GradientTransformation:
    """Divide by the root of a second moment that is factored over the last two axes.

    `optax.scale_by_factored_rms` factors the two largest axes, which differ from the last two in some kernels.

    Reference: Shazeer and Stern 2018, https://arxiv.org/abs/1804.04235
    """

    def init(params: Tree) -> FactoredState:
        row = jax.tree.map(lambda p: jnp.zeros(p.shape[:-1] if p.ndim > 1 else p.shape, p.dtype), params)
        column = jax.tree.map(lambda p: jnp.zeros(p.shape[:-2] + p.shape[-1:] if p.ndim > 1 else (), p.dtype), params)
        return FactoredState(row, column)

    def one(g: jax.Array, row: jax.Array, column: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        keep = (1 - jnp.asarray(step + 1, jnp.float32) ** beta_2_decay).astype(g.dtype)
        square = jnp.square(g) + eps
        if g.ndim < 2:
            row = keep * row + (1 - keep) * square
            return g * jax.lax.rsqrt(row), row, column
        row = keep * row + (1 - keep) * jnp.mean(square, axis=-1)
        column = keep * column + (1 - keep) * jnp.mean(square, axis=-2)
        moment = (row / jnp.mean(row, axis=-1, keepdims=True))[..., None] * column[..., None, :]
        return g * jax.lax.rsqrt(moment), row, column

    def update(updates: Tree, state: Tree, params: Tree = None) -> Tree:
        updates, row, column = _unzip(jax.tree.map(one, updates, state.row, state.column), updates, 3)
        return updates, FactoredState(row, column)

    return optax.GradientTransformation(init, update)


def _unzip(results: Tree, like: Tree, count: int) -> tuple[Tree, ...]:
    return jax.tree.transpose(jax.tree.structure(like), jax.tree.structure((0,) * count), results)
