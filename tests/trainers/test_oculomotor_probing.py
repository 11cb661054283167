"""Probes: scores of given trials, noisy tests, and every pair of cue and distractor."""

import numpy as np
import pytest
import torch
from making import drawn

from dynascope.errors import InputError
from dynascope.trainers import randomness, record
from dynascope.trainers.oculomotor import FAMILY
from dynascope.trainers.oculomotor.probing import distractor_grid, noisy_test, trial_scores


def network(rule="odrd", **model):
    """A rule of all_new and a network with arbitrary weights that answers differently from trial to trial."""
    rules = FAMILY.task("all_new", {}).rules
    options = {"n_units": 12, "n_inputs": rules[rule].n_inputs, "n_outputs": 9, "recurrent_gain": 1.0, **model}
    return drawn("oculomotor", options, seed=3), rules[rule]


def test_scores_are_those_of_a_recording_of_the_same_trials():
    model, rule = network("gap", recurrent_noise=0.0)
    trials = rule.noisy_test_set(32, np.random.default_rng(1))
    found = trial_scores(model, rule, trials, torch.Generator())
    recorded = record(model, rule, trials)
    assert set(found) == {
        "performance", "response_location", "error", "cue_error", "fixating", "reaction_time", "fixation_break",
    }  # fmt: skip
    for name, values in found.items():
        np.testing.assert_allclose(values, recorded.trials[name], atol=1e-10)
    assert len(np.unique(found["error"])) == 32  # noise differs from trial to trial


def test_a_member_axis_changes_nothing():
    model, rule = network()
    first, second = noisy_test(model, rule, 16), noisy_test(model.batched(), rule, 16)
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


def test_noisy_tests_show_the_test_locations_with_noise_of_their_seed():
    model, rule = network("overlap")
    found, again, other = (noisy_test(model, rule, 64, seed=seed)["error"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(found, again)
    assert (found != other).all()
    trials = rule.noisy_test_set(64, randomness.generator(0, "noisy test"))
    plain = trial_scores(model, rule, trials, randomness.torch_generator(0, "noisy test noise"))["error"]
    np.testing.assert_array_equal(found, plain)


def test_the_grid_has_cues_down_and_distractors_across():
    model, rule = network(recurrent_noise=0.0)
    found = distractor_grid(model, rule, 3, seed=5)
    assert {values.shape for values in found.values()} == {(8, 8, 3)}
    for cue, distractor in ((0, 0), (2, 5), (5, 2), (7, 1)):
        pair = randomness.generator(5, f"cue {cue}, distractor {distractor}")
        trials = rule.probe(cue, distractor, 3, pair)
        assert set(trials.columns["cue"]) == {cue}
        # Along inputs, so that cue and distractor are seen to be where they should.
        assert trials.inputs[:, 60, 1:9].mean(0).argmax() == cue
        assert trials.inputs[:, 110, 1:9].mean(0).argmax() == distractor
        np.testing.assert_allclose(found["error"][cue, distractor], record(model, rule, trials).trials["error"])


def test_pairs_have_noise_of_their_own():
    model, rule = network()
    found = distractor_grid(model, rule, 2)["error"]
    np.testing.assert_array_equal(found, distractor_grid(model, rule, 2)["error"])
    pair = "cue 3, distractor 6"
    noise = randomness.torch_generator(0, f"noise, {pair}")
    plain = trial_scores(model, rule, rule.probe(3, 6, 2, randomness.generator(0, pair)), noise)["error"]
    np.testing.assert_array_equal(found[3, 6], plain)


def test_a_rule_without_a_distractor_is_refused():
    with pytest.raises(InputError, match="rule odr: there is no distractor to place"):
        distractor_grid(*network("odr"))
