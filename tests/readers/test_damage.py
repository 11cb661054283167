"""Damaged files: the same content or a refusal, never something else, never a hang."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from dynascope import hdf5
from dynascope.errors import ArchiveError

WORKER = Path(__file__).parent / "worker.py"


def flip_a_bit(content, draw):
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def zero_a_block(content, draw):
    start = draw.randrange(len(content))
    content[start : start + 512] = bytes(len(content[start : start + 512]))


def truncate(content, draw):
    del content[draw.randrange(len(content)) :]


def swap_blocks(content, draw):
    size = 64 * draw.randrange(1, 8)
    first, second = (draw.randrange(len(content) - size) for _ in range(2))
    content[first : first + size], content[second : second + size] = (
        content[second : second + size],
        content[first : first + size],
    )


def append_garbage(content, draw):
    content += draw.randbytes(100)


DAMAGES = [flip_a_bit, zero_a_block, truncate, swap_blocks, append_garbage]


def outcomes(folder, *options):
    """Return what the worker says of each file; a file that hangs ends it and is missing."""
    answer = subprocess.run(
        [sys.executable, str(WORKER), str(folder), *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = answer.stdout.splitlines()
    assert lines[-1] == "done", f"the worker ended after {lines[-1]}: {answer.stderr}"
    return dict(line.split("\t", 1) for line in lines[:-1])


@pytest.mark.parametrize(("n_files", "options"), [(200, []), (75, ["--no-verify"])], ids=["verified", "unverified"])
def test_damaged_archives_are_identical_or_refused(n_files, options, archive_path, tmp_path):
    original = archive_path.read_bytes()
    (tmp_path / "0").write_bytes(original)
    draw = random.Random(n_files)
    for number in range(n_files):
        damage = DAMAGES[number % len(DAMAGES)]
        content = bytearray(original)
        damage(content, draw)
        (tmp_path / f"{number + 1}_{damage.__name__}").write_bytes(content)
    found = outcomes(tmp_path, *options)
    intact = found.pop("0")
    wrong = {name: said for name, said in found.items() if said != intact and not said.startswith("refused ")}
    assert wrong == {}
    assert len(found) == n_files
    assert sum(said == intact for said in found.values()) < n_files / 2  # most damage is real and seen
    assert all(str(tmp_path / name) in said for name, said in found.items() if said != intact)


def test_changed_values_are_seen_by_the_digest_and_changed_provenance_by_the_seal(archive_path, tmp_path):
    import h5py
    import numpy as np

    path = tmp_path / "a.h5"
    edits = {
        "found content with digest": lambda file: file["recordings/final/activity"].__setitem__((0, 0, 0), 99),
        "found content with digest [0-9a-f]*, expected": lambda file: file["task"].attrs.modify(
            "name", np.bytes_("xyz")
        ),
        "other provenance attributes": lambda file: file.attrs.modify("created", np.bytes_("2001-01-01")),
        "no digest and seal": lambda file: file.attrs.__delitem__("digest"),
    }
    for words, edit in edits.items():
        path.write_bytes(archive_path.read_bytes())
        with h5py.File(path, "r+") as file:
            edit(file)
        with pytest.raises(ArchiveError, match=words):
            hdf5.read(path)
        hdf5.read(path, verify=False).close()


def test_what_is_no_hdf5_file_is_said_so(tmp_path, archive_path):
    import h5py

    cases = {
        "text": (b"hello" * 100, "no HDF5 signature in 500 bytes, expected an HDF5 file"),
        "empty": (b"", "no HDF5 signature in 0 bytes.*is a training or export still writing this"),
        "cut": (archive_path.read_bytes()[:5000], "found a file cut at 5000 bytes, expected a whole one"),
    }
    for name, (content, words) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArchiveError, match=words):
            hdf5.read(tmp_path / name)
    with pytest.raises(ArchiveError, match="found a directory"):
        hdf5.read(tmp_path)
    with pytest.raises(ArchiveError, match="missing: cannot be opened: No such file"):
        hdf5.read(tmp_path / "missing")
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'w'); print('open', flush=True); sys.stdin.read()"
    path = tmp_path / "busy.h5"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        writer.stdout.readline()
        with pytest.raises(ArchiveError, match="is a training or export still writing this"):
            hdf5.read(path)
        writer.communicate()
    with h5py.File(path), pytest.raises(ArchiveError, match="no digest and seal"):
        hdf5.read(path)
