"""Engines of sweeps: workers that are killed, tasks that fail or kill, stops and restarts, Dask."""

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from dynascope import hdf5
from dynascope.errors import InputError, StoppedError
from dynascope.trainers.sweeps import Task, report_on, run_sweep, run_tasks

# What workers do: each call leaves a line in calls.txt.
FUNCTIONS = """
import os, signal, time

def act(job):
    for payload, output in zip(job.payloads, job.outputs):
        with open(job.directory / "calls.txt", "a") as calls:
            calls.write(f"{payload['name']}\\n")
        print("working on", payload["name"])
        if payload["do"] == "raise" and not (job.directory / "cured").exists():
            raise ValueError("a bad option")
        if payload["do"] == "exit" and not (job.directory / "cured").exists():
            os._exit(7)
        if payload["do"] == "killed once" and not (job.directory / "marker").exists():
            (job.directory / "marker").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        output.write_text(payload["name"])

def forget(job):
    pass
"""

SMALL = {
    "family": "three_body",
    "task_name": "flip_flop",
    "model": {"n_units": 7},
    "task": {"n_steps": 12},
    "training": {"epochs": 60, "n_trials": 9, "plateau_checks": 0, "stop_loss": None},
    "export": {"trials": 3},
    "grid": [{"model": {"rank": [1, 2, 3, 4]}, "seed": "0-3"}],
    "batch": 2,
}


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """Return a function that makes one task per thing to do, which workers can import."""
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "sweep_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(folder)

    def made(*things, batch=""):
        payloads = [{"name": f"{number} {thing}", "do": thing} for number, thing in enumerate(things)]
        return [Task("sweep_functions:act", payload, {"name": payload["name"]}, batch=batch) for payload in payloads]

    return made


def calls(folder):
    return sorted((folder / "calls.txt").read_text().splitlines())


def digests(folder):
    return {path.name: hdf5.content_digest(path) for path in folder.glob("*.h5")}


def workers_of_this_process():
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and "sweeps.worker" in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return found


def test_a_task_that_raises_is_named_with_its_log_and_the_others_finish(tmp_path, tasks):
    output = tmp_path / "out"
    made = tasks("write", "raise", "write")
    report = run_tasks(made, output, executor="serial")
    assert report.counts == {"finished": 2, "failed": 1, "missing": 0, "diverged": 0}
    (failed,) = report.with_status("failed")
    assert failed["message"] == "ValueError: a bad option"
    assert 'raise ValueError("a bad option")' in Path(failed["log"]).read_text()
    assert f"failed: name=1 raise ({made[1].identity[:12]}): ValueError: a bad option; log " in report.summary()
    (output / "cured").touch()
    assert run_tasks(made, output, executor="serial").complete
    assert calls(output) == ["0 write", "1 raise", "1 raise", "2 write"]


def test_a_batch_with_a_bad_task_is_done_one_by_one(tmp_path, tasks):
    report = run_tasks(tasks("write", "raise", "write", batch="together"), tmp_path, executor="serial")
    assert [row["status"] for row in report.rows] == ["finished", "failed", "finished"]


@pytest.mark.parametrize("workers", [1, 2])
def test_no_worker_goes_without_for_the_sake_of_a_batch(tmp_path, tasks, workers):
    assert run_tasks(tasks(*["write"] * 4, batch="together"), tmp_path / "out", workers=workers).complete
    assert len([*(tmp_path / "out" / "logs").iterdir()]) == workers  # one per job


def test_workers_that_die_cost_only_what_they_held(tmp_path, tasks):
    output = tmp_path / "out"
    made = tasks("write", "exit", "killed once", "write", "write")
    told = []
    report = run_tasks(made, output, workers=2, retries=1, progress=lambda *counts: told.append(counts))
    assert [row["status"] for row in report.rows] == ["finished", "failed", "finished", "finished", "finished"]
    (failed,) = report.with_status("failed")
    assert failed["message"] == "its worker died (exit code 7) 2 times"
    assert "working on 1 exit" in Path(failed["log"]).read_text()
    assert calls(output) == ["0 write", "1 exit", "1 exit", "2 killed once", "2 killed once", "3 write", "4 write"]
    assert (told[0], told[-1]) == ((0, 0, 5), (4, 1, 5))
    assert report_on(output).rows == report.rows
    (output / "cured").touch()
    assert run_tasks(made, output, workers=2).complete
    assert calls(output).count("1 exit") == 3
    assert len(calls(output)) == 8
    assert workers_of_this_process() == []


def test_a_training_sweep_survives_kills_and_a_stop_with_the_same_digests(tmp_path):
    run_sweep(SMALL, tmp_path / "serial", executor="serial")
    killed = []

    def kill_one_then_stop():
        finished = len(list((tmp_path / "local").glob("*.h5")))
        if finished and not killed:
            killed.append(workers_of_this_process()[0])
            os.kill(killed[0], signal.SIGKILL)
        return finished >= 6

    with pytest.raises(StoppedError, match="the same command goes on"):
        run_sweep(SMALL, tmp_path / "local", workers=2, should_stop=kill_one_then_stop)
    assert killed
    assert workers_of_this_process() == []
    assert 0 < report_on(tmp_path / "local").counts["missing"] < 16
    # Another engine goes on, with another batch.
    assert run_sweep(SMALL | {"batch": 3}, tmp_path / "local", executor="serial").complete
    assert digests(tmp_path / "local") == digests(tmp_path / "serial")


def test_a_real_poison_does_not_hold_up_the_others(tmp_path):
    entries = SMALL | {
        "training": {"epochs": 2, "n_trials": 5},
        "grid": [{"seed": "0-1"}],
        "network": [{"model": {"kind": "tbrnn", "n_units": 100_000}}],  # its tensor has 10¹⁵ weights
    }
    report = run_sweep(entries, tmp_path, executor="serial")
    assert [row["status"] for row in report.rows] == ["finished", "finished", "failed"]
    assert "allocate" in report.rows[2]["message"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"executor": "locl"}, "unknown executor 'locl': did you mean 'local'"),
        ({"workers": 0}, "expected at least 1 worker and 0 retries, found 0 and 2"),
        ({"retries": -1}, "found None and -1"),
        ({"scheduler": "tcp://x:1"}, "only executor dask has one"),
    ],
)
def test_impossible_options_are_refused(tmp_path, options, words):
    with pytest.raises(InputError) as refused:
        run_tasks([Task("m:f", {})], tmp_path, **options)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("no_such_module:f", "task function 'no_such_module:f': cannot be found here"),
        ("sweep_functions:none", "cannot be found here"),
        ("sweep_functions:forget", "sweep_functions:forget returned without writing"),
    ],
)
def test_functions_that_do_not_work_fail_in_words(tmp_path, tasks, function, words):
    report = run_tasks([Task(function, {})], tmp_path / "out", executor="serial")
    assert words in report.rows[0]["message"]


def test_a_sweep_is_held_by_one_process(tmp_path, tasks):
    refused = []

    def again(*_):
        with pytest.raises(InputError, match="another process is at work on this sweep") as error:
            run_tasks(tasks("write"), tmp_path / "out", executor="serial")
        refused.append(error)

    run_tasks(tasks("write"), tmp_path / "out", executor="serial", progress=again)
    assert refused


def test_dask_gives_the_same_digests_and_names_the_poison(tmp_path, tasks):
    pytest.importorskip("distributed")
    few = SMALL | {"grid": [{"model": {"rank": [1, 2]}, "seed": "0-2"}]}
    run_sweep(few, tmp_path / "serial", executor="serial")
    folder = tmp_path / "dask"
    with pytest.raises(StoppedError, match="the same command goes on"):
        run_sweep(few, folder, executor="dask", workers=1, should_stop=lambda: bool(list(folder.glob("*.h5"))))
    assert run_sweep(few, folder, executor="dask", workers=2).complete
    assert digests(folder) == digests(tmp_path / "serial")
    output = tmp_path / "poison"
    report = run_tasks(tasks("write", "exit", "raise", "write"), output, executor="dask", workers=2, retries=0)
    assert [row["status"] for row in report.rows] == ["finished", "failed", "failed", "finished"]
    assert report.rows[1]["message"] == "its worker died"


def test_dask_that_is_missing_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"executor dask needs the package 'distributed': pip install"):
        run_tasks([Task("m:f", {})], tmp_path, executor="dask")
