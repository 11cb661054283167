"""Recordings and tables: what they refuse, and what selecting and reading epochs means."""

import copy
import dataclasses

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.readers import Recording, Table

ACTIVITY = np.arange(24.0).reshape(2, 4, 3)
TIME = [0.0, 0.1, 0.2, 0.3]


def make(**changes):
    return Recording(**{"activity": ACTIVITY, "time": TIME, **changes})


REFUSED = {
    "two axes": ({"activity": np.ones((2, 4))}, r"activity: found shape \(2, 4\), expected three axes"),
    "whole numbers": (
        {"activity": np.ones((2, 4, 3), int)},
        "activity: found the type int64, expected float32",
    ),
    "half floats": ({"activity": ACTIVITY.astype("f2")}, "activity: found the type float16"),
    "objects": ({"activity": np.full((2, 4, 3), None)}, "activity: found the type object"),
    "no trials": ({"activity": np.ones((0, 4, 3))}, "activity: found shape .*expected no empty axis"),
    "time shape": ({"time": [0.0, 1.0]}, r"time: found shape \(2,\), expected \(4,\)"),
    "time text": ({"time": list("abcd")}, "time: expected numbers in seconds"),
    "time nan": ({"time": [0, 0.1, np.nan, 0.3]}, "time: sample 2 is nan, not finite"),
    "time repeats": ({"time": [0, 0.1, 0.1, 0.3]}, "time: sample 2 is 0.1, not after the one before"),
    "trial rows": ({"trials": {"a": [1, 2, 3]}}, "trials: found 3 rows, expected 2 as in activity"),
    "unit rows": ({"units": {"a": [1, 2]}}, "units: found 2 rows, expected 3"),
    "axis name": (
        {"units": {"unit": [1, 2, 3]}},
        "units: a column cannot be called 'unit', .*call it unit_id",
    ),
    "column name": ({"trials": {"a/b": [1, 2]}}, "trials: table: found the name 'a/b'"),
    "lengths type": ({"trials": {"n_samples": [1.0, 2.0]}}, "n_samples.*expected whole numbers"),
    "lengths range": ({"trials": {"n_samples": [4, 5]}}, "row 1 is 5, expected 0 to 4"),
    "epoch order": ({"epochs": {"go": (0.2, 0.1)}}, "epochs.'go'.: found start 0.2 and stop 0.1"),
    "epoch outside": ({"epochs": {"go": (0.1, 0.6)}}, r"expected start ≤ stop between -0\.15 and 0\.45 s"),
    "epoch before": ({"epochs": {"go": (-0.2, 0.1)}}, "found start -0.2"),
    "epoch row": ({"epochs": {"go": [[0, 0.1], [0.1, np.inf]]}}, r"stop inf \(row 1\)"),
    "epoch half missing": ({"epochs": {"go": [[0, 0.1], [0.1, np.nan]]}}, r"stop nan \(row 1\)"),
    "epoch missing for all": ({"epochs": {"go": (np.nan, np.nan)}}, "found start nan"),
    "epoch shape": ({"epochs": {"go": [0.1, 0.2, 0.3]}}, r"found shape \(3,\), expected \(start, stop\)"),
    "epoch text": ({"epochs": {"go": "now"}}, r"expected \(start, stop\) in seconds"),
    "inputs axes": ({"inputs": np.ones((2, 4))}, r"inputs: found shape \(2, 4\), expected \(2, 4, channel\)"),
    "inputs text": ({"inputs": np.full((2, 4, 1), "a")}, "inputs: found text, expected numbers"),
    "mask shape": ({"mask": np.ones((2, 3))}, "mask: found shape"),
    "channels": (
        {"outputs": np.ones((2, 4, 2)), "targets": np.ones((2, 4, 1))},
        r"different numbers of channels \(outputs 2, targets 1\)",
    ),
    "state shape": ({"states": {"v": np.ones((2, 4))}}, r"states\['v'\]: found shape \(2, 4\), expected \(2, 4, …\)"),
    "state times": ({"states": {"v": np.ones((2, 5, 3))}}, r"states\['v'\]: found shape \(2, 5, 3\)"),
    "masked": ({"activity": np.ma.masked_less(ACTIVITY, 3)}, r"activity: found a masked array, .*filled\(np.nan\)"),
    "state name": ({"states": {"time": ACTIVITY}}, "'time' is the name of an axis"),
    "parameter": ({"parameters": {"w": ["a"]}}, r"parameters\['w'\]: found text"),
    "array unit": ({"array_units": {"activty": "Hz"}}, "did you mean 'activity'"),
    "array unit type": ({"array_units": {"activity": 3}}, "found 3, expected text such as 'Hz'"),
    "attr name": ({"attrs": {"encoding-type": "x"}}, "'encoding-type' is used by the file format"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_recordings_are_refused(case):
    changes, words = REFUSED[case]
    with pytest.raises(InputError, match=words):
        make(**changes)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1, 2], "b": [1]}, "column 'b': found 1 rows, expected 2 as in 'a'"),
        ({"a": [[1, 2]]}, r"column 'a': found shape \(1, 2\), expected one axis"),
        ({"a": []}, "column 'a': found shape"),
        ({"a": [None, 1]}, "column 'a': found the type object"),
        ({" a": [1]}, "found the name ' a'"),
    ],
)
def test_impossible_tables_are_refused(columns, words):
    with pytest.raises(InputError, match=words):
        Table(columns)


def test_a_table_is_an_immutable_mapping_with_units():
    source = np.array([1.0, np.nan])
    table = Table({"rate": (source, "Hz"), "pair": ("a", "b"), "area": ["FEF", "PFC"]})
    assert (list(table), table.n_rows, table.unit("rate"), table.unit("area")) == (
        ["rate", "pair", "area"],
        2,
        "Hz",
        "",
    )
    assert table["pair"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="read-only"):
        table["rate"][0] = 2
    assert source.flags.writeable
    assert table == Table(table)
    assert table != Table({**table, "rate": (table["rate"], "kHz")})
    assert table.take([1])["area"].tolist() == ["PFC"]
    assert repr(table) == "Table(2 rows: rate [Hz], pair, area)"
    with pytest.raises(InputError, match="unknown column 'aera': did you mean 'area'"):
        table.column("aera")
    assert copy.deepcopy(table) == table


def test_a_recording_survives_replace_and_keeps_its_inputs_as_they_are():
    trials = {"a": [1, 2]}
    recording = make(trials=trials, attrs={"rule": "odr"})
    assert dataclasses.replace(recording, attrs={}).trials == Table(trials)
    assert (recording.n_trials, recording.n_samples, recording.n_units) == (2, 4, 3)
    assert recording.activity is ACTIVITY
    assert ACTIVITY.flags.writeable
    with pytest.raises(dataclasses.FrozenInstanceError):
        recording.attrs = {}


def test_epochs_cover_start_to_before_stop_in_spite_of_rounding():
    time = np.arange(30) / 10  # 0.3, while 0.1 * 3 is a little more
    recording = Recording(
        np.zeros((2, 30, 1)),
        time,
        epochs={
            "cue": (0.1 * 3, 0.1 * 6),
            "end": (2.5, 3.0),
            "each": [[0.1, 0.3], [np.nan, np.nan]],
            "none": (0.31, 0.32),
        },
    )
    assert recording.epoch_slice("cue") == slice(3, 6)
    assert recording.epoch_slice("end") == slice(25, 30)
    assert recording.epoch_mask("cue").sum(axis=1).tolist() == [3, 3]
    assert np.argwhere(recording.epoch_mask("each")).tolist() == [[0, 1], [0, 2]]
    with pytest.raises(InputError, match="epoch 'each' differs between trials; use epoch_mask"):
        recording.epoch_slice("each")
    with pytest.raises(InputError, match="epoch 'none': no sample lies in"):
        recording.epoch_slice("none")
    with pytest.raises(InputError, match="unknown epoch 'que': did you mean 'cue'"):
        recording.epoch_slice("que")


def test_select_cuts_everything_alike(recording):
    whole = recording(n_trials=6, trials={"n_samples": [6, 6, 6, 6, 3, 1], "id": np.arange(6)})
    part = whole.select(trials=[5, 0, -2], units=np.array([True, False, True, False, False]), time=(0.04, 0.1))
    rows, samples, columns = np.ix_([5, 0, 4], [2, 3, 4], [0, 2])
    np.testing.assert_array_equal(part.activity, whole.activity[rows, samples, columns])
    np.testing.assert_array_equal(part.states["voltage"], whole.states["voltage"][rows, samples, columns])
    np.testing.assert_array_equal(part.states["kappa"], whole.states["kappa"][[5, 0, 4], 2:5])
    np.testing.assert_array_equal(part.inputs, whole.inputs[[5, 0, 4], 2:5])
    np.testing.assert_array_equal(part.mask, whole.mask[[5, 0, 4], 2:5])
    assert part.time.tolist() == whole.time[2:5].tolist()
    assert part.trials["id"].tolist() == [5, 0, 4]
    assert part.trial_lengths().tolist() == [0, 3, 1]
    assert part.units["area"].tolist() == ["FEF", "FEF"]
    assert list(part.epochs) == ["go"]
    assert part.epochs["go"].shape == (3, 2)
    assert (part.parameters, part.array_units) == ({}, whole.array_units)
    assert set(whole.select(trials=slice(0, 2)).parameters) == {"w", "gain"}


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"trials": np.zeros(4, bool)}, r"select\(trials=…\): nothing is chosen"),
        ({"trials": np.ones(3, bool)}, r"found a mask of shape \(3,\), expected \(4,\)"),
        ({"units": [7]}, r"select\(units=…\): index 7 or 7 is outside 0 … 4"),
        ({"units": [0.5]}, "expected a mask or a list of whole numbers"),
        ({"time": (5.0, 6.0)}, "no sample lies in 5 ≤ t < 6 s; times go from 0 to 0.1 s"),
    ],
)
def test_impossible_selections_are_refused(chosen, words, recording):
    with pytest.raises(InputError, match=words):
        recording().select(**chosen)


@pytest.mark.parametrize("change", ["activity", "time", "trials", "units", "epochs", "mask", "states", "inputs"])
def test_the_digest_sees_every_array(change, recording):
    base = recording()
    other = recording(4)
    replaced = {"time": base.time + 1e-9, "epochs": {}, "units": {"area": ["x"] * 5}}
    changed = dataclasses.replace(base, **{change: replaced.get(change, getattr(other, change))})
    assert base.digest() == recording().digest() != changed.digest()


def test_the_digest_does_not_depend_on_the_width_of_text():
    narrow, wide = np.array(["a", "b"], "U1"), np.array(["a", "b"], "U9")
    assert make(trials={"x": narrow}).digest() == make(trials={"x": wide}).digest()
    assert make(trials={"x": narrow}).digest() != make(trials={"y": narrow}).digest()
