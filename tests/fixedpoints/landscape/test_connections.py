"""Where unstable directions lead, on graphs that are known."""

import itertools

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.landscape.connections import Connections, connections
from dynascope.fixedpoints.landscape.settling import Outcome


def double_well(x):
    return torch.stack([x[:, 0] - x[:, 0] ** 3, -x[:, 1]], dim=1)


def two_wells(x):
    return x - x**3


WELLS = np.array([[-1.0, 0], [1, 0], [0, 0]])
GRID = np.array([[x, y] for x in (-1.0, 0, 1) for y in (-1.0, 0, 1)])


def test_saddle_of_the_double_well_leads_both_ways():
    found = connections(double_well, WELLS, dynamics="flow")
    assert found.source.tolist() == [2, 2]
    assert dict(zip(found.signs.tolist(), found.points[found.target].tolist(), strict=True)) == {1: 1, -1: 0}
    assert found.directions == pytest.approx(np.array([[1, 0], [-1, 0]]))
    assert found.neighbours() == {(0, 1): [2]}
    assert found.nonlinearity.max() <= 1e-3
    assert found.closest.tolist() == [-1, -1]


def test_flipflop_is_a_cube(flipflop):
    points = find_fixed_points(flipflop, np.random.default_rng(0).uniform(-2, 2, (600, 3)) @ flipflop.directions.T)
    found = connections(flipflop, points)
    bits = np.sign(np.round(found.states @ np.linalg.pinv(flipflop.directions).T, 3)).astype(int)
    assert len(points) == 27
    for point in np.unique(found.source):
        # A saddle leads to the corners that its decided bits allow, one with one unstable direction to two.
        allowed = {
            c
            for c in itertools.product((-1, 1), repeat=3)
            if all(b in (0, s) for b, s in zip(bits[point], c, strict=True))
        }
        reached = {tuple(bits[found.points[number]].tolist()) for number in found.leads_to(point)}
        assert reached == allowed
    assert len(found.neighbours()) == 12
    for first, second in found.neighbours():
        assert np.abs(bits[found.points[first]] - bits[found.points[second]]).sum() == 2


def test_saddle_to_saddle_connections_are_named():
    """The repeller's eigenvectors are the axes, and each axis ends in a saddle."""
    found = connections(two_wells, GRID, dynamics="flow")
    axes = (found.source == 4) & (found.kinds == 0)
    expected = [int(np.flatnonzero((direction == GRID).all(axis=1))[0]) for direction in found.directions[axes]]
    assert sorted(expected) == [1, 3, 5, 7]
    assert found.via[axes].tolist() == expected
    assert found.resting[axes].tolist() == expected
    saddles = found.source != 4
    assert (found.via[saddles] == -1).all()
    assert "past or into point 1, 3, 5, 7" in found.summary()


def test_a_ring_of_phases_around_a_spiral():
    """r' = r (1 − r²), θ' = 1 in a plane that attracts: every phase leads to the cycle of period 2π."""

    def step(x):
        growth = 1 - x[:, 0] ** 2 - x[:, 1] ** 2
        return torch.stack([growth * x[:, 0] - x[:, 1], growth * x[:, 1] + x[:, 0], -x[:, 2]], dim=1)

    found = connections(step, np.zeros((1, 3)), dynamics="flow", n_phases=6)
    assert found.kinds.tolist() == [1] * 6
    assert found.phases == pytest.approx(np.arange(6) * np.pi / 3)
    assert np.abs(found.directions[:, 2]).max() < 1e-12
    assert found.target.tolist() == [0] * 6
    assert found.periods == pytest.approx([2 * np.pi], abs=1e-5)


def test_eigenvalues_below_minus_one_alternate_and_both_sides_agree():
    points = np.array([[0.0], [1 - 1 / 3.2]])
    found = connections(lambda x: 3.2 * x * (1 - x), points)
    flips = found.source == 1
    assert found.alternating.tolist() == flips.tolist()
    assert found.target[flips].tolist() == [0, 0]
    assert found.periods.tolist() == [2]
    leaving = dict(zip(found.signs[~flips].tolist(), found.outcomes[~flips].tolist(), strict=True))
    assert leaving == {1: Outcome.FOUND, -1: Outcome.ESCAPED}


def test_the_first_move_stays_linear_where_points_crowd():
    """Stable points at ±1e-3: the step away from the saddle must be far smaller than that."""
    gap = 1e-3
    found = connections(lambda x: x + 0.5 * x * (1 - (x / gap) ** 2), np.array([[-gap], [0.0], [gap]]))
    assert found.nonlinearity.max() <= 1e-3
    assert found.distances.max() <= 1e-2 * gap
    assert found.leads_to(1) == [0, 1]


def test_a_slow_saddle_is_left_in_time():
    rate = 5e-4
    found = connections(lambda x: x + rate * (x - x**3), np.array([[-1.0], [0.0], [1.0]]))
    assert found.leads_to(1) == [0, 1]
    assert found.ages.min() > 10_000


def test_only_points_under_the_input_take_part():
    def step(x, u):
        return torch.tanh(2 * x + u)

    starts = np.tile(np.linspace(-2, 2, 30), 2)[:, None]
    inputs = np.repeat([[0.0], [0.1]], 30, axis=0)
    points = find_fixed_points(step, starts, inputs)
    found = connections(step, points, np.array([0.1]))
    assert len(points) == 6
    assert (points.inputs[found.source] == 0.1).all()
    assert (points.inputs[found.points] == 0.1).all()
    assert (found.n_unstable == -1).sum() == 3


def test_stable_points_only_have_no_edges(tmp_path):
    found = connections(lambda x: 0.5 * x, np.zeros((1, 2)))
    assert len(found) == 0
    assert found.neighbours() == {}
    loaded = Connections.load(found.save(tmp_path / "c.h5"))
    assert loaded.summary() == "0 directions of 0 unstable points, 1 attractor"
    assert loaded.plot().get_title() == "1 attractor, 0 unstable points"


def test_save_and_load(tmp_path):
    found = connections(two_wells, GRID, dynamics="flow", n_samples=4)
    loaded = Connections.load(found.save(tmp_path / "c.h5"))
    assert loaded.summary() == found.summary()
    assert loaded.neighbours() == {(0, 1): [1], (0, 2): [3], (1, 3): [5], (2, 3): [7]}
    assert (found.kinds == 2).sum() == 4


REFUSALS = [
    ({"points": np.zeros((0, 2))}, "points: there are none"),
    ({"n_phases": 0}, "n_phases: expected an integer of at least 1"),
    ({"n_samples": -1}, "n_samples: expected an integer of at least 0"),
    ({"points": np.ones((1, 2))}, "points: row 0 is not at rest"),
    ({"inputs": np.ones((1, 2))}, r"expected one constant input of shape \(input,\)"),
]


@pytest.mark.parametrize(("changed", "words"), REFUSALS)
def test_refusals(changed, words):
    given = {"points": np.zeros((1, 2)), **changed}
    with pytest.raises(InputError, match=words):
        connections(lambda x: 2 * x, given.pop("points"), **given)


def test_a_row_that_does_not_exist_is_refused():
    found = connections(double_well, WELLS, dynamics="flow")
    with pytest.raises(InputError, match="point: expected a row from 0 to 2, found 7"):
        found.leads_to(7)
