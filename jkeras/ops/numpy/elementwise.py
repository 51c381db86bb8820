"""Functions of one element of each operand: arithmetic, exponentials, trigonometry, comparison, logic, bits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import publish
from jkeras.ops.operands import row

_row = functools.partial(row, elementwise=True)


def _fractional(function: Callable[[Any], Array]) -> Callable[[Any], Array]:
    """Return `function` of numbers with a fractional part: integers become floats first."""

    def compute(x: Any) -> Array:
        return function(x if jnp.issubdtype(jnp.result_type(x), jnp.inexact) else jnp.asarray(x, jnp.float32))

    compute.__name__ = function.__name__
    return compute


def _divide_no_nan(x1: Any, x2: Any) -> Array:
    # The inner choice keeps the gradient finite: that of the branch not taken would be NaN.
    zero = jnp.equal(x2, 0)
    quotient = jnp.divide(x1, jnp.where(zero, jnp.ones_like(x2), x2))
    return jnp.where(zero, jnp.zeros_like(quotient), quotient)


def _clip(x: Any, x_min: Any, x_max: Any) -> Array:
    is_bool = jnp.issubdtype(jnp.result_type(x), jnp.bool_)
    return jnp.clip(jnp.asarray(x, jnp.int32) if is_bool else x, x_min, x_max)


def _round(x: Any, *, decimals: int) -> Array:
    if decimals >= 0 or not jnp.issubdtype(jnp.result_type(x), jnp.integer):
        return jnp.round(x, decimals)
    unit = 10**-decimals
    return (jnp.round(jnp.divide(x, unit)) * unit).astype(jnp.result_type(x))


# Arithmetic

add = _row(jnp.add, "x1, x2", "`x1 + x2`.")
subtract = _row(jnp.subtract, "x1, x2", "`x1 - x2`.")
multiply = _row(jnp.multiply, "x1, x2", "`x1 * x2`.")
divide = _row(jnp.divide, "x1, x2", "`x1 / x2`, of integers too.")
true_divide = _row(jnp.true_divide, "x1, x2", "`x1 / x2`, of integers too.")
divide_no_nan = _row(_divide_no_nan, "x1, x2", "`x1 / x2`, and 0 where `x2` is 0.")
floor_divide = _row(jnp.floor_divide, "x1, x2", "The largest integer up to `x1 / x2`.")
mod = _row(jnp.mod, "x1, x2", "`x1 - x2 * floor(x1 / x2)`: the remainder with the sign of `x2`.")
fmod = _row(jnp.fmod, "x1, x2", "`x1 - x2 * trunc(x1 / x2)`: the remainder with the sign of `x1`.")
power = _row(jnp.power, "x1, x2", "`x1 ** x2`.")
gcd = _row(jnp.gcd, "x1, x2", "Greatest common divisor.")
lcm = _row(jnp.lcm, "x1, x2", "Least common multiple.")
negative = _row(jnp.negative, "x", "`-x`.")
reciprocal = _row(jnp.reciprocal, "x", "`1 / x`.")
square = _row(jnp.square, "x", "`x * x`.")
sqrt = _row(jnp.sqrt, "x", "Square root.")
cbrt = _row(jnp.cbrt, "x", "Cube root.")
hypot = _row(jnp.hypot, "x1, x2", "`sqrt(x1^2 + x2^2)`.")
sign = _row(jnp.sign, "x", "-1, 0 or 1, as `x` is negative, zero or positive.")
heaviside = _row(jnp.heaviside, "x1, x2", "0 where `x1` is negative, `x2` where it is zero, 1 where it is positive.")
abs = _row(jnp.abs, "x", "Absolute value.")
absolute = _row(jnp.absolute, "x", "Absolute value.")
fabs = _row(jnp.fabs, "x", "Absolute value as a float.")
maximum = _row(jnp.maximum, "x1, x2", "The larger of both; NaN if either is.")
minimum = _row(jnp.minimum, "x1, x2", "The smaller of both; NaN if either is.")
fmax = _row(jnp.fmax, "x1, x2", "The larger of both; the other one if one is NaN.")
fmin = _row(jnp.fmin, "x1, x2", "The smaller of both; the other one if one is NaN.")
clip = _row(_clip, "x, x_min, x_max", "The nearest value from `x_min` to `x_max`; either may be None.")

# Rounding and representation

ceil = _row(_fractional(jnp.ceil), "x", "The smallest whole number from `x` on, as a float.")
floor = _row(_fractional(jnp.floor), "x", "The largest whole number up to `x`, as a float.")
trunc = _row(jnp.trunc, "x", "`x` without its fractional part.")
round = _row(_round, "x, decimals=0", "The nearest number of so many decimals; halves go to the even one.")
nextafter = _row(jnp.nextafter, "x1, x2", "The float next to `x1` towards `x2`.")
ldexp = _row(jnp.ldexp, "x1, x2", "`x1 * 2 ** x2`, for integers `x2`.")
signbit = _row(jnp.signbit, "x", "Whether the sign is negative, of zeros too.")
nan_to_num = _row(
    jnp.nan_to_num,
    "x, nan=0.0, posinf=None, neginf=None",
    "Finite numbers in place of NaN and the infinities; None is the largest finite number.",
)
copy = _row(jnp.copy, "x", "A copy.")

# Complex numbers

angle = _row(jnp.angle, "x", "Angle of complex numbers in radians.")
conj = _row(jnp.conj, "x", "Complex conjugate.")
conjugate = _row(jnp.conjugate, "x", "Complex conjugate.")
real = _row(jnp.real, "x", "Real part.")
imag = _row(jnp.imag, "x", "Imaginary part.")
isreal = _row(jnp.isreal, "x", "Whether the imaginary part is zero.")

# Exponentials and logarithms

exp = _row(jnp.exp, "x", "`e ** x`.")
exp2 = _row(jnp.exp2, "x", "`2 ** x`.")
expm1 = _row(jnp.expm1, "x", "`e ** x - 1`, exact where it is small.")
log = _row(jnp.log, "x", "Natural logarithm.")
log2 = _row(jnp.log2, "x", "Logarithm to base 2.")
log10 = _row(jnp.log10, "x", "Logarithm to base 10.")
log1p = _row(jnp.log1p, "x", "`log(1 + x)`, exact where it is small.")
logaddexp = _row(jnp.logaddexp, "x1, x2", "`log(exp(x1) + exp(x2))` without overflow.")
logaddexp2 = _row(jnp.logaddexp2, "x1, x2", "`log2(2 ** x1 + 2 ** x2)` without overflow.")
i0 = _row(jnp.i0, "x", "Modified Bessel function of the first kind, order 0.")

# Trigonometry, in radians

sin = _row(jnp.sin, "x", "Sine.")
cos = _row(jnp.cos, "x", "Cosine.")
tan = _row(jnp.tan, "x", "Tangent.")
arcsin = _row(jnp.arcsin, "x", "Inverse sine.")
arccos = _row(jnp.arccos, "x", "Inverse cosine.")
arctan = _row(jnp.arctan, "x", "Inverse tangent.")
arctan2 = _row(jnp.arctan2, "x1, x2", "Angle of the point `(x2, x1)`.")
sinh = _row(jnp.sinh, "x", "Hyperbolic sine.")
cosh = _row(jnp.cosh, "x", "Hyperbolic cosine.")
tanh = _row(jnp.tanh, "x", "Hyperbolic tangent.")
arcsinh = _row(jnp.arcsinh, "x", "Inverse hyperbolic sine.")
arccosh = _row(jnp.arccosh, "x", "Inverse hyperbolic cosine.")
arctanh = _row(jnp.arctanh, "x", "Inverse hyperbolic tangent.")
sinc = _row(jnp.sinc, "x", "`sin(pi x) / (pi x)`, and 1 at zero.")
deg2rad = _row(jnp.deg2rad, "x", "Radians from degrees.")
rad2deg = _row(jnp.rad2deg, "x", "Degrees from radians.")

# Comparison

equal = _row(jnp.equal, "x1, x2", "`x1 == x2`.")
not_equal = _row(jnp.not_equal, "x1, x2", "`x1 != x2`.")
less = _row(jnp.less, "x1, x2", "`x1 < x2`.")
less_equal = _row(jnp.less_equal, "x1, x2", "`x1 <= x2`.")
greater = _row(jnp.greater, "x1, x2", "`x1 > x2`.")
greater_equal = _row(jnp.greater_equal, "x1, x2", "`x1 >= x2`.")
isclose = _row(
    jnp.isclose, "x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False", "Whether `|x1 - x2| <= atol + rtol * |x2|`."
)
isfinite = _row(jnp.isfinite, "x", "Whether it is neither NaN nor infinite.")
isinf = _row(jnp.isinf, "x", "Whether it is infinite.")
isnan = _row(jnp.isnan, "x", "Whether it is NaN.")
isneginf = _row(jnp.isneginf, "x", "Whether it is minus infinity.")
isposinf = _row(jnp.isposinf, "x", "Whether it is plus infinity.")

# Logic and bits

logical_and = _row(jnp.logical_and, "x1, x2", "Whether both are true.")
logical_or = _row(jnp.logical_or, "x1, x2", "Whether one or both are true.")
logical_xor = _row(jnp.logical_xor, "x1, x2", "Whether exactly one is true.")
logical_not = _row(jnp.logical_not, "x", "Whether it is false.")
bitwise_and = _row(jnp.bitwise_and, "x, y", "The bits that both have.")
bitwise_or = _row(jnp.bitwise_or, "x, y", "The bits that one or both have.")
bitwise_xor = _row(jnp.bitwise_xor, "x, y", "The bits that exactly one has.")
bitwise_not = _row(jnp.bitwise_not, "x", "All bits inverted.")
bitwise_invert = _row(jnp.bitwise_invert, "x", "All bits inverted.")
bitwise_left_shift = _row(jnp.bitwise_left_shift, "x, y", "`x * 2 ** y` of integers.")
bitwise_right_shift = _row(jnp.bitwise_right_shift, "x, y", "`floor(x / 2 ** y)` of integers.")
left_shift = _row(jnp.left_shift, "x, y", "`x * 2 ** y` of integers.")
right_shift = _row(jnp.right_shift, "x, y", "`floor(x / 2 ** y)` of integers.")

__all__ = publish(globals())
