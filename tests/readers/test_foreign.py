"""Recordings from files of other programs, and what is said of files that hold none."""

import io
import zipfile

import numpy as np
import pytest

from dynascope.errors import ArchiveError, InputError
from dynascope.readers import read_recording

ACTIVITY = np.arange(24.0).reshape(2, 4, 3)


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_an_archive_gives_the_named_recording_in_memory(archive_path, recording):
    found = read_recording(archive_path, recording="0000100/gap")
    assert isinstance(found.activity, np.ndarray)
    assert found.digest() == recording(2, n_samples=8).digest()
    assert read_recording(archive_path, format="archive").digest() == recording(3).digest()


def test_arrays_of_an_npz_file_find_their_place_by_name_and_shape(tmp_path):
    arrays = {
        "inputs": np.ones((2, 4, 5)),
        "mask": np.ones((2, 4), bool),
        "dendrite": np.ones((2, 4, 3, 2), "f4"),
        "label": np.array(["go", "stop"]),
        "angle": np.array([0.0, 1.0]),
        "weights": np.eye(7),
    }
    found = read_recording(npz(tmp_path / "a.npz", activity=ACTIVITY.astype("i4"), time=np.arange(4) * 0.1, **arrays))
    assert found.activity.dtype == np.float64
    np.testing.assert_array_equal(found.activity, ACTIVITY)
    assert (list(found.trials), found.trials["label"].tolist()) == (["label", "angle"], ["go", "stop"])
    assert (found.inputs.shape, found.mask.shape, list(found.states)) == ((2, 4, 5), (2, 4), ["dendrite"])
    assert found.attrs == {"left_out": ["weights"]}


@pytest.mark.parametrize(
    ("arrays", "options", "expected"),
    [
        ({}, {"dt": 0.5}, 0.5),
        ({"dt": 0.25}, {}, 0.25),
        ({"dt": 0.25}, {"dt": 0.5}, 0.5),
        ({"time": [0, 2, 4, 6]}, {}, 2),
    ],
)
def test_sample_times_come_from_time_or_dt(arrays, options, expected, tmp_path):
    found = read_recording(npz(tmp_path / "a.npz", activity=ACTIVITY, **arrays), **options)
    assert found.time.tolist() == [0, expected, 2 * expected, 3 * expected]


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def npy(array, shape=None):
    stream = io.BytesIO()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape}
    np.lib.format.write_array_header_1_0(stream, header)
    stream.write(array.tobytes())
    return stream.getvalue()


def with_objects(path):
    np.savez(path, activity=np.array([None, {}], dtype=object))


REFUSED = {
    "no activity times": (lambda p: npz(p, activity=ACTIVITY), "found no sample times; give dt="),
    "two axes": (lambda p: npz(p, activity=np.ones((2, 3)), dt=1), r"activity: found shape \(2, 3\)"),
    "objects": (with_objects, "activity.npy: found Python objects, .*never unpickled"),
    "forged shape": (
        lambda p: zipped(p, {"activity.npy": npy(ACTIVITY, (2**20, 2**20, 3))}),
        r"activity.npy: found 192 bytes, expected 26388279066624 for shape",
    ),
    "too large": (
        lambda p: npz(p, activity=np.zeros((10, 4, 300)), dt=1),
        "found more than 20000 bytes of data",
    ),
    "other members": (
        lambda p: zipped(p, {"activity.npy": npy(ACTIVITY), "../x": b""}),
        r"\.\./x: expected only arrays",
    ),
    "broken header": (
        lambda p: zipped(p, {"activity.npy": b"\x93NUMPY\x01\x00"}),
        "unreadable NumPy archive",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_npz_files_are_refused(case, tmp_path):
    make, words = REFUSED[case]
    path = tmp_path / "a.npz"
    make(path)
    with pytest.raises(ArchiveError, match=words) as error:
        read_recording(path, max_bytes=20_000)
    assert str(error.value).startswith(str(path))


def test_every_damage_to_an_npz_file_is_refused_or_harmless(tmp_path):
    path = npz(tmp_path / "a.npz", activity=ACTIVITY, dt=0.1, angle=np.arange(2.0))
    original, expected = path.read_bytes(), read_recording(path).digest()
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        content = bytearray(original)
        content[draw.integers(len(content))] ^= 1 << int(draw.integers(8))
        path.write_bytes(content)
        try:
            found = read_recording(path)
        except InputError:
            refused += 1
        else:
            # Names of members carry no checksum: a column may be renamed, values may not change.
            assert np.array_equal(found.activity, ACTIVITY) or found.digest() == expected
    assert refused > 50


def test_an_unknown_file_says_what_each_format_found(tmp_path, archive_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ArchiveError, match=r"no known format \(archive: no HDF5 signature; npz: no zip archive"):
        read_recording(path)
    zipped(tmp_path / "b.zip", {"readme": b"x"})
    with pytest.raises(ArchiveError, match=r"npz: a zip archive without activity.npy \(found readme\)"):
        read_recording(tmp_path / "b.zip")
    import h5py

    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["x"] = 1
        file.attrs["format"] = "variable-length"
    with pytest.raises(ArchiveError, match="HDF5 whose attribute 'format' is None, not 'dynascope-activity'"):
        read_recording(tmp_path / "c.h5")
    with pytest.raises(ArchiveError, match="there is no such file"):
        read_recording(tmp_path / "missing")
    with pytest.raises(InputError, match="unknown format 'nzp': did you mean 'npz'"):
        read_recording(path, format="nzp")
    with pytest.raises(InputError, match="unknown option of format 'archive' 'record': did you mean 'recording'"):
        read_recording(archive_path, record="final")
