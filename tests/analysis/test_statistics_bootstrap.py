"""Bootstrap intervals against exact variances, scipy's BCa, and their coverage on data of known law."""

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis.statistics import bootstrap, bootstrap_interval, hierarchical_bootstrap
from dynascope.errors import ConfigurationError, InputError


def nested(rng, sizes, deviations):
    """Values (n,) whose every level adds Gaussian deviations, and the labels of the levels above the values."""
    total = np.zeros(1)
    labels = []
    for size, deviation in zip(sizes, deviations, strict=True):
        labels = [np.repeat(level, size) for level in labels] + [np.tile(np.arange(size), len(total))]
        total = np.repeat(total, size) + deviation * rng.standard_normal(len(total) * size)
    return total, labels[:-1]


def variance_of_mean(values, sizes):
    """Variance of the mean when every level is drawn with replacement, given the (balanced) data: one term a level."""
    found, means = [], values.reshape(sizes)
    for depth in range(len(sizes), 0, -1):
        found.append(means.var(axis=-1).mean() / np.prod(sizes[:depth]))
        means = means.mean(axis=-1)
    return found[::-1]


def test_variance_of_resampled_means_is_the_exact_one():
    sizes = (5, 4, 6)
    values, groups = nested(np.random.default_rng(0), sizes, (1.0, 0.7, 2.0))
    terms = variance_of_mean(values, sizes)
    for resampled, expected in (("all", sum(terms)), ("outermost", terms[0])):
        found = hierarchical_bootstrap(values, groups, n_resamples=6000, resampled=resampled).resamples
        # The variance of 6000 near-Gaussian draws has a relative standard error of 1.8 %.
        assert found.var() == pytest.approx(expected, rel=0.06)
        assert found.mean() == pytest.approx(values.mean(), abs=4 * np.sqrt(expected / 6000))


def test_levels_are_nested_whatever_their_labels():
    values, (seeds, networks) = nested(np.random.default_rng(1), (4, 3, 2), (1, 1, 1))
    expected = hierarchical_bootstrap(values, [seeds, networks], n_resamples=50).resamples
    unique_names = np.array([f"{s}/{n}" for s, n in zip(seeds, networks, strict=True)])
    for groups in ([seeds, unique_names], np.array([seeds, networks]), [seeds.astype(str), networks]):
        np.testing.assert_array_equal(hierarchical_bootstrap(values, groups, n_resamples=50).resamples, expected)
    shuffled = np.random.default_rng(2).permutation(len(values))
    rearranged = hierarchical_bootstrap(values[shuffled], [seeds[shuffled], networks[shuffled]], n_resamples=4000)
    ordered = hierarchical_bootstrap(values, [seeds, networks], n_resamples=4000)
    assert rearranged.estimate == pytest.approx(ordered.estimate, abs=1e-15)
    assert rearranged.resamples.std() == pytest.approx(ordered.resamples.std(), rel=0.06)


def test_a_resample_of_unequal_groups_keeps_them_whole():
    values = np.array([1.0, 2, 3, 10, 20])
    groups = [["a", "a", "a", "b", "b"]]
    drawn = []
    hierarchical_bootstrap(values, groups, lambda x: drawn.append(x) or 0.0, n_resamples=300)
    drawn = drawn[1:]  # the first call is for the data
    assert {len(x) for x in drawn} == {4, 5, 6}
    for x in drawn:  # whole groups: 3 values of a or 2 of b, with repetitions
        assert (len(x), (x < 5).sum()) in {(6, 6), (5, 3), (4, 0)}
    whole = []
    hierarchical_bootstrap(values, groups, lambda x: whole.append(tuple(x)) or 0.0, 300, resampled="outermost")
    assert set(whole) == {(1, 2, 3) * 2, (10, 20) * 2, (1, 2, 3, 10, 20), (10, 20, 1, 2, 3)}


def test_one_level_of_single_values_is_the_plain_bootstrap():
    values = np.random.default_rng(3).standard_normal(12)
    plain = bootstrap_interval(values, n_resamples=4000).resamples
    assert plain.var() == pytest.approx(values.var() / 12, rel=0.07)
    singles = hierarchical_bootstrap(values, np.arange(12), n_resamples=4000).resamples
    assert singles.var() == pytest.approx(values.var() / 12, rel=0.07)


@pytest.mark.parametrize("statistic", [np.median, stats.trim_mean, lambda x: np.quantile(x, 0.3, axis=0)])
def test_other_statistics_and_arrays(statistic):
    values = np.random.default_rng(4).standard_normal((15, 3, 2))
    if statistic is stats.trim_mean:
        statistic = lambda x, axis: stats.trim_mean(x, 0.1, axis=axis)  # noqa: E731
    found = bootstrap_interval(values, statistic, n_resamples=40, interval="bca")
    assert found.estimate.shape == found.low.shape == found.high.shape == (3, 2)
    assert found.resamples.shape == (40, 3, 2)
    one = bootstrap_interval(values[:, 1, 0], statistic, n_resamples=40, interval="bca")
    np.testing.assert_allclose(one.resamples, found.resamples[:, 1, 0], rtol=1e-13)
    np.testing.assert_allclose((one.low, one.high), (found.low[1, 0], found.high[1, 0]), rtol=1e-13)


def test_fast_means_equal_means_of_each_resample(monkeypatch):
    values, groups = nested(np.random.default_rng(5), (3, 4, 5), (1, 1, 1))
    values = np.stack([values, values**2], axis=1)[:-3]  # unequal groups
    groups = [labels[:-3] for labels in groups]
    slow = hierarchical_bootstrap(values, groups, lambda x: x.mean(axis=0), n_resamples=100).resamples
    for entries in (1, 300, 2**20):
        monkeypatch.setattr(bootstrap, "_BLOCK_ENTRIES", entries)
        fast = hierarchical_bootstrap(values, groups, n_resamples=100).resamples
        np.testing.assert_allclose(fast, slow, atol=1e-14)


def test_resamples_are_numbered():
    values = np.random.default_rng(6).standard_normal(10)
    few, many = (bootstrap_interval(values, n_resamples=n, seed=4).resamples for n in (20, 50))
    np.testing.assert_allclose(many[:20], few, atol=1e-15)
    assert not np.allclose(bootstrap_interval(values, n_resamples=20, seed=5).resamples, few)


def test_bca_equals_scipy():
    values = np.random.default_rng(7).exponential(size=25)
    for statistic in (np.mean, np.median, np.std):
        ours = bootstrap_interval(values, statistic, n_resamples=500, level=0.9, interval="bca")
        previous = stats.bootstrap((values,), statistic, n_resamples=2, method="percentile", rng=0)
        previous.bootstrap_distribution = ours.resamples
        theirs = stats.bootstrap(
            (values,), statistic, n_resamples=0, bootstrap_result=previous, confidence_level=0.9, method="BCa", rng=0
        ).confidence_interval
        np.testing.assert_allclose((ours.low, ours.high), (theirs.low, theirs.high), rtol=1e-12)


def test_percentile_and_expanded_bounds():
    values = np.random.default_rng(8).standard_normal(9)
    plain = bootstrap_interval(values, n_resamples=999, level=0.8)
    np.testing.assert_allclose((plain.low, plain.high), np.quantile(plain.resamples, [0.1, 0.9]), atol=1e-14)
    # For a bootstrap distribution that is exactly Gaussian the expanded interval is Student's.
    expanded = bootstrap_interval(values, n_resamples=40000, interval="expanded", level=0.9)
    student = stats.t.ppf(0.95, 8) * values.std(ddof=1) / 3
    assert (expanded.high - expanded.low) / 2 == pytest.approx(student, rel=0.06)


def test_degenerate_values_give_a_point_not_nan():
    for interval in ("percentile", "expanded", "bca"):
        found = bootstrap_interval(np.full((6, 2), 3.0), n_resamples=30, interval=interval)
        np.testing.assert_allclose([found.low, found.high, found.estimate], 3.0)


def coverage(sizes, deviations, *, ignore_groups=False, **options):
    """Share of 1 000 experiments whose 90 % interval holds the true mean, 0; its standard error is 1 %."""
    rng = np.random.default_rng(9)
    drawn = [nested(rng, sizes, deviations) for _ in range(1000)]
    values, groups = np.stack([values for values, _ in drawn], axis=1), drawn[0][1]
    options |= {"n_resamples": 1000, "level": 0.9}
    found = (
        bootstrap_interval(values, **options) if ignore_groups else hierarchical_bootstrap(values, groups, **options)
    )
    return np.mean((found.low <= 0) & (found.high >= 0))


def normal_coverage(variance, true_variance):
    """Coverage of a 90 % interval that is as wide as if the mean had another variance than it has."""
    return 2 * stats.norm.cdf(stats.norm.ppf(0.95) * np.sqrt(variance / true_variance)) - 1


def test_coverage_on_nested_gaussians():
    """40 seeds of 3 networks of 6 units, with variance components 1, 0.25 and 1."""
    sizes, deviations = (40, 3, 6), (1.0, 0.5, 1.0)
    components = np.square(deviations) / np.cumprod(sizes)  # their sum is the variance of the mean
    # The expected variance of resampled means: each level sees its own component and all inner ones.
    terms = [components[depth:].sum() * (1 - 1 / size) for depth, size in enumerate(sizes)]
    assert abs(coverage(sizes, deviations) - normal_coverage(sum(terms), components.sum())) < 0.03
    assert abs(coverage(sizes, deviations, resampled="outermost", interval="expanded") - 0.9) < 0.03
    # All 720 values as independent: half of the true standard error or less, so most intervals miss.
    assert coverage(sizes, deviations, ignore_groups=True) < 0.6


def test_coverage_with_few_seeds():
    sizes, deviations = (6, 4), (1.0, 1.0)
    assert coverage(sizes, deviations, resampled="outermost") < 0.85
    assert abs(coverage(sizes, deviations, resampled="outermost", interval="expanded") - 0.9) < 0.03


def test_drawing_every_level_is_wide_when_inner_spread_dominates():
    sizes, deviations = (20, 4), (0.0, 1.0)
    assert coverage(sizes, deviations) > 0.95
    assert abs(coverage(sizes, deviations, resampled="outermost", interval="expanded") - 0.9) < 0.03


def test_inputs_of_other_types_and_untouched():
    values = np.random.default_rng(11).integers(10, size=(8, 6))[:, ::2]
    values.setflags(write=False)
    found = bootstrap_interval(values, n_resamples=10)
    np.testing.assert_array_equal(found.resamples, bootstrap_interval(values.astype(float), n_resamples=10).resamples)
    half = bootstrap_interval(values.astype(np.float16), n_resamples=10)
    np.testing.assert_array_equal(half.resamples, found.resamples)


def test_a_statistic_may_handle_nan():
    values = np.random.default_rng(12).standard_normal(30)
    values[4] = np.nan
    assert np.isfinite(bootstrap_interval(values, np.nanmean, n_resamples=50).resamples).all()
    with pytest.raises(InputError, match=r"values: found nan at index \(4\)"):
        bootstrap_interval(values)
    with pytest.raises(InputError, match="statistic: returned nan of the data"):
        bootstrap_interval(values, np.median)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"groups": [[0, 1]]}, InputError, r"groups\[0\]: expected one label for each of 4 values, found shape \(2,\)"),
        ({"groups": [[0, 0, 1, 1], [0, 1, np.nan, 1]]}, InputError, r"groups\[1\]: found nan at index 2"),
        ({"groups": [[5, 5, 5, 5]]}, InputError, "at least 2 outermost groups to draw from, found 1"),
        ({"groups": []}, InputError, "groups: expected labels of at least one level"),
        ({"values": np.zeros((0, 3))}, InputError, r"values: expected shape \(n, …\) with no empty axis"),
        ({"values": np.array(["a"] * 4)}, InputError, "values: expected real numbers"),
        ({"level": 95}, ConfigurationError, "level: expected a confidence between 0 and 1, found 95"),
        ({"n_resamples": 0}, ConfigurationError, "n_resamples: expected a whole number of at least 1"),
        ({"interval": "bias"}, InputError, "unknown interval 'bias'"),
        ({"resampled": "inner"}, InputError, "unknown resampled levels 'inner'"),
    ],
)
def test_refusals(changed, error, message):
    arguments = {"values": np.arange(4.0), "groups": [[0, 0, 1, 1]]} | changed
    with pytest.raises(error, match=message):
        hierarchical_bootstrap(**arguments)


def test_one_value_is_refused():
    with pytest.raises(InputError, match="at least 2 values to draw from, found 1"):
        bootstrap_interval([1.0])
