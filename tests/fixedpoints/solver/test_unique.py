"""Deduplication: nothing merged that differs, nothing left that is the same."""

import numpy as np
import pytest
import torch

from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.solver.unique import group_rows, merge_certified, merge_close, typical_size


def _merge(states, tolerance, groups=None, priority=None):
    states = np.asarray(states, dtype=float)
    groups = np.zeros(len(states), dtype=int) if groups is None else np.asarray(groups)
    return merge_close(states, groups, tolerance, priority=np.zeros(len(states)) if priority is None else priority)


def _merge_uncertified(states, tolerance):
    size = len(states)
    none, unknown = np.zeros(size, dtype=bool), np.full(size, np.nan)
    return merge_certified(states, none.astype(int), tolerance, certified=none, error_bound=unknown)


def test_chain_does_not_run_together():
    chain = np.arange(100)[:, None] * 0.9  # each within 1 of the next
    leaders = np.unique(_merge(chain, 1.0))
    assert len(leaders) == 50  # pairs: single linkage would leave one


def test_nothing_close_is_left(box):
    states = box(400, 3, 1.0)
    leaders = np.unique(_merge_uncertified(states, 0.3))
    distance = np.linalg.norm(states[leaders, None] - states[None, leaders], axis=-1)
    assert distance[~np.eye(len(leaders), dtype=bool)].min() > 0.3
    assert np.linalg.norm(states - states[_merge_uncertified(states, 0.3)], axis=1).max() <= 0.3
    assert np.linalg.norm(states - states[_merge(states, 0.3)], axis=1).max() <= 0.6


def test_equal_projections_are_compared_by_distance():
    # All states lie in the plane that the sorting direction cannot see.
    direction = np.random.default_rng(0).standard_normal(3)
    basis = np.linalg.svd(direction[None])[2][1:]
    corners = np.array([[0, 0], [5, 0], [0, 5], [5, 5]]) @ basis
    assert len(np.unique(_merge(np.repeat(corners, 3, axis=0), 1e-6))) == 4


def test_best_member_represents():
    assert _merge([[0.0], [1e-9], [2e-9]], 1e-6, priority=np.array([3.0, 1.0, 2.0])).tolist() == [1, 1, 1]


def test_groups_never_mix():
    assert len(np.unique(_merge(np.zeros((4, 2)), 1.0, groups=[0, 1, 0, 1]))) == 2


@pytest.mark.parametrize(
    ("certified", "bounds", "n_left"),
    [
        ([True, True], [1e-12, 1e-12], 2),  # closer than the tolerance, yet proved to be two
        ([True, True], [6e-9, 6e-9], 1),  # error balls touch
        ([True, False], [1e-12, np.nan], 1),
        ([False, False], [np.nan, np.nan], 1),
    ],
)
def test_certificates_decide(certified, bounds, n_left):
    states = np.array([[0.0, 1.0], [1e-8, 1.0]])
    leaders = merge_certified(
        states, np.zeros(2, dtype=int), 1e-6, certified=np.array(certified), error_bound=np.array(bounds)
    )
    assert len(np.unique(leaders)) == n_left
    assert leaders[0] == 0 or not certified[0]


def test_groups_and_scale():
    assert group_rows(None, 2).tolist() == [0, 0]
    assert group_rows(np.array([[1.0], [0.0], [1.0]]), 3).tolist() == [1, 0, 1]
    assert typical_size(np.full((3, 1), 2.0), np.zeros((1, 1))) == 2.0
    assert typical_size(np.zeros((1, 1)), np.full((2, 1), 3.0)) == pytest.approx(0.3)
    assert typical_size(np.zeros((0, 1)), np.zeros((1, 1))) == 1.0


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6])
def test_two_points_a_gap_apart_stay_two(gap):
    # G = −(x² − g²)(x − 3) / 6: simple zeros at ±g and 3.
    step = lambda x: x - (x**2 - gap**2) * (x - 3) / 6  # noqa: E731
    starts = np.concatenate([np.linspace(-2, 4, 60), [-gap, gap]])[:, None]
    points = find_fixed_points(step, starts, unique_tolerance=1e-3)
    near = np.sort(points.states[np.abs(points.states[:, 0]) < 0.1, 0])
    np.testing.assert_allclose(near, [-gap, gap], rtol=1e-6)


def test_double_zero_is_reported_once_and_not_certified():
    points = find_fixed_points(lambda x: x - x**2, np.linspace(-0.4, 0.4, 41)[:, None])
    assert len(points) == 1
    assert abs(points.states[0, 0]) < 1e-6
    assert not points.certified.any()


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_merging_follows_the_scale_of_the_states(size):
    step = lambda x: size * torch.tanh(2 * x / size)  # noqa: E731
    starts = size * np.linspace(-2, 2, 41)[:, None]
    points = find_fixed_points(step, starts, tolerance=1e-25 * max(size, 1) ** 2)
    np.testing.assert_allclose(np.sort(points.states[:, 0]) / size, [-0.957504, 0, 0.957504], atol=1e-6)
