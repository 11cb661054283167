"""Recordings as lists of events (time, channel), in files laid out as the Spiking Heidelberg Digits, and their binning.

The layout (Cramer et al., IEEE Transactions on Neural Networks and Learning Systems 33:2744, 2022) is HDF5 with
``spikes/times`` in seconds and ``spikes/units``, one array of any length per recording, ``labels``, and
``extra/speaker``, which may be absent.
"""

import dataclasses
import functools
import hashlib
from pathlib import Path

import h5py
import numpy as np

from ... import files
from ...errors import InputError
from ...hdf5.check import guarded
from ...readers.guest import Guest, place
from ...results import Array

# Recordings that are binned at a time, which bounds the memory of their counts as integers of 8 bytes.
_BLOCK = 64
_LARGEST_COUNT = 255


@dataclasses.dataclass(frozen=True, eq=False)
class Events:
    """Events of recordings, one recording after the other.

    Attributes
    ----------
    times : (event,) seconds from the start of its recording, at least 0, in any order
    units : (event,) channel
    starts : (recording + 1,) where each recording begins among the events, and their number
    labels : (recording,) class
    speakers : (recording,) who spoke, or None when that is not known
    source : where they are from, in words, empty when that is not known
    """

    times: Array
    units: Array
    starts: Array
    labels: Array
    speakers: Array | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def binned(self, n_steps: int, duration: float, n_channels: int) -> tuple[Array, Array]:
        """Return counts, uint8 (recording, step, channel), and how many events of each recording come too late.

        Edges are ``linspace(0, duration, n_steps)``: an event is counted in the step whose number is that of the edges
        at or before it. That is never step 0, and would be step ``n_steps`` from ``duration`` on: these events are
        left out of the counts. O(event + recording · step · channel).

        Raises
        ------
        InputError
            If more than 255 events of a recording fall in one step of a channel.
        """
        edges = np.linspace(0, duration, n_steps)
        counts = np.zeros((len(self), n_steps, n_channels), np.uint8)
        late = np.zeros(len(self), np.int64)
        for first in range(0, len(self), _BLOCK):
            block = counts[first : first + _BLOCK]
            begin, end = self.starts[first], self.starts[first + len(block)]
            step = np.digitize(self.times[begin:end], edges)
            row = np.repeat(np.arange(len(block)), np.diff(self.starts[first : first + len(block) + 1]))
            timely = step < n_steps
            bins = np.ravel_multi_index((row[timely], step[timely], self.units[begin:end][timely]), block.shape)
            found = np.bincount(bins, minlength=block.size).reshape(block.shape)
            if found.max() > _LARGEST_COUNT:
                worst, at, unit = np.unravel_index(found.argmax(), found.shape)
                raise InputError(
                    f"recording {first + worst}: found {found.max()} events of channel {unit} in step {at}, expected "
                    f"at most {_LARGEST_COUNT}: use more steps"
                )
            block[:] = found
            late[first : first + len(block)] = np.bincount(row[~timely], minlength=len(block))
        return counts, late


def read_events(path: str | Path, *, n_channels: int, n_classes: int) -> Events:
    """Return the events in a file of the layout above.

    Nothing outside the file is followed, and sizes are checked before data are read (:class:`~.readers.guest.Guest`).

    Raises
    ------
    InputError
        If the file is missing, damaged or has another layout; if the times of a recording are not as many as its
        units, or one is negative or not finite; or if a unit or label is outside ``n_channels`` or ``n_classes``.
    """
    with _opened(path) as guest:
        labels = _integers(guest, "labels", n_classes)
        times, lengths = _joined(guest, "spikes/times", "iuf", len(labels))
        units, n_units = _joined(guest, "spikes/units", "iu", len(labels))
        has_speakers = guest.find("extra/speaker") is not None
        speakers = _integers(guest, "extra/speaker", None) if has_speakers else None
        source = guest.text(guest.file, "source")
    if speakers is not None and len(speakers) != len(labels):
        raise InputError(
            f"{path}: extra/speaker: found {len(speakers)} entries, expected {len(labels)}, as many as labels"
        )
    starts = np.concatenate([[0], np.cumsum(lengths)])

    def refuse(wrong: Array, what: str, expected: str) -> None:
        """Refuse the first recording that ``wrong`` (recording,) marks."""
        if wrong.any():
            raise InputError(f"{path}: recording {np.flatnonzero(wrong)[0]}: found {what}, expected {expected}")

    def holders(wrong: Array) -> Array:
        """Return which recordings hold events that are ``wrong`` (event,)."""
        found = np.zeros(len(labels), bool)
        found[np.searchsorted(starts, np.flatnonzero(wrong), side="right") - 1] = True
        return found

    refuse(lengths != n_units, "other numbers of times and units", "one unit for each time")
    refuse(holders(~(np.isfinite(times) & (times >= 0))), "a time that is negative or no number", "seconds from 0 on")
    refuse(
        holders((units < 0) | (units >= n_channels)), "a unit that is no channel", f"units from 0 to {n_channels - 1}"
    )
    return Events(times, units, starts, labels, speakers, source)


def count_recordings(path: str | Path) -> int:
    """Return how many recordings a file holds, without reading their events.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    with _opened(path) as guest:
        return len(_integers(guest, "labels", None))


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, computed once while the file stays as it is.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    status = _existing(path).stat()
    return _digest(str(path), status.st_mtime_ns, status.st_size)


def write_events(path: str | Path, events: Events) -> Path:
    """Write events in the layout and the types of the published files: times float16, all else uint16.

    The source is kept as an attribute of the file, which published files do not have.
    """
    with files.replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for name, values, kind in (("times", events.times, np.float16), ("units", events.units, np.uint16)):
            stored = file.create_dataset(f"spikes/{name}", (len(events),), h5py.vlen_dtype(kind))
            for row, part in enumerate(np.split(values.astype(kind), events.starts[1:-1])):
                stored[row] = part
        file.attrs["source"] = events.source
        file["labels"] = events.labels.astype(np.uint16)
        if events.speakers is not None:
            file["extra/speaker"] = events.speakers.astype(np.uint16)
    return Path(path)


@functools.lru_cache(maxsize=8)
def _digest(path: str, changed: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _existing(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise InputError(f"{path}: not found; expected an HDF5 file with spikes/times, spikes/units and labels")
    return Path(path)


def _opened(path: str | Path) -> Guest:
    return Guest(_existing(path))


def _dataset(guest: Guest, name: str) -> h5py.Dataset:
    """Return a dataset that must be there, one entry per recording."""
    found = guest.find(name)
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{guest.path}: expected the datasets spikes/times, spikes/units and labels, found no {name}")
    if len(guest.shape(found)) != 1 or not guest.shape(found)[0]:
        raise guest.refusal(place(found), f"shape {guest.shape(found)}", "one entry per recording, at least one")
    return found


def _integers(guest: Guest, name: str, limit: int | None) -> Array:
    """Return a dataset of whole numbers as int64, all at least 0 and below the limit if there is one."""
    dataset = _dataset(guest, name)
    if guest.dtype(dataset).kind not in "iu":
        raise guest.refusal(place(dataset), f"values of type {guest.dtype(dataset)}", "whole numbers")
    values = guest.read(dataset).astype(np.int64)
    wrong = (values < 0) | (values >= (values.max() + 1 if limit is None else limit))
    if wrong.any():
        at = np.flatnonzero(wrong)[0]
        bound = "at least 0" if limit is None else f"numbers from 0 to {limit - 1}"
        raise guest.refusal(place(dataset), f"{values[at]} at recording {at}", bound)
    return values


def _joined(guest: Guest, name: str, kinds: str, n_recordings: int) -> tuple[Array, Array]:
    """Return the arrays of a dataset one after the other, and the length of each."""
    dataset = _dataset(guest, name)
    kind = h5py.check_vlen_dtype(guest.dtype(dataset))
    # h5py (3.16) hands out arrays of the other byte order with their bytes the wrong way round.
    if not isinstance(kind, np.dtype) or kind.kind not in kinds or not kind.isnative:
        expected = (
            f"an array of {'whole ' if 'f' not in kinds else ''}numbers per recording, in this machine's byte order"
        )
        raise guest.refusal(place(dataset), f"values of type {kind or guest.dtype(dataset)}", expected)
    if dataset.shape != (n_recordings,):
        raise guest.refusal(place(dataset), f"{dataset.shape[0]} recordings", f"{n_recordings}, as many as labels")
    # No array is larger than the file, but many may be one: what has been read is counted after every few.
    rows = max(16, guest.budget.max_bytes // guest.path.stat().st_size)
    parts: list[Array] = []
    for first in range(0, n_recordings, rows):
        with guarded(str(guest.path), place(dataset)):
            block = dataset[first : first + rows]
        guest.budget.spend(sum(part.nbytes for part in block), place(dataset))
        parts += list(block)
    return np.concatenate(parts), np.array([len(part) for part in parts])
