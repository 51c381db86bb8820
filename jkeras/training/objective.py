"""What training minimises and measures: losses and metrics matched with a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core import blame
from jkeras.core.errors import nearest
from jkeras.core.template import unique_name
from jkeras.losses import FunctionLoss, Loss
from jkeras.losses import get as get_loss
from jkeras.metrics import resolve as resolve_metric
from jkeras.metrics.weighting import mask_weight

Totals = dict[str, Any]


class Output(NamedTuple):
    """One output of the model with what is computed from it."""

    name: str
    loss: Any  # f(y_true, y_pred, sample_weight, mask) -> scalar, or None
    loss_weight: float
    metrics: list[tuple[str, Any]]  # log key and metric, updated without sample weights
    weighted_metrics: list[tuple[str, Any]]


class Objective:
    """The losses and metrics of `compile`, matched with the outputs of a model.

    Args:
        outputs: Abstract outputs (any tree of things with a shape), as the model returns them.
        names: A name for each output leaf.
        loss, loss_weights, metrics, weighted_metrics: As `compile` takes them: one, or a list, tuple or dict by output.
        held: `(path, metric)` of the metrics that layers hold and update in `call`. Their variables are state of the
            forward pass, but totals here: they begin anew with each epoch and each evaluation.

    Raises:
        ValueError: If something is given for an output that does not exist, or a name is unknown.
    """

    def __init__(
        self,
        outputs: Any,
        names: Sequence[str],
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        held: Sequence[tuple[str, Any]] = (),
    ):
        leaves, self.structure = jax.tree.flatten(outputs)
        self.names = list(names)
        self.shapes = [tuple(leaf.shape) for leaf in leaves]
        count = len(leaves)
        per_loss = _spread("loss", loss, self.names)
        per_weight = _spread("loss_weights", loss_weights, self.names)
        per_metrics = _spread_lists("metrics", metrics, self.names)
        per_weighted = _spread_lists("weighted_metrics", weighted_metrics, self.names)
        taken = ["loss"]
        self.outputs: list[Output] = []
        for i, (name, shape) in enumerate(zip(self.names, self.shapes, strict=True)):
            prefix = f"{name}_" if count > 1 else ""
            plain = _with_keys(per_metrics[i], prefix, shape, per_loss[i], taken)
            weighted = _with_keys(per_weighted[i], prefix, shape, per_loss[i], taken, again="weighted_")
            weight = 1.0 if per_weight[i] is None else float(per_weight[i])
            self.outputs.append(Output(name, _as_loss(per_loss[i]), weight, plain, weighted))
        self.held = []
        for path, metric in held:
            taken.append(unique_name(metric.name, taken))
            self.held.append((taken[-1], path, metric))
        self.has_loss = any(output.loss is not None for output in self.outputs)
        self.loss_keys = [f"{o.name}_loss" for o in self.outputs if o.loss is not None] if count > 1 else []

    @property
    def keys(self) -> list[str]:
        """The keys of the logs, in Keras's order: loss, losses by output, metrics."""
        rows = [key for o in self.outputs for key, _ in (*o.metrics, *o.weighted_metrics)]
        return ["loss", *self.loss_keys, *rows, *(key for key, _, _ in self.held)]

    def match(self, what: str, values: Any) -> list[Any]:
        """Return targets or sample weights in the order of the outputs (None where there is none)."""
        count = len(self.outputs)
        if values is None:
            return [None] * count
        if isinstance(values, Mapping):
            unknown = [k for k in values if k not in self.names]
            if unknown:
                raise ValueError(
                    f"{what} has the key {unknown[0]!r}; the outputs are {', '.join(self.names)}."
                    f"{nearest(unknown[0], self.names)}"
                )
            return [values.get(name) for name in self.names]
        if count == 1:
            leaves = jax.tree.leaves(values)
            return leaves if len(leaves) == 1 else [values]
        if isinstance(values, (list, tuple)) and len(values) == count:
            return list(values)
        leaves = jax.tree.leaves(values)
        if len(leaves) == count:
            return leaves
        if len(leaves) == 1 and what == "sample_weight":
            return leaves * count
        raise ValueError(
            f"{what} has {len(leaves)} part(s), but the model has {count} outputs: {', '.join(self.names)}. "
            "Give a list in that order or a dict by name."
        )

    def losses(self, outputs: Any, masks: list[Any], targets: Any, weights: Any, added: list[Any]) -> Any:
        """Return `(total, by output)`: the scalar to minimise, and the unweighted loss of each output."""
        predictions = jax.tree.leaves(outputs)
        truths = self.match("y", targets)
        sample_weights = self.match("sample_weight", weights)
        total: Any = jnp.zeros((), jnp.float32)
        each: list[Any] = []
        for output, predicted, true, weight, mask in zip(
            self.outputs, predictions, truths, sample_weights, masks, strict=True
        ):
            if output.loss is None:
                continue
            if true is None:
                raise ValueError(f"Output {output.name!r} has a loss but no targets. Give y, or loss=None for it.")
            with blame.noted("loss", lambda: _in("loss", output.loss.name, output.name, true, predicted)):  # noqa: B023
                value = output.loss(true, predicted, sample_weight=weight, mask=mask)
            value = jnp.mean(value) if value.ndim else value
            each.append(value)
            total = total + value * output.loss_weight
        for extra in added:
            total = total + jnp.sum(extra)
        return total, each

    def init(self) -> Totals:
        """Return fresh totals: a pytree of accumulators."""
        totals: Totals = {"loss": jnp.zeros(2), "losses": [jnp.zeros(2) for _ in self.loss_keys], "metrics": {}}
        totals["held"] = {
            path + key.removeprefix(metric.name): weights
            for _, path, metric in self.held
            for key, weights in metric.init().items()
        }
        for output in self.outputs:
            for key, metric in (*output.metrics, *output.weighted_metrics):
                totals["metrics"][key] = metric.init()
        return totals

    def update(
        self,
        totals: Totals,
        total: Any,
        each: list[Any],
        outputs: Any,
        masks: list[Any],
        targets: Any,
        weights: Any,
        held: Any = None,
    ) -> Totals:
        """Return the totals after a batch: losses are averaged over samples, metrics as they define it.

        `held` are the variables of the metrics that layers hold, as the forward pass left them.
        """
        predictions = jax.tree.leaves(outputs)
        count = predictions[0].shape[0] if predictions[0].ndim else 1
        share = jnp.array([1.0, 0.0], jnp.float32) * count

        def add(pair: Any, value: Any) -> Any:
            return pair + share * value.astype(jnp.float32) + share[::-1]

        new = self.update_metrics(totals["metrics"], outputs, masks, targets, weights)
        each_total = [add(pair, v) for pair, v in zip(totals["losses"], each, strict=True)] if self.loss_keys else []
        return {"loss": add(totals["loss"], total), "losses": each_total, "metrics": new, "held": held or {}}

    def update_metrics(self, metrics: Totals, outputs: Any, masks: list[Any], targets: Any, weights: Any) -> Totals:
        """Return the totals of the metrics of `compile`, by log key, after a batch."""
        predictions = jax.tree.leaves(outputs)
        truths = self.match("y", targets)
        sample_weights = self.match("sample_weight", weights)
        new = dict(metrics)
        for output, predicted, true, weight, mask in zip(
            self.outputs, predictions, truths, sample_weights, masks, strict=True
        ):
            for rows, given in ((output.metrics, None), (output.weighted_metrics, weight)):
                for key, metric in rows:
                    used = mask_weight(given, mask) if metric.uses_mask else given
                    extra = {} if used is None else {"sample_weight": used}
                    with blame.noted("metric", lambda: _in("metric", key, output.name, true, predicted)):  # noqa: B023
                        new[key] = metric.update(new[key], true, predicted, **extra)
        return new

    def split(self, state: Any, totals: Totals) -> tuple[Any, Any]:
        """Return the state after a forward pass in two parts: that of the layers, and that of the metrics they hold."""
        if not self.held:
            return state, {}
        return {k: v for k, v in state.items() if k not in totals["held"]}, {k: state[k] for k in totals["held"]}

    def report(self, totals: Totals) -> dict[str, Any]:
        """Return the logs of the totals: log key to scalar."""

        def mean(pair: Any) -> Any:
            return pair[0] / jnp.maximum(pair[1], 1)

        logs = {"loss": mean(totals["loss"])}
        logs.update({key: mean(pair) for key, pair in zip(self.loss_keys, totals["losses"], strict=True)})
        logs.update(self.report_metrics(totals["metrics"]))
        for key, path, metric in self.held:
            inside = (k for k in totals["held"] if k == path or k.startswith(f"{path}/"))
            value = metric.compute({metric.name + k.removeprefix(path): totals["held"][k] for k in inside})
            logs.update(value if isinstance(value, dict) else {key: value})
        return logs

    def report_metrics(self, metrics: Totals) -> dict[str, Any]:
        """Return the values of the metrics of `compile`: log key to scalar."""
        logs: dict[str, Any] = {}
        for output in self.outputs:
            for key, metric in (*output.metrics, *output.weighted_metrics):
                with blame.noted("metric", lambda: f"In the value of the metric {key!r}:"):  # noqa: B023
                    value = metric.compute(metrics[key])
                logs.update(value if isinstance(value, dict) else {key: value})
        return logs


def _in(kind: str, name: Any, output: str, true: Any, predicted: Any) -> str:
    return f"In the {kind} {name!r} of output {output!r}, with {blame.described_call((), _given(true, predicted))}:"


def _given(true: Any, predicted: Any) -> dict[str, Any]:
    return {"y_true": true, "y_pred": predicted}


def _with_keys(
    specs: list[Any], prefix: str, shape: tuple[int, ...], loss: Any, taken: list[str], again: str = ""
) -> list[tuple[str, Any]]:
    """Return `(log key, metric)` for names, metrics and functions; each key is new in `taken`, and added to it."""
    rows = []
    for spec in specs:
        metric = resolve_metric(spec, shape, loss)
        name = spec if isinstance(spec, str) else metric.name
        key = prefix + name
        if key in taken and again:
            key = prefix + again + name
        key = unique_name(key, taken)
        taken.append(key)
        rows.append((key, metric))
    return rows


def _as_loss(spec: Any) -> Any:
    found = get_loss(spec)
    if found is None or isinstance(found, Loss):
        return found
    return FunctionLoss(found)


def _spread(what: str, value: Any, names: list[str]) -> list[Any]:
    """Return one entry for each output from a single value, a list or a dict by output name."""
    if isinstance(value, Mapping) and "class_name" not in value:
        unknown = [k for k in value if k not in names]
        if unknown:
            raise ValueError(
                f"{what} has the key {unknown[0]!r}; the outputs are {', '.join(names)}.{nearest(unknown[0], names)}"
            )
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise ValueError(f"{what} has {len(value)} entries, but the outputs are {', '.join(names)}.")
        return list(value)
    return [value] * len(names)


def _spread_lists(what: str, value: Any, names: list[str]) -> list[list[Any]]:
    """Like `_spread`, for lists of metrics: one list serves a single output, or every output if it is flat."""
    if value is None:
        return [[] for _ in names]
    if isinstance(value, Mapping):
        rows = _spread(what, value, names)
    elif not isinstance(value, (list, tuple)):
        rows = [[value]] * len(names)
    elif len(names) == 1:
        nested = len(value) == 1 and isinstance(value[0], (list, tuple))
        rows = [value[0] if nested else value]
    elif len(value) == len(names):
        rows = list(value)
    elif any(isinstance(v, (list, tuple)) for v in value):
        raise ValueError(f"{what} has {len(value)} entries, but the outputs are {', '.join(names)}.")
    else:
        rows = [value] * len(names)
    return [[] if r is None else list(r) if isinstance(r, (list, tuple)) else [r] for r in rows]
