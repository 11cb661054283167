"""Jackknife intervals of CKA against their plain definition, and against populations with a known value."""

import itertools

import h5py
import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import cka, cka_interval
from dynascope.analysis.alignment.chunk_moments import ChunkMoments
from dynascope.analysis.alignment.interval import mean_over_units
from dynascope.analysis.hsic import estimate
from dynascope.errors import ConfigurationError, InputError


def mixing(p, q, seed=0):
    """Loadings of x and y on the same six sources, so that covariances are known."""
    rng = np.random.default_rng(seed)
    strength = np.array([2.0, 1.5, 1.0, 0.7, 0.5, 0.3])[:, np.newaxis]
    return strength * rng.standard_normal((6, p)), strength[::-1] * rng.standard_normal((6, q))


def draw(a, b, n, seed):
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((n, 6))
    return (sources @ each + rng.standard_normal((n, each.shape[1])) + 1 for each in (a, b))


def population_cka(a, b):
    return np.linalg.norm(a.T @ b) ** 2 / np.prod([np.linalg.norm(m.T @ m + np.eye(m.shape[1])) for m in (a, b)])


@pytest.mark.parametrize(("n", "p", "q"), [(200, 5, 7), (60, 80, 9), (40, 90, 100)])
def test_values_without_each_chunk_equal_cka_of_the_other_samples(n, p, q):
    x, y = draw(*mixing(p, q), n, 1)
    found = cka_interval(x, y, n_chunks=8)
    for chunk, kept in enumerate(np.array_split(np.arange(n), 8)):
        rest = np.delete(np.arange(n), kept)
        assert found.left_out[chunk, 0] == pytest.approx(cka(x[rest], y[rest]), abs=1e-11)
        assert found.left_out[chunk, 1] == pytest.approx(cka(x[rest], y[rest], debiased=True), abs=1e-11)
    np.testing.assert_allclose(found.values[:2], [cka(x, y), cka(x, y, debiased=True)], atol=1e-12)


def test_equal_chunks_give_the_textbook_error():
    x, y = draw(*mixing(5, 7), 200, 1)
    found = cka_interval(x, y, n_chunks=10)
    spread = found.left_out - found.left_out.mean(axis=0)
    np.testing.assert_allclose(found.errors, np.sqrt(0.9 * (spread**2).sum(axis=0)), rtol=1e-10)


def test_groups_are_chunks_wherever_their_samples_lie():
    x, y = draw(*mixing(5, 7), 210, 1)
    order = np.random.default_rng(3).permutation(210)
    groups = np.repeat(np.arange(7), 30)
    expected = cka_interval(x, y, n_chunks=7)
    found = cka_interval(x[order], y[order], groups=groups[order])
    np.testing.assert_allclose(found.left_out, expected.left_out, atol=1e-12)
    np.testing.assert_allclose(found.low, expected.low, atol=1e-12)
    assert found.n_chunks == 7


def test_units_are_debiased_as_by_the_sum_over_pairs_of_units():
    x, y = draw(*mixing(4, 3), 60, 1)

    def hsic(u, v):
        n = len(u)
        k, low = (np.outer(w - w.mean(), w - w.mean()) for w in (u, v))
        np.fill_diagonal(k, 0)
        np.fill_diagonal(low, 0)
        one = np.ones(n)
        product = (k * low).sum() + k.sum() * low.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * one @ k @ low @ one
        return product / (n * (n - 3))

    def mean(a, b, *, distinct):
        pairs = [(i, j) for i in range(a.shape[1]) for j in range(b.shape[1]) if not (distinct and i == j)]
        return np.mean([hsic(a[:, i], b[:, j]) for i, j in pairs])

    expected = mean(x, y, distinct=False) / np.sqrt(mean(x, x, distinct=True) * mean(y, y, distinct=True))
    assert cka_interval(x, y, n_chunks=3).values[2] == pytest.approx(expected, rel=1e-10)


def test_subsets_of_units_average_to_all_units():
    x, y = draw(*mixing(6, 5), 40, 1)

    def between(columns_x, columns_y):
        parts = [array[:, list(columns)] for array, columns in ((x, columns_x), (y, columns_y))]
        moments = ChunkMoments.of(parts, parts)
        return mean_over_units(moments, estimate(moments.kernel_sums(), ["x", "y"], centered=True))

    subsets = itertools.product(itertools.combinations(range(6), 3), itertools.combinations(range(5), 2))
    average = np.mean([between(*chosen) for chosen in subsets], axis=0)
    np.testing.assert_allclose(average, between(range(6), range(5)), rtol=1e-11)


def test_few_units_do_not_lower_the_value_debiased_for_units():
    rng = np.random.default_rng(5)
    x, y = draw(*mixing(200, 200), 200, 2)
    whole = cka_interval(x, y, n_chunks=4).values[2]
    subsets = [(x[:, rng.permutation(200)[:30]], y[:, rng.permutation(200)[:30]]) for _ in range(100)]
    found = np.array([cka_interval(*subset, n_chunks=4).values for subset in subsets])
    error = found[:, 2].std() / 10
    # The root of an unbiased average is biased a little; for samples alone the value falls with every unit left out.
    assert abs(found[:, 2].mean() - whole) < 4 * error + 0.01
    assert found[:, 1].mean() < whole - 4 * error


def test_the_interval_covers_the_population_value():
    a, b = mixing(8, 10)
    truth = population_cka(a, b)
    covered = [
        found.low[1] <= truth <= found.high[1]
        for found in (cka_interval(*draw(a, b, 300, seed), n_chunks=15) for seed in range(250))
    ]
    assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / 250) < np.mean(covered) < 0.99


def test_debiased_values_average_to_the_population_value():
    a, b = mixing(8, 10)
    found = [cka_interval(*draw(a, b, 60, seed), n_chunks=5).values for seed in range(300)]
    error = np.std(found, axis=0)[1] / np.sqrt(300)
    assert abs(np.mean(found, axis=0)[1] - population_cka(a, b)) < 4 * error + 0.01


def test_result_prints_saves_and_draws(tmp_path):
    found = cka_interval(*draw(*mixing(5, 7), 200, 1))
    assert found.summary().splitlines()[0] == "linear CKA, 200 samples, jackknife over 20 chunks"
    assert type(found).load(found.save(tmp_path / "interval.h5")).to_dict() == found.to_dict()
    assert plotting.save(found.plot(), tmp_path / "interval.png").stat().st_size > 3000


def test_arrays_on_disk_of_any_type_are_read_by_chunks(tmp_path):
    x, y = (np.round(8 * array).astype(np.int16) for array in draw(*mixing(5, 7), 210, 1))
    groups = np.random.default_rng(0).integers(0, 6, 210)
    with h5py.File(tmp_path / "arrays.h5", "w") as file:
        lazy = [file.create_dataset(name, data=array) for name, array in (("x", x), ("y", y.astype(np.float16)))]
        for options in ({"n_chunks": 4}, {"groups": groups}):
            found, expected = cka_interval(*lazy, **options), cka_interval(x.astype(float), y.astype(float), **options)
            np.testing.assert_allclose(found.left_out, expected.left_out, atol=1e-12)


def test_one_unit_has_no_estimate_over_units():
    x, y = draw(*mixing(1, 7), 200, 1)
    assert cka_interval(x, y).estimators == ("biased", "debiased")


def test_what_cannot_be_computed_is_refused():
    x, y = draw(*mixing(5, 7), 50, 1)
    with pytest.raises(ConfigurationError, match="n_chunks: found 51; expected at most 50"):
        cka_interval(x, y, n_chunks=51)
    with pytest.raises(ConfigurationError, match="level: expected a confidence between 0 and 1, found 95"):
        cka_interval(x, y, level=95)
    with pytest.raises(InputError, match="groups: expected one label for each of 50 samples"):
        cka_interval(x, y, groups=np.arange(49))
    with pytest.raises(InputError, match="groups: found nan at index 0; drop samples without a label"):
        cka_interval(x, y, groups=np.where(np.arange(50) < 9, np.nan, 1))
    with pytest.raises(InputError, match="groups: all samples have the same label"):
        cka_interval(x, y, groups=np.zeros(50))
    with pytest.raises(InputError, match="y: every feature is constant"):
        cka_interval(x, np.full((50, 2), 0.1))
    with pytest.raises(InputError, match=r"x: found nan at index \(3, 1\)"):
        cka_interval(np.where(np.arange(250).reshape(50, 5) == 16, np.nan, x), y)
