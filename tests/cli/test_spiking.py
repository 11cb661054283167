"""Spiking networks on the command line: train, export on a window, ask for fixed points where they mean something."""

import json

import numpy as np
import pytest
import torch

from dynascope.cli.main import run
from dynascope.fixedpoints import FixedPoints
from dynascope.readers import open_archive
from dynascope.trainers import load_model

SMALL = [
    "model.n_units=16", "model.output_probability=0.4", "task.n_cues=3", "task.cue_duration=0.02", "task.cue_gap=0.01",
    "task.delay=0.02", "task.recall_duration=0.02", "training.epochs=2", "training.updates_per_epoch=2",
    "training.batch_size=8", "training.evaluation_trials=8",
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    directory = tmp_path_factory.mktemp("spiking")
    options = [word for setting in SMALL for word in ("--set", setting)]
    assert run(["train", "spiking", "evidence", *options, "-o", str(directory / "run"), "--quiet"]) == 0
    assert run(["export", str(directory / "run"), "--trials", "6", "-o", str(directory / "net.h5"), "--quiet"]) == 0
    return directory


def test_a_window_with_named_states(trained, capfd):
    words = ["--trials", "2", "--window", "0.05", "0.07", "--states", "spikes,eligibility"]
    assert run(["export", str(trained / "run"), *words, "-o", str(trained / "part.h5")]) == 0
    capfd.readouterr()
    assert run(["info", str(trained / "part.h5"), "--json"]) == 0
    assert "states/eligibility" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--states elegibility", "did you mean 'eligibility'"),
        ("--window 5 6", "expected part of the trial"),
    ],
)
def test_impossible_extracts_are_one_line(trained, capfd, words, expected):
    assert run(["export", str(trained / "run"), *words.split(), "-o", str(trained / "no.h5")]) == 2
    message = capfd.readouterr().err.strip()
    assert expected in message
    assert "\n" not in message
    assert not (trained / "no.h5").exists()


def test_the_quiet_state_is_the_fixed_point_without_input(trained, capfd):
    assert run(["fixedpoints", str(trained / "net.h5"), "-o", str(trained / "quiet"), "--json"]) == 0
    [found] = json.loads(capfd.readouterr().out)["archives"].values()
    assert found["n_points"] == 1
    assert found["nearest"] == pytest.approx(1.0)
    assert (trained / "quiet.h5").exists()


def test_the_quiet_state_under_a_weak_input_is_the_input_current(trained, capfd):
    weak = np.linspace(0, 2e-3, 40)
    words = ["--input", ",".join(map(str, weak)), "-o", str(trained / "weak"), "--json"]
    assert run(["fixedpoints", str(trained / "net.h5"), *words]) == 0
    [found] = json.loads(capfd.readouterr().out)["archives"].values()
    with open_archive(trained / "net.h5") as archive:
        current = np.asarray(archive.model.parameters["input_weight"], np.float64) @ weak
        threshold = archive.model.config["threshold"]
        model = load_model(archive.model)
    [state] = np.array(found["states"])
    assert state[slice(*found["layout"]["voltage"])] == pytest.approx(current)
    assert not state[slice(*found["layout"]["adaptation"])].any()
    assert found["nearest"] == pytest.approx((1 - current / threshold).min())
    points = FixedPoints.load(trained / "weak.h5")
    assert points.certified.all()
    assert points.certificate_kind == "bounded"
    quiet = model.quiet()
    tired = torch.cat([torch.as_tensor(current), torch.full((16,), 0.5, dtype=torch.float64)])  # adaptation raises ϑ
    raised = threshold + 0.5 * np.asarray(model.adaptation_strength) - current
    assert np.ptp(np.asarray(model.adaptation_strength)) > 0
    assert quiet.distance_to_threshold(tired).numpy() == pytest.approx(raised / threshold)
    assert points.states.shape == (1, 2 * 16)


def test_a_strong_input_leaves_no_fixed_point(trained, capfd):
    strong = ",".join(["5"] * 40)
    assert run(["fixedpoints", str(trained / "net.h5"), "--input", strong, "-o", str(trained / "loud"), "--json"]) == 1
    [found] = json.loads(capfd.readouterr().out)["archives"].values()
    assert found["n_points"] == 0
    assert found["spiking_units"]
    assert not (trained / "loud.h5").exists()


def test_what_needs_a_smooth_step_says_so(trained, capfd):
    assert run(["lyapunov", str(trained / "net.h5"), "-o", str(trained / "lyapunov")]) == 2
    assert "jumps at threshold" in capfd.readouterr().err
