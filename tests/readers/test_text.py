"""Delimited text: long tables and matrices, however they are divided, ordered and named."""

import numpy as np
import pytest

from dynascope.errors import ArchiveError, InputError
from dynascope.readers import read_recording

LONG = """trial,time,unit,value,angle,area,mood
7,0.0,b,1.5,90,V4,x
7,0.0,a,1.0,90,V1,y
3,0.1,a,4.0,45,V1,z
7,0.1,a,2.0,90,V1,y
3,0.0,a,3.0,45,V1,x
3,0.0,b,,45,V4,x
"""


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_long_table_in_any_order(tmp_path):
    found = read_recording(written(tmp_path / "a.csv", LONG))
    expected = [[[3.0, np.nan], [4.0, np.nan]], [[1.0, 1.5], [2.0, np.nan]]]
    np.testing.assert_array_equal(found.activity, expected)
    assert found.time.tolist() == [0.0, 0.1]
    assert found.trials["trial_id"].tolist() == [3, 7]
    assert found.trials["angle"].tolist() == [45, 90]
    assert found.units["unit_id"].tolist() == ["a", "b"]
    assert found.units["area"].tolist() == ["V1", "V4"]
    assert found.attrs["left_out"] == ["mood"]
    assert "values on 2 times, 2 missing" in found.attrs["read_as"]


def test_trials_that_end_early_have_their_length(tmp_path):
    rows = [f"{trial}\t{time / 10}\tu\t{trial}" for trial in (1, 2) for time in range(4 - trial)]
    found = read_recording(written(tmp_path / "a.tsv", "\n".join(["trial\ttime\tunit\tvalue", *rows])))
    assert found.trials["n_samples"].tolist() == [3, 2]


def test_a_long_table_of_spikes_is_counted(tmp_path):
    random = np.random.default_rng(0)
    trial, unit = random.integers(0, 3, 60), random.integers(0, 2, 60)
    times = random.uniform(0, 1000, 60).round(1)
    lines = ["block;when;cell", *(f"{a};{b};{c}" for a, b, c in zip(trial, times, unit, strict=True))]
    options = {"trial": "block", "time": "when", "unit": "cell", "time_unit": "ms", "window": (0, 1), "bin": 0.1}
    found = read_recording(written(tmp_path / "spikes.txt", "\n".join(lines)), **options)
    edges = 0.1 * np.arange(11)
    for a, c in np.ndindex(3, 2):
        expected = np.histogram(times[(trial == a) & (unit == c)] * 1e-3, edges)[0]
        np.testing.assert_array_equal(found.activity[a, :, c], expected)
    assert found.array_units == {"activity": "spikes"}
    narrow = read_recording(tmp_path / "spikes.txt", **{**options, "window": (0, 0.5)})
    outside = (times > 500).sum()
    assert f"spikes, counts in bins of 0.1 s, {outside} spikes outside the window" in narrow.attrs["read_as"]


@pytest.mark.parametrize("mark", [",", "\t", ";", " ", "   "])
def test_a_matrix_with_named_units_and_times(mark, tmp_path):
    lines = [["time", "n1", "n2"], ["0.0", "1", "2"], ["0.1", "3", "4"], ["0.2", "5", "nan"]]
    found = read_recording(written(tmp_path / "a.txt", "# comment\n" + "\n".join(mark.join(line) for line in lines)))
    np.testing.assert_array_equal(found.activity[0], [[1, 2], [3, 4], [5, np.nan]])
    assert found.time.tolist() == [0.0, 0.1, 0.2]
    assert found.units["name"].tolist() == ["n1", "n2"]


def test_a_bare_matrix_needs_a_sample_interval_and_may_have_other_axes(tmp_path):
    path = written(tmp_path / "a.csv", "1,2,3\n4,5,6\n")
    with pytest.raises(ArchiveError, match="found no sample times; give dt="):
        read_recording(path)
    assert read_recording(path, dt=0.5).activity.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert read_recording(path, dt=0.5, axes="unit,time").activity.tolist() == [[[1, 4], [2, 5], [3, 6]]]
    assert read_recording(path, axes="trial,unit").activity.shape == (2, 1, 3)
    assert read_recording(path, dt=1, axes="trial,time").activity.shape == (2, 3, 1)


def test_quoted_fields_and_truth_values(tmp_path):
    text = '\ufefftrial,time,unit,value,cue,correct\n1,0,a,1,"left, far",True\n2,0,a,2,right,false\n'
    found = read_recording(written(tmp_path / "a.csv", text))
    assert found.trials["cue"].tolist() == ["left, far", "right"]
    assert found.trials["correct"].tolist() == [True, False]
    assert found.trials["correct"].dtype == bool


REFUSED = {
    "ragged": ("a,b\n1,2\n3\n", {}, r"row 3: found 1 fields, expected 2 as in the first row"),
    "text in a matrix": ("1,2\n3,x\n", {"dt": 1}, "a matrix holds only numbers"),
    "twice": (
        "trial,time,unit,value\n1,0,a,1\n1,0,a,2\n",
        {},
        "rows 1 and 2 give a value for one trial, time and unit",
    ),
    "no such column": ("time,unit,rate\n0,a,1\n", {"value": "rte"}, "unknown column 'rte': did you mean 'rate'"),
    "text as value": ("time,unit,value\n0,a,x\n", {}, "column 'value' holds text, expected numbers"),
    "no time": ("time,unit,value\n0,a,1\n,a,1\n", {}, "row 2: its time is not a number"),
    "names twice": ("time,unit,value,value\n0,a,1,1\n", {}, "header: a name comes twice"),
    "header only": ("time,unit,value\n\n", {"format": "text"}, "found a header and no rows"),
    "layout": ("1,2\n3,4\n", {"layout": "wide"}, "layout: found 'wide', expected long or matrix"),
    "long without columns": ("a,b\n1,2\n", {"layout": "long"}, "unknown column 'time'"),
    "too large": ("1,2\n" * 1000, {"dt": 1, "max_bytes": 10_000}, "text: found more than 10000 bytes of data"),
    "too many bins": ("time,unit\n0,a\n1e9,a\n", {}, "found more than|more than 10000000 bins"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_tables_are_refused(case, tmp_path):
    text, options, words = REFUSED[case]
    path = written(tmp_path / "a.csv", text)
    with pytest.raises(InputError, match=words) as error:
        read_recording(path, **options)
    assert str(error.value).startswith(f"{path}: ")


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(ArchiveError, match="no table of text"):
        read_recording(path)
    path.write_bytes(b"a,b\n\0,1\n")
    with pytest.raises(ArchiveError, match="text: no text"):
        read_recording(path)
    path.write_text("a," + "x" * 200_000 + "\n1,2\n")
    with pytest.raises(ArchiveError, match="field larger than field limit"):
        read_recording(path, format="text")
