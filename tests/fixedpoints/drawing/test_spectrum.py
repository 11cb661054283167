"""The eigenvalue plane: what is drawn where, in which colour."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Circle

from dynascope import plotting
from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.drawing.spectrum import spectrum_plot
from dynascope.fixedpoints.linear.linearize import linearize


@pytest.fixture
def grid():
    return find_fixed_points(lambda x: torch.tanh(2 * x), np.random.default_rng(0).uniform(-2, 2, (200, 2)))


def groups(ax):
    return {group.get_label().split(" ")[0]: group for group in ax.collections}


def test_every_eigenvalue_is_drawn_with_the_mark_of_its_point(grid):
    drawn = groups(spectrum_plot(grid))
    assert {name: len(group.get_offsets()) for name, group in drawn.items()} == {
        "stable": 8,
        "saddle": 8,
        "repeller": 2,
    }
    stable = grid.eigenvalues[grid.stable].ravel()
    np.testing.assert_allclose(np.asarray(drawn["stable"].get_offsets()), np.c_[stable.real, stable.imag])
    assert to_hex(drawn["stable"].get_facecolor()[0]).lower() == plotting.STABLE.lower()
    for name in ("saddle", "repeller"):
        assert len(drawn[name].get_facecolor()) == 0
        assert to_hex(drawn[name].get_edgecolor()[0]).lower() == plotting.UNSTABLE.lower()


def test_a_map_has_its_unit_circle_and_equal_scales(grid):
    ax = spectrum_plot(grid)
    (circle,) = (patch for patch in ax.patches if isinstance(patch, Circle))
    assert circle.get_radius() == 1
    assert tuple(circle.center) == (0, 0)
    assert ax.get_aspect() == 1
    assert ax.get_xlim()[0] < -1
    assert ax.get_xlim()[1] > 2
    assert ax.get_title() == "eigenvalues of 9 fixed points"


def test_a_flow_has_the_imaginary_axis():
    matrix = torch.tensor([[-0.1, -3.0, 0], [3.0, -0.1, 0], [0, 0, -40.0]])
    points = find_fixed_points(lambda x: x @ matrix.T.to(x), np.ones((1, 3)), dynamics="flow")
    ax = spectrum_plot(points)
    assert ax.lines[0].get_xdata() == [0, 0]
    assert not any(isinstance(patch, Circle) for patch in ax.patches)
    (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert low < -40
    assert high > 0
    # Not a thin strip although the spectrum is one.
    assert top - bottom == pytest.approx((high - low) / 2)
    assert "per unit of time" in ax.get_xlabel()


def test_a_linearization_draws_the_same_on_given_axes(grid):
    ax = plotting.figure().axes[0]
    assert linearize(grid).plot(ax) is ax
    assert groups(ax).keys() == groups(spectrum_plot(grid)).keys()


def test_marginal_points_and_none(tmp_path):
    line = find_fixed_points(lambda x: x * torch.tensor([1.0, 0.5]).to(x), np.ones((1, 2)))
    assert to_hex(groups(spectrum_plot(line))["marginal"].get_facecolor()[0]).lower() == plotting.GREY.lower()
    nothing = spectrum_plot(find_fixed_points(lambda x: x + 1, np.ones((1, 3))))
    assert nothing.get_title() == "eigenvalues of 0 fixed points"
    assert plotting.save(nothing, tmp_path / "none.png").stat().st_size > 0
