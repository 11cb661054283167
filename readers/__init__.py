"""Recordings and archives: what every analysis starts from, and every file it can come from."""

from .archive import Archive, open_archive
from .counts import bin_edges, count_spikes
from .describe import describe, describe_dict, describe_recording, describe_recording_dict
from .exports import convert
from .foreign import Format, read_recording, recognise
from .memory import from_pynapple, from_xarray, to_recording
from .recording import Recording
from .schema import CheckpointsRecord, ModelRecord, TaskRecord
from .table import Table
from .validate import Validation, validate
from .write import write_archive

__all__ = [
    "Archive",
    "CheckpointsRecord",
    "Format",
    "ModelRecord",
    "Recording",
    "Table",
    "TaskRecord",
    "Validation",
    "bin_edges",
    "convert",
    "count_spikes",
    "describe",
    "describe_dict",
    "describe_recording",
    "describe_recording_dict",
    "from_pynapple",
    "from_xarray",
    "open_archive",
    "read_recording",
    "recognise",
    "to_recording",
    "validate",
    "write_archive",
]
