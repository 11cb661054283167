"""Shares and landmarks of demixed components, on activity whose parts are known."""

import numpy as np
import pytest

from dynascope.readers import Recording
from dynascope.reproductions.maturation import dpca
from dynascope.reproductions.maturation.moments import Moment

TIME = 0.02 * np.arange(175)
CUE = np.repeat(np.arange(8), 4)


def traces():
    """Time, cue and cue × time parts (location, time) whose averages over the other factors are zero."""
    step = (TIME >= 1).astype(float)
    time = np.cos(3 * TIME)  # starts above and ends below its mean
    cue = np.array([3, 1, 0, 0, 0, 0, -1, -3.0])[:, np.newaxis] * np.ones(175)
    mixed = np.cos(np.pi / 4 * np.arange(8))[:, np.newaxis] * step * np.cos(2 * np.pi * (TIME - 1) / 1.5)
    mixed -= mixed.mean(axis=1, keepdims=True)
    return np.tile(time - time.mean(), (8, 1)), cue, mixed


def moment(scales=(1.0, 0.5, 2.0), network="a", stage="mature", noise=1e-3):
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((20, 3)))[0]
    mean = sum(scale * part[..., np.newaxis] * axis for scale, part, axis in zip(scales, traces(), axes.T, strict=True))
    activity = 1 + mean[CUE] + noise * rng.standard_normal((32, 175, 20))
    return Moment(network, stage, 0.97, 1280, Recording(activity, TIME, trials={"cue": CUE}))


def test_shares_are_those_of_the_parts():
    found = dpca.demix(moment(), "odr")
    power = np.array([scale**2 * np.square(part).mean() for scale, part in zip((1, 0.5, 2), traces(), strict=True)])
    expected = 100 * power / power.sum()
    shares = dpca.shares([found])
    for part, share in zip(dpca.PARTS, expected, strict=True):
        assert shares[part] == [{"mature": pytest.approx(share, abs=0.1)}]


def test_only_the_trials_at_the_locations_of_a_rule_are_demixed():
    found = dpca.demix(moment(), "odrd").result
    assert list(found.levels["s"]) == [1, 5]
    assert found.trials_per_cell.tolist() == [4, 4]


def test_components_have_the_published_signs():
    for scales in ((1, 0.5, 2), (-1, -0.5, -2)):
        found = dpca.oriented(dpca.demix(moment(scales), "odr").result)
        assert found["t"][:, -1].mean() < 0
        for part in ("s", "st"):
            assert found[part].flat[np.abs(found[part]).argmax()] > 0


def test_landmarks_are_read_off_the_components():
    result = dpca.demix(moment(), "odr").result
    found, shown = dpca.landmarks(result), dpca.oriented(result)
    assert list(found) == list(dpca.PUBLISHED)
    at = np.searchsorted(TIME, 1.48 - 1e-9)
    assert found["time, 1.48 s"] == (shown["t"][:, at].min(), shown["t"][:, at].max())
    assert found["cue, 1.48 s"] == (shown["s"][:, at].min(), shown["s"][:, at].max())
    assert found["time, end of the trial"] == (shown["t"][:, -1].min(), shown["t"][:, -1].max())
    location, peak = np.unravel_index(shown["st"].argmax(), (8, 175))
    trough = shown["st"][location].argmin()
    assert found["cue × time, largest"] == (shown["st"][location, peak], TIME[peak])
    assert found["cue × time, largest of the other sign there"] == (shown["st"][location, trough], TIME[trough])
    # Half a period of 1.5 s lies between the two.
    assert abs(TIME[peak] - TIME[trough]) == pytest.approx(0.75, abs=0.02)


def test_the_tables_say_what_each_network_has_and_lacks():
    own = [
        dpca.demix(moment(scales, stage=stage), "odr")
        for stage, scales in (("early", (2, 1, 0)), ("mature", (1, 1, 2)))
    ]
    own.append(dpca.demix(moment(network="b", stage="early"), "odr"))
    rows = dpca._share_table({"odr": own}).rows
    assert [row[:3] for row in rows] == [["odr", "early", "2"], ["odr", "mid", "0"], ["odr", "mature", "1"]]
    assert set(rows[1][3:]) == {"–"}
    remarks = dpca._remarks({"odr": own})
    assert "time in 0 of 1 networks" in remarks[0]
    assert "cue × time in 1 of 1 networks" in remarks[0]
    assert any("1.000000 (time)" in line for line in remarks)
