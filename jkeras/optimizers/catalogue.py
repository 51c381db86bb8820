"""The optimizers of Keras, each as the transformation of optax that computes the same numbers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import optax

from jkeras.core.registry import Registry
from jkeras.optimizers import transforms
from jkeras.optimizers.base import Optimizer

optimizers = Registry("optimizer", "optimizers")


@optimizers.register_class()
class SGD(Optimizer, learning_rate=0.01):
    """Gradient descent `p += v`, `v = momentum v - rate g`; with `nesterov`, `p += momentum v - rate g`.

    Args:
        momentum: Coefficient of the velocity `v`, in [0, 1]; 0 keeps none.
        nesterov: Whether the step looks ahead along the velocity.

    Reference: Sutskever et al. 2013, http://proceedings.mlr.press/v28/sutskever13.html

    >>> optimizer = SGD(0.5)
    >>> optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0].tolist()
    [-1.0]
    """

    momentum: float = 0.0
    nesterov: bool = False

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        return _with_momentum(transforms.scale_by_rate(rate), self.momentum, self.nesterov)


@optimizers.register_class()
class RMSprop(Optimizer):
    """`p -= rate g / sqrt(v + epsilon)`, `v` a running mean of `g^2` (with `centered`, of the variance of `g`).

    Args:
        rho: Coefficient of the running mean, in [0, 1].
        momentum: Coefficient of a velocity that sums the steps, in [0, 1]; 0 keeps none.
        epsilon: Small number that keeps the quotient finite.
        centered: Whether `v` is the variance of `g` rather than the mean of `g^2`.

    Reference: Tieleman and Hinton 2012, http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf

    >>> optimizer = RMSprop(0.1, rho=0.0)
    >>> round(optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0].item(), 4)
    -0.1
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        scale = optax.scale_by_stddev if self.centered else optax.scale_by_rms
        scaled = optax.chain(scale(self.rho, self.epsilon), transforms.scale_by_rate(rate))
        return _with_momentum(scaled, self.momentum)


def _with_momentum(
    scaled: optax.GradientTransformation, momentum: float, nesterov: bool = False
) -> optax.GradientTransformation:
    """The velocity sums what contains the rate already, so that a change of the rate acts on new gradients only."""
    return optax.chain(scaled, optax.trace(momentum, nesterov)) if momentum else scaled


@optimizers.register_class()
class Adam(Optimizer):
    """`p -= rate_t m / (sqrt(v) + epsilon)`, `rate_t = rate sqrt(1 - beta_2^t) / (1 - beta_1^t)`.

    `m` and `v` are running means of `g` and `g^2`. With `amsgrad`, `v` is the largest so far.

    Args:
        beta_1: Coefficient of the running mean of the gradients, in [0, 1].
        beta_2: Coefficient of the running mean of their squares, in [0, 1].
        epsilon: Small number that keeps the quotient finite.
        amsgrad: Whether `v` is the largest second moment so far.
        adaptive_epsilon: Whether epsilon is added to the corrected moment, as in algorithm 1 of the paper (Keras 2).

    Reference: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980 ("epsilon hat", before section 2.1)

    >>> optimizer = Adam(0.1)
    >>> round(optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0].item(), 4)
    -0.1
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    amsgrad: bool = False
    adaptive_epsilon = False

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        # optax adds epsilon to the root of the corrected moment, Keras to that of the uncorrected one.
        correction = jnp.sqrt(1 - self.beta_2 ** jnp.asarray(step + 1, jnp.float32))
        epsilon = self.epsilon * correction if self.adaptive_epsilon else self.epsilon
        if self.amsgrad:
            scale = transforms.scale_by_amsgrad(self.beta_1, self.beta_2, epsilon, step)
        else:
            scale = optax.scale_by_adam(self.beta_1, self.beta_2, epsilon / correction)
        return optax.chain(scale, transforms.scale_by_rate(rate))


@optimizers.register_class()
class AdamW(Adam):
    """Adam with weight decay that is decoupled from the gradient: before each step, `p -= rate weight_decay p`.

    Reference: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101

    >>> optimizer, params = AdamW(0.1, weight_decay=0.5), jnp.ones(1)
    >>> round(optimizer.update(jnp.array([2.0]), optimizer.init(params), params)[0].item(), 4)
    -0.15
    """

    weight_decay: float | None = 0.004


@optimizers.register_class()
class Adamax(Optimizer):
    """Adam with the infinity norm: `p -= rate m / ((1 - beta_1^t) (u + epsilon))`, `u = max(beta_2 u, |g|)`.

    Args:
        beta_1: Coefficient of the running mean of the gradients, in [0, 1].
        beta_2: How slowly `u` is forgotten, in [0, 1].
        epsilon: Small number that keeps the quotient finite.

    Reference: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980, section 7

    >>> optimizer = Adamax(0.1)
    >>> round(optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0].item(), 4)
    -0.1
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        scale = optax.scale_by_adamax(self.beta_1, self.beta_2, self.epsilon)
        return optax.chain(scale, transforms.scale_by_rate(rate))


@optimizers.register_class()
class Nadam(Optimizer):
    """Adam with Nesterov momentum, whose coefficient rises: `mu_t = beta_1 (1 - 0.96^(t schedule_decay) / 2)`.

    `p -= rate (mu_{t+1} m / (1 - M_{t+1}) + (1 - mu_t) g / (1 - M_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)`, with
    running means `m` and `v` of `g` and `g^2`, and `M_t` the product of all `mu` up to `t`.

    Args:
        beta_1: Coefficient of the running mean of the gradients, in [0, 1].
        beta_2: Coefficient of the running mean of their squares, in [0, 1].
        epsilon: Small number that keeps the quotient finite.
        schedule_decay: How fast the momentum rises (Keras 1 and 2).

    Reference: Dozat 2015, http://cs229.stanford.edu/proj2015/054_report.pdf

    >>> optimizer = Nadam(0.1)
    >>> round(optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0].item(), 4)
    -0.1063
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    schedule_decay = 1.0

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        scale = transforms.scale_by_nadam(self.beta_1, self.beta_2, self.epsilon, step, self.schedule_decay)
        return optax.chain(scale, transforms.scale_by_rate(rate))


@optimizers.register_class()
class Adagrad(Optimizer):
    """`p -= rate g / sqrt(n + epsilon)`, `n` the sum of `g^2`, beginning at `initial_accumulator_value`.

    Args:
        initial_accumulator_value: First value of `n`.
        epsilon: Small number that keeps the quotient finite.

    Reference: Duchi et al. 2011, https://www.jmlr.org/papers/v12/duchi11a.html

    >>> optimizer = Adagrad(0.1, initial_accumulator_value=0.0)
    >>> round(optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0].item(), 4)
    -0.1
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        scale = optax.scale_by_rss(self.initial_accumulator_value, self.epsilon)
        return optax.chain(scale, transforms.scale_by_rate(rate))


@optimizers.register_class()
class Adadelta(Optimizer):
    """`p -= rate g sqrt(d + epsilon) / sqrt(v + epsilon)`; `v` and `d`: running means of `g^2` and the squared steps.

    Args:
        rho: Coefficient of the running means, in [0, 1].
        epsilon: Small number that keeps the quotient finite.

    Reference: Zeiler 2012, https://arxiv.org/abs/1212.5701

    >>> optimizer = Adadelta(1.0)
    >>> bool(optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0] < 0)
    True
    """

    rho: float = 0.95
    epsilon: float = 1e-7

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        return optax.chain(optax.scale_by_adadelta(self.rho, self.epsilon), transforms.scale_by_rate(rate))


@optimizers.register_class()
class Ftrl(Optimizer):
    """Follow the regularised leader, for sparse linear models. It needs the parameters.

    `p = (clip(z, -l1, l1) - z) / (s + 2 l2 + beta / rate)`, with `n` the sum of `g^2`, `s = n^-learning_rate_power /
    rate`, and `z` the sum of `g - ds p`, `ds` being what `s` grew by.

    Args:
        learning_rate_power: Exponent of `n`, the sum of `g^2`, in the rate of a parameter; at most 0.
        initial_accumulator_value: First value of `n`.
        l1_regularization_strength: Pulls parameters to exactly 0.
        l2_regularization_strength: Pulls parameters towards 0.
        l2_shrinkage_regularization_strength: The same, by way of the gradient: `2 strength p` is added to it.
        beta: Added to the root of `n`, in effect.

    Reference: McMahan et al. 2013, https://research.google.com/pubs/archive/41159.pdf

    >>> optimizer, params = Ftrl(0.1), jnp.zeros(1)
    >>> bool(optimizer.update(jnp.array([2.0]), optimizer.init(params), params)[0] < 0)
    True
    """

    learning_rate_power: float = -0.5
    initial_accumulator_value: float = 0.1
    l1_regularization_strength: float = 0.0
    l2_regularization_strength: float = 0.0
    l2_shrinkage_regularization_strength: float = 0.0
    beta: float = 0.0

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        return transforms.ftrl(
            rate,
            self.learning_rate_power,
            self.initial_accumulator_value,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
            self.beta,
        )


@optimizers.register_class()
class Lion(Optimizer):
    """`p -= rate sign(beta_1 m + (1 - beta_1) g)`, `m` a running mean of `g` with coefficient `beta_2`.

    Args:
        beta_1: Share of `m` in the direction, in [0, 1].
        beta_2: Coefficient of the running mean `m`, in [0, 1].

    Reference: Chen et al. 2023, https://arxiv.org/abs/2302.06675

    >>> optimizer = Lion(0.5)
    >>> optimizer.update(jnp.array([2.0]), optimizer.init(jnp.zeros(1)))[0].tolist()
    [-0.5]
    """

    beta_1: float = 0.9
    beta_2: float = 0.99

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        return optax.chain(optax.scale_by_lion(self.beta_1, self.beta_2), transforms.scale_by_rate(rate))


@optimizers.register_class()
class Lamb(Optimizer):
    """Adam whose step is as long as the parameter array, times the rate: `p -= rate |p| u / |u|`.

    `u = m / (sqrt(v) + epsilon)`, with the running means `m` and `v` of `g` and `g^2` corrected for their beginning at
    0. It needs the parameters.

    Args:
        beta_1: Coefficient of the running mean of the gradients, in [0, 1].
        beta_2: Coefficient of the running mean of their squares, in [0, 1].
        epsilon: Small number that keeps the quotient finite.

    Reference: You et al. 2020, https://arxiv.org/abs/1904.00962

    >>> optimizer, params = Lamb(0.1), jnp.array([3.0, 4.0])
    >>> updates, _ = optimizer.update(jnp.ones(2), optimizer.init(params), params)
    >>> round(float(jnp.linalg.norm(updates)), 4)
    0.5
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        scale = optax.scale_by_adam(self.beta_1, self.beta_2, self.epsilon)
        return optax.chain(scale, optax.scale_by_trust_ratio(), transforms.scale_by_rate(rate))


@optimizers.register_class()
class Adafactor(Optimizer):
    """Steps relative to the size of the parameters, with factored second moments. It needs the parameters.

    `p -= rate max(rms(p), epsilon_2) u / max(1, rms(u) / clip_threshold)`, `u = g / sqrt(v)`; of an array with two axes
    or more, `v` is the product of its means over rows and over columns, over the mean of all.

    Args:
        beta_2_decay: The coefficient of the second moment is `1 - t^beta_2_decay` at update `t`.
        epsilon_1: Added to squared gradients.
        epsilon_2: The least root mean square of a parameter array, to which steps are relative.
        clip_threshold: The largest root mean square of an update, before the rate.
        relative_step: Whether the rate is at most `1 / sqrt(t)`.

    Reference: Shazeer and Stern 2018, https://arxiv.org/abs/1804.04235

    >>> optimizer, params = Adafactor(0.1), jnp.ones((2, 2))
    >>> round(optimizer.update(params, optimizer.init(params), params)[0].mean().item(), 4)
    -0.1
    """

    beta_2_decay: float = -0.8
    epsilon_1: float = 1e-30
    epsilon_2: float = 1e-3
    clip_threshold: float = 1.0
    relative_step: bool = True

    def transform(self, rate: Any, step: Any) -> optax.GradientTransformation:
        if self.relative_step:
            rate = jnp.minimum(rate, 1 / jnp.sqrt(jnp.asarray(step + 1, jnp.float32)))
        return optax.chain(
            transforms.scale_by_factored_moment(self.beta_2_decay, self.epsilon_1, step),
            optax.clip_by_block_rms(self.clip_threshold),
            optax.scale_by_param_block_rms(self.epsilon_2),
            transforms.scale_by_rate(rate),
        )
