"""Working-memory tasks: trials by hand, what is scored, pools and their split, lures."""

import dataclasses

import numpy as np
import pytest
import torch
from making import rng

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.config import build
from dynascope.trainers.connectome import picture_tasks
from dynascope.trainers.connectome.all_tasks import TASKS
from dynascope.trainers.connectome.memory_task import take
from dynascope.trainers.connectome.picture_tasks import PictureMemory, PictureNBack
from dynascope.trainers.connectome.tasks import NBackMemory, SequenceMemory
from dynascope.trainers.model import Trajectory
from dynascope.trainers.task import Batch


def made(name, **options):
    cls = TASKS[name]
    return cls(build(cls.config_class, options, where="task"))


@pytest.fixture
def bank(tmp_path):
    """Twelve pictures of three classes in a file; feature 0 of each is its number."""
    rng = np.random.default_rng(3)
    codes = np.column_stack([np.arange(12), rng.random((12, 3))]).astype(np.float32)
    path = tmp_path / "bank.npz"
    np.savez(path, codes=codes, labels=np.tile([5, 2, 7], 4))
    return str(path), codes, np.tile([5, 2, 7], 4)


def as_batch(trials):
    return Batch.of([trials], dtype=torch.float64)


def logits(trials, classes, size=30.0):
    """Outputs (1, trial, time, 3) that choose these classes at every step."""
    chosen = np.eye(3)[classes][:, np.newaxis] * size
    return torch.as_tensor(np.repeat(chosen, trials.inputs.shape[1], axis=1))[np.newaxis]


# --- seq_mem ---


def test_sequence_by_hand():
    task = made("seq_mem", pattern_length=3)
    trials = task.draw(4, rng())
    values = rng().random((4, 3))
    for trial in range(4):
        v1, v2, v3 = values[trial]
        assert trials.inputs[trial].tolist() == [[0, v1], [0, v2], [0, v3], [1, 0], [0, 0], [0, 0], [0, 0]]
        assert trials.targets[trial].tolist() == [[0], [0], [0], [0], [v1], [v2], [v3]]
    assert trials.mask.tolist() == [[0, 0, 0, 0, 1, 1, 1]] * 4
    assert trials.columns["value_2"].tolist() == values[:, 1].tolist()
    assert trials.epochs == {"stimulus": (0, 3), "cue": (3, 4), "response": (4, 7)}
    assert (task.n_inputs, task.n_outputs, task.n_steps, task.dt) == (2, 1, 7, 1.0)


def test_epochs_are_seconds():
    assert made("seq_mem", pattern_length=2, dt=0.5).draw(1, rng()).epochs["response"] == (1.5, 2.5)


@pytest.mark.parametrize(("answer", "loss", "performance"), [(0.5, 1 / 12, 0.0), (0.0, 1 / 3, -3.0)])
def test_constant_answers_to_sequences(answer, loss, performance):
    task = made("seq_mem", pattern_length=5)
    batch = as_batch(task.draw(20_000, rng()))
    outputs = torch.full_like(batch.targets, answer)
    found = task.loss(Trajectory(outputs, outputs), batch)["task"]
    assert found.item() == pytest.approx(loss, rel=0.02)
    assert task.performance(outputs, batch).mean().item() == pytest.approx(performance, abs=0.05)
    assert task.performance(outputs, batch).mean().item() == pytest.approx(1 - 12 * found.item())


def test_sequence_scores_recall_steps_alone():
    task = made("seq_mem", pattern_length=3)
    batch = as_batch(task.draw(6, rng()))
    outputs = batch.targets.clone()
    outputs[..., :4, :] += 7.0
    assert task.loss(Trajectory(outputs, outputs), batch)["task"].item() == 0
    assert task.performance(outputs, batch).tolist() == [[1.0] * 6]
    outputs[0, 2, 5] += 0.3
    assert task.loss(Trajectory(outputs, outputs), batch)["task"].item() == pytest.approx(0.09 / 18)


# --- nback_mem ---


@pytest.mark.parametrize("n", [1, 2, 4])
def test_n_back_by_hand(n):
    task = made("nback_mem", trial_length=5, n_back=n)
    trials = task.pool(50, rng())
    values = trials.inputs[:, :5, 1]
    match = trials.columns["match"]
    assert match.tolist() == [True] * 50 + [False] * 50
    np.testing.assert_array_equal(values[:, 4] == values[:, 4 - n], match)
    for lag in {1, 2, 3, 4} - {n}:
        assert (values[:, 4] != values[:, 4 - lag]).all()
    assert (trials.inputs[:, :, 0] == [0, 0, 0, 0, 1, 0]).all()
    assert (trials.inputs[:, 5, 1] == 0).all()
    assert (trials.mask == [0, 0, 0, 0, 0, 1]).all()
    assert (trials.targets[:, :5] == [1, 0, 0]).all()
    np.testing.assert_array_equal(trials.targets[:, 5].argmax(-1), np.where(match, 2, 1))
    np.testing.assert_array_equal(trials.columns["lag"], np.where(match, n, 0))
    np.testing.assert_array_equal(trials.columns["value_5"], values[:, 4])
    assert trials.epochs == {"stimulus": (0, 4), "cue": (4, 5), "response": (5, 6)}


def test_answers_to_n_back():
    task = made("nback_mem")
    trials = task.pool(10, rng())
    batch, right = as_batch(trials), np.where(trials.columns["match"], 2, 1)
    outputs = logits(trials, right)
    assert task.performance(outputs, batch).tolist() == [[1.0] * 20]
    assert task.loss(Trajectory(outputs, outputs), batch)["task"].item() == pytest.approx(0, abs=1e-10)
    outputs[..., :5, :] = 3 - outputs[..., :5, :]  # what is not scored does not matter
    assert task.loss(Trajectory(outputs, outputs), batch)["task"].item() == pytest.approx(0, abs=1e-10)
    always = logits(trials, np.full(20, 2))
    assert task.performance(always, batch).tolist() == [[1.0] * 10 + [0.0] * 10]
    assert task.performance(logits(trials, np.full(20, 0)), batch).sum().item() == 0


def test_loss_is_the_negative_log_likelihood_of_the_scored_step():
    task = made("nback_mem")
    trials = task.pool(8, rng())
    outputs = torch.as_tensor(rng(1).standard_normal((1, 16, 6, 3)))
    classes = torch.as_tensor(np.where(trials.columns["match"], 2, 1))
    expected = torch.nn.functional.nll_loss(outputs[0, :, 5].log_softmax(-1), classes)
    assert task.loss(Trajectory(outputs, outputs), as_batch(trials))["task"].item() == pytest.approx(expected.item())
    zeros = torch.zeros_like(outputs)
    assert task.loss(Trajectory(zeros, zeros), as_batch(trials))["task"].item() == pytest.approx(np.log(3))


def test_lures_stand_at_wrong_lags():
    task = made("nback_mem", trial_length=5, n_back=2, lures=0.25)
    trials = task.pool(400, rng())
    lag, match, values = trials.columns["lag"], trials.columns["match"], trials.inputs[:, :5, 1]
    lure = (lag > 0) & ~match
    assert lure.sum() == 100
    assert set(lag[lure]) == {1, 3, 4}
    assert np.bincount(lag[lure])[[1, 3, 4]].min() > 15
    np.testing.assert_array_equal(values[lure, 4], values[lure, 4 - lag[lure]])
    assert (trials.targets[lure, 5] == [0, 1, 0]).all()
    assert (values[~match, 4] != values[~match, 2]).all()


def test_drawn_trials_are_balanced_and_in_random_order():
    task = made("nback_mem")
    matches = task.draw(100, rng()).columns["match"]
    assert matches.sum() == 50
    assert 0 < matches[:50].sum() < 50
    assert {int(task.draw(7, rng(seed)).columns["match"].sum()) for seed in range(20)} == {3, 4}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_back": 5}, "n_back = 5: expected 1 to 4"),
        ({"n_back": 0}, "n_back"),
        ({"trial_length": 1, "n_back": 1}, "expected 1 to 0"),
        ({"lures": 1.5}, "lures = 1.5: expected a share"),
        ({"trial_length": 2, "n_back": 1, "lures": 0.5}, "no lag other than 1"),
    ],
)
def test_impossible_n_back_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        made("nback_mem", **options)


# --- pool and split ---


@pytest.mark.parametrize(("name", "sizes"), [("seq_mem", (400, 100)), ("nback_mem", (800, 200))])
def test_split_is_of_one_pool_by_whole_trial(name, sizes):
    task = made(name)
    training, validation = task.split(500, 0.8, rng())
    assert (len(training), len(validation)) == sizes == task.split_sizes(500, 0.8)
    pool = task.pool(500, rng())
    rows = np.concatenate([training.inputs, validation.inputs]).reshape(sum(sizes), -1)
    everything = pool.inputs.reshape(sum(sizes), -1)
    assert {row.tobytes() for row in rows} == {row.tobytes() for row in everything}
    assert not np.array_equal(rows, everything)
    for part in (training, validation):
        assert part.columns["value_1"].tolist() == part.inputs[:, 0, 1].tolist()
        assert len(part.targets) == len(part.mask) == len(part)


def test_split_mixes_classes_without_balancing_them():
    task = made("nback_mem")
    counts = [int(task.split(500, 0.8, rng(seed))[0].columns["match"].sum()) for seed in range(20)]
    assert len(set(counts)) > 3
    assert all(370 < count < 430 for count in counts)


def test_same_generator_state_same_split():
    first, second = (made("nback_mem").split(20, 0.5, rng(4))[0] for _ in range(2))
    np.testing.assert_array_equal(first.inputs, second.inputs)


@pytest.mark.parametrize("train_size", [0.0, 1.0, -0.2, float("nan"), 0.001])
def test_split_needs_trials_on_both_sides(train_size):
    with pytest.raises(ConfigurationError, match="train_size"):
        made("seq_mem").split(100, train_size, rng())


def test_shares_that_are_whole_stay_whole():
    assert SequenceMemory.split_sizes(100, 0.29) == (29, 71)
    assert NBackMemory.split_sizes(5, 0.75) == (7, 3)


def test_take_keeps_units_and_scoring():
    trials = dataclasses.replace(
        made("seq_mem").draw(3, rng()), columns={"a": (np.arange(3.0), "s")}, scoring={"b": np.arange(3)}, mask=None
    )
    found = take(trials, np.array([2, 0]))
    assert found.columns["a"][0].tolist() == [2, 0]
    assert found.columns["a"][1] == "s"
    assert found.scoring["b"].tolist() == [2, 0]
    assert found.mask is None


# --- pictures ---


@pytest.mark.parametrize("lures", [0.0, 0.5])
def test_pictures_by_hand(bank, lures):
    path, codes, labels = bank
    task = made("pic_latent_mem", trial_length=4, n_back=3, items=path, rescale=False, lures=lures)
    trials = task.pool(40, rng())
    items = trials.inputs[:, :4, 1].astype(int)
    assert (task.n_inputs, task.n_outputs, task.n_steps) == (5, 3, 6)
    assert (trials.inputs[:, :, 0] == [0, 0, 0, 0, 1, 0]).all()
    assert (trials.inputs[:, 4:, 1:] == 0).all()
    np.testing.assert_array_equal(trials.inputs[:, :4, 1:], codes[items])
    np.testing.assert_array_equal(np.stack([trials.columns[f"item_{i}"] for i in range(1, 5)], 1), items)
    np.testing.assert_array_equal(np.stack([trials.columns[f"class_{i}"] for i in range(1, 5)], 1), labels[items])
    match, lag = trials.columns["match"], trials.columns["lag"]
    np.testing.assert_array_equal(items[:, 3] == items[:, 0], match)
    for trial in range(80):
        others = np.delete(items[trial], [3] if not lag[trial] else [3, 3 - lag[trial]])
        assert len(set(others)) == len(others)
        assert items[trial, 3] not in others
        assert labels[items[trial, 3]] not in labels[others]
    assert ((lag > 0) & ~match).sum() == lures * 40
    assert (trials.mask == [0, 0, 0, 0, 0, 1]).all()
    np.testing.assert_array_equal(trials.targets[:, 5].argmax(-1), np.where(match, 2, 1))
    assert task.performance(logits(trials, np.where(match, 2, 1)), as_batch(trials)).min().item() == 1
    assert trials.epochs == {"stimulus": (0, 4), "cue": (4, 5), "response": (5, 6)}


def test_every_picture_serves(bank):
    path, _, labels = bank
    trials = made("pic_latent_mem", trial_length=4, items=path, rescale=False).pool(2000, rng())
    last = trials.columns["item_4"]
    np.testing.assert_allclose(np.bincount(labels[last])[[2, 5, 7]] / 4000, 1 / 3, atol=0.03)
    np.testing.assert_allclose(np.bincount(last, minlength=12) / 4000, 1 / 12, atol=0.02)
    first = trials.columns["item_1"]
    assert set(first) == set(range(12))


def test_raw_images_may_share_the_class(bank):
    path, _, labels = bank
    task = made("pic_mem", trial_length=4, n_back=2, items=path)
    trials = task.pool(200, rng())
    items = np.stack([trials.columns[f"item_{i}"] for i in range(1, 5)], 1)
    np.testing.assert_array_equal(items[:, 3] == items[:, 1], trials.columns["match"])
    assert (items[:, 3] != items[:, 0]).all()
    assert (labels[items[:, 0]] == labels[items[:, 3]]).mean() == pytest.approx(3 / 11, abs=0.07)
    assert trials.inputs[:, :4, 1:].max() == 1
    np.testing.assert_allclose(trials.inputs[:, :4, 1], items / 11, atol=1e-6)


def test_pictures_are_rescaled_by_default(bank):
    inputs = made("pic_latent_mem", items=bank[0]).pool(5, rng()).inputs[:, :5, 1:]
    np.testing.assert_allclose(inputs.min(-1), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.max(-1), 1, atol=1e-6)


def test_settings_name_the_pictures(bank, tmp_path):
    path = bank[0]
    digest = made("pic_latent_mem", items=path).config.items_digest
    assert len(digest) == 64
    assert made("pic_latent_mem", items=path, items_digest=digest).config.items_digest == digest
    with pytest.raises(ConfigurationError, match="others than those this run began with"):
        made("pic_latent_mem", items=path, items_digest="0" * 64)


def test_too_few_pictures_are_refused(bank):
    with pytest.raises(InputError, match=r"8 items are left.*at least 9"):
        made("pic_latent_mem", trial_length=10, items=bank[0]).pool(1, rng())


def test_known_sizes_need_no_pictures(monkeypatch):
    def fail():
        raise AssertionError("the encoder ran")

    monkeypatch.setattr(picture_tasks, "digit_codes", fail)
    assert PictureNBack(PictureNBack.config_class()).n_inputs == 51
    assert PictureMemory(PictureMemory.config_class()).n_inputs == 65


def test_images_of_digits_fill_trials():
    trials = made("pic_mem").pool(4, rng())
    assert trials.inputs.shape == (8, 7, 65)
    assert 0.8 < trials.inputs[:, :5, 1:].max() <= 1
