"""Linearisation: what every fixed point does to small perturbations, mode by mode."""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from ...errors import InputError
from ...results import Result, axes, count_noun, digest_arrays
from ..drawing.spectrum import spectrum_plot
from ..problem import Dynamics, Step, precision
from ..record import FixedPoints
from ..solver.unique import group_rows
from .continuous import Ring, line_scores, ring_score
from .driving import input_jacobians
from .modes import Modes, modes
from .nonnormality import henrici_departure, immediate_growth, transient_amplification
from .timescales import detailed_types, time_scales

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

_ROWS_SHOWN = 20


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Linearization(Result):
    """The linear dynamics around fixed points, one per row of every array, in the order of the search; k may be 0.

    Attributes
    ----------
    dynamics : {"map", "flow"}
    dt : float or None
        Seconds per step of a map.
    time_unit : {"s", "step", "unit of time"}
        Of all times here: seconds with ``dt``, else steps of a map; the unit of time of a flow. Frequencies are cycles
        per this unit, Hz for seconds.
    states : ndarray, shape (k, state)
    types : list of str
        ``stable node``, ``stable focus``, ``saddle with n unstable directions``, ``saddle-focus with …``,
        ``repelling node``, ``repelling focus`` or ``marginal`` (nothing grows, something is neutral). Focus: the
        leading eigenvalue is complex; of a saddle, the leading one of those that grow or of those that decay
        (L. P. Shilnikov's saddle-focus). Real negative eigenvalues of a map alternate and count as nodes.
    eigenvalues : ndarray, shape (k, state), complex
        As in the search, slowest to decay first.
    right_eigenvectors : ndarray, shape (k, state, eigenvalue), complex
        Columns of norm 1; the component of largest modulus is real and positive.
    left_eigenvectors : ndarray, shape (k, eigenvalue, state), complex
        Rows; left · right = I. Where ``defective``, rows of norm 1 and no such relation.
    eigenvalue_conditions : ndarray, shape (k, eigenvalue)
        1 / |yᴴ x| with unit vectors: how much the eigenvalue moves per change of J; 1 for normal J.
    eigenvector_conditions : ndarray, shape (k,)
        Condition number of the eigenvectors; 1 for normal J, inf if defective.
    defective : ndarray of bool, shape (k,)
        To working precision the eigenvectors do not span the space (a Jordan block).
    time_constants : ndarray, shape (k, eigenvalue)
        τ = −dt / ln |λ| of a map (dt = 1 step if not given), −1 / Re λ of a flow: perturbations change by e^(−t/τ).
        Negative where they grow, inf where neutral, 0 for λ = 0 of a map.
    frequencies : ndarray, shape (k, eigenvalue)
        |arg λ| / (2π dt) of a map, |Im λ| / 2π of a flow. A negative real λ of a map has 1 / (2 dt).
    input_jacobians : ndarray, shape (k, state, channel), or None
        ∂F/∂u or ∂f/∂u at the point and its input; None without inputs or without ``step``.
    input_projections : ndarray, shape (k, eigenvalue, channel), complex, or None
        Left eigenvectors · ∂F/∂u: how strongly each channel drives each mode. NaN where defective.
    departures : ndarray, shape (k,)
        Henrici's departure from normality √(‖J‖_F² − Σ |λ|²).
    normalized_departures : ndarray, shape (k,)
        The same over ‖J‖_F, from 0 (normal) to 1 (nilpotent); 0 for J = 0.
    immediate_growth : ndarray, shape (k,)
        ‖J‖₂, the largest gain in one step of a map; the numerical abscissa of a flow, the largest rate at t = 0.
    amplifications : ndarray, shape (k,)
        max over t ≥ 0 of ‖J^t‖₂ of a map, ‖e^{Jt}‖₂ of a flow; at least 1. inf where unstable.
    amplification_times : ndarray, shape (k,)
        When that is reached; inf where unstable.
    line_scores : ndarray, shape (k,)
        :func:`~dynascope.fixedpoints.linear.continuous.line_scores`, 1 on a line or ring attractor.
    ring_scores : ndarray, shape (k,)
        Score of the ring that the points with the same input form, the same for all of them; see
        :class:`~dynascope.fixedpoints.linear.continuous.Ring`.
    ring : mapping of str to number
        The parts of the best of these scores.
    notes : list of str
        What to know about each point (defective, no bound on amplification), empty if nothing.
    """

    dynamics: Dynamics = "map"
    dt: float | None
    time_unit: str
    states: Array = axes("point", "unit")
    types: list[str]
    eigenvalues: Array = axes("point", "eigenvalue")
    right_eigenvectors: Array = axes("point", "unit", "eigenvalue")
    left_eigenvectors: Array = axes("point", "eigenvalue", "unit")
    eigenvalue_conditions: Array = axes("point", "eigenvalue")
    eigenvector_conditions: Array = axes("point")
    defective: Array = axes("point")
    time_constants: Array = axes("point", "eigenvalue")
    frequencies: Array = axes("point", "eigenvalue")
    input_jacobians: Array | None = axes("point", "unit", "channel")
    input_projections: Array | None = axes("point", "eigenvalue", "channel")
    departures: Array = axes("point")
    normalized_departures: Array = axes("point")
    immediate_growth: Array = axes("point")
    amplifications: Array = axes("point")
    amplification_times: Array = axes("point")
    line_scores: Array = axes("point")
    ring_scores: Array = axes("point")
    ring: dict[str, Any]
    notes: list[str]

    kind: ClassVar[str] = "linearization"

    def __len__(self) -> int:
        return len(self.states)

    def summary(self) -> str:
        """Return a table: type, slowest mode, amplification and departure from normality of each point."""
        if not len(self):
            return "no fixed points to linearise"
        unit = {"s": "Hz"}.get(self.time_unit, f"cycles per {self.time_unit}")
        table = [["point", "type", f"slowest τ ({self.time_unit})", unit, "amplification", "Henrici", "line"]]
        table += [self._row(point) for point in range(min(len(self), _ROWS_SHOWN))]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        lines = [f"{count_noun(len(self), 'point')} of a {self.dynamics}, linearised"]
        for row in table:
            cells = [
                cell.ljust(width) if column == 1 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        if len(self) > _ROWS_SHOWN:
            lines.append(f"… and {len(self) - _ROWS_SHOWN} more")
        lines.append(f"ring score {self.ring['score']:.2f}; points with an isolated slow mode: {self.ring['n_points']}")
        for note in dict.fromkeys(note for note in self.notes if note):
            lines.append(f"{self.notes.count(note)} of {len(self)}: {note}")
        return "\n".join(lines)

    def _row(self, point: int) -> list[str]:
        slowest = int(np.abs(self.time_constants[point]).argmax())
        return [
            str(point),
            self.types[point],
            f"{self.time_constants[point, slowest]:.4g}",
            f"{self.frequencies[point, slowest]:.3g}",
            f"{self.amplifications[point]:.3g}",
            f"{self.normalized_departures[point]:.2f}",
            f"{self.line_scores[point]:.2f}",
        ]

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the eigenvalues of all points in the complex plane, coloured by the type of their point."""
        return spectrum_plot(self, ax)


def linearize(points: FixedPoints, step: Step | None = None, *, dt: float | None = None) -> Linearization:
    """Return eigenvectors, time scales, type, non-normality and attractor scores of each fixed point.

    Parameters
    ----------
    points : FixedPoints
        As :func:`~dynascope.fixedpoints.find_fixed_points` returns them.
    step : callable or None
        The map F(x, u) or flow f(x, u) that was searched. Needed for the input Jacobians only.
    dt : float > 0 or None
        Seconds that one step of a map takes; times are then in seconds and frequencies in Hz. Not for flows.

    Raises
    ------
    InputError
        If ``points`` is no search result or its Jacobians are not finite, ``dt`` is not positive or is given for a
        flow, or ``step`` is one that :func:`~dynascope.fixedpoints.find_fixed_points` would refuse or
        that does not rest at the points.

    Notes
    -----
    Methods: :mod:`~dynascope.fixedpoints.linear.modes`, :mod:`~dynascope.fixedpoints.linear.nonnormality`,
    :mod:`~dynascope.fixedpoints.linear.continuous`. Per point about 100 N³ operations and one N × N product per time
    step until perturbations have decayed: on one core 10 to 30 ms for N = 64, 0.1 s (unstable) to 0.6 s (|λ| = 0.9999)
    for N = 256.

    Examples
    --------
    >>> from dynascope.fixedpoints import find_fixed_points
    >>> turn = torch.tensor([[0.0, -0.5], [0.5, 0.0]])
    >>> found = find_fixed_points(lambda x: x @ turn.T.to(x), np.ones((3, 2)))
    >>> linear = linearize(found, dt=0.01)
    >>> linear.types, linear.frequencies.round(6), linear.time_constants.round(6)
    (['stable focus'], array([[25., 25.]]), array([[0.014427, 0.014427]]))
    """
    _check(points, dt)
    dynamics, values = points.dynamics, points.eigenvalues.astype(complex)
    jacobians = points.jacobians.astype(float)
    with precision(torch.float64):
        found = [modes(*pair) for pair in zip(jacobians, values, strict=True)]
        transients = [transient_amplification(*pair, dynamics) for pair in zip(jacobians, values, strict=True)]
        departures = np.array([henrici_departure(jacobian) for jacobian in jacobians])
        growths = np.array([immediate_growth(jacobian, dynamics) for jacobian in jacobians])
    sizes = np.array([np.linalg.norm(jacobian) for jacobian in jacobians])
    driven = input_jacobians(points, step)
    lines = line_scores(values, dynamics)
    ring_scores, ring = _rings(points, found, lines)
    unit_time = 1.0 if dt is None else float(dt)
    time_constants, frequencies = time_scales(values, dynamics, unit_time)
    times = np.array([transient.time for transient in transients])
    left = _stacked([one.left for one in found], values.shape[1:] * 2, complex)
    return Linearization(
        dynamics=dynamics,
        dt=None if dt is None else float(dt),
        time_unit="unit of time" if dynamics == "flow" else "step" if dt is None else "s",
        states=points.states.copy(),
        types=detailed_types(values, dynamics),
        eigenvalues=points.eigenvalues.copy(),
        right_eigenvectors=_stacked([one.right for one in found], values.shape[1:] * 2, complex),
        left_eigenvectors=left,
        eigenvalue_conditions=_stacked([one.condition for one in found], values.shape[1:], float),
        eigenvector_conditions=np.array([one.eigenvector_condition for one in found], dtype=float),
        defective=np.array([one.defective for one in found], dtype=bool),
        time_constants=time_constants,
        frequencies=frequencies,
        input_jacobians=driven,
        input_projections=None if driven is None else _projections(found, left, driven),
        departures=departures,
        normalized_departures=np.divide(departures, sizes, out=np.zeros(len(sizes)), where=sizes > 0),
        immediate_growth=growths,
        amplifications=np.array([transient.peak for transient in transients], dtype=float),
        amplification_times=times * unit_time,
        line_scores=lines,
        ring_scores=ring_scores,
        ring=dataclasses.asdict(ring),
        notes=[
            "; ".join(filter(None, ["defective: too few eigenvectors" * one.defective, transient.note]))
            for one, transient in zip(found, transients, strict=True)
        ],
        parameters={"dt": dt, "step": step is not None},
        input_digest=digest_arrays([points.states, points.jacobians]),
    )


def _check(points: FixedPoints, dt: float | None) -> None:
    if not isinstance(points, FixedPoints):
        raise InputError(f"points: expected the FixedPoints of a search, found {type(points).__name__}")
    if not np.isfinite(points.jacobians).all():
        bad = int(np.flatnonzero(~np.isfinite(points.jacobians).all(axis=(1, 2)))[0])
        raise InputError(f"points: expected finite Jacobians, found NaN or infinity at point {bad}")
    if dt is None:
        return
    if isinstance(dt, bool) or not isinstance(dt, (int, float, np.number)) or not 0 < dt < np.inf:
        raise InputError(f"dt: expected a number of seconds > 0, found {dt!r}")
    if points.dynamics == "flow":
        raise InputError(f"dt: a flow has its own unit of time and takes no dt, found {dt!r}; leave it out")


def _stacked(arrays: list[Array], shape: tuple[int, ...], dtype: type) -> Array:
    return np.stack(arrays).astype(dtype) if arrays else np.zeros((0, *shape), dtype=dtype)


def _projections(found: list[Modes], left: Array, driven: Array) -> Array:
    projections: Array = left @ driven
    projections[[one.defective for one in found]] = np.nan
    return projections


def _rings(points: FixedPoints, found: list[Modes], lines: Array) -> tuple[Array, Ring]:
    """Return the ring score of each point's group of equal inputs, (k,), and the best ring."""
    groups, scores, best = group_rows(points.inputs, len(points)), np.zeros(len(points)), Ring()
    slow = _stacked([one.right[:, 0].real for one in found], points.states.shape[1:], float)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        ring = ring_score(points.states[rows].astype(float), slow[rows], lines[rows])
        scores[rows] = ring.score
        best = max(best, ring, key=lambda one: (one.score, one.n_points))
    return scores, best
