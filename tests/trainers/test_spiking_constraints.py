"""Constraints on the weights of spiking networks give way to what a user has frozen or masked; divergence is seen."""

import numpy as np
import pytest

from dynascope.trainers import Settings, train

TABLES = {
    "model": {"n_units": 12, "output_probability": 0.4, "recurrent_probability": 0.4, "input_probability": 0.4},
    "task": {"n_cues": 3, "cue_duration": 0.02, "cue_gap": 0.01, "delay": 0.02, "recall_duration": 0.02},
    "training": {"epochs": 2, "updates_per_epoch": 3, "batch_size": 8, "evaluation_trials": 8},
}


def settings(wiring, **training):
    tables = {**TABLES, "training": {**TABLES["training"], **training}}
    tables["model"] = {**TABLES["model"], "wiring": wiring}
    return Settings.resolve("spiking", "evidence", tables)


@pytest.mark.parametrize("wiring", ["fixed", "deep_r"])
def test_frozen_weights_stay_as_they_were(wiring):
    before = train(settings(wiring, epochs=0)).parameters
    after = train(settings(wiring, frozen=["input_weight"])).parameters
    for name in ("input_weight", "input_mask"):
        np.testing.assert_array_equal(after[name], before[name])
    assert not np.array_equal(after["recurrent_weight"], before["recurrent_weight"])


@pytest.mark.parametrize("wiring", ["fixed", "deep_r"])
def test_no_synapse_arises_where_a_mask_forbids_it(wiring):
    mask = np.tri(12)
    found = train(settings(wiring), masks={"recurrent_weight": mask}).parameters["recurrent_weight"][0]
    assert np.count_nonzero(found) > 10
    assert not found[mask == 0].any()


@pytest.mark.parametrize("compiled", [True, False])
def test_a_network_that_has_diverged_is_not_taken_for_a_silent_one(compiled):
    run = settings("none", learning_rate=1e30)
    tables = {name: dict(getattr(run, name)) for name in ("model", "task")} | {"rule": {"compiled": compiled}}
    tables["training"] = {**TABLES["training"], "learning_rate": 1e30, "rule": "eprop", "epochs": 4}
    assert train(Settings.resolve("spiking", "evidence", tables)).reasons == ("diverged",)
