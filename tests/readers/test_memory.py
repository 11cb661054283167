"""Objects of other packages in memory: by what they can do, whether these packages are there or not."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from dynascope.errors import InputError
from dynascope.readers import from_pynapple, from_xarray, to_recording

RANDOM = np.random.default_rng(0)
VALUES = RANDOM.normal(size=(3, 4, 2))  # unit, time, trial


def labelled():
    return xr.DataArray(
        VALUES,
        dims=("neuron", "time", "trial"),
        coords={
            "time": ("time", np.arange(4) * 20.0, {"units": "ms"}),
            "area": ("neuron", np.array(["a", "b", "c"], dtype=object)),
            "trial": [7, 9],
            "angle": ("trial", [0.0, 1.5], {"units": "rad"}),
            "session": "m1",
        },
        attrs={"units": "Hz", "species": "Mus"},
    )


def test_a_labelled_array():
    before = labelled()
    found = to_recording(before)
    np.testing.assert_array_equal(found.activity, VALUES.transpose(2, 1, 0))
    np.testing.assert_allclose(found.time, np.arange(4) * 0.02)
    assert found.trials["trial_id"].tolist() == [7, 9]
    assert found.trials.unit("angle") == "rad"
    assert found.units["area"].tolist() == ["a", "b", "c"]
    assert found.array_units == {"activity": "Hz"}
    assert (found.attrs["species"], found.attrs["session"]) == ("Mus", "m1")
    assert before.identical(labelled())


def test_times_of_other_kinds():
    array = labelled().drop_vars("time")
    with pytest.raises(InputError, match="dimension 'time' has no coordinate; give dt="):
        from_xarray(array)
    np.testing.assert_allclose(from_xarray(array, dt=5, time_unit="ms").time, np.arange(4) * 0.005)
    deltas = array.assign_coords(time=(np.arange(4) * 10).astype("timedelta64[ms]"))
    np.testing.assert_allclose(from_xarray(deltas).time, np.arange(4) * 0.01)
    dates = array.assign_coords(time=np.datetime64("2024-01-01", "ns") + np.arange(4).astype("timedelta64[s]"))
    np.testing.assert_allclose(from_xarray(dates).time, np.arange(4.0))


def test_dimensions_of_other_names_are_declared():
    array = labelled().rename(neuron="x", trial="y")
    with pytest.raises(InputError, match="dimension 'x': expected one each of trial, time, unit; give dims="):
        from_xarray(array)
    found = from_xarray(array, dims={"x": "unit", "y": "trial"})
    np.testing.assert_array_equal(found.activity, VALUES.transpose(2, 1, 0))
    with pytest.raises(InputError, match="dims: unknown dimension 'z'"):
        from_xarray(array, dims={"z": "unit"})
    with pytest.raises(InputError, match="unknown axis 'neuron'"):
        from_xarray(array, dims={"x": "neuron", "y": "trial"})


def test_a_missing_dimension_has_length_one():
    found = from_xarray(labelled().isel(trial=0))
    assert found.activity.shape == (1, 4, 3)
    assert from_xarray(labelled().isel(time=0).astype("i4")).activity.shape == (2, 1, 3)


def test_a_dataset():
    variables = {
        "activity": labelled(),
        "voltage": labelled() * 2,
        "choice": ("trial", ["l", "r"]),
        "depth": ("neuron", [1, 2, 3]),
        "inputs": (("trial", "time", "channel"), np.ones((2, 4, 5))),
        "weights": (("neuron", "neuron_2"), np.eye(3)),
    }
    found = to_recording(xr.Dataset(variables))
    np.testing.assert_array_equal(found.states["voltage"], 2 * VALUES.transpose(2, 1, 0))
    assert found.trials["choice"].tolist() == ["l", "r"]
    assert found.units["depth"].tolist() == [1, 2, 3]
    assert found.inputs.shape == (2, 4, 5)
    assert found.attrs["left_out"] == ["weights"]
    with pytest.raises(InputError, match="expected one with units and times or trials; give activity=NAME"):
        to_recording(xr.Dataset({"a": labelled(), "b": labelled()}))


def test_an_archive_opened_in_xarray_is_the_same_recording(archive_path, recording):
    with xr.open_dataset(archive_path, group="recordings/final", engine="h5netcdf") as opened:
        found = to_recording(opened.load())
    expected = recording(3)
    np.testing.assert_array_equal(found.activity, expected.activity)
    np.testing.assert_array_equal(found.time, expected.time)
    np.testing.assert_array_equal(found.inputs, expected.inputs)
    assert found.array_units["activity"] == "Hz"


# --- pynapple: the parts of its objects that are used, so that the tests need not have it -----------------------------


@dataclasses.dataclass
class Intervals:
    start: np.ndarray
    end: np.ndarray
    metadata: object = None


@dataclasses.dataclass
class Train:
    t: np.ndarray


@dataclasses.dataclass
class Signal:
    t: np.ndarray
    d: np.ndarray
    time_support: Intervals
    columns: list
    metadata: object = None


class Group(dict):
    time_support = Intervals(np.array([0.0]), np.array([10.0]))
    metadata = None


class Metadata(dict):
    columns = property(lambda self: list(self))


SPIKES = {3: np.array([0.1, 1.15, 1.4]), 8: np.array([1.1, 5.2])}
TRIALS = Intervals(np.array([0.0, 1.0]), np.array([0.5, 1.5]), Metadata(choice=np.array(["l", "r"], object)))


def group():
    made = Group({name: Train(times) for name, times in SPIKES.items()})
    made.metadata = Metadata(rate=np.ones(2), area=np.array(["a", "b"], object))
    return made


def test_spike_trains_in_intervals():
    cue = Intervals(np.array([0.1, 1.1]), np.array([0.2, 1.2]))
    found = to_recording(group(), trials=TRIALS, bin=0.1, epochs={"cue": cue})
    for trial, start in enumerate(TRIALS.start):
        for unit, times in enumerate(SPIKES.values()):
            expected = np.histogram(times - start, 0.1 * np.arange(6))[0]
            np.testing.assert_array_equal(found.activity[trial, :, unit], expected)
    assert found.trials["choice"].tolist() == ["l", "r"]
    assert list(found.units) == ["unit_id", "area"]
    assert found.units["unit_id"].tolist() == [3, 8]
    np.testing.assert_allclose(found.epochs["cue"], [0.1, 0.2])


def test_spike_trains_around_moments_and_outside_the_support():
    found = to_recording(group(), trials=Train(np.array([1.0, 9.9])), window=(-0.1, 0.2), bin=0.1)
    np.testing.assert_array_equal(found.activity[:, :, 0], [[0, 0, 1], [0, 0, np.nan]])
    with pytest.raises(InputError, match="trials have no known begin and end; give window="):
        to_recording(group(), trials=[1.0, 2.0])


def test_signals_in_intervals():
    stamps = np.arange(50) / 10
    signal = Signal(stamps, np.stack([stamps, -stamps], 1), Intervals(np.array([0.0]), np.array([4.9])), ["x", "y"])
    found = to_recording(signal, trials=TRIALS)
    np.testing.assert_allclose(found.activity[:, :, 0], [np.arange(5) / 10, 1 + np.arange(5) / 10])
    assert found.units["unit_id"].tolist() == ["x", "y"]
    assert to_recording(signal).activity.shape == (1, 50, 2)


def test_what_is_no_recording_is_refused():
    with pytest.raises(InputError, match=r"found builtins.list, expected an xarray object"):
        to_recording([1, 2])
    with pytest.raises(InputError, match=r"found Intervals, .* give intervals as trials="):
        from_pynapple(TRIALS)


def test_real_pynapple_objects():
    nap = pytest.importorskip("pynapple")
    spikes = nap.TsGroup({name: nap.Ts(times) for name, times in SPIKES.items()}, time_support=nap.IntervalSet(0, 10))
    found = to_recording(spikes, trials=nap.IntervalSet(TRIALS.start, TRIALS.end), bin=0.1)
    np.testing.assert_array_equal(found.activity, to_recording(group(), trials=TRIALS, bin=0.1).activity)
