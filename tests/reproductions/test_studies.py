"""The studies run end to end on a tiny budget, twice without training anything again, and say what they did."""

import dataclasses

import numpy as np
import pytest

from dynascope.cli.main import run as command_line
from dynascope.errors import DynascopeError, InputError
from dynascope.reproductions.study import STUDIES, FindingsTable, Scale, Workbench, get_study, run_study
from dynascope.reproductions.three_body import multifate, solution_space, teacher_student
from dynascope.trainers import randomness
from dynascope.trainers.family import get_family
from dynascope.trainers.sweeps import Task

SINGLE_CELLS = ("prc.lnl", "prc.sodium", "prc.nmda", "prc.loop")  # nothing is trained
TINY = {
    "three-body.validation": {
        "teacher_epochs": 2, "teacher_rate": 1e-3, "student_epochs": 2, "student_rate": 1e-3, "rank_one_epochs": 2,
    },
    "three-body.solution-space": {"epochs": 4, "gru_epochs": 2, "test_trials": 4},
    "three-body.teacher-student": {
        "tasks": ["1-bit"], "teachers": ["rnn"], "students": ["rnn", "hornn"], "teacher_epochs": 2,
        "student_epochs": 2, "plateau_checks": 0, "test_trials": 4,
    },
    "three-body.multifate": {
        "classes": ["rnn", "tbrnn", "rnn matched"], "epochs": 2, "learning_rate": 1e-3,
        "learning_rate_end": None, "clip_norm": 0.1, "plateau_checks": 0,
    },
    "three-body.context": {"epochs": 2, "stand_in_units": 8},
    "spiking.learning-rules": {"cues": 3, "delay": 0.1, "tau_adaptation": 0.7, "iterations": 20, "trials": 40},
    **{
        name: {"units": 16, "recurrent_gain": 1.0, "stop_trials": 4000, "checkpoints": 5}
        for name in STUDIES if name.startswith("maturation.")
    },
    "connectome.strategies": {
        "connectomes": ["Macaque_Normalized"], "neurons_per_area": 1, "epochs": 3, "learning_rate": 1e-4,
        "pattern_length": 2, "radii": [0.5], "nulls": ["rand"], "radius_seeds": 2, "starts": 8,
    },
    "connectome.bio-versus-random": {
        "connectomes": ["Macaque_Normalized"], "neurons_per_area": 1, "epochs": 3, "tasks": ["nback_mem"],
        "learning_rates": [1e-4], "nonlinearities": ["tanh"], "optimizers": ["adam"], "pattern_lengths": [2],
        "n_backs": [2],
    },
    "prc.lnl": {"noise_trials": 2},
    "prc.sodium": {"peak_step": 0.5, "threshold_step": 0.5, "width_step": 0.05},
    "prc.nmda": {"fine_amplitudes": 20},
    "prc.loop": {},
    "prc.memorise": {"epochs": 3, "patterns": 32, "rates": [0.003]},
    "prc.digits": {"epochs": 2, "units": 8, "n_train": 40, "n_test": 12},
}  # fmt: skip


def workbench(name, output, *, runs=1, **options):
    study = get_study(name)
    tiny = dataclasses.replace(study, scales={"small": Scale(runs, TINY[name])})
    return Workbench(tiny, output, executor="serial", **options)


@pytest.fixture(scope="module")
def sisters(tmp_path_factory):
    """Return a folder in which the outputs of studies that share their networks lie side by side."""
    return tmp_path_factory.mktemp("sisters")


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_runs_reports_and_trains_nothing_twice(name, tmp_path, sisters):
    output = sisters / name if get_study(name).shares_work else tmp_path
    bench = workbench(name, output)
    findings, text = run_study(bench)
    assert (output / "report.md").read_text() == text
    assert f"dynascope reproduce {name}" in text
    assert all(path.exists() for path in findings.files)
    assert all(table.title in text for table in findings.tables)
    archives = {path: path.stat().st_mtime_ns for path in bench.work.rglob("*.h5")}
    assert bool(archives) == (name not in SINGLE_CELLS)
    again, _ = run_study(workbench(name, output))
    assert {path: path.stat().st_mtime_ns for path in bench.work.rglob("*.h5")} == archives
    assert [table.rows for table in again.tables] == [table.rows for table in findings.tables]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_both_sizes_and_the_paper_has_its_own_number_of_runs(name):
    study = get_study(name)
    assert study.name == name
    runs = {"spiking": 5, "three-body": 30, "maturation": 3, "connectome": 5, "prc": 1}
    own = {"prc.memorise": 10, "prc.digits": 3}
    assert study.scales["paper"].runs == own.get(name, runs[name.partition(".")[0]])
    assert set(study.scales["small"].budget) == set(study.scales["paper"].budget)


def test_a_failed_computation_is_named_with_its_log(tmp_path):
    bench = workbench("three-body.multifate", tmp_path)
    with pytest.raises(DynascopeError, match=r"1 of 1 failed, such as .*\.log"):
        bench.compute([Task("dynascope.nowhere:work", {})], "nothing")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda path: get_study("three-body.multifat"), "did you mean 'three-body.multifate'"),
        (lambda path: Workbench(get_study("three-body.multifate"), path, scale="large"), "unknown scale 'large'"),
        (lambda path: Workbench(get_study("three-body.multifate"), path, runs=0), "at least 1, found 0"),
    ],
)
def test_refusals(call, words, tmp_path):
    with pytest.raises(InputError, match=words):
        call(tmp_path)


def test_the_command_lists_the_studies(capfd):
    assert command_line(["reproduce"]) == 0
    text = capfd.readouterr().out
    assert all(name in text for name in STUDIES)
    assert command_line(["reproduce", "three-body.nothing"]) == 2


def test_a_table_is_markdown():
    table = FindingsTable("Title", ["a", "bb"], [["1", "2"]], "note")
    assert table.markdown() == "### Title\n\n| a | bb |\n| - | -- |\n| 1 | 2  |\n\nnote"


def test_rank_and_r2_of_the_median_and_of_the_best_run():
    values = np.array([[0.5, 0.6, 0.95], [0.92, 0.85, 0.97], [0.99, 0.98, 0.97], [1, 1, 1], [1, 1, 1], [1, 1, 1]])
    assert teacher_student.summarised(values) == (("2", "0.920"), ("1", "0.950"))
    assert teacher_student.summarised(np.full((6, 3), -0.1)) == ((">6", "<0"), (">6", "<0"))
    assert teacher_student.summarised(np.full((6, 3), 0.4)) == ((">6", "0.400"), (">6", "0.400"))


def test_the_three_number_network_reaches_its_published_scores(tmp_path):
    """CKA .970 ± .004 and R² .928 ± .006 on any fresh data set (spec §11)."""
    bench = workbench("three-body.multifate", tmp_path)
    one = multifate._settings(bench, "rnn", 0)
    trials = get_family("three_body").task("multifate", {}).draw(256, randomness.generator(5, "fresh"))
    found = multifate.score(multifate._predicts(multifate.three_numbers(one)), trials)
    assert found["cka"] == pytest.approx(0.970, abs=0.004)
    assert found["r2"] == pytest.approx(0.928, abs=0.006)


def test_distances_within_a_class_leave_out_the_diagonal():
    distances = np.arange(64, dtype=float).reshape(8, 8)
    assert solution_space.mean_distance(distances, "RNN", "RNN", 2) == distances[0, 1]
    assert solution_space.mean_distance(distances, "RNN", "GRU", 2) == distances[:2, 6:].mean()
    assert np.isnan(solution_space.mean_distance(distances, "RNN", "RNN", 1))
