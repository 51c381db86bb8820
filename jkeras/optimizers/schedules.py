"""Learning rates as functions of the step, numbered from 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jkeras.core.config import Configurable
from jkeras.core.registry import Registry

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule",
    "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip

schedules = Registry("learning rate schedule", "optimizers.schedules")


class LearningRateSchedule(Configurable):
    """A learning rate that depends on the step: subclass it and define `__call__(step)`.

    `step` is the number of updates done so far, an int32 scalar that is traced inside a compiled training step: compute
    with `jax.numpy`, and use `jnp.where` instead of `if`. The result is a float32 scalar.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** step
    >>> Halving()(2)
    0.025
    """

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of the update after `step` others."""
        raise TypeError(f"{type(self).__name__} must define __call__(self, step) and return the learning rate.")


@schedules.register_class()
class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate^(step / decay_steps)`; with `staircase` the exponent is rounded down.

    Args:
        initial_learning_rate: The rate of step 0.
        decay_steps: Steps after which the rate is `decay_rate` times what it was; above 0.
        decay_rate: Factor of a period.
        staircase: Whether the rate changes at whole periods only.
        name: Kept for Keras; nothing depends on it.

    >>> round(float(ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)(4)), 6)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        decayed = optax.exponential_decay(
            self.initial_learning_rate, self.decay_steps, self.decay_rate, staircase=self.staircase
        )
        return _float(decayed(_float(step)))


@schedules.register_class()
class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` up to and including step `boundaries[i]`, the last value after that.

    Args:
        boundaries: Steps, rising.
        values: Rates, one more than boundaries.
        name: Kept for Keras; nothing depends on it.

    Raises:
        ValueError: If their numbers do not fit.

    >>> rate = PiecewiseConstantDecay(boundaries=[2], values=[1.0, 0.5])
    >>> float(rate(2)), float(rate(3))
    (1.0, 0.5)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay needs one value more than boundaries; "
                f"got {len(values)} values and {len(boundaries)} boundaries."
            )
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        passed = jnp.sum(jnp.asarray(step) > jnp.asarray(self.boundaries), dtype=jnp.int32)
        return _float(self.values)[passed]


@schedules.register_class()
class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) (1 - step / decay_steps)^power + end`, constant after `decay_steps`.

    Args:
        initial_learning_rate: The rate of step 0.
        decay_steps: Steps until the end, above 0.
        end_learning_rate: The rate at the end.
        power: Exponent; 1 is a line.
        cycle: Whether the horizon grows to the next multiple of `decay_steps` instead.
        name: Kept for Keras; nothing depends on it.

    >>> round(float(PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5)), 6)
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        fraction = _float(step) / self.decay_steps
        if self.cycle:
            fraction = fraction / jnp.maximum(jnp.ceil(fraction), 1)
        decayed = optax.polynomial_schedule(self.initial_learning_rate, self.end_learning_rate, self.power, 1)
        return _float(decayed(fraction))


@schedules.register_class()
class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate step / decay_steps)`; with `staircase` the quotient is rounded down.

    Args:
        initial_learning_rate: The rate of step 0.
        decay_steps: Steps of a period, above 0.
        decay_rate: How much the divisor grows in a period.
        staircase: Whether the rate changes at whole periods only.
        name: Kept for Keras; nothing depends on it.

    >>> round(float(InverseTimeDecay(0.1, decay_steps=1, decay_rate=1.0)(1)), 6)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        periods = _float(step) / self.decay_steps
        periods = jnp.floor(periods) if self.staircase else periods
        return self.initial_learning_rate / (1 + self.decay_rate * periods)


@schedules.register_class()
class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to `alpha` times it, after an optional linear warmup.

    Without warmup: `r (1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + r alpha`. With `warmup_target` the rate first
    rises from `initial_learning_rate` to it over `warmup_steps`, and the cosine begins there.

    Args:
        initial_learning_rate: The rate of step 0, `r`.
        decay_steps: Steps of the cosine, above 0.
        alpha: The rate at the end, as a share of that at the beginning of the cosine.
        name: Kept for Keras; nothing depends on it.
        warmup_target: The rate at the end of the warmup; None for no warmup.
        warmup_steps: Steps of the warmup.

    Reference: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983

    >>> round(float(CosineDecay(1.0, decay_steps=10)(5)), 6)
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> jax.Array:
        step = _float(step)
        if self.warmup_target is None:
            return _float(optax.cosine_decay_schedule(self.initial_learning_rate, self.decay_steps, self.alpha)(step))
        warmup = optax.linear_schedule(self.initial_learning_rate, self.warmup_target, self.warmup_steps)
        cosine = optax.cosine_decay_schedule(self.warmup_target, self.decay_steps, self.alpha)
        return _float(optax.join_schedules([warmup, cosine], [self.warmup_steps])(step))


@schedules.register_class()
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay that starts again: each period is `t_mul` times as long, and begins `m_mul` times as high.

    `initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(pi f)) / 2 + alpha)` at the fraction `f` of period `i`.

    Args:
        initial_learning_rate: The rate of step 0.
        first_decay_steps: Steps of the first period, above 0.
        t_mul: Length of a period over that of the one before.
        m_mul: First rate of a period over that of the one before.
        alpha: The lowest rate, as a share of the initial one.
        name: Kept for Keras; nothing depends on it.

    Reference: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983

    >>> round(float(CosineDecayRestarts(1.0, first_decay_steps=2, m_mul=0.5)(2)), 6)
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive("first_decay_steps", first_decay_steps)
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> jax.Array:
        elapsed = _float(step) / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = jnp.floor(elapsed)
            fraction = elapsed - restarts
        else:
            restarts = jnp.floor(jnp.log(1 - elapsed * (1 - self.t_mul)) / jnp.log(self.t_mul))
            started = (1 - self.t_mul**restarts) / (1 - self.t_mul)
            fraction = (elapsed - started) / self.t_mul**restarts
        cosine = self.m_mul**restarts * (1 + jnp.cos(jnp.pi * fraction)) / 2
        return self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha)


def _float(value: Any) -> jax.Array:
    return jnp.asarray(value, jnp.float32)


def _positive(name: str, value: int) -> int:
    if value <= 0:
        raise ValueError(f"{name} must be positive; got {value}.")
    return value


def serialize(learning_rate_schedule: LearningRateSchedule, use_legacy_format: bool = True) -> dict[str, Any]:
    """Return a schedule as its class name and configuration.

    Args:
        learning_rate_schedule: A schedule.
        use_legacy_format: False writes the module besides, as Keras 3 does.

    Returns:
        A dictionary of plain data.

    >>> serialize(InverseTimeDecay(0.1, 1, 0.5))["class_name"]
    'InverseTimeDecay'
    """
    return schedules.serialize(learning_rate_schedule, use_legacy_format)


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False
) -> Any:
    """Return the schedule for what `serialize` returned; `custom_objects` are looked up first.

    Args:
        config: What `serialize` returned, a name, or a schedule.
        custom_objects: Classes by name.
        use_legacy_format: Needless: both formats of Keras are told apart by what they hold.

    Returns:
        A schedule.

    >>> deserialize(serialize(InverseTimeDecay(0.1, 1, 0.5))).decay_rate
    0.5
    """
    return schedules.deserialize(config, custom_objects)
