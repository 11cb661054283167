"""Check an archive to the last bit."""

import dataclasses
import os
from pathlib import Path

from ..hdf5.reading import MAX_BYTES
from .archive import open_archive


@dataclasses.dataclass(frozen=True)
class Validation:
    """What was checked: an archive that passed. One that does not raises instead.

    ``n_arrays`` counts the large arrays of all recordings, ``ok`` is always True.
    """

    path: Path
    digest: str
    format_version: str
    n_recordings: int
    n_arrays: int
    ok: bool = True

    def summary(self) -> str:
        """Return one line of text."""
        return (
            f"{self.path}: ok, format {self.format_version}, {self.n_recordings} recordings, "
            f"{self.n_arrays} arrays, digest {self.digest}"
        )


def validate(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Validation:
    """Return the record of an archive that is whole: structure, digest, seal and every recording.

    All values are read and the content digest is computed anew; memory stays at a few MB and one recording's
    columns.

    Raises
    ------
    ArchiveError
        On the first fault, with the file, the path in it, what was found and what was expected.
    """
    with open_archive(path, verify=True, max_bytes=max_bytes) as archive:
        n_arrays = sum(len(recording.arrays()) for recording in archive.recordings.values())
        return Validation(
            path=archive.path,
            digest=archive.digest,
            format_version=str(archive.provenance["format_version"]),
            n_recordings=len(archive.recordings),
            n_arrays=n_arrays,
        )
