"""``dynascope plot-loss`` on small result folders."""

import csv
import json

import numpy as np
import pytest

from dynascope.analysis import LearningComparison, learning_speed
from dynascope.trainers.connectome.results_folder import Curves, read_curves, write_curves, write_index

COMBOS = [(0.0001, "relu", "Adam", 3), (0.0001, "tanh", "Adam", 3), (1e-06, "relu", "SGD", 5)]


def losses(seed, shape=(4, 12)):
    return np.exp(-np.arange(shape[1]) / 4) + 0.1 * np.random.default_rng(seed).random(shape)


def results(path, seed, combos=COMBOS, *, metrics=(), shape=(4, 12)):
    write_index(path, combos)
    for index in range(len(combos)):
        accuracy = [100 - 40 * losses(seed + index + 50, shape)] * 2 if index in metrics else []
        write_curves(path, index, Curves(losses(seed + index, shape), losses(seed + index + 9, shape), *accuracy))
    return path


@pytest.fixture
def folders(tmp_path):
    return results(tmp_path / "b", 0, metrics=(0, 2)), results(tmp_path / "r", 100, metrics=(0,))


@pytest.fixture
def quick(monkeypatch):
    """Write figures as empty files: drawing takes most of a run."""
    monkeypatch.setattr("dynascope.cli.plot_loss._rendered", lambda drawn: b"")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


BOXES = ["99% min_epoch_loss", "loss", "min_epoch_loss"]


def test_draws_what_the_published_program_drew(call, folders, tmp_path):
    figures = tmp_path / "new" / "figures"
    code, out, err = call(
        "plot-loss", "--results_folders", *folders, "--results_labels", "bio", "rand", "--save_figs", figures,
        "--ylabel", "mean squared error",
    )  # fmt: skip
    assert code == 0
    assert err == f"figures and tables in {figures}\n"
    assert "2 labels, 3 combinations of 4 runs" in out
    assert names(figures) == sorted(
        [f"{combo}_loss.svg" for combo in COMBOS]
        + [f"{COMBOS[0]}_metrics.svg", "runs.csv", "runs.h5"]
        + [f"{name}{kind}.svg" for name in BOXES for kind in ("", "_by_combo")]
    )
    curve = (figures / "(0.0001, 'relu', 'Adam', 3)_loss.svg").read_text()
    for text in ("mean squared error", "epochs", "bio", "rand", "(0.0001, 'relu', 'Adam', 3)"):
        assert f">{text}</text>" in curve.replace("&#39;", "'")  # text that can be edited
    assert 'width="720pt" height="720pt"' in curve
    assert ">acc</text>" in (figures / "(0.0001, 'relu', 'Adam', 3)_metrics.svg").read_text()


@pytest.mark.usefixtures("quick")
def test_numbers_are_those_of_the_curves(call, folders, tmp_path):
    figures = tmp_path / "f"
    code, out, _ = call(
        "plot-loss", "--results-folders", folders[0], "--results-folders", folders[1], "--results-labels", "bio",
        "--results-labels", "rand", "--save-figs", figures, "--json", "--quiet",
    )  # fmt: skip
    assert code == 0
    found = LearningComparison.load(figures / "runs.h5")
    assert json.loads(out) == json.loads(json.dumps(found.to_dict()))
    assert found.labels == ("bio", "rand")
    assert found.columns == ("lr", "activation", "optimizer", "task_param")
    for label, folder in enumerate(folders):
        for combo in range(3):
            expected = learning_speed(read_curves(folder, combo).validate_loss)
            np.testing.assert_array_equal(found.minimum[label, combo], expected.minimum)
            np.testing.assert_array_equal(found.settled_epoch[label, combo], expected.settled_epoch)
    assert found.final_accuracy[0, 2, 1] == read_curves(folders[0], 2).validate_metrics[1, -1]
    assert np.isnan(found.final_accuracy[1, 2]).all()
    rows = list(csv.DictReader((figures / "runs.csv").read_text().splitlines()))
    assert len(rows) == 24
    assert rows[-1]["lr"] == "1e-06"
    assert rows[-1]["final_accuracy"] == ""


@pytest.mark.usefixtures("quick")
def test_one_folder_and_equals_signs(call, folders, tmp_path):
    code, out, _ = call(
        "plot-loss", f"--results_folders={folders[0]}", "--results_labels=bio", f"--save_figs={tmp_path / 'f'}"
    )
    assert code == 0
    assert out.startswith("1 labels")


@pytest.mark.usefixtures("quick")
def test_filters(call, folders, tmp_path):
    figures = tmp_path / "f"
    arguments = ["plot-loss", "--results_folders", *folders, "--results_labels", "a", "b", "--save_figs", figures]
    assert call(*arguments, "--lr", "1e-4", "--activation", "relu")[0] == 0
    assert names(figures) == sorted(
        ["(0.0001, 'relu', 'Adam', 3)_loss.svg", "(0.0001, 'relu', 'Adam', 3)_metrics.svg"]
        + [f"{name}{kind}_1e-4_relu.svg" for name in BOXES for kind in ("", "_by_combo")]
        + ["runs_1e-4_relu.csv", "runs_1e-4_relu.h5"]
    )
    assert call(*arguments, "--task_param", "5", "--optimizer", "SGD")[0] == 0
    assert LearningComparison.load(figures / "runs_SGD_5.h5").combos == (COMBOS[2],)
    for option, value in (("--lr", "0.5"), ("--lr", "small"), ("--activation", "Relu")):
        code, _, err = call(*arguments, option, value)
        assert code == 2
        assert f"{option} {value}: none of the 3 combinations" in err


def test_refuses_what_cannot_be_compared(call, folders, tmp_path):
    def refusal(*given, labels=("a", "b")):
        code, _, err = call(
            "plot-loss", "--results_folders", *given, "--results_labels", *labels, "--save_figs", tmp_path / "f"
        )
        assert code == 2
        assert not (tmp_path / "f").exists()
        return err

    bio = folders[0]
    assert "expected 2 different labels" in refusal(*folders, labels=("a",))
    assert "expected 2 different labels" in refusal(*folders, labels=("a", "a"))
    assert "no_folder/folder_index.txt: cannot read" in refusal(bio, tmp_path / "no_folder")
    others = results(tmp_path / "others", 0, [*COMBOS[:2], (1e-06, "relu", "SGD", 6)])
    assert "found (1e-06, 'relu', 'SGD', 6) in the place of (1e-06, 'relu', 'SGD', 5)" in refusal(bio, others)
    assert "found 2, not 3" in refusal(bio, results(tmp_path / "fewer", 0, COMBOS[:2]))
    assert "shape (3, 12), expected (4, 12)" in refusal(bio, results(tmp_path / "runs", 0, shape=(3, 12)))
    short = results(tmp_path / "short", 0, shape=(4, 1))
    assert "at least 2 epochs" in refusal(short, short)


def test_lists_need_words(call, folders, tmp_path):
    code, _, err = call("plot-loss", "--results_folders", "--results_labels", "a", "--save_figs", tmp_path)
    assert code == 2
    assert "--results-folders" in err


def test_names_from_a_file_stay_in_the_folder(call, tmp_path):
    combos = [("../../outside", "$\\relu$", "Adam", 3), (0.1, "x" * 400, "a\\b", 3)]
    folder = results(tmp_path / "b", 0, combos)
    figures = tmp_path / "deep" / "er" / "f"
    assert call("plot-loss", "--results_folders", folder, "--results_labels", "a/b", "--save_figs", figures)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "deep"]
    assert len(names(figures)) == 2 + 6 + 2  # a name that is cut keeps its ending
    assert any(name.startswith("('.._.._outside'") for name in names(figures))


@pytest.mark.usefixtures("quick")
def test_combinations_of_other_columns(call, tmp_path):
    folder = results(tmp_path / "b", 0, [(0.1, "relu"), (0.2, "relu")])
    arguments = ["plot-loss", "--results_folders", folder, "--results_labels", "a", "--save_figs", tmp_path / "f"]
    assert call(*arguments)[0] == 0
    assert LearningComparison.load(tmp_path / "f" / "runs.h5").columns == ("value_1", "value_2")
    code, _, err = call(*arguments, "--task-param", "3")
    assert code == 2
    assert "--task-param: expected combinations of lr, activation" in err
