"""Clusters against a flood fill written by hand, and their error rate under the null."""

import numpy as np
import pytest

from dynascope.analysis.statistics import Permutations, cluster_test, clusters
from dynascope.errors import ConfigurationError, InputError


def flood(beyond):
    """Groups of True cells that share edges: a list of lists of indices, in order of their first cell."""
    todo, found = set(map(tuple, np.argwhere(beyond))), []
    for start in sorted(todo):
        if start not in todo:
            continue
        todo.remove(start)
        group, front = [], [start]
        while front:
            cell = front.pop()
            group.append(cell)
            for axis in range(beyond.ndim):
                for step in (-1, 1):
                    near = tuple(c + step * (axis == i) for i, c in enumerate(cell))
                    if near in todo:
                        todo.remove(near)
                        front.append(near)
        found.append(group)
    return found


def plain_clusters(statistic, threshold, tail, mass):
    """Return [(cells, signed mass)] by the definition."""
    threshold = np.broadcast_to(threshold, statistic.shape)
    sides = []
    if tail in ("greater", "two-sided"):
        sides.append((statistic > threshold, threshold))
    if tail == "less":
        sides.append((statistic < threshold, threshold))
    if tail == "two-sided":
        sides.append((statistic < -threshold, -threshold))
    found = []
    for beyond, edge in sides:
        for cells in flood(beyond):
            found.append((cells, sum(statistic[c] - (edge[c] if mass == "excess" else 0) for c in cells)))
    return found


@pytest.mark.parametrize("shape", [(25,), (7, 9)])
@pytest.mark.parametrize("tail", ["greater", "less", "two-sided"])
@pytest.mark.parametrize("mass", ["sum", "excess"])
@pytest.mark.parametrize("per_cell", [False, True])
def test_clusters_by_hand(shape, tail, mass, per_cell, monkeypatch):
    monkeypatch.setattr(clusters, "_BLOCK_ENTRIES", 300)  # several blocks
    rng = np.random.default_rng(0)
    observed, null = rng.standard_normal(shape) * 1.4, rng.standard_normal((20, *shape))
    sign = -1 if tail == "less" else 1
    threshold = sign * (rng.uniform(0.3, 0.8, shape) if per_cell else 0.5)
    expected = plain_clusters(observed, threshold, tail, mass)
    heaviest = [max([abs(m) for _, m in plain_clusters(row, threshold, tail, mass)], default=0.0) for row in null]
    found = cluster_test(observed, null, threshold, tail, mass=mass)
    assert len(expected) == len(found.masses) > 1
    np.testing.assert_allclose(found.masses, [m for _, m in expected], rtol=1e-13)
    for number, (cells, m) in enumerate(expected, start=1):
        assert sorted(map(tuple, np.argwhere(found.labels == number))) == sorted(cells)
        p = (1 + sum(h >= abs(m) for h in heaviest)) / 21
        assert found.p_values[number - 1] == pytest.approx(p)
        assert (found.cell_p_values()[found.labels == number] == found.p_values[number - 1]).all()
    assert (found.cell_p_values()[found.labels == 0] == 1).all()
    np.testing.assert_array_equal(found.significant(0.3), found.cell_p_values() <= 0.3)


def test_clusters_of_neighbouring_permutations_do_not_merge():
    # The whole map of every permutation is one cluster of mass 3, not all of them together one of mass 12.
    found = cluster_test([2.0, 2.0, 0.0], np.ones((4, 3)), 0.5)
    assert found.masses.tolist() == [4.0]
    assert found.p_values.tolist() == [0.2]


def test_diagonal_cells_are_not_neighbours():
    assert cluster_test(np.eye(4), np.zeros((3, 4, 4)), 0.5).masses.tolist() == [1.0] * 4


def test_no_cluster():
    found = cluster_test(np.zeros(5), np.ones((3, 5)), 0.5)
    assert found.masses.shape == found.p_values.shape == (0,)
    assert not found.labels.any()
    assert not found.significant().any()


def test_exact_test_of_six_trials_by_hand():
    trials = np.random.default_rng(1).standard_normal((6, 8)) + np.r_[np.zeros(3), np.full(3, 1.5), np.zeros(2)]
    permutations = Permutations.of_signs(6, 64)
    null = permutations.null(lambda signs: signs @ trials / 6)
    found = cluster_test(trials.mean(axis=0), null, 0.6, exact=permutations.exact)
    heaviest = [max([m for _, m in plain_clusters(row, 0.6, "greater", "sum")], default=0.0) for row in null]
    expected = [np.mean([h >= m - 1e-9 for h in heaviest]) for m in found.masses]
    np.testing.assert_allclose(found.p_values, expected, atol=1e-15)
    assert found.p_values.min() >= 1 / 64
    # Stored in float32, the observed map is still tied with itself.
    np.testing.assert_array_equal(
        cluster_test(trials.mean(axis=0), null.astype(np.float32), 0.6, exact=True).p_values, found.p_values
    )


def test_familywise_error_under_the_null_is_nominal():
    """400 experiments of 12 smooth noise traces: how often any cluster has p ≤ 0.1."""
    rng = np.random.default_rng(2)
    signs = Permutations.of_signs(12, 99, seed=3).indices()
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2) ** 2)
    found = 0
    for _ in range(400):
        noise = np.stack([np.convolve(row, kernel, "valid") for row in rng.standard_normal((12, 52))])
        scale = noise.std()
        p = cluster_test(noise.mean(axis=0), signs @ noise / 12, scale / 2, "two-sided").p_values
        found += p.min(initial=1.0) <= 0.1
    assert abs(found / 400 - 0.1) < 3 * np.sqrt(0.1 * 0.9 / 400)


def test_inputs_of_other_types_and_untouched():
    rng = np.random.default_rng(3)
    observed, null = rng.integers(-3, 4, size=(6, 5)), rng.integers(-3, 4, size=(10, 6, 10))[:, :, ::2]
    copies = observed.copy(), null.copy()
    null.setflags(write=False)
    found = cluster_test(observed, null, 1)
    expected = cluster_test(observed.astype(float), np.ascontiguousarray(null, dtype=float), 1.0)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.p_values, expected.p_values)
    np.testing.assert_array_equal(cluster_test(observed.tolist(), null.tolist(), 1).p_values, expected.p_values)
    assert (observed == copies[0]).all()
    assert (null == copies[1]).all()


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"observed": np.zeros((2, 2, 2))}, InputError, r"expected shape \(t,\) or \(t, t'\)"),
        ({"observed": np.zeros(4)}, InputError, r"null: has shape \(6, 5\), observed has \(4,\)"),
        ({"observed": [0, 1, np.nan, 0, 0]}, InputError, r"observed: found nan at index \(2\)"),
        ({"null": np.full((6, 5), np.nan)}, InputError, r"null: found nan at index \(0, 0\)"),
        ({"threshold": np.zeros(4)}, InputError, r"threshold: expected a number or shape \(5,\), found shape \(4,\)"),
        ({"threshold": -1.0}, ConfigurationError, "at least 0 for tail 'greater' with mass 'sum', found -1"),
        ({"threshold": 0.4, "tail": "less"}, ConfigurationError, "at most 0 .* found 0.4; use mass='excess'"),
        ({"threshold": -1, "tail": "two-sided", "mass": "excess"}, ConfigurationError, "at least 0 for a two-sided"),
        ({"tail": "both"}, InputError, "unknown tail"),
        ({"mass": "size"}, InputError, "unknown cluster mass 'size'"),
    ],
)
def test_refusals(changed, error, message):
    arguments = {"observed": np.zeros(5), "null": np.zeros((6, 5)), "threshold": 1.0} | changed
    with pytest.raises(error, match=message):
        cluster_test(**arguments)
