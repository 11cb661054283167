"""Drugs on trained dendritic networks, in training, export and archives; memorised patterns in archives."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.readers import open_archive
from dynascope.trainers import Settings, export_network, export_run, load_model, train, train_in
from dynascope.trainers.loop import TrainingLoop
from dynascope.trainers.prc import PrcConfig
from dynascope.trainers.prc.variants import cell_of


def settings(kind="bap", n_trials=24, **model):
    tables = {
        "model": {"kind": kind, "n_units": 3, **model},
        "task": {"n_channels": 12, "duration": 0.06, "input_rate": 40.0},
        "training": {"epochs": 2, "n_trials": n_trials, "batch_size": n_trials},
    }
    return Settings.resolve("prc", "memorise", tables, seed=5)


@pytest.fixture(scope="module")
def trained():
    return train(settings())


@pytest.fixture
def exported(trained, tmp_path):
    def made(**options):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5"
        return open_archive(export_network(trained, path, n_trials=20, **options))

    return made


def spikes_of(model, recording):
    with torch.no_grad():
        run = model(torch.as_tensor(np.asarray(recording.inputs), dtype=model.dtype))
    return model.parts(run.states)["spikes"].numpy().astype(np.uint8)


def test_an_archive_under_block_holds_the_blocked_network_on_the_same_trials(trained, exported):
    with exported() as control, exported(block=["bap"]) as drug:
        before, after = control.recording(), drug.recording()
        assert np.array_equal(np.asarray(before.inputs), np.asarray(after.inputs))
        assert after.attrs["block"] == "bap"
        assert "block" not in before.attrs
        assert drug.model.config["block"] == ["bap"]
        loaded = load_model(drug.model, dtype=torch.float32)
        assert np.array_equal(spikes_of(loaded, after), np.asarray(after.states["spikes"]))
        assert not np.array_equal(np.asarray(before.states["spikes"]), np.asarray(after.states["spikes"]))
        # The answers are those of the blocked network.
        shown = float(np.mean(np.asarray(after.trials["performance"])))
        assert after.attrs["performance"] == pytest.approx(shown)
        right = np.asarray(after.outputs).max(1).argmax(1) == np.asarray(after.trials["label"])
        assert shown == pytest.approx(right.mean())


def test_without_its_loop_a_network_is_one_whose_loop_has_no_strength(trained):
    model = trained.model(0)
    blocked = model.blocked(["bap"])
    other = type(model)(PrcConfig(**{**settings().model, "bap_strength": 0.0}), dtype=model.dtype)
    other.load_arrays(model.arrays())
    inputs = (torch.rand(6, 80, 12, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    with torch.no_grad():
        assert torch.equal(blocked(inputs).states, other(inputs).states)
        assert not torch.equal(blocked(inputs).states, model(inputs).states)


def test_exporting_without_drugs_is_what_it_was(exported):
    with exported() as plain, exported(block=[]) as none, exported(block=["sodium"]) as drug:
        assert plain.digest == none.digest
        assert plain.digest != drug.digest
        assert "blocked: sodium" in drug.provenance["title"]
        assert drug.provenance["history"][0]["block"] == ["sodium"]


def test_drugs_add_up_and_training_under_a_drug_stays_under_it(tmp_path):
    found = train(settings("parallel_bap", block=["calcium"]))
    cell = found.model(0).cell
    assert cell["calcium"].nonlinearity.gain == 0
    assert cell["sodium"].nonlinearity.gain == 1
    with open_archive(export_network(found, tmp_path / "a.h5", n_trials=4, block=["sodium"])) as archive:
        model = load_model(archive.model)
    assert model.config.block == ("calcium", "sodium")
    assert {name: model.cell[name].nonlinearity.gain for name in ("sodium", "calcium", "nmda")} == {
        "sodium": 0.0, "calcium": 0.0, "nmda": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "channel", "expected"),
    [("bap", "calcium", "valid: bap, sodium"), ("one_compartment", "sodium", "unknown channel to block 'sodium'")],
)
def test_channels_that_a_neuron_does_not_have(tmp_path, kind, channel, expected):
    found = train(settings(kind))
    with pytest.raises(InputError, match=expected):
        export_network(found, tmp_path / "no.h5", block=[channel])
    assert not (tmp_path / "no.h5").exists()
    with pytest.raises(InputError, match=expected):
        cell_of(PrcConfig(kind=kind, block=(channel,)))


def test_families_without_channels_say_so(tmp_path):
    tables = {"model": {"kind": "rnn", "n_units": 3}, "task": {"n_steps": 4}, "training": {"epochs": 1, "n_trials": 4}}
    found = train(Settings.resolve("three_body", "flip_flop", tables))
    with pytest.raises(InputError, match="three_body have no channels, found sodium"):
        export_network(found, tmp_path / "no.h5", block=["sodium"])


def test_every_checkpoint_is_replayed_under_the_drug(tmp_path):
    run = settings()
    train_in(tmp_path / "run", run)
    [path] = export_run(tmp_path / "run", tmp_path / "a.h5", checkpoints="all", n_trials=6, block=["sodium"])
    with open_archive(path) as archive:
        assert {recording.attrs["block"] for recording in archive.recordings.values()} == {"sodium"}
        for recording in archive.recordings.values():
            weights = recording.parameters or archive.model.parameters
            model = load_model(archive.model, weights, dtype=torch.float32)
            assert model.config.block == ("sodium",)
            assert np.array_equal(spikes_of(model, recording), np.asarray(recording.states["spikes"]))


# What archives of tasks without test trials show.


def test_archives_of_memorisation_show_the_patterns_that_were_learnt(trained, tmp_path):
    with open_archive(export_network(trained, tmp_path / "a.h5", n_trials=100, seed=9)) as archive:
        recording = archive.recording()
        learnt = TrainingLoop(settings()).source.trials.inputs[0].numpy()
        assert np.array_equal(np.asarray(recording.inputs), learnt)
        assert set(np.asarray(recording.trials["split"]).tolist()) in ({"train"}, {b"train"})
        assert recording.attrs["performance"] == pytest.approx(float(np.asarray(archive.training["performance"])[-1]))
    with open_archive(export_network(trained, tmp_path / "b.h5", n_trials=7)) as archive:
        assert np.array_equal(np.asarray(archive.recording().inputs), learnt[:7])
