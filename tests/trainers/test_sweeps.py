"""Grids, identities, and the training of sweeps in this process: every network as if it were alone."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dynascope import hdf5
from dynascope.errors import InputError, StoppedError
from dynascope.readers import open_archive
from dynascope.trainers import Settings, TrainingLoop, export_network, train
from dynascope.trainers.optimizers import Optimizer
from dynascope.trainers.sweeps import Job, Task, read_grid, report_on, run_sweep
from dynascope.trainers.sweeps.networks import SeededLoop, alone
from dynascope.trainers.sweeps.tasks import planned

TINY = {
    "family": "three_body",
    "task_name": "flip_flop",
    "model": {"n_units": 7},
    "task": {"n_steps": 12},
    "training": {"epochs": 6, "n_trials": 9, "clip_norm": 0.1},
    "export": {"trials": 3},
}
PATTERNS = {"n_channels": 20, "duration": 0.05, "input_rate": 40.0}
RECORDINGS = {"n_train": 24, "n_test": 9, "n_channels": 30, "n_steps": 25, "n_classes": 3}


def grid(**entries):
    return TINY | entries


def digests(folder):
    return {path.name: hdf5.content_digest(path) for path in folder.glob("*.h5")}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Return a finished sweep of five networks on two paths: its grid, directory and digests."""
    path = tmp_path_factory.mktemp("sweep")
    entries = grid(
        grid=[{"model": {"kind": "lowrank_rnn"}, "seed": "0-3"}],
        network=[{"model": {"kind": "rnn"}, "seed": 5}],
        batch=4,
    )
    run_sweep(entries, path, executor="serial")
    return SimpleNamespace(grid=entries, path=path, digests=digests(path))


def loop_settings(seeds, *, kind="lowrank_rnn", training=None, **model):
    tables = {
        "model": {"kind": kind, "n_units": 7, **model},
        "task": {"n_steps": 12},
        "training": {"epochs": 8, "n_trials": 9, "plateau_checks": 0, "stop_loss": None, **(training or {})},
    }
    return [Settings.resolve("three_body", "flip_flop", tables, seed=seed) for seed in seeds]


def run_to_end(settings):
    loop = SeededLoop(settings)
    while loop.active:
        loop.run_epoch()
    return loop.trained()


def test_a_grid_is_every_combination_of_its_axes_and_each_network_once():
    tasks = read_grid(
        grid(
            seed="0-2",
            grid=[{"model": {"kind": ["lowrank_rnn", "lowrank_tbrnn"], "rank": [1, 2]}}, {"model": {"rank": 1}}],
            network=[{"model": {"kind": "lowrank_gru"}, "seed": 9}],
        )
    )
    found = [tuple(task.options.values()) for task in tasks]
    product = [(k, r, s) for k in ("lowrank_rnn", "lowrank_tbrnn") for r in (1, 2) for s in range(3)]
    # The second block repeats rank 1 of the default kind, lowrank_rnn: those networks are there already.
    assert found == [*product, ("lowrank_gru", 1, 9)]
    assert len({task.identity for task in tasks}) == 13
    assert list(tasks[0].options) == ["model.kind", "model.rank", "seed"]


def test_a_grid_reads_the_same_from_toml_and_from_values(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        'family = "three_body"\ntask_name = "flip_flop"\n[model]\nn_units = 7\n[task]\nn_steps = 12\n'
        "[training]\nepochs = 6\nn_trials = 9\nclip_norm = 0.1\n[export]\ntrials = 3\n"
        '[[grid]]\nmodel.rank = [1, 2]\nseed = [4, 5]\n[[grid]]\n"training.frozen" = [["input_weight"], []]\n'
    )
    blocks = [{"model.rank": [1, 2], "seed": [4, 5]}, {"training.frozen": [["input_weight"], []]}]
    found = [task.identity for task in read_grid(path)]
    assert found == [task.identity for task in read_grid(grid(grid=blocks))]
    assert len(found) == 6


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({}, "holds no networks"),
        ({"grids": []}, "unknown entry of a grid 'grids': did you mean 'grid'"),
        ({"grid": [{"model": {"rnk": [1]}}]}, "did you mean 'rank'"),
        ({"grid": [{"rank": [1]}]}, "unknown option of a grid 'rank'"),
        ({"grid": [{"model": {"rank": []}}]}, "model.rank = []: an axis needs at least one value"),
        ({"grid": [{"seed": "9-0"}]}, "seed = '9-0': expected a range such as '0-9'"),
        ({"grid": [{"seed": [0.5]}]}, "seed = 0.5: expected a whole number"),
        ({"grid": 3}, "grid: expected tables [[grid]], found 3"),
        ({"grid": [{"seed": 0}], "batch": 0}, "grid.batch = 0: expected a number above 0"),
        ({"grid": [{"seed": 0}], "export": {"trials": 0}}, "export.trials = 0: expected a number above 0"),
        ({"grid": [{"seed": 0}], "family": None}, "a grid needs family"),
        ({"network": [{"model": {"rank": [1, 2]}}]}, "model.rank = [1, 2]: expected a whole number"),
    ],
)
def test_impossible_grids_are_refused(entries, words):
    with pytest.raises(InputError) as refused:
        read_grid(grid(**entries))
    assert words in str(refused.value)


def test_an_identity_is_what_determines_the_result_and_nothing_else(tmp_path):
    first, second, other = (tmp_path / name for name in ("a.txt", "b.txt", "c.txt"))
    for path, text in ((first, "teacher"), (second, "teacher"), (other, "another")):
        path.write_text(text)
    task = Task("m:f", {"rank": 1}, {"rank": 1}, {"teacher": str(first)})
    same = [{"options": {}}, {"batch": "x"}, {"inputs": {"teacher": str(second)}}]
    different = [{"function": "m:g"}, {"payload": {"rank": 2}}, {"inputs": {}}, {"inputs": {"teacher": str(other)}}]
    assert all(dataclasses.replace(task, **change).identity == task.identity for change in same)
    assert all(dataclasses.replace(task, **change).identity != task.identity for change in different)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: Task("os.system", {}), "task function 'os.system': expected module:name"),
        (lambda: Task("m:f", {"ranks": (1, 2)}), "expected only what JSON holds"),
        (lambda: Task("m:f", {}, inputs={"teacher": "/no/such.h5"}).identity, "/no/such.h5"),
    ],
)
def test_impossible_tasks_are_refused(made, words):
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        made()


@pytest.mark.parametrize("units", [2, 5, 7])
def test_a_step_of_a_network_does_not_depend_on_its_company(units):
    options = {
        "kind": "lowrank_hornn",
        "input_bias": True,
        "output_bias": True,
        "training": {"clip_norm": 0.5, "optimizer": "sgd"},
    }
    settings = dataclasses.replace(loop_settings([1], n_units=units, **options)[0], members=8)
    model = TrainingLoop(settings).model
    company = [6, 1, 3, 2, 4]  # torch adds five columns in another order than eight
    everyone = Optimizer(model, settings.training)
    few, rest = model.select_members(company), model.select_members([0, *company])
    # The others have left one after the other.
    chosen = Optimizer(rest, settings.training).for_members(few, [1, 2, 3, 4, 5])
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        drawn = {name: torch.randn(value.shape, generator=generator) for name, value in model.named_parameters()}
        everyone.update(drawn, 0.01)
        chosen.update({name: value[company] for name, value in drawn.items()}, 0.01)
    for name, array in few.arrays().items():
        np.testing.assert_array_equal(array, model.arrays()[name][company], err_msg=name)


# Sizes that do not fill the vectors of the processor, where the place of a network in a batch shows.
@pytest.mark.parametrize(
    "options",
    [
        {"rank": 2},
        {"kind": "lowrank_tbrnn", "noise_std": 0.1, "training": {"batch_size": 4, "clip_norm": 0.01}},
        {"kind": "lowrank_hornn", "gated": True, "training": {"n_trials": 0, "batch_size": 5, "clip_norm": 0.01}},
        {"output_bias": True, "training": {"validation_trials": 5, "optimizer": "rmsprop", "clip_norm": 0.01}},
        {"training": {"n_trials": 0, "batch_size": 5, "stop_performance": 0.55, "confirm_trials": 6}},
    ],
)
def test_a_compiled_network_is_the_same_to_the_bit_alone_and_in_any_company(options):
    assert_independent(loop_settings([3, 11, 4, 8, 5, 6, 7, 9], **options))


@pytest.mark.parametrize(
    ("task", "tables"),
    [
        ("memorise", {"task": PATTERNS, "model": {"n_units": 3, "kind": "parallel_bap", "rate_floor": 0.5}}),
        ("memorise", {"task": PATTERNS, "training": {"n_trials": 0, "evaluation_trials": 7, "updates_per_epoch": 2}}),
        ("digits", {"task": RECORDINGS, "model": {"n_units": 9}, "training": {"batch_size": 7, "clip_norm": 0.1}}),
    ],
)
def test_so_is_a_dendritic_network(task, tables):
    tables = {**tables, "training": {"epochs": 3, **tables.get("training", {})}}
    assert_independent([Settings.resolve("prc", task, tables, seed=seed) for seed in (3, 11, 4, 8, 5, 6, 7)])


def assert_independent(settings):
    """Train networks as one batch, and some of them in smaller ones, and compare every bit."""
    together = run_to_end(settings)
    for member, company in ((2, [2]), (1, [6, 1, 3])):
        found = alone(run_to_end([settings[i] for i in company]), company.index(member), settings[member])
        expected = alone(together, member, settings[member])
        for name, array in expected.parameters.items():
            np.testing.assert_array_equal(found.parameters[name], array, err_msg=name)
        for name, column in until_its_end(expected.log).items():
            np.testing.assert_array_equal(until_its_end(found.log)[name], column, err_msg=name)


def until_its_end(log):
    rows = np.isfinite(log["performance"][:, 0])
    return {name: column[rows] for name, column in log.items()}


def test_a_network_of_a_sweep_is_the_one_that_train_gives(tmp_path):
    entries = grid(grid=[{"seed": "0-2"}], training=TINY["training"] | {"clip_norm": 1e3})
    report = run_sweep(entries, tmp_path / "sweep", executor="serial")
    for row, task in zip(report.rows, read_grid(entries), strict=True):
        own = Settings.from_mapping(task.payload["settings"])
        expected = export_network(train(own), tmp_path / "network.h5", n_trials=3)
        assert hdf5.content_digest(report.path(row["identity"])) == hdf5.content_digest(expected)


def test_networks_leave_a_batch_at_their_own_time_and_are_the_same():
    training = {"stop_loss": 0.8, "epochs": 40}
    settings = loop_settings([1, 2, 3, 4], training=training)
    together = run_to_end(settings)
    ends = [np.isfinite(together.log["loss"][:, member]).sum() for member in range(4)]
    assert len(set(ends)) > 1  # otherwise this tests nothing
    for member, own in enumerate(settings):
        single = run_to_end([own])
        assert single.reasons[0] == together.reasons[member]
        np.testing.assert_array_equal(single.log["loss"][:, 0], together.log["loss"][: ends[member], member])


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_archives_do_not_depend_on_the_batch(tmp_path, batch, sweep):
    report = run_sweep(sweep.grid | {"batch": batch}, tmp_path, executor="serial")
    assert report.complete
    assert digests(tmp_path) == sweep.digests


def test_the_table_says_what_the_archives_hold(sweep):
    report = report_on(sweep.path)
    assert report.summary().startswith("5 of 5 tasks finished; table in")
    lines = (sweep.path / "table.csv").read_text().splitlines()
    assert lines[0].startswith("identity,status,model.kind,seed,loss,performance,best_epoch,epochs,stop_reason")
    assert len(lines) == 6
    for row in report.rows:
        with report.load(row) as archive:
            final = archive.recordings["final"]
            assert (final.attrs["loss"], final.attrs["seed"]) == (row["loss"], row["seed"])
            assert archive.model.config["kind"] == row["model.kind"]
            assert len(final.activity) == 3
    assert report.path(report.rows[0]["identity"][:12]).exists()
    with pytest.raises(InputError, match="5 of the 5 tasks begin so"):
        report.load("")


def test_a_finished_network_is_not_trained_again(tmp_path, sweep, monkeypatch):
    output = tmp_path / "sweep"
    run_sweep(sweep.grid, output, executor="serial")
    chosen = sorted(output.glob("*.h5"))[0]
    chosen.unlink()
    trained = []
    monkeypatch.setattr(SeededLoop, "__init__", spy(SeededLoop.__init__, lambda _, settings: trained.append(settings)))
    run_sweep(sweep.grid, output, executor="serial")
    assert [len(settings) for settings in trained] == [1]
    assert digests(output) == sweep.digests
    run_sweep(sweep.grid, output, executor="serial")
    assert len(trained) == 1


def test_a_stopped_sweep_goes_on_from_the_epoch_it_had_reached(tmp_path, sweep, monkeypatch):
    asked = iter([False] * 4 + [True] * 1000)
    with pytest.raises(StoppedError, match="the same command goes on"):
        run_sweep(sweep.grid, tmp_path, executor="serial", should_stop=lambda: next(asked))
    assert list((tmp_path / "states").iterdir())
    began = []
    monkeypatch.setattr(SeededLoop, "run_epoch", spy(SeededLoop.run_epoch, lambda loop: began.append(loop.epoch)))
    assert run_sweep(sweep.grid, tmp_path, executor="serial").complete
    assert began[0] > 0
    assert digests(tmp_path) == sweep.digests
    assert not (tmp_path / "states").exists()


def test_networks_on_the_plain_path_are_alone_unless_the_grid_says_otherwise(tmp_path):
    block = {"grid": [{"model": {"kind": "lowrank_gru"}, "seed": "0-2"}]}
    single, pairs = read_grid(grid(**block)), read_grid(grid(**block, plain_batch=2))
    assert [len(job.tasks) for job in planned(single, tmp_path, largest=8)] == [1, 1, 1]
    assert [len(job.tasks) for job in planned(pairs, tmp_path, largest=8)] == [2, 1]
    # A pair trains as one batch, which shows in the last digits: its networks have names of their own.
    assert [a.identity == b.identity for a, b in zip(single, pairs, strict=True)] == [False, False, True]


def test_compiled_networks_share_a_batch_whatever_their_family(tmp_path):
    def jobs(**model):
        entries = {"family": "prc", "task_name": "memorise", "model": model, "grid": [{"seed": "0-4"}]}
        return [len(job.tasks) for job in planned(read_grid(entries), tmp_path, largest=3)]

    assert jobs() == [3, 2]
    assert jobs(compiled=False) == [1] * 5


def test_a_batch_on_the_plain_path_stays_together(tmp_path):
    entries = grid(grid=[{"model": {"kind": "lowrank_gru"}, "seed": "0-1"}], plain_batch=2)
    run_sweep(entries, tmp_path, executor="serial")
    before = digests(tmp_path)
    (tmp_path / next(iter(before))).unlink()
    run_sweep(entries, tmp_path, executor="serial")
    assert digests(tmp_path) == before


def test_a_diverged_network_is_finished_and_counted(tmp_path):
    entries = grid(grid=[{"training": {"learning_rate": [1e30], "learning_rate_end": [1e30], "clip_norm": [1e6]}}])
    report = run_sweep(entries, tmp_path, executor="serial")
    assert report.counts == {"finished": 1, "failed": 0, "missing": 0, "diverged": 1}
    assert not report.complete
    assert "1 diverged" in report.summary()


def test_a_job_travels_as_text(tmp_path):
    job = Job(tuple(read_grid(grid(grid=[{"seed": "0-1"}]))), tmp_path)
    again = Job.from_json(job.to_json())
    assert (again.key, again.outputs, again.payloads) == (job.key, job.outputs, job.payloads)


def spy(function, look):
    def looking(*arguments, **options):
        look(*arguments)
        return function(*arguments, **options)

    return looking


def test_a_sweep_keeps_the_history_that_its_grid_asks_for(tmp_path):
    entries = grid(training=TINY["training"] | {"keep_every": 3}, network=[{"model": {"kind": "lowrank_rnn"}}])
    report = run_sweep(entries, tmp_path, executor="serial")
    [task] = read_grid(entries)
    with open_archive(report.path(task.identity)) as archive:
        checkpoints = archive.model.checkpoints
        assert checkpoints.trials_seen.tolist() == [0, 3 * 9, 6 * 9]
        for name, last in checkpoints.at(54).items():
            assert np.array_equal(last, archive.model.parameters[name])
