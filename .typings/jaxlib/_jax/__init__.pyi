"""The compiled module of jaxlib, which comes without stubs: signatures all over `jax.numpy` name its `Device`."""

from typing import Any

class Device: ...

def __getattr__(name: str) -> Any: ...
