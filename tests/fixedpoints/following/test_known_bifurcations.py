"""Bifurcations whose place and type are known in closed form."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from dynascope.fixedpoints.following.curve import point_at
from dynascope.fixedpoints.following.events import between, branches_through
from dynascope.fixedpoints.following.follow import bifurcation_diagram, continue_branch
from dynascope.fixedpoints.following.system import make_system
from dynascope.fixedpoints.problem import precision

LINE = np.linspace(-1, 1, 9)[:, None]
PLANE = np.ones((1, 2))
FOLD = 2 / (3 * np.sqrt(3))


def pair(first, second):
    return torch.stack([first, second], dim=1)


def hopf(x, p):
    square = (x**2).sum(1)
    return pair(p[:, 0] * x[:, 0] - x[:, 1] - x[:, 0] * square, x[:, 0] + p[:, 0] * x[:, 1] - x[:, 1] * square)


def brusselator(x, p, a=1.3):
    return pair(a - (p[:, 0] + 1) * x[:, 0] + x[:, 0] ** 2 * x[:, 1], p[:, 0] * x[:, 0] - x[:, 0] ** 2 * x[:, 1])


# name: step, starts, start value, bounds, dynamics, {type: parameter values}, tolerance
KNOWN = {
    "tanh": (lambda x, g: torch.tanh(g * x), LINE, 0.5, (0.5, 2), "map", {"pitchfork": [1]}, 1e-10),
    "tanh from above": (lambda x, g: torch.tanh(g * x), LINE, 2.0, (0.5, 2), "map", {"pitchfork": [1]}, 1e-10),
    "fold of a map": (lambda x, p: x + p - x**2, LINE, 0.5, (-0.5, 0.9), "map", {"fold": [0]}, 1e-10),
    "fold and flip": (lambda x, p: x + p - x**2, LINE, 0.5, (-0.5, 2), "map", {"fold": [0], "flip": [1]}, 1e-10),
    "cusp": (lambda x, p: p + x - x**3, LINE, 0.0, (-1, 1), "flow", {"fold": [-FOLD, FOLD]}, 1e-10),
    "cusp as a map": (
        lambda x, p: p + 2 * x - x**3, LINE, 0.0, (-1, 1), "map", {"fold": [-FOLD, FOLD], "flip": [0, 0]}, 1e-10,
    ),
    "subcritical": (lambda x, p: p * x + x**3, LINE, -0.5, (-1, 1), "flow", {"pitchfork": [0]}, 1e-10),
    "transcritical": (lambda x, p: p * x - x**2, LINE, -0.5, (-1, 1), "flow", {"transcritical": [0]}, 1e-10),
    "Hopf normal form": (hopf, PLANE, -0.5, (-1, 1.1), "flow", {"Hopf": [0]}, 1e-10),
    "Brusselator": (brusselator, PLANE, 1.0, (0.5, 4), "flow", {"Hopf": [1 + 1.3**2]}, 1e-10),
    "delayed logistic": (
        lambda x, r: pair(r[:, 0] * x[:, 0] * (1 - x[:, 1]), x[:, 0]), 0.4 * PLANE, 1.5, (0.5, 2.4), "map",
        {"transcritical": [1], "Neimark-Sacker": [2]}, 1e-10,
    ),
    "logistic": (
        lambda x, r: r * x * (1 - x), LINE, 2.5, (0.5, 3.6), "map", {"transcritical": [1], "flip": [3]}, 1e-10,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_place_and_type(name):
    step, starts, begin, bounds, dynamics, known, tolerance = KNOWN[name]
    found = bifurcation_diagram(step, starts, begin, bounds=bounds, dynamics=dynamics)
    assert sorted(set(found.special_types)) == sorted(known)
    for kind, places in known.items():
        np.testing.assert_allclose(found.of_type(kind), places, rtol=0, atol=tolerance)


def test_the_second_tangent_at_a_crossing():
    """r x (1 − x): at r = 1 the branches 0 and 1 − 1/r cross, whose slopes dx/dr are 0 and 1."""
    with precision(torch.float64), torch.enable_grad():
        system = make_system(
            lambda x, r: r * x * (1 - x), np.zeros(1), 0.99, dynamics="map", state_scale=1.0, parameter_scale=1.0
        )
        ahead = np.array([0.0, 1.0])
        before, after = (point_at(system, np.array([0.0, r]), ahead) for r in (0.99, 1.02))
        (special,) = between(system, before, after)
        kind, (tangent,) = branches_through(system, special)
    assert kind == "transcritical"
    np.testing.assert_allclose(special.point.z, [0, 1], atol=1e-12)
    np.testing.assert_allclose(tangent[0] / tangent[1], 1, atol=1e-6)


def test_known_arms_are_not_followed_again():
    found = bifurcation_diagram(lambda x, g: torch.tanh(g * x), LINE, 2.0, bounds=(0.5, 2))
    assert found.n_branches == 2


def test_the_whole_pitchfork_of_tanh():
    found = bifurcation_diagram(lambda x, g: torch.tanh(g * x), LINE, 0.5, bounds=(0.5, 2))
    root = brentq(lambda x: np.tanh(2 * x) - x, 0.1, 2, xtol=1e-15)
    ends = found.states[found.parameter == 2, 0]
    np.testing.assert_allclose(np.sort(ends), [-root, 0, root], atol=1e-14)
    assert found.stable[found.parameter == 2][np.argsort(ends)].tolist() == [True, False, True]
    np.testing.assert_allclose(found.states[:, 0], np.tanh(found.parameter * found.states[:, 0]), atol=1e-14)
    middle = (found.states[:, 0] == 0) & (np.abs(found.parameter - 1) > 1e-6)
    assert (found.stable[middle] == (found.parameter[middle] < 1)).all()
    assert found.n_branches == 2


def test_period_doubling_of_the_logistic_map():
    step = lambda x, r: r * x * (1 - x)  # noqa: E731
    found = bifurcation_diagram(step, LINE, 2.5, bounds=(0.5, 3.56), doublings=2)
    # 1 + √6, and the third of the cascade to the digits that the literature gives.
    np.testing.assert_allclose(found.of_type("flip")[:2], [3, 1 + np.sqrt(6)], rtol=0, atol=1e-9)
    assert found.of_type("flip")[2] == pytest.approx(3.5440903596, abs=1e-9)
    assert found.special_period[found.special_types == "flip"].tolist() == [1, 2, 4]
    r, x = found.parameter, found.states[:, 0]
    image, doubled = r * x * (1 - x), found.period == 2
    np.testing.assert_allclose((r * image * (1 - image))[doubled], x[doubled], atol=1e-12)
    assert len(np.unique(found.states[(found.period == 4) & (r == 3.56), 0].round(9))) == 4


def test_two_unit_network_by_hand():
    """x' = tanh(W x + p): W = [[0, w], [w, 0]], on the diagonal x = tanh(w x + p) folds where 1 = w (1 − x²)."""
    w = 1.8
    weight = torch.tensor([[0.0, w], [w, 0.0]])
    found = continue_branch(
        lambda x, p: torch.tanh(x @ weight.to(x).T + p), np.array([-0.9, -0.9]), -1.0, bounds=(-1.0, 1.0)
    )
    x = np.sqrt(1 - 1 / w)
    place = np.arctanh(x) - w * x
    np.testing.assert_allclose(found.of_type("fold"), [place, -place], atol=1e-7)
    assert found.stable[[0, -1]].all()
    # λ = −w (1 − x²) across the diagonal is −1 at the same points: both eigenvalues cross at once.
    np.testing.assert_allclose(np.abs(found.states[:, 0] - found.states[:, 1]).max(), 0, atol=1e-12)


@pytest.mark.parametrize(("n_states", "begin", "max_step"), [(2, 0.9, 0.08), (2, 1.2, 0.02), (3, 0.9, 0.08)])
def test_several_variables_bifurcate_at_once(n_states, begin, max_step):
    """N independent pitchforks at g = 1: 3^N points above, each on a branch of its own that begins there."""
    starts = np.random.default_rng(0).uniform(-1, 1, (100, n_states))
    found = bifurcation_diagram(lambda x, g: torch.tanh(g * x), starts, begin, bounds=(0.9, 1.2), max_step=max_step)
    assert found.special_types.tolist() == ["branch point"]
    assert found.special_parameter[0] == pytest.approx(1, abs=1e-9)
    assert np.count_nonzero(found.parameter == 1.2) == 3**n_states
    met = [end for ends in found.ends for end in ends if "several variables" in end]
    assert len(met) >= 3**n_states - 1
    above = found.parameter > 1.01
    arms = [found.states[above & (found.branch == number)] for number in range(found.n_branches)]
    assert all(len(np.unique(np.sign(arm.round(9)), axis=0)) <= 1 for arm in arms)


@pytest.mark.parametrize(("epsilon", "max_step"), [(1e-5, 0.02), (1e-6, 0.1)])
def test_an_imperfect_pitchfork_is_not_jumped_over(epsilon, max_step):
    """ẋ = ε + p x − x³: one branch at x > 0 without events, and one at x < 0 with a fold at p = 3 (ε/2)^(2/3)."""
    found = bifurcation_diagram(
        lambda x, p: epsilon + p * x - x**3, LINE, 0.7, bounds=(-0.5, 1), dynamics="flow", max_step=max_step
    )
    assert found.special_types.tolist() == ["fold"]
    assert found.special_parameter[0] == pytest.approx(3 * (epsilon / 2) ** (2 / 3), abs=1e-11)
    signs = [set(np.sign(found.states[found.branch == number, 0])) for number in range(found.n_branches)]
    assert sorted(signs, key=min) == [{-1.0}, {1.0}]


def test_a_closed_branch_is_followed_once_round():
    found = continue_branch(lambda x, p: x**2 + p**2 - 1, np.array([1.0]), 0.0, bounds=(-2, 2), dynamics="flow")
    assert found.ends == [["closed on itself"] * 2]
    np.testing.assert_allclose(found.of_type("fold"), [-1, 1], atol=1e-10)
    np.testing.assert_allclose(found.states[:, 0] ** 2 + found.parameter**2, 1, atol=1e-12)


def test_a_line_of_fixed_points_ends_the_branch():
    found = bifurcation_diagram(lambda x, p: p * x, LINE, 0.7, bounds=(0.5, 1.2))
    assert found.special_parameter == pytest.approx([1.0], abs=1e-12)
    assert "a line of fixed points at one value of the parameter" in found.ends[1]
    assert len(found) < 300


def test_large_network():
    """Random x' = tanh(p W x): the origin loses stability where p times the leading real eigenvalue is 1."""
    rng = np.random.default_rng(0)
    size = 64
    weight = rng.standard_normal((size, size)) / np.sqrt(size) * 0.5 + 3 / size
    leading = np.linalg.eigvals(weight).real.max()
    w = torch.tensor(weight)
    found = bifurcation_diagram(
        lambda x, p: torch.tanh(p * (x @ w.T)), rng.uniform(-0.1, 0.1, (2, size)), 0.1, bounds=(0.1, 0.5), max_step=0.05
    )
    assert found.of_type("pitchfork") == pytest.approx([1 / leading], abs=1e-10)
    assert found.n_branches == 2
