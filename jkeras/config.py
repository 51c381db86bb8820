"""Settings of the whole process: dtypes, image format, limits, what is printed."""

from __future__ import annotations

from typing import Any

import jax

from jkeras.backend.settings import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from jkeras.core.compilation_cache import disable, enable
from jkeras.core.dtypes import dtype_policy, set_dtype_policy
from jkeras.core.errors import nearest
from jkeras.core.settings import settings

__all__ = [
    "backend", "disable_compilation_cache", "disable_flash_attention", "disable_interactive_logging",
    "disable_traceback_filtering", "dtype_policy", "enable_compilation_cache", "enable_flash_attention",
    "enable_interactive_logging", "enable_traceback_filtering", "enable_unsafe_deserialization", "epsilon", "floatx",
    "image_data_format", "is_flash_attention_enabled", "is_interactive_logging_enabled", "is_nnx_enabled",
    "is_traceback_filtering_enabled", "matmul_precision", "max_epochs", "max_steps_per_epoch", "prefetch",
    "set_backend", "set_dtype_policy", "set_epsilon", "set_floatx", "set_image_data_format", "set_matmul_precision",
    "set_max_epochs", "set_max_steps_per_epoch", "set_prefetch",
]  # fmt: skip


def set_backend(backend: str) -> None:
    """Accept "jax".

    Args:
        backend: "jax": there is no other.

    Raises:
        ValueError: For any other backend.

    >>> set_backend("jax")
    """
    if backend != "jax":
        raise ValueError(f"jkeras runs on JAX only: set_backend('jax'); got {backend!r}.")


def max_epochs() -> int | None:
    """Return the limit that `set_max_epochs` or the environment variable `KERAS_MAX_EPOCHS` set.

    Returns:
        A number of epochs; None: no limit.

    >>> max_epochs() is None
    True
    """
    return settings.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Let `fit` end after so many epochs, with a warning, whatever it is told.

    Args:
        max_epochs: A number above 0; None lifts the limit.

    Raises:
        ValueError: If it is neither.

    >>> set_max_epochs(2)
    >>> max_epochs()
    2
    >>> set_max_epochs(None)
    """
    settings.max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """Return the limit that `set_max_steps_per_epoch` or the variable `KERAS_MAX_STEPS_PER_EPOCH` set.

    Returns:
        A number of batches; None: no limit.

    >>> max_steps_per_epoch() is None
    True
    """
    return settings.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Let `fit`, `evaluate` and `predict` take at most so many batches an epoch, with a warning.

    Args:
        max_steps_per_epoch: A number above 0; None lifts the limit.

    Raises:
        ValueError: If it is neither.

    >>> set_max_steps_per_epoch(100)
    >>> max_steps_per_epoch()
    100
    >>> set_max_steps_per_epoch(None)
    """
    settings.max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def prefetch() -> int:
    """Return how many batches a thread makes ahead.

    Returns:
        A number; 0: there is no thread.

    >>> prefetch()
    2
    """
    return settings.prefetch


def set_prefetch(batches: int) -> None:
    """Let `fit`, `evaluate` and `predict` make at most so many batches ahead, in a thread, where batches take time.

    Args:
        batches: How many may wait, in memory or on the device. With 0 there is no thread: a generator then runs where
            `fit` was called, as what is bound to that thread (a connection of sqlite3) needs.

    Raises:
        ValueError: If it is no such number.

    >>> set_prefetch(4)
    >>> prefetch()
    4
    >>> set_prefetch(2)
    """
    if not isinstance(batches, int) or isinstance(batches, bool) or batches < 0:
        raise ValueError(f"prefetch must be a number of batches, 0 or more; got {batches!r}.")
    settings.prefetch = batches


def _limit(name: str, value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ValueError(f"{name} must be a positive integer or None; got {value!r}.")
    return value


def enable_compilation_cache(folder: Any = None, minimum_seconds: float = 0.1) -> None:
    """Keep compiled programs in a folder, so that the next process need not compile them again.

    It is off from the start, for the folder is trusted: whoever can write to it can run code in your processes. It is
    made for you alone (mode 0700), and refused if it is not. Share it with nobody. The environment variable
    `JKERAS_COMPILATION_CACHE`, 1 or a folder, does the same when jkeras is imported. Nothing is ever deleted from it.

    Args:
        folder: `jkeras/compilation` in your cache directory (`XDG_CACHE_HOME`, `~/.cache`) if left out.
        minimum_seconds: Programs that compile faster are not kept.

    Raises:
        PermissionError: If the folder belongs to somebody else, or others can write to it.
        ValueError: If `minimum_seconds` is negative.

    >>> import tempfile
    >>> enable_compilation_cache(tempfile.mkdtemp())
    >>> disable_compilation_cache()
    """
    enable(folder, minimum_seconds)


def disable_compilation_cache() -> None:
    """Keep compiled programs in no folder of jkeras any more; JAX's own settings hold again.

    >>> disable_compilation_cache()
    """
    disable()


_PRECISIONS = ("default", "high", "highest", "bfloat16", "tensorfloat32", "float32")


def set_matmul_precision(precision: str | None) -> None:
    """Say how precisely float32 matrix products and convolutions are computed.

    Without it, CPUs compute in float32, and NVIDIA GPUs from Ampere on in TF32, which keeps 10 bits of each factor's
    mantissa (a relative error about 1e-3) and is several times faster; TPUs multiply in bfloat16. What is compiled
    already is compiled anew when it is used next.

    Args:
        precision: "highest" or "float32"; "high" or "tensorfloat32"; "default" or "bfloat16", the fastest; None: as JAX
            has it.

    Raises:
        ValueError: If it is none of these.

    >>> set_matmul_precision("float32")
    >>> matmul_precision()
    'float32'
    >>> set_matmul_precision(None)
    """
    if precision is not None and precision not in _PRECISIONS:
        accepted = ", ".join(map(repr, _PRECISIONS))
        hint = nearest(str(precision), _PRECISIONS)
        raise ValueError(f"matmul precision must be one of {accepted} or None; got {precision!r}.{hint}")
    jax.config.update("jax_default_matmul_precision", precision)


def matmul_precision() -> str | None:
    """Return what `set_matmul_precision` (or JAX's own setting) says.

    Returns:
        One of the words that it takes; None: nothing was said.

    >>> matmul_precision() is None
    True
    """
    return jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]


def enable_interactive_logging() -> None:
    """Let progress and summaries go to standard output, as they do from the start.

    >>> enable_interactive_logging()
    >>> is_interactive_logging_enabled()
    True
    """
    settings.interactive_logging = True


def disable_interactive_logging() -> None:
    """Let progress and summaries go to the logger "jkeras", at level INFO: one line an epoch.

    >>> disable_interactive_logging()
    >>> is_interactive_logging_enabled()
    False
    >>> enable_interactive_logging()
    """
    settings.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Return whether progress and summaries go to standard output.

    Returns:
        True, unless `disable_interactive_logging` was called.

    >>> is_interactive_logging_enabled()
    True
    """
    return settings.interactive_logging


def enable_traceback_filtering() -> None:
    """Let JAX leave its own frames out of tracebacks, as it does from the start.

    >>> enable_traceback_filtering()
    >>> is_traceback_filtering_enabled()
    True
    """
    jax.config.update("jax_traceback_filtering", "auto")


def disable_traceback_filtering() -> None:
    """Let tracebacks show every frame, those of JAX among them.

    >>> disable_traceback_filtering()
    >>> is_traceback_filtering_enabled()
    False
    >>> enable_traceback_filtering()
    """
    jax.config.update("jax_traceback_filtering", "off")


def is_traceback_filtering_enabled() -> bool:
    """Return whether JAX leaves its own frames out of tracebacks; those of jkeras are always shown.

    Returns:
        True or False.

    >>> is_traceback_filtering_enabled()
    True
    """
    return jax.config.jax_traceback_filtering != "off"  # type: ignore[attr-defined]


def enable_flash_attention() -> None:
    """Let attention layers insist on the fused kernel of cuDNN: on a GPU, in 16 bits; elsewhere they raise.

    Without it JAX chooses. A layer's own `flash_attention=` decides before this does.

    >>> enable_flash_attention()
    >>> is_flash_attention_enabled()
    True
    >>> settings.flash_attention = None  # as it was
    """
    settings.flash_attention = True


def disable_flash_attention() -> None:
    """Let attention layers compute products and softmax one after the other.

    >>> disable_flash_attention()
    >>> is_flash_attention_enabled()
    False
    >>> settings.flash_attention = None  # as it was
    """
    settings.flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """Return what was set.

    Returns:
        True, False, or None for neither: JAX chooses.

    >>> is_flash_attention_enabled() is None
    True
    """
    return settings.flash_attention


def is_nnx_enabled() -> bool:
    """Return False: layers are plain Python objects, and `layer.init` and `layer.apply` pure functions of arrays.

    Returns:
        False.

    >>> is_nnx_enabled()
    False
    """
    return False


def enable_unsafe_deserialization() -> None:
    """Refuse.

    Raises:
        ValueError: Always: a file is data, and nothing that stands in one is ever run.

    >>> enable_unsafe_deserialization()
    Traceback (most recent call last):
    ValueError: jkeras never runs code from files, so there is nothing to enable.
    """
    raise ValueError(
        "jkeras never runs code from files, so there is nothing to enable. Give the functions and classes of a file "
        "by name: load_model(path, custom_objects={'my_function': my_function})."
    )
