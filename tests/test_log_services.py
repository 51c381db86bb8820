"""Logs that are sent to services: RemoteMonitor against a server of the test's own, MLflow and W&B into local files."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import urllib.parse
from types import SimpleNamespace

import numpy as np
import pytest

from jkeras import callbacks, layers
from jkeras.models import Sequential

LOGS = {"loss": np.float32(0.5), "accuracy": 0.25, "counts": np.array(3)}


@pytest.fixture
def server(monkeypatch):
    """Keep the requests in `server.seen`, and answer with `server.status`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.status, listening.seen = 200, seen
    listening.root = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield listening
    listening.shutdown()
    thread.join()
    listening.server_close()


def tell(monitor, epoch=3, logs=LOGS):
    monitor.set_model(SimpleNamespace())
    monitor.on_train_begin()
    monitor.on_epoch_end(epoch, dict(logs))


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # Keras leaves its connection open
@pytest.mark.parametrize("options", [
    {}, {"send_as_json": True}, {"path": "/x/y?z=1", "field": "my field"},
    {"headers": {"X-Token": "secret"}}, {"headers": {"X-Token": "secret"}, "send_as_json": True},
], ids=str)  # fmt: skip
def test_remote_monitor_sends_what_keras_sends(server, options):
    pytest.importorskip("requests")
    keras = pytest.importorskip("keras")
    for package in (callbacks, keras.callbacks):
        tell(package.RemoteMonitor(root=server.root, **options))
    (path, headers, body), (keras_path, keras_headers, keras_body) = server.seen
    assert path == keras_path
    for name in ("content-type", "x-token"):
        assert headers.get(name) == keras_headers.get(name)

    def read(text):
        if options.get("send_as_json"):
            return json.loads(text)
        ((field, (value,)),) = urllib.parse.parse_qs(text).items()
        return field, json.loads(value)

    assert read(body) == read(keras_body)


def test_remote_monitor_sends_strict_json_from_fit(server):
    model = Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    monitor = callbacks.RemoteMonitor(server.root, send_as_json=True)
    model.fit(np.full((4, 2), np.nan), np.ones(4), epochs=2, verbose=0, callbacks=[monitor])
    assert [json.loads(body, parse_constant=pytest.fail) for _, _, body in server.seen] == [
        {"epoch": 0, "loss": "NaN"}, {"epoch": 1, "loss": "NaN"},
    ]  # fmt: skip


def test_a_server_that_is_gone_or_fails_is_told_once_and_ends_nothing(server, monkeypatch):
    server.status = 500
    monitor = callbacks.RemoteMonitor(server.root)
    with pytest.warns(UserWarning, match="could not send .* 500"):
        tell(monitor)
    tell(monitor)
    assert len(server.seen) == 2
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.warns(UserWarning, match="could not send"):
        tell(callbacks.RemoteMonitor(f"http://127.0.0.1:{port}"))
    from jkeras.callbacks import remote_monitor

    monkeypatch.setattr(remote_monitor, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", port)), pytest.warns(UserWarning, match="timed out"):  # it never answers
        tell(callbacks.RemoteMonitor(f"http://127.0.0.1:{port}"))


# Tracking services

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 3)).astype("float32")


class Cut(callbacks.Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise InterruptedError


def fit(hooks, epochs=3):
    model = Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model.fit(X, X.sum(1), batch_size=4, epochs=epochs, verbose=0, callbacks=hooks).history


@pytest.fixture
def mlflow(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    found = pytest.importorskip("mlflow")
    before = found.get_tracking_uri()
    yield found
    while found.active_run():
        found.end_run()
    found.set_tracking_uri(before)


def points(mlflow, run_id, name):
    return [(m.step, m.value) for m in mlflow.MlflowClient().get_metric_history(run_id, name)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_mlflow(mlflow, tmp_path):
    logger = callbacks.MLflowLogger(
        {"units": 1, "shape": (3,)}, "first", "named", (tmp_path / "runs").as_uri(), update_freq=4
    )
    history = fit([logger])
    run = mlflow.get_run(logger.run_id)
    assert run.info.status == "FINISHED" and run.info.run_name == "named"
    described = {"units": "1", "shape": "[3]", "optimizer": "Adam", "epochs": "3", "batch_size": "4", "steps": "5"}
    assert described.items() <= run.data.params.items()
    np.testing.assert_allclose(points(mlflow, logger.run_id, "mae"), list(enumerate(history["mae"])))
    assert [step for step, _ in points(mlflow, logger.run_id, "batch_loss")] == [4, 8, 12]

    with mlflow.start_run() as active:  # it belongs to somebody else
        fit([logger], epochs=1)
        assert logger.run_id == active.info.run_id and mlflow.active_run() is not None

    logger = callbacks.MLflowLogger()
    with pytest.raises(InterruptedError):
        fit([callbacks.BackupAndRestore(tmp_path / "b"), logger, Cut(2)])
    mlflow.end_run("FAILED")  # as at the end of a process
    again = callbacks.MLflowLogger()
    fit([callbacks.BackupAndRestore(tmp_path / "b"), again])
    assert again.run_id == logger.run_id
    assert [step for step, _ in points(mlflow, logger.run_id, "loss")] == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_wandb(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    rows = []
    options = {"mode": "offline", "dir": str(tmp_path)}

    class Spy(callbacks.WandbLogger):
        def start(self, run_id, params):
            run, found = super().start(run_id, params)
            log = run.log
            monkeypatch.setattr(run, "log", lambda row: (rows.append(row), log(row)), raising=False)
            assert dict(run.config)["optimizer"] == "Adam"
            return run, found

    logger = Spy({"units": 1}, project="first", name="named", update_freq=4, **options)
    history = fit([logger])
    assert [row["loss"] for row in rows if "step" not in row] == history["loss"]
    assert [(row["epoch"], row["step"]) for row in rows if "step" in row] == [(0, 4), (1, 8), (2, 12)]
    assert wandb.run is None and list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))

    first = Spy(**options)
    with pytest.raises(InterruptedError):
        fit([callbacks.BackupAndRestore(tmp_path / "b"), first, Cut(2)])
    wandb.finish()
    again = Spy(**options)
    fit([callbacks.BackupAndRestore(tmp_path / "b"), again])
    assert again.run_id == first.run_id and wandb.run is None


def test_a_tracked_run_tells_what_it_is_told(tmp_path):
    """What the services are given, without a service."""
    from jkeras.callbacks.tracked_run import TrackedRun

    class Kept(TrackedRun):
        def __init__(self, **options):
            super().__init__(**options)
            self.begun, self.sent, self.ended = [], [], 0

        def start(self, run_id, params):
            self.begun.append((run_id, params))
            return self, run_id or "new"

        def send(self, metrics, epoch, step):
            self.sent.append((sorted(metrics), epoch, step))

        def finish(self):
            self.ended += 1

    kept = Kept(params={"units": np.int64(1)}, update_freq=6)
    with pytest.raises(InterruptedError):
        fit([callbacks.BackupAndRestore(tmp_path), kept, Cut(2)])
    ((run_id, params),) = kept.begun
    assert run_id is None and params["units"] == 1 and params["optimizer_learning_rate"] == pytest.approx(1e-3)
    assert kept.sent == [(["loss", "mae"], 0, None), (["batch_loss", "batch_mae"], 1, 6), (["loss", "mae"], 1, None)]
    again = Kept(params={"units": 1}, update_freq=6)
    fit([callbacks.BackupAndRestore(tmp_path), again])
    assert [run_id for run_id, _ in again.begun] == ["new"] and (kept.ended, again.ended) == (0, 1)
    assert again.sent == [(["batch_loss", "batch_mae"], 2, 12), (["loss", "mae"], 2, None)]
    assert json.loads(json.dumps(again.state_dict())) == again.state_dict()
