"""Similarity within and between networks, against plain computation."""

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import cka
from dynascope.readers import Recording
from dynascope.reproductions.maturation import similarity
from dynascope.reproductions.maturation.networks import Network
from dynascope.reproductions.maturation.similarity import Matched, Path

NETWORKS = ("a", "a", "b", "b", "c", "c")
STAGES = ("early", "mature") * 3


def matrix(seed=0, n=6):
    half = np.random.default_rng(seed).random((n, n))
    found = (half + half.T) / 2
    np.fill_diagonal(found, 1)
    return found


def test_within_takes_both_stages_of_one_network():
    own = matrix()
    found = Matched(NETWORKS, STAGES, own)
    assert found.within("early", "mature") == [own[0, 1], own[2, 3], own[4, 5]]
    assert found.within("early", "mid") == []


def test_between_is_the_mean_over_pairs_of_networks_with_a_jackknife_over_networks():
    own = matrix()
    found = Matched(NETWORKS, STAGES, own)
    pairs = {"ab": own[0, 2], "ac": own[0, 4], "bc": own[2, 4]}
    mean, low, high = found.between("early", "early")
    assert mean == pytest.approx(np.mean(list(pairs.values())))
    left_out = np.array([pairs["bc"], pairs["ac"], pairs["ab"]])
    error = np.sqrt(2 / 3 * np.square(left_out - left_out.mean()).sum())
    np.testing.assert_allclose([low, high], mean + stats.t.ppf([0.025, 0.975], 2) * error)
    both_ways = [own[i, j] for i in (0, 2, 4) for j in (1, 3, 5) if NETWORKS[i] != NETWORKS[j]]
    assert found.between("early", "mature")[0] == pytest.approx(np.mean(both_ways))


def test_between_needs_networks():
    two = Matched(NETWORKS[:4], STAGES[:4], matrix(n=4))
    mean, low, high = two.between("mature", "mature")
    assert np.isfinite(mean)
    assert np.isnan([low, high]).all()
    assert np.isnan(two.between("mid", "mature")).all()
    assert np.isnan(Matched(NETWORKS[:2], STAGES[:2], matrix(n=2)).between("early", "mature")).all()


def test_samples_are_every_trial_each_fifth_step_and_the_cue_part_is_less_the_mean():
    rng = np.random.default_rng(0)
    activity = rng.standard_normal((6, 23, 4)).astype(np.float32)
    recording = Recording(activity, 0.02 * np.arange(23))
    found = similarity.samples(recording)
    np.testing.assert_array_equal(found, activity[:, ::5].reshape(-1, 4))
    np.testing.assert_allclose(
        similarity.without_mean(recording), (activity - activity.mean(axis=0))[:, ::5].reshape(-1, 4), atol=1e-6
    )


def test_the_map_is_debiased_cka_of_every_two_checkpoints():
    rng = np.random.default_rng(1)
    runs = [Recording(rng.standard_normal((8, 20, 3)).astype(np.float32), 0.02 * np.arange(20)) for _ in range(3)]
    found = similarity.similarity(runs)
    for i in range(3):
        for j in range(3):
            one, other = similarity.samples(runs[i]), similarity.samples(runs[j])
            assert found[i, j] == pytest.approx(cka(one, other, debiased=True), abs=1e-5)


def test_when_networks_come_near_to_what_they_become():
    own = matrix(n=5)
    own[-1] = [0.6, 0.4, 0.7, 0.95, 1]
    found = Path("a", 1000 * np.arange(5), np.array([0.6, 0.2, 0.6, 0.4, 0.9]), own)
    assert (found.first_above(0.5), found.first_above(0.9), found.first_above(0.3)) == (2000, 3000, 0)
    assert similarity._learnt(found) == 4000
    never = Path("a", 1000 * np.arange(2), np.array([0.6, 0.2]), own)
    assert similarity._learnt(never) == np.inf


def test_checkpoints_are_spread_from_the_first_to_the_last():
    network = Network("a", None, np.arange(100), {})
    rows = similarity.evenly(network, 25)
    assert (len(rows), rows[0], rows[-1]) == (25, 0, 99)
    assert np.ptp(np.diff(rows)) <= 1
    assert similarity.evenly(Network("a", None, np.arange(4), {}), 25).tolist() == [0, 1, 2, 3]


def test_remarks_name_the_rules():
    def matched(within, early, mature):
        own = np.eye(4)
        own[0, 1] = own[2, 3] = within
        own[0, 2], own[1, 3] = early, mature
        return {"cue": Matched(("a", "a", "b", "b"), STAGES[:4], own)}

    remarks = similarity._remarks({"odr": matched(0.8, 0.6, 0.2), "gap": matched(0.5, 0.4, 0.9)})
    assert remarks[0].endswith("on 1 of 2 rules: odr.")
    assert remarks[1].endswith("on 1 of 2 rules: gap.")
    none = {"cue": Matched(("a",), ("early",), np.eye(1))}
    assert "not compared" in similarity._remarks({"odr": none})[0]
