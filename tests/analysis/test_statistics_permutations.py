"""Numbered permutations: the same in any block, all of them when few, uniform otherwise, inside their groups."""

import copy
import itertools
import math

import numpy as np
import pytest

from dynascope.analysis.statistics import Permutations
from dynascope.errors import ConfigurationError, InputError


def distinct_orders(labels, groups):
    """All distinct relabellings that keep every label in its group, one by one."""
    places = [[i for i, group in enumerate(groups) if group == name] for name in dict.fromkeys(groups)]
    found = set()
    for orders in itertools.product(*(itertools.permutations(place) for place in places)):
        new = list(labels)
        for place, order in zip(places, orders, strict=True):
            for to, source in zip(place, order, strict=True):
                new[to] = labels[source]
        found.add(tuple(new))
    return found


def sampled(kind, seed=0, n_permutations=300):
    rng = np.random.default_rng(5)
    if kind == "signs":
        return Permutations.of_signs(70, n_permutations, seed)
    labels, groups = rng.integers(3, size=70), rng.integers(4, size=70)
    return Permutations.of_labels(labels, n_permutations, seed, groups if kind == "restricted" else None)


@pytest.mark.parametrize("kind", ["labels", "restricted", "signs"])
def test_rows_are_the_same_in_any_block(kind):
    permutations = sampled(kind)
    whole = permutations.indices()
    assert whole.shape == (300, 70) == (permutations.n, permutations.n_items)
    for size in (1, 7, 64, 1000):
        parts = [permutations.indices(block) for block in permutations.blocks(size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(permutations.indices(slice(-2, None)), whole[-2:])
    assert permutations.indices(slice(5, 2)).shape == (0, 70)


@pytest.mark.parametrize("kind", ["labels", "restricted", "signs"])
def test_rows_depend_on_the_seed_and_their_number_only(kind):
    permutations = sampled(kind)
    np.testing.assert_array_equal(copy.deepcopy(permutations).indices(), permutations.indices())
    more = sampled(kind, n_permutations=900)
    np.testing.assert_array_equal(more.indices(slice(0, 300)), permutations.indices())
    assert not np.array_equal(sampled(kind, seed=1).indices(), permutations.indices())
    assert len(np.unique(permutations.indices(), axis=0)) == 300


def test_rows_do_not_change_between_versions():
    # Anyone can repeat a published p-value: these rows are part of the interface.
    free = Permutations.of_labels(6, 2, seed=7)
    restricted = Permutations.of_labels([0, 1, 2, 0, 1, 2], 2, seed=7, groups=[0, 1, 0, 1, 0, 1])
    signs = Permutations.of_signs(5, 2, seed=7)
    np.testing.assert_array_equal(free.indices(), [[3, 0, 1, 2, 4, 5], [1, 5, 0, 2, 4, 3]])
    np.testing.assert_array_equal(restricted.indices(), [[0, 1, 4, 3, 2, 5], [0, 5, 4, 1, 2, 3]])
    np.testing.assert_array_equal(signs.indices(), [[1, 1, 1, 1, -1], [1, -1, 1, -1, -1]])


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ([0, 1, 0, 1, 0], None),
        (["b", "a", "c", "a"], None),
        ([2, 1, 2, 1, 1, 2, 0], [0, 0, 0, 1, 1, 1, 1]),
        ([0, 1, 0, 1, 0, 1], ["x", "y", "x", "y", "y", "x"]),
        ([0.5, 0.5, 1.5, 0.5, 2.5], [3, 3, 3, 9, 3]),
    ],
)
def test_few_relabellings_are_all_taken_once_the_observed_first(labels, groups):
    expected = distinct_orders(labels, groups or [0] * len(labels))
    permutations = Permutations.of_labels(labels, len(expected), groups=groups)
    assert permutations.exact
    assert permutations.n == len(expected)
    rows = permutations.indices()
    relabelled = np.asarray(labels)[rows]
    assert {tuple(row) for row in relabelled.tolist()} == expected
    np.testing.assert_array_equal(rows[0], np.arange(len(labels)))
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.tile(np.arange(len(labels)), (len(rows), 1)))
    np.testing.assert_array_equal(permutations.indices(slice(1, 3)), rows[1:3])
    assert not Permutations.of_labels(labels, len(expected) - 1, groups=groups).exact


def test_items_without_labels_are_all_different():
    permutations = Permutations.of_labels(5, 120)
    assert permutations.exact
    assert {tuple(row) for row in permutations.indices().tolist()} == set(itertools.permutations(range(5)))
    assert not Permutations.of_labels(5, 119).exact


def test_few_sign_flips_are_all_taken_once_the_observed_first():
    permutations = Permutations.of_signs(4, 16)
    assert permutations.exact
    rows = permutations.indices()
    assert {tuple(row) for row in rows.tolist()} == set(itertools.product((1, -1), repeat=4))
    assert (rows[0] == 1).all()
    assert not Permutations.of_signs(4, 15).exact


def test_one_odd_label_among_many_is_counted_without_large_numbers():
    labels = np.zeros(400, dtype=int)
    labels[123] = 1
    permutations = Permutations.of_labels(labels, 1000)
    assert (permutations.n, permutations.exact) == (400, True)
    odd_places = labels[permutations.indices()].argmax(axis=1)
    assert odd_places[0] == 123
    np.testing.assert_array_equal(np.sort(odd_places), np.arange(400))
    assert not Permutations.of_labels(10**5, 1000).exact


def test_every_order_is_equally_likely():
    # One less than all 120 orders: drawn, not listed.
    drawn = np.concatenate([Permutations.of_labels(5, 119, seed=seed).indices() for seed in range(200)])
    counts = np.unique(drawn @ 5 ** np.arange(5), return_counts=True)[1]
    expected = len(drawn) / 120
    assert len(counts) == 120
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_squared - 119) < 4 * math.sqrt(2 * 119)


def test_restricted_orders_are_equally_likely_and_stay_in_their_groups():
    groups = np.array([1, 0, 1, 0, 1, 2, 0])
    drawn = np.concatenate([Permutations.of_labels(7, 30, seed=seed, groups=groups).indices() for seed in range(300)])
    assert (groups[drawn] == groups).all()
    assert (drawn[:, 5] == 5).all()
    counts = np.unique(drawn @ 7 ** np.arange(7), return_counts=True)[1]
    assert len(counts) == 36
    expected = len(drawn) / 36
    assert abs(((counts - expected) ** 2 / expected).sum() - 35) < 4 * math.sqrt(2 * 35)


def test_signs_are_fair_and_independent():
    signs = Permutations.of_signs(130, 4000, seed=1).indices()
    assert set(np.unique(signs)) == {-1, 1}
    assert np.abs(signs.mean(axis=0)).max() < 4.5 / math.sqrt(4000)
    correlations = signs.T @ signs / 4000 - np.eye(130)
    assert np.abs(correlations).max() < 5.5 / math.sqrt(4000)


def test_null_is_the_statistic_of_every_row_in_any_block_size():
    values = np.random.default_rng(0).standard_normal((40, 6))
    permutations = Permutations.of_labels(40, 150)
    expected = np.stack([values[row[:20]].mean(axis=0) for row in permutations.indices()])
    for block_size in (1, 64, 150):
        found = permutations.null(lambda rows: values[rows[:, :20]].mean(axis=1), block_size)
        np.testing.assert_allclose(found, expected, atol=1e-15)
    with pytest.raises(InputError, match=r"returned shape \(6,\) for 64 permutations"):
        permutations.null(lambda rows: values.mean(axis=0))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1, 1, 1], 10), InputError, "all 3 are equal; expected labels that can be rearranged"),
        (([1, 1, 2], 10, 0, [0, 0, 1]), InputError, "equal within every group"),
        (([1.0, np.nan], 10), InputError, "labels: found nan at index 1"),
        (([[1, 2]], 10), InputError, r"labels: expected a vector .* \(1, 2\)"),
        (([], 10), InputError, r"found shape \(0,\)"),
        (([0, 1, 1], 10, 0, [0, 1]), InputError, "groups: expected one label for each of 3 items"),
        ((1, 10), ConfigurationError, "n: expected a whole number of at least 2, found 1"),
        ((5, 0), ConfigurationError, "n_permutations: expected a whole number of at least 1, found 0"),
        ((5, 1.5), ConfigurationError, "found 1.5"),
        ((5, 10, -1), ConfigurationError, "seed: expected a whole number of at least 0, found -1"),
        ((5, 10, None), ConfigurationError, "seed"),
    ],
)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        Permutations.of_labels(*arguments)


def test_refused_blocks_and_signs():
    with pytest.raises(ConfigurationError, match="slice of step 1, found step 2"):
        Permutations.of_labels(5, 10).indices(slice(0, 10, 2))
    with pytest.raises(ConfigurationError, match="size"):
        Permutations.of_labels(5, 10).blocks(0)
    with pytest.raises(ConfigurationError, match="n: expected a whole number of at least 1, found 0"):
        Permutations.of_signs(0, 10)
