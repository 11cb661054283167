"""The training loop against the plain one, its stop rules, and exact continuation from snapshots."""

import numpy as np
import pytest
import torch
from plain import train_plainly

from dynascope.errors import ConfigurationError
from dynascope.trainers.export import export_network
from dynascope.trainers.loop import TrainingLoop, train
from dynascope.trainers.settings import Settings


def settings(kind="lowrank_rnn", members=1, seed=3, task="flip_flop", model=None, **training):
    options = {
        "epochs": 40,
        "n_trials": 16,
        "batch_size": 16,
        "dtype": "float64",
        "learning_rate": 0.02,
        **training,
    }
    tables = {
        "model": {"kind": kind, "n_units": 8, **(model or {})},
        "task": {"n_steps": 20},
        "training": options,
    }
    return Settings.resolve("three_body", task, tables, seed=seed, members=members)


def run_to_end(loop):
    while loop.active:
        loop.run_epoch()
    return loop.trained()


@pytest.mark.parametrize(
    ("kind", "training", "tolerance"),
    [
        ("lowrank_rnn", {}, 1e-10),
        ("lowrank_tbrnn", {"learning_rate_end": 1e-3}, 1e-10),
        ("lowrank_rnn", {"batch_size": 6}, 1e-10),
        ("tbrnn", {"epochs": 20}, 1e-10),
        ("lowrank_gru", {"epochs": 20}, 1e-10),
        ("lowrank_rnn", {"dtype": "float32"}, 1e-5),
    ],
)
def test_equals_the_plain_loop(kind, training, tolerance):
    wanted = settings(kind, **training)
    losses, kept, reason = train_plainly(wanted)
    found = train(wanted)
    assert found.reasons == (reason,)
    assert found.log["loss"][1:, 0] == pytest.approx(losses, rel=tolerance)
    for name, array in kept.items():
        assert found.parameters[name][0] == pytest.approx(array, abs=max(tolerance, 1e-9) * 10)


@pytest.mark.parametrize(
    ("training", "reason"),
    [
        ({"epochs": 400, "stop_loss": 0.2}, "loss"),
        ({"epochs": 200, "learning_rate": 1e-7, "learning_rate_end": 1e-7}, "plateau"),
        ({"epochs": 5}, "epochs"),
        ({"stop_performance": 0.5}, "performance"),
        ({"learning_rate": 1e30, "dtype": "float32"}, "diverged"),
    ],
)
def test_stop_rules(training, reason):
    found = train(settings(**training))
    assert found.reasons == (reason,)
    assert all(np.isfinite(array).all() for array in found.parameters.values())
    if reason in ("loss", "plateau"):
        losses, _, plain_reason = train_plainly(settings(**training))
        assert (plain_reason, len(losses)) == (reason, len(found.log["loss"]) - 1)


def test_every_member_stops_on_its_own_and_is_what_it_would_be_alone():
    together = train(settings(members=4, epochs=300, stop_loss=0.25))
    ends = np.isfinite(together.log["loss"]).sum(0)
    assert len(set(ends.tolist())) > 1
    for member in range(4):
        losses, kept, reason = train_plainly(settings(members=4, epochs=300, stop_loss=0.25), member)
        assert together.reasons[member] == reason
        assert ends[member] == len(losses) + 1
        assert together.parameters["two_body_left"][member] == pytest.approx(kept["two_body_left"], abs=1e-9)


@pytest.mark.parametrize("kind", ["lowrank_rnn", "lowrank_tbrnn", "lowrank_hornn"])
def test_a_compiled_network_does_not_depend_on_those_trained_beside_it(kind):
    alone = train(settings(kind, dtype="float32", epochs=60, stop_loss=0.3, clip_norm=0.5, model={"noise_std": 0.02}))
    wanted = settings(
        kind, members=5, dtype="float32", epochs=60, stop_loss=0.3, clip_norm=0.5, model={"noise_std": 0.02}
    )
    together = train(wanted)
    for name, array in alone.parameters.items():
        assert np.array_equal(together.parameters[name][0], array[0])


VARIANTS = [
    {},
    {"batch_size": 5},
    {"n_trials": 0, "batch_size": 4, "updates_per_epoch": 2, "evaluation_trials": 8},
    {"validation_trials": 6, "optimizer": "rmsprop"},
    {"optimizer": "sgd", "clip_norm": 0.1},
]


@pytest.mark.parametrize("training", VARIANTS)
@pytest.mark.parametrize("cut", [0, 1, 13])
def test_snapshots_continue_exactly(training, cut):
    wanted = settings(members=2, model={"noise_std": 0.05}, epochs=20, stop_loss=0.3, **training)
    whole = run_to_end(TrainingLoop(wanted))
    first = TrainingLoop(wanted)
    for _ in range(cut):
        if first.active:
            first.run_epoch()
    second = TrainingLoop(wanted)
    second.restore(first.snapshot())
    resumed = run_to_end(second)
    assert resumed.reasons == whole.reasons
    for name in whole.parameters:
        assert np.array_equal(resumed.parameters[name], whole.parameters[name])
    for name in whole.log:
        assert np.array_equal(resumed.log[name], whole.log[name], equal_nan=True)


def test_frozen_and_masked_parameters_do_not_change():
    mask = (np.random.default_rng(0).random((8, 8)) < 0.5).astype(float)
    loop = TrainingLoop(settings("rnn", epochs=5, frozen=["output_weight"]), masks={"recurrent": mask})
    before = loop.model.arrays()
    after = run_to_end(loop).parameters
    assert np.array_equal(after["output_weight"], before["output_weight"])
    assert not after["recurrent"][0][mask == 0].any()
    assert (after["recurrent"][0][mask == 1] != before["recurrent"][0][mask == 1]).all()


def test_nothing_to_train_is_refused():
    names = ["two_body_left", "two_body_right", "input_weight", "output_weight"]
    with pytest.raises(ConfigurationError, match="every parameter is frozen"):
        TrainingLoop(settings(frozen=names))


def test_validation_loss_decides_which_weights_are_kept():
    found = train(settings(epochs=60, n_trials=4, validation_trials=4, learning_rate=0.1))
    best = int(np.nanargmin(found.log["validation_loss"][1:, 0])) + 1
    assert found.best_epochs[0] == best
    assert best != int(np.nanargmin(found.log["loss"][1:, 0])) + 1


def test_clipping_bounds_the_norm_of_each_networks_gradient():
    loop = TrainingLoop(settings(members=2, clip_norm=1e-3))
    gradients = {name: 10.0 * p.detach() + 1 for name, p in loop.model.named_parameters()}
    clipped = loop.optimizer._clipped(gradients)
    norms = sum(value.flatten(1).square().sum(1) for value in clipped.values()).sqrt()
    assert norms.tolist() == pytest.approx([1e-3, 1e-3], rel=1e-6)
    small = {name: 1e-6 * value for name, value in gradients.items()}
    assert all(torch.equal(value, small[name]) for name, value in loop.optimizer._clipped(small).items())


def test_zero_epochs_keeps_the_initial_weights():
    wanted = settings(epochs=0)
    found = train(wanted)
    initial = TrainingLoop(wanted).model.arrays()
    assert found.reasons == ("epochs",)
    assert all(np.array_equal(found.parameters[name], initial[name]) for name in initial)


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({}, [0, 16, 32]),
        ({"batch_size": 6}, [0, 16, 32]),
        ({"n_trials": 0, "batch_size": 4, "updates_per_epoch": 3, "evaluation_trials": 5}, [0, 12, 24]),
    ],
)
def test_trials_seen_counts_what_the_networks_were_trained_on(training, expected):
    assert train(settings(epochs=2, **training)).log["trials_seen"].tolist() == expected


STARTED = {"model": {"kind": "rnn", "n_units": 5}, "task": {"n_steps": 6}}


def started(path, **training):
    options = {"epochs": 4, "n_trials": 4, "batch_size": 4, "stop_loss": None, "plateau_checks": 0, **training}
    return Settings.resolve(
        "three_body", "flip_flop", {**STARTED, "training": {"start_from": str(path), **options}}, seed=9
    )


@pytest.fixture
def first_network(tmp_path):
    tables = {**STARTED, "training": {"epochs": 2, "n_trials": 4, "batch_size": 4}}
    found = train(Settings.resolve("three_body", "flip_flop", tables, seed=1))
    return found, export_network(found, tmp_path / "first.h5", n_trials=2)


def test_training_starts_from_the_parameters_of_another_network(first_network):
    found, path = first_network
    loop = TrainingLoop(started(path, start_parameters=["input_weight", "output_weight"]))
    for name in ("input_weight", "output_weight"):
        assert np.array_equal(loop.model.arrays()[name][0], found.parameters[name][0])
    assert not np.array_equal(loop.model.arrays()["recurrent"][0], found.parameters["recurrent"][0])
    whole = TrainingLoop(started(path)).model.arrays()
    assert all(np.array_equal(whole[name][0], found.parameters[name][0]) for name in whole)


def test_frozen_parameters_thaw_when_they_should_and_after_a_resumption(first_network):
    settings = started(first_network[1], frozen=["input_weight"], frozen_epochs=2)
    loop, other = TrainingLoop(settings), TrainingLoop(settings)
    start = loop.model.arrays()["input_weight"].copy()
    for epoch in range(4):
        loop.run_epoch()
        assert np.array_equal(loop.model.arrays()["input_weight"], start) == (epoch < 2)
        if epoch == 2:
            other.restore(loop.snapshot())
    other.run_epoch()
    for name, array in loop.model.arrays().items():
        assert np.array_equal(other.model.arrays()[name], array)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start_parameters": ["output_wieght"]}, "did you mean 'output_weight'"),
        ({"start_digest": "0" * 64}, "another network"),
    ],
)
def test_impossible_starts_are_refused(first_network, options, words):
    with pytest.raises(ConfigurationError, match=words):
        TrainingLoop(started(first_network[1], **options))
