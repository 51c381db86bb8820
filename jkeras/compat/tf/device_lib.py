"""`tensorflow.python.client.device_lib`: how scripts of TensorFlow 1 listed the devices."""

from __future__ import annotations

from typing import Any

from jkeras.compat.tf.config import PhysicalDevice, list_physical_devices


def list_local_devices(session_config: Any = None) -> list[PhysicalDevice]:
    """Return the devices that JAX sees."""
    return list_physical_devices()
