"""Writers that are killed, run out of disk or break: the old file or the new one, never a part, never a crash."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dynascope import hdf5
from dynascope.hdf5 import Dataset, Group, StreamedGroup


def small():
    return Group({}, {"x": Dataset(np.ones(2), ("n",))})


def _rewrite_for_ever(path):
    number = 0
    while True:
        number += 1
        array = np.full((200, 100, 50), number, "f4")
        hdf5.write(path, Group({"number": number}, {"x": Dataset(array, ("a", "b", "c"))}))


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "a.h5"
    context = multiprocessing.get_context("fork")
    random = np.random.default_rng(0)
    for _ in range(12):
        writer = context.Process(target=_rewrite_for_ever, args=(path,))
        writer.start()
        time.sleep(random.uniform(0.005, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        if path.exists():
            with hdf5.read(path) as root:
                assert np.all(root.children["x"].data[...] == root.attrs["number"])
    hdf5.write(path, small())
    assert [left.name for left in tmp_path.iterdir()] == ["a.h5"]


FILL_THE_DISK = """
import resource, sys
import numpy as np
from dynascope import hdf5
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
array = np.random.default_rng(0).normal(size=(600, 1000))
hdf5.write(sys.argv[1], hdf5.Group({}, {name: hdf5.Dataset(array, ("a", "b")) for name in "xyz"}))
"""


@pytest.mark.parametrize("limit", [0, 5_000, 3_000_000, 14_401_000])
def test_a_full_disk_is_an_error_and_no_crash(limit, tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", FILL_THE_DISK, str(tmp_path / "a.h5"), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1  # an uncaught exception; a crash has a negative code
    assert answer.stderr.splitlines()[-1].endswith("a.h5: could not be written: File too large")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_source_leaves_the_old_file(tmp_path):
    path = hdf5.write(tmp_path / "a.h5", small())
    before = path.read_bytes()

    def produce():
        yield "x", small().children["x"]
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        hdf5.write(path, StreamedGroup({}, produced=produce()))
    assert path.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == ["a.h5"]
