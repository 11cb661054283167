"""Pictures of basins and of the graph of attractors: colours that mean the same in both."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.fixedpoints import Plane, find_fixed_points
from dynascope.fixedpoints.drawing.basins import NOWHERE, basin_portrait
from dynascope.fixedpoints.drawing.marks import attractor_colours
from dynascope.fixedpoints.landscape.basins import basins
from dynascope.fixedpoints.landscape.connections import connections

PLANE = Plane.coordinates_of(2, ["x", "y"])


def step(x):
    return torch.tanh(2 * x)


@pytest.fixture
def points(box):
    return find_fixed_points(step, box(100, 2))


def test_cells_have_the_colour_of_the_quadrant_that_they_lead_to(points):
    ax, found = basin_portrait(step, PLANE, points, resolution=10)
    pixels = np.asarray(ax.images[0].get_array())
    colours = np.array([to_rgb(colour) for colour in attractor_colours(4)])
    corners = {(-1, -1): (0, 0), (1, -1): (0, 9), (-1, 1): (9, 0), (1, 1): (9, 9)}
    for signs, (row, column) in corners.items():
        number = next(n for n, state in enumerate(found.attractors) if tuple(np.sign(state)) == signs)
        assert pixels[row, column] == pytest.approx(1 - 0.55 * (1 - colours[number]))
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2", "3"]
    assert ax.get_xlim()[0] < -1.2


def test_what_leads_nowhere_is_grey_and_new_attractors_are_stars():
    """x' = 3.2 x (1 − x): a 2-cycle inside, escape outside."""

    def logistic(x):
        return torch.stack([3.2 * x[:, 0] * (1 - x[:, 0]), 0.5 * x[:, 1]], dim=1)

    points = find_fixed_points(logistic, np.array([[0.1, 0.1], [0.7, 0.1]]))
    ax, found = basin_portrait(logistic, PLANE, points, window=((-1, 2), (-1, 1)), resolution=6)
    pixels = np.asarray(ax.images[0].get_array())
    assert to_hex(pixels[3, 0]) == NOWHERE
    assert to_hex(pixels[3, 3]) != NOWHERE
    assert found.points.tolist() == [-1]
    assert len(ax.collections) == 2  # the saddles, and the cycle's star


def test_graph_uses_the_same_colours(points):
    graph = connections(step, points, n_samples=4)
    ax = graph.plot()
    paint = [to_hex(group.get_facecolor()[0]) for group in ax.collections if group.get_zorder() == 4]
    assert paint == [colour.lower() for colour in attractor_colours(4)]
    places = np.array([group.get_offsets()[0] for group in ax.collections if group.get_zorder() == 4])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert (apart[~np.eye(4, dtype=bool)] > 0.8).all()
    for first, second in graph.neighbours():
        assert apart[first, second] == pytest.approx(1, abs=0.3)
    opened = [group for group in ax.collections if group.get_zorder() == 3]
    assert {to_hex(group.get_edgecolor()[0]) for group in opened} == {plotting.UNSTABLE.lower()}


def test_a_saddle_that_loses_orbits_is_marked():
    ax = connections(lambda x: 3.2 * x * (1 - x), np.array([[0.0], [1 - 1 / 3.2]])).plot()
    assert "some directions lead to no attractor" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_bars_hold_fractions_intervals_and_the_rest():
    found = basins(step, np.array([[1.0, 1], [1, 2], [-1, 1], [0, 0]]))
    ax = found.plot()
    assert [bar.get_width() for bar in ax.patches] == [0.5, 0.25, 0.25]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels[0] == "1: new point 1"
    assert labels[-1] == "no attractor"


def test_twenty_attractors_have_twenty_colours():
    assert len(set(attractor_colours(20))) == 20
    assert attractor_colours(3) == attractor_colours(20)[:3]


@pytest.mark.parametrize("window", [((1, 0), (0, 1)), ((0, 1),)])
def test_empty_windows_are_refused(points, window):
    with pytest.raises(InputError, match="window: expected"):
        basin_portrait(step, PLANE, points, window=window)
