"""`tf.get_logger()`, `tf.logging`, `tf.compat.v1.logging` and `tf.autograph`: how much is said."""

from __future__ import annotations

import logging
from typing import Any

DEBUG, INFO, WARN, WARNING, ERROR, FATAL = 10, 20, 30, 30, 40, 50


def get_logger() -> logging.Logger:
    """Return the logger of this name. Nothing of jkeras writes to it; what a script does, it shows."""
    return logging.getLogger("tensorflow")


def set_verbosity(v: int) -> None:
    """Set from which level on the logger shows messages; for `tf.autograph` there is nothing to show."""
    get_logger().setLevel(v)


def info(message: Any, *args: Any) -> None:
    """Log a message."""
    get_logger().info(message, *args)


def warning(message: Any, *args: Any) -> None:
    """Log a warning."""
    get_logger().warning(message, *args)


def error(message: Any, *args: Any) -> None:
    """Log an error."""
    get_logger().error(message, *args)


warn = warning
