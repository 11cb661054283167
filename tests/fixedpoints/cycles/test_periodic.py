"""Periodic points of maps whose orbits are known."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.fixedpoints import lipschitz_from_curvature
from dynascope.fixedpoints.cycles.multipliers import multipliers
from dynascope.fixedpoints.cycles.orbits import PeriodicOrbits
from dynascope.fixedpoints.cycles.periodic import periodic_points

UNIT = np.random.default_rng(0).uniform(0, 1, (400, 1))
SQUARE = np.random.default_rng(0).uniform(-1.5, 1.5, (150, 2))
# x' = R x with a rotation by a sixth of a turn and growth 1: everything has period 6.
SIXTH = torch.tensor([[0.5, -(0.75**0.5)], [0.75**0.5, 0.5]], dtype=torch.float64)


def logistic(x):
    return 3.9 * x * (1 - x)


def henon(x):
    return torch.stack([1 - 1.4 * x[:, 0] ** 2 + x[:, 1], 0.3 * x[:, 0]], dim=1)


def count_by_sign_changes(period):
    """How many x in [0, 1] have f^k(x) = x: sign changes on a fine grid, and the zero at 0 itself."""
    x = np.linspace(0, 1, 400_001)
    moved = x
    for _ in range(period):
        moved = 3.9 * moved * (1 - moved)
    signs = np.sign(moved - x)
    return int(np.count_nonzero(signs[1:] * signs[:-1] < 0)) + 1


def count_orbits(period):
    """Orbits of minimal period: all solutions less those of proper divisors."""
    lower = sum(d * count_orbits(d) for d in range(1, period) if period % d == 0)
    return (count_by_sign_changes(period) - lower) // period


@pytest.mark.parametrize("shooting", ["multiple", "single"])
@pytest.mark.parametrize("period", [1, 2, 3, 4, 5, 6])
def test_logistic_map_has_as_many_orbits_as_sign_changes_tell(period, shooting):
    found = periodic_points(logistic, UNIT, period=period, shooting=shooting)
    assert len(found) == count_orbits(period)
    assert found.certified.all()
    assert not found.stable.any()
    orbits = torch.as_tensor(found.orbits)
    assert (logistic(orbits) - orbits.roll(-1, dims=1)).abs().max() < 1e-12
    chain = np.prod(3.9 * (1 - 2 * found.orbits[..., 0]), axis=1)
    assert found.multipliers[:, 0] == pytest.approx(chain, rel=1e-9)


def test_henon_fixed_points_and_period_two():
    fixed = periodic_points(henon, SQUARE, period=1)
    roots = np.roots([1.4, 0.7, -1.0])
    assert np.sort(fixed.orbits[:, 0, 0]) == pytest.approx(np.sort(roots), abs=1e-12)
    (orbit,) = periodic_points(henon, SQUARE, period=2).orbits
    # Period 2: x₁ + x₂ = (1 − b) / a and x₁ x₂ = ((1 − b)² / a − 1) / a, from adding and subtracting the equations.
    pair = np.sort(np.roots([1.4, -0.7, 0.49 / 1.4 - 1.0]))
    assert orbit[:, 0] == pytest.approx(pair, abs=1e-12)
    assert orbit[:, 1] == pytest.approx(0.3 * pair[::-1], abs=1e-12)


def test_henon_has_the_published_numbers_of_orbits():
    # Periods 3, 4 and 7 at the classical parameters: Galias, Int. J. Bifurcation Chaos 11 (2001) 2427.
    counts = {period: len(periodic_points(henon, SQUARE, period=period)) for period in (3, 4, 7)}
    assert counts == {3: 0, 4: 1, 7: 4}


def test_small_multipliers_keep_their_digits():
    found = periodic_points(henon, SQUARE, period=7)
    # The determinant is −0.3 at every step; the small multipliers are 1e-6 of the large ones.
    assert found.multipliers.prod(axis=1) == pytest.approx((-0.3) ** 7, rel=1e-11)
    assert (found.n_unstable == 1).all()
    assert found.types() == ["saddle"] * 4


def test_multipliers_of_a_product():
    factors = np.random.default_rng(1).normal(size=(5, 4, 4))
    product = factors[4] @ factors[3] @ factors[2] @ factors[1] @ factors[0]
    expected = np.linalg.eigvals(product)
    found = multipliers(factors)
    assert np.sort_complex(found) == pytest.approx(np.sort_complex(expected), rel=1e-8)
    assert (np.diff(np.abs(found)) <= 1e-12).all()
    # Upper triangles in bases that turn: 10⁸ and 10⁻²⁴, the small one far below the rounding of the large one.
    bases = np.linalg.qr(np.random.default_rng(2).normal(size=(8, 2, 2)))[0]
    triangle = np.array([[10.0, 3.0], [0.0, 1e-3]])
    turned = np.array([bases[(index + 1) % 8] @ triangle @ bases[index].T for index in range(8)])
    assert multipliers(turned).real == pytest.approx([1e8, 1e-24], rel=1e-9, abs=0)
    long = np.tile(0.5 * np.eye(3), (200, 1, 1))  # beyond the size of the block-cyclic matrix
    assert multipliers(long) == pytest.approx(np.full(3, 0.5**200))


def test_a_stable_orbit_and_its_multiplier():
    found = periodic_points(lambda x: 3.2 * x * (1 - x), UNIT[:40], period=2)
    low, high = (4.2 - np.sqrt(0.84)) / 6.4, (4.2 + np.sqrt(0.84)) / 6.4  # roots of r²x² − r(r+1)x + r + 1
    assert found.orbits.ravel() == pytest.approx([low, high], abs=1e-13)
    assert found.multipliers[0, 0] == pytest.approx(4 + 2 * 3.2 - 3.2**2, abs=1e-12)
    assert found.stable.all()
    assert found.multiplicity.sum() + found.n_lower == found.n_converged == 40


def test_long_orbits_need_multiple_shooting():
    """Multipliers of period 24 are near e¹²: the 24-fold map has lost its digits, 24 states at once have not."""
    multiple = periodic_points(logistic, UNIT[:30], period=24, certify=False)
    assert multiple.shooting == "multiple"
    assert len(multiple) > 10
    assert multiple.speeds.max() < 1e-29
    with pytest.raises(InputError, match=r'the 24-fold map stretches .* expected shooting="multiple"'):
        periodic_points(logistic, UNIT[:30], period=24, shooting="single")


def test_orbits_of_different_inputs_stay_apart():
    inputs = np.repeat([[3.2], [3.5]], 30, axis=0)
    found = periodic_points(lambda x, u: u * x * (1 - x), np.tile(UNIT[:30], (2, 1)), inputs, period=2)
    assert found.inputs.ravel().tolist() == [3.2, 3.5]
    assert found.stable.tolist() == [True, False]
    assert set(found.start_orbits[:30]) <= {-1, 0}
    assert set(found.start_orbits[30:]) <= {-1, 1}


def test_a_bound_for_the_map_makes_proofs_for_its_orbits():
    weight = np.array([[0.0, -1.6], [1.6, 0.0]])
    matrix = torch.as_tensor(weight)
    bound = lipschitz_from_curvature(weight, form="rate")
    starts = np.random.default_rng(2).normal(size=(200, 2))
    rate = lambda x: torch.tanh(x) @ matrix.T  # noqa: E731
    found = periodic_points(rate, starts, period=4, lipschitz=bound)
    root = brentq(lambda x: 1.6 * np.tanh(x) - x, 0.1, 5, xtol=1e-15)
    # A quarter turn and the root of x = 1.6 tanh x: (±r, ±r), (r, 0) and (r, r) turned.
    assert found.certificate_kind == "bounded"
    assert found.certified.all()
    largest = np.abs(found.orbits).max(axis=(1, 2))
    assert largest == pytest.approx(np.full(len(found), root), abs=1e-12)
    by_function = periodic_points(rate, starts, period=4, lipschitz=lambda x, r: np.where(r > 0, bound, 1e9))
    assert by_function.radius == pytest.approx(found.radius)


def test_period_is_minimal_even_where_all_is_periodic():
    found = periodic_points(lambda x: x @ SIXTH.T, SQUARE[:20], period=12)
    assert len(found) == 0
    assert found.n_lower == found.n_converged > 0


def test_none_found_is_a_result(tmp_path):
    found = periodic_points(lambda x: 0.5 * x, UNIT[:5], period=3)
    assert len(found) == 0
    assert "no orbit of period 3 found" in found.summary()
    assert "5 of them to orbits of lower period" in found.summary()
    assert len(PeriodicOrbits.load(found.save(tmp_path / "none.h5"))) == 0
    plotting.figure_of(found.plot()).canvas.draw()


def test_round_trip_and_picture(tmp_path):
    found = periodic_points(henon, SQUARE, period=4)
    again = PeriodicOrbits.load(found.save(tmp_path / "orbits.h5"))
    assert again.orbits == pytest.approx(found.orbits)
    assert again.summary() == found.summary()
    drawn = found.plot()
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["unstable"]
    assert drawn.collections[0].get_facecolors().tolist() == [[1.0, 1.0, 1.0, 1.0]]  # open: unstable


REFUSED = [
    ({"period": 0}, "period: expected an integer of at least 1, found 0"),
    ({"period": 2.0}, "period: expected an integer of at least 1, found 2.0"),
    ({"shooting": "multipel"}, "unknown shooting 'multipel': did you mean 'multiple'"),
    ({"shooting": "single", "lipschitz": 1.0}, "lipschitz: a bound for F bounds nothing for the k-fold map"),
    ({"tolerance": -1.0}, "tolerance: expected a number > 0"),
    ({"initial_states": np.array([[np.nan]])}, "initial_states: expected finite numbers, found nan"),
    ({"step": lambda x: x * torch.nan}, "no finite next state"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_bad_input_is_refused(options, words):
    given = {"step": logistic, "initial_states": UNIT[:5], "period": 2, **options}
    with pytest.raises(InputError) as caught:
        periodic_points(given.pop("step"), given.pop("initial_states"), **given)
    assert words in str(caught.value)
