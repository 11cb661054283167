"""The sections of a published ``config.ini``, one dataclass each, with the defaults of missing keys."""

import dataclasses
from typing import Any

from ...errors import ConfigurationError, unknown_name
from ...results import plain
from .. import config as configuration
from ..config import choice, positive
from .all_tasks import TASKS
from .lags import NBackConfig
from .memory_task import MemoryTask

OPTIMIZERS = ("Adam", "RMSprop", "SGD")
NONLINEARITIES = ("relu", "tanh")


@dataclasses.dataclass(frozen=True)
class Paths:
    """``[paths]``: folder of connectome files, of results, and of an earlier experiment to start from (or empty)."""

    path_to_results: str
    path_to_network: str = ""
    pretrained: str = ""


@dataclasses.dataclass(frozen=True)
class Net:
    """``[net]``.

    ``rnn_size`` is the number of areas, not of neurons; ``nr_neurons`` a number for every area, numbers by area with
    commas between, or ``rank:Z`` or ``ratio:Z`` to scale the neuron densities.
    """

    net_name: str
    rnn_size: int | None = positive(None)
    nr_neurons: str = "4"
    rand_partition: bool = True
    random_w: bool = False

    def __post_init__(self) -> None:
        neurons_per_area(self.nr_neurons)


@dataclasses.dataclass(frozen=True)
class TrainValidate:
    """``[trainvalidate]``: epochs, runs of each combination, and how weights begin."""

    epochs: int = positive(500)
    iterations: int = positive(5)
    init: str = choice("default", "xavier", "he", default="default")
    freeze_layer: bool = False
    remap_w: bool = True


@dataclasses.dataclass(frozen=True)
class PretrainedParams:
    """``[pretrainedparams]``: which checkpoint of the earlier experiment to start from."""

    pretrained_epoch: int = positive(0, zero=True)
    pretrained_iteration: int = positive(0, zero=True)


@dataclasses.dataclass(frozen=True)
class Extensions:
    """``[dynascope]``: what the published files cannot say; the published programs do not read this section.

    Attributes
    ----------
    seed : the one seed of the experiment, of the conversion that its networks share too
    device, dtype, batch_size, checkpoint_interval : of training; checkpoints are every so many epochs
    init_strict : take ``init`` at its word. Otherwise xavier and he are, as published, both replaced: by he for relu
        and by xavier for tanh
    topology : connectome, or a null model by name; empty is what ``random_w`` says
    match_radius, spectral_radius, dale : of the initial weights, as the options of the model
    transpose : read the connectome with targets as rows
    transpose_recurrent : let connections of the network run as in the connectome; as published they are reversed
    target_sparsity, target_sparsity_intrinsic, intrinsic_conn, intrinsic_wei, keep_diag : of the conversion
    lures : share of lures among non-matching trials
    items : file with the pictures of the picture tasks
    """

    seed: int = positive(0, zero=True)
    device: str = "cpu"
    dtype: str = choice("float32", "float64", default="float32")
    batch_size: int = positive(128)
    checkpoint_interval: int = positive(10)
    init_strict: bool = False
    topology: str = ""
    match_radius: bool = False
    spectral_radius: float | None = positive(None)
    dale: float | None = positive(None, zero=True)
    transpose: bool = False
    transpose_recurrent: bool = False
    target_sparsity: float = positive(0.8)
    target_sparsity_intrinsic: float = positive(1.0)
    intrinsic_conn: bool = True
    intrinsic_wei: float = positive(0.8)
    keep_diag: bool = False
    lures: float = positive(0.0, zero=True)
    items: str = ""


@dataclasses.dataclass(frozen=True)
class TrialParams:
    """``trial_params``: the task, its trials, and the share of them for training."""

    task_name: str = choice(*TASKS, default="seq_mem")
    nr_of_trials: int = positive(500)
    train_size: float = positive(0.8)
    trial_length: int = positive(5)
    rescale: bool = True

    def __post_init__(self) -> None:
        self.task.split_sizes(self.nr_of_trials, self.train_size)

    @property
    def task(self) -> type[MemoryTask]:
        """The class of the task."""
        return TASKS[self.task_name]

    @property
    def task_parameter(self) -> str:
        """The column of the grid that belongs to the task."""
        return "n_back" if issubclass(self.task.config_class, NBackConfig) else "pattern_length"


def checked_combos(values: Any, trials: TrialParams) -> dict[str, tuple[Any, ...]]:
    """Return ``combos_params``, a mapping of lists in the order of the file, after checking every value.

    Raises
    ------
    ConfigurationError
        For an unknown or missing key, an empty list, or a value that cannot be trained.
    """
    columns = ("lr", "nonlinearity", "optimizer", trials.task_parameter)
    if not isinstance(values, dict):
        raise ConfigurationError(f"combos_params = {values!r}: expected a mapping of lists, as in {{'lr': [0.001]}}")
    for name in values:
        if name not in columns:
            raise ConfigurationError(unknown_name(f"key in combos_params for {trials.task_name}", name, columns))
    found = {}
    for name in columns:
        if name not in values:
            raise ConfigurationError(f"combos_params: needs a list for {name} (task {trials.task_name})")
        if not isinstance(values[name], (list, tuple)) or not values[name]:
            raise ConfigurationError(f"combos_params {name} = {values[name]!r}: expected a list of at least one value")
        found[name] = tuple(_checked_value(name, value, trials) for value in values[name])
    return {name: found[name] for name in values}


def _checked_value(name: str, value: Any, trials: TrialParams) -> Any:
    def refused(expected: str) -> ConfigurationError:
        return ConfigurationError(f"combos_params {name}: found {plain(value)!r}, expected {expected}")

    words = {"nonlinearity": NONLINEARITIES, "optimizer": OPTIMIZERS}.get(name)
    if words is not None:
        if value not in words:
            raise ConfigurationError(unknown_name(f"{name} in combos_params", value, words))
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refused("a number")
    if name == "lr":
        if not 0 < value < float("inf"):
            raise refused("a learning rate above 0")
        return value
    if not isinstance(value, int) or value < 1:
        raise refused("a whole number of at least 1")
    if name == "n_back" and value >= trials.trial_length:
        raise refused(f"less than trial_length = {trials.trial_length}")
    return value


def neurons_per_area(text: str) -> int | tuple[int, ...] | str:
    """Return ``nr_neurons`` as one number, numbers by area, or a rule ``rank:Z`` or ``ratio:Z``.

    >>> neurons_per_area("4"), neurons_per_area("1, 2,3"), neurons_per_area("rank: 2")
    (4, (1, 2, 3), 'rank:2')
    """
    rule, colon, factor = (part.strip() for part in text.partition(":"))
    parts = [factor] if colon else [part.strip() for part in text.split(",")]
    if (colon and rule not in ("rank", "ratio")) or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ConfigurationError(
            f"nr_neurons = {text!r}: expected a number above 0 for every area, numbers with commas between, rank:Z or "
            "ratio:Z"
        )
    if colon:
        return f"{rule}:{int(factor)}"
    numbers = tuple(int(part) for part in parts)
    return numbers if len(numbers) > 1 else numbers[0]


def trial_params(values: Any) -> tuple[TrialParams, list[str]]:
    """Return ``trial_params`` and the keys that it ignores; ``rescale`` may be a word, as in older files.

    Raises
    ------
    ConfigurationError
        For a missing or impossible value.
    """
    if not isinstance(values, dict):
        raise ConfigurationError(f"trial_params = {values!r}: expected a mapping, as in {{'task_name': 'seq_mem'}}")
    known = {field.name for field in dataclasses.fields(TrialParams)}
    given = {str(name): value for name, value in values.items() if name in known}
    for name in ("task_name", "nr_of_trials", "train_size"):
        if name not in given:
            raise ConfigurationError(f"trial_params: needs a value for {name}")
    if isinstance(given.get("rescale"), str):
        given["rescale"] = truth(given["rescale"], "trial_params rescale")
    ignored = [str(name) for name in values if name not in known]
    return configuration.build(TrialParams, given, where="trial_params"), ignored


def truth(text: str, where: str) -> bool:
    """Return what a word such as ``yes`` or ``off`` says."""
    words = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}
    if text.strip().lower() not in words:
        raise ConfigurationError(f"{where} = {text!r}: expected one of {', '.join(words)}")
    return words[text.strip().lower()]
