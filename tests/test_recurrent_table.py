"""Recurrent layers agree with Keras: outputs, states and gradients, over combinations of all their arguments."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import compiled
from recurrent_combinations import FEW, TABLE, all_pairs, data_of, impossible, make, marks_of, pairs_of

from jkeras import layers
from jkeras.core.template import weights_of

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside of Keras

# Relative to the largest element of an array: 16-bit numbers have 11 or 8 bits, and sums take their errors along.
TOLERANCES = {"": 1e-5, "float16": 1e-2, "bfloat16": 6e-2}
CASES = [row if row in FEW else pytest.param(row, marks=pytest.mark.slow) for row in TABLE]


def test_the_table_has_every_pair_of_values() -> None:
    assert len(TABLE) == len(set(TABLE)) >= 200
    assert not any(impossible(row._asdict()) for row in TABLE)
    found = {pair for row in TABLE for pair in pairs_of(row._asdict())}
    assert found == all_pairs()
    seen = Counter(mark for row in FEW for mark in marks_of(row))
    assert all(seen[mark] for row in TABLE for mark in marks_of(row))


@pytest.mark.parametrize("row", CASES, ids=str)
def test_agrees_with_keras(row: Any) -> None:
    x, mask, initial = data_of(row)
    ours, theirs = make(row, layers), make(row, keras.layers)
    theirs.build(x.shape)
    ours.init(0, x)
    kept = jax.tree.leaves(theirs.states) if row.stateful else []
    rng = np.random.default_rng(11)
    values = [rng.normal(scale=0.5, size=w.shape).astype(w.dtype) for w in (*theirs.trainable_variables, *kept)]
    count = len(theirs.trainable_variables)
    order = [(key, w) for key, w in weights_of(ours)]
    assert [w.shape for _, w in order if w.trainable] == [w.shape for w in theirs.trainable_variables]

    def trees(kernels: Any, kept: Any) -> tuple[Any, Any]:
        """Return params and state of jkeras from lists in the order of Keras."""
        found: dict[bool, dict[str, Any]] = {True: {}, False: {}}
        left = {True: iter(kernels), False: iter(kept)}
        for key, weight in order:
            found[weight.trainable].setdefault(key, {})[weight.name] = next(left[weight.trainable])
        return found[True], found[False]

    calls = 2 if row.stateful else 1

    def our_loss(kernels: Any, kept: Any, x: Any, initial: Any) -> Any:
        params, state = trees(kernels, kept)
        results = []
        for call in range(calls):
            own = {} if initial is None or call else {"initial_state": initial}
            outputs, state = ours.apply(params, state, x, mask=mask, **own)
            results.append(outputs)
        return _loss(results), (results, [state[key][w.name] for key, w in order if not w.trainable])

    def their_loss(kernels: Any, state: Any, x: Any, initial: Any) -> Any:
        results = []
        for call in range(calls):
            own = {} if initial is None or call else {"initial_state": initial}
            # What `stateless_call` does; but it knows nothing of the states that a recurrent layer keeps.
            given = [*zip(theirs.trainable_variables, kernels), *zip(kept, state)]
            with keras.StatelessScope(state_mapping=given) as scope:
                results.append(theirs(x, mask=mask, **own))
            state = [scope.get_current_value(variable) for variable in kept]
        return _loss(results), (results, state)

    def both(*args: Any) -> Any:
        argnums = (0, 2) if initial is None else (0, 2, 3)
        return [jax.value_and_grad(f, argnums, has_aux=True)(*args) for f in (our_loss, their_loss)]

    ((_, got), gradients), ((_, expected), their_gradients) = compiled(both)(values[:count], values[count:], x, initial)
    _close(got, expected, row.dtype)
    _close(gradients, their_gradients, row.dtype)


def _loss(results: Any) -> Any:
    return sum(jnp.sum(jnp.sin(1.0 + y.astype("float32"))) for y in jax.tree.leaves(results))


def _close(ours: Any, theirs: Any, dtype: str) -> None:
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert [(a.shape, a.dtype) for a in ours] == [(a.shape, a.dtype) for a in theirs]
    for a, b in zip(ours, theirs):
        b = np.asarray(b, "float32")
        np.testing.assert_allclose(np.asarray(a, "float32"), b, 0, TOLERANCES[dtype] * max(1, np.abs(b).max()))
