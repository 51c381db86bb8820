"""First values of weights: objects called with a shape, a dtype and a key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core import threefry
from jkeras.core.config import Configurable
from jkeras.core.registry import initializers
from jkeras.functional.signal import fourier_kernel, window_of

Axes = int | Sequence[int]

TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a standard normal cut off at two standard deviations."""


class Initializer(Configurable):
    """Base of initializers: a subclass defines `__call__(shape, dtype="float32", key=None)`.

    >>> class Alternating(Initializer):
    ...     def __call__(self, shape, dtype="float32", key=None):
    ...         return (jnp.arange(math.prod(shape)) % 2).reshape(shape).astype(dtype)
    >>> Alternating()((2, 2)).tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        """Return an array of the given shape and dtype, drawn with `key` if it is random."""
        raise TypeError(
            f"{type(self).__name__} must define __call__(self, shape, dtype='float32', key=None) to be an initializer."
        )

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray | None:
        """Return the float32 values of a call with a key of these two words, without compiling; None if it cannot."""
        return None

    def clone(self) -> Initializer:
        """Return a new initializer of the same configuration."""
        return type(self).from_config(self.get_config())


class RandomInitializer(Initializer):
    """Base of random initializers.

    With an integer `seed` the values depend on the seed only, and are those of Keras for the same seed. With a seed
    generator (an object with `next()`) each call draws its next key. With `seed=None` the key given to the call is
    used, or else a fresh one.
    """

    seed: Any = None

    def key(self, key: Array | None) -> Array:
        """Return the key to draw with."""
        if self.seed is None:
            if key is not None:
                return key
            from jkeras.core.seeds import next_key

            return next_key()
        if isinstance(self.seed, int):
            # Keras on JAX uses the pair (seed, 0) as the raw threefry key.
            return jax.random.wrap_key_data(jnp.asarray([self.seed % 2**32, 0], jnp.uint32), impl="threefry2x32")
        drawn = jnp.asarray(self.seed.next())
        is_key = jnp.issubdtype(drawn.dtype, jax.dtypes.prng_key)
        return drawn if is_key else jax.random.wrap_key_data(drawn, impl="threefry2x32")


@initializers.register_class("zero")
class Zeros(Initializer):
    """All zeros.

    >>> Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return jnp.zeros(tuple(shape), dtype)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray:
        """Return zeros."""
        return np.zeros(tuple(shape), np.float32)


@initializers.register_class("one")
class Ones(Initializer):
    """All ones.

    >>> Ones()((2,)).tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return jnp.ones(tuple(shape), dtype)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray:
        """Return ones."""
        return np.ones(tuple(shape), np.float32)


@initializers.register_class()
class Constant(Initializer):
    """All `value`, a number or an array that broadcasts to the shape.

    >>> Constant(3)((2,)).tolist()
    [3.0, 3.0]
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return jnp.broadcast_to(jnp.asarray(self.value).astype(dtype), tuple(shape))


@initializers.register_class("IdentityInitializer")
class Identity(Initializer):
    """`gain` times the identity matrix.

    Raises:
        ValueError: if the shape is not that of a matrix.

    >>> Identity(2.0)((2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices: expected a shape of two sizes, got {tuple(shape)}.")
        return (self.gain * jnp.eye(shape[0], shape[1])).astype(dtype)


@initializers.register_class("normal")
class RandomNormal(RandomInitializer):
    """Normal distribution.

    >>> RandomNormal(mean=5.0, stddev=0.0)((2,)).tolist()
    [5.0, 5.0]
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return self.mean + self.stddev * jax.random.normal(self.key(key), tuple(shape), dtype)


@initializers.register_class("uniform")
class RandomUniform(RandomInitializer):
    """Uniform distribution over `[minval, maxval)`.

    >>> bool((abs(RandomUniform(seed=0)((100,))) <= 0.05).all())
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if jnp.issubdtype(dtype, jnp.integer):
            return jax.random.randint(self.key(key), tuple(shape), int(self.minval), int(self.maxval), dtype)
        return jax.random.uniform(self.key(key), tuple(shape), dtype, self.minval, self.maxval)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray | None:
        """Return the values that a call draws, if it draws with the key given."""
        return None if self.seed is not None else threefry.uniform(key, shape, self.minval, self.maxval)


@initializers.register_class()
class TruncatedNormal(RandomInitializer):
    """Normal distribution, values further than two standard deviations from the mean drawn again.

    >>> bool((abs(TruncatedNormal(stddev=1.0, seed=0)((100,))) <= 2).all())
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        return self.mean + self.stddev * jax.random.truncated_normal(self.key(key), -2.0, 2.0, tuple(shape), dtype)


@initializers.register_class()
class VarianceScaling(RandomInitializer):
    """Zero mean and variance `scale / n`, with `n` the fan-in, the fan-out or their average.

    Args:
        scale: positive factor of the variance.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` (`"normal"` means the same), `"untruncated_normal"` or `"uniform"`.
        seed: see `RandomInitializer`.
        input_axes: axes of the shape whose sizes multiply to the fan-in, if it is not a kernel `(..., in, out)`.
        output_axes: axes whose sizes multiply to the fan-out. Both are given or neither.

    Raises:
        ValueError: for an argument outside these.

    >>> VarianceScaling(2.0, "fan_avg", "uniform", seed=0)((3, 3, 8, 16)).shape
    (3, 3, 8, 16)
    """

    MODES: ClassVar = ("fan_in", "fan_out", "fan_avg")
    DISTRIBUTIONS: ClassVar = ("truncated_normal", "untruncated_normal", "uniform")

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Axes | None = None,
        output_axes: Axes | None = None,
    ):
        distribution = {"normal": "truncated_normal"}.get(distribution.lower(), distribution.lower())
        if scale <= 0:
            raise ValueError(f"VarianceScaling: scale must be positive, got {scale}.")
        if mode not in self.MODES:
            raise ValueError(f"VarianceScaling: mode must be one of {self.MODES}, got {mode!r}.")
        if distribution not in self.DISTRIBUTIONS:
            raise ValueError(
                f"VarianceScaling: distribution must be one of {self.DISTRIBUTIONS}, got {distribution!r}."
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.seed = seed
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        shape, stddev, key = tuple(shape), self._stddev(shape), self.key(key)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            return jax.random.uniform(key, shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return stddev * jax.random.normal(key, shape, dtype)
        return stddev / TRUNCATED_STDDEV * jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)

    def on_host(self, shape: Sequence[int], key: np.ndarray) -> np.ndarray | None:
        """Return the values that a call draws, if it draws with the key given, by a distribution that the host has."""
        if self.distribution == "untruncated_normal" or self.seed is not None:
            return None
        if self.distribution == "truncated_normal":
            factor = np.float32(self._stddev(shape) / TRUNCATED_STDDEV)
            return factor * threefry.truncated_normal(key, shape)
        limit = math.sqrt(3.0) * self._stddev(shape)
        return threefry.uniform(key, shape, -limit, limit)

    def _stddev(self, shape: Sequence[int]) -> float:
        fan_in, fan_out = compute_fans(tuple(shape), self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        return math.sqrt(self.scale / max(1.0, fan))


class _ScaledVariance(VarianceScaling):
    """A named case of `VarianceScaling`: the class attribute `row` holds its scale, mode and distribution."""

    row: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: Any = None, input_axes: Axes | None = None, output_axes: Axes | None = None):
        super().__init__(*self.row, seed=seed, input_axes=input_axes, output_axes=output_axes)


@initializers.register_class("xavier_uniform")
class GlorotUniform(_ScaledVariance):
    """Uniform within `sqrt(6 / (fan_in + fan_out))` (Glorot & Bengio, 2010).

    >>> bool((abs(GlorotUniform(seed=0)((3, 3))) <= 1).all())
    True
    """

    row = (1.0, "fan_avg", "uniform")


@initializers.register_class("xavier_normal")
class GlorotNormal(_ScaledVariance):
    """Truncated normal of variance `2 / (fan_in + fan_out)` (Glorot & Bengio, 2010).

    >>> GlorotNormal(seed=0)((3, 4)).shape
    (3, 4)
    """

    row = (1.0, "fan_avg", "truncated_normal")


@initializers.register_class()
class HeUniform(_ScaledVariance):
    """Uniform within `sqrt(6 / fan_in)` (He et al., 2015).

    >>> bool((abs(HeUniform(seed=0)((6, 3))) <= 1).all())
    True
    """

    row = (2.0, "fan_in", "uniform")


@initializers.register_class()
class HeNormal(_ScaledVariance):
    """Truncated normal of variance `2 / fan_in` (He et al., 2015).

    >>> HeNormal(seed=0)((3, 4), 'bfloat16').dtype.name
    'bfloat16'
    """

    row = (2.0, "fan_in", "truncated_normal")


@initializers.register_class()
class LecunUniform(_ScaledVariance):
    """Uniform within `sqrt(3 / fan_in)` (LeCun et al., 1998).

    >>> bool((abs(LecunUniform(seed=0)((3, 9))) <= 1).all())
    True
    """

    row = (1.0, "fan_in", "uniform")


@initializers.register_class()
class LecunNormal(_ScaledVariance):
    """Truncated normal of variance `1 / fan_in` (LeCun et al., 1998).

    >>> LecunNormal(seed=0)((3, 4)).shape
    (3, 4)
    """

    row = (1.0, "fan_in", "truncated_normal")


@initializers.register_class("OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """`gain` times a random matrix with orthonormal columns or rows (Saxe et al., 2014).

    Axes before the last are taken together as rows.

    Raises:
        ValueError: for a shape of fewer than two sizes.

    >>> q = Orthogonal(seed=0)((3, 3))
    >>> bool(jnp.allclose(q @ q.T, jnp.eye(3), atol=1e-5))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        self.gain = gain
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices: expected a shape of two or more sizes, got {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        # QR exists for 32 and 64 bits only.
        wide = jnp.promote_types(dtype, jnp.float32)
        normal = jax.random.normal(self.key(key), (max(rows, columns), min(rows, columns)), wide)
        q, r = jnp.linalg.qr(normal)
        # The signs make the distribution uniform over orthogonal matrices.
        q = q * jnp.sign(jnp.diagonal(r))
        q = q.T if rows < columns else q
        return (self.gain * q.reshape(tuple(shape))).astype(dtype)


@initializers.register_class("STFTInitializer")
class STFT(Initializer):
    """Kernel `(frame_length, 1, frequencies)` of a convolution that is one side of a Fourier transform of frames.

    `w[n] cos(2 pi k n / fft_length)`, or `-w[n] sin(...)`, with `fft_length = 2 (frequencies - 1)`.

    Args:
        side: `"real"` or `"imag"`.
        window: name of a window of `scipy.signal`, the weights `w`, or `None` for no window.
        scaling: `"density"` divides the window by `sqrt(sum(w^2))`, `"spectrum"` by `sum(w)`, `None` does not.
        periodic: whether a window given by name is periodic rather than symmetric.

    Raises:
        ValueError: for an argument outside these, and if the shape does not have three sizes.

    >>> STFT(window=None)((2, 1, 2)).round(4).tolist()
    [[[1.0, 1.0]], [[1.0, -1.0]]]
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ):
        if side not in ("real", "imag"):
            raise ValueError(f"STFT: side must be 'real' or 'imag', got {side!r}.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f"STFT: scaling must be 'density', 'spectrum' or None, got {scaling!r}.")
        if isinstance(window, (str, tuple)):
            window_of(window, 2)  # refuses an unknown name
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: Any = "float32", key: Array | None = None) -> Array:
        if len(shape) != 3:
            raise ValueError(f"STFT makes kernels (frame_length, 1, frequencies), got shape {tuple(shape)}.")
        length, _, frequencies = shape
        kernel = fourier_kernel(length, 2 * (frequencies - 1), self.side)
        if self.window is not None:
            window = jnp.asarray(window_of(self.window, length, self.periodic))
            if self.scaling == "density":
                window = window / jnp.sqrt(jnp.sum(jnp.square(window)))
            elif self.scaling == "spectrum":
                window = window / jnp.abs(jnp.sum(window))
            kernel = kernel * window[:, None]
        return jnp.broadcast_to(jnp.asarray(kernel)[:, None], tuple(shape)).astype(dtype)


def compute_fans(
    shape: Sequence[int], input_axes: Axes | None = None, output_axes: Axes | None = None
) -> tuple[int, int]:
    """Return how many inputs reach an output and how many outputs an input, for a kernel `(spatial..., in, out)`.

    >>> compute_fans((3, 3, 8, 16)), compute_fans((5,)), compute_fans((2, 6, 7), (1,), (2,))
    ((72, 144), (5, 5), (6, 7))
    """
    shape = tuple(int(size) for size in shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in _axes(input_axes)), math.prod(shape[a] for a in _axes(output_axes))
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    receptive_field = math.prod(shape[:-2])
    return shape[-2] * receptive_field, shape[-1] * receptive_field


def _axes(axes: Axes) -> tuple[int, ...]:
    return (axes,) if isinstance(axes, int) else tuple(axes)


def get(identifier: Any) -> Any:
    """Return the initializer for a name, a configuration, a class, a callable or an array; `None` stays `None`.

    Raises:
        ValueError: for an unknown name, with the nearest known one.

    >>> get("glorot_uniform")
    GlorotUniform()
    >>> get("he_norml")
    Traceback (most recent call last):
    ValueError: Unknown initializer 'he_norml'. Did you mean 'he_normal'?
    """
    if hasattr(identifier, "__array__") and not callable(identifier):
        return Constant(identifier)
    return initializers.get(identifier)


def serialize(initializer: Any, use_legacy_format: bool = True) -> Any:
    """Return an initializer as `{"class_name", "config"}`; without `use_legacy_format` as Keras 3 writes it.

    >>> serialize(Constant(2.0))
    {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    return initializers.serialize(initializer, use_legacy_format)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None, use_legacy_format: bool = False) -> Any:
    """Return the initializer that `serialize` described; `custom_objects` are looked up first.

    Both formats of Keras are told apart by what they hold, whatever `use_legacy_format` says.

    >>> deserialize({"class_name": "HeNormal", "config": {"seed": 3}})
    HeNormal(seed=3)
    """
    return initializers.deserialize(config, custom_objects)


# Keras has each class under its snake_case name too.
zeros, ones, constant, identity, orthogonal, stft = Zeros, Ones, Constant, Identity, Orthogonal, STFT
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
