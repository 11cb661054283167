"""``dynascope continue`` on real files: what it finds, writes and refuses."""

import json

import numpy as np
import pytest

from dynascope.fixedpoints.following.record import BifurcationDiagram
from dynascope.fixedpoints.following.tracking_record import Tracking
from dynascope.readers import Recording, open_archive, write_archive
from dynascope.trainers import get_family, model_record

# The recurrent matrices of three checkpoints, x' = W tanh(x) + u: its point at 0 is lost at gain 1.
GAINS = {"0000000": 0.5, "0000100": 0.8, "final": 2.0}


def checkpoint(model, gain, trials_seen, *, own):
    weights = {**model.arrays(), "recurrent": gain * np.diag([1.0, 0.2]), "input_weight": np.array([[1.0], [0.0]])}
    states = np.random.default_rng(0).uniform(-1.5, 1.5, (8, 10, 2))
    recording = Recording(
        activity=states,
        time=np.arange(10.0),
        states={"x": states},
        attrs={"trials_seen": trials_seen},
        parameters=weights if own else {},
    )
    return weights, recording


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A network of two units, of which one goes through a pitchfork while it learns."""
    config = {"kind": "rnn", "n_units": 2, "n_inputs": 1, "n_outputs": 1, "mode": "disc"}
    model = get_family("three_body").model(config)
    made = {
        name: checkpoint(model, gain, 100 * index, own=name != "final")
        for index, (name, gain) in enumerate(GAINS.items())
    }
    path = tmp_path_factory.mktemp("trained") / "net.h5"
    recordings = {name: recording for name, (_, recording) in made.items()}
    return write_archive(path, recordings, model=model_record(model, made["final"][0]))


def test_along_an_input_by_default(archive, call, tmp_path):
    code, text, _ = call("continue", archive, "-o", tmp_path / "c", "--range", "-1", "1")
    assert code == 0
    found = BifurcationDiagram.load(tmp_path / "c.h5")
    # x = u + 2 tanh x folds where 2 (1 − tanh² x) = 1.
    place = 2 * np.sqrt(0.5) - np.arctanh(np.sqrt(0.5))
    np.testing.assert_allclose(found.of_type("fold"), [-place, place], atol=1e-6)
    assert "fold at p = 0.532" in text
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert found.parameters["archive"] == "net.h5"


def test_along_a_factor_on_the_weights(archive, call, tmp_path):
    code, text, _ = call("continue", archive, "-o", tmp_path / "c", "--weight-scale", "0.1", "1.5", "--json")
    assert code == 0
    found = json.loads(text)
    assert found["special_types"] == ["pitchfork"]
    assert found["special_parameter"] == pytest.approx([0.5], abs=1e-6)


def test_a_named_weight_is_scaled(archive, call, tmp_path):
    options = ["--weight-scale", "0", "3", "--parameter", "input_weight", "--input", "0.3"]
    code, text, _ = call("continue", archive, "-o", tmp_path / "c", *options, "--json")
    assert code == 0
    place = 2 * np.sqrt(0.5) - np.arctanh(np.sqrt(0.5))
    found = json.loads(text)
    assert found["special_types"] == ["fold"]
    assert found["special_parameter"] == pytest.approx([place / 0.3], abs=1e-5)


def test_between_two_checkpoints(archive, call, tmp_path):
    code, text, _ = call("continue", archive, "-o", tmp_path / "c", "--between", "0000000", "final", "--json")
    assert code == 0
    assert json.loads(text)["special_parameter"] == pytest.approx([1 / 3], abs=1e-6)


def test_through_all_checkpoints(archive, call, tmp_path):
    code, text, _ = call("continue", archive, "-o", tmp_path / "c", "--checkpoints", "--format", "svg")
    assert code == 0
    found = Tracking.load(tmp_path / "c.h5")
    assert found.labels.tolist() == [0, 100, 200]
    assert found.counts().tolist() == [1, 1, 3]
    assert sorted(found.event_types) == ["became unstable", "birth", "birth"]
    # Gain 1 on the line from 0.8 to 2.0.
    np.testing.assert_allclose(found.event_label, 100 + 100 / 6, atol=1e-3)
    assert "3 tracks through 3 checkpoints" in text
    assert (tmp_path / "c.svg").exists()


def test_a_trained_low_rank_network(workshop, call, tmp_path):
    code, text, _ = call(
        "continue", workshop / "lowrank_tbrnn.h5", "-o", tmp_path / "c", "--weight-scale", "0", "1", "--max-step", "0.1"
    )
    assert code == 0
    assert "p from 0 to 1" in text


REFUSED = [
    (["--weight-scale", "0", "1", "--checkpoints"], "choose one of them, found 2"),
    (["--weight-scale", "0", "1", "--range", "0", "1"], "--range: goes with --input-channel only"),
    (["--parameter", "recurrent"], "--parameter: goes with --weight-scale only"),
    (["--range", "1", "0"], "--range 1 0: expected two finite numbers, the lower first"),
    (["--weight-scale", "0", "nan"], "--weight-scale 0 nan: expected two finite numbers"),
    (["--input-channel", "1"], "has 1 input channels, numbered from 0"),
    (["--input", "1,2"], "has 1 input channels, found 2 values"),
    (["--weight-scale", "0", "1", "--parameter", "recurent"], "unknown parameter 'recurent': did you mean 'recurrent'"),
    (["--between", "0000000", "finl"], "finl"),
    (["--checkpoints", "--recording", "final"], "uses every recording"),
    (["--starts", "0"], "--starts"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=lambda value: " ".join(value) if value else "")
def test_bad_usage_is_one_line_and_code_2(options, words, archive, call, tmp_path):
    code, out, err = call("continue", archive, "-o", tmp_path / "c", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_tracking_needs_checkpoints_and_a_network(workshop, archive, call, tmp_path):
    code, _, err = call("continue", workshop / "rnn.h5", "-o", tmp_path / "c", "--checkpoints")
    assert code == 2
    assert "dynascope export RUN --checkpoints all" in err
    with open_archive(archive) as opened:
        recording = opened.recordings["final"].load()
        write_archive(tmp_path / "brain.h5", {"final": recording})
    for options in ([], ["--checkpoints"]):
        code, _, err = call("continue", tmp_path / "brain.h5", "-o", tmp_path / "c", *options)
        assert code == 2
        assert "holds no network" in err
