"""Layouts by the path of a weight."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from jkeras.distribution.layouts import DeviceMesh, TensorLayout
from jkeras.distribution.rules import only_match


class LayoutMap(MutableMapping[str, TensorLayout]):
    """Layouts by patterns for the whole path of a weight: "dense.*kernel" matches "dense_1/kernel".

    A path that is a key itself is looked up first. `fit(rules=...)` takes it in the place of rows.

    Args:
        device_mesh: The `DeviceMesh` of layouts that come without one.

    >>> mesh = DeviceMesh((1, 2), ("batch", "model"), ["cpu:0", "cpu:1"])
    >>> layouts = LayoutMap(mesh)
    >>> layouts["dense.*kernel"] = (None, "model")
    >>> layouts["dense_1/kernel"].axes, layouts["conv/kernel"]
    ((None, 'model'), None)

    Reference: Keras 3, `keras.distribution.LayoutMap`.
    """

    def __init__(self, device_mesh: DeviceMesh | None = None):
        self._layouts: dict[str, TensorLayout] = {}
        self._mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._mesh

    def __getitem__(self, path: str) -> Any:
        key = only_match(self._layouts, path)
        return None if key is None else self._layouts[key]

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(f"The LayoutMap has {key!r} already: {self._layouts[key]}. Delete it first.")
        if isinstance(layout, (tuple, list)):
            layout = TensorLayout(tuple(layout))
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"A layout must be a TensorLayout or a tuple of axis names; got {layout!r}.")
        if layout.device_mesh is None and self._mesh is not None:
            layout.device_mesh = self._mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)
