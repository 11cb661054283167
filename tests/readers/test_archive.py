"""Archives: exact round trips, what is refused and in which words, versions, validation and description."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from dynascope import hdf5
from dynascope.errors import ArchiveError, InputError
from dynascope.readers import (
    CheckpointsRecord,
    ModelRecord,
    Recording,
    Table,
    TaskRecord,
    describe,
    describe_dict,
    open_archive,
    validate,
    write_archive,
)

DATA = Path(__file__).parents[1] / "data"


def same(first, second):
    first, second = np.asarray(first), np.asarray(second)
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


def test_a_recording_comes_back_as_it_was(archive_path, recording):
    expected = recording(1, n_trials=6)
    with open_archive(archive_path) as archive:
        assert list(archive.recordings) == ["0000100/odr", "0000100/gap", "final"]
        found = archive.recordings["0000100/odr"]
        assert isinstance(found.activity, hdf5.LazyArray)
        assert found.arrays().keys() == expected.arrays().keys()
        assert all(same(found.arrays()[name], array) for name, array in expected.arrays().items())
        assert all(same(found.epochs[name], edges) for name, edges in expected.epochs.items())
        assert same(found.time, expected.time)
        assert (found.trials, found.units) == (expected.trials, expected.units)
        assert (found.attrs, found.array_units) == (expected.attrs, expected.array_units)
        assert found.digest() == expected.digest()
        loaded = found.load()
    assert isinstance(loaded.states["voltage"], np.ndarray)
    assert loaded.select(trials=[0]).digest() == expected.select(trials=[0]).digest()


def test_model_task_log_and_provenance_come_back(archive_path):
    with open_archive(archive_path) as archive:
        model, task, provenance = archive.model, archive.task, archive.provenance
        training, units = archive.training, archive.units
    assert (model.family, model.config["rank"], model.state_layout) == (
        "three_body",
        None,
        [{"name": "x", "start": 0, "stop": 5}],
    )
    assert same(model.parameters["gain"], np.array(2, "i8"))
    assert same(model.parameters["mask"], np.eye(5) > 0)
    assert model.parameter_dims["w"] == ("unit", "unit_pre")
    assert model.parameter_dims["mask"] == ("mask_0", "mask_1")
    assert (task.name, task.config) == ("odr", {"seed": 2**100, "delays": [0.5, 1.5]})
    assert training == Table({"step": [0, 10], "loss": [1.0, np.nan], "rate": ([1.0, 2.0], "Hz")})
    assert units["area"].tolist() == ["FEF"] * 4 + ["PFC"]
    assert (provenance["title"], provenance["history"]) == ("every element", ["made by a test"])
    assert (provenance["software"], provenance["format_version"]) == ("dynascope", "1.1")


def test_the_same_content_has_the_same_digest(archive_path, tmp_path, recording):
    contents = {"final": recording(3)}
    first = open_archive(write_archive(tmp_path / "a.h5", contents, title="t"))
    second = open_archive(write_archive(tmp_path / "b.h5", iter(contents.items()), title="t", compress=True))
    assert first.digest == second.digest != open_archive(archive_path).digest
    copied = write_archive(tmp_path / "c.h5", first.recordings, title="t")
    assert validate(copied).digest == first.digest
    other = write_archive(tmp_path / "d.h5", contents, title="another")
    assert validate(other).digest != first.digest


def test_the_archive_of_a_brain_needs_no_model(tmp_path):
    path = write_archive(tmp_path / "a.h5", {"session": Recording(np.ones((1, 2, 3)), [0.0, 1.0])})
    with open_archive(path) as archive:
        assert (archive.model, archive.task, archive.training, len(archive.units)) == (None, None, None, 0)
        assert archive.recording().n_units == 3


def test_missing_values_stay_missing(tmp_path):
    activity = np.ones((2, 3, 2), "f4")
    activity[1, 2] = np.nan
    ragged = Recording(
        activity,
        [0.0, 0.1, 0.2],
        trials={"n_samples": [3, 2], "rt": [np.nan, 0.1]},
        epochs={"go": [[0.1, 0.2], [np.nan, np.nan]]},
    )
    with open_archive(write_archive(tmp_path / "a.h5", {"final": ragged})) as archive:
        found = archive.recording()
        assert same(found.activity, activity)
        assert same(found.epochs["go"], ragged.epochs["go"])
        assert np.isnan(found.trials["rt"][0])
        assert found.trial_lengths().tolist() == [3, 2]


def test_recordings_are_consumed_one_at_a_time(tmp_path, recording):
    alive = 0

    def produce():
        nonlocal alive
        for number in range(4):
            alive += 1
            yield f"{number % 2}/rule{number}", recording(number)

    with open_archive(write_archive(tmp_path / "a.h5", produce())) as archive:
        assert sorted(archive.recordings) == ["0/rule0", "0/rule2", "1/rule1", "1/rule3"]
        assert archive.recordings["1/rule3"].digest() == recording(3).digest()
    assert alive == 4


def pairs(*names, **changes):
    return lambda recording: [(name, recording(**changes)) for name in names]


WRITING = {
    "nothing": (lambda _: {}, {}, "recordings: found none, expected one or more"),
    "one recording": (
        lambda recording: recording(),
        {},
        r"expected a mapping such as \{'final': recording\}",
    ),
    "not a recording": (lambda _: {"a": 3}, {}, "recording 'a': found int, expected a Recording"),
    "same name": (pairs("a", "a"), {}, "recording 'a': this name comes twice"),
    "recording and folder": (pairs("a", "a/b"), {}, "recording 'a/b': this name comes twice"),
    "folder and recording": (pairs("a/b", "a"), {}, "recording 'a': this name comes twice"),
    "two slashes": (pairs("a/b/c"), {}, "recording 'a/b/c': expected at most one '/'"),
    "bad name": (pairs("a b"), {}, "recording 'a b': found the name 'a b'"),
    "dots": (pairs("../a"), {}, "found the name '..'"),
    "units differ": (
        lambda recording: [("a", recording()), ("b", recording(units={"area": list("abcde")}))],
        {},
        "recording 'b': its unit columns differ .*give units=…",
    ),
    "unit counts differ": (
        lambda recording: [("a", recording()), ("b", recording(n_units=4))],
        {},
        "recording 'b': found 4 units, expected 5: all recordings of an archive share their units",
    ),
    "units given": (pairs("a"), {"units": {"area": ["x"]}}, "recording 'a': found 5 units, expected 1"),
    "model fields": (
        pairs("a"),
        {"model": {"famly": "x"}},
        r"model: found the fields \['famly'\], expected 'family'",
    ),
    "model type": (pairs("a"), {"model": {"family": 3}}, "model family: found int, expected str"),
    "model axes": (
        pairs("a"),
        {"model": {"family": "x", "parameters": {"w": np.eye(2)}, "parameter_dims": {"w": ("unit",)}}},
        r"parameter 'w': found the axes \('unit',\) for 2 axes",
    ),
    "model axes of nothing": (
        pairs("a"),
        {"model": {"family": "x", "parameter_dims": {"w": ("unit",)}}},
        r"parameter_dims: found 'w', expected one of \[\]",
    ),
    "model units": (
        pairs("a"),
        {"model": {"family": "x", "parameters": {"v": np.ones(3)}, "parameter_dims": {"v": ("unit",)}}},
        "axis 2, 'unit', has length 5, expected 3 as in /model/parameters/v",
    ),
    "config": (
        pairs("a"),
        {"task": {"name": "t", "config": {"x": {1, 2}}}},
        r"/task, attribute 'config'\['x'\]: found set",
    ),
    "log": (pairs("a"), {"training": {"loss": [1], "step": [1, 2]}}, "training: column 'step': found 2 rows"),
}


@pytest.mark.parametrize("case", WRITING)
def test_impossible_archives_are_refused(case, recording, tmp_path):
    recordings, options, words = WRITING[case]
    with pytest.raises(InputError, match=words):
        write_archive(tmp_path / "a.h5", recordings(recording), **options)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path, recording):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.h5", tmp_path / "missing" / "a.h5"):
        with pytest.raises(InputError, match=r"a\.h5: cannot write there"):
            write_archive(path, {"final": recording()})
    with pytest.raises(InputError, match="expected a file to write, found a directory"):
        write_archive(tmp_path, {"final": recording()})


def delete(name):
    return lambda file: file.__delitem__(name)


def attribute(path, name, value):
    def edit(file):
        file[path].attrs.pop(name)
        file[path].attrs[name] = np.bytes_(value)

    return edit


def replace(name, array, dims):
    def edit(file):
        old = dict(file[name].attrs)
        del file[name]
        made = file.create_dataset(name, data=array, chunks=array.shape, fletcher32=True)
        made.attrs["dims"] = np.bytes_(json.dumps(dims))
        made.attrs["units"] = old.get("units", np.bytes_("s"))

    return edit


READING = {
    "another format": (attribute("/", "format", "other"), "found 'other', expected 'dynascope-activity'"),
    "no format": (
        lambda file: file.attrs.__delitem__("format"),
        "'format': found nothing, expected 'dynascope-activity'",
    ),
    "newer major": (attribute("/", "format_version", "2.0"), "found 2.0, expected 1.1 or older; .*upgrade"),
    "odd version": (attribute("/", "format_version", "new"), "found 'new', expected a version such as '1.1'"),
    "newer element": (
        attribute("/recordings/final", "encoding-version", "2.0"),
        "/recordings/final: found encoding-version 2.0, expected 1.0 or older; .*upgrade",
    ),
    "no recordings": (delete("recordings"), "/recordings: found nothing, expected a group"),
    "no recording": (
        lambda f: [f["recordings"].__delitem__(k) for k in list(f["recordings"])],
        "found no recording",
    ),
    "no activity": (
        delete("recordings/final/activity"),
        r"/recordings/final/activity: found nothing, expected a dataset",
    ),
    "no time": (delete("recordings/final/time"), "/recordings/final/.*: found no scale for dimension 'time'"),
    "no family": (
        lambda f: f["model"].attrs.__delitem__("family"),
        "/model: found attribute 'family' = None, expected text",
    ),
    "config": (
        attribute("/model", "config", "[1]"),
        r"/model: found attribute 'config' = \[1\], expected a JSON table",
    ),
    "activity type": (
        replace("recordings/final/activity", np.ones((4, 6, 5), "i4"), ["trial", "time", "unit"]),
        "/recordings/final: activity: found the type int32",
    ),
    "activity axes": (
        replace("recordings/final/activity", np.ones((4, 6), "f4"), ["trial", "time"]),
        r"/recordings/final/activity: found axes \(trial, time\), expected \(trial, time, unit\)",
    ),
    "time decreases": (
        replace("recordings/final/time", np.arange(6.0)[::-1].copy(), ["time"]),
        "/recordings/final: time: sample 1 is 4.0, not after the one before",
    ),
    "column axes": (
        replace("units/area", np.ones(6), ["scalar6"]),
        "/units/area: found no scale for dimension 'scalar6'",
    ),
}


@pytest.mark.parametrize("case", READING)
def test_faulty_archives_are_refused_with_their_place(case, archive_path, tmp_path):
    edit, words = READING[case]
    path = tmp_path / "a.h5"
    path.write_bytes(archive_path.read_bytes())
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        edit(file)
    with pytest.raises(ArchiveError, match=words) as error, open_archive(path, verify=False) as archive:
        archive.recording()
    assert str(error.value).startswith(f"{path}: ")
    with pytest.raises(ArchiveError, match=str(path)):
        validate(path)


def test_a_newer_minor_version_opens_and_what_is_unknown_is_ignored(archive_path, tmp_path):
    with hdf5.read(archive_path) as root:
        extra = hdf5.Group({"encoding-type": "hologram", "encoding-version": "1.0"}, {})
        final = root.children["recordings"].children["final"]
        unknown = {"phase": hdf5.Dataset(np.ones(6), ("time",)), "video": extra, **final.children}
        recordings = hdf5.Group(
            root.children["recordings"].attrs,
            {"final": hdf5.Group(final.attrs, unknown), "hologram": extra},
        )
        attrs = {**root.attrs, "format_version": "1.7", "colour": "red"}
        newer = hdf5.Group(attrs, {**root.children, "recordings": recordings, "holograms": extra})
        path = hdf5.write(tmp_path / "a.h5", newer)
    with open_archive(path) as archive, open_archive(archive_path) as original:
        assert list(archive.recordings) == ["final"]
        assert archive.recording().digest() == original.recording().digest()


def test_recordings_are_found_by_name(archive_path, tmp_path, recording):
    with open_archive(archive_path) as archive:
        assert archive.recording() is archive.recordings["final"]
        assert archive.recording("0000100/gap").n_samples == 8
        assert "nothing" not in archive.recordings
        with pytest.raises(InputError, match="unknown recording '0000100/od': did you mean '0000100/odr'"):
            archive.recording("0000100/od")
    path = write_archive(tmp_path / "a.h5", {"a": recording(), "b": recording()})
    with (
        open_archive(path) as archive,
        pytest.raises(InputError, match="holds 2 recordings, say which: a, b"),
    ):
        archive.recording()


def test_validation_says_what_was_checked(archive_path):
    found = validate(archive_path)
    assert (found.ok, found.n_recordings, found.format_version) == (True, 3, "1.1")
    assert found.digest == hdf5.content_digest(archive_path)
    assert found.summary() == f"{archive_path}: ok, format 1.1, 3 recordings, 30 arrays, digest {found.digest}"


def test_description_names_everything(archive_path):
    with open_archive(archive_path) as archive:
        text, found = describe(archive), describe_dict(archive)
    expected = [
        "every element",
        "three_body: n_units 5, alpha 0.1, rank –",
        "61 parameters: w (5, 5), w_in (5, 2), gain (), mask (5, 5)",
        "odr: seed 1267650600228229401496703205376, delays [0.5, 1.5]",
        "2 rows, the last: step 10, loss –",
        "recording 0000100/odr: 6 trials × 6 samples × 5 units",
        "activity (6, 6, 5) float32 Hz",
        "angle [rad], correct, cue",
        "cue 0–0.04 s, go 0.04–0.1 s",
        "performance 0.9",
    ]
    assert [words for words in expected if words not in text] == []
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["recordings"]["final"]["arrays"]["states/voltage"] == {
        "shape": [4, 6, 5, 2],
        "dtype": "float32",
        "units": "mV",
    }


def test_the_archive_of_format_1_0_reads_as_it_did():
    def grid(*shape):
        return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)

    path = DATA / "archive_1_0.h5"
    assert path.stat().st_size < 50_000
    with open_archive(path) as archive:
        assert list(archive.recordings) == ["0000100/odr", "final"]
        found = archive.recording("final")
        expected = (grid(3, 4, 2) + 0.5).astype("f4")
        expected[2, 3] = np.nan
        assert same(found.activity, expected)
        assert same(found.states["spikes"], grid(3, 4, 2).astype("u1"))
        assert same(found.states["voltage"], -grid(3, 4, 2, 2))
        assert same(found.mask, grid(3, 4) > 2)
        assert found.trials["cue"].tolist() == ["left", "right", "haut-gauche à"]
        assert (found.trials.unit("angle"), found.array_units["states/voltage"]) == ("rad", "mV")
        assert found.attrs["notes"] == [1, None, "x"]
        assert np.isnan(found.epochs["delay"][2]).all()
        assert found.units["excitatory"].tolist() == [True, False]
        assert same(archive.recordings["0000100/odr"].parameters["w"], grid(2, 2))
        assert same(archive.model.parameters["gain"], np.float32(2.5))
        assert same(archive.model.parameters["complex"], grid(2) * 1j)
        assert archive.training["loss"].tolist() == [1.0, 0.25]
        assert isinstance(archive.task, TaskRecord)
        assert isinstance(archive.model, ModelRecord)
        assert archive.digest == "a6963838e905868976177c349bad537f912996448b5ed24980f79bbbfc3f5a0b"


def test_the_archive_of_format_1_1_reads_as_it_did():
    path = DATA / "archive_1_1.h5"
    with open_archive(path) as archive:
        checkpoints = archive.model.checkpoints
        assert (len(checkpoints), checkpoints.trials_seen.tolist()) == (3, [0, 1280, 2560])
        found = checkpoints.at(1280)
        assert same(found["w"], np.array([[4, 5], [6, 7]], np.float32))
        assert same(found["gain"], np.float64(1.0))
        assert "3 checkpoints, after 0 to 2560 trials" in describe(archive)
        with pytest.raises(InputError, match="no checkpoint at 1300 trials; the nearest is at 1280"):
            checkpoints.at(1300)


@pytest.mark.parametrize(
    ("trials_seen", "n", "words"),
    [
        ([0, 0], 2, "expected ascending whole numbers"),
        ([0.5, 1], 2, "whole numbers"),
        ([0, 1], 3, "expected 2 checkpoints"),
    ],
)
def test_impossible_checkpoints_are_refused(trials_seen, n, words):
    with pytest.raises(InputError, match=words):
        CheckpointsRecord(trials_seen, {"w": np.zeros((n, 2))})
