"""What fit, evaluate and predict take beside arrays: frames, sparse matrices, files, tensors and loaders of others."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest

from jkeras import Sequential, layers, utils
from jkeras.training import arrays, data, sources

rng = np.random.default_rng(0)
X = rng.random((50, 3), np.float32)
X[X < 0.4] = 0
Y = X.sum(1, keepdims=True)


def model(width=3):
    made = Sequential([layers.Dense(1, input_shape=(width,))])
    made.set_weights([np.full((width, 1), 0.1, "float32"), np.zeros(1, "float32")])
    made.compile("sgd", "mse")
    return made


def losses(x, y=None, shuffle=False, **arguments):
    """The losses of two epochs, and what evaluate and predict say afterwards."""
    net = model()
    history = net.fit(x, y, batch_size=8, epochs=2, shuffle=shuffle, verbose=0, **arguments).history
    return [*history["loss"], net.evaluate(x, y, batch_size=8, verbose=0), *net.predict(x, verbose=0)[:, 0]]


@pytest.fixture(scope="module")
def expected():
    return losses(X, Y)


def pandas_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abc"))
    return frame, pandas.Series(Y[:, 0])


def pandas_nullable():
    frame, y = pandas_frame()
    return frame.astype({"a": "Float32"}), y.astype("Float32")


def polars_frame():
    polars = pytest.importorskip("polars")
    return polars.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}), polars.Series(Y[:, 0])


def torch_tensors():
    torch = pytest.importorskip("torch")
    return torch.from_numpy(X).requires_grad_(), torch.from_numpy(Y)


def torch_loader():
    torch = pytest.importorskip("torch")
    whole = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return (torch.utils.data.DataLoader(whole, batch_size=8),)


def grain_map():
    grain = pytest.importorskip("grain")
    return (grain.MapDataset.source(range(50)).map(lambda i: (X[i], Y[i])).batch(8),)


def grain_iter():
    return (grain_map()[0].to_iter_dataset(),)


class LikeTensorFlow:
    """A data set whose own iterator gives tensors of another library."""

    def __iter__(self):
        raise AssertionError("tensors are not wanted")

    def as_numpy_iterator(self):
        return ((X[i : i + 8], Y[i : i + 8]) for i in range(0, 50, 8))

    def __len__(self):
        return 7


class OnlyDlpack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class OnlyArray:
    def __array__(self, dtype=None, copy=None):
        return X


SOURCES = [
    pandas_frame, pandas_nullable, polars_frame, torch_tensors, torch_loader, grain_map, grain_iter,
    lambda: (LikeTensorFlow(),), lambda: (OnlyDlpack(X), OnlyDlpack(Y)), lambda: (OnlyArray(), Y),
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=lambda f: f.__name__)
def test_sources_train_like_arrays(source, expected):
    np.testing.assert_allclose(losses(*source()), expected, 1e-5)


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "coo_matrix", "dok_array"])
def test_sparse_matrices_train_like_arrays(kind, expected):
    matrix = getattr(pytest.importorskip("scipy.sparse"), kind)(X)
    np.testing.assert_allclose(losses(matrix, Y), expected, 1e-5)
    np.testing.assert_allclose(losses(matrix, Y, shuffle=True)[:2], expected[:2], 0.1)  # the same rows in another order


def test_sparse_matrices_never_become_dense_as_a_whole(monkeypatch):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    monkeypatch.setattr("jkeras.training.chunks.CHUNK_BYTES", 4 * 8 * 40)
    monkeypatch.setattr("jkeras.models.prediction.LOOP_BYTES", 4 * 8 * 40)
    made = []

    class Watched(sources.Rows):
        def __getitem__(self, key):
            rows = super().__getitem__(key)
            made.append(len(rows))
            return rows

    monkeypatch.setattr(sources, "Rows", Watched)
    wide = scipy_sparse.random(400, 10, 0.1, "csr", "float32", random_state=0)
    target = np.asarray(wide.sum(1))
    net = model(10)
    losses = net.fit(wide, target, batch_size=8, epochs=3, validation_split=0.5, verbose=0).history
    assert losses["loss"][-1] < losses["loss"][0] and losses["val_loss"][-1] < losses["val_loss"][0]
    net.evaluate(wide, target, batch_size=8, verbose=0)
    net.predict(wide, batch_size=8, verbose=0)
    assert max(made) <= 40 and sum(made) >= 3 * 400
    assert np.isfinite(net.train_on_batch(wide[:8], target[:8]))
    assert net.predict_on_batch(wide[:8]).shape == (8, 1)


def test_shuffled_rows_of_a_sparse_matrix_keep_their_targets():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    made = data.make_data(scipy_sparse.csr_matrix(X), Y, batch_size=8)
    for batch in made.batches(data.epoch_order(made, True, (1, 0), None)):
        np.testing.assert_allclose(batch.x.sum(1, keepdims=True), batch.y, 1e-5)


def bad_frames():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame, _ = pandas_frame()
    yield frame.assign(a=pandas.Categorical(["u", "v"] * 25)), TypeError, r"x\['a'\] is categorical.*cat\.codes"
    yield frame.assign(a=pandas.array([1] * 49 + [None], dtype="Int64")), ValueError, r"x\['a'\] has missing values"
    yield frame.assign(a=["u", "v"] * 25), TypeError, r"x\['a'\] must hold numbers"
    yield frame.assign(a=pandas.Timestamp("2020")), TypeError, r"x\['a'\] must hold numbers.*datetime"
    frame, _ = polars_frame()
    words = polars.Series(["u", "v"] * 25)
    yield frame.with_columns(a=words.cast(polars.Categorical)), TypeError, r"x\['a'\] is categorical.*to_physical"
    yield frame.with_columns(a=words), TypeError, r"x\['a'\] must hold numbers"
    yield frame.with_columns(a=polars.Series([1] * 49 + [None])), ValueError, r"x\['a'\] has missing values"
    yield frame.lazy(), TypeError, "collect"


def test_frames_that_do_not_hold_numbers_say_which_column():
    for frame, kind, message in bad_frames():
        with pytest.raises(kind, match=message):
            model().fit(frame, Y, verbose=0)


def test_columns_of_several_dtypes():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    mixed = {"a": X[:, 0] > 0.5, "b": np.arange(50), "c": X[:, 2]}
    wanted = np.stack([column.astype("float32") for column in mixed.values()], 1)
    for frame in (pandas.DataFrame(mixed), polars.DataFrame(mixed), pandas.DataFrame(mixed).convert_dtypes()):
        np.testing.assert_allclose(arrays.as_arrays(frame, "x"), wanted)
    missing = pandas.DataFrame({"a": pandas.array([1.5, None], dtype="Float64")})
    np.testing.assert_array_equal(arrays.as_arrays(missing, "x"), [[1.5], [np.nan]])
    labels = pandas.Series(pandas.Categorical([2, 1, 2]))
    np.testing.assert_array_equal(arrays.as_arrays(labels, "y"), [2, 1, 2])


def test_tensors_and_frames_are_not_copied():
    torch, pandas = pytest.importorskip("torch"), pytest.importorskip("pandas")
    tensor = torch.from_numpy(X)
    assert np.shares_memory(arrays.as_arrays(tensor, "x"), X)
    assert np.shares_memory(arrays.as_arrays(OnlyDlpack(X), "x"), X)
    frame = pandas.DataFrame(X)
    assert np.shares_memory(arrays.as_arrays(frame, "x"), frame.to_numpy())
    assert arrays.as_arrays(tensor.bfloat16(), "x").dtype == np.float32


@pytest.fixture
def stored(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = np.concatenate([X[:5], X * 2, X[:5]]), np.concatenate([Y[:5], Y, Y[:5]])
    matrices = [
        utils.HDF5Matrix(tmp_path / "data.h5", "x", start=5, end=55, normalizer=lambda rows: rows / 2),
        utils.HDF5Matrix(tmp_path / "data.h5", "y", start=5, end=55),
    ]
    yield matrices
    for matrix in matrices:
        matrix.close()


@pytest.mark.parametrize("resident", [True, False])
def test_hdf5_matrices_train_like_arrays(stored, expected, monkeypatch, resident):
    if not resident:
        monkeypatch.setattr(data, "RESIDENT_FILE", 0)
    np.testing.assert_allclose(losses(*stored), expected, 1e-5)
    np.testing.assert_allclose(losses(*stored, shuffle="batch")[:2], losses(X, Y, shuffle="batch")[:2], 0.2)
    split = losses(*stored, validation_split=0.2)
    np.testing.assert_allclose(split, losses(X, Y, validation_split=0.2), 1e-5)


def test_hdf5_matrix_reads_like_an_array(stored):
    x, y = stored
    assert x.shape == (50, 3) and x.ndim == 2 and x.size == 150 and len(y) == 50 and x.dtype == np.float32
    for key in (slice(3, 9), slice(None, None, 7), [4, 1, 4], -1, 3, np.array([9, 0]), Y[:, 0] > 1):
        np.testing.assert_allclose(x[key], X[key], 1e-6)
    np.testing.assert_allclose(np.asarray(x), X, 1e-6)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(y))[:3], Y[:3])
    with pytest.raises(IndexError, match="has 50 rows"):
        x[50]
    with pytest.raises(KeyError, match="no data set 'z'. It has: x, y"):
        utils.HDF5Matrix(x.datapath, "z")
    with pytest.raises(ValueError, match="end=61"):
        utils.HDF5Matrix(x.datapath, "x", end=61)


def test_a_batch_given_as_a_list_counts_as_a_tuple(expected):
    """As in Keras: [x, y] is inputs and targets."""
    batches = [[X[i : i + 8], Y[i : i + 8]] for i in range(0, 50, 8)]
    net = model()
    history = net.fit(iter(batches * 2), steps_per_epoch=7, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(history, expected[:2], 1e-5)
