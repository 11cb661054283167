"""NWB files made with h5py alone, as the standard describes them: what the tests of the reader start from."""

import h5py
import numpy as np

TEXT = h5py.string_dtype()
SPIKES = [np.array([0.1, 1.05, 1.5, 3.2]), np.array([]), np.array([1.1, 2.95, 3.05])]
STARTS = np.array([0.0, 1.0, 3.0])
STOPS = np.array([0.8, 2.0, 4.0])


def typed(item, kind, namespace="core"):
    item.attrs["neurodata_type"], item.attrs["namespace"] = kind, namespace
    return item


def column(table, name, values, kind="VectorData"):
    values = np.asarray(values)
    text = values.dtype.kind in "UO" and h5py.check_ref_dtype(values.dtype) is None
    made = table.create_dataset(name, data=values.astype(object) if text else values, dtype=TEXT if text else None)
    return typed(made, kind, "hdmf-common")


def table(file, path, columns, kind="DynamicTable"):
    """Make a table; a list of lists becomes a ragged column."""
    group = typed(file.create_group(path), kind)
    names = []
    n_rows = len(next(iter(columns.values())))
    column(group, "id", np.arange(n_rows), "ElementIdentifiers")
    for name, values in columns.items():
        names.append(name)
        if isinstance(values, list):
            ends = np.cumsum([len(row) for row in values])
            column(group, name, np.concatenate([np.asarray(row) for row in values]))
            column(group, f"{name}_index", ends.astype("u1"), "VectorIndex")
        else:
            column(group, name, values)
    group.attrs.create("colnames", names, dtype=TEXT)
    return group


def series(file, path, data, *, stamps=None, rate=None, kind="TimeSeries", **attrs):
    group = typed(file.create_group(path), kind)
    dataset = group.create_dataset("data", data=data)
    dataset.attrs.update({"unit": "V", **attrs})
    if stamps is not None:
        group["timestamps"] = stamps
    else:
        group["starting_time"] = 0.0
        group["starting_time"].attrs["rate"] = rate
    return group


def begin(file):
    typed(file, "NWBFile")
    file.attrs["nwb_version"] = "2.7.0"
    for name, text in {"identifier": "m1", "session_description": "test", "general/subject/species": "Mus"}.items():
        file.create_dataset(name, data=text, dtype=TEXT)
    for name in ("acquisition", "processing", "analysis"):
        file.create_group(name)


def session(file):
    """Three units in two areas, three trials, epochs, an LFP."""
    begin(file)
    electrodes = table(
        file,
        "general/extracellular_ephys/electrodes",
        {"location": np.array(["V1", "V1", "V4"]), "group_name": np.array(["a", "a", "b"])},
    )
    units = table(
        file,
        "units",
        {"spike_times": SPIKES, "electrodes": [[0], [1, 0], [2]], "quality": np.array(["good", "mua", "good"]),
         "waveform_mean": np.ones((3, 8))},
    )  # fmt: skip
    units["electrodes"].attrs["table"] = electrodes.ref
    typed(units["electrodes"], "DynamicTableRegion", "hdmf-common")
    table(
        file,
        "intervals/trials",
        {"start_time": STARTS, "stop_time": STOPS, "go_time": np.array([0.5, np.nan, 3.4]),
         "cue_start_time": STARTS + 0.1, "cue_stop_time": STARTS + 0.3, "choice": np.array(["left", "right", "left"]),
         "correct": np.array([True, False, True]), "licks": [[0.1], [], [0.2, 0.3]]},
        "TimeIntervals",
    )  # fmt: skip
    table(
        file,
        "intervals/epochs",
        {"start_time": np.array([0.0, 2.5]), "stop_time": np.array([2.5, 5.0]), "tags": [["early"], ["late"]]},
        "TimeIntervals",
    )
    series(file, "acquisition/lfp", np.arange(1000, dtype="i2").reshape(500, 2), rate=100.0, conversion=0.5, offset=1.0)


def write(path, fill=session):
    with h5py.File(path, "w") as file:
        fill(file)
    return path
