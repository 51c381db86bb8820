"""Where the channels of an image are: last, or right after the batch."""

from __future__ import annotations

from typing import Any

DATA_FORMATS = ("channels_last", "channels_first")


class _Default:
    data_format = "channels_last"


def image_data_format() -> str:
    """Return the data format of layers that are made without `data_format`.

    Returns:
        "channels_last", unless set otherwise.

    >>> image_data_format()
    'channels_last'
    """
    return _Default.data_format


def set_image_data_format(data_format: str) -> None:
    """Set the data format of layers that are made without `data_format`: 'channels_last' or 'channels_first'.

    Args:
        data_format: One of these.

    Raises:
        ValueError: If it is neither.

    >>> set_image_data_format("channels_first")
    >>> image_data_format()
    'channels_first'
    >>> set_image_data_format("channels_last")
    """
    _Default.data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: Any) -> str:
    """Return `data_format`, or the default one for None.

    Raises:
        ValueError: For anything but 'channels_last' and 'channels_first'.

    >>> standardize_data_format(None)
    'channels_last'
    """
    found = image_data_format() if data_format is None else str(data_format).lower()
    if found not in DATA_FORMATS:
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first'; got {data_format!r}.")
    return found
