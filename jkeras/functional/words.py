"""Unsigned 64-bit integers on devices that have 32 bits: arithmetic modulo 2**64 on pairs of halves."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

_HALF = 0xFFFFFFFF


@jax.tree_util.register_pytree_node_class
class Word:
    """An array of unsigned 64-bit integers as two arrays of 32 bits, with the operators of hash functions.

    Args:
        high: The upper halves, `uint32`.
        low: The lower halves, `uint32`.

    >>> square = Word.of(0xFFFFFFFF) * 0xFFFFFFFF
    >>> hex(int(square.high)), hex(int(square.low))
    ('0xfffffffe', '0x1')
    """

    def __init__(self, high: Any, low: Any):
        self.high, self.low = high, low

    @classmethod
    def of(cls, value: Any) -> Word:
        """Return a word, a number below 2**64, or an array of non-negative integers as a word."""
        if isinstance(value, Word):
            return value
        if isinstance(value, int):
            return cls(jnp.uint32(value >> 32), jnp.uint32(value & _HALF))
        low = jnp.asarray(value).astype(jnp.uint32)
        return cls(jnp.zeros_like(low), low)

    def __add__(self, other: Any) -> Word:
        other = Word.of(other)
        low = self.low + other.low
        return Word(self.high + other.high + (low < self.low).astype(jnp.uint32), low)

    def __mul__(self, other: Any) -> Word:
        other = Word.of(other)
        product = _product(self.low, other.low)
        return Word(product.high + self.high * other.low + self.low * other.high, product.low)

    def __xor__(self, other: Any) -> Word:
        other = Word.of(other)
        return Word(self.high ^ other.high, self.low ^ other.low)

    def __or__(self, other: Any) -> Word:
        other = Word.of(other)
        return Word(self.high | other.high, self.low | other.low)

    __radd__, __rmul__, __rxor__, __ror__ = __add__, __mul__, __xor__, __or__

    def __rshift__(self, count: int) -> Word:
        if count >= 32:
            return Word(jnp.zeros_like(self.high), self.high >> (count - 32))
        return Word(self.high >> count, self.low >> count | self.high << (32 - count)) if count else self

    def __lshift__(self, count: int) -> Word:
        if count >= 32:
            return Word(self.low << (count - 32), jnp.zeros_like(self.low))
        return Word(self.high << count | self.low >> (32 - count), self.low << count) if count else self

    def __mod__(self, divisor: int) -> Array:
        """Return the remainder as `int32`: long division, by as many bits at once as fit into 32.

        Raises:
            ValueError: If the divisor is not between 1 and 2**31 - 1.
        """
        if not 1 <= divisor < 2**31:
            raise ValueError(f"Expected a divisor between 1 and {2**31 - 1}; got {divisor}.")
        width = 32 - divisor.bit_length()
        remainder = jnp.zeros_like(self.low)
        for top in range(64, 0, -width):
            count = min(width, top)
            digit = (self >> (top - count)).low & jnp.uint32((1 << count) - 1)
            remainder = (remainder << count | digit) % jnp.uint32(divisor)
        return remainder.astype(jnp.int32)

    def tree_flatten(self) -> tuple[tuple[Any, Any], None]:
        """Return the halves: a word is a tree of two arrays."""
        return (self.high, self.low), None

    @classmethod
    def tree_unflatten(cls, _: None, halves: tuple[Any, Any]) -> Word:
        """Make a word of its halves."""
        return cls(*halves)


def _product(a: Array, b: Array) -> Word:
    """Return the full product of two 32-bit numbers."""
    a_high, a_low, b_high, b_low = a >> 16, a & 0xFFFF, b >> 16, b & 0xFFFF
    cross, other = a_high * b_low, a_low * b_high
    word = Word(a_high * b_high, a_low * b_low)
    for middle in (cross, other):
        word = word + Word(middle >> 16, middle << 16)
    return word


def where(condition: Any, one: Word, other: Word) -> Word:
    """Return `one` where the condition holds, else `other`.

    Args:
        condition: Booleans that broadcast to both.
        one: A `Word`.
        other: A `Word`.

    Returns:
        A `Word`.
    """
    return jax.tree.map(partial(jnp.where, condition), one, other)
