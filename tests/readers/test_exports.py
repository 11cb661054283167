"""Recordings in other programs' formats: read back equal, valid by the standard, whole or not at all."""

import datetime
import subprocess
import sys

import h5py
import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.readers import convert, read_recording


def same_tables(first, second, names):
    for name in names:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.fixture
def ragged(recording):
    """A recording whose third trial is shorter, with counts, on a clock that begins before zero."""
    original = recording(0)
    arrays = {name: np.asarray(array, float).copy() for name, array in original.arrays().items() if "para" not in name}
    for array in arrays.values():
        array[2, 4:] = np.nan
    states = {name: arrays[f"states/{name}"] for name in original.states}
    trials = {**original.trials, "n_samples": np.array([6, 6, 4, 6])}
    epochs = {"cue": (-0.04, 0.0), "go": np.array([[0, 0.04], [0, 0.06], [np.nan, np.nan], [0, 0.06]])}
    return recording(
        0, activity=arrays["activity"].astype("f4"), time=original.time - 0.04, trials=trials, epochs=epochs,
        inputs=arrays["inputs"], outputs=arrays["outputs"], targets=arrays["targets"], mask=arrays["mask"],
        states=states, attrs={"rule": "odr", "performance": 0.9, "identifier": "m1", "species": "Mus musculus"},
    )  # fmt: skip


def test_an_npz_file_reads_back_equal(ragged, tmp_path):
    found = read_recording(convert(ragged, tmp_path / "a.npz", "npz", compress=True))
    for name, array in ragged.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array)
    same_tables(found.trials, ragged.trials, ragged.trials)
    same_tables(found.units, ragged.units, ragged.units)
    same_tables(found.epochs, ragged.epochs, ragged.epochs)
    assert dict(found.attrs) == dict(ragged.attrs)


def test_an_nwb_file_reads_back_equal(ragged, tmp_path):
    found = read_recording(convert(ragged, tmp_path / "a.nwb", "nwb"), series="activity")
    np.testing.assert_allclose(found.time, ragged.time, atol=1e-12)
    for name, array in ragged.arrays().items():
        if not name.startswith("parameters/"):
            np.testing.assert_array_equal(found.arrays()[name], array)
    same_tables(found.trials, ragged.trials, ragged.trials)
    same_tables(found.units, ragged.units, ragged.units)
    for name, edges in ragged.epochs.items():
        np.testing.assert_allclose(found.epochs[name], edges, atol=1e-12)
    assert found.array_units["activity"] == "Hz"
    assert {name: found.attrs[name] for name in ragged.attrs} == dict(ragged.attrs)


def test_spikes_of_an_nwb_file_count_to_what_was_written(ragged, tmp_path):
    found = read_recording(convert(ragged, tmp_path / "a.nwb", "nwb"), bin=0.02)
    np.testing.assert_array_equal(found.activity, ragged.states["spikes"])
    np.testing.assert_allclose(found.time, ragged.time, atol=1e-12)


def test_many_spikes_in_a_sample_are_spread_and_counted_again(recording, tmp_path):
    counts = np.random.default_rng(0).poisson(3, (4, 6, 5)).astype("f4")
    path = convert(recording(0, activity=counts, states={}, array_units={"activity": "spikes"}), tmp_path / "a", "nwb")
    with h5py.File(path) as file:
        times, ends = file["units/spike_times"][:], file["units/spike_times_index"][:]
    assert all((np.diff(unit) > 0).all() for unit in np.split(times, ends)[:-1])
    np.testing.assert_array_equal(read_recording(path, bin=0.02).activity, counts)


def test_the_nwb_file_has_what_the_standard_asks_for(ragged, tmp_path):
    path = convert(ragged, tmp_path / "a.nwb", "nwb", session_start="2024-05-01T10:00:00+02:00", description="one day")
    with h5py.File(path) as file:
        assert file.attrs["neurodata_type"] == "NWBFile"
        assert file.attrs["nwb_version"].startswith("2.")
        assert file["session_start_time"].asstr()[()] == "2024-05-01T10:00:00+02:00"
        assert file["session_description"].asstr()[()] == "one day"
        assert datetime.datetime.fromisoformat(file["file_create_date"].asstr()[0]).tzinfo
        for name in ("identifier", "timestamps_reference_time", "acquisition", "analysis", "processing", "general",
                     "stimulus/presentation", "stimulus/templates"):  # fmt: skip
            assert name in file
        series = file["processing/dynascope/activity"]
        assert series["data"].shape == (22, 5)
        assert series["timestamps"] == file["processing/dynascope/inputs/timestamps"]
        assert (np.diff(series["timestamps"][:]) > 0).all()
        assert list(file["intervals/trials"].attrs["colnames"])[:3] == ["start_time", "stop_time", "time_zero"]
        identifiers = []
        file.visititems(lambda _, item: identifiers.append(item.attrs.get("object_id")))
        identifiers = [found for found in identifiers if found]
        assert len(identifiers) == len(set(identifiers)) > 20


def test_pynwb_finds_no_fault(ragged, tmp_path):
    pynwb = pytest.importorskip("pynwb")
    path = convert(ragged, tmp_path / "a.nwb", "nwb")
    assert not pynwb.validate(path=str(path))


def test_an_imported_session_keeps_its_columns(ragged, tmp_path):
    first = read_recording(convert(ragged, tmp_path / "a.nwb", "nwb"), series="activity")
    again = read_recording(convert(first, tmp_path / "b.nwb", "nwb"), series="activity")
    np.testing.assert_array_equal(again.activity, first.activity)
    np.testing.assert_array_equal(again.trials["start_in_session"], first.trials["start_time"])
    np.testing.assert_array_equal(again.trials["id"], first.trials["id"])


def test_lfads_files(recording, tmp_path):
    split = recording(0, n_trials=10, trials={"fold": ["train"] * 7 + ["valid"] * 3})
    options = {"array": "spikes", "truth": "activity", "split": "fold", "conversion_factor": 0.02}
    with h5py.File(convert(split, tmp_path / "a.h5", "lfads", **options)) as file:
        np.testing.assert_array_equal(file["train_encod_data"], split.states["spikes"][:7])
        np.testing.assert_array_equal(file["valid_recon_data"], split.states["spikes"][7:])
        np.testing.assert_array_equal(file["valid_truth"], split.activity[7:])
        np.testing.assert_array_equal(file["train_ext_input"], split.inputs[:7].astype("f4"))
        np.testing.assert_array_equal(file["valid_inds"], [7, 8, 9])
        assert file["conversion_factor"][()] == 0.02
        assert file["train_encod_data"].dtype == np.float32


def test_lfads_trials_are_drawn_by_the_seed(recording, tmp_path):
    drawn = []
    for seed in (0, 0, 1):
        path = convert(recording(0, n_trials=10, inputs=None), tmp_path / "a.h5", "lfads", seed=seed, validation=0.3)
        with h5py.File(path) as file:
            rows = [file[f"{part}_inds"][:].tolist() for part in ("train", "valid")]
            assert "train_ext_input" not in file
        assert sorted(rows[0] + rows[1]) == list(range(10))
        assert len(rows[1]) == 3
        drawn.append(rows[1])
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("to", "options", "words"),
    [
        ("nbw", {}, "unknown format 'nbw': did you mean 'nwb'"),
        ("nwb", {"sesion_start": "x"}, "unknown option of format 'nwb' 'sesion_start'"),
        ("nwb", {"session_start": "yesterday"}, "session_start: found 'yesterday', expected a time such as"),
        ("nwb", {"session_start": "2024-05-01T10:00:00"}, "session_start: found"),
        ("lfads", {"array": "rates"}, "unknown array 'rates'"),
        ("lfads", {"array": "voltage"}, r"voltage: found shape \(4, 6, 5, 2\)"),
        ("lfads", {"split": "angel"}, "unknown trial column 'angel': did you mean 'angle'"),
        ("lfads", {"split": "cue"}, "column 'cue' holds 'cue 0 é', expected train or valid"),
        ("lfads", {"validation": 2}, "validation: found 2, expected a fraction between 0 and 1"),
    ],
)
def test_impossible_requests_leave_the_file_as_it_was(to, options, words, recording, tmp_path):
    path = tmp_path / "out"
    path.write_text("before")
    with pytest.raises(InputError, match=words):
        convert(recording(0), path, to, **options)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_gaps_are_refused_by_lfads(ragged, tmp_path):
    with pytest.raises(InputError, match=r"activity: found nan at \(trial, time, unit\) \(2, 4, 0\)"):
        convert(ragged, tmp_path / "a.h5", "lfads")


FILL_THE_DISK = """
import resource, sys
import numpy as np
from dynascope.errors import DynascopeError
from dynascope.readers import Recording, convert
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
recording = Recording(np.random.default_rng(0).normal(size=(40, 50, 60)), np.arange(50) / 10)
for to in ("nwb", "lfads", "npz"):
    try:
        convert(recording, f"{sys.argv[1]}/{to}", to)
    except DynascopeError as error:
        print(error)
"""


def test_a_full_disk_leaves_no_file(tmp_path):
    command = [sys.executable, "-c", FILL_THE_DISK, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = [f"{tmp_path}/{to}: could not be written: File too large" for to in ("nwb", "lfads", "npz")]
    assert answer.stdout.splitlines() == expected
    assert list(tmp_path.iterdir()) == []
