"""The context task: the published layout, splits and masks, the stand-in, and a user's own recordings."""

import csv

import numpy as np
import pytest
import torch

from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import open_archive
from dynascope.trainers import Settings, export_network, train
from dynascope.trainers.three_body.context import ContextConfig, ContextIntegration, all_conditions, read_recordings

COHERENCES = {0.5, 0.149987, 0.047008}


def task(**options):
    return ContextIntegration(ContextConfig(n_units=9, **options))


def test_conditions_are_all_72_combinations():
    found = all_conditions("A")
    rows = set(zip(found["context"], found["stim_dir"], found["stim_col"], strict=True))
    assert len(rows) == 72
    assert {abs(value) for value in found["stim_dir"]} == COHERENCES == {abs(value) for value in found["stim_col"]}


def test_inputs_targets_and_mask_follow_the_published_layout():
    trials = task().draw(1, np.random.default_rng(0))
    assert trials.inputs.shape == (72, 220, 4)
    motion, colour = (trials.columns[name][5] for name in ("stim_dir", "stim_col"))
    stimulated = np.zeros(220, bool)
    stimulated[70:200] = True
    assert np.array_equal(trials.inputs[5, :, 0], motion * stimulated)
    assert np.array_equal(trials.inputs[5, :, 1], colour * stimulated)
    assert trials.inputs[:, :216, 2:].sum(-1).min() == 1
    assert not trials.inputs[:, 216:, 2:].any()
    assert np.array_equal(trials.inputs[:, 0, 2] == 1, trials.columns["context"] == 1)
    assert np.array_equal(trials.mask[0] == 0, np.arange(220) < 70)
    assert not trials.targets[:, :70].any()


def test_the_split_is_the_published_one():
    own = task()
    split = own.draw(72, np.random.default_rng(0)).columns["split"]
    assert np.flatnonzero(split == "test").tolist() == sorted([53, 51, 55, 26, 7, 66, 49, 59])
    assert np.flatnonzero(split == "validation").tolist() == sorted([14, 8, 13, 47, 56, 52, 69])
    assert len(own.training_set(57, np.random.default_rng(0))) == 57
    assert set(own.validation_set(7, np.random.default_rng(0)).columns["split"]) == {"validation"}


def test_the_stand_in_is_centred_low_rank_and_integrates_the_relevant_evidence():
    own = task()
    flat = own.recorded.reshape(-1, 9)
    np.testing.assert_allclose(flat.mean(0), 0, atol=1e-12)
    assert np.linalg.matrix_rank(flat) == 6
    assert not np.allclose(own.recorded, task(synthetic_seed=1).recorded)
    end = own.recorded[:, -1]
    motion_context = own.conditions["context"] > 0
    same_motion = own.conditions["stim_dir"] == 0.5
    # In the motion context the end depends on motion; colour has nearly decayed by then.
    spread = np.ptp(end[motion_context & same_motion], axis=0).max()
    across = np.ptp(end[motion_context & (own.conditions["stim_col"] == 0.5)], axis=0).max()
    assert spread < 0.5 * across


def test_performance_counts_the_recorded_steps_only():
    own = task()
    trials = own.draw(72, np.random.default_rng(0))
    from dynascope.trainers.task import Batch

    batch = Batch.of([trials], dtype=torch.float64)
    outputs = batch.targets.clone()
    outputs[:, :, :70] = 100
    np.testing.assert_allclose(own.performance(outputs, batch), 1)
    np.testing.assert_allclose(own.loss(type("T", (), {"outputs": outputs}), batch)["task"], 0)


def test_it_trains_and_its_archive_knows_the_split(tmp_path):
    tables = {"model": {"kind": "lowrank_hornn"}, "task": {"n_units": 9}, "training": {"epochs": 2}}
    settings = Settings.resolve("three_body", "context", tables)
    assert settings.training.batch_size == 32
    found = train(settings)
    assert "validation_loss" in found.log
    with open_archive(export_network(found, tmp_path / "c.h5")) as archive:
        recording = archive.recording()
        assert sorted(set(recording.trials["split"])) == ["test", "train", "validation"]
        assert set(recording.epochs) >= {"context", "stimulus", "delay", "decision"}


def recordings(folder, *, n_conditions=72, bins=150, columns=("correct", "context", "stim_dir", "stim_col")):
    """Write made-up files in the layout of the monkeys' own; error trials are interleaved with correct ones."""
    conditions = all_conditions("A")
    values = np.random.default_rng(0).normal(size=(n_conditions, bins, 5))
    np.save(folder / "X_cent_monkeyA.npy", values)
    with open(folder / "conditions_monkeyA.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in range(144):
            own = {"correct": row % 2 == 0, **{name: column[row // 2] for name, column in conditions.items()}}
            writer.writerow([own.get(name, 0) for name in columns])
    return values


def test_recordings_of_a_user_are_read(tmp_path):
    values = recordings(tmp_path)
    conditions, found = read_recordings(str(tmp_path), "A")
    assert np.array_equal(found, values)
    assert np.array_equal(conditions["stim_dir"], all_conditions("A")["stim_dir"])
    assert task(data=str(tmp_path)).n_outputs == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bins": 10}, r"expected finite numbers \(72, 150, neuron\), found shape \(72, 10, 5\)"),
        ({"columns": ("correct", "context", "stim_dir")}, "found no 'stim_col'"),
        ({"n_conditions": 3}, "found shape"),
    ],
)
def test_unusable_recordings_are_refused(tmp_path, change, words):
    recordings(tmp_path, **change)
    with pytest.raises(InputError, match=words):
        read_recordings(str(tmp_path), "A")


def test_missing_recordings_are_named(tmp_path):
    with pytest.raises(InputError, match=r"X_cent_monkeyF\.npy: not found"):
        read_recordings(str(tmp_path), "F")


def test_other_numbers_of_conditions_are_refused():
    with pytest.raises(ConfigurationError, match="the train split has 57 conditions"):
        task().training_set(60, np.random.default_rng(0))
