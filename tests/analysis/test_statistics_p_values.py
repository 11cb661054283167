"""Permutation p-values against counting by hand, scipy's exact test, and their law under the null."""

import itertools

import h5py
import numpy as np
import pytest
from scipy import stats

from dynascope.analysis.statistics import Permutations, max_statistic_p_values, p_values, permutation_p_values
from dynascope.errors import InputError


@pytest.fixture(params=[3, p_values._BLOCK_ENTRIES], ids=["tiny blocks", "one block"])
def block_entries(request, monkeypatch):
    monkeypatch.setattr(p_values, "_BLOCK_ENTRIES", request.param)


@pytest.mark.usefixtures("block_entries")
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("dtype", [float, np.float32, int])
def test_counts_by_hand(exact, dtype):
    rng = np.random.default_rng(0)
    observed, null = (rng.integers(-4, 5, size=shape).astype(dtype) for shape in ((3, 2), (30, 3, 2)))
    p = {tail: permutation_p_values(observed, null, tail=tail, exact=exact) for tail in p_values.TAILS}
    for i, j in itertools.product(range(3), range(2)):
        above, below = (null[:, i, j] >= observed[i, j]).sum(), (null[:, i, j] <= observed[i, j]).sum()
        one = [max(count, 1) / 30 if exact else (1 + count) / 31 for count in (above, below)]
        expected = [*one, min(1, 2 * min(one))]
        np.testing.assert_allclose([p[tail][i, j] for tail in ("greater", "less", "two-sided")], expected, rtol=1e-15)


def test_never_zero_and_scalars():
    assert permutation_p_values(9.0, np.zeros(99)) == pytest.approx(0.01)
    assert permutation_p_values(9.0, np.zeros(100), exact=True) == pytest.approx(0.01)
    assert isinstance(permutation_p_values(9.0, np.zeros(99)), float)
    assert max_statistic_p_values([9.0, 8.0], np.zeros((99, 2))).tolist() == [0.01, 0.01]


@pytest.mark.parametrize("tail", ["greater", "less", "two-sided"])
def test_all_relabellings_give_scipys_exact_p(tail):
    x, y = np.random.default_rng(1).standard_normal((2, 4))
    x += 0.8
    values, labels = np.concatenate([x, y]), np.repeat([1, 0], 4)
    permutations = Permutations.of_labels(labels, 100)
    classes = labels[permutations.indices()] == 1
    null = np.array([values[one].mean() - values[~one].mean() for one in classes])
    ours = permutation_p_values(x.mean() - y.mean(), null, tail=tail, exact=permutations.exact)
    theirs = stats.permutation_test((x, y), lambda a, b: a.mean() - b.mean(), n_resamples=100, alternative=tail)
    assert len(theirs.null_distribution) == permutations.n == 70
    assert ours == pytest.approx(theirs.pvalue, abs=1e-15)


@pytest.mark.parametrize("tail", ["greater", "less", "two-sided"])
def test_all_sign_flips_give_scipys_exact_p(tail):
    x = np.random.default_rng(2).standard_normal(7) + 0.5
    permutations = Permutations.of_signs(7, 128)
    null = permutations.null(lambda signs: (signs * x).mean(axis=1))
    theirs = stats.permutation_test((x,), np.mean, permutation_type="samples", n_resamples=128, alternative=tail)
    ours = permutation_p_values(x.mean(), null, tail=tail, exact=True)
    assert ours == pytest.approx(theirs.pvalue, abs=1e-15)


def test_rounding_does_not_split_ties():
    # 0.1 + 0.2 and 0.3 are the same accuracy computed in two ways.
    assert permutation_p_values(0.1 + 0.2, [0.3, 0.3, 0.0]) == 0.75
    assert max_statistic_p_values([0.1 + 0.2], [[0.3], [0.3], [0.0]]).tolist() == [0.75]
    assert max_statistic_p_values([0.1 + 0.2], [[0.3], [0.3], [0.0]], step_down=True).tolist() == [0.75]
    # A null kept in float32 to save memory is compared at that accuracy.
    assert permutation_p_values(1 / 3, np.float32([1 / 3, 0.0, 0.0])) == 0.5
    # A statistic that is zero but for rounding is tied with other such zeros.
    assert permutation_p_values(3e-17, [-3e-17, 1.0, -1.0]) == 0.75


def test_tests_that_were_not_made_stay_nan_and_are_not_counted():
    rng = np.random.default_rng(3)
    observed, null = rng.standard_normal(4), rng.standard_normal((50, 4))
    observed[2] = np.nan
    null[:, 2] = [np.nan, 1e9] * 25
    kept = [0, 1, 3]
    for function in (permutation_p_values, max_statistic_p_values):
        p = function(observed, null)
        assert np.isnan(p[2])
        np.testing.assert_array_equal(p[kept], function(observed[kept], null[:, kept]))
    assert np.isnan(max_statistic_p_values([np.nan], np.ones((5, 1)))).all()
    assert permutation_p_values(np.zeros(0), np.zeros((5, 0))).shape == (0,)


def test_infinite_statistics_count_as_such():
    assert permutation_p_values([1.0, np.inf], [[np.inf, np.inf], [0.5, 3.0], [2.0, 4.0]]).tolist() == [0.75, 0.5]


@pytest.mark.usefixtures("block_entries")
@pytest.mark.parametrize("tail", ["greater", "less", "two-sided"])
@pytest.mark.parametrize("step_down", [False, True])
def test_maximum_by_hand(tail, step_down):
    rng = np.random.default_rng(4)
    observed = rng.standard_normal((2, 3)) * 1.5
    null = rng.standard_normal((40, 2, 3))
    turn = {"greater": lambda x: x, "less": np.negative, "two-sided": np.abs}[tail]
    statistic, rivals = turn(observed).ravel(), turn(null).reshape(40, 6)
    expected = np.zeros(6)
    running = 0.0
    for test in sorted(range(6), key=lambda i: -statistic[i]):
        family = [i for i in range(6) if statistic[i] <= statistic[test]] if step_down else range(6)
        count = sum(max(rivals[row, i] for i in family) >= statistic[test] for row in range(40))
        running = max(running, (1 + count) / 41)
        expected[test] = running
    found = max_statistic_p_values(observed, null, tail=tail, step_down=step_down)
    np.testing.assert_allclose(found, expected.reshape(2, 3), rtol=1e-15)


def test_step_down_is_never_weaker_and_p_values_exceed_unadjusted():
    rng = np.random.default_rng(5)
    observed, null = rng.standard_normal(20) + 1, rng.standard_normal((200, 20))
    plain, single = permutation_p_values(observed, null), max_statistic_p_values(observed, null)
    stepped = max_statistic_p_values(observed, null, step_down=True)
    assert (plain <= stepped).all()
    assert (stepped <= single).all()
    assert (stepped < single).any()


def test_under_the_null_p_is_uniform_and_familywise_error_is_nominal():
    """600 experiments without an effect: 12 correlated units, 2 classes of 10 trials, 199 permutations."""
    rng = np.random.default_rng(6)
    mixing = rng.standard_normal((12, 12)) / 3
    labels = np.repeat([0, 1], 10)
    rows = np.concatenate([labels[None], labels[Permutations.of_labels(labels, 199, seed=8).indices()]])
    weights = np.where(rows == 1, 0.1, -0.1)
    one, any_unit, stepped = [], [], []
    for _ in range(600):
        statistics = weights @ (rng.standard_t(5, (20, 12)) @ mixing)
        one.append(permutation_p_values(statistics[0, 0], statistics[1:, 0], tail="two-sided"))
        any_unit.append(max_statistic_p_values(statistics[0], statistics[1:], tail="two-sided").min())
        stepped.append(max_statistic_p_values(statistics[0], statistics[1:], tail="two-sided", step_down=True).min())
    for p in (one, any_unit):
        # p lives on multiples of 1/200: spread each over its step.
        assert stats.kstest(np.array(p) - rng.uniform(size=600) / 200, "uniform").pvalue > 0.01
    np.testing.assert_array_equal(stepped, any_unit)
    assert abs(np.mean(np.array(any_unit) <= 0.05) - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 600)


def test_arrays_on_disk_integers_strided_and_read_only(tmp_path):
    rng = np.random.default_rng(7)
    observed, null = rng.integers(5, size=4), rng.integers(5, size=(30, 8))[:, ::2]
    null.setflags(write=False)
    expected = permutation_p_values(observed.astype(float), null.astype(float))
    np.testing.assert_array_equal(permutation_p_values(observed, null), expected)
    for unsigned in (np.uint8, np.bool_):
        bits = (null > 2).astype(unsigned), (observed > 2).astype(unsigned)
        np.testing.assert_array_equal(
            max_statistic_p_values(bits[1], bits[0], tail="less"),
            max_statistic_p_values(bits[1].astype(float), bits[0].astype(float), tail="less"),
        )
    with h5py.File(tmp_path / "null.h5", "w") as file:
        file["null"] = null
        np.testing.assert_array_equal(permutation_p_values(observed, file["null"]), expected)


@pytest.mark.parametrize("function", [permutation_p_values, max_statistic_p_values])
def test_refusals(function):
    with pytest.raises(InputError, match=r"null: has shape \(5, 2\), observed has \(3,\)"):
        function(np.zeros(3), np.zeros((5, 2)))
    with pytest.raises(InputError, match=r"expected \(permutation"):
        function(np.zeros(3), np.zeros((0, 3)))
    with pytest.raises(InputError, match=r"null: found nan at index \(1, 2\)"):
        function([0.0, np.nan, 1.0], [[0, 0, 0], [0, 0, np.nan]])
    with pytest.raises(InputError, match="unknown tail 'greter': did you mean 'greater'"):
        function(np.zeros(3), np.zeros((5, 3)), tail="greter")
    with pytest.raises(InputError, match="observed: expected real numbers, found dtype complex128"):
        function(np.zeros(3, complex), np.zeros((5, 3)))
