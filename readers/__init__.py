"""Recordings and archives: what every analysis starts from, and every file it can come from."""

from .archive import Archive, open_archive
from .describe import describe, describe_dict
from .foreign import Format, read_recording
from .recording import Recording
from .schema import ModelRecord, TaskRecord
from .table import Table
from .validate import Validation, validate
from .write import write_archive

__all__ = [
    "Archive",
    "Format",
    "ModelRecord",
    "Recording",
    "Table",
    "TaskRecord",
    "Validation",
    "describe",
    "describe_dict",
    "open_archive",
    "read_recording",
    "validate",
    "write_archive",
]
