"""A layer with inputs and what it computes from them, shared by the checks that change nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.layer import Layer
from jkeras.core.template import walk

KEY = jax.random.key(7)

# What is checked is what is traced; how well it is optimised is not, and takes most of the time.
compiled = functools.partial(
    jax.jit, compiler_options={"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
)


class Case:
    """A layer on inputs.

    Args:
        make: Makes the layer; each time one of the same configuration.
        inputs: An array, or a tree of arrays.
        other: Inputs of the same shapes with other numbers; random ones if left out.
        mask: A mask of the first input, `(batch, steps)`.
        flat: Whether its outputs are constant but for jumps, so that its gradient is zero.
        closes_over_params: Whether its gradient with respect to params cannot be taken, as for a `jax.custom_vjp` that
            closes over them.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        inputs: Any,
        other: Any = None,
        mask: Any = None,
        flat: bool = False,
        closes_over_params: bool = False,
    ):
        self.make, self.inputs = make, jax.tree.map(np.asarray, inputs)
        self.other = jax.tree.map(_shuffled, self.inputs) if other is None else other
        self.mask = None if mask is None else np.asarray(mask, bool)
        self.flat, self.closes_over_params = flat, closes_over_params
        self.x = jax.tree.map(jnp.asarray, inputs)
        self.is_integer = not any(jnp.issubdtype(a.dtype, jnp.inexact) for a in jax.tree.leaves(self.x))

    @functools.cached_property
    def layer(self) -> Layer:
        """The layer that is initialised."""
        return self.make()

    @functools.cached_property
    def trees(self) -> tuple[Any, Any]:
        """Its params and state."""
        return self.layer.init(KEY, self.x)

    @property
    def params(self) -> Any:
        """Its params."""
        return self.trees[0]

    @property
    def state(self) -> Any:
        """Its state."""
        return self.trees[1]

    @functools.cached_property
    def jitted(self) -> Callable[..., Any]:
        """`apply`, compiled; `training` is static."""
        _ = self.trees
        return compiled(self.apply, static_argnames="training")

    @functools.cached_property
    def expected(self) -> tuple[Any, Any]:
        """What it computes in training."""
        return self.jitted(*self.trees, self.x, KEY)

    def apply(self, params: Any, state: Any, x: Any, rng: Any, training: bool = True, **kwargs: Any) -> Any:
        """Run the layer, in training unless told otherwise."""
        return self.layer.apply(params, state, x, training=training, rng=rng, **kwargs)


def expect(condition: Any, message: str) -> None:
    """Raise `AssertionError` with a message unless the condition holds; also where Python drops `assert`."""
    if not condition:
        raise AssertionError(message)


def close(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    """Raise unless two trees of arrays are close."""
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, tolerance, tolerance), a, b)


def snapshot(layer: Layer) -> Any:
    """Return what a template holds, but for the shapes that `init` declares."""
    return [
        (path, {k: [*v] if type(v) is list else v for k, v in vars(t).items()}, [(w, w._array) for w in t._weights])
        for path, t in walk(layer)
    ]


def unchanged(before: Any, after: Any) -> None:
    """Raise unless two snapshots are of the same things."""
    for (path, attributes, weights), (_, attributes_after, weights_after) in zip(before, after, strict=True):
        new = ", ".join(attributes_after.keys() ^ attributes.keys())
        expect(not new, f"{path}: the attributes {new} came or went")
        for name, value in attributes.items():
            now = attributes_after[name]
            equal = type(now) is list and len(now) == len(value) and all(a is b for a, b in zip(now, value))
            expect(equal or now is value, f"{path}: the attribute {name!r} changed")
        for one, other in zip(weights, weights_after, strict=True):
            expect(one[0] is other[0] and one[1] is other[1], f"{path}: the weight {one[0].name!r} changed")


def _shuffled(array: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).permutation(array.ravel()).reshape(array.shape)
