"""Targeted dimensionality reduction: one axis of activity for each task variable, from regression, made orthogonal."""

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..validation import Array
from .bases import leading
from .trials import Conditions, Trials, condition_means


@dataclass(frozen=True, eq=False)
class TargetedFit:
    """Axes fitted to some trials, with all that is needed to project others.

    ``axes`` (unit, regressor) are orthonormal; ``directions`` the unit vectors before; ``strengths`` (regressor, time)
    the lengths of the denoised regression vectors and ``peaks`` (regressor,) the sample of the largest; ``mean`` and
    ``deviation`` (unit,) standardise activity; ``means`` (condition, time, unit) are standardised.
    """

    axes: Array
    directions: Array
    strengths: Array
    peaks: Array
    mean: Array
    deviation: Array
    means: Array

    def project(self, values: Array) -> Array:
        """Return activity (…, unit) along the axes, (…, regressor)."""
        found: Array = ((values - self.mean) / self.deviation) @ self.axes
        return found


def fit_targeted(values: Array, regressors: Array, conditions: Conditions, n_components: int | None) -> TargetedFit:
    """Fit the axes to activity (trial, time, unit) and regressors (trial, regressor).

    Raises
    ------
    InputError
        If regressors are collinear, or the components hold nothing of a regressor.
    """
    mean = values.mean(axis=(0, 1))
    spread = values.std(axis=(0, 1))
    # A unit that never varies stays at 0 whatever it is divided by.
    deviation = np.where(spread > 0, spread, 1.0)
    standard = (values - mean) / deviation
    coefficients = _coefficients(standard, regressors)
    means = condition_means(Trials(standard, np.ones(standard.shape[:2], dtype=bool)), conditions).values
    flat = means.reshape(-1, means.shape[2])
    basis = leading(flat - flat.mean(axis=0)).axes
    basis = basis[:, :n_components]
    denoised = coefficients @ basis @ basis.T
    strengths = np.linalg.norm(denoised, axis=2)
    peaks = strengths.argmax(axis=1)
    directions = np.stack([denoised[index, peak] for index, peak in enumerate(peaks)], axis=1)
    lengths = np.linalg.norm(directions, axis=0)
    q, r = np.linalg.qr(directions / np.where(lengths > 0, lengths, 1.0))
    diagonal = np.diag(r)
    if (np.abs(diagonal) < 1e-10).any():
        which = int(np.argmax(np.abs(diagonal) < 1e-10))
        raise InputError(
            f"regressors: the {basis.shape[1]} components kept hold no direction for regressor {which} beside those "
            "before it; expected more components, or fewer regressors"
        )
    axes = q * np.sign(diagonal)
    return TargetedFit(axes, directions / lengths, strengths, peaks, mean, deviation, means)


def held_out_projections(
    values: Array, regressors: Array, conditions: Conditions, n_components: int | None, folds: Array
) -> tuple[Array, Array]:
    """Return projections (trial, time, regressor) of trials that the axes were not fitted to, and variance captured.

    The second, (regressor,), is the fraction of the variance of condition means of the held-out trials along each axis,
    averaged over folds.
    """
    projected = np.empty((*values.shape[:2], regressors.shape[1]))
    captured = []
    for fold in range(int(folds.max()) + 1):
        test = folds == fold
        fit = fit_targeted(values[~test], regressors[~test], _part(conditions, ~test), n_components)
        projected[test] = fit.project(values[test])
        standard = (values[test] - fit.mean) / fit.deviation
        part = _part(conditions, test)
        means = condition_means(Trials(standard, np.ones(standard.shape[:2], dtype=bool)), part).values
        centred = means - means.mean(axis=(0, 1))
        captured.append(np.square(centred @ fit.axes).sum(axis=(0, 1)) / np.square(centred).sum())
    return projected, np.mean(captured, axis=0)


def _part(conditions: Conditions, chosen: Array) -> Conditions:
    """Return the conditions of some trials, those without any trial left out."""
    present, codes = np.unique(conditions.codes[chosen], return_inverse=True)
    return Conditions(tuple(conditions.names[code] for code in present), codes)


def _coefficients(standard: Array, regressors: Array) -> Array:
    """Return the regression of every unit and time on all regressors and a constant, (regressor, time, unit)."""
    n_trials, n_samples, n_units = standard.shape
    design = np.column_stack([regressors, np.ones(n_trials)])
    rank = np.linalg.matrix_rank(design / np.linalg.norm(design, axis=0))
    if rank < design.shape[1]:
        raise InputError(
            f"regressors: {regressors.shape[1]} regressors and a constant have rank {rank} over {n_trials} trials; "
            "expected linearly independent ones: leave out those that follow from others"
        )
    found = np.linalg.lstsq(design, standard.reshape(n_trials, -1), rcond=None)[0]
    coefficients: Array = found[:-1].reshape(-1, n_samples, n_units)
    return coefficients
