"""Slice-TCA: planted ranks, falling error, hidden entries, orthogonal parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_tensors import planted_slices, random_mask

from dynascope.analysis.decompositions import slice_tca

SHAPE = (12, 11, 10)


@pytest.mark.parametrize("ranks", [(2, 1, 1), (1, 1, 0), (0, 2, 1), (1, 1, 1)])
def test_planted_ranks_are_recovered_exactly(ranks):
    tensor = planted_slices(SHAPE, ranks)
    found = slice_tca(tensor, ranks, tolerance=0)
    assert found.relative_error < 1e-14
    assert found.ranks == ranks
    assert np.abs(found.tensor - tensor).max() < 1e-12
    fewer = tuple(max(rank - 1, 0) if axis == np.argmax(ranks) else rank for axis, rank in enumerate(ranks))
    assert slice_tca(tensor, fewer).relative_error > 0.05


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(0, 3)] * 3).filter(any), st.integers(0, 1000), st.booleans())
def test_the_error_never_rises_and_is_the_error_of_the_tensor(ranks, seed, masked):
    tensor = np.random.default_rng(seed).standard_normal((7, 6, 5))
    mask = random_mask(tensor.shape, 0.05, seed) if masked else np.ones(tensor.shape, bool)
    if not all(mask.any(axis=axis).all() for axis in range(3)):
        mask[:] = True
    found = slice_tca(tensor, ranks, mask=mask, max_sweeps=15)
    assert (np.diff(found.errors, prepend=1.0) <= 1e-14)[1:].all()
    assert found.relative_error <= 1
    error = np.linalg.norm((tensor - found.tensor)[mask]) / np.linalg.norm(tensor[mask])
    assert found.relative_error == pytest.approx(error, abs=1e-13)


def test_blocks_are_orthogonal_and_add_up():
    found = slice_tca(planted_slices(SHAPE, (2, 1, 1), noise=1.0), (3, 2, 1))
    assert found.tensor == pytest.approx(sum(found.blocks))
    for axis, (vectors, slices) in enumerate(zip(found.vectors, found.slices, strict=True)):
        flat = slices.reshape(len(slices), -1)
        gram = flat @ flat.T
        assert vectors.T @ vectors == pytest.approx(np.eye(vectors.shape[1]), abs=1e-12)
        assert gram == pytest.approx(np.diag(np.sort(np.diag(gram))[::-1]), abs=1e-9 * gram.max())
        assert (np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0) > 0).all()
        assert found.blocks[axis] == pytest.approx(np.moveaxis(np.tensordot(vectors, slices, axes=1), 0, axis))


def test_an_empty_mask_changes_nothing_and_a_mask_is_seen_through():
    tensor = planted_slices(SHAPE, (2, 1, 1), noise=0.5)
    plain = slice_tca(tensor, (2, 1, 1))
    assert np.array_equal(slice_tca(tensor, (2, 1, 1), mask=np.ones(SHAPE, bool)).tensor, plain.tensor)
    exact, mask = planted_slices(SHAPE, (1, 1, 0)), random_mask(SHAPE)
    holes = np.where(mask, exact, np.nan)
    found = slice_tca(holes, (1, 1, 0), mask=mask, tolerance=1e-13, max_sweeps=2000)
    assert np.abs(found.tensor - exact)[~mask].max() < 1e-8


def test_em_from_full_data_is_the_unmasked_fit():
    # One entry hidden: with ever fewer hidden entries the masked engine must meet the plain one.
    tensor, mask = planted_slices(SHAPE, (2, 1, 1)), np.ones(SHAPE, bool)
    mask[3, 4, 5] = False
    masked = slice_tca(tensor, (2, 1, 1), mask=mask, tolerance=0, max_sweeps=2000)
    assert np.abs(masked.tensor - tensor).max() < 1e-10


def test_more_starts_are_never_worse_and_repeat():
    tensor = np.random.default_rng(3).standard_normal((10, 10, 10))
    one, many = (slice_tca(tensor, (2, 2, 2), starts=starts, seed=1, tolerance=1e-8) for starts in (1, 6))
    assert many.relative_error < one.relative_error - 1e-4  # this tensor has several minima
    assert np.array_equal(slice_tca(tensor, (2, 2, 2), starts=6, seed=1, tolerance=1e-8).tensor, many.tensor)


def test_stopping_early_is_told():
    found = slice_tca(planted_slices(SHAPE, (2, 1, 1), noise=1.0), (2, 1, 1), max_sweeps=2)
    assert not found.converged
    assert found.n_sweeps == 2
    assert found.message.startswith("stopped after 2 sweeps; the last one still lowered the relative error by")
    assert "converged after" in slice_tca(planted_slices(SHAPE, (1, 1, 0)), (1, 1, 0)).summary()
    assert found.n_parameters == 2 * (12 + 110 - 2) + (11 + 120 - 1) + (10 + 132 - 1)
