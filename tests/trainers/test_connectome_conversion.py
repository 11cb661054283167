"""From areas to neurons: counts and sums are exact, and the rest is as a plain loop over neurons does it."""

import numpy as np
import pytest
from making import rng

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.connectome.conversion import Conversion, convert
from dynascope.trainers.connectome.data import load_connectome
from dynascope.trainers.connectome.partition import LEAST_PART, random_parts

TINY = float(np.finfo(np.float32).tiny)


def random_connectome(n, n_connections, seed=0):
    """Return weights (n, n) over three decades at random places off the diagonal; every area receives something."""
    generator = rng(seed)
    ring = np.arange(n) * n + (np.arange(n) + 1) % n
    others = np.setdiff1d(np.flatnonzero(~np.eye(n, dtype=bool)), ring)
    places = np.concatenate([ring, generator.choice(others, n_connections - n, replace=False)])
    weights = np.zeros(n * n)
    weights[places] = 10 ** generator.uniform(-3, 0, n_connections)
    return weights.reshape(n, n)


def plain_parts(total, shares):
    """Break a stick of length ``total``: each share of what is left, then the rest."""
    parts, left = [], total
    for share in shares:
        parts.append(share * left)
        left -= share * left
    return [*parts, left]


def plain_convert(c, sizes, options, generator):
    """Convert neuron by neuron, as the definition reads."""
    first = np.cumsum(sizes) - sizes
    w = np.zeros((sum(sizes), sum(sizes)))

    def fill(i, j, total, n_targets, spare_self):
        connections = []
        for a in range(first[i], first[i] + sizes[i]):
            pool = [b for b in range(first[j], first[j] + sizes[j]) if not (spare_self and a == b)]
            if pool:
                connections += [(a, b) for b in generator.choice(pool, n_targets, replace=False)]
        if options.heterogeneous:
            parts = generator.permutation(plain_parts(total, generator.random(len(connections) - 1)))
        else:
            parts = [total / len(connections)] * len(connections) if connections else []
        for (a, b), part in zip(connections, parts, strict=True):
            w[a, b] = part

    for i in range(len(c)):
        if options.intrinsic:
            n = sizes[i]
            q = n if options.intrinsic_sparsity == 1 else max(1, round(options.intrinsic_sparsity * n))
            if not options.self_connections and q == n:
                q = n - 1
            share = options.intrinsic_share
            fill(i, i, share / (1 - share) * c[:, i].sum(), max(q, 1), not options.self_connections)
        for j in range(len(c)):
            if c[i, j] > 0:
                fill(i, j, c[i, j], max(1, round(options.sparsity * sizes[j])), spare_self=False)
    return w


def block_sums(matrix):
    member = np.eye(matrix.areas.max() + 1)[matrix.areas]
    return member.T @ matrix.weights @ member


# Number of areas and connections of the six published connectomes, and the counts that follow at 4 and 10 neurons.
PUBLISHED = {
    "Drosophila": (49, 1950, 23988, 0.624427, 160410, 0.668097),
    "Human_Betzel": (57, 632, 8268, 0.159049, 55690, 0.171407),
    "Macaque": (29, 536, 6780, 0.503864, 45490, 0.540904),
    "Marmoset": (55, 1862, 23004, 0.475289, 153910, 0.508793),
    "Mouse_Gamanut": (19, 329, 4176, 0.722992, 28030, 0.776454),
    "Mouse_Ypma_Oh": (56, 1975, 24372, 0.485730, 163040, 0.519898),
}


@pytest.mark.parametrize("heterogeneous", [False, True])
@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_of_the_published_networks_are_exact(name, heterogeneous):
    n, connections, *counts = PUBLISHED[name]
    c = random_connectome(n, connections)
    for k, (count, density) in zip((4, 10), (counts[:2], counts[2:]), strict=True):
        w = convert(c, k, generator=rng(), options=Conversion(heterogeneous=heterogeneous)).weights
        assert np.count_nonzero(w.astype(np.float32)) == count
        assert np.count_nonzero(w) / w.size == pytest.approx(density, abs=5e-7)


@pytest.mark.parametrize(
    ("name", "total", "rtol"),
    [
        ("Macaque_Normalized", 73.41000574, 1e-10),
        # Weights of these are cut after seven and six decimals: SOURCES.md.
        ("Mouse_Ypma_Oh", 2178.44983302, 3e-7),
        ("Drosophila", 1713838.6249, 3e-9),
    ],
)
@pytest.mark.parametrize("k", [4, 10])
def test_totals_of_the_packaged_networks(name, total, rtol, k):
    c = load_connectome(name).weights
    w = convert(c, k, generator=rng(), options=Conversion(heterogeneous=True)).weights
    assert w.sum() == pytest.approx(total, rel=rtol)
    assert np.count_nonzero(w.astype(np.float32)) == PUBLISHED[name.removesuffix("_Normalized")][2 if k == 4 else 4]


@pytest.mark.parametrize(
    ("options", "count", "density"),
    [
        ({"intrinsic": False, "sparsity": 0.1}, 6770, 0.0661),
        ({"intrinsic": False, "sparsity": 0.8}, 54160, 0.5289),
        ({"self_connections": True}, 58560, 0.5719),
        ({"self_connections": True, "intrinsic_sparsity": 0.5}, 56360, 0.5504),
    ],
)
@pytest.mark.parametrize("heterogeneous", [False, True])
def test_counts_with_areas_of_different_sizes(options, count, density, heterogeneous):
    sizes = np.full(29, 10)
    sizes[4] = 40
    c = load_connectome("Macaque_Normalized").weights
    found = convert(c, sizes, generator=rng(), options=Conversion(heterogeneous=heterogeneous, **options))
    assert found.n_neurons == 320
    assert np.count_nonzero(found.weights) == count
    assert found.mask.mean() == pytest.approx(density, abs=5e-5)
    np.testing.assert_array_equal(found.neurons_of(4), np.arange(40, 80))


@pytest.mark.parametrize("heterogeneous", [False, True])
@pytest.mark.parametrize("self_connections", [False, True])
@pytest.mark.parametrize("intrinsic_sparsity", [1.0, 0.4])
def test_blocks_sum_to_the_connectome_and_every_neuron_has_its_number_of_targets(
    heterogeneous, self_connections, intrinsic_sparsity
):
    c = random_connectome(7, 25)
    sizes = np.array([2, 3, 5, 8, 10, 20, 41])
    options = Conversion(
        heterogeneous=heterogeneous,
        self_connections=self_connections,
        intrinsic_sparsity=intrinsic_sparsity,
        intrinsic_share=0.7,
        sparsity=0.3,
    )
    found = convert(c, sizes, generator=rng(), options=options)
    expected = c + np.diag(0.7 / 0.3 * c.sum(0))
    np.testing.assert_allclose(block_sums(found), expected, rtol=1e-13, atol=0)
    assert (found.weights >= 0).all()
    assert self_connections or not np.diag(found.weights).any()
    extrinsic = [1, 1, 2, 2, 3, 6, 12]  # round(0.3 · size), half to even, at least 1
    intrinsic = [1, 1, 2, 3, 4, 8, 16] if intrinsic_sparsity == 0.4 else sizes - (not self_connections)
    for i in range(7):
        for j in range(7):
            block = found.weights[np.ix_(found.neurons_of(i), found.neurons_of(j))]
            wanted = intrinsic[i] if i == j else extrinsic[j] * (c[i, j] > 0)
            assert (np.count_nonzero(block, axis=1) == wanted).all()


def test_a_full_homogeneous_conversion_is_that_of_the_plain_loop():
    c, sizes = random_connectome(5, 12), np.array([1, 4, 2, 6, 3])
    for self_connections in (False, True):
        options = Conversion(sparsity=1.0, self_connections=self_connections)
        if not self_connections:
            sizes[0] = 2
        found = convert(c, sizes, generator=rng(), options=options).weights
        np.testing.assert_allclose(found, plain_convert(c, sizes, options, rng()), rtol=1e-13)


@pytest.mark.parametrize("heterogeneous", [False, True])
def test_random_conversions_are_distributed_as_those_of_the_plain_loop(heterogeneous):
    c, sizes = random_connectome(3, 5), np.array([4, 3, 6])
    options = Conversion(sparsity=0.5, intrinsic_sparsity=0.5, heterogeneous=heterogeneous)
    ours = np.stack([convert(c, sizes, generator=rng(seed), options=options).weights for seed in range(1500)])
    plain = np.stack([plain_convert(c, sizes, options, rng(seed)) for seed in range(400)])
    for measure in (lambda w: w > 0, lambda w: w):
        a, b = measure(ours), measure(plain)
        error = np.sqrt(a.var(0) / len(a) + b.var(0) / len(b))
        assert (np.abs(a.mean(0) - b.mean(0)) <= 4.5 * error + 1e-12).all()
    # Neurons choose independently of each other: the number of inputs of a neuron varies as in the plain loop.
    varies = [np.count_nonzero(w, axis=1).var(0).sum() for w in (ours, plain)]
    assert varies[0] == pytest.approx(varies[1], rel=0.1)


def test_without_neurons_the_matrix_is_the_connectome():
    c = random_connectome(6, 14)
    for heterogeneous in (False, True):
        bare = Conversion(intrinsic=False, heterogeneous=heterogeneous)
        np.testing.assert_allclose(convert(c, generator=rng(), options=bare).weights, c, rtol=1e-15)
        lost = Conversion(heterogeneous=heterogeneous)
        np.testing.assert_allclose(convert(c, generator=rng(), options=lost).weights, c, rtol=1e-15)
        kept = Conversion(self_connections=True, heterogeneous=heterogeneous)
        expected = c + np.diag(4 * c.sum(0))
        np.testing.assert_allclose(convert(c, generator=rng(), options=kept).weights, expected, rtol=1e-14)


def test_a_hand_example():
    c = np.array([[0, 3.0], [0, 0]])
    options = Conversion(sparsity=0.5, intrinsic_share=0.5)
    w = convert(c, np.array([2, 3]), generator=rng(), options=options).weights
    # Area 1 receives 3, so its intrinsic weight is 3 too: 3 neurons with 2 targets each, 6 connections of ½.
    # Both neurons of area 0 project to round(1.5) = 2 neurons of area 1: 4 connections of ¾. Area 0 receives nothing.
    np.testing.assert_allclose(w[2:, 2:], 0.5 * (1 - np.eye(3)), rtol=1e-15)
    assert sorted(w[0, 2:]) == sorted(w[1, 2:]) == [0, 0.75, 0.75]
    assert not w[:2, :2].any()
    assert not w[2:, :2].any()


def test_the_same_generator_gives_the_same_matrix():
    c = random_connectome(6, 14)
    first, again, other = (
        convert(c, 5, generator=rng(seed), options=Conversion(heterogeneous=True)).weights for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_weights_of_areas_onto_themselves_need_a_decision():
    c = np.array([[2.0, 1.0], [3.0, 0.0]])
    with pytest.raises(InputError, match="area 0 has a weight of 2 onto itself"):
        convert(c, 4, generator=rng())
    sums = {
        diagonal: block_sums(convert(c, 4, generator=rng(), options=Conversion(diagonal=diagonal)))
        for diagonal in ("ignore", "intrinsic")
    }
    np.testing.assert_allclose(sums["ignore"], [[12, 1], [3, 4]], rtol=1e-14)
    np.testing.assert_allclose(sums["intrinsic"], [[14, 1], [3, 4]], rtol=1e-14)
    alone = convert(c, 4, generator=rng(), options=Conversion(diagonal="intrinsic", intrinsic=False))
    np.testing.assert_allclose(block_sums(alone), c, rtol=1e-14)


@pytest.mark.parametrize(
    "options",
    [
        {"sparsity": 0},
        {"sparsity": 1.1},
        {"intrinsic_sparsity": 0},
        {"intrinsic_share": 0},
        {"intrinsic_share": 1.0},
        {"sparsity": float("nan")},
        {"diagonal": "keep"},
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        Conversion(**options)


@pytest.mark.parametrize(
    ("weights", "sizes", "message"),
    [
        (np.ones((2, 3)), 4, "square"),
        (-random_connectome(3, 4), 4, "at least 0"),
        (1e-31 * random_connectome(3, 4), 4, "multiply all weights"),
        (random_connectome(3, 4), 0, "at least 1 neuron"),
        (random_connectome(3, 4), np.array([4, 4]), "3 of them"),
        (random_connectome(3, 4), np.array([4, 4, 0]), "found 0"),
        (random_connectome(3, 4), 2.5, "float64"),
    ],
)
def test_impossible_connectomes_and_sizes_are_refused(weights, sizes, message):
    with pytest.raises(InputError, match=message):
        convert(weights, sizes, generator=rng())


# Breaking a stick


def test_parts_are_those_of_the_plain_loop():
    totals, n_parts = np.array([2.0, 1e-6, 7e3]), 12
    found = np.sort(random_parts(totals, n_parts, rng(3)), axis=1)
    shares = rng(3).random((3, n_parts - 1))
    expected = [sorted(plain_parts(total, row)) for total, row in zip(totals, shares, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("n_parts", [1, 2, 12, 80, 1000])
def test_parts_are_positive_in_float32_and_sum_to_the_whole(n_parts):
    totals = np.array([1e-6, 1.0, 4e3])
    parts = random_parts(np.repeat(totals, 50), n_parts, rng())
    np.testing.assert_allclose(parts.sum(1), np.repeat(totals, 50), rtol=1e-13)
    assert (parts.astype(np.float32) >= TINY).all()
    assert (parts >= LEAST_PART).all()


def test_shares_have_the_statistics_of_a_broken_stick():
    for n_parts in (2, 3, 5, 12):
        squares = (random_parts(np.ones(20000), n_parts, rng()) ** 2).sum(1)
        expected = 0.5 + 0.5 * 3.0 ** -(n_parts - 1)
        assert squares.mean() == pytest.approx(expected, abs=4 * squares.std() / 20000**0.5)
    ranked = np.sort(random_parts(np.ones(20000), 12, rng(1)), axis=1)
    assert ranked[:, -1].mean() == pytest.approx(0.624, abs=0.006)
    assert ranked[:, -1].std() == pytest.approx(0.19, abs=0.005)
    assert ranked[:, -2].mean() == pytest.approx(0.210, abs=0.004)


def test_parts_are_in_random_order():
    parts = random_parts(np.ones(20000), 6, rng())
    np.testing.assert_allclose(parts.mean(0), 1 / 6, atol=4 * parts.std() / 20000**0.5)
    largest = np.bincount(parts.argmax(1), minlength=6)
    np.testing.assert_allclose(largest / 20000, 1 / 6, atol=0.012)
