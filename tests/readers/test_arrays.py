"""Named arrays as a recording: names, axes and places that are declared, found, or asked for."""

from pathlib import Path

import numpy as np
import pytest

from dynascope.errors import ArchiveError, InputError
from dynascope.readers import read_recording
from dynascope.readers.axes import infer_axes

REAL = Path(__file__).parents[3] / "shared" / "data" / "v1_grating_pseudopopulation.npz"
ACTIVITY = np.arange(24.0).reshape(2, 4, 3)


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return tmp_path / "a.npz"

    return write


def test_folders_in_names_say_where_arrays_belong(npz):
    arrays = {"trials.x": np.arange(2.0), "units.x": np.arange(3.0), "states.k": np.ones((2, 4, 2)),
              "epochs.cue": [0, 2], "parameters.w": np.eye(3), "session": "m1", "depth": np.arange(3)}  # fmt: skip
    found = read_recording(npz(activity=ACTIVITY, dt=1.0, **arrays))
    assert (found.trials["x"].tolist(), found.units["x"].tolist()) == ([0, 1], [0, 1, 2])
    assert found.units["depth"].tolist() == [0, 1, 2]
    assert found.states["k"].shape == (2, 4, 2)
    assert found.epochs["cue"].tolist() == [0, 2]
    assert found.parameters["w"].shape == (3, 3)
    assert found.attrs == {"session": "m1"}


def test_terminal_commands_in_names_and_texts_are_made_harmless(npz):
    found = read_recording(npz(activity=ACTIVITY, dt=1.0, **{"note": "\x1b[31mred", "\x1b[2J": np.eye(7)}))
    assert found.attrs == {"note": "\ufffd[31mred", "left_out": ["\ufffd[2J"]}


def test_an_array_of_another_name_and_order(npz):
    path = npz(rates=ACTIVITY.transpose(2, 0, 1), clock=np.arange(4) * 100, v=ACTIVITY.transpose(2, 0, 1) + 1)
    found = read_recording(path, activity="rates", axes="unit,trial,time", time="clock", time_unit="ms")
    np.testing.assert_array_equal(found.activity, ACTIVITY)
    np.testing.assert_allclose(found.time, np.arange(4) / 10)
    np.testing.assert_array_equal(found.states["v"], ACTIVITY + 1)
    assert found.attrs["read_as"] == ["activity: rates", "axes of rates: unit, trial, time, as declared"]
    with pytest.raises(InputError, match="unknown array 'rate': did you mean 'rates'"):
        read_recording(path, activity="rate")
    with pytest.raises(ArchiveError, match=r"found rates \(3, 2, 4\), v \(3, 2, 4\), expected an array 'activity'"):
        read_recording(path)
    with pytest.raises(InputError, match="unknown unit 'min'"):
        read_recording(path, activity="rates", axes="unit,trial,time", time_unit="min")


def test_single_values_of_conditions_and_units(npz):
    found = read_recording(npz(means=np.ones((5, 3)), angle=np.arange(5.0)))
    assert found.activity.shape == (5, 1, 3)
    assert found.time.tolist() == [0]
    assert "axes of means: trial, unit, from the lengths of the other arrays" in found.attrs["read_as"]


@pytest.mark.parametrize(
    ("shape", "lengths", "expected"),
    [
        ((30, 100, 12), {"n_samples": 100, "trial_lengths": {12}}, ("unit", "time", "trial")),
        ((30, 100, 12), {"n_samples": 100, "trial_lengths": {12, 30}}, None),
        ((30, 100, 12), {"n_samples": 100, "trial_lengths": {12}, "unit_lengths": {30}}, ("unit", "time", "trial")),
        ((30, 100, 12), {"n_samples": 100}, None),
        ((30, 100, 100), {"n_samples": 100, "trial_lengths": {30}}, None),
        ((30, 100, 12), {"n_samples": None, "trial_lengths": {12}, "unit_lengths": {30}}, ("unit", "time", "trial")),
        ((100, 30), {"n_samples": 100}, ("time", "unit")),
        ((42, 347), {"n_samples": None, "trial_lengths": {42, 7}}, ("trial", "unit")),
        ((42, 42), {"n_samples": None, "trial_lengths": {42}}, None),
        ((42, 347), {"n_samples": None}, None),
    ],
)
def test_axes_are_found_only_when_lengths_leave_one_answer(shape, lengths, expected):
    assert infer_axes(shape, **{"trial_lengths": set(), "unit_lengths": set(), **lengths}) == expected


@pytest.mark.skipif(not REAL.exists(), reason="the shared recordings are not here")
@pytest.mark.parametrize("options", [{}, {"activity": "condition_means", "axes": "trial,unit"}])
def test_a_real_recording(options):
    found = read_recording(REAL, **options)
    with np.load(REAL) as stored:
        np.testing.assert_array_equal(found.activity[:, 0], stored["condition_means"])
        np.testing.assert_array_equal(found.trials["condition_orientation_deg"], stored["condition_orientation_deg"])
    assert found.attrs["left_out"] == ["orientations_deg", "spatial_frequency_levels_cpd"]
    assert "pseudopopulation" in found.attrs["meta"]
