"""Exponents and their errors from the growth that was measured in consecutive spans of time."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Spans whose means give the standard error: about this many in all trajectories together, 2 to 10 in each. Growth over
# a span also holds what the directions at its two ends happen to add, which is not part of the mean: many short spans
# overstate the error. (Lorenz, 20 trajectories of 30: 0.053 with 20 spans each.)
_SPANS, _MOST_SPANS = 20, 10
# The two halves of a run may differ by this many standard errors of their difference.
_HALVES = 4.0
# Growth in one span of time that is rounding.
_ROUNDING = 1e-12


def estimate_exponents(sums: Array, durations: Array, finite: Array, *, tolerance: float) -> dict[str, Any]:
    """Return the fields of a :class:`LyapunovSpectrum` that hold estimates, largest exponent first.

    Parameters
    ----------
    sums : ndarray, shape (bin, trajectory, exponent)
        Log growth in each span of time; −inf where a direction is lost.
    durations : ndarray, shape (bin,)
    finite : ndarray of bool, shape (trajectory,)
        Trajectories that count; the others are NaN in ``trajectory_exponents``.
    tolerance : float
        Largest standard error of a converged exponent, as a share of its size or that of the first one that is not 0.
    """
    n_exponents = sums.shape[2]
    each = sums.sum(axis=0) / durations.sum()  # (trajectory, exponent)
    each[~finite] = np.nan
    if not finite.any():
        return {
            "exponents": np.full(n_exponents, np.nan),
            "standard_errors": np.full(n_exponents, np.nan),
            "exponent_converged": np.zeros(n_exponents, dtype=bool),
            "trajectories_agree": True,
            "trajectory_exponents": each,
            "history": np.full((len(durations), n_exponents), np.nan),
            "history_times": np.cumsum(durations),
        }
    kept = sums[:, finite]
    exponents = each[finite].mean(axis=0)
    times = np.cumsum(durations)
    # Directions settle in descending order; neighbours that agree within their errors may come out swapped.
    order = np.argsort(-exponents, kind="stable")
    exponents, kept, each = exponents[order], kept[:, :, order], each[:, order]
    lost = np.isinf(exponents)
    within, between = standard_errors(kept[:, :, ~lost], durations)
    errors = np.zeros(n_exponents)
    errors[~lost] = np.fmax(within, between)
    converged = lost.copy()
    allowed = _allowed(exponents[~lost], errors[~lost], durations, tolerance)
    converged[~lost] = _converged(kept[:, :, ~lost], durations, errors[~lost], allowed)
    return {
        "exponents": exponents,
        "standard_errors": errors,
        "exponent_converged": converged,
        "trajectories_agree": not bool(np.any(between > np.fmax(_HALVES * within, allowed))),
        "trajectory_exponents": each,
        "history": np.cumsum(kept.mean(axis=1), axis=0) / times[:, None],
        "history_times": times,
    }


def standard_errors(sums: Array, durations: Array) -> tuple[Array, Array]:
    """Return two estimates of the standard error of each exponent, (exponent,); NaN where there is no spread.

    The first is the spread of the means of 2 to 10 consecutive spans of a trajectory about the trajectory's
    mean, taken as independent; the second the spread of the trajectories' means.
    """
    n_bins, n_trajectories, n_exponents = sums.shape
    nothing = np.full(n_exponents, np.nan)
    each = sums.sum(axis=0) / durations.sum()
    between = each.std(axis=0, ddof=1) / np.sqrt(n_trajectories) if n_trajectories > 1 else nothing
    if n_bins < 2:
        return nothing, between
    n_spans = min(n_bins, _MOST_SPANS, max(2, -(-_SPANS // n_trajectories)))
    spans = np.array_split(np.arange(n_bins), n_spans)
    means = np.array([sums[span].sum(axis=0) / durations[span].sum() for span in spans])  # (span, trajectory, …)
    freedom = n_trajectories * (len(spans) - 1)
    variance = ((means - means.mean(axis=0)) ** 2).sum(axis=(0, 1)) / freedom
    return np.sqrt(variance / (n_trajectories * len(spans))), between


def is_neutral(exponents: Array, errors: Array, rounding: float = 0.0) -> Array:
    """Return which exponents are 0 within three standard errors, (exponent,): a mean of 0 fails once in 370 runs."""
    return np.asarray(np.abs(exponents) <= 3 * errors + rounding)


def _allowed(exponents: Array, errors: Array, durations: Array, tolerance: float) -> Array:
    """Return the largest standard error that each exponent may have and be called converged, (exponent,).

    An exponent near 0 is measured by the first one that is not: λ₁ of a chaotic attractor, λ₂ of a limit cycle.
    Exponents that are all 0 have no size; rounding is all that is left of them then.
    """
    clear = np.abs(exponents[~is_neutral(exponents, errors)])
    size = np.maximum(np.abs(exponents), clear[0] if len(clear) else 0.0)
    return np.asarray(np.maximum(tolerance * size, _ROUNDING / durations.mean()))


def _converged(sums: Array, durations: Array, errors: Array, allowed: Array) -> Array:
    """Return which exponents have a small error and the same value in both halves of the run, (exponent,)."""
    if len(durations) < 2:
        return np.zeros(sums.shape[2], dtype=bool)
    middle = len(durations) // 2
    early, late = (
        (sums[part].sum(axis=0) / durations[part].sum()).mean(axis=0) for part in (slice(middle), slice(middle, None))
    )
    # Each half has √2 times the random error of the whole, their difference twice. What oscillates on a cycle and stops
    # anywhere in it adds an error like 1 / time: twice in each half, four times in the difference.
    steady = np.abs(early - late) <= 2 * _HALVES * errors + 4 * allowed
    return np.asarray((errors <= allowed) & steady)
