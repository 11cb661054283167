"""What an NWB file says of the session and its subject."""

import json
from typing import Any

import h5py
import numpy as np

from ..guest import Guest
from ..naming import clean

SESSION = ("identifier", "session_description", "session_start_time")
GENERAL = ("experimenter", "institution", "lab", "session_id")
SUBJECT = ("species", "subject_id", "sex", "age", "genotype", "strain")


def session_metadata(guest: Guest) -> dict[str, Any]:
    """Return what the file says of the session and its subject."""
    found: dict[str, Any] = {}
    for folder, names in (("", SESSION), ("general/", GENERAL), ("general/subject/", SUBJECT)):
        for name in names:
            item = guest.find(f"/{folder}{name}")
            if isinstance(item, h5py.Dataset) and h5py.check_string_dtype(item.dtype) is not None:
                text = ", ".join(np.ravel(guest.read(item)).tolist())
                if text:
                    found[name] = text
    notes = guest.find("/general/notes")
    if isinstance(notes, h5py.Dataset) and notes.shape == () and h5py.check_string_dtype(notes.dtype) is not None:
        found = {**_noted(str(guest.read(notes))), **found}
    return found


def _noted(text: str) -> dict[str, Any]:
    """Return the metadata that we export as JSON in the notes, or the notes as they are."""
    try:
        noted = json.loads(text)
    except (ValueError, RecursionError):
        noted = None
    if not isinstance(noted, dict):
        return {"notes": text} if text else {}
    return {clean(name): value for name, value in noted.items() if name not in ("read_as", "left_out")}
