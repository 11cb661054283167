"""Files that torch writes, as arrays: nothing in them is executed, and sizes are known before data are read."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import files
from ...errors import InputError
from ...results import Array

MAX_BYTES = 2**31


def read(path: str | Path) -> Any:
    """Return what a file holds: tensors as arrays, in the mappings, tuples and lists that hold them.

    Raises
    ------
    InputError
        If the file is missing, damaged, or too large, or holds anything but tensors and plain values.
    """
    _check_size(Path(path))
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  (torch raises whatever its decoder meets; the reason is in the text)
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: no torch file of tensors and plain values: {reason}") from None
    return _arrays(found, str(path))


def write(path: str | Path, tensors: Mapping[str, Array]) -> Path:
    """Write arrays by name as a torch file, whole or not at all, and return the path."""
    buffer = io.BytesIO()
    torch.save({name: torch.tensor(np.asarray(array)) for name, array in tensors.items()}, buffer)
    return files.write_bytes(path, buffer.getvalue())


def _check_size(path: Path) -> None:
    """Refuse what is no file, or a zip archive that claims to unpack to too much."""
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = max(size, sum(member.file_size for member in archive.infolist()))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot read this torch file: {error}") from None
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size} bytes of tensors, expected at most {MAX_BYTES}")


def _arrays(value: Any, where: str) -> Any:
    if isinstance(value, Tensor):
        # A few stored numbers can claim any shape by standing for many entries.
        if value.layout is not torch.strided or value.numel() * value.element_size() > MAX_BYTES:
            raise InputError(f"{where}: a tensor of shape {tuple(value.shape)}, expected a dense one of fewer bytes")
        try:
            return value.detach().resolve_conj().resolve_neg().numpy().copy()
        except TypeError as error:
            raise InputError(f"{where}: a tensor of type {value.dtype}: {error}") from None
    if isinstance(value, Mapping):
        return {name: _arrays(item, where) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        found = [_arrays(item, where) for item in value]
        return tuple(found) if isinstance(value, tuple) else found
    return value
