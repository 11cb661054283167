"""Randomised versions of a template: each destroys some of its structure and keeps the rest.

| name      | keeps                                                       | destroys                             |
| published | values, number of connections, diagonal, symmetry           | degrees, blocks of areas, reciprocity |
| weights   | every connection                                            | which weight lies where              |
| degrees   | in- and out-degrees, weights leaving each neuron, diagonal  | blocks of areas, reciprocity         |
| areas     | connections and weights between each pair of areas          | which neurons of the areas connect   |

To randomise the network of areas before its conversion, shuffle the connectome: ``convert(permute_entries(C, …), …)``.
``published`` is the shuffle of Goulas, Damicelli and Hilgetag (2021). It changes topology and the strength of units at
once, and with them the spectral radius; :func:`radius_factor` takes that difference away.
"""

from collections.abc import Callable

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from ...results import Array
from .conversion import NeuronMatrix
from .graph import spectral_radius


def permute_entries(weights: Array, generator: np.random.Generator) -> Array:
    """Return weights (n, n) whose entries off the diagonal, zeros included, are permuted uniformly at random.

    Of an exactly symmetric matrix the lower triangle is permuted and mirrored.
    """
    weights = np.asarray(weights)
    shuffled = weights.copy()
    if np.array_equal(weights, weights.T):
        lower = np.tril_indices(len(weights), -1)
        values = generator.permutation(weights[lower])
        shuffled[lower] = values
        shuffled.T[lower] = values
        return shuffled
    off = ~np.eye(len(weights), dtype=bool)
    shuffled[off] = generator.permutation(weights[off])
    return shuffled


def permute_weights(weights: Array, generator: np.random.Generator) -> Array:
    """Return weights (n, n) with the values of all connections permuted; which connections there are stays."""
    shuffled = np.asarray(weights).copy()
    exists = shuffled != 0
    shuffled[exists] = generator.permutation(shuffled[exists])
    return shuffled


def permute_within_areas(weights: Array, areas: Array, generator: np.random.Generator) -> Array:
    """Return weights (neuron, neuron) whose entries are permuted within the block of each pair of areas.

    ``areas`` (neuron,) are whole numbers. Zeros are permuted too; the diagonal stays as it is. Sums and numbers of
    connections between areas are kept exactly.
    """
    weights, areas = np.asarray(weights), np.asarray(areas)
    if areas.shape != weights.shape[:1]:
        raise InputError(f"areas: expected one for each of {len(weights)} neurons, found shape {areas.shape}")
    _, areas = np.unique(areas, return_inverse=True)
    places = np.flatnonzero(~np.eye(len(weights), dtype=bool))
    rows, columns = np.divmod(places, len(weights))
    blocks = areas[rows] * (areas.max() + 1) + areas[columns]
    shuffled = weights.copy()
    mixed = generator.permutation(len(places))
    # Both orders run through the blocks one after the other, the second one in random order within each.
    to = places[np.argsort(blocks, kind="stable")]
    origin = places[mixed[np.argsort(blocks[mixed], kind="stable")]]
    shuffled.flat[to] = weights.flat[origin]
    return shuffled


def rewire_degrees(weights: Array, generator: np.random.Generator, *, rounds: int = 20) -> Array:
    """Return weights (n, n) with other connections, every in-degree and out-degree kept, the diagonal untouched.

    In a round all sources are paired at random, and each pair pools the targets that only one of the two has and deals
    them out again at random (Strona et al., Nature Communications 5:4114, 2014, for directed networks without
    self-connections: Carstens, Berger and Strona, 2016). The weights of each source are dealt out over its new
    connections, so that the multiset of weights leaving each unit stays. Reversals of directed triangles are not among
    the moves, so that a network which only they could change, such as a lone triangle, stays as it is. The cost is
    ``rounds`` · n / 2 operations on rows: about 40 ms for 220 units.

    Raises
    ------
    ConfigurationError
        If ``rounds`` is below 1.
    """
    if rounds < 1:
        raise ConfigurationError(f"rounds = {rounds}: expected at least 1")
    rewired = np.array(weights, dtype=float)
    exists = rewired != 0
    n = len(rewired)
    for _ in range(rounds):
        order = generator.permutation(n)
        for a, b in zip(order[: n // 2], order[n // 2 : 2 * (n // 2)], strict=True):
            differ = exists[a] != exists[b]
            differ[[a, b]] = False
            pool = np.flatnonzero(differ)
            n_first = np.count_nonzero(exists[a, pool])
            generator.shuffle(pool)
            _deal(rewired, exists, a, differ, pool[:n_first])
            _deal(rewired, exists, b, differ, pool[n_first:])
    return rewired


def _deal(rewired: Array, exists: Array, source: int, differ: Array, targets: Array) -> None:
    """Move the connections of a source among ``differ`` to ``targets``, which are in random order."""
    row = rewired[source]
    values = row[differ & exists[source]]
    row[differ] = 0
    row[targets] = values
    exists[source, differ] = False
    exists[source, targets] = True


def fully_connected(n_units: int) -> Array:
    """Return the template of a network without one: (n, n) ones, self-connections included."""
    return np.ones((n_units, n_units))


def radius_factor(weights: Array, reference: Array) -> float:
    """Return the factor that gives ``weights`` (n, n) the spectral radius of ``reference`` (m, m).

    Multiplied by it, a control differs from the reference in topology but not in gain.

    Raises
    ------
    InputError
        If the weights have the spectral radius 0, so that no factor can change it.
    """
    radius = spectral_radius(weights)
    # Rounding gives the eigenvalues of a nilpotent matrix a size far below that of its entries.
    if radius <= np.finfo(float).eps * len(weights) * np.abs(weights).max(initial=0):
        raise InputError("weights: their spectral radius is 0, no factor gives them another one")
    return spectral_radius(reference) / radius


#: null models of a template by name; each is (template, generator) → weights
NULL_MODELS: dict[str, Callable[[NeuronMatrix, np.random.Generator], Array]] = {
    "published": lambda template, generator: permute_entries(template.weights, generator),
    "weights": lambda template, generator: permute_weights(template.weights, generator),
    "degrees": lambda template, generator: rewire_degrees(template.weights, generator),
    "areas": lambda template, generator: permute_within_areas(template.weights, template.areas, generator),
}


def randomized(template: NeuronMatrix, name: str, generator: np.random.Generator) -> NeuronMatrix:
    """Return a randomised version of a template; ``none`` returns the template itself.

    Raises
    ------
    ConfigurationError
        If there is no null model of this name.
    """
    if name == "none":
        return template
    if name not in NULL_MODELS:
        raise ConfigurationError(unknown_name("randomize", name, ["none", *NULL_MODELS]))
    return NeuronMatrix(weights=NULL_MODELS[name](template, generator), areas=template.areas)
