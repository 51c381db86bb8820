"""`ops.nn` and the mathematics of `ops` against Keras: parameters, values, dtypes, symbolic shapes; what differs."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from expressions import Expressions, compiled

from jkeras import ops
from jkeras.functional import signal
from jkeras.layers import Input, Masking

keras = pytest.importorskip("keras")

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


FLOATS_AND_INTEGERS = "relu relu6 leaky_relu elu celu selu gelu hard_silu hard_swish softplus softsign squareplus"
FLOATS_AND_INTEGERS += " sparse_plus hard_sigmoid sparse_sigmoid log_sigmoid hard_tanh tanh_shrink soft_shrink"
FLOATS_AND_INTEGERS += " hard_shrink softmax log_softmax erfc"
FLOATS = "silu swish sigmoid erf erfinv rsqrt glu rms_normalization layer_normalization normalize"
POINTWISE = Expressions(
    "\n".join(f"{name}(P)" for name in f"{FLOATS_AND_INTEGERS} {FLOATS}".split())
    + "".join(f"\n{name}(I)" for name in FLOATS_AND_INTEGERS.split())
    + "".join(f"\n{name}(H)" for name in FLOATS.split())
    + """
sparsemax(U)
leaky_relu(F, negative_slope=0.1); elu(F, 0.5); celu(F, alpha=0.5); gelu(F, approximate=False); squareplus(F, b=2)
soft_shrink(F, threshold=0.1); hard_shrink(F, 0.1); threshold(F, 0.2, -1.0); threshold(I, 1, 0); glu(F, axis=2)
softmax(F, axis=1); softmax(F, axis=(1, 2)); log_softmax(F, axis=1); logsumexp(F); logsumexp(F, axis=(1, 2))
logsumexp(F, axis=-1, keepdims=True); logsumexp(H, 1); polar(F, F); psnr(F, P, 2.0); psnr(F, P, max_val=1)
normalize(F, axis=1); normalize(F, order=3); normalize(F, order=1, epsilon=2.0); normalize(F, epsilon=1.0)
normalize(F, axis=(1, 2)); rms_normalization(F, scale=2.0); rms_normalization(F, scale=v, axis=-1, epsilon=0.1)
layer_normalization(F, v, v); layer_normalization(F, axis=(1, 2), epsilon=0.1); layer_normalization(F, beta=v)
batch_normalization(F, v, p, -1); batch_normalization(F, v, p, axis=2, offset=v, scale=p, epsilon=0.1)
batch_normalization(H, v, p, -1, scale=p); moments(F, 2); moments(F, [1, 2], keepdims=True); moments(H, (1,))
moments(I, 1); one_hot(I, 3); one_hot(I, 3, axis=1, dtype="int32"); one_hot(L, 4, axis=0); one_hot(F, 2)
multi_hot(L, 4); multi_hot(C, 4); multi_hot(C, num_classes=4, axis=0, dtype="int32"); multi_hot(C, 4, axis=1)
binary_crossentropy(B, P); binary_crossentropy(P, F, from_logits=True); binary_crossentropy(B, B)
categorical_crossentropy(P, P); categorical_crossentropy(P, F, from_logits=True, axis=1)
sparse_categorical_crossentropy(C, P); sparse_categorical_crossentropy(C, F, from_logits=True)
sparse_categorical_crossentropy(C, P, axis=2)
""",
    {
        "F": normal(2, 3, 4),
        "P": rng.uniform(0.1, 0.9, (2, 3, 4)).astype("float32"),
        "H": normal(2, 3, 4).astype("float16").clip(0.1, 0.9),
        "I": np.array([[[-1, 0, 2, 5]]], "int32").repeat(2, 0),
        "B": rng.integers(0, 2, (2, 3, 4)).astype("int32"),
        "C": np.array([[0, 3, 1], [2, 2, 0]], "int32"),
        "L": np.array([1, 3], "int32"),
        # One class far ahead: elsewhere the support that Keras finds is not the right one.
        "U": np.array([[3, 0, -1, 0.5], [0, 0, 2.5, -3]], "float32"),
        "v": normal(4),
        "p": rng.uniform(0.5, 2, 4).astype("float32"),
    },
)
IMAGES = Expressions(
    """
conv(X, k); conv(X, k, 2, "same"); conv(X, g, padding="SAME"); conv(X, k, dilation_rate=(1, 2)); conv(I, j)
conv(Y, k, strides=(2, 1), data_format="channels_first"); conv(S, s, 2); conv_transpose(X, t)
conv_transpose(X, t, strides=2, padding="same", output_padding=1); conv_transpose(S, r, 3, "valid", None, None, 1)
conv_transpose(Y, t, data_format="channels_first"); depthwise_conv(X, d); depthwise_conv(X, d, 2, padding="same")
depthwise_conv(Y, d, data_format="channels_first", dilation_rate=2); separable_conv(X, d, q)
separable_conv(X, d, q, strides=2, padding="same"); separable_conv(Y, d, q, data_format="channels_first")
max_pool(X, (2, 3), (2, 3)); max_pool(X, (3, 2), 2, "same"); max_pool(Y, 2, 2, data_format="channels_first")
max_pool(I, 2, 1); average_pool(X, (2, 3), 1); average_pool(X, (3, 2), strides=2, padding="SAME"); average_pool(I, 2, 1)
adaptive_average_pool(X, 3); adaptive_max_pool(X, (2, 4)); adaptive_max_pool(Y, 2, data_format="channels_first")
space_to_depth(X, 2); space_to_depth(Y, 2, data_format="channels_first"); depth_to_space(X, block_size=2)
depth_to_space(Y, 2, data_format="channels_first"); unfold(X, 2); unfold(X, (2, 3), 2, (1, 2), stride=(2, 1))
fold(W, (4, 4), 2); fold(W, output_size=2, kernel_size=(2, 2), padding=1, stride=1, dilation=1)
""",
    {
        "X": normal(2, 6, 6, 8),
        "Y": normal(2, 8, 6, 6),
        "S": normal(2, 7, 3),
        "I": rng.integers(-3, 3, (2, 7, 3)).astype("int32"),
        "W": normal(2, 12, 9),
        "k": normal(3, 2, 8, 4),
        "g": normal(3, 2, 4, 6),
        "t": normal(3, 2, 5, 8),
        "d": normal(3, 2, 8, 2),
        "q": normal(1, 1, 16, 3),
        "s": normal(2, 3, 4),
        "r": normal(2, 4, 3),
        "j": rng.integers(-3, 3, (2, 3, 4)).astype("int32"),
    },
)
SIGNALS = Expressions(
    """
fft((F, G)); fft2((F, G)); ifft2([F, G]); rfft(F); rfft(F, fft_length=6); rfft(I); irfft((F, G)); irfft((F, G), 7)
stft(X, 8, 4, 8); stft(X, 5, 3, 8, window="hamming", center=False); stft(X, 6, 5, 9, window=w); stft(X, 4, 2, 8, None)
istft((A, B), 8, 4, 8); istft((A, B), 5, 3, 8, length=14, window="hamming", center=False)
istft((A, B), 6, 3, 8, window=w, length=40); extract_sequences(X, 6, 5); extract_sequences(I, 2, 1)
segment_sum(F, e, 4); segment_max(F, e, num_segments=4); segment_min(F, e, 4); segment_prod(F, e, 4)
segment_sum(I, e, 2, sorted=True); segment_max(I, e, 4); top_k(F, 2); top_k(I, 1, sorted=False)
in_top_k(T, N, 2); in_top_k(T, N, k=1); cdist(F, G); cdist(I, I); cdist(S, S); logdet(S); logdet(m)
view_as_complex(V); view_as_complex(E); view_as_real(Z); view_as_real(F)
""",
    {
        "F": normal(2, 4),
        "G": normal(2, 4),
        "I": np.array([[5, -1, 7], [2, 9, 4]], "int32"),
        "X": normal(2, 30),
        "A": normal(2, 6, 5),
        "B": normal(2, 6, 5),
        "S": normal(3, 4, 4),
        "m": np.array([[4.0, 1.0], [1.0, 3.0]], "float32"),
        "T": np.array([1, 0, 2, 0], "int32"),
        "N": np.array([[1, 1, 1], [1, 2, 2], [3, 1, 2], [np.nan, 1, 2]], "float32"),
        "V": normal(3, 2),
        "E": np.array([[1, 2], [3, 4]], "int32"),
        "Z": (normal(2, 3) + 1j * normal(2, 3)).astype("complex64"),
        "e": np.array([0, 2], "int32"),
        "w": rng.uniform(0.1, 1, 6).astype("float32"),
    },
)
SEQUENCES = Expressions(
    """
dot_product_attention(Q, K, V); dot_product_attention(Q, K, V, scale=0.3, is_causal=True, flash_attention=False)
dot_product_attention(Q, K, V, bias=b, mask=M); dot_product_attention(Q, K, V, mask=m)
dot_product_attention(H, K, V, mask=O); ctc_loss(T, L, N, J); ctc_loss(T, L, N, J, mask_index=3)
ctc_decode(L, J); ctc_decode(L, J, merge_repeated=False, mask_index=2)
ctc_decode(L, J, strategy="beam_search", beam_width=4, top_paths=2, mask_index=1)
""",
    {
        "Q": normal(2, 3, 4, 6),
        "H": normal(2, 3, 4, 6).astype("float16"),
        "K": normal(2, 5, 2, 6),
        "V": normal(2, 5, 2, 6),
        "M": rng.random((2, 1, 3, 5)) < 0.6,
        "O": rng.random((2, 3, 5)) < 0.6,
        "m": np.array([[1, 0, 1, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool),
        "b": normal(1, 4, 3, 5),
        "L": 2 * normal(2, 6, 4),
        "T": np.array([[1, 2, 2], [2, 1, 0]], "int32"),
        "N": np.array([3, 2], "int32"),
        "J": np.array([6, 4], "int32"),
    },
)
TABLES = {"pointwise": POINTWISE, "images": IMAGES, "signals": SIGNALS, "sequences": SEQUENCES}
tables = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
# Segments need the number of rows, which is the batch.
NEEDS_BATCH = ("segment_", "psnr(", "logsumexp(F)")


def test_every_function_has_a_case_and_the_parameters_of_keras() -> None:
    for module in (keras.ops.nn, ops.math):
        for name in module.__all__ if module is ops.math else [n for n in dir(module) if not n.startswith("_")]:
            ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (ops, keras.ops))
            expected = [(p.name, p.kind, p.default) for p in theirs if p.kind is not p.VAR_KEYWORD]
            assert [(p.name, p.kind, p.default) for p in ours] == expected, name
            assert getattr(ops, name).__doc__
            assert any(table.uses(name) for table in TABLES.values()), f"no case uses {name}"


@tables
def test_arrays(table: Expressions) -> None:
    table.check_arrays()


@tables
def test_symbolic_tensors(table: Expressions) -> None:
    table.check_symbolic(NEEDS_BATCH)


def test_elementwise_operations_keep_masks() -> None:
    x = Masking()(Input((3, 4)))
    kept = [ops.gelu(x), ops.threshold(x, 0.0, 0.0), ops.erf(x), ops.relu(x)]
    assert [y.node.layer.supports_masking for y in kept] == [True] * 4
    assert not ops.softmax(x).node.layer.supports_masking


def test_gradients_are_finite_where_points_coincide_and_vectors_vanish() -> None:
    def total(x):
        return sum(jnp.sum(y) for y in (ops.cdist(x, x), ops.normalize(x), ops.normalize(x, order=1)))

    assert jnp.isfinite(compiled(jax.grad(total))(jnp.zeros((2, 3)))).all()


def test_the_inverse_transform_inverts_where_that_of_keras_does_not() -> None:
    def there_and_back(x):
        rows = ((None, 8, 4), ("hamming", 7, 7))
        return [ops.istft(ops.stft(x, n, stride, n, window), n, stride, n, window=window) for window, n, stride in rows]

    x = normal(40)
    for back in compiled(there_and_back)(x):
        assert len(back) >= 35
        np.testing.assert_allclose(back, x[: len(back)], atol=1e-5)


def test_a_soft_cap_bounds_the_logits() -> None:
    q, k, v, mask = (SEQUENCES.arrays[name] for name in "QKVM")

    def attend(q, cap):
        return ops.dot_product_attention(q, k, v, mask=mask, is_causal=True, attn_logits_soft_cap=cap)

    loose, exact, tight, blind = compiled(
        lambda: [attend(q, 1e4), attend(q, None), attend(q, 1e-6), attend(0 * q, None)]
    )()
    np.testing.assert_allclose(loose, exact, atol=1e-5)
    np.testing.assert_allclose(tight, blind, atol=1e-5)


def test_beam_search_finds_the_sum_over_all_alignments() -> None:
    logits, lengths = SEQUENCES.arrays["L"], SEQUENCES.arrays["J"]

    def search():
        paths, scores = ops.ctc_decode(logits, lengths, "beam_search", beam_width=200, top_paths=3)
        sizes = jnp.sum(paths >= 0, axis=-1)
        return scores.T, [
            ops.ctc_loss(jnp.maximum(p, 0), logits, n, lengths) for p, n in zip(paths, sizes, strict=True)
        ]

    scores, losses = compiled(search)()
    np.testing.assert_allclose(scores, -np.asarray(losses), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.one_hot([1], 3, sparse=True), "dense"),
        (lambda x: ops.multi_hot([1]), "num_classes"),
        (lambda x: ops.normalize(x, order=0), "order must be an integer from 1"),
        (lambda x: ops.segment_sum(x, [0, 1]), "num_segments"),
        (lambda x: ops.fft(x), "pair of arrays"),
        (lambda x: ops.fft((x, x[:1])), "differ in shape"),
        (lambda x: ops.view_as_complex(x), "last axis of 2"),
        (lambda x: ops.stft(x, 8, 2, 4), "fft_length must be at least"),
        (lambda x: ops.stft(x, 3, 2, 4, window=[1.0]), "one weight for each of 3 samples"),
        (lambda x: ops.ctc_decode(x[None], [2], strategy="best"), "'greedy' or 'beam_search'"),
        (lambda x: ops.ctc_decode(x[None], [2], "beam_search", top_paths=101), "top_paths must be at most"),
        (lambda x: ops.ctc_decode(x[None], [2], "beam_search", mask_index=9), "must be one of 3 classes"),
        (lambda x: ops.dot_product_attention(x, x, x), "steps, heads, features"),
        (lambda x: ops.space_to_depth(x, 2), "batch, height, width, channels"),
        (lambda x: ops.space_to_depth(x[None, :, :, None], 2), "do not divide"),
        (lambda x: ops.depth_to_space(x[None, :, :, None], 2), "do not divide 1 channels"),
        (lambda x: ops.unfold(x, 2), "batch, channels, height, width"),
        (lambda x: ops.fold(x[None], 4, 2), "windows of"),
    ],
)
def test_errors_say_what_was_expected(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call(jnp.ones((2, 3)))


def test_a_mel_filter_bank_covers_what_lies_between_its_ends() -> None:
    bank = signal.mel_matrix(20, 513, 16000, 100.0, 4000.0)
    hertz = np.linspace(0, 8000, 513)
    sums = bank.sum(axis=1)
    assert (sums[(hertz < 100) | (hertz > 4000)] == 0).all()
    inner = (hertz > 200) & (hertz < 3500)
    np.testing.assert_allclose(sums[inner], 1, atol=1e-4)
