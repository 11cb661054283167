"""Portraits: the geometry of planes and flows, and what ends up on the axes."""

import numpy as np
import pytest
import torch

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.fixedpoints import Plane, flow_field, phase_portrait


def bistable(x):
    """Two stable points at ±(0.9575…, 0), a saddle at the origin, in three dimensions."""
    return torch.stack([torch.tanh(2 * x[:, 0]), 0.5 * x[:, 1], 0.1 * x[:, 2]], dim=1)


POINTS = np.array([[-0.957504, 0, 0], [0.957504, 0, 0], [0, 0, 0]])
STABLE = np.array([True, True, False])


def test_projection_undoes_the_lift_also_for_skewed_axes():
    draw = np.random.default_rng(0)
    plane = Plane(draw.normal(size=4), draw.normal(size=(2, 4)))
    coordinates = draw.normal(size=(5, 2))
    assert plane.project(plane.lift(coordinates)) == pytest.approx(coordinates)


def test_principal_plane_spans_the_directions_of_largest_spread():
    states = np.random.default_rng(1).normal(size=(10, 30, 4)) * [0.1, 9, 0.2, 3]
    plane = Plane.principal(states)
    assert np.abs(plane.axes[:, [1, 3]]) == pytest.approx(np.eye(2), abs=0.05)


def test_velocities_do_not_depend_on_the_origin_of_the_plane():
    """The published portraits subtract the mean of the states from velocities, which is wrong."""
    grid = np.linspace(-1, 1, 5)
    axes = np.eye(2, 3)
    for origin in (np.zeros(3), np.array([0, 0, 7.0])):
        flow = flow_field(bistable, Plane(origin, axes), grid, grid)
        assert flow[..., 0] == pytest.approx(np.tile(np.tanh(2 * grid) - grid, (5, 1)))
        assert flow[..., 1] == pytest.approx(np.repeat(-0.5 * grid[:, None], 5, axis=1))


def test_flow_with_a_constant_input():
    flow = flow_field(
        lambda x, u: 0.5 * x + u, Plane(np.zeros(2), np.eye(2)), np.zeros(1), np.zeros(1), np.array([1.0, -2.0])
    )
    assert flow[0, 0] == pytest.approx([1.0, -2.0])


def test_stable_points_are_filled_and_unstable_ones_open():
    ax = phase_portrait(bistable, Plane(np.zeros(3), np.eye(2, 3)), points=POINTS, stable=STABLE)
    filled, opened = (group for group in ax.collections if group.get_label() in ("stable", "unstable"))
    assert np.asarray(filled.get_offsets()) == pytest.approx(POINTS[:2, :2])
    assert np.asarray(opened.get_offsets()) == pytest.approx(POINTS[2:, :2])
    assert plotting.STABLE.lower() == "#{:02x}{:02x}{:02x}".format(
        *(round(255 * c) for c in filled.get_facecolor()[0][:3])
    )
    assert opened.get_facecolor()[0].tolist() == [1, 1, 1, 1]


def test_points_too_close_to_tell_apart_are_enlarged():
    close = np.array([[0.0, 0, 0], [0.01, 0, 0], [1.0, 1, 0]])
    ax = phase_portrait(bistable, Plane(np.zeros(3), np.eye(2, 3)), points=close, stable=STABLE)
    assert len(ax.get_figure().axes) == 2
    low, high = ax.get_figure().axes[1].get_xlim()
    assert high - low < 0.1
    far = phase_portrait(bistable, Plane(np.zeros(3), np.eye(2, 3)), points=POINTS, stable=STABLE)
    assert len(far.get_figure().axes) == 1


def test_no_points_and_one_point_can_be_drawn():
    plane = Plane(np.zeros(3), np.eye(2, 3))
    for points in (np.zeros((0, 3)), POINTS[:1]):
        ax = phase_portrait(bistable, plane, points=points, stable=STABLE[: len(points)])
        assert np.ptp(ax.get_xlim()) > 0


def test_velocity_of_a_flow_is_the_right_hand_side():
    grid = np.linspace(-1, 1, 5)
    flow = flow_field(lambda x: -2 * x, Plane(np.zeros(2), np.eye(2)), grid, grid, dynamics="flow")
    assert flow[..., 0] == pytest.approx(np.tile(-2 * grid, (5, 1)))
    with pytest.raises(InputError, match="unknown dynamics 'ode'"):
        flow_field(bistable, Plane(np.zeros(3), np.eye(2, 3)), grid, grid, dynamics="ode")


def test_types_choose_the_mark_and_stability_the_filling():
    kinds = ["stable node", "stable node", "saddle"]
    ax = phase_portrait(bistable, Plane(np.zeros(3), np.eye(2, 3)), points=POINTS, stable=STABLE, types=kinds)
    groups = {group.get_label(): group for group in ax.collections if group.get_label() in kinds}
    corners = {name: len(group.get_paths()[0].vertices) for name, group in groups.items()}
    assert list(groups) == ["stable node", "saddle"]
    assert corners["saddle"] == 5  # a diamond, closed
    assert corners["stable node"] > 10
    assert groups["saddle"].get_facecolor()[0].tolist() == [1, 1, 1, 1]
    with pytest.raises(InputError, match=r"types: expected one per point \(3\), found 1"):
        phase_portrait(bistable, Plane(np.zeros(3), np.eye(2, 3)), points=POINTS, stable=STABLE, types=["saddle"])


def test_nullclines_on_request():
    plane = Plane(np.zeros(3), np.eye(2, 3), ("first", "second"))
    ax = phase_portrait(bistable, plane, points=POINTS, stable=STABLE, nullclines=True)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"first at rest", "second at rest"} < set(names)


@pytest.mark.parametrize(
    ("states", "words"), [(np.ones((5, 1)), "at least 2 coordinates"), (np.ones((1, 3)), "at least 2 states")]
)
def test_planes_that_do_not_exist_are_refused(states, words):
    with pytest.raises(InputError, match=words):
        Plane.principal(states)
