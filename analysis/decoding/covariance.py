"""Linear discriminant analysis from the covariance itself: not shrunk, or shrunk class by class (Ledoit and Wolf).

Ledoit and Wolf (2004), J. Multivar. Anal. 88:365.
"""

import numpy as np

from ..validation import Array


def discriminants(rows: Array, codes: Array, n_classes: int, *, automatic: bool) -> tuple[Array, Array, bool]:
    """Return weights (class, unit), offsets (class,), and whether the classes do not vary, of rows (trial, unit).

    The covariance is Σ_c π_c D_c [(1 − δ_c) R_c + δ_c μ_c I] D_c with the correlations R_c and deviations D_c of class
    c (1 where a unit does not vary), μ_c = tr(R_c)/p, and the δ_c of the standardised trials, or 0: a scatter matrix
    of scaled rows plus a diagonal. Where the classes do not vary, the nearest class mean decides.
    """
    n, p = rows.shape
    counts = np.bincount(codes, minlength=n_classes)
    means = np.empty((n_classes, p))
    scatter, diagonal, varies = np.empty((n, p)), np.zeros(p), False
    for label in range(n_classes):
        members = codes == label
        group = rows[members]
        means[label] = group.mean(axis=0)
        deviations = group - means[label]
        scale = np.sqrt(np.square(deviations).mean(axis=0))
        # Rounding: a unit that does not vary deviates from its mean by a few units in the last place.
        still = scale <= 10 * np.finfo(np.float64).eps * np.abs(group).max(axis=0)
        deviations[:, still], scale[still] = 0, 1
        varies |= not still.all()
        strength, level = ledoit_wolf(deviations / scale) if automatic else (0.0, 0.0)
        scatter[members] = np.sqrt((1 - strength) / n) * deviations
        diagonal += counts[label] / n * strength * level * np.square(scale)
    log_shares = np.log(counts / n)
    if not varies:
        offsets = -np.square(means).sum(axis=1) / 2 if means.any() else log_shares
        return means, offsets, True
    weights = _solve(scatter, diagonal, means)
    return weights, log_shares - (weights * means).sum(axis=1) / 2, False


def ledoit_wolf(standardised: Array) -> tuple[float, float]:
    """Return the shrinkage δ and tr(R)/p of centred rows (trial, unit), computed over trials."""
    n, p = standardised.shape
    lengths = np.square(standardised).sum(axis=1)
    level = float(lengths.sum() / (n * p))
    if p == 1:
        return 0.0, level
    of_products = np.square(standardised @ standardised.T).sum() / n**2
    noise = (np.square(lengths).sum() / n - of_products) / (p * n)
    spread = (of_products - p * level**2) / p
    noise = min(noise, spread)
    return (float(noise / spread) if noise > 0 else 0.0), level


def _solve(scatter: Array, diagonal: Array, means: Array) -> Array:
    """Return weights (class, unit): means divided by the covariance scatterᵀscatter + diag(diagonal)."""
    n, p = scatter.shape
    if n >= p or not (diagonal > 0).all():
        covariance = scatter.T @ scatter
        covariance.flat[:: p + 1] += diagonal
        return np.asarray(np.linalg.lstsq(covariance, means.T, rcond=None)[0]).T
    # Units divided by the root of the diagonal turn it into the identity, and the inverse moves to trials.
    root = np.sqrt(diagonal)
    scaled, centres = scatter / root, means / root
    gram = scaled @ scaled.T
    gram.flat[:: n + 1] += 1
    inside = np.linalg.solve(gram, scaled @ centres.T)
    weights: Array = (centres - inside.T @ scaled) / root
    return weights
