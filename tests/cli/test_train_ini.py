"""``dynascope train connectome --config config.ini``: published files as they are, and what is refused."""

import json

import numpy as np
import pytest

from dynascope.readers import open_archive

TEXT = """\
[paths]
path_to_network = {folder}
path_to_results = {folder}/results
pretrained =
[net]
net_name = tiny
rnn_size = 2
nr_neurons = 3
rand_partition = True
random_w = False
[trainvalidate]
epochs = 4
iterations = 2
init = default
freeze_layer = False
remap_w = True
[trialparams]
trial_params = {{"task_name": "nback_mem", "nr_of_trials": 10, "trial_length": 3, "train_size": 0.8, "colour": 1}}
[combosparams]
combos_params = {{"lr": [0.01, 0.001], "nonlinearity": ["relu"], "optimizer": ["Adam"], "n_back": [2]}}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    np.save(folder / "C_tiny.npy", [[0, 0.5], [0.2, 0]])
    (folder / "config.ini").write_text(TEXT.format(folder=folder))
    return folder / "config.ini"


@pytest.fixture
def trained(call, config):
    """Train (once: a second time nothing is left to do) and return exit code, stdout and stderr."""
    return call("train", "connectome", "--config", config, "--workers", "1")


def test_a_published_file_runs(trained, config):
    code, text, progress = trained
    assert code == 0
    lines = text.splitlines()
    assert lines[0].startswith(
        "combination=0 lr=0.01 nonlinearity=relu optimizer=Adam n_back=2: lowest validation loss"
    )
    assert "accuracy " in lines[0]
    assert lines[1].startswith("combination=1 lr=0.001")
    assert lines[2] == f"results of 2 combinations in {config.parent / 'results'}"
    assert f"{config}: trial_params colour: ignored" in progress
    with open_archive(config.parent / "results" / "1" / "iteration_1.h5") as archive:
        assert set(archive.recordings) == {"final", "validation"}


def test_the_same_command_trains_nothing_again(trained, call, config):
    table = (config.parent / "results" / "work" / "table.csv").read_bytes()
    code, text, _ = call("train", "connectome", "nback-mem", "--config", config, "--json")
    assert code == 0
    found = json.loads(text)
    assert found["counts"] == {"finished": 2, "failed": 0, "missing": 0, "diverged": 0}
    assert found["results"] == str(config.parent / "results")
    assert (config.parent / "results" / "work" / "table.csv").read_bytes() == table


def test_dry_run_shows_combinations_and_settings(call, config, tmp_path):
    arguments = ["train", "connectome", "--config", config, "--dry-run", "-o", tmp_path / "new", "--seed", "3"]
    code, text, _ = call(*arguments, "--set", "training.stop_share=0.01")
    assert code == 0
    assert text.splitlines()[:3] == [
        f"2 combinations × 2 networks in {tmp_path / 'new'}",
        "0 (0.01, 'relu', 'Adam', 2)",
        "1 (0.001, 'relu', 'Adam', 2)",
    ]
    _, text, _ = call(*arguments, "--json", "--set", "training.stop_share=0.01")
    first = json.loads(text)["combinations"][0]["settings"][0]
    assert (first["model"]["n_units"], first["model"]["template_seed"], first["training"]["stop_share"]) == (6, 3, 0.01)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["connectome", "--config", "{c}", "--no-resume"], "holds results already"),
        (["connectome", "--config", "{c}", "--seed", "9"], "holds results of another configuration"),
        (["connectome", "seq_mem", "--config", "{c}"], "has the task nback_mem, not seq_mem"),
        (["three_body", "--config", "{c}"], "is of the family connectome, not three_body"),
        (["connectome", "--config", "{c}", "--members", "2"], "--members: a config.ini has iterations and workers"),
        (["connectome", "--config", "{c}x.ini"], "cannot read this configuration"),
        (["connectome", "--config", "{c}", "--set", "training.epochs=x", "-o", "{t}"], "training.epochs = 'x'"),
        (["connectome", "--config", "{c}", "--set", "training.order=shuffled", "-o", "{t}"], "expected fixed"),
        (["connectome", "seq_mem", "--workers", "2", "-o", "{t}"], "--workers: only with the --config of a published"),
        (["connectome"], "Missing argument 'TASK'"),
    ],
)
def test_refusals(trained, call, config, tmp_path, arguments, message):
    code, text, error = call("train", *(word.format(c=config, t=tmp_path / "new") for word in arguments))
    assert (code, text) == (2, "")
    assert message in error
    assert not (tmp_path / "new").exists()


def test_a_time_limit_stops_resumably(call, config, tmp_path):
    arguments = ["train", "connectome", "--config", config, "--workers", "1", "-o", tmp_path / "new"]
    code, _, error = call(*arguments, "--time-limit", "0")
    assert code == 3
    assert "the same command goes on from there" in error
    assert (tmp_path / "new" / "folder_index.txt").exists()


def test_combinations_that_diverge_are_named(call, config, tmp_path):
    arguments = ["train", "connectome", "--config", config, "--workers", "1", "-o", tmp_path / "new"]
    code, text, _ = call(*arguments, "--set", "training.learning_rate=1e30")
    assert code == 1
    assert text.splitlines()[0].endswith("n_back=2: 2 of 2 diverged")
