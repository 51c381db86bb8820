"""The devices of this process and of all that train together."""

from __future__ import annotations

import os
from typing import Any

import jax

_PLATFORMS = ("cpu", "gpu", "tpu")


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the names of all devices, of every process: "cpu:0", "gpu:3", "tpu:12".

    Args:
        device_type: "cpu", "gpu" or "tpu"; the fastest kind there is if left out.

    Returns:
        A list of names; empty if there is no device of this kind.

    Raises:
        ValueError: If the kind is unknown.

    >>> list_devices("cpu")[0]
    'cpu:0'

    Reference: Keras 3, `keras.distribution.list_devices`.
    """
    return [name_of(device) for device in _devices(device_type)]


def get_device_count(device_type: str | None = None) -> int:
    """Return the number of devices, of every process.

    Args:
        device_type: "cpu", "gpu" or "tpu"; the fastest kind there is if left out.

    Returns:
        The number, 0 if there is no device of this kind.

    Raises:
        ValueError: If the kind is unknown.

    >>> get_device_count() == len(list_devices())
    True

    Reference: Keras 3, `keras.distribution.get_device_count`.
    """
    return len(_devices(device_type))


def name_of(device: Any) -> str:
    """Return the name of a device of JAX.

    >>> name_of(jax.devices()[0])
    'cpu:0'
    """
    return f"{device.platform}:{device.id}"


def device_named(name: Any) -> Any:
    """Return the device of JAX for a name such as "cpu:0"; what is a device already stays one.

    Raises:
        ValueError: If there is no such device.
    """
    if not isinstance(name, str):
        return name
    platform = name.partition(":")[0].lower()
    known = {name_of(device): device for device in (_devices(platform) if platform in _PLATFORMS else jax.devices())}
    if name.lower() not in known:
        raise ValueError(f"There is no device {name!r}. JAX has: {', '.join(known)}.")
    return known[name.lower()]


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Let this process train together with others; every one of them calls this before anything else of JAX.

    On clusters that JAX knows (SLURM, Open MPI, Kubernetes, TPU pods) no argument is needed.

    Args:
        job_addresses: Address of the first process, "10.0.0.1:1234", or of all, separated by commas: the first counts.
            The variable `KERAS_DISTRIBUTION_JOB_ADDRESSES` if left out.
        num_processes: How many there are; `KERAS_DISTRIBUTION_NUM_PROCESSES` if left out.
        process_id: Which one this is, from 0; `KERAS_DISTRIBUTION_PROCESS_ID` if left out.

    Raises:
        RuntimeError: If JAX was used before in this process.
        ValueError: If a variable of the environment is not a number.

    >>> initialize("10.0.0.1:1234", num_processes=2, process_id=0)  # doctest: +SKIP

    Reference: Keras 3, `keras.distribution.initialize`; `jax.distributed.initialize`.
    """
    addresses = job_addresses or os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    jax.distributed.initialize(
        coordinator_address=addresses.split(",")[0] if addresses else None,
        num_processes=_number("NUM_PROCESSES") if num_processes is None else num_processes,
        process_id=_number("PROCESS_ID") if process_id is None else process_id,
    )


def _number(name: str) -> int | None:
    given = os.environ.get(f"KERAS_DISTRIBUTION_{name}")
    if given is not None and not given.strip().isdigit():
        raise ValueError(f"KERAS_DISTRIBUTION_{name} must be a number; got {given!r}.")
    return None if given is None else int(given)


def _devices(device_type: str | None) -> list[Any]:
    if device_type is None:
        return jax.devices()
    if device_type.lower() not in _PLATFORMS:
        raise ValueError(f"device_type must be 'cpu', 'gpu' or 'tpu'; got {device_type!r}.")
    try:
        return jax.devices(device_type.lower())
    except RuntimeError:
        return []
