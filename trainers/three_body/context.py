"""Context-dependent integration: condition averages of prefrontal recordings that a low-rank network has to follow.

The recordings of two monkeys (Mante, Sussillo, Shenoy and Newsome, Nature 503 (2013) 78), as condition averages with
the mean of each neuron removed and projected on their first 12 principal components (Valente, Pillow and Ostojic
2022), are not ours to give away: a folder with them is named in ``data``. Without it a synthetic stand-in of the same
layout takes their place; results on it say nothing about a monkey.
"""

import csv
import dataclasses
from pathlib import Path

import numpy as np
from torch import Tensor

from ...errors import ConfigurationError, InputError
from ..config import choice, positive
from ..task import Batch, Task, Trials

# Signed coherences of motion and colour, weakest last.
COHERENCES = {"A": (0.5, 0.149987, 0.047008), "F": (0.537344, 0.194125, 0.07175)}
N_CONDITIONS = 72
DT = 0.005
CONTEXT_STEPS, STIMULUS_STEPS, DELAY_STEPS, DECISION_STEPS = 70, 130, 16, 4
RECORDED_STEPS = STIMULUS_STEPS + DELAY_STEPS + DECISION_STEPS
N_STEPS = CONTEXT_STEPS + RECORDED_STEPS
# The split of the published fits, the same in all runs; the other 57 conditions are for training.
VALIDATION_ROWS = (14, 8, 13, 47, 56, 52, 69)
TEST_ROWS = (53, 51, 55, 26, 7, 66, 49, 59)
COLUMNS = ("correct", "context", "stim_dir", "stim_col")


@dataclasses.dataclass(frozen=True)
class ContextConfig:
    """Options of the context task.

    Attributes
    ----------
    data : folder with ``X_cent_monkeyA.npy`` (condition, time, neuron) and ``conditions_monkeyA.csv`` (columns
        correct, context, stim_dir, stim_col among others; one row per condition); empty for the synthetic stand-in
    monkey : ``A`` or ``F``: which files, or whose coherences
    n_units : neurons of the stand-in
    synthetic_seed : seed of the stand-in's loadings
    """

    data: str = ""
    monkey: str = choice("A", "F", default="A")
    n_units: int = positive(100)
    synthetic_seed: int = positive(0, zero=True)


class ContextIntegration(Task):
    """Follow the condition averages of 72 conditions: 6 motion × 6 colour coherences × 2 contexts.

    Inputs (condition, 220 steps of 5 ms, 4): motion and colour coherence during the stimulus (steps 70–199), and
    one channel per context, 1 until the decision (steps 0–215). The activity is asked for from step 70 on.
    """

    name = "context"
    config_class = ContextConfig
    config: ContextConfig

    def __init__(self, config: ContextConfig) -> None:
        super().__init__(config)
        if config.data:
            self.conditions, self.recorded = read_recordings(config.data, config.monkey)
        else:
            self.conditions = all_conditions(config.monkey)
            self.recorded = synthetic_averages(self.conditions, config.n_units, config.synthetic_seed)

    @property
    def n_inputs(self) -> int:
        """Motion, colour, and one channel per context."""
        return 4

    @property
    def n_outputs(self) -> int:
        """One channel per neuron."""
        return int(self.recorded.shape[-1])

    @property
    def dt(self) -> float:
        """Step in seconds."""
        return DT

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return all 72 conditions, whatever the number asked for: there are no others.

        Column ``split`` says which of them are for training, validation and test.
        """
        return self.rows(np.arange(len(self.recorded)))

    def training_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the 57 training conditions.

        Raises
        ------
        ConfigurationError
            If another number is asked for.
        """
        return self._split("train", n_trials, "n_trials")

    def validation_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the 7 validation conditions."""
        return self._split("validation", n_trials, "validation_trials")

    def _split(self, name: str, n_trials: int, option: str) -> Trials:
        rows = np.flatnonzero(split_names() == name)
        if n_trials != len(rows):
            raise ConfigurationError(f"training.{option} = {n_trials}: the {name} split has {len(rows)} conditions")
        return self.rows(rows)

    def rows(self, index: np.ndarray) -> Trials:
        """Return the conditions ``index`` as trials."""
        values = {name: column[index] for name, column in self.conditions.items()}
        inputs = np.zeros((len(index), N_STEPS, self.n_inputs))
        stimulus = slice(CONTEXT_STEPS, CONTEXT_STEPS + STIMULUS_STEPS)
        inputs[:, stimulus, 0] = values["stim_dir"][:, None]
        inputs[:, stimulus, 1] = values["stim_col"][:, None]
        until_decision = slice(0, N_STEPS - DECISION_STEPS)
        inputs[:, until_decision, 2] = (values["context"] > 0)[:, None]
        inputs[:, until_decision, 3] = (values["context"] < 0)[:, None]
        before = np.zeros((len(index), CONTEXT_STEPS, self.n_outputs))
        targets = np.concatenate([before, self.recorded[index]], axis=1)
        mask = np.ones((len(index), N_STEPS))
        mask[:, :CONTEXT_STEPS] = 0
        bounds = np.cumsum([0, CONTEXT_STEPS, STIMULUS_STEPS, DELAY_STEPS, DECISION_STEPS]) * DT
        names = ("context", "stimulus", "delay", "decision")
        epochs = {name: (bounds[i], bounds[i + 1]) for i, name in enumerate(names)}
        return Trials(inputs, targets, mask, columns={**values, "split": split_names()[index]}, epochs=epochs)

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return R² of each condition over the recorded steps and all neurons pooled."""
        errors, targets = outputs - batch.targets, batch.targets
        errors, targets = errors[..., CONTEXT_STEPS:, :], targets[..., CONTEXT_STEPS:, :]
        spread = (targets - targets.mean((-2, -1), keepdim=True)).square().sum((-2, -1))
        return 1 - errors.square().sum((-2, -1)) / spread


def split_names() -> np.ndarray:
    """Return ``train``, ``validation`` or ``test`` for each of the 72 conditions."""
    names = np.full(N_CONDITIONS, "train", dtype="U10")
    names[list(VALIDATION_ROWS)] = "validation"
    names[list(TEST_ROWS)] = "test"
    return names


def all_conditions(monkey: str) -> dict[str, np.ndarray]:
    """Return the signed coherences and the context of the 72 conditions, motion varying fastest."""
    levels = np.array([*COHERENCES[monkey], *(-level for level in reversed(COHERENCES[monkey]))])
    context, colour, motion = np.meshgrid([1.0, -1.0], levels, levels, indexing="ij")
    return {"context": context.ravel(), "stim_dir": motion.ravel(), "stim_col": colour.ravel()}


def synthetic_averages(conditions: dict[str, np.ndarray], n_units: int, seed: int) -> np.ndarray:
    """Return made-up averages (condition, time, unit) that integrate the evidence of the context: no recording.

    Six latent variables (the decision, which integrates the relevant evidence and saturates; motion and colour,
    which follow their stimuli within 100 ms; context; and two of time) load on the units through orthonormal
    random columns; the mean of each unit over conditions and time is removed.
    """
    motion, colour = conditions["stim_dir"], conditions["stim_col"]
    relevant = np.where(conditions["context"] > 0, motion, colour)
    time = np.arange(RECORDED_STEPS) * DT
    stimulus = time < STIMULUS_STEPS * DT
    since = np.minimum(time, STIMULUS_STEPS * DT)
    follow = np.where(
        stimulus, 1 - np.exp(-time / 0.1), np.exp(-(time - STIMULUS_STEPS * DT) / 0.1) * (1 - np.exp(-since / 0.1))
    )
    ones = np.ones(len(relevant))
    latents = np.stack(
        [
            np.tanh(8 * np.outer(relevant, since)),
            np.outer(motion, follow),
            np.outer(colour, follow),
            0.5 * np.outer(conditions["context"], np.exp(-time / 0.8)),
            np.outer(ones, follow),
            0.5 * np.outer(ones, np.sin(np.pi * time / time[-1])),
        ],
        axis=-1,
    )
    draws = np.random.default_rng(seed).standard_normal((n_units, latents.shape[-1]))
    loadings = np.linalg.qr(draws)[0] * np.sqrt(n_units)
    averages: np.ndarray = latents @ loadings.T
    averages -= averages.mean((0, 1))
    return averages


def read_recordings(folder: str, monkey: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the conditions and averages (condition, time, neuron) of a monkey from a user's folder.

    Raises
    ------
    InputError
        If a file is missing, or does not hold 72 correct conditions of 150 bins of finite numbers.
    """
    averages_path = Path(folder) / f"X_cent_monkey{monkey}.npy"
    table_path = Path(folder) / f"conditions_monkey{monkey}.csv"
    try:
        averages = np.load(averages_path, allow_pickle=False)
        with open(table_path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: not found; expected {averages_path.name} and {table_path.name}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: cannot read the recordings: {error}") from None
    expected = (N_CONDITIONS, RECORDED_STEPS)
    if averages.ndim != 3 or averages.shape[:2] != expected or not np.isfinite(averages).all():
        raise InputError(f"{averages_path}: expected finite numbers (72, 150, neuron), found shape {averages.shape}")
    return _correct_conditions(rows, table_path), np.asarray(averages, float)


def _correct_conditions(rows: list[dict[str, str]], path: Path) -> dict[str, np.ndarray]:
    for name in COLUMNS:
        if not rows or name not in rows[0]:
            raise InputError(f"{path}: expected the columns {', '.join(COLUMNS)}, found no '{name}'")
    words = {"true": 1.0, "false": 0.0}
    try:
        columns = {
            name: np.array(
                [words[row[name].lower()] if row[name].lower() in words else float(row[name]) for row in rows]
            )
            for name in COLUMNS
        }
    except ValueError as error:
        raise InputError(f"{path}: expected numbers: {error}") from None
    correct = columns.pop("correct") > 0
    if correct.sum() != N_CONDITIONS:
        raise InputError(f"{path}: expected 72 correct conditions, found {int(correct.sum())}")
    return {name: column[correct] for name, column in columns.items()}
