"""Non-normality: how far a Jacobian can amplify although all of its modes decay.

Eigenvalues say what happens in the end. On the way a perturbation may grow first, by as much as ‖J^t‖₂ of a map or
‖e^{Jt}‖₂ of a flow, when eigenvectors are not orthogonal (L. N. Trefethen and M. Embree, Spectra and
Pseudospectra, Princeton 2005, chapters 14-16).
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigvalsh, expm, schur
from scipy.optimize import minimize_scalar

from ..problem import Dynamics
from ..stability import MARGIN, growth

Array = npt.NDArray[Any]

# Every step is looked at up to here; beyond, this many half as many times in each doubling of time.
_EXACT = 128
_DOUBLINGS = 19  # 128 · 2^19 ≈ 7e7 steps: a mode at the margin of stability, |λ| = 1 − 1e-7, has decayed by e^-6.7
# Norms this close to 1 are not above it.
_ROUND_OFF = 1e-12
# Powers that change by less than this share while time doubles have settled.
_SETTLED = 1e-10
# Steps of a flow are 1 / (4 ‖J‖₂): the norm of e^{Jt} changes by less than a third from one to the next.
_STEPS_PER_TIME = 4.0

UNSTABLE = "amplification has no bound: an unstable direction"
NEUTRAL = "amplification has no bound: neutral directions that feed one another"
HORIZON = "largest amplification within the horizon of 7e7 steps"


@dataclasses.dataclass(frozen=True, eq=False)
class Transient:
    """``peak`` = max ‖J^t‖₂ or ‖e^{Jt}‖₂ over t ≥ 0, ``time`` (steps or time) where it is, and ``note``."""

    peak: float
    time: float
    note: str = ""


def henrici_departure(jacobian: Array) -> float:
    """Return √(‖J‖_F² − Σ |λ|²), zero if and only if J (unit, unit) is normal.

    Computed as the Frobenius norm of the strictly upper part of the Schur form (P. Henrici, Numer. Math. 4
    (1962) 24), which is the same number without the cancellation. About 25 N³ complex operations.

    Examples
    --------
    >>> henrici_departure(np.array([[0.5, 2.0], [0.0, -0.5]]))
    2.0
    """
    triangular, _ = schur(jacobian, output="complex")
    return float(np.linalg.norm(np.triu(triangular, 1)))


def immediate_growth(jacobian: Array, dynamics: Dynamics = "map") -> float:
    """Return how fast the worst perturbation grows at once.

    Of a map ‖J‖₂, the largest gain in one step. Of a flow the numerical abscissa, the largest eigenvalue of
    (J + Jᵀ)/2, which is the slope of ‖e^{Jt}‖₂ at t = 0 (1/time). Above 1 or 0: some perturbations grow.

    Examples
    --------
    >>> immediate_growth(np.array([[-1.0, 4.0], [0.0, -1.0]]), "flow")
    1.0
    """
    if dynamics == "map":
        return float(np.linalg.norm(jacobian, 2))
    return float(eigvalsh((jacobian + jacobian.T) / 2)[-1])


def transient_amplification(jacobian: Array, values: Array, dynamics: Dynamics = "map") -> Transient:
    """Return the largest gain over all times t ≥ 0 of any perturbation, when it peaks, and a note.

    Parameters
    ----------
    jacobian : ndarray, shape (unit, unit)
    values : ndarray, shape (unit,)
        Its eigenvalues.

    Returns
    -------
    Transient
        ``peak`` ≥ 1 (t = 0 counts). With an unstable direction ``peak`` and ``time`` are inf and the note says so,
        likewise when neutral directions make powers grow for ever; a neutral direction alone, as on a line
        attractor, leaves the peak finite (it may be approached only, and ``time`` is when that has happened).

    Notes
    -----
    The search ends at the first T > 0 with ‖J^T‖ ≤ 1: since ‖J^(qT+r)‖ ≤ ‖J^T‖^q ‖J^r‖, nothing later can be
    larger. Up to 128 steps each is looked at and the peak of a map is exact; later ones 64 to each
    doubling of time, the best refined between its neighbours, so that a peak much narrower than a hundredth of its
    time can be missed. A flow moves in steps of 1 / (4 ‖J‖₂), and its peak is then refined to 1e-8 of t.

    One product of N × N matrices per time looked at; as many as steps until decay, at most 1 400. A spectral norm
    only where the Frobenius norm leaves room for a new maximum.
    """
    if (growth(values, dynamics) > MARGIN).any():
        return Transient(float("inf"), float("inf"), UNSTABLE)
    if dynamics == "map":
        return _scan(jacobian)
    size = float(np.linalg.norm(jacobian, 2))
    if immediate_growth(jacobian, "flow") <= _ROUND_OFF * size:
        return Transient(1.0, 0.0)
    step = 1 / (_STEPS_PER_TIME * size)
    found = _scan(np.asarray(expm(jacobian * step)), whole=False)
    if not np.isfinite(found.peak):
        return found
    return _refine_flow(jacobian, found, step)


def _scan(advance: Array, *, whole: bool = True) -> Transient:
    """Return the peak of ‖advance^t‖₂ over whole t, from exact steps and then ever longer strides."""
    best, at, last = 1.0, 0, 0
    power, stride_power, stride = np.eye(len(advance)), advance, 1
    for doubling in range(_DOUBLINGS + 1):
        earlier = power
        for _ in range(_EXACT if doubling == 0 else _EXACT // 2):
            power, last = power @ stride_power, last + stride
            if np.linalg.norm(power) > best * (1 + _ROUND_OFF):
                norm = float(np.linalg.norm(power, 2))
                if norm > best * (1 + _ROUND_OFF):
                    best, at = norm, last
                elif norm <= 1 + _ROUND_OFF:
                    return _refine_map(advance, best, at, whole=whole)
            elif np.linalg.norm(power) <= 1:
                return _refine_map(advance, best, at, whole=whole)
        if np.linalg.norm(power, 2) <= 1 + _ROUND_OFF or _same(power, earlier):
            return _refine_map(advance, best, at, whole=whole)
        stride_power, stride = stride_power @ stride_power, stride * 2
    if at > last // 2:
        return Transient(float("inf"), float("inf"), NEUTRAL)
    return dataclasses.replace(_refine_map(advance, best, at, whole=whole), note=HORIZON)


def _same(power: Array, earlier: Array) -> bool:
    return bool(np.linalg.norm(power - earlier) <= _SETTLED * np.linalg.norm(power))


def _stride(at: int) -> int:
    """Return the distance from ``at`` to the next time looked at."""
    return int(2 ** (at // _EXACT).bit_length())


def _refine_map(advance: Array, best: float, at: int, *, whole: bool) -> Transient:
    """Return the peak near ``at`` after halving the stride down to single steps."""
    stride = _stride(at) if whole else 1
    while stride > 1:
        stride //= 2
        for time in (at - stride, at + stride):
            norm = float(np.linalg.norm(np.linalg.matrix_power(advance, time), 2))
            if norm > best:
                best, at = norm, time
                break
    return Transient(best, float(at))


def _refine_flow(jacobian: Array, found: Transient, step: float) -> Transient:
    """Return the peak of ‖e^{Jt}‖₂ between the times beside the best one."""
    middle, reach = found.time * step, _stride(int(found.time)) * step

    def loss(time: float) -> float:
        return -float(np.linalg.norm(expm(jacobian * time), 2))

    bounds = max(0.0, middle - reach), middle + reach
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8 * bounds[1]})
    if -best.fun > found.peak:
        return Transient(float(-best.fun), float(best.x), found.note)
    return Transient(found.peak, middle, found.note)
