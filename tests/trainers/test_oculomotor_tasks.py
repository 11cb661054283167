"""The tasks of the oculomotor family: timing, inputs, targets, mask and draws of every rule."""

import math

import numpy as np
import oculomotor_plain as plain
import pytest
import torch
from making import rng
from scipy import stats

from dynascope.errors import InputError
from dynascope.trainers.config import build
from dynascope.trainers.model import Trajectory
from dynascope.trainers.oculomotor.rule_sets import RULES
from dynascope.trainers.oculomotor.task_config import OculomotorTaskConfig
from dynascope.trainers.oculomotor.timing import PROTOCOLS, Timeline, truncated_steps
from dynascope.trainers.task import Batch

TURN = 2 * math.pi
SIX = ("overlap", "zero_gap", "gap", "odr", "odrd", "gap500")
# Steps: of the trial, fixation off, cue on, cue off, go.
STEPS = {
    "odr": (175, 150, 50, 75, 150),
    "odr500": (125, 100, 50, 75, 100),
    "odr750": (137, 112, 50, 75, 112),
    "odr1000": (150, 125, 50, 75, 125),
    "odr1100": (155, 130, 50, 75, 130),
    "odr1200": (160, 135, 50, 75, 135),
    "odr1300": (165, 140, 50, 75, 140),
    "odr1400": (170, 145, 50, 75, 145),
    "odr3000": (250, 225, 50, 75, 225),
    "odr6000": (400, 375, 50, 75, 375),
    "odr15000": (850, 825, 50, 75, 825),
    "odrd": (175, 150, 50, 75, 150),
    "overlap": (80, 55, 50, 55, 55),
    "zero_gap": (80, 50, 50, 55, 50),
    "gap": (85, 50, 55, 60, 55),
    "gap500": (105, 50, 75, 80, 75),
    "match": (175, 150, 50, 75, 150),
    "match_easy": (175, 150, 50, 75, 150),
    "match_passive": (175, 175, 50, 75, 150),
}
MATCHES = ("match", "match_easy", "match_passive")


def make(rule, channels=SIX, **options):
    """One rule with the channels of a set, among them its own."""
    channels = channels if rule in channels else (*channels, rule)
    return RULES[rule](rule, build(OculomotorTaskConfig, options, where="task"), channels)


def column(trials, name):
    """A column of locations, whose unit must be rad."""
    values, unit = trials.columns[name]
    assert unit == "rad"
    return values


def as_batch(*trials):
    return Batch.of(trials, dtype=torch.float64)


def test_tables_cover_every_rule():
    assert set(STEPS) == set(RULES) == set(PROTOCOLS) == set(plain.TABLES)


@pytest.mark.parametrize("rule", STEPS)
def test_timeline(rule):
    timeline = make(rule).timeline
    cue = timeline.periods["stim1"]
    assert (timeline.n_steps, timeline.fixation_off, cue.start, cue.stop, timeline.go) == STEPS[rule]
    trials = make(rule, input_noise=0.0).draw(8, rng())
    n_steps, fix_off, cue_on, cue_off, _ = STEPS[rule]
    assert trials.inputs.shape[1] == n_steps
    assert np.array_equal(np.flatnonzero(trials.inputs[0, :, 0]), np.arange(fix_off))
    is_on = trials.inputs[0, : cue_off + 1, 1:9].any(-1)
    assert np.array_equal(np.flatnonzero(is_on), np.arange(cue_on, cue_off))


@pytest.mark.parametrize("rule", STEPS)
def test_epochs_in_seconds(rule):
    expected = {
        name: tuple(0.02 * plain.step(ms) for ms in window) for name, window in plain.TABLES[rule].epochs.items()
    }
    epochs = make(rule).draw(8, rng()).epochs
    assert list(epochs) == list(plain.TABLES[rule].epochs)
    assert {name: pytest.approx(window) for name, window in expected.items()} == epochs


@pytest.mark.parametrize("loss", ["least_squares", "cross_entropy"])
@pytest.mark.parametrize("code", ["bump", "one_hot"])
@pytest.mark.parametrize("rule", [rule for rule in STEPS if rule not in ("odr6000", "odr15000")])
def test_trials_equal_the_reference(rule, code, loss):
    task = make(rule, input_noise=0.0, location_code=code, loss=loss)
    trials = task.draw(4, rng(1))
    cue, target = column(trials, "cue_location"), column(trials, "target_location")
    assert trials.inputs.dtype == trials.targets.dtype == trials.mask.dtype == np.float32
    for i in range(4):
        facts = {name: trials.columns[name][i] for name in ("match", "mirrored") if rule in MATCHES}
        second = "second_cue_location" if rule in MATCHES else "distractor_location"
        x = plain.inputs_of(
            rule,
            task.channels.index(rule),
            len(task.channels),
            cue[i],
            second=column(trials, second)[i],
            mirrored=facts.get("mirrored"),
            code=code,
        )
        np.testing.assert_allclose(trials.inputs[i], x, atol=1e-6)
        expected = plain.target_of(rule, cue[i], **facts)
        assert target[i] == pytest.approx(np.nan if expected is None else expected, nan_ok=True)
        y, y_loc = plain.targets_of(rule, expected, loss)
        np.testing.assert_allclose(trials.targets[i], y, atol=1e-6)
        np.testing.assert_allclose(trials.scoring["locations"][i], y_loc, atol=1e-6)
        np.testing.assert_allclose(trials.mask[i], plain.mask_of(rule, loss), rtol=1e-6)
        assert trials.columns["cue"][i] == plain.nearest(cue[i])
        assert trials.columns["rule"][i] == rule


def test_mask_levels_by_step():
    ring = make("odr").draw(1, rng()).mask[0, :, 1]
    assert [set(ring[steps]) for steps in (slice(0, 5), slice(5, 150), slice(150, 155), slice(155, None))] == [
        {0},
        {1},
        {0},
        {5},
    ]
    fixation = make("gap").draw(1, rng()).mask[0, :, 0]
    assert fixation[[4, 5, 54, 55, 59, 60, 84]].tolist() == [0, 2, 2, 0, 0, 10, 10]
    assert not make("match_passive").draw(1, rng()).mask[0, 150:].any()
    assert make("match_passive").draw(1, rng()).mask[0, 149].tolist() == [2] + 8 * [1]


def test_input_noise_is_white_and_on_every_channel():
    noisy, clean = make("odr").draw(64, rng()), make("odr", input_noise=0.0).draw(64, rng())
    noise = (noisy.inputs - clean.inputs).astype(float)
    scale = math.sqrt(2 / 0.2) * 0.01
    assert scale == pytest.approx(0.0316, abs=5e-5)
    n = noise[..., 0].size
    np.testing.assert_allclose(noise.std((0, 1)), scale, rtol=4.5 / math.sqrt(2 * n))
    np.testing.assert_allclose(noise.mean((0, 1)), 0, atol=4.5 * scale / math.sqrt(n))
    assert stats.kstest(noise.ravel()[::7] / scale, "norm").pvalue > 1e-3
    for lagged in (noise[1:] * noise[:-1], noise[:, 1:] * noise[:, :-1], noise[..., 1:] * noise[..., :-1]):
        assert abs(lagged.mean()) < 4.5 * scale**2 / math.sqrt(lagged.size)
    # σ = √(2 tau / dt) σ_x follows its options.
    assert make("odr", tau=0.05, input_noise=0.03, dt=0.1).config.noise_scale == pytest.approx(0.03)


@pytest.mark.parametrize("rule", ["odr", "odrd", "gap", "match"])
def test_cues_are_uniform_on_the_circle(rule):
    cues = column(make(rule).draw(2000, rng()), "cue_location")
    assert stats.kstest(cues, "uniform", args=(0, TURN)).pvalue > 1e-3
    assert cues.min() >= 0
    assert cues.max() < TURN


@pytest.mark.parametrize(("rule", "second"), [("odrd", "distractor_location"), ("match", "second_cue_location")])
def test_displacements(rule, second):
    def steps(task, seed=0, n_trials=2000):
        trials = task.draw(n_trials, rng(seed))
        apart = (column(trials, second) - column(trials, "cue_location")) % TURN / (math.pi / 4)
        displaced = ~trials.columns["match"] if rule == "match" else np.ones(n_trials, bool)
        np.testing.assert_allclose(apart, np.rint(apart), atol=1e-9)
        assert not (np.rint(apart[~displaced]) % 8).any()
        return np.rint(apart[displaced]).astype(int)

    each = steps(make(rule))
    counts = np.bincount(each, minlength=8)
    assert counts[0] == 0
    assert len(counts) == 8
    assert stats.chisquare(counts[1:]).pvalue > 1e-3
    shared = [set(steps(make(rule, offsets="shared"), seed, 16)) for seed in range(60)]
    assert all(len(offsets) == 1 for offsets in shared)
    assert set.union(*shared) == set(range(1, 8))


def test_the_same_generator_gives_the_same_trials():
    for rule in ("odr", "odrd", "match"):
        first, again = make(rule).draw(16, rng(3)), make(rule).draw(16, rng(3))
        assert np.array_equal(first.inputs, again.inputs)
        assert not np.array_equal(first.inputs, make(rule).draw(16, rng(4)).inputs)


@pytest.mark.parametrize(
    "options",
    [
        {"offsets": "shared"},
        {"input_noise": 0.0},
        {"loss": "cross_entropy"},
        {"location_code": "one_hot"},
        {"rule_strength": 0.5},
    ],
)
@pytest.mark.parametrize("rule", ["odrd", "match"])
def test_options_do_not_change_other_draws(rule, options):
    usual, other, rest = make(rule), make(rule, **options), []
    cues = []
    for task in (usual, other):
        generator = rng()
        cues.append(column(task.draw(16, generator), "cue_location"))
        rest.append(generator.random())
    assert np.array_equal(*cues)
    assert rest[0] == rest[1]


@pytest.mark.parametrize("rule", ["odr", "odrd", "gap", "match", "match_easy", "match_passive"])
def test_test_trials_are_sorted_by_location(rule):
    trials = make(rule).export_set(128, rng())
    assert trials.columns["cue"].tolist() == np.repeat(np.arange(8), 16).tolist()
    np.testing.assert_allclose(column(trials, "cue_location"), np.repeat(np.arange(8) * math.pi / 4, 16))
    assert set(np.unique(trials.inputs[..., [0, 9 + make(rule).channels.index(rule)]])) <= {0, 1}
    opposite = (column(trials, "cue_location") + math.pi) % TURN
    distractor = column(trials, "distractor_location")
    if rule == "odrd":
        np.testing.assert_allclose(distractor, opposite)
    else:
        assert np.isnan(distractor).all()
    if rule in MATCHES:
        assert trials.columns["match"].reshape(8, 16).tolist() == 8 * [8 * [True] + 8 * [False]]
        second = np.where(trials.columns["match"], column(trials, "cue_location"), opposite)
        np.testing.assert_allclose(column(trials, "second_cue_location"), second)
        assert trials.columns["second_cue"].tolist() == np.rint(second / (math.pi / 4)).astype(int).tolist()
        assert trials.columns["mirrored"].any() == (rule != "match_easy")
    for number in (0, 12, -8):
        with pytest.raises(InputError, match=f"{number} test trials of rule {rule}: expected a multiple of 8"):
            make(rule).export_set(number, rng())


def test_noisy_test_trials_are_the_test_trials_with_noise():
    quiet, noisy = make("odrd").export_set(16, rng()), make("odrd").noisy_test_set(16, rng())
    noise = noisy.inputs - quiet.inputs
    assert noise.std() == pytest.approx(0.0316, rel=0.02)
    assert np.array_equal(quiet.targets, noisy.targets)


def test_probes_place_cue_and_distractor():
    task = make("odrd")
    for cue, distractor in ((2, 2), (7, 1)):
        trials = task.probe(cue, distractor, 32, rng())
        assert trials.columns["cue"].tolist() == 32 * [cue]
        np.testing.assert_allclose(column(trials, "distractor_location"), distractor * math.pi / 4)
        seen = trials.inputs.mean(0)
        assert (seen[60, 1:9].argmax(), seen[110, 1:9].argmax()) == (cue, distractor)
        assert trials.inputs.std(0).min() > 0
    with pytest.raises(InputError, match="distractor 8: the ring has units 0 to 7"):
        task.probe(0, 8, 8, rng())
    with pytest.raises(InputError, match="cue -1: the ring has units"):
        task.probe(-1, 0, 8, rng())
    with pytest.raises(InputError, match="rule odr: there is no distractor"):
        make("odr").probe(0, 0, 8, rng())


@pytest.mark.parametrize("rule", ["match", "match_easy"])
def test_match_responses(rule):
    trials = make(rule).draw(400, rng())
    match, mirrored = trials.columns["match"], trials.columns["mirrored"]
    assert match.mean() == pytest.approx(0.5, abs=0.1)
    assert mirrored.mean() == pytest.approx(0.5 if rule == "match" else 0, abs=0.1)
    expected = np.where(match != mirrored, 0, math.pi)
    np.testing.assert_allclose(column(trials, "target_location"), expected)


def test_passive_trials_have_no_target():
    trials = make("match_passive").draw(8, rng())
    assert np.isnan(column(trials, "target_location")).all()
    assert (trials.scoring["locations"] == -1).all()
    assert np.isfinite(trials.targets).all()


def test_rule_channel_overrides():
    options = {"rule_onset": 0.5, "rule_offset": 1.0, "rule_strength": 0.7, "replace_rule": "gap", "input_noise": 0.0}
    trials = make("odr", **options).draw(3, rng())
    expected = np.zeros((175, 6), np.float32)
    expected[25:50, SIX.index("gap")] = 0.7
    np.testing.assert_allclose(trials.inputs[..., 9:], np.broadcast_to(expected, (3, 175, 6)))
    assert set(trials.columns["rule"]) == {"odr"}


def test_durations_are_truncated_exactly():
    assert truncated_steps(0.75, 0.02) == 37
    assert truncated_steps(0.3, 0.1) == 3  # 0.3 / 0.1 is 2.9999999999999996
    assert truncated_steps(0.1, 0.02) == 5
    fine = Timeline.of(PROTOCOLS["odr750"], 0.001)
    assert (fine.n_steps, fine.go, fine.grace) == (2750, 2250, 100)
    coarse = Timeline.of(PROTOCOLS["gap"], 0.03)
    assert (coarse.n_steps, coarse.go, coarse.grace) == (33 + 3 + 3 + 16, 36, 3)


def test_a_larger_ring():
    task = make("odrd", n_ring=16, input_noise=0.0)
    assert (task.n_inputs, task.n_outputs) == (17 + 6, 17)
    trials = task.export_set(32, rng())
    assert trials.columns["cue"].tolist() == np.repeat(np.arange(16), 2).tolist()
    cue = trials.inputs[2, 60, 1:17]
    # The same width of 22.5°, now one channel.
    np.testing.assert_allclose(cue[:4], 0.8 * np.exp([-0.5, 0, -0.5, -2]), rtol=1e-5)


def test_least_squares_weighs_errors_before_squaring():
    task = make("gap")
    trials = [task.draw(5, rng(seed)) for seed in (0, 1)]
    outputs = torch.as_tensor(rng(2).random((2, 5, 85, 9)))
    loss = task.loss(Trajectory(outputs, outputs), as_batch(*trials))["task"]
    for member, own in enumerate(trials):
        total = sum(
            ((own.targets[b, t, k] - outputs[member, b, t, k].item()) * own.mask[b, t, k]) ** 2
            for b in range(5)
            for t in range(85)
            for k in range(9)
        )
        assert loss[member].item() == pytest.approx(total / (5 * 85 * 9), rel=1e-6)


def test_cross_entropy_is_a_weighted_mean():
    task = make("zero_gap", loss="cross_entropy")
    trials = task.draw(5, rng())
    logits = rng(1).normal(size=(5, 80, 9))
    loss = task.loss(Trajectory(*2 * [torch.as_tensor(logits)[None]]), as_batch(trials))["task"]
    total = 0.0
    weights = plain.mask_of("zero_gap", "cross_entropy")
    for b in range(5):
        for t in range(80):
            right = 0 if t < 50 else 1 + plain.nearest(column(trials, "target_location")[b])
            total -= weights[t] * (logits[b, t, right] - math.log(sum(math.exp(value) for value in logits[b, t])))
    assert loss.item() == pytest.approx(total / (5 * 80), rel=1e-6)
