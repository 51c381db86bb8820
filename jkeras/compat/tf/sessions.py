"""Sessions of TensorFlow 1 and their settings: there is nothing to open, and `K.set_session` changes nothing."""

from __future__ import annotations

from typing import Any

from jkeras.compat.tf.once import say_once

_NOTHING = "there are no sessions on JAX: what these settings say is left as it is."


class Settings:
    """Options with options below them: `config.gpu_options.allow_growth = True`.

    >>> config = Settings(log_device_placement=False)
    >>> config.gpu_options.allow_growth = True
    >>> config.gpu_options.allow_growth, config.log_device_placement
    (True, False)
    """

    def __init__(self, *args: Any, **options: Any):
        vars(self).update(options)

    def __getattr__(self, name: str) -> Settings:
        if name.startswith("__"):
            raise AttributeError(name)
        below = Settings()
        setattr(self, name, below)
        return below


class Session:
    """Something to hand to `K.set_session`; a context without effect.

    Args:
        target, graph, config: Kept and used for nothing.
    """

    def __init__(self, target: str = "", graph: Any = None, config: Any = None):
        self.config = config

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def as_default(self) -> Session:
        """Return the session, for `with`."""
        return self

    def run(self, fetches: Any, feed_dict: Any = None) -> Any:
        """Return the values of variables and arrays; None for what `tf.global_variables_initializer()` gave.

        Raises:
            RuntimeError: If values are to be fed, or something symbolic is asked for.
        """
        from jkeras.backend.variables import get_value
        from jkeras.core.graph import has_symbolic

        if feed_dict or has_symbolic(fetches):
            raise RuntimeError(
                "session.run(symbolic, feed_dict=...) is not supported: there are no sessions on JAX. Write "
                "K.function([model.input], [tensor])([array]), or model.predict(array)."
            )
        if isinstance(fetches, (list, tuple)):
            return [self.run(fetch) for fetch in fetches]
        return None if fetches is None else get_value(fetches)


InteractiveSession = Session
_current = Session()


def set_session(session: Any) -> None:
    """Say that a session changes nothing."""
    say_once("K.set_session", _NOTHING)


def get_session() -> Session:
    """Return a session, which can show the values of variables."""
    return _current


def global_variables_initializer() -> None:
    """Return nothing: weights get their first values when they are first read."""


variables_initializer = local_variables_initializer = tables_initializer = initialize_all_variables = (
    global_variables_initializer
)
ConfigProto = GPUOptions = OptimizerOptions = Settings
