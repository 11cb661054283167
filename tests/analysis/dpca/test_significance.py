"""Restricted permutation tests: enumerated by hand, exact under the null, blind to what is kept."""

import itertools

import numpy as np
import pytest
from planted_conditions import JOIN, labels, planted
from scipy import stats

from dynascope.analysis import dpca
from dynascope.analysis.dpca.design import Design
from dynascope.analysis.dpca.held_out import halves
from dynascope.analysis.dpca.permutation import component_tests

S, D = np.repeat([0, 0, 1, 1], 3), np.repeat([0, 1, 0, 1], 3)
ALONE = {"s": ("s",), "d": ("d",), "sd": ("sd",)}


def p_values(y, s=S, d=D, terms=ALONE, n=1000, seed=0):
    """Return name → p of one component at one time."""
    design = Design.of({"s": s, "d": d}, len(s))
    traces = {name: np.asarray(y, float).reshape(1, -1, 1) for name in terms}
    tests = component_tests(traces, design, terms, n_permutations=n, seed=seed)
    return {name: float(p[0, 0]) for name, p in tests.p_values.items()}


def statistic(y, s, d, name):
    """Return V / (V + W) of a 2 × 2 design from its four means."""
    cells = [[y[(s == i) & (d == j)] for j in range(2)] for i in range(2)]
    m = np.array([[cell.mean() for cell in row] for row in cells])
    effect = {
        "s": m[0].sum() - m[1].sum(),
        "d": m[:, 0].sum() - m[:, 1].sum(),
        "sd": m[0, 0] - m[0, 1] - m[1, 0] + m[1, 1],
    }
    between = (effect[name] / 2) ** 2
    within = sum(((cell - cell.mean()) ** 2).sum() for row in cells for cell in row) / (len(y) - 4)
    return between / (between + within)


@pytest.mark.parametrize("seed", range(3))
def test_a_main_effect_of_a_2_by_2_design_with_3_trials_is_enumerated(seed):
    y = np.random.default_rng(seed).standard_normal(12) + 0.8 * S
    ways = [np.isin(np.arange(6), chosen) for chosen in itertools.combinations(range(6), 3)]
    null = []
    for first, second in itertools.product(ways, ways):
        relabelled = np.empty(12, dtype=int)
        relabelled[D == 0], relabelled[D == 1] = first, second
        null.append(statistic(y, relabelled, D, "s"))
    assert len(null) == 400
    count = np.sum(np.array(null) >= statistic(y, S, D, "s") - 1e-12)
    assert p_values(y)["s"] == pytest.approx(count / 400)


def test_an_interaction_is_enumerated_over_residuals():
    s, d = np.repeat([0, 0, 1, 1], 2), np.repeat([0, 1, 0, 1], 2)
    y = np.random.default_rng(4).standard_normal(8) + 1.5 * s * d + 10 * s - 7 * d
    model = np.stack([np.ones(8), s, d], axis=1)
    residuals = y - model @ np.linalg.lstsq(model, y, rcond=None)[0]
    orders = set(itertools.permutations(np.repeat(np.arange(4), 2)))
    assert len(orders) == 2520
    null = [statistic(residuals, np.array(order) // 2, np.array(order) % 2, "sd") for order in orders]
    count = np.sum(np.array(null) >= statistic(y, s, d, "sd") - 1e-10)
    assert p_values(y, s, d, {"sd": ("sd",)}, n=3000)["sd"] == pytest.approx(count / 2520)


def test_effects_that_are_kept_do_not_matter():
    y = np.random.default_rng(0).standard_normal(12)
    plain, moved = p_values(y), p_values(y + 100 * S - 50 * D)
    assert moved["sd"] == plain["sd"]
    assert p_values(y + 100 * D)["s"] == plain["s"]
    assert p_values(y + 100 * S)["d"] == plain["d"]


@pytest.mark.parametrize(("name", "main"), [("s", 0.0), ("sd", 3.0)])
def test_p_values_are_uniform_when_there_is_nothing(name, main):
    rng = np.random.default_rng(1)
    s, d = np.repeat([0, 0, 0, 1, 1, 1], 5), np.repeat([0, 1, 2, 0, 1, 2], 5)
    kept = rng.permutation(30)[:26]  # not balanced
    s, d = s[kept], d[kept]
    found = [
        p_values(rng.standard_normal(26) + main * s + 2 * d, s, d, {name: (name,)}, n=99, seed=seed)[name]
        for seed in range(500)
    ]
    jittered = np.array(found) - rng.random(500) / 100  # p of 99 permutations are multiples of 1/100
    assert stats.kstest(jittered, "uniform").pvalue > 0.01


def test_an_effect_is_found_and_only_where_it_is():
    y = np.random.default_rng(0).standard_normal(12)
    found = p_values(y + 6 * S * D - 3 * S - 3 * D)
    assert found["sd"] < 0.02
    assert min(found["s"], found["d"]) > 0.1


def test_what_is_joined_decides_what_is_exchanged():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(12) + 100 * D
    joined = p_values(y, terms={"s+": ("s", "st", "sd")})
    assert joined["s+"] > 0.02  # s and all that contains it: exchanged within levels of d
    both = p_values(y, terms={"s,d": ("s", "d")})
    assert both["s,d"] < 0.01  # no smallest effect: labels of both factors are exchanged


def test_familywise_p_values_count_components_and_times():
    rng = np.random.default_rng(0)
    design = Design.of({"s": S, "d": D}, 12)
    traces = {"s": rng.standard_normal((3, 12, 20))}
    tests = component_tests(traces, design, {"s": ("s",)}, n_permutations=400, seed=0)
    assert tests.p_values["s"].shape == (3, 20)
    assert (tests.familywise["s"] >= tests.p_values["s"]).all()
    assert tests.p_values["s"].min() < 0.05 < tests.familywise["s"].min()


def test_identical_trials_are_tested_without_dividing_by_zero():
    found = p_values(3.0 * S)
    assert found["s"] == 1 / 400 * 2  # the labels as they are, and all of them exchanged
    assert found["d"] == found["sd"] == 1


def test_halves_share_no_trial_and_fill_every_cell():
    factors = labels(5, (3, 2))
    design = Design.of(factors, 30)
    first, second = halves(design, 0)
    assert sorted([*first, *second]) == list(range(30))
    assert (np.bincount(design.cell[first]) == 2).all()


def test_planted_components_are_significant_on_held_out_trials():
    rng = np.random.default_rng(0)
    factors = labels(8, (3, 2))
    ramp = np.concatenate([np.zeros(5), np.ones(5)])
    axis = rng.standard_normal(12)
    activity = np.einsum("i,t,u->itu", factors["s"] - 1.0, ramp, axis) + rng.standard_normal((48, 10, 12))
    found = dpca(activity, factors, 2, 1e-4, JOIN, permutations=200)
    assert sorted(found.p_values) == ["dt", "sdt", "st"]
    assert found.p_values["st"].shape == (2, 10)
    assert (found.familywise_p_values["st"][0, 5:] < 0.01).all()
    assert (found.familywise_p_values["st"][0, :5] > 0.01).all()
    assert min(found.familywise_p_values[name].min() for name in ("dt", "sdt")) > 0.01
    assert found.overlaps[found.slices["st"]][0] > 0.9
    assert "1 of 2 significant" in found.summary()


def test_components_are_tested_on_new_trials_but_not_on_their_own():
    activity, factors, _ = planted(n_trials=6)
    half = np.arange(24)
    first, second = ((activity[at], {name: column[at] for name, column in factors.items()}) for at in (half, half + 24))
    found = dpca(*first, 2, 1e-4, JOIN)
    tests = found.significance(*second, n_permutations=99)
    assert tests.p_values["st"].shape == (2, 12)
    assert tests.p_values["st"].min() == 0.01
    with pytest.raises(ValueError, match="these are the trials that the axes were fitted to"):
        found.significance(*first)
