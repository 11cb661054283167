"""MATLAB files of both formats: the same variables give the same recording, whatever they are wrapped in."""

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from mat_files import cells, write73

from dynascope.errors import ArchiveError, InputError
from dynascope.readers import read_recording
from dynascope.readers.limits import MAX_DEPTH, Budget
from dynascope.readers.matlab.level5 import read_level5_variables
from dynascope.readers.matlab.reading import why_not_matlab

RANDOM = np.random.default_rng(0)
ACTIVITY = RANDOM.normal(size=(4, 8, 5))  # (trial, time, unit)
IN_MATLAB = ACTIVITY.transpose(2, 1, 0)  # unit, time, trial
TIME = np.arange(8.0) / 10
DATA = {
    "rates": IN_MATLAB,
    "time": TIME[None],
    "voltage": 2 * IN_MATLAB,
    "trials": {"angle": np.arange(4.0)[:, None], "cue": cells("left", "rechts", "левый", "左"),
               "correct": np.array([[True, False, True, True]])},
    "units": {"area": cells(*"aabbc")},
    "info": {"animal": "m1", "note": "µ"},
}  # fmt: skip
SCIPY_FILES = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"


def write5(path, variables, *, compress=True):
    scipy.io.savemat(path, variables, do_compression=compress)
    return path


WRITERS = {
    "7.3": write73,
    "5": write5,
    "5 uncompressed": lambda path, variables: write5(path, variables, compress=False),
}


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    return lambda variables: WRITERS[request.param](tmp_path / "data.mat", variables)


def test_a_struct_is_a_recording(write):
    found = read_recording(write({"data": DATA}), activity="rates")
    np.testing.assert_array_equal(found.activity, ACTIVITY)
    np.testing.assert_allclose(found.time, TIME)
    assert found.trials["cue"].tolist() == ["left", "rechts", "левый", "左"]
    assert found.trials["correct"].tolist() == [True, False, True, True]
    assert found.trials["correct"].dtype == bool
    assert found.trials["angle"].tolist() == [0, 1, 2, 3]
    assert found.units["area"].tolist() == list("aabbc")
    np.testing.assert_array_equal(found.states["voltage"], 2 * ACTIVITY)
    assert found.attrs["data.info.animal"] == "m1"
    assert "axes of data.rates: unit, time, trial, from the lengths of the other arrays" in found.attrs["read_as"]


@pytest.mark.parametrize("axes", ["trial,time,unit", "unit,time,trial", "time,unit,trial", "unit,trial,time"])
def test_any_order_of_axes_can_be_declared(axes, write):
    order = [("trial", "time", "unit").index(name) for name in axes.split(",")]
    found = read_recording(write({"x": ACTIVITY.transpose(order)}), axes=axes, dt=10, time_unit="ms")
    np.testing.assert_array_equal(found.activity, ACTIVITY)
    np.testing.assert_allclose(found.time, np.arange(8) * 0.01)


def test_fewer_axes_have_length_one(write):
    found = read_recording(write({"x": ACTIVITY[:, 0]}), axes="trial,unit")
    np.testing.assert_array_equal(found.activity, ACTIVITY[:, :1])
    single = read_recording(write({"x": IN_MATLAB[:, :, :1]}), axes="unit,time,trial", dt=0.1)
    np.testing.assert_array_equal(single.activity, ACTIVITY[:1])


def test_axes_that_nothing_tells_are_asked_for(write):
    path = write({"x": ACTIVITY})
    with pytest.raises(ArchiveError, match=r"x: found shape \(4, 8, 5\), .*declare the order, for example axes=unit"):
        read_recording(path, dt=0.1)
    with pytest.raises(InputError, match=r"axes: unknown axis 'neuron'.*valid: time, trial, unit"):
        read_recording(path, axes="neuron,time,trial")
    with pytest.raises(InputError, match="expected each of trial, time, unit at most once"):
        read_recording(path, axes="unit,unit")
    with pytest.raises(ArchiveError, match="found no sample times; give dt="):
        read_recording(path, axes="trial,time,unit")


def test_lengths_that_fit_twice_do_not_decide(write):
    square = write({"x": ACTIVITY[:, :, :4], "time": TIME, "angle": np.arange(4.0)})
    with pytest.raises(ArchiveError, match="declare the order"):
        read_recording(square)


def test_cells_of_trials_of_different_lengths_are_padded(write):
    trials = cells(*(IN_MATLAB[:, : 8 - number, number] for number in range(4)))
    found = read_recording(write({"x": trials}), axes="trial,unit,time", dt=0.1)
    assert found.trials["n_samples"].tolist() == [8, 7, 6, 5]
    for number in range(4):
        np.testing.assert_array_equal(found.activity[number, : 8 - number], ACTIVITY[number, : 8 - number])
        assert np.isnan(found.activity[number, 8 - number :]).all()


def test_cells_of_spike_times_are_counted(write):
    spikes = np.empty((2, 3), object)
    for index in np.ndindex(2, 3):
        spikes[index] = RANDOM.uniform(-0.2, 1.2, (1, 5 * index[1]))
    found = read_recording(write({"spikes": spikes}), axes="unit,trial", window=(0, 1), bin=0.25)
    for unit, trial in np.ndindex(2, 3):
        expected = np.histogram(spikes[unit, trial], np.linspace(0, 1, 5))[0]
        np.testing.assert_array_equal(found.activity[trial, :, unit], expected)
    assert found.array_units == {"activity": "spikes"}
    with pytest.raises(InputError, match="found spike times; give window="):
        read_recording(write({"spikes": spikes}), axes="unit,trial")


def test_a_struct_array_is_a_list_of_trials(write, request):
    trials = [
        {"rates": IN_MATLAB[:, :, number], "angle": float(number), "cue": "ab"[number % 2]} for number in range(4)
    ]
    if request.node.callspec.params["write"] != "7.3":
        made = np.empty((1, 4), [("rates", object), ("angle", object), ("cue", object)])
        for number, trial in enumerate(trials):
            made[0, number] = tuple(trial.values())
        trials = made
    found = read_recording(write({"trial": trials}), activity="rates", axes="trial,unit,time", dt=0.1)
    np.testing.assert_array_equal(found.activity, ACTIVITY)
    assert found.trials["angle"].tolist() == [0, 1, 2, 3]
    assert found.trials["cue"].tolist() == ["a", "b", "a", "b"]


def test_numbers_of_every_class_and_characters_are_told_apart(write):
    kinds = {kind: np.arange(1, 6).astype(kind) for kind in ("i1", "u2", "i4", "f4", "u8")}
    found = read_recording(write({"activity": ACTIVITY.astype("i2"), "word": "abcde", **kinds}),
                           axes="trial,time,unit", dt=1)  # fmt: skip
    assert found.activity.dtype == np.float64
    np.testing.assert_array_equal(found.activity, ACTIVITY.astype("i2"))
    for kind in kinds:
        assert found.units[kind].tolist() == [1, 2, 3, 4, 5]
    assert found.attrs["word"] == "abcde"


def test_what_cannot_be_used_is_named_with_its_reason(write):
    odd = cells(np.ones(3), "a", {"b": 1.0})
    found = read_recording(write({"x": ACTIVITY, "mixed": odd, "z": np.ones((2, 7))}), axes="trial,time,unit", dt=1)
    assert sorted(found.attrs["left_out"]) == ["mixed (a cell array of mixed contents)", "z"]


def test_complex_activity_is_refused_and_not_halved(write):
    with pytest.raises(InputError, match="activity: found the type complex128"):
        read_recording(write({"x": ACTIVITY + 1j}), activity="x", axes="trial,time,unit", dt=1)


def same(ours, theirs):
    """Whether our value is what SciPy read."""
    if isinstance(ours, dict):
        return list(ours) == list(theirs.dtype.names) and all(same(ours[k], theirs[k].flat[0]) for k in ours)
    if isinstance(ours, list):
        return len(ours) == theirs.size and all(
            same(value, element[name]) for row, element in zip(ours, theirs.ravel("F"), strict=True)
            for name, value in row.items()
        )  # fmt: skip
    if isinstance(ours, str):
        return "".join(theirs.ravel()) == ours
    if not isinstance(ours, np.ndarray):
        return type(theirs).__name__.startswith("Matlab")  # objects and functions, which are left out
    theirs = theirs.toarray() if hasattr(theirs, "toarray") else theirs
    if ours.dtype == object:
        return ours.shape == theirs.shape and all(map(same, ours.flat, theirs.flat))
    if ours.dtype.kind == "U":
        return ours.tolist() == [text.rstrip() for text in theirs.ravel()]
    return ours.shape == theirs.shape and np.array_equal(ours, theirs)


@pytest.mark.skipif(not SCIPY_FILES.exists(), reason="SciPy is installed without its tests")
def test_files_that_matlab_wrote_read_as_scipy_reads_them():
    compared = 0
    for path in sorted(SCIPY_FILES.glob("test*.mat")):
        if "empty" in path.name or why_not_matlab(path):
            continue
        if "hdf5" in path.name:
            found = read_recording(path, activity="testdouble", axes="time", dt=1)
            np.testing.assert_allclose(found.activity[0, :, 0], np.arange(9) * np.pi / 4)
            continue
        theirs = scipy.io.loadmat(path)
        for name, value in read_level5_variables(path, Budget(path)).items():
            assert same(value, theirs[name]), (path.name, name)
            compared += 1
    assert compared > 60


def test_other_versions_are_named(tmp_path):
    path = tmp_path / "old.mat"
    scipy.io.savemat(path, {"x": np.ones((2, 2))}, format="4")
    with pytest.raises(ArchiveError, match=r"matlab: no header of MATLAB 5 or 7.3; one of version 4"):
        read_recording(path)
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(600))
    with pytest.raises(ArchiveError, match=r"a header of MATLAB 7.3 without the HDF5 data"):
        read_recording(path)


# --- Hostile files ----------------------------------------------------------------------------------------------------


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind, shape, *parts, name=b"x"):
    flags = element(6, struct.pack("<II", kind, 0))
    axes = element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, flags + axes + element(1, name) + b"".join(parts))


def level5(*elements, compress=False):
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    if compress:
        packed = [zlib.compress(content) for content in elements]
        elements = [struct.pack("<II", 15, len(content)) + content for content in packed]
    return header + b"".join(elements)


def nested(depth):
    content = matrix(6, (1, 1), element(9, struct.pack("<d", 1)))
    for _ in range(depth):
        content = matrix(1, (1, 1), content)
    return content


LEVEL5 = {
    "cells that claim 16 GiB": (level5(matrix(1, (2**30, 2))), "found 0 bytes, expected 2147483648 matrices"),
    "numbers that are not there": (level5(matrix(6, (2**15, 2**15))), "part is longer than what holds it"),
    "fewer numbers than claimed": (
        level5(matrix(6, (4, 4), element(9, bytes(64)))), "found 64 bytes of type 9, expected 16 values"),
    "text that claims 4 GiB": (
        level5(matrix(4, (1, 2**31 - 1), element(16, b"a"))), "1 bytes of type 16, expected 2147483647 characters"),
    "too deep": (level5(nested(MAX_DEPTH + 1)), "nesting 33 levels deep, expected at most 32"),
    "very deep": (level5(nested(5000)), "nesting 33 levels deep"),
    "very deep, compressed": (level5(nested(5000), compress=True), "nesting 33 levels deep"),
    "negative axes": (level5(matrix(6, (-1, 2))), r"found shape \(-1, 2\)"),
    "a struct without width": (
        level5(matrix(2, (1, 1), element(5, bytes(4)), element(1, b"a"))), "field names of 0 bytes"),
    "a sparse matrix that does not fit": (
        level5(matrix(5, (2, 1), element(5, struct.pack("<i", 7)), element(5, struct.pack("<2i", 0, 1)),
                      element(9, bytes(8)))), "a sparse matrix whose rows and columns do not fit"),
    "a large sparse matrix": (
        level5(matrix(5, (2**30, 1), element(5, b""), element(5, bytes(8)), element(9, b""))),
        "found more than 1000000 bytes of data"),
    "a thousand times itself": (
        level5(matrix(9, (1, 10**8), element(2, bytes(10**8))), compress=True), "more than 1000000 bytes of data"),
    "compressed rubbish": (level5() + struct.pack("<II", 15, 8) + b"rubbish!", "unreadable data"),
    "a compressed lie": (
        level5() + struct.pack("<II", 15, 40) + zlib.compress(struct.pack("<II", 14, 2**31)).ljust(40),
        "40 bytes that claim to hold 2147483648"),
    "longer than the file": (level5() + struct.pack("<II", 14, 2**31), "an element of type 14 and 2147483648 bytes"),
    "cut in a tag": (level5() + b"\x0e\0\0", "unreadable data"),
}  # fmt: skip


@pytest.mark.parametrize("case", LEVEL5)
def test_hostile_level_5_files_are_refused(case, tmp_path):
    content, words = LEVEL5[case]
    path = tmp_path / "evil.mat"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=words) as error:
        read_recording(path, max_bytes=10**6)
    assert str(error.value).startswith(f"{path}: ")


def refer_to_itself(file, mat):
    loop = mat.put(file, "loop", cells(1.0))
    loop[...] = np.full(loop.shape, loop.ref, h5py.ref_dtype)


def multiply(file, mat):
    """A struct that holds one struct twice, which holds one twice …: 2³⁰ numbers in all."""
    target = mat.put(mat.refs, "last", {"x": 1.0})
    for number in range(30):
        made = mat.put(mat.refs, f"m{number}", {})
        made["a"], made["b"] = target, target
        target = made
    file["bomb"] = target


def nest(file, mat):
    group = file
    for _ in range(MAX_DEPTH + 2):
        group = group.create_group("s")
        group.attrs["MATLAB_class"] = np.bytes_("struct")


def dangle(file, mat):
    file.create_dataset("lost", (2, 1), h5py.ref_dtype)
    file["lost"].attrs["MATLAB_class"] = np.bytes_("cell")


def link_out(file, mat):
    file["away"] = h5py.ExternalLink("/etc/hostname", "/x")


def store_outside(file, mat):
    made = file.create_dataset("away", (4,), "u1", external=[("/etc/hostname", 0, 4)])
    made.attrs["MATLAB_class"] = np.bytes_("uint8")


def claim(file, mat):
    made = file.create_dataset("huge", (2**37,), "u1", chunks=(2**20,), compression="gzip")
    made.attrs["MATLAB_class"] = np.bytes_("uint8")


HDF5 = [
    (refer_to_itself, "/loop: found an object that refers back to itself"),
    (multiply, "bomb.*: found more than 1000000 objects or references"),
    (nest, "nesting 33 levels deep"),
    (link_out, "/away: found an external link"),
    (store_outside, "/away: found data stored in another file"),
    (claim, "/huge: found 0 bytes that claim to hold 137438953472"),
]


@pytest.mark.parametrize(("evil", "words"), HDF5, ids=[evil.__name__ for evil, _ in HDF5])
def test_hostile_hdf5_files_are_refused(evil, words, tmp_path):
    path = write73(tmp_path / "evil.mat", {"activity": ACTIVITY}, evil)
    with pytest.raises(ArchiveError, match=words) as error:
        read_recording(path, axes="trial,time,unit", dt=1, max_bytes=10**8)
    assert str(error.value).startswith(f"{path}: ")


def test_what_many_cells_refer_to_is_read_once(tmp_path):
    def tower(file, mat):
        target = mat.reference(1.0)
        for number in range(10):
            made = mat.refs.create_dataset(f"m{number}", data=np.full((10, 1), target, h5py.ref_dtype))
            made.attrs["MATLAB_class"] = np.bytes_("cell")
            target = made.ref
        file["tower"] = file[target]

    found = read_recording(write73(tmp_path / "a.mat", {"activity": ACTIVITY}, tower), axes="trial,time,unit", dt=1)
    assert found.attrs["left_out"] == ["tower (a cell array of mixed contents)"]


def test_a_reference_to_nothing_is_left_out(tmp_path):
    path = write73(tmp_path / "lost.mat", {"activity": ACTIVITY}, dangle)
    found = read_recording(path, axes="trial,time,unit", dt=1)
    assert found.attrs["left_out"] == ["lost (a cell array of mixed contents)"]


@pytest.mark.parametrize("version", WRITERS)
def test_damaged_files_are_read_or_refused(version, tmp_path):
    path = WRITERS[version](tmp_path / "data.mat", {"data": DATA})
    original, draw, refused = path.read_bytes(), np.random.default_rng(1), 0
    for number in range(100):
        content = bytearray(original)
        if number % 2:
            for at in draw.integers(len(content), size=20):
                content[at] ^= 1 << int(draw.integers(8))
        else:
            content = content[: int(draw.integers(len(content)))]
        path.write_bytes(content)
        try:
            read_recording(path, format="matlab", activity="rates", max_bytes=10**8)
        except InputError:
            refused += 1
    assert refused > 40
