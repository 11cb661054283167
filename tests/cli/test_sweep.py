"""``dynascope sweep``: exit codes, what it prints, and going on after a signal."""

import json
import signal

import pytest

from dynascope.trainers.sweeps.networks import SeededLoop

GRID = """
family = "three_body"
task_name = "flip_flop"
[model]
n_units = 7
[task]
n_steps = 12
[training]
epochs = 20
n_trials = 9
[export]
trials = 3
[[grid]]
model.rank = [1, 2]
seed = "0-1"
"""
POISON = '[[network]]\nmodel.kind = "tbrnn"\nmodel.n_units = 100_000\n'


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(GRID)
    return path


def test_a_sweep_is_trained_reported_and_not_trained_again(call, grid, tmp_path):
    output = tmp_path / "out"
    code, out, _ = call("sweep", grid, "-o", output, "--executor", "serial")
    assert (code, out) == (0, f"4 of 4 tasks finished; table in {output / 'table.csv'}\n")
    before = {path: path.stat().st_mtime_ns for path in output.glob("*.h5")}
    code, out, _ = call("sweep", grid, "-o", output, "--executor", "local", "--json")
    report = json.loads(out)
    assert (code, report["counts"]["finished"], len(before)) == (0, 4, 4)
    assert {path: path.stat().st_mtime_ns for path in output.glob("*.h5")} == before
    assert [row["model.rank"] for row in report["rows"]] == [1, 1, 2, 2]
    code, out, _ = call("sweep", "-o", output, "--status")
    assert (code, out.startswith("4 of 4 tasks finished")) == (0, True)
    code, out, _ = call("info", next(iter(before)))
    assert code == 0


def test_a_poison_gives_exit_code_1_its_name_and_its_log(call, grid, tmp_path):
    grid.write_text(GRID + POISON)
    code, out, _ = call("sweep", grid, "-o", tmp_path / "out", "--executor", "serial")
    assert code == 1
    assert out.startswith("4 of 5 tasks finished, 1 failed; table in")
    assert "failed: model.rank=1 seed=0 model.kind=tbrnn model.n_units=100000 (" in out
    assert str(tmp_path / "out" / "logs") in out
    code, again, _ = call("sweep", "-o", tmp_path / "out", "--status")
    assert (code, again) == (0, out)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_resumably(call, grid, tmp_path, monkeypatch, number):
    run_epoch, before = SeededLoop.run_epoch, signal.getsignal(number)

    def signalled(loop):
        if loop.epoch == 10:
            signal.raise_signal(number)
        run_epoch(loop)

    with monkeypatch.context() as patched:
        patched.setattr(SeededLoop, "run_epoch", signalled)
        code, out, err = call("sweep", grid, "-o", tmp_path / "out", "--executor", "serial")
    assert (code, out) == (3, "")
    assert err.strip().endswith("the sweep was stopped with 4 tasks to do; the same command goes on from there")
    assert signal.getsignal(number) == before
    assert call("sweep", "-o", tmp_path / "out", "--status")[1].startswith("0 of 4 tasks finished, 4 missing")
    assert call("sweep", grid, "-o", tmp_path / "out", "--executor", "serial", "--quiet")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["GRID"], "Missing option '-o'"),
        (["-o", "out"], "Missing argument 'FILE'"),
        (["no.toml", "-o", "out"], "no.toml: cannot read this configuration"),
        (["-o", "/no/such", "--status"], "/no/such: no sweep there"),
        (["GRID", "-o", "out", "--scheduler", "tcp://x:1"], "only executor dask has one"),
        (["GRID", "-o", "out", "--workers", "0"], "Invalid value for '--workers'"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(call, grid, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = call("sweep", *[str(grid) if word == "GRID" else word for word in arguments])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
