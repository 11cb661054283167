"""Basins with a known border: every start must go to its own side, whatever else is in the batch."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from dynascope.errors import InputError
from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.landscape.basins import Basins, basins, wilson_interval
from dynascope.fixedpoints.landscape.settling import Outcome

ROOT = 0.9575040240772687  # x = tanh 2x


def tanh2(x):
    return torch.tanh(2 * x)


def double_well(x):
    return torch.stack([x[:, 0] - x[:, 0] ** 3, -x[:, 1]], dim=1)


def logistic(x):
    return 3.2 * x * (1 - x)


def van_der_pol(x):
    return torch.stack([x[:, 1], (1 - x[:, 0] ** 2) * x[:, 1] - x[:, 0]], dim=1)


WELLS = np.array([[-1.0, 0], [1, 0], [0, 0]])


def test_halves_of_a_line_down_to_the_smallest_numbers():
    starts = np.concatenate([np.linspace(-3, 3, 60), [1e-12, -1e-12, 1e-300, -1e-300]])[:, None]
    found = basins(tanh2, starts, np.array([[-ROOT], [ROOT], [0.0]]))
    assert found.points.tolist() == [0, 1]
    assert np.array_equal(found.assignment, (starts[:, 0] > 0).astype(int))
    assert found.fractions.tolist() == [0.5, 0.5]
    assert (found.outcomes == Outcome.KNOWN).all()


def test_a_start_on_the_border_rests_there_and_belongs_to_no_basin():
    found = basins(tanh2, np.array([[0.0], [1.0]]), np.array([[0.0], [ROOT], [-ROOT]]))
    assert found.assignment.tolist() == [-1, 0]
    assert found.outcomes.tolist() == [Outcome.RESTING, Outcome.KNOWN]
    assert found.resting.tolist() == [0, -1]
    assert found.ages[0] < 100  # an orbit that stands still to the last bit is not followed further
    assert "came to rest where not all directions decay" in found.summary()


def test_double_well_is_split_by_its_stable_manifold(box):
    starts = np.concatenate([box(300, 2), [[1e-9, 2], [-1e-9, -2], [1e-18, 1], [-1e-18, 1]]])
    found = basins(double_well, starts, WELLS, dynamics="flow")
    assert np.array_equal(found.assignment, (starts[:, 0] > 0).astype(int))
    assert found.periods.tolist() == [0, 0]


def test_a_curved_border_in_two_dimensions(box):
    """In y = Y + X², the double well's border X = 0 and its points are carried along: x → (x, y + x²)."""

    def curved(x):
        flat = torch.stack([x[:, 0] - 0.4 * x[:, 1], x[:, 1]], dim=1)
        slope = double_well(flat)
        return torch.stack([slope[:, 0] + 0.4 * slope[:, 1], slope[:, 1]], dim=1)

    starts = box(300, 2, 1.5)
    points = find_fixed_points(curved, starts[:50], dynamics="flow")
    found = basins(curved, starts, points, dynamics="flow")
    left = found.attractors[found.assignment, 0] < 0
    assert np.array_equal(left, starts[:, 0] - 0.4 * starts[:, 1] < 0)


def test_attractors_not_given_are_found():
    starts = np.linspace(-2, 2, 40)[:, None]
    found = basins(tanh2, starts)
    assert found.points.tolist() == [-1, -1]
    assert found.attractors[:, 0] == pytest.approx([-ROOT, ROOT], abs=1e-12)
    assert np.array_equal(found.assignment, (starts[:, 0] > 0).astype(int))
    flow = basins(double_well, np.array([[0.5, 1.0], [-0.2, 1.0]]), dynamics="flow")
    assert flow.attractors == pytest.approx(WELLS[:2], abs=1e-9)
    assert flow.assignment.tolist() == [1, 0]


def test_points_written_with_few_digits_are_the_attractors():
    found = basins(tanh2, np.linspace(-2, 1, 30)[:, None], np.array([[-0.9575], [0.9575]]))
    assert found.counts.tolist() == [20, 10]
    assert found.attractors[:, 0] == pytest.approx([-ROOT, ROOT], abs=1e-7)


def test_a_slowly_drawn_long_cycle_is_found():
    """A period-5 window of the logistic map, just past the fold where it begins."""
    found = basins(lambda x: 3.73818 * x * (1 - x), np.array([[0.3], [0.41]]))
    assert found.periods.tolist() == [5]
    assert found.counts.tolist() == [2]


def test_period_two_cycle_escape_and_repellers_of_the_logistic_map():
    r = 3.2
    starts = np.array([[0.1], [0.3], [0.77], [-0.1], [1.2], [0.0], [1 - 1 / r]])
    found = basins(logistic, starts, np.array([[0.0], [1 - 1 / r]]))
    low = (r + 1 - np.sqrt((r - 3) * (r + 1))) / (2 * r)  # the closed form of the 2-cycle
    assert found.attractors[0] == pytest.approx(low, abs=1e-12)
    assert found.periods.tolist() == [2]
    assert found.names() == ["period-2 cycle"]
    assert found.assignment[:5].tolist() == [0, 0, 0, -1, -1]
    assert (found.outcomes[3:5] == Outcome.ESCAPED).all()
    assert found.outcomes[5] == Outcome.RESTING
    assert found.resting[5] == 0


def test_a_map_that_expands_loses_every_start():
    found = basins(lambda x: 2 * x, np.linspace(-1, 1, 10)[:, None])
    assert (found.outcomes == Outcome.ESCAPED).all()
    assert len(found) == 0
    assert found.endings() == {"left every bound, or became NaN": 10}


def test_flow_that_reaches_infinity_in_finite_time(box):
    starts = box(60, 2)
    found = basins(lambda x: x * x, starts, dynamics="flow")  # each coordinate: x0 / (1 − x0 t)
    assert np.array_equal(found.outcomes == Outcome.ESCAPED, (starts > 0).any(axis=1))


def test_chaos_is_not_assigned():
    found = basins(lambda x: 3.99 * x * (1 - x), np.linspace(0.1, 0.9, 8)[:, None], n_steps=2000)
    assert (found.assignment == -1).all()
    assert (found.outcomes == Outcome.MOVING).all()
    assert (found.ages == 2000).all()


def test_a_line_of_fixed_points_attracts_nothing_by_name(box):
    found = basins(lambda x: torch.stack([x[:, 0], 0.5 * x[:, 1]], dim=1), box(30, 2))
    assert (found.outcomes == Outcome.RESTING).all()


def test_slow_drift_is_told_from_motion():
    found = basins(lambda x: x + 1e-6, np.array([[0.0], [1.0]]), n_steps=100)
    assert (found.outcomes == Outcome.SLOW).all()


def test_limit_cycle_of_van_der_pol(box):
    found = basins(van_der_pol, box(12, 2), np.zeros((1, 2)), dynamics="flow")
    assert found.periods == pytest.approx([6.6632868593], abs=1e-5)  # at μ = 1, published to ten digits
    assert found.fractions.tolist() == [1.0]


def test_closed_orbits_around_a_centre_are_no_attractors():
    starts = np.array([[1.0, 0.0], [0.0, 2.0]])
    found = basins(lambda x: torch.stack([x[:, 1], -x[:, 0]], dim=1), starts, dynamics="flow", duration=60.0)
    assert len(found) == 0
    assert (found.outcomes == Outcome.MOVING).all()


@pytest.mark.parametrize("damping", [2e-5, 3.2e-4])
def test_a_slow_spiral_is_not_taken_for_a_cycle(damping):
    """Each round closes to 6 damping of its size: below what counts as closed, for the smaller start or for both."""
    turn = torch.tensor([[-damping, -1.0], [1.0, -damping]], dtype=torch.float64)
    found = basins(lambda x: x @ turn.T, np.array([[0.02, 0.0], [1.0, 0.0]]), dynamics="flow", duration=80.0)
    assert (found.outcomes == Outcome.MOVING).all()


def test_order_of_starts_and_batch_play_no_part(box):
    def step(x):
        return torch.stack([logistic(x[:, 0].abs()), torch.tanh(2 * x[:, 1])], dim=1)

    starts = np.concatenate([box(80, 2, 0.9)])
    shuffled = np.random.default_rng(1).permutation(len(starts))
    found, other = basins(step, starts), basins(step, starts[shuffled])
    alone = basins(step, starts[3:4])
    assert found.periods.tolist() == [2, 2]
    assert found.attractors == pytest.approx(other.attractors, abs=1e-9)
    assert np.array_equal(found.assignment[shuffled], other.assignment)
    assert alone.attractors[0] == pytest.approx(found.attractors[found.assignment[3]], abs=1e-9)


def test_flipflop_corners_in_full_space(flipflop, box):
    kappa = box(200, 3)
    points = flipflop.known()
    found = basins(flipflop, kappa @ flipflop.directions.T, points)
    reached = found.attractors[found.assignment] @ np.linalg.pinv(flipflop.directions).T
    assert len(found) == 8
    assert np.array_equal(np.sign(reached), np.sign(kappa))


def test_inputs_tilt_the_basins():
    def step(x, u):
        return torch.tanh(2 * x + u)

    starts = np.linspace(-2, 2, 41)[:, None]
    points = find_fixed_points(step, np.linspace(-2, 2, 30)[:, None], np.array([0.1]))
    saddle = float(points.states[~points.stable][0, 0])
    found = basins(step, starts, points, np.array([0.1]))
    reached = found.attractors[found.assignment, 0]
    assert np.array_equal(reached > 0, starts[:, 0] > saddle)
    assert saddle < -0.05


def test_wilson_interval_is_that_of_scipy():
    for count, n_trials in ((0, 7), (3, 10), (10, 10)):
        expected = binomtest(count, n_trials).proportion_ci(method="wilson")
        low, high = wilson_interval(np.array([count]), n_trials)
        assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_save_load_and_summary(tmp_path):
    found = basins(logistic, np.array([[0.2], [0.4], [2.0]]))
    loaded = Basins.load(found.save(tmp_path / "b.h5"))
    assert loaded.summary() == found.summary()
    assert found.summary().splitlines()[0] == "3 starts, 2 of them led to 1 attractor"
    assert np.array_equal(loaded.assignment, found.assignment)
    assert found.plot().get_title() == "1 attractor, 3 starts"


REFUSALS = [
    ({"points": np.zeros((2, 3))}, r"points: expected shape \(k, 2\)"),
    ({"points": np.ones((1, 2))}, "points: row 0 is not at rest"),
    ({"points": np.array([[np.nan, 0]])}, "points: expected finite numbers, found .* in row 0"),
    ({"dynamics": "ode"}, "unknown dynamics 'ode'"),
    ({"n_steps": 0}, "n_steps: expected an integer of at least 1, found 0"),
    ({"duration": -1.0}, "duration: expected a finite number > 0"),
    ({"initial_states": np.array([[0.0, np.nan]])}, "initial_states: expected finite numbers"),
]


@pytest.mark.parametrize(("changed", "words"), REFUSALS)
def test_refusals(changed, words):
    given = {"step": lambda x: 0.5 * x, "initial_states": np.ones((3, 2)), **changed}
    with pytest.raises(InputError, match=words):
        basins(given.pop("step"), given.pop("initial_states"), **given)


def test_points_of_another_system_are_refused():
    flow = find_fixed_points(double_well, WELLS + 0.1, dynamics="flow")
    with pytest.raises(InputError, match="those of a flow, but dynamics='map'"):
        basins(lambda x: 0.5 * x, np.ones((3, 2)), flow)
    driven = find_fixed_points(lambda x, u: 0.5 * x + u, np.ones((1, 2)), np.ones(2))
    with pytest.raises(InputError, match="points: none was found under the input"):
        basins(lambda x, u: 0.5 * x + u, np.ones((3, 2)), driven, np.zeros(2))
    with pytest.raises(InputError, match="one input for all starts, found another at start 1"):
        basins(lambda x, u: 0.5 * x + u, np.ones((2, 2)), driven, np.array([[1.0, 1], [0, 0]]))
