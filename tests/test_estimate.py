"""Estimates: collectives read from HLO, and what a training step costs, against numbers worked out by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jkeras import Model, Sequential, layers
from jkeras.core.template import weights_of
from jkeras.distribution import Collective, Estimate, collectives, compare, estimate
from jkeras.distribution.__main__ import main

ROOT = Path(__file__).parents[1]
HEAD = "HloModule jit_f, is_scheduled=true, num_partitions=8\n\n"
MESH = "mesh['a'=2,'b'=4], device_ids=([2,4]T(1,0))"


def module(*lines: str, others: str = "") -> str:
    """The text of a module whose entry has these lines."""
    return f"{HEAD}{others}ENTRY %main (p: f32[8]) -> f32[8] {{\n  " + "\n  ".join(lines) + "\n}\n"


OPERATIONS = [
    # what HLO says, and: kind, bytes, devices that take part together, bytes that each sends
    ("f32[64,8]{1,0} all-reduce(%p), replica_groups=[1,8]<=[8], to_apply=%add", ("all-reduce", 2048, 8, 3584)),
    ("(f32[8]{0}, bf16[4,2]{1,0}) all-reduce(%p, %q), replica_groups={{0,1},{2,3},{4,5},{6,7}}, to_apply=%add",
     ("all-reduce", 48, 2, 48)),
    ("f32[8]{0} all-reduce-start(%p), replica_groups=[2,4]<=[8], to_apply=%add", ("all-reduce", 32, 4, 48)),
    ("f32[] all-reduce(%p), replica_groups={}, to_apply=%add", ("all-reduce", 4, 8, 7)),
    ("s8[32]{0} all-gather(%p), replica_groups=[4,2]<=[2,4]T(1,0), dimensions={0}", ("all-gather", 32, 2, 16)),
    ("(f32[2]{0}, f32[8]{0}) all-gather-start(%p), replica_groups=[2,4]<=[8], dimensions={0}",
     ("all-gather", 32, 4, 24)),
    ("((f32[2]{0}, u8[1]{0}), (f32[8]{0}, u8[4]{0})) all-gather-start(%p, %q), replica_groups=[2,4]<=[8]",
     ("all-gather", 36, 4, 27)),
    ("f32[2]{0} reduce-scatter(%p), replica_groups=[2,4]<=[8], dimensions={0}, to_apply=%add",
     ("reduce-scatter", 32, 4, 24)),
    (f"c64[8]{{0}} all-to-all(%p), replica_groups={MESH} {{'b'}}, dimensions={{0}}", ("all-to-all", 64, 4, 48)),
    (f"pred[8]{{0}} all-to-all(%p), replica_groups={MESH} {{'a','b'}}, dimensions={{0}}", ("all-to-all", 8, 8, 7)),
    (f"f8e4m3fn[8]{{0}} all-to-all(%p), replica_groups={MESH} {{'b':(2)2}}", ("all-to-all", 8, 2, 4)),
    ("(s4[6]{0}, s4[6]{0}, u32[], u32[]) collective-permute-start(%p), source_target_pairs={{0,1},{1,0},{2,2}}",
     ("collective-permute", 3, 2, 3)),
    ("f32[8]{0} collective-permute(%p), source_target_pairs={{0,0},{1,1}}", ("collective-permute", 32, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), OPERATIONS, ids=lambda value: str(value)[:40])
def test_an_operation_is_read(written, expected):
    (found,) = collectives(module(f"%x.1 = {written}", "ROOT %r = f32[8]{0} get-tuple-element(%x.1), index=0"))
    assert (found.kind, found.size, found.devices, found.sent) == expected
    assert (found.times, found.is_bound) == (1, True)


def test_loops_calls_and_branches_are_followed():
    operation = "%x = f32[8]{0} all-reduce(%p), replica_groups=[1,8]<=[8], to_apply=%add"
    others = "".join(
        f"%{name} (p: f32[8]) -> f32[8] {{\n  {line}\n}}\n\n"
        for name, line in {
            "leaf": operation,
            "inner": '%w = (f32[8]) while(%t), condition=%c, body=%leaf, backend_config={"known_trip_count":{"n":"3"}}',
            "unknown": "%w = (f32[8]) while(%t), condition=%c, body=%leaf",
            "unused": operation,
        }.items()
    )
    text = module(
        '%a = (f32[8]) while(%t), condition=%c, body=%inner, backend_config={"known_trip_count":{"n":"5"},"x":[]}',
        "%b = (f32[8]) while(%t), condition=%c, body=%unknown",
        "%c = f32[8] call(%p), to_apply=%leaf",
        "%d = f32[8] conditional(%p, %q), branch_computations={%leaf, %leaf}",
        "%e = ((f32[8]), f32[8]) async-start(%p), calls=%leaf",
        others=others,
    )
    found = collectives(text)
    assert [(one.times, one.is_bound) for one in found] == [(15, True), (1, False), *[(1, True)] * 4]


def test_what_is_no_module_is_refused():
    with pytest.raises(ValueError, match=r"has no ENTRY. Pass jax.jit\(f\)"):
        collectives("module @jit_f { func.func public @main }")
    with pytest.raises(TypeError, match="expects a compiled program.* got a Lowered"):
        estimate(jax.jit(lambda x: x).lower(1.0))


def test_compare_shows_what_only_some_have():
    one = Estimate("Step", {"data": 2}, 1e6, 10, 1, 5, (Collective("all-reduce", 80, 2),))
    other = one._replace(mesh={"data": 2, "model": 2}, collectives=(Collective("all-gather", 8, 2, 3, False),))
    lines = compare([one, other]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "| 1 x, 80 B  | -          |" in lines[2] and "| -          | 3 x, 24 B  |" in lines[3]
    assert "data=2, model=2" in lines[3] and other.devices == 4 and other.memory == 16
    assert "length the compiler does not know" in str(other) and "does not know" not in str(one)
    assert "loops counted once" in str(one._replace(loops=True))


def small() -> Model:
    model = Sequential([layers.Input((16,)), layers.Dense(64, activation="relu"), layers.Dense(8)])
    model.compile("adam", "mse")
    return model


def test_one_device_sends_nothing_and_nothing_is_drawn():
    model = small()
    found = model.estimate((32, 16), np.zeros((32, 8)))
    assert (found.devices, found.mesh, found.sent, found.collectives) == (1, {}, 0, ())
    assert str(found).startswith("A training step on one device. It:\n")
    # Forwards and both gradients of the kernels, and that of the inputs of the second.
    products = 2 * 32 * (2 * 16 * 64 + 3 * 64 * 8)
    assert products < found.flops < 1.5 * products + 30 * model.count_params()
    # Weights and two moments, the batch, and some scalars.
    assert 0 <= found.arguments - 4 * (3 * model.count_params() + 32 * 24) < 64
    assert not any(w.is_drawn for _, w in weights_of(model))
    assert model._compiled.last is None


def test_mistakes_are_explained():
    model = small()
    with pytest.raises(TypeError, match=r"device_count=4, and pass jax.make_mesh\(\(4,\), \('data',\)\)"):
        model.estimate((32, 16), (32, 8), mesh=jax.sharding.AbstractMesh((4,), ("data",)))
    with pytest.raises(ValueError, match="Rules need a mesh"):
        model.estimate((32, 16), (32, 8), rules="fully_sharded")
    model.compile("adam", "mse", run_eagerly=True)
    with pytest.raises(RuntimeError, match="compile without run_eagerly"):
        model.estimate((32, 16), (32, 8))
    with pytest.raises(RuntimeError, match="compile"):
        Sequential([layers.Input((4,)), layers.Dense(1)]).estimate((8, 4), (8, 1))


@pytest.mark.needs_devices(2)
def test_the_estimate_is_what_training_then_needs():
    """The arguments, on one device, are the arrays that fit leaves there."""
    mesh = jax.make_mesh((2,), ("data",), devices=jax.devices()[:2])
    model = small()
    found = model.estimate((32, 16), (32, 8), mesh=mesh, rules="fully_sharded")
    assert model._placement.mesh is None
    model.fit(np.zeros((32, 16)), np.zeros((32, 8)), verbose=0, mesh=mesh, rules="fully_sharded")
    arrays = [w.current() for _, w in weights_of(model)] + jax.tree.leaves(model._compiled.opt_state[0])
    kept = sum(array.addressable_shards[0].data.nbytes for array in arrays)
    batch = 4 * 32 * (16 + 8) // 2
    assert 0 <= found.arguments - kept - batch < 64
    # As the model is distributed, if no mesh is given.
    assert model.estimate((32, 16), (32, 8)) == found


EIGHT = """
import json
import jax, jax.numpy as jnp
from functools import partial
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P
from jkeras import Model, Sequential, layers
from jkeras.distribution import estimate

def shown(found):
    return {"all": [[c.kind, c.size, c.devices, c.times] for c in found.collectives], "flops": found.flops,
            "arguments": found.arguments, "sent": found.sent, "mesh": found.mesh}

line, grid = jax.make_mesh((8,), ("data",)), jax.make_mesh((2, 4), ("data", "model"))
results = {}

# Collectives that are asked for by name.
x = jax.ShapeDtypeStruct((64, 8), "float32", sharding=NamedSharding(line, P("data")))
@partial(jax.jit)
@partial(jax.shard_map, mesh=line, in_specs=P("data"), out_specs=P("data"))
def explicit(x):
    total = jax.lax.psum_scatter(jnp.sin(x), "data", tiled=True)
    x = x + jax.lax.all_gather(total, "data", tiled=True).sum()
    x = jax.lax.all_to_all(x, "data", 0, 0, tiled=True)
    ring = [(j, (j + 1) % 8) for j in range(8)]
    return jax.lax.fori_loop(0, 6, lambda i, x: jnp.cos(jax.lax.ppermute(x, "data", ring)), x)
results["explicit"] = shown(estimate(explicit.lower(x).compile(), line))

def model(*between, metrics=()):
    model = Sequential([layers.Input((16,)), layers.Dense(64, activation="relu", name="up"), *between,
                        layers.Dense(8, name="down")])
    model.compile("adam", "mse", metrics=list(metrics))
    return model

def cost(model, mesh, rules=()):
    return shown(model.estimate((32, 16), (32, 8), mesh=mesh, rules=rules))

results["data"] = cost(model(), line)
results["sharded"] = cost(model(), line, "fully_sharded")
tensor = [("up/kernel", P(None, "model")), ("up/bias", P("model")), ("down/kernel", P("model"))]
results["tensor"] = cost(model(), grid, tensor)
results["normalized"] = cost(model(layers.BatchNormalization()), line)

class Own(Model):
    def __init__(self):
        super().__init__()
        self.down = layers.Dense(8)
    def call(self, x):
        return self.down(x)
    def train_step(self, ts, batch):
        return super().train_step(ts, batch)
own = Own()
own.compile("sgd", "mse")
results["own"] = cost(own, line)
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def eight():
    """What a process with eight virtual devices finds."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    done = subprocess.run([sys.executable, "-c", EIGHT], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_collectives_that_a_program_asks_for(eight):
    piece = 4 * 8 * 8  # a device's 8 of 64 rows
    kinds = [["reduce-scatter", piece, 8, 1], ["all-gather", piece, 8, 1], ["all-to-all", piece, 8, 1],
             ["collective-permute", piece, 8, 6]]  # fmt: skip
    assert eight["explicit"]["all"] == kinds
    assert eight["explicit"]["sent"] == piece * (3 * 7 / 8 + 6)


WEIGHTS = 16 * 64 + 64 + 64 * 8 + 8
BATCH = 4 * 32 * (16 + 8)


def test_data_parallel_training_sums_the_gradients(eight):
    found = eight["data"]
    assert all(kind == "all-reduce" and devices == 8 and times == 1 for kind, _, devices, times in found["all"])
    size = sum(size for _, size, _, _ in found["all"])
    assert 4 * WEIGHTS <= size <= 4 * WEIGHTS + 16  # and the loss
    assert found["sent"] == size * 2 * 7 / 8
    assert 0 <= found["arguments"] - 4 * 3 * WEIGHTS - BATCH / 8 < 64
    assert found["mesh"] == {"data": 8}


def test_fully_sharded_training_keeps_an_eighth(eight):
    found = eight["sharded"]
    assert 0 <= found["arguments"] - 4 * 3 * WEIGHTS / 8 - BATCH / 8 < 64
    assert found["arguments"] < eight["data"]["arguments"] / 5
    assert any(kind == "all-gather" for kind, *_ in found["all"])


def test_tensor_parallel_training_sums_what_the_halves_of_a_pair_give(eight):
    among = [(kind, size) for kind, size, devices, _ in eight["tensor"]["all"] if devices == 4]
    # The outputs of 16 of 32 samples; the gradient of the inputs is not asked for.
    assert ("all-reduce", 4 * 16 * 8) in among
    over = sum(size for kind, size, devices, _ in eight["tensor"]["all"] if devices == 2 and kind == "all-reduce")
    own = (16 * 64 + 64 + 64 * 8) / 4 + 8  # a device's part of the gradients
    assert 4 * own <= over <= 4 * own + 16


def test_batch_statistics_are_summed_too(eight):
    more, fewer = (sum(size for _, size, _, _ in eight[name]["all"]) for name in ("normalized", "data"))
    # Gradients of scale and offset, and at least a sum forwards and one backwards, of 64 features.
    assert 4 * 64 * 4 <= more - fewer <= 4 * 64 * 16


def test_a_train_step_of_ones_own_is_estimated(eight):
    sizes = [size for kind, size, _, _ in eight["own"]["all"] if kind == "all-reduce"]
    assert 4 * (16 * 8 + 8) <= sum(sizes) <= 4 * (16 * 8 + 8) + 32


@pytest.mark.needs_devices(2)
def test_the_transformer_of_the_benchmark(monkeypatch):
    """Split as Megatron-LM splits it, a block needs two sums forwards and two backwards."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import scaling

    mesh = jax.make_mesh((1, 2), ("data", "model"), devices=jax.devices()[:2])
    words = jax.ShapeDtypeStruct((2, 8), "int32")
    counts = [
        scaling.decoder(blocks, 16, 2, 32).estimate(words, words, mesh=mesh, rules=scaling.TENSOR_PARALLEL)
        .count("all-reduce") for blocks in (1, 2)
    ]  # fmt: skip
    assert counts[1] - counts[0] == 4


PLAN = """
import jax, jkeras
from jkeras import layers

def estimate(devices):
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    return {"small": model.estimate((8, 4), (8, 2), mesh=jax.make_mesh((devices,), ("data",)))}

def wrong(devices):
    return devices
"""


def test_the_command_line_brings_its_own_devices(tmp_path):
    (tmp_path / "plan.py").write_text(PLAN)
    command = [sys.executable, "-m", "jkeras.distribution", "plan.py", "2", "4", "--details"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "small: A training step on 4 devices (data=4). Each of them:" in done.stdout
    table = [line.split("|")[1:3] for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [[cell.strip() for cell in row] for row in table[2:]] == [["2", "data=2"], ["4", "data=4"]]


def test_the_command_line_says_what_is_wrong(tmp_path, capfd):
    plan = tmp_path / "plan.py"
    plan.write_text(PLAN)
    with pytest.raises(SystemExit):
        main(["absent.py", "8"])
    assert "there is no file 'absent.py'" in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main([str(plan), "0"])
    assert "at least 1 device" in capfd.readouterr().err
    for name, message in (
        ("other", "does not define a function 'other'"),
        ("wrong", "must return what model.estimate"),
    ):
        assert main([f"{plan}:{name}", "1"]) == 1
        assert message in capfd.readouterr().err
