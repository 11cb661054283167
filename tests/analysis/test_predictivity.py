"""Linear predictivity against scikit-learn's ridge, closed forms and planted noise."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from dynascope import plotting
from dynascope.analysis import linear_predictivity
from dynascope.analysis.leave_one_out_ridge import fit_and_predict
from dynascope.errors import ConfigurationError, InputError


def populations(n=200, p=8, q=6, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((n, 3))
    x = sources @ rng.standard_normal((3, p)) + noise * rng.standard_normal((n, p)) + 4
    return x, sources @ rng.standard_normal((3, q)) + noise * rng.standard_normal((n, q)) - 2


@pytest.mark.parametrize("p", [5, 60])
def test_penalty_is_the_one_that_leaving_each_sample_out_prefers(p):
    x, y = populations(40, p)
    y = y - y.mean(axis=0)
    unit = ((x - x.mean(axis=0)) ** 2).sum() / p
    grid = np.array([1e-3, 1e-2, 0.1, 1.0, 10.0])
    losses = [
        ((cross_val_predict(Ridge(alpha=penalty * unit), x, y, cv=LeaveOneOut()) - y) ** 2).sum() for penalty in grid
    ]
    new = populations(10, p, seed=1)[0]
    predicted, chosen = fit_and_predict(x, y, new, grid)
    assert chosen == grid[np.argmin(losses)]
    np.testing.assert_allclose(predicted, Ridge(alpha=chosen * unit).fit(x, y).predict(new), atol=1e-8)


def test_scores_are_those_of_held_out_groups():
    x, y = populations(120)
    groups = np.repeat(np.arange(12), 10)
    found = linear_predictivity(x, y, groups=groups, folds=12, penalties=[0.1])
    errors = deviations = 0
    for group in range(12):
        train, test = groups != group, groups == group
        unit = ((x[train] - x[train].mean(axis=0)) ** 2).sum() / x.shape[1]
        model = Ridge(alpha=0.1 * unit).fit(x[train], y[train])
        errors = errors + ((y[test] - model.predict(x[test])) ** 2).sum(axis=0)
        deviations = deviations + ((y[test] - y[train].mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(found.r2_y, 1 - errors / deviations, atol=1e-10)
    assert found.r2[0] == pytest.approx(1 - errors.sum() / deviations.sum(), abs=1e-10)


def test_directions_say_which_population_holds_more():
    x, _ = populations(noise=1.0)
    found = linear_predictivity(x, x[:, :2] @ np.array([[1.0, 0.5], [0.0, 2.0]]))
    assert found.r2[0] > 0.9999
    assert found.r2[1] < 0.9
    swapped = linear_predictivity(x[:, :2] @ np.array([[1.0, 0.5], [0.0, 2.0]]), x)
    np.testing.assert_allclose(swapped.r2[::-1], found.r2, atol=1e-12)


def test_unrelated_populations_predict_nothing():
    rng = np.random.default_rng(0)
    found = linear_predictivity(rng.standard_normal((150, 20)), rng.standard_normal((150, 20)))
    assert (found.r2 < 0.02).all()
    assert (found.r2 > -0.2).all()


def test_the_ceiling_is_the_share_of_variance_that_repeats():
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((4000, 5))
    y, repeat = (signal + 0.5 * rng.standard_normal(signal.shape) for _ in "ab")
    found = linear_predictivity(signal, y, repeat_y=repeat)
    assert found.ceiling[0] == pytest.approx(1 / 1.25, abs=0.015)
    assert np.isnan(found.ceiling[1])
    assert found.r2[0] == pytest.approx(found.ceiling[0], abs=0.02)


def test_the_interval_covers_the_expected_score():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(120):
        x = rng.standard_normal((150, 1))
        y = x + rng.standard_normal((150, 1))  # the best predictor has R² = 1/2
        found = linear_predictivity(x, y, penalties=[0], seed=seed, n_resamples=300)
        covered += found.low[0] <= 0.5 <= found.high[0]
    assert 0.86 < covered / 120 <= 1


def test_constant_units_are_counted_and_more_units_than_samples_are_fine():
    x, y = populations(30, 50, 40)
    y[:, 3] = 0.1
    found = linear_predictivity(x, y)
    assert np.isnan(found.r2_y[3])
    assert found.n_constant == 1
    assert np.isfinite(found.r2).all()
    assert "1 constant units have no R²" in found.summary()


def test_result_prints_saves_and_draws(tmp_path):
    x, y = populations()
    found = linear_predictivity(x.astype(np.float32), np.round(y * 8).astype(np.int16), repeat_x=x, repeat_y=y * 8)
    assert found.summary().splitlines()[1].startswith("x → y  R² 0.")
    assert type(found).load(found.save(tmp_path / "found.h5")).to_dict() == found.to_dict()
    assert plotting.save(found.plot(), tmp_path / "found.png").stat().st_size > 3000


def test_bad_input_is_named():
    x, y = populations(20)
    with pytest.raises(InputError, match="y: has 19 samples, x has 20"):
        linear_predictivity(x, y[1:])
    with pytest.raises(InputError, match="x: every feature is constant"):
        linear_predictivity(np.ones((20, 3)), y)
    with pytest.raises(InputError, match="groups: found 2 groups; expected at least as many as folds, 5"):
        linear_predictivity(x, y, groups=np.arange(20) % 2)
    with pytest.raises(InputError, match=r"repeat_y: has shape \(20, 8\), y has \(20, 6\)"):
        linear_predictivity(x, y, repeat_y=x)
    with pytest.raises(ConfigurationError, match="penalties: expected finite numbers of at least 0"):
        linear_predictivity(x, y, penalties=[-1.0])
    with pytest.raises(ConfigurationError, match="folds"):
        linear_predictivity(x, y, folds=1)
