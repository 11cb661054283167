"""Portraits in space: what is drawn where, in a box with one scale."""

import numpy as np
import pytest

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.fixedpoints.drawing.space import phase_portrait_3d

CUBE = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-3.0, 3)])
STABLE = CUBE[:, 2] > 0


def places(group):
    return np.stack([np.asarray(values) for values in group._offsets3d], axis=1)


def test_points_of_three_coordinates_are_drawn_as_they_are():
    ax = phase_portrait_3d(CUBE, STABLE, types=["stable" if s else "saddle" for s in STABLE])
    filled, opened = ax.collections
    assert places(filled) == pytest.approx(CUBE[STABLE])
    assert places(opened) == pytest.approx(CUBE[~STABLE])
    assert [group.get_label() for group in (filled, opened)] == ["stable", "saddle"]
    assert ax.get_xlabel() == "state 1"


def test_one_scale_on_all_axes():
    ax = phase_portrait_3d(CUBE, STABLE)
    lengths = [np.ptp(limits) for limits in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim())]
    assert lengths == pytest.approx([lengths[0]] * 3)
    assert lengths[0] > 6


def test_principal_axes_keep_distances_of_what_spans_three():
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 3)))[0]
    ax = phase_portrait_3d(5 + CUBE @ basis.T, STABLE)
    shown = np.concatenate([places(group) for group in ax.collections])
    given = np.concatenate([CUBE[STABLE], CUBE[~STABLE]])
    apart, expected = (np.linalg.norm(rows[:, None] - rows[None], axis=2) for rows in (shown, given))
    assert apart == pytest.approx(expected)


def test_trajectories_help_where_the_points_span_too_little(tmp_path):
    paths = np.random.default_rng(1).normal(size=(4, 20, 5))
    paths[0, 10:] = np.nan
    ax = phase_portrait_3d(np.zeros((1, 5)), np.array([True]), trajectories=paths)
    assert len(ax.lines) == 4
    assert plotting.save(ax, tmp_path / "space.png").stat().st_size > 10_000


def test_given_axes():
    axes = np.eye(5)[[4, 2, 0]]
    ax = phase_portrait_3d(np.arange(5.0)[None], np.array([False]), axes=axes, names=["a", "b", "c"])
    assert places(ax.collections[0]) == pytest.approx(np.array([[4.0, 2, 0]]))
    assert ax.get_zlabel() == "c"


REFUSALS = [
    ({"points": np.zeros((2, 2))}, "at least 3 state variables"),
    ({"axes": np.ones((3, 3))}, "axes: expected 3 independent directions"),
    ({"names": ["a"]}, "names: expected 3, found 1"),
    ({"points": np.zeros((2, 4))}, "three principal axes need at least 3 states, found 2; pass axes"),
]


@pytest.mark.parametrize(("changed", "words"), REFUSALS)
def test_refusals(changed, words):
    given = {"points": CUBE[:2], **changed}
    with pytest.raises(InputError, match=words):
        phase_portrait_3d(given.pop("points"), STABLE[:2], **given)


def test_flat_axes_are_refused():
    with pytest.raises(InputError, match="expected axes in space"):
        phase_portrait_3d(CUBE, STABLE, ax=plotting.axes_or_new(None))
