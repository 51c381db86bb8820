"""What a layer expects of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jkeras.core.config import Configurable
from jkeras.core.types import is_listing


class InputSpec(Configurable):
    """The rank, and the sizes of some axes, that a layer expects of one input.

    Args:
        dtype: The dtype that is expected; inputs are cast rather than refused.
        shape: The size of each axis, batch included; None: any.
        ndim: The number of dimensions, batch included.
        max_ndim: The most of them.
        min_ndim: The fewest of them.
        axes: Axis to the size it must have.
        allow_last_axis_squeeze: Whether a last axis of size 1 may be there or not.
        name: The input's name.
        optional: Whether there may be no input.

    >>> InputSpec(min_ndim=2, axes={-1: 3}).check("dense", (32, 5))
    Traceback (most recent call last):
    ValueError: Layer 'dense' expects size 3 in axis -1 of its input; got an input of shape (32, 5).
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = dtype
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        if self.shape is not None:
            self.axes.update({i: n for i, n in enumerate(self.shape) if n is not None})
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def check(self, path: str, shape: tuple[int | None, ...]) -> None:
        """Raise `ValueError` naming the layer at `path` if `shape` does not fit.

        Args:
            path: The layer's path, for the message.
            shape: The shape of an input, None where unknown.
        """
        got = f"got an input of shape {tuple(shape)}."
        rank = len(shape)
        if self.allow_last_axis_squeeze and self.ndim is not None and abs(rank - self.ndim) == 1:
            return
        if self.ndim is not None and rank != self.ndim:
            raise ValueError(f"Layer {path!r} expects an input of {self.ndim} dimensions, batch included; {got}")
        if self.min_ndim is not None and rank < self.min_ndim:
            hint = " Add a dimension, for example x[:, None]." if rank == self.min_ndim - 1 else ""
            raise ValueError(f"Layer {path!r} expects an input of at least {self.min_ndim} dimensions; {got}{hint}")
        if self.max_ndim is not None and rank > self.max_ndim:
            raise ValueError(f"Layer {path!r} expects an input of at most {self.max_ndim} dimensions; {got}")
        for axis, size in self.axes.items():
            if size is not None and -rank <= axis < rank and shape[axis] not in (size, None):
                raise ValueError(f"Layer {path!r} expects size {size} in axis {axis} of its input; {got}")


def check_inputs(path: str, spec: Any, inputs: Any) -> None:
    """Check every array of `inputs` against the spec (or the list of specs) of the layer at `path`."""
    if spec is None:
        return
    specs = spec if is_listing(spec) else [spec]
    arrays = jax.tree.leaves(inputs)
    if len(arrays) != len(specs):
        raise ValueError(f"Layer {path!r} expects {len(specs)} input(s); got {len(arrays)}.")
    for one, array in zip(specs, arrays, strict=True):
        one.check(path, np.shape(array))
