"""Networks followed through training: what is replayed from weights is what export records."""

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.readers import open_archive
from dynascope.reproductions.histories import representative_checkpoints
from dynascope.trainers import History, RunDirectory, Settings, checkpoint_models, export_run, train_in

RULES = ["overlap", "odrd"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the directory of a run of two networks with five checkpoints."""
    tables = {
        "model": {"n_units": 6, "recurrent_noise": 0.2},
        "task": {"rules": RULES},
        "training": {
            "updates_per_epoch": 2, "batch_size": 4, "evaluation_trials": 4, "confirm_trials": 0, "epochs": 4,
        },
    }  # fmt: skip
    path = tmp_path_factory.mktemp("history") / "run"
    train_in(path, Settings.resolve("oculomotor", "all_new", tables, members=2))
    return path


@pytest.fixture(scope="module")
def path(run):
    """Return an archive of the second network with every recording."""
    [made] = export_run(run, run.parent / "all.h5", checkpoints="all", members=[1], n_trials=16, seed=3)
    return made


def test_a_replay_is_the_recording_that_export_writes(path):
    with open_archive(path) as archive:
        history = History(archive, "odrd", n_trials=16, seed=3)
        assert history.trials_seen.tolist() == [0, 8, 16, 24, 32]
        for index, seen in enumerate(history.trials_seen):
            recorded, replayed = archive.recordings[f"{seen:07d}/odrd"], history[index]
            np.testing.assert_array_equal(recorded.activity[:], replayed.activity)
            np.testing.assert_array_equal(recorded.outputs[:], replayed.outputs)
            assert {**recorded.attrs, **replayed.attrs} == dict(recorded.attrs)
            assert {"rule", "trials_seen", "performance", "performance_trials"} <= set(replayed.attrs)
            for name in ("cue", "error", "reaction_time"):
                np.testing.assert_array_equal(recorded.trials[name], replayed.trials[name])
        performance = history.performance()
        assert [history[i].attrs["performance"] for i in range(5)] == performance.tolist()


def test_recorded_errors_are_distances_of_responses_to_targets(path):
    with open_archive(path) as archive:
        trials = archive.recordings["final/odrd"].trials
        apart = np.abs(np.asarray(trials["response_location"]) - np.asarray(trials["target_location"]))
        np.testing.assert_allclose(trials["error"], np.minimum(apart, 2 * np.pi - apart), atol=1e-5)
        assert trials.unit("error") == "rad"


def test_every_checkpoint_has_the_weights_of_the_run(run, path):
    history = RunDirectory.open(run).history_of(1)
    with open_archive(path) as archive:
        models = checkpoint_models(archive)
        assert len(models) == 5
        for seen, model in models:
            for name, array in history[seen].items():
                np.testing.assert_array_equal(model.arrays()[name], array.astype(np.float64))


def test_rules_and_checkpoints_are_chosen(run, tmp_path):
    chosen = {"odrd": [8, 24], "overlap": [16]}
    [made] = export_run(run, tmp_path / "a.h5", checkpoints=chosen, members=[0], n_trials=8)
    with open_archive(made) as archive:
        assert list(archive.recordings) == ["0000008/odrd", "0000016/overlap", "0000024/odrd"]
    [made] = export_run(run, tmp_path / "b.h5", rules=["overlap"], members=[0], n_trials=8)
    with open_archive(made) as archive:
        assert list(archive.recordings) == ["final/overlap"]
        assert archive.recordings["final/overlap"].attrs["stop_reason"] == "epochs"
        assert len(archive.model.checkpoints) == 5


def test_stages_are_chosen_from_each_networks_own_log(run, tmp_path):
    logs = []

    def choose(log):
        logs.append(log)
        return {rule: [int(log["trials_seen"][log[f"performance_{rule}"].argmax()])] for rule in RULES}

    paths = export_run(run, tmp_path / "archives", checkpoints=choose, n_trials=8)
    for path, log in zip(paths, logs, strict=True):
        with open_archive(path) as archive:
            best = {rule: int(log["trials_seen"][log[f"performance_{rule}"].argmax()]) for rule in RULES}
            assert sorted(archive.recordings) == sorted(f"{seen:07d}/{rule}" for rule, seen in best.items())
    assert not np.array_equal(logs[0]["loss"], logs[1]["loss"])


def test_representatives_are_nearest_to_the_levels_of_their_stage():
    seen = np.arange(0, 6 * 1280, 1280)
    log = {
        "trials_seen": seen, "performance": np.zeros(6), "performance_min": np.zeros(6),
        "performance_odr": np.array([0.2, 0.3, 0.5, 0.62, 0.8, 0.97]), "performance_gap": np.full(6, 0.2),
    }  # fmt: skip
    assert representative_checkpoints(log) == {"odr": [1280, 3 * 1280, 5 * 1280], "gap": [0]}
    assert representative_checkpoints({"trials_seen": seen, "performance": log["performance_odr"]}) == [
        1280,
        3840,
        6400,
    ]
    with pytest.raises(InputError, match="no checkpoints"):
        representative_checkpoints({name: column[:0] for name, column in log.items()})


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        (None, [0, 1, 2, 3, 4]), ([24, 8], [3, 1]), ("8:24", [1, 2, 3]), (":16", [0, 1, 2]), ("9:", [2, 3, 4]),
        ("7:32:16", [1, 3]), ("::8", [0, 1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_checkpoints_are_numbers_or_spans(path, chosen, rows):
    with open_archive(path) as archive:
        assert History(archive, "odrd", chosen).rows.tolist() == rows


@pytest.mark.parametrize(
    ("rule", "chosen", "words"),
    [
        (None, None, "several rules: overlap, odrd; choose one"), ("odd", None, "odrd"),
        ("odrd", [5], "found 5 trials"), ("odrd", [], "found no trials"),
        ("odrd", "1", "START:STOP:STEP"), ("odrd", "a:b", "START:STOP:STEP"),
        ("odrd", "40:", "none among 0 to 32"),
    ],
)  # fmt: skip
def test_impossible_histories_are_refused(path, rule, chosen, words):
    with open_archive(path) as archive, pytest.raises(InputError, match=words):
        History(archive, rule, chosen)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rules": ["gap"]}, "gap"), ({"checkpoints": {"gap": [8]}}, "gap"), ({"checkpoints": [9]}, "no weights at 9"),
        ({"checkpoints": "stages"}, "expected 'final', 'all'"), ({"n_trials": 12}, "multiple of 8"),
    ],
)  # fmt: skip
def test_impossible_exports_are_refused(run, tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        export_run(run, tmp_path / "x.h5", members=[0], **options)
    assert not list(tmp_path.iterdir())


def test_an_archive_without_checkpoints_says_so(tmp_path):
    settings = Settings.resolve("three_body", "flip_flop", {"training": {"epochs": 1}, "task": {"n_steps": 8}})
    train_in(tmp_path / "run", settings)
    [made] = export_run(tmp_path / "run", n_trials=2)
    with open_archive(made) as archive, pytest.raises(InputError, match="holds no checkpoints; train with"):
        History(archive)
