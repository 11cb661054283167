"""Dendritic networks on the command line: train, export with and without drugs, ask for fixed points."""

import json

import numpy as np
import pytest

from dynascope.cli.main import run
from dynascope.fixedpoints import FixedPoints
from dynascope.readers import open_archive

SMALL = [
    "model.n_units=3", "model.normalized_kernels=true", "task.n_channels=10", "task.duration=0.05",
    "task.input_rate=40", "training.n_trials=16", "training.batch_size=16", "training.epochs=2",
    "training.keep_every=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prc")
    options = [word for setting in SMALL for word in ("--set", setting)]
    assert run(["train", "prc", "memorise", *options, "-o", str(folder / "run"), "--quiet"]) == 0
    assert run(["export", str(folder / "run"), "-o", str(folder / "net.h5"), "--quiet"]) == 0
    words = ["--block", "sodium, bap", "-o", str(folder / "drug.h5"), "--quiet"]
    assert run(["export", str(folder / "run"), *words]) == 0
    return folder


def fixed_points(call, folder, name, *words):
    code, out, _ = call("fixedpoints", folder / f"{name}.h5", "-o", folder / f"{name}-points", "--json", *words)
    [found] = json.loads(out)["archives"].values()
    return code, found


def test_export_under_drugs(folder, call):
    with open_archive(folder / "net.h5") as control, open_archive(folder / "drug.h5") as drug:
        assert drug.model.config["block"] == ["sodium", "bap"]
        assert drug.recording().attrs["block"] == "sodium,bap"
        assert np.array_equal(np.asarray(control.recording().inputs), np.asarray(drug.recording().inputs))


@pytest.mark.parametrize("name", ["net", "drug"])
def test_the_quiet_state_is_found_and_proved(folder, call, name):
    code, found = fixed_points(call, folder, name, "--input", ",".join(["0.01"] * 10))
    assert code == 0
    assert found["n_points"] == 1
    points = FixedPoints.load(folder / f"{name}-points.h5")
    assert points.certified.all()
    assert points.stable.all()
    start, stop = found["layout"]["soma"]
    assert found["nearest"] == pytest.approx(1 - points.states[0, start:stop].max() / 15)
    assert (folder / f"{name}-points-modes.h5").exists()


def test_the_drug_is_in_the_fixed_point(folder, call):
    start, stop = fixed_points(call, folder, "net")[1]["layout"]["dendrite_output"]
    at = {
        name: np.array(fixed_points(call, folder, name)[1]["states"])[0, start:stop] for name in ("net", "drug")
    }  # without input: the sigmoid's floor, and nothing
    assert at["net"] == pytest.approx(1 / (1 + np.exp(20)))
    assert not at["drug"].any()


def test_a_strong_input_leaves_no_fixed_point(folder, call):
    code, found = fixed_points(call, folder, "net", "--input", ",".join(["80,-80"] * 5))
    assert code == 1
    assert found["n_points"] == 0
    assert found["spiking_units"]


def test_compartments_are_compared_with_and_without_drugs(folder, call, tmp_path):
    arrays = ["--array", "dendrite", "--array", "soma"]
    words = [*arrays, "-o", tmp_path / "r", "--json"]
    code, out, err = call("recover", folder / "net.h5", folder / "drug.h5", *words)
    assert (code, err) == (0, "")
    [found] = json.loads(out)["students"].values()
    assert found["pairs"] == ["dendrite", "soma"]
    assert "dynamics" not in found  # the step of both jumps
    code, out, _ = call("cka", folder / "net.h5", folder / "net.h5", *words)
    assert code == 0
    assert json.loads(out)["names"] == ["net: dendrite", "net: soma"]


def test_the_final_weights_are_a_checkpoint_once(folder, call, tmp_path):
    assert call("export", folder / "run", "--keep", "all", "--trials", "8", "-o", tmp_path / "all.h5")[0] == 0
    options = ["--stages", "--label", "label", "--stage-mode", "published_windows", "--json"]
    code, out, err = call("psth", tmp_path / "all.h5", *options, "-o", tmp_path / "stages")
    assert code == 0, err
    assert err.startswith("3 checkpoints of 1 network")
    found = json.loads(out)
    assert found["stages"]["trials_seen"] == [0, 16, 32]
    assert found["psth"]["quantity"] == "activity (Hz)"


def test_the_quiet_state_is_that_of_the_chosen_recording(folder, call, tmp_path):
    archive, constant = tmp_path / "all.h5", ["--input", ",".join(["0.01"] * 10), "--json"]
    assert call("export", folder / "run", "--keep", "all", "--trials", "8", "-o", archive)[0] == 0
    at = {}
    for name in ("0000000", "0000032", "final"):
        out = call("fixedpoints", archive, "--recording", name, "-o", tmp_path / name, *constant)[1]
        [found] = json.loads(out)["archives"].values()
        at[name] = np.array(found["states"])
    assert at["final"] == pytest.approx(at["0000032"], abs=1e-6)
    assert not np.allclose(at["final"], at["0000000"], atol=1e-6)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["export", "run", "--block", "sodum", "-o", "no.h5"], "did you mean 'sodium'"),
        (["export", "run", "--block", "calcium", "-o", "no.h5"], "valid: bap, sodium"),
        (["lyapunov", "net.h5", "-o", "no"], "jumps at threshold"),
        (["fixedpoints", "net.h5", "--input", "1,2", "-o", "no"], "has 10 input channels, found 2 values"),
    ],
)
def test_refusals_are_one_line(folder, call, monkeypatch, words, expected):
    monkeypatch.chdir(folder)
    code, _, err = call(*words)
    assert code == 2
    assert expected in err
    assert "\n" not in err.strip()
    assert not (folder / "no.h5").exists()


def test_drugs_during_training(tmp_path, call):
    options = [word for setting in [*SMALL, 'model.block=["bap"]'] for word in ("--set", setting)]
    assert call("train", "prc", "memorise", *options, "-o", tmp_path / "run", "--quiet")[0] == 0
    assert call("export", tmp_path / "run", "-o", tmp_path / "net.h5")[0] == 0
    with open_archive(tmp_path / "net.h5") as archive:
        assert archive.model.config["block"] == ["bap"]
    bad = [*options[:-1], 'model.block=["potassium"]']
    code, _, err = call("train", "prc", "memorise", *bad, "-o", tmp_path / "other", "--quiet")
    assert code == 2
    assert "unknown channel to block 'potassium'" in err


@pytest.mark.parametrize(
    "words",
    [
        ["info", "net.h5"],
        ["validate", "net.h5"],
        ["raster", "net.h5", "-o", "raster"],
        ["unit", "net.h5", "--unit", "0", "--label", "label", "--array", "soma", "-o", "unit"],
    ],
)
def test_commands_for_any_archive(folder, call, monkeypatch, words):
    monkeypatch.chdir(folder)
    assert call(*words)[0] == 0
