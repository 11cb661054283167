"""CP: the published steps number for number, planted components, hidden entries, compression, matching."""

import numpy as np
import pytest
from planted_tensors import plain_als, planted_cp, random_mask

from dynascope.analysis.decompositions import cp, match_components
from dynascope.analysis.decompositions.alternating import alternate, leading_factors

SHAPE = (10, 9, 8)


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_follows_the_textbook_step_by_step(rank):
    tensor = np.random.default_rng(rank).standard_normal(SHAPE)  # no low rank: minima and slow progress
    expected, errors = plain_als(tensor, rank)
    found = cp(tensor, rank)
    assert found.errors == pytest.approx(errors, abs=1e-7)
    assert found.relative_error == pytest.approx(errors[-1], abs=1e-7)
    assert found.n_sweeps == len(errors)
    assert found.tensor == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("compressed", [True, False])
def test_planted_components_come_back(compressed):
    tensor, factors = planted_cp((20, 18, 16), 3, seed=1)
    found = cp(tensor, 3, compressed=compressed, tolerance=1e-14, max_sweeps=1000)
    assert found.relative_error < 1e-12
    matched = match_components(factors, found)
    assert matched.scores == pytest.approx(np.ones(3), abs=1e-12)
    assert matched.size_ratios == pytest.approx(np.ones(3), abs=1e-10)
    for mine, planted in zip(matched.factors, factors, strict=True):
        assert mine == pytest.approx(planted, abs=1e-9)
    assert found.n_parameters == 3 * (20 + 18 + 16 - 2)


def test_compression_ends_where_the_full_fit_does():
    tensor, _ = planted_cp((40, 30, 20), 4, noise=2.0, seed=2)
    quick = cp(tensor, 4, compressed=True, tolerance=1e-11, max_sweeps=500)
    plain = cp(tensor, 4, compressed=False, tolerance=1e-11, max_sweeps=500)
    assert quick.relative_error == pytest.approx(plain.relative_error, abs=1e-7)
    assert np.diff(quick.errors).max() <= 1e-14
    assert (quick.parameters["compressed"], plain.parameters["compressed"]) == (True, False)
    assert not cp(tensor, 4).parameters["compressed"]  # small enough for the published steps


@pytest.mark.parametrize("masked", [False, True])
def test_the_error_never_rises_and_is_the_error_of_the_tensor(masked):
    tensor = np.random.default_rng(3).standard_normal(SHAPE)
    mask = random_mask(SHAPE, 0.2) if masked else np.ones(SHAPE, bool)
    found = cp(tensor, 4, mask=mask)
    assert np.diff(found.errors, prepend=1.0).max() <= 1e-14
    error = np.linalg.norm((tensor - found.tensor)[mask]) / np.linalg.norm(tensor[mask])
    assert found.relative_error == pytest.approx(error, abs=1e-12)


def test_an_empty_mask_changes_nothing_and_a_mask_is_seen_through():
    tensor, _ = planted_cp(SHAPE, 2, noise=0.3)
    assert np.array_equal(cp(tensor, 2, mask=np.ones(SHAPE, bool)).tensor, cp(tensor, 2).tensor)
    exact, mask = planted_cp(SHAPE, 2)[0], random_mask(SHAPE, 0.2)
    found = cp(np.where(mask, exact, np.nan), 2, mask=mask, tolerance=0, max_sweeps=1000)
    assert np.abs(found.tensor - exact).max() < 1e-9


def test_the_imputing_engine_with_nothing_hidden_is_the_plain_one():
    tensor = np.random.default_rng(4).standard_normal(SHAPE)
    start = leading_factors(tensor, 3)
    plain = alternate(tensor, None, start, max_sweeps=20, tolerance=0)
    filled = alternate(tensor, np.ones(SHAPE, bool), start, max_sweeps=20, tolerance=0)
    assert filled.errors == pytest.approx(plain.errors, abs=1e-13)


def test_form_of_the_result():
    found = cp(planted_cp(SHAPE, 3, noise=0.5)[0], 3)
    assert (np.diff(found.weights) <= 0).all()
    for factor in (found.first, found.second, found.third):
        assert np.linalg.norm(factor, axis=0) == pytest.approx(np.ones(3))
    for factor in (found.second, found.third):
        assert (np.take_along_axis(factor, np.abs(factor).argmax(axis=0)[None], axis=0) > 0).all()
    weighed = np.einsum("r,ir,jr,kr->ijk", found.weights, found.first, found.second, found.third)
    assert found.tensor == pytest.approx(weighed)


def test_rank_above_an_axis_and_components_too_many_for_the_tensor():
    tensor = np.random.default_rng(5).standard_normal((2, 3, 4))
    found = cp(tensor, 6, max_sweeps=3000, tolerance=1e-12)
    assert found.relative_error < 1e-3  # six is 2 · 3, enough for any tensor of this shape
    single = planted_cp(SHAPE, 1)[0]
    assert cp(single, 3).relative_error < 1e-7  # singular normal equations


def test_degenerate_tensors_are_told():
    # a∘a∘b + a∘b∘a + b∘a∘a has rank 3 and is the limit of tensors of rank 2 (de Silva and Lim 2008).
    a, b = np.eye(4)[:2]
    tensor = sum(np.einsum("i,j,k->ijk", *vectors) for vectors in ((a, a, b), (a, b, a), (b, a, a)))
    found = cp(tensor + 1e-3 * np.random.default_rng(6).standard_normal((4, 4, 4)), 2, max_sweeps=2000, tolerance=1e-10)
    assert found.congruence < -0.95
    assert "degenerate: two components cancel" in found.message
    healthy = cp(planted_cp(SHAPE, 2)[0], 2)
    assert "degenerate" not in healthy.message


def test_more_starts_are_never_worse():
    tensor = np.random.default_rng(7).standard_normal(SHAPE)
    one, many = (cp(tensor, 3, starts=starts) for starts in (1, 8))
    assert many.relative_error < one.relative_error - 1e-4
    assert np.array_equal(cp(tensor, 3, starts=8).tensor, many.tensor)
    assert not np.array_equal(cp(tensor, 3, starts=2, seed=5).tensor, cp(tensor, 3, starts=2, seed=6).tensor)
