"""`tf.distribute`: strategies for the devices of one machine, as a mesh of JAX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from jkeras.distribution import DataParallel, distribution, list_devices


class Strategy:
    """All devices there are, or the given ones, as copies of a model that a batch is spread over.

    A model made inside of `scope()` stays on them; on one device nothing changes.

    Args:
        devices: Names in the way of TensorFlow ("/gpu:0", "GPU:1") or of Keras ("gpu:0"); all if left out.

    >>> strategy = MirroredStrategy()
    >>> strategy.num_replicas_in_sync == len(list_devices())
    True
    >>> with strategy.scope():
    ...     pass
    """

    def __init__(self, devices: Any = None):
        named = [devices] if isinstance(devices, str) else devices
        self._parallel = DataParallel(devices=None if named is None else [_name(device) for device in named])

    @property
    def num_replicas_in_sync(self) -> int:
        """The number of devices."""
        return int(self._parallel.device_mesh.devices.size)

    @contextmanager
    def scope(self) -> Iterator[Strategy]:
        """Make models for these devices inside of a `with` block."""
        if self.num_replicas_in_sync == 1:
            yield self
            return
        with self._parallel.scope():
            yield self

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """Return the data as they are: `fit` spreads each batch."""
        return dataset

    def run(self, fn: Any, args: Any = (), kwargs: Any = None, options: Any = None) -> NoReturn:
        """Refuse: one program runs on all devices."""
        raise RuntimeError(
            "strategy.run is not there: on JAX one program runs on all devices of a mesh, so a loop of one's own calls "
            "the compiled step itself. Use model.fit, or jax.jit on arrays that jax.device_put(array, sharding) spread."
        )

    def reduce(self, reduce_op: Any, value: Any, axis: Any = None) -> Any:
        """Return the value: it is that of the whole batch already."""
        return value


class MirroredStrategy(Strategy):
    """Copies of a model on the devices of this machine.

    Args:
        devices: Names of devices; all if left out.
        cross_device_ops: How TensorFlow sums gradients; XLA chooses here.
    """

    def __init__(self, devices: Sequence[str] | None = None, cross_device_ops: Any = None):
        super().__init__(devices)


class OneDeviceStrategy(Strategy):
    """One device.

    Args:
        device: Its name.
    """

    def __init__(self, device: str):
        super().__init__([device])


def get_strategy() -> Strategy:
    """Return the strategy whose scope is open; else one for the default device."""
    found = distribution()
    return Strategy(list_devices()[:1] if found is None else list(found.device_mesh.devices.flat))


def has_strategy() -> bool:
    """Whether the scope of a strategy is open."""
    return distribution() is not None


def _name(device: str) -> str:
    """Return Keras's name of a device.

    >>> _name("/job:localhost/replica:0/task:0/device:GPU:1"), _name("/gpu:0"), _name("cpu:2")
    ('gpu:1', 'gpu:0', 'cpu:2')
    """
    parts = device.lower().rsplit("/", 1)[-1].split(":")
    return ":".join(parts[-2:]) if len(parts) > 1 else f"{parts[0]}:0"
