"""Properties of branches whatever the system, and what is refused."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints.following.follow import bifurcation_diagram, continue_branch
from dynascope.fixedpoints.following.record import BifurcationDiagram


def logistic(x, r):
    return r * x * (1 - x)


def cusp(x, p):
    return p + 2 * x - x**3


def test_both_directions_make_one_ordered_branch():
    found = continue_branch(cusp, np.array([0.1]), 0.0, bounds=(-1, 1))
    assert found.parameter[[0, -1]].tolist() == [-1, 1]
    assert (np.diff(found.arclength) > 0).all()
    assert (np.diff(found.states[:, 0]) > 0).all()
    assert found.ends == [["reached the lower bound", "reached the upper bound"]]
    np.testing.assert_allclose(found.eigenvalues[:, 0], 2 - 3 * found.states[:, 0] ** 2, atol=1e-12)


def test_every_start_on_the_branch_gives_the_same_branch_once():
    """Three fixed points at p = 0 lie on one S-shaped branch."""
    found = bifurcation_diagram(cusp, np.linspace(-1.5, 1.5, 9)[:, None], 0.0, bounds=(-1, 1))
    assert found.n_branches == 1
    one = continue_branch(cusp, np.array([1.0]), 0.0, bounds=(-1, 1))
    np.testing.assert_allclose(one.special_parameter, found.special_parameter, atol=1e-12)


def test_units_of_states_and_parameter_do_not_matter():
    scaled = continue_branch(
        lambda x, p: 1e-3 * cusp(1e3 * x, p * 1e-4), np.array([1e-3]), 0.0, bounds=(-1e4, 1e4), state_scale=1e-3
    )
    plain = continue_branch(cusp, np.array([1.0]), 0.0, bounds=(-1, 1))
    np.testing.assert_allclose(scaled.special_parameter, 1e4 * plain.special_parameter, rtol=0, atol=1e-7)
    assert len(scaled) == pytest.approx(len(plain), abs=5)


def test_without_switching_only_the_found_branches():
    starts = np.zeros((1, 1))
    found = bifurcation_diagram(lambda x, g: torch.tanh(g * x), starts, 0.5, bounds=(0.5, 2), switch=False)
    assert found.n_branches == 1
    assert found.of_type("pitchfork") == pytest.approx([1.0], abs=1e-10)


def test_disconnected_branches_need_a_value_where_they_exist():
    isola = lambda x, p: (x**2 + p**2 - 0.25) * (x - 2)  # noqa: E731
    starts = np.linspace(-1, 3, 17)[:, None]
    lonely = bifurcation_diagram(isola, starts, -0.9, bounds=(-1, 1), dynamics="flow")
    both = bifurcation_diagram(isola, starts, [-0.9, 0.0], bounds=(-1, 1), dynamics="flow")
    assert (lonely.n_branches, both.n_branches) == (1, 2)
    np.testing.assert_allclose(both.of_type("fold"), [-0.5, 0.5], atol=1e-10)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_points": 3}, "the maximal number of points is reached"),
        ({"state_bound": 1.05}, "the state left its bound"),
    ],
)
def test_a_walk_says_why_it_ends(options, reason):
    found = continue_branch(cusp, np.array([1.0]), 0.0, bounds=(-1, 1), **options)
    assert found.ends[0][1] == reason


def test_the_end_of_the_domain_is_a_reason_and_no_error():
    found = continue_branch(lambda x, p: torch.sqrt(p) - 0 * x, np.array([1.0]), 1.0, bounds=(-1, 2))
    assert "corrector failed" in found.ends[0][0]
    assert found.parameter.min() < 1e-3


def test_no_fixed_point_is_a_note_and_no_error():
    found = continue_branch(lambda x, p: x + p, np.array([1.0]), 0.5, bounds=(0.1, 1))
    assert len(found) == found.n_branches == 0
    assert "no fixed point was found from the starts at p = 0.5" in found.summary()


def test_a_kink_is_a_corner():
    """ẋ = p − |x| folds at 0 without a derivative there."""
    found = continue_branch(lambda x, p: p - x.abs(), np.array([0.7]), 0.7, bounds=(-0.5, 1.2), dynamics="flow")
    assert found.special_types.tolist() == ["corner"]
    assert found.special_parameter[0] == pytest.approx(0, abs=1e-4)
    assert found.parameter[[0, -1]].tolist() == [1.2, 1.2]


def test_inputs_stay_as_they_are_and_switched_off_gradients_do_no_harm():
    starts = np.linspace(-1, 1, 5)[:, None]
    before = starts.copy()
    with torch.no_grad():
        found = bifurcation_diagram(logistic, starts, 2.5, bounds=(2, 3.2))
    assert (starts == before).all()
    assert found.of_type("flip") == pytest.approx([3.0])


def test_saved_and_loaded(tmp_path):
    found = bifurcation_diagram(logistic, np.full((1, 1), 0.5), 2.5, bounds=(2, 3.2), doublings=1)
    again = BifurcationDiagram.load(found.save(tmp_path / "diagram.h5"))
    assert (again.states == found.states).all()
    assert again.special_types.tolist() == found.special_types.tolist()
    assert again.summary() == found.summary()
    assert "flip at p = 3 (branch 0)" in again.summary()


ROW = np.array([0.5])
REFUSED = {
    "no parameter": (lambda x, p: torch.tanh(x), ROW, 0.5, {}, "ignores its input"),
    "hidden derivative": (lambda x, p: p * x.detach(), ROW, 0.5, {}, "derivative"),
    "shape of the state": (logistic, ROW[None], 0.5, {}, "state: expected shape (state,)"),
    "integers": (logistic, np.array([1]), 0.5, {}, "floating-point"),
    "complex": (logistic, np.array([1j]), 0.5, {}, "floating-point"),
    "NaN": (logistic, np.array([np.nan]), 0.5, {}, "with NaN"),
    "outside": (logistic, ROW, 2.0, {}, "parameter: expected a number within the bounds 0 to 1, found 2.0"),
    "bounds": (logistic, ROW, 0.5, {"bounds": (1, 0)}, "bounds: expected two finite numbers"),
    "bounds of one": (logistic, ROW, 0.5, {"bounds": 3}, "bounds: expected two finite numbers"),
    "dynamics": (logistic, ROW, 0.5, {"dynamics": "flows"}, "did you mean 'flow'"),
    "step": (logistic, ROW, 0.5, {"max_step": 0}, "max_step: expected a share"),
    "points": (logistic, ROW, 0.5, {"max_points": 0}, "max_points: expected an integer of at least 1, found 0"),
    "scale": (logistic, ROW, 0.5, {"state_scale": -1.0}, "state_scale: expected a number > 0"),
    "new shape": (lambda x, p: torch.cat([x, p], 1), ROW, 0.5, {}, "shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    step, state, parameter, options, words = REFUSED[name]
    with pytest.raises(InputError) as error:
        continue_branch(step, state, parameter, **{"bounds": (0, 1), **options})
    assert words in str(error.value)


def test_refused_options_of_a_diagram():
    with pytest.raises(InputError, match="only maps have flips"):
        bifurcation_diagram(cusp, ROW[None], 0.0, bounds=(-1, 1), dynamics="flow", doublings=1)
    with pytest.raises(InputError, match=r"write x\[None\]"):
        bifurcation_diagram(cusp, ROW, 0.0, bounds=(-1, 1))
    with pytest.raises(InputError, match="did you mean 'fold'"):
        continue_branch(cusp, np.array([1.0]), 0.0, bounds=(0.0, 1)).of_type("folds")
