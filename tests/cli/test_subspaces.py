"""``dynascope subspaces`` on a small archive with planted subspaces."""

import json

import numpy as np
import pytest

from dynascope import analysis, plotting
from dynascope.readers import Recording, write_archive

TIME = 0.01 * np.arange(40)
N_TRIALS, N_UNITS = 48, 16


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Targets rotate in one plane at 2.5 Hz while moving; cue and side are coded along two further axes."""
    rng = np.random.default_rng(0)
    target, cue = np.arange(N_TRIALS) % 4, np.where(np.arange(N_TRIALS) // 4 % 2, "go", "stop")
    side = np.array([-2, -1, 1, 2])[np.arange(N_TRIALS) // 8 % 4]
    frame = np.linalg.qr(rng.standard_normal((N_UNITS, 4)))[0]
    angle = 2 * np.pi * 2.5 * TIME + np.pi / 2 * target[:, None]
    moving = (TIME >= 0.2)[:, None]
    activity = 3 * moving * (np.cos(angle)[..., None] * frame[:, 0] + np.sin(angle)[..., None] * frame[:, 1])
    still = ~moving
    activity = activity + 2 * still * np.where(cue == "go", 1, -1)[:, None, None] * frame[:, 2]
    activity = activity + still * side[:, None, None] * frame[:, 3]
    activity += 0.2 * rng.standard_normal(activity.shape)
    recording = Recording(
        activity, TIME, trials={"target": target, "cue": cue, "side": side},
        epochs={"still": (0.0, 0.2), "move": (0.2, 0.4)}, states={"x": 2 * activity[..., :6]},
    )  # fmt: skip
    return write_archive(tmp_path_factory.mktemp("subspaces") / "session.h5", {"final": recording}), activity


def test_components_of_condition_means(call, session, tmp_path):
    archive, activity = session
    code, text, err = call("subspaces", archive, "--label", "target", "--label", "cue", "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    found = analysis.PrincipalComponents.load(tmp_path / "out.h5")
    labels = [f"{t}, {c}" for t, c in zip(np.arange(48) % 4, np.arange(48) // 4 % 2, strict=True)]
    expected = analysis.pca(activity, labels)
    np.testing.assert_allclose(found.variance, expected.variance[:10], rtol=1e-5)
    assert found.labels[0] == "0, go"
    assert len(found.labels) == 8
    assert text.strip() == found.summary()
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_trials_epoch_where_array_and_json(call, session, tmp_path):
    archive, activity = session
    code, text, _ = call(
        "subspaces", archive, "--epoch", "move", "--where", "cue=go", "--array", "x", "--components", "2", "--json",
        "--format", "svg", "-o", tmp_path / "out",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    part = 2 * activity[np.arange(48) // 4 % 2 == 1][:, 20:, :6]
    np.testing.assert_allclose(values["variance"], analysis.pca(part, n_components=2).variance, rtol=1e-5)
    assert values["archive"] == str(archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5", "out.svg"]


def test_two_epochs(call, session, tmp_path):
    archive, activity = session
    code, text, _ = call(
        "subspaces", archive, "--epoch", "still", "--versus", "move", "--components", "2", "--permutations", "50",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert code == 0
    found = analysis.SubspaceComparison.load(tmp_path / "out.h5")
    expected = analysis.compare_subspaces(activity[:, :20], activity[:, 20:], n_components=2, n_permutations=0)
    np.testing.assert_allclose(found.angles, expected.angles, atol=1e-5)
    assert (found.angles > np.deg2rad(80)).all()
    assert found.p_same == 1 / 51
    assert text.startswith("subspaces of still (2 dimensions) and move (2 dimensions) in 16 units")


def test_rotation(call, session, tmp_path):
    arguments = ["--method", "jpca", "--label", "target", "--epoch", "move", "--components", "2"]
    code, _, _ = call("subspaces", session[0], *arguments, "--permutations", "19", "-o", tmp_path / "out")
    assert code == 0
    found = analysis.RotationalDynamics.load(tmp_path / "out.h5")
    assert found.frequencies[0] == pytest.approx(2.5, rel=0.02)
    assert found.p_value == 1 / 20


def test_task_axes(call, session, tmp_path, monkeypatch):
    kept = []
    save = plotting.save
    monkeypatch.setattr(plotting, "save", lambda figure, path: kept.append(figure) or save(figure, path))
    arguments = ["--method", "tdr", "--label", "cue", "--label", "side", "--permutations", "19"]
    code, text, _ = call("subspaces", session[0], *arguments, "-o", tmp_path / "out")
    assert code == 0
    found = analysis.TargetedAxes.load(tmp_path / "out.h5")
    assert found.regressors == ("cue", "side")
    assert (found.correlations[[0, 1], [0, 1], :20] > 0.9).all()
    assert (found.p_values[:, :20] == 1 / 20).all()
    assert text.startswith("targeted dimensionality reduction, 16 units, 8 conditions")
    assert [ax.get_xlabel() for ax in kept[0].axes] == ["cue axis (SD)", "time (s)"]


def test_several_files(call, session, tmp_path):
    copy = tmp_path / "second.h5"
    copy.write_bytes(session[0].read_bytes())
    code, text, _ = call("subspaces", session[0], copy, "-o", tmp_path / "out", "--json")
    assert code == 0
    assert [each["archive"] for each in json.loads(text)["archives"]] == [str(session[0]), str(copy)]
    assert (tmp_path / "out-session.h5").exists()
    assert (tmp_path / "out-second.png").exists()


REFUSED = [
    (["--versus", "move"], "--versus move: expected --epoch too"),
    (["--versus", "move", "--epoch", "still", "--method", "jpca"], "leave out --method jpca"),
    (["--method", "tdr"], "--method tdr: expected --label COLUMN"),
    (["--label", "trget"], "unknown trial column 'trget': did you mean 'target'"),
    (["--epoch", "still", "--versus", "mov"], "unknown epoch 'mov': did you mean 'move'"),
    (["--components", "many"], "--components many: expected a number, a share of variance, or cv"),
    (["--components", "17"], "n_components: expected a whole number from 1 to 16, found 17"),
    (["--method", "jpca", "--label", "target", "--components", "3"], "expected an even number"),
    (["--array", "z"], "unknown array 'z'"),
    (["--method", "lda"], "Invalid value for '--method'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_refusals_are_one_line(call, session, tmp_path, arguments, message):
    code, out, err = call("subspaces", session[0], "-o", tmp_path / "out", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
