"""The result record: what is saved comes back, and files of another kind are refused."""

import dataclasses
import json
from typing import Any, ClassVar

import numpy as np
import pytest

from dynascope import hdf5, provenance
from dynascope.errors import ArchiveError, InputError
from dynascope.results import Result, axes, digest_arrays, plain


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Spectrum(Result):
    """A result with one field of each sort."""

    eigenvalues: Any = axes("point", "mode")
    stable: Any = axes("point")
    labels: Any = axes("point")
    rates: Any = axes("point", "unit", units="Hz")
    single: Any = axes()
    missing: Any = axes("nothing")
    nothing_found: Any = axes("none", "mode")
    tolerance: float = 1e-8
    name: str = "é"
    reached: bool = True
    note: str | None = None

    kind: ClassVar[str] = "spectrum"


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Other(Result):
    """A result of another kind."""


def make(**changes):
    fields = {
        "eigenvalues": np.array([[1 + 2j, -0.5], [0, np.nan + 1j]]),
        "stable": np.array([True, False]),
        "labels": np.array(["left", "droite é"]),
        "rates": np.array([[1.0, np.nan, np.inf]] * 2, "f4"),
        "single": np.float64(2.5),
        "missing": None,
        "nothing_found": np.zeros((0, 2), "c16"),
        "parameters": {"rank": 2, "modes": ["a", None], "nested": {"x": 0.1}},
        "input_digest": "abc",
    }
    return Spectrum(**{**fields, **changes})


def test_a_result_comes_back_as_it_was(tmp_path):
    saved = make()
    found = Spectrum.load(saved.save(tmp_path / "a.h5"))
    for name in ("eigenvalues", "stable", "labels", "rates", "single", "nothing_found"):
        value, expected = np.asarray(getattr(found, name)), np.asarray(getattr(saved, name))
        assert (value.dtype.kind, value.shape) == (expected.dtype.kind, expected.shape), name
        assert value.tolist() == expected.tolist() or value.tobytes() == expected.tobytes(), name
    plain_names = ("missing", "tolerance", "name", "reached", "note", "parameters", "input_digest")
    assert [getattr(found, name) for name in plain_names] == [getattr(saved, name) for name in plain_names]


def test_the_file_states_units_parameters_and_provenance(tmp_path):
    with hdf5.read(make().save(tmp_path / "a.h5")) as root:
        assert root.children["rates"].units == "Hz"
        assert root.attrs["fields"]["parameters"]["rank"] == 2
        assert set(provenance.describe()) <= set(root.attrs)


def test_the_same_result_has_the_same_digest(tmp_path):
    digests = {hdf5.content_digest(make().save(tmp_path / name)) for name in ("a.h5", "b.h5")}
    assert len(digests) == 1
    assert hdf5.content_digest(make(tolerance=1e-9).save(tmp_path / "c.h5")) not in digests


def test_other_files_are_refused(tmp_path):
    path = make().save(tmp_path / "a.h5")
    with pytest.raises(ArchiveError, match="expected a Other result, found spectrum"):
        Other.load(path)
    with pytest.raises(ArchiveError, match="found 'x', expected 'dynascope-result'"):
        Spectrum.load(hdf5.write(tmp_path / "b.h5", hdf5.Group({"format": "x", "kind": "spectrum"}, {})))
    incomplete = {"format": "dynascope-result", "format_version": "1.0", "kind": "spectrum", "fields": {}}
    with pytest.raises(ArchiveError, match="incomplete spectrum result"):
        Spectrum.load(hdf5.write(tmp_path / "c.h5", hdf5.Group(incomplete, {})))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ArchiveError, match="found a file cut at 2000 bytes"):
        Spectrum.load(path)
    with pytest.raises(InputError, match="cannot write there"):
        make().save(tmp_path / "missing" / "a.h5")


def test_to_dict_is_json_without_non_finite_numbers():
    found = json.loads(json.dumps(make().to_dict(), allow_nan=False))
    assert found["eigenvalues"] == {"real": [[1.0, -0.5], [0.0, None]], "imag": [[2.0, 0.0], [0.0, 1.0]]}
    assert (found["rates"][0], found["stable"], found["missing"]) == ([1.0, None, None], [True, False], None)
    assert plain({1: (np.int64(2), {3}), "z": 1 - 1j}) == {"1": [2, [3]], "z": {"real": 1.0, "imag": -1.0}}


@pytest.mark.parametrize(
    "other",
    [
        [np.ones((3, 2))],
        [np.ones((2, 3), "f4")],
        [np.ones(3), np.ones(3)],
        [np.zeros((2, 3))],
        [np.array(["a"])],
    ],
)
def test_the_input_digest_sees_shape_type_and_values(other):
    base = np.ones((2, 3))
    assert digest_arrays([base]) == digest_arrays([np.asfortranarray(base)]) != digest_arrays(other)


def test_results_without_words_or_picture_say_so():
    with pytest.raises(TypeError, match="Other has no summary"):
        Other().summary()
    with pytest.raises(TypeError, match="Other has no picture"):
        Other().plot()
