"""Canonical factors of a two-body matrix, and the span that states never leave."""

import numpy as np
import pytest

from dynascope.analysis.low_rank import canonical_matrix_factors, reachable_basis
from dynascope.errors import InputError


def draws(rank=3, n=7, seed=0):
    left, right = np.random.default_rng(seed).standard_normal((2, n, rank))
    return left, right


def test_canonical_matrix_factors_are_the_balanced_svd():
    left, right = draws()
    m, n = canonical_matrix_factors(left, right)
    u, singular, _ = np.linalg.svd(left @ right.T)
    assert m @ n.T == pytest.approx(left @ right.T)
    assert m.T @ m == pytest.approx(np.diag(singular[:3]), abs=1e-12)
    assert n.T @ n == pytest.approx(np.diag(singular[:3]), abs=1e-12)
    assert np.abs(m) == pytest.approx(np.abs(u[:, :3] * np.sqrt(singular[:3])))
    assert (m[np.abs(m).argmax(axis=0), np.arange(3)] > 0).all()


def test_canonical_matrix_factors_undo_any_mixing():
    left, right = draws()
    mixing = np.random.default_rng(1).standard_normal((3, 3))
    found = canonical_matrix_factors(left @ mixing, right @ np.linalg.inv(mixing).T)
    for mine, theirs in zip(canonical_matrix_factors(left, right), found, strict=True):
        assert mine == pytest.approx(theirs)


def test_reachable_basis_spans_both_and_drops_what_repeats():
    left, inputs = draws(rank=2)
    basis = reachable_basis(left, np.concatenate([inputs, left[:, :1] * 2], axis=1))
    assert basis.shape == (7, 4)
    assert basis.T @ basis == pytest.approx(np.eye(4), abs=1e-12)
    for columns in (left, inputs):
        assert basis @ (basis.T @ columns) == pytest.approx(columns)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: canonical_matrix_factors(np.ones((5, 2)), np.ones((5, 3))), r"right: expected factors of one shape"),
        (lambda: canonical_matrix_factors(np.ones((2, 3)), np.ones((2, 3))), "left: expected at most 2 components"),
        (lambda: canonical_matrix_factors(np.ones((3, 1)), np.full((3, 1), np.inf)), "right: found inf"),
        (lambda: reachable_basis(np.ones((5, 2)), np.ones((4, 2))), r"inputs: expected shape \(5, k\)"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call()
