"""Export: what the archive holds is what the network does, and it comes back as the same network."""

import numpy as np
import pytest
import torch

from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import ModelRecord, open_archive
from dynascope.trainers import Settings, export_network, export_run, load_model, train, train_in
from dynascope.trainers.three_body import FAMILY


@pytest.fixture(scope="module")
def trained():
    tables = {
        "model": {"kind": "lowrank_tbrnn", "n_units": 8, "rank": 2},
        "task": {"n_steps": 20, "n_bits": 2},
        "training": {"epochs": 10, "n_trials": 16, "batch_size": 16},
    }
    return train(Settings.resolve("three_body", "flip_flop", tables, seed=1, members=2))


def test_replaying_the_archive_gives_its_activity(trained, tmp_path):
    path = export_network(trained, tmp_path / "a.h5", member=1, n_trials=12, seed=4)
    with open_archive(path) as archive:
        recording = archive.recording()
        model = load_model(archive.model, dtype=torch.float32)
        with torch.no_grad():
            run = model(torch.as_tensor(np.asarray(recording.inputs)))
        assert np.array_equal(np.asarray(recording.states["x"]), run.states.numpy())
        assert np.array_equal(np.asarray(recording.activity), np.tanh(run.states.numpy())) or np.allclose(
            np.asarray(recording.activity), np.tanh(run.states.numpy()), atol=3e-7
        )
        assert np.array_equal(np.asarray(recording.outputs), run.outputs.numpy())
        assert recording.states["kappa"].shape == (12, 20, 2)
        assert set(recording.trials["split"]) == {"test"}
        assert archive.task.config["n_bits"] == 2
        assert len(archive.training["loss"]) == 11


def test_masks_travel_with_the_network(tmp_path):
    tables = {
        "model": {"kind": "rnn", "n_units": 5},
        "task": {"n_steps": 6},
        "training": {"epochs": 3, "n_trials": 4, "batch_size": 4},
    }
    mask = np.tri(5)
    found = train(Settings.resolve("three_body", "flip_flop", tables), masks={"recurrent": mask})
    with open_archive(export_network(found, tmp_path / "m.h5", n_trials=2)) as archive:
        model = load_model(archive.model)
        assert archive.task.config["seed"] == 0
    assert np.array_equal(model.masks["recurrent"].numpy(), mask)
    assert not model.arrays()["recurrent"][mask == 0].any()


def test_equal_seeds_give_equal_trials_and_digests(trained, tmp_path):
    paths = [export_network(trained, tmp_path / f"{i}.h5", member=i % 2, seed=3, n_trials=6) for i in range(3)]
    opened = [open_archive(path) for path in paths]
    inputs = [np.asarray(archive.recording().inputs) for archive in opened]
    assert np.array_equal(inputs[0], inputs[1])
    assert opened[0].digest == opened[2].digest
    assert opened[0].digest != opened[1].digest


def test_the_best_network_is_the_one_of_lowest_loss(tmp_path):
    tables = {"task": {"n_steps": 10}, "training": {"epochs": 20, "n_trials": 8, "batch_size": 8}}
    found = train_in(tmp_path / "run", Settings.resolve("three_body", "flip_flop", tables, members=5))
    [path] = export_run(tmp_path / "run", tmp_path / "best.h5", members="best", n_trials=2)
    with open_archive(path) as archive:
        assert archive.recording().attrs["loss"] == np.nanmin(found.log["loss"][1:])
        assert archive.recording().attrs["member"] == int(found.chosen("loss").argmin())


def test_a_diverged_network_is_still_exported_from_its_last_finite_weights(tmp_path):
    tables = {
        "training": {"epochs": 10, "learning_rate": 1e30, "n_trials": 8, "batch_size": 8},
        "task": {"n_steps": 10},
    }
    found = train(Settings.resolve("three_body", "flip_flop", tables))
    assert found.reasons == ("diverged",)
    with open_archive(export_network(found, tmp_path / "d.h5", n_trials=2)) as archive:
        assert archive.recording().attrs["stop_reason"] == "diverged"
        assert np.isfinite(np.asarray(archive.recording().activity)).all()


def record_of(**changes):
    config = {"kind": "rnn", "n_units": 3}
    model = FAMILY.model(config, generators=[np.random.default_rng(0)])
    made = {"family": "three_body", "config": config, "state_layout": (), "parameters": model.arrays()}
    return ModelRecord(**{**made, **changes})


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"family": "spikng"}, ConfigurationError, "unknown model family 'spikng'"),
        ({"config": {"kind": "rnn", "units": 3}}, ConfigurationError, r"unknown option in \[model\] 'units'"),
        ({"parameters": {}}, InputError, "is missing"),
    ],
)
def test_unknown_networks_are_refused(changes, error, words):
    with pytest.raises(error, match=words):
        load_model(record_of(**changes))
