"""Effect sizes by their definitions, and intervals that cover what they should."""

import numpy as np
import pytest
from scipy import special, stats

from dynascope.analysis import EffectSizes, anova, effect_sizes
from dynascope.analysis.selectivity.effect_sizes import roc_area_interval
from dynascope.analysis.selectivity.noncentral import f_noncentrality_interval, t_noncentrality_interval
from dynascope.errors import ConfigurationError, InputError

LABELS = np.repeat(["a", "b"], [12, 18])


def test_definitions():
    values = np.random.default_rng(0).standard_normal((30, 4, 2)) + (LABELS == "b")[:, None, None]
    found = effect_sizes(values, LABELS)
    first, second = values[:12], values[12:]
    pooled = np.sqrt((11 * first.var(axis=0, ddof=1) + 17 * second.var(axis=0, ddof=1)) / 28)
    d = (second.mean(axis=0) - first.mean(axis=0)) / pooled
    assert found.cohens_d == pytest.approx(d, rel=1e-12)
    assert found.hedges_g == pytest.approx(d * special.gamma(14) / (np.sqrt(14) * special.gamma(13.5)), rel=1e-12)
    wins = (second[:, None] > first[None]).mean(axis=(0, 1))
    assert found.auc == pytest.approx(wins, abs=1e-15)
    t = stats.ttest_ind(second, first, axis=0).statistic
    scale = np.sqrt(12 * 18 / 30)
    for bound, probability in zip(found.d_interval, (0.975, 0.025), strict=True):
        assert special.nctdtr(28, bound * scale, t) == pytest.approx(np.full(t.shape, probability), abs=1e-10)


@pytest.mark.parametrize("effect", [0.0, 0.8])
def test_intervals_cover_the_population(effect):
    """4 000 units: 95 % ± 1 % of the intervals of d, and of the ROC area, hold the population's value."""
    values = np.random.default_rng(1).standard_normal((30, 4000)) + effect * (LABELS == "b")[:, None]
    found = effect_sizes(values, LABELS)
    area = stats.norm.cdf(effect / np.sqrt(2))
    for (low, high), truth in ((found.d_interval, effect), (found.auc_interval, area)):
        assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.95, abs=0.01)


def test_intervals_of_partial_eta_squared_cover():
    """Two factors, 2 000 units with a known effect of one: partial η² = λ / (λ + n) in the population."""
    rng = np.random.default_rng(2)
    a, b = np.tile(np.arange(4), 12), np.repeat([0, 1], 24)
    shift = np.array([-0.6, 0.0, 0.2, 0.4])[a]
    values = rng.standard_normal((48, 2000)) + shift[:, None] + b[:, None]
    table = anova(values, {"a": a, "b": b})
    noncentrality = np.square(shift).sum()
    truth = noncentrality / (noncentrality + 3 + table.df_residual + 1)
    low, high = table.partial_eta_squared_interval(0.95)
    assert ((low[0] <= truth) & (truth <= high[0])).mean() == pytest.approx(0.95, abs=0.015)
    assert (low[2] == 0).mean() > 0.9  # no interaction: most intervals start at 0
    assert np.isnan(anova(np.ones((48, 1)), a).partial_eta_squared_interval()).all()


def test_noncentralities_solve_their_equations():
    f, t = np.array([0.2, 1.0, 3.0, 40.0, 400.0]), np.array([-30.0, -1.0, 0.0, 2.5, 60.0])
    low, high = f_noncentrality_interval(f, 3, 50, 0.9)
    assert (low[:2] == 0).all()  # even λ = 0 gives a larger F often enough
    assert special.ncfdtr(3, 50, low[2:], f[2:]) == pytest.approx(np.full(3, 0.95), abs=1e-9)
    assert special.ncfdtr(3, 50, high[1:], f[1:]) == pytest.approx(np.full(4, 0.05), abs=1e-9)
    for bound, probability in zip(t_noncentrality_interval(t, 20, 0.9), (0.95, 0.05), strict=True):
        assert special.nctdtr(20, bound, t) == pytest.approx(np.full(5, probability), abs=1e-8)


def test_roc_areas_at_the_ends_have_a_width():
    low, high = roc_area_interval(np.array([0.0, 0.5, 1.0]), 10, 20, 0.95)
    assert (low[0], high[2]) == (0, 1)
    assert 0.05 < high[0] < 0.3
    assert high[0] == pytest.approx(1 - low[2])
    assert low[1] == pytest.approx(1 - high[1])


def test_units_without_scatter_are_reported(tmp_path):
    values = np.random.default_rng(0).standard_normal((30, 3))
    values[:, 1], values[:, 2] = LABELS == "b", 0.1
    found = effect_sizes(values, LABELS)
    assert found.deterministic.tolist() == [False, True, False]
    assert found.constant.tolist() == [False, False, True]
    assert np.isnan(found.cohens_d).tolist() == np.isnan(found.d_interval[0]).tolist() == [False, True, True]
    assert found.auc[1:].tolist() == [1, 0.5]
    assert "deterministic, no d: 1 of 3" in found.summary()
    loaded = EffectSizes.load(found.save(tmp_path / "a.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert loaded.labels == ("a", "b")
    assert found.plot().get_ylabel().startswith("Hedges")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: effect_sizes(x, np.arange(30) % 3), InputError, "^labels: expected exactly 2 .*, found 3"),
        (lambda x: effect_sizes(x[:3], LABELS[10:13]), InputError, "^values: expected at least 4 trials"),
        (lambda x: effect_sizes(x, LABELS, level=95), ConfigurationError, "^level: expected a number between 0 and 1"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call(np.random.default_rng(0).standard_normal((30, 3)))
