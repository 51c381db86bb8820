"""Many models of one architecture, trained as one compiled program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jkeras.core import seeds as seed_source
from jkeras.core.settings import limit_epochs, limit_steps
from jkeras.metrics.direction import direction_of
from jkeras.models.given import training_data
from jkeras.population.engine import Engine, own_weights
from jkeras.population.fitting import Fitting, Validation
from jkeras.population.history import PopulationHistory
from jkeras.population.hyperparameters import Hyperparameters
from jkeras.population.members import Builder, member_model
from jkeras.population.orders import Orders, checked_rows
from jkeras.population.placement import MemberPlacement
from jkeras.population.prediction import Forward, combined
from jkeras.population.progress import PopulationProgress, watched_metric
from jkeras.population.run import evaluate
from jkeras.training.data import ArrayData, StreamData, make_data
from jkeras.training.labels import check_labels

PREDICTED_AT_ONCE = 256  # samples in a batch of `predict`, which computes each row by itself


class Population:
    """Models of one architecture with seeds, hyperparameters and samples of their own, trained together.

    Each member equals the model that is trained alone after `jkeras.utils.set_random_seed(seed)`: built, compiled with
    its settings, fitted with the same arguments. It has the same first weights, orders of samples and dropout, and the
    same updates but for rounding.

    Args:
        model: A compiled model, from whose architecture members are made; or a function without arguments that builds
            and compiles one.
        members: How many members there are; told by the lists if left out.
        seeds: A seed for each member, or one for all; drawn from the global seed if left out.
        hyperparameters: Name to a list with a number for each member (or one number): arguments of the optimizer
            (`"learning_rate"`, `"weight_decay"`), of its schedule (`"learning_rate/decay_rate"`), and of layers by
            path (`"dropout/rate"`, `"dense/kernel_regularizer/l2"`). `grid` makes lists of all combinations.
        initial_weights: "draw": each member's weights are drawn after its seed; "keep": all begin with those that the
            given model has.
        devices: The devices over which members are spread; all of this process if left out.

    Attributes:
        seeds: The seed of each member.
        history: The `PopulationHistory` of the last `fit`.

    Raises:
        RuntimeError: If the model is not compiled.
        ValueError: If lists differ in length, or a hyperparameter is not known or cannot be varied.

    >>> from jkeras import Sequential, layers
    >>> model = Sequential([layers.Input((2,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> population = Population(model, seeds=[0, 1], hyperparameters={"learning_rate": [0.5, 0.25]})
    >>> x = np.linspace(-1, 1, 64).reshape(32, 2)
    >>> history = population.fit(x, x.sum(1), epochs=3, verbose=0)
    >>> history.history["loss"].shape, population.predict(x).shape, float(population[0].optimizer.learning_rate)
    ((3, 2), (2, 32, 1), 0.5)
    """

    def __init__(
        self,
        model: Any,
        members: int | None = None,
        seeds: int | Sequence[int] | None = None,
        hyperparameters: Mapping[str, Any] | None = None,
        initial_weights: str = "draw",
        devices: Sequence[Any] | None = None,
    ):
        listed: Any = None if seeds is None or np.ndim(seeds) == 0 else {"seeds": len(np.asarray(seeds))}
        self.settings = Hyperparameters(hyperparameters, members, listed)
        self.seeds = _seeds(seeds, self.settings.members)
        self._builder = Builder(model, initial_weights)
        self._engine = Engine(self._builder, self.settings, self.seeds, MemberPlacement(self.settings.members, devices))
        self.history = PopulationHistory(self.settings.members)
        self._kept_epoch = np.zeros(self.settings.members, np.int64)
        self._forward: Forward | None = None
        self.record: Any = None  # the facts of the last fit

    def __len__(self) -> int:
        return self.settings.members

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        samples: Any = None,
        validation_samples: Any = None,
        monitor: str | None = None,
    ) -> PopulationHistory:
        """Train all members and return their history.

        Args:
            x: Inputs: an array, or a list or dict of arrays. Data are put on the device once, for all members.
            y: Targets, like `x`.
            batch_size: Samples in a step, 32 if left out; the last batch of an epoch may be smaller.
            epochs: The epoch to end with.
            verbose: 0 silent, 1 or "auto" a progress line, 2 one line for each epoch.
            callbacks: Callbacks that work on epochs, such as `EarlyStopping`: each member has its own copies. A member
                that is stopped stays exactly as it is, while others go on.
            validation_split: Share of the samples, taken from the end, to validate on.
            validation_data: `(x, y)` or `(x, y, sample_weight)`.
            shuffle: True, False, or "batch" to shuffle whole batches.
            class_weight: Factor of the loss for each class.
            sample_weight: Factor of the loss for each sample, as in a model's `fit`; or of shape (members, samples).
            initial_epoch: The epoch to begin with.
            steps_per_epoch: Batches in an epoch.
            validation_steps: Batches of a validation.
            validation_batch_size: Like `batch_size`, for validation.
            validation_freq: Validate every so many epochs.
            samples: The places of the samples that each member sees, of shape (members, count). It is trained as it
                would be on `x[samples[i]]` alone; so cross-validation is one program.
            validation_samples: The places of the samples of `x` on which each member is validated.
            monitor: The metric of which the progress line shows the best and the worst; `val_loss` or `loss`.

        Returns:
            The `PopulationHistory`: `history.history["loss"]` has the shape (epochs, members).

        Raises:
            ValueError: If arguments do not fit the data or the population.
            TypeError: If the data are no arrays, or a callback has to be told of every batch.
        """
        engine, members = self._engine, self.settings.members
        shared_weight, own_weight = own_weights(sample_weight, members)
        prepare, val_size = engine.worker.host_inputs, validation_batch_size or batch_size
        source, held_out = training_data(
            x, y, shared_weight, batch_size, class_weight, validation_split, validation_data, val_size, prepare
        )
        _check_arrays(x, source, held_out)
        if (samples is not None or validation_samples is not None) and held_out is not None:
            raise ValueError(
                "samples and validation_samples are places in x: they say all. Give no validation_split and no "
                "validation_data beside them."
            )
        rows = None if samples is None else checked_rows("samples", samples, members, source.samples)
        val_rows = None
        if validation_samples is not None:
            val_rows = checked_rows("validation_samples", validation_samples, members, source.samples)
            held_out = make_data(x, y, None, val_size, prepare=prepare)
        assert isinstance(source, ArrayData) and not isinstance(held_out, StreamData)
        if own_weight is not None:
            own_weight = _weights_for(own_weight, x, source.samples, bool(validation_split))
        count = source.samples if rows is None else rows.shape[1]
        batches = -(-count // source.batch_size)
        steps = limit_steps(steps_per_epoch, batches)
        program = engine.program(source.sample())
        data, validation = engine.data(source.batch, own_weight), None
        check_labels(program.objective, source.batch.y)  # type: ignore[arg-type]
        if held_out is not None:
            check_labels(program.objective, held_out.batch.y)  # type: ignore[arg-type]
            limit = limit_steps(validation_steps, held_out.steps)
            # Whoever is validated on places in x needs no second copy of it.
            placed = engine.data(held_out.batch) if val_rows is None else data._replace(weight=None, of_members=None)
            validation = Validation(placed, held_out, val_rows, limit, validation_freq)
        numbers = engine.next_numbers()
        orders = Orders(count, source.batch_size, numbers, rows, shuffle, steps)
        progress = PopulationProgress(members, monitor, limit_epochs(epochs), steps or batches, verbose)
        fitting = Fitting(engine, source, data, orders, numbers, validation, callbacks, progress)
        self.record, self.history = fitting.run.record, fitting.history
        try:
            return fitting.train(initial_epoch, progress.epochs)
        finally:
            self._kept_epoch = fitting.kept_epoch

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        steps: int | None = None,
        samples: Any = None,
    ) -> dict[str, np.ndarray]:
        """Return the loss and the metrics of each member: name to an array of shape (members,).

        Args:
            x, y, batch_size, sample_weight, steps: As in a model's `evaluate`.
            samples: The places of the samples on which each member is evaluated, of shape (members, count).
        """
        engine, members = self._engine, self.settings.members
        shared, own = own_weights(sample_weight, members)
        data = make_data(x, y, shared, batch_size, prepare=engine.worker.host_inputs)
        _check_arrays(x, data, None)
        assert isinstance(data, ArrayData)
        rows = None if samples is None else checked_rows("samples", samples, members, data.samples)
        program = engine.program(data.sample(), training=False)
        check_labels(program.objective, data.batch.y)  # type: ignore[arg-type]
        keys = engine.keys(engine.next_numbers())
        values = evaluate(
            program, engine.ts, engine.data(data.batch, own), data, rows, keys, engine.common(keys), engine.placement,
            limit_steps(steps, data.steps),
        )  # fmt: skip
        return {name: value[:members] for name, value in values.items()}

    def predict(
        self, x: Any, batch_size: int | None = None, combine: str | None = None, steps: int | None = None
    ) -> Any:
        """Return what the members predict, as numpy arrays.

        Args:
            x: Inputs, as in `fit`.
            batch_size: Samples that are computed at once.
            combine: None: an array of shape (members, samples, ...). "mean": the mean over members. "vote": the class
                that most members choose, of shape (samples,); for a single output whether it is above 0.5.
            steps: Batches to predict; all if left out.
        """
        combined(np.zeros((1, 1, 1)), combine)  # says at once what is wrong with it
        engine = self._engine
        data = make_data(x, batch_size=batch_size or PREDICTED_AT_ONCE, prepare=engine.worker.host_inputs)
        _check_arrays(x, data, None)
        assert isinstance(data, ArrayData)
        if engine.ts is None:
            engine.begin(data.sample())
        if self._forward is None:
            self._forward = Forward(engine)
        keys = engine.keys(engine.next_numbers())
        return combined(self._forward(data, keys, engine.common(keys), steps), combine)

    def __getitem__(self, member: int) -> Any:
        """Return a member as an ordinary model: compiled with its settings, trained, with its optimizer's state."""
        count = len(self)
        if not isinstance(member, (int, np.integer)):
            raise TypeError(f"A member is called by its number, population[0]; got {member!r}.")
        if not -count <= member < count:
            raise IndexError(f"The population has the members 0 to {count - 1}; got {member}.")
        member, engine = int(member) % count, self._engine
        if engine.ts is None or engine.sample is None:
            raise RuntimeError("The members have not seen data yet: call fit, evaluate or predict first.")
        model = member_model(
            self._builder, engine.sample.x, self.settings, member, engine.arrays_of(member),
            engine.opt_state_of(member), self.seeds[member], engine.rate_of(member),
        )  # fmt: skip
        history = self.history[member]
        if history.epoch:
            history.set_model(model)
        return model

    def __iter__(self) -> Iterator[Any]:
        return (self[member] for member in range(len(self)))

    def values(self, metric: str | None = None) -> np.ndarray:
        """Return the value of a metric that each member's weights have, of shape (members,).

        That is the one of its last epoch, or of the epoch whose weights `EarlyStopping` restored.

        Args:
            metric: A name of the history: `val_loss`, or `loss` where nothing was validated, if left out.

        Raises:
            RuntimeError: Before `fit`.
            KeyError: If the history has no such metric.
        """
        found = self.history.history
        if not found:
            raise RuntimeError("There are no values yet: call fit first.")
        name = watched_metric(list(found), None) if metric is None else metric
        if name not in found:
            raise KeyError(f"The history has no metric {name!r}; it has {', '.join(found)}.")
        return found[name][self._kept_epoch, np.arange(len(self))]

    def best_index(self, metric: str | None = None, mode: str = "auto") -> int:
        """Return the number of the member with the best value of a metric; one whose value is not finite is never it.

        Args:
            metric: As in `values`.
            mode: "min", "max", or "auto": what the metric says itself, or its name does.
        """
        values = self.values(metric)
        name = metric or watched_metric(list(self.history.history), None) or "loss"
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max'; got {mode!r}.")
        direction = direction_of(name, self._engine.worker) if mode == "auto" else mode
        if direction is None:
            raise ValueError(f"Is more or less of {name!r} better? Say so: best({name!r}, mode='max') or mode='min'.")
        if not np.isfinite(values).any():
            raise ValueError(f"No member has a finite {name!r}: {values.tolist()}.")
        worst = -np.inf if direction == "max" else np.inf
        values = np.where(np.isfinite(values), values, worst)
        return int(values.argmax() if direction == "max" else values.argmin())

    def best(self, metric: str | None = None, mode: str = "auto") -> Any:
        """Return the best member by a metric, as an ordinary trained model.

        Args:
            metric: As in `values`.
            mode: As in `best_index`.
        """
        return self[self.best_index(metric, mode)]

    def results(self) -> list[dict[str, Any]]:
        """Return a row for each member: its number, seed, settings, epochs trained, and the metrics of its weights."""
        found = {name: self.values(name) for name in self.history.history}
        return [
            {
                "member": i, "seed": self.seeds[i], **self.settings.of(i),
                "epochs": int(self.history.epochs_trained[i]), **{k: float(v[i]) for k, v in found.items()},
            }
            for i in range(len(self))
        ]  # fmt: skip

    def summary(self, metric: str | None = None, rows: int = 10) -> str:
        """Return the best members as a table, with the median and the worst below; to be printed.

        Args:
            metric: What to sort by, as in `values`.
            rows: How many of the best members.
        """
        from jkeras.population.table import results_table

        return results_table(self.results(), self.values(metric), self.best_index(metric), metric, rows)

    def __repr__(self) -> str:
        varied = ", ".join(self.settings.values) or "seeds only"
        trained = f", trained for {len(self.history.epoch)} epochs" if self.history.epoch else ""
        return f"<Population of {len(self)} models ({varied}){trained}>"


def _seeds(seeds: Any, members: int) -> list[int]:
    if seeds is None:
        return [seed_source.next_number() for _ in range(members)]
    array = np.broadcast_to(np.asarray(seeds), members)
    if array.dtype.kind not in "iu" or (array < 0).any():
        raise ValueError(f"seeds expected non-negative integers; got {seeds!r}.")
    return array.tolist()


def _check_arrays(x: Any, *parts: Any) -> None:
    for part in parts:
        if part is not None and not isinstance(part, ArrayData):
            raise TypeError(
                f"A population keeps its data on the device, so it takes arrays; got a {type(x).__name__}. Read the "
                "batches into arrays first, or train the members one by one."
            )
        if part is not None and not part.fits():
            raise TypeError(
                "A population keeps its data on the device, and these are too many for it, or are read from a file "
                "piece by piece. Give arrays that fit, such as np.asarray(x[:100_000])."
            )


def _weights_for(weights: np.ndarray, x: Any, samples: int, is_split: bool) -> np.ndarray:
    """Return the members' weights of the samples that are trained on."""
    if weights.shape[1] != samples and not is_split:
        raise ValueError(
            f"sample_weight has shape {weights.shape}; expected (members, samples) = ({len(weights)}, {samples})."
        )
    if weights.shape[1] < samples:
        raise ValueError(f"sample_weight has {weights.shape[1]} columns for {samples} samples and more.")
    return weights[:, :samples]
