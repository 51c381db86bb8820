"""Which device arrays are made on."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any

import jax


def device(device_name: str) -> AbstractContextManager[Any]:
    """Make arrays on a device inside a `with` block.

    Args:
        device_name: "cpu:0", "gpu:1", "tpu", or TensorFlow's "/GPU:0".

    Returns:
        A context for a `with` block.

    Raises:
        ValueError: If there is no such device.

    >>> import jax.numpy as jnp
    >>> with device("cpu:0"):
    ...     platforms = {d.platform for d in jnp.ones(2).devices()}
    >>> platforms
    {'cpu'}
    """
    match = re.fullmatch(r"(?:/?device:|/)?(cpu|gpu|cuda|rocm|tpu)(?::(\d+))?", str(device_name).strip().lower())
    if match is None:
        raise ValueError(f"device expects a name such as 'cpu:0', 'gpu:1' or 'tpu'; got {device_name!r}.")
    platform, number = match[1], int(match[2] or 0)
    try:
        found = jax.devices(platform)
    except RuntimeError:
        found = []
    if number >= len(found):
        present = ", ".join(f"{d.platform}:{i}" for i, d in enumerate(jax.devices()))
        raise ValueError(f"There is no device {device_name!r}. JAX has: {present}.")
    return jax.default_device(found[number])
