"""The figure of saccade errors: probes of workers, tables and remarks, against plain computation."""

import numpy as np
import pytest

from dynascope.readers import open_archive
from dynascope.reproductions.maturation import saccades
from dynascope.reproductions.maturation.networks import networks
from dynascope.reproductions.maturation.probes import Probed, probed
from dynascope.trainers import History
from dynascope.trainers.oculomotor.probing import distractor_grid, noisy_test


def made(gains=((0.2, 0.5, 1.0), (0.2, 0.5, 1.0))):
    """Networks with one checkpoint of each stage: a share of the errors is small, the others land on the cue."""
    rng = np.random.default_rng(1)
    share = np.array(gains).ravel()
    small = rng.random((len(share), 400)) < share[:, None]
    error = np.where(small, 0.3 * rng.random(small.shape), np.pi - 0.3 * rng.random(small.shape))
    scores = {
        "error": error, "cue_error": np.pi - error, "reaction_time": np.where(small, 0.12, np.nan),
        "fixation_break": ~small, "fixating": np.zeros_like(small),
    }  # fmt: skip
    names = tuple(name for name in "ab"[: len(gains)] for _ in gains[0])
    seen = np.tile(np.arange(len(gains[0])), len(gains))
    return Probed(names, seen, np.tile([0.2, 0.5, 0.9][: len(gains[0])], len(gains)), scores)


def test_workers_probe_the_chosen_checkpoints_of_each_network(maturation):
    bench = maturation()
    (network,) = networks(bench)
    own = np.array([0, len(network.trials_seen) - 1])
    found = probed(bench, [network, network], "gap", lambda _: own, "saccades")
    assert found.networks == (network.name,) * 4
    np.testing.assert_array_equal(found.trials_seen, np.tile(network.trials_seen[own], 2))
    np.testing.assert_array_equal(found.performance, np.tile(network.performance["gap"][own], 2))
    grid = probed(bench, [network], "odrd", lambda _: own[1:], "distractors")
    with open_archive(network.path, verify=False) as archive:
        history = History(archive, "gap", network.trials_seen[own].tolist())
        plain = [noisy_test(history.model(at), history.task) for at in range(2)]
        history = History(archive, "odrd", network.trials_seen[own[1:]].tolist())
        pairs = distractor_grid(history.model(0), history.task)
    for name, values in found.scores.items():
        np.testing.assert_array_equal(values[:2], np.stack([one[name] for one in plain]))
    np.testing.assert_array_equal(grid.scores["performance"], pairs["performance"][None])


def test_tables_have_the_measures_of_each_rule_and_stage(maturation):
    one = made()
    result = saccades.findings({"gap": one, "overlap": made(((0.9, 0.5, 0.2),))}, maturation("saccades"))
    rows = {tuple(row[:2]): row[2:] for row in result.tables[0].rows}
    errors = one.scores["error"][[1, 4]]
    mid = rows["gap", "mid"]
    assert mid[0].startswith(f"{(errors < 0.2 * np.pi).mean():.2f}")
    assert mid[1] == "0.54"
    assert mid[2].startswith(f"{np.rad2deg(errors.mean()):.0f}")
    assert mid[4].startswith(f"{np.rad2deg(np.median(errors)):.0f}")
    assert rows["overlap", "mid"][1] == ""
    cue = {tuple(row[:2]): row[2:] for row in result.tables[1].rows}["gap", "mid"]
    assert cue[0].startswith(f"{(one.scores['cue_error'][[1, 4]] < 0.2 * np.pi).mean():.3f}")
    assert cue[1].startswith("120")
    assert cue[3].startswith("0.000")
    assert cue[2].startswith(f"{one.scores['fixation_break'][[1, 4]].mean():.3f}")


def test_remarks_count_networks(maturation):
    found = {"gap": made(((0.2, 0.5, 1.0), (0.2, 0.7, 0.5))), "overlap": made(((0.95, 0.5, 0.2),))}
    first, second = saccades.findings(found, maturation("saccades")).remarks
    assert "36° rises from early to mid to mature in 1 of 2 networks" in first
    assert "mean error falls in 1 of 2" in first
    assert first.endswith("in 2 of 2 networks.")
    assert "in 0 of 1 networks" in second
    assert second.endswith("in 0 of 1 networks.")


@pytest.mark.parametrize("stage", ["mid", "mature"])
def test_stages_that_no_network_reaches_are_dashes(stage, maturation):
    result = saccades.findings({"gap": made(((0.2,),))}, maturation("saccades"))
    row = next(row for row in result.tables[0].rows if row[1] == stage)
    assert row[2] == row[4] == row[6] == "–"
    assert row[-1] == "0"
    assert "0 of 0" in result.remarks[0]
