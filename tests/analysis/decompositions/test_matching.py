"""Components matched up to order, sign, scale and the exchange of a pair; tensors compared up to what cannot matter."""

import numpy as np
import pytest

from dynascope.analysis import canonical_factors, effective_tensor, full_tensor
from dynascope.analysis.decompositions import compare_tensors, match_components


def draws(rank=3, n=7, seed=0):
    left, middle, right = np.random.default_rng(seed).standard_normal((3, n, rank))
    return left, middle, right


def test_order_signs_and_scales_are_undone():
    a, b, c = draws()
    order, flips = [2, 0, 1], np.array([1.0, -1.0, -1.0])
    other = ((4 * a * flips)[:, order], (b / 2)[:, order], (c * flips)[:, order])
    found = match_components((a, b, c), other)
    assert found.order.tolist() == [1, 2, 0]
    assert found.scores == pytest.approx(np.ones(3))
    assert found.size_ratios == pytest.approx(np.full(3, 2.0))
    for mine, expected in zip(found.factors, (2 * a, b, c), strict=True):
        assert mine == pytest.approx(expected)
    assert not found.exchanged.any()
    assert "3 components, mean score 1.0000" in found.summary()


def test_the_best_assignment_is_not_the_greedy_one():
    # Cosines [[.9, .8], [.85, .1]]: greedy takes .9 and .1, the best sum is .8 + .85.
    reference = np.eye(4)[:, :2]
    other = np.array([[0.9, 0.8], [0.85, 0.1], [0.0, 0.0], [0.0, 0.0]])
    other[2] = [0.0, np.sqrt(1 - 0.65)]
    other /= np.linalg.norm(other, axis=0)
    same = np.ones((4, 2)) / 2
    assert match_components((reference, same, same), (other, same, same)).order.tolist() == [1, 0]


def test_one_flipped_sign_is_another_component():
    a, b, c = draws(rank=1)
    assert match_components((a, b, c), (-a, b, c)).score == pytest.approx(-1)


def test_a_pair_may_be_exchanged():
    a, b, c = draws(rank=2)
    swapped = (a, np.stack([b[:, 0], c[:, 1]], axis=1), np.stack([c[:, 0], b[:, 1]], axis=1))
    assert match_components((a, b, c), swapped).score < 0.9
    found = match_components((a, b, c), swapped, exchange=True)
    assert found.exchanged.tolist() == [False, True]
    for mine, expected in zip(found.factors, (a, b, c), strict=True):
        assert mine == pytest.approx(expected)


def test_unequal_numbers_of_components():
    factors = draws()
    fewer = tuple(factor[:, [2, 0]] for factor in factors)
    found = match_components(factors, fewer)
    assert found.order.tolist() == [1, -1, 0]
    assert np.isnan(found.scores[1])
    assert not found.first[:, 1].any()
    assert found.score == pytest.approx(1)
    assert "1 with none" in found.summary()
    assert match_components(fewer, factors).order.tolist() == [2, 0]


def test_exchanged_and_reordered_networks_are_equal_where_it_counts():
    left, middle, right = draws()
    found = compare_tensors((left, middle, right), (left[:, ::-1], right[:, ::-1], middle[:, ::-1]), inputs=left[:, :1])
    assert (found.symmetrized, found.canonical) == (pytest.approx(1), pytest.approx(1))
    assert (found.effective_symmetrized, found.effective_canonical) == (pytest.approx(1), pytest.approx(1))
    assert found.raw < 0.9
    assert found.effective < 0.999


def test_what_states_cannot_reach_counts_in_the_tensor_only():
    left, middle, right = draws(rank=1)
    inputs = np.random.default_rng(1).standard_normal((7, 2))
    outside = np.linalg.svd(np.concatenate([left, inputs], axis=1))[0][:, 3:4]
    other = (left, middle + 5 * outside, right - 5 * outside)
    found = compare_tensors((left, middle, right), other, inputs=inputs)
    assert found.symmetrized < 0.5
    assert found.effective == pytest.approx(1)
    own = compare_tensors((left, middle, right), other, inputs=inputs, second_inputs=inputs @ [[2.0, 1.0], [0.0, 3.0]])
    assert own.effective == pytest.approx(1)


def test_each_network_has_its_own_inputs():
    first, second = draws(seed=1), draws(seed=2)
    inputs, others = np.random.default_rng(3).standard_normal((2, 7, 1))
    found = compare_tensors(first, second, inputs=inputs, second_inputs=others)
    reached = effective_tensor(*first, inputs), effective_tensor(*second, others)
    assert found.effective == pytest.approx((reached[0] * reached[1]).sum() / np.prod([*map(np.linalg.norm, reached)]))


def test_cosines_by_their_definition():
    first, second = draws(seed=1), draws(seed=2)
    w, v = full_tensor(*first), full_tensor(*second)

    def cosine(x, y):
        return (x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())

    found = compare_tensors(first, second)
    assert found.raw == pytest.approx(cosine(w, v))
    assert found.symmetrized == pytest.approx(cosine(w + w.swapaxes(1, 2), v + v.swapaxes(1, 2)))
    canonical = (full_tensor(*canonical_factors(*factors)) for factors in (first, second))
    assert found.canonical == pytest.approx(cosine(*canonical))
    assert found.effective is None
    assert found.summary().splitlines()[2].split() == ["effective", "parts", "–", "–", "–"]


def test_full_tensors_are_compared_like_their_factors():
    first, second, inputs = draws(rank=2, seed=3), draws(rank=2, seed=4), np.eye(7)[:, :1]
    by_factors = compare_tensors(first, second, inputs=inputs)
    by_tensors = compare_tensors(full_tensor(*first), full_tensor(*second), inputs=inputs)
    for name in ("raw", "symmetrized", "effective", "effective_symmetrized"):
        assert getattr(by_tensors, name) == pytest.approx(getattr(by_factors, name), abs=1e-12)
    assert (by_tensors.canonical, by_tensors.effective_canonical) == (None, None)
