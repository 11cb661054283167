"""Runs on disk: resumed after real kills to the same bits, refused when they are not ours."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dynascope.errors import ConfigurationError, InputError, StoppedError
from dynascope.readers import open_archive
from dynascope.trainers import RunDirectory, Settings, export_run, train, train_in


def settings(seed=5, members=2, epochs=60, **training):
    tables = {
        "model": {"kind": "lowrank_rnn", "n_units": 8, "noise_std": 0.02},
        "task": {"n_steps": 20},
        "training": {"epochs": epochs, "n_trials": 16, "batch_size": 16, "learning_rate": 0.02, **training},
    }
    return Settings.resolve("three_body", "flip_flop", tables, seed=seed, members=members)


def test_a_finished_run_is_the_one_in_memory_and_is_not_repeated(tmp_path):
    wanted = settings()
    memory = train(wanted)
    first = train_in(tmp_path / "run", wanted)
    written = (tmp_path / "run" / "state.h5").stat().st_mtime_ns
    second = train_in(tmp_path / "run", wanted)
    for name, array in memory.parameters.items():
        assert np.array_equal(first.parameters[name], array)
        assert np.array_equal(second.parameters[name], array)
    assert (tmp_path / "run" / "state.h5").stat().st_mtime_ns == written


def test_stopping_on_request_is_resumable(tmp_path):
    wanted = settings()
    for _ in range(3):
        with pytest.raises(StoppedError, match="the same command goes on"):
            train_in(tmp_path / "run", wanted, should_stop=lambda: True)
    resumed = train_in(tmp_path / "run", wanted)
    assert np.array_equal(resumed.parameters["two_body_left"], train(wanted).parameters["two_body_left"])


TRAIN_SLOWLY = """
import sys, time
import torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from test_run_directory import settings
from dynascope.trainers import train_in


def show(now):
    if not shown:
        print("ready", flush=True)  # training has begun: a kill from here on hits training or saving
    shown.append(now.epoch)
    time.sleep(0.004)


shown = []
train_in({run!r}, settings(epochs=150, keep_every=40), save_seconds=0.0, progress=show)
"""


def test_a_run_killed_at_any_moment_resumes_to_the_same_digest(tmp_path):
    """SIGKILL at random moments, of saving and of training; the archives' digests must be equal."""
    wanted = settings(epochs=150, keep_every=40)
    train_in(tmp_path / "whole", wanted)
    script = TRAIN_SLOWLY.format(tests=os.path.dirname(__file__), run=str(tmp_path / "killed"))
    moments = random.Random(7)
    kills = 0
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-W", "error", "-c", script], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(moments.uniform(0.02, 0.5))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert kills >= 3
    assert RunDirectory.open(tmp_path / "killed").load()["values"]["epoch"] > 0  # they did not start over each time
    train_in(tmp_path / "killed", wanted)
    assert not list((tmp_path / "killed").rglob("*.partial"))
    digests = []
    for run in ("whole", "killed"):
        paths = export_run(tmp_path / run, tmp_path / f"{run}-archives", checkpoints="all", n_trials=8)
        digests.append([open_archive(path).digest for path in paths])
    assert digests[0] == digests[1]


def test_history_is_kept_at_the_epochs_asked_for(tmp_path):
    wanted = settings(members=1, keep_every=20)
    train_in(tmp_path / "run", wanted)
    run = RunDirectory.open(tmp_path / "run")
    assert run.history() == [0, 20 * 16, 40 * 16, 60 * 16]
    [path] = export_run(tmp_path / "run", checkpoints="all", n_trials=4)
    with open_archive(path) as archive:
        assert list(archive.recordings) == ["0000000", "0000320", "0000640", "0000960", "final"]
        kept = archive.recordings["0000320"]
        assert np.array_equal(kept.parameters["two_body_left"], run.history_of(0)[320]["two_body_left"])
        checkpoints = archive.model.checkpoints
        assert checkpoints.trials_seen.tolist() == run.history()
        assert np.array_equal(checkpoints.at(320)["two_body_left"], kept.parameters["two_body_left"])
        assert kept.attrs["trials_seen"] == 320


def refuse_other_settings(path):
    RunDirectory.create(path, settings())
    RunDirectory.create(path, settings(learning_rate=0.5))


def refuse_other_files(path):
    path.mkdir()
    (path / "thesis.tex").write_text("")
    RunDirectory.create(path, settings())


def refuse_unfinished(path):
    with pytest.raises(StoppedError):
        train_in(path, settings(), should_stop=lambda: True)
    export_run(path)


def refuse_second_trainer(path):
    run = RunDirectory.create(path, settings())
    with run.locked():
        train_in(path, settings())


def refuse_broken_settings(path):
    path.mkdir()
    (path / "run.json").write_text("{}")
    RunDirectory.open(path)


def refuse_unwritable(path):
    path.write_text("a file, so that no directory can be made below it")
    RunDirectory.create(path / "run", settings())


def refuse_missing_member(path):
    train_in(path, settings(epochs=2))
    export_run(path, members=[7])


def refuse_missing_checkpoint(path):
    train_in(path, settings(epochs=2))
    export_run(path, checkpoints=[1280])


@pytest.mark.parametrize(
    ("attempt", "error", "words"),
    [
        (
            refuse_other_settings,
            ConfigurationError,
            r"another configuration \(training.learning_rate is 0.02 there and 0.5 here\)",
        ),
        (refuse_other_files, InputError, "expected a new or empty directory, or a run, found other files"),
        (refuse_unfinished, InputError, "has not finished"),
        (refuse_second_trainer, InputError, "another process is training this run"),
        (refuse_broken_settings, InputError, "run.json: cannot read these settings"),
        (refuse_unwritable, InputError, "cannot make this directory"),
        (refuse_missing_member, InputError, "network 7: the run has networks 0 to 1"),
        (refuse_missing_checkpoint, InputError, "no weights at 1280 trials"),
    ],
)
def test_refusals(tmp_path, attempt, error, words):
    with pytest.raises(error, match=words):
        attempt(tmp_path / "run")


def test_a_damaged_state_is_refused_and_not_trained_over(tmp_path):
    wanted = settings(epochs=3)
    train_in(tmp_path / "run", wanted)
    state = tmp_path / "run" / "state.h5"
    damaged = bytearray(state.read_bytes())
    damaged[len(damaged) // 2] ^= 16
    state.write_bytes(damaged)
    with pytest.raises(InputError, match=r"state.h5"):
        train_in(tmp_path / "run", wanted)
    assert state.read_bytes() == damaged
