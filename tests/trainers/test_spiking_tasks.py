"""The tasks of the spiking family: windows, Poisson counts, patterns, labels, loss and score."""

import time

import numpy as np
import pytest
import torch
from torch.nn import functional

from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import Recording
from dynascope.trainers.config import as_mapping, build
from dynascope.trainers.model import Trajectory
from dynascope.trainers.spiking.cues import draw_patterns
from dynascope.trainers.spiking.evidence import EvidenceAccumulation
from dynascope.trainers.spiking.tasks import DelayedMatch, PatternGeneration
from dynascope.trainers.task import Batch, cross_entropy

TASKS = (EvidenceAccumulation, DelayedMatch, PatternGeneration)
SMALL = {"n_cues": 3, "delay": 0.15}


def make(cls, **options):
    return cls(build(cls.config_class, options, where="task"))


def draw(cls, n_trials=64, seed=0, **options):
    task = make(cls, **options)
    return task, task.draw(n_trials, np.random.default_rng(seed))


def bits(trials):
    """The cues (trial, cue) of evidence accumulation."""
    return np.stack([column for name, column in trials.columns.items() if name.startswith("cue_")], axis=1)


def patterns(trials):
    return [int("".join(map(str, row)), 2) for row in bits(trials)]


def test_evidence_has_the_published_size():
    task, trials = draw(EvidenceAccumulation)
    assert trials.inputs.shape == (64, 2000, 40)
    assert trials.inputs.dtype == np.uint8
    assert (task.n_inputs, task.n_outputs, task.n_steps, task.dt) == (40, 2, 2000, 1e-3)
    assert make(EvidenceAccumulation, **SMALL).n_steps == 700


def test_evidence_cues_are_where_the_columns_say():
    _, trials = draw(EvidenceAccumulation)
    left, right, recall, background = np.split(trials.inputs, 4, axis=2)
    in_a_cue = np.zeros(2000, bool)
    for cue in range(7):
        window = slice(150 * cue, 150 * cue + 100)
        in_a_cue[window] = True
        is_left = trials.columns[f"cue_{cue + 1}"] == 1
        # 40 spikes are expected in a cue: none at all has a probability of e^-40.
        assert np.array_equal(left[:, window].any((1, 2)), is_left)
        assert np.array_equal(right[:, window].any((1, 2)), ~is_left)
    assert not left[:, ~in_a_cue].any()
    assert not right[:, ~in_a_cue].any()
    assert not recall[:, :1850].any()
    assert recall[:, 1850:].any((1, 2)).all()
    assert background.any((0, 2)).mean() > 0.99  # 6.4 spikes expected in each step


def test_evidence_labels_are_the_majority_side():
    _, trials = draw(EvidenceAccumulation, 128)
    n_left = bits(trials).sum(1)
    assert np.array_equal(trials.columns["n_left"], n_left)
    assert np.array_equal(trials.columns["evidence"], n_left - (7 - n_left))
    assert np.array_equal(trials.columns["label"], n_left >= 4)
    assert np.array_equal(trials.targets.argmax(-1), np.repeat(trials.columns["label"][:, None], 2000, axis=1))
    assert (trials.targets.sum(-1) == 1).all()


def test_ties_are_not_left():
    _, trials = draw(EvidenceAccumulation, 16, n_cues=4)
    assert (trials.columns["evidence"] == 0).sum() == 6
    assert not trials.columns["label"][trials.columns["evidence"] == 0].any()
    assert trials.columns["label"].sum() == 5


@pytest.mark.parametrize(("n_draws", "n_trials"), [(1, 384), (384, 1)])
def test_spikes_per_trial_are_poisson_with_mean_540(n_draws, n_trials):
    task, generator = make(EvidenceAccumulation), np.random.default_rng(0)
    draws = [task.draw(n_trials, generator).inputs.sum((1, 2), dtype=np.int64) for _ in range(n_draws)]
    totals = np.concatenate(draws)
    assert totals.mean() == pytest.approx(540, abs=4 * np.sqrt(540 / 384))
    # The variance of n Poisson counts scatters by √(2/n) of itself.
    assert totals.var(ddof=1) == pytest.approx(540, rel=4 * np.sqrt(2 / 384))


@pytest.mark.parametrize(("population", "mean"), [("cues", 0.04), ("recall", 0.04), ("background", 0.01)])
def test_counts_of_a_bin_are_poisson(population, mean):
    task, trials = draw(EvidenceAccumulation, 256)
    counts = trials.inputs[..., task.channels["left"]] + trials.inputs[..., task.channels["right"]]
    if population == "cues":
        counts = np.concatenate([counts[:, steps] for steps in task.cues])
    elif population == "recall":
        counts = trials.inputs[:, 1850:, task.channels["recall"]]
    else:
        counts = trials.inputs[..., task.channels["background"]]
    probability = np.exp(-mean) * mean ** np.arange(3) / [1, 1, 2]
    scatter = np.sqrt(probability * (1 - probability) / counts.size)
    share = np.bincount(counts.ravel())[:3] / counts.size
    assert (abs(share - probability) < 4 * scatter).all()
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / counts.size))
    assert counts.var() == pytest.approx(mean, abs=5 * np.sqrt(mean / counts.size))


def test_spikes_are_spread_evenly_and_independently():
    task, trials = draw(EvidenceAccumulation, 256)
    background = trials.inputs[..., task.channels["background"]].astype(float)
    for axes in ((0, 1), (0, 2), (1, 2)):  # over channels, steps, trials
        sums = background.sum(axes)
        chi_square = ((sums - sums.mean()) ** 2).sum() / sums.mean()
        freedom = sums.size - 1
        assert chi_square == pytest.approx(freedom, abs=4.5 * np.sqrt(2 * freedom))
    deviations = background - 0.01
    n = deviations[:, 1:].size
    for product in (deviations[:, 1:] * deviations[:, :-1], deviations[..., 1:] * deviations[..., :-1]):
        assert product.mean() == pytest.approx(0, abs=4.5 * 0.01 / np.sqrt(0.9 * n))


def test_patterns_are_distinct_and_balanced():
    assert len(set(patterns(draw(EvidenceAccumulation, 64)[1]))) == 64
    assert sorted(patterns(draw(EvidenceAccumulation, 128)[1])) == list(range(128))
    often = np.bincount(patterns(draw(EvidenceAccumulation, 300)[1]), minlength=128)
    assert set(often.tolist()) == {2, 3}
    assert np.bincount(patterns(draw(EvidenceAccumulation, 64, **SMALL)[1])).tolist() == [8] * 8


def test_patterns_come_in_random_order_most_significant_bit_first():
    class InOrder:
        permuted = staticmethod(lambda numbers, axis: numbers)

    assert draw_patterns(6, 2, InOrder()).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1]]
    two_rounds = draw_patterns(256, 7, np.random.default_rng(0))
    assert not np.array_equal(two_rounds[:128], two_rounds[128:])


@pytest.mark.parametrize("cls", TASKS)
def test_same_generator_state_same_trials(cls):
    first, second = draw(cls)[1], draw(cls)[1]
    assert np.array_equal(first.inputs, second.inputs)
    assert np.array_equal(first.targets, second.targets)


@pytest.mark.parametrize("cls", [EvidenceAccumulation, DelayedMatch])
def test_other_generator_state_other_spikes(cls):
    assert not np.array_equal(draw(cls, seed=0)[1].inputs, draw(cls, seed=1)[1].inputs)


@pytest.mark.parametrize("cls", TASKS)
def test_tasks_are_rebuilt_from_their_plain_options(cls):
    task = make(cls)
    assert make(cls, **as_mapping(task.config)).config == task.config


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (
            EvidenceAccumulation,
            {f"cue_{i + 1}": (150 * i, 150 * i + 100) for i in range(7)}
            | {"delay": (1000, 1850), "recall": (1850, 2000)},
        ),
        (DelayedMatch, {"cue_1": (0, 150), "delay": (150, 900), "cue_2": (900, 1050), "recall": (1050, 1200)}),
    ],
)
def test_epochs_cover_exactly_their_steps(cls, expected):
    task, trials = draw(cls, 4)
    n_steps = trials.inputs.shape[1]
    recording = Recording(
        np.zeros((4, n_steps, 1)), task.dt * np.arange(n_steps), trials=trials.columns, epochs=trials.epochs
    )
    assert {name: recording.epoch_slice(name) for name in trials.epochs} == {
        name: slice(*steps) for name, steps in expected.items()
    }


def test_running_evidence_counts_a_cue_from_its_first_step_on():
    task, trials = draw(EvidenceAccumulation)
    evidence = task.running_evidence(trials.columns)
    signs = 2 * bits(trials) - 1
    assert evidence.shape == (64, 2000)
    for cue in range(7):
        assert np.array_equal(evidence[:, 150 * cue], signs[:, : cue + 1].sum(1))
        assert (evidence[:, 150 * cue : 150 * (cue + 1)] == evidence[:, [150 * cue]]).all()
    assert (evidence[:, 900:] == trials.columns["evidence"][:, None]).all()
    with pytest.raises(InputError, match="found none for cue_2, cue_7"):
        task.running_evidence({name: trials.columns[name] for name in ("cue_1", "cue_3", "cue_4", "cue_5", "cue_6")})


def test_clipped_counts_are_spikes():
    _, trials = draw(EvidenceAccumulation)
    _, clipped = draw(EvidenceAccumulation, clip_counts=True)
    assert trials.inputs.max() > 1
    assert np.array_equal(clipped.inputs, trials.inputs > 0)


def test_time_step_changes_counts_but_not_rates():
    task, trials = draw(EvidenceAccumulation, 256, dt=5e-3)
    assert task.n_steps == 400
    assert trials.inputs.sum() / 256 == pytest.approx(540, abs=4 * np.sqrt(540 / 256))


def test_drawing_costs_much_less_than_one_draw_per_bin():
    task = make(EvidenceAccumulation)
    generator = np.random.default_rng(0)

    def seconds(work):
        taken = []
        for _ in range(5):
            start = time.process_time()
            work()
            taken.append(time.process_time() - start)
        return min(taken)

    ours = seconds(lambda: task.draw(64, generator))
    assert ours < 0.25 * seconds(lambda: generator.poisson(0.01, (64, 2000, 40)))


@pytest.mark.parametrize(("duration", "n_steps"), [(None, 1), (0.15, 150), (2.0, 2000)])
def test_the_mask_shows_the_decision(duration, n_steps):
    _, trials = draw(EvidenceAccumulation, 3, decision_duration=duration)
    assert (trials.mask[:, 2000 - n_steps :] == 1).all()
    assert (trials.mask[:, : 2000 - n_steps] == 0).all()


def members(cls, **options):
    """A task, a batch of two members with different trials, and random logits."""
    task = make(cls, **options)
    trials = [task.draw(8, np.random.default_rng(seed)) for seed in (0, 1)]
    batch = Batch.of(trials, dtype=torch.float64)
    logits = torch.randn(2, 8, task.n_steps, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return task, trials, batch, logits.requires_grad_()


@pytest.mark.parametrize("cls", [EvidenceAccumulation, DelayedMatch])
def test_loss_is_the_cross_entropy_of_the_last_step(cls):
    task, trials, batch, logits = members(cls)
    loss = task.loss(Trajectory(torch.zeros(0), logits), batch)["task"]
    assert loss.shape == (2,)
    for member in range(2):
        labels = torch.tensor(trials[member].columns["label"])
        expected = functional.cross_entropy(logits[member, :, -1], labels)
        assert loss[member].item() == pytest.approx(expected.item(), rel=1e-12)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    assert not gradient[..., :-1, :].any()
    expected = (logits[..., -1, :].softmax(-1) - batch.targets[..., -1, :]) / 8
    torch.testing.assert_close(gradient[..., -1, :], expected.detach())


def test_cross_entropy_without_a_mask_counts_every_step():
    _, _, batch, logits = members(EvidenceAccumulation, **SMALL)
    found = cross_entropy(logits, Batch(batch.inputs, batch.targets))
    labels = batch.targets.argmax(-1)
    for member in range(2):
        expected = functional.cross_entropy(logits[member].flatten(0, 1), labels[member].flatten())
        assert found[member].item() == pytest.approx(expected.item(), rel=1e-12)


def test_cross_entropy_weighs_trials_alike_and_steps_by_the_mask():
    logits = torch.randn(1, 2, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = functional.one_hot(torch.tensor([[[0] * 5, [1] * 5]]), 2).double()
    mask = torch.tensor([[[0.0, 1, 0, 3, 0], [0, 0, 0, 0, 1]]], dtype=torch.float64)
    surprise = -logits.log_softmax(-1)
    first = (surprise[0, 0, 1, 0] + 3 * surprise[0, 0, 3, 0]) / 4
    expected = (first + surprise[0, 1, 4, 1]) / 2
    found = cross_entropy(logits, Batch(torch.zeros(0), targets, mask))
    torch.testing.assert_close(found, expected[None])


def test_performance_is_whether_the_last_step_favours_the_label():
    task, trials = draw(EvidenceAccumulation, 4)
    batch = Batch.of([trials], dtype=torch.float32)
    right = torch.tensor(trials.columns["label"])
    said = torch.where(torch.tensor([True, True, False, True]), right, 1 - right)
    logits = 100 * functional.one_hot(1 - said, 2).float()[None, :, None].repeat(1, 1, 2000, 1)
    logits[:, :, -1] = functional.one_hot(said, 2).float()
    performance = task.performance(logits, batch)
    assert performance.dtype == torch.float32
    assert performance.tolist() == [[1, 1, 0, 1]]


def test_performance_over_a_longer_decision_is_that_of_the_mean_logits():
    task, trials = draw(EvidenceAccumulation, 2, decision_duration=0.003)
    batch = Batch.of([trials], dtype=torch.float64)
    right = functional.one_hot(torch.tensor(trials.columns["label"]), 2).double()
    logits = torch.zeros(1, 2, 2000, 2, dtype=torch.float64)
    logits[0, :, -4] = -50 * right  # before the decision
    logits[0, :, -3] = torch.tensor([[3.0], [1.0]]) * right
    logits[0, :, -2:, :] = (1 - right)[:, None]  # two steps of 1 for the other label
    assert task.performance(logits, batch).tolist() == [[1, 0]]


def test_match_labels_and_cues():
    task, trials = draw(DelayedMatch, 64)
    first, second, label = (trials.columns[name] for name in ("first", "second", "label"))
    assert np.array_equal(label, first == second)
    assert np.bincount(2 * first + second).tolist() == [16] * 4
    assert trials.inputs.shape == (64, 1200, 30)
    assert (task.n_inputs, task.n_outputs) == (30, 2)
    cue, recall, background = np.split(trials.inputs, 3, axis=2)
    assert np.array_equal(cue[:, :150].any((1, 2)), first == 1)  # 60 spikes expected
    assert np.array_equal(cue[:, 900:1050].any((1, 2)), second == 1)
    assert not cue[:, 150:900].any()
    assert not cue[:, 1050:].any()
    assert not recall[:, :1050].any()
    assert recall[:, 1050:].any((1, 2)).all()
    assert background.sum() / 64 == pytest.approx(120, abs=4 * np.sqrt(120 / 64))


def test_match_spikes_at_the_cue_rate():
    _, trials = draw(DelayedMatch, 256)
    active = trials.inputs[trials.columns["first"] == 1, :150, :10]
    assert len(active) == 128
    assert active.mean() == pytest.approx(0.04, abs=4 * np.sqrt(0.04 / active.size))


def test_pattern_is_frozen():
    task, trials = draw(PatternGeneration, 5, seed=0)
    _, other = draw(PatternGeneration, 3, seed=1)
    assert trials.inputs.shape == (5, 1000, 40)
    assert trials.inputs.dtype == np.uint8
    assert trials.targets.shape == (5, 1000, 1)
    assert (task.n_inputs, task.n_outputs, task.dt) == (40, 1, 1e-3)
    assert (trials.inputs == other.inputs[0]).all()
    assert (trials.targets == other.targets[0]).all()
    again = task.draw(2, np.random.default_rng(2))
    assert (again.inputs == other.inputs[0]).all()
    assert trials.inputs[0].mean() == pytest.approx(0.01, abs=4 * np.sqrt(0.01 / 40000))


def test_pattern_depends_on_its_own_seed_alone():
    task, reseeded, wider = (
        make(PatternGeneration, **options) for options in ({}, {"pattern_seed": 1}, {"n_channels": 7})
    )
    assert not np.array_equal(task.pattern, reseeded.pattern)
    assert not np.allclose(task.wave, reseeded.wave)
    assert np.array_equal(task.wave, wider.wave)


@pytest.mark.parametrize("seed", range(5))
def test_pattern_target_is_a_sum_of_the_five_sinusoids(seed):
    wave = make(PatternGeneration, pattern_seed=seed, duration=2.0).wave
    assert abs(wave).max() == 1
    lines = abs(np.fft.rfft(wave))
    wanted = [1, 2, 4, 6, 8]  # 0.5, 1, 2, 3, 4 Hz in units of 1 / (2 s)
    assert np.delete(lines, wanted) == pytest.approx(0, abs=1e-9)
    assert 1 < lines[wanted].max() / lines[wanted].min() <= 4  # amplitudes between 0.5 and 2


def test_pattern_score_is_r2():
    task, trials = draw(PatternGeneration, 3)
    batch = Batch.of([trials], dtype=torch.float64)
    outputs = batch.targets.clone()
    outputs[0, 1] = batch.targets.mean()
    outputs[0, 2] = batch.targets.mean() + 0.5 * (batch.targets[0, 2] - batch.targets.mean())
    torch.testing.assert_close(task.performance(outputs, batch), torch.tensor([[1.0, 0.0, 0.75]], dtype=torch.float64))
    loss = task.loss(Trajectory(torch.zeros(0), torch.zeros_like(outputs)), batch)["task"]
    assert loss.item() == pytest.approx(np.mean(task.wave**2))


@pytest.mark.parametrize(
    ("cls", "options", "words"),
    [
        (EvidenceAccumulation, {"n_cues": 17}, "task.n_cues = 17: expected 1 to 16 cues"),
        (EvidenceAccumulation, {"n_cues": 0}, "task.n_cues = 0: expected a number above 0"),
        (
            EvidenceAccumulation,
            {"cue_gap": 0.0505},
            r"task.cue_gap = 0.0505: expected a whole number of steps of 0.001 s",
        ),
        (EvidenceAccumulation, {"dt": 3e-3}, r"task.cue_duration = 0.1: expected a whole number of steps of 0.003 s"),
        (
            EvidenceAccumulation,
            {"delay": 1e-10},
            r"task.delay = 1e-10: expected a whole number of steps .*at least one",
        ),
        (
            EvidenceAccumulation,
            {"decision_duration": 0.0015},
            "task.decision_duration = 0.0015: expected a whole number",
        ),
        (EvidenceAccumulation, {"decision_duration": 2.001}, "task.decision_duration = 2.001: longer than the trial"),
        (EvidenceAccumulation, {"cue_rate": -1}, "task.cue_rate = -1.0: expected a number at least 0"),
        (
            EvidenceAccumulation,
            {"recall_rate": 10001},
            "task.recall_rate = 10001.0: expected at most 10 spikes per step",
        ),
        (EvidenceAccumulation, {"ncues": 3}, r"unknown option in \[task\] 'ncues': did you mean 'n_cues'"),
        (DelayedMatch, {"recall_duration": 0.1004}, "task.recall_duration = 0.1004: expected a whole number of steps"),
        (DelayedMatch, {"n_cues": 2}, r"unknown option in \[task\] 'n_cues'"),
        (PatternGeneration, {"duration": 0.001}, "task.duration = 0.001: a pattern needs at least 2 steps"),
        (PatternGeneration, {"frequencies": []}, r"task.frequencies = \(\): expected at least one, all below 500 Hz"),
        (PatternGeneration, {"frequencies": [1, 500]}, r"task.frequencies = \(1.0, 500.0\): .* all below 500 Hz"),
        (PatternGeneration, {"frequencies": [1, 0]}, r"task.frequencies = \(1.0, 0.0\): expected a number above 0"),
        (PatternGeneration, {"input_rate": 1e5}, "task.input_rate = 100000.0: expected at most 10 spikes per step"),
    ],
)
def test_impossible_tasks_are_refused(cls, options, words):
    with pytest.raises(ConfigurationError, match=words):
        make(cls, **options)
