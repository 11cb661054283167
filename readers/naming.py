"""What names of arrays in other programs' files mean, and what they become in ours."""

import re
from collections.abc import Container
from typing import Any

import numpy as np

from ..hdf5.nodes import valid_name

_FOLDERS = {
    **dict.fromkeys(("trials", "trial", "trialinfo", "trial_info", "conditions"), "trials"),
    **dict.fromkeys(("units", "unit", "neurons", "neuron", "cells", "clusters"), "units"),
    "epochs": "epochs",
    "states": "states",
    "parameters": "parameters",
}


def last(name: str) -> str:
    """Return the last part of a name.

    >>> last("data.trials.angle"), last("rates")
    ('angle', 'rates')
    """
    return name.rpartition(".")[2]


def folder(name: str) -> str:
    """Return the field of a recording that the part before the last stands for, empty when it is none.

    >>> folder("data.trialinfo.angle"), folder("neurons.area"), folder("rates")
    ('trials', 'units', '')
    """
    parts = name.lower().split(".")
    return _FOLDERS.get(parts[-2], "") if len(parts) > 1 else ""


def clean(name: str, taken: Container[str] = ()) -> str:
    """Return a name that an archive can hold and that is not taken.

    >>> clean("response time (s)"), clean("trial", {"trial"}), clean("µV")
    ('response_time_s', 'trial_id', 'µV')
    """
    found = re.sub(r"[^\w.\-]+", "_", name).strip("_.-") or "unnamed"
    found = found.replace("encoding-", "encoding_")  # the file format's own names
    found = found if valid_name(found) else f"x{found}"
    while found in taken:
        found += "_id" if found in ("trial", "unit", "time") else "_"
    return found


def is_vector(value: Any) -> bool:
    """Return whether a value is a list of numbers or texts; MATLAB's are 1 × n or n × 1, and 1 × 1 is a number."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufU" or not value.ndim:
        return False
    return value.size == max(value.shape) and (value.size > 1 or value.ndim == 1)
