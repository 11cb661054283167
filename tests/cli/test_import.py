"""dynascope import and convert: what they understand, say, write and refuse; foreign files in other commands."""

import json
import shutil

import numpy as np
import pytest
import scipy.io

from dynascope.readers import Recording, convert, open_archive, read_recording

RANDOM = np.random.default_rng(0)
TIME = np.arange(10) * 0.05


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Counts of six units on eight trials, as an NWB file."""
    counts = RANDOM.poisson(1.0, (8, 10, 6)).astype("f4")
    recording = Recording(
        counts,
        TIME,
        trials={"angle": (np.arange(8) % 4 * 1.5, "rad"), "fold": ["train", "valid"] * 4},
        units={"area": list("aaabbb")},
        epochs={"cue": (0.1, 0.3)},
        array_units={"activity": "spikes"},
    )
    return convert(recording, tmp_path_factory.mktemp("nwb") / "session.nwb", "nwb")


@pytest.fixture(scope="module")
def matlab(tmp_path_factory):
    path = tmp_path_factory.mktemp("mat") / "data.mat"
    trials = {"angle": np.arange(8.0), "cue": np.array(list("abababab"), object)}
    scipy.io.savemat(path, {"data": {"rates": RANDOM.normal(size=(6, 10, 8)), "t": TIME * 1e3, "trials": trials}})
    return path


def test_import_says_what_it_understood_and_writes_an_archive(session, call, tmp_path):
    code, text, _ = call("import", session, "--bin", "0.05", "-o", tmp_path / "a.h5")
    assert code == 0
    for words in ("session.nwb: nwb", "8 trials × 10 samples × 6 units", "activity (8, 10, 6) float32 spikes",
                  "trials  id, start_time [s], stop_time [s], angle, fold", "units   id, area", "cue 0.1–0.3 s",
                  "read as activity: spikes of /units, counts in bins of 0.05 s", "time 0 at time_zero",
                  "left out /processing/dynascope/activity (TimeSeries)", f"{tmp_path}/a.h5: written"):  # fmt: skip
        assert words in text
    with open_archive(tmp_path / "a.h5") as archive:
        found = archive.recording()
        np.testing.assert_array_equal(found.activity, read_recording(session, series="activity").activity)
        (source,) = archive.provenance["history"]
    assert source["imported"] == "session.nwb"
    assert source["options"] == {"bin": 0.05}
    assert len(source["sha256"]) == 64
    assert call("validate", tmp_path / "a.h5")[0] == 0


def test_import_without_a_target_only_says_what_it_found(matlab, call, tmp_path):
    options = ["--axes", "unit,time,trial", "--read", "activity=rates", "--read", "time_unit=ms"]
    code, text, _ = call("import", matlab, *options, "--json")
    assert code == 0
    answer = json.loads(text)
    assert answer["format"] == "matlab"
    assert "archive" not in answer
    assert answer["recording"]["n_units"] == 6
    np.testing.assert_allclose(answer["recording"]["time"], [0, 0.45])


def test_import_refuses_in_one_line(session, matlab, call, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for arguments, words in (
        ([tmp_path / "notes.txt"], "no known format (archive: no HDF5 signature; npz: "),
        ([tmp_path / "missing.nwb"], "there is no such file"),
        ([session, "--align", "angel"], "unknown column or interval 'angel': did you mean 'angle'"),
        ([session, "--read", "align"], "--read align: expected KEY=VALUE"),
        ([session, "--read", "bin=1", "--read", "bin=2"], "--read bin=2: bin was given before"),
        ([session, "--read", "bin=wide"], "bin: found 'wide', expected a number above 0"),
        ([session, "--read", "dt=1"], "unknown option of format 'nwb' 'dt'"),
        ([session, "--format", "nbw"], "unknown format 'nbw': did you mean 'nwb'"),
        ([matlab, "--axes", "unit,times,trial"], "unknown axis 'times': did you mean 'time'"),
    ):
        code, out, err = call("import", *arguments, "-o", tmp_path / "a.h5")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("target", ["nwb", "npz"])
def test_convert_and_import_give_the_same_recording(target, workshop, call, tmp_path):
    path = tmp_path / f"a.{target}"
    code, text, _ = call("convert", workshop / "rnn.h5", "--to", target, "-o", path)
    assert code == 0
    assert f"12 trials × 20 samples × 8 units as {target}" in text
    with open_archive(workshop / "rnn.h5") as archive:
        original = archive.recording().load()
    options = {"series": "activity"} if target == "nwb" else {}
    found = read_recording(path, **options)
    np.testing.assert_array_equal(found.activity, original.activity)
    np.testing.assert_allclose(found.time, original.time, atol=1e-9)
    np.testing.assert_array_equal(found.inputs, original.inputs)


def test_convert_to_lfads_with_its_options(session, call, tmp_path):
    options = ["--read", "bin=0.05", "--epoch", "cue", "--write", "split=fold"]
    code, text, _ = call("convert", session, "--to", "lfads", "-o", tmp_path / "l.h5", *options)
    assert code == 0
    assert "8 trials × 4 samples × 6 units as lfads" in text
    assert "left out trials, units" in text
    code, _, err = call("convert", session, "--to", "lfads", "-o", tmp_path / "m.h5", "--write", "splt=fold")
    assert (code, err.count("\n")) == (2, 1)
    assert "unknown option of format 'lfads' 'splt': did you mean 'split'" in err
    assert not (tmp_path / "m.h5").exists()


def test_analyses_take_foreign_files_with_reader_options(session, call, tmp_path):
    other = convert(read_recording(session, series="activity"), tmp_path / "other.npz", "npz")
    twin = shutil.copy(session, tmp_path / "twin.nwb")
    code, _, err = call("cka", session, twin, "-o", tmp_path / "cka", "--read", "bin=0.05", "--where", "angle>1")
    assert code == 0, err
    assert (tmp_path / "cka.h5").exists()
    code, _, err = call("cka", session, other, "-o", tmp_path / "cka", "--read", "bin=0.05")
    assert code == 2
    assert "unknown option of format 'npz' 'bin'" in err
