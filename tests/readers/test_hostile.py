"""Files made to do harm: each is refused before any of its data is read, in one sentence with its place."""

import resource
import time

import h5py
import numpy as np
import pytest

from dynascope import hdf5
from dynascope.errors import ArchiveError
from dynascope.hdf5 import Dataset, Group, check
from dynascope.readers import open_archive

CHUNKED = {"chunks": (4,), "fletcher32": True}


def external_link(file):
    file["x"] = h5py.ExternalLink("/etc/hostname", "/x")


def soft_link(file):
    file["x"] = h5py.SoftLink("/nowhere")


def external_storage(file):
    file.create_dataset("x", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def virtual_dataset(file):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", shape=(4,))
    file.create_virtual_dataset("x", layout)


def claims_128_gib(file):
    file.create_dataset("x", (2**37,), "u1", chunks=(2**20,), compression="gzip")


def missing_chunks(file):
    file.create_dataset("x", (4000,), "f8", chunks=(1000,), compression="gzip")[:3000] = 1.5


def overlong_chunk(file):
    dataset = file.create_dataset("x", (4,), "f8", maxshape=(None,), chunks=(2**26,), compression="gzip")
    dataset.id.write_direct_chunk((0,), b"\0" * 200)


def contiguous(file):
    file.create_dataset("x", data=np.ones(4))


def variable_text(file):
    file.create_dataset("x", (4,), h5py.string_dtype(), chunks=(4,))


def variable_data(file):
    file.create_dataset("x", (4,), h5py.vlen_dtype("f8"), chunks=(4,))


def object_reference(file):
    file.create_dataset("x", (4,), h5py.ref_dtype, **CHUNKED)


def half_floats(file):
    file.create_dataset("x", data=np.ones(4, "f2"), **CHUNKED)


def boolean_enum(file):
    file.create_dataset("x", data=np.ones(4, bool), **CHUNKED)


def records(file):
    file.create_dataset("x", data=np.zeros(4, "i4,f4"), **CHUNKED)


def odd_integer(file):
    kind = h5py.h5t.STD_I32LE.copy()
    kind.set_precision(7)
    space = h5py.h5s.create_simple((4,))
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    h5py.h5d.create(file.id, b"x", kind, space, properties).write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones(4, "i4"))


def unknown_filter(file):
    file.create_dataset("x", data=np.ones(4), chunks=(4,), compression="lzf")


def null_dataspace(file):
    file.create_dataset("x", data=h5py.Empty("f8"))


def hard_link_cycle(file):
    file.create_group("g")["again"] = file["/"]


def object_twice(file):
    file.create_dataset("x", data=np.ones(4), **CHUNKED)
    file["y"] = file["x"]


def deep_nesting(file):
    group = file
    for _ in range(check.MAX_DEPTH + 1):
        group = group.create_group("g")


def many_attributes(file):
    group = file.create_group("g", track_order=True)
    for number in range(check.MAX_ATTRIBUTES + 1):
        group.attrs[f"a{number}"] = 1


def named_type(file):
    file["x"] = np.dtype("f8")


def variable_attribute(file):
    file.create_group("g").attrs["a"] = "variable"


def array_attribute(file):
    file.create_group("g").attrs["a"] = np.arange(3)


def huge_attribute(file):
    file.create_group("g").attrs.create("a", np.bytes_(b"x" * 200_000), dtype="S200000")


def bad_json(file):
    file.create_group("g").attrs.create("a", np.array(b"{1", h5py.string_dtype("utf-8", 2)))


def bad_text(file):
    file.create_group("g").attrs.create("a", np.array(b"\xff", h5py.string_dtype("utf-8", 1)))


def terminal_escape(file):
    file.create_group("\x1b[31mred")


def no_dims(file):
    file.create_dataset("x", data=np.ones(4), **CHUNKED)


def dims_for_other_shape(file):
    file.create_dataset("x", data=np.ones(4), **CHUNKED).attrs["dims"] = np.bytes_('["a","b"]')


def dims_without_scale(file):
    file.create_dataset("x", data=np.ones(4), **CHUNKED).attrs["dims"] = np.bytes_('["a"]')


CASES = [
    (external_link, "/x: found an external link, expected a group or dataset in this file"),
    (soft_link, "/x: found a soft link, expected a group or dataset in this file"),
    (external_storage, "/x: found data stored in another file"),
    (virtual_dataset, "/x: found a virtual dataset"),
    (claims_128_gib, "/x: found 0 bytes that claim to hold 137438953472"),
    (missing_chunks, "/x: found 3 stored chunks, expected 4"),
    (overlong_chunk, "/x: found 200 bytes that claim to hold 536870912"),
    (contiguous, "/x: found a dataset without chunks"),
    (variable_text, "/x: found values of type variable-length text"),
    (variable_data, "/x: found values of type variable-length data"),
    (object_reference, "/x: found values of type reference"),
    (half_floats, "/x: found values of type float16"),
    (boolean_enum, "/x: found values of type enum"),
    (records, "/x: found values of type"),
    (odd_integer, "/x: found values of type"),
    (unknown_filter, "/x: found filter 32000, expected only deflate, shuffle, fletcher32"),
    (null_dataspace, "/x: found"),
    (hard_link_cycle, "/g/again: found an object that another path reaches too"),
    (object_twice, "/y: found an object that another path reaches too"),
    (deep_nesting, "found groups 33 levels deep, expected at most 32"),
    (many_attributes, "/g: found 1001 attributes, expected at most 1000"),
    (named_type, "/x: found a named type"),
    (variable_attribute, "/g, attribute 'a': found variable-length text of shape"),
    (array_attribute, r"/g, attribute 'a': found a number of shape \(3,\)"),
    (huge_attribute, "/g, attribute 'a': found 200000 bytes, expected at most 64000"),
    (bad_json, "/g, attribute 'a': found unreadable data"),
    (bad_text, "/g, attribute 'a': found unreadable data"),
    (terminal_escape, r"'/\\x1b\[31mred': found this name"),
    (no_dims, "/x: found dims None, expected an attribute 'dims'"),
    (dims_for_other_shape, r"/x: found dims \['a', 'b'\] for shape \(4,\)"),
    (dims_without_scale, "/x: found no scale for dimension 'a', expected one of length 4"),
]


@pytest.mark.parametrize(("evil", "words"), CASES, ids=[evil.__name__ for evil, _ in CASES])
def test_hostile_files_are_refused(evil, words, tmp_path):
    path = tmp_path / "evil.h5"
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        file.attrs["format"], file.attrs["format_version"] = np.bytes_("dynascope-activity"), np.bytes_("1.0")
        evil(file)
    for opener in (hdf5.read, open_archive):
        with pytest.raises(ArchiveError, match=words) as error:
            opener(path, verify=False)
        assert str(error.value).startswith(f"{path}: ")


def test_a_refusal_costs_neither_time_nor_memory(tmp_path):
    path = tmp_path / "evil.h5"
    with h5py.File(path, "w", libver="v110") as file:
        claims_128_gib(file)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(ArchiveError, match="claim to hold"):
        hdf5.read(path)
    assert time.process_time() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_the_budget_is_of_all_arrays_together(tmp_path):
    arrays = {name: Dataset(np.zeros(1000), ("n",), compress=True) for name in "abc"}
    path = hdf5.write(tmp_path / "a.h5", Group({}, arrays))
    with pytest.raises(ArchiveError, match=r"/c: found more than 20000 bytes of data, .*give max_bytes"):
        hdf5.read(path, max_bytes=20_000)
    hdf5.read(path, max_bytes=30_000).close()
