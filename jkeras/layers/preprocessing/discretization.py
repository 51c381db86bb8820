"""Numbers as the index of the range they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jkeras.core.layer import Layer
from jkeras.functional.encoding import encode_indices
from jkeras.layers.arguments import one_of, positive
from jkeras.layers.preprocessing.batches import batches_of
from jkeras.layers.preprocessing.options import declare_constant, output_dtype, refuse_sparse

__all__ = ["Discretization"]

MODES = ("int", "one_hot", "multi_hot", "count")


class Discretization(Layer):
    """The number of boundaries that are not above `x`: 0 below the first, `len(bin_boundaries)` from the last on.

    Inputs of any shape keep it in mode "int"; vectors are those of `CategoryEncoding`.

    Args:
        bin_boundaries: Where a range ends and the next begins, ascending.
        num_bins: How many ranges `adapt` is to find, with about equally many values in each. Give one of the two.
        epsilon: How far the share of values in a range may be off; smaller is finer and takes more memory.
        output_mode: "int" for indices; "one_hot", "multi_hot" or "count" for vectors as `CategoryEncoding` makes them.
        sparse: Not supported.
        dtype: Dtype of the vectors; indices are `int32`.

    Raises:
        ValueError: If none or both of `bin_boundaries` and `num_bins` are given, an argument is invalid, or the layer
            is used before it has boundaries.

    >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.asarray([[-1.5, 1.0, 3.4]])).tolist()
    [[0, 2, 3]]
    >>> layer = Discretization(num_bins=2, output_mode="one_hot")
    >>> layer.adapt(np.asarray([1.0, 2.0, 3.0, 4.0]))
    >>> layer.bin_boundaries, layer(np.asarray([[1.0], [4.0]])).tolist()
    ([2.0], [[1.0, 0.0], [0.0, 1.0]])

    Reference: `keras.layers.Discretization`.
    """

    bin_boundaries: list[float] | None

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(dtype=dtype, name=name, **{"autocast": False, **kwargs})
        refuse_sparse(self, sparse)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                "Discretization needs either bin_boundaries or num_bins; "
                f"got bin_boundaries={bin_boundaries} and num_bins={num_bins}."
            )
        self.bin_boundaries = None if bin_boundaries is None else _ascending(bin_boundaries)
        self.num_bins = None if num_bins is None else positive(self, "num_bins", num_bins)
        self.epsilon = epsilon
        self.output_mode = one_of(self, "output_mode", output_mode, MODES)
        self.sparse = sparse
        self._summary = np.empty((2, 0))
        self._boundaries: Any = None

    def build(self, input_shape: Any = None) -> None:
        """Declare the boundaries as constants."""
        if self.bin_boundaries is None:
            raise ValueError(
                f"Layer {self.path!r} has no boundaries yet: call layer.adapt(data) first, or give bin_boundaries=."
            )
        values = np.asarray(self.bin_boundaries, "float32")
        self._boundaries = declare_constant(self, self._boundaries, "bin_boundaries", values)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find the boundaries anew from the quantiles of `data`.

        Args:
            data: An array, or batches of arrays: a list of arrays, a generator, a `PyDataset`.
            steps: How many batches are read; all if left out.

        Raises:
            ValueError: If the boundaries were given to the constructor, or the data are empty.
        """
        if self.num_bins is None:
            raise ValueError(f"Layer {self.name!r} was given bin_boundaries. To adapt it, give num_bins instead.")
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take one more batch into account.

        Args:
            data: An array of numbers, of any shape.
        """
        self._summary = _merge(self._summary, _summarize(np.asarray(data, "float64"), self.epsilon), self.epsilon)

    def finalize_state(self) -> None:
        """Set the boundaries from the batches seen since `reset_state`."""
        if self.num_bins is None or not self._summary.size:
            return
        found = _compress(self._summary, 1 / self.num_bins)[0, :-1]
        self.bin_boundaries = found.astype("float32").tolist()
        if self._boundaries is not None:
            self.build()

    def reset_state(self) -> None:
        """Forget the batches seen."""
        self._summary = np.empty((2, 0))

    @property
    def _depth(self) -> int:
        return self.num_bins if self.num_bins is not None else len(self.bin_boundaries or ()) + 1

    def call(self, inputs: Array) -> Array:
        """Return indices of the shape of `inputs`, or vectors of the number of ranges."""
        boundaries = self._boundaries.value
        indices = jnp.searchsorted(boundaries, inputs.astype(boundaries.dtype), side="right").astype(jnp.int32)
        return encode_indices(indices, self.output_mode, self._depth, output_dtype(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a layer from what `get_config` returned; boundaries that `adapt` found can be found anew."""
        config = dict(config)
        found = config.pop("bin_boundaries", None) if config.get("num_bins") is not None else None
        layer = super().from_config(config)
        if found is not None:
            layer.bin_boundaries = _ascending(found)
        return layer


def _ascending(boundaries: Sequence[float]) -> list[float]:
    values = [float(value) for value in np.asarray(boundaries).ravel()]
    if any(a > b for a, b in zip(values, values[1:])):
        raise ValueError(f"Discretization: bin_boundaries must be in ascending order; got {values}.")
    return values


# A summary of values: as columns, points with the number of values between each and the one before.


def _summarize(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Return every so many-th of the sorted values, with about `1 / epsilon` of them left."""
    ordered = np.sort(values.ravel())
    step = max(len(ordered) * epsilon, 1.0)
    points = ordered[int(step) - 1 :: int(step)]
    return np.stack([points, np.full(len(points), step)])


def _compress(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a summary of `1 / epsilon` points, interpolated where the given ones are more."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    totals = np.cumsum(summary[1])
    points, reached = (np.interp(shares, totals / totals[-1], row) for row in (summary[0], totals))
    return np.stack([points, np.diff(reached, prepend=0.0)])


def _merge(one: np.ndarray, other: np.ndarray, epsilon: float) -> np.ndarray:
    both = np.concatenate([one, other], axis=1)
    return _compress(both[:, np.argsort(both[0], kind="stable")], epsilon)
