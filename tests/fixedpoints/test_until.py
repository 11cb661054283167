"""The search that goes on until nothing new appears: what stops it, what it finds, what it does not do again."""

import time

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import FixedPoints, find_fixed_points
from dynascope.fixedpoints.completeness import IndexCheck
from dynascope.fixedpoints.search import find_all_fixed_points
from dynascope.fixedpoints.starts import box_starts, draw_from_box, draw_from_trajectories


def _cube(n_states, size=2.0):
    return draw_from_box(np.full(n_states, -size), np.full(n_states, size))


def _twice(x):
    return torch.tanh(2 * x)


def test_all_points_of_a_flipflop_network(flipflop, same_set):
    memories = flipflop.known()[(np.abs(flipflop.known()) > 0.1).all(axis=1)]
    points = find_all_fixed_points(flipflop, draw_from_trajectories(memories), patience=256, batch=256)
    same_set(points.states, flipflop.known(), 1e-8)
    assert points.stop_reason == "no new point in 256 starts"
    assert points.starts_since_new[0] >= 256
    assert points.n_starts == 256 * points.n_rounds
    assert not points.incomplete


def test_the_record_is_that_of_one_search_with_the_same_starts():
    drawn = []

    def draw(n_starts, seed):
        drawn.append(_cube(2)(n_starts, seed))
        return drawn[-1]

    points = find_all_fixed_points(_twice, draw, patience=1000, batch=64, max_starts=192)
    assert [len(starts) for starts in drawn] == [64, 64, 64]
    assert not np.array_equal(drawn[0], drawn[1])
    once = find_fixed_points(_twice, np.concatenate(drawn))
    assert len(points) == 9
    np.testing.assert_allclose(points.states, once.states, atol=1e-9)
    assert points.n_starts == once.n_starts == points.multiplicity.sum() == 192
    assert points.start_points.shape == (192,)
    assert points.input_digest == once.input_digest
    assert (points.parameters["patience"], points.parameters["seed"]) == (1000, 0)


def test_starts_are_not_solved_again():
    """Each round sees its own starts only: the calls of the map do not grow from round to round."""
    rows = [0]

    def step(x):
        rows[0] += len(x)
        return 0.5 * x

    find_all_fixed_points(step, _cube(2), patience=64, batch=64, max_starts=64)
    one, rows[0] = rows[0], 0
    find_all_fixed_points(step, _cube(2), patience=640, batch=64, max_starts=640)
    assert rows[0] < 10 * one


def test_patience_is_counted_in_starts_not_rounds():
    """The first start of 64 finds the only point: 63 have shown nothing new."""
    assert find_all_fixed_points(lambda x: 0.5 * x, _cube(2), patience=63, batch=64).n_rounds == 1
    assert find_all_fixed_points(lambda x: 0.5 * x, _cube(2), patience=64, batch=64).n_rounds == 2


def test_max_starts_stops_and_says_so():
    points = find_all_fixed_points(_twice, _cube(3), patience=1000, batch=100, max_starts=250)
    assert (points.n_starts, points.n_rounds) == (250, 3)
    assert points.stop_reason == "max_starts: 250 starts were used, and new points may still appear"
    assert "250 of 250 starts converged, in 3 rounds; max_starts" in points.summary()


def test_same_seed_same_points():
    first, again, other = (find_all_fixed_points(_twice, _cube(2), patience=32, batch=32, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.states, again.states)
    assert first.input_digest == again.input_digest != other.input_digest


@pytest.mark.parametrize("n_states", [2, 3])
def test_a_line_of_fixed_points_does_not_keep_the_search_going(n_states):
    direction = torch.ones(n_states, n_states, dtype=torch.float64) / n_states
    begin = time.process_time()
    points = find_all_fixed_points(lambda x: x @ direction, _cube(n_states), patience=1024, batch=1024)
    assert time.process_time() - begin < 5  # measured: 0.1 s
    assert (points.n_rounds, points.n_starts) == (1, 1024)
    assert points.starts_since_new.tolist() == [1024]
    assert points.index_check.tolist() == [IndexCheck.UNDEFINED]
    assert len(points) > 500


def test_a_bad_index_sum_asks_for_more_patience():
    """Nine points, of which starts in one corner show one for long: the patience alone would end the search."""

    def draw(n_starts, seed):
        generator = np.random.default_rng(seed)
        starts = generator.uniform(0.9, 1.0, (n_starts, 2))
        rare = generator.random(n_starts) < 0.04
        return np.where(rare[:, None], generator.uniform(-1, 1, (n_starts, 2)), starts)

    options = {"patience": 16, "batch": 16, "seed": 3}
    hasty = find_all_fixed_points(_twice, draw, ball=False, **options)
    insisting = find_all_fixed_points(_twice, draw, **options)
    assert len(insisting) > len(hasty)
    assert insisting.n_starts > hasty.n_starts


def test_each_input_ends_its_own_search():
    """One fixed point at u = 2, three at u = 0: the second search lasts no longer because of the first."""
    step = lambda x, u: torch.tanh(2 * x + u)  # noqa: E731
    points = find_all_fixed_points(step, _cube(1), np.array([[2.0], [0.0], [2.0]]), patience=16, batch=8)
    np.testing.assert_array_equal(points.group_inputs, [[0.0], [2.0]])
    assert np.bincount(points.point_groups).tolist() == [3, 1]
    assert (points.starts_since_new >= 16).all()
    assert points.index_sum.tolist() == [1, 1]
    shared = find_all_fixed_points(step, _cube(1), np.array([2.0]), patience=16, batch=8)
    assert len(shared) == 1


def test_slow_points_of_all_rounds(tmp_path):
    ghost = lambda x: x + 0.3 * (0.01 + x**2)  # noqa: E731
    points = find_all_fixed_points(ghost, _cube(1, 1.0), patience=32, batch=16, slow_points=True)
    assert points.slow_multiplicity.tolist() == [32]
    loaded = FixedPoints.load(points.save(tmp_path / "all.h5"))
    assert (loaded.n_rounds, loaded.stop_reason) == (2, "no new point in 32 starts")


@pytest.mark.parametrize(
    ("draw", "inputs", "options", "words"),
    [
        (np.zeros((3, 2)), None, {}, "draw: expected a function (n, seed) → (n, state), found ndarray"),
        (
            lambda n, seed: np.zeros((n + 1, 2)),
            None,
            {},
            "draw: expected 256 states of shape (256, state), found (257, 2)",
        ),
        (lambda n, seed: np.zeros(n), None, {}, "draw: expected 256 states of shape (256, state), found (256,)"),
        (lambda n, seed: np.full((n, 2), np.nan), None, {}, "expected finite numbers, found nan"),
        (lambda n, seed: np.zeros((n, 2), int), None, {}, "real floating-point numbers"),
        (_cube(2), None, {"patience": 0}, "patience: expected an integer of at least 1, found 0"),
        (_cube(2), None, {"batch": 2.5}, "batch: expected an integer of at least 1, found 2.5"),
        (_cube(2), None, {"max_starts": True}, "max_starts: expected an integer of at least 1, found True"),
        (_cube(2), None, {"seed": -1}, "seed: expected an integer of at least 0, found -1"),
        (_cube(2), None, {"tolerence": 1e-20}, "unknown option 'tolerence': did you mean 'tolerance'?"),
        (_cube(2), None, {"tolerance": 0.0}, "tolerance: expected a number > 0"),
        (_cube(2), np.zeros((2, 2, 2)), {}, "inputs: expected None, shape (input,) or (condition, input)"),
    ],
)
def test_refusals(draw, inputs, options, words):
    with pytest.raises(InputError) as caught:
        find_all_fixed_points(_twice, draw, inputs, **options)
    assert words in str(caught.value)


def test_draws_of_a_later_round_are_checked_too():
    widths = iter([2, 3])
    with pytest.raises(InputError, match="draw: expected states of 2 variables, found 3"):
        find_all_fixed_points(_twice, lambda n, seed: np.zeros((n, next(widths))), patience=512)
    values = iter([0.0, np.nan])
    with pytest.raises(InputError, match="draw: expected finite numbers, found nan"):
        find_all_fixed_points(_twice, lambda n, seed: np.full((n, 2), next(values)), patience=512)


def test_box_starts_fill_the_box_more_evenly_than_chance():
    low, high = np.array([-1.0, 0.0]), np.array([1.0, 5.0])
    starts = box_starts(low, high, 64)
    assert starts.shape == (64, 2)
    cells = np.floor((starts - low) / (high - low) * 8).astype(int)
    assert len(np.unique(cells @ [8, 1])) == 64  # a (0, 6, 2) net: one start in each of 8 × 8 cells
    np.testing.assert_array_equal(starts, box_starts(low, high, 64))
    assert not np.array_equal(starts, box_starts(low, high, 64, seed=1))
    assert box_starts(low, low, 3).tolist() == [low.tolist()] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros(2), np.ones(3), 4), "expected two arrays of shape (state,), found (2,) and (3,)"),
        ((np.zeros((1, 2)), np.ones((1, 2)), 4), "expected two arrays of shape (state,)"),
        ((np.array([0.0, np.nan]), np.ones(2), 4), "low: expected finite numbers, found nan at index 1"),
        ((np.array([0.0, 2.0]), np.ones(2), 4), "expected low ≤ high, found 2.0 > 1.0 at index 1"),
        ((np.zeros(2), np.ones(2), 0), "n_starts: expected an integer of at least 1, found 0"),
    ],
)
def test_box_refusals(arguments, words):
    with pytest.raises(InputError) as caught:
        box_starts(*arguments)
    assert words in str(caught.value)


def test_factories_refuse_at_once():
    with pytest.raises(InputError, match="low ≤ high"):
        draw_from_box(np.ones(2), np.zeros(2))
    with pytest.raises(InputError, match="every sample has NaN"):
        draw_from_trajectories(np.full((3, 2), np.nan))
