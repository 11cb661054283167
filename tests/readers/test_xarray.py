"""Archives open in xarray without dynascope and without a warning (pytest makes warnings errors)."""

import h5py
import numpy as np
import pytest
import xarray as xr

from dynascope import hdf5
from dynascope.readers import open_archive


@pytest.mark.parametrize("name", ["final", "0000100/odr", "0000100/gap"])
def test_a_recording_is_a_dataset(name, archive_path):
    with xr.open_dataset(archive_path, group=f"recordings/{name}", engine="h5netcdf") as found:
        found = found.load()
    with open_archive(archive_path) as archive:
        recording = archive.recordings[name].load()
    assert found["activity"].dims == ("trial", "time", "unit")
    assert found["activity"].attrs["units"] == "Hz"
    np.testing.assert_array_equal(found["activity"], recording.activity)
    np.testing.assert_array_equal(found["time"], recording.time)
    assert found["time"].dtype == np.float64
    assert found["mask"].dtype == bool
    assert found.attrs["rule"] == "odr"
    assert found.sizes["trial"] == recording.n_trials


def test_the_whole_archive_is_a_tree(archive_path):
    with xr.open_datatree(archive_path, engine="h5netcdf") as tree:
        tree = tree.load()
    trials = tree["recordings/0000100/odr/trials"]
    assert trials["cue"].values.tolist() == [f"cue {number} é" for number in range(6)]
    assert trials["correct"].dtype == bool
    assert tree["units/area"].values.tolist() == ["FEF"] * 4 + ["PFC"]
    assert tree["model/parameters/w"].dims == ("unit", "unit_pre")
    assert tree["recordings/final/states/voltage"].dims == ("trial", "time", "unit", "voltage_3")
    assert tree["recordings/final/states/kappa"].dims == ("trial", "time", "kappa_2")
    assert tree["training"]["loss"].indexes["step"].tolist() == [0, 10]
    assert tree.attrs["title"] == "every element"


@pytest.mark.parametrize("unit", ["s", "ms", "Hz", "rad", "days", "seconds"])
def test_units_of_time_are_left_alone(unit, tmp_path):
    path = hdf5.write(tmp_path / "a.h5", hdf5.Group({}, {"x": hdf5.Dataset(np.ones(3), ("n",), unit)}))
    with xr.open_dataset(path, engine="h5netcdf", decode_timedelta=False) as found:
        assert (found["x"].dtype, found["x"].attrs["units"]) == (np.float64, unit)
    if unit in ("s", "ms", "Hz", "rad"):
        with xr.open_dataset(path, engine="h5netcdf") as found:
            assert found["x"].dtype == np.float64


def test_every_axis_has_a_scale_and_no_text_is_of_variable_length(archive_path):
    datasets = []
    with h5py.File(archive_path) as file:
        file.visititems(lambda name, item: datasets.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in datasets:
            dataset = file[name]
            assert dataset.is_scale or all(len(axis) == 1 for axis in dataset.dims), name
            assert dataset.fletcher32, name
            kind = h5py.check_string_dtype(dataset.dtype)
            assert kind is None or kind.length, name
            for attribute in set(dataset.attrs) - {"DIMENSION_LIST", "REFERENCE_LIST"}:
                kind = h5py.check_string_dtype(dataset.attrs.get_id(attribute).dtype)
                assert kind is None or kind.length, (name, attribute)
    assert len(datasets) > 60
