"""`tf.config` and `tf.test`: which devices there are. How JAX uses them is set by its own configuration."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from jkeras.compat.tf.once import say_once


class PhysicalDevice(NamedTuple):
    """A device: its name and its kind."""

    name: str
    device_type: str


_KINDS = {"gpu": "GPU", "cuda": "GPU", "rocm": "GPU", "cpu": "CPU", "tpu": "TPU"}
_ELSEWHERE = "JAX has its own configuration, which this leaves as it is. "


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """Return the devices that JAX sees, of one kind ("CPU", "GPU", "TPU") or all; there always is a CPU.

    >>> list_physical_devices("CPU")[0].device_type
    'CPU'
    """
    devices = jax.devices()
    if all(device.platform != "cpu" for device in devices):
        devices = [*jax.devices("cpu"), *devices]
    found = []
    for device in devices:
        kind = _KINDS.get(device.platform, device.platform.upper())
        found.append(PhysicalDevice(f"/physical_device:{kind}:{device.id}", str(kind)))
    return [device for device in found if device_type in (None, device.device_type)]


list_logical_devices = list_physical_devices


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Whether JAX sees a GPU."""
    return bool(list_physical_devices("GPU"))


def is_built_with_cuda() -> bool:
    """Whether JAX computes on a GPU of NVIDIA."""
    return any("cuda" in str(device.client.platform_version).lower() for device in jax.devices())


def gpu_device_name() -> str:
    """Return the name of the first GPU, or ""."""
    return "/device:GPU:0" if is_gpu_available() else ""


def set_memory_growth(device: Any, enable: bool) -> None:
    """Say that JAX's memory is set elsewhere."""
    say_once(
        "tf.config.experimental.set_memory_growth",
        _ELSEWHERE + "Set the environment variable XLA_PYTHON_CLIENT_PREALLOCATE=false before the first computation.",
    )


def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Say that JAX's devices are chosen elsewhere."""
    say_once("tf.config.set_visible_devices", _ELSEWHERE + "Set CUDA_VISIBLE_DEVICES or JAX_PLATFORMS.")


def set_logical_device_configuration(device: Any, logical_devices: Any) -> None:
    """Say that JAX's memory is set elsewhere."""
    say_once(
        "tf.config.set_logical_device_configuration",
        _ELSEWHERE + "Set the environment variable XLA_PYTHON_CLIENT_MEM_FRACTION to the part of the memory to use.",
    )


set_virtual_device_configuration = set_logical_device_configuration


class LogicalDeviceConfiguration(NamedTuple):
    """A limit for the memory of a device, as scripts write it."""

    memory_limit: int | None = None


VirtualDeviceConfiguration = LogicalDeviceConfiguration


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Say how functions run uncompiled."""
    if run_eagerly:
        say_once("tf.config.run_functions_eagerly", "fit stays compiled. Use model.compile(..., run_eagerly=True).")


def enable_op_determinism() -> None:
    """Do nothing: the same seed gives the same numbers."""


def set_soft_device_placement(enabled: bool) -> None:
    """Do nothing: JAX places arrays."""


def set_jit(enabled: Any) -> None:
    """Do nothing: everything is compiled by XLA."""


class _Threads:
    """Numbers of threads, which XLA chooses by itself."""

    @staticmethod
    def set_intra_op_parallelism_threads(num_threads: int) -> None:
        """Say that XLA chooses."""
        say_once("tf.config.threading", "XLA chooses how many threads it uses.")

    set_inter_op_parallelism_threads = set_intra_op_parallelism_threads


class _Optimizer:
    """Compilation by XLA, which is always on."""

    set_jit = staticmethod(set_jit)


threading = _Threads()
optimizer = _Optimizer()
