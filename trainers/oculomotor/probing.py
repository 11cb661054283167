"""Probes: what a network does on trials of one's own choosing, such as a distractor at every place of the ring."""

from typing import Any

import numpy as np
import torch

from ...results import Array
from .. import randomness
from ..model import Model
from ..task import Batch, Task, Trials
from .cued_rules import CuedRule


def trial_scores(model: Model, task: Task, trials: Trials, noise: torch.Generator) -> dict[str, Array]:
    """Return what one network does on each trial: ``performance`` and the columns of ``task.score``, (trial,) each.

    No states are kept, so that thousands of trials fit into memory.

    Parameters
    ----------
    model : one network, with or without a member axis of length 1
    noise : of the network's own noise
    """
    model = model.batched()
    batch = Batch.of([trials], dtype=model.dtype)
    with torch.no_grad():
        outputs = model.respond(batch.inputs, batch.initial_state, [noise]).outputs
        scores: dict[str, Any] = {**task.score(outputs, batch), "performance": task.performance(outputs, batch)}
    values = {name: score[0] if isinstance(score, tuple) else score for name, score in scores.items()}
    return {name: value[0].numpy() for name, value in values.items()}


def noisy_test(model: Model, rule: CuedRule, n_trials: int = 1024, *, seed: int = 0) -> dict[str, Array]:
    """Return :func:`trial_scores` on the test trials with input noise: the same for every network and checkpoint.

    The study looks at 8 repetitions of 128 trials.

    Raises
    ------
    InputError
        If ``n_trials`` is not a multiple of the number of units of the ring.
    """
    trials = rule.noisy_test_set(n_trials, randomness.generator(seed, "noisy test"))
    return trial_scores(model, rule, trials, randomness.torch_generator(seed, "noisy test noise"))


def distractor_grid(model: Model, rule: CuedRule, n_trials: int = 128, *, seed: int = 0) -> dict[str, Array]:
    """Return the scores of noisy trials with the cue and the distractor at every pair of units, also both at one.

    Each of :func:`trial_scores` is (cue, distractor, trial) here, with ``n_trials`` of each pair: the same for every
    network and checkpoint. Time: about 0.03 s for each of the 64 pairs, with 128 trials and units.

    Raises
    ------
    InputError
        If the rule shows no distractor.
    """
    model, units = model.batched(), range(rule.ring.n_units)
    rows = []
    for cue in units:
        for distractor in units:
            pair = f"cue {cue}, distractor {distractor}"
            trials = rule.probe(cue, distractor, n_trials, randomness.generator(seed, pair))
            rows.append(trial_scores(model, rule, trials, randomness.torch_generator(seed, f"noise, {pair}")))
    shape = (len(units), len(units), n_trials)
    return {name: np.stack([row[name] for row in rows]).reshape(shape) for name in rows[0]}
