"""The command ``similarity``: every measure on networks and on arrays of other programs."""

import json

import numpy as np
import pytest

from dynascope import analysis
from dynascope.analysis import SimilarityMatrix
from dynascope.cli.similarity import MEASURES
from dynascope.readers import Recording, write_archive


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three recordings of the same trials and two conditions."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(0)
    choice = np.repeat([0, 1, 2, 3], 4)
    sources = np.cumsum(rng.standard_normal((16, 10, 3)), axis=1) + rng.standard_normal((4, 1, 3))[choice]
    found = {}
    for name, units in (("a", 4), ("b", 5), ("c", 6)):
        activity = sources @ rng.standard_normal((3, units)) + 0.3 * rng.standard_normal((16, 10, units))
        states = {"soma": np.cumsum(activity, axis=1)}
        recording = Recording(activity=activity, time=0.1 * np.arange(10), trials={"choice": choice}, states=states)
        write_archive(folder / f"{name}.h5", {"final": recording})
        found[name] = activity
    return folder, found, choice


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_writes_its_matrix_and_picture(measure, recordings, call, tmp_path):
    folder, _, _ = recordings
    files = [folder / f"{name}.h5" for name in "abc"]
    options = {"rsa": ["--label", "choice"], "dsa": ["--rank", "3"]}.get(measure, [])
    code, text, err = call("similarity", *files, "--measure", measure, *options, "-o", tmp_path / "out", "--json")
    assert (code, err) == (0, "")
    saved = SimilarityMatrix.load(tmp_path / "out.h5")
    assert np.array(json.loads(text)["values"]) == pytest.approx(saved.values)
    assert saved.names == ("a", "b", "c")
    assert (tmp_path / "out.png").stat().st_size > 20_000


def test_rsa_compares_the_means_of_conditions(recordings, call, tmp_path):
    folder, activity, choice = recordings
    files = [folder / "a.h5", folder / "b.h5"]
    _, text, _ = call("similarity", *files, "--measure", "rsa", "--label", "choice", "-o", tmp_path / "o", "--json")
    rows = [
        analysis.dissimilarities(activity[name].mean(axis=1), choice, method="euclidean").values for name in ("a", "b")
    ]
    expected = analysis.compare_dissimilarities(*rows)[0, 0]
    assert json.loads(text)["values"][0][1] == pytest.approx(expected, abs=1e-6)


def test_predictivity_leaves_whole_trials_out(recordings, call, tmp_path):
    folder, activity, _ = recordings
    files = [folder / "a.h5", folder / "b.h5"]
    _, text, _ = call("similarity", *files, "--measure", "predictivity", "-o", tmp_path / "o", "--json")
    flat = [analysis.flatten_samples(activity[name]) for name in ("a", "b")]
    expected = analysis.linear_predictivity(*flat, groups=np.repeat(np.arange(16), 10))
    values = np.array(json.loads(text)["values"])
    assert [values[0, 1], values[1, 0]] == pytest.approx(expected.r2, abs=1e-5)


def test_cka_is_that_of_the_command_cka(recordings, call, tmp_path):
    folder, _, _ = recordings
    files = [folder / f"{name}.h5" for name in "abc"]
    one = call("similarity", *files, "-o", tmp_path / "a", "--json")[1]
    other = call("cka", *files, "-o", tmp_path / "b", "--json")[1]
    assert json.loads(one)["values"] == json.loads(other)["values"]


@pytest.mark.parametrize("command", ["cka", "similarity"])
def test_an_array_for_each_archive(command, recordings, call, tmp_path):
    folder, activity, _ = recordings
    files = [folder / "a.h5", folder / "a.h5", folder / "b.h5"]
    arrays = ["activity", "soma", "states/soma"]
    words = [word for array in arrays for word in ("--array", array)]
    code, text, err = call(command, *files, *words, "-o", tmp_path / "out", "--json")
    assert (code, err) == (0, "")
    found = json.loads(text)
    assert found["names"] == ["a: activity", "a: soma", "b: states/soma"]
    soma = {name: np.cumsum(activity[name], axis=1) for name in ("a", "b")}
    flat = [analysis.flatten_samples(each) for each in (activity["a"], soma["a"], soma["b"])]
    assert np.array(found["values"]) == pytest.approx(analysis.cka_matrix(flat), abs=1e-5)


def test_one_array_for_all_archives_needs_no_name(recordings, call, tmp_path):
    folder, activity, _ = recordings
    text = call("cka", folder / "a.h5", folder / "b.h5", "--array", "soma", "-o", tmp_path / "out", "--json")[1]
    found = json.loads(text)
    assert found["names"] == ["a", "b"]
    flat = [analysis.flatten_samples(np.cumsum(activity[name], axis=1)) for name in ("a", "b")]
    assert found["values"][0][1] == pytest.approx(analysis.cka(*flat), abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.h5"], "at least 2 files"),
        (["a.h5", "a.h5"], "a.h5: found twice, with the array activity"),
        (["a.h5", "a.h5", "--array", "soma"], "a.h5: found twice, with the array soma"),
        (["a.h5", "b.h5", "c.h5", "--array", "soma", "--array", "activity"], "one for each of the 3, found 2"),
        (["a.h5", "b.h5", "--array", "soma", "--array", "sma"], "b.h5: unknown array 'sma': did you mean 'soma'"),
        (["a.h5", "b.h5", "--measure", "rsa"], "name their trial column with --label"),
        (["a.h5", "b.h5", "--label", "chioce"], "unknown trial column 'chioce': did you mean 'choice'"),
        (["a.h5", "b.h5", "--measure", "cca", "--rank", "3"], "option of measure 'cca'"),
        (["a.h5", "b.h5", "--measure", "dsa", "--rank", "9"], "has 4 dimensions"),
    ],
)
def test_refusals_are_one_line(arguments, message, recordings, call, tmp_path):
    folder, _, _ = recordings
    files = [folder / word if word.endswith(".h5") else word for word in arguments]
    code, _, err = call("similarity", *files, "-o", tmp_path / "o")
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
