"""The commands on real files: what they print, what they write, what they refuse."""

import dataclasses
import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from dynascope.analysis import SimilarityMatrix
from dynascope.fixedpoints import FixedPoints
from dynascope.readers import Recording, open_archive, write_archive
from dynascope.trainers import FAMILIES, get_family, model_record


def test_info_prints_a_tree_and_json(workshop, call):
    code, text, _ = call("info", workshop / "lowrank_rnn.h5")
    assert code == 0
    for word in ("lowrank_rnn on flip_flop", "final: 12 trials × 20 samples × 8 units", "performance", "MB"):
        assert word in text
    code, text, _ = call("info", "--json", workshop / "lowrank_rnn.h5", workshop / "rnn.h5")
    assert code == 0
    assert len(json.loads(text)["archives"]) == 2


def test_validate_says_ok_and_2_for_a_flipped_bit(workshop, call, tmp_path):
    good = workshop / "lowrank_rnn.h5"
    bad = tmp_path / "bad.h5"
    damaged = bytearray(good.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    bad.write_bytes(damaged)
    code, out, err = call("validate", good, bad)
    assert code == 2
    assert f"{good}: ok, digest" in out
    assert str(bad) in err
    assert err.count("\n") == 1


def test_fixedpoints_writes_result_and_picture(workshop, call, tmp_path):
    out = tmp_path / "points"
    code, text, _ = call("fixedpoints", workshop / "lowrank_rnn.h5", "-o", out, "--starts", "64")
    assert code == 0
    assert "reduced dynamics (kappa_1, v_1): the same points" in text
    found = FixedPoints.load(f"{out}.h5")
    assert len(found) >= 1
    assert found.certificate_kind == "bounded"
    assert (tmp_path / "points.png").read_bytes().startswith(b"\x89PNG")


def test_fixedpoints_of_several_networks_and_as_json(workshop, call, tmp_path):
    networks = [workshop / "rnn.h5", workshop / "lowrank_tbrnn.h5"]
    code, text, _ = call(
        "fixedpoints",
        *networks,
        "-o",
        tmp_path / "p",
        "--json",
        "--input",
        "0",
        "--format",
        "svg",
        "--starts",
        "32",
    )
    assert code == 0
    found = json.loads(text)["archives"]
    assert sorted(found) == sorted(map(str, networks))
    assert all(len(values["states"]) == values["n_points"] for values in found.values())
    assert {path.name for path in tmp_path.iterdir()} == {
        f"p-{name}{ending}"
        for name in ("rnn", "lowrank_tbrnn")
        for ending in (".h5", ".svg", "-modes.h5", "-spectrum.svg")
    }


def test_a_network_without_fixed_points_is_exit_code_1(call, tmp_path):
    """The map x' = mean(x) + 1 moves every state up for ever."""
    family = get_family("three_body")
    config = {"kind": "lowrank_rnn", "n_units": 3, "mode": "disc", "nonlinearity": "identity", "input_bias": True}
    model = family.model(config)
    identity = {"two_body_left": np.ones((3, 1)), "two_body_right": np.ones((3, 1)) / 3}
    model.load_arrays({**model.arrays(), **identity, "input_bias": np.ones(3)})
    states = np.random.default_rng(0).normal(size=(4, 6, 3))
    recording = Recording(activity=states, time=np.arange(6.0), states={"x": states})
    path = write_archive(tmp_path / "drift.h5", {"final": recording}, model=model_record(model, model.arrays()))
    code, text, _ = call("fixedpoints", path, "-o", tmp_path / "p", "--starts", "16")
    assert code == 1
    assert "no fixed points found" in text
    assert "no points either" in text
    assert len(FixedPoints.load(tmp_path / "p.h5")) == 0


def test_cka_matrix(workshop, call, tmp_path):
    networks = [workshop / f"{name}.h5" for name in ("rnn", "lowrank_rnn", "lowrank_tbrnn")]
    code, text, _ = call("cka", *networks, "-o", tmp_path / "cka", "--array", "x", "--uncentered", "--json")
    assert code == 0
    values = np.array(json.loads(text)["values"])
    assert values == pytest.approx(SimilarityMatrix.load(tmp_path / "cka.h5").values)
    with h5py.File(networks[0]) as first, h5py.File(networks[1]) as second:
        x, y = (file["recordings/final/states/x"][:].astype(float).reshape(-1, 8) for file in (first, second))
    expected = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
    assert values[0, 1] == pytest.approx(expected, abs=1e-6)


def test_where_chooses_trials(workshop, call, tmp_path):
    networks = [workshop / "rnn.h5", workshop / "lowrank_rnn.h5"]
    everything = json.loads(call("cka", *networks, "-o", tmp_path / "a", "--json")[1])
    chosen = json.loads(
        call("cka", *networks, "-o", tmp_path / "b", "--json", "--where", "n_pulses>2", "--where", "split=test")[1]
    )
    assert everything["values"] != chosen["values"]
    code, _, err = call("cka", *networks, "-o", tmp_path / "c", "--where", "n_pulses>1000")
    assert (code, err.count("\n")) == (2, 1)
    assert "no trial meets n_pulses>1000" in err


def test_recover_of_a_network_by_itself_is_perfect(workshop, call, tmp_path):
    teacher = workshop / "rnn.h5"
    code, text, _ = call("recover", teacher, teacher, "-o", tmp_path / "r", "--json")
    assert code == 0
    report = json.loads(text)["students"][str(teacher)]
    assert np.array(report["r2"]) == pytest.approx(1.0)


def test_recover_replays_a_student_whose_trials_differ(workshop, call, tmp_path):
    assert (
        call(
            "export",
            workshop / "rnn",
            "--network",
            "0",
            "--seed",
            "9",
            "--trials",
            "5",
            "-o",
            tmp_path / "other.h5",
        )[0]
        == 0
    )
    code, text, _ = call("recover", workshop / "rnn.h5", tmp_path / "other.h5", "-o", tmp_path / "r", "--json")
    assert code == 0
    [report] = json.loads(text)["students"].values()
    # The same network on the same inputs, in float64 against the archive's float32.
    assert np.array(report["r2"]) == pytest.approx(1.0, abs=1e-5)


def test_recover_compares_the_arrays_that_are_asked_for(workshop, call, tmp_path):
    teacher, student = workshop / "lowrank_rnn.h5", workshop / "lowrank_tbrnn.h5"
    words = ["-o", tmp_path / "r", "--json"]
    code, text, _ = call("recover", teacher, student, "--array", "kappa", "--array", "activity", *words)
    assert code == 0
    [chosen] = json.loads(text)["students"].values()
    assert chosen["pairs"] == ["kappa", "activity"]
    [default] = json.loads(call("recover", teacher, student, *words)[1])["students"].values()
    assert default["pairs"] == ["states", "rates", "outputs"]
    assert chosen["r2"][1] == default["r2"][1] != chosen["r2"][0]


def test_foreign_recordings_are_compared_like_archives(workshop, call, tmp_path):
    with h5py.File(workshop / "rnn.h5") as file:
        activity = file["recordings/final/activity"][:]
    np.savez(tmp_path / "brain.npz", activity=activity, dt=0.2)
    code, text, _ = call("cka", workshop / "rnn.h5", tmp_path / "brain.npz", "-o", tmp_path / "cka", "--json")
    assert code == 0
    assert np.array(json.loads(text)["values"])[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "words",
    ["fixedpoints", "continue", "continue --checkpoints", "lyapunov", "emergence --at go", "psth --stages", "saccades"],
)
def test_foreign_recordings_have_no_network(words, call, tmp_path):
    np.savez(tmp_path / "brain.npz", activity=np.zeros((2, 3, 4)), dt=0.2)
    code, out, err = call(*words.split(), tmp_path / "brain.npz", "-o", tmp_path / "o")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "a recording of format npz, which holds no network" in err


def test_dry_run_prints_every_option_and_writes_nothing(call, tmp_path):
    code, text, _ = call("train", "three_body", "sine", "--dry-run", "--set", "model.rank=3", "-o", tmp_path / "run")
    assert code == 0
    settings = json.loads(text)
    assert (settings["model"]["rank"], settings["training"]["learning_rate_end"]) == (3, 5e-4)
    assert not (tmp_path / "run").exists()


def test_the_help_of_train_names_every_family_and_task(call):
    _, text, _ = call("train", "--help")
    for name in FAMILIES:
        assert name in text
        assert all(task in text for task in get_family(name).tasks)


def test_a_time_limit_stops_resumably_with_code_3(call, tmp_path):
    arguments = [
        "train",
        "three_body",
        "flip_flop",
        "--set",
        "training.epochs=100000",
        "-o",
        tmp_path / "run",
        "--time-limit",
        "0.2",
    ]
    for _ in range(2):
        code, _, err = call(*arguments)
        assert code == 3
        assert "the same command goes on from there" in err


def test_sigterm_stops_resumably_with_code_3(tmp_path):
    command = [
        sys.executable,
        "-m",
        "dynascope.cli",
        "train",
        "three_body",
        "flip_flop",
        "--set",
        "training.epochs=1000000",
    ]
    process = subprocess.Popen([*command, "-o", str(tmp_path / "run")], stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline().startswith("training 1 × lowrank_rnn")
    time.sleep(3)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "goes on from there" in err
    assert (tmp_path / "run" / "state.h5").exists()


def test_divergence_is_exit_code_1(call, tmp_path):
    code, text, _ = call(
        "train",
        "three_body",
        "flip_flop",
        "--set",
        "training.learning_rate=1e30",
        "--set",
        "training.epochs=5",
        "-o",
        tmp_path / "run",
        "--quiet",
    )
    assert code == 1
    assert "the loss was no longer finite" in text


@pytest.fixture
def bad_files(tmp_path, workshop):
    (tmp_path / "text.h5").write_text("not an archive at all")
    whole = (workshop / "rnn.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    write_archive(
        tmp_path / "brain.h5",
        {"final": Recording(activity=np.random.default_rng(0).normal(size=(3, 5, 4)), time=np.arange(5.0))},
    )
    nan = np.ones((3, 5, 4))
    nan[1, 2, 3] = np.nan
    write_archive(tmp_path / "nan.h5", {"final": Recording(activity=nan, time=np.arange(5.0))})
    with open_archive(workshop / "rnn.h5") as archive:
        weights = {**archive.model.parameters, "recurrent": np.full((8, 8), np.nan)}
        network = dataclasses.replace(archive.model, parameters=weights)
        write_archive(tmp_path / "nan_weights.h5", {"final": archive.recording().load()}, model=network)
    (tmp_path / "config.toml").write_text("[model]\nranks = 3\n")
    return tmp_path


REFUSED = [
    (["trian"], "unknown command 'trian': did you mean 'train'"),
    (["train", "three_body"], "Missing argument 'TASK'"),
    (["train", "three_body", "flip_flop", "-o", "{t}/r", "--set", 'training.frozen=["w"]'], "no parameter 'w'"),
    (["train", "three_body", "flip_flop"], "Missing option '-o' / '--output'"),
    (
        ["train", "three_bdy", "flip_flop", "-o", "{t}/r"],
        "unknown model family 'three_bdy': did you mean 'three_body'",
    ),
    (["train", "three_body", "flop", "-o", "{t}/r"], "unknown task of family three_body 'flop'"),
    (
        ["train", "three_body", "flip_flop", "-o", "{t}/r", "--set", "model.rank=0"],
        "model.rank = 0: expected a number above 0",
    ),
    (["train", "three_body", "flip_flop", "-o", "{t}/r", "--set", "task.n_steps=-1"], "task.n_steps = -1"),
    (
        ["train", "three_body", "flip_flop", "-o", "{t}/r", "--config", "{t}/config.toml"],
        "unknown option in [model] 'ranks': did you mean 'rank'",
    ),
    (
        ["train", "three_body", "flip_flop", "-o", "{t}/r", "--device", "cuda:99"],
        "device 'cuda:99' is not available here",
    ),
    (["train", "three_body", "flip_flop", "-o", "{t}/text.h5/r"], "cannot make this directory"),
    (["train", "three_body", "flip_flop", "-o", "{w}/rnn", "--seed", "3"], "another configuration"),
    (["train", "three_body", "flip_flop", "-o", "{t}/r", "--membres", "3"], "No such option '--membres'"),
    (["export", "{t}"], "expected a training run"),
    (["export", "{w}/rnn", "--network", "4"], "network 4: the run has networks 0 to 0"),
    (["export", "{w}/rnn", "--network", "worst"], "--network worst: expected a number, or best alone"),
    (["export", "{w}/rnn", "--checkpoints", "first"], "expected stages, final, all, or numbers"),
    (["export", "{w}/rnn", "-o", "{t}/text.h5/x.h5", "--network", "0"], "text.h5"),
    (["info", "{t}/absent.h5"], "absent.h5"),
    (["info", "{t}/text.h5"], "text.h5"),
    (["info", "{t}/cut.h5"], "cut.h5"),
    (["fixedpoints", "{t}/brain.h5", "-o", "{t}/p"], "holds no network"),
    (["fixedpoints", "{t}/nan_weights.h5", "-o", "{t}/p"], "parameter 'recurrent': holds values that are not finite"),
    (["fixedpoints", "{w}/rnn.h5", "-o", "{t}/p", "--input", "1,2"], "has 1 input channels, found 2 values"),
    (["fixedpoints", "{w}/rnn.h5", "-o", "{t}/p", "--input", "x"], "expected numbers such as"),
    (["fixedpoints", "{w}/rnn.h5", "-o", "{t}/text.h5/p"], "cannot make this directory"),
    (["fixedpoints", "{w}/rnn.h5", "{w}/rnn.h5", "-o", "{t}/p"], "several files are called rnn"),
    (["recover", "{w}/rnn.h5", "{w}/rnn.h5", "{w}/rnn.h5", "-o", "{t}/p"], "several files are called rnn"),
    (["cka", "{w}/rnn.h5", "-o", "{t}/c"], "at least 2 files"),
    (["cka", "{w}/rnn.h5", "{t}/brain.h5", "-o", "{t}/c"], "samples"),
    (["cka", "{t}/nan.h5", "{t}/brain.h5", "-o", "{t}/c"], "NaN"),
    (
        ["cka", "{w}/rnn.h5", "{w}/rnn.h5", "-o", "{t}/c", "--array", "activty"],
        "unknown array 'activty': did you mean 'activity'",
    ),
    (
        ["recover", "{w}/rnn.h5", "{w}/rnn.h5", "-o", "{t}/r", "--array", "kapa"],
        "unknown array 'kapa'",
    ),
    (
        ["cka", "{w}/rnn.h5", "{w}/rnn.h5", "-o", "{t}/c", "--where", "npulses=2"],
        "unknown trial column 'npulses': did you mean 'n_pulses'",
    ),
    (["cka", "{w}/rnn.h5", "{w}/rnn.h5", "-o", "{t}/c", "--epoch", "delay"], "unknown epoch 'delay'"),
    (["cka", "{w}/rnn.h5", "{w}/rnn.h5", "-o", "{t}/c", "--recording", "finl"], "finl"),
    (
        ["recover", "{w}/rnn.h5", "{t}/brain.h5", "-o", "{t}/r"],
        "cannot be replayed|holds no network to replay",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "words"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_code_2(arguments, words, bad_files, workshop, call):
    before = sorted(path.name for path in bad_files.rglob("*"))
    code, out, err = call(*(argument.format(t=bad_files, w=workshop) for argument in arguments))
    assert code == 2
    assert out == ""
    assert any(word in err for word in words.split("|"))
    last = err.strip().splitlines()
    assert len([line for line in last if not line.startswith("training ")]) == 1
    assert "Traceback" not in err
    assert sorted(path.name for path in bad_files.rglob("*")) == before
