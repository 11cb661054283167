"""NWB files: spikes and signals cut into trials, what is known of units and trials, what is said of the rest."""

from pathlib import Path

import h5py
import numpy as np
import nwb_files
import pytest

from dynascope.errors import ArchiveError, InputError
from dynascope.readers import read_recording

REAL = Path(__file__).parents[3] / "shared" / "data" / "A8604-211122.nwb"


@pytest.fixture
def path(tmp_path):
    return nwb_files.write(tmp_path / "session.nwb")


def changed(path, change):
    """Return the session with one change."""

    def fill(file):
        nwb_files.session(file)
        change(file)

    return nwb_files.write(path.with_name("changed.nwb"), fill)


def histograms(moments, edges):
    return np.stack([np.stack([np.histogram(s - m, edges)[0] for s in nwb_files.SPIKES], -1) for m in moments])


def test_trials_are_cut_from_their_start_to_their_stop(path):
    found = read_recording(path, bin=0.1)
    assert found.activity.shape == (3, 10, 3)
    expected = histograms(nwb_files.STARTS, 0.1 * np.arange(11)).astype(float)
    expected[0, 8:] = np.nan
    np.testing.assert_array_equal(found.activity, expected)
    assert found.trials["n_samples"].tolist() == [8, 10, 10]
    assert found.array_units == {"activity": "spikes"}
    assert found.trials["correct"].dtype == bool
    assert found.trials.unit("start_time") == "s"


def test_trials_are_aligned_to_a_column_and_those_without_it_left_out(path):
    found = read_recording(path, align="go_time", window=(-0.4, 0.2), bin=0.2)
    np.testing.assert_array_equal(found.activity, histograms([0.5, 3.4], [-0.4, -0.2, 0.0, 0.2]))
    assert found.trials["choice"].tolist() == ["left", "left"]
    assert "1 of 3 trials without a go_time left out: rows 1" in found.attrs["read_as"]
    np.testing.assert_allclose(found.time, [-0.3, -0.1, 0.1])


def test_trials_are_aligned_to_other_intervals(path):
    by_table = read_recording(path, align="epochs", window=(0, 1), bin=0.5)
    np.testing.assert_array_equal(by_table.activity, histograms([0.0, 2.5], [0, 0.5, 1]))
    by_column = read_recording(path, align="epochs.stop_time", window=(-1, 0), bin=0.5)
    np.testing.assert_array_equal(by_column.activity, histograms([2.5, 5.0], [-1, -0.5, 0]))


def test_columns_of_units_say_where_they_are(path):
    units = read_recording(path).units
    assert units["area"].tolist() == ["V1", "V1", "V4"]
    assert units["group"].tolist() == ["a", "a", "b"]
    assert units["quality"].tolist() == ["good", "mua", "good"]


def test_without_electrodes_the_group_of_electrodes_says_it(path):
    def grouped(file):
        del file["units/electrodes"], file["units/electrodes_index"]
        groups = []
        for name, area in (("probe1", "V1"), ("probe2", "MT")):
            group = nwb_files.typed(file.create_group(f"general/extracellular_ephys/{name}"), "ElectrodeGroup")
            group.attrs["location"] = area
            groups.append(group.ref)
        references = np.array([groups[0], groups[1], groups[1]], h5py.ref_dtype)
        file["units"].create_dataset("electrode_group", data=references, dtype=h5py.ref_dtype)
        file["units"].attrs["colnames"] = ["spike_times", "electrode_group"]

    units = read_recording(changed(path, grouped)).units
    assert units["area"].tolist() == ["V1", "MT", "MT"]
    assert units["electrode_group"].tolist() == ["probe1", "probe2", "probe2"]


def test_pairs_of_columns_moments_and_intervals_become_epochs(path):
    found = read_recording(path, bin=0.1)
    np.testing.assert_allclose(found.epochs["cue"], [0.1, 0.3])
    np.testing.assert_allclose(found.epochs["go"], [[0.5, 0.5], [np.nan, np.nan], [0.4, 0.4]])
    np.testing.assert_allclose(found.epochs["early"], [[0, 1], [0, 1], [np.nan, np.nan]])
    assert {"cue_start_time", "cue_stop_time"}.isdisjoint(found.trials)
    assert "go_time" in found.trials


def test_a_duration_is_no_moment(path):
    def reacting(file):
        nwb_files.column(file["intervals/trials"], "reaction_time", [0.3, 0.2, 0.25])
        file["intervals/trials"].attrs["colnames"] = ["start_time", "stop_time", "reaction_time"]

    found = read_recording(changed(path, reacting))
    assert "reaction" not in found.epochs
    assert found.trials["reaction_time"].tolist() == [0.3, 0.2, 0.25]


def test_what_is_not_in_the_recording_is_named(path):
    left_out = read_recording(path).attrs["left_out"]
    assert "/intervals/trials/licks" in left_out
    assert "/units/waveform_mean" in left_out
    assert "/acquisition/lfp (TimeSeries)" in left_out


def test_times_outside_the_observed_ones_are_missing(path):
    def observed(file):
        units = file["units"]
        nwb_files.column(units, "obs_intervals", [[0.0, 1.5], [0.0, 9.0], [0.0, 9.0]])
        nwb_files.column(units, "obs_intervals_index", np.array([1, 2, 3], "u1"))
        units.attrs["colnames"] = ["spike_times", "obs_intervals"]

    activity = read_recording(changed(path, observed), align="start_time", window=(0, 1), bin=0.25).activity
    np.testing.assert_array_equal(np.isnan(activity[:, :, 0]), [[0] * 4, [0, 0, 1, 1], [1] * 4])
    assert not np.isnan(activity[:, :, 1:]).any()


def test_trials_that_touch_invalid_times_are_marked(path):
    def invalid(file):
        times = {"start_time": np.array([1.5]), "stop_time": np.array([1.6])}
        nwb_files.table(file, "intervals/invalid_times", times, "TimeIntervals")

    found = read_recording(changed(path, invalid))
    assert found.trials["invalid_times"].tolist() == [False, True, False]
    assert "invalid_times" not in found.epochs


def test_a_series_is_read_in_its_unit(path):
    found = read_recording(path, series="lfp", align="go_time", window=(-0.05, 0.05))
    np.testing.assert_allclose(found.time, np.arange(-5, 5) / 100, atol=1e-12)
    rows = np.arange(45, 55)
    np.testing.assert_array_equal(found.activity[0], 0.5 * np.stack([2 * rows, 2 * rows + 1], axis=1) + 1.0)
    assert found.array_units == {"activity": "V"}
    means = read_recording(path, series="/acquisition/lfp", align="go_time", window=(-0.05, 0.05), bin=0.05)
    np.testing.assert_allclose(means.activity[0], found.activity[0].reshape(2, 5, 2).mean(axis=1))


def test_without_trials_the_session_is_one(path):
    def no_trials(file):
        del file["intervals"]

    bare = changed(path, no_trials)
    found = read_recording(bare, bin=0.5)
    np.testing.assert_array_equal(found.activity, histograms([0.0], 0.5 * np.arange(8)))
    assert any("no trials" in line for line in found.attrs["read_as"])
    part = read_recording(bare, series="lfp", window=(1.0, 2.0))
    np.testing.assert_allclose(part.time, 1 + np.arange(100) / 100)


def test_columns_of_channels_come_from_their_table(path):
    def rois(file):
        planes = nwb_files.table(file, "processing/ophys/planes", {"location": np.array(["V1", "LM", "AL"])})
        dff = nwb_files.series(file, "processing/ophys/dff", np.ones((40, 2)), stamps=np.arange(40) / 10,
                               kind="RoiResponseSeries")  # fmt: skip
        region = dff.create_dataset("rois", data=[2, 0])
        region.attrs["table"] = planes.ref
        file["units/spike_times_index"][:] = 0

    found = read_recording(changed(path, rois), series="dff", window=(0, 0.5), align="start_time")
    assert found.units["area"].tolist() == ["AL", "V1"]


def test_trials_outside_a_signal_are_left_out_and_noted(path):
    def short(file):
        nwb_files.series(file, "processing/short", np.ones((15, 2)), rate=10.0)

    found = read_recording(changed(path, short), series="short")
    assert found.n_trials == 2
    assert "1 of 3 trials outside the data left out: [2]" in found.attrs["read_as"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"align": "go_tme"}, "unknown column or interval 'go_tme': did you mean 'go_time'"),
        ({"align": "choice"}, "align: /intervals/trials/choice holds no times"),
        ({"series": "lpf"}, "unknown time series 'lpf': did you mean 'lfp'"),
        ({"align": "go_time", "window": (-1, 1), "bin": 0.3}, "not a whole number of bins of 0.3 s"),
        ({"align": "go_time", "window": (100, 101), "series": "lfp"}, "no trial lies within the data, 0 to 4.99 s"),
        ({"bin": "wide"}, "bin: found 'wide', expected a number above 0"),
        ({"window": 3}, "window: found 3, expected two numbers"),
        ({"binn": 1}, "unknown option of format 'nwb' 'binn': did you mean 'bin'"),
        ({"bin": 1e-7}, r"counts of shape .*: found more than \d+ bytes of data, .*give max_bytes"),
    ],
)
def test_impossible_options_are_refused(options, words, path):
    with pytest.raises(InputError, match=words) as error:
        read_recording(path, **options, **({"max_bytes": 10**8} if options.get("bin") == 1e-7 else {}))
    assert "bin: found" in str(error.value) or "window: found" in str(error.value) or str(path) in str(error.value)


def test_a_file_without_spikes_and_with_several_series_asks_which(path):
    def two(file):
        del file["units"]
        nwb_files.series(file, "processing/eyes", np.ones((40, 2)), rate=10.0)

    with pytest.raises(ArchiveError, match=r"no spike times and /processing/eyes \(40, 2\), .*lfp.*; give series=NAME"):
        read_recording(changed(path, two))


@pytest.mark.skipif(not REAL.exists(), reason="the shared recordings are not here")
def test_a_real_recording():
    found = read_recording(REAL)
    assert found.n_units == 3
    assert found.activity.sum() == 21_354
    assert "wake" in found.epochs
    with h5py.File(REAL) as file:
        times = np.split(file["units/spike_times"][:], file["units/spike_times_index"][:])[:3]
    cut = read_recording(REAL, align="epochs", window=(10, 20), bin=0.1)
    expected = np.stack([np.histogram(unit, 10 + 0.1 * np.arange(101))[0] for unit in times], axis=-1)
    np.testing.assert_array_equal(cut.activity[0], expected)


def test_what_pynwb_writes_is_read(tmp_path):
    pynwb = pytest.importorskip("pynwb")
    import datetime

    begun = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile(session_description="s", identifier="i", session_start_time=begun)
    device = file.create_device("probe")
    group = file.create_electrode_group("g", description="d", location="V1", device=device)
    file.add_electrode(location="V1", group=group)
    for train in nwb_files.SPIKES:
        file.add_unit(spike_times=train, electrodes=[0], obs_intervals=[[0, 10]])
    for start, stop in zip(nwb_files.STARTS, nwb_files.STOPS, strict=True):
        file.add_trial(start_time=start, stop_time=stop)
    with pynwb.NWBHDF5IO(tmp_path / "p.nwb", "w") as output:
        output.write(file)
    found = read_recording(tmp_path / "p.nwb", align="start_time", window=(0, 0.5), bin=0.1)
    np.testing.assert_array_equal(found.activity, histograms(nwb_files.STARTS, 0.1 * np.arange(6)))
    assert found.units["area"].tolist() == ["V1"] * 3
