"""Stages of training: the published definitions with their quirks, and matched performance."""

import numpy as np
import pytest

from dynascope.analysis import Stages, assign_stages, forward_average
from dynascope.errors import ConfigurationError, InputError


def plain_windows(performance, window=9, limit=30):
    """The published procedure, step by step."""
    lists = {"early": [], "mid": [], "mature": []}
    n = len(performance)
    for start in range(n):
        members = list(range(start, min(start + window + 1, n)))
        average = np.mean([performance[i] for i in members])
        if abs(average - 0.35) <= 0.05:
            lists["early"] += members
        elif abs(average - 0.65) <= 0.05:
            lists["mid"] += members
        elif average >= 0.90:
            lists["mature"] += members
    lists = {name: sorted(set(members)) for name, members in lists.items()}
    trimmed = dict(lists)
    if len(lists["early"]) > limit:
        trimmed["early"] = lists["early"][-limit:]
    if len(lists["mid"]) > limit:
        half = (len(lists["mid"]) - limit) // 2
        trimmed["mid"] = lists["mid"][half:-half]
    if len(lists["mature"]) > limit:
        trimmed["mature"] = lists["mature"][:limit]
    return trimmed


def learning_curve(seed=0, n=160, rate=14.0):
    rng = np.random.default_rng(seed)
    return np.clip(0.2 + 0.78 / (1 + np.exp(-(np.arange(n) - n / 2) / rate)) + 0.03 * rng.standard_normal(n), 0, 1)


def test_published_cuts():
    found = assign_stages([0.0, 0.35, 0.3500001, 0.65, 0.6500001, 1.0])
    assert found.labels.tolist() == ["early", "early", "mid", "mid", "mature", "mature"]
    assert found.indices("mid").tolist() == [2, 3]
    other = assign_stages([0.2, 0.6], cuts=(0.1, 0.5))
    assert other.labels.tolist() == ["mid", "mature"]


def test_the_plateau_itself_is_mature():
    found = assign_stages(np.full(12, 0.75), mode="published_windows", plateau=0.75)
    assert (found.labels == "mature").all()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("limit", [5, 12, 13, 30])
def test_published_windows_are_the_published_procedure(seed, limit):
    curve = learning_curve(seed)
    found = assign_stages(curve, mode="published_windows", limit=limit)
    for name, members in plain_windows(curve, limit=limit).items():
        assert found.indices(name).tolist() == members


def test_windows_keep_exactly_the_central_ones():
    """The published trimming loses all for an excess of one, and keeps one too many for others that are odd."""
    curve = learning_curve(1)
    everything = assign_stages(curve, mode="windows", limit=1000).indices("mid")
    n = len(everything)
    for limit in (n - 1, n - 2, n - 3):
        published = assign_stages(curve, mode="published_windows", limit=limit).indices("mid")
        ours = assign_stages(curve, mode="windows", limit=limit).indices("mid")
        assert len(ours) == limit
        assert len(published) == {n - 1: 0, n - 2: limit, n - 3: limit + 1}[limit]
        np.testing.assert_array_equal(ours, everything[(n - limit) // 2 :][:limit])
    both = assign_stages(curve, mode="windows", window=30)
    assert (both.membership.sum(axis=0) > 1).any()
    several = np.flatnonzero(both.membership[1] & both.membership[2])
    assert (both.labels[several] == "mature").all()


def test_representatives_are_nearest_to_the_targets_the_first_of_equals():
    found = assign_stages([0.30, 0.34, 0.36, 0.64, 0.66, 0.9, 1.0])
    assert found.representative[:, 0].tolist() == [1, 3, 5]
    assert assign_stages([0.1, 0.2]).representative[:, 0].tolist() == [1, -1, -1]


def test_order_is_that_of_training_not_of_the_input():
    curve, shuffle = learning_curve(2), np.random.default_rng(3).permutation(160)
    found = assign_stages(curve[shuffle], 1280 * shuffle, mode="published_windows")
    expected = assign_stages(curve, mode="published_windows")
    np.testing.assert_array_equal(found.membership, expected.membership[:, shuffle])
    assert shuffle[found.representative[2, 0]] == expected.representative[2, 0]


def test_matched_stages_have_equal_numbers_and_performance():
    """One network creeps, one jumps: by cuts their mid stages differ in performance, matched they do not."""
    slow, fast = np.linspace(0.2, 1, 60), np.r_[np.linspace(0.2, 0.34, 30), 0.61, 0.63, 0.66, np.full(27, 0.96)]
    performance, networks = np.r_[slow, fast], np.repeat(["slow", "fast"], 60)
    by_cuts = assign_stages(performance, networks=networks, trials_seen=np.tile(np.arange(60), 2))
    found = assign_stages(performance, networks=networks, trials_seen=np.tile(np.arange(60), 2), mode="matched")
    assert np.ptp(by_cuts.mean_performance()[1]) > 0.1
    assert np.ptp(found.mean_performance(), axis=1).max() < 0.03
    for stage in range(3):
        own = found.membership[stage]
        assert own[:60].sum() == own[60:].sum() > 0
        assert np.abs(performance[own] - found.targets[stage]).max() <= 0.05 + 1e-9
    assert found.networks == ("fast", "slow")
    assert "networks 2 of 2, their means differ by" in found.summary()


def test_matched_stages_leave_out_networks_that_never_came_near():
    found = assign_stages([0.35, 0.65, 0.35, 0.1], networks=[0, 0, 1, 1], mode="matched")
    assert found.membership.tolist() == [[True, False, True, False], [False, True, False, False], [False] * 4]
    assert found.representative.tolist() == [[0, 2], [1, -1], [-1, -1]]
    assert "mature  no checkpoint" in found.summary()
    assert "networks 1 of 2" in found.summary()


def test_results_survive_a_file_and_draw_themselves(tmp_path):
    found = assign_stages(learning_curve(), mode="windows")
    loaded = Stages.load(found.save(tmp_path / "s.h5"))
    assert (loaded.labels == found.labels).all()
    assert loaded.summary() == found.summary()
    assert [text.get_text().split()[0] for text in loaded.plot().get_legend().get_texts()] == list(found.names)
    with pytest.raises(InputError, match="unknown stage 'matur': did you mean 'mature'"):
        found.indices("matur")


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([],), {}, "performance: expected one value per checkpoint"),
        (([0.5, 1.5],), {}, "performance: found 1.5 at index 1; expected fractions correct, 0 to 1"),
        (([0.5, np.nan],), {}, "performance: found nan at index 1"),
        ((["a"],), {}, "performance: expected real numbers"),
        (([0.5], [1, 2]), {}, "trials_seen: expected 1 numbers, one per checkpoint"),
        (([0.5, 0.6], [0, 0]), {}, "trials_seen: network has two checkpoints at 0 trials"),
        (([0.5],), {"networks": ["a", "b"]}, "networks: expected one label for each of 1 checkpoints"),
        (([0.5],), {"mode": "windws"}, "unknown mode 'windws': did you mean 'windows'"),
        (([0.5],), {"cuts": (0.7, 0.3)}, "cuts: expected 2 increasing fractions"),
        (([0.5],), {"targets": (0.3, 0.6)}, "targets: expected 3 increasing fractions"),
        (([0.5],), {"tolerance": 2}, "tolerance: expected a fraction from 0 to 1, found 2"),
        (([0.5],), {"window": -1}, "window: expected a whole number of at least 0"),
        (([0.5],), {"limit": 0}, "limit: expected a whole number of at least 1"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, options, words):
    with pytest.raises(InputError, match=words):
        assign_stages(*arguments, **options)


def test_numbers_out_of_range_are_configuration_errors():
    with pytest.raises(ConfigurationError):
        assign_stages([0.5], plateau=3)
    assert forward_average([0.5], 9).tolist() == [0.5]
