"""The training protocol of several rules: evaluations by rule, the confirmed stop, budgets, resumption, company."""

import dataclasses

import numpy as np
import pytest
import torch

from dynascope.errors import ConfigurationError
from dynascope.trainers import Batch, RunDirectory, Settings, TrainingLoop, randomness, train, train_in
from dynascope.trainers.loop import evaluate

RULES = ("overlap", "gap", "odr")


def settings(*, seed=0, members=1, rules=RULES, model=None, task=None, **training):
    tables = {
        "model": {"n_units": 8, **(model or {})},
        "task": {"rules": list(rules), **(task or {})},
        "training": {
            "updates_per_epoch": 3, "batch_size": 4, "evaluation_trials": 5, "confirm_trials": 0, "epochs": 4,
            **training,
        },
    }  # fmt: skip
    return Settings.resolve("oculomotor", "all_new", tables, seed=seed, members=members)


def test_the_log_has_every_rule_their_mean_and_the_worst():
    log = train(settings()).log
    assert log["trials_seen"].tolist() == [0, 12, 24, 36, 48]
    for name in ("loss", "performance"):
        by_rule = np.stack([log[f"{name}_{rule}"] for rule in RULES])
        np.testing.assert_allclose(log[name], by_rule.mean(0))
    by_rule = np.stack([log[f"performance_{rule}"] for rule in RULES])
    np.testing.assert_array_equal(log["performance_min"], by_rule.min(0))
    assert not {f"loss_{rule}" for rule in ("odrd", "zero_gap", "gap500")} & set(log)


def test_batches_follow_the_rules_with_their_probabilities():
    loop = TrainingLoop(settings(rules=("overlap", "odr"), task={"probabilities": [3.0, 1.0]}))
    names = [loop.source.batch()[0].name for _ in range(400)]
    assert 0.7 < names.count("overlap") / 400 < 0.8


def test_one_rule_is_logged_without_its_name():
    log = train(settings(rules=("odr",))).log
    assert {"loss", "performance"} <= set(log)
    assert not any(name.startswith("performance_") for name in log)


def test_a_network_does_not_depend_on_those_beside_it():
    together = train(settings(members=3))
    for member in range(3):
        own = settings(members=3)
        alone = TrainingLoop(own)
        alone._select([member])
        alone.active = [member]
        while alone.active:
            alone.run_epoch()
        for name, array in alone.kept.items():
            np.testing.assert_allclose(array[member], together.parameters[name][member], rtol=2e-5, atol=1e-7)
    weights = together.parameters["recurrent_weight"]
    assert not np.allclose(weights[0], weights[1])


def test_an_interrupted_run_comes_to_the_same_bits(tmp_path):
    wanted = settings(members=2, epochs=6, confirm_trials=8, stop_performance=0.0)
    whole = train_in(tmp_path / "whole", dataclasses.replace(wanted))
    run = RunDirectory.create(tmp_path / "cut", wanted)
    loop = TrainingLoop(wanted)
    loop.run_epoch()
    run.save(loop)
    resumed = train_in(tmp_path / "cut", wanted)
    for name, array in whole.parameters.items():
        np.testing.assert_array_equal(array, resumed.parameters[name])
    for name, column in whole.log.items():
        np.testing.assert_array_equal(column, resumed.log[name])


def test_a_stop_is_confirmed_on_further_trials_of_every_rule(monkeypatch):
    wanted = settings(stop_performance=0.5, confirm_trials=64, epochs=3)
    sizes, seen = [], []

    def good_when_few(self, outputs, batch):
        sizes.append(outputs.shape[1])
        return torch.full(outputs.shape[:2], 1.0 if outputs.shape[1] == 5 else 0.25)

    monkeypatch.setattr(type(TrainingLoop(wanted).task.rules["odr"]), "performance", good_when_few)
    monkeypatch.setattr(type(TrainingLoop(wanted).task.rules["gap"]), "performance", good_when_few)
    trained = train(wanted, progress=lambda now: seen.append(now.performance))
    assert trained.reasons == ("epochs",)
    assert sizes == [5, 5, 5, 64, 64, 64] * 4
    np.testing.assert_array_equal(trained.log["performance_min"], 0.25)


def test_only_the_network_that_may_stop_is_measured_again(monkeypatch):
    wanted = settings(members=2, stop_performance=0.5, confirm_trials=16, epochs=1)
    shapes = []

    def by_member(self, outputs, batch):
        shapes.append(tuple(outputs.shape[:2]))
        values = torch.tensor([0.0, 1.0]) if len(outputs) == 2 else torch.ones(1)
        return values[:, None].expand(outputs.shape[:2])

    for rule in ("odr", "gap"):
        monkeypatch.setattr(type(TrainingLoop(wanted).task.rules[rule]), "performance", by_member)
    loop = TrainingLoop(wanted)
    loop.run_epoch()
    assert loop.active == [0]
    assert shapes == [(2, 5)] * 3 + [(1, 16)] * 3


def test_a_budget_of_trials_ends_a_run():
    trained = train(settings(stop_trials=24, epochs=100))
    assert trained.reasons == ("trials",)
    assert trained.log["trials_seen"][-1] == 24
    assert settings(stop_trials=25, epochs=100).training.most_epochs == 3


def test_a_diverged_network_stops():
    trained = train(settings(model={"activation": "power", "recurrent_gain": 50.0}))
    assert trained.reasons == ("diverged",)


def test_gradients_are_clipped_entry_by_entry():
    wanted = settings(optimizer="sgd", learning_rate=1.0, clip_value=1e-4, epochs=1)
    loop = TrainingLoop(wanted)
    before = loop.model.arrays()
    loop.run_epoch()
    changes = np.concatenate([(array - before[name]).ravel() for name, array in loop.model.arrays().items()])
    largest = 3 * 1e-4  # of three updates
    assert np.abs(changes).max() <= largest * 1.001
    assert (np.abs(changes) > 0.99 * largest).mean() > 0.1


def test_fixed_training_sets_are_refused_for_several_rules():
    with pytest.raises(ConfigurationError, match=r"training.n_trials = 12: .* 3 rules .* expected 0"):
        TrainingLoop(settings(n_trials=12))


def test_an_evaluation_of_several_rules_is_that_of_each():
    loop = TrainingLoop(settings(model={"recurrent_noise": 0.0}))
    batches = {
        name: Batch.of([rule.draw(6, randomness.generator(1, name))], dtype=torch.float32)
        for name, rule in loop.task.rules.items()
    }
    together = evaluate(loop.model, [(loop.task.rules[name], batch) for name, batch in batches.items()], None)
    for name, batch in batches.items():
        alone = evaluate(loop.model, [(loop.task.rules[name], batch)], None)
        np.testing.assert_array_equal(together[f"loss_{name}"], alone["loss"])
        np.testing.assert_array_equal(together[f"performance_{name}"], alone["performance"])


def test_what_scoring_needs_follows_its_trials_and_networks():
    rule = TrainingLoop(settings()).task.rules["odr"]
    batch = Batch.of([rule.draw(6, randomness.generator(2, "a", member)) for member in range(3)], dtype=torch.float64)
    chosen = batch.select_members([2, 0]).take(torch.tensor([[1, 3], [5, 0]]))
    for name, array in batch.scoring.items():
        expected = torch.stack([array[2, [1, 3]], array[0, [5, 0]]])
        torch.testing.assert_close(chosen.scoring[name], expected, rtol=0, atol=0, equal_nan=True)
    assert "target_location" in chosen.scoring
