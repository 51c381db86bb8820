"""Hash functions with the same values everywhere: FarmHash64, SipHash-2-4, and the combination of fingerprints.

The formulas are written for anything that has the operators of unsigned 64-bit integers: numpy arrays of `uint64` on
the host, where strings are, and pairs of 32-bit halves (`functional.words`) in compiled programs, where integers are.

Reference: Pike and Alakuijala, FarmHash (2014), function Fingerprint64; Aumasson and Bernstein, "SipHash: a fast
short-input PRF" (2012). TensorFlow's `Fingerprint64`, `StrongKeyedHash64` and `FingerprintCat64` are these.
"""

# pyright: reportUnknownMemberType=false
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.functional.transforms import jit
from jkeras.functional.words import Word, where

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CAT = 0xC6A4A7935BD1E995

# `fetch(start, size)`: the little-endian number in `size` bytes of each text, as a 64-bit word; a negative start counts
# from the end of the text.
Fetch = Callable[[int, int], Any]


def _rotate(word: Any, count: int) -> Any:
    """Rotate to the right."""
    return word >> count | word << (64 - count)


def _shift_mix(word: Any) -> Any:
    return word ^ word >> 47


def _mix(a: Any, b: Any, factor: Any) -> Any:
    first = _shift_mix((a ^ b) * factor)
    return _shift_mix((b ^ first) * factor) * factor


def farmhash_3(first: Any, middle: Any, last: Any, length: Any) -> Any:
    """Return FarmHash64 of texts of 1 to 3 bytes; the middle byte is number `length // 2`.

    Args:
        first: Its first byte.
        middle: Its middle byte.
        last: Its last byte.
        length: Bytes of the text.

    Returns:
        A 64-bit number, or a `Word`.
    """
    y, z = first + (middle << 8), (last << 2) + length
    return _shift_mix(y * _K2 ^ z * _K0) * _K2


def farmhash_7(fetch: Fetch, length: Any) -> Any:
    """Return FarmHash64 of texts of 4 to 7 bytes.

    Args:
        fetch: `fetch(start, count)` gives bytes of the text as a number; a negative start counts from the end.
        length: Bytes of the text.

    Returns:
        A 64-bit number, or a `Word`.
    """
    return _mix((fetch(0, 4) << 3) + length, fetch(-4, 4), length + length + _K2)


def farmhash_16(fetch: Fetch, length: Any) -> Any:
    """Return FarmHash64 of texts of 8 to 16 bytes.

    Args:
        fetch: `fetch(start, count)` gives bytes of the text as a number; a negative start counts from the end.
        length: Bytes of the text.

    Returns:
        A 64-bit number, or a `Word`.
    """
    factor = length + length + _K2
    a, b = fetch(0, 8) + _K2, fetch(-8, 8)
    return _mix(_rotate(b, 37) * factor + a, (_rotate(a, 25) + b) * factor, factor)


def _farmhash_32(fetch: Fetch, length: int) -> Any:
    factor = 2 * length + _K2
    a, b = fetch(0, 8) * _K1, fetch(8, 8)
    c, d = fetch(-8, 8) * factor, fetch(-16, 8) * _K2
    return _mix(_rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, factor)


def _farmhash_64(fetch: Fetch, length: int) -> Any:
    factor = 2 * length + _K2
    a, b = fetch(0, 8) * _K2, fetch(8, 8)
    c, d = fetch(-8, 8) * factor, fetch(-16, 8) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _mix(y, a + _rotate(b + _K2, 18) + c, factor)
    e, f = fetch(16, 8) * factor, fetch(24, 8)
    g, h = (y + fetch(-32, 8)) * factor, (z + fetch(-24, 8)) * factor
    return _mix(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, factor)


def _farmhash_long(fetch: Fetch, length: int) -> Any:
    """Return FarmHash64 of texts of more than 64 bytes: blocks of 64, the last one overlapping the one before."""
    zero = fetch(0, 1) * 0
    x, y = fetch(0, 8) + 81 * _K2 % 2**64, zero + (81 * _K1 + 113) % 2**64
    z = _shift_mix(y * _K2 + 113) * _K2
    v, w = (zero, zero), (zero, zero)

    def weak(offset: int, a: Any, b: Any) -> tuple[Any, Any]:
        first, second, third, fourth = (fetch(offset + 8 * i, 8) for i in range(4))
        a = a + first
        total = a + second + third
        return total + fourth, _rotate(b + a + fourth, 21) + _rotate(total, 44) + a

    def block(at: int, factor: Any, ninth: int) -> None:
        nonlocal x, y, z, v, w
        x = _rotate(x + y + v[0] + fetch(at + 8, 8), 37) * factor
        y = _rotate(y + v[1] + fetch(at + 48, 8), 42) * factor
        x = x ^ w[1] * ninth
        y = y + v[0] * ninth + fetch(at + 40, 8)
        z = _rotate(z + w[0], 33) * factor
        v = weak(at, v[1] * factor, x + w[0])
        w = weak(at + 32, z + w[1], y + fetch(at + 16, 8))
        z, x = x, z

    for start in range(0, length - 1 - (length - 1) % 64, 64):
        block(start, _K1, 1)
    factor = ((z & 0xFF) << 1) + _K1
    w = (w[0] + (length - 1) % 64, w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    block(length - 64, factor, 9)
    return _mix(_mix(v[0], w[0], factor) + _shift_mix(y) * _K0 + z, _mix(v[1], w[1], factor) + x, factor)


def siphash(blocks: Sequence[Any], key: tuple[int, int]) -> Any:
    """Return SipHash-2-4 of the 64-bit `blocks`, the last of which ends with the length of the text.

    Args:
        blocks: 64-bit numbers, or `Word`s.
        key: Two 64-bit numbers.

    Returns:
        A 64-bit number, or a `Word`.
    """
    zero = blocks[0] * 0
    initial = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = tuple(zero + (start ^ key[i % 2]) for i, start in enumerate(initial))
    for block in blocks:
        v0, v1, v2, v3 = _sip_rounds(2, (*state[:3], state[3] ^ block))
        state = (v0 ^ block, v1, v2, v3)
    v0, v1, v2, v3 = _sip_rounds(4, (*state[:2], state[2] ^ 0xFF, state[3]))
    return v0 ^ v1 ^ v2 ^ v3


def _sip_rounds(count: int, state: tuple[Any, ...]) -> tuple[Any, ...]:
    def one(_: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
        v0, v1, v2, v3 = state
        v0, v2 = v0 + v1, v2 + v3
        v1, v3 = _rotate(v1, 51) ^ v0, _rotate(v3, 48) ^ v2
        v2, v0 = v2 + v1, _rotate(v0, 32) + v3
        return v0, _rotate(v1, 47) ^ v2, _rotate(v2, 32), _rotate(v3, 43) ^ v0

    if isinstance(state[0], Word):  # compiled once, not once for each round
        return cast(tuple[Any, ...], jax.lax.fori_loop(0, count, one, state))
    for number in range(count):
        state = one(number, state)
    return state


def concatenate_fingerprints(first: Any, second: Any) -> Any:
    """Return the fingerprint of two fingerprints in order; one of them may be a number.

    Args:
        first: A 64-bit number, or a `Word`.
        second: Likewise.

    Returns:
        A 64-bit number, or a `Word`.
    """
    mixed = _shift_mix(second * _CAT) * _CAT
    result = (mixed ^ first ^ _CAT) * _CAT
    return _shift_mix(_shift_mix(result) * _CAT)


# Strings, on the host


def fingerprint_texts(texts: Sequence[bytes], key: tuple[int, int] | None = None) -> np.ndarray:
    """Return the 64-bit hashes of texts: FarmHash64, or SipHash-2-4 with a key.

    Args:
        texts: Texts in UTF-8.
        key: Two 64-bit numbers, or None.

    Returns:
        `(texts,)`, uint64.

    >>> [hex(n) for n in fingerprint_texts([b"", b"a"]).tolist()]
    ['0x9ae16a3b2f90404f', '0xb3454265b6df75e3']
    """
    lengths = np.fromiter(map(len, texts), int, len(texts))
    hashes = np.empty(len(texts), np.uint64)
    for length in np.unique(lengths).tolist():
        where_so = np.flatnonzero(lengths == length)
        rows = np.frombuffer(b"".join(texts[i] for i in where_so.tolist()), np.uint8).reshape(len(where_so), length)
        hashes[where_so] = _hash_rows(rows, key)
    return hashes


def _hash_rows(rows: np.ndarray, key: tuple[int, int] | None) -> np.ndarray:
    """Return the hashes of the rows of bytes, all of one length."""
    count, length = rows.shape

    def fetch(start: int, size: int) -> np.ndarray:
        padded = np.zeros((count, 8), np.uint8)
        start = start + length if start < 0 else start
        padded[:, :size] = rows[:, start : start + size]
        return padded.view("<u8")[:, 0].astype(np.uint64)

    if key is not None:
        starts = range(0, length - length % 8, 8)
        rest = length % 8
        last = fetch(length - rest, rest) + np.uint64(length % 256 << 56)
        return siphash([*(fetch(start, 8) for start in starts), last], key)
    if length == 0:
        return cast(np.ndarray, np.full(count, _K2, np.uint64))
    if length <= 3:
        return farmhash_3(fetch(0, 1), fetch(length >> 1, 1), fetch(-1, 1), length)
    for limit, formula in ((7, farmhash_7), (16, farmhash_16), (32, _farmhash_32), (64, _farmhash_64)):
        if length <= limit:
            return formula(fetch, length)
    return _farmhash_long(fetch, length)


# Integers, in compiled programs


def fingerprint_integers(x: Array, key: tuple[int, int] | None = None) -> Word:
    """Return the 64-bit hashes of the decimal texts of 32-bit integers: pure, and equal to `fingerprint_texts`.

    Args:
        x: 32-bit integers.
        key: Two 64-bit numbers, or None.

    Returns:
        A `Word` of the shape of `x`.

    >>> word = fingerprint_integers(jnp.asarray([-7]))
    >>> (int(word.high[0]) << 32 | int(word.low[0])) == int(fingerprint_texts([b"-7"])[0])
    True
    """
    text, aligned, length = _decimal(x)
    count = Word.of(length)

    def fetch(start: int, size: int) -> Word:
        chosen = aligned[..., start:][..., :size] if start < 0 else text[..., start : start + size]
        shifts = jnp.arange(size, dtype=jnp.uint32) % 4 * 8
        halves = [jnp.sum(part, -1, dtype=jnp.uint32) for part in jnp.split(chosen << shifts, [min(4, size)], -1)]
        return Word(halves[1], halves[0])

    if key is not None:
        end = count << 56
        short, long = siphash([fetch(0, 8) | end], key), siphash([fetch(0, 8), fetch(8, 8) | end], key)
        return where(length < 8, short, long)
    middle = where(length == 1, fetch(0, 1), fetch(1, 1))
    short = farmhash_3(fetch(0, 1), middle, fetch(-1, 1), count)
    return where(length <= 3, short, where(length <= 7, farmhash_7(fetch, count), farmhash_16(fetch, count)))


def _decimal(x: Array) -> tuple[Array, Array, Array]:
    """Return the decimal texts of 32-bit integers, aligned at the left and at the right, and their lengths.

    Bytes that belong to no text are zeros at the end of the left-aligned `(..., 16)`.
    """
    negative = x < 0
    unsigned = x.astype(jnp.uint32)
    magnitude = jnp.where(negative, jnp.uint32(0) - unsigned, unsigned)
    powers = jnp.asarray([10**i for i in range(9, -1, -1)], jnp.uint32)
    digits = magnitude[..., None] // powers % 10 + ord("0")
    count = jnp.maximum(1, jnp.sum(magnitude[..., None] >= powers, -1)).astype(jnp.int32)
    length = count + negative
    right = jnp.concatenate([jnp.full((*x.shape, 1), ord("0"), jnp.uint32), digits], -1)
    places = jnp.arange(11) - (11 - length[..., None])
    right = jnp.where((places == 0) & negative[..., None], jnp.uint32(ord("-")), right)
    left = jnp.take_along_axis(right, jnp.clip(jnp.arange(16) + (11 - length[..., None]), 0, 10), -1)
    return jnp.where(jnp.arange(16) < length[..., None], left, jnp.uint32(0)), right, length


# One program each, where operation by operation would compile a hundred.


@jit(static_argnums=(1, 2))
def hash_integers(x: Array, bins: int, key: tuple[int, int] | None = None) -> Array:
    """Return the hashes of the decimal texts of 32-bit integers, modulo `bins`, as `int32`.

    Args:
        x: 32-bit integers.
        bins: How many numbers there are.
        key: Two 64-bit numbers, or None.

    Returns:
        int32, of the shape of `x`.

    >>> hash_integers(jnp.asarray([0, 100, -7]), 3).tolist()
    [1, 0, 2]
    """
    return fingerprint_integers(x, key) % bins


@jit(static_argnums=(1, 2))
def cross_integers(features: Sequence[Array], bins: int, start: int) -> Array:
    """Return the fingerprint of 32-bit integers in order, modulo `bins`, as `int32`; it begins with `start`.

    Args:
        features: Arrays of 32-bit integers, of one shape.
        bins: How many numbers there are.
        start: A 64-bit number.

    Returns:
        int32, of their shape.

    >>> cross_integers([jnp.asarray([101]), jnp.asarray([102])], 1000, 0xDECAFCAFFE).tolist()
    [342]
    """
    # Negative ones are two's complements, also in 64 bits.
    words = [Word(jnp.where(x < 0, jnp.uint32(0xFFFFFFFF), jnp.uint32(0)), x.astype(jnp.uint32)) for x in features]
    return functools.reduce(concatenate_fingerprints, words, start) % bins
