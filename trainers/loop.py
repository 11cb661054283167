"""The training loop, the same for every family: evaluate, decide, update, and be ready to go on from any epoch."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..errors import ConfigurationError, unknown_name
from ..readers import open_archive
from . import randomness, stopping
from .model import Generators, Model
from .optimizers import Optimizer
from .rules import Gradients, Response, respond
from .settings import Settings
from .source import trial_source
from .task import Batch, Task

Row = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run stands: what a progress bar shows."""

    epoch: int
    epochs: int
    training: int
    members: int
    loss: float
    performance: float


@dataclasses.dataclass(frozen=True)
class TrainedNetworks:
    """What a finished run leaves: the chosen weights, (member, …) each, and how training went.

    ``log`` columns are (row, member), one row per evaluation, NaN after a member's end. ``reasons`` says why
    each member stopped and ``best_epochs`` which epoch its weights are from. ``masks`` are those of the training.
    """

    settings: Settings
    parameters: dict[str, np.ndarray]
    log: dict[str, np.ndarray]
    reasons: tuple[str, ...]
    best_epochs: np.ndarray
    masks: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def chosen(self, name: str) -> np.ndarray:
        """Return a column of the log at the epoch that each member's weights are from, (member,)."""
        rows = np.searchsorted(self.log["epoch"], self.best_epochs)
        column = self.log[name]
        values: np.ndarray = column[rows] if column.ndim == 1 else column[rows, np.arange(len(rows))]
        return values

    def model(self, member: int | None = None) -> Model:
        """Return the networks as one model with a member axis, or one of them without."""
        family = self.settings.get_family()
        dtype = getattr(torch, self.settings.training.dtype)
        members = self.settings.members if member is None else None
        arrays = self.parameters if member is None else {k: v[member] for k, v in self.parameters.items()}
        model = family.model(self.settings.model, members=members, dtype=dtype).load_arrays(arrays)
        for name, mask in self.masks.items():
            model.set_mask(name, mask)
        return model


class TrainingLoop:
    """One run of one or more networks of the same architecture.

    A network that meets a stop rule leaves; the rest goes on. The state between two epochs is
    :meth:`snapshot`, from which :meth:`restore` goes on to exactly the same numbers.

    Parameters
    ----------
    masks : parameter name → 0 and 1, of one network's shape; see :func:`train`
    keep : is called with the loop where ``keep_every`` asks for it
    origins : seed and number from which the random numbers of each network derive; those of the settings by default
    """

    def __init__(
        self,
        settings: Settings,
        *,
        masks: Mapping[str, np.ndarray] | None = None,
        keep: "Callable[[TrainingLoop], None] | None" = None,
        origins: Sequence[randomness.Origin] | None = None,
    ) -> None:
        config, members = settings.training, settings.members
        family = settings.get_family()
        self.settings, self.config, self._keep = settings, config, keep
        self.task = family.task(settings.task_name, settings.task)
        self.rule = family.rule(config.rule, settings.rule)
        self.origins = origins or [(settings.seed, member) for member in range(members)]
        draws = [randomness.generator(seed, "weights", member) for seed, member in self.origins]
        dtype = getattr(torch, config.dtype)
        self.model = family.model(settings.model, members=members, generators=draws, dtype=dtype).to(config.device)
        if config.start_from:
            self.model.load_arrays(self._started(self.model.arrays()))
        self.model.freeze(config.frozen)
        for name, mask in (masks or {}).items():
            self.model.set_mask(name, mask)
        if not self.model.trainable:
            raise ConfigurationError("training.frozen: every parameter is frozen, nothing is left to train")
        self.optimizer = Optimizer(self.model, config)
        self.source = trial_source(self.task, config, self.origins)
        self.validation = self._draw_validation()
        self.noise, self.rewiring = (
            [randomness.torch_generator(seed, name, member, device=config.device) for seed, member in self.origins]
            for name in ("noise", "rewiring")
        )
        self.rules = stopping.initial_rules(config, members)
        self.epoch = 0
        self.trials_seen = 0
        self.active = list(range(members))
        self.reasons = [""] * members
        self.kept = self.model.arrays()
        self.best_check = np.full(members, np.inf)
        self.best_loss = np.full(members, np.inf)
        self.best_epochs = np.zeros(members, np.int64)
        self.log: list[Row] = []
        self.during: Row = {}

    def run_epoch(self) -> None:
        """Evaluate, let finished members go, and train the others for one epoch."""
        self._thaw()
        row, gradients = self._evaluate()
        self._log(row)
        if self._keep is not None and self.config.keep_every and self.epoch % self.config.keep_every == 0:
            self._keep(self)
        self._note_best(row)
        staying = self._retire(self.rules.decide(self.epoch, self.trials_seen, row, self.best_loss[self.active]))
        if not self.active:
            return
        rate = self.config.learning_rate_at(self.epoch)
        rows = []
        for _ in range(self.source.updates_per_epoch):
            if gradients is None:
                task, batch = self.source.batch()
                gradients = self.rule(self.model, task, batch, self.noise)
                staying = None
                if self.config.log == "during":
                    rows.append(metrics(task, gradients.response, batch))
            self._update(gradients, rate, staying)
            self.trials_seen += gradients.response.outputs.shape[1]
            gradients = None
        self.during = {name: np.mean([row[name] for row in rows], axis=0) for name in (rows[0] if rows else {})}
        self.epoch += 1

    def progress(self) -> Progress:
        """Return where the run stands, with the mean loss and performance of the last evaluation."""
        last = self.log[-1] if self.log else {}
        means = [_mean(last.get(name, np.array([]))) for name in ("loss", "performance")]
        return Progress(self.epoch, self.config.most_epochs, len(self.active), self.settings.members, *means)

    def trained(self) -> TrainedNetworks:
        """Return the chosen weights and the log so far."""
        masks = {name: mask.cpu().numpy() for name, mask in self.model.masks.items()}
        return TrainedNetworks(self.settings, self.kept, self.columns(), tuple(self.reasons), self.best_epochs, masks)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the log as columns, (row, member) each."""
        return {name: np.stack([row[name] for row in self.log]) for name in (self.log[0] if self.log else {})}

    def _started(self, drawn: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the drawn weights with those in their place that come from the archive to start from."""
        config = self.config
        with open_archive(config.start_from) as archive:
            assert archive.model is not None  # the settings have looked
            given = {name: np.asarray(archive.model.parameters[name]) for name in archive.model.parameters}
        for name in config.start_parameters or sorted({*given} & {*drawn}):
            if name not in drawn or name not in given:
                raise ConfigurationError(
                    unknown_name("parameter in training.start_parameters", name, {*given} & {*drawn})
                )
            if given[name].shape != drawn[name].shape[1:]:
                raise ConfigurationError(
                    f"training.start_from: parameter '{name}' has shape {given[name].shape} in {config.start_from}, "
                    f"expected {drawn[name].shape[1:]}"
                )
            drawn[name] = np.broadcast_to(given[name], drawn[name].shape).copy()
        return drawn

    def _thaw(self) -> None:
        """Train the frozen parameters too from epoch ``frozen_epochs`` on; the others keep their optimiser state."""
        limit = self.config.frozen_epochs
        if limit is None or self.epoch < limit or self.model.trainable == self.model.weights:
            return
        self.model.freeze(())
        state = self.optimizer.arrays()
        self.optimizer = Optimizer(self.model, self.config)
        self.optimizer.load_arrays(state)

    def _draw_validation(self) -> Batch | None:
        n_trials = self.config.validation_trials
        if not n_trials:
            return None
        generators = self.source.generators("validation")
        return self.source.stacked([self.task.validation_set(n_trials, generator) for generator in generators])

    def _evaluate(self) -> tuple[Row, Gradients | None]:
        """Return the metrics of the current weights, (active,) each, and gradients when they came for free.

        When one batch is the whole training set, the loss that training needs anyway is the evaluation: a
        separate forward run would compute the same numbers again.
        """
        gradients = None
        if self.during:
            row = dict(self.during)
        elif self.source.is_whole:
            task, batch = self.source.batch()
            gradients = self.rule(self.model, task, batch, self.noise)
            row = metrics(task, gradients.response, batch)
        else:
            row = evaluate(self.model, self.source.evaluations(), self.noise)
            self._confirm(row)
        if self.validation is not None:
            found = evaluate(self.model, [(self.task, self.validation)], self.noise)
            row |= {f"validation_{name}": value for name, value in found.items()}
        return row, gradients

    def _confirm(self, row: Row) -> None:
        """Put the figures of ``confirm_trials`` further trials in the place of those that would end a training."""
        n_trials = self.config.confirm_trials
        positions = np.flatnonzero(self.rules.performs(row)).tolist()
        if not n_trials or not positions:
            return
        # Generators of their own, made for this epoch: what one network draws here must not move those of the others.
        origins = [self.origins[self.active[position]] for position in positions]
        name, device = f"confirmation {self.epoch}", self.config.device
        draws = [randomness.generator(seed, name, member) for seed, member in origins]
        noise = [randomness.torch_generator(seed, name, member, device=device) for seed, member in origins]
        rules = (self.source.drawn(rule, n_trials, draws) for rule in self.task.rules.values())
        for column, values in evaluate(self.model.select_members(positions), rules, noise).items():
            row[column][positions] = values

    def _log(self, row: Row) -> None:
        full: Row = {"epoch": np.array(self.epoch), "trials_seen": np.array(self.trials_seen)}
        for name, values in row.items():
            full[name] = np.full(self.settings.members, np.nan)
            full[name][self.active] = values
        self.log.append(full)

    def _note_best(self, row: Row) -> None:
        """Keep the weights of the members that have improved (or of all, when the last weights are wanted)."""
        check = row.get("validation_loss", row["loss"])
        active = np.array(self.active)
        if self.epoch > 0:
            self.best_loss[active] = np.fmin(self.best_loss[active], row["loss"])
        better = np.isfinite(check) if not self.config.keep_best else check < self.best_check[active]
        # The untrained weights are not candidates, except for a run without epochs.
        if self.epoch == 0 and self.config.epochs > 0:
            return
        if better.any():
            who = active[better]
            self.best_check[who], self.best_epochs[who] = check[better], self.epoch
            for name, value in self.model.named_parameters():
                self.kept[name][who] = value.detach().cpu().numpy()[better]

    def _retire(self, reasons: Sequence[str]) -> list[int] | None:
        """Let members with a reason go; return the positions that stay, or None when all do."""
        if not any(reasons):
            return None
        for member, reason in zip(self.active, reasons, strict=True):
            self.reasons[member] = reason
        staying = [position for position, reason in enumerate(reasons) if not reason]
        self.active = [self.active[position] for position in staying]
        if staying:
            self._select(staying)
        return staying

    def _select(self, staying: list[int]) -> None:
        model = self.model.select_members(staying)
        self.optimizer = self.optimizer.for_members(model, staying)
        self.model = model
        self.source.select_members(staying)
        self.validation = None if self.validation is None else self.validation.select_members(staying)
        self.noise, self.rewiring = ([made[position] for position in staying] for made in (self.noise, self.rewiring))
        self.rules.select_members(staying)

    def _update(self, gradients: Gradients, rate: float, staying: list[int] | None) -> None:
        found = gradients.parameters
        if staying is not None:
            found = {name: gradient[staying] for name, gradient in found.items()}
        for name, mask in self.model.masks.items():
            if name in found:
                found[name] = found[name] * mask
        self.optimizer.update(found, rate)
        self.model.after_update(rate, self.rewiring)

    def snapshot(self) -> dict[str, Any]:
        """Return everything needed to go on from here: plain values, and nested mappings of arrays."""
        return {
            "values": {
                "epoch": self.epoch,
                "trials_seen": self.trials_seen,
                "active": self.active,
                "reasons": self.reasons,
                "source": self.source.state(),
            },
            "parameters": self.model.arrays(),
            "optimizer": self.optimizer.arrays(),
            "kept": {name: array.copy() for name, array in self.kept.items()},
            "best": {"check": self.best_check.copy(), "loss": self.best_loss.copy(), "epoch": self.best_epochs.copy()},
            "plateau": {"reference": self.rules.plateau_reference, "largest": self.rules.largest_validation},
            "during": dict(self.during),
            "noise": {"states": np.stack([source.get_state().numpy() for source in self.noise])},
            "rewiring": {"states": np.stack([source.get_state().numpy() for source in self.rewiring])},
            "log": self.columns(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot of a loop with the same settings."""
        values = snapshot["values"]
        self.active, self.reasons = list(values["active"]), list(values["reasons"])
        if self.active and len(self.active) < self.settings.members:
            self._select(self.active)
        self.epoch, self.trials_seen = values["epoch"], values["trials_seen"]
        self.kept = {name: np.array(array) for name, array in snapshot["kept"].items()}
        best = snapshot["best"]
        self.best_check, self.best_loss, self.best_epochs = best["check"], best["loss"], best["epoch"]
        columns = snapshot.get("log", {})
        rows = len(next(iter(columns.values()), ()))
        self.log = [{name: column[i] for name, column in columns.items()} for i in range(rows)]
        if self.active:
            self._thaw()
            self.model.load_arrays(snapshot["parameters"])
            self.optimizer.load_arrays(snapshot["optimizer"])
            self.source.restore(values["source"])
            self.rules.plateau_reference = snapshot["plateau"]["reference"]
            self.rules.largest_validation = snapshot["plateau"]["largest"]
            self.during = dict(snapshot.get("during", {}))
            for name, made in (("noise", self.noise), ("rewiring", self.rewiring)):
                for source, state in zip(made, snapshot[name]["states"], strict=True):
                    source.set_state(torch.tensor(state))


def metrics(task: Task, response: Response, batch: Batch) -> Row:
    """Return what an evaluation logs of a response to the trials of one rule, (member,) each."""
    terms = response.terms
    row = {"loss": torch.stack(list(terms.values())).sum(0)}
    if len(terms) > 1:
        row |= {f"loss_{name}": term for name, term in terms.items()}
    row["performance"] = task.performance(response.outputs, batch).mean(1)
    row |= {**response.metrics, **task.metrics(response.outputs, batch)}
    return {name: value.double().cpu().numpy() for name, value in row.items()}


def evaluate(model: Model, batches: Iterable[tuple[Task, Batch]], generators: Generators | None) -> Row:
    """Return the metrics of networks on trials of one or more rules, (member,) each.

    With several rules each metric is the mean over them; loss and performance are also given for each rule and
    the performance on the worst one.
    """
    found = {}
    for task, batch in batches:
        with torch.no_grad():
            found[task.name] = metrics(task, respond(model, task, batch, generators), batch)
    rows = list(found.values())
    if len(rows) == 1:
        return rows[0]
    row = {name: np.mean([one[name] for one in rows], 0) for name in rows[0]}
    row[stopping.WORST] = np.min([one["performance"] for one in rows], 0)
    for name in ("loss", "performance"):
        row |= {f"{name}_{rule}": one[name] for rule, one in found.items()}
    return row


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def train(
    settings: Settings,
    *,
    masks: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> TrainedNetworks:
    """Train in memory and return the networks; :func:`~dynascope.trainers.train_in` keeps resumable files instead.

    ``masks`` maps parameter names to arrays of 0 and 1, one network's shape each: entries at 0 are and stay zero.
    """
    loop = TrainingLoop(settings, masks=masks)
    while loop.active:
        loop.run_epoch()
        if progress is not None:
            progress(loop.progress())
    return loop.trained()
