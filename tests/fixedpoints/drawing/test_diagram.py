"""Bifurcation diagrams: what is on the axes."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.fixedpoints.drawing.diagram import draw_diagram
from dynascope.fixedpoints.following.follow import bifurcation_diagram, continue_branch


@pytest.fixture(scope="module")
def pitchfork():
    step = lambda x, g: torch.stack([torch.tanh(g[:, 0] * x[:, 0]), 0.5 * x[:, 1]], 1)  # noqa: E731
    return bifurcation_diagram(step, np.full((1, 2), 0.1), 0.5, bounds=(0.5, 2))


def test_stable_is_solid_and_unstable_dashed(pitchfork):
    ax = draw_diagram(pitchfork, coordinate=0)
    lines = {(to_hex(line.get_color()), line.get_linestyle()) for line in ax.lines}
    assert lines == {(plotting.STABLE.lower(), "-"), (plotting.UNSTABLE.lower(), "--")}
    for line in ax.lines:
        x, y = line.get_data()
        if to_hex(line.get_color()) == plotting.UNSTABLE.lower():
            assert x.min() == pytest.approx(1)
            assert not y.any()
        else:
            assert y.any() or x.max() == pytest.approx(1)


def test_bifurcations_are_marked_and_counted(pitchfork):
    ax = draw_diagram(pitchfork, coordinate=0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["stable", "unstable", "pitchfork (1)"]
    np.testing.assert_allclose(ax.collections[0].get_offsets()[0], [1, 0], atol=1e-9)


@pytest.mark.parametrize(
    ("coordinate", "label", "height"),
    [
        (None, "principal component 1 (100% of variance)", None),
        (0, "unit 0", lambda states: states[:, 0]),
        (1, "unit 1", lambda states: states[:, 1]),
        ("norm", "norm of the state", lambda states: np.linalg.norm(states, axis=1)),
        (np.array([2.0, 1.0]), "projection of the state", lambda states: states @ [2.0, 1.0]),
    ],
)
def test_coordinates(pitchfork, coordinate, label, height):
    ax = pitchfork.plot(coordinate=coordinate)
    assert ax.get_ylabel() == label
    if height is not None:
        drawn = np.concatenate([line.get_ydata() for line in ax.lines])
        wanted = height(pitchfork.states)
        assert (drawn.min(), drawn.max()) == pytest.approx((wanted.min(), wanted.max()))


def test_an_empty_diagram_says_so():
    found = continue_branch(lambda x, p: x + p, np.array([1.0]), 0.5, bounds=(0.1, 1))
    assert "no branch was followed" in [text.get_text() for text in found.plot().texts]


@pytest.mark.parametrize(
    ("coordinate", "words"),
    [
        (2, "a unit from 0 to 1, found 2"),
        ("nrm", "did you mean 'norm'"),
        (np.ones(3), "a vector of shape"),
    ],
)
def test_refused(pitchfork, coordinate, words):
    with pytest.raises(InputError, match=words):
        draw_diagram(pitchfork, coordinate=coordinate)
