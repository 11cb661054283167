"""The settings of one training run, resolved from defaults, a file and the command line."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from ..errors import ConfigurationError
from ..readers import open_archive
from . import config as configuration
from .config import choice, positive
from .family import Family, Tables, get_family
from .task import Task

# Adam divides the rate by 0.1 at its first step, which must still be a float32.
LARGEST_RATE = 1e30


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Options of the training loop, the same for every family.

    Attributes
    ----------
    rule, optimizer : learning rule and optimiser; ``adam_epsilon_hat`` is Adam with ε added before the bias of the
        second moment is corrected, as TensorFlow 1 had it
    learning_rate : constant, or falling linearly to ``learning_rate_end`` over ``learning_rate_epochs``
        (all epochs when not given)
    learning_rate_unit : rates are ``absolute``, or in units of each parameter's initial ``weights`` (their root mean
        square; 1 for parameters that begin at zero)
    epochs : most epochs to train. An epoch is the span between two evaluations: one pass over the training
        set, or ``updates_per_epoch`` updates when trials are drawn afresh
    n_trials : size of the training set; 0 draws fresh trials for every update
    batch_size, order : trials per update; the batches of a training set that is drawn once are ``shuffled`` for every
        pass, or have a ``fixed`` order
    log : what the log says of the training trials: the loss ``before`` the updates of an epoch, on trials that an
        evaluation runs for it, or its mean over the batches ``during`` the last epoch, which costs nothing
    validation_trials : size of a validation set that decides which weights are best; 0 uses the training set
    evaluation_trials : trials per evaluation, of each rule, when training trials are drawn afresh
    clip_norm, clip_value : largest norm of a network's gradient, and largest absolute value of each of its entries
    stop_loss : stop below this training loss
    stop_share : stop when the validation loss is at most this share of its largest value so far; 0.01 is the
        published criterion of 99 % for a loss that can reach 0
    plateau_checks, plateau_tolerance : at this many evenly spaced epochs, stop when the best loss has fallen by
        less than the tolerance since the last check; 0 checks turns the rule off
    stop_performance : stop when the performance exceeds this, that of the worst rule when there are several;
        ``confirm_trials`` further trials of each rule must agree, if it is above 0
    stop_trials : stop when so many trials have been seen
    keep_best : end with the weights of lowest loss rather than the last ones
    keep_every : keep the weights every so many epochs, for a history of the training; 0 keeps the end only
    frozen : names of parameters that are not trained, for ``frozen_epochs`` epochs or, without it, ever
    start_from : archive of a network from which training starts; ``start_parameters`` are taken from it (every one
        that both networks have when empty), the others are drawn. ``start_digest`` is filled in from the file
    dtype, device : arithmetic and where it happens
    """

    rule: str = "bptt"
    optimizer: str = choice("adam", "adam_epsilon_hat", "adamax", "sgd", "rmsprop", default="adam")
    learning_rate: float = positive(1e-3)
    learning_rate_unit: str = choice("absolute", "weights", default="absolute")
    learning_rate_end: float | None = None
    learning_rate_epochs: int | None = positive(None)
    epochs: int = positive(1000, zero=True)
    n_trials: int = positive(128, zero=True)
    batch_size: int = positive(128)
    order: str = choice("shuffled", "fixed", default="shuffled")
    log: str = choice("before", "during", default="before")
    updates_per_epoch: int = positive(20)
    validation_trials: int = positive(0, zero=True)
    evaluation_trials: int = positive(512)
    clip_norm: float | None = positive(None)
    clip_value: float | None = positive(None)
    stop_loss: float | None = 1e-4
    stop_share: float | None = positive(None)
    plateau_checks: int = positive(10, zero=True)
    plateau_tolerance: float = positive(1e-4, zero=True)
    stop_performance: float | None = None
    confirm_trials: int = positive(0, zero=True)
    stop_trials: int | None = positive(None)
    keep_best: bool = True
    keep_every: int = positive(0, zero=True)
    frozen: tuple[str, ...] = ()
    frozen_epochs: int | None = positive(None)
    start_from: str = ""
    start_parameters: tuple[str, ...] = ()
    start_digest: str = ""
    dtype: str = choice("float32", "float64", default="float32")
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("learning_rate", "learning_rate_end"):
            rate = getattr(self, name)
            if rate is not None and not 0 <= rate <= LARGEST_RATE:
                raise ConfigurationError(f"training.{name} = {rate}: expected a number from 0 to {LARGEST_RATE:g}")
        if self.log == "during" and not self.n_trials:
            raise ConfigurationError(
                "training.log = 'during': expected a training set drawn once, training.n_trials above 0"
            )
        if self.stop_share is not None and not self.validation_trials:
            raise ConfigurationError("training.stop_share: expected training.validation_trials above 0")
        if self.start_from:
            found = start_digest(self.start_from)
            if self.start_digest not in ("", found):
                raise ConfigurationError(
                    f"training.start_from: {self.start_from} has the digest {found}, expected {self.start_digest}: "
                    "it is another network than the one this run began with"
                )
            object.__setattr__(self, "start_digest", found)

    @property
    def most_epochs(self) -> int:
        """The epoch at which training ends at the latest."""
        if self.stop_trials is None:
            return self.epochs
        per_epoch = self.n_trials or self.updates_per_epoch * self.batch_size
        return min(self.epochs, -(-self.stop_trials // per_epoch))

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of the updates that lead from ``epoch`` (0, 1, …) to the next."""
        if self.learning_rate_end is None:
            return self.learning_rate
        span = self.learning_rate_epochs or max(self.epochs, 1)
        share = min(epoch / span, 1.0)
        return self.learning_rate + share * (self.learning_rate_end - self.learning_rate)


def start_digest(path: str) -> str:
    """Return the content digest of the network in an archive.

    Raises
    ------
    ConfigurationError
        If the file holds no network.
    """
    with open_archive(path, verify=False) as archive:
        if archive.model is None:
            raise ConfigurationError(f"training.start_from: {path} holds no network")
        return archive.digest


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that determines a run: two runs with equal settings on one machine give equal results."""

    family: str
    task_name: str
    model: Mapping[str, Any]
    task: Mapping[str, Any]
    training: TrainingConfig
    seed: int = 0
    members: int = 1
    rule: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def resolve(cls, family: str, task: str, tables: Tables | None = None, *, seed: int = 0, members: int = 1) -> Self:
        """Return complete settings from the user's tables ``model``, ``task``, ``rule`` and ``training``.

        Raises
        ------
        ConfigurationError
            For an unknown family, task, table or option, or an impossible value.
        """
        if members < 1 or seed < 0:
            raise ConfigurationError(
                f"expected members of at least 1 and a seed of at least 0, found {members}, {seed}"
            )
        found = get_family(family)
        name = task.replace("-", "_")
        given = configuration.merged(tables or {})
        for table in given:
            if table not in configuration.TABLES:
                raise ConfigurationError(configuration.unknown_table(table))
        made = found.task(name, given.get("task", {}))
        kind = given.get("model", {}).get("kind", found.model_config().kind)
        of_task: dict[str, Any] = {"n_inputs": made.n_inputs, "n_outputs": made.n_outputs}
        if hasattr(found.model_config, "dt"):
            of_task["dt"] = made.dt
        full = configuration.merged(found.defaults(kind, name, given), {"model": of_task}, given)
        model: Any = configuration.build(found.model_config, full["model"], where="model")
        for channel in ("n_inputs", "n_outputs"):
            asked, right = getattr(model, channel), getattr(made, channel)
            if asked != right:
                raise ConfigurationError(f"model.{channel} = {asked}: task {name} has {right}; leave it out")
        training = configuration.build(TrainingConfig, full["training"], where="training")
        rule: Any = configuration.build(found.rule_config, full.get("rule", {}), where="rule")
        found.rule(training.rule, configuration.as_mapping(rule))
        return cls(
            found.name,
            name,
            configuration.as_mapping(model),
            configuration.as_mapping(made.config),
            training,
            seed,
            members,
            configuration.as_mapping(rule),
        )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings that :meth:`as_mapping` wrote."""
        training = configuration.build(TrainingConfig, values["training"], where="training")
        return cls(**{**values, "training": training})

    def as_mapping(self) -> dict[str, Any]:
        """Return the settings as JSON-ready plain values."""
        return configuration.as_mapping(self)

    @property
    def identity(self) -> str:
        """Name of these settings: a SHA-256 that changes with any of them."""
        return configuration.identity(self.as_mapping())

    def get_family(self) -> Family:
        """Return the family."""
        return get_family(self.family)

    def get_task(self) -> Task:
        """Return the task that the networks are trained on."""
        return self.get_family().task(self.task_name, self.task)
