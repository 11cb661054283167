"""MATLAB 7.3 files made with h5py as MATLAB lays them out: reversed axes, classes in attributes, cells by reference."""

import h5py
import numpy as np


class Mat73:
    """A file that is being made; values are given with MATLAB's axes."""

    def __init__(self, file):
        self.file = file
        self.refs = file.create_group("#refs#")

    def put(self, group, name, value):
        """Store an array, text, dict (struct), list of dicts (struct array) or object array (cell)."""
        if isinstance(value, dict):
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, content in value.items():
                self.put(made, field, content)
            return made
        if isinstance(value, list):
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for field in value[0]:
                made[field] = self.references(np.array([[self.reference(item[field]) for item in value]], object))
            return made
        if isinstance(value, str):
            made = self.array(group, name, np.frombuffer(value.encode("utf-16-le"), "<u2")[None], "char")
            made.attrs["MATLAB_int_decode"] = np.int32(2)
            return made
        value = np.asarray(value)
        if value.dtype == object:
            cells = np.empty(value.shape, object)
            for index, content in np.ndenumerate(value):
                cells[index] = self.reference(content)
            made = self.array(group, name, cells, "cell", h5py.ref_dtype)
            return made
        if value.dtype == bool:
            made = self.array(group, name, value.astype("u1"), "logical")
            made.attrs["MATLAB_int_decode"] = np.int32(1)
            return made
        if value.dtype.kind == "c":
            parts = np.empty(value.shape, [("real", "f8"), ("imag", "f8")])
            parts["real"], parts["imag"] = value.real, value.imag
            return self.array(group, name, parts, "double")
        names = {"float64": "double", "float32": "single"}
        return self.array(group, name, np.atleast_2d(value), names.get(str(value.dtype), str(value.dtype)))

    def array(self, group, name, value, kind, dtype=None):
        made = group.create_dataset(name, data=value.T, dtype=dtype)
        made.attrs["MATLAB_class"] = np.bytes_(kind)
        return made

    def reference(self, content):
        return self.put(self.refs, f"r{len(self.refs)}", content).ref

    def references(self, values):
        return values.T.astype(h5py.ref_dtype)


def write73(path, variables, change=None):
    """Write variables to a file with MATLAB's header, and let ``change`` do harm to it."""
    with h5py.File(path, "w", userblock_size=512) as file:
        mat = Mat73(file)
        for name, value in variables.items():
            mat.put(file, name, value)
        if change:
            change(file, mat)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\x00\x02IM")
    return path


def cells(*contents):
    """Return a row of cells."""
    made = np.empty((1, len(contents)), object)
    for number, content in enumerate(contents):
        made[0, number] = content
    return made
