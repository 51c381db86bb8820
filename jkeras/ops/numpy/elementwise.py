"""Functions of one element of each operand: arithmetic, exponentials, trigonometry, comparison, logic, bits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from jkeras.core.operation import publish
from jkeras.ops.operands import row

_row = functools.partial(
    row, elementwise=True, returns="Array of the shape and dtype of the operands; two are broadcast and promoted."
)
_float = functools.partial(_row, returns="Array of the shape of the operands, floats; integers give float32.")
_bool = functools.partial(_row, returns="Array of booleans of the shape of the operands; two are broadcast.")
_bits = functools.partial(_row, x="Array of integers.", y="Array of integers whose shape broadcasts with that of `x`.")


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

add = _row(jnp.add, "x1, x2", "`x1 + x2`.", "[1, 2], 0.5 -> [1.5, 2.5]")
subtract = _row(jnp.subtract, "x1, x2", "`x1 - x2`.", "[1, 2], [[3], [4]] -> [[-2, -1], [-3, -2]]")
multiply = _row(jnp.multiply, "x1, x2", "`x1 * x2`.", "[1, 2], 3 -> [3, 6]")
divide = _float(jnp.divide, "x1, x2", "`x1 / x2`, of integers too.", "[1, 2], 4 -> [0.25, 0.5]")
true_divide = _float(jnp.true_divide, "x1, x2", "`x1 / x2`, of integers too.", "[1, 2], 4 -> [0.25, 0.5]")
divide_no_nan = _float(
    _divide_no_nan, "x1, x2", "`x1 / x2`, and 0 where `x2` is 0.", "[1.0, 2.0], [0.0, 4.0] -> [0.0, 0.5]"
)
floor_divide = _row(jnp.floor_divide, "x1, x2", "The largest integer up to `x1 / x2`.", "[7, -7], 2 -> [3, -4]")
mod = _row(
    jnp.mod, "x1, x2", "`x1 - x2 * floor(x1 / x2)`: the remainder with the sign of `x2`.", "[7, -7], 4 -> [3, 1]"
)
fmod = _row(
    jnp.fmod, "x1, x2", "`x1 - x2 * trunc(x1 / x2)`: the remainder with the sign of `x1`.", "[7, -7], 4 -> [3, -3]"
)
power = _row(jnp.power, "x1, x2", "`x1 ** x2`.", "[2, 3], 2 -> [4, 9]")
gcd = _row(jnp.gcd, "x1, x2", "Greatest common divisor.", "[4, 9], 6 -> [2, 3]", x1="Array of integers.")
lcm = _row(jnp.lcm, "x1, x2", "Least common multiple.", "[4, 9], 6 -> [12, 18]", x1="Array of integers.")
negative = _row(jnp.negative, "x", "`-x`.", "[1, -2] -> [-1, 2]")
reciprocal = _row(jnp.reciprocal, "x", "`1 / x`.", "[2.0, 4.0] -> [0.5, 0.25]")
square = _row(jnp.square, "x", "`x * x`.", "[2, -3] -> [4, 9]")
sqrt = _float(jnp.sqrt, "x", "Square root.", "[4, 9] -> [2.0, 3.0]")
cbrt = _float(jnp.cbrt, "x", "Cube root.", "[0.0, -1.0] -> [0.0, -1.0]")
hypot = _float(jnp.hypot, "x1, x2", "`sqrt(x1^2 + x2^2)`.", "3.0, 4.0 -> 5.0")
sign = _row(jnp.sign, "x", "-1, 0 or 1, as `x` is negative, zero or positive.", "[-7, 0, 3] -> [-1, 0, 1]")
heaviside = _float(
    jnp.heaviside, "x1, x2", "0 where `x1` is negative, `x2` where it is zero, 1 where it is positive.",
    "[-7, 0, 3], 0.5 -> [0.0, 0.5, 1.0]",
)  # fmt: skip
abs = _row(jnp.abs, "x", "Absolute value.", "[-7, 3] -> [7, 3]")
absolute = _row(jnp.absolute, "x", "Absolute value.", "[-7, 3] -> [7, 3]")
fabs = _float(jnp.fabs, "x", "Absolute value as a float.", "[-7, 3] -> [7.0, 3.0]")
maximum = _row(jnp.maximum, "x1, x2", "The larger of both; NaN if either is.", "[1, 5], [4, 2] -> [4, 5]")
minimum = _row(jnp.minimum, "x1, x2", "The smaller of both; NaN if either is.", "[1, 5], [4, 2] -> [1, 2]")
fmax = _row(jnp.fmax, "x1, x2", "The larger of both; the other one if one is NaN.", "[1.0, jnp.nan], 2.0 -> [2.0, 2.0]")
fmin = _row(
    jnp.fmin, "x1, x2", "The smaller of both; the other one if one is NaN.", "[1.0, jnp.nan], 2.0 -> [1.0, 2.0]"
)
clip = _row(
    _clip, "x, x_min, x_max", "The nearest value from `x_min` to `x_max`.", "[-7, 3], 0, 2 -> [0, 2]",
    x_min="The least value, or None.", x_max="The largest value, or None.",
)  # fmt: skip

# Rounding and representation

ceil = _float(
    _fractional(jnp.ceil), "x", "The smallest whole number from `x` on, as a float.", "[1.2, -1.2] -> [2.0, -1.0]"
)
floor = _float(
    _fractional(jnp.floor), "x", "The largest whole number up to `x`, as a float.", "[1.2, -1.2] -> [1.0, -2.0]"
)
trunc = _row(jnp.trunc, "x", "`x` without its fractional part.", "[1.8, -1.8] -> [1.0, -1.0]")
round = _row(
    _round, "x, decimals=0", "The nearest number of so many decimals; halves go to the even one.",
    "[1.5, 2.5] -> [2.0, 2.0]", decimals="How many; negative numbers round tens, hundreds and so on.",
)  # fmt: skip
nextafter = _float(jnp.nextafter, "x1, x2", "The float next to `x1` towards `x2`.", "1.0, 2.0 -> 1.0000001192092896")
ldexp = _float(jnp.ldexp, "x1, x2", "`x1 * 2 ** x2`, for integers `x2`.", "[1.0, 3.0], 2 -> [4.0, 12.0]")
signbit = _bool(jnp.signbit, "x", "Whether the sign is negative, of zeros too.", "[-0.0, 0.0] -> [True, False]")
nan_to_num = _row(
    jnp.nan_to_num, "x, nan=0.0, posinf=None, neginf=None", "Finite numbers in place of NaN and the infinities.",
    "[1.0, jnp.nan, jnp.inf], posinf=9.0 -> [1.0, 0.0, 9.0]", nan="What stands for NaN.",
    posinf="What stands for infinity; None is the largest number of the dtype.",
    neginf="What stands for minus infinity; None is the least number of the dtype.",
)  # fmt: skip
copy = _row(jnp.copy, "x", "A copy.", "[1, 2] -> [1, 2]")

# Complex numbers

angle = _float(jnp.angle, "x", "Angle of complex numbers in radians.", "[1.0, 1j] -> [0.0, 1.57...]")
conj = _row(jnp.conj, "x", "Complex conjugate.", "[1.0, 2 + 1j] -> [(1-0j), (2-1j)]")
conjugate = _row(jnp.conjugate, "x", "Complex conjugate.", "[1.0, 2 + 1j] -> [(1-0j), (2-1j)]")
real = _float(jnp.real, "x", "Real part.", "[1.0, 2 + 1j] -> [1.0, 2.0]")
imag = _float(jnp.imag, "x", "Imaginary part.", "[1.0, 2 + 1j] -> [0.0, 1.0]")
isreal = _bool(jnp.isreal, "x", "Whether the imaginary part is zero.", "[1.0, 2 + 1j] -> [True, False]")

# Exponentials and logarithms

exp = _float(jnp.exp, "x", "`e ** x`.", "[0.0, 1.0] -> [1.0, 2.718...]")
exp2 = _float(jnp.exp2, "x", "`2 ** x`.", "[0.0, 3.0] -> [1.0, 8.0]")
expm1 = _float(jnp.expm1, "x", "`e ** x - 1`, exact where it is small.", "[0.0, 1.0] -> [0.0, 1.718...]")
log = _float(jnp.log, "x", "Natural logarithm.", "[1.0, 10.0] -> [0.0, 2.302...]")
log2 = _float(jnp.log2, "x", "Logarithm to base 2.", "[1.0, 8.0] -> [0.0, 3.0]")
log10 = _float(jnp.log10, "x", "Logarithm to base 10.", "[1.0, 2.0] -> [0.0, 0.301...]")
log1p = _float(jnp.log1p, "x", "`log(1 + x)`, exact where it is small.", "[0.0, 9.0] -> [0.0, 2.302...]")
logaddexp = _float(jnp.logaddexp, "x1, x2", "`log(exp(x1) + exp(x2))` without overflow.", "100.0, 100.0 -> 100.69...")
logaddexp2 = _float(jnp.logaddexp2, "x1, x2", "`log2(2 ** x1 + 2 ** x2)` without overflow.", "999.0, 999.0 -> 1000.0")
i0 = _float(jnp.i0, "x", "Modified Bessel function of the first kind, order 0.", "1.0 -> 1.266...")

# Trigonometry, in radians

sin = _float(jnp.sin, "x", "Sine.", "[0.0, 1.0] -> [0.0, 0.841...]")
cos = _float(jnp.cos, "x", "Cosine.", "[0.0, 1.0] -> [1.0, 0.540...]")
tan = _float(jnp.tan, "x", "Tangent.", "[0.0, 1.0] -> [0.0, 1.557...]")
arcsin = _float(jnp.arcsin, "x", "Inverse sine.", "[0.0, 1.0] -> [0.0, 1.570...]")
arccos = _float(jnp.arccos, "x", "Inverse cosine.", "[0.0, 1.0] -> [1.570..., 0.0]")
arctan = _float(jnp.arctan, "x", "Inverse tangent.", "[0.0, 1.0] -> [0.0, 0.785...]")
arctan2 = _float(jnp.arctan2, "x1, x2", "Angle of the point `(x2, x1)`.", "[0.0, 1.0], 1.0 -> [0.0, 0.785...]")
sinh = _float(jnp.sinh, "x", "Hyperbolic sine.", "[0.0, 1.0] -> [0.0, 1.175...]")
cosh = _float(jnp.cosh, "x", "Hyperbolic cosine.", "[0.0, 1.0] -> [1.0, 1.543...]")
tanh = _float(jnp.tanh, "x", "Hyperbolic tangent.", "[0.0, 1.0] -> [0.0, 0.761...]")
arcsinh = _float(jnp.arcsinh, "x", "Inverse hyperbolic sine.", "[0.0, 1.0] -> [0.0, 0.881...]")
arccosh = _float(jnp.arccosh, "x", "Inverse hyperbolic cosine.", "[1.0, 2.0] -> [0.0, 1.316...]")
arctanh = _float(jnp.arctanh, "x", "Inverse hyperbolic tangent.", "[0.0, 0.5] -> [0.0, 0.549...]")
sinc = _float(jnp.sinc, "x", "`sin(pi x) / (pi x)`, and 1 at zero.", "[0.0, 0.5] -> [1.0, 0.636...]")
deg2rad = _float(jnp.deg2rad, "x", "Radians from degrees.", "[0.0, 90.0] -> [0.0, 1.570...]")
rad2deg = _float(jnp.rad2deg, "x", "Degrees from radians.", "[0.0, 1.0] -> [0.0, 57.29...]")

# Comparison

equal = _bool(jnp.equal, "x1, x2", "`x1 == x2`.", "[1, 2, 3], 2 -> [False, True, False]")
not_equal = _bool(jnp.not_equal, "x1, x2", "`x1 != x2`.", "[1, 2, 3], 2 -> [True, False, True]")
less = _bool(jnp.less, "x1, x2", "`x1 < x2`.", "[1, 2, 3], 2 -> [True, False, False]")
less_equal = _bool(jnp.less_equal, "x1, x2", "`x1 <= x2`.", "[1, 2, 3], 2 -> [True, True, False]")
greater = _bool(jnp.greater, "x1, x2", "`x1 > x2`.", "[1, 2, 3], 2 -> [False, False, True]")
greater_equal = _bool(jnp.greater_equal, "x1, x2", "`x1 >= x2`.", "[1, 2, 3], 2 -> [False, True, True]")
isclose = _bool(
    jnp.isclose, "x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False", "Whether `|x1 - x2| <= atol + rtol * |x2|`.",
    "[1.0, 1.1], 1.000001 -> [True, False]",
)  # fmt: skip
isfinite = _bool(jnp.isfinite, "x", "Whether it is neither NaN nor infinite.", "[1.0, jnp.inf] -> [True, False]")
isinf = _bool(jnp.isinf, "x", "Whether it is infinite.", "[1.0, jnp.inf] -> [False, True]")
isnan = _bool(jnp.isnan, "x", "Whether it is NaN.", "[1.0, jnp.nan] -> [False, True]")
isneginf = _bool(jnp.isneginf, "x", "Whether it is minus infinity.", "[-jnp.inf, jnp.inf] -> [True, False]")
isposinf = _bool(jnp.isposinf, "x", "Whether it is plus infinity.", "[-jnp.inf, jnp.inf] -> [False, True]")

# Logic and bits

logical_and = _bool(jnp.logical_and, "x1, x2", "Whether both are true.", "[True, False], True -> [True, False]")
logical_or = _bool(jnp.logical_or, "x1, x2", "Whether one or both are true.", "[True, False], False -> [True, False]")
logical_xor = _bool(jnp.logical_xor, "x1, x2", "Whether exactly one is true.", "[True, False], True -> [False, True]")
logical_not = _bool(jnp.logical_not, "x", "Whether it is false.", "[True, False] -> [False, True]")
bitwise_and = _bits(jnp.bitwise_and, "x, y", "The bits that both have.", "0b0110, 0b0011 -> 2")
bitwise_or = _bits(jnp.bitwise_or, "x, y", "The bits that one or both have.", "0b0110, 0b0011 -> 7")
bitwise_xor = _bits(jnp.bitwise_xor, "x, y", "The bits that exactly one has.", "0b0110, 0b0011 -> 5")
bitwise_not = _bits(jnp.bitwise_not, "x", "All bits inverted.", "[0, 6] -> [-1, -7]")
bitwise_invert = _bits(jnp.bitwise_invert, "x", "All bits inverted.", "[0, 6] -> [-1, -7]")
bitwise_left_shift = _bits(jnp.bitwise_left_shift, "x, y", "`x * 2 ** y` of integers.", "[1, 3], 2 -> [4, 12]")
bitwise_right_shift = _bits(jnp.bitwise_right_shift, "x, y", "`floor(x / 2 ** y)` of integers.", "[4, 13], 2 -> [1, 3]")
left_shift = _bits(jnp.left_shift, "x, y", "`x * 2 ** y` of integers.", "[1, 3], 2 -> [4, 12]")
right_shift = _bits(jnp.right_shift, "x, y", "`floor(x / 2 ** y)` of integers.", "[4, 13], 2 -> [1, 3]")

__all__ = publish(globals())
