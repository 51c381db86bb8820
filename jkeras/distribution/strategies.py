"""The strategies of Keras 3: one for the whole process, in the place of a mesh and rules for a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jkeras.core import placement as placements
from jkeras.distribution.devices import list_devices
from jkeras.distribution.layout_map import LayoutMap
from jkeras.distribution.layouts import DeviceMesh, TensorLayout
from jkeras.distribution.placements import placement_for


class Distribution:
    """Where batches and weights live: the base of `DataParallel` and `ModelParallel`.

    Args:
        device_mesh: A `DeviceMesh`.
        batch_dim_name: The axis of the mesh that batches are spread over; the first one if left out.
        auto_shard_dataset: Whether every process is given the same data, of which its devices take their part. False:
            each is given its own part, in batches of its own share.

    >>> mesh = DeviceMesh((2, 1), ("batch", "model"), ["cpu:0", "cpu:1"])
    >>> Distribution(mesh).get_data_layout((8, 3)).axes
    ('batch', None)

    Reference: Keras 3, `keras.distribution`.
    """

    layout_map: LayoutMap | None = None

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True):
        if not isinstance(device_mesh, DeviceMesh):
            raise ValueError(f"device_mesh must be a DeviceMesh; got {device_mesh!r}.")
        self.device_mesh, self.auto_shard_dataset = device_mesh, bool(auto_shard_dataset)
        self.batch_dim_name = batch_dim_name or device_mesh.axis_names[0]

    @property
    def placement(self) -> placements.Placement:
        """What training goes by."""
        rules = self.layout_map if self.layout_map is not None else ()
        made = placement_for(self.device_mesh, rules, self.batch_dim_name)
        return made if self.auto_shard_dataset else made.of_parts()

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Use it inside of a `with` block.

        Yields:
            Nothing.
        """
        former = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(former)

    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """Return the layout of a batch.

        Args:
            data_shape: Its shape, `(batch, ...)`.
        """
        return TensorLayout((self.batch_dim_name, *[None] * (len(data_shape) - 1)), self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Return the layout of a weight.

        Args:
            variable: The weight; its `path` and `shape` are looked at.
        """
        found = self.layout_map[variable.path] if self.layout_map is not None else None
        return found or TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout of what a layer returns; None if nothing is said of it.

        Args:
            path: "layer/output".
        """
        return self.layout_map[path] if self.layout_map is not None else None

    def distribute_dataset(self, dataset: Any) -> Any:
        """Return the data as they are: `fit` spreads each batch over the devices.

        Args:
            dataset: Whatever `fit` takes.
        """
        return dataset

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Every device has all weights and a part of each batch.

    Batches need not divide by the number of devices: results are those of one device.

    Args:
        device_mesh: A `DeviceMesh` with one axis; made of `devices` if left out.
        devices: Names of devices; all there are if left out.
        auto_shard_dataset: See `Distribution`.

    Raises:
        ValueError: If the mesh has several axes.

    >>> import numpy as np
    >>> from jkeras import Sequential, layers
    >>> with DataParallel(devices=["cpu:0", "cpu:1"]).scope():
    ...     model = Sequential([layers.Input((4,)), layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     _ = model.fit(np.ones((7, 4)), np.ones(7), batch_size=5, verbose=0)
    ...     len(model.layers[0].kernel.value.sharding.device_set)
    2

    Reference: Keras 3, `keras.distribution.DataParallel`.
    """

    def __init__(self, device_mesh: Any = None, devices: Any = None, auto_shard_dataset: bool = True):
        if device_mesh is None:
            named = list(list_devices() if devices is None else devices)
            device_mesh = DeviceMesh((len(named),), ["batch"], named)
        super().__init__(device_mesh, None, auto_shard_dataset)
        if len(device_mesh.shape) != 1:
            raise ValueError(
                f"DataParallel needs a mesh with one axis; got {device_mesh}. For more: ModelParallel(layout_map=...)."
            )


class ModelParallel(Distribution):
    """Weights are split as a `LayoutMap` says, and batches spread over one axis of the mesh.

    Args:
        layout_map: A `LayoutMap` with its mesh.
        batch_dim_name: The axis for batches; the first one if left out.
        auto_shard_dataset: See `Distribution`.

    Raises:
        ValueError: If the `LayoutMap` or its mesh is missing.

    >>> import numpy as np
    >>> from jkeras import Sequential, layers
    >>> layouts = LayoutMap(DeviceMesh((1, 2), ("batch", "model"), ["cpu:0", "cpu:1"]))
    >>> layouts["dense/kernel"] = (None, "model")
    >>> with ModelParallel(layout_map=layouts).scope():
    ...     model = Sequential([layers.Input((4,)), layers.Dense(6)])
    ...     tuple(model.layers[0].kernel.value.sharding.spec)
    (None, 'model')

    Reference: Keras 3, `keras.distribution.ModelParallel`.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        device_mesh: DeviceMesh | None = None,
    ):
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(f"ModelParallel needs layout_map=LayoutMap(device_mesh); got {layout_map!r}.")
        mesh = device_mesh or layout_map.device_mesh
        if mesh is None:
            raise ValueError("ModelParallel needs a LayoutMap with a mesh: LayoutMap(device_mesh).")
        super().__init__(mesh, batch_dim_name, auto_shard_dataset)
        self.layout_map = layout_map


class _Set:
    distribution: Distribution | None = None


def distribution() -> Distribution | None:
    """Return the strategy that was set for the process by `set_distribution`, or by `scope()` around this.

    Returns:
        A `Distribution`, or None for the default device.

    >>> distribution() is None
    True

    Reference: Keras 3, `keras.distribution.distribution`.
    """
    return _Set.distribution


def set_distribution(value: Distribution | None) -> None:
    """Let models that are not told otherwise (`fit(mesh=)`, `distribute`) live on the devices of a strategy.

    It counts for weights that are drawn and for training, evaluation and prediction that begin from now on.

    Args:
        value: A `DataParallel` or `ModelParallel`; None for the default device.

    Raises:
        TypeError: If it is something else.

    >>> set_distribution(DataParallel(devices=["cpu:0", "cpu:1"]))
    >>> distribution()
    <DataParallel device_mesh=<DeviceMesh batch=...>>
    >>> set_distribution(None)

    Reference: Keras 3, `keras.distribution.set_distribution`.
    """
    if value is not None and not isinstance(value, Distribution):
        raise TypeError(
            f"set_distribution expects a DataParallel, a ModelParallel or None; got a {type(value).__name__}. A mesh "
            "and rules go to fit(..., mesh=mesh, rules=rules)."
        )
    _Set.distribution = value
    placements.set_current(placements.DEFAULT if value is None else value.placement)
