"""Fitting tuning curves to responses at angles."""

from typing import Any

import numpy as np

from ...errors import InputError
from ...results import digest_arrays
from .. import validation
from ..selectivity.responses import response_array
from ..validation import Array
from .circle import checked_angles, distinct_angles
from .fits import STATUS, TuningFits, full_widths
from .models import MODELS
from .solver import Solution, solve

_LEAST_ANGLES = 5


def fit_tuning(
    responses: Any, angles: Any, *, model: str = "gaussian", period: float = 2 * np.pi, errors: Any = None
) -> TuningFits:
    """Return the least-squares fit of a bump to every unit's responses, with standard errors.

    Give single trials wherever there are any: their scatter is what the standard errors come from.

    Parameters
    ----------
    responses : (sample,) or (sample, unit)
        Response of each trial; or the mean of each angle, best with ``errors``.
    angles : (sample,)
        In units of ``period``. At least five different ones, in any arrangement.
    model : {"gaussian", "von_mises"}
        Gaussian: baseline + amplitude · exp(−d² / 2σ²), d the distance on the circle. Von Mises: baseline + amplitude ·
        exp(κ (cos(θ − preferred) − 1)). Amplitudes are not negative: a unit that is suppressed at an angle is fitted at
        the broad peak opposite, or called flat.
    period : float
        2π for radians, 360 for degrees, 8 for the numbers of eight locations.
    errors : as ``responses``, optional
        Standard errors of the responses, above 0: weights 1 / errors², standard errors without a scale from the
        residual.

    Returns
    -------
    TuningFits
        With ``status`` "ok", or why a fit should not be used: "constant"; "no better than flat" (the Bayesian
        information criterion prefers a constant); "width at its limit" (narrower than a quarter of the largest gap
        between angles, or as broad as the circle); "not converged".

    Raises
    ------
    InputError
        If shapes do not match, there are too few different angles, values are not finite, or the model is unknown.

    Notes
    -----
    Samples of one angle enter by their mean and number, which gives the same curve. The start is the best of 48
    centres × 12 widths, whose baselines and amplitudes are known in closed form, so that no random start is needed;
    then Levenberg-Marquardt steps for all units at once, about 0.1 ms per unit. Standard errors: s² (JᵀJ)⁻¹ with s²
    the residual variance of single samples.

    Examples
    --------
    >>> import numpy as np
    >>> angles = np.tile(np.arange(8) * np.pi / 4, 10)
    >>> rates = 5 + 3 * np.exp(2 * (np.cos(angles - 1) - 1)) + np.random.default_rng(0).normal(0, 0.1, 80)
    >>> found = fit_tuning(rates, angles, model="von_mises")
    >>> found.ok.tolist(), found.preferred.round(1).tolist(), found.width.round(1).tolist()
    ([True], [1.0], [2.0])
    """
    validation.choice("model", model, MODELS)
    found = response_array("responses", responses)
    if found.ndim > 2:
        raise InputError(
            f"responses: expected (sample,) or (sample, unit), found shape {found.shape}; average over time"
        )
    values = found.reshape(len(found), -1).astype(np.float64)
    reduced = checked_angles(angles, len(values), period)
    distinct, codes = distinct_angles(reduced, period)
    if len(distinct) < _LEAST_ANGLES:
        raise InputError(
            f"angles: four parameters need at least {_LEAST_ANGLES} different angles, found {len(distinct)} "
            f"in a period of {period:.6g}"
        )
    weights = np.ones_like(values) if errors is None else _weights(errors, found.shape, values.shape)
    members = (codes == np.arange(len(distinct))[:, np.newaxis]).astype(float)
    mass = members @ weights  # (angle, unit)
    means = members @ (weights * values) / mass
    within = np.einsum("ij,ij,ij->j", weights, values - means[codes], values - means[codes])
    radians = distinct * 2 * np.pi / period
    gap = float(np.diff(np.append(radians, radians[0] + 2 * np.pi)).max())
    # Fits are made in standard units, so that neither an offset nor a scale of the responses matters.
    level = (mass * means).sum(axis=0) / mass.sum(axis=0)
    between = (mass * np.square(means - level)).sum(axis=0)
    spread = np.sqrt(between / mass.sum(axis=0))
    constant = spread <= 1e-12 * np.abs(level)
    scale = np.where(constant, 1.0, spread)
    solution = solve(MODELS[model], ((means - level) / scale).T, radians, mass.T, MODELS[model].limits(gap))
    return _result(
        solution, level, scale, within, between, constant, model=model, period=float(period), n_samples=len(values),
        n_angles=len(distinct), known_errors=errors is not None,
        shape=(values.shape[1],), input_digest=digest_arrays([values, reduced, weights]),
    )  # fmt: skip


def _result(
    solution: Solution, level: Array, scale: Array, within: Array, between: Array, constant: Array, *, model: str,
    period: float, n_samples: int, n_angles: int, known_errors: bool, **fields: Any,
) -> TuningFits:  # fmt: skip
    """Return parameters in the units of the data, their errors, and what is wrong with a fit."""
    misfit = solution.residual * np.square(scale)
    # Equal trials of an angle are no further samples of it.
    deterministic = (within <= 1e-24 * between) & (n_samples > n_angles) & ~constant & (not known_errors)
    n = np.where(deterministic, n_angles, n_samples)
    left, total = within + misfit, within + between
    if known_errors:
        variance, flat = np.ones(len(left)), total - left <= 3 * np.log(n)
    else:
        variance = left / (n_samples - 4)
        flat = total <= left * n ** (3.0 / n)  # BIC of four parameters against one
    status = np.zeros(len(left), dtype=np.int64)
    for name, which in (
        ("not converged", ~solution.converged), ("width at its limit", solution.at_bound),
        ("no better than flat", flat), ("constant", constant),
    ):  # fmt: skip
        status[which] = STATUS.index(name)
    errors = np.full(solution.parameters.shape, np.nan)
    good = (status == 0) & ~deterministic
    covariance = np.linalg.inv(solution.information[good]) * (variance[good] / np.square(scale[good]))[:, None, None]
    errors[good] = np.sqrt(np.einsum("uii->ui", covariance))
    widths, width_errors = full_widths(model, solution.parameters[:, 3], errors[:, 3], period)
    to_period = period / (2 * np.pi)
    factors = np.ones((len(left), 4))
    factors[:, :2], factors[:, 2] = scale[:, None], to_period
    factors[:, 3] = to_period if model == "gaussian" else 1.0
    parameters = solution.parameters * factors
    parameters[:, 0] += level
    parameters[:, 2] %= period
    parameters[parameters[:, 2] >= period, 2] = 0  # a hair below 0, brought up, rounds to a full turn
    parameters[constant, 1] = 0
    return TuningFits(
        parameters_found=parameters, standard_errors=errors * factors, full_width=widths,
        full_width_errors=width_errors,
        r_squared=1 - np.divide(misfit, between, out=np.full(len(left), np.nan), where=~constant),
        lack_of_fit_p_values=_lack_of_fit(misfit, within, n_samples, n_angles, known_errors=known_errors),
        status=status, deterministic=deterministic, model=model, period=period,
        df_residual=0 if known_errors else n_samples - 4, n_samples=n_samples,
        parameters={"model": model, "period": period, "errors_given": known_errors}, **fields,
    )  # fmt: skip


def _lack_of_fit(misfit: Array, within: Array, n_samples: int, n_angles: int, *, known_errors: bool) -> Array:
    """Return p of the misfit between angles beside the scatter within them; NaN where there is none to compare."""
    from scipy.special import chdtrc, fdtrc

    p = np.full(len(misfit), np.nan)
    if n_angles <= 4:
        return p
    if known_errors:
        return np.asarray(chdtrc(n_samples - 4, misfit + within))
    if n_samples > n_angles:
        scatter = within > 1e-24 * misfit
        ratio = misfit[scatter] / (n_angles - 4) / (within[scatter] / (n_samples - n_angles))
        p[scatter] = fdtrc(n_angles - 4, n_samples - n_angles, ratio)
    return p


def _weights(errors: Any, given: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    found = response_array("errors", errors)
    if found.shape != given:
        raise InputError(f"errors: has shape {found.shape}, responses has {given}; expected the same")
    if (found <= 0).any():
        where = tuple(np.argwhere(found <= 0)[0])
        index = ", ".join(str(int(i)) for i in where)
        raise InputError(f"errors: expected standard errors above 0, found {found[where]} at index ({index})")
    return np.asarray(1 / np.square(found.reshape(shape).astype(np.float64)))
