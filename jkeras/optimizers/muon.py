"""Muon: momentum of matrices made orthogonal, Adam for everything else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jkeras.optimizers import transforms
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.catalogue import Adam, optimizers

_AFTER_NAME = """
exclude_layers exclude_embeddings muon_a muon_b muon_c adam_lr_ratio momentum ns_steps nesterov rms_rate
"""


@optimizers.register_class()
class Muon(Optimizer, after_name=_AFTER_NAME):
    """`p -= rate rms_rate sqrt(max(rows, columns)) O`, `O` nearly the orthogonal factor of the momentum of a matrix.

    `O` comes from `ns_steps` steps of the iteration `X <- a X + (b A + c A^2) X`, `A = X X^T`, from the momentum over
    its norm. What is no matrix, what an embedding holds, and paths in which a pattern of `exclude_layers` is found, are
    trained by Adam with `adam_lr_ratio` times the rate. Either has its own weight decay.

    `optax.contrib.muon` differs: it averages the momentum with bias correction, and scales by `sqrt(rows / columns)`.

    Args:
        adam_beta_1, adam_beta_2: `beta_1` and `beta_2` of Adam.
        adam_weight_decay: Weight decay of what Adam trains.
        epsilon: Epsilon of Adam.
        weight_decay: Weight decay of the matrices.
        exclude_layers: Regular expressions; a path in which one is found is trained by Adam.
        exclude_embeddings: Whether Adam trains paths that contain `embedding`.
        muon_a, muon_b, muon_c: Coefficients `a`, `b`, `c` of the iteration.
        adam_lr_ratio: Rate of Adam over the rate of the matrices.
        momentum: Coefficient of the momentum, in [0, 1].
        ns_steps: Number of iterations.
        nesterov: Whether the momentum looks ahead.
        rms_rate: About the root mean square of a step of rate 1; with None the step is `O` itself.

    Reference: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; Liu et al. 2025,
    https://arxiv.org/abs/2502.16982

    >>> optimizer, params = Muon(0.1, weight_decay=None), jnp.eye(2)
    >>> updates, _ = optimizer.update(jnp.array([[3.0, 0.0], [0.0, 4.0]]), optimizer.init(params), params)
    >>> bool(updates[0, 0] < 0), abs(float(updates[0, 1])) < 1e-6
    (True, True)
    """

    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    adam_weight_decay: float | None = 0.004
    epsilon: float = 1e-7
    weight_decay: float | None = 0.004
    exclude_layers: Sequence[str] | None = None
    exclude_embeddings: bool = True
    muon_a: float = 3.4445
    muon_b: float = -4.775
    muon_c: float = 2.0315
    adam_lr_ratio: float = 1
    momentum: float = 0.95
    ns_steps: int = 5
    nesterov: bool = True
    rms_rate: float | None = 0.2

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        muon = optax.chain(
            optax.trace(self.momentum, self.nesterov),
            orthogonalize((self.muon_a, self.muon_b, self.muon_c), self.ns_steps, self.rms_rate),
            transforms.scale_by_rate(rate),
        )
        adam = Adam(0.0, self.adam_beta_1, self.adam_beta_2, self.epsilon).transform(rate * self.adam_lr_ratio, step)

        def labels(params: Any) -> Any:
            return jax.tree_util.tree_map_with_path(
                lambda path, p: "muon" if self._is_for_muon(transforms.path_name(path), p) else "adam", params
            )

        return optax.partition({"muon": muon, "adam": adam}, labels)

    def _is_for_muon(self, path: str, param: Any) -> bool:
        if param.ndim != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return False
        return not any(re.search(pattern, path) for pattern in self.exclude_layers or ())

    def _decayed(self, inner: optax.GradientTransformation, rate: Any) -> optax.GradientTransformation:
        for factor, is_muon in ((self.weight_decay, True), (self.adam_weight_decay, False)):
            if factor:
                inner = transforms.add_weight_decay(inner, rate * factor, self._decays(is_muon))
        return inner

    def _decays(self, is_muon: bool) -> Any:
        return lambda path, param: self._is_for_muon(path, param) is is_muon and self._is_decayed(path)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments as plain data, with the learning rate of now."""
        return {**super().get_config(), "exclude_layers": list(self.exclude_layers or [])}


def orthogonalize(
    coefficients: tuple[float, float, float], steps: int, rms_rate: float | None
) -> optax.GradientTransformation:
    """Replace each matrix by nearly its orthogonal factor, of root mean square about `rms_rate` (None: unscaled).

    Reference: https://kellerjordan.github.io/posts/muon
    """
    a, b, c = coefficients

    def factor(g: jax.Array) -> jax.Array:
        is_tall = g.shape[0] > g.shape[1]
        x = g.T if is_tall else g  # the smaller Gram matrix
        x = x / (jnp.linalg.norm(x) + 1e-7)
        for _ in range(steps):
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        scale = 1.0 if rms_rate is None else rms_rate * max(g.shape) ** 0.5
        return scale * (x.T if is_tall else x)

    return optax.stateless(lambda updates, _: jax.tree.map(factor, updates))
