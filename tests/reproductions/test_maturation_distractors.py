"""The distractor figure: which checkpoints, errors by distance, tables and remarks, against plain computation."""

import numpy as np
import pytest

from dynascope.reproductions.maturation import distractors
from dynascope.reproductions.maturation.checkpoints import evenly, network_means, of_each_stage
from dynascope.reproductions.maturation.networks import learning_span
from dynascope.reproductions.maturation.probes import Probed

PERFORMANCE = np.array([0.2, 0.3, 0.5, 0.9, 0.25, 0.95])


def probed(performance=PERFORMANCE, worst=0):
    """Two networks of three checkpoints; a trial is right more often far from the cue, errors are 0.4 or 2 rad."""
    rng = np.random.default_rng(0)
    steps = np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    distance = (np.minimum(steps, 8 - steps) - worst) % 5
    chance = np.clip(performance[:, None, None] + 0.05 * (distance - 2), 0, 1)
    right = rng.random((len(performance), 8, 8, 200)) < chance[..., None]
    fixating = np.zeros_like(right)
    fixating[0, 0, 0, 0] = True
    right[0, 0, 0, 0] = False
    scores = {"performance": right.astype(np.float32), "error": np.where(right, 0.4, 2.0), "fixating": fixating}
    names = ("a", "a", "a", "b", "b", "b")[: len(performance)]
    return Probed(names, np.array([0, 1, 2, 2, 0, 1])[: len(performance)], performance, scores)


def test_checkpoints_are_spread_over_each_stage():
    assert evenly(np.arange(10, 20), 4).tolist() == [10, 13, 16, 19]
    assert evenly(np.arange(3), 9).tolist() == [0, 1, 2]
    assert evenly(np.arange(0), 3).tolist() == []
    curve = np.concatenate([np.full(60, 0.2), np.linspace(0.2, 0.64, 40), np.full(30, 1.0)])
    rows, span = of_each_stage(curve, 60, 3), learning_span(curve, 60)
    stages = np.digitize(curve[rows], [0.35, 0.65], right=True)
    assert np.bincount(stages).tolist() == [3, 3, 3]
    assert set(rows) <= set(span)
    assert rows[0] == span[0]
    assert rows[-1] == span[-1]
    curve[104:107] = 0.3  # after the rule was learnt
    assert (np.diff(of_each_stage(curve, 60, 3)) > 0).all()


def test_means_of_networks_leave_out_missing_stages():
    found = probed()
    values = np.arange(6.0) ** 2
    means = network_means(values, found.stages())
    assert means == [{"early": 0.5, "mid": 4.0}, {"early": 16.0, "mature": (9 + 25) / 2}]


@pytest.mark.parametrize("group", range(5))
def test_errors_are_grouped_by_distance(group):
    found = probed()
    errors = distractors.errors_by_distance(found, found.stages())
    assert errors.groups == ("0", "45", "90", "135", "180")
    own = [
        found.scores["error"][4, cue, distractor]
        for cue in range(8)
        for distractor in range(8)
        if min((cue - distractor) % 8, (distractor - cue) % 8) == group
    ]
    other = [
        found.scores["error"][:2, cue, distractor].reshape(2, -1)
        for cue in range(8)
        for distractor in range(8)
        if min((cue - distractor) % 8, (distractor - cue) % 8) == group
    ]
    share = (np.mean(np.array(own) < 0.6) + np.mean(np.array(other) < 0.6)) / 2
    assert errors.of("correct")[0][errors.stages.index("early"), group] == pytest.approx(share, abs=1e-12)


def test_the_table_has_ours_above_theirs_and_the_remarks_count_networks(maturation):
    found = probed()
    result = distractors.findings(found, maturation("distractors"))
    table = result.tables[0]
    assert table.header[1:6] == ["0°", "45°", "90°", "135°", "180°"]
    own = np.array([
        np.mean([
            found.scores["performance"][at, cue, (cue + sign * step) % 8].mean()
            for cue in range(8) for sign in (1, -1)
        ]) for at in (3, 5) for step in [2]
    ])  # fmt: skip
    mature = next(row for row in table.rows if row[0] == "mature")
    assert mature[3].startswith(f"{own.mean():.2f}")
    assert mature[-1] == "2"
    assert table.rows[1][1:6] == ["0.171", "0.176", "0.212", "0.280", "0.308"]
    assert "in 2 of 2 networks, and on the cue is the worst place in 2" in result.remarks[0]
    assert "rises from early to mid to mature in 0 of 0 networks" in result.remarks[3]
    wrong = (found.scores["performance"] == 0).sum()
    assert f"{1 / wrong:.1%} of wrong trials" in result.remarks[-1]
    assert all(path.exists() for path in result.files)


def test_another_worst_place_is_noticed(maturation):
    result = distractors.findings(probed(worst=2), maturation("distractors"))
    assert "the worst place in 0" in result.remarks[0]


def test_a_network_at_chance_has_one_stage_and_dashes_elsewhere(maturation):
    result = distractors.findings(probed(np.array([0.2, 0.1])), maturation("distractors"))
    rows = {row[0]: row for row in result.tables[0].rows}
    assert set(rows["mid"][1:-1]) == {"–"}
    assert rows["mid"][-1] == "0"
    assert rows["early"][1] != "–"
