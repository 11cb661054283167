"""Trials with planted factors, and demixed PCA written out plainly."""

import itertools

import numpy as np

JOIN = {"st": ["s", "st"], "dt": ["d", "dt"], "sdt": ["sd", "sdt"]}


def labels(n_trials, shape, letters="sd"):
    """Return balanced labels: every cell of ``shape`` with ``n_trials`` trials, in shuffled order."""
    cells = np.tile(np.arange(np.prod(shape)), n_trials)
    np.random.default_rng(1).shuffle(cells)
    return dict(zip(letters, np.unravel_index(cells, shape), strict=True))


def planted(n_trials=6, shape=(4, 2), n_times=12, n_units=15, noise=0.5, seed=0, letters="sd"):
    """Return activity (trial, time, unit), its factors, and the noise-free table (levels …, time, unit).

    Time, every factor and every interaction have random smooth parts, weaker for higher orders.
    """
    rng = np.random.default_rng(seed)
    table = np.zeros((*shape, n_times, n_units))
    for order in range(len(shape) + 1):
        for kept in itertools.combinations(range(len(shape)), order):
            part = rng.standard_normal([size if axis in kept else 1 for axis, size in enumerate(shape)] + [3, n_units])
            course = np.sin(np.outer(np.linspace(0, 3, n_times), rng.uniform(0.5, 2, 3)) + rng.uniform(0, 6, 3))
            table = table + 0.6**order * np.einsum("...ku,tk->...tu", part, course)
    factors = labels(n_trials, shape, letters)
    activity = table[tuple(factors.values())]
    return activity + noise * rng.standard_normal(activity.shape), factors, table


def cell_means(activity, factors):
    """Return the averages of all cells (levels …, time, unit), NaN where there are no trials."""
    levels = [np.unique(column) for column in factors.values()]
    table = np.full([*map(len, levels), *activity.shape[1:]], np.nan)
    for at in itertools.product(*map(range, map(len, levels))):
        chosen = np.all(
            [column == values[i] for column, values, i in zip(factors.values(), levels, at, strict=True)], 0
        )
        if chosen.any():
            table[at] = np.asarray(activity, float)[chosen].mean(axis=0)
    return table


def plain_marginals(table, letters, join=None):
    """Return name → (unit, sample): every marginalization by inclusion and exclusion of means."""
    names = letters + "t"
    subsets = ["".join(c) for size in range(len(names) + 1) for c in itertools.combinations(names, size)]
    parts = {}
    for subset in subsets:
        others = tuple(axis for axis, letter in enumerate(names) if letter not in subset)
        mean = table.mean(axis=others, keepdims=True) if others else table
        smaller = [parts[other] for other in subsets if other != subset and set(other) < set(subset)]
        parts[subset] = mean - sum(smaller)
    whole = {name: np.broadcast_to(part, table.shape) for name, part in parts.items() if name}
    for name, members in (join or {}).items():
        whole[name] = sum([whole.pop(member) for member in members])
    return {name: part.reshape(-1, table.shape[-1]).T for name, part in whole.items()}


def plain_dpca(table, letters, k, regularizer=0.0, join=None, encoder="regularized"):
    """Return name → (encoders, decoders) from the closed form, one decomposition after another."""
    x = (table - table.mean(axis=tuple(range(table.ndim - 1)))).reshape(-1, table.shape[-1]).T
    mu = regularizer * np.square(x).sum()
    wide = np.hstack([x, mu * np.eye(len(x))])
    found = {}
    for name, part in plain_marginals(table, letters, join).items():
        c = np.hstack([part, np.zeros((len(x), len(x)))]) @ np.linalg.pinv(wide) if mu else part @ np.linalg.pinv(x)
        p = np.linalg.svd(c @ (wide if encoder == "regularized" else x), full_matrices=False)[0][:, :k]
        found[name] = p, c.T @ p
    return found


def product(encoder, decoder):
    """Return encoder @ decoderᵀ, which has no sign."""
    return encoder @ decoder.T
