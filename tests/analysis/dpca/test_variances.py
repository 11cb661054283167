"""Variances without the bias of trial noise, against closed forms, planted values and pure noise."""

import numpy as np
import pytest
from planted_conditions import JOIN, cell_means, labels, plain_marginals, planted

from dynascope.analysis import dpca


def shares(table, join=None):
    """Return the variance per sample of every marginalization of a noise-free table, summed over units."""
    n_samples = np.prod(table.shape[:-1])
    return {name: np.square(part).sum() / n_samples for name, part in plain_marginals(table, "sd", join).items()}


def estimates(make, n):
    """Return the unbiased variances (data set, marginalization) of ``n`` data sets, and the names."""
    found = [dpca(*make(seed), 1) for seed in range(n)]
    return np.stack([result.variances for result in found]), found


@pytest.mark.parametrize("balanced", [True, False])
def test_pure_noise_averages_to_zero(balanced):
    factors = labels(4, (3, 2))
    kept = np.ones(24, dtype=bool)
    if not balanced:
        kept[np.flatnonzero((factors["s"] == 0) & (factors["d"] == 1))[1:]] = False  # a cell of one trial
        kept[np.flatnonzero((factors["s"] == 2) & (factors["d"] == 0))] = False  # a cell of none

    def make(seed):
        noise = np.cumsum(np.random.default_rng(seed).standard_normal((24, 5, 6)), axis=1)  # correlated in time
        return noise[kept], {name: column[kept] for name, column in factors.items()}

    values, found = estimates(make, 100)
    standard_errors = values.std(axis=0) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0)) < 3 * standard_errors).all()
    raw = values + np.stack([result.noise_variances for result in found])
    assert (raw.mean(axis=0) > 15 * standard_errors).all()
    assert sum(result.has_signal for result in found) < 15


def test_white_noise_adds_its_dimensions():
    # The square of a marginal of averages over n trials of variance 1 is (dimensions × units) / n.
    factors = labels(5, (3, 2))
    noise = np.random.default_rng(0).standard_normal((30, 40, 50))
    found = dpca(noise, factors, 1)
    dimensions = {"s": 2, "d": 1, "t": 39, "sd": 2, "st": 78, "dt": 39, "sdt": 78}
    expected = [dimensions[name] * 50 / 5 / (6 * 40) for name in found.marginalizations]
    assert found.noise_variances == pytest.approx(expected, rel=0.1)


def test_planted_variances_are_recovered_under_strong_noise():
    _, _, table = planted(noise=0)
    expected = shares(table, JOIN)
    rng = np.random.default_rng(3)
    factors = labels(4, (4, 2))
    found = [
        dpca(table[factors["s"], factors["d"]] + 3 * rng.standard_normal((32, 12, 15)), factors, 2, 1e-4, JOIN)
        for _ in range(60)
    ]
    values = np.stack([result.variances for result in found])
    standard_errors = values.std(axis=0) / np.sqrt(len(values))
    planted_values = np.array([expected[name] for name in found[0].marginalizations])
    assert (np.abs(values.mean(axis=0) - planted_values) < 3 * standard_errors).all()
    assert (standard_errors < 0.15 * planted_values).all()
    biased = values.mean(axis=0) + found[0].noise_variances
    assert (biased > planted_values + 5 * standard_errors).all()


def test_without_repeats_shares_are_those_of_the_reconstruction():
    _, _, table = planted(noise=0)
    factors = labels(1, (4, 2))
    found = dpca(table[factors["s"], factors["d"]], factors, 3, 1e-4, JOIN)
    x = (table - table.mean(axis=(0, 1, 2))).reshape(-1, 15)
    for name, encoder in found.encoders.items():
        for k, (p, d) in enumerate(zip(encoder.T, found.decoders[name].T, strict=True)):
            plain = 1 - np.square(x - np.outer(x @ d, p)).sum() / np.square(x).sum()
            assert found.explained_variance[name][k] == pytest.approx(plain, abs=1e-12)
            projected = {other: np.square(d @ part).sum() / len(x)
                         for other, part in plain_marginals(table, "sd", JOIN).items()}  # fmt: skip
            row = dict(zip(found.marginalizations, found.projected_variance[found.slices[name]][k], strict=True))
            assert row == pytest.approx(projected, abs=1e-12)
    assert not found.noise_known
    assert "trial noise included" in found.summary()
    assert found.total_variance == pytest.approx(np.square(x).sum() / len(x))
    assert sum(found.marginal_variance.values()) == pytest.approx(1)


def test_component_variances_are_means_over_pairs_of_different_trials():
    activity, factors, _ = planted(n_trials=3, noise=2.0)
    found = dpca(activity, factors, 2, 1e-4, JOIN)
    p, d = found.encoders["st"][:, 0], found.decoders["st"][:, 0]
    centring = np.eye(8) - 1 / 8
    cells = [activity[(factors["s"] == s) & (factors["d"] == e)] for s in range(4) for e in range(2)]
    total = 0.0
    for a, b in np.ndindex(8, 8):
        # Centring over cells and times: within a cell, products of different trials only.
        pairs = [(i, j) for i, j in np.ndindex(3, 3) if a != b or i != j]
        for i, j in pairs:
            x, y = cells[a][i], cells[b][j]
            plain = centring[a, b] * (x.mean(axis=0) * 12)[:, None] * y.mean(axis=0)
            plain = plain + (a == b) * (x - x.mean(axis=0)).T @ (y - y.mean(axis=0))
            total += (p @ (plain + plain.T) @ d - d @ plain @ d) / len(pairs)
    assert found.component_variance[found.slices["st"]][0] == pytest.approx(total / 96, rel=1e-10)


def test_the_raw_share_of_a_missing_interaction_is_mostly_noise():
    rng = np.random.default_rng(0)
    factors = labels(6, (4, 2))
    _, _, table = planted(noise=0)
    main = (
        table.mean(axis=1, keepdims=True) + table.mean(axis=0, keepdims=True) - table.mean(axis=(0, 1), keepdims=True)
    )
    activity = main[factors["s"], factors["d"]] + 3 * rng.standard_normal((48, 12, 15))
    found = dpca(activity, factors, 3, 1e-3, JOIN)
    raw = shares(cell_means(activity, factors), JOIN)
    assert raw["sdt"] / sum(raw.values()) > 0.1
    assert abs(found.marginal_variance["sdt"]) < 0.03
