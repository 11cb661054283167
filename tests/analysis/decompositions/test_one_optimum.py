"""Tensor train, (R, 0, 0) slice-TCA and the SVD of the first unfolding are one optimum; what truncation keeps."""

import numpy as np
import pytest
from planted_tensors import planted_cp, planted_slices

from dynascope.analysis import low_rank
from dynascope.analysis.decompositions import slice_tca, tensor_train, truncate_tensor, tucker

W = np.random.default_rng(0).standard_normal((12, 12, 12))


def first_unfolding(tensor, rank, axis=0):
    unfolding = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    u, s, v = np.linalg.svd(unfolding, full_matrices=False)
    others = [size for other, size in enumerate(tensor.shape) if other != axis]
    return np.moveaxis((u[:, :rank] * s[:rank] @ v[:rank]).reshape(-1, *others), 0, axis), s


@pytest.mark.parametrize("method", ["tt", "slice", "svd"])
@pytest.mark.parametrize("rank", [1, 4, 12])
def test_three_names_of_the_truncated_svd(method, rank):
    expected, singular = first_unfolding(W, rank)
    found = truncate_tensor(W, rank, method)
    assert np.abs(found - expected).max() < 1e-12
    assert np.linalg.norm(W - found) == pytest.approx(np.sqrt((singular[rank:] ** 2).sum()), abs=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_block_on_any_axis_and_the_svd_of_that_axis(axis):
    tensor = np.random.default_rng(1).standard_normal((7, 6, 5))
    expected, _ = first_unfolding(tensor, 2, axis)
    ranks = tuple(2 if other == axis else 0 for other in range(3))
    assert np.abs(slice_tca(tensor, ranks).tensor - expected).max() < 1e-12
    assert np.abs(truncate_tensor(tensor, 2, "svd", axis=axis) - expected).max() < 1e-12


def test_a_matrix_is_truncated_by_its_svd():
    matrix = np.random.default_rng(2).standard_normal((6, 6))
    u, s, v = np.linalg.svd(matrix)
    assert truncate_tensor(matrix, 2, "svd") == pytest.approx(u[:, :2] * s[:2] @ v[:2], abs=1e-12)


@pytest.mark.parametrize(
    ("method", "rank"),
    [("cp", 2), ("tt", 2), ("tt", (2, 2)), ("slice", 2), ("slice", (1, 1, 1)), ("svd", 2), ("tucker", 2)],
)
def test_tensors_of_low_rank_are_kept(method, rank):
    cp_tensor = planted_cp((8, 8, 8), 2)[0]
    slices = planted_slices((8, 8, 8), (1, 1, 1)) if rank == (1, 1, 1) else cp_tensor
    assert truncate_tensor(slices, rank, method) == pytest.approx(slices, abs=1e-6)


@pytest.mark.parametrize("method", ["cp", "tt", "slice", "svd", "tucker"])
def test_scales_far_from_one_make_no_difference(method):
    expected = truncate_tensor(W, 2, method)
    for scale in (2.0**600, 2.0**-600):  # squares overflow or vanish
        assert truncate_tensor(W * scale, 2, method) / scale == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("method", ["cp", "tt", "slice", "svd", "tucker"])
def test_baseline_is_taken_off_and_put_back(method):
    change = planted_cp((8, 8, 8), 1, seed=3)[0]
    start = np.random.default_rng(4).standard_normal((8, 8, 8))
    assert truncate_tensor(start + change, 1, method, baseline=start) == pytest.approx(start + change, abs=1e-6)
    assert np.array_equal(truncate_tensor(start, 1, method, baseline=start), start)


def test_symmetrised_tensor_has_the_same_dynamics_and_needs_less():
    rng = np.random.default_rng(5)
    antisymmetric = rng.standard_normal((8, 8, 8))
    antisymmetric -= antisymmetric.swapaxes(1, 2)
    acting = low_rank.symmetrized(planted_cp((8, 8, 8), 2, seed=6)[0])
    states = rng.standard_normal((20, 8))

    def drive(tensor):
        return np.einsum("ijk,bj,bk->bi", tensor, states, states)

    kept = truncate_tensor(acting + antisymmetric, 2, "slice", symmetrize=True)
    assert drive(kept) == pytest.approx(drive(acting + antisymmetric), abs=1e-10)
    assert not np.allclose(drive(truncate_tensor(acting + antisymmetric, 2, "slice")), drive(acting), atol=0.1)
    start = rng.standard_normal((8, 8, 8))
    moved = truncate_tensor(start + acting + antisymmetric, 2, "slice", symmetrize=True, baseline=start)
    assert drive(moved) == pytest.approx(drive(start + acting), abs=1e-10)


def test_tensor_train_cuts_both_bonds():
    tensor = np.random.default_rng(7).standard_normal((6, 5, 7))
    train = tensor_train(tensor, (3, 2))
    assert (train.ranks, train.first.shape, train.middle.shape, train.last.shape) == ((3, 2), (6, 3), (3, 5, 2), (2, 7))
    rebuilt = np.einsum("ip,pjq,qk->ijk", train.first, train.middle, train.last)
    assert train.tensor == pytest.approx(rebuilt)
    assert train.relative_error == pytest.approx(np.linalg.norm(tensor - rebuilt) / np.linalg.norm(tensor))
    # The last unfolding of rank 2 that the first cut leaves: no better error than either cut alone.
    assert train.relative_error > tensor_train(tensor, 3).relative_error
    assert tensor_train(tensor, (6, 7)).relative_error < 1e-14
    assert train.n_parameters == 6 * 3 + 3 * 5 * 2 + 2 * 7 - 9 - 4
    assert "√2" in train.message
    assert "exact" in tensor_train(tensor, 3).message


def test_tucker_beats_its_start_and_recovers_what_was_planted():
    rng = np.random.default_rng(8)
    bases = [np.linalg.qr(rng.standard_normal((size, rank)))[0] for size, rank in ((9, 2), (8, 3), (7, 4))]
    tensor = np.einsum("pqr,ip,jq,kr->ijk", rng.standard_normal((2, 3, 4)), *bases)
    found = tucker(tensor, (2, 3, 4))
    assert found.relative_error < 1e-14
    for basis, planted in zip(found.factors, bases, strict=True):
        assert basis @ basis.T == pytest.approx(planted @ planted.T, abs=1e-12)
    noisy = tucker(tensor + rng.standard_normal(tensor.shape), (2, 2, 2))
    assert noisy.errors[-1] < noisy.errors[0]
    assert np.diff(noisy.errors).max() < 1e-14
    assert noisy.n_parameters == 8 + 2 * 7 + 2 * 6 + 2 * 5
