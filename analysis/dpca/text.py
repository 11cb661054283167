"""Demixed PCA in a few lines of text."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .result import DemixedPCA

# Components named for each marginalization.
_SHOWN = 3
_LEVEL = 0.05


def summary(result: "DemixedPCA") -> str:
    """Return the design, the regularizer, and each marginalization's share of variance, components and tests."""
    n_units, n_times = len(result.mean), result.component_matrix.shape[-1]
    sizes = " × ".join(f"{len(result.levels[letter])} {letter}" for letter in result.factors)
    trials = result.trials_per_cell
    lines = [
        f"demixed PCA of {trials.sum()} trials × {n_times} times × {n_units} units: {sizes}, "
        f"{trials.min()} to {trials.max()} trials per cell",
        f"regularizer {result.regularizer:.3g}{_how_chosen(result)}",
        _noise(result),
    ]
    missing = int((trials == 0).sum())
    if missing:
        lines.append(f"{missing} of {len(trials)} cells have no trials and were estimated from the others")
    tests = result.familywise_p_values or {}
    for name, rank in zip(result.marginalizations, result.ranks, strict=True):
        shares = result.explained_variance[name][: min(rank, _SHOWN)]
        parts = [f"{name:<4} {result.marginal_variance[name]:7.1%}", "components " + _percent(shares)]
        if name in tests:
            counts = (tests[name] <= _LEVEL).any(axis=1).sum()
            parts.append(f"{counts} of {len(tests[name])} significant at some time (familywise {_LEVEL})")
        lines.append("  ".join(parts))
    return "\n".join(lines)


def _how_chosen(result: "DemixedPCA") -> str:
    if result.regularizers is None or result.cv_scores is None:
        return ""
    at = int(np.argmin(np.abs(result.regularizers - result.regularizer)))
    edge = "; at the edge of the candidates, try others" if at in (0, len(result.regularizers) - 1) else ""
    return f", best of {len(result.regularizers)} on {len(result.cv_scores)} splits{edge}"


def _noise(result: "DemixedPCA") -> str:
    if not result.noise_known:
        return "shares of the variance of the averages, trial noise included: no cell has two trials"
    noise = result.noise_variances.sum() / result.total_variance
    if not result.has_signal:
        return f"no variance beyond trial noise ({noise:.0%} of that of the averages): shares of the averages' variance"
    return f"shares of the signal variance; trial noise, taken off, was {noise:.1%} of the averages' variance"


def _percent(shares: np.ndarray) -> str:
    return " ".join(f"{share:.1%}" for share in shares) if len(shares) else "none"
