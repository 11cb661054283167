"""``dynascope selectivity`` and ``dynascope tuning`` on a recording with planted units."""

import json

import numpy as np
import pytest

from dynascope.analysis import AnovaTable, MixedSelectivity, SelectedUnits, TuningCurves, TuningFits, anova
from dynascope.readers import Recording, write_archive

LOCATIONS = np.tile(np.arange(8), 8)
SIDE = np.repeat(["left", "right"], 32)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """20 units: 8 tuned in the cue, 4 of these to the side as well, one deterministic, the others noise."""
    rng = np.random.default_rng(0)
    activity = 10 + 2 * rng.standard_normal((64, 30, 20))
    time, angle = np.arange(30) * 0.1, LOCATIONS * np.pi / 4
    cue = ((time >= 1) & (time < 2))[None, :, None]
    activity[:, :, :8] += 4 * cue * np.exp(2 * (np.cos(angle[:, None] - np.arange(8)) - 1))[:, None, :]
    activity[:, :, :4] += 3 * cue * (SIDE == "right")[:, None, None]
    activity[:, :, 19] = (1 + LOCATIONS)[:, None]
    late = np.where(SIDE[:, None] == "left", (2.0, 2.5), (2.5, 3.0))
    recording = Recording(
        activity.astype(np.float32), time,
        trials={"loc": LOCATIONS, "angle": (angle, "rad"), "degrees": (np.degrees(angle), "deg"), "side": SIDE},
        epochs={"fix": (0.0, 1.0), "cue": (1.0, 2.0), "late": late},
    )  # fmt: skip
    path = tmp_path_factory.mktemp("session") / "session.h5"
    write_archive(path, {"final": recording})
    return path, recording


def test_selectivity_writes_table_classes_units_and_picture(session, call, tmp_path):
    path, recording = session
    out = tmp_path / "s"
    code, text, _ = call(
        "selectivity", path, "--factor", "loc", "--factor", "side", "--epoch", "cue", "--baseline", "fix",
        "--permutations", "99", "-o", out,
    )  # fmt: skip
    assert code == 0
    assert "loc:side" in text
    assert "deterministic" in text
    table = AnovaTable.load(f"{out}.h5")
    rates = recording.activity[:, 10:20].mean(axis=1, dtype=float)
    expected = anova(rates[:, :19], {"loc": LOCATIONS, "side": SIDE})
    assert table.f[:, :19] == pytest.approx(expected.f, rel=1e-6)
    assert table.deterministic.tolist() == [False] * 19 + [True]
    assert (table.familywise_p_values[1, :4] <= 0.05).all()
    classes = MixedSelectivity.load(f"{out}-classes.h5")
    assert classes.counts()["linear mixed"] == 4
    assert classes.pure() == {"loc": 4, "side": 0}
    assert SelectedUnits.load(f"{out}-units.h5").selected[:8].sum() >= 6
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_selectivity_over_time_and_as_json(session, call, tmp_path):
    path, _ = session
    arguments = ["selectivity", path, "--label", "loc", "--over-time", "--bin", "0.2", "--format", "svg", "--json"]
    code, text, _ = call(*arguments, "-o", tmp_path / "s")
    assert code == 0
    found = json.loads(text)["anova"]
    assert np.shape(found["f"]) == (1, 15, 20)
    assert found["time"][0] == pytest.approx(0.05)
    p = np.array(found["p_values"], float)[0]
    assert (p[5:10, :8] < 0.05).mean() > 0.9
    assert (p[:5, :8] < 0.05).mean() < 0.2
    assert (tmp_path / "s.svg").exists()
    cue = json.loads(call("selectivity", path, "--label", "loc", "--over-time", "--epoch", "cue", "--json",
                          "-o", tmp_path / "t")[1])["anova"]  # fmt: skip
    assert np.shape(cue["f"]) == (1, 10, 20)


def test_published_selection_and_epochs_that_differ_between_trials(session, call, tmp_path):
    path, _ = session
    code, text, _ = call(
        "selectivity", path, "--factor", "loc", "--epoch", "late", "--baseline", "fix", "--mode", "published",
        "-o", tmp_path / "s",
    )  # fmt: skip
    assert code == 0
    assert "published: 20 units" in text
    assert SelectedUnits.load(tmp_path / "s-units.h5").mode == "published"


def test_tuning_writes_curves_fits_and_picture(session, call, tmp_path):
    path, _ = session
    code, text, _ = call(
        "tuning", path, "--angle", "angle", "--epoch", "cue", "--baseline", "fix", "-o", tmp_path / "t"
    )
    assert code == 0
    assert "gaussian tuning" in text
    curves, fits = TuningCurves.load(tmp_path / "t.h5"), TuningFits.load(tmp_path / "t-fits.h5")
    assert curves.used.all()
    away = np.abs(np.angle(np.exp(1j * (fits.preferred[:8] - np.arange(8)))))
    assert fits.ok[4:8].all()
    assert away[4:8].max() < 0.5
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    degrees = json.loads(
        call(
            "tuning", path, "--angle", "degrees", "--epoch", "cue", "--baseline", "fix", "--json", "-o", tmp_path / "d"
        )[1]
    )
    assert degrees["fits"]["period"] == 360
    locations = ("tuning", path, "--angle", "loc", "--period", "8", "--epoch", "cue", "--mode", "published")
    code, text, _ = call(*locations, "--baseline", "fix", "--model", "von_mises", "-o", tmp_path / "p")
    assert code == 0
    assert "noise alone gives a peak" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["selectivity", "--factor", "locc"], "unknown trial column 'locc': did you mean 'loc'"),
        (["selectivity", "--factor", "loc", "--epoch", "cu"], "unknown epoch 'cu': did you mean 'cue'"),
        (["selectivity", "--factor", "loc", "--baseline", "fx"], "unknown epoch 'fx'"),
        (["selectivity", "--factor", "loc", "--factor", "loc"], "--factor: found the same column twice"),
        (["selectivity", "--factor", "loc", "--bin", "0.2"], "--bin 0.2: needs --over-time"),
        (
            ["selectivity", "--factor", "loc", "--over-time", "--bin", "9"],
            "--bin 9: expected 0.1 s (one sample) to 3 s",
        ),
        (["selectivity", "--factor", "loc", "--over-time", "--epoch", "late"], "epoch 'late' differs between trials"),
        (["selectivity", "--factor", "loc", "--interactions", "some"], "interactions: expected 'all'"),
        (["selectivity", "--factor", "loc", "--where", "loc=3"], "loc: expected at least 2 different labels, found 1"),
        (["tuning", "--angle", "loc", "--epoch", "cue"], "in equal steps round a circle"),
        (["tuning", "--angle", "side", "--epoch", "cue"], "angles: expected numbers"),
        (["tuning", "--angle", "angle", "--epoch", "cue", "--folds", "9"], "8 trials, fewer than the 9 folds"),
    ],
)
def test_refusals_are_one_line_and_exit_code_2(session, call, tmp_path, arguments, words):
    name, *options = arguments
    code, _, err = call(name, session[0], *options, "-o", tmp_path / "x")
    assert code == 2
    assert err.count("\n") == 1
    assert words in err
