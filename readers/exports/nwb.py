"""Write a recording as an NWB 2 file: time series, a table of trials, a table of units."""

import datetime
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ... import results
from ...errors import InputError
from ...provenance import describe
from ..nwb.intervals import TIME_ZERO
from ..nwb.metadata import GENERAL, SESSION, SUBJECT
from ..recording import Recording
from .nwb_objects import Objects
from .session import Session, session_of
from .sink import write_hdf5

Array = npt.NDArray[Any]

VERSION = "2.7.0"
MODULE = "dynascope"


def write_nwb(recording: Recording, path: Path, *, session_start: str | None = None, description: str = "") -> Path:
    """Write a recording as an NWB file and return the path.

    Trials follow each other on one clock, one sample interval apart. ``processing/dynascope`` holds the activity,
    inputs, outputs, targets, mask and states as time series along all samples of all trials; ``intervals/trials`` the
    trial columns, epochs as columns ``<epoch>_start_time`` and ``<epoch>_stop_time``, and ``time_zero``, the moment
    that is zero on the trial's own clock; ``units`` the unit columns, and spike times where the activity or a state
    ``spikes`` is counts. Padding is not written. Free metadata are JSON in ``general/notes``; parameters of a model
    have no place in NWB and are left out.

    Parameters
    ----------
    recording, path
        What and where.
    session_start
        When the session began, ISO 8601 with the time zone; by default the recording's own or the time of writing.
    description
        One line; by default the recording's own.

    Raises
    ------
    InputError
        If the time is not ISO 8601 with a time zone, or a state has more than four axes.
    """
    begun = _start_time(recording, session_start)
    session = session_of(recording)

    def fill(file: h5py.File) -> None:
        objects = Objects(recording.digest())
        _root(file, recording, objects, begun, description)
        _series(file, recording, session, objects)
        _trials(file, recording, session, objects)
        _units(file, recording, session, objects)

    return write_hdf5(path, fill)


def _start_time(recording: Recording, given: str | None) -> str:
    text = given or recording.attrs.get("session_start_time")
    try:
        when = datetime.datetime.fromisoformat(str(text)) if text else datetime.datetime.now(datetime.UTC)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        if given is not None:
            raise InputError(f"session_start: found {given!r}, expected a time such as 2024-05-01T10:00:00+02:00")
        when = datetime.datetime.now(datetime.UTC)
    return when.isoformat()


def _root(file: h5py.File, recording: Recording, objects: Objects, begun: str, description: str) -> None:
    objects.mark(file, "NWBFile", "core")
    file.attrs["nwb_version"] = VERSION
    made = datetime.datetime.now(datetime.UTC).isoformat()
    objects.text(file, "file_create_date", [made])
    attrs = recording.attrs
    objects.text(file, "identifier", str(attrs.get("identifier") or recording.digest()))
    told = description or str(attrs.get("session_description") or "activity on trials, written by dynascope")
    objects.text(file, "session_description", told)
    objects.text(file, "session_start_time", begun)
    objects.text(file, "timestamps_reference_time", begun)
    for name in ("acquisition", "analysis", "processing", "general", "stimulus/presentation", "stimulus/templates"):
        file.create_group(name)
    general = file["general"]
    for name in GENERAL:
        if isinstance(attrs.get(name), str):
            objects.text(general, name, [attrs[name]] if name == "experimenter" else attrs[name])
    known = {name: attrs[name] for name in SUBJECT if isinstance(attrs.get(name), str)}
    if known:
        subject = objects.group(general, "subject", "Subject", "core")
        for name, value in known.items():
            objects.text(subject, name, value)
    rest = {name: value for name, value in attrs.items() if name not in (*SESSION, *GENERAL, *SUBJECT)}
    if rest:
        objects.text(general, "notes", json.dumps(results.plain(rest), ensure_ascii=False))
    software = describe()
    objects.text(general, "source_script", f"{software['software']} {software['software_version']}")
    general["source_script"].attrs["file_name"] = software["software"]


def _series(file: h5py.File, recording: Recording, session: Session, objects: Objects) -> None:
    module = objects.group(file["processing"], MODULE, "ProcessingModule", "core")
    module.attrs["description"] = "arrays of one recording, trial after trial"
    first: h5py.Dataset | None = None
    for name, array in recording.arrays().items():
        if name.startswith("parameters/"):
            continue
        short = name.rpartition("/")[2]
        if len(array.shape) > 5:
            raise InputError(
                f"{name}: found shape {tuple(array.shape)}, expected at most four axes beside trials for NWB"
            )
        series = objects.group(module, short, "TimeSeries", "core")
        series.attrs["description"] = f"{name} of every trial, one after the other"
        series.attrs["comments"] = "no comments"
        dtype = np.int8 if array.dtype.kind == "b" else array.dtype
        data = series.create_dataset("data", (session.n_rows, *array.shape[2:]), dtype)
        for trial, rows in enumerate(session.rows):
            data[rows] = np.asarray(array[trial])[: rows.stop - rows.start]
        data.attrs["unit"] = recording.array_units.get(name, "") or "n.a."
        data.attrs["conversion"], data.attrs["resolution"] = np.float32(1), np.float32(-1)
        if first is None:
            first = series.create_dataset("timestamps", data=session.stamps)
            first.attrs["interval"], first.attrs["unit"] = np.int32(1), "seconds"
        else:
            series["timestamps"] = first  # one array, reached by a hard link from each series


def _trials(file: h5py.File, recording: Recording, session: Session, objects: Objects) -> None:
    group = objects.group(file.create_group("intervals"), "trials", "TimeIntervals", "core")
    columns: dict[str, tuple[Array, str]] = {
        "start_time": (session.starts, "begin of the trial, s"),
        "stop_time": (session.stops, "end of the trial, s"),
        TIME_ZERO: (session.zeros, "zero of the trial's own clock, s"),
    }
    for name, edges in recording.epochs.items():
        both = np.broadcast_to(edges, (recording.n_trials, 2)) + session.zeros[:, None]
        columns[f"{name}_start_time"] = (both[:, 0], f"begin of epoch {name}, s")
        columns[f"{name}_stop_time"] = (both[:, 1], f"end of epoch {name}, s")
    renamed = {"start_time": "start_in_session", "stop_time": "stop_in_session", "tags": "tag", "timeseries": "series"}
    for name, column in recording.trials.items():
        if name != "n_samples":
            free = renamed.get(name, name)
            columns[free if free not in columns else f"{free}_value"] = (column, recording.trials.unit(name) or name)
    objects.table(group, columns, recording.n_trials, "trials")


def _units(file: h5py.File, recording: Recording, session: Session, objects: Objects) -> None:
    trains = session.spike_trains(recording)
    if not recording.units and trains is None:
        return
    group = objects.group(file, "units", "Units", "core")
    taken = (
        "spike_times",
        "obs_intervals",
        "electrodes",
        "electrode_group",
        "waveforms",
        "waveform_mean",
        "waveform_sd",
    )
    columns = {
        (f"{name}_name" if name in taken else name): (column, recording.units.unit(name) or name)
        for name, column in recording.units.items()
    }
    objects.table(group, columns, recording.n_units, "units")
    if trains is not None:
        objects.ragged(group, "spike_times", trains, "spike times, s")
        group["spike_times"].attrs["resolution"] = session.step
        observed = np.stack([session.starts, session.stops], axis=1)
        objects.ragged(group, "obs_intervals", [observed] * len(trains), "when the unit was recorded, s")
