"""`jkeras.backend`: every name of the old `K`, against formulas in numpy."""

from __future__ import annotations

import itertools
import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import backend as K
from jkeras import layers, models

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4)).astype("float32")
Y = RNG.normal(size=(2, 3, 4)).astype("float32")
T = np.eye(4, dtype="float32")[RNG.integers(0, 4, (2, 3))]
IMAGE = RNG.normal(size=(2, 5, 6, 3)).astype("float32")
VOLUME = RNG.normal(size=(1, 3, 4, 5, 2)).astype("float32")


LOG_SOFTMAX = X - np.log(np.exp(X).sum(-1, keepdims=True))
CROSS_ENTROPY = -(T * LOG_SOFTMAX).sum(-1)
ZEROS = np.zeros((3, 4), "float32")

# What is computed, what it must be, and whether it also runs on a symbolic tensor in place of the first array.
TABLE = [
    (lambda x: K.mean(x), X.mean()),
    (lambda x: K.mean(x, axis=[1, 2]), X.mean((1, 2))),
    (lambda x: K.sum(x, axis=-1, keepdims=True), X.sum(-1, keepdims=True)),
    (lambda x: K.prod(x, 1), X.prod(1)),
    (lambda x: K.max(x, (0, 1)), X.max((0, 1))),
    (lambda x: K.min(x, 2), X.min(2)),
    (lambda x: K.std(x, 1), X.std(1)),
    (lambda x: K.var(x, 1), X.var(1)),
    (lambda x: K.logsumexp(x, 1), np.log(np.exp(X).sum(1))),
    (lambda x: K.any(x > 1, axis=1), (X > 1).any(1)),
    (lambda x: K.all(x > -1, axis=1), (X > -1).all(1)),
    (lambda x: K.argmax(x), X.argmax(-1)),
    (lambda x: K.argmin(x, axis=0), X.argmin(0)),
    (lambda x: K.cumsum(x, 1), X.cumsum(1)),
    (lambda x: K.cumprod(x), X.cumprod(0)),
    (lambda x: K.l2_normalize(x, axis=-1), X / np.sqrt((X**2).sum(-1, keepdims=True))),
    (lambda x: K.square(x), X**2),
    (lambda x: K.sqrt(x), np.sqrt(np.maximum(X, 0))),
    (lambda x: K.exp(x) + K.sign(x) + K.sin(x) + K.cos(x), np.exp(X) + np.sign(X) + np.sin(X) + np.cos(X)),
    (lambda x: K.log(K.abs(x)), np.log(np.abs(X))),
    (lambda x: K.round(x * 4), np.round(X * 4)),
    (lambda x: K.pow(x, 3), X**3),
    (lambda x: K.clip(x, -0.5, 0.5), X.clip(-0.5, 0.5)),
    (lambda x: K.clip(x, 0.5, -0.5), np.full_like(X, 0.5)),
    (lambda x: K.clip(x, min_value=None, max_value=0.0), np.minimum(X, 0)),
    (lambda x: K.maximum(x, Y) + K.minimum(x, Y), X + Y),
    (lambda x: K.equal(x, x), np.ones(X.shape, bool)),
    (lambda x: K.not_equal(x, Y), X != Y),
    (lambda x: K.greater(x, Y), X > Y),
    (lambda x: K.greater_equal(x, x), X >= X),
    (lambda x: K.less(x, Y), X < Y),
    (lambda x: K.less_equal(x, Y), X <= Y),
    (lambda x: K.relu(x), np.maximum(X, 0)),
    (lambda x: K.relu(x, alpha=0.1, max_value=1.0, threshold=0.5),
     np.where(X > 0.5, np.minimum(X, 1), 0.1 * (X - 0.5))),
    (lambda x: K.elu(x, 2.0), np.where(X > 0, X, 2 * (np.exp(X) - 1))),
    (lambda x: K.sigmoid(x), 1 / (1 + np.exp(-X))),
    (lambda x: K.hard_sigmoid(x), (0.2 * X + 0.5).clip(0, 1)),
    (lambda x: K.tanh(x) + K.identity(x), np.tanh(X) + X),
    (lambda x: K.softplus(x), np.log1p(np.exp(X))),
    (lambda x: K.softsign(x), X / (1 + np.abs(X))),
    (lambda x: K.softmax(x), np.exp(LOG_SOFTMAX)),
    (lambda x: K.softmax(x, axis=1), np.exp(X) / np.exp(X).sum(1, keepdims=True)),
    (lambda x: K.reshape(x, (-1, 2, 6)), X.reshape(2, 2, 6)),
    (lambda x: K.reshape(x, (K.shape(x)[0], -1)), X.reshape(2, 12)),
    (lambda x: K.reshape(x, (K.shape(x)[0], 2, 6)), X.reshape(2, 2, 6)),
    (lambda x: K.flatten(x), X.ravel()),
    (lambda x: K.batch_flatten(x), X.reshape(2, 12)),
    (lambda x: K.expand_dims(x), X[..., None]),
    (lambda x: K.squeeze(K.expand_dims(x, 1), 1), X),
    (lambda x: K.transpose(x), X.T),
    (lambda x: K.permute_dimensions(x, (0, 2, 1)), X.transpose(0, 2, 1)),
    (lambda x: K.repeat(x[:, 0], 3), np.repeat(X[:, :1], 3, 1)),
    (lambda x: K.repeat_elements(x, 2, axis=1), np.repeat(X, 2, 1)),
    (lambda x: K.tile(x, [1, 2, 1]), np.tile(X, (1, 2, 1))),
    (lambda x: K.reverse(x, 1), X[:, ::-1]),
    (lambda x: K.reverse(x, [1, 2]), X[:, ::-1, ::-1]),
    (lambda x: K.concatenate([x, x]), np.concatenate([X, X], -1)),
    (lambda x: K.stack([x, x], axis=1), np.stack([X, X], 1)),
    (lambda x: K.gather(x, [1, 0]), X[[1, 0]]),
    (lambda x: K.one_hot(K.argmax(x), 4), np.eye(4)[X.argmax(-1)]),
    (lambda x: K.cast(x > 0, "int32"), (X > 0).astype("int32")),
    (lambda x: K.cast_to_floatx(x > 0), (X > 0).astype("float32")),
    (lambda x: K.zeros_like(x) + K.ones_like(x, dtype="float32", name="ones"), np.ones_like(X)),
    (lambda x: K.temporal_padding(x, (1, 2)), np.pad(X, ((0, 0), (1, 2), (0, 0)))),
    (lambda x: K.dot(x, Y[0].T), X @ Y[0].T),
    (lambda x: K.dot(x, np.stack([Y[0].T] * 2)), np.stack([X @ Y[0].T] * 2, 2)),
    (lambda x: K.batch_dot(x, Y, axes=2), np.einsum("bik,bjk->bij", X, Y)),
    (lambda x: K.batch_dot(x, Y, axes=(1, 1)), np.einsum("bki,bkj->bij", X, Y)),
    (lambda x: K.batch_dot(x, Y.transpose(0, 2, 1)), np.einsum("bik,bjk->bij", X, Y)),
    (lambda x: K.batch_dot(x[:, 0], Y[:, 0]), (X[:, 0] * Y[:, 0]).sum(-1, keepdims=True)),
    (lambda x: K.batch_dot(x, Y[:, 0], axes=[2, 1]), np.einsum("bik,bk->bi", X, Y[:, 0])),
    (lambda x: K.bias_add(x, Y[0, 0]), X + Y[0, 0]),
    (lambda x: K.bias_add(x, Y[0].T, data_format="channels_first"), X + Y[0]),
    (lambda x: K.batch_normalization(x, X.mean((0, 1)), X.var((0, 1)), Y[0, 0], Y[0, 1]),
     (X - X.mean((0, 1))) / np.sqrt(X.var((0, 1)) + 1e-3) * Y[0, 1] + Y[0, 0]),
    (lambda x: K.normalize_batch_in_training(x, None, None, [0, 1])[0],
     (X - X.mean((0, 1))) / np.sqrt(X.var((0, 1)) + 1e-3)),
    (lambda x: K.binary_crossentropy((Y > 0) * 1.0, K.sigmoid(x)),
     np.where(Y > 0, np.log1p(np.exp(-X)), np.log1p(np.exp(X)))),
    (lambda x: K.binary_crossentropy((Y > 0) * 1.0, x, from_logits=True),
     np.where(Y > 0, np.log1p(np.exp(-X)), np.log1p(np.exp(X)))),
    (lambda x: K.categorical_crossentropy(T, K.softmax(x)), CROSS_ENTROPY),
    (lambda x: K.sparse_categorical_crossentropy(T.argmax(-1), x, from_logits=True),
     CROSS_ENTROPY),
    (lambda x: K.binary_focal_crossentropy(T, 1 / (1 + K.exp(-x)), gamma=0.0),
     np.where(T > 0, np.log1p(np.exp(-X)), np.log1p(np.exp(X)))),
    (lambda x: K.categorical_focal_crossentropy(T, K.softmax(x), alpha=1.0, gamma=0.0),
     CROSS_ENTROPY),
    (lambda x: K.in_top_k(x[:, 0], T[:, 0].argmax(-1), 2),
     [(X[i, 0] > X[i, 0, T[i, 0].argmax()]).sum() < 2 for i in range(2)]),
    (lambda x: K.map_fn(lambda row: 2 * row, x, name="double"), 2 * X),
    (lambda x: K.foldl(lambda total, row: 2 * total + row, x), 2 * X[0] + X[1]),
    (lambda x: K.foldr(lambda total, row: 2 * total + row, x, initializer=ZEROS), 2 * X[1] + X[0]),
    (lambda x: K.switch(K.greater(K.sum(x), 1e6), x, -x), -X),
    (lambda x: K.switch(np.array([True, False]), x, Y), np.stack([X[0], Y[1]])),
    (lambda x: K.stop_gradient(x), X),
]  # fmt: skip


@pytest.mark.parametrize("row", range(len(TABLE)))
def test_values(row):
    compute, expected = TABLE[row]
    found = np.asarray(compute(X))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)
    assert found.shape == np.shape(expected)


def test_symbolic_tensors_give_the_same_values():
    x = layers.Input(batch_shape=X.shape)
    outputs = [compute(x) for compute, _ in TABLE]
    # Shapes are known before anything is computed.
    assert [tuple(o.shape) for o in outputs] == [np.shape(expected) for _, expected in TABLE]
    for found, (_, expected) in zip(K.function([x], outputs)([X]), TABLE, strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_reshape_of_an_unknown_batch():
    x = layers.Input(shape=(3, 4))
    flat = K.reshape(x, (K.shape(x)[0], -1))
    assert flat.shape == (None, 12)
    assert K.function(x, flat)(X).shape == (2, 12)


def windows(x, size, step):
    """Every window of images at these steps: `(batch, rows, columns, size, size, channels)`."""
    rows, columns = ((n - size) // step + 1 for n in x.shape[1:3])
    cut = [[x[:, i * step : i * step + size, j * step : j * step + size] for j in range(columns)] for i in range(rows)]
    return np.stack([np.stack(row, 1) for row in cut], 1)


def first(x):
    return np.moveaxis(np.asarray(x), -1, 1)


def test_convolutions():
    kernel = RNG.normal(size=(2, 2, 3, 4)).astype("float32")
    patches = windows(IMAGE, 2, 2)
    expected = np.einsum("bpqijc,ijco->bpqo", patches, kernel)
    np.testing.assert_allclose(K.conv2d(IMAGE, kernel, strides=(2, 2)), expected, rtol=1e-4, atol=1e-5)
    channels_first = K.conv2d(first(IMAGE), kernel, strides=(2, 2), data_format="channels_first")
    np.testing.assert_allclose(channels_first, first(expected), rtol=1e-4, atol=1e-5)
    depthwise = np.einsum("bpqijc,ijcm->bpqcm", patches, kernel).reshape(*expected.shape[:3], 12)
    np.testing.assert_allclose(K.depthwise_conv2d(IMAGE, kernel, strides=(2, 2)), depthwise, rtol=1e-4, atol=1e-5)
    pointwise = RNG.normal(size=(1, 1, 12, 5)).astype("float32")
    separable = K.separable_conv2d(IMAGE, kernel, pointwise, strides=(2, 2))
    np.testing.assert_allclose(separable, depthwise @ pointwise[0, 0], rtol=1e-4, atol=1e-5)
    steps = K.conv1d(IMAGE[:, 0], kernel[0], padding="causal")
    before = np.pad(IMAGE[:, 0], ((0, 0), (1, 0), (0, 0)))
    np.testing.assert_allclose(
        steps, before[:, :-1] @ kernel[0, 0] + before[:, 1:] @ kernel[0, 1], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(K.conv3d(VOLUME, np.ones((3, 4, 5, 2, 1)))[0].item(), VOLUME.sum(), rtol=1e-4)


@pytest.mark.parametrize("padding, rows", [("valid", 5), ("same", 4)])
def test_transposed_convolution_is_the_transpose(padding, rows):
    kernel = RNG.normal(size=(3, 3, 2, 4)).astype("float32")
    image = RNG.normal(size=(1, rows, rows, 2)).astype("float32")
    y = K.conv2d(image, kernel, strides=(2, 2), padding=padding)
    x = RNG.normal(size=y.shape).astype("float32")
    back = K.conv2d_transpose(x, kernel, (None, rows, rows, 2), strides=(2, 2), padding=padding)
    assert back.shape == image.shape
    np.testing.assert_allclose(np.sum(np.asarray(y) * x), np.sum(np.asarray(back) * image), rtol=1e-4)
    with pytest.raises(ValueError, match="output_shape"):
        K.conv2d_transpose(x, kernel, (None, 9, 9, 2), strides=(2, 2), padding=padding)


def test_locally_connected():
    kernel = RNG.normal(size=(12, 12, 2)).astype("float32")
    patches = windows(IMAGE[:, :4, :5], 2, 1)
    expected = np.einsum("bpk,pko->bpo", patches.reshape(2, 12, 12), kernel).reshape(2, 3, 4, 2)
    found = K.local_conv2d(IMAGE[:, :4, :5], kernel, (2, 2), (1, 1), (3, 4))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    by_channel = kernel.reshape(12, 4, 3, 2).transpose(0, 2, 1, 3).reshape(12, 12, 2)
    channels_first = K.local_conv2d(first(IMAGE[:, :4, :5]), by_channel, (2, 2), (1, 1), (3, 4), "channels_first")
    np.testing.assert_allclose(channels_first, first(expected), rtol=1e-4, atol=1e-5)
    steps = K.local_conv1d(IMAGE[:, 0], kernel[:3, :6], (2,), (2,))
    expected = np.einsum("bpk,pko->bpo", IMAGE[:, 0].reshape(2, 3, 6), kernel[:3, :6])
    np.testing.assert_allclose(steps, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="places"):
        K.local_conv2d(IMAGE[:, :4, :5], kernel, (2, 2), (1, 1), (9, 9))


def test_pooling_padding_and_resizing():
    patches = windows(IMAGE, 2, 1)
    np.testing.assert_allclose(K.pool2d(IMAGE, (2, 2)), patches.max((3, 4)), rtol=1e-6)
    np.testing.assert_allclose(K.pool2d(IMAGE, (2, 2), pool_mode="avg"), patches.mean((3, 4)), rtol=1e-4, atol=1e-6)
    assert K.pool3d(VOLUME, (2, 2, 2), strides=(1, 2, 2), padding="same").shape == (1, 3, 2, 3, 2)
    with pytest.raises(ValueError, match="'max' or 'avg'"):
        K.pool2d(IMAGE, (2, 2), pool_mode="mean")
    padded = np.pad(IMAGE, ((0, 0), (1, 0), (2, 1), (0, 0)))
    np.testing.assert_array_equal(K.spatial_2d_padding(IMAGE, ((1, 0), (2, 1))), padded)
    np.testing.assert_array_equal(
        K.spatial_2d_padding(first(IMAGE), ((1, 0), (2, 1)), data_format="channels_first"), first(padded)
    )
    assert K.spatial_3d_padding(VOLUME).shape == (1, 5, 6, 7, 2)
    repeated = IMAGE.repeat(2, 1).repeat(3, 2)
    np.testing.assert_array_equal(K.resize_images(IMAGE, 2, 3, "channels_last"), repeated)
    np.testing.assert_array_equal(K.resize_images(first(IMAGE), 2, 3, "channels_first"), first(repeated))
    assert K.resize_volumes(VOLUME, 2, 1, 3, "channels_last").shape == (1, 6, 4, 15, 2)
    row = K.resize_images(np.array([0.0, 1.0], "float32").reshape(1, 1, 2, 1), 1, 2, "channels_last", "bilinear")
    np.testing.assert_allclose(row.ravel(), [0, 0.25, 0.75, 1])
    with pytest.raises(ValueError, match="bicubic"):
        K.resize_images(IMAGE, 2, 2, "channels_last", interpolation="cubic")


@pytest.mark.parametrize("shapes, axes", [
    (a, b) for a, b in itertools.product([((2, 3, 4), (2, 4, 5)), ((2, 4), (2, 4, 3)), ((2, 3, 4, 5), (2, 5, 4))],
                                         [None, (-1, 1), (1, 1), 2])
])  # fmt: skip
def test_batch_dot(shapes, axes):
    x, y = (RNG.normal(size=s).astype("float32") for s in shapes)
    pair = (x.ndim - 1, y.ndim - 2) if axes is None else (axes, axes) if isinstance(axes, int) else axes
    fits = all(-a.ndim <= n < a.ndim for a, n in zip((x, y), pair)) and x.shape[pair[0]] == y.shape[pair[1]]
    if not fits:
        with pytest.raises(ValueError, match="batch_dot"):
            K.batch_dot(x, y, axes)
        return
    expected = np.stack([np.tensordot(a, b, (pair[0] % x.ndim - 1, pair[1] % y.ndim - 1)) for a, b in zip(x, y)])
    np.testing.assert_allclose(K.batch_dot(x, y, axes), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [
    {}, {"go_backwards": True}, {"unroll": True}, {"time_major": True}, {"masked": True},
    {"masked": True, "zero_output_for_mask": True}, {"return_all_outputs": False},
])  # fmt: skip
def test_rnn(options):
    options = dict(options)
    x = X.transpose(1, 0, 2) if options.get("time_major") else X
    mask = np.array([[True, False, True], [True, True, False]]) if options.pop("masked", False) else None
    last, outputs, [state] = K.rnn(
        lambda x, s: (s[0] + x * s[1], [s[0] + x * s[1]]), x, [Y[:, 0]], mask=mask, constants=[np.float32(2)],
        input_length=3, **options,
    )  # fmt: skip
    total, every = Y[:, 0], []
    for i in range(3)[:: -1 if options.get("go_backwards") else 1]:
        valid = np.ones((2, 1), bool) if mask is None else mask[:, i, None]
        shown = np.zeros_like(total) if options.get("zero_output_for_mask") else total
        every.append(np.where(valid, total + 2 * X[:, i], shown))
        total = np.where(valid, total + 2 * X[:, i], total)
    expected = np.stack(every if options.get("return_all_outputs", True) else every[-1:], 1)
    expected = expected.transpose(1, 0, 2) if options.get("time_major") else expected
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    np.testing.assert_allclose(last, every[-1], rtol=1e-5)
    np.testing.assert_allclose(state, total, rtol=1e-5)
    with pytest.raises(ValueError, match="input_length"):
        K.rnn(lambda x, s: (x, s), x, [], input_length=7, time_major=bool(options.get("time_major")))


def sequences(probabilities, blank):
    """The log probability of every label sequence, over all alignments."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(probabilities.shape[1]), repeat=len(probabilities)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label != blank)
        found[labels] = found.get(labels, 0.0) + math.prod(float(p[c]) for p, c in zip(probabilities, path))
    return sorted(((labels, math.log(p)) for labels, p in found.items()), key=lambda row: -row[1])


def test_ctc():
    probabilities = RNG.dirichlet(np.ones(3), size=(2, 4)).astype("float32")
    lengths = np.array([4, 3])
    search = jax.jit(lambda p, n: K.ctc_decode(p, n, greedy=False, beam_width=30, top_paths=3))
    found, scores = search(probabilities, lengths)
    assert len(found) == 3
    labels, costs = np.zeros((2, 4), int), []
    for i, length in enumerate(lengths):
        best = sequences(probabilities[i, :length], blank=2)
        assert [tuple(label for label in path[i].tolist() if label >= 0) for path in found] == [p for p, _ in best[:3]]
        np.testing.assert_allclose(scores[i], [p for _, p in best[:3]], rtol=1e-4)
        chosen = best[0][0] or best[1][0]
        labels[i, : len(chosen)] = chosen
        costs.append((len(chosen), -dict(best)[chosen]))
    counts, expected = np.array(costs)[:, :1], np.array(costs)[:, 1:]
    cost = jax.jit(K.ctc_batch_cost)(labels, probabilities, lengths[:, None], counts)
    np.testing.assert_allclose(cost, expected, rtol=1e-4)
    [greedy], score = jax.jit(K.ctc_decode)(probabilities, lengths)
    assert greedy.shape == (2, 4) and score.shape == (2, 1)
    np.testing.assert_allclose(score[1, 0], -np.log(probabilities[1, :3].max(-1)).sum(), rtol=1e-5)
    sparse = K.ctc_label_dense_to_sparse(np.array([[3, 4], [5, 6]]), np.array([2, 1]))
    assert K.is_sparse(sparse) and not K.is_sparse(X)
    assert K.to_dense(sparse).tolist() == [[3, 4], [5, 0]]


def test_variables():
    v = K.variable([1, 2], name="v")
    assert v.name == "v" and K.dtype(v) == "float32" and K.ndim(v) == 1 and K.count_params(v) == 2
    K.update_add(v, 1.0)
    K.update_sub(v, 0.5)
    assert K.get_value(v).tolist() == [1.5, 2.5]
    K.moving_average_update(v, np.array([0.5, 0.5]), 0.5)
    assert K.eval(v).tolist() == [1.0, 1.5]
    K.batch_set_value([(v, [3.0, 4.0])])
    assert K.batch_get_value([v, K.constant(2)])[0].tolist() == [3.0, 4.0]
    assert K.update(v, v * 2) is v and K.get_value(v).tolist() == [6.0, 8.0]
    with pytest.raises(TypeError, match="K.variable"):
        K.update(jnp.ones(2), 1.0)
    with pytest.raises(ValueError, match="no value yet"):
        K.get_value(layers.Input(shape=(2,)))
    assert K.constant([1, 2, 3, 4], shape=(2, 2)).tolist() == [[1, 2], [3, 4]]
    assert K.eye((2, 3)).shape == (2, 3) and K.arange(-2).shape == (0,) and K.arange(3).dtype == "int32"
    assert K.zeros((2,), dtype="int32").dtype == "int32" and K.ones((2, 1)).shape == (2, 1)


def test_random():
    size = (400,)
    for draw in (K.random_normal, K.random_uniform, K.truncated_normal):
        assert draw(size, seed=1).tolist() == draw(size, seed=1).tolist()
        assert draw(size).tolist() != draw(size).tolist()
    assert abs(np.mean(K.random_normal(size, mean=3.0, stddev=0.1, seed=0)) - 3) < 0.03
    assert np.abs(np.asarray(K.truncated_normal(size, 1.0, 2.0, seed=0)) - 1).max() <= 4
    assert set(np.asarray(K.random_uniform(size, 2, 5, dtype="int32", seed=0)).tolist()) == {2, 3, 4}
    assert abs(np.mean(K.random_bernoulli(size, p=0.3, seed=0)) - 0.3) < 0.1
    np.testing.assert_array_equal(K.random_binomial(size, p=0.5, seed=3), K.random_bernoulli(size, p=0.5, seed=3))
    assert set(np.asarray(K.dropout(np.ones(size, "float32"), 0.5, seed=0)).tolist()) == {0.0, 2.0}
    low = K.random_uniform_variable(size, 1.0, 2.0, seed=0).numpy()
    assert 1 <= low.min() and low.max() < 2
    assert K.random_normal_variable(size, 0.0, 1.0, name="noise").name == "noise"
    with pytest.raises(ValueError, match="inside the `call`"):
        K.random_normal((None, 2))


def test_random_numbers_of_a_lambda_follow_the_step():
    z = layers.Input(shape=(2,))
    noisy = layers.Lambda(lambda a: a + K.random_normal(K.shape(a)))(z)
    model = models.Model(z, noisy)
    params, state = model.init(0)
    draw = jax.jit(lambda key: model.apply(params, state, jnp.zeros((3, 2)), rng=key)[0])
    assert draw(jax.random.key(0)).tolist() == draw(jax.random.key(0)).tolist()
    assert draw(jax.random.key(0)).tolist() != draw(jax.random.key(1)).tolist()


def test_learning_phase():
    class Phase(layers.Layer):
        def call(self, x):
            return K.in_train_phase(lambda: x + 1, x) + (10 if K.learning_phase() else 0)

    layer = Phase()
    x = jnp.zeros(1)
    assert layer.apply({}, {}, x, training=True)[0].item() == 11
    assert layer.apply({}, {}, x)[0].item() == 0
    assert K.learning_phase() == 0 and layer(x).item() == 0
    with K.learning_phase_scope(1):
        assert K.learning_phase() == 1 and layer(x).item() == 11 and layer(x, training=False).item() == 0
    assert K.learning_phase() == 0
    assert K.in_test_phase(1.0, 2.0) == 1.0 and K.in_train_phase(1.0, 2.0, training=True) == 1.0
    assert K.in_train_phase(jnp.ones(1), jnp.zeros(1), training=jnp.array(True)).item() == 1
    with pytest.raises(ValueError, match="0 .test. or 1"):
        K.set_learning_phase(2)


def test_function_takes_the_learning_phase():
    x = layers.Input(shape=(1,))
    f = K.function([x, K.learning_phase()], [K.in_train_phase(x + 1, x), layers.Dropout(0.5)(x)])
    ones = np.ones((50, 1), "float32")
    test, dropped = f([ones, 0])
    assert (test == 1).all() and (dropped == 1).all()
    train, dropped = f([ones, 1])
    assert (train == 2).all() and set(dropped.ravel().tolist()) == {0.0, 2.0}
    with pytest.raises(ValueError, match="takes 2 arrays"):
        f([ones])
    with pytest.raises(ValueError, match="updates"):
        K.function([x], [x], updates=[1])


def test_gradients_of_a_graph():
    model = models.Sequential([
        layers.Input(shape=(4, 4, 1)), layers.Conv2D(2, 2, activation="tanh", name="conv"),
        layers.BatchNormalization(), layers.Flatten(), layers.Dense(3, name="scores"),
    ])  # fmt: skip
    conv = model.get_layer("conv").output
    score = model.output[:, 1]
    by_conv, by_input, nothing = K.gradients(score, [conv, model.input, layers.Input(shape=(1,))])
    assert nothing is None and by_conv.shape == conv.shape
    images = RNG.normal(size=(2, 4, 4, 1)).astype("float32")
    features, pooled, found = K.function([model.input], [conv, K.mean(by_conv, axis=(0, 1, 2)), by_input])([images])
    params, state = model.params, model.state
    expected = jax.jit(jax.grad(lambda a: model.apply(params, state, a)[0][:, 1].sum()))(images)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert features.shape == (2, 3, 3, 2) and pooled.shape == (2,)
    phase = K.function([model.input, K.learning_phase()], [by_input, model.output])
    assert np.isfinite(phase([images, 1])[0]).all()  # moving statistics are written in training
    with pytest.raises(TypeError, match=r"jax\.grad"):
        K.gradients(score, model.trainable_weights)


def in_scope(x):
    with K.name_scope("encoder"):
        return x + 1


def test_placeholders_names_and_settings():
    assert K.placeholder(ndim=3).shape == (None, None, None)
    x = K.placeholder(shape=(2, 3), dtype="int32", name="numbers")
    assert (x.name, x.dtype, K.is_placeholder(x), K.is_keras_tensor(x + 1)) == ("numbers", "int32", True, True)
    assert not K.is_placeholder(x + 1) and not K.is_keras_tensor(X)
    for wrong in ({}, {"shape": (2,), "sparse": True}, {"shape": (2,), "ragged": True}):
        with pytest.raises(ValueError):
            K.placeholder(**wrong)
    K.reset_uids()
    assert [K.get_uid("a"), K.get_uid("a"), K.get_uid()] == [1, 2, 1]
    K.clear_session()
    assert K.get_uid("a") == 1
    assert K.result_type("int32", "bfloat16") == "bfloat16" and K.standardize_dtype("int64") == "int32"
    with pytest.raises(ValueError, match="Unknown dtype"):
        K.standardize_dtype("flaot32")
    K.set_image_dim_ordering("th")
    try:
        assert K.image_data_format() == "channels_first"
    finally:
        K.set_image_dim_ordering("tf")
    K.manual_variable_initialization(False)
    with pytest.raises(ValueError, match="set_weights"):
        K.manual_variable_initialization(True)
    with pytest.raises(RuntimeError, match=r"K\.function"):
        K.get_session()
    assert "encoder" in jax.jit(in_scope).lower(X).as_text(debug_info=True)


def test_print_tensor_shows_the_values_of_compiled_code(capsys):
    jax.jit(lambda x: K.print_tensor(x, "x = ", summarize=1) + 1)(jnp.arange(5))
    jax.effects_barrier()
    assert capsys.readouterr().out == "x = [0 ... 4]\n"


def test_epsilon_reaches_the_losses():
    from jkeras import losses

    try:
        K.set_epsilon(0.1)
        assert K.epsilon() == 0.1
        np.testing.assert_allclose(K.binary_crossentropy(np.ones(1), np.zeros(1)), -np.log(0.1), rtol=1e-5)
        loss = losses.get("categorical_crossentropy")([[0.0, 1.0]], [[1.0, 0.0]])
        np.testing.assert_allclose(np.mean(loss), -np.log(0.1), rtol=1e-5)
    finally:
        K.set_epsilon(1e-7)


def test_masks_pass_through_elementwise_functions():
    x = layers.Input(shape=(None,), dtype="int32")
    embedded = layers.Embedding(5, 3, mask_zero=True)(x)
    model = models.Model(x, layers.GlobalAveragePooling1D()(K.tanh(embedded)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = model(np.array([[1, 2, 0], [1, 2, 0]]))
        np.testing.assert_allclose(out[0], model(np.array([[1, 2], [1, 2]]))[0], rtol=1e-5)
