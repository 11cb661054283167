"""Files that appear whole or not at all."""

import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError

_SUFFIX = ".partial"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on leaving the block it becomes ``path`` in one step.

    What the block wrote is flushed to the disk before the rename, so that after a crash ``path`` holds
    the old contents or the new ones, never a part. If the block raises, ``path`` is left as it was and the
    temporary file is removed. Temporary files that killed processes of this host left are removed too.

    Raises
    ------
    InputError
        If the directory does not exist or cannot be written, or ``path`` is a directory.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: expected a file to write, found a directory")
    _remove_abandoned(path)
    host = socket.gethostname().replace(".", "_")
    temporary = path.parent / f".{path.name}.{host}.{os.getpid()}{_SUFFIX}"
    try:
        temporary.touch()
    except OSError as error:
        raise InputError(f"{path}: cannot write there: {error.strerror or error}") from error
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _flush(path.parent)


def write_bytes(path: str | Path, contents: bytes) -> Path:
    """Write ``contents`` to ``path``, whole or not at all, and return the path."""
    with replacing(path) as temporary:
        temporary.write_bytes(contents)
    return Path(path)


def write_text(path: str | Path, text: str) -> Path:
    """Write ``text`` to ``path`` as UTF-8, whole or not at all, and return the path."""
    return write_bytes(path, text.encode())


def make_directory(path: str | Path) -> Path:
    """Create the directory ``path`` with its parents and return it.

    Raises
    ------
    InputError
        If it cannot be created or cannot be written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot make this directory: {error.strerror or error}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise InputError(f"{path}: this directory cannot be written")
    return path


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    host = socket.gethostname().replace(".", "_")
    for left in path.parent.glob(f".{path.name}.{host}.*{_SUFFIX}"):
        owner = left.name.removesuffix(_SUFFIX).rpartition(".")[2]
        if owner.isdigit() and not _alive(int(owner)):
            with contextlib.suppress(OSError):
                left.unlink()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
