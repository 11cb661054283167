"""Null models: each keeps exactly what it promises and destroys the rest; measures of graphs by hand and by loops."""

import itertools

import numpy as np
import pytest
from making import rng

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.connectome.conversion import Conversion, NeuronMatrix, convert
from dynascope.trainers.connectome.data import load_connectome
from dynascope.trainers.connectome.graph import (
    clusteredness,
    degrees,
    homophily,
    reciprocity,
    similarity,
    spectral_radius,
)
from dynascope.trainers.connectome.null_models import (
    NULL_MODELS,
    fully_connected,
    permute_entries,
    permute_weights,
    permute_within_areas,
    radius_factor,
    randomized,
    rewire_degrees,
)


@pytest.fixture(scope="module")
def template():
    connectome = load_connectome("Macaque_Normalized")
    return convert(connectome.weights, 4, generator=rng(), options=Conversion(heterogeneous=True))


def values(weights):
    return np.sort(weights, axis=None)


@pytest.mark.parametrize("name", NULL_MODELS)
def test_every_null_model_keeps_values_and_diagonal_and_changes_the_rest(template, name):
    before = template.weights.copy()
    found = randomized(template, name, rng(1))
    np.testing.assert_array_equal(values(found.weights), values(before))
    np.testing.assert_array_equal(np.diag(found.weights), np.diag(before))
    assert (found.weights != before).mean() > 0.25
    np.testing.assert_array_equal(template.weights, before)
    np.testing.assert_array_equal(found.areas, template.areas)
    np.testing.assert_array_equal(randomized(template, name, rng(1)).weights, found.weights)
    assert not np.array_equal(randomized(template, name, rng(2)).weights, found.weights)


def test_no_null_model_is_the_template_itself_and_unknown_ones_are_refused(template):
    assert randomized(template, "none", rng()) is template
    with pytest.raises(ConfigurationError, match="did you mean 'published'"):
        randomized(template, "publishd", rng())


def test_the_published_shuffle_makes_an_ordinary_sparse_random_matrix(template):
    shuffled = permute_entries(template.weights, rng(1))
    exists = shuffled != 0
    density = exists.sum() / (116 * 115)
    expected = np.sqrt(115 * density * (1 - density))
    for before, after in zip(degrees(template.weights), degrees(shuffled), strict=True):
        assert after.std() == pytest.approx(expected, rel=0.25)
        assert before.std() > 2 * after.std()
    assert reciprocity(template.weights) > density + 0.1
    assert reciprocity(shuffled) == pytest.approx(density, abs=0.02)


def test_the_published_shuffle_puts_every_entry_everywhere_off_the_diagonal():
    weights = np.array([[9.0, 1, 2], [0, 8, 3], [0, 0, 7]])
    counts = np.zeros((3, 3, 4))
    for seed in range(3000):
        shuffled = permute_entries(weights, rng(seed))
        assert list(np.diag(shuffled)) == [9, 8, 7]
        for value in range(4):
            counts[..., value] += shuffled == value
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(counts[off] / 3000, np.tile([3 / 6, 1 / 6, 1 / 6, 1 / 6], (6, 1)), atol=0.04)


def test_a_symmetric_matrix_stays_symmetric():
    lower = np.tril(rng().random((8, 8)) * (rng(1).random((8, 8)) < 0.5))
    weights = lower + lower.T
    shuffled = permute_entries(weights, rng(2))
    np.testing.assert_array_equal(shuffled, shuffled.T)
    np.testing.assert_array_equal(np.diag(shuffled), np.diag(weights))
    np.testing.assert_array_equal(values(shuffled), values(weights))
    assert not np.array_equal(shuffled, weights)
    # Nearly symmetric is not symmetric.
    weights[0, 1] += 1e-12
    shuffled = permute_entries(weights, rng(2))
    assert not np.array_equal(shuffled, shuffled.T)


def test_weights_are_shuffled_on_fixed_connections(template):
    shuffled = permute_weights(template.weights, rng(1))
    np.testing.assert_array_equal(shuffled != 0, template.mask)
    correlation = np.corrcoef(shuffled[template.mask], template.weights[template.mask])[0, 1]
    assert abs(correlation) < 0.06


def test_weights_on_the_diagonal_take_part_in_the_shuffle_of_weights():
    weights = np.diag([1.0, 2.0, 3.0, 4.0])
    found = {tuple(np.diag(permute_weights(weights, rng(seed)))) for seed in range(200)}
    assert len(found) == 24


def test_shuffles_within_areas_keep_what_passes_between_areas(template):
    shuffled = permute_within_areas(template.weights, template.areas, rng(1))
    for i, j in itertools.product(range(29), repeat=2):
        block = np.ix_(template.neurons_of(i), template.neurons_of(j))
        np.testing.assert_array_equal(values(shuffled[block]), values(template.weights[block]))
    assert not np.array_equal(shuffled != 0, template.mask)
    # Targets per neuron, fixed by the conversion, are free now.
    assert len(set(degrees(shuffled)[0][template.neurons_of(0)])) > 1


def test_shuffles_within_areas_are_uniform_and_need_no_order_of_neurons():
    weights = np.array([[0, 1, 2, 3], [4, 0, 5, 6], [7, 8, 0, 9], [10, 11, 12, 0.0]])
    areas = np.array([7, 1, 7, 1])
    counts = {}
    for seed in range(2000):
        shuffled = permute_within_areas(weights, areas, rng(seed))
        block = tuple(shuffled[np.ix_([0, 2], [1, 3])].ravel())
        counts[block] = counts.get(block, 0) + 1
        assert {shuffled[0, 2], shuffled[2, 0]} == {2, 7}
    assert set(counts) == set(itertools.permutations((1, 3, 8, 9)))
    assert max(counts.values()) < 2 * 2000 / 24
    with pytest.raises(InputError, match="4 neurons"):
        permute_within_areas(weights, areas[:3], rng())


def test_rewiring_keeps_degrees_and_the_weights_that_leave_each_unit(template):
    rewired = rewire_degrees(template.weights, rng(1))
    for before, after in zip(degrees(template.weights), degrees(rewired), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(np.sort(rewired, axis=1), np.sort(template.weights, axis=1))
    assert ((rewired != 0) != template.mask).mean() > 0.2
    # Blocks of areas dissolve: within areas there are no more connections than elsewhere.
    same = template.areas[:, None] == template.areas
    np.fill_diagonal(same, val=False)
    assert template.mask[same].all()
    assert (rewired != 0)[same].mean() < 0.75


def test_rewiring_leaves_self_connections_alone():
    weights = (rng().random((9, 9)) < 0.5) * rng(1).uniform(1, 2, (9, 9))
    rewired = rewire_degrees(weights, rng(2))
    np.testing.assert_array_equal(np.diag(rewired), np.diag(weights))
    for before, after in zip(degrees(weights), degrees(rewired), strict=True):
        np.testing.assert_array_equal(before, after)


def test_rewiring_reaches_every_network_of_the_same_degrees_equally_often():
    weights = np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0.0]])
    off = np.flatnonzero(~np.eye(4, dtype=bool))
    alike = set()
    for chosen in itertools.combinations(off, 6):
        network = np.zeros(16)
        network[list(chosen)] = 1
        network = network.reshape(4, 4)
        if all(np.array_equal(a, b) for a, b in zip(degrees(network), degrees(weights), strict=True)):
            alike.add(network.tobytes())
    counts = dict.fromkeys(alike, 0)
    for seed in range(1000):
        counts[rewire_degrees(weights, rng(seed), rounds=40).tobytes()] += 1
    expected = 1000 / len(alike)
    assert len(alike) > 5
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    freedom = len(alike) - 1
    assert chi_squared < freedom + 4 * (2 * freedom) ** 0.5


def test_rewiring_deals_out_pooled_targets_and_weights_at_random():
    weights = np.zeros((8, 8))
    weights[0, 2:5] = 1, 2, 3
    weights[1, 5:8] = 4, 5, 6
    targets, orders = {}, {}
    for seed in range(1000):
        first = rewire_degrees(weights, rng(seed), rounds=8)[0]
        places = tuple(np.flatnonzero(first))
        targets[places] = targets.get(places, 0) + 1
        orders[tuple(first[list(places)])] = orders.get(tuple(first[list(places)]), 0) + 1
    # With 8 rounds of 4 pairs among 8 units, the two meet at least once in 7 of 10 networks.
    moved = sum(count for places, count in targets.items() if places != (2, 3, 4))
    assert len(targets) == 20
    assert max(count for places, count in targets.items() if places != (2, 3, 4)) < 1.9 * moved / 19
    assert len(orders) == 6
    assert min(orders.values()) > 60


def test_rewiring_for_no_round_is_refused(template):
    with pytest.raises(ConfigurationError, match="rounds = 0"):
        rewire_degrees(template.weights, rng(), rounds=0)


def test_the_factor_gives_a_control_the_spectral_radius_of_the_original(template):
    control = permute_entries(template.weights, rng(1))
    assert spectral_radius(control) < 0.9 * spectral_radius(template.weights)
    factor = radius_factor(control, template.weights)
    assert spectral_radius(factor * control) == pytest.approx(spectral_radius(template.weights), rel=1e-12)
    with pytest.raises(InputError, match="spectral radius is 0"):
        radius_factor(np.triu(np.ones((5, 5)), 1), control)
    with pytest.raises(InputError, match="spectral radius is 0"):
        radius_factor(np.zeros((5, 5)), control)


def test_the_fully_connected_control_has_every_connection():
    np.testing.assert_array_equal(fully_connected(3), np.ones((3, 3)))


def test_an_area_level_null_model_is_a_shuffled_connectome_converted():
    c = load_connectome("Macaque_Normalized").weights
    shuffled = permute_entries(c, rng())
    assert np.count_nonzero(convert(shuffled, 4, generator=rng()).weights) == 6780


# Measures


def test_measures_of_a_small_graph():
    weights = np.array([[0, 2, 0], [-1, 0, 3], [0, 0, 0.0]])
    out, into = degrees(weights)
    assert out.tolist() == [1, 2, 0]
    assert into.tolist() == [1, 1, 1]
    assert reciprocity(weights) == pytest.approx(2 / 3)
    assert spectral_radius(weights) == pytest.approx(2**0.5)
    assert np.isnan(reciprocity(np.zeros((2, 2))))
    with pytest.raises(InputError, match="square"):
        spectral_radius(np.ones((2, 3)))
    with pytest.raises(InputError, match="finite"):
        spectral_radius(np.full((2, 2), np.nan))


def test_similarity_is_the_correlation_over_third_units():
    weights = rng().normal(size=(9, 9)) * (rng(1).random((9, 9)) < 0.6) + 50
    found = similarity(weights)
    for a, b in itertools.combinations(range(9), 2):
        others = [c for c in range(9) if c not in (a, b)]
        first, second = (np.concatenate([weights[unit, others], weights[others, unit]]) for unit in (a, b))
        expected = np.corrcoef(first, second)[0, 1]
        assert found[a, b] == pytest.approx(expected, abs=1e-10)
        assert found[b, a] == found[a, b]
    assert np.isnan(np.diag(found)).all()


def test_homophily_is_high_where_alike_units_connect():
    generator = rng()
    group = np.arange(30) < 15
    alike = group[:, None] == group
    together = np.where(alike, 0.9, 0.05)
    apart = np.where(alike, 0.05, 0.9)
    for chances, sign in ((together, 1), (apart, -1)):
        found = homophily((generator.random((30, 30)) < chances) * (1 - np.eye(30)))
        assert sign * found.index > 0.4
        assert found.index == pytest.approx(found.connected - found.unconnected)
        assert found.n_undefined == 0


def test_homophily_counts_a_pair_as_connected_in_either_direction():
    weights = rng().normal(size=(12, 12)) * (rng(1).random((12, 12)) < 0.3)
    alike = similarity(weights)
    joined, apart = [], []
    for a, b in itertools.combinations(range(12), 2):
        (joined if weights[a, b] or weights[b, a] else apart).append(alike[a, b])
    found = homophily(weights)
    assert found.connected == pytest.approx(np.mean(joined), rel=1e-12)
    assert found.unconnected == pytest.approx(np.mean(apart), rel=1e-12)


def test_homophily_leaves_out_units_without_differences_and_says_how_many():
    weights = rng().uniform(1, 2, (10, 10)) * (rng(1).random((10, 10)) < 0.4)
    weights[0] = weights[:, 0] = 0
    assert homophily(weights).n_undefined == 9
    with pytest.raises(InputError, match="connected and unconnected"):
        homophily(rng().normal(size=(6, 6)))
    with pytest.raises(InputError, match="at least 4 units"):
        homophily(np.eye(3))


def test_clusteredness_finds_the_number_of_clusters():
    centres = np.eye(3).repeat(6, axis=0) @ rng().normal(size=(3, 18))
    scores = clusteredness(centres + 0.01 * rng(1).normal(size=(18, 18)))
    assert scores.shape == (4,)
    assert scores.argmax() == 1  # three clusters
    assert scores[1] > 0.95
    with pytest.raises(InputError, match="different rows"):
        clusteredness(np.ones((8, 8)))


def test_a_template_knows_where_its_connections_are():
    matrix = NeuronMatrix(weights=np.array([[0, 1.0], [0, 2.0]]), areas=np.array([0, 1]))
    np.testing.assert_array_equal(matrix.mask, [[False, True], [False, True]])
