"""Recordings of a chosen window and of chosen states, also of what learning uses."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.readers import open_archive
from dynascope.trainers import Batch, Extract, Settings, export_network, randomness, record, train
from dynascope.trainers.spiking.adjoint import run_plainly
from dynascope.trainers.spiking.signals import unit_signals
from dynascope.trainers.spiking.traces import eligibility

TASK = {"n_cues": 3, "cue_duration": 0.02, "cue_gap": 0.01, "delay": 0.02, "recall_duration": 0.02, "cue_rate": 200.0}


@pytest.fixture(scope="module")
def trained():
    tables = {
        "model": {"n_units": 12, "output_probability": 0.4, "recurrent_probability": 0.4, "input_probability": 0.4},
        "task": TASK,
        "training": {"rule": "mdgl", "epochs": 2, "updates_per_epoch": 2, "batch_size": 8, "evaluation_trials": 8},
    }
    return train(Settings.resolve("spiking", "evidence", tables))


def recorded(trained, **extract):
    settings = trained.settings
    task = settings.get_family().task("evidence", settings.task)
    rule = settings.get_family().rule(settings.training.rule, settings.rule)
    trials = task.draw(5, randomness.generator(0, "export"))
    network = trained.model(0).double()
    return record(network, task, trials, extract=Extract(**extract), rule=rule), network, task, trials, rule


def test_a_window_is_that_part_of_the_whole_recording(trained):
    whole, *_ = recorded(trained)
    part, *_ = recorded(trained, window=(0.03, 0.075))
    steps = slice(30, 75)
    np.testing.assert_array_equal(part.time, whole.time[steps])
    for name, array in part.arrays().items():
        np.testing.assert_array_equal(array, whole.arrays()[name][:, steps])
    np.testing.assert_array_equal(part.trials["performance"], whole.trials["performance"])
    assert "cue_1" not in part.epochs
    np.testing.assert_allclose(part.epochs["cue_2"], (0.03, 0.05))
    np.testing.assert_allclose(part.epochs["cue_3"], (0.06, 0.075))  # cut where the window ends


def test_named_states_are_those_of_the_network_and_of_its_learning(trained):
    names = ["spikes", "voltage", "pseudo_derivative", "eligibility", "learning_signal", "secretion", "modulation"]
    found, network, task, trials, rule = recorded(trained, states=names, window=(0.02, 0.1))
    assert set(found.states) == set(names)
    assert found.states["spikes"].dtype == np.uint8
    with torch.no_grad():
        states = network(torch.as_tensor(trials.inputs)).states[:, 20:100]
    np.testing.assert_array_equal(found.states["voltage"], network.state_layout[0].of(states).numpy())
    batch = Batch.of([trials], dtype=torch.float64)
    run = run_plainly(network.batched(), batch.inputs, None, for_gradients=True)
    traces = torch.stack(list(eligibility(run)), dim=2)[0, :, 20:100]
    np.testing.assert_array_equal(found.states["eligibility"], traces.numpy())
    assert np.abs(found.states["eligibility"]).max() > 0
    signals = unit_signals(run.model, run.psi, rule.signal(run.model, task, batch, run)[1])
    np.testing.assert_array_equal(found.states["secretion"], signals.secretion[0, :, 20:100].numpy())
    np.testing.assert_array_equal(found.states["modulation"], signals.modulation[0, :, 20:100].numpy())
    assert np.abs(found.states["modulation"]).max() > 0


def test_states_of_learning_travel_in_the_archive(trained, tmp_path):
    extract = Extract(["eligibility"], (0.09, 0.1))
    path = export_network(trained, tmp_path / "traces.h5", n_trials=3, extract=extract)
    with open_archive(path) as archive:
        assert archive.recording().states["eligibility"].shape == (3, 10, 12, 52)
        assert set(archive.units) >= {"cell_type", "sign", "adaptive", "has_readout"}


@pytest.mark.parametrize(
    ("extract", "words"),
    [
        ({"states": ["elegibility"]}, "did you mean 'eligibility'"),
        ({"window": (0.2, 0.3)}, "expected part of the trial from 0 to 0.12 s"),
        ({"window": (0.05, 0.05)}, "expected part of the trial"),
    ],
)
def test_impossible_extracts_are_refused(trained, extract, words):
    with pytest.raises(InputError, match=words):
        recorded(trained, **extract)


def test_other_families_have_no_states_of_learning():
    tables = {"model": {"n_units": 4}, "task": {"n_steps": 5}, "training": {"epochs": 1, "n_trials": 4}}
    trained = train(Settings.resolve("three_body", "flip_flop", tables))
    task = trained.settings.get_family().task("flip_flop", {})
    trials = task.draw(2, np.random.default_rng(0))
    with pytest.raises(InputError, match="unknown state 'eligibility'"):
        record(trained.model(0), task, trials, extract=Extract(["eligibility"]))
