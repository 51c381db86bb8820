"""What a training step of a model will cost on a mesh of devices, before there are any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh

from jkeras.core.arguments import as_spec
from jkeras.distribution import Estimate
from jkeras.distribution import estimate as of_program
from jkeras.distribution.mesh_placement import MeshPlacement
from jkeras.distribution.placements import placement_for
from jkeras.models.weight_rows import weight_rows
from jkeras.training.arrays import as_arrays, canonical_dtype
from jkeras.training.data import Batch
from jkeras.training.program import Fixed, Program, TrainState


def estimate(
    self: Any, x: Any, y: Any = None, sample_weight: Any = None, mesh: Any = None, rules: Any = (),
    batch_axis: Any = None,
) -> Estimate:  # fmt: skip
    """Return what one training step will cost each device of a mesh: operations, memory, and what they send each other.

    The step that `fit` runs is compiled for the mesh, with abstract arguments: no weight is drawn, nothing runs, and
    the model may be larger than this machine. What compiles are programs for the devices of the mesh, so these have to
    be there; virtual ones will do, of which a process has as many as it says before it imports JAX,
    `XLA_FLAGS=--xla_force_host_platform_device_count=64`, or as `python -m jkeras.distribution` gives it.

    Args:
        x, y, sample_weight: One whole batch, for all devices: arrays, `jax.ShapeDtypeStruct`s, or shapes of float32
            arrays, in the trees that `fit` takes.
        mesh: A `jax.sharding.Mesh`, or a strategy of `jkeras.distribution`; as the model is distributed if left out.
        rules, batch_axis: As `distribute` takes them.

    Returns:
        An `Estimate`. Print it, or several with `jkeras.distribution.compare`.

    Raises:
        RuntimeError: If the model is not compiled, or runs eagerly.
        TypeError: If the mesh is abstract.
        ValueError: If a rule does not fit.

    >>> import jax
    >>> from jkeras import Sequential, layers
    >>> model = Sequential([layers.Input((4,)), layers.Dense(3, use_bias=False)])
    >>> model.compile("sgd", "mse")
    >>> found = model.estimate((8, 4), (8, 3), mesh=jax.make_mesh((2,), ("data",)))
    >>> found.devices, found.count("all-reduce") > 0
    (2, True)
    """
    compiled = self._require_compiled("estimate")
    if compiled.eager:
        raise RuntimeError("estimate asks the compiler, and this model runs eagerly: compile without run_eagerly.")
    if isinstance(mesh, AbstractMesh):
        count = int(np.prod(mesh.axis_sizes))
        raise TypeError(
            f"estimate compiles for the devices of a mesh, and an AbstractMesh has none. Start Python with XLA_FLAGS="
            f"--xla_force_host_platform_device_count={count}, and pass jax.make_mesh({mesh.axis_sizes}, "
            f"{mesh.axis_names})."
        )
    given = [_specs(self.host_inputs(part) if name == "x" else part, name)
             for part, name in ((x, "x"), (y, "y"), (sample_weight, "sample_weight"))]  # fmt: skip
    with _placed(self, mesh, rules, batch_axis) as placement:
        program = compiled.program(self, Batch(*given))
        lowered = program.step_on.lower(*_arguments(self, program, Batch(*given), placement))
        # How well the code for this CPU runs does not matter, and is most of the time.
        return of_program(lowered.compile(_QUICK), placement.mesh, "A training step")


_QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Abstract(MeshPlacement):
    """A placement for what has a shape and a type only: it says where arrays would be, and moves none."""

    def __init__(self, placement: MeshPlacement):
        self.__dict__.update(placement.__dict__)

    def move(self, array: Any, sharding: Any) -> Any:
        return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)


@contextmanager
def _placed(model: Any, mesh: Any, rules: Any, batch_axis: Any) -> Iterator[Any]:
    """Let programs of the model be made for a mesh inside of a `with` block, without moving its arrays."""
    compiled = model._compiled
    former, last = model.__dict__.get("_placed"), compiled.last
    if mesh is not None or rules:
        model.__dict__["_placed"] = placement_for(mesh, rules, batch_axis)
    try:
        yield model._placement
    finally:
        model.__dict__["_placed"], compiled.last = former, last


def _arguments(model: Any, program: Program, sample: Batch, placement: Any) -> tuple[Any, ...]:
    """Return abstract arguments of the training step, each with its sharding."""
    keeper = model._compiled.keeper
    trained, frozen, state = (getattr(program, "rows", None) or weight_rows(model)).specs()
    if keeper is program.optimizer:
        opt_state = jax.eval_shape(keeper.init, trained)
    else:
        opt_state = jax.eval_shape(model.init_optimizer, {**trained, **frozen})
    step, key = jax.ShapeDtypeStruct((), "int32"), jax.eval_shape(lambda: jax.random.key(0))
    rate = jax.tree.map(lambda rate: jax.ShapeDtypeStruct((), "float32"), keeper.rate_for_step)
    totals = jax.eval_shape(program.objective.init)
    if placement.mesh is None:
        return TrainState(trained, state, opt_state, step), totals, sample, Fixed(frozen, key, rate)
    abstract = Abstract(placement)
    weights = [
        {
            path: {name: abstract.place(f"{path}/{name}", spec) for name, spec in part.items()}
            for path, part in tree.items()
        }
        for tree in (trained, frozen, state)
    ]
    opt_state = abstract.place_slots(opt_state, trained)
    step, key, rate, totals = abstract.put_whole((step, key, rate, totals))
    ts = TrainState(weights[0], weights[2], opt_state, step)
    return ts, totals, abstract.put(sample), Fixed(weights[1], key, rate)


def _specs(tree: Any, name: str) -> Any:
    """Return a batch with abstract leaves; a tuple of integers is the shape of one."""
    tree = as_spec(tree)
    if isinstance(tree, dict):
        return {key: _specs(part, f"{name}[{key!r}]") for key, part in tree.items()}
    if isinstance(tree, (list, tuple)) and not all(isinstance(part, (int, float)) for part in tree):
        return type(tree)(_specs(part, f"{name}[{i}]") for i, part in enumerate(tree))
    if tree is None or isinstance(tree, jax.ShapeDtypeStruct):
        return tree
    array = as_arrays(tree, name)
    return jax.ShapeDtypeStruct(array.shape, canonical_dtype(array))
