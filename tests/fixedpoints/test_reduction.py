"""Reductions: the exact one against the full network, the projected flow against flows that are known."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import Plane, find_fixed_points
from dynascope.fixedpoints.drawing.nullclines import nullclines
from dynascope.fixedpoints.low_rank import low_rank_map
from dynascope.fixedpoints.reduction import ProjectedFlow, projected_flow


@pytest.fixture
def network():
    """Rank 2, one input, a bias: four reduced coordinates."""
    draw = np.random.default_rng(0)
    left = draw.normal(size=(40, 2))
    right = 3 * left + 0.5 * draw.normal(size=(40, 2))
    weight, bias = draw.normal(size=(40, 1)), 0.3 * draw.normal(size=40)
    return low_rank_map(left, right, input_weight=weight, bias=bias, alpha=0.2, scale=1 / 40)


def test_reduced_step_is_the_full_step(network):
    z = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    u = torch.linspace(-1, 1, 7, dtype=torch.float64)[:, None]
    assert network.names == ("kappa_1", "kappa_2", "v_1", "beta")
    assert network.lift(network.step(z, u)).numpy() == pytest.approx(network.full_step(network.lift(z), u).numpy())
    assert network.project(network.lift(z)).numpy() == pytest.approx(z.numpy())


def test_full_step_is_the_formula():
    draw = np.random.default_rng(1)
    left, right, weight, bias, x, u = (draw.normal(size=s) for s in ((9, 2), (9, 2), (9, 3), 9, (4, 9), (4, 3)))
    made = low_rank_map(left, right, input_weight=weight, bias=bias, alpha=0.3, scale=0.7, nonlinearity=torch.relu)
    expected = 0.7 * x + 0.3 * (0.7 * np.maximum(x, 0) @ right @ left.T + u @ weight.T + bias)
    assert made.full_step(torch.as_tensor(x), torch.as_tensor(u)).numpy() == pytest.approx(expected)


def test_reduced_and_full_points_agree(network, same_set):
    starts, u = np.random.default_rng(2).normal(size=(200, 4)) * 2, np.array([0.2])
    reduced = find_fixed_points(network.step, starts, u)
    full = find_fixed_points(network.full_step, starts @ network.basis.numpy().T, u)
    assert len(full) == 5
    same_set(network.lift(torch.as_tensor(reduced.states)).numpy(), full.states, 1e-8)
    assert sorted(reduced.n_unstable) == sorted(full.n_unstable)


def test_nullclines_of_the_reduced_map_cross_at_its_points():
    """κ' = g tanh κ for two bits: the nullclines are the lines κ = 0, ±root, and cross at nine points."""
    blocks = np.repeat(np.eye(2), 10, axis=0)
    made = low_rank_map(blocks, blocks, scale=2 / 10)
    grid = np.linspace(-3, 3, 20)
    curves = nullclines(made.step, Plane.coordinates_of(2, made.names), grid, grid)
    points = find_fixed_points(made.step, np.random.default_rng(0).uniform(-3, 3, (100, 2)))
    root = points.states.max()
    for component in (0, 1):
        assert sorted(float(c[0, component]) for c in curves[component]) == pytest.approx([-root, 0, root], abs=1e-9)
        assert all(np.ptp(curve[:, component]) < 1e-9 for curve in curves[component])
    assert len(points) == 9


PAIRS = [
    ({"right": np.ones((3, 1))}, r"right: expected real numbers of shape \(4, …\), found \(3, 1\)"),
    ({"right": np.ones((4, 2))}, r"right: expected the shape of left, \(4, 1\), found \(4, 2\)"),
    ({"left": np.full((4, 1), np.nan)}, "left: expected finite numbers"),
    ({"input_weight": np.ones(4)}, "input_weight: expected real numbers"),
    ({"bias": np.ones(3)}, "bias: expected real numbers of shape"),
    ({"alpha": 0.0}, "alpha: expected a number above 0 and up to 1, found 0.0"),
    ({"scale": np.inf}, "scale: expected a finite number"),
]


@pytest.mark.parametrize(("changed", "words"), PAIRS)
def test_low_rank_refusals(changed, words):
    given = {"left": np.ones((4, 1)), "right": np.ones((4, 1)), **changed}
    with pytest.raises(InputError, match=words):
        low_rank_map(given.pop("left"), given.pop("right"), **given)


def test_missing_and_superfluous_inputs_are_refused(network):
    with pytest.raises(InputError, match="inputs: expected 1 input channel, found none"):
        network.step(torch.zeros((1, 4), dtype=torch.float64))
    with pytest.raises(InputError, match="none: the network has no input weight, found some"):
        low_rank_map(np.ones((4, 1)), np.ones((4, 1))).step(torch.zeros((1, 1)), torch.zeros((1, 1)))


ROTATION = np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
CENTRE = np.array([7.0, -3, 2, 5, 1])


def planar_states(shape=(6, 30)):
    """States in the plane of two rotated axes through CENTRE, the first of the larger spread."""
    draw = np.random.default_rng(4)
    return CENTRE + (draw.normal(size=(*shape, 2)) * [3, 1]) @ ROTATION[:2]


def contraction(x):
    """Towards a point that is not the mean: subtracting the mean from velocities would move it."""
    target = torch.as_tensor(CENTRE + 2 * ROTATION[0])
    return x + 0.5 * (target - x)


def test_velocities_are_projected_without_the_mean():
    flow = projected_flow(contraction, planar_states())
    plane = flow.plane()
    rest = plane.project(CENTRE + 2 * ROTATION[0])
    grid = np.stack(np.meshgrid(flow.x, flow.y), axis=-1)
    assert flow.velocity == pytest.approx(0.5 * (rest - grid), abs=1e-9)
    assert flow.leaving.max() < 1e-9
    assert flow.leaving_recorded < 1e-12
    assert flow.variance.sum() == pytest.approx(1)


def test_share_that_leaves_the_plane():
    """Half of each squared velocity along an axis outside the plane."""

    def step(x):
        inside = x - torch.as_tensor(CENTRE)
        return x + inside + inside.norm(dim=1, keepdim=True) * torch.as_tensor(ROTATION[3])

    flow = projected_flow(step, planar_states() - (planar_states().mean((0, 1)) - CENTRE))
    assert flow.leaving == pytest.approx(np.full((25, 25), 0.5), abs=1e-6)
    assert flow.leaving_recorded == pytest.approx(0.5, abs=1e-9)
    assert "50.0% of the recorded states' squared velocity leaves the plane" in flow.summary()


def test_recorded_differences_are_averaged_in_bins():
    states = [planar_states((400,))]
    for _ in range(5):
        states.append(contraction(torch.as_tensor(states[-1])).numpy())
    recorded = np.stack(states, axis=1)
    recorded[0, 3:] = np.nan
    flow = projected_flow(None, recorded, method="recorded", resolution=12)
    rest = flow.plane().project(CENTRE + 2 * ROTATION[0])
    grid = np.stack(np.meshgrid(flow.x, flow.y), axis=-1)
    cell = [np.diff(flow.x)[0], np.diff(flow.y)[0]]
    off = np.abs(flow.velocity - 0.5 * (rest - grid))
    assert np.nanmax(off / cell) <= 0.25 + 1e-9  # a state is at most half a cell from its bin's centre
    # A bin may hold final states only, which have no difference, but no bin has a difference without a state.
    assert np.isnan(flow.velocity[flow.counts == 0]).all()
    assert np.isfinite(flow.velocity[..., 0]).sum() > 20
    assert flow.counts.sum() == 400 * 6 - 3


def test_lifted_flow_with_inputs_of_a_flow():
    flow = projected_flow(lambda x, u: u - x, planar_states(), CENTRE, dynamics="flow")
    grid = np.stack(np.meshgrid(flow.x, flow.y), axis=-1)
    assert flow.velocity == pytest.approx(flow.plane().project(CENTRE) - grid, abs=1e-9)


def test_save_load_plot(tmp_path):
    flow = projected_flow(contraction, planar_states(), components=(1, 0))
    loaded = ProjectedFlow.load(flow.save(tmp_path / "p.h5"))
    assert loaded.summary() == flow.summary()
    assert flow.variance[0] < flow.variance[1]
    assert loaded.plot().get_xlabel().startswith("principal component 2 (")


REFUSALS = [
    ({"states": np.ones((5, 1))}, "at least 2 variables"),
    ({"states": np.ones((5, 2), dtype=int)}, "expected floating-point states"),
    ({"states": np.full((5, 2), np.nan)}, "at least 2 samples without NaN"),
    ({"method": "lift"}, "unknown method 'lift': did you mean 'lifted'"),
    ({"method": "recorded", "states": np.ones((5, 2))}, r"needs \(trial, time, state\)"),
    ({"dynamics": "ode"}, "unknown dynamics"),
    ({"resolution": 1}, "resolution: expected an integer of at least 2"),
    ({"components": (0, 0)}, "components: expected two different ones of 5"),
    ({"components": (0, 5)}, "components: expected two different ones of 5"),
    ({"margin": -1.0}, "margin: expected a number ≥ 0"),
    ({"step": None}, "step: method='lifted' evaluates the network"),
    ({"inputs": np.ones(2)}, "called as step"),
]


@pytest.mark.parametrize(("changed", "words"), REFUSALS)
def test_projected_flow_refusals(changed, words):
    given = {"step": contraction, "states": planar_states(), **changed}
    with pytest.raises(InputError, match=words):
        projected_flow(given.pop("step"), given.pop("states"), given.pop("inputs", None), **given)
