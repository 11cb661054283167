"""``dynascope dpca`` on an archive and on a NumPy file: what it writes, prints and refuses."""

import json

import numpy as np
import pytest

from dynascope.analysis import DemixedPCA
from dynascope.readers import Recording, write_archive

JOINS = ["--join", "st=s,st", "--join", "dt=d,dt", "--join", "sdt=sd,sdt"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    rng = np.random.default_rng(0)
    cue, choice = np.tile(np.arange(3), 8), np.repeat([0, 1], 12)
    axis = rng.standard_normal(9)
    activity = np.einsum("i,t,u->itu", cue - 1.0, np.hanning(20), axis) + 0.3 * rng.standard_normal((24, 20, 9))
    recording = Recording(
        activity,
        np.arange(20) / 20,
        trials={"cue": cue, "choice": np.array(["left", "right"])[choice]},
        epochs={"delay": (0.5, 0.9)},
        states={"x": 2 * activity},
    )
    return write_archive(tmp_path_factory.mktemp("dpca") / "recording.h5", {"final": recording})


def test_dpca_writes_a_result_and_a_picture(archive, call, tmp_path):
    out = tmp_path / "found"
    arguments = ["--factor", "s=cue", "--factor", "d=choice", *JOINS, "--regularizer", "auto", "--components", "2"]
    code, text, _ = call("dpca", archive, *arguments, "-o", out, "--permutations", "40")
    assert code == 0
    assert text.startswith("demixed PCA of 24 trials × 20 times × 9 units: 3 s × 2 d, 4 to 4 trials per cell")
    assert "best of 45 on 3 splits" in text
    found = DemixedPCA.load(f"{out}.h5")
    assert found.marginalizations == ("st", "dt", "t", "sdt")
    assert found.levels["d"] == ["left", "right"]
    assert found.marginal_variance["st"] > 0.9
    assert found.time[-1] == 0.95
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_dpca_of_part_of_a_file_as_json(archive, call, tmp_path):
    options = ["--epoch", "delay", "--where", "choice=left", "--array", "x", "--json", "--format", "svg"]
    code, text, _ = call("dpca", archive, "--factor", "s=cue", "--components", "1", *options, "-o", tmp_path / "part")
    assert code == 0
    values = json.loads(text)
    assert values["marginalizations"] == ["s", "t", "st"]
    assert np.shape(values["component_matrix"]) == (3, 3, 8)
    assert values["trials_per_cell"] == [4, 4, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.h5", "part.svg"]


def test_the_default_number_of_components_suits_few_units(archive, call, tmp_path):
    code, _, _ = call("dpca", archive, "--factor", "s=cue", "--engine", "package", "-o", tmp_path / "few")
    assert code == 0
    assert DemixedPCA.load(tmp_path / "few.h5").sizes == (9, 9, 9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--factor", "s=cues"], "unknown trial column 'cues': did you mean 'cue'?"),
        (["--factor", "cue"], "--factor cue: expected NAME=VALUE"),
        (["--factor", "s=cue", "--factor", "s=choice"], "found the same letter twice"),
        (["--factor", "t=cue"], "the letter 't' stands for time"),
        (["--factor", "s=cue", "--regularizer", "much"], "--regularizer much: expected 'auto' or a number"),
        (["--factor", "s=cue", "--join", "st=s,x"], "unknown marginalization 'x'"),
        (["--factor", "s=cue", "--components", "10", "--array", "y"], "unknown array 'y'"),
        (["--factor", "s=cue", "--components", "11"], "too many for 9 units"),
        ([], "Missing option '--factor'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(archive, call, tmp_path, arguments, words):
    code, out, err = call("dpca", archive, *arguments, "-o", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert words in err
    assert not list(tmp_path.iterdir())
