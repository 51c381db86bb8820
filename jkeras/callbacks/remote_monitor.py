"""Send the metrics of every epoch to a server."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.log_values import json_text
from jkeras.core import blame

TIMEOUT = 5.0  # seconds that a server which does not answer may cost an epoch


class RemoteMonitor(Callback):
    """Posts `{"epoch": 0, "loss": 0.5, ...}` to `root + path` after each epoch.

    A server that is gone, or that answers with an error, does not end the training: a warning says so once. Numbers
    that JSON does not have are sent as "NaN", "Infinity" and "-Infinity".

    Args:
        root: The server, e.g. "http://localhost:9000".
        path: What follows it.
        field: The field of the form that the JSON text is sent in.
        headers: Headers to send along.
        send_as_json: Whether to send the JSON itself, as "application/json", rather than a form.

    Raises:
        ValueError: If `root` is no address of a web server.

    >>> RemoteMonitor("localhost")
    Traceback (most recent call last):
    ValueError: RemoteMonitor expects root="http://..." or "https://..."; got 'localhost'.

    Reference: Keras 3.15, `keras.callbacks.RemoteMonitor`
    """

    writes_alone = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ):
        if urllib.parse.urlsplit(root).scheme not in ("http", "https"):
            raise ValueError(f'RemoteMonitor expects root="http://..." or "https://..."; got {root!r}.')
        self.root, self.path, self.field = root, path, field
        self.headers = None if headers is None else dict(headers)
        self.send_as_json = send_as_json
        self._warned = False

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Send the metrics."""
        text = json_text({"epoch": epoch, **(logs or {})})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            urllib.request.urlopen(request, timeout=TIMEOUT).close()
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if not self._warned:
                self._warned = True
                blame.warn(f"RemoteMonitor could not send to {self.root + self.path}: {error}")
