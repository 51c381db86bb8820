"""Meshes of devices and layouts of arrays on them, with the names of Keras 3."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jkeras.distribution.devices import device_named, list_devices, name_of


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: The grid: `(4, 2)`.
        axis_names: A name for each axis: `("batch", "model")`.
        devices: Names of devices, or devices of JAX, as many as the grid has places; all there are if left out.

    Raises:
        ValueError: If names and shape differ in length, a name is there twice, or the devices do not fill the grid.

    >>> mesh = DeviceMesh((2, 1), ("batch", "model"), ["cpu:0", "cpu:1"])
    >>> mesh
    <DeviceMesh batch=2, model=1>
    >>> mesh.devices.tolist()
    [['cpu:0'], ['cpu:1']]
    >>> mesh.backend_mesh.axis_names
    ('batch', 'model')

    Reference: Keras 3, `keras.distribution.DeviceMesh`; `jax.sharding.Mesh`.
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None):
        self.shape, self.axis_names = tuple(int(n) for n in shape), list(axis_names)
        if len(self.shape) != len(self.axis_names) or len(set(self.axis_names)) != len(self.axis_names):
            raise ValueError(
                f"DeviceMesh needs one name for each axis: shape {self.shape} has {len(self.shape)}; "
                f"got axis_names {self.axis_names}."
            )
        given = np.array(list_devices() if devices is None else devices, dtype=object).ravel()
        if given.size != math.prod(self.shape):
            raise ValueError(
                f"DeviceMesh of shape {self.shape} has {math.prod(self.shape)} places; got {given.size} devices. "
                "Change the shape, or pass some of the devices: devices=jkeras.distribution.list_devices()[:4]."
            )
        found = np.array([device_named(device) for device in given], dtype=object)
        self.backend_mesh = Mesh(
            found.reshape(self.shape), tuple(self.axis_names), axis_types=(AxisType.Auto,) * len(self.shape)
        )
        self.devices = np.array([name_of(device) for device in found]).reshape(self.shape)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(f'{a}={n}' for a, n in zip(self.axis_names, self.shape))}>"


class TensorLayout:
    """How an array is split over a mesh: for each of its axes the name of one of the mesh, or None.

    Args:
        axes: Names or None, at most one for each axis of the array.
        device_mesh: A `DeviceMesh`; may be set later.

    Raises:
        ValueError: If the mesh has no such axis.

    >>> layout = TensorLayout((None, "model"), DeviceMesh((1, 2), ("batch", "model"), ["cpu:0", "cpu:1"]))
    >>> tuple(layout.backend_layout.spec)
    (None, 'model')

    Reference: Keras 3, `keras.distribution.TensorLayout`; `jax.sharding.NamedSharding`.
    """

    def __init__(self, axes: Sequence[Any], device_mesh: DeviceMesh | None = None):
        self.axes, self._mesh = tuple(axes), device_mesh
        self._check()

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh; can be set once."""
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._mesh is not None:
            raise ValueError(f"The layout {self.axes} has a mesh already. Make a new one: TensorLayout(axes, mesh).")
        self._mesh = mesh
        self._check()

    @property
    def backend_layout(self) -> NamedSharding:
        """The sharding of JAX."""
        if self._mesh is None:
            raise ValueError(f"The layout {self.axes} has no mesh yet: TensorLayout(axes, device_mesh).")
        return NamedSharding(self._mesh.backend_mesh, PartitionSpec(*self.axes))

    def _check(self) -> None:
        if self._mesh is None:
            return
        for axis in self.axes:
            if axis is not None and axis not in self._mesh.axis_names:
                raise ValueError(f"The layout {self.axes} names {axis!r}; the mesh has {self._mesh.axis_names}.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} axes={self.axes}, device_mesh={self._mesh}>"


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """Return an array that lies on devices as a layout says; in a traced function, one that will.

    Args:
        tensor: An array of any shape and dtype.
        layout: A `TensorLayout`, or a sharding of JAX.

    Returns:
        An array of the same shape and dtype.

    >>> layout = TensorLayout(("batch",), DeviceMesh((2,), ("batch",), ["cpu:0", "cpu:1"]))
    >>> len(distribute_tensor(np.arange(4.0), layout).sharding.device_set)
    2

    Reference: Keras 3, `keras.distribution.distribute_tensor`.
    """
    sharding = layout.backend_layout if isinstance(layout, TensorLayout) else layout
    if isinstance(tensor, Tracer):
        return jax.lax.with_sharding_constraint(tensor, sharding)
    return jax.device_put(tensor, sharding)
