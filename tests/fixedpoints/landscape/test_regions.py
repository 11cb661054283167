"""Regions of capture: no orbit that enters one may leave it."""

import numpy as np
import pytest
import torch

from dynascope.fixedpoints.landscape.regions import make_regions
from dynascope.fixedpoints.landscape.scene import make_scene
from dynascope.fixedpoints.problem import make_problem


def _scene(step, points, dynamics):
    return make_scene(make_problem(step, np.asarray(points) + 0.1, None, dynamics=dynamics), points)


def sheared(x):
    """Strongly non-normal: the linear part first grows 20-fold before it decays."""
    return torch.stack([0.9 * x[:, 0] + 4 * torch.tanh(x[:, 1]) + x[:, 0] ** 2, 0.8 * x[:, 1]], dim=1)


def test_no_orbit_leaves_the_region_of_a_nonnormal_map():
    scene = _scene(sheared, np.zeros((1, 2)), "map")
    regions = make_regions(scene)
    radius = float(regions.radii[0])
    assert radius > 0
    drawn = np.random.default_rng(0).standard_normal((500, 2))
    on_shell = torch.linalg.solve_triangular(
        regions.factors[0],
        torch.as_tensor(radius * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).mT,
        upper=True,
    ).mT
    heights = [regions.heights(0, on_shell)]
    for _ in range(30):
        on_shell = sheared(on_shell)
        heights.append(regions.heights(0, on_shell))
    assert float(heights[0].max()) == pytest.approx(radius)
    assert bool((torch.stack(heights).diff(dim=0) < 0).all())


def test_regions_end_before_the_border_of_the_basin():
    for step, dynamics in (
        (lambda x: torch.tanh(2 * x), "map"),
        (lambda x: x - x**3, "flow"),
    ):
        root = 0.9575040240772687 if dynamics == "map" else 1.0
        regions = make_regions(_scene(step, np.array([[root], [0.0], [-root]]), dynamics))
        reach = regions.radii / regions.factors[:, 0, 0]
        assert regions.points.tolist() == [0, 2]
        assert bool((reach > 0.05 * root).all())
        assert bool((reach < root).all())


def test_regions_end_before_a_border_that_nobody_named():
    """Only one stable point is given, beside starts three times as far out: the sample must find the border at 0."""
    problem = make_problem(lambda x: torch.tanh(2 * x), np.array([[-3.0], [3.0]]), None)
    regions = make_regions(make_scene(problem, np.array([[0.9575]])))
    reach = float(regions.radii[0] / regions.factors[0, 0, 0])
    assert 0.1 < reach < 0.9575


def test_lengths_are_never_shrunk_by_the_factor():
    regions = make_regions(_scene(sheared, np.zeros((1, 2)), "map"))
    assert float(torch.linalg.svdvals(regions.factors[0]).min()) >= 1 - 1e-12
