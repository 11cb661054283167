"""Scores of the oculomotor tasks: what is correct, response, reaction time and fixation breaks."""

import math

import numpy as np
import pytest
import torch

from dynascope.trainers.oculomotor import scoring
from dynascope.trainers.oculomotor.ring import Ring, circular_distance
from dynascope.trainers.oculomotor.rule_sets import RULES
from dynascope.trainers.oculomotor.task_config import OculomotorTaskConfig
from dynascope.trainers.task import Batch

GO = {"odr": 150, "gap": 55, "match_passive": 175}


def make(rule="odr", n_trials=8, members=1, **options):
    """A rule, its test trials and a batch of them."""
    task = RULES[rule](rule, OculomotorTaskConfig(**options))
    trials = task.export_set(n_trials, np.random.default_rng(0))
    return task, trials, Batch.of(members * [trials], dtype=torch.float64)


def perfect(trials, members=1):
    """Outputs that equal the targets, (member, trial, time, output)."""
    return torch.as_tensor(np.stack(members * [trials.targets])).double()


def looking_at(angles):
    """Ring outputs (…, 8) whose population vector points at these angles."""
    return 0.5 + 0.4 * torch.cos(torch.as_tensor(angles)[..., None] - torch.as_tensor(Ring(8).angles))


@pytest.mark.parametrize("rule", ["odr", "odrd", "overlap", "zero_gap", "gap", "match", "match_easy", "match_passive"])
def test_perfect_outputs_are_correct(rule):
    task, trials, batch = make(rule, 16, members=2)
    outputs = perfect(trials, 2)
    assert task.performance(outputs, batch).shape == (2, 16)
    assert (task.performance(outputs, batch) == 1).all()
    outputs[1, 3] = 0.05 if rule == "match_passive" else 0.8
    assert task.performance(outputs, batch).sum(1).tolist() == [16, 15]


def test_only_the_last_step_counts():
    task, trials, batch = make()
    outputs = torch.rand(1, 8, 175, 9, dtype=torch.float64)
    outputs[:, :, -1] = perfect(trials)[:, :, -1]
    assert task.performance(outputs, batch).all()
    assert scoring.is_correct(outputs, batch.scoring, Ring(8)).all()
    outputs = perfect(trials)
    outputs[:, :, -1, 1:] = outputs[:, :, -1, 1:].roll(4, -1)
    assert not task.performance(outputs, batch).any()


@pytest.mark.parametrize(
    ("degrees", "correct"), [(0, 1), (35.999, 1), (36.001, 0), (-35.999, 1), (-36.001, 0), (180, 0)]
)
@pytest.mark.parametrize("rule", ["odr", "gap"])
def test_responses_are_correct_below_36_degrees(rule, degrees, correct):
    task, trials, batch = make(rule)
    outputs = perfect(trials)
    target, _ = trials.columns["target_location"]
    outputs[0, :, -1, 1:] = looking_at(target + math.radians(degrees))
    assert task.performance(outputs, batch).tolist() == [8 * [correct]]
    error, unit = task.score(outputs, batch)["error"]
    assert unit == "rad"
    np.testing.assert_allclose(error, abs(math.radians(degrees)), atol=1e-6)


def test_exactly_36_degrees_is_wrong():
    ring, rates = Ring(8), torch.zeros(1, 1, 1, 9, dtype=torch.float64)
    rates[..., 1:] = looking_at(2.0)
    response = ring.population_vector(rates[0, 0, 0, 1:])
    # Of the targets within rounding of 36° away, some are exactly that far.
    candidates = response - scoring.TOLERANCE + 1e-16 * torch.arange(-30, 30, dtype=torch.float64)
    errors = circular_distance(response, candidates)
    exact = candidates[errors == scoring.TOLERANCE]
    nearer = candidates[errors < scoring.TOLERANCE]
    assert len(exact)
    assert len(nearer)
    for target, expected in ((exact[0], False), (nearer[0], True)):
        arrays = {"target_location": target.reshape(1, 1), "locations": torch.ones(1, 1, 1)}
        assert scoring.is_correct(rates, arrays, ring).item() == expected


def test_the_network_must_let_go_of_fixation():
    task, trials, batch = make()
    outputs = perfect(trials)
    levels = torch.tensor([0.0, 0.3, 0.4999, 0.5, 0.5001, 0.6, 0.8, 1.0]).double()
    outputs[0, :, -1, 0] = levels
    assert task.performance(outputs, batch).tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]]
    assert task.score(outputs, batch)["fixating"].tolist() == [[False, False, False, False, True, True, True, True]]


def test_passive_trials_ask_for_fixation_at_the_end():
    task, _, batch = make("match_passive", 16)
    outputs = torch.full((1, 16, 175, 9), 0.05).double()
    outputs[..., 0] = 0.8
    assert task.performance(outputs, batch).all()
    scores = task.score(outputs, batch)
    assert scores["error"][0].isnan().all()
    assert scores["reaction_time"][0].isnan().all()
    assert not scores["fixation_break"].any()
    outputs[0, :, -1, 0] = 0.5
    outputs[0, :, -1, 1:] = looking_at(torch.zeros(16))
    assert not task.performance(outputs, batch).any()


def test_chance_is_one_in_five():
    task = RULES["odr"]("odr", OculomotorTaskConfig())
    batch = Batch.of([task.draw(4000, np.random.default_rng(0))], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    outputs = torch.rand(1, 4000, 1, 9, generator=generator, dtype=torch.float64).expand(-1, -1, 175, -1).clone()
    outputs[..., 0] = 0.2
    assert task.performance(outputs, batch).mean().item() == pytest.approx(0.2, abs=4 * (0.16 / 4000) ** 0.5)


@pytest.mark.parametrize("rule", ["odr", "gap"])
def test_reaction_time_is_the_first_release_after_go(rule):
    task, trials, batch = make(rule)
    go, outputs = GO[rule], perfect(trials)
    outputs[..., 0] = 0.8
    for trial, step in enumerate((0, 1, 5, 20)):
        outputs[0, trial, go + step, 0] = 0.49
        outputs[0, trial, go + step + 2, 0] = 0.1
    outputs[0, 4, go - 1, 0] = 0.1  # too early: a break, and no reaction
    outputs[0, 5, go:, 0] = 0.5  # not below
    times, unit = task.score(outputs, batch)["reaction_time"]
    assert unit == "s"
    np.testing.assert_allclose(times[0], [0, 0.02, 0.1, 0.4, *4 * [np.nan]], atol=1e-12)


@pytest.mark.parametrize("rule", ["odr", "gap", "match_passive"])
def test_fixation_breaks_between_100_ms_and_go(rule):
    task, trials, batch = make(rule)
    go, outputs = GO[rule], perfect(trials)
    outputs[..., 0] = 0.8
    outputs[..., go:, 0] = 0.1
    for trial, step in enumerate((0, 4, 5, 30, go - 1)):
        outputs[0, trial, step, 0] = 0.49
    outputs[0, 5, 20, 0] = 0.5
    expected = [False, False, True, True, True, False, False, False]
    assert task.score(outputs, batch)["fixation_break"][0].tolist() == expected


def test_anti_saccades_report_the_distance_to_the_cue():
    task, trials, batch = make("overlap")
    outputs = perfect(trials)
    scores = task.score(outputs, batch)
    np.testing.assert_allclose(scores["cue_error"][0], math.pi, atol=1e-6)
    np.testing.assert_allclose(scores["error"][0], 0, atol=1e-6)
    response, unit = scores["response_location"]
    assert unit == "rad"
    np.testing.assert_allclose(
        circular_distance(response[0].numpy(), trials.columns["target_location"][0]), 0, atol=1e-6
    )
    outputs[..., 1:] = outputs[..., 1:].roll(3, -1)
    scores = task.score(outputs, batch)
    np.testing.assert_allclose(scores["cue_error"][0][0], math.pi / 4, atol=1e-6)
    np.testing.assert_allclose(scores["error"][0][0], 3 * math.pi / 4, atol=1e-6)


def test_cross_entropy_outputs_are_logits():
    task, trials, batch = make(loss="cross_entropy")
    logits = 10 * perfect(trials) - 100
    assert task.performance(logits, batch).all()
    scores = task.score(logits, batch)
    np.testing.assert_allclose(scores["reaction_time"][0], 0)
    assert not scores["fixation_break"].any()
    assert not scores["fixating"].any()
    # A logit of 0.6 among zeros is a probability of 0.19: it does not fixate, nor do 9 equal outputs.
    logits = torch.zeros(1, 8, 175, 9, dtype=torch.float64)
    logits[..., 0] = 0.6
    assert task.score(logits, batch)["fixation_break"].all()
    logits[..., 0] = math.log(8) + 0.01
    assert task.score(logits, batch)["fixating"].all()
    # The direction is that of the probabilities, not of the logits.
    logits[..., 0] = -9
    logits[..., 1:] = torch.tensor([0.0, 1, 0, 0, 0, 0, 0, -3])
    weights = logits[0, 0, 0].exp()[1:]
    response, _ = task.score(logits, batch)["response_location"]
    assert response[0, 0] == pytest.approx(Ring(8).population_vector(weights).item())


def test_scoring_follows_a_choice_of_trials_and_members():
    task, trials, batch = make(members=2)
    outputs = perfect(trials, 2)
    rows = torch.tensor([[3, 0], [5, 5]])
    chosen = torch.stack([outputs[member, rows[member]] for member in range(2)])
    assert task.performance(chosen, batch.take(rows)).tolist() == [[1, 1], [1, 1]]
    assert task.performance(chosen[1:], batch.take(rows).select_members([1])).tolist() == [[1, 1]]
    assert task.performance(chosen.flip(1), batch.take(rows)).tolist() == [[0, 0], [1, 1]]


def test_outputs_that_are_not_numbers_are_wrong():
    task, trials, batch = make()
    assert not task.performance(torch.full_like(perfect(trials), math.nan), batch).any()
