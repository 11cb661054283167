"""Initial weights and wiring of a spiking network: balanced, signed by the source, sparse."""

import numpy as np

from ...results import Array


def unit_signs(n: int, n_excitatory: int) -> Array:
    """Return −1 for the first n − n_excitatory units and +1 for the others."""
    return np.where(np.arange(n) < n - n_excitatory, -1.0, 1.0)


def balanced_weights(signs: Array, n_targets: int, generator: np.random.Generator) -> Array:
    """Draw weights (source, target) whose rows have the signs of their sources.

    Magnitudes |N(0, 1)| of a square matrix over the n sources are scaled so that inhibition and excitation have the
    same total and cancel in every column; the signed matrix is divided by its spectral radius. Its first columns are
    the targets, or columns chosen with replacement when there are more targets than sources.
    """
    n = len(signs)
    weights = np.abs(generator.normal(size=(n, n)))
    excitatory = signs > 0
    if excitatory.any() and not excitatory.all():
        weights[~excitatory] *= weights[excitatory].sum() / weights[~excitatory].sum()
        missing = weights[~excitatory].sum(0) - weights[excitatory].sum(0)
        weights[excitatory] += np.maximum(missing, 0) / excitatory.sum()
        weights[~excitatory] += np.maximum(-missing, 0) / (~excitatory).sum()
    weights *= signs[:, None]
    weights /= np.abs(np.linalg.eigvals(weights)).max()
    columns = generator.integers(n, size=n_targets) if n < n_targets else np.arange(n_targets)
    chosen: Array = weights[:, columns]
    return chosen


def wiring(n_sources: int, n_targets: int, probability: float, sampling: str, generator: np.random.Generator) -> Array:
    """Return which synapses (source, target) exist, as 0 and 1.

    int(p n m) pairs are drawn, with ``replacement`` (so that some coincide, as published) or ``exact``.
    """
    size = n_sources * n_targets
    count = int(probability * size)
    if sampling == "exact":
        pairs = generator.choice(size, count, replace=False)
    else:
        pairs = generator.integers(n_sources, size=count) * n_targets + generator.integers(n_targets, size=count)
    exists = np.zeros(size)
    exists[pairs] = 1
    return exists.reshape(n_sources, n_targets)
