"""``dynascope emergence`` on archives of networks that learn by hand: what it finds, writes and refuses."""

import json

import numpy as np
import pytest

from dynascope.fixedpoints.following.training_record import TrainingDiagram
from dynascope.readers import CheckpointsRecord, Recording, TaskRecord, write_archive
from dynascope.trainers import get_family, model_record

N_UNITS = 6
SEEN = [0, 640, 1280, 1920]
GAINS = [0.5, 0.8, 1.2, 1.6]


def ring_archive(path, gains, seen):
    """Write a leaky tanh network of six units on a ring whose recurrent gain grows; only the cue reaches it."""
    angles = 2 * np.pi * np.arange(N_UNITS) / N_UNITS
    preferred = 2 * np.pi * np.arange(8) / 8
    family = get_family("oculomotor")
    task = family.task("odr_delay_check", {"rules": ("odr500",)})
    config = {"n_units": N_UNITS, "n_inputs": task.n_inputs, "n_outputs": task.n_outputs, "activation": "tanh"}
    model = family.model(config)
    cue = np.zeros((N_UNITS, task.n_inputs))
    cue[:, 1:9] = np.cos(angles[:, None] - preferred)
    readout = np.zeros((task.n_outputs, N_UNITS))
    readout[1:] = np.cos(preferred[:, None] - angles)

    def weights(gain):
        return {
            **{name: np.zeros_like(value) for name, value in model.arrays().items()},
            "input_weight": cue,
            "recurrent_weight": gain * 2 / N_UNITS * np.cos(angles[:, None] - angles),
            "output_weight": readout,
        }

    made = [weights(gain) for gain in gains]
    stacked = {name: np.stack([one[name] for one in made]) for name in made[0]}
    record = model_record(model, made[-1])
    recording = Recording(np.zeros((8, 3, N_UNITS)), time=0.02 * np.arange(3), attrs={"trials_seen": seen[-1]})
    return write_archive(
        path,
        {"final/odr500": recording},
        model=type(record)(**{**vars(record), "checkpoints": CheckpointsRecord(np.array(seen), stacked)}),
        task=TaskRecord("odr_delay_check", {"rules": ["odr500"]}),
    )


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return ring_archive(tmp_path_factory.mktemp("ring") / "ring.h5", GAINS, SEEN)


def test_memories_arise_in_the_delay(archive, call, tmp_path):
    options = ["--rule", "odr500", "--at", "delay1", "--starts", 60, "--no-slow", "--quiet"]
    code, text, _ = call("emergence", archive, *options, "-o", tmp_path / "e", "--format", "svg")
    assert code == 0
    found = TrainingDiagram.load(tmp_path / "e.h5")
    assert found.trials_seen.tolist() == SEEN
    assert found.counts().tolist() == [1, 1, 13, 13]
    assert found.counts("stable").tolist() == [1, 1, 6, 6]
    # Gain 1 on the line from 0.8 to 1.2.
    np.testing.assert_allclose(found.of_type("branch point"), [960], atol=1e-5)
    remembered = np.sort((found.angles[(found.checkpoint == 3) & found.stable] + 0.1) % (2 * np.pi))
    # The outputs are sigmoids: eight of them point not quite where six units do.
    np.testing.assert_allclose(remembered - 0.1, np.arange(6) * np.pi / 3, atol=0.01)
    # Each step keeps 0.8 of the state: λ = 0.8 + 0.2 g at the origin, 20 ms a step.
    np.testing.assert_allclose(found.time_constants()[0, 0], -0.02 / np.log(0.8 + 0.2 * 0.5))
    assert found.parameters["rule"] == "odr500"
    held = np.array(found.parameters["input"])
    # Fixation and the rule's channel are on, the ring is silent.
    assert held.sum() == pytest.approx(2)
    assert (held[1:9] == 0).all()
    assert "branch point at 960 trials" in text
    assert (tmp_path / "e.svg").exists()


def test_the_only_rule_a_cue_and_some_checkpoints(archive, call, tmp_path):
    """While the cue is on the input decides: one stable point, at the cue."""
    options = ["--at", "stim1", "--cue", 2, "--checkpoints", "640:1920", "--at-most", 2, "--no-slow", "--no-certify"]
    code, text, err = call("emergence", archive, *options, "--starts", 20, "-o", tmp_path / "e", "--json")
    assert (code, "its mean is held" in err) == (0, False)
    found = json.loads(text)
    assert found["trials_seen"] == [640, 1920]
    assert np.array(found["angles"])[np.array(found["stable"])] == pytest.approx(np.pi / 2, abs=0.05)
    assert not any(found["certified"])
    assert "path_states" not in found


def test_inputs_that_differ_between_trials_are_noted(archive, call, tmp_path):
    options = ["--at", "stim1", "--checkpoints", "0:640", "--no-slow", "--starts", 10]
    code, _, err = call("emergence", archive, *options, "-o", tmp_path / "e")
    assert code == 0
    assert "the input in stim1 differs between trials: its mean is held; choose one with --cue" in err


REFUSED = [
    (["--at", "delay"], "unknown epoch of odr500 'delay': did you mean 'delay1'"),
    (["--at", "delay1", "--rule", "odr50"], "did you mean 'odr500'"),
    (["--at", "delay1", "--cue", "9"], "cue 9: trials of odr500 have the cues 0, 1, 2, 3, 4, 5, 6, 7"),
    (["--at", "delay1", "--checkpoints", "640:640"], "following needs at least 2 checkpoints, found 1"),
    (["--at", "delay1", "--checkpoints", "5:9"], "none among 0 to 1920 trials"),
    (["--at", "delay1", "--at-most", "1"], "--at-most"),
    ([], "--at"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=lambda value: " ".join(value) if value else "none")
def test_bad_usage_is_one_line_and_code_2(options, words, archive, call, tmp_path):
    code, out, err = call("emergence", archive, *options, "-o", tmp_path / "e")
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_archives_without_checkpoints_are_refused(workshop, call, tmp_path):
    code, _, err = call("emergence", workshop / "rnn.h5", "--at", "trial", "-o", tmp_path / "e")
    assert code == 2
    assert "holds no checkpoints" in err
