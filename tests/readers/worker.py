"""Open every file of a folder in one process: python worker.py FOLDER [--no-verify]. Prints a line per file.

Each file has five seconds, after which the alarm ends the process, whatever C code it is in.
"""

import hashlib
import signal
import sys
from pathlib import Path

import numpy as np

from dynascope import hdf5
from dynascope.errors import ArchiveError
from dynascope.readers import open_archive

LIMIT_SECONDS = 5


def fingerprint(path: Path, *, verify: bool) -> str:
    """Return a hash of everything that a reader can see, computed without the digest of the file."""
    seen = hashlib.sha256()
    with open_archive(path, verify=verify) as archive:
        seen.update(repr((archive.provenance, archive.units, archive.training, archive.task)).encode())
        for recording in archive.recordings.values():
            seen.update(repr((sorted(recording.attrs.items()), recording.array_units)).encode())
            seen.update(recording.digest().encode())
    with hdf5.read(path, verify=False) as root:
        _add(seen, "/", root)
    return seen.hexdigest()


def _add(seen, name, node):
    seen.update(repr((name, sorted(node.attrs.items()))).encode())
    if isinstance(node, hdf5.Dataset):
        seen.update(repr((node.dims, node.units, node.data.dtype, node.data.shape)).encode())
        seen.update(np.ascontiguousarray(node.data[...]).tobytes())
    else:
        for inner, child in node.children.items():
            _add(seen, inner, child)


def outcome(path: Path, *, verify: bool) -> str:
    try:
        return fingerprint(path, verify=verify)
    except ArchiveError as error:
        return "refused " + " ".join(str(error).split())
    except Exception as error:  # noqa: BLE001 (the test fails on it and names the file)
        return f"ESCAPED {type(error).__name__}: {error}"


def main() -> None:
    folder, verify = Path(sys.argv[1]), "--no-verify" not in sys.argv
    for path in sorted(folder.iterdir()):
        signal.alarm(LIMIT_SECONDS)
        print(f"{path.name}\t{outcome(path, verify=verify)}", flush=True)
    print("done")


if __name__ == "__main__":
    main()
