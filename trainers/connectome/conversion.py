"""From areas to neurons: spread the weights of a connectome over the neurons of its areas.

Source: Goulas, Damicelli and Hilgetag, Neural Networks 142:608-618 (2021), section 2 and the public package bio2art,
whose loops over neurons are array operations here, block of neurons by block of neurons.

A block holds the connections of the neurons of one area onto those of another (or of the same one). Each of its neurons
has equally many targets, chosen at random, and the block has one total weight:

    extrinsic, i onto j:  C[i, j], onto a share ``sparsity`` of the neurons of j;
    intrinsic, within i:  g / (1 − g) · Σ_r C[r, i], onto a share ``intrinsic_sparsity`` of the neurons of i,

so that g is the share of what arrives in an area that comes from itself.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from ...results import Array
from .data import check_weights
from .partition import LEAST_PART, random_parts

# Weights that float32 cannot split: below this, parts would not sum to their block.
_LEAST_WEIGHT = 1e-30
_DIAGONALS = ("refuse", "ignore", "intrinsic")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """How areas become neurons; the defaults are those of the published networks.

    Parameters
    ----------
    heterogeneous : split the weight of a block into unequal random parts; otherwise into equal ones
    sparsity : share of the neurons of a connected area that each source neuron projects to, in (0, 1]
    intrinsic : make connections within areas
    intrinsic_sparsity : the same share within an area, in (0, 1]
    intrinsic_share : share g of the weight arriving in an area that comes from the area itself, in (0, 1)
    self_connections : let a neuron project to itself (within-area connections only)
    diagonal : what to do with weights of areas onto themselves: ``refuse`` them, ``ignore`` them, or add them to the
        ``intrinsic`` total of their area
    """

    heterogeneous: bool = False
    sparsity: float = 0.8
    intrinsic: bool = True
    intrinsic_sparsity: float = 1.0
    intrinsic_share: float = 0.8
    self_connections: bool = False
    diagonal: str = "refuse"

    def __post_init__(self) -> None:
        for name in ("sparsity", "intrinsic_sparsity"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ConfigurationError(f"{name} = {value}: expected a share above 0 and at most 1")
        if not 0 < self.intrinsic_share < 1:
            raise ConfigurationError(f"intrinsic_share = {self.intrinsic_share}: expected a share above 0 and below 1")
        if self.diagonal not in _DIAGONALS:
            raise ConfigurationError(unknown_name("diagonal", self.diagonal, _DIAGONALS))


@dataclasses.dataclass(frozen=True, eq=False)
class NeuronMatrix:
    """A template of recurrent weights: ``weights`` (neuron, neuron_post), rows are sources; ``areas`` (neuron,).

    ``areas`` holds the index of each neuron's area; the neurons of an area follow each other.
    """

    weights: Array
    areas: Array

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.areas)

    @property
    def mask(self) -> Array:
        """Where a connection is, (neuron, neuron_post) bool."""
        exists: Array = self.weights != 0
        return exists

    def neurons_of(self, area: int) -> Array:
        """Return the sorted indices of the neurons of an area."""
        found: Array = np.flatnonzero(self.areas == area)
        return found


def convert(
    weights: Array,
    neurons_per_area: int | Array = 1,
    *,
    generator: np.random.Generator,
    options: Conversion | None = None,
) -> NeuronMatrix:
    """Return the matrix between neurons that a matrix between areas stands for.

    With n neurons in each of N areas, E connections between areas, p = max(1, round(sparsity · n)) and q targets within
    the area there are exactly E·n·p + N·n·q connections. Sums of blocks are exact to rounding. Rounding is half to
    even. An area of one neuron without self-connections loses its intrinsic weight; one that
    receives nothing has none. 1 100 neurons take 30 to 60 ms.

    Parameters
    ----------
    weights
        (area, area_post), ``weights[i, j]`` from area i to area j, not negative.
    neurons_per_area
        One number for all areas, or one for each (area,); at least 1.
    generator
        Of the targets and of the random parts.
    options
        :class:`Conversion`; None for the published ones.

    Raises
    ------
    InputError
        If the weights are not square, finite and at least 0, lie below 1e-30 (float32 could not hold their parts), or
        connect areas to themselves while ``diagonal`` is ``refuse``; or if a number of neurons is below 1 or the
        numbers do not match the areas.
    """
    options = options or Conversion()
    weights = check_weights(weights, "connectome")
    sizes = _sizes(neurons_per_area, len(weights))
    blocks = _blocks(weights, sizes, options)
    areas = np.repeat(np.arange(len(sizes)), sizes)
    first = np.cumsum(sizes) - sizes
    matrix = np.zeros((len(areas), len(areas)))
    for group in _alike(blocks, sizes):
        i, j, total, n_targets = (column[group] for column in blocks)
        rows = first[i][:, None] + np.arange(sizes[i[0]])
        columns = first[j][:, None] + np.arange(sizes[j[0]])
        within = i[0] == j[0]
        chosen = _targets(
            rows.shape, columns.shape[1], n_targets[0], generator, spare_self=within and not options.self_connections
        )
        block = np.zeros(chosen.shape)
        n_parts = rows.shape[1] * int(n_targets[0])
        if options.heterogeneous:
            # Parts in random order onto connections in any order: the same as dealing them out.
            block[chosen] = random_parts(total, n_parts, generator).ravel()
        else:
            block[chosen] = np.repeat(np.maximum(total / n_parts, LEAST_PART), n_parts)
        matrix[rows[:, :, None], columns[:, None, :]] = block
    return NeuronMatrix(weights=matrix, areas=areas)


def _sizes(neurons_per_area: int | Array, n_areas: int) -> Array:
    sizes = np.asarray(neurons_per_area)
    if sizes.dtype.kind not in "iu" or sizes.shape not in ((), (n_areas,)):
        raise InputError(
            f"neurons_per_area: expected a whole number or {n_areas} of them, one for each area, "
            f"found {sizes.dtype} of shape {sizes.shape}"
        )
    if (sizes < 1).any():
        raise InputError(f"neurons_per_area: expected at least 1 neuron in every area, found {sizes.min()}")
    return np.broadcast_to(sizes, (n_areas,)).astype(int)


def _blocks(weights: Array, sizes: Array, options: Conversion) -> tuple[Array, Array, Array, Array]:
    """Return source area, target area, total weight and targets per neuron of every block, (block,) each."""
    own = np.diag(weights)
    if options.diagonal == "refuse" and own.any():
        raise InputError(
            f"connectome: area {np.flatnonzero(own)[0]} has a weight of {own[own != 0][0]:g} onto itself; say with "
            "'diagonal' whether to ignore such weights or to add them to the intrinsic ones"
        )
    between = weights * (1 - np.eye(len(weights)))
    i, j = np.nonzero(between)
    share = options.intrinsic_share
    within = np.zeros(len(weights))
    if options.intrinsic:
        within += share / (1 - share) * between.sum(0)
    if options.diagonal == "intrinsic":
        within += own
    n_intrinsic = _intrinsic_targets(sizes, options)
    alive = np.flatnonzero((within > 0) & (n_intrinsic > 0))
    extrinsic = np.maximum(1, np.rint(options.sparsity * sizes)).astype(int)
    totals = np.concatenate([between[i, j], within[alive]])
    if (totals < _LEAST_WEIGHT).any():
        raise InputError(
            f"connectome: found a weight of {totals.min():g}, which float32 cannot split into parts; "
            f"expected at least {_LEAST_WEIGHT:g}: multiply all weights"
        )
    return (
        np.concatenate([i, alive]),
        np.concatenate([j, alive]),
        totals,
        np.concatenate([extrinsic[j], n_intrinsic[alive]]),
    )


def _intrinsic_targets(sizes: Array, options: Conversion) -> Array:
    """Return how many neurons of its own area a neuron projects to, (area,); 0 where there is no other one."""
    pool = sizes - (not options.self_connections)
    wanted = np.maximum(1, np.rint(options.intrinsic_sparsity * sizes)).astype(int)
    reached: Array = np.minimum(wanted, pool)
    return reached


def _alike(blocks: tuple[Array, Array, Array, Array], sizes: Array) -> Iterator[Array]:
    """Yield the indices of blocks of one shape, one number of targets and one kind, to be filled together."""
    i, j, _, n_targets = blocks
    kinds = np.stack([sizes[i], sizes[j], n_targets, i == j], axis=1)
    _, kind, counts = np.unique(kinds, axis=0, return_inverse=True, return_counts=True)
    yield from np.split(np.argsort(kind.ravel(), kind="stable"), np.cumsum(counts)[:-1])


def _targets(
    sources: tuple[int, ...], n_candidates: int, n_targets: int, generator: np.random.Generator, *, spare_self: bool
) -> Array:
    """Choose targets for (block, source) neurons: (block, source, candidate) bool, ``n_targets`` True in each row.

    Every candidate gets a random key and the smallest keys win, which draws without replacement; the candidate's index
    in the lowest bits keeps keys different, so that counts are exact. With ``spare_self`` source a never takes itself.
    """
    shape = (*sources, n_candidates)
    if n_targets == n_candidates:
        return np.ones(shape, dtype=bool)
    if spare_self and n_targets == n_candidates - 1:
        return np.broadcast_to(~np.eye(n_candidates, dtype=bool), shape)
    bits = n_candidates.bit_length()
    keys = generator.integers(2**64, size=shape, dtype=np.uint64) >> np.uint64(bits) << np.uint64(bits)
    keys |= np.arange(n_candidates, dtype=np.uint64)
    if spare_self:
        keys[:, np.arange(n_candidates), np.arange(n_candidates)] = np.iinfo(np.uint64).max
    last = np.partition(keys, n_targets - 1, axis=-1)[..., n_targets - 1, None]
    chosen: Array = keys <= last
    return chosen
