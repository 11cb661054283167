"""The file layer: what goes in comes out, to the bit, and nothing else is written or opened."""

import hashlib
import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dynascope import hdf5, provenance
from dynascope.errors import ArchiveError, InputError
from dynascope.hdf5 import Dataset, Group, StreamedGroup, writing

DTYPES = ["?", "i1", "u2", "<i4", ">i8", "u8", "f4", ">f8", "c8", "c16", "<U7"]


def tree(array, dims=None, **options):
    dims = tuple(f"axis{axis}" for axis in range(array.ndim)) if dims is None else dims
    return Group({}, {"x": Dataset(array, dims, **options)})


def digest_of(path, root):
    return hdf5.read(hdf5.write(path, root)).digest


@st.composite
def any_array(draw):
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=4, max_side=5))
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=7)
    return draw(arrays.arrays(np.dtype(dtype), shape, elements=text if "U" in dtype else None))


@given(array=any_array(), compress=st.sampled_from([None, True, False]))
@settings(max_examples=60, deadline=None)
def test_every_array_comes_back_to_the_bit(array, compress, tmp_path_factory):
    path = hdf5.write(tmp_path_factory.mktemp("a") / "a.h5", tree(array, units="mV", compress=compress))
    with hdf5.read(path) as root:
        found = root.children["x"]
        values = np.asarray(found.data)
    assert (values.shape, found.units, found.data.shape) == (array.shape, "mV", array.shape)
    assert values.dtype == found.data.dtype
    if array.dtype.kind == "U":
        assert values.tolist() == array.tolist()
    else:
        assert values.dtype == array.dtype.newbyteorder("=")
        assert values.tobytes() == array.astype(values.dtype).tobytes()


ATTRIBUTES = {
    "text": "é [",
    "empty": "",
    "json_like": "[1",
    "null_like": "null",
    "zero_byte": "a\0",
    "none": None,
    "whole": -(2**63),
    "large": 2**64 - 1,
    "number": 0.1,
    "infinite": float("-inf"),
    "flag": True,
    "list": [1, None, "x", {"y": float("inf")}],
    "table": {"seed": 2**200, "nested": {"a": [True, 0.1]}},
    "long_text": "ab" * 30_000,
    "long_table": {"k": "é" * 40_000},
}


def test_attributes_come_back_also_long_ones(tmp_path):
    path = hdf5.write(tmp_path / "a.h5", Group(ATTRIBUTES, {"g": Group({"inner": [1.5] * 9000}, {})}))
    with hdf5.read(path) as root:
        assert root.attrs == ATTRIBUTES
        assert {name: type(value) for name, value in root.attrs.items()} == {
            name: type(value) for name, value in ATTRIBUTES.items()
        }
        assert root.children["g"].attrs == {"inner": [1.5] * 9000}
        assert list(root.children) == ["g"]


def test_nan_survives_as_attribute_in_a_list_and_in_an_array(tmp_path):
    path = hdf5.write(tmp_path / "a.h5", Group({"n": np.nan, "l": [np.nan]}, tree(np.array([np.nan, 1.0])).children))
    with hdf5.read(path) as root:
        assert np.isnan([root.attrs["n"], root.attrs["l"][0], root.children["x"].data[0]]).all()


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(None, None, -1),
        slice(1, 3),
        [2, 0, 0],
        np.array([True, False, True]),
        (slice(0, 2), 1),
        (..., 2),
        (slice(0, 2), [1, 0]),
        np.array([[0, 1], [2, 2]]),
        (None, 0),
        (0, [0, 3]),
        (slice(None), np.arange(5) > 2),
        (np.array([2, -3]), slice(1, 3), -1),
        np.zeros(0, int),
        (slice(None), slice(None), slice(None, None, 2)),
    ],
)
def test_lazy_indexing_is_numpy_indexing(key, tmp_path):
    array = np.arange(60.0).reshape(3, 5, 4)
    with hdf5.read(hdf5.write(tmp_path / "a.h5", tree(array))) as root:
        found = root.children["x"].data[key]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array[key], strict=True)


def test_a_lazy_array_knows_its_size_and_refuses_what_numpy_refuses(tmp_path):
    with hdf5.read(hdf5.write(tmp_path / "a.h5", tree(np.arange(6.0).reshape(3, 2)))) as root:
        lazy = root.children["x"].data
        assert (len(lazy), lazy.ndim, lazy.size, lazy.nbytes) == (3, 2, 6, 48)
        assert np.array_equal(np.mean(lazy, axis=0), [2.0, 3.0])
        for key in (3, [3], [-4]):
            with pytest.raises(IndexError):
                lazy[key]
        with pytest.raises(ValueError, match="without reading"):
            np.asarray(lazy, copy=False)


def test_reading_after_closing_says_so(tmp_path):
    with hdf5.read(hdf5.write(tmp_path / "a.h5", tree(np.ones(3)))) as root:
        pass
    with pytest.raises(ArchiveError, match=r"a\.h5: /x: the file is closed; read inside its with block"):
        root.children["x"].data[0]


def test_digest_is_of_the_content_alone(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    data = {
        "x": Dataset(random.normal(size=(50, 30, 20)), ("trial", "time", "unit")),
        "s": Dataset(random.random((50, 30)) < 0.1, ("trial", "time")),
    }
    attrs = {"a": 1, **dict.fromkeys(provenance.VOLATILE, "then")}
    first = digest_of(tmp_path / "a.h5", Group(attrs, data))
    later = {**attrs, "created": "later", "command": "another", "git_commit": "f00"}
    assert digest_of(tmp_path / "b.h5", Group(later, dict(reversed(data.items())))) == first
    compressed = {name: Dataset(node.data, node.dims, compress=True) for name, node in data.items()}
    monkeypatch.setattr(writing, "CHUNK_BYTES", 10_000)
    assert digest_of(tmp_path / "c.h5", Group(attrs, compressed)) == first
    assert hdf5.content_digest(tmp_path / "c.h5") == first
    monkeypatch.setattr(writing, "LARGEST_CHUNK_BYTES", 3_000)
    assert digest_of(tmp_path / "d.h5", Group(attrs, data)) == first
    with hdf5.read(tmp_path / "d.h5") as root:
        assert digest_of(tmp_path / "copied.h5", Group(attrs, root.children)) == first


def described(attributes, names):
    return [[name, attributes[name].dtype.str, attributes[name].tobytes().hex()] for name in sorted(names)]


def digest_by_the_specification(path):
    """Section 1.5 of docs/archive.md, written a second time with h5py alone."""
    hidden = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"}
    volatile = ["created", "command", "software_version", "git_commit"]
    with h5py.File(path) as file:
        objects = {"/": file}
        file.visititems(lambda name, item: objects.update({f"/{name}": item}))
        lines = ""
        for name in sorted(objects):
            item = objects[name]
            found = {key: _stored(item, key) for key in set(item.attrs) - hidden}
            left_out = {"digest", "seal", *volatile} if name == "/" else set()
            dataset = isinstance(item, h5py.Dataset)
            kind, dtype, shape = ("dataset", item.dtype.str, item.shape) if dataset else ("group", "", ())
            header = [name, kind, dtype, list(shape), described(found, set(found) - left_out)]
            content = json.dumps(header, separators=(",", ":")).encode() + (item[...].tobytes() if dataset else b"")
            lines += f"{name}  {hashlib.sha256(content).hexdigest()}\n"
        digest = hashlib.sha256(lines.encode()).hexdigest()
        root = {key: _stored(file, key) for key in volatile if key in file.attrs}
        sealed = json.dumps([digest, described(root, root)], separators=(",", ":")).encode()
        return digest, hashlib.sha256(sealed).hexdigest(), *(file.attrs[key].decode() for key in ("digest", "seal"))


def _stored(item, name):
    attribute = item.attrs.get_id(name)
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    return value


def test_digest_and_seal_are_those_of_the_specification(tmp_path):
    data = {
        "time": Dataset(np.arange(3.0), ("time",), "s"),
        "g": Group({"é": 1, "flag": False}, {"x": Dataset(np.ones((3, 2), ">c8"), ("time", "unit"), compress=True)}),
        "s": Dataset(np.array(["a", "é"]), ("name",), attrs={"list": [1, np.inf]}),
        "b": Dataset(np.array(True), ()),
    }
    attrs = {"created": "now", "software_version": "0", "long": "x" * 40_000, "number": -0.0}
    digest, seal, stated_digest, stated_seal = digest_by_the_specification(
        hdf5.write(tmp_path / "a.h5", Group(attrs, data))
    )
    assert (stated_digest, stated_seal) == (digest, seal)


@pytest.mark.parametrize(
    "other",
    [
        Group({"a": 2}, {"x": Dataset(np.ones(3), ("n",))}),
        Group({"a": 1.0}, {"x": Dataset(np.ones(3), ("n",))}),
        Group({"a": 1}, {"y": Dataset(np.ones(3), ("n",))}),
        Group({"a": 1}, {"x": Dataset(np.ones(3), ("m",))}),
        Group({"a": 1}, {"x": Dataset(np.ones(3), ("n",), "s")}),
        Group({"a": 1}, {"x": Dataset(np.ones(3, "f4"), ("n",))}),
        Group({"a": 1}, {"x": Dataset(np.array([1.0, 1.0, np.nextafter(1, 2)]), ("n",))}),
        Group({"a": 1}, {"x": Dataset(np.ones(3), ("n",)), "g": Group({}, {})}),
    ],
)
def test_any_other_content_has_another_digest(other, tmp_path):
    base = Group({"a": 1}, {"x": Dataset(np.ones(3), ("n",))})
    assert digest_of(tmp_path / "a.h5", base) != digest_of(tmp_path / "b.h5", other)


def test_inputs_are_left_as_they_are(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    attrs = {"a": [1, (2, 3)]}
    hdf5.write(tmp_path / "a.h5", Group(attrs, tree(array).children))
    assert attrs == {"a": [1, (2, 3)]}
    assert np.array_equal(array, np.arange(6.0).reshape(2, 3))
    assert array.flags.writeable


ONE = {"x": Dataset(np.ones(3), ("n",))}
REFUSED = {
    "float16": (tree(np.ones(3, "f2")), "/x: found the type float16, .* convert it to float32 or float64"),
    "objects": (tree(np.array(["a", 1], dtype=object)), "/x: found the type object, .*dtype=str"),
    "bytes": (tree(np.array([b"a"])), "decode bytes to text first"),
    "dates": (tree(np.array(["2020"], "M8[s]")), "store seconds as float64"),
    "long double": (tree(np.ones(2, np.longdouble)), "/x: found the type"),
    "records": (tree(np.zeros(2, "i4,f4")), "store each field as a dataset of its own"),
    "surrogates": (tree(np.array(["\ud800"])), "/x: this text is not valid Unicode"),
    "empty axis": (tree(np.ones((2, 0))), "/x: axis 1, 'axis1', is empty; leave the array out"),
    "missing dims": (
        tree(np.ones((2, 2)), ("a",)),
        r"/x: found 2 axes, shape \(2, 2\), expected one for each",
    ),
    "same dim twice": (tree(np.ones((2, 2)), ("a", "a")), "/x: a dimension comes twice .*unit_pre"),
    "named like its axis": (tree(np.ones((2, 2)), ("x", "y")), "cannot have the name of one of them"),
    "bad name": (Group({}, {"a/b": ONE["x"]}), "found the name 'a/b', expected letters"),
    "hidden name": (Group({}, {".a": ONE["x"]}), "found the name '.a'"),
    "bad dim": (tree(np.ones(2), ("a b",)), "found the name 'a b'"),
    "taken attribute": (
        Group({"digest": "x"}, {}),
        "/, attribute 'digest': this name is used by the file format",
    ),
    "attribute type": (
        Group({"a": {"b": object()}}, {}),
        r"attribute 'a'\['b'\]: found object, expected str, int",
    ),
    "attribute key": (Group({"a": {1: 2}}, {}), "found the key 1, expected text"),
    "large int": (Group({"a": 2**64}, {}), "needs more than 64 bits"),
    "long attribute": (tree(np.ones(2), attrs={"a": "x" * 40_000}), "long text belongs to a group"),
    "name twice": (
        StreamedGroup({}, produced=[("x", ONE["x"]), ("x", ONE["x"])]),
        "/x: this name comes twice",
    ),
    "lengths disagree": (
        Group({}, {"x": Dataset(np.ones(3), ("n",)), "y": Dataset(np.ones(2), ("n",))}),
        "/y: axis 0, 'n', has length 2, expected 3 as in /x",
    ),
    "scale disagrees": (
        Group({}, {"n": Dataset(np.ones(3), ("n",)), "g": Group({}, {"y": Dataset(np.ones(2), ("n",))})}),
        "/g/y: axis 0, 'n', has length 2, expected 3 as in /n",
    ),
    "name of a scale taken": (
        Group({}, {"x": Dataset(np.ones(3), ("n",)), "n": Dataset(np.ones(3), ("m",))}),
        "/x: axis 0 is called 'n', which is the name of /n; rename one",
    ),
    "owned lengths disagree": (
        Group({}, {k: Group({}, {"x": Dataset(np.ones(n), ("u",))}) for k, n in (("a", 2), ("b", 3))}, ("u",)),
        "/b/x: axis 0, 'u', has length 3, expected 2 as in /a/x",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_stored_is_refused_with_its_place(case, tmp_path):
    root, words = REFUSED[case]
    path = tmp_path / "a.h5"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match=words) as error:
        hdf5.write(path, root)
    assert str(error.value).startswith(str(path))
    assert [left.name for left in tmp_path.iterdir()] == ["a.h5"]
    assert path.read_bytes() == b"old"


def scales(path):
    with h5py.File(path) as file:
        found = []
        file.visititems(lambda name, item: found.append(name) if item.attrs.get("index_scale") else None)
        return sorted(found)


def test_index_scales_are_made_in_the_outermost_group_that_agrees(tmp_path):
    def group(n, m):
        return Group({}, {"x": Dataset(np.ones((n, m)), ("trial", "unit"))})

    agree = hdf5.write(tmp_path / "a.h5", Group({}, {"a": group(2, 4), "b": group(3, 4)}))
    assert scales(agree) == ["a/trial", "b/trial", "unit"]
    owned = Group({}, {"a": Group({}, group(2, 4).children, ("trial",))})
    assert scales(hdf5.write(tmp_path / "b.h5", owned)) == ["a/trial", "unit"]
    mixed = {"x": Dataset(np.ones(4), ("n",)), "a": tree(np.ones(4), ("n",)), "b": tree(np.ones(5), ("n",))}
    assert scales(hdf5.write(tmp_path / "c.h5", Group({}, mixed))) == ["b/n", "n"]
    taken = {"n": Group({}, {}), "a": tree(np.ones(4), ("n",))}
    assert scales(hdf5.write(tmp_path / "d.h5", Group({}, taken))) == ["a/n"]


def test_streamed_children_are_taken_one_at_a_time(tmp_path):
    alive = []

    def produce():
        for number in range(5):
            alive.append(number)
            yield "folder", Group({"kind": 1}, {f"x{number}": Dataset(np.full(3, number), ("n",))})

    path = hdf5.write(tmp_path / "a.h5", StreamedGroup({}, produced=produce()))
    with hdf5.read(path) as root:
        folder = root.children["folder"].children
        assert [int(folder[f"x{number}"].data[0]) for number in range(5)] == alive
    clash = StreamedGroup({}, produced=[("g", Group({"kind": 1}, {})), ("g", Group({"kind": 2}, {}))])
    with pytest.raises(InputError, match="/g: this group comes twice, with different attributes"):
        hdf5.write(tmp_path / "b.h5", clash)


def test_order_of_children_is_kept(tmp_path):
    names = ["zeta", "alpha", "mid"]
    children = {name: Dataset(np.ones(2), ("n",)) for name in names} | {"beta": Group({}, {})}
    with hdf5.read(hdf5.write(tmp_path / "a.h5", Group({}, children))) as root:
        assert list(root.children) == [*names, "beta"]


def test_chunks_are_whole_blocks_of_about_a_megabyte():
    cases = {
        ((600, 100, 256), 4): (10, 100, 256),
        ((7,), 8): (7,),
        ((3, 1000, 1000), 4): (1, 1000, 1000),
        ((2, 10_000, 1000), 4): (1, 3334, 1000),
        ((10**7,), 8): (129871,),
    }
    for (shape, itemsize), chunk in cases.items():
        assert writing.chunk_shape(shape, itemsize) == chunk, shape


def test_floats_are_compressed_where_that_saves_half(tmp_path):
    noise = np.random.default_rng(0).normal(size=(4, 50, 30)).astype(np.float32)
    arrays = {"noise": noise, "stimulus": np.repeat(noise[:, :2], 25, axis=1), "small": np.zeros(8, np.float32)}
    datasets = {
        name: hdf5.Dataset(array, tuple(f"{name}_{k}" for k in range(array.ndim))) for name, array in arrays.items()
    }
    path = hdf5.write(tmp_path / "a.h5", hdf5.Group({"format": "f", "format_version": "1.0"}, datasets))
    with h5py.File(path) as file:
        assert {name: file[name].compression for name in arrays} == {"noise": None, "stimulus": "gzip", "small": None}
        assert file["stimulus"].id.get_storage_size() < 0.5 * arrays["stimulus"].nbytes
