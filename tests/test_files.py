"""Files appear whole or not at all."""

import multiprocessing
import os
import signal
import socket
import time

import pytest

from dynascope import files
from dynascope.errors import InputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "a.txt"
    with files.replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert not path.exists()
    assert (path.read_text(), names(tmp_path)) == ("new", ["a.txt"])


def test_an_error_leaves_what_was_there(tmp_path):
    path = files.write_text(tmp_path / "a.txt", "old é")
    with pytest.raises(RuntimeError, match="broken"), files.replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError("broken")
    assert (path.read_text(), names(tmp_path)) == ("old é", ["a.txt"])


def test_bytes_and_text_are_written_as_they_are(tmp_path):
    assert files.write_bytes(tmp_path / "a", b"\0\xff").read_bytes() == b"\0\xff"
    assert files.write_text(str(tmp_path / "b"), "é\n").read_bytes() == "é\n".encode()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("folder", "folder: expected a file to write, found a directory"),
        ("missing/a.txt", "missing/a.txt: cannot write there: No such file or directory"),
        ("file/a.txt", "file/a.txt: cannot write there: Not a directory"),
    ],
)
def test_impossible_places_are_refused(target, words, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=words), files.replacing(tmp_path / target):
        pytest.fail("the block must not run")


def test_directories_are_made_with_their_parents(tmp_path):
    made = files.make_directory(tmp_path / "a" / "b")
    assert made.is_dir()
    assert files.make_directory(made) == made
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/x: cannot make this directory"):
        files.make_directory(tmp_path / "file" / "x")


def test_leftovers_of_dead_processes_are_removed_and_others_kept(tmp_path):
    host = socket.gethostname().replace(".", "_")
    dead = multiprocessing.get_context("fork").Process(target=int)
    dead.start()
    dead.join()
    left = [f".a.txt.{host}.{dead.pid}.partial"]
    kept = [
        f".a.txt.{host}.{os.getppid()}.partial",
        ".a.txt.elsewhere.1.partial",
        f".b.txt.{host}.{dead.pid}.partial",
    ]
    for name in left + kept:
        (tmp_path / name).write_text("half")
    files.write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == sorted([*kept, "a.txt"])


def _rewrite_for_ever(path):
    number = 0
    while True:
        number += 1
        files.write_text(path, f"{number}\n" * 100_000)


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    path = tmp_path / "a.txt"
    for pause in (0.01, 0.03, 0.05, 0.08, 0.13):
        writer = multiprocessing.get_context("fork").Process(target=_rewrite_for_ever, args=(path,))
        writer.start()
        time.sleep(pause)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        if path.exists():
            lines = path.read_text().splitlines()
            assert (len(lines), len(set(lines))) == (100_000, 1)
    files.write_text(path, "end")
    assert names(tmp_path) == ["a.txt"]
