"""Checkpoints that stand for stages, and the four studies that look at them."""

import dataclasses

import numpy as np
import pytest

from dynascope import plotting
from dynascope.reproductions.maturation import dpca, pca, similarity, unit
from dynascope.reproductions.maturation.moments import (
    Moment,
    at_stage,
    at_stages,
    by_network,
    fullest,
    representatives,
)
from dynascope.reproductions.maturation.networks import RULES, Network, networks
from dynascope.reproductions.maturation.stage_panels import location_style

# Means of the windows from each checkpoint on: 0.29, 0.35 (early), 0.45, 0.65 (mid), 0.95 (mature).
CURVE = (0.05, 0.05, 0.05, 0.35, 0.95)


def moment(network, stage):
    return Moment(network, stage, 0.5, 1280, None)


@pytest.fixture
def trained(maturation):
    """The barely trained network, three times, with performances that make it pass through the stages."""
    [one] = networks(maturation())
    assert len(one.trials_seen) == len(CURVE)
    full = {rule: np.array(CURVE) for rule in RULES}
    never = {rule: np.full(len(CURVE), 0.1) for rule in RULES}
    return [
        dataclasses.replace(one, name="a", performance=never),
        dataclasses.replace(one, name="b", performance=full),
        dataclasses.replace(one, name="c", performance={**full, "odr": np.array([0.9, 0.9, 0.9, 0.9, 0.97])}),
    ]


def test_representatives_are_the_checkpoints_nearest_to_the_targets_of_their_windows():
    network = Network("one", None, 1280 * np.arange(5), {"odr": np.array(CURVE), "gap": np.full(5, 0.1)})
    found = representatives(network, "odr")
    assert (found["early"], found["mature"]) == (3, 4)
    assert found["mid"] in (3, 4)  # as far from 0.65, but for rounding
    assert representatives(network, "gap") == {}


def test_networks_at_their_stages_are_replayed_at_those_checkpoints(trained):
    found = list(at_stages(trained, "odr"))
    assert [one.network for one in found] == ["b", "b", "b", "c"]
    assert [one.stage for one in found] == ["early", "mid", "mature", "mature"]
    early, _, mature, other = found
    assert (early.performance, mature.performance, other.performance) == (0.35, 0.95, 0.97)
    assert [one.trials_seen for one in (early, mature, other)] == trained[1].trials_seen[[3, 4, 4]].tolist()
    np.testing.assert_array_equal(found[2].recording.activity, found[3].recording.activity)
    assert np.abs(found[0].recording.activity - found[2].recording.activity).max() > 1e-3
    assert [one.network for one in at_stages(trained, "odr", ["mature"])] == ["b", "c"]


def test_numbers_of_moments_by_network_and_stage():
    moments = [moment("a", "early"), moment("b", "mid"), moment("b", "mature")]
    table = by_network(moments, [1, 2, 3])
    assert table == [{"early": 1.0}, {"mid": 2.0, "mature": 3.0}]
    assert (at_stage(table, "mature"), at_stage(table, "early"), at_stage([], "mid")) == ([3.0], [1.0], [])
    assert fullest(moments) == "b"
    assert fullest(moments[:2]) == "a"


def test_opposite_places_are_told_apart_by_the_line_alone():
    styles = [location_style(place) for place in range(8)]
    assert len({style["color"] for style in styles}) == 4
    for place in range(4):
        assert styles[place]["color"] == styles[place + 4]["color"]
        assert styles[place]["linestyle"] != styles[place + 4]["linestyle"]


def _nothing(paths):
    return plotting.figure()


@pytest.mark.parametrize("study", [dpca, pca, unit, similarity], ids=lambda study: study.__name__.rsplit(".")[-1])
def test_a_study_shows_the_stages_that_networks_have(study, trained, maturation, monkeypatch):
    monkeypatch.setattr(study, "networks", lambda bench: trained)
    # One rule is as good as six, and fast; the figures of all rules are drawn by the tests of all studies.
    changed = {
        dpca: {"LOCATIONS": {"odr": tuple(range(8))}}, pca: {"_RULES": ("odr",)}, unit: {},
        similarity: {"RULES": ("odr",), "_map_figure": _nothing, "_final_figure": _nothing},
    }  # fmt: skip
    for name, value in changed[study].items():
        monkeypatch.setattr(study, name, value)
    bench = maturation(study.__name__.rsplit(".")[-1])
    found = study.run(bench)
    assert found.files
    assert all(path.is_file() for path in found.files)
    rows = found.tables[0].rows
    if study in (dpca, pca):
        assert [row[:3] for row in rows] == [["odr", "early", "1"], ["odr", "mid", "1"], ["odr", "mature", "2"]]
        assert sum("in 0 of 1 networks" in line or "in 1 of 1 networks" in line for line in found.remarks) == 1
    if study is unit:
        assert rows[0][2] == "–"
        assert rows[0][3] == rows[0][4]
    if study is similarity:
        cells = {row[1]: row[2:] for row in rows}
        # Mature b and c are one network under two names; early there is only b.
        assert cells["mature"] == ["–", "1.00", "–", "1.00"]
        assert cells["early"] == ["–", "–", "–", "–"]
