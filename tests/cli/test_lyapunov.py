"""``dynascope lyapunov`` on real files."""

import json

import numpy as np
import pytest

from dynascope.fixedpoints.cycles.spectrum import LyapunovSpectrum
from dynascope.readers import Recording, write_archive
from dynascope.trainers import get_family, model_record


@pytest.fixture
def linear_network(tmp_path):
    """Make the archive of x' = diag(…) x, sampled every 0.2 s: its exponents are the logarithms of the entries."""
    return lambda *diagonal: _linear_network(tmp_path, diagonal)


def _linear_network(tmp_path, entries):
    config = {"kind": "lowrank_rnn", "n_units": 3, "mode": "disc", "nonlinearity": "identity", "rank": 3}
    model = get_family("three_body").model(config)
    diagonal = {"two_body_left": np.diag(entries), "two_body_right": np.eye(3)}
    model.load_arrays({**model.arrays(), **diagonal})
    states = np.random.default_rng(0).normal(size=(4, 6, 3))
    recording = Recording(activity=states, time=0.2 * np.arange(6.0), states={"x": states})
    return write_archive(tmp_path / "linear.h5", {"final": recording}, model=model_record(model, model.arrays()))


def test_exponents_of_a_linear_network_per_step_and_per_second(linear_network, call, tmp_path):
    code, text, _ = call("lyapunov", linear_network(0.9, 0.5, 0.1), "-o", tmp_path / "e", "--json", "--steps", "50")
    assert code == 0
    [values] = json.loads(text)["archives"].values()
    known = np.log([0.9, 0.5, 0.1])
    # Archives hold weights in float32.
    assert values["exponents"] == pytest.approx(known, abs=1e-6)
    assert values["exponents_per_second"] == pytest.approx(known / 0.2, abs=1e-5)
    assert values["verdict"] == "fixed point or periodic orbit"
    assert values["kaplan_yorke"] == 0.0
    assert LyapunovSpectrum.load(tmp_path / "e.h5").exponents == pytest.approx(known, abs=1e-6)
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")


def test_a_network_whose_states_grow_for_ever_is_exit_code_1(linear_network, call, tmp_path):
    code, text, _ = call("lyapunov", linear_network(2.0, 0.5, 0.1), "-o", tmp_path / "e", "--steps", "600")
    assert code == 1
    assert "diverged: no trajectory stayed finite" in text
    assert "8 of 8 trajectories were no longer finite" in text
    assert (tmp_path / "e.h5").exists()


def test_the_table_of_a_trained_network(workshop, call, tmp_path):
    options = ["--steps", "60", "--transient", "40", "--trajectories", "3", "--exponents", "2", "--input", "0.5"]
    code, text, _ = call("lyapunov", workshop / "rnn.h5", "-o", tmp_path / "e", *options)
    assert code in (0, 1)  # a few steps may not be enough to converge
    for words in ("Kaplan-Yorke dimension", "per second", "λ1", "λ2"):
        assert words in text
    assert "λ3" not in text
    found = LyapunovSpectrum.load(tmp_path / "e.h5")
    assert found.trajectory_exponents.shape == (3, 2)
    assert (found.parameters["input"], found.parameters["archive"]) == ("0.5", "rnn.h5")


def test_several_archives_and_the_seed(workshop, call, tmp_path):
    networks = [workshop / "rnn.h5", workshop / "lowrank_rnn.h5"]
    options = ["--steps", "30", "--transient", "5", "--trajectories", "2", "--json"]
    texts = [
        call("lyapunov", *networks, "-o", tmp_path / "e", *options, "--format", "svg", "--seed", seed)[1]
        for seed in ("0", "0", "1")
    ]
    assert texts[0] == texts[1] != texts[2]
    assert sorted(json.loads(texts[0])["archives"]) == sorted(map(str, networks))
    assert {path.name for path in tmp_path.iterdir()} == {
        "e-rnn.h5", "e-rnn.svg", "e-lowrank_rnn.h5", "e-lowrank_rnn.svg",
    }  # fmt: skip


REFUSED = [
    (["{w}/rnn.h5"], "Missing option '-o'"),
    (["{w}/rnn.h5", "-o", "{t}/e", "--exponents", "99"], "from 1 to the number of state variables, 8, found 99"),
    (["{w}/rnn.h5", "-o", "{t}/e", "--steps", "0"], "Invalid value for '--steps'"),
    (["{w}/rnn.h5", "-o", "{t}/e", "--input", "1,2"], "has 1 input channels, found 2 values"),
    (["{t}/brain.h5", "-o", "{t}/e"], "holds no network"),
    (["{t}/absent.h5", "-o", "{t}/e"], "absent.h5"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_bad_input_is_one_line_and_code_2(arguments, words, workshop, call, tmp_path):
    activity = np.random.default_rng(0).normal(size=(3, 5, 4))
    write_archive(tmp_path / "brain.h5", {"final": Recording(activity=activity, time=np.arange(5.0))})
    code, out, err = call("lyapunov", *(argument.format(t=tmp_path, w=workshop) for argument in arguments))
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0
    assert not (tmp_path / "e.h5").exists()
