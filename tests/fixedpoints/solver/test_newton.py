"""The solver against plain Newton, its outcomes far from the starts, and the memory that it takes."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.jacobian import make_jacobian
from dynascope.fixedpoints.problem import make_problem
from dynascope.fixedpoints.solver.iterates import Iterates


def _plain_newton(problem):
    """One factorisation per start and step, halved while |G| does not fall: the distinct states reached."""
    jacobian, states = make_jacobian(problem), problem.starts.clone()
    for _ in range(60):
        value = problem.residual(states, None)
        derivative = problem.residual_jacobian(jacobian(states, None))
        direction = -torch.linalg.solve_ex(derivative, value[..., None])[0][..., 0]
        size = torch.ones(len(states), 1, dtype=states.dtype)
        for _ in range(12):
            worse = problem.residual(states + size * direction, None).norm(dim=1) > value.norm(dim=1)
            size[worse] /= 2
        states = states + size * direction
    reached = 0.5 * problem.residual(states, None).square().sum(1) <= 1e-25
    distinct = []
    for state in states[reached].numpy():
        if all(np.linalg.norm(state - other) > 1e-6 for other in distinct):
            distinct.append(state)
    return np.array(distinct)


def _random_network(n_units, gain, seed):
    weight = torch.tensor(gain * np.random.default_rng(seed).standard_normal((n_units, n_units)) / n_units**0.5)
    return lambda x: torch.tanh(x @ weight.T)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n_units", "gain"), [(4, 4.0), (8, 3.0)])
def test_the_set_of_plain_newton(n_units, gain, seed, box, same_set):
    step, starts = _random_network(n_units, gain, seed), box(500, n_units, 1.0)
    same_set(find_fixed_points(step, starts).states, _plain_newton(make_problem(step, starts, None)), 1e-9)


@pytest.mark.parametrize("n_units", [30, 60])
def test_the_27_points_of_plain_newton(n_units, flipflop_class, same_set):
    network = flipflop_class(n_units, dtype=torch.float64)
    rng = np.random.default_rng(n_units)
    starts = rng.uniform(-2.5, 2.5, (500, 3)) @ network.directions.T + 0.1 * rng.standard_normal((500, n_units))
    found = find_fixed_points(network, starts)
    same_set(found.states, network.known(), 1e-9)
    same_set(found.states, _plain_newton(make_problem(network, starts, None)), 1e-9)
    assert np.bincount(found.n_unstable).tolist() == [8, 12, 6, 1]
    assert found.certified.all()


def test_a_flat_region_far_out_is_doubted_and_a_zero_there_is_not():
    # Beyond |x| = 8 the map x(1 − exp(−x²)) + … is the identity to round-off of q; the second map has a zero there.
    flat = lambda x: x - x * torch.exp(-(x**2))  # noqa: E731
    real = lambda x: x - torch.tanh(x - 9) * torch.exp(-(x**2) / 100)  # noqa: E731
    doubted = []
    for step in (flat, real):
        problem = make_problem(step, np.array([[0.5], [-1.0]]), None)
        iterates = Iterates(problem, make_jacobian(problem), tolerance=1e-25, reach=1.0, memory=2**20)
        iterates.states[:] = 9.0
        iterates.residuals = problem.residual(iterates.states, None)
        iterates.speeds[:] = 1e-26
        doubted.append(iterates._doubtful(torch.arange(2)).tolist())
    assert doubted == [[0, 1], []]


_SEARCH = """
import resource, numpy as np, torch
from dynascope.fixedpoints.jacobian import make_jacobian
from dynascope.fixedpoints.problem import make_problem, precision
from dynascope.fixedpoints.solver.newton import solve
rng = np.random.default_rng(0)
basis = np.linalg.qr(rng.standard_normal((256, 3)))[0]
weight = torch.tensor(2 * basis @ basis.T)
starts = 10 * rng.standard_normal((192, 3)) @ basis.T + 0.1 * rng.standard_normal((192, 256))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with precision(torch.float64):
    problem = make_problem(lambda x: torch.tanh(x) @ weight.T, starts, None)
    jacobian = make_jacobian(problem)
    solve(make_problem(problem.step, starts[:8], None), jacobian, tolerance=1e-25, max_iterations=99, memory=2**24)
    before = peak()
    end = solve(problem, jacobian, tolerance=1e-25, max_iterations=99, memory=2**24)
print((peak() - before) / 1024, int((end.outcomes == 0).sum()))
"""


def test_the_memory_bound_holds():
    # 192 Jacobians of 256 × 256 are 96 MiB, with factors and temporaries several times that.
    done = subprocess.run([sys.executable, "-c", _SEARCH], check=True, capture_output=True, text=True)
    mebibytes, n_converged = done.stdout.split()
    assert int(n_converged) > 180
    assert float(mebibytes) < 60
