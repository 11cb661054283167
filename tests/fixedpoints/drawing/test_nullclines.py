"""Nullclines against curves in closed form."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import Plane, find_fixed_points
from dynascope.fixedpoints.drawing.nullclines import nullclines

PLANE = Plane.coordinates_of(2, ["v", "w"])
GRID = np.linspace(-2.5, 2.5, 40)


def fitzhugh(x):
    """Nullclines w = v − v³/3 + 0.5 and w = (v + 0.7)/0.8."""
    v, w = x[:, 0], x[:, 1]
    return torch.stack([v - v**3 / 3 - w + 0.5, 0.08 * (v + 0.7 - 0.8 * w)], dim=1)


def test_vertices_lie_on_the_curves_to_rounding():
    first, second = nullclines(fitzhugh, PLANE, GRID, GRID, dynamics="flow")
    v, w = np.concatenate(first).T
    assert w == pytest.approx(v - v**3 / 3 + 0.5, abs=1e-9)
    v, w = np.concatenate(second).T
    assert w == pytest.approx((v + 0.7) / 0.8, abs=1e-9)
    assert np.ptp(np.concatenate(first)[:, 0]) > 4


def test_they_cross_at_the_fixed_point():
    first, second = nullclines(fitzhugh, PLANE, GRID, GRID, dynamics="flow")
    point = find_fixed_points(fitzhugh, np.array([[0.0, 0.5]]), dynamics="flow").states[0]
    cell = GRID[1] - GRID[0]
    for curves in (first, second):
        assert np.linalg.norm(np.concatenate(curves) - point, axis=1).min() < cell


def test_a_map_and_its_displacement():
    first, _ = nullclines(lambda x: torch.stack([x[:, 1] ** 2, x[:, 1] + 1], dim=1), PLANE, GRID, GRID)
    v, w = np.concatenate(first).T
    assert v == pytest.approx(w**2, abs=1e-9)


def test_none_where_a_component_keeps_its_sign():
    first, second = nullclines(
        lambda x: torch.stack([1 + x[:, 0] ** 2, x[:, 1]], 1), PLANE, GRID, GRID, dynamics="flow"
    )
    assert first == []
    assert np.abs(np.concatenate(second)[:, 1]).max() < 1e-12


def test_inputs_shift_them():
    first, _ = nullclines(lambda x, u: u - x, PLANE, GRID, GRID, np.array([0.3, 0.0]), dynamics="flow")
    assert np.concatenate(first)[:, 0] == pytest.approx(0.3)


@pytest.mark.parametrize("bad", [np.zeros(3), np.ones((2, 2)), np.array([1.0]), np.array([1.0, 0.0])])
def test_grids_that_are_none_are_refused(bad):
    with pytest.raises(InputError, match="x: expected at least 2 ascending numbers"):
        nullclines(fitzhugh, PLANE, bad, GRID, dynamics="flow")
