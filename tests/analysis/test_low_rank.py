"""Three-body tensors: golden values, canonical form, and what the effective part ignores."""

import numpy as np
import pytest

from dynascope.analysis import canonical_factors, effective_tensor, full_tensor, symmetrized
from dynascope.errors import InputError


def fill(shape, s, c):
    n = np.arange(int(np.prod(shape)))
    return (c * np.sin(0.37 * (s + 1) * (n + 1))).reshape(shape)


LEFT = np.array([[-0.0828853953, -0.0096947043, -0.1573590643, 0.2068205405]]).T
MIDDLE, RIGHT = fill((4, 1), 90, 2), fill((4, 1), 100, 2)
INPUTS = np.stack([fill((4,), 10, 1), fill((4,), 20, 0.1)], axis=1)


def draws(rank=3, n=6, seed=0):
    return np.random.default_rng(seed).standard_normal((3, n, rank))


def test_golden_values_of_the_canonical_form():
    factors = canonical_factors(LEFT, MIDDLE, RIGHT)
    whole, effective = full_tensor(*factors), effective_tensor(*factors, INPUTS)
    # The left factor is printed to ten decimals.
    assert np.linalg.norm(whole) == pytest.approx(0.1377797764, abs=2e-10)
    assert np.linalg.norm(effective) == pytest.approx(0.0597886697, abs=2e-10)
    assert whole[0, 1, 2] == pytest.approx(0.0058424354, abs=2e-10)
    assert effective[0, 1, 2] == pytest.approx(-0.0031909085, abs=2e-10)


def test_canonical_factors_keep_the_acting_tensor_and_have_equal_sorted_norms():
    left, middle, right = draws()
    found = canonical_factors(left, middle, right)
    norms = np.array([np.linalg.norm(factor, axis=0) for factor in found])
    assert norms == pytest.approx(np.sort(np.repeat(norms[:1], 3, axis=0), axis=1))
    assert symmetrized(full_tensor(*found)) == pytest.approx(symmetrized(full_tensor(left, middle, right)))


def test_canonical_factors_undo_permutation_scaling_and_exchange():
    left, middle, right = draws()
    order, scale = [2, 0, 1], np.array([2.0, 0.5, 3.0])
    root = np.sqrt(scale)
    other = canonical_factors((left * scale)[:, order], (right / root)[:, order], (middle / root)[:, order])
    for mine, theirs in zip(canonical_factors(left, middle, right), other, strict=True):
        assert np.abs(mine) == pytest.approx(np.abs(theirs))


def test_effective_tensor_ignores_what_states_cannot_reach():
    left, middle, right = draws(rank=1)
    inputs = np.random.default_rng(1).standard_normal((6, 2))
    outside = np.linalg.svd(np.concatenate([left, inputs], axis=1))[0][:, 3:]
    hidden = outside @ np.random.default_rng(2).standard_normal((3, 1))
    before = effective_tensor(left, middle, right, inputs)
    assert effective_tensor(left, middle + hidden, right - 2 * hidden, inputs) == pytest.approx(before)
    inside = inputs[:, :1]
    assert not np.allclose(effective_tensor(left, middle + inside, right, inputs), before)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: full_tensor(LEFT, MIDDLE, RIGHT[:3]),
            r"right: expected factors of one shape \(unit, rank\), found \(3, 1\)",
        ),
        (lambda: full_tensor(LEFT, MIDDLE * np.nan, RIGHT), "middle"),
        (lambda: canonical_factors(LEFT, MIDDLE * 0, RIGHT), "component 0 is zero"),
        (lambda: effective_tensor(LEFT, MIDDLE, RIGHT, INPUTS[:3]), r"inputs: expected shape \(4, k\)"),
        (lambda: symmetrized(np.zeros((2, 3, 4))), r"tensor: expected shape \(unit, unit, unit\)"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call()
